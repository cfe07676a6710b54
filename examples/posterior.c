/* SPDX-License-Identifier: MIT */
/* posterior.c: log-probabilities of a posterior that sbi saved, without Python:
 *
 *   torch.save(posterior.set_default_x(x_o), "posterior.pt")      in Python
 *   posterior posterior.pt 0.1 0.7                                log p(theta | x_o)
 *
 * prints log p of theta, and of a few samples.  The density is zero outside of the prior's box. */
#include <clflow/clflow.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAMPLES = 3 };

static int fail(void) {
  fprintf(stderr, "posterior: %s\n", clf_errmsg());
  return 1;
}

static void print_row(const double *theta, int32_t dim, double logp) {
  for (int32_t d = 0; d < dim; d++) printf("%9.5f ", theta[d]);
  printf(" log p %.6f\n", logp);
}

/* log p of theta, then samples and theirs; rows: room for them. */
static int print_all(clf_flow *posterior, double *rows, int32_t dim) {
  double logp[1 + SAMPLES];
  if (clf_sample(posterior, 1, 0, SAMPLES, rows + dim)) return fail();
  if (clf_log_prob(posterior, rows, 1 + SAMPLES, logp)) return fail();
  for (int i = 0; i <= SAMPLES; i++) print_row(rows + i * dim, dim, logp[i]);
  return 0;
}

int main(int argc, char **argv) {
  clf_device *device;
  clf_flow *posterior;
  char *report;
  if (argc < 3) return fprintf(stderr, "usage: posterior FILE THETA1 THETA2 ...\n"), 2;
  if (clf_open("cpu", &device)) return fail();
  if (clf_import(device, argv[1], NULL, &posterior, &report)) return fail();
  fputs(report, stderr); /* what the file did not say */
  const int32_t dim = clf_flow_get_spec(posterior)->dim;
  if (argc != 2 + dim) return fprintf(stderr, "posterior: theta has %d numbers\n", (int)dim), 2;
  double *rows = malloc((size_t)dim * (1 + SAMPLES) * sizeof *rows);
  if (!rows) return 1;
  for (int32_t d = 0; d < dim; d++) rows[d] = strtod(argv[2 + d], NULL);
  const int code = print_all(posterior, rows, dim);
  free(rows);
  free(report);
  clf_flow_free(posterior);
  clf_close(device);
  return code;
}
