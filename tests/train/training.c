/* SPDX-License-Identifier: MIT */
/* training.c: see training.h. */
#define _POSIX_C_SOURCE 200809L
#include "training.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *where;
clf_device *dev;
char folder[] = "/tmp/clflow-train-XXXXXX";

void open_device(void) { WORKS(clf_open(where, &dev)); }
void close_device(void) { clf_close(dev); }

int checking(void) { return dev->backend == &clf__check; }

const char *path_of(const char *name) {
  static char path[4][128];
  static int turn;
  turn = (turn + 1) % 4;
  snprintf(path[turn], sizeof path[turn], "%s/%s.safetensors", folder, name);
  return path[turn];
}

/* ---- Flows, data and runs ------------------------------------------------------------------ */

clf_flow *make_flow(clf_kind kind, int32_t dim) {
  clf_flow_spec spec = clf_flow_spec_default(kind, dim);
  clf_flow *f = NULL;
  spec.seed = 3;
  if (kind == CLF_PIECEWISE) {
    spec.bins = 10;
    spec.tails = 1;
  } else {
    spec.hidden = 4;
  }
  WORKS(clf_flow_create(dev, &spec, &f));
  return f;
}

clf_table make_data(int64_t rows, int32_t cols) {
  char source[64];
  clf_table moons, t;
  snprintf(source, sizeof source, "moons:n=%lld", (long long)rows);
  WORKS(clf_table_read(source, &moons));
  WORKS(clf_table_new(rows, cols, &t));
  for (int64_t i = 0; i < rows * cols; i++) t.at[i] = moons.at[i / cols * 2 + i % cols];
  clf_table_free(&moons);
  return t;
}

clf_train_options options_of(int64_t epochs, int32_t batch) {
  clf_train_options o = clf_train_options_default();
  o.epochs = epochs;
  o.batch = batch;
  o.seed = 5;
  return o;
}

const double still = 1e-30;

clf_trainer *make_trainer(clf_flow *f, const clf_table *data, const clf_train_options *o) {
  clf_trainer *t = NULL;
  WORKS(clf_trainer_create(f, data, o, &t));
  return t;
}
const clf__table_source *table_of(const clf_trainer *t) {
  return (const clf__table_source *)(const void *)t->source;
}
void done(clf_trainer *t, clf_flow *f, clf_table *data) {
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_table_free(data);
}

double *weights_of(const clf_flow *f) {
  double *w = malloc((size_t)f->w.dim[0] * sizeof *w);
  ck_assert_ptr_nonnull(w);
  WORKS(clf_read64(dev, f->w, w));
  return w;
}
int same_weights(const clf_flow *a, const clf_flow *b) {
  double *x = weights_of(a), *y = weights_of(b);
  const int same = memcmp(x, y, (size_t)a->w.dim[0] * sizeof *x) == 0;
  free(x);
  free(y);
  return same;
}

double mean_logp(clf_flow *f, const double *x, int64_t n) {
  clf_score score;
  WORKS(clf_evaluate(f, x, n, &score));
  return score.mean;
}

int same_files(const char *a, const char *b) { return equal_files(path_of(a), path_of(b)); }

/* ---- What is reported ----------------------------------------------------------------------- */

void begin(diary *d, const clf_trainer *t) {
  memset(d, 0, sizeof *d);
  d->rows = t->source->rows;
  d->batch = t->o.batch;
  d->S = (d->rows + d->batch - 1) / d->batch;
  d->epochs = t->o.epochs;
  d->held_out = t->source->held_out > 0;
  d->best = -INFINITY;
}

/* Mean log p of the current epoch, from its losses; the last batch may be short. */
static double mean_of_epoch(const diary *d, int64_t step) {
  double sum = 0, rows = 0;
  for (int64_t i = (step - 1) / d->S * d->S; i < step; i++) {
    const int64_t left = d->rows - i % d->S * d->batch, n = left < d->batch ? left : d->batch;
    sum += (double)d->losses[i] * (double)n;
    rows += (double)n;
  }
  return -sum / rows;
}

static void check_epoch_end(diary *d, const clf_progress *p) {
  ck_assert_int_eq(p->epoch, d->epochs_done + 1);
  d->train[d->epochs_done] = p->train;
  d->valid[d->epochs_done++] = p->valid;
  ck_assert_int_eq(isnan(p->valid), !d->held_out);
  ck_assert_int_eq(p->best, d->held_out && p->valid > d->best);
  if (!p->best) return;
  d->best = p->valid;
  d->best_epoch = p->epoch;
}

int watch(const clf_progress *p, void *context) {
  diary *d = context;
  ck_assert_int_eq(p->first, d->count);
  ck_assert_int_gt(p->count, 0);
  ck_assert_int_eq(p->first + p->count, p->step);
  ck_assert_int_le(p->step, MOST);
  memcpy(d->losses + d->count, p->losses, (size_t)p->count * sizeof *p->losses);
  d->count = p->step;
  d->reports++;
  ck_assert_int_eq(p->epochs, d->epochs);
  ck_assert_int_eq(p->steps, d->epochs * d->S);
  ck_assert_int_eq(p->epoch, (p->step - 1) / d->S + 1);
  ck_assert_int_eq(p->epoch_done, p->step % d->S == 0);
  const double mean = mean_of_epoch(d, p->step);
  ck_assert_msg(fabs(p->train - mean) <= 1e-5 * (1 + fabs(mean)), "step %lld: %g, not %g",
                (long long)p->step, p->train, mean);
  ck_assert_msg(p->rate > 0 && isfinite(p->rate), "rate %g", p->rate);
  ck_assert_msg(p->seconds >= 0 && p->left >= 0, "%g s, %g s left", p->seconds, p->left);
  if (p->step == p->steps) ck_assert_double_eq(p->left, 0);
  if (p->epoch_done)
    check_epoch_end(d, p);
  else
    ck_assert_msg(isnan(p->valid) && !p->best, "valid within an epoch");
  return d->stop_at && p->epoch >= d->stop_at && p->step >= d->stop_step;
}

void check_diary(const diary *d, int64_t steps) {
  ck_assert_int_eq(d->count, steps);
  ck_assert_int_eq(d->epochs_done, steps / d->S);
}

/* ---- Settings ------------------------------------------------------------------------------- */

/* Without validation rows the first report comes after 256 steps or a fraction of a second: within
 * an epoch, unless that is a single step. */
const setting settings[SETTINGS] = {
    {"in order", CLF_NVP, 70, 32, 8, 0, 0, 0, 1, NULL, 0, 0},
    {"shuffled", CLF_NVP, 70, 32, 8, 1, 0, 0, 1, NULL, 0, 0},
    {"standardised", CLF_NVP, 70, 32, 8, 1, 1, 0, 1, NULL, 0, 0},
    {"held out", CLF_NVP, 60, 20, 8, 1, 1, 0.25, 9, NULL, 0, 0},
    {"held out, within an epoch", CLF_NVP, 320, 2, 1, 1, 1, 0.1, 1, NULL, 0, 0},
    {"an epoch a step", CLF_NVP, 40, 290, 100, 1, 0, 0, 1, NULL, 0, 0},
    {"not fused", CLF_NVP, 70, 32, 8, 1, 0, 0, 1, "never", 0, 0},
    {"nice", CLF_NICE, 70, 32, 8, 1, 1, 0, 1, NULL, 0, 0},
    {"piecewise", CLF_PIECEWISE, 70, 32, 8, 1, 0, 0.1, 3, NULL, CLF_ACTIVATIONS_STORE, 0},
    {"reverse", CLF_NVP, 70, 32, 8, 1, 0, 0, 1, NULL, CLF_ACTIVATIONS_REVERSE, 0},
    {"reverse, not fused", CLF_NVP, 70, 32, 8, 1, 0, 0, 1, "never", CLF_ACTIVATIONS_REVERSE, 0},
    {"nice in reverse", CLF_NICE, 70, 32, 8, 1, 1, 0.1, 1, NULL, CLF_ACTIVATIONS_REVERSE, 0},
    {"scheduled", CLF_NVP, 70, 32, 8, 1, 0, 0, 1, NULL, 0, 1},
};
_Static_assert(sizeof settings / sizeof *settings == SETTINGS, "as many as are told");

clf_train_options options_for(const setting *s) {
  clf_train_options o = options_of(s->epochs, s->batch);
  o.shuffle = s->shuffle;
  o.standardize = s->standardize;
  o.valid_split = s->valid_split;
  o.activations = s->activations;
  if (!s->scheduled) return o;
  WORKS(clf_train_options_set(&o, "schedule", "cosine"));
  WORKS(clf_train_options_set(&o, "warmup", "20"));
  WORKS(clf_train_options_set(&o, "weight_decay", "0.1"));
  return o;
}

int32_t dim_of(const setting *s) { return s->kind == CLF_PIECEWISE ? 1 : 2; }

void fuse(const char *how) {
  if (how)
    setenv("CLFLOW_FUSE", how, 1);
  else
    unsetenv("CLFLOW_FUSE");
}

/* Trains from the beginning to the end, and saves. */
void whole(const setting *s, const clf_table *data, const char *name, diary *d) {
  const clf_train_options o = options_for(s);
  clf_flow *f = make_flow(s->kind, dim_of(s));
  clf_trainer *t = make_trainer(f, data, &o);
  begin(d, t);
  WORKS(clf_trainer_run(t, watch, d));
  check_diary(d, o.epochs * d->S);
  WORKS(clf_trainer_save(t, path_of(name)));
  clf_trainer_free(t);
  clf_flow_free(f);
}
