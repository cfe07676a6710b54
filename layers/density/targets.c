/* SPDX-License-Identifier: MIT */
/* targets.c: built-in log-densities with their gradients. */
#define _XOPEN_SOURCE 700 /* M_PI */
#define _USE_MATH_DEFINES
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "clflow/density.h"
#include "given.h"
#include "keys.h"
#include "status.h"

enum { NUMBERS = 4 };

typedef struct target target;
struct kind;
struct target {
  const struct kind *kind;
  int32_t dim, side; /* side: of a lattice */
  double number[NUMBERS];
};

/* log p~(x), and its gradient into g. */
typedef double (*point_fn)(const target *t, const double *x, double *g);

/* ---- The densities --------------------------------------------------------------------------- */

static double log_normal(double x, double mean, double std, double *g) {
  const double u = (x - mean) / std;
  *g = -u / std;
  return -0.5 * u * u - log(std) - 0.5 * log(2 * M_PI);
}

static double normal(const target *t, const double *x, double *g) {
  double sum = 0;
  for (int32_t d = 0; d < t->dim; d++) sum += log_normal(x[d], t->number[0], t->number[1], g + d);
  return sum;
}
static double normal_log_z(const target *t) {
  (void)t;
  return 0;
}

static double well(double x) { return -x * x * x * x + 6 * x * x + x / 2; }

static double double_well(const target *t, const double *x, double *g) {
  double sum = 0;
  for (int32_t d = 0; d < t->dim; d += 2) {
    sum += well(x[d]) - 0.5 * x[d + 1] * x[d + 1];
    g[d] = -4 * x[d] * x[d] * x[d] + 12 * x[d] + 0.5;
    g[d + 1] = -x[d + 1];
  }
  return sum;
}
/* For such an integrand the trapezoidal rule is exact to rounding. */
static double double_well_log_z(const target *t) {
  const double step = 1.0 / 64;
  double sum = 0;
  for (int i = -8 * 64; i <= 8 * 64; i++) sum += exp(well(i * step)) * step;
  return t->dim / 2 * (log(sum) + 0.5 * log(2 * M_PI));
}
static double many_well(const target *t, const double *x, double *g) {
  return double_well(t, x, g);
}
static double many_well_log_z(const target *t) { return double_well_log_z(t); }

/* Log-sum-exp over the modes, which are equally spaced on the circle. */
static double mixture(const target *t, const double *x, double *g) {
  const int modes = (int)t->number[0];
  const double radius = t->number[1], std = t->number[2];
  double maximum = -INFINITY, sum = 0, rest = 0;
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < modes; i++) {
      const double angle = 2 * M_PI * i / modes;
      const double u = x[0] - radius * cos(angle), v = x[1] - radius * sin(angle);
      const double e = -0.5 * (u * u + v * v) / (std * std);
      if (!pass && e > maximum) maximum = e;
      if (!pass) continue;
      if (i == 0) g[0] = g[1] = 0;
      sum += exp(e - maximum);
      g[0] -= exp(e - maximum) * u / (std * std);
      g[1] -= exp(e - maximum) * v / (std * std);
    }
  g[0] /= sum;
  g[1] /= sum;
  for (int32_t d = 2; d < t->dim; d++) rest += log_normal(x[d], 0, std, g + d);
  return rest + maximum + log(sum / modes) - 2 * log(std) - log(2 * M_PI);
}
static double mixture_log_z(const target *t) { return normal_log_z(t); }

static double funnel(const target *t, const double *x, double *g) {
  double sum = log_normal(x[0], 0, t->number[0], g);
  const double std = exp(x[0] / 2);
  for (int32_t d = 1; d < t->dim; d++) {
    sum += log_normal(x[d], 0, std, g + d);
    g[0] += 0.5 * (x[d] * x[d] / (std * std) - 1);
  }
  return sum;
}
static double funnel_log_z(const target *t) { return normal_log_z(t); }

static double banana(const target *t, const double *x, double *g) {
  const double s = t->number[0], bend = t->number[1];
  double sum = log_normal(x[0], 0, s, g);
  sum += log_normal(x[1], bend * (x[0] * x[0] - s * s), 1, g + 1);
  g[0] -= g[1] * 2 * bend * x[0];
  for (int32_t d = 2; d < t->dim; d++) sum += log_normal(x[d], 0, 1, g + d);
  return sum;
}
static double banana_log_z(const target *t) { return normal_log_z(t); }

static double phi4(const target *t, const double *x, double *g) {
  const double kappa = t->number[0], lambda = t->number[1];
  const int32_t L = t->side;
  double action = 0;
  for (int32_t i = 0; i < L; i++)
    for (int32_t j = 0; j < L; j++) {
      const double phi = x[i * L + j];
      const double after = x[i * L + (j + 1) % L] + x[(i + 1) % L * L + j];
      const double before = x[i * L + (j + L - 1) % L] + x[(i + L - 1) % L * L + j];
      action +=
          -2 * kappa * phi * after + (1 - 2 * lambda) * phi * phi + lambda * phi * phi * phi * phi;
      g[i * L + j] =
          2 * kappa * (after + before) - 2 * (1 - 2 * lambda) * phi - 4 * lambda * phi * phi * phi;
    }
  return -action;
}
/* Without the quartic term p~ is normal: its precision 2 M has the eigenvalues 2 (1 - 2 kappa
 * (cos p + cos q)) over the lattice's momenta. */
static double phi4_log_z(const target *t) {
  double sum = 0;
  if (t->number[1] != 0) return NAN;
  for (int32_t i = 0; i < t->dim; i++) {
    const double p = 2 * M_PI * (i / t->side) / t->side, q = 2 * M_PI * (i % t->side) / t->side;
    sum += 0.5 * log(M_PI / (1 - 2 * t->number[0] * (cos(p) + cos(q))));
  }
  return sum;
}

/* ---- The table ------------------------------------------------------------------------------- */

struct kind {
  const char *name;
  point_fn point;
  double (*log_z)(const target *t);
  int32_t dim, multiple, fewest;
  struct {
    const char *name;
    double standard;
  } number[NUMBERS + 1];
  const char *help;
};

static const struct kind kinds[] = {
#define CLF_NUMBER(name, standard) {#name, standard},
#define CLF_TARGET(name, dim, multiple, fewest, numbers, help)                                     \
  {#name, name, name##_log_z, dim, multiple, fewest, {numbers{NULL, 0}}, help},
#include "clflow/targets.def"
#undef CLF_TARGET
#undef CLF_NUMBER
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const char *const parameters[KINDS] = {
#define CLF_NUMBER(name, standard) "," #name "=" #standard
#define CLF_TARGET(name, dim, multiple, fewest, numbers, help) "dim=" #dim numbers,
#include "clflow/targets.def"
#undef CLF_TARGET
#undef CLF_NUMBER
};

int clf_target_count(void) { return KINDS; }
clf_target clf_target_at(int i) {
  if (i < 0 || i >= KINDS) return (clf_target){0};
  return (clf_target){kinds[i].name, parameters[i], kinds[i].help};
}

static const struct kind *find(const char *text) {
  for (int i = 0; i < KINDS; i++)
    if (clf__keys_name(text, kinds[i].name)) return &kinds[i];
  return NULL;
}

static clf_status unknown(const char *text) {
  char list[256] = "";
  for (int i = 0; i < KINDS; i++) {
    const size_t n = strlen(list);
    snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", kinds[i].name);
  }
  return clf__fail(CLF_EINVAL, "there is no target \"%s\"; there are %s", text, list);
}

/* ---- As a density of the API ----------------------------------------------------------------- */

static clf_status log_density(const double *x, int64_t n, double *logp, double *gradient,
                              void *context) {
  const target *t = context;
  double *g = gradient ? gradient : malloc((size_t)t->dim * sizeof *g);
  if (!g) return clf__fail(CLF_ENOMEM, "no memory for a gradient of %d numbers", (int)t->dim);
  for (int64_t i = 0; i < n; i++) {
    double *const here = gradient ? g + i * t->dim : g;
    logp[i] = t->kind->point(t, x + i * t->dim, here);
  }
  if (!gradient) free(g);
  return CLF_OK;
}

static clf_status check(const target *t, uint64_t dim) {
  const struct kind *k = t->kind;
  if (dim < (uint64_t)k->fewest || dim % (uint64_t)k->multiple)
    return clf__fail(CLF_EINVAL, "%s: dim is %llu; it must be at least %d%s", k->name,
                     (unsigned long long)dim, (int)k->fewest, k->multiple > 1 ? ", and even" : "");
  if (k->point == phi4 && (uint64_t)t->side * (uint64_t)t->side != dim)
    return clf__fail(CLF_EINVAL, "phi4: dim is %llu; it must be the square of a lattice's side",
                     (unsigned long long)dim);
  for (int i = 0; i < NUMBERS && k->number[i].name; i++)
    if ((strcmp(k->number[i].name, "std") == 0 || strcmp(k->number[i].name, "scale") == 0 ||
         strcmp(k->number[i].name, "modes") == 0) &&
        !(t->number[i] > 0))
      return clf__fail(CLF_EINVAL, "%s: %s is 0; it must be above 0", k->name, k->number[i].name);
  /* The lowest mode of a lattice without a quartic term. */
  if (k->point == phi4 && t->number[1] == 0 && !(t->number[0] < 0.25))
    return clf__fail(CLF_EINVAL,
                     "phi4: kappa is %g; without lambda it must be below 0.25, or p~ has no "
                     "integral",
                     t->number[0]);
  return CLF_OK;
}

static clf_status read_text(target *t, const char *text) {
  const struct kind *k = t->kind;
  uint64_t dim = (uint64_t)k->dim;
  clf__key keys[NUMBERS + 1] = {
      {.name = "dim", .range = "1 to 1048576", .whole = &dim, .min = 1, .max = 1 << 20}};
  int count = 1;
  for (int i = 0; i < NUMBERS && k->number[i].name; i++) {
    t->number[i] = k->number[i].standard;
    keys[count++] = (clf__key){
        .name = k->number[i].name, .range = "0 to 1e6", .real = &t->number[i], .real_max = 1e6};
  }
  CLF_TRY(clf__keys_read(text, keys, count));
  t->dim = (int32_t)dim;
  t->side = (int32_t)lround(sqrt((double)dim));
  return check(t, dim);
}

clf_status clf_density_open(const char *text, clf_density *density) {
  CLF_GIVEN("text, density", text, density);
  const struct kind *k = find(text);
  if (!k) return unknown(text);
  target *t = calloc(1, sizeof *t);
  if (!t) return clf__fail(CLF_ENOMEM, "no memory for a target");
  t->kind = k;
  const clf_status s = read_text(t, text);
  if (s) {
    free(t);
    return s;
  }
  uLong id = crc32(0, (const Bytef *)k->name, (uInt)strlen(k->name));
  id = crc32(id, (const Bytef *)t->number, sizeof t->number);
  *density = (clf_density){t->dim, log_density, t, (uint64_t)id, t};
  return CLF_OK;
}

void clf_density_free(clf_density *d) {
  if (!d) return;
  free(d->own);
  *d = (clf_density){0};
}

double clf_density_log_z(const clf_density *d) {
  const target *t = d ? d->own : NULL;
  return t ? t->kind->log_z(t) : NAN;
}
