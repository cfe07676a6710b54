/* SPDX-License-Identifier: MIT */
/* maps.c: maps, masks and orders as text. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "import_private.h"

/* ---- Maps of nflows' and normflows' transforms --------------------------------------------- */

enum { ADD, AFFINE, RQ, QUADRATIC, LINEAR, CUBIC, NO_MAP };
static const char *const words[] = {"add", "affine", "rq", "quadratic", "linear", "cubic"};

/* The map for the name of a class. */
static int map_of_class(const char *kind) {
  static const struct {
    const char *in;
    int map;
  } table[] = {{"Additive", ADD},        {"Affine", AFFINE}, {"RationalQuadratic", RQ},
               {"Quadratic", QUADRATIC}, {"Cubic", CUBIC},   {"Linear", LINEAR}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (strstr(kind, table[i].in)) return table[i].map;
  return NO_MAP;
}
static int map_of_word(const char *word) {
  for (int i = 0; i <= LINEAR; i++)
    if (!strcmp(words[i], word)) return i;
  return NO_MAP;
}

/* In a state_dict: the map for the number of parameters per dimension. */
static clf_status map_of_count(clf__im *im, const clf__im_module *m, int64_t n, int *map) {
  const clf__im_module *u = clf__im_child(m, "unconditional_transform");
  const char *given = clf__im_hint_of(im, CLF_IM_HINT_map);
  if (given) {
    *map = map_of_word(given);
  } else if (clf__im_find(m, "unnorm_derivatives_left") ||
             clf__im_find(u, "unnorm_derivatives_left")) {
    *map = CUBIC;
  } else if (u) {
    *map = clf__im_find(u, "unnormalized_derivatives") ? RQ
           : clf__im_find(u, "unnormalized_widths")    ? QUADRATIC
                                                       : LINEAR;
  } else if (n <= 2) {
    *map = n == 1 ? ADD : AFFINE;
  } else {
    *map = n % 3 ? RQ : n % 2 ? QUADRATIC : LINEAR;
    if (im->library == CLF_IM_NORMFLOWS) *map = RQ;
    const char *word;
    if (!*m->cls) CLF_TRY(clf__im_assume(im, CLF_IM_HINT_map, words[*map], &word));
  }
  return CLF_OK;
}

static clf_status affine(clf__im *im, const clf__im_module *m, const char *of, clf__im_text *node) {
  const char *kind = clf__im_kind(m), *said = NULL, *scale;
  const char *act = clf__pk_text(clf__im_attribute(m, "_scale_activation_name"));
  if (*kind && !strcmp(of, "ar")) said = strstr(m->cls, "normflows") ? "sigmoid2" : "softplus";
  if (*kind && !strcmp(of, "coupling") && !strncmp(m->cls, "nflows.", 7)) said = "sigmoid2";
  (void)act;
  CLF_TRY(clf__im_choose(im, CLF_IM_HINT_scale, said, of, &scale));
  return clf__im_print(node, "affine(scale=%s)", scale);
}

enum { NO_TAILS, LINEAR_TAILS, CIRCULAR_TAILS, TAILS_BY_DIMENSION };

/* The bins K of a spline with n parameters per dimension, and its tails, by the module or by n: 3 K
 * - 1 (linear), 3 K + 1 (none) or 3 K (circular) for rational-quadratic, 2 K - 1 or 2 K + 1 for
 * quadratic, and K for linear splines. */
static clf_status spline_size(const clf__im *im, const clf__im_module *m, int map, int64_t n,
                              int64_t *bins, int *tails) {
  static const int more[] = {
      [NO_TAILS] = 1, [LINEAR_TAILS] = -1, [CIRCULAR_TAILS] = 0, [TAILS_BY_DIMENSION] = 1};
  const clf__pk *said = clf__im_attribute(m, "tails");
  const char *word = clf__pk_text(said);
  const int each = map == RQ ? 3 : 2;
  int64_t K;
  if (clf__im_has_tails(im, m, n))
    *tails = TAILS_BY_DIMENSION;
  else if (said)
    *tails = !word ? NO_TAILS : strcmp(word, "circular") ? LINEAR_TAILS : CIRCULAR_TAILS;
  else
    *tails = map != RQ    ? LINEAR_TAILS
             : n % 3 == 2 ? LINEAR_TAILS
             : n % 3      ? NO_TAILS
                          : CIRCULAR_TAILS;
  *bins = map == LINEAR ? n : (n - more[*tails]) / each;
  if (clf__pk_int(clf__im_attribute(m, "num_bins"), &K)) *bins = K;
  const int64_t want = map == LINEAR ? *bins : each * *bins + more[*tails];
  if (*bins < 1 || want != n)
    return clf__im_refuse(m, "has %lld numbers for each dimension, which no %s spline has",
                          (long long)n, words[map]);
  return CLF_OK;
}

static const char *minima(const clf__im_module *m, char text[112]) {
  char w[32], h[32], d[32];
  const char *width = clf__im_number(m, "min_bin_width", w),
             *height = clf__im_number(m, "min_bin_height", h);
  const char *slope = clf__im_number(m, "min_derivative", d);
  if (!width || !height) return NULL;
  snprintf(text, 112, "%s, %s, %s", width, height, slope ? slope : "0.001");
  return text;
}

static clf_status spline(clf__im *im, const clf__im_module *m, int map, int64_t n,
                         clf__im_text *node) {
  int64_t bins = 0;
  int tails = NO_TAILS;
  char bound[32], mins[112];
  const char *tail, *min = NULL, *identity = "0";
  CLF_TRY(spline_size(im, m, map, n, &bins, &tails));
  CLF_TRY(clf__im_print(node, "%s(bins=%lld", words[map], (long long)bins));
  if (tails == TAILS_BY_DIMENSION) {
    CLF_TRY(clf__im_tails(im, m, node));
  } else if (tails == CIRCULAR_TAILS) {
    CLF_TRY(
        clf__im_choose(im, CLF_IM_HINT_tail, clf__im_number(m, "tail_bound", bound), "", &tail));
    CLF_TRY(clf__im_print(node, ", tail=circular, box=-%s, %s, like=normflows", tail, tail));
  } else if (tails) {
    CLF_TRY(
        clf__im_choose(im, CLF_IM_HINT_tail, clf__im_number(m, "tail_bound", bound), "", &tail));
    CLF_TRY(clf__im_print(node, ", tail=%s", tail));
  } else {
    CLF_TRY(clf__im_print(node, ", tail=none"));
  }
  if (map != LINEAR) CLF_TRY(clf__im_choose(im, CLF_IM_HINT_min, minima(m, mins), "", &min));
  if (map == RQ)
    CLF_TRY(clf__im_choose(im, CLF_IM_HINT_identity,
                           !*m->cls                                     ? NULL
                           : clf__im_is_true(m, "enable_identity_init") ? "1"
                                                                        : "0",
                           "", &identity));
  if (map == RQ && strcmp(min, "0.001, 0.001, 0.001") != 0)
    CLF_TRY(clf__im_print(node, ", min=%s", min));
  if (map == QUADRATIC && strncmp(min, "0.001, 0.001", 12) != 0)
    CLF_TRY(clf__im_print(node, ", min=%.*s", (int)(strrchr(min, ',') - min), min));
  if (!strcmp(identity, "1")) CLF_TRY(clf__im_print(node, ", identity=1"));
  return clf__im_print(node, ")");
}

clf_status clf__im_map(clf__im *im, const clf__im_module *m, int64_t n, const char *of,
                       clf__im_text *node) {
  int map = map_of_class(clf__im_kind(m));
  if (map == NO_MAP) CLF_TRY(map_of_count(im, m, n, &map));
  switch (map) {
  case ADD: return clf__im_print(node, "add");
  case AFFINE: return affine(im, m, of, node);
  case CUBIC:
    return clf__im_refuse(m, "is a cubic spline, which is not supported; rational-quadratic, "
                             "quadratic and linear ones are");
  default: return spline(im, m, map, n, node);
  }
}

/* ---- Masks --------------------------------------------------------------------------------- */

static int alternates(const double *flags, int64_t D, int first) {
  for (int64_t d = 0; d < D; d++)
    if ((flags[d] != 0) != (d % 2 == first)) return 0;
  return 1;
}
/* The first half of the dimensions, rounded up, or the other half. */
static int is_half(const double *flags, int64_t D, int second) {
  for (int64_t d = 0; d < D; d++)
    if ((flags[d] != 0) != ((d < (D + 1) / 2) != second)) return 0;
  return 1;
}

static clf_status print_ranges(const double *flags, int64_t D, clf__im_text *node) {
  int first = 1;
  for (int64_t d = 0, end; d < D; d = end + 1) {
    for (end = d; end < D && flags[end] != 0;) end++;
    if (end == d) continue;
    CLF_TRY(clf__im_print(node, "%s%lld", first ? "" : "+", (long long)d));
    if (end > d + 1) CLF_TRY(clf__im_print(node, "-%lld", (long long)(end - 1)));
    first = 0;
  }
  return CLF_OK;
}

clf_status clf__im_mask(clf__im *im, const double *flags, int64_t D, clf__im_text *node) {
  const int turn = im->couplings++ % 2;
  double *copy = malloc((size_t)D * sizeof *copy);
  for (int64_t d = 0; copy && d < D; d++) copy[d] = flags[d] != 0;
  CLF_TRY(clf__im_put_values(im, copy, D, NULL, "layers.%d.mask", im->layers));
  for (int first = 0; first < 2; first++)
    if (alternates(flags, D, first)) {
      return first == turn ? CLF_OK : clf__im_print(node, ", even=%d", first);
    }
  for (int second = 0; second < 2; second++)
    if (is_half(flags, D, second)) {
      CLF_TRY(clf__im_print(node, ", mask=mid"));
      return second == turn ? CLF_OK : clf__im_print(node, ", even=%d", second);
    }
  CLF_TRY(clf__im_print(node, ", mask=list, list="));
  CLF_TRY(print_ranges(flags, D, node));
  return clf__im_print(node, ", even=0");
}

clf_status clf__im_order(const double *places, int64_t D, clf__im_text *node) {
  int up = 1, down = 1;
  for (int64_t d = 0; d < D; d++) {
    up &= places[d] == (double)d;
    down &= places[d] == (double)(D - 1 - d);
  }
  if (up) return CLF_OK;
  if (down) return clf__im_print(node, ", order=desc");
  CLF_TRY(clf__im_print(node, ", order=list, list="));
  for (int64_t d = 0; d < D; d++)
    CLF_TRY(clf__im_print(node, "%s%lld", d ? ", " : "", (long long)places[d]));
  return CLF_OK;
}
