/* SPDX-License-Identifier: MIT */
/* flows.c: see flows.h. */
#define _POSIX_C_SOURCE 200809L
#include "flows.h"
#include "chunk.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

clf_device *flows_dev;
int flows_exact;
int flows_mode = CLF_STORED;

static const char *where;

static void open_device(void) {
  WORKS(clf_open(where, &flows_dev));
  flows_exact = flows_dev->bits == 64;
}
static void close_device(void) {
  clf_close(flows_dev);
  flows_dev = NULL;
}

int flows_checking(void) { return strncmp(where, "check:", 6) == 0; }

int flows_main(int argc, char **argv, void (*add)(TCase *tc)) {
  where = argc > 1 ? argv[1] : "cpu";
  Suite *suite = suite_create(where);
  TCase *tc = tcase_create("flows");
  tcase_add_unchecked_fixture(tc, open_device, close_device);
  add(tc);
  suite_add_tcase(suite, tc);
  return suite_run(suite);
}

void flows_fuse(const char *how) {
  if (how)
    setenv("CLFLOW_FUSE", how, 1);
  else
    unsetenv("CLFLOW_FUSE");
}

clf_flow *flows_of(clf_device *dev, const char *text, uint64_t seed) {
  clf_arch *arch = NULL;
  clf_flow *f = NULL;
  ck_assert_msg(!clf_arch_parse(text, &arch), "%s: %s", text, clf_errmsg());
  ck_assert_msg(!clf_flow_create_arch(dev, arch, seed, &f), "%s: %s", text, clf_errmsg());
  clf_arch_free(arch);
  return f;
}

double *flows_array(size_t n) {
  double *a = calloc(n, sizeof *a);
  ck_assert_msg(a != NULL, "no memory for %zu numbers", n);
  return a;
}

/* ---- Random flows ------------------------------------------------------------------------ */

flows_case flows_case_at(int i) {
  static const int32_t dims[FLOWS_DIMS] = {1, 2, 5, 6};
  const int kind = i / (4 * FLOWS_DIMS), dim = dims[i / 4 % FLOWS_DIMS];
  flows_case c = {.scaled = i / 2 % 2, .how = i % 2 ? "never" : "always"};
  if (kind < FLOWS_KINDS) {
    c.spec = clf_flow_spec_default(kind == 2 ? CLF_NICE : CLF_NVP, dim);
    c.spec.hidden = 7;
    c.spec.s_max = kind == 1 ? 1.5 : 0;
  } else {
    c.spec = clf_flow_spec_default(CLF_PIECEWISE, 1);
    c.spec.bins = 9;
    c.spec.tails = i % 2;
  }
  c.spec.seed = 1000 + (uint64_t)i;
  snprintf(c.label, sizeof c.label, "%s of %d dimensions, s_max %g, tails %d%s, fused %s",
           clf_kind_name(c.spec.kind), (int)c.spec.dim, c.spec.s_max, (int)c.spec.tails,
           c.scaled ? ", scaled" : "", c.how);
  return c;
}

static double mean_of(const flows_case *c, int32_t d) { return c->scaled ? 10 - 3.0 * d : 0; }
static double std_of(const flows_case *c, int32_t d) { return c->scaled ? 0.5 + 0.7 * d : 1; }

static void shake(clf_flow *f) {
  const size_t n = (size_t)clf_flow_weight_count(f);
  double *w = flows_array(n);
  clf__host_random r = {f->spec.seed + 1};
  WORKS(clf_read64(f->dev, f->w, w));
  for (size_t i = 0; i < n; i++) w[i] += 0.25 * clf__host_normal(&r);
  WORKS(clf_write64(f->dev, f->w, w));
  free(w);
}

clf_flow *flows_random(const flows_case *c) {
  clf_flow *f;
  flows_fuse(c->how);
  WORKS(clf_flow_create(flows_dev, &c->spec, &f));
  shake(f);
  double mean[6], std[6];
  for (int32_t d = 0; d < c->spec.dim; d++) {
    mean[d] = mean_of(c, d);
    std[d] = std_of(c, d);
  }
  if (c->scaled) WORKS(clf_flow_set_scaling(f, mean, std));
  return f;
}

double flows_slack(const flows_case *c) {
  const char *name = clf_device_name(flows_dev);
  const int blas = strstr(name, "cpu (") || strstr(name, "clblast");
  return blas && strcmp(c->how, "never") == 0 ? 1e-5 : 0;
}

void flows_points(const flows_case *c, uint64_t seed, int64_t n, double *x) {
  const clf_flow_spec *s = &c->spec;
  const int32_t beyond = s->tails ? 2 : 0;
  clf__host_random r = {seed};
  for (int64_t i = 0; i < n * s->dim; i++) {
    double u = 1.2 * clf__host_normal(&r);
    if (s->kind == CLF_PIECEWISE) {
      const double bin = (double)(clf__host_below(&r, s->bins + 2 * beyond) - beyond);
      u = s->xmin + (bin + 0.05 + 0.9 * clf__host_uniform(&r)) * (s->xmax - s->xmin) / s->bins;
    }
    x[i] = mean_of(c, (int32_t)(i % s->dim)) + std_of(c, (int32_t)(i % s->dim)) * u;
  }
}

/* ---- Gradients ----------------------------------------------------------------------------- */

void flows_gradient(clf_flow *f, const double *x, int32_t n, double *loss, double *g, double *dx) {
  const float weight = 1 / (float)n;
  WORKS(clf__flow_reserve(f, n, flows_mode));
  WORKS(clf__flow_need_gradient(f));
  const clf_tensor in = clf__rows(f->ws.x[0], n), dz = clf__rows(f->ws.dx[0], n);
  const clf_tensor logdet = clf__rows(f->ws.train_logdet, n), sum = clf__rows(f->ws.logp, 1);
  clf_tensor z, back;
  WORKS(clf_write64(f->dev, in, x));
  WORKS(clf__flow_forward(f, in, logdet, CLF_TRAIN, &z));
  WORKS(clf_do(f->dev, normal_nll, .z = z, .logdet = logdet, .dz = dz, .loss = sum,
               .weight = weight));
  WORKS(clf__flow_backward(f, in, dz, -weight, &back));
  WORKS(clf_read64(f->dev, sum, loss));
  WORKS(clf_read64(f->dev, f->g, g));
  WORKS(clf_read64(f->dev, back, dx));
  WORKS(clf_do(f->dev, fill, .y = f->g, .value = 0));
}

static clf_status weigh(clf__chunk *c) {
  clf_flow *f = c->f;
  clf_tensor x, z, logdet, du;
  const clf_tensor dz = clf__rows(f->ws.dx[0], c->n);
  f->ws.each = (clf_tensor){0};
  if (f->context) CLF_TRY(clf_do(f->dev, fill, .y = f->ws.de, .value = 0));
  CLF_TRY(clf__forward_rows(c, CLF_KEEP, &x, &z, &logdet));
  CLF_TRY(clf__flow_logp(f, z, logdet, CLF_KEEP, clf__rows(f->ws.logp, c->n)));
  CLF_TRY(clf__flow_base_backward(f, z, 1, dz));
  CLF_TRY(clf__flow_backward(f, x, dz, 1, &du));
  CLF_TRY(clf__flow_embed_backward(f, c->n));
  return clf__flow_finish(f);
}

void flows_weigh(clf_flow *f, const double *x, const double *c, int32_t n) {
  WORKS(clf__flow_need_gradient(f));
  WORKS(clf__flow_clear_gradient(f));
  WORKS(clf__in_chunks(f, n, &(clf__arrays){.in = x, .c = c}, flows_mode, weigh));
}

void flows_evaluate(clf_flow *f, const double *x, const double *c, int32_t n, flows_values out) {
  if (out.z && c) WORKS(clf_transform_given(f, x, c, n, out.z, out.logdet));
  if (out.z && !c) WORKS(clf_transform(f, x, n, out.z, out.logdet));
  if (out.logp && c) WORKS(clf_log_prob_given(f, x, c, n, out.logp));
  if (out.logp && !c) WORKS(clf_log_prob(f, x, n, out.logp));
  if (out.dx) WORKS(clf_log_prob_gradient(f, x, c, n, NULL, out.dx, out.dc));
}

void flows_invert(clf_flow *f, const double *z, const double *c, int32_t n, double *x,
                  double *logdet) {
  if (c)
    WORKS(clf_invert_given(f, z, c, n, x, logdet));
  else
    WORKS(clf_invert(f, z, n, x, logdet));
}

void flows_param_gradient(clf_flow *f, const clf_param *p, double *g) {
  clf_tensor at = p->at;
  at.buf = f->g.buf;
  at.offset += f->g.offset - f->w.offset;
  WORKS(clf_read64(f->dev, at, g));
}

/* ---- Comparisons --------------------------------------------------------------------------- */

double flows_error(const double *got, const double *want, size_t n) {
  double worst = 0;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(got[i]) || !isfinite(want[i])) return INFINITY;
    worst = fmax(worst, fabs(got[i] - want[i]) / fmax(1, fabs(want[i])));
  }
  return worst;
}

double flows_error_of_largest(const double *got, const double *want, size_t n) {
  double worst = 0, largest = 0;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(got[i]) || !isfinite(want[i])) return INFINITY;
    worst = fmax(worst, fabs(got[i] - want[i]));
    largest = fmax(largest, fabs(want[i]));
  }
  return worst > 0 ? worst / largest : 0;
}

double flows_log_det(double *A, int D) {
  double sum = 0;
  for (int k = 0; k < D; k++) {
    int best = k;
    for (int i = k; i < D; i++)
      if (fabs(A[i * D + k]) > fabs(A[best * D + k])) best = i;
    for (int j = 0; j < D; j++) {
      const double swap = A[k * D + j];
      A[k * D + j] = A[best * D + j];
      A[best * D + j] = swap;
    }
    sum += log(fabs(A[k * D + k]));
    for (int i = k + 1; i < D; i++)
      for (int j = D - 1; j >= k; j--) A[i * D + j] -= A[i * D + k] / A[k * D + k] * A[k * D + j];
  }
  return sum;
}

void flows_expect(double error, double bound, const char *fmt, ...) {
  char what[256];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(what, sizeof what, fmt, ap);
  va_end(ap);
  if (getenv("CLF_VERBOSE")) printf("%10.3g of %.3g  %s\n", error, bound, what);
  ck_assert_msg(error <= bound, "%s: the error is %.3g, above %.3g", what, error, bound);
}
