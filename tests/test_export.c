/* SPDX-License-Identifier: MIT */
/* test_export.c: flows as C files, compiled with the compiler of the build and compared with cpu64:
 *   test_export                the flows listed here, and what is refused
 *   test_export random N [M]   M random architectures from number N on
 *   test_export elsewhere CC [RUN]   the listed flows by another compiler, such as one for 32-bit
 * ARM, in a program that RUN (an emulator) runs A file must compile as C99 and as C++11 without a
 * warning, call libm alone and have no writable data. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clflow/clflow.h"
#include "clflow/export.h"
#include "c_texts.h"
#include "compose/draw.h"
#include "file.h"
#include "flow_private.h"
#include "suite.h"
#include "writer.h"

enum { ROWS = 8, SIZE = 512 };

static clf_device *dev;
static char folder[] = "/tmp/clflow-export-XXXXXX";

/* ---- A flow with weights away from the initial ones -------------------------------------------
 */

static void disturb(clf_flow *f, draw_random *r) {
  for (int i = 0; i < clf_flow_param_count(f); i++) {
    const clf_param p = clf_flow_param(f, i);
    const size_t n = clf__count(&p.at);
    const double fan_in = p.at.dim[p.rank > 0 ? p.rank - 1 : 0];
    double *v = calloc(n, sizeof *v);
    if (!p.trainable) {
      free(v);
      continue;
    }
    WORKS(clf_read64(dev, p.at, v));
    for (size_t k = 0; k < n; k++)
      if (v[k] != 0 || !strstr(p.name, ".weight")) /* masked weights stay 0 */
        v[k] += fmin(0.25, 0.6 / sqrt(fan_in)) * draw_normal(r);
    WORKS(clf_write64(dev, p.at, v));
    free(v);
  }
  WORKS(clf__flow_derive_again(f));
}

/* ---- A compiled file ----------------------------------------------------------------------------
 */

/* Its functions, in double or in float; c is ignored by those without a context. */
typedef struct compiled {
  void *library;
  void *log_prob, *transform, *inverse, *sample;
} compiled;

static void run(const char *command) {
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

static const char warnings[] = "-pedantic -Wall -Wextra -Wconversion -Werror -ffp-contract=off";

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

/* ---- Comparisons --------------------------------------------------------------------------------
 */

typedef struct rows { /* of one flow */
  int dim, context;
  double *x, *c;
  const char *text;
} rows;

/* Relative to what is above 1; infinities must be equal. */
static void is_near(const rows *r, const char *what, int row, double got, double want,
                    double bound) {
  double error = got == want ? 0 : fabs(got - want) / fmax(1, fabs(want));
  /* Both ends of a circle are one place. */
  if (strstr(r->text, "wrap(") && fabs(got + want) <= bound * fabs(want)) error = 0;
  ck_assert_msg(error <= bound, "%s of row %d is %.17g, not %.17g: the error is %.2g:\n%s", what,
                row, got, want, error, r->text);
}

/* Calls f(in, c, out) or without what there is not, and returns what it returns. */
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

/* z = f(x) row by row, since one row that has no latents makes a call fail; and back. */
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

static void check_file(clf_flow *f, const rows *r, int single, const char *language) {
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

/* ---- Random architectures -----------------------------------------------------------------------
 */

static uint64_t first;

START_TEST(random_flow) {
  const uint64_t number = first + (uint64_t)_i;
  draw_random r = {number * 2 + 999};
  draw_flow drawn;
  clf_arch *arch = NULL;
  clf_flow *f = NULL;
  draw_architecture(number, &drawn);
  if (clf_arch_parse(drawn.text, &arch) || clf_arch_shape(arch, NULL, NULL, NULL) ||
      clf_flow_create_arch(dev, arch, number, &f)) {
    clf_arch_free(arch);
    return;
  }
  disturb(f, &r);
  rows q = {.dim = drawn.dim, .context = drawn.context, .text = drawn.text};
  q.x = calloc((size_t)(ROWS * drawn.dim), sizeof *q.x);
  q.c = drawn.context ? calloc((size_t)(ROWS * drawn.context), sizeof *q.c) : NULL;
  draw_rows(&r, &drawn, ROWS, q.x);
  if (q.c) draw_contexts(&r, &drawn, ROWS, q.c);
  check_file(f, &q, 0, number % 2 ? "c++ -std=c++11" : "c -std=c99");
  free(q.x);
  free(q.c);
  clf_flow_free(f);
  clf_arch_free(arch);
}
END_TEST

/* ---- Flows whose files use every function of text/ ---------------------------------------------
 */

enum { SCALED = 1, NAMED = 2, ON_GRID = 4, UNFUSED = 8 };
static const struct flow {
  const char *text, *language;
  int single, also;
} flows[] = {
    {"4: (perm, lu, coupling(rq(bins=6, tail=3), resnet(12x2, silu, bn=1)))*2, qr, svd -> "
     "normal(trained=1, cov=full)",
     "c -std=c99", 0, SCALED | NAMED},
    {"4: (perm, lu, coupling(rq(bins=6, tail=3), resnet(12x2, leaky)))*2 -> normal(cov=spherical, "
     "trained=1)",
     "c -std=c99", 1, SCALED},
    {"3|2: (ar(affine(scale=softplus), made(10x2, tanh)), perm(reverse))*2 -> normal(mlp(8x1)); "
     "context: mlp(6x1)->4",
     "c++ -std=c++11", 0, SCALED},
    {"3: (ar(rq(tail=circular, like=zuko), masked(12x2, gelu), order=$alt))*2 -> box(-pi, pi)",
     "c -std=c99", 0, 0},
    {"3: ~ar(affine(scale=exp, clamp=3), made(9x1, elu, residual=0)), (coupling(affine(scale=tanh, "
     "clamp=2), mlp(8x1, tanh, separate=1), mask=random, inputs=masked))*4, scale -> student(3, "
     "trained=1)",
     "c -std=c99", 0, ON_GRID},
    {"3: (coupling(affine(scale=tanh, clamp=2), mlp(8x1, tanh, separate=1), mask=random, "
     "inputs=masked))*4, scale -> student(3)",
     "c -std=c99", 1, 0},
    {"1: piecewise(bins=8, tails=1) -> logistic(trained=1)", "c -std=c99", 0, 0},
    {"4: columns(0: logit(0, 1), 1: log(-2), 2: asinh, 3: softplus(1)), columns(0: softlogit(-5, "
     "5), "
     "1: softlog(-3), 2: softclip(9), 3: circular(50)), coupling(affine(scale=sigmoid2), mlp(6x1, "
     "relu, norm=1)) -> logistic",
     "c++ -std=c++11", 0, NAMED},
    {"2: -> blend(0.3: coupling(affine(scale=realnvp), mlp(6x1)) -> normal; 0.7: lu -> mixture(3, "
     "full))",
     "c -std=c99", 0, SCALED},
    {"3: coupling(quadratic(bins=4, tail=3), mlp(8x1, softplus)), actnorm, batchnorm, "
     "allinone(mlp(8x1, sigmoid)), elementwise(linear(bins=5, box=-3, 3)) -> columns(0-1: laplace, "
     "2: normal(trained=1))",
     "c -std=c99", 0, 0},
    {"2|1: lu -> classes(3)", "c -std=c99", 0, 0},
    {"3|2: coupling(add, resnet(5x1, context=glu)), coupling(add, mlp(5x1, context=add)) -> "
     "mixture(2, "
     "full, joint=1)",
     "c -std=c99", 0, 0},
    {"4: split, coupling(affine(scale=zuko), resnet(6x1, angles=0)), rotation, householder, dense "
     "-> "
     "student(2)",
     "c -std=c99", 0, 0},
    {"2|2: ar(rq(bins=4), made(8x1, context=nsf, bn=1)), ar(affine(scale=atan), made(8x2, "
     "context=nsf)) -> laplace(trained=1)",
     "c++ -std=c++11", 0, 0},
    {"3: (coupling(affine(scale=tanh, clamp=2), mlp(8x1, tanh, separate=1), mask=random, "
     "inputs=masked))*2, coupling(add, mlp(5x1, tanh), mask=random, inputs=masked) -> normal",
     "c -std=c99", 0, UNFUSED},
    {"2: within(-1, 2), coupling(affine, mlp(4x1)) -> normal", "c -std=c99", 0, 0},
    {"4: coupling(affine(scale=general), mlp(5x1)), batchnorm(transformed=1), "
     "coupling(affine(scale=sigmoid), resnet(5x1), uncond=1) -> normal",
     "c -std=c99", 0, 0},
};
enum { FLOWS = sizeof flows / sizeof *flows };

static void dress(clf_flow *f, int also) {
  const int D = f->spec.dim;
  double mean[8], std[8];
  clf_column_grid grid[8] = {{0}};
  static char *names[] = {"mass", "\"\\?\303\251", "x", "y"};
  for (int d = 0; d < D; d++) {
    mean[d] = 100 + d;
    std[d] = 0.5 + d;
  }
  grid[D - 1] = (clf_column_grid){.first = -2, .last = 3, .step = 0.5};
  if (also & SCALED) WORKS(clf_flow_set_scaling(f, mean, std));
  if (also & SCALED && f->context) WORKS(clf__flow_set_context_scaling(f, mean, std));
  if (also & NAMED) WORKS(clf_flow_set_columns(f, names));
  if (also & ON_GRID) WORKS(clf_flow_set_grid(f, grid));
}

static clf_flow *flow_of(const char *text, uint64_t seed) {
  draw_random r = {seed};
  clf_arch *arch;
  clf_flow *f;
  const clf_status s = clf_arch_parse(text, &arch);
  ck_assert_msg(s == CLF_OK, "%s", clf_errmsg());
  WORKS(clf_flow_create_arch(dev, arch, seed, &f));
  clf_arch_free(arch);
  disturb(f, &r);
  return f;
}

/* Samples of the flow, of which some are moved to where it may have no density. */
static void find_rows(clf_flow *f, rows *q) {
  q->x = calloc((size_t)(ROWS * q->dim), sizeof *q->x);
  q->c = q->context ? calloc((size_t)(ROWS * q->context), sizeof *q->c) : NULL;
  for (int i = 0; i < ROWS * q->context; i++)
    q->c[i] = strstr(q->text, "classes")
                  ? i % 3
                  : 0.3 * i - 1 + (f->c_mean ? f->c_mean[i % q->context] : 0);
  WORKS(q->c ? clf_sample_given(f, q->c, ROWS, 5, 1, q->x) : clf_sample(f, 5, 0, ROWS, q->x));
  for (int i = (ROWS - 2) * q->dim; i < ROWS * q->dim; i++) q->x[i] = 3 * q->x[i] - 1;
}

START_TEST(every_text) {
  const struct flow *it = &flows[_i];
  if (it->also & UNFUSED) setenv("CLFLOW_FUSE", "never", 1);
  clf_flow *f = flow_of(it->text, 77 + (uint64_t)_i);
  rows q = {.dim = f->spec.dim, .context = f->context, .text = it->text};
  dress(f, it->also);
  find_rows(f, &q);
  check_file(f, &q, it->single, it->language);
  free(q.x);
  free(q.c);
  clf_flow_free(f);
}
END_TEST

/* ---- The same by another compiler, in a program of its own --------------------------------------
 */

static const char *other_compiler, *emulator;

static void put_numbers(FILE *to, const char *name, const double *v, int n) {
  fprintf(to, "static const double %s[] = {", name);
  for (int i = 0; i < n; i++) {
    if (isfinite(v[i]))
      fprintf(to, "%.17g, ", v[i]);
    else
      fprintf(to, "%sINFINITY, ", v[i] < 0 ? "-" : "");
  }
  fputs("0};\n", to);
}

/* It compares log-densities and samples with those of cpu64, and is silent. */
static void write_program(const rows *r, const double *logp, const double *samples, int single) {
  char path[SIZE];
  const char *given = r->c ? ", c" : "", *type = single ? "float" : "double";
  snprintf(path, sizeof path, "%s/elsewhere.c", folder);
  FILE *to = fopen(path, "w");
  ck_assert_ptr_nonnull(to);
  fputs("#include \"flow.c\"\n#include <stdio.h>\n", to);
  put_numbers(to, "rows", r->x, ROWS * r->dim);
  if (r->c) put_numbers(to, "contexts", r->c, ROWS * r->context);
  put_numbers(to, "log_p", logp, ROWS);
  put_numbers(to, "samples", samples, ROWS * r->dim);
  fprintf(to,
          "static int wrong(double got, double want) {\n"
          "  const double size = fabs(want) > 1 ? fabs(want) : 1;\n"
          "  if (got == want || fabs(got - want) <= %g * size) return 0;\n"
          "  return printf(\"%%.17g, not %%.17g\\n\", got, want);\n}\n"
          "int main(void) {\n  int bad = 0;\n  for (int i = 0; i < %d; i++) {\n    %s x[%d];\n",
          single ? 1e-3 : 1e-11, ROWS, type, r->dim);
  if (r->c)
    fprintf(to,
            "    %s c[%d];\n    for (int d = 0; d < %d; d++) c[d] = (%s)contexts[i * %d + d];\n",
            type, r->context, r->context, type, r->context);
  fprintf(to,
          "    for (int d = 0; d < %d; d++) x[d] = (%s)rows[i * %d + d];\n"
          "    bad += wrong(flow_log_prob(x%s), log_p[i]);\n"
          "    flow_sample(9, (uint64_t)i%s, x);\n"
          "    for (int d = 0; d < %d; d++) bad += wrong(x[d], samples[i * %d + d]);\n  }\n"
          "  return bad != 0;\n}\n",
          r->dim, type, r->dim, given, given, r->dim, r->dim);
  fclose(to);
}

START_TEST(elsewhere) {
  const struct flow *it = &flows[_i];
  char command[4 * SIZE], path[SIZE];
  double logp[ROWS], samples[ROWS * 8];
  clf_flow *f = flow_of(it->text, 77 + (uint64_t)_i);
  rows q = {.dim = f->spec.dim, .context = f->context, .text = it->text};
  dress(f, it->also);
  find_rows(f, &q);
  WORKS(q.c ? clf_log_prob_given(f, q.x, q.c, ROWS, logp) : clf_log_prob(f, q.x, ROWS, logp));
  WORKS(q.c ? clf_sample_given(f, q.c, ROWS, 9, 1, samples) : clf_sample(f, 9, 0, ROWS, samples));
  snprintf(path, sizeof path, "%s/flow.c", folder);
  WORKS(clf_export_c(f, path, "flow", 0, it->single));
  write_program(&q, logp, samples, it->single);
  snprintf(command, sizeof command, "%s -std=c99 -O2 -static %s/elsewhere.c -o %s/elsewhere -lm",
           other_compiler, folder, folder);
  run(command);
  snprintf(command, sizeof command, "%s %s/elsewhere", emulator, folder);
  run(command);
  free(q.x);
  free(q.c);
  clf_flow_free(f);
}
END_TEST

/* A function that no file above uses was never compiled. */
START_TEST(all_texts_are_used) {
  char path[SIZE];
  clf__out all = {0};
  for (int i = 0; i < FLOWS; i++) {
    char *bytes;
    size_t size;
    setenv("CLFLOW_FUSE", flows[i].also & UNFUSED ? "never" : "", 1);
    clf_flow *f = flow_of(flows[i].text, 1);
    dress(f, flows[i].also);
    snprintf(path, sizeof path, "%s/used.c", folder);
    WORKS(clf_export_c(f, path, "flow", 0, flows[i].single));
    WORKS(clf__file_read(path, &bytes, &size));
    clf__out_text(&all, bytes);
    free(bytes);
    clf_flow_free(f);
  }
  char missing[2048] = "";
  for (const clf__c_text *t = clf__c_texts; t->name; t++)
    for (const char *at = t->text; (at = strstr(at, "/*# "));) {
      char name[64], line[SIZE];
      const size_t n = strlen(missing);
      sscanf(at, "/*# %63s", name);
      const char *code = strchr(at, '\n') + 1;
      while (code[0] == '/' || code[1] == '*') code = strchr(code, '\n') + 1; /* a comment */
      snprintf(line, sizeof line, "%.*s", (int)strcspn(code, "\n"), code);
      if (!strstr(all.s, line)) snprintf(missing + n, sizeof missing - n, " %s", name);
      at = code;
    }
  ck_assert_msg(!*missing, "no flow of this test uses%s", missing);
  free(all.s);
}
END_TEST

/* A new operation needs a row of calls.def. */
START_TEST(every_operation_is_known) {
  for (int op = 0; op < CLF_OP_COUNT; op++)
    ck_assert_msg(clf__export_knows((clf_op)op) != 0,
                  "layers/export/calls.def has no row for %s: how does exported C call it, or why "
                  "does no flow of vectors run it?",
                  clf_ops[op].name);
}
END_TEST

/* ---- What is chosen, and what is refused --------------------------------------------------------
 */

START_TEST(chosen_functions) {
  char path[SIZE], *bytes;
  size_t size;
  clf_flow *f = flow_of("2: lu, coupling(affine, mlp(4x1)) -> normal", 3);
  snprintf(path, sizeof path, "%s/some.c", folder);
  WORKS(clf_export_c(f, path, "some", CLF_EXPORT_LOG_PROB, 0));
  WORKS(clf__file_read(path, &bytes, &size));
  ck_assert_ptr_nonnull(strstr(bytes, "double some_log_prob(const double x[2]);"));
  ck_assert_ptr_null(strstr(bytes, "some_sample"));
  ck_assert_ptr_null(strstr(bytes, "philox"));
  ck_assert_ptr_null(strstr(bytes, "affine_inverse"));
  free(bytes);
  clf_flow_free(f);
}
END_TEST

/* With NAME_DECLARATIONS_ONLY the file is a header, and two files go into one program. */
START_TEST(two_in_one_program) {
  char command[4 * SIZE], path[SIZE];
  for (int i = 0; i < 2; i++) {
    clf_flow *f = flow_of(i ? "1: -> normal" : "2: lu -> normal", 3);
    snprintf(path, sizeof path, "%s/%s.c", folder, i ? "two" : "one");
    WORKS(clf_export_c(f, path, i ? "two" : "one", 0, i));
    clf_flow_free(f);
  }
  snprintf(path, sizeof path, "%s/main.c", folder);
  FILE *main_c = fopen(path, "w");
  ck_assert_ptr_nonnull(main_c);
  fputs("#define one_DECLARATIONS_ONLY\n#include \"one.c\"\n"
        "#define two_DECLARATIONS_ONLY\n#include \"two.c\"\n"
        "int main(void) {\n  const double x[one_dim] = {0, 0};\n  const float y[two_dim] = {0};\n"
        "  return one_log_prob(x) < 0 && two_log_prob(y) < 0 ? 0 : 1;\n}\n",
        main_c);
  fclose(main_c);
  snprintf(command, sizeof command,
           CLF_CC " -std=c99 %s %s/main.c %s/one.c %s/two.c -o %s/two_in_one -lm && %s/two_in_one",
           warnings, folder, folder, folder, folder, folder);
  run(command);
}
END_TEST

static void is_refused(const char *text, const char *name, unsigned what, clf_status status,
                       const char *message) {
  char path[SIZE];
  clf_flow *f = flow_of(text, 3);
  snprintf(path, sizeof path, "%s/refused.c", folder);
  REFUSED(clf_export_c(f, path, name, what, 0), status, message);
  ck_assert_int_ne(access(path, F_OK), 0);
  clf_flow_free(f);
}

START_TEST(refusals) {
  static const char plain[] = "1: -> normal", blend[] = "1: -> blend(1: -> normal; 1: -> normal)";
  is_refused(plain, "two words", 0, CLF_EINVAL,
             "\"two words\" is no name for C functions: use letters, digits and _, at most 63, and "
             "begin with a letter");
  is_refused(plain, "", 0, CLF_EINVAL,
             "\"\" is no name for C functions: use letters, digits and _, at most 63, and begin "
             "with a letter");
  is_refused(plain, "x", 16, CLF_EINVAL, "what to export is 16; the sum of all is 15");
  is_refused(blend, "x", CLF_EXPORT_INVERSE, CLF_ENOTSUP,
             "the flow ends in a blend of flows, which has no latents; it has densities and "
             "samples");
  is_refused("2x2x1: squeeze -> normal", "x", 0, CLF_ENOTSUP,
             "the flow is one of images; only flows of vectors are exported");
}
END_TEST

int main(int argc, char **argv) {
  Suite *suite = suite_create("export");
  TCase *tc = tcase_create("export");
  int count = argc > 3 ? atoi(argv[3]) : 1;
  if (!mkdtemp(folder) || clf_open("cpu64", &dev)) return 1;
  if (argc > 2 && strcmp(argv[1], "random") == 0) {
    first = strtoull(argv[2], NULL, 10);
    tcase_add_loop_test(tc, random_flow, 0, count);
  } else if (argc > 2 && strcmp(argv[1], "elsewhere") == 0) {
    other_compiler = argv[2];
    emulator = argc > 3 ? argv[3] : "";
    tcase_add_loop_test(tc, elsewhere, 0, FLOWS);
  } else {
    tcase_add_loop_test(tc, every_text, 0, FLOWS);
    tcase_add_test(tc, all_texts_are_used);
    tcase_add_test(tc, every_operation_is_known);
    tcase_add_test(tc, chosen_functions);
    tcase_add_test(tc, two_in_one_program);
    tcase_add_test(tc, refusals);
  }
  tcase_set_timeout(tc, 300);
  suite_add_tcase(suite, tc);
  const int code = suite_run(suite);
  char command[SIZE];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  (void)!system(command);
  clf_close(dev);
  return code;
}
