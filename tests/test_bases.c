/* SPDX-License-Identifier: MIT */
/* test_bases.c: base distributions, as flows without layers, on the device from the command
 * line. */
#include "bases/bases.h"
#include <math.h>
#include <stdlib.h>

void bases_uniform(uint64_t seed, double lo, double hi, size_t n, double *x) {
  clf__host_random r = {seed};
  for (size_t i = 0; i < n; i++) x[i] = (double)(float)(lo + (hi - lo) * clf__host_uniform(&r));
}

static void move_weights(clf_flow *f, double deviation) {
  const size_t n = clf__count(&f->w);
  double *w = flows_array(n), *by = flows_array(n);
  bases_uniform(99, -deviation, deviation, n, by);
  WORKS(clf_read64(f->dev, f->w, w));
  for (size_t i = 0; i < n; i++) w[i] = (double)(float)(w[i] + by[i]);
  WORKS(clf_write64(f->dev, f->w, w));
  free(by);
  free(w);
}

clf_flow *bases_flow(const char *text, double deviation) {
  clf_flow *f = flows_of(flows_dev, text, 7);
  if (f->w.buf) move_weights(f, deviation);
  return f;
}

/* Forward to log p, in a pass that backward may follow. */
static clf_tensor forward(clf_flow *f, const double *x, const double *c, int32_t n,
                          clf_tensor *logp) {
  const clf_tensor in = clf__rows(f->ws.x[0], n), logdet = clf__rows(f->ws.logdet, n);
  clf_tensor z;
  WORKS(clf_write64(f->dev, in, x));
  if (c) WORKS(clf_write64(f->dev, clf__rows(f->ws.c, n), c));
  WORKS(clf_do(f->dev, fill, .y = logdet, .value = 0));
  WORKS(clf__flow_embed(f, n, CLF_KEEP));
  WORKS(clf__flow_forward(f, in, logdet, CLF_KEEP, &z));
  *logp = clf__rows(f->ws.logp, n);
  WORKS(clf__flow_logp(f, z, logdet, CLF_KEEP, *logp));
  return z;
}

void bases_logp(clf_flow *f, const double *x, const double *c, int32_t n, double *logp) {
  clf_tensor out;
  WORKS(clf__flow_reserve(f, n, CLF_STORED));
  forward(f, x, c, n, &out);
  WORKS(clf_read64(f->dev, out, logp));
}

void bases_gradient(clf_flow *f, const double *x, const double *c, const double *each, int32_t n,
                    double *logp, double *g, double *dx, double *dc) {
  clf_arena a;
  clf_tensor out, dz;
  WORKS(clf__flow_reserve(f, n, CLF_STORED));
  WORKS(clf__flow_need_gradient(f));
  WORKS(clf_arena_init(&a, f->dev, (size_t)n + 16));
  if (each) {
    WORKS(clf_new(&a, (int32_t[4]){n}, &f->ws.each));
    WORKS(clf_write64(f->dev, f->ws.each, each));
  }
  const clf_tensor z = forward(f, x, c, n, &out);
  dz = clf__rows(f->ws.dx[0], n);
  if (f->ws.de.buf) WORKS(clf_do(f->dev, fill, .y = clf__rows(f->ws.de, n), .value = 0));
  WORKS(clf__flow_base_backward(f, z, 1, dz));
  WORKS(clf__flow_finish(f));
  WORKS(clf_read64(f->dev, out, logp));
  WORKS(clf_read64(f->dev, dz, dx));
  if (f->g.buf && g) WORKS(clf_read64(f->dev, f->g, g));
  if (dc) WORKS(clf_read64(f->dev, clf__rows(f->ws.de, n), dc));
  if (f->g.buf) WORKS(clf_do(f->dev, fill, .y = f->g, .value = 0));
  f->ws.each = (clf_tensor){0};
  clf_arena_free(&a);
}

void bases_sample(clf_flow *f, uint64_t seed, int64_t first, const double *c, int32_t n,
                  double *x) {
  WORKS(clf__flow_reserve(f, n, CLF_VALUES));
  const clf_tensor z = clf__rows(f->ws.x[0], n);
  if (c) WORKS(clf_write64(f->dev, clf__rows(f->ws.c, n), c));
  WORKS(clf__flow_draw_latents(f, seed, first, z));
  WORKS(clf_read64(f->dev, z, x));
}

static void add_tests(TCase *tc) {
  tests_of_golden(tc);
  tests_of_densities(tc);
  tests_of_samples(tc);
}

int main(int argc, char **argv) { return flows_main(argc, argv, add_tests); }
