/* SPDX-License-Identifier: MIT */
/* compiled.c: flows as C files: compiled, loaded, and compared with cpu64. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "export/compiled.h"

clf_device *dev;
char folder[] = "/tmp/clflow-export-XXXXXX";

/* ---- A compiled file ------------------------------------------------------------------------- */

/* Functions of a compiled file, in double or float. */
typedef struct compiled {
  void *library;
  void *log_prob, *transform, *inverse, *sample;
} compiled;

void run(const char *command) {
  char text[8 * SIZE];
  snprintf(text, sizeof text, "%s >%s/log 2>&1", command, folder);
  if (system(text) == 0) return;
  snprintf(text, sizeof text, "cat %s/log >&2", folder);
  (void)!system(text);
  ck_abort_msg("%s fails", command);
}

/* Fails unless the object file calls the C library's mathematics alone and has no writable data. */
static void check_symbols(const char *object) {
  static const char libm[] =
      " exp expm1 log log1p sqrt tanh sin cos atan erfc floor ldexp fabs expf expm1f logf log1pf "
      "sqrtf tanhf sinf cosf atanf erfcf floorf sincos sincosf memset memcpy memmove "
      "_GLOBAL_OFFSET_TABLE_ ";
  char command[2 * SIZE], line[SIZE], kind, name[200];
  snprintf(command, sizeof command, "nm %s", object);
  FILE *nm = popen(command, "r");
  ck_assert_ptr_nonnull(nm);
  while (fgets(line, sizeof line, nm)) {
    if (sscanf(line, "%*[ ]%c %199s", &kind, name) != 2 &&
        sscanf(line, "%*x %c %199s", &kind, name) != 2)
      continue;
    char word[204];
    snprintf(word, sizeof word, " %s ", name);
    ck_assert_msg(kind != 'U' || strstr(libm, word), "it calls %s", name);
    ck_assert_msg(!strchr("dDbBsSgGC", kind), "%s is writable", name);
  }
  pclose(nm);
}

static compiled compile(const char *source, const char *language) {
  char command[2 * SIZE], path[SIZE];
  static int number; /* a library of the same name would be the same library */
  snprintf(command, sizeof command, CLF_CC " -x %s %s -O1 -fPIC -c %s/%s -o %s/flow.o", language,
           warnings, folder, source, folder);
  run(command);
  snprintf(path, sizeof path, "%s/flow.o", folder);
  check_symbols(path);
  snprintf(path, sizeof path, "%s/flow%d.so", folder, number++);
  snprintf(command, sizeof command, CLF_CC " -shared -o %s %s/flow.o -lm", path, folder);
  run(command);
  compiled c = {.library = dlopen(path, RTLD_NOW | RTLD_LOCAL)};
  ck_assert_msg(c.library != NULL, "%s", dlerror());
  c.log_prob = dlsym(c.library, "flow_log_prob");
  c.transform = dlsym(c.library, "flow_transform");
  c.inverse = dlsym(c.library, "flow_inverse");
  c.sample = dlsym(c.library, "flow_sample");
  unlink(path);
  return c;
}

/* ---- Comparisons ------------------------------------------------------------------------------
 */

/* Errors are relative for values above 1; infinities must be equal. */
static void is_near(const rows *r, const char *what, int row, double got, double want,
                    double bound) {
  double error = got == want ? 0 : fabs(got - want) / fmax(1, fabs(want));
  /* Both ends of a circle are the same point. */
  if (strstr(r->text, "wrap(") && fabs(got + want) <= bound * fabs(want)) error = 0;
  ck_assert_msg(error <= bound, "%s of row %d is %.17g, not %.17g: the error is %.2g:\n%s", what,
                row, got, want, error, r->text);
}

/* Calls f(in, c, out), without c or out if they are NULL, and returns its result. */
#define CALL(real, f, in, c, out)                                                                  \
  (!(c)    ? (out) ? ((real(*)(const real *, real *))(uintptr_t)(f))((in), (out))                  \
                   : ((real(*)(const real *))(uintptr_t)(f))(in)                                   \
      : (out) ? ((real(*)(const real *, const real *, real *))(uintptr_t)(f))((in), (c), (out))    \
           : ((real(*)(const real *, const real *))(uintptr_t)(f))((in), (c)))
#define DRAW(real, f, seed, i, c, x)                                                               \
  (!(c) ? ((void (*)(uint64_t, uint64_t, real *))(uintptr_t)(f))((seed), (i), (x))                 \
        : ((void (*)(uint64_t, uint64_t, const real *, real *))(uintptr_t)(f))((seed), (i), (c),   \
                                                                               (x)))

/* One row in either type: out = f(in, c). */
static double call(int single, void *f, const double *in, const double *c, int D, int C,
                   double *out) {
  float in_f[64], c_f[64], out_f[64];
  if (!single) return CALL(double, f, in, c, out);
  for (int d = 0; d < D; d++) in_f[d] = (float)in[d];
  for (int d = 0; d < C; d++) c_f[d] = (float)c[d];
  const float *given = c ? c_f : NULL;
  float *to = out ? out_f : NULL;
  const float v = CALL(float, f, in_f, given, to);
  for (int d = 0; d < D && out; d++) out[d] = (double)out_f[d];
  return (double)v;
}
static void draw(int single, void *f, uint64_t seed, uint64_t i, const double *c, int D, int C,
                 double *x) {
  float c_f[64], x_f[64];
  if (!single) {
    DRAW(double, f, seed, i, c, x);
    return;
  }
  for (int d = 0; d < C; d++) c_f[d] = (float)c[d];
  const float *given = c ? c_f : NULL;
  DRAW(float, f, seed, i, given, x_f);
  for (int d = 0; d < D; d++) x[d] = (double)x_f[d];
}

static const double *context_of(const rows *r, int i) {
  return r->c ? r->c + i * r->context : NULL;
}

static void check_density(clf_flow *f, const compiled *o, const rows *r, int single, double bound) {
  double want[ROWS];
  WORKS(r->c ? clf_log_prob_given(f, r->x, r->c, ROWS, want) : clf_log_prob(f, r->x, ROWS, want));
  for (int i = 0; i < ROWS; i++)
    is_near(
        r, "log p", i,
        call(single, o->log_prob, r->x + i * r->dim, context_of(r, i), r->dim, r->context, NULL),
        want[i], bound);
}

/* z = f(x) and its inverse, row by row, since a single row without latents makes a call fail. */
static void check_latents(clf_flow *f, const compiled *o, const rows *r, int single, double bound) {
  for (int i = 0; i < ROWS; i++) {
    double z[64], got[64], logdet, L;
    const double *x = r->x + i * r->dim, *c = context_of(r, i);
    const clf_status s =
        c ? clf_transform_given(f, x, c, 1, z, &logdet) : clf_transform(f, x, 1, z, &logdet);
    if (s) continue;
    L = call(single, o->transform, x, c, r->dim, r->context, got);
    is_near(r, "log-det", i, L, logdet, bound);
    for (int d = 0; d < r->dim; d++) is_near(r, "z", i, got[d], z[d], bound);
    if (c ? clf_invert_given(f, z, c, 1, got, &logdet) : clf_invert(f, z, 1, got, &logdet))
      continue;
    double back[64];
    L = call(single, o->inverse, z, c, r->dim, r->context, back);
    is_near(r, "log-det of the inverse", i, L, logdet, 8 * bound);
    for (int d = 0; d < r->dim; d++) is_near(r, "x", i, back[d], got[d], 8 * bound);
  }
}

static void check_samples(clf_flow *f, const compiled *o, const rows *r, int single, double bound) {
  double want[ROWS * 64], got[64];
  const uint64_t seed = UINT64_C(0x123456789abcdef0);
  const clf_status s =
      r->c ? clf_sample_given(f, r->c, ROWS, seed, 1, want) : clf_sample(f, seed, 3, ROWS, want);
  if (s) return; /* an inverse that overflows */
  for (int i = 0; i < ROWS; i++) {
    draw(single, o->sample, seed, (uint64_t)(r->c ? i : 3 + i), context_of(r, i), r->dim,
         r->context, got);
    for (int d = 0; d < r->dim; d++)
      is_near(r, "sample", i, got[d], want[i * r->dim + d], 8 * bound);
  }
}

void check_file(clf_flow *f, const rows *r, int single, const char *language) {
  char path[SIZE];
  snprintf(path, sizeof path, "%s/flow.c", folder);
  const clf_status s = clf_export_c(f, path, "flow", 0, single);
  ck_assert_msg(s == CLF_OK, "%s:\n%s", clf_errmsg(), r->text);
  const compiled o = compile("flow.c", language);
  const double bound = single ? 1e-4 : 1e-12;
  check_density(f, &o, r, single, bound);
  if (o.transform) check_latents(f, &o, r, single, bound);
  ck_assert_int_eq(!o.transform, f->base.ops->no_latents);
  check_samples(f, &o, r, single, bound);
  dlclose(o.library);
}
