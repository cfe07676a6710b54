/* SPDX-License-Identifier: MIT */
/* kernels.c: a kernel density estimate, whose width the validation rows choose. */
#include <math.h>
#include <stdio.h>
#include "mixtures.h"

enum {
  NEIGHBOUR = 8,
  MOST_KERNELS = 4096,
  KERNEL_ELEMENTS = 1 << 16, /* kernels times dimensions */
  ROWS_A_KERNEL = 4          /* of a table with more rows kernels would leave out too many */
};

static int64_t fewest_train(const clf__fit *f) {
  int64_t rows = f->split[0].train.x.rows;
  for (int k = 1; k < f->splits; k++)
    if (f->split[k].train.x.rows < rows) rows = f->split[k].train.x.rows;
  return rows;
}

/* Widths become smaller. */
static clf_status try_widths(clf__fit *f, const char *base, double width, int neighbour, double end,
                             clf__fit_candidate *best) {
  enum { WIDTHS = 20 };
  clf__fit_series r = {.top = -INFINITY};
  for (int i = 0; i < WIDTHS && clf__fit_goes_on(f, &r, end); i++, width *= 0.7) {
    char options[64];
    snprintf(options, sizeof options, "kernels=%.3g, neighbour=%d", width, neighbour);
    CLF_TRY(clf__fit_next(f, &r, CLF_FIT_KERNELS, base, options, best));
  }
  return CLF_OK;
}

clf_status clf__fit_kernels(clf__fit *f, double end) {
  const int32_t C = f->data->given ? f->data->given->cols : 0, dims = f->data->x->cols + C;
  const int64_t rows = fewest_train(f);
  const int64_t most =
      KERNEL_ELEMENTS / dims < MOST_KERNELS ? KERNEL_ELEMENTS / dims : MOST_KERNELS;
  const int64_t K = rows < most ? rows : most;
  clf__fit_candidate best = {0};
  char base[64];
  if (K < 2 || ROWS_A_KERNEL * K < rows || f->stopped) return CLF_OK;
  snprintf(base, sizeof base, "mixture(%d%s)", (int)K, C ? ", joint=1" : "");
  clf_status s = try_widths(f, base, 1, 0, end, &best);
  if (!s) s = try_widths(f, base, 2, NEIGHBOUR, end, &best);
  if (s) clf__fit_candidate_free(&best);
  return s || !best.arch ? s : clf__fit_end(f, &best);
}
