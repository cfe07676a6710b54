/* SPDX-License-Identifier: MIT */
/* test_op_faults.c: the n-th call of a device fails (an operation, a transfer, an allocation or
 * a wait), for n until all succeed, in everything that can be done with a flow of each kind.
 * Each time the message of that call is returned, the device is empty afterwards, and works
 * again.  Also memory that cannot be allocated, at any point of a layout.
 *   test_op_faults [cpu|cpu64 [DENSE]]   tries every n up to DENSE (default 28), then one in DENSE
 *                                        of the rest */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "backend.h"
#include "clflow/clflow.h"
#include "faults/device.h"
#include "flow_private.h"
#include "suite.h"

static const char *where = "cpu";
static long dense = 28;

/* ---- Uses of flows --------------------------------------------------------------------------- */

typedef struct work {
  const char *name, *fuse; /* CLFLOW_FUSE, or NULL */
  clf_kind kind;
  int32_t scales;
  int activations, norms, lone; /* norms: L2 and clipping; lone: many steps in one call */
  clf_realnvp_variant variant;
} work;

static const work works[] = {
    {"fused", "always", CLF_NVP, 0, CLF_ACTIVATIONS_STORE, 0, 0, {0}},
    {"many steps", NULL, CLF_NVP, 0, CLF_ACTIVATIONS_STORE, 0, 1, {0}},
    {"unfused", "never", CLF_NVP, 0, CLF_ACTIVATIONS_STORE, 1, 0, {0}},
    {"unfused in reverse", "never", CLF_NVP, 0, CLF_ACTIVATIONS_REVERSE, 0, 0, {0}},
    {"fused in reverse", "always", CLF_NVP, 0, CLF_ACTIVATIONS_REVERSE, 0, 0, {0}},
    {"nice", "never", CLF_NICE, 0, CLF_ACTIVATIONS_STORE, 0, 0, {0}},
    {"nice in reverse", "never", CLF_NICE, 0, CLF_ACTIVATIONS_REVERSE, 0, 0, {0}},
    {"piecewise", NULL, CLF_PIECEWISE, 0, CLF_ACTIVATIONS_STORE, 0, 0, {0}},
    {"images", NULL, CLF_REALNVP, 2, CLF_ACTIVATIONS_STORE, 1, 0, {.bn_rho = 0.5}},
    {"images in reverse", NULL, CLF_REALNVP, 2, CLF_ACTIVATIONS_REVERSE, 1, 0, {0}},
    {"images without norm", NULL, CLF_REALNVP, 1, CLF_ACTIVATIONS_STORE, 0, 0, {.no_norm = 1}},
};
enum { WORKS_ = sizeof works / sizeof *works, ROWS = 24, MADE = 3 };

typedef struct objects { /* everything that must be freed */
  clf_table table;
  clf_images *images;
  clf_flow *flow, *loaded;
  clf_trainer *trainer, *again;
  double x[ROWS * 16], z[ROWS * 16], J[16 * 16], logp[ROWS];
} objects;

static clf_flow_spec spec_of(const work *w) {
  clf_flow_spec s = clf_flow_spec_default(w->kind, w->kind == CLF_PIECEWISE ? 1 : 2);
  s.seed = 3;
  if (w->kind == CLF_REALNVP) {
    s.height = s.width = 4;
    s.dim = 16;
    s.scales = w->scales;
    s.hidden = 2;
    s.blocks = 1;
    s.variant = w->variant;
  } else {
    s.depth = 3;
    s.hidden = 4;
    s.bins = 4;
    s.tails = 1;
  }
  return s;
}

static clf_train_options options_of(const work *w, int64_t epochs) {
  clf_train_options o =
      w->kind == CLF_REALNVP ? clf_train_options_images() : clf_train_options_default();
  o.epochs = epochs;
  o.batch = 9;
  o.part = w->kind == CLF_REALNVP ? 5 : 0;
  o.valid_split = 0.25;
  o.standardize = w->kind != CLF_REALNVP;
  o.activations = w->activations;
  if (w->norms) {
    o.clip = 10;
    if (w->kind == CLF_REALNVP) o.l2 = 1e-3;
  }
  o.flip = w->kind == CLF_REALNVP;
  return o;
}

static clf_status trainer_of(const work *w, clf_flow *f, int64_t epochs, objects *o,
                             clf_trainer **out) {
  const clf_train_options t = options_of(w, epochs);
  if (o->images) return clf_trainer_create_images(f, o->images, NULL, &t, out);
  return clf_trainer_create(f, &o->table, &t, out);
}

/* Between two epochs a file has the best weights, and the last ones in addition. */
static int first_epoch(const clf_progress *p, void *unused) {
  (void)unused;
  return p->epoch_done && p->epoch == 1;
}

static clf_status run_and_save(clf_trainer *t, const char *path) {
  const clf_status s = clf_trainer_run(t, first_epoch, NULL);
  if (s && s != CLF_ESTOPPED) return s;
  CLF_TRY(clf_trainer_save(t, path));
  return clf_trainer_run(t, NULL, NULL);
}

static clf_status learn(clf_device *dev, const work *w, const char *path, objects *o) {
  const clf_flow_spec spec = spec_of(w);
  CLF_TRY(clf_flow_create(dev, &spec, &o->flow));
  CLF_TRY(trainer_of(w, o->flow, 2, o, &o->trainer));
  CLF_TRY(run_and_save(o->trainer, path));
  if (w->kind == CLF_REALNVP && !w->variant.no_norm) CLF_TRY(clf_trainer_recalibrate(o->trainer));
  CLF_TRY(clf_trainer_save(o->trainer, path));
  CLF_TRY(clf_flow_load(dev, path, NULL, &o->loaded));
  CLF_TRY(trainer_of(w, o->loaded, 3, o, &o->again));
  CLF_TRY(clf_trainer_resume(o->again, path));
  CLF_TRY(clf_trainer_run(o->again, NULL, NULL));
  return clf_flow_save(o->loaded, path);
}

/* Returns the sum of all results. */
static clf_status use(const work *w, objects *o, double *sum) {
  const int32_t dim = spec_of(w).dim;
  double made[MADE * 16], logabsdet = 0, logdet = 0;
  clf_score score = {0};
  CLF_TRY(clf_log_prob(o->loaded, o->x, ROWS, o->logp));
  CLF_TRY(clf_transform(o->loaded, o->x, ROWS, o->z, NULL));
  CLF_TRY(clf_invert(o->loaded, o->z, ROWS, o->z, NULL));
  CLF_TRY(clf_sample(o->loaded, 1, 0, MADE, made));
  CLF_TRY(clf_sample_latents(o->loaded, 2, 0, MADE, 0.5, made));
  CLF_TRY(clf_evaluate(o->loaded, o->x, ROWS, &score));
  if (o->images) CLF_TRY(clf_evaluate_images(o->loaded, o->images, NULL, 0, ROWS, 7, &score));
  CLF_TRY(clf_jacobian(o->loaded, o->x, o->J, &logabsdet, &logdet));
  *sum = logabsdet + logdet + score.mean;
  for (int i = 0; i < MADE * dim; i++) *sum += made[i];
  for (int i = 0; i < ROWS * dim; i++) *sum += o->z[i];
  for (int i = 0; i < ROWS; i++) *sum += o->logp[i];
  return CLF_OK;
}

/* Reading the data does not involve the device, and cannot fail here. */
static void read_data(const work *w, objects *o) {
  const int32_t dim = spec_of(w).dim;
  memset(o, 0, sizeof *o);
  if (w->kind == CLF_REALNVP) {
    WORKS(clf_images_open("glyphs:n=24,size=4", NULL, &o->images));
    WORKS(clf_images_wait(o->images));
    for (int i = 0; i < ROWS * dim; i++) o->x[i] = (double)((7 * i) % 250) + 0.5;
    return;
  }
  WORKS(clf_table_read("moons:n=24", &o->table));
  if (w->kind == CLF_PIECEWISE) o->table.cols = 1; /* the first 24 numbers */
  memcpy(o->x, o->table.at, (size_t)(ROWS * dim) * sizeof *o->x);
}

static clf_status all(clf_device *dev, const work *w, const char *path, double *sum) {
  objects *o = malloc(sizeof *o);
  ck_assert_ptr_nonnull(o);
  read_data(w, o);
  clf_status s = learn(dev, w, path, o);
  if (!s) s = use(w, o, sum);
  clf_trainer_free(o->again);
  clf_trainer_free(o->trainer);
  clf_flow_free(o->loaded);
  clf_flow_free(o->flow);
  clf_images_free(o->images);
  clf_table_free(&o->table);
  free(o);
  return s;
}

/* ---- Each n --------------------------------------------------------------------------------- */

static void try_n(clf_device *dev, const work *w, const char *path, long n, double want) {
  char sentence[64];
  double sum = 0;
  snprintf(sentence, sizeof sentence, "call %ld, ", n);
  faulty.n = n;
  faulty.calls = 0;
  const clf_status s = all(dev, w, path, &sum);
  faulty.n = 0;
  if (s) {
    ck_assert_msg(strstr(clf_errmsg(), sentence) != NULL, "%s, %s: %s", w->name, sentence,
                  clf_errmsg());
    ck_assert_msg(s == CLF_EDEVICE, "%s: %s", clf_errmsg(), clf_strerror(s));
  } else {
    ck_assert_msg(sum == want, "%s, %s: %.17g, not %.17g", w->name, sentence, sum, want);
  }
}

START_TEST(any_call) {
  const work *w = &works[_i];
  char path[] = "/tmp/clflow-op-faults-XXXXXX";
  double want = 0, sum = 0;
  const int fd = mkstemp(path);
  ck_assert_int_ge(fd, 0);
  close(fd);
  if (w->fuse) setenv("CLFLOW_FUSE", w->fuse, 1);
  clf_device *dev = open_faulty(where);
  if (w->lone) dev->lone_work = dev->inner->lone_work;
  WORKS(all(dev, w, path, &want));
  const uint64_t base = clf_memory_taken(dev, 0).now;
  faulty.calls = 0;
  WORKS(all(dev, w, path, &sum));
  const long calls = faulty.calls;
  ck_assert(sum == want && isfinite(sum));
  ck_assert_int_gt(calls, 50);
  for (long n = 1; n <= calls + 1;
       n += 1 + n / dense) { /* new calls come early, repetitions late */
    try_n(dev, w, path, n, want);
    const uint64_t now = clf_memory_taken(dev, 0).now;
    ck_assert_msg(now == base, "%s, call %ld: %llu bytes are left, not %llu", w->name, n,
                  (unsigned long long)now, (unsigned long long)base);
  }
  WORKS(all(dev, w, path, &sum));
  ck_assert(sum == want);
  clf_close(dev);
  unsetenv("CLFLOW_FUSE");
  unlink(path);
  char *kept = NULL;
  if (asprintf(&kept, "%s.previous", path) > 0) unlink(kept);
  free(kept);
}
END_TEST

/* ---- Checkpoints ------------------------------------------------------------------------------
 */

/* From a new flow, or from the file's. */
static clf_status start(clf_device *dev, const work *w, const char *path, objects *o) {
  const clf_flow_spec spec = spec_of(w);
  read_data(w, o);
  CLF_TRY(path ? clf_flow_load(dev, path, NULL, &o->flow) : clf_flow_create(dev, &spec, &o->flow));
  return trainer_of(w, o->flow, 3, o, &o->trainer);
}
static void finish(objects *o) {
  clf_trainer_free(o->trainer);
  clf_flow_free(o->flow);
  clf_table_free(&o->table);
}

/* A training that resumes from a file, or writes one, between two epochs: each call of its
 * device fails once, and it succeeds nevertheless, or reports the error and succeeds the next
 * time. */
START_TEST(any_call_of_a_checkpoint) {
  const work *w = &works[0];
  char good[] = "/tmp/clflow-op-faults-XXXXXX", again[64], kept[64];
  clf_device *dev = open_faulty(where);
  objects *o = malloc(sizeof *o);
  ck_assert_ptr_nonnull(o);
  close(mkstemp(good));
  snprintf(again, sizeof again, "%s.again", good);
  faulty.n = 0;
  WORKS(start(dev, w, NULL, o));
  ck_assert_int_eq(clf_trainer_run(o->trainer, first_epoch, NULL), CLF_ESTOPPED);
  WORKS(clf_trainer_save(o->trainer, good));
  finish(o);
  for (long n = 1, all = 1; n <= all; n++) {
    WORKS(start(dev, w, good, o));
    for (int saves = 0; saves < 2; saves++) {
      faulty.n = n;
      faulty.calls = 0;
      clf_status s =
          saves ? clf_trainer_save(o->trainer, again) : clf_trainer_resume(o->trainer, good);
      faulty.n = 0;
      if (faulty.calls > all) all = faulty.calls;
      ck_assert_msg(!s || (s == CLF_EDEVICE && strstr(clf_errmsg(), "fails")), "call %ld: %s", n,
                    clf_errmsg());
      if (s) s = saves ? clf_trainer_save(o->trainer, again) : clf_trainer_resume(o->trainer, good);
      ck_assert_msg(!s, "call %ld, the second time: %s", n, clf_errmsg());
    }
    ck_assert_msg(equal_files(good, again), "call %ld: another file", n);
    finish(o);
  }
  free(o);
  clf_close(dev);
  unlink(good);
  unlink(again);
  snprintf(kept, sizeof kept, "%s.again.previous", good);
  unlink(kept);
}
END_TEST

/* ---- Losses that are not finite -------------------------------------------------------------- */

/* A learning rate that makes the weights diverge: steps are skipped until there are too many. */
static clf_status burst(clf_device *dev, const work *w, double *sum) {
  clf_train_options t = options_of(w, 30);
  const clf_flow_spec spec = spec_of(w);
  objects *o = malloc(sizeof *o);
  ck_assert_ptr_nonnull(o);
  read_data(w, o);
  t.lr = 1e4;
  t.drops = 2;
  t.clip = 0;
  clf_status s = clf_flow_create(dev, &spec, &o->flow);
  if (!s)
    s = o->images ? clf_trainer_create_images(o->flow, o->images, NULL, &t, &o->trainer)
                  : clf_trainer_create(o->flow, &o->table, &t, &o->trainer);
  if (!s) s = clf_trainer_run(o->trainer, NULL, NULL);
  if (s == CLF_ENUM) { /* the weights of the flow */
    double *all = malloc(clf__count(&o->flow->w) * sizeof *all);
    ck_assert_ptr_nonnull(all);
    faulty.n = 0;
    WORKS(clf_read64(dev, o->flow->w, all));
    *sum = 0;
    for (size_t i = 0; i < clf__count(&o->flow->w); i++) *sum += all[i];
    free(all);
  }
  clf_trainer_free(o->trainer);
  clf_flow_free(o->flow);
  clf_images_free(o->images);
  clf_table_free(&o->table);
  free(o);
  return s;
}

/* While the watchdog searches for the cause, goes back and repeats steps: the result is the
 * same, or that call is reported. */
START_TEST(any_call_of_the_watchdog) {
  const work *w = &works[_i];
  double want = 0, sum = 0;
  char told[512], sentence[64];
  if (w->fuse) setenv("CLFLOW_FUSE", w->fuse, 1);
  clf_device *dev = open_faulty(where);
  faulty.n = 0;
  faulty.calls = 0;
  const clf_status first = burst(dev, w, &want);
  ck_assert_msg(first == CLF_ENUM && strncmp(clf_errmsg(), "step ", 5) == 0, "%s: %s: %s", w->name,
                clf_strerror(first), clf_errmsg());
  snprintf(told, sizeof told, "%s", clf_errmsg());
  if (getenv("CLF_VERBOSE")) printf("%s: %ld %s\n", w->name, faulty.calls, told);
  const long calls = faulty.calls;
  const uint64_t base = clf_memory_taken(dev, 0).now;
  for (long n = 1; n <= calls; n += 1 + 4 * n / dense) {
    snprintf(sentence, sizeof sentence, "call %ld, ", n);
    faulty.n = n;
    faulty.calls = 0;
    const clf_status s = burst(dev, w, &sum);
    faulty.n = 0;
    if (s == CLF_ENUM) {
      ck_assert_str_eq(clf_errmsg(), told);
      ck_assert_msg(sum == want, "%s, %s: %.17g, not %.17g", w->name, sentence, sum, want);
    } else {
      ck_assert_msg(s == CLF_EDEVICE && strstr(clf_errmsg(), sentence), "%s, %s: %s", w->name,
                    sentence, clf_errmsg());
    }
    ck_assert_uint_eq(clf_memory_taken(dev, 0).now, base);
  }
  clf_close(dev);
  unsetenv("CLFLOW_FUSE");
}
END_TEST

/* More rows than an arena holds, wherever in its tensors the limit is exceeded: refused with a
 * sentence, by a workspace that is only measured, and from there on. */
START_TEST(too_many_rows) {
  const work *w = &works[_i];
  const clf_flow_spec spec = spec_of(w);
  clf_device *dev = NULL;
  clf_flow *f = NULL;
  if (w->fuse) setenv("CLFLOW_FUSE", w->fuse, 1);
  WORKS(clf_open(where, &dev));
  WORKS(clf_flow_create(dev, &spec, &f));
  for (int train = 0; train <= CLF_REBUILT; train++) {
    size_t elements = 0, before = 0;
    int refused = 0;
    for (int64_t rows = 1; rows <= INT32_MAX; rows += 1 + rows / 200) {
      const clf_status s = clf__flow_measure(f, (int32_t)rows, train, 0, &elements);
      if (s) {
        ck_assert_int_eq(s, CLF_ENOTSUP);
        ck_assert_msg(strstr(clf_errmsg(), "holds at most 2147483647") != NULL, "%s", clf_errmsg());
        refused = 1;
        continue;
      }
      ck_assert_msg(!refused, "%s: %lld rows fit, fewer do not", w->name, (long long)rows);
      ck_assert_uint_ge(elements, before);
      ck_assert_uint_ge(elements, (size_t)rows * (size_t)spec.dim);
      before = elements;
    }
    ck_assert_msg(refused, "%s: 2^31 rows fit", w->name);
  }
  clf_flow_free(f);
  clf_close(dev);
  unsetenv("CLFLOW_FUSE");
}
END_TEST

static void add(Suite *suite, const char *name, const TTest *test, int count) {
  TCase *c = tcase_create(name); /* CK_RUN_CASE=NAME runs only this one */
  tcase_set_timeout(c, 600);
  tcase_add_loop_test(c, test, 0, count);
  suite_add_tcase(suite, c);
}

int main(int argc, char **argv) {
  if (argc > 1) where = argv[1];
  if (argc > 2) dense = atol(argv[2]);
  if (dense < 1) return 1;
  Suite *suite = suite_create("op_faults");
  add(suite, "any_call", any_call, WORKS_);
  add(suite, "checkpoint", any_call_of_a_checkpoint, 1);
  add(suite, "watchdog", any_call_of_the_watchdog, WORKS_);
  add(suite, "rows", too_many_rows, WORKS_);
  return suite_run(suite);
}
