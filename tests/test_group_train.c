/* SPDX-License-Identifier: MIT */
/* test_group_train.c: a training in a group of threads ends with the bits of one device with the
 * same grains, for any number of members and any division; differences between members are refused;
 * effects of members that fail, stop or are silent.
 *   test_group_train DEVICE   (default cpu) */
#define _POSIX_C_SOURCE 200809L
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clflow/clflow.h"
#include "faults/device.h"
#include "group/threads.h"
#include "suite.h"
#include "trainer.h"

static const char *where = "cpu";
static char folder[] = "/tmp/clflow-group-XXXXXX";

static const char *path_of(const char *name) {
  static _Thread_local char path[4][128];
  static _Thread_local int next;
  next = (next + 1) % 4;
  snprintf(path[next], sizeof path[next], "%s/%s.safetensors", folder, name);
  return path[next];
}

/* ---- One training ---------------------------------------------------------------------------- */

typedef struct flow_kind {
  const char *label, *arch, *grains;
  int32_t batch;
  int images;
} flow_kind;

/* The last batch of an epoch has fewer rows than the others, and fewer than 8 if there are 8
 * grains. Flows with dropout, running statistics in a net and as a layer, and a layer that is
 * fitted; one with so many weights that members divide their update. */
static const flow_kind kinds[] = {
    {"nvp", NULL, "8", 22, 0},
    {"nvp, one grain each", NULL, "1", 22, 0},
    {"nsf", "2: actnorm, (coupling(rq(bins=5, tail=4), resnet(8x1, dropout=0.2)), lu)*2 -> normal",
     "8", 22, 0},
    {"maf", "2: (ar(affine, made(8x1, residual=0, bn=1)), batchnorm, perm(reverse))*2 -> normal",
     "8", 22, 0},
    {"divided", "2: (coupling(affine, mlp(256x2)), batchnorm, perm(reverse))*4 -> normal", "4", 22,
     0},
    {"images", NULL, "4", 12, 1},
};
enum { DIVIDED = 4 };
enum { KINDS = sizeof kinds / sizeof *kinds, ROWS = 57, IMAGES = 31 };

static clf_flow *make_flow(clf_device *dev, const flow_kind *k) {
  clf_flow *f = NULL;
  clf_arch *arch = NULL;
  clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, 2);
  const clf_preset *tiny;
  spec.hidden = 6;
  if (k->images) {
    if (clf_preset_find("tiny", &tiny)) return NULL;
    spec = clf_preset_spec(tiny, 8, 8, 1);
    spec.blocks = 1;
    spec.hidden = 4;
  }
  spec.seed = 3;
  if (!k->arch) return clf_flow_create(dev, &spec, &f) ? NULL : f;
  if (clf_arch_parse(k->arch, &arch)) return NULL;
  const clf_status s = clf_flow_create_arch(dev, arch, 3, &f);
  clf_arch_free(arch);
  return s ? NULL : f;
}

static clf_train_options options_of(const flow_kind *k) {
  clf_train_options o = k->images ? clf_train_options_images() : clf_train_options_default();
  o.epochs = 4;
  o.batch = k->batch;
  o.valid_split = 0.1;
  o.clip = 1;
  o.seed = 5;
  o.lr = 0.005;
  clf_train_options_set(&o, "grains", k->grains);
  clf_train_options_set(&o, "ema", "0.9");
  clf_train_options_set(&o, "weight_decay", "0.01");
  o.l2 = 0.001;
  return o;
}

/* Settings of all members of a training. */
typedef struct plan {
  const flow_kind *kind;
  const clf_table *data;
  const clf_images *images;
  const double *shares;
  const char *from, *to;
  int64_t stop; /* step at whose report rank 0 asks to stop; 0: none */
  clf_train_options o;
  /* Differences of one member, and failures. */
  int32_t other; /* its rank; -1: none */
  int32_t slow;  /* the rank that seems to be slow; -1: none */
  void (*differ)(clf_train_options *o);
  int64_t silent_from; /* step from which on it is silent, until rank 0 has ended; 0: never */
  long fails;          /* the call of its device that fails, from the first step on; 0: none */
  int copies;          /* 1: copies on the host are taken as often as possible */
  int for_good;
} plan;

typedef struct watcher {
  const plan *p;
  clf_trainer *t;
  int32_t rank;
  char recovered[1024];
} watcher;

static atomic_int rank_0_ended;

static int watch(const clf_progress *p, void *context) {
  watcher *w = context;
  if (p->recovered) snprintf(w->recovered, sizeof w->recovered, "%s", p->recovered);
  const int64_t silent = w->rank == w->p->other ? w->p->silent_from : 0;
  if (w->rank == w->p->slow) w->t->group.busy += 60;
  while (silent && p->step >= silent && !rank_0_ended) nap(0.05);
  return w->rank == 0 && w->p->stop && p->step >= w->p->stop;
}

static clf_status make_trainer(const plan *p, clf_flow *f, const clf_train_options *o,
                               clf_trainer **t) {
  return p->images ? clf_trainer_create_images(f, p->images, NULL, o, t)
                   : clf_trainer_create(f, p->data, o, t);
}

static clf_status run(const plan *p, clf_group *g, clf_flow *f, clf_trainer *t) {
  watcher w = {.p = p, .t = t, .rank = clf_group_rank(g)};
  if (p->copies) t->copy.every = 0;
  if (p->from) CLF_TRY(clf_trainer_resume(t, path_of(p->from)));
  if (g) CLF_TRY(clf_trainer_set_group(t, g, p->shares));
  if (p->fails && w.rank == p->other)
    faulty = (struct faulty){.n = p->fails, .for_good = p->for_good};
  const clf_status s = clf_trainer_run(t, watch, &w);
  if (!w.rank) rank_0_ended = 1;
  if (s && !(s == CLF_ESTOPPED && p->stop)) return s;
  (void)f;
  if (p->fails && w.rank == p->other) faulty.n = 0;
  if (g && p->slow >= 0 && !p->fails && t->group.first[p->slow] < t->group.first[p->slow + 1])
    return clf__fail(CLF_EMISMATCH, "the slow member still has grains");
  return p->to ? clf_trainer_save(t, path_of(p->to)) : CLF_OK;
}

/* One device for each rank, opened once; a single device uses that of rank 0. */
enum { MEMBERS = 4 };
static clf_device *device[MEMBERS], *failing;

static clf_status train(clf_group *g, void *context) {
  const plan *p = context;
  const int fails = p->fails && clf_group_rank(g) == p->other;
  clf_device *dev = fails ? failing : device[clf_group_rank(g)];
  clf_flow *f = NULL;
  clf_trainer *t = NULL;
  clf_train_options o = p->o;
  if (p->differ && clf_group_rank(g) == p->other) p->differ(&o);
  clf_status s = CLF_OK;
  if (p->from)
    s = clf_flow_load(dev, path_of(p->from), NULL, &f);
  else if (!(f = make_flow(dev, p->kind)))
    s = CLF_ENOMEM;
  if (!s) s = make_trainer(p, f, &o, &t);
  if (!s) s = run(p, g, f, t);
  clf_trainer_free(t);
  clf_flow_free(f);
  return s;
}

static clf_table table;
static clf_images *images;

static plan plan_for(const flow_kind *k, const char *to) {
  return (plan){.kind = k,
                .data = &table,
                .images = k->images ? images : NULL,
                .to = to,
                .o = options_of(k),
                .other = -1,
                .slow = -1};
}

static void all_work(int32_t n, plan *p) {
  const outcomes all = run_group(n, train, p);
  for (int32_t r = 0; r < n; r++)
    ck_assert_msg(!all.status[r], "%s, rank %d of %d: %s", p->kind->label, r, n, all.why[r]);
}

static void alone(plan *p) { ck_assert_msg(!train(NULL, p), "%s", clf_errmsg()); }

static void same(const char *a, const char *b, const char *label, int32_t n) {
  ck_assert_msg(equal_files(path_of(a), path_of(b)), "%s: other bits with %d members", label,
                (int)n);
}

/* ---- Bits ---------------------------------------------------------------------------------------
 */

START_TEST(any_number_of_members) {
  const flow_kind *k = &kinds[_i];
  plan p = plan_for(k, "one");
  alone(&p);
  const int most = atoi(k->grains);
  for (int32_t n = 1; n <= MEMBERS && n <= most; n++) {
    p.to = "many";
    all_work(n, &p);
    same("one", "many", k->label, n);
  }
}
END_TEST

START_TEST(any_shares) {
  static const double shares[][3] = {{3, 1, 0}, {1, 6, 1}, {0, 0, 2}};
  const flow_kind *k = &kinds[_i ? DIVIDED : 3];
  plan p = plan_for(k, "one");
  alone(&p);
  for (int i = 0; i < 3; i++) {
    p.to = "shared";
    p.shares = shares[i];
    all_work(i ? 3 : 2, &p);
    same("one", "shared", k->label, i ? 3 : 2);
  }
}
END_TEST

/* Shares that are measured while running statistics move. */
START_TEST(measured_shares) {
  plan p = plan_for(&kinds[3], "one");
  p.o.epochs = 8; /* more steps than are measured */
  alone(&p);
  p.to = "measured";
  p.slow = _i;
  all_work(3, &p);
  same("one", "measured", p.kind->label, 3);
}
END_TEST

/* 3 members stop, 2 continue, and then a single device. */
START_TEST(other_numbers_after_a_resume) {
  const flow_kind *k = &kinds[_i ? DIVIDED : 2];
  plan p = plan_for(k, "one");
  alone(&p);
  p.to = "of 3";
  p.stop = 3;
  all_work(3, &p);
  p.from = "of 3";
  p.to = "of 2";
  p.stop = 7;
  all_work(2, &p);
  p.from = "of 2";
  p.to = "end";
  p.stop = 0;
  alone(&p);
  same("one", "end", k->label, 3);
}
END_TEST

/* ---- Differences ---------------------------------------------------------------------------- */

static void other_batch(clf_train_options *o) { o->batch = 20; }
static void other_rate(clf_train_options *o) { o->lr = 0.25; }
static void other_memory(clf_train_options *o) { o->activations = CLF_ACTIVATIONS_REVERSE; }
static void other_split(clf_train_options *o) { o->valid_split = 0.2; }

START_TEST(differences) {
  static const struct {
    void (*differ)(clf_train_options *o);
    const char *message;
  } cases[] = {
      {other_batch, "trains with batch 20, not 22"},
      {other_rate, "trains with lr 0.25, not 0.005"},
      {other_memory, "recomputes activations: set the option activations, and not to auto"},
      {other_split, "trains with valid_split 0.2, not 0.1"},
  };
  for (int i = 0; i < 4; i++) {
    plan p = plan_for(&kinds[0], NULL);
    p.other = 1;
    p.differ = cases[i].differ;
    char want[256];
    const outcomes all = run_group(3, train, &p);
    for (int r = 0; r < 3; r++) {
      ck_assert_int_eq(all.status[r], CLF_EMISMATCH);
      snprintf(want, sizeof want,
               "rank 1 on this machine differs from rank 0 on this machine: it %s",
               cases[i].message);
      ck_assert_str_eq(all.why[r], want);
    }
  }
}
END_TEST

static clf_status wrong_groups(clf_group *g, void *context) {
  static const double bad[2] = {1, -1}, zeros[2] = {0, 0};
  const plan *p = context;
  clf_trainer *t = NULL;
  clf_flow *f = make_flow(device[0], p->kind);
  clf_train_options o = p->o;
  WORKS(clf_train_options_set(&o, "grains", "0"));
  WORKS(make_trainer(p, f, &o, &t));
  REFUSED(
      clf_trainer_set_group(t, g, NULL), CLF_EINVAL,
      "a training in a group cuts batches into grains: set the option grains, to 2 for example");
  clf_trainer_free(t);
  WORKS(clf_train_options_set(&o, "grains", "1"));
  WORKS(make_trainer(p, f, &o, &t));
  REFUSED(
      clf_trainer_set_group(t, g, NULL), CLF_EINVAL,
      "2 members need as many grains, and there are 1: set grains to 2 when the training begins");
  clf_trainer_free(t);
  o = p->o;
  WORKS(make_trainer(p, f, &o, &t));
  REFUSED(clf_trainer_set_group(t, g, bad), CLF_EINVAL,
          "share 2 is -1; it must be a number from 0 on");
  REFUSED(clf_trainer_set_group(t, g, zeros), CLF_EINVAL, "all shares are 0");
  clf_trainer_free(t);
  o.batch = 1;
  WORKS(make_trainer(p, f, &o, &t));
  REFUSED(clf_trainer_set_group(t, g, NULL), CLF_EINVAL,
          "2 members are more than a batch of 1 rows has work for");
  clf_trainer_free(t);
  clf_flow_free(f);
  return CLF_OK;
}

START_TEST(refused_groups) {
  plan p = plan_for(&kinds[0], NULL);
  clf_group *g[2];
  WORKS(clf_group_threads(2, g));
  WORKS(wrong_groups(g[0], &p));
  clf_group_free(g[0]);
  clf_group_free(g[1]);
}
END_TEST

/* ---- Members that are silent ---------------------------------------------------------------- */

START_TEST(silent_member) {
  char *before = suite_setenv("CLFLOW_GROUP_DEADLINE", "0.3");
  plan p = plan_for(&kinds[2], NULL);
  p.o.epochs = 400;
  p.other = 1;
  p.silent_from = 9;
  rank_0_ended = 0;
  const outcomes all = run_group(2, train, &p);
  ck_assert_int_eq(all.status[0], CLF_EDEVICE);
  ck_assert_int_eq(all.status[1], CLF_EDEVICE);
  ck_assert_msg(strstr(all.why[0], "rank 0 on this machine, at step ") &&
                    strstr(all.why[0], "rank 1 was silent for "),
                "%s", all.why[0]);
  ck_assert_msg(strstr(all.why[1], "rank 0 has left the group"), "%s", all.why[1]);
  suite_putenv_back("CLFLOW_GROUP_DEADLINE", before);
}
END_TEST

/* ---- Devices that fail ---------------------------------------------------------------------- */

/* How many calls of a training fail, one in each repetition, in addition to a few at the end of the
 * training.  Under sanitizers a training takes longer, so there are fewer repetitions. */
#ifdef __has_feature
#define FEATURE(name) __has_feature(name)
#else
#define FEATURE(name) 0
#endif
#if FEATURE(thread_sanitizer) || defined __SANITIZE_THREAD__
enum { CALLS = 3 };
#elif FEATURE(address_sanitizer) || defined __SANITIZE_ADDRESS__
enum { CALLS = 11 };
#else
enum { CALLS = 29 };
#endif

/* Drivers that compile each kernel are slow for images, and for steps that are repeated. */
static int on_cpu(void) { return strncmp(where, "cpu", 3) == 0; }

/* Whichever call fails on rank 1, all members go back to the same step, and the result is the same:
 * without copies since the beginning, with copies between the steps, and where steps are skipped
 * and shares are measured meanwhile. */
START_TEST(a_device_fails_once) {
  const flow_kind *k = &kinds[_i ? DIVIDED : 3];
  plan p = plan_for(k, "one");
  clf_table off;
  WORKS(clf_table_read("moons:n=57", &off));
  off.at[40] = 1e30; /* the loss of its batch is not finite */
  p.copies = _i >= 2;
  if (_i == 3) p.data = &off, p.o.drops = 8, p.slow = 0;
  p.o.epochs = 2;
  alone(&p);
  p.to = "mended";
  p.other = 1;
  p.fails = -1; /* only counts */
  all_work(2, &p);
  same("one", "mended", k->label, 2);
  const long calls = faulty.calls, apart = calls / (_i < 3 || on_cpu() ? CALLS : CALLS / 4);
  ck_assert_int_gt(calls, 200);
  for (long n = 1; n < calls; n += n + 30 < calls ? apart : 5) { /* the last ones end it */
    p.fails = n;
    all_work(2, &p);
    same("one", "mended", k->label, 2);
  }
  clf_table_free(&off);
}
END_TEST

START_TEST(a_device_fails_for_good) {
  plan p = plan_for(&kinds[3], NULL);
  p.other = 1;
  p.fails = 300;
  p.for_good = 1;
  const outcomes all = run_group(3, train, &p);
  for (int r = 0; r < 3; r++) {
    ck_assert_int_eq(all.status[r], CLF_EDEVICE);
    ck_assert_msg(strstr(all.why[r], "the device failed at step ") &&
                      strstr(all.why[r],
                             "); a group does not replace a device by cpu, whose results have "
                             "other bits; files are as they were saved last: the training can be "
                             "resumed from there, on any number of devices of one kind"),
                  "%s", all.why[r]);
  }
  ck_assert_msg(strstr(all.why[0], "rank 1 on this machine") != NULL, "%s", all.why[0]);
  faulty = (struct faulty){0};
}
END_TEST

static void set_up(void) {
  WORKS(clf_table_read("moons:n=57", &table));
  WORKS(clf_images_open("glyphs:n=31,size=8", NULL, &images));
  WORKS(clf_images_wait(images));
  for (int r = 0; r < MEMBERS; r++) WORKS(clf_open(where, &device[r]));
  faulty = (struct faulty){0};
  failing = open_faulty(where);
  failing->many_callers = device[0]->many_callers; /* it divides rows as the others, for the bits */
}
static void tear_down(void) {
  for (int r = 0; r < MEMBERS; r++) clf_close(device[r]);
  clf_close(failing);
  clf_images_free(images);
  clf_table_free(&table);
}

static int kinds_here(void) { return on_cpu() ? KINDS : KINDS - 1; }

int main(int argc, char **argv) {
  if (argc > 1) where = argv[1];
  if (!mkdtemp(folder)) return 1;
  Suite *s = suite_create("group_train");
  TCase *tc = tcase_create(where);
  tcase_set_timeout(tc, 1200);
  tcase_add_unchecked_fixture(tc, set_up, tear_down);
  tcase_add_loop_test(tc, any_number_of_members, 0, kinds_here());
  tcase_add_loop_test(tc, any_shares, 0, 2);
  tcase_add_loop_test(tc, measured_shares, 0, on_cpu() ? 3 : 1);
  tcase_add_loop_test(tc, other_numbers_after_a_resume, 0, 2);
  tcase_add_test(tc, differences);
  tcase_add_test(tc, refused_groups);
  tcase_add_test(tc, silent_member);
  tcase_add_loop_test(tc, a_device_fails_once, 0, 2);
  tcase_add_loop_test(tc, a_device_fails_once, on_cpu() ? 2 : 3, 4);
  tcase_add_test(tc, a_device_fails_for_good);
  suite_add_tcase(s, tc);
  const int code = suite_run(s);
  suite_remove(folder);
  return code;
}
