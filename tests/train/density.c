/* SPDX-License-Identifier: MIT */
/* density.c: training against a log-density that is given. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/density.h"
#include "mlp_coupling.h"
#include "flows.h"
#include "training.h"

enum { HIDDEN = 8, DEPTH = 4, DIMS = 4 }; /* DIMS: maximum */

static clf_flow *small_flow(uint64_t seed) {
  clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, 2);
  clf_flow *f = NULL;
  spec.hidden = HIDDEN;
  spec.depth = DEPTH;
  spec.s_max = 2;
  spec.seed = seed;
  WORKS(clf_flow_create(dev, &spec, &f));
  return f;
}

static clf_flow *composed(const char *text) { return flows_of(dev, text, 6); }

static clf_trainer *against(clf_flow *f, const char *target, clf_density *d,
                            const clf_train_options *o) {
  clf_trainer *t = NULL;
  WORKS(clf_density_open(target, d));
  WORKS(clf_trainer_create_density(f, d, o, &t));
  return t;
}

/* With all weights 0 the flow is the identity, so q equals the target: the gradient of each sample
 * is 0, not just the mean. */
START_TEST(nothing_moves_at_the_optimum) {
  clf_train_options o = options_of(3, 20);
  clf_flow *f = small_flow(1);
  clf_density d;
  WORKS(clf_do(dev, fill, .y = f->w, .value = 0));
  WORKS(clf_train_options_set(&o, "samples", "70"));
  clf_trainer *t = against(f, "normal", &d, &o);
  ck_assert_int_eq(clf__steps_per_epoch(t), 4);
  WORKS(clf_trainer_run(t, NULL, NULL));
  double *w = weights_of(f);
  for (int64_t i = 0; i < clf_flow_weight_count(f); i++)
    ck_assert_msg(fabs(w[i]) < 1e-3, "weight %d is %g", (int)i, w[i]);
  ck_assert_double_eq_tol(clf_flow_history(f).train, 0, 1e-6);
  free(w);
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_density_free(&d);
}
END_TEST

/* The gradient of one step, for samples with latents z. */
static double *gradient_of(clf_flow *f, const char *target, int32_t part, double *z, double *loss) {
  clf_train_options o = options_of(1, 12);
  clf_density d;
  o.part = part;
  WORKS(clf_train_options_set(&o, "samples", "12"));
  clf_trainer *t = against(f, target, &d, &o);
  double *g = calloc((size_t)f->w.dim[0], sizeof *g);
  float at[2];
  WORKS(clf__flow_reserve(f, clf__trainer_micro_size(t, 0), CLF_STORED));
  for (int32_t first = 0; first < 12; first += t->plan.part) {
    clf_tensor x;
    WORKS(clf__trainer_micro_batch(t, 0, first, &x));
    WORKS(clf_read64(dev, x, z + f->spec.dim * first));
    WORKS(
        clf__density_step(t->source, first, x, clf_slice(t->ring, 0, 0, 1), 1.0f / 12, first == 0));
    WORKS(clf_read(dev, clf_slice(t->ring, 0, 0, 1), at));
    *loss = (first ? *loss : 0) + (double)at[0];
  }
  WORKS(clf__flow_finish(f));
  WORKS(clf_read64(dev, f->g, g));
  WORKS(clf_do(dev, fill, .y = f->g, .value = 0));
  clf_trainer_free(t);
  clf_density_free(&d);
  return g;
}

/* The latents of the first step, from the stream of training. */
static void latents_of(clf_flow *f, double *z) {
  const uint64_t seed = options_of(1, 12).seed ^ 0x72657665727365;
  WORKS(clf__flow_reserve(f, 12, CLF_STORED));
  const clf_tensor t = clf__rows(f->sends ? f->ws.z : f->ws.x[f->stages], 12);
  WORKS(clf__flow_draw_latents(f, seed, 0, t));
  WORKS(clf_read64(dev, t, z));
}

/* The mean of log q(x) - log p~(x), where x = f^-1(z), z is drawn from the base of f as in
 * training, and q is the density of another flow. */
static double divergence(clf_flow *f, clf_flow *q, const char *target) {
  double z[12 * DIMS], x[12 * DIMS], logq[12], logp[12], sum = 0;
  clf_density d;
  latents_of(f, z);
  WORKS(clf_density_open(target, &d));
  WORKS(clf_invert(f, z, 12, x, NULL));
  WORKS(clf_log_prob(q, x, 12, logq));
  WORKS(d.log_density(x, 12, logp, NULL, d.context));
  for (int i = 0; i < 12; i++) sum += (logq[i] - logp[i]) / 12;
  clf_density_free(&d);
  return sum;
}

static void shift_weight(clf_flow *f, double *w, int64_t i, double by) {
  w[i] += by;
  WORKS(clf_write64(dev, f->w, w));
  w[i] -= by;
}

/* The path gradient: the derivative of log q - log p~ by x, with the weights of q fixed, times that
 * of x by the weights of f. */
static const struct {
  const char *flow; /* NULL: that of small_flow(), scaled */
  const char *target;
} cases[] = {
    {NULL, "banana:bend=0.3"},
    {"2: (coupling(rq(bins=4, tail=3), mlp(8x1, tanh)))*2 -> normal", "mixture:modes=3,radius=1"},
    {"2: (ar(rq(bins=4, tail=3), made(8x1, tanh)))*2 -> normal", "banana:bend=0.3"},
    {"2: (~ar(rq(bins=4, tail=3), made(8x1, tanh)))*2 -> normal", "double_well"},
    {"2: elementwise(rq(bins=4, tail=3)), coupling(rq(bins=3, tail=3), mlp(8x1, tanh)) -> "
     "student(5)",
     "banana"},
    {"1: piecewise(bins=5, xmin=-3, xmax=3, tails=1), scale -> logistic", "normal:dim=1,std=2"},
    {"1: piecewise(bins=3, xmin=-1, xmax=1) -> normal(trained)", "phi4:dim=1"},
    {"2: batchnorm, coupling(add, resnet(6x1, tanh, bn=1)), batchnorm -> normal", "banana"},
    {"4: coupling(affine, mlp(6x1, tanh)), split(prior=normal(mlp(5x1, tanh))), coupling(affine, "
     "mlp(5x1, tanh)) -> laplace(trained)",
     "many_well:dim=4"},
    {"4: split(prior=normal(trained), keep=second), split, scale -> normal(trained)",
     "funnel:dim=4"},
    {"3: scale -> normal(trained, cov=full)", "mixture:dim=3"},
    {"3: scale -> normal(trained, cov=spherical)", "mixture:dim=3"},
    {"2: scale -> student(2, trained)", "banana"},
    {"4: scale -> columns(0: student(3, trained), 1+3: normal(trained), 2: box(-1, 1))",
     "normal:dim=4"},
};

/* Parameters of a base begin at 0, where some gradients vanish. */
static void move_base(clf_flow *f) {
  double *w = weights_of(f);
  for (int i = 0; i < f->slots.count; i++) {
    const clf__slot_entry *e = &f->slots.list[i];
    if (strncmp(e->name, "base.", 5) != 0 || e->slot->group != CLF_PLAIN) continue;
    for (int32_t k = 0; k < e->slot->dim[0]; k++) w[e->slot->at + k] += 0.3 * cos(k + 2 * i);
  }
  WORKS(clf_write64(dev, f->w, w));
  free(w);
}

static clf_flow *flow_of_case(int k) {
  const double mean[] = {0.3, -1}, std[] = {2, 0.5};
  if (cases[k].flow) {
    clf_flow *f = composed(cases[k].flow);
    move_base(f);
    return f;
  }
  clf_flow *f = small_flow(5);
  WORKS(clf_flow_set_scaling(f, mean, std));
  return f;
}

START_TEST(gradients_are_differences) {
  if (dev->bits != 64) return; /* differences need double */
  const int k = _i;
  clf_flow *f = flow_of_case(k), *q = flow_of_case(k);
  double z[12 * DIMS], again[12 * DIMS], loss;
  double *g = gradient_of(f, cases[k].target, 0, z, &loss), *w = weights_of(f);
  latents_of(f, again);
  ck_assert_mem_eq(z, again, 12 * (size_t)f->spec.dim * sizeof *z);
  const double scaling = 2 * clf__flow_scaling_logdet(f); /* as the ring of losses has it */
  ck_assert_double_eq_tol(loss - scaling / 2, divergence(f, q, cases[k].target), 1e-5);
  const int64_t W = f->w.dim[0] - f->slots.size[CLF_STATE];
  for (int64_t i = 0; i<W; i += W> 40 ? 3 : 1) {
    const double h = 1e-5;
    if (w[i] == 0 && g[i] == 0) continue; /* masked */
    shift_weight(f, w, i, h);
    const double above = divergence(f, q, cases[k].target);
    shift_weight(f, w, i, -h);
    const double slope = (above - divergence(f, q, cases[k].target)) / (2 * h);
    ck_assert_msg(fabs(slope - g[i]) < 1e-6 * (1 + fabs(slope)),
                  "weight %d: the gradient is %.9g, not %.9g", (int)i, g[i], slope);
  }
  free(g);
  free(w);
  clf_flow_free(f);
  clf_flow_free(q);
}
END_TEST

/* Float devices agree with double. */
START_TEST(gradients_of_the_device) {
  static const char *const text = "4: batchnorm, coupling(affine, mlp(6x1, tanh)), "
                                  "split(prior=normal(trained)), scale -> "
                                  "columns(0: student(3, trained), 1: normal(trained))";
  clf_device *const own = dev;
  double z[2][12 * DIMS], *g[2], loss[2];
  int64_t n = 0;
  for (int i = 0; i < 2; i++) {
    if (i) WORKS(clf_open("cpu64", &dev));
    clf_flow *f = composed(text);
    move_base(f);
    n = f->w.dim[0];
    g[i] = gradient_of(f, "many_well:dim=4", 0, z[i], &loss[i]);
    clf_flow_free(f);
  }
  clf_close(dev);
  dev = own;
  ck_assert_double_eq_tol(loss[0], loss[1], 1e-5 * (1 + fabs(loss[1])));
  for (int64_t i = 0; i < n; i++)
    ck_assert_double_eq_tol(g[0][i], g[1][i], 2e-5 * (1 + fabs(g[1][i])));
  for (int i = 0; i < 2; i++) free(g[i]);
}
END_TEST

/* The sum of the log-dets of the inverse. */
static double inverse_logdet(clf_flow *f, const double *z) {
  double x[24], logdet[12], sum = 0;
  WORKS(clf_invert(f, z, 12, x, logdet));
  for (int i = 0; i < 12; i++) sum += logdet[i];
  return sum;
}

/* The gradient of the log-det of the inverse, which an inverted layer adds to log p. */
START_TEST(gradients_of_log_dets) {
  if (dev->bits != 64) return;
  clf_flow *f = small_flow(5);
  double z[24], loss;
  free(gradient_of(f, "normal", 0, z, &loss)); /* draws z */
  double *w = weights_of(f), *g = calloc((size_t)f->w.dim[0], sizeof *g);
  for (int i = 0; i < f->layers; i++) clf__mlp_unfuse(&f->layer[i], 1);
  clf__flow_drop_workspace(f);
  WORKS(clf__flow_reserve(f, 12, CLF_STORED));
  const clf_tensor latents = clf__rows(f->ws.x[f->stages], 12), by_x = clf__rows(f->ws.dx[0], 12);
  clf_tensor x, dz;
  WORKS(clf_write64(dev, latents, z));
  WORKS(clf__flow_inverse(f, latents, clf__rows(f->ws.logdet, 12), CLF_KEEP, &x));
  WORKS(clf_do(dev, fill, .y = by_x, .value = 0));
  WORKS(clf__flow_backward_inverse(f, latents, by_x, 1, &dz));
  WORKS(clf_read64(dev, f->g, g));
  for (int64_t i = 0; i < f->w.dim[0]; i += 3) {
    const double h = 1e-5;
    shift_weight(f, w, i, h);
    const double above = inverse_logdet(f, z);
    shift_weight(f, w, i, -h);
    const double slope = (above - inverse_logdet(f, z)) / (2 * h);
    ck_assert_double_eq_tol(g[i], slope, 1e-6 * (1 + fabs(slope)));
  }
  free(g);
  free(w);
  clf_flow_free(f);
}
END_TEST

/* Micro-batches agree to rounding, and devices to that of float. */
START_TEST(micro_batches) {
  clf_flow *f = small_flow(5);
  double z[24], y[24], loss, same;
  double *whole = gradient_of(f, "banana", 0, z, &loss);
  double *parts = gradient_of(f, "banana", 5, y, &same);
  const double tolerance = dev->bits == 64 ? 1e-7 : 1e-5;
  ck_assert_int_eq(memcmp(z, y, sizeof z), 0);
  ck_assert_double_eq_tol(loss, same, 1e-5);
  for (int64_t i = 0; i < f->w.dim[0]; i++)
    ck_assert_double_eq_tol(whole[i], parts[i], tolerance * (1 + fabs(whole[i])));
  free(whole);
  free(parts);
  clf_flow_free(f);
}
END_TEST

/* From an effective sample size of a few per cent to nearly all, log Z within its error. */
START_TEST(learns_a_banana) {
  clf_train_options o = options_of(8, 128);
  clf_importance_score before, after;
  clf_density d;
  clf_flow *f = small_flow(2);
  o.lr = 1e-2;
  o.clip = 10;
  WORKS(clf_train_options_set(&o, "schedule", "cosine"));
  WORKS(clf_train_options_set(&o, "samples", "6400"));
  clf_trainer *t = against(f, "banana:scale=1,bend=0.5", &d, &o);
  WORKS(clf_importance(f, &d, 9, 0, 4000, &before, NULL, NULL));
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_importance(f, &d, 9, 0, 4000, &after, NULL, NULL));
  ck_assert_msg(before.ess < 0.6 && after.ess > 0.97, "%g before, %g after", before.ess, after.ess);
  ck_assert_msg(fabs(after.log_z) < 4 * after.log_z_error && after.log_z_error < 0.01,
                "log Z is %g +- %g", after.log_z, after.log_z_error);
  ck_assert(clf_flow_history(f).train > -0.1 && clf_flow_history(f).train < 0.05);
  clf_trainer_free(t);
  clf_density_free(&d);
  clf_flow_free(f);
}
END_TEST

/* A training that is saved half-way and resumed gives the same bits. */
START_TEST(resumes_with_the_same_bits) {
  clf_train_options o = options_of(4, 16);
  clf_density d;
  WORKS(clf_train_options_set(&o, "samples", "50"));
  for (int i = 0; i < 2; i++) {
    clf_flow *f = small_flow(3);
    o.epochs = i ? 2 : 4;
    clf_trainer *t = against(f, "double_well", &d, &o);
    WORKS(clf_trainer_run(t, NULL, NULL));
    WORKS(clf_trainer_save(t, path_of(i ? "half" : "whole")));
    clf_trainer_free(t);
    clf_flow_free(f);
    clf_density_free(&d);
  }
  clf_flow *f = NULL;
  WORKS(clf_flow_load(dev, path_of("half"), NULL, &f));
  o.epochs = 4;
  clf_trainer *t = against(f, "double_well", &d, &o);
  WORKS(clf_trainer_resume(t, path_of("half")));
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_trainer_save(t, path_of("resumed")));
  ck_assert_msg(same_files("whole", "resumed"), "a resume shows");
  clf_trainer_free(t);
  clf_density_free(&d);
  WORKS(clf_density_open("banana", &d));
  WORKS(clf_trainer_create_density(f, &d, &o, &t));
  ck_assert_int_eq(clf_trainer_resume(t, path_of("half")), CLF_EFORMAT);
  ck_assert_msg(strstr(clf_errmsg(), "another value of the data"), "%s", clf_errmsg());
  clf_trainer_free(t);
  clf_density_free(&d);
  clf_flow_free(f);
}
END_TEST

/* A scale of 0, so that the inverse divides by 0. */
START_TEST(an_overflow_names_its_layer) {
  clf_train_options o = options_of(1, 20);
  clf_flow *f =
      composed("2: coupling(add, mlp(4x1)), elementwise(affine(scale=exp)), lu -> normal");
  clf_density d;
  for (int i = 0; i < f->param_count; i++)
    if (strcmp(f->params[i].name, "layers.1.numbers") == 0)
      WORKS(clf_write64(dev, f->params[i].at, (double[]){-1e4, -1e4, -1e4, -1e4}));
  clf_trainer *t = against(f, "normal", &d, &o);
  ck_assert_int_eq(clf_trainer_run(t, NULL, NULL), CLF_ENUM);
  ck_assert_msg(strstr(clf_errmsg(), "the inverse of layers.1 is the first layer"), "%s",
                clf_errmsg());
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_density_free(&d);
}
END_TEST

/* ---- What is refused ------------------------------------------------------------------------- */

typedef struct density_of {
  int how, calls;
} density_of;

static clf_status normal_but(const double *x, int64_t n, double *logp, double *g, void *context) {
  density_of *c = context;
  const int bad = ++c->calls == 4;
  for (int64_t i = 0; i < n; i++)
    logp[i] = -(x[2 * i] * x[2 * i] + x[2 * i + 1] * x[2 * i + 1]) / 2;
  for (int64_t i = 0; i < 2 * n && g; i++) g[i] = -x[i];
  if (bad && c->how == 1) logp[5] = NAN;
  if (bad && c->how == 2) logp[0] = -INFINITY;
  if (bad && c->how == 3) g[3] = INFINITY;
  return bad && c->how == 4 ? clf_fail(CLF_EIO, "the simulator is away") : CLF_OK;
}

static const struct {
  int how;
  clf_status status;
  const char *says;
} broken[] = {
    {1, CLF_ENUM, "the log-density of sample 5 is nan, at ("},
    {2, CLF_ENUM, "training needs a density above 0 wherever the flow may sample"},
    {3, CLF_ENUM, "the gradient of the log-density of sample 1 by column 2 is inf"},
    {4, CLF_EIO, "the simulator is away"},
};

/* A failed step has no effect: the next run continues as if it had not been tried. */
START_TEST(densities_that_fail) {
  density_of good = {0, 0}, bad = {broken[_i].how, 0};
  const clf_train_options o = options_of(1, 20);
  clf_flow *f[2] = {small_flow(4), small_flow(4)};
  clf_trainer *t = NULL;
  for (int i = 0; i < 2; i++) {
    const clf_density d = {.dim = 2, .log_density = normal_but, .context = i ? &bad : &good};
    WORKS(clf_trainer_create_density(f[i], &d, &o, &t));
    if (i) {
      ck_assert_int_eq(clf_trainer_run(t, NULL, NULL), broken[_i].status);
      ck_assert_msg(strstr(clf_errmsg(), broken[_i].says), "%s", clf_errmsg());
    }
    WORKS(clf_trainer_run(t, NULL, NULL));
    clf_trainer_free(t);
  }
  ck_assert(same_weights(f[0], f[1]));
  for (int i = 0; i < 2; i++) clf_flow_free(f[i]);
}
END_TEST

START_TEST(what_a_density_does_not_go_with) {
  clf_train_options o = options_of(1, 20);
  clf_density d = {.dim = 2};
  clf_flow *f = small_flow(4),
           *picked = composed("2: -> columns(0: mixture(3), 1: normal(trained))");
  clf_trainer *t = NULL;
  REFUSED(clf_trainer_create_density(f, &d, &o, &t), CLF_EINVAL, "the density has no function");
  WORKS(clf_density_open("normal:dim=3", &d));
  REFUSED(clf_trainer_create_density(f, &d, &o, &t), CLF_ESHAPE,
          "the density has 3 dimensions, the flow has 2");
  clf_density_free(&d);
  WORKS(clf_density_open("normal", &d));
  REFUSED(clf_trainer_create_density(picked, &d, &o, &t), CLF_ENOTSUP,
          "training against a log-density needs gradients through the base's samples, and columns "
          "has none for its weights; normal(trained) has, and elementwise layers change the shape "
          "of a base without weights");
  o.valid_split = 0.5;
  REFUSED(clf_trainer_create_density(f, &d, &o, &t), CLF_EINVAL,
          "valid_split is for data; a log-density has none");
  o.valid_split = 0;
  o.standardize = 1;
  REFUSED(clf_trainer_create_density(f, &d, &o, &t), CLF_EINVAL,
          "standardize is for data; a log-density has none");
  o.standardize = 0;
  o.activations = CLF_ACTIVATIONS_REVERSE;
  REFUSED(clf_trainer_create_density(f, &d, &o, &t), CLF_EINVAL,
          "activations is 1 (reverse); training against a log-density stores them");
  o.activations = CLF_ACTIVATIONS_AUTO;
  WORKS(clf_trainer_create_density(f, &d, &o, &t));
  REFUSED(clf_trainer_recalibrate(t), CLF_EINVAL,
          "running statistics need data; a log-density has none");
  clf_trainer_free(t);
  clf_density_free(&d);
  clf_flow_free(f);
  clf_flow_free(picked);
}
END_TEST

void tests_of_density(TCase *tc) {
  tcase_add_test(tc, nothing_moves_at_the_optimum);
  tcase_add_loop_test(tc, gradients_are_differences, 0, sizeof cases / sizeof *cases);
  tcase_add_test(tc, gradients_of_the_device);
  tcase_add_test(tc, gradients_of_log_dets);
  tcase_add_test(tc, micro_batches);
  tcase_add_test(tc, learns_a_banana);
  tcase_add_test(tc, resumes_with_the_same_bits);
  tcase_add_test(tc, an_overflow_names_its_layer);
  tcase_add_loop_test(tc, densities_that_fail, 0, sizeof broken / sizeof *broken);
  tcase_add_test(tc, what_a_density_does_not_go_with);
}
