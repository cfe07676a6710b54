/* SPDX-License-Identifier: MIT */
/* test_train.c: training on one device: the bits of a run, interrupted or not; what is
 * reported, refused and saved.
 *   test_train DEVICE               (default cpu) */
#define _POSIX_C_SOURCE 200809L
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "trainer.h"

#define WORKS(call) ck_assert_msg(!(call), "%s", clf_errmsg())
#define REFUSED(call, status, message)                                                             \
  do {                                                                                             \
    ck_assert_int_eq((call), (status));                                                            \
    ck_assert_str_eq(clf_errmsg(), (message));                                                     \
  } while (0)

static const char *where;
static clf_device *dev;
static char folder[] = "/tmp/clflow-train-XXXXXX";

static void open_device(void) { WORKS(clf_open(where, &dev)); }
static void close_device(void) { clf_close(dev); }

/* On a checking device a number that overflows in float alone is a mismatch. */
static int checking(void) { return dev->backend == &clf__check; }

static const char *path_of(const char *name) {
  static char path[4][128];
  static int turn;
  turn = (turn + 1) % 4;
  snprintf(path[turn], sizeof path[turn], "%s/%s.safetensors", folder, name);
  return path[turn];
}

/* ---- Flows, data and runs ------------------------------------------------------------------ */

static clf_flow *make_flow(clf_kind kind, int32_t dim) {
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

/* The first `cols` columns of two moons. */
static clf_table make_data(int64_t rows, int32_t cols) {
  char source[64];
  clf_table moons, t;
  snprintf(source, sizeof source, "moons:n=%lld", (long long)rows);
  WORKS(clf_table_read(source, &moons));
  WORKS(clf_table_new(rows, cols, &t));
  for (int64_t i = 0; i < rows * cols; i++) t.at[i] = moons.at[i / cols * 2 + i % cols];
  clf_table_free(&moons);
  return t;
}

static clf_train_options options_of(int64_t epochs, int32_t batch) {
  clf_train_options o = clf_train_options_default();
  o.epochs = epochs;
  o.batch = batch;
  o.seed = 5;
  return o;
}

/* A rate that moves no weight, so that losses are those of the initial ones. */
static const double still = 1e-30;

static clf_trainer *make_trainer(clf_flow *f, const clf_table *data, const clf_train_options *o) {
  clf_trainer *t = NULL;
  WORKS(clf_trainer_create(f, data, o, &t));
  return t;
}
static const clf__table_source *table_of(const clf_trainer *t) {
  return (const clf__table_source *)(const void *)t->source;
}
static void done(clf_trainer *t, clf_flow *f, clf_table *data) {
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_table_free(data);
}

/* All weights of the flow, which are the caller's to free(). */
static double *weights_of(const clf_flow *f) {
  double *w = malloc((size_t)f->w.dim[0] * sizeof *w);
  ck_assert_ptr_nonnull(w);
  WORKS(clf_read64(dev, f->w, w));
  return w;
}
static int same_weights(const clf_flow *a, const clf_flow *b) {
  double *x = weights_of(a), *y = weights_of(b);
  const int same = memcmp(x, y, (size_t)a->w.dim[0] * sizeof *x) == 0;
  free(x);
  free(y);
  return same;
}

static double mean_logp(clf_flow *f, const double *x, int64_t n) {
  clf_score score;
  WORKS(clf_evaluate(f, x, n, &score));
  return score.mean;
}

static char *slurp(const char *path, size_t *size) {
  FILE *f = fopen(path, "rb");
  ck_assert_msg(f != NULL, "%s", path);
  fseek(f, 0, SEEK_END);
  *size = (size_t)ftell(f);
  rewind(f);
  char *bytes = malloc(*size);
  ck_assert_uint_eq(fread(bytes, 1, *size, f), *size);
  fclose(f);
  return bytes;
}

static int same_files(const char *a, const char *b) {
  size_t n, m;
  char *x = slurp(path_of(a), &n), *y = slurp(path_of(b), &m);
  const int same = n == m && memcmp(x, y, n) == 0;
  free(x);
  free(y);
  return same;
}

/* ---- What is reported ----------------------------------------------------------------------- */

enum { MOST = 1024 };

/* Of one training, however often it is interrupted. */
typedef struct diary {
  int64_t rows, batch, S, epochs; /* S steps an epoch */
  int64_t stop_at;                /* stops at the first report from this epoch on; 0: never */
  int64_t stop_step;              /* and from this step on */
  int64_t count, epochs_done, reports;
  double seconds, best;
  float losses[MOST];
  double valid[MOST], train[MOST]; /* by epoch */
  int64_t best_epoch;
  int held_out;
} diary;

static void begin(diary *d, const clf_trainer *t) {
  memset(d, 0, sizeof *d);
  d->rows = t->source->rows;
  d->batch = t->o.batch;
  d->S = (d->rows + d->batch - 1) / d->batch;
  d->epochs = t->o.epochs;
  d->held_out = t->source->held_out > 0;
  d->best = -INFINITY;
}

/* Mean log p of the epoch under way, from its losses; the last batch may be short. */
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

static int watch(const clf_progress *p, void *context) {
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

static void check_diary(const diary *d, int64_t steps) {
  ck_assert_int_eq(d->count, steps);
  ck_assert_int_eq(d->epochs_done, steps / d->S);
}

/* ---- The same bits -------------------------------------------------------------------------- */

typedef struct setting {
  const char *label;
  clf_kind kind;
  int64_t rows, epochs;
  int32_t batch;
  int shuffle, standardize;
  double valid_split;
  int64_t stop_at; /* epoch */
  const char *fuse;
  int activations;
} setting;

/* Without rows held out the first report comes after 256 steps, or a fraction of a
 * second: within an epoch, but for one that is a single step. */
static const setting settings[] = {
    {"in order", CLF_NVP, 70, 32, 8, 0, 0, 0, 1, NULL, 0},
    {"shuffled", CLF_NVP, 70, 32, 8, 1, 0, 0, 1, NULL, 0},
    {"standardised", CLF_NVP, 70, 32, 8, 1, 1, 0, 1, NULL, 0},
    {"held out", CLF_NVP, 60, 20, 8, 1, 1, 0.25, 9, NULL, 0},
    {"held out, within an epoch", CLF_NVP, 320, 2, 1, 1, 1, 0.1, 1, NULL, 0},
    {"an epoch a step", CLF_NVP, 40, 290, 100, 1, 0, 0, 1, NULL, 0},
    {"not fused", CLF_NVP, 70, 32, 8, 1, 0, 0, 1, "never", 0},
    {"nice", CLF_NICE, 70, 32, 8, 1, 1, 0, 1, NULL, 0},
    {"piecewise", CLF_PIECEWISE, 70, 32, 8, 1, 0, 0.1, 3, NULL, CLF_ACTIVATIONS_STORE},
    {"reverse", CLF_NVP, 70, 32, 8, 1, 0, 0, 1, NULL, CLF_ACTIVATIONS_REVERSE},
    {"reverse, not fused", CLF_NVP, 70, 32, 8, 1, 0, 0, 1, "never", CLF_ACTIVATIONS_REVERSE},
    {"nice in reverse", CLF_NICE, 70, 32, 8, 1, 1, 0.1, 1, NULL, CLF_ACTIVATIONS_REVERSE},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static clf_train_options options_for(const setting *s) {
  clf_train_options o = options_of(s->epochs, s->batch);
  o.shuffle = s->shuffle;
  o.standardize = s->standardize;
  o.valid_split = s->valid_split;
  o.activations = s->activations;
  return o;
}

static int32_t dim_of(const setting *s) { return s->kind == CLF_PIECEWISE ? 1 : 2; }

static void fuse(const char *how) {
  if (how)
    setenv("CLFLOW_FUSE", how, 1);
  else
    unsetenv("CLFLOW_FUSE");
}

/* Trains from the beginning to the end, and saves. */
static void whole(const setting *s, const clf_table *data, const char *name, diary *d) {
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

/* Stops on the way, saves there, goes on in the same trainer, and saves at the end. */
static void interrupted(const setting *s, const clf_table *data, const char *halfway,
                        const char *end, diary *d) {
  const clf_train_options o = options_for(s);
  clf_flow *f = make_flow(s->kind, dim_of(s));
  clf_trainer *t = make_trainer(f, data, &o);
  char text[96];
  begin(d, t);
  d->stop_at = s->stop_at;
  ck_assert_int_eq(clf_trainer_run(t, watch, d), CLF_ESTOPPED);
  snprintf(text, sizeof text, "stopped after step %lld of %lld", (long long)d->count,
           (long long)(o.epochs * d->S));
  ck_assert_str_eq(clf_errmsg(), text);
  WORKS(clf_trainer_save(t, path_of(halfway)));
  d->stop_at = 0;
  WORKS(clf_trainer_run(t, watch, d));
  check_diary(d, o.epochs * d->S);
  WORKS(clf_trainer_save(t, path_of(end)));
  clf_trainer_free(t);
  clf_flow_free(f);
}

/* Goes on from a file, `epochs` in all. */
static void resumed(const setting *s, const clf_table *data, int64_t epochs, const char *from,
                    const char *end, diary *d) {
  clf_train_options o = options_for(s);
  clf_flow *f = NULL;
  o.epochs = epochs;
  WORKS(clf_flow_load(dev, path_of(from), NULL, &f));
  clf_trainer *t = make_trainer(f, data, &o);
  WORKS(clf_trainer_resume(t, path_of(from)));
  WORKS(clf_trainer_run(t, d ? watch : NULL, d));
  if (d) check_diary(d, o.epochs * d->S);
  WORKS(clf_trainer_save(t, path_of(end)));
  clf_trainer_free(t);
  clf_flow_free(f);
}

START_TEST(interruptions_change_no_bit) {
  const setting *s = &settings[_i];
  static diary a, b;
  if (checking() && s->valid_split == 0) return; /* slow, and the bits are the inner device's */
  clf_table data = make_data(s->rows, dim_of(s));
  fuse(s->fuse);
  whole(s, &data, "whole", &a);
  interrupted(s, &data, "halfway", "interrupted", &b);
  ck_assert_msg(memcmp(a.losses, b.losses, sizeof a.losses) == 0, "%s: other losses", s->label);
  ck_assert_msg(same_files("whole", "interrupted"), "%s: an interruption shows", s->label);
  clf_flow *f = NULL;
  WORKS(clf_flow_load(dev, path_of("halfway"), NULL, &f));
  const int64_t steps = clf_flow_history(f).steps;
  clf_flow_free(f);
  ck_assert_msg(steps > 0 && steps < a.count, "%s: saved at step %lld", s->label, (long long)steps);
  begin(&b, &(clf_trainer){.source = &(clf__source){.rows = a.rows, .held_out = a.held_out},
                           .o = options_for(s)});
  b.count = steps; /* the diary of the process that goes on begins there */
  b.epochs_done = steps / b.S;
  b.best = -INFINITY;
  for (int64_t i = 0; i < b.epochs_done; i++) b.best = fmax(b.best, a.valid[i]);
  memcpy(b.losses, a.losses, (size_t)steps * sizeof *a.losses);
  resumed(s, &data, s->epochs, "halfway", "resumed", &b);
  ck_assert_msg(memcmp(a.losses, b.losses, sizeof a.losses) == 0, "%s: other losses", s->label);
  ck_assert_msg(same_files("whole", "resumed"), "%s: a resume shows", s->label);
  fuse(NULL);
  clf_table_free(&data);
}
END_TEST

/* ---- Activations rebuilt -------------------------------------------------------------------- */

static clf_flow *deep_flow(clf_kind kind, int32_t depth) {
  clf_flow_spec spec = clf_flow_spec_default(kind, 4);
  clf_flow *f = NULL;
  spec.hidden = 8;
  spec.depth = depth;
  WORKS(clf_flow_create(dev, &spec, &f));
  return f;
}

static clf_train_plan plan_of(const clf_flow *f, int activations, uint64_t memory) {
  clf_train_options o = options_of(1, 1000);
  clf_train_plan plan;
  o.activations = activations;
  o.memory = memory;
  WORKS(clf_train_plan_of(f, &o, 1000, &plan));
  return plan;
}

/* Of 8 couplings and of 64; fused and not.  An arena aligns tensors, not by how many. */
START_TEST(memory_of_depths) {
  fuse(_i ? "never" : "always");
  for (int kind = CLF_NVP; kind <= CLF_NICE; kind++) {
    clf_flow *f[2] = {deep_flow((clf_kind)kind, 8), deep_flow((clf_kind)kind, 64)};
    const clf_train_plan a = plan_of(f[0], CLF_ACTIVATIONS_REVERSE, 0);
    const clf_train_plan b = plan_of(f[1], CLF_ACTIVATIONS_REVERSE, 0);
    ck_assert_int_eq(b.way, CLF_ACTIVATIONS_REVERSE);
    ck_assert_uint_eq(a.activations, b.activations);
    ck_assert_uint_eq(b.activations, b.rebuilt);
    ck_assert_uint_ge(b.stored - a.stored, (uint64_t)56 * 4 * 1000 * (unsigned)dev->bits / 8);
    WORKS(clf__flow_reserve(f[1], 1000, CLF_REBUILT)); /* what is planned is what is taken */
    ck_assert_uint_eq(f[1]->ws.arena.used * (unsigned)dev->bits / 8, b.activations);
    for (int i = 0; i < 2; i++) clf_flow_free(f[i]);
  }
  fuse(NULL);
}
END_TEST

START_TEST(memory_decides_the_way) {
  clf_flow *f = deep_flow(CLF_NVP, 64);
  const clf_train_plan all = plan_of(f, CLF_ACTIVATIONS_AUTO, 0);
  ck_assert_int_eq(all.way, CLF_ACTIVATIONS_STORE);
  ck_assert_int_eq(all.part, 1000);
  const clf_train_plan less = plan_of(f, CLF_ACTIVATIONS_AUTO, all.total - 1);
  ck_assert_int_eq(less.way, CLF_ACTIVATIONS_REVERSE);
  ck_assert_int_eq(less.part, 1000);
  ck_assert_uint_eq(all.total - less.total, all.stored - all.rebuilt);
  const clf_train_plan parts = plan_of(f, CLF_ACTIVATIONS_AUTO, less.total - 1);
  ck_assert_int_eq(parts.way, CLF_ACTIVATIONS_REVERSE);
  ck_assert_int_eq(parts.part, 500);
  const clf_train_plan stored = plan_of(f, CLF_ACTIVATIONS_STORE, less.total - 1);
  ck_assert_int_eq(stored.way, CLF_ACTIVATIONS_STORE);
  ck_assert_int_lt(stored.part, 500);
  clf_flow_free(f);
}
END_TEST

/* A scale of e^-40, in which x is lost beside the shift. */
static void explode(clf_flow *f) {
  for (int i = 0; i < clf_flow_param_count(f); i++)
    if (strcmp(clf_flow_param(f, i).name, "layers.1.map_s.2.bias") == 0)
      WORKS(clf_do(dev, fill, .y = clf_flow_param(f, i).at, .value = -40));
}

typedef struct notes {
  int64_t stop_at; /* step; 0: nowhere */
  int count;
  char text[256];
} notes;
static int note(const clf_progress *p, void *context) {
  notes *n = context;
  if (p->stored) {
    snprintf(n->text, sizeof n->text, "%s", p->stored);
    n->count++;
  }
  return n->stop_at && p->step >= n->stop_at;
}
static void expect_note(const notes *n, int64_t step) {
  char begin[96];
  static const char end[] = "; from this step on activations are stored";
  snprintf(begin, sizeof begin, "step %lld: the input rebuilt from the output is off by ",
           (long long)step);
  ck_assert_int_eq(n->count, 1);
  ck_assert_msg(strncmp(n->text, begin, strlen(begin)) == 0 && strstr(n->text, end) != NULL, "%s",
                n->text);
}

/* From the first step on all is as if it had been stored. */
START_TEST(inverse_that_explodes_at_once) {
  if (checking()) return;
  clf_table data = make_data(20, 2);
  clf_train_options o = options_of(20, 8);
  clf_flow *f[2];
  setenv("CLFLOW_FUSE", "layers", 1); /* steps that are stored go one by one too */
  for (int i = 0; i < 2; i++) {
    notes n = {0};
    f[i] = make_flow(CLF_NVP, 2);
    explode(f[i]);
    o.activations = i ? CLF_ACTIVATIONS_REVERSE : CLF_ACTIVATIONS_STORE;
    clf_trainer *t = make_trainer(f[i], &data, &o);
    WORKS(clf_trainer_run(t, note, &n));
    ck_assert_int_eq(f[i]->ws.train, CLF_STORED);
    ck_assert_int_eq(clf_trainer_plan(t).way, o.activations);
    if (i) expect_note(&n, 1);
    clf_trainer_free(t);
  }
  unsetenv("CLFLOW_FUSE");
  ck_assert(same_weights(f[0], f[1]));
  clf_flow_free(f[0]);
  clf_flow_free(f[1]);
  clf_table_free(&data);
}
END_TEST

/* Weights that change after step 101 are seen at step 201, which is taken again; a file of
 * then goes on to the same end. */
START_TEST(inverse_that_explodes_later) {
  if (checking()) return;
  clf_table data = make_data(8, 2);
  clf_train_options o = options_of(600, 8);
  notes n = {.stop_at = 101};
  o.activations = CLF_ACTIVATIONS_REVERSE;
  clf_flow *f = make_flow(CLF_NVP, 2), *g = NULL;
  clf_trainer *t = make_trainer(f, &data, &o), *u;
  ck_assert_int_eq(clf_trainer_run(t, note, &n), CLF_ESTOPPED);
  ck_assert_int_le(t->step, 200); /* what comes before a guarded step is read before it */
  ck_assert_int_eq(n.count, 0);
  explode(f);
  n.stop_at = 202;
  ck_assert_int_eq(clf_trainer_run(t, note, &n), CLF_ESTOPPED);
  expect_note(&n, 201);
  ck_assert_int_eq(t->stored_from, 200);
  WORKS(clf_trainer_save(t, path_of("exploded")));
  n.stop_at = 0;
  WORKS(clf_trainer_run(t, note, &n));
  WORKS(clf_flow_load(dev, path_of("exploded"), NULL, &g));
  WORKS(clf_train_options_load(path_of("exploded"), &o));
  ck_assert_int_eq(o.activations, CLF_ACTIVATIONS_REVERSE);
  u = make_trainer(g, &data, &o);
  WORKS(clf_trainer_resume(u, path_of("exploded")));
  ck_assert_int_eq(u->stored_from, 200);
  WORKS(clf_trainer_run(u, note, &n));
  ck_assert_int_eq(n.count, 1);
  ck_assert(same_weights(f, g));
  clf_trainer_free(u);
  clf_flow_free(g);
  done(t, f, &data);
}
END_TEST

START_TEST(seeds_decide) {
  static diary a, b;
  clf_table data = make_data(70, 2);
  setting s = settings[1];
  s.epochs = 3;
  whole(&s, &data, "first", &a);
  whole(&s, &data, "second", &b);
  ck_assert_int_eq(memcmp(a.losses, b.losses, sizeof a.losses), 0);
  ck_assert_msg(same_files("first", "second"), "the same seed gives other weights");
  clf_train_options o = options_for(&s);
  o.seed = 6;
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  begin(&b, t);
  WORKS(clf_trainer_run(t, watch, &b));
  ck_assert_int_ne(memcmp(a.losses, b.losses, (size_t)a.count * sizeof *a.losses), 0);
  done(t, f, &data);
}
END_TEST

/* Many steps in one launch, or each as its operations: the same but for rounding, which Adam
 * makes of a gradient near zero a step of its own. */
START_TEST(fused_steps) {
  static diary many, single;
  static const clf_kind kinds[] = {CLF_NVP, CLF_NICE};
  clf_table data = make_data(70, 2);
  clf_train_options o = options_of(4, 20);
  o.lr = 1e-3;
  for (int i = 0; i < 2; i++) {
    diary *const d = i ? &single : &many;
    if (i) setenv("CLFLOW_FUSE", "layers", 1);
    clf_flow *f = make_flow(kinds[_i], 2);
    clf_trainer *t = make_trainer(f, &data, &o);
    ck_assert_int_eq(t->many, !i && !checking());
    begin(d, t);
    WORKS(clf_trainer_run(t, watch, d));
    clf_trainer_free(t);
    clf_flow_free(f);
  }
  unsetenv("CLFLOW_FUSE");
  ck_assert_int_eq(many.count, 16);
  /* Losses are floats near 3: their own steps are 2.4e-7. */
  const double most = dev->bits == 64 ? 3e-7 : 1e-5;
  for (int k = 0; k < many.count; k++)
    ck_assert_msg(fabs((double)many.losses[k] - (double)single.losses[k]) <= most,
                  "step %d: %.9g, not %.9g", k, (double)many.losses[k], (double)single.losses[k]);
  clf_table_free(&data);
}
END_TEST

/* After the end, a larger `epochs` goes on from the last weights, not from the best. */
START_TEST(more_epochs_than_at_first) {
  static diary d;
  setting s = settings[_i ? 1 : 3];
  clf_table data = make_data(s.rows, 2);
  s.epochs = 6;
  whole(&s, &data, "six", &d);
  resumed(&s, &data, 6, "six", "six again", NULL);
  ck_assert_msg(same_files("six", "six again"), "going on to where it ended changes the file");
  resumed(&s, &data, 9, "six", "nine of six", NULL);
  s.epochs = 9;
  whole(&s, &data, "nine", &d);
  ck_assert_msg(same_files("nine", "nine of six"), "6 and 3 epochs are not 9");
  clf_table_free(&data);
}
END_TEST

START_TEST(running_again_after_the_end) {
  const setting *s = &settings[3];
  static diary d;
  clf_table data = make_data(s->rows, 2);
  const clf_train_options o = options_for(s);
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  begin(&d, t);
  WORKS(clf_trainer_run(t, watch, &d));
  WORKS(clf_trainer_save(t, path_of("once")));
  WORKS(clf_trainer_run(t, watch, &d));
  check_diary(&d, o.epochs * d.S);
  WORKS(clf_trainer_save(t, path_of("twice")));
  ck_assert_msg(same_files("once", "twice"), "a second run after the end changes the file");
  done(t, f, &data);
}
END_TEST

/* A trainer that was at its end goes back to where a file is, and comes to the same end. */
START_TEST(back_from_the_end) {
  const setting *s = &settings[3];
  static diary d;
  clf_table data = make_data(s->rows, 2);
  const clf_train_options o = options_for(s);
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  begin(&d, t);
  d.stop_at = s->stop_at;
  ck_assert_int_eq(clf_trainer_run(t, watch, &d), CLF_ESTOPPED);
  WORKS(clf_trainer_save(t, path_of("halfway")));
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_trainer_save(t, path_of("once")));
  WORKS(clf_trainer_resume(t, path_of("halfway")));
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_trainer_save(t, path_of("twice")));
  ck_assert_msg(same_files("once", "twice"), "going back and on again changes the file");
  done(t, f, &data);
}
END_TEST

/* Using the flow, on more rows than a batch, and saving it between steps disturbs nothing. */
static int use_it(const clf_progress *p, void *context) {
  clf_trainer *t = context;
  double x[2 * 300], logp[300];
  (void)p;
  for (int i = 0; i < 600; i++) x[i] = 0.01 * i - 3;
  WORKS(clf_log_prob(t->f, x, 300, logp));
  WORKS(clf_sample(t->f, 1, 0, 300, x));
  WORKS(clf_trainer_save(t, path_of("between")));
  return 0;
}
START_TEST(using_the_flow_between_steps) {
  const setting *s = &settings[3];
  static diary d;
  clf_table data = make_data(s->rows, 2);
  const clf_train_options o = options_for(s);
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  WORKS(clf_trainer_run(t, use_it, t));
  WORKS(clf_trainer_save(t, path_of("used")));
  clf_trainer_free(t);
  clf_flow_free(f);
  whole(s, &data, "unused", &d);
  ck_assert_msg(same_files("used", "unused"), "a report that uses the flow changes the training");
  clf_table_free(&data);
}
END_TEST

/* ---- Batches -------------------------------------------------------------------------------- */

START_TEST(batches_in_order) {
  static diary d;
  clf_table data = make_data(70, 2);
  clf_train_options o = options_of(2, 8);
  o.shuffle = 0;
  o.lr = still;
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  begin(&d, t);
  WORKS(clf_trainer_run(t, watch, &d));
  check_diary(&d, 18);
  for (int k = 0; k < 18; k++) { /* 8 batches of 8 and one of 6, twice */
    const int at = k % 9 * 8, n = k % 9 == 8 ? 6 : 8;
    const double want = -mean_logp(f, data.at + 2 * at, n);
    ck_assert_msg(fabs((double)d.losses[k] - want) < 1e-5, "step %d: %g, not %g", k,
                  (double)d.losses[k], want);
  }
  done(t, f, &data);
}
END_TEST

START_TEST(batches_shuffled) {
  static diary d;
  clf_table data = make_data(70, 2);
  clf_train_options o = options_of(3, 8);
  o.lr = still;
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  begin(&d, t);
  WORKS(clf_trainer_run(t, watch, &d));
  const double all = mean_logp(f, data.at, 70);
  int differ = 0;
  for (int e = 0; e < 3; e++) { /* each row once, whatever the order */
    ck_assert_double_le(fabs(d.train[e] - all), 1e-5);
    differ += e && memcmp(d.losses, d.losses + 9 * e, 9 * sizeof *d.losses) != 0;
  }
  ck_assert_int_eq(differ, 2);
  ck_assert_double_gt(fabs((double)d.losses[0] + mean_logp(f, data.at, 8)), 1e-5);
  done(t, f, &data);
}
END_TEST

/* ---- Rows held out -------------------------------------------------------------------------- */

/* Which rows of the table are in `part`, in float as the device has them. */
static void mark(const clf_table *data, clf_tensor part, int add, int *marks) {
  const int32_t n = part.dim[0];
  float *x = malloc((size_t)n * 2 * sizeof *x);
  WORKS(clf_read(dev, part, x));
  for (int32_t i = 0; i < n; i++) {
    int64_t r = 0;
    while (r < data->rows &&
           ((float)data->at[2 * r] != x[2 * i] || (float)data->at[2 * r + 1] != x[2 * i + 1]))
      r++;
    ck_assert_msg(r < data->rows, "row %d of a part is no row of the data", (int)i);
    marks[r] += add;
  }
  free(x);
}

enum { SPLIT_ROWS = 61 };
static void split_with(const clf_table *data, const clf_train_options *o, int *marks) {
  memset(marks, 0, SPLIT_ROWS * sizeof *marks);
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, data, o);
  ck_assert_int_eq(table_of(t)->valid.dim[0], 15); /* 0.25 of 61, rounded */
  ck_assert_int_eq(table_of(t)->train.dim[0], 46);
  mark(data, table_of(t)->train, 1, marks);
  mark(data, table_of(t)->valid, 100, marks);
  clf_trainer_free(t);
  clf_flow_free(f);
}

START_TEST(rows_held_out) {
  clf_table data = make_data(SPLIT_ROWS, 2);
  clf_train_options o = options_of(2, 8);
  int first[SPLIT_ROWS], other[SPLIT_ROWS], ordered = 1;
  o.valid_split = 0.25;
  split_with(&data, &o, first);
  for (int i = 0; i < SPLIT_ROWS; i++) {
    ck_assert_msg(first[i] == 1 || first[i] == 100, "row %d has the marks %d", i, first[i]);
    ordered &= i < 15 ? first[i] == 100 : first[i] == 1;
  }
  ck_assert_msg(!ordered, "the rows held out are simply the first");
  o.batch = 3;
  o.lr = 0.5;
  o.epochs = 77;
  o.shuffle = 0;
  split_with(&data, &o, other);
  ck_assert_msg(memcmp(first, other, sizeof first) == 0, "more than the seed decides");
  o.seed++;
  split_with(&data, &o, other);
  ck_assert_msg(memcmp(first, other, sizeof first) != 0, "another seed holds out the same rows");
  clf_table_free(&data);
}
END_TEST

START_TEST(best_epoch_is_kept) {
  static diary d;
  clf_table data = make_data(60, 2);
  clf_train_options o = options_of(25, 9);
  o.valid_split = 0.3;
  o.lr = 0.1; /* so large that it goes up and down */
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  double held[2 * 18];
  ck_assert_int_eq(t->source->held_out, 18);
  WORKS(clf_read64(dev, table_of(t)->valid, held));
  begin(&d, t);
  WORKS(clf_trainer_run(t, watch, &d));
  const clf_history h = clf_flow_history(f);
  ck_assert_int_eq(h.epochs, 25);
  ck_assert_int_eq(h.steps, 25 * 5);
  ck_assert_int_eq(h.best_epoch, d.best_epoch);
  ck_assert_int_lt(h.best_epoch, 25); /* else this tests nothing */
  ck_assert_double_eq(h.valid, d.best);
  ck_assert_double_eq(h.train, d.train[24]);
  ck_assert_double_le(fabs(mean_logp(f, held, 18) - d.best), 1e-5);
  ck_assert_double_gt(d.best - d.valid[24], 1e-4);
  done(t, f, &data);
}
END_TEST

START_TEST(history_without_rows_held_out) {
  static diary d;
  clf_table data = make_data(20, 2);
  const clf_train_options o = options_of(4, 7);
  clf_flow *f = make_flow(CLF_NVP, 2);
  ck_assert_int_eq(clf_flow_history(f).steps, 0);
  ck_assert_msg(isnan(clf_flow_history(f).train), "a flow never trained");
  clf_trainer *t = make_trainer(f, &data, &o);
  begin(&d, t);
  WORKS(clf_trainer_run(t, watch, &d));
  const clf_history h = clf_flow_history(f);
  ck_assert_int_eq(h.epochs, 4);
  ck_assert_int_eq(h.steps, 12);
  ck_assert_int_eq(h.best_epoch, 0);
  ck_assert_double_eq(h.train, d.train[3]);
  ck_assert_msg(isnan(h.valid), "valid is %g", h.valid);
  done(t, f, &data);
}
END_TEST

/* ---- Standardised data ---------------------------------------------------------------------- */

START_TEST(standardised_as_by_hand) {
  static diary a, b;
  clf_table data = make_data(70, 2), by_hand;
  WORKS(clf_table_new(70, 2, &by_hand));
  double mean[2], std[2], x[2 * 70], u[2 * 70];
  const double *m, *s;
  for (int i = 0; i < 70; i++) data.at[2 * i] = 1000 + 25 * data.at[2 * i];
  clf_table_moments(&data, NULL, 0, mean, std);
  for (int i = 0; i < 140; i++) by_hand.at[i] = (data.at[i] - mean[i % 2]) / std[i % 2];
  clf_train_options o = options_of(4, 8);
  clf_flow *f = make_flow(CLF_NVP, 2), *g = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(g, &by_hand, &o);
  begin(&b, t);
  WORKS(clf_trainer_run(t, watch, &b));
  ck_assert_int_eq(clf_flow_scaling(g, &m, &s), 0);
  clf_trainer_free(t);
  o.standardize = 1;
  t = make_trainer(f, &data, &o);
  begin(&a, t);
  WORKS(clf_trainer_run(t, watch, &a));
  ck_assert_int_eq(clf_flow_scaling(f, &m, &s), 1);
  ck_assert_int_eq(memcmp(m, mean, sizeof mean), 0);
  ck_assert_int_eq(memcmp(s, std, sizeof std), 0);
  ck_assert_msg(same_weights(f, g), "standardising by hand gives other weights");
  /* losses and densities are in the data's units */
  const double logdet = -log(std[0]) - log(std[1]);
  for (int64_t i = 0; i < a.count; i++)
    ck_assert_double_le(fabs((double)a.losses[i] - ((double)b.losses[i] - logdet)), 1e-5);
  WORKS(clf_log_prob(f, data.at, 70, x));
  WORKS(clf_log_prob(g, by_hand.at, 70, u));
  for (int i = 0; i < 70; i++) ck_assert_double_le(fabs(x[i] - (u[i] + logdet)), 1e-9);
  WORKS(clf_sample(f, 9, 0, 70, x));
  WORKS(clf_sample(g, 9, 0, 70, u));
  for (int i = 0; i < 140; i++)
    ck_assert_double_le(fabs(x[i] - (u[i] * std[i % 2] + mean[i % 2])), 1e-9 * fabs(x[i]) + 1e-12);
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_flow_free(g);
  clf_table_free(&data);
  clf_table_free(&by_hand);
}
END_TEST

/* The scaling is that of the rows trained on; those held out have no say. */
START_TEST(standardised_without_rows_held_out) {
  clf_table data = make_data(40, 2);
  clf_train_options o = options_of(1, 8);
  o.valid_split = 0.5;
  o.standardize = 1;
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  double x[2 * 20], sum[2] = {0}, square[2] = {0};
  WORKS(clf_read64(dev, table_of(t)->train, x));
  for (int i = 0; i < 40; i++) sum[i % 2] += x[i];
  for (int i = 0; i < 40; i++) square[i % 2] += x[i] * x[i];
  for (int d = 0; d < 2; d++) {
    ck_assert_double_le(fabs(sum[d] / 20), 1e-6);
    ck_assert_double_le(fabs(square[d] / 20 - 1), 1e-6);
  }
  done(t, f, &data);
}
END_TEST

/* ---- Files of a training -------------------------------------------------------------------- */

START_TEST(options_in_the_file) {
  clf_table data = make_data(10, 2);
  const clf_train_options o = {.epochs = 3,
                               .batch = 1000,
                               .lr = 0.1 / 3,
                               .beta1 = 0.8,
                               .beta2 = 0.95,
                               .eps = 1e-7,
                               .shuffle = 2,
                               .valid_split = 0.3,
                               .standardize = 1,
                               .activations = CLF_ACTIVATIONS_AUTO,
                               .seed = 0xFEDCBA9876543210u};
  clf_train_options got;
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  WORKS(clf_trainer_save(t, path_of("options")));
  WORKS(clf_train_options_load(path_of("options"), &got));
  ck_assert_int_eq(got.epochs, 3);
  ck_assert_int_eq(got.batch, 1000);
  ck_assert_int_eq(got.shuffle, 1);
  ck_assert_int_eq(got.activations, CLF_ACTIVATIONS_STORE); /* what auto chose */
  ck_assert_int_eq(got.standardize, 1);
  ck_assert_uint_eq(got.seed, o.seed);
  ck_assert_double_eq(got.lr, o.lr);
  ck_assert_double_eq(got.beta1, o.beta1);
  ck_assert_double_eq(got.beta2, o.beta2);
  ck_assert_double_eq(got.eps, o.eps);
  ck_assert_double_eq(got.valid_split, o.valid_split);
  WORKS(clf_trainer_resume(t, path_of("options"))); /* whatever non-zero `shuffle` was */
  WORKS(clf_trainer_run(t, NULL, NULL));
  done(t, f, &data);
}
END_TEST

static void resume_refused(const clf_table *data, const clf_train_options *o, const char *what) {
  clf_flow *f = NULL;
  char text[256];
  WORKS(clf_flow_load(dev, path_of("training"), NULL, &f));
  clf_trainer *t = make_trainer(f, data, o);
  snprintf(text, sizeof text, "%s: its training began with another value of %s",
           path_of("training"), what);
  REFUSED(clf_trainer_resume(t, path_of("training")), CLF_EFORMAT, text);
  WORKS(clf_trainer_run(t, NULL, NULL)); /* from the beginning, as if never asked */
  clf_trainer_free(t);
  clf_flow_free(f);
}

START_TEST(resumes_that_are_refused) {
  static diary d;
  setting s = settings[1];
  s.epochs = 2;
  clf_table data = make_data(s.rows, 2);
  whole(&s, &data, "training", &d);
  const clf_train_options o = options_for(&s);
  clf_train_options other[9] = {o, o, o, o, o, o, o, o, o};
  static const char *const names[] = {"batch", "shuffle", "standardize", "seed",       "lr",
                                      "beta1", "beta2",   "eps",         "valid_split"};
  other[0].batch++;
  other[1].shuffle = 0;
  other[2].standardize = 1;
  other[3].seed++;
  other[4].lr *= 1.0000001;
  other[5].beta1 = 0.5;
  other[6].beta2 = 0.5;
  other[7].eps *= 2;
  other[8].valid_split = 0.1;
  for (int i = 0; i < 9; i++) resume_refused(&data, &other[i], names[i]);
  data.at[77] += 1e-9;
  resume_refused(&data, &o, "the data");
  clf_table_free(&data);
}
END_TEST

/* One that is refused after the end leaves the best and the last weights apart. */
START_TEST(refused_after_the_end) {
  static diary d;
  setting s = settings[3];
  s.epochs = 12;
  clf_table data = make_data(s.rows, 2);
  const clf_train_options o = options_for(&s);
  whole(&settings[1], &data, "training", &d);
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_trainer_save(t, path_of("before")));
  ck_assert_int_eq(clf_trainer_resume(t, path_of("training")), CLF_EFORMAT);
  WORKS(clf_trainer_save(t, path_of("after")));
  ck_assert_msg(same_files("before", "after"), "a refused resume changes the training");
  done(t, f, &data);
}
END_TEST

START_TEST(files_that_hold_no_such_training) {
  static diary d;
  setting s = settings[1];
  s.epochs = 1;
  clf_table data = make_data(s.rows, 2);
  char text[256];
  clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, 2);
  clf_flow *f = make_flow(CLF_NVP, 2), *larger = NULL;
  clf_train_options o = options_for(&s), got;
  spec.hidden = 5;
  WORKS(clf_flow_create(dev, &spec, &larger));
  whole(&s, &data, "training", &d);
  WORKS(clf_flow_save(f, path_of("flow")));
  clf_trainer *t = make_trainer(f, &data, &o), *u = make_trainer(larger, &data, &o);
  snprintf(text, sizeof text, "%s: it holds no training", path_of("flow"));
  REFUSED(clf_trainer_resume(t, path_of("flow")), CLF_EFORMAT, text);
  REFUSED(clf_train_options_load(path_of("flow"), &got), CLF_EFORMAT, text);
  snprintf(text, sizeof text, "%s: its tensor clflow.adam.m has %lld elements; the flow needs %lld",
           path_of("training"), (long long)clf_flow_weight_count(f),
           (long long)clf_flow_weight_count(larger));
  REFUSED(clf_trainer_resume(u, path_of("training")), CLF_EFORMAT, text);
  ck_assert_int_eq(clf_trainer_resume(t, path_of("none")), CLF_EIO);
  ck_assert_ptr_nonnull(strstr(clf_errmsg(), path_of("none")));
  ck_assert_int_eq(clf_trainer_save(t, "/proc/no/such/folder"), CLF_EIO);
  clf_trainer_free(t);
  clf_trainer_free(u);
  clf_flow_free(f);
  clf_flow_free(larger);
  clf_table_free(&data);
}
END_TEST

/* ---- Losses that are not finite ------------------------------------------------------------- */

static void all_finite(clf_flow *f, const clf_table *data, int64_t rows) {
  double *w = weights_of(f);
  for (int32_t i = 0; i < f->w.dim[0]; i++) ck_assert_msg(isfinite(w[i]), "weight %d", (int)i);
  free(w);
  ck_assert_msg(isfinite(mean_logp(f, data->at, rows)), "the loss of the weights left");
}

/* Runs t into a loss that is not finite at step `bad`, counted from 1 (0: whatever
 * step); the step comes back. */
static long long fails(clf_trainer *t, long long bad, const char *part) {
  long long step = 0, epoch = 0;
  char loss[32] = "", name[64] = "", tail[256] = "", want[512];
  ck_assert_int_eq(clf_trainer_run(t, NULL, NULL), CLF_ENUM);
  ck_assert_msg(sscanf(clf_errmsg(),
                       "step %lld (epoch %lld): the loss is %31[^:]: %63s is the first layer whose "
                       "output is not finite; %255[^\n]",
                       &step, &epoch, loss, name, tail) == 5 ||
                    strstr(clf_errmsg(), ": the sum over layers is the first"),
                "%s", clf_errmsg());
  if (bad) ck_assert_int_eq(step, bad);
  ck_assert_int_eq(epoch, (step - 1) / clf__steps_per_epoch(t) + 1);
  ck_assert_msg(strstr(loss, "inf") || strstr(loss, "nan"), "the loss is %s", loss);
  const char *whole = strcmp(part, "layers.") == 0 ? "" : " is the first layer"; /* any layer */
  snprintf(want, sizeof want, ": %s%s", part, whole);
  ck_assert_msg(strstr(clf_errmsg(), want) != NULL, "%s", clf_errmsg());
  return step;
}

/* Infinite weights in one coupling: it is named, and nothing is left to go back to. */
START_TEST(weights_that_overflow) {
  if (checking()) return;
  clf_table data = make_data(40, 2);
  const clf_train_options o = options_of(2, 8);
  clf_flow *f = make_flow(CLF_NVP, 2);
  const float huge[2] = {2000, 2000};
  int i = 0;
  while (i < clf_flow_param_count(f) && strcmp(clf_flow_param(f, i).name, "layers.2.map_s.2.bias"))
    i++;
  WORKS(clf_write(dev, clf_flow_param(f, i).at, huge));
  clf_trainer *t = make_trainer(f, &data, &o);
  double *before = weights_of(f);
  fails(t, 1, "layers.2");
  ck_assert_ptr_nonnull(strstr(clf_errmsg(),
                               "the flow has the weights it began with, before step 1; "
                               "a smaller lr or a bound s_max may keep them finite"));
  double *after = weights_of(f);
  ck_assert_int_eq(memcmp(before, after, (size_t)f->w.dim[0] * sizeof *after), 0);
  free(before);
  free(after);
  done(t, f, &data);
}
END_TEST

/* The weights that `steps` steps of the same training lead to. */
static clf_flow *stepped(const clf_table *data, const clf_train_options *o, int64_t steps) {
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, data, o);
  WORKS(clf__trainer_steps(t, steps));
  clf_trainer_free(t);
  return f;
}

/* A rate that throws the weights away in one step. */
START_TEST(rate_that_explodes) {
  if (checking()) return;
  clf_table data = make_data(40, 2);
  clf_train_options o = options_of(4, 8);
  o.lr = 1e3;
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  const long long bad = fails(t, 0, "layers.");
  ck_assert_int_gt(bad, 1);
  ck_assert_int_eq(clf_flow_history(f).epochs, (bad - 2) / clf__steps_per_epoch(t));
  clf_flow *want = stepped(&data, &o, bad - 2);
  ck_assert_msg(same_weights(f, want), "not the last weights whose loss was finite");
  ck_assert_int_eq(clf_flow_history(f).steps, bad - 2);
  all_finite(f, &data, 8);
  fails(t, bad, "layers."); /* again, to the same end */
  ck_assert_msg(same_weights(f, want), "not the same weights the second time");
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_flow_free(want);
  clf_table_free(&data);
}
END_TEST

/* The same where steps may be left out: those behind the one that breaks the weights are all
 * bad, until there were too many; then the flow has the weights before it. */
START_TEST(rate_that_explodes_again) {
  if (checking()) return;
  clf_table data = make_data(40, 2);
  clf_train_options o = options_of(60, 8);
  o.lr = 1e3;
  o.drops = 3;
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  fails(t, 0, "layers.");
  ck_assert_int_ge(t->drops, 3);
  all_finite(f, &data, 8);
  done(t, f, &data);
}
END_TEST

/* Gradients whose squares overflow: losses stay finite, but Adam would stand still. */
START_TEST(moments_that_overflow) {
  if (checking() || dev->bits == 64) return;
  clf_table data = make_data(40, 2);
  for (int64_t i = 0; i < 80; i++) data.at[i] *= 1e12;
  const clf_train_options o = options_of(3, 8);
  clf_flow *f = make_flow(CLF_NVP, 2), *fresh = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  ck_assert_int_eq(clf_trainer_run(t, NULL, NULL), CLF_ENUM);
  ck_assert_msg(strstr(clf_errmsg(),
                       "Adam's second moments are not finite: the gradients overflow; "
                       "the flow has the weights after step 0;") != NULL,
                "%s", clf_errmsg());
  ck_assert_msg(same_weights(f, fresh), "not the weights that were remembered");
  WORKS(clf_trainer_save(t, path_of("failed")));
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_flow_free(fresh);
  clf_table_free(&data);
}
END_TEST

static int far_apart(const clf_progress *p, void *context) {
  const clf_trainer *t = context;
  (void)p;
  if (t->snapshot[1].step >= 0)
    ck_assert_int_ge(t->snapshot[0].step - t->snapshot[1].step, CLF_APART);
  return 0;
}

/* Losses are read every second step, states remembered less often, but for the last one. */
START_TEST(states_that_are_remembered) {
  clf_table data = make_data(20, 2);
  clf_train_options o = options_of(12, 8);
  o.valid_split = 0.25;
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  WORKS(clf_trainer_run(t, far_apart, t));
  ck_assert_int_eq(t->snapshot[0].step, 24);
  ck_assert_int_ge(t->snapshot[1].step, CLF_APART);
  done(t, f, &data);
}
END_TEST

/* A sample whose square overflows, met long after the last state that was remembered. */
START_TEST(sample_that_overflows_late) {
  if (checking()) return;
  enum { ROW = 280 };
  clf_table data = make_data(300, 2);
  clf_train_options o = options_of(1, 1);
  o.shuffle = 0;
  data.at[2 * ROW] = data.at[2 * ROW + 1] = dev->bits == 64 ? 1e180 : 1e30;
  clf_flow *f = make_flow(CLF_NVP, 2), *loaded = NULL;
  clf_trainer *t = make_trainer(f, &data, &o);
  fails(t, ROW + 1, "the sum over layers");
  char text[128];
  snprintf(text, sizeof text, "the weights whose loss was last finite, before step %d;", ROW);
  ck_assert_msg(strstr(clf_errmsg(), text) != NULL, "%s", clf_errmsg());
  clf_flow *want = stepped(&data, &o, ROW - 1);
  ck_assert_msg(same_weights(f, want), "not the last weights whose loss was finite");
  all_finite(f, &data, ROW);
  WORKS(clf_trainer_save(t, path_of("failed")));
  WORKS(clf_flow_load(dev, path_of("failed"), NULL, &loaded));
  ck_assert_msg(same_weights(f, loaded), "the file has other weights");
  clf_trainer_free(t);
  t = make_trainer(loaded, &data, &o);
  WORKS(clf_trainer_resume(t, path_of("failed")));
  fails(t, ROW + 1, "the sum over layers");
  ck_assert_msg(same_weights(loaded, want), "resumed, it does not come back to these weights");
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_flow_free(loaded);
  clf_flow_free(want);
  clf_table_free(&data);
}
END_TEST

/* ---- Refusals ------------------------------------------------------------------------------- */

typedef struct bad_option {
  clf_train_options o;
  const char *message;
} bad_option;

#define BAD(member, value, text)                                                                   \
  {                                                                                                \
    {.epochs = 1,                                                                                  \
     .batch = 8,                                                                                   \
     .lr = 1e-2,                                                                                   \
     .beta1 = 0.9,                                                                                 \
     .beta2 = 0.999,                                                                               \
     .eps = 1e-8,                                                                                  \
     .member = value},                                                                             \
        text                                                                                       \
  }
#if defined __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif
static const bad_option bad_options[] = {
    BAD(epochs, 0, "epochs is 0; it must be 1 to 2147483647"),
    BAD(epochs, -3, "epochs is -3; it must be 1 to 2147483647"),
    BAD(epochs, (int64_t)1 << 31, "epochs is 2147483648; it must be 1 to 2147483647"),
    BAD(batch, 0, "batch is 0; it must be at least 1"),
    BAD(batch, -1, "batch is -1; it must be at least 1"),
    BAD(lr, 0, "lr is 0; it must be above 0 and below 1e6"),
    BAD(lr, -1e-3, "lr is -0.001; it must be above 0 and below 1e6"),
    BAD(lr, NAN, "lr is nan; it must be above 0 and below 1e6"),
    BAD(lr, INFINITY, "lr is inf; it must be above 0 and below 1e6"),
    BAD(beta1, 1, "beta1 and beta2 are 1 and 0.999; they must be 0 to below 1"),
    BAD(beta2, -0.1, "beta1 and beta2 are 0.9 and -0.1; they must be 0 to below 1"),
    BAD(beta2, NAN, "beta1 and beta2 are 0.9 and nan; they must be 0 to below 1"),
    BAD(activations, 3, "activations is 3; it must be 0 (store), 1 (reverse) or 2 (auto)"),
    BAD(eps, 0, "eps is 0; it must be above 0"),
    BAD(eps, NAN, "eps is nan; it must be above 0"),
    BAD(valid_split, 1, "valid_split is 1; it must be 0 to below 1"),
    BAD(valid_split, -0.5, "valid_split is -0.5; it must be 0 to below 1"),
    BAD(valid_split, NAN, "valid_split is nan; it must be 0 to below 1"),
    BAD(valid_split, 0.99,
        "valid_split 0.99 of 10 rows leaves 0 to train on and 10 held out; both need at least 1"),
    BAD(valid_split, 0.01,
        "valid_split 0.01 of 10 rows leaves 10 to train on and 0 held out; both need at least 1"),
};

static void refused(clf_flow *f, const clf_table *data, const clf_train_options *o, clf_status s,
                    const char *message) {
  clf_trainer *t = NULL;
  REFUSED(clf_trainer_create(f, data, o, &t), s, message);
  ck_assert_ptr_null(t);
}

START_TEST(options_that_are_refused) {
  clf_table data = make_data(10, 2);
  clf_flow *f = make_flow(CLF_NVP, 2);
  refused(f, &data, &bad_options[_i].o, CLF_EINVAL, bad_options[_i].message);
  ck_assert_msg(isfinite(mean_logp(f, data.at, 10)), "the flow is of use no more");
  clf_flow_free(f);
  clf_table_free(&data);
}
END_TEST

START_TEST(data_that_are_refused) {
  clf_table data = make_data(10, 2);
  clf_train_options o = options_of(1, 8);
  clf_flow *f = make_flow(CLF_NVP, 2), *three = make_flow(CLF_NVP, 3);
  refused(three, &data, &o, CLF_ESHAPE, "the data have 2 columns, the flow has 3 dimensions");
  const double kept = data.at[7];
  data.at[7] = INFINITY;
  refused(f, &data, &o, CLF_ENUM, "row 3, column 2 of the data is inf");
  data.at[7] = NAN;
  refused(f, &data, &o, CLF_ENUM, "row 3, column 2 of the data is nan");
  data.at[7] = 1e39;
  if (dev->bits == 32)
    refused(f, &data, &o, CLF_ENUM,
            "row 3, column 2 of the data is 1e+39: more than a float holds");
  data.at[7] = kept;
  for (int i = 0; i < 10; i++) data.at[2 * i + 1] = 0.1; /* its mean is not 0.1 in every sum */
  o.standardize = 1;
  const double mean[2] = {1, 2}, std[2] = {3, 4}, *m, *d;
  WORKS(clf_flow_set_scaling(f, mean, std));
  refused(
      f, &data, &o, CLF_ENUM,
      "column 2 is 0.1 in every row used for training: it cannot be standardised; leave it out");
  ck_assert_int_eq(clf_flow_scaling(f, &m, &d), 1); /* as it was */
  ck_assert_msg(m[1] == 2 && d[1] == 4, "the scaling is %g, %g", m[1], d[1]);
  refused(f, &(clf_table){.cols = 2}, &o, CLF_EINVAL,
          "valid_split 0 of 0 rows leaves 0 to train on and 0 held out; both need at least 1");
  clf_flow_free(f);
  clf_flow_free(three);
  clf_table_free(&data);
}
END_TEST

START_TEST(data_outside_the_interval) {
  clf_table data = make_data(10, 1);
  const clf_train_options o = options_of(1, 8);
  clf_flow_spec spec = clf_flow_spec_default(CLF_PIECEWISE, 1);
  clf_flow *f = NULL, *tails = make_flow(CLF_PIECEWISE, 1);
  WORKS(clf_flow_create(dev, &spec, &f));
  clf_trainer *t = make_trainer(f, &data, &o);
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
  data.at[5] = -4.5;
  refused(
      f, &data, &o, CLF_ENUM,
      "row 5 of the data is -4.5, outside the interval -4 to 4; widen it, or continue the flow by "
      "linear tails");
  t = make_trainer(tails, &data, &o);
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_flow_free(tails);
  clf_table_free(&data);
}
END_TEST

/* ---- Learning ------------------------------------------------------------------------------- */

/* 480 steps; from 2.2 nats below to what the bound says, on any device. */
START_TEST(learns_two_moons) {
  clf_table data = make_data(600, 2);
  clf_train_options o = options_of(40, 50);
  clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, 2);
  clf_flow *f = NULL;
  spec.hidden = 16;
  spec.depth = 6;
  spec.seed = 1;
  WORKS(clf_flow_create(dev, &spec, &f));
  const double before = mean_logp(f, data.at, 600);
  clf_trainer *t = make_trainer(f, &data, &o);
  WORKS(clf_trainer_run(t, NULL, NULL));
  const double after = mean_logp(f, data.at, 600);
  if (getenv("CLF_VERBOSE")) printf("two moons: %.3f before, %.3f after\n", before, after);
  ck_assert_msg(after - before > 1, "%g nats before, %g after", before, after);
  done(t, f, &data);
}
END_TEST

static void empty_folder(void) {
  static const char *const files[] = {
      "whole",   "interrupted", "halfway",  "resumed", "first",  "second", "six",      "six again",
      "nine",    "nine of six", "between",  "used",    "unused", "once",   "exploded", "twice",
      "options", "flow",        "training", "failed",  "before", "after"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) remove(path_of(files[i]));
  rmdir(folder);
}

static TCase *tests(void) {
  TCase *tc = tcase_create("train");
  tcase_add_unchecked_fixture(tc, open_device, close_device);
  tcase_set_timeout(tc, 300);
  tcase_add_loop_test(tc, interruptions_change_no_bit, 0, SETTINGS);
  tcase_add_loop_test(tc, memory_of_depths, 0, 2);
  tcase_add_test(tc, memory_decides_the_way);
  tcase_add_test(tc, inverse_that_explodes_at_once);
  tcase_add_test(tc, inverse_that_explodes_later);
  tcase_add_test(tc, seeds_decide);
  tcase_add_loop_test(tc, fused_steps, 0, 2);
  tcase_add_loop_test(tc, more_epochs_than_at_first, 0, 2);
  tcase_add_test(tc, running_again_after_the_end);
  tcase_add_test(tc, back_from_the_end);
  tcase_add_test(tc, using_the_flow_between_steps);
  tcase_add_test(tc, batches_in_order);
  tcase_add_test(tc, batches_shuffled);
  tcase_add_test(tc, rows_held_out);
  tcase_add_test(tc, best_epoch_is_kept);
  tcase_add_test(tc, history_without_rows_held_out);
  tcase_add_test(tc, standardised_as_by_hand);
  tcase_add_test(tc, standardised_without_rows_held_out);
  tcase_add_test(tc, options_in_the_file);
  tcase_add_test(tc, resumes_that_are_refused);
  tcase_add_test(tc, refused_after_the_end);
  tcase_add_test(tc, files_that_hold_no_such_training);
  tcase_add_test(tc, weights_that_overflow);
  tcase_add_test(tc, rate_that_explodes);
  tcase_add_test(tc, rate_that_explodes_again);
  tcase_add_test(tc, moments_that_overflow);
  tcase_add_test(tc, states_that_are_remembered);
  tcase_add_test(tc, sample_that_overflows_late);
  tcase_add_loop_test(tc, options_that_are_refused, 0,
                      (int)(sizeof bad_options / sizeof *bad_options));
  tcase_add_test(tc, data_that_are_refused);
  tcase_add_test(tc, data_outside_the_interval);
  tcase_add_test(tc, learns_two_moons);
  return tc;
}

int main(int argc, char **argv) {
  where = argc > 1 ? argv[1] : "cpu";
  if (!mkdtemp(folder)) return 1;
  Suite *suite = suite_create(where);
  suite_add_tcase(suite, tests());
  SRunner *run = srunner_create(suite);
  srunner_set_fork_status(run, CK_NOFORK); /* drivers do not survive a fork */
  srunner_run_all(run, CK_NORMAL);
  const int failed = srunner_ntests_failed(run);
  srunner_free(run);
  empty_folder();
  return failed != 0;
}
