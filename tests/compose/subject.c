/* SPDX-License-Identifier: MIT */
/* subject.c: random flows in double and on the device, with the same weights and rows. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "compose/subject.h"

clf_device *exact_dev;

/* Arrays for the values that the flow has: blends have no latents, and some layers no gradient. */
static flows_values values_of(const subject *s, const clf_flow *f) {
  const size_t dim = (size_t)f->spec.dim;
  return (flows_values){.z = s->has_latents ? flows_array(ROWS * dim) : NULL,
                        .logdet = s->has_latents ? flows_array(ROWS) : NULL,
                        .logp = flows_array(ROWS),
                        .dx = s->has_gradient ? flows_array(ROWS * dim) : NULL,
                        .dc = s->has_gradient && f->context ? flows_array(ROWS * (size_t)f->context)
                                                            : NULL};
}

static void release(flows_values v) {
  free(v.z);
  free(v.logdet);
  free(v.logp);
  free(v.dx);
  free(v.dc);
}

void within(const subject *s, const char *what, double error, double bound) {
  if (getenv("CLF_VERBOSE"))
    printf("%llu: %s: %.2g of %.2g\n", (unsigned long long)s->number, what, error, bound);
  ck_assert_msg(error <= bound, "flow %llu: %s: the error is %.3g, above %g:\n%s",
                (unsigned long long)s->number, what, error, bound, clf_arch_text(s->arch));
}

/* The mask of a weight, whose masked entries stay 0; NULL where it has none. */
static double *mask_of(const clf_flow *f, const clf_param *p) {
  const char *end = strrchr(p->name, '.');
  char name[sizeof p->name];
  if (!end || strcmp(end, ".weight")) return NULL;
  snprintf(name, sizeof name, "%.*s.mask", (int)(end - p->name), p->name);
  for (int i = 0; i < clf_flow_param_count(f); i++) {
    const clf_param mask = clf_flow_param(f, i);
    if (strcmp(mask.name, name)) continue;
    double *v = flows_array(clf__count(&mask.at));
    WORKS(clf_read64(f->dev, mask.at, v));
    return v;
  }
  return NULL;
}

/* A random direction of one parameter, 0 where it is masked. */
double *direction(subject *s, const clf_param *p, double size) {
  const size_t n = clf__count(&p->at);
  double *v = flows_array(n), *mask = mask_of(s->exact, p);
  for (size_t i = 0; i < n; i++) v[i] = size * draw_normal(&s->random) * (mask ? mask[i] : 1);
  free(mask);
  return v;
}

/* Moves weights away from the initial ones, to numbers that a float holds, the same on both
 * devices.
 */
static void set_weights(subject *s) {
  for (int i = 0; i < clf_flow_param_count(s->exact); i++) {
    const clf_param p = clf_flow_param(s->exact, i), q = clf_flow_param(s->flow, i);
    const size_t n = clf__count(&p.at);
    const double fan_in = p.at.dim[p.rank > 0 ? p.rank - 1 : 0];
    double *v = flows_array(n),
           *step = direction(s, &p, p.trainable ? fmin(0.25, 0.6 / sqrt(fan_in)) : 0);
    ck_assert_str_eq(p.name, q.name);
    WORKS(clf_read64(s->exact->dev, p.at, v));
    for (size_t k = 0; k < n && p.trainable; k++) v[k] = (double)(float)(v[k] + step[k]);
    WORKS(clf_write64(s->exact->dev, p.at, v));
    WORKS(clf_write64(s->flow->dev, q.at, v));
    free(step);
    free(v);
  }
  WORKS(clf__flow_derive_again(s->exact));
  WORKS(clf__flow_derive_again(s->flow));
}

static int has_gradient(const subject *s) {
  double dx[ROWS * DIMS];
  const clf_status status = clf_log_prob_gradient(s->exact, s->x, s->c, ROWS, NULL, dx, NULL);
  if (status == CLF_ENOTSUP && strstr(clf_errmsg(), "there is no gradient through the inverse"))
    return 0;
  WORKS(status);
  return 1;
}

static void make_rows(subject *s) {
  s->x = flows_array(ROWS * (size_t)s->drawn.dim);
  s->c = s->drawn.context ? flows_array(ROWS * (size_t)s->drawn.context) : NULL;
  draw_rows(&s->random, &s->drawn, ROWS, s->x);
  if (s->c) draw_contexts(&s->random, &s->drawn, ROWS, s->c);
}

int make(subject *s, uint64_t number) {
  s->number = number;
  s->random = (draw_random){number * 2 + 12345};
  if (getenv("CLF_VERBOSE")) printf("%llu: %s\n", (unsigned long long)number, s->drawn.text);
  clf_status status = clf_arch_parse(s->drawn.text, &s->arch);
  if (!status) status = clf_flow_create_arch(exact_dev, s->arch, number, &s->exact);
  if (status) {
    ck_assert_msg(status == CLF_EINVAL, "flow %llu: %s\n%s", (unsigned long long)number,
                  clf_errmsg(), s->drawn.text);
    if (getenv("CLF_VERBOSE"))
      printf("%llu: refused: %s\n", (unsigned long long)number, clf_errmsg());
    clf_arch_free(s->arch);
    return 0;
  }
  WORKS(clf_flow_create_arch(flows_dev, s->arch, number, &s->flow));
  make_rows(s);
  set_weights(s);
  s->has_latents = s->arch->flow->base->type->id != CLF__ARCH_blend;
  s->has_gradient = has_gradient(s);
  s->want = values_of(s, s->exact);
  s->got = values_of(s, s->flow);
  return 1;
}

void unmake(subject *s) {
  release(s->got);
  release(s->want);
  free(s->c);
  free(s->x);
  clf_flow_free(s->flow);
  clf_flow_free(s->exact);
  clf_arch_free(s->arch);
}
