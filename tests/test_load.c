/* SPDX-License-Identifier: MIT */
/* test_load.c: checkpoints in which one thing is not as it should be.  Each number and each tensor
 * of a training's file is taken away, damaged or put out of range in turn, the checksum being
 * right: what refuses it names it, and the file once. */
#define _XOPEN_SOURCE 700
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clflow/clflow.h"
#include "safetensors_format.h"
#include "suite.h"

static char folder[] = "/tmp/test_load_XXXXXX";
static char good[64], bad[64];
static clf_device *dev;

static void open_device(void) { WORKS(clf_open("cpu", &dev)); }
static void close_device(void) { clf_close(dev); }

/* ---- Files ----------------------------------------------------------------------------------- */

/* One thing in the place of another: metadata `key` (value NULL: it is gone), or tensor `key` with
 * the first `count` of its numbers, all of them 1, in `rank` dimensions (rank -1: it is gone). */
typedef struct change {
  const char *key, *value;
  int tensor, rank;
  int64_t dim[4];
} change;

static void put_tensor(clf__st_writer *w, const clf__st *st, const clf__st_entry *e,
                       const change *c) {
  const int changed = c->tensor && strcmp(c->key, e->name) == 0;
  const int rank = changed ? c->rank : e->rank;
  const int64_t *dim = changed ? c->dim : e->dim;
  int64_t count = 1;
  if (rank < 0) return;
  for (int i = 0; i < rank; i++) count *= dim[i];
  double *x = calloc((size_t)(count > e->count ? count : e->count) + 1, sizeof *x);
  ck_assert_ptr_nonnull(x);
  WORKS(clf__st_get(st, e, x));
  for (int64_t i = 0; i < count && changed; i++) x[i] = 1;
  WORKS(clf__st_put_f64(w, e->name, rank, dim, x));
  free(x);
}

/* `good` with a change, as `bad`. */
static void rewrite(const change *c) {
  clf__st *st;
  clf__st_writer *w;
  WORKS(clf__st_open(good, &st));
  WORKS(clf__st_writer_new(&w));
  for (void *i = json_object_iter(st->meta); i; i = json_object_iter_next(st->meta, i)) {
    const char *key = json_object_iter_key(i),
               *value = json_string_value(json_object_iter_value(i));
    if (strcmp(key, "clflow.crc32") == 0) continue;
    if (!c->tensor && strcmp(key, c->key) == 0) value = c->value;
    if (value) WORKS(clf__st_put_meta(w, key, "%s", value));
  }
  for (int i = 0; i < clf__st_count(st); i++) put_tensor(w, st, clf__st_at(st, i), c);
  WORKS(clf__st_write(w, bad, 0));
  clf__st_writer_free(w);
  clf__st_close(st);
}

static clf_table moons;

static clf_flow_spec spec_of(clf_kind kind) {
  clf_flow_spec s = clf_flow_spec_default(kind, kind == CLF_PIECEWISE ? 1 : 2);
  s.depth = 2;
  s.bins = 4;
  s.tails = 1;
  if (kind == CLF_REALNVP) {
    s.height = s.width = 4;
    s.dim = 16;
    s.scales = s.blocks = 1;
    s.hidden = 2;
  }
  return s;
}

static clf_train_options options(void) {
  clf_train_options o = clf_train_options_default();
  o.epochs = 2;
  o.valid_split = 0.25;
  o.standardize = 1;
  return o;
}

/* A training of two epochs, or of image flows, which need images for one, the flow alone. */
static void write_good(clf_kind kind) {
  const clf_flow_spec spec = spec_of(kind);
  const clf_train_options o = options();
  clf_flow *f = NULL;
  clf_trainer *t = NULL;
  WORKS(clf_flow_create(dev, &spec, &f));
  if (kind == CLF_REALNVP) {
    WORKS(clf_flow_save(f, good));
  } else {
    WORKS(clf_table_read("moons:n=32", &moons));
    if (kind == CLF_PIECEWISE) moons.cols = 1;
    WORKS(clf_trainer_create(f, &moons, &o, &t));
    WORKS(clf_trainer_run(t, NULL, NULL));
    WORKS(clf_trainer_save(t, good));
  }
  clf_trainer_free(t);
  clf_flow_free(f);
}

static void remove_files(void) {
  unlink(good);
  unlink(bad);
  clf_table_free(&moons);
}

/* Loads `bad` and goes on with it as far as that is possible: the first refusal. */
static clf_status load_and_resume(void) {
  const clf_train_options o = options();
  clf_train_options had;
  clf_flow *f = NULL;
  clf_trainer *t = NULL;
  clf_status s = clf_flow_load(dev, bad, NULL, &f);
  if (!s && moons.at) s = clf_trainer_create(f, &moons, &o, &t);
  if (t && !s) s = clf_train_options_load(bad, &had);
  if (t && !s) s = clf_trainer_resume(t, bad);
  clf_trainer_free(t);
  clf_flow_free(f);
  return s;
}

/* EFORMAT in a sentence that has the file at its beginning, and only there, and names `what`. */
static void is_refused(const char *what, const char *how) {
  const clf_status s = load_and_resume();
  ck_assert_msg(s == CLF_EFORMAT, "%s %s: %s: %s", what, how, clf_strerror(s), clf_errmsg());
  ck_assert_msg(strncmp(clf_errmsg(), bad, strlen(bad)) == 0, "%s", clf_errmsg());
  ck_assert_msg(!strstr(clf_errmsg() + 1, bad), "%s", clf_errmsg());
  ck_assert_msg(strstr(clf_errmsg(), what) != NULL, "%s %s: %s", what, how, clf_errmsg());
}

static const clf_kind kinds[] = {CLF_NVP, CLF_PIECEWISE, CLF_REALNVP};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* ---- Numbers -------------------------------------------------------------------------------- */

/* What files of earlier versions lack, or not every file has. */
static int may_be_gone(const char *key) {
  static const char *const keys[] = {
      "clflow.history.epochs", "clflow.history.train",     "clflow.history.valid",
      "clflow.train.eps_hat",  "clflow.train.flip",        "clflow.train.drops",
      "clflow.train.part",     "clflow.train.activations", "clflow.train.l2",
      "clflow.train.clip",     "clflow.train.best_valid",  "clflow.scaling.mean.0",
      "clflow.format"}; /* without it, it is no file of clflow */
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    if (strcmp(keys[i], key) == 0) return 1;
  return 0;
}

START_TEST(every_number) {
  clf__st *st;
  write_good(kinds[_i]);
  WORKS(clf__st_open(good, &st));
  int tried = 0;
  for (void *i = json_object_iter(st->meta); i; i = json_object_iter_next(st->meta, i)) {
    const char *key = json_object_iter_key(i);
    const int step = strcmp(key, "clflow.train.step") == 0; /* without it, there is no training */
    const char *names = strcmp(key, "clflow.kind") == 0     ? "its kind is"
                        : strcmp(key, "clflow.format") == 0 ? "its format is"
                                                            : key;
    if (strcmp(key, "clflow.crc32") == 0) continue;
    rewrite(&(change){.key = key, .value = "7x"});
    is_refused(names, "is no number");
    tried++;
    if (may_be_gone(key)) continue;
    rewrite(&(change){.key = key});
    is_refused(step ? "it holds no training" : names, "is gone");
  }
  ck_assert_int_gt(tried, kinds[_i] == CLF_REALNVP ? 12 : 30);
  clf__st_close(st);
  remove_files();
}
END_TEST

static const struct {
  clf_kind kind;
  const char *key, *value, *says;
} ranges[] = {
    {CLF_NVP, "clflow.format", "2", "its format is \"2\"; this clflow reads format 1"},
    {CLF_NVP, "clflow.kind", "glow", "its kind is \"glow\"; this clflow knows nvp, nice"},
    {CLF_NVP, "clflow.dim", "3000000000", "clflow.dim is 3000000000: out of range"},
    {CLF_NVP, "clflow.dim", "-3000000000", "clflow.dim is -3000000000: out of range"},
    {CLF_NVP, "clflow.dim", "0", "dim is 0; it must be 1 to 1048576"},
    {CLF_NVP, "clflow.hidden", "0", "hidden is 0; it must be 1 to 1048576"},
    {CLF_NVP, "clflow.hidden", "3", "its tensors are not those of a nvp flow with dim 2, hidden 3"},
    {CLF_NVP, "clflow.depth", "5000", "depth is 5000; it must be 1 to 4096"},
    {CLF_NVP, "clflow.depth", "3", "its tensors are not those of a nvp flow"},
    {CLF_NVP, "clflow.s_max", "80", "s_max is 80; it must be 0 (no bound) to 80"},
    {CLF_NVP, "clflow.s_max", "-1", "s_max is -1"},
    {CLF_NVP, "clflow.scaling.std.1", "0", "standard deviation 0: it cannot"},
    {CLF_NVP, "clflow.train.batch", "0", "its batch is 0"},
    {CLF_NVP, "clflow.train.batch", "3000000000", "its batch is 3000000000"},
    {CLF_NVP, "clflow.train.eps_hat", "2", "clflow.train.eps_hat is 2: out of range"},
    {CLF_NVP, "clflow.train.flip", "-1", "clflow.train.flip is -1: out of range"},
    {CLF_NVP, "clflow.train.step", "-1", "its step -1 is out of range"},
    {CLF_NVP, "clflow.train.step", "9000000000000000000", "is out of range"},
    {CLF_NVP, "clflow.train.epoch_rows", "-1", "is out of range"},
    {CLF_NVP, "clflow.train.eps_hat", "1", "another value of eps_hat"},
    {CLF_NVP, "clflow.train.l2", "0.5", "another value of l2"},
    {CLF_NVP, "clflow.train.clip", "0.5", "another value of clip"},
    {CLF_NVP, "clflow.train.flip", "1", "another value of flip"},
    {CLF_NVP, "clflow.train.drops", "1", "another value of drops"},
    {CLF_NVP, "clflow.train.part", "7", "another value of part"},
    {CLF_NVP, "clflow.train.activations", "1", "another value of activations"},
    {CLF_NVP, "clflow.train.seed", "9", "another value of seed"},
    {CLF_NVP, "clflow.train.beta1", "0.5", "another value of beta1"},
    {CLF_NVP, "clflow.train.beta2", "0.5", "another value of beta2"},
    {CLF_NVP, "clflow.train.eps", "0.5", "another value of eps"},
    {CLF_NVP, "clflow.train.shuffle", "0", "another value of shuffle"},
    {CLF_NVP, "clflow.train.standardize", "0", "another value of standardize"},
    {CLF_NVP, "clflow.train.valid_split", "0.5", "another value of valid_split"},
    {CLF_NVP, "clflow.train.data", "9", "another value of the data"},
    {CLF_PIECEWISE, "clflow.dim", "2", "a piecewise flow has 1 dimension, not 2"},
    {CLF_PIECEWISE, "clflow.bins", "0", "bins is 0; it must be 1 to 1048576"},
    {CLF_PIECEWISE, "clflow.bins", "5", "its tensors are not those of a piecewise flow"},
    {CLF_PIECEWISE, "clflow.xmin", "4", "xmin 4 must be below its xmax 4"},
    {CLF_REALNVP, "clflow.height", "0", "height is 0"},
    {CLF_REALNVP, "clflow.width", "70000", "width is 70000"},
    {CLF_REALNVP, "clflow.channels", "0", "channels is 0"},
    {CLF_REALNVP, "clflow.dim", "15", "images of 4 x 4 x 1 make dim 16, not 15"},
    {CLF_REALNVP, "clflow.hidden", "0", "hidden is 0"},
    {CLF_REALNVP, "clflow.hidden", "3", "its tensors are not those of a realnvp flow"},
    {CLF_REALNVP, "clflow.scales", "0", "scales is 0"},
    {CLF_REALNVP, "clflow.scales", "2", "its tensors are not those of a realnvp flow"},
    {CLF_REALNVP, "clflow.blocks", "0", "blocks is 0"},
    {CLF_REALNVP, "clflow.blocks", "2", "its tensors are not those of a realnvp flow"},
    {CLF_REALNVP, "clflow.levels", "1", "levels is 1"},
    {CLF_REALNVP, "clflow.alpha", "0", "alpha is 0; it must be above 0 and below 0.5"},
    {CLF_REALNVP, "clflow.alpha", "0.5", "alpha is 0.5"},
    {CLF_REALNVP, "clflow.variant.bn_rho", "1", "bn_rho is 1"},
    {CLF_REALNVP, "clflow.variant.bn_rho", "-1", "bn_rho is -1"},
};

START_TEST(out_of_range) {
  write_good(ranges[_i].kind);
  rewrite(&(change){.key = ranges[_i].key, .value = ranges[_i].value});
  is_refused(ranges[_i].says, ranges[_i].key);
  remove_files();
}
END_TEST

/* ---- Tensors -------------------------------------------------------------------------------- */

/* By these a file's claims are bounded before anything is made: it is told of them as a whole. */
static int bounds(const char *name) {
  static const char *const names[] = {"layers.0.map_t.2.weight",
                                      "layers.0.b",
                                      "layers.1.b",
                                      "xi",
                                      "scale0.coupling0.net.h_in.V",
                                      "scale0.coupling3.net.block0.h_0.V"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], name) == 0) return 1;
  return 0;
}

START_TEST(every_tensor) {
  clf__st *st;
  write_good(kinds[_i]);
  WORKS(clf__st_open(good, &st));
  for (int i = 0; i < clf__st_count(st); i++) {
    const clf__st_entry *e = clf__st_at(st, i);
    const char *names = bounds(e->name) ? "its tensor" : e->name;
    rewrite(&(change){.key = e->name, .tensor = 1, .rank = -1});
    is_refused(names, "is gone");
    rewrite(&(change){.key = e->name, .tensor = 1, .rank = 1, .dim = {e->count + 1}});
    is_refused(names, "is longer");
    if (e->count == 1) continue; /* a scalar will do for one number */
    rewrite(&(change){.key = e->name, .tensor = 1});
    is_refused(names, "is a scalar");
  }
  clf__st_close(st);
  remove_files();
}
END_TEST

START_TEST(shapes_are_told) {
  write_good(CLF_NVP);
  rewrite(&(change){.key = "layers.0.map_s.0.bias", .tensor = 1, .rank = 2, .dim = {2, 6}});
  is_refused("its tensor layers.0.map_s.0.bias has the shape [2, 6]; the flow needs [2]", "");
  rewrite(&(change){.key = "layers.0.map_s.0.bias", .tensor = 1});
  is_refused("its tensor layers.0.map_s.0.bias has the shape []; the flow needs [2]", "");
  rewrite(&(change){.key = "clflow.adam.m", .tensor = 1, .rank = 1, .dim = {3}});
  is_refused("its tensor clflow.adam.m has 3 elements; the flow needs ", "");
  remove_files();
}
END_TEST

START_TEST(a_mask_is_0_or_1) {
  clf__st *st;
  clf__st_writer *w;
  const double half[2] = {0.5, 1};
  write_good(CLF_NVP);
  rewrite(&(change){.key = "layers.1.b", .tensor = 1, .rank = -1});
  WORKS(clf__st_open(good, &st));
  WORKS(clf__st_writer_new(&w));
  for (void *i = json_object_iter(st->meta); i; i = json_object_iter_next(st->meta, i))
    if (strcmp(json_object_iter_key(i), "clflow.crc32") != 0)
      WORKS(clf__st_put_meta(w, json_object_iter_key(i), "%s",
                             json_string_value(json_object_iter_value(i))));
  const change none = {.key = "", .tensor = 1};
  for (int i = 0; i < clf__st_count(st); i++) {
    const clf__st_entry *e = clf__st_at(st, i);
    if (strcmp(e->name, "layers.1.b") == 0)
      WORKS(clf__st_put_f64(w, e->name, e->rank, e->dim, half));
    else
      put_tensor(w, st, e, &none);
  }
  WORKS(clf__st_write(w, bad, 0));
  clf__st_writer_free(w);
  clf__st_close(st);
  is_refused("the mask of layers.1 holds 0.5; a mask is 0 or 1", "");
  remove_files();
}
END_TEST

/* ---- Without metadata ------------------------------------------------------------------- */

/* `good` as a state_dict: its tensors alone, less one. */
static void write_plain(const char *less) {
  clf__st *st;
  clf__st_writer *w;
  const change c = {.key = less, .tensor = 1, .rank = -1};
  WORKS(clf__st_open(good, &st));
  WORKS(clf__st_writer_new(&w));
  for (int i = 0; i < clf__st_count(st); i++)
    if (strncmp(clf__st_at(st, i)->name, "clflow.", 7) != 0)
      put_tensor(w, st, clf__st_at(st, i), &c);
  WORKS(clf__st_write(w, bad, 0));
  clf__st_writer_free(w);
  clf__st_close(st);
}

#define NO_FLOW "it has neither metadata of clflow nor the tensors of a flow"
static const struct {
  clf_kind kind;
  const char *less;
  clf_flow_spec hint; /* height -1: none */
  const char *says;   /* NULL: it is loaded */
} plains[] = {
    {CLF_NVP, "", {.height = -1}, NULL},
    {CLF_NVP, "", {.s_max = 3}, NULL},
    {CLF_NVP, "layers.0.b", {.height = -1}, NO_FLOW},
    {CLF_NVP, "layers.0.map_t.0.weight", {.height = -1}, NO_FLOW},
    {CLF_PIECEWISE, "", {.height = -1}, "give xmin and xmax"},
    {CLF_PIECEWISE, "", {.xmin = 1, .xmax = 1}, "give xmin and xmax"},
    {CLF_PIECEWISE, "", {.xmin = -4, .xmax = 4, .tails = 1}, NULL},
    {CLF_PIECEWISE, "alpha", {.xmin = -4, .xmax = 4}, NO_FLOW},
    {CLF_REALNVP, "", {.height = -1}, "give data, or height and width"},
    {CLF_REALNVP, "", {.width = 4}, "give data, or height and width"},
    {CLF_REALNVP, "", {.height = 4}, "give data, or height and width"},
    {CLF_REALNVP, "", {.height = 4, .width = 4, .levels = 16, .alpha = 0.25}, NULL},
    {CLF_REALNVP, "", {.height = INT32_MAX, .width = INT32_MAX}, "it must be 1 to 1048576"},
};

START_TEST(state_dicts) {
  const clf_flow_spec *hint = &plains[_i].hint;
  clf_flow *f = NULL;
  write_good(plains[_i].kind);
  write_plain(plains[_i].less);
  const clf_status s = clf_flow_load(dev, bad, hint->height < 0 ? NULL : hint, &f);
  if (plains[_i].says) {
    ck_assert_int_eq(s, CLF_EFORMAT);
    ck_assert_msg(strstr(clf_errmsg(), plains[_i].says) != NULL, "%s", clf_errmsg());
  } else {
    ck_assert_msg(!s, "%s", clf_errmsg());
    const clf_flow_spec *got = clf_flow_get_spec(f);
    ck_assert_int_eq(got->kind, plains[_i].kind);
    ck_assert_int_eq(got->dim, spec_of(plains[_i].kind).dim);
    ck_assert_double_eq(got->s_max, hint->s_max);
    ck_assert_int_eq(got->tails, hint->tails);
    if (got->kind == CLF_REALNVP) ck_assert_int_eq(got->levels, 16);
    if (got->kind == CLF_REALNVP) ck_assert_double_eq(got->alpha, 0.25);
  }
  clf_flow_free(f);
  remove_files();
}
END_TEST

/* ---- Saving without memory -------------------------------------------------------------- */

static long json_calls, json_fails; /* so many were made; this one and all after it fail */
static void *json_malloc(size_t n) {
  return ++json_calls >= json_fails && json_fails ? NULL : malloc(n);
}

/* Each allocation of a save's JSON fails in turn: it is told, and no file is written. */
START_TEST(saves_without_memory) {
  clf_flow *f = NULL;
  clf_trainer *t = NULL;
  json_malloc_t usual_malloc;
  json_free_t usual_free;
  const clf_train_options o = options();
  json_get_alloc_funcs(&usual_malloc, &usual_free);
  write_good(kinds[_i]);
  WORKS(clf_flow_load(dev, good, NULL, &f));
  if (moons.at) {
    WORKS(clf_trainer_create(f, &moons, &o, &t));
    WORKS(clf_trainer_resume(t, good));
  }
  json_set_alloc_funcs(json_malloc, free);
  clf_status s = CLF_ENOMEM;
  long n = 0;
  while (s) {
    json_fails = n += 1;
    json_calls = 0;
    s = t ? clf_trainer_save(t, bad) : clf_flow_save(f, bad);
    json_fails = 0;
    if (!s) continue;
    ck_assert_msg(strstr(clf_errmsg(), "memory") != NULL, "call %ld: %s", n, clf_errmsg());
    ck_assert_int_ne(access(bad, F_OK), 0);
  }
  json_set_alloc_funcs(usual_malloc, usual_free);
  ck_assert_int_gt(n, 200);
  WORKS(load_and_resume());
  clf_trainer_free(t);
  clf_flow_free(f);
  remove_files();
}
END_TEST

/* ---- All ------------------------------------------------------------------------------------ */

int main(void) {
  if (!mkdtemp(folder)) return 1;
  snprintf(good, sizeof good, "%s/good.safetensors", folder);
  snprintf(bad, sizeof bad, "%s/bad.safetensors", folder);
  Suite *suite = suite_create("load");
  TCase *c = tcase_create("load");
  tcase_set_timeout(c, 300);
  tcase_add_unchecked_fixture(c, open_device, close_device);
  tcase_add_loop_test(c, every_number, 0, KINDS);
  tcase_add_loop_test(c, out_of_range, 0, sizeof ranges / sizeof *ranges);
  tcase_add_loop_test(c, every_tensor, 0, KINDS);
  tcase_add_loop_test(c, state_dicts, 0, sizeof plains / sizeof *plains);
  tcase_add_loop_test(c, saves_without_memory, 0, KINDS);
  tcase_add_test(c, shapes_are_told);
  tcase_add_test(c, a_mask_is_0_or_1);
  suite_add_tcase(suite, c);
  const int failed = suite_run(suite);
  rmdir(folder);
  return failed;
}
