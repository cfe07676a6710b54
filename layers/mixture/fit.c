/* SPDX-License-Identifier: MIT */
/* fit.c: fits the base of a flow to the latents of its data by EM. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "em.h"
#include "mixture_private.h"
#include "named_options.h"
#include "source.h"

/* Rows that starts are tried on, and the iterations of each before the best one is chosen. */
enum { SOME = 16384, SHORT = 100 };

clf_mixture_options clf_mixture_options_default(void) {
  return (clf_mixture_options){.seed = 1, .starts = 1, .iterations = 300, .tol = 1e-4, .reg = 1e-6};
}

static const clf__named members[] = {
    CLF_NAMED(clf_mixture_options, seed, SEED, NULL),
    CLF_NAMED(clf_mixture_options, starts, INT32, NULL),
    CLF_NAMED(clf_mixture_options, iterations, INT32, NULL),
    CLF_NAMED(clf_mixture_options, tol, REAL, NULL),
    CLF_NAMED(clf_mixture_options, reg, REAL, NULL),
    CLF_NAMED(clf_mixture_options, prior, REAL, NULL),
    CLF_NAMED(clf_mixture_options, tied, FLAG, NULL),
};

clf_status clf_mixture_options_set(clf_mixture_options *options, const char *name,
                                   const char *value) {
  CLF_GIVEN("options, name, value", options, name, value);
  return clf__named_set("mixture", members, sizeof members / sizeof *members, options, name, value);
}

static clf_status check_options(const clf_mixture_options *o) {
  if (o->starts < 1 || o->starts > 1000)
    return clf__fail(CLF_EINVAL, "starts is %d; it must be 1 to 1000", (int)o->starts);
  if (o->iterations < 1 || o->iterations > 1000000)
    return clf__fail(CLF_EINVAL, "iterations is %d; it must be 1 to 1000000", (int)o->iterations);
  if (!(o->tol >= 0 && isfinite(o->tol)))
    return clf__fail(CLF_EINVAL, "tol is %g; it must be 0 or above", o->tol);
  if (!(o->reg > 0 && o->reg <= 1))
    return clf__fail(CLF_EINVAL, "reg is %g; it must be above 0 and at most 1", o->reg);
  if (!(o->prior >= 0 && isfinite(o->prior)))
    return clf__fail(CLF_EINVAL, "prior is %g; it must be 0 or above", o->prior);
  return CLF_OK;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* A fit in progress. */
typedef struct fit {
  clf_flow *f;
  const clf_mixture_options *o;
  clf__em_rules rules;
  const clf__mixture_form *form;
  double *u, *weights, *reg; /* (rows, dim), (rows) or NULL, (dim) */
  int64_t rows;
  clf__host_random random;
  clf_mixture_result result;
} fit;

/* Weights of the rows, normalised to mean 1. */
static clf_status copy_weights(fit *t, const double *weights) {
  double sum = 0;
  if (!weights) return CLF_OK;
  t->weights = malloc((size_t)t->rows * sizeof *t->weights);
  if (!t->weights) return clf__fail(CLF_ENOMEM, "no memory for %lld weights", (long long)t->rows);
  for (int64_t i = 0; i < t->rows; i++) sum += weights[i];
  for (int64_t i = 0; i < t->rows; i++) t->weights[i] = weights[i] * ((double)t->rows / sum);
  return CLF_OK;
}

/* The latents of the rows, after the context if the base is a joint one. */
static clf_status put_latents(fit *t, const double *x, const clf_train_data *data) {
  const clf_flow *f = t->f;
  const int32_t E = t->rules.form.dim, D = f->base.dim, C = E - D;
  const double *c = data->given ? data->given->at : NULL;
  t->u = malloc((size_t)t->rows * (size_t)E * sizeof *t->u);
  if (!t->u) return clf__fail(CLF_ENOMEM, "no memory for %lld rows", (long long)t->rows);
  double *z = t->u + t->rows * C; /* the end of the array, where in-place rows cannot overlap */
  CLF_TRY(c ? clf_transform_given(t->f, x, c, t->rows, z, NULL)
            : clf_transform(t->f, x, t->rows, z, NULL));
  for (int64_t i = 0; i < t->rows && C; i++) {
    memmove(t->u + i * E + C, z + i * D, (size_t)D * sizeof *z);
    for (int32_t d = 0; d < C; d++)
      t->u[i * E + d] = f->c_mean ? (c[i * C + d] - f->c_mean[d]) / f->c_std[d] : c[i * C + d];
  }
  return CLF_OK;
}

/* What is added to variances: a fraction of the columns' own variances.  A constant column
 * counts as variance 1. */
static clf_status put_reg(fit *t) {
  const int32_t D = t->rules.form.dim;
  t->rules.reg = t->reg = malloc((size_t)D * sizeof *t->reg);
  if (!t->reg) return clf__fail(CLF_ENOMEM, "no memory for %d variances", (int)D);
  for (int32_t d = 0; d < D; d++) {
    double mean = 0, square = 0;
    for (int64_t i = 0; i < t->rows; i++)
      mean += (t->weights ? t->weights[i] : 1) * t->u[i * D + d] / (double)t->rows;
    for (int64_t i = 0; i < t->rows; i++) {
      const double far = t->u[i * D + d] - mean;
      square += (t->weights ? t->weights[i] : 1) * far * far / (double)t->rows;
    }
    t->reg[d] = t->o->reg * (square > 0 ? square : 1);
  }
  return CLF_OK;
}

/* Checks, scaling and noise are those of training. */
static clf_status put_rows(fit *t, const clf_train_data *data) {
  clf_train_options train = clf_train_options_default();
  clf__source *source;
  train.seed = t->o->seed;
  CLF_TRY(clf__source_of_table(t->f, data, &train, &source));
  clf_status s = put_latents(t, clf__source_data(source)->at, data);
  clf__source_free(source);
  if (!s) s = copy_weights(t, data->weights);
  return s ? s : put_reg(t);
}

/* ---- EM -------------------------------------------------------------------------------------- */

static int stops(fit *t) {
  if (t->o->stop && t->o->stop(t->o->context)) t->result.stopped = 1;
  return t->result.stopped;
}

/* Restarts collapsed components at random rows, in the first half of the iterations and at most
 * as often as there are components. */
static clf_status reseed(fit *t, const clf__em_rows *d, const double *sums, double *row) {
  const clf__gaussians_form *o = &t->rules.form;
  const size_t S = (size_t)clf__gaussians_sums(o);
  for (int32_t k = 0; k < o->K && o->K > 1; k++) {
    if (sums[(size_t)k * S] >= CLF_EM_FEW || t->result.reseeded >= o->K) continue;
    const int64_t i = clf__host_below(&t->random, d->rows);
    CLF_TRY(clf__em_move(&t->rules, row, k, d->u + i * d->dim));
    t->result.reseeded++;
  }
  return CLF_OK;
}

/* EM of some rows, and the sums of an iteration. */
typedef struct em_run {
  clf__em em;
  const clf__em_rows *rows;
  double *sums;
} em_run;

static clf_status open_run(fit *t, const clf__em_rows *rows, em_run *r) {
  const clf__gaussians_form *o = &t->rules.form;
  *r = (em_run){.rows = rows};
  r->sums = malloc((size_t)o->K * (size_t)clf__gaussians_sums(o) * sizeof *r->sums);
  if (!r->sums) return clf__fail(CLF_ENOMEM, "no memory for EM");
  return clf__em_open(&r->em, t->f->dev, o, rows);
}
static void close_run(em_run *r) {
  clf__em_close(&r->em);
  free(r->sums);
}

/* Iterates from `row` until convergence, or for a number of iterations; mean log p of the last
 * one. */
static clf_status iterate(fit *t, em_run *r, int32_t iterations, double *row, double *mean) {
  double before = -INFINITY;
  t->result.converged = 0;
  for (int32_t i = 0; i < iterations && !stops(t); i++) {
    const int32_t reseeded = t->result.reseeded;
    CLF_TRY(clf__em_step(&r->em, row, r->sums, mean));
    if (!isfinite(*mean))
      return clf__fail(CLF_ENUM,
                       "EM: the mean log-density is %g after %d iterations; the data may be too "
                       "large for this device",
                       *mean, (int)t->result.iterations);
    t->result.converged = *mean - before < t->o->tol;
    CLF_TRY(clf__em_update(&t->rules, r->sums, row));
    if (t->result.iterations++ < t->o->iterations / 2) CLF_TRY(reseed(t, r->rows, r->sums, row));
    if (t->result.converged && t->result.reseeded == reseeded) break;
    before = t->result.reseeded == reseeded ? *mean : -INFINITY;
  }
  return CLF_OK;
}

/* EM of all rows, from good parameters. */
static clf_status run_all(fit *t, const clf__em_rows *all, double *row) {
  double mean;
  em_run r;
  clf_status s = open_run(t, all, &r);
  t->result.iterations = 0;
  if (!s) s = iterate(t, &r, t->o->iterations, row, &mean);
  close_run(&r);
  return s;
}

/* The best of several starts after a few iterations each.  Lloyd's iterations lead many starts
 * to the same solution, so only every second one uses them. */
static clf_status best_start(fit *t, em_run *r, double *row, double *trial) {
  const size_t P = (size_t)clf__gaussians_size(&t->rules.form);
  const int32_t all = t->o->iterations;
  const int32_t iterations = t->o->starts > 1 && all > SHORT ? SHORT : all;
  double best = -INFINITY;
  clf_mixture_result kept = t->result;
  for (int32_t i = 0; i < t->o->starts && !t->result.stopped; i++) {
    double mean = -INFINITY;
    t->result = (clf_mixture_result){0};
    CLF_TRY(clf__em_start(&t->rules, r->rows, i % 2 == 0, &t->random, trial));
    CLF_TRY(iterate(t, r, iterations, trial, &mean));
    if (mean <= best) continue;
    best = mean;
    kept = t->result;
    memcpy(row, trial, P * sizeof *row);
  }
  kept.stopped = t->result.stopped;
  t->result = kept;
  return best > -INFINITY
             ? CLF_OK
             : clf__fail(CLF_ESTOPPED, "the fit was stopped before its first iteration");
}

/* The best of all starts on some rows, until convergence. */
static clf_status run_starts(fit *t, const clf__em_rows *d, double *row) {
  double mean, *trial = malloc((size_t)clf__gaussians_size(&t->rules.form) * sizeof *trial);
  em_run r = {0};
  clf_status s = trial ? open_run(t, d, &r) : clf__fail(CLF_ENOMEM, "no memory for EM");
  if (!s) s = best_start(t, &r, row, trial);
  if (!s && !t->result.stopped && !t->result.converged)
    s = iterate(t, &r, t->o->iterations - t->result.iterations, row, &mean);
  close_run(&r);
  free(trial);
  return s;
}

/* Draws rows without repetition, by a partial shuffle. */
static clf_status draw_some(fit *t, clf__em_rows *some, double *u, double *weights) {
  const size_t D = (size_t)t->rules.form.dim;
  int64_t *index = malloc((size_t)t->rows * sizeof *index);
  double sum = 0;
  if (!index) return clf__fail(CLF_ENOMEM, "no memory for %lld rows", (long long)t->rows);
  for (int64_t i = 0; i < t->rows; i++) index[i] = i;
  for (int64_t i = 0; i < SOME; i++) {
    const int64_t j = i + clf__host_below(&t->random, t->rows - i), row = index[j];
    index[j] = index[i];
    memcpy(u + (size_t)i * D, t->u + (size_t)row * D, D * sizeof *u);
    if (t->weights) sum += weights[i] = t->weights[row];
  }
  for (int64_t i = 0; i < SOME && t->weights; i++) weights[i] *= SOME / sum;
  *some = (clf__em_rows){u, t->weights && sum > 0 ? weights : NULL, SOME, t->rules.form.dim};
  free(index);
  return CLF_OK;
}

/* Starts on some of the rows; then all of them. */
static clf_status run_large(fit *t, const clf__em_rows *all, double *row) {
  const size_t D = (size_t)all->dim;
  double *memory = malloc(SOME * (D + 1) * sizeof *memory);
  clf__em_rows some;
  if (!memory) return clf__fail(CLF_ENOMEM, "no memory for %d rows", SOME);
  clf_status s = draw_some(t, &some, memory, memory + SOME * D);
  if (!s) s = run_starts(t, &some, row);
  if (!s && !t->result.stopped) s = run_all(t, all, row);
  free(memory);
  return s;
}

/* ---- The flow -------------------------------------------------------------------------------- */

/* Mean log p of the rows under the flow, in the units of the data. */
static clf_status put_mean(fit *t, const clf_train_data *data) {
  double *logp = malloc((size_t)t->rows * sizeof *logp);
  const double *x = data->x->at;
  if (!logp) return clf__fail(CLF_ENOMEM, "no memory for %lld rows", (long long)t->rows);
  const clf_status s = data->given ? clf_log_prob_given(t->f, x, data->given->at, t->rows, logp)
                                   : clf_log_prob(t->f, x, t->rows, logp);
  t->result.mean = 0;
  for (int64_t i = 0; i < t->rows && !s; i++)
    t->result.mean += (t->weights ? t->weights[i] : 1) * logp[i] / (double)t->rows;
  free(logp);
  return s;
}

static clf_status find_mixture(fit *t, clf_tensor base, double *row) {
  const clf__em_rows all = {t->u, t->weights, t->rows, t->rules.form.dim};
  if (t->form->width > 0) return clf__em_kernels(&t->rules, &all, t->form, row);
  if (t->form->continues) {
    CLF_TRY(clf_read64(t->f->dev, base, row));
    return run_all(t, &all, row);
  }
  return t->rows > SOME ? run_large(t, &all, row) : run_starts(t, &all, row);
}

static clf_status fit_rows(fit *t, const clf__slot *slot) {
  const clf_tensor base = clf__slot_tensor(&(clf__vectors){.w = t->f->w}, slot);
  double *row = malloc((size_t)clf__gaussians_size(&t->rules.form) * sizeof *row);
  if (!row) return clf__fail(CLF_ENOMEM, "no memory for a mixture");
  clf_status s = find_mixture(t, base, row);
  if (!s) s = clf_write64(t->f->dev, base, row);
  free(row);
  return s;
}

static clf_status check_base(const clf_flow *f, const clf_mixture_options *o, int64_t rows,
                             const clf__gaussians_form *form) {
  if (!form)
    return clf__fail(CLF_EINVAL,
                     "the base of the flow is %s; EM fits mixture(...) and "
                     "normal(trained, cov=full)",
                     f->base.ops->name);
  if (o->tied && !form->below) return clf__fail(CLF_EINVAL, "tied is for mixtures with cov=full");
  if (form->dim > f->base.dim && f->embedding.ops)
    return clf__fail(CLF_ENOTSUP, "the joint mixture reads the context through a net, but EM needs "
                                  "the context itself: leave the net out");
  if (rows < 2 * (int64_t)form->K)
    return clf__fail(CLF_EINVAL,
                     "%lld rows are too few for %d components, which need at least %lld; use fewer "
                     "components",
                     (long long)rows, (int)form->K, 2 * (long long)form->K);
  return CLF_OK;
}

clf_status clf__mixture_fit_as(clf_flow *f, const clf_train_data *data,
                               const clf_mixture_options *o, const clf__mixture_form *as,
                               clf_mixture_result *result) {
  const clf__slot *slot = NULL;
  const clf__gaussians_form *form = clf__gaussians_form_of(&f->base, &slot);
  CLF_TRY(check_options(o));
  CLF_TRY(check_base(f, o, as->width > 0 ? 2 * data->x->rows : data->x->rows, form));
  fit t = {.f = f, .o = o, .form = as, .rows = data->x->rows, .random = {o->seed}};
  t.rules = (clf__em_rules){.form = *form,
                            .tied = o->tied,
                            .prior = o->prior,
                            .shrink = as->shrink,
                            .factors = as->factors};
  clf_status s = put_rows(&t, data);
  if (!s) s = fit_rows(&t, slot);
  if (!s && result) s = put_mean(&t, data);
  if (!s && result) *result = t.result;
  free(t.u);
  free(t.weights);
  free(t.reg);
  return s;
}

clf_status clf_mixture_fit(clf_flow *f, const clf_train_data *data, const clf_mixture_options *o,
                           clf_mixture_result *result) {
  CLF_GIVEN("flow, data, options", f, data, o);
  CLF_GIVEN("data->x", data->x);
  return clf__mixture_fit_as(f, data, o, &(clf__mixture_form){0}, result);
}
