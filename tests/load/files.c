/* SPDX-License-Identifier: MIT */
/* files.c: see load.h. */
#define _XOPEN_SOURCE 700
#include "load.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Files ----------------------------------------------------------------------------------- */

char folder[] = "/tmp/test_load_XXXXXX";
char good[64], bad[64];
clf_device *dev;
clf_table moons;
double held_out = 0.25;
const clf_kind kinds[KINDS] = {CLF_NVP, CLF_PIECEWISE, CLF_REALNVP};

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
  for (int64_t i = 0; i < count && changed; i++) x[i] = c->fill;
  WORKS(clf__st_put_f64(w, e->name, rank, dim, x));
  free(x);
}

static void put_metadata(clf__st_writer *w, const clf__st *st, const change *c) {
  for (int i = 0; i < clf__st_meta_count(st); i++) {
    const char *value, *key = clf__st_meta_at(st, i, &value);
    if (strcmp(key, "clflow.crc32") == 0 || (!c->tensor && strcmp(key, c->key) == 0)) continue;
    WORKS(clf__st_put_meta(w, key, "%s", value));
  }
  if (!c->tensor && c->value) WORKS(clf__st_put_meta(w, c->key, "%s", c->value));
}

static void copy(const change *c, int plain) {
  clf__st *st;
  clf__st_writer *w;
  WORKS(clf__st_open(good, &st));
  WORKS(clf__st_writer_new(&w));
  if (!plain) put_metadata(w, st, c);
  for (int i = 0; i < clf__st_count(st); i++)
    if (!plain || strncmp(clf__st_at(st, i)->name, "clflow.", 7) != 0)
      put_tensor(w, st, clf__st_at(st, i), c);
  WORKS(clf__st_write(w, bad, 0));
  clf__st_writer_free(w);
  clf__st_close(st);
}

void rewrite(const change *c) { copy(c, 0); }
void strip(const change *c) { copy(c, 1); }

/* ---- Flows and trainings --------------------------------------------------------------------- */

clf_flow_spec spec_of(clf_kind kind) {
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

clf_train_options options(void) {
  clf_train_options o = clf_train_options_default();
  o.epochs = 2;
  o.valid_split = held_out;
  o.standardize = 1;
  return o;
}

void write_good(clf_kind kind) {
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

void remove_files(void) {
  unlink(good);
  unlink(bad);
  clf_table_free(&moons);
}

clf_status load_and_resume(void) {
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

void is_refused(const char *what, const char *how) {
  const clf_status s = load_and_resume();
  ck_assert_msg(s == CLF_EFORMAT, "%s %s: %s: %s", what, how, clf_strerror(s), clf_errmsg());
  ck_assert_msg(strncmp(clf_errmsg(), bad, strlen(bad)) == 0, "%s", clf_errmsg());
  ck_assert_msg(!strstr(clf_errmsg() + 1, bad), "%s", clf_errmsg());
  ck_assert_msg(strstr(clf_errmsg(), what) != NULL, "%s %s: %s", what, how, clf_errmsg());
}
