/* SPDX-License-Identifier: MIT */
/* test_survive.c: a training whose device fails at its n-th call continues, and ends with the
 * bits of an undisturbed one; on cpu with its results; with smaller micro-batches if memory is
 * short.
 *   test_survive [TRIES]   number of values of n in a series (default 24) */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clflow/clflow.h"
#include "faults/control.h"
#include "trainer.h"
#include "suite.h"

/* ---- Trainings --------------------------------------------------------------------------- */

/* Many steps per launch; a step of single operations; images with batch normalisation; a list of
 * layers with state or random numbers; and the last two with much more memory for a pass than
 * for the rest. */
typedef enum what { MANY, SINGLE, IMAGES, LAYERS, KINDS, LARGE = KINDS, LARGE_IMAGES } what;
static const char *const kinds[] = {"many", "single", "images", "layers", "large", "large images"};
static const char layers[] = "2: actnorm, coupling(affine, mlp(6x1, silu, dropout=0.3)), batchnorm "
                             "-> normal";
static int of_images(what kind) { return kind == IMAGES || kind == LARGE_IMAGES; }
static const char file[] = "survive.safetensors";

typedef struct work {
  what kind;
  clf_device *dev;
  clf_table table;
  clf_images *images;
  clf_flow *flow;
  clf_trainer *trainer;
  int reports, told;   /* in total; about failures */
  char sentence[1024]; /* the last one about a failure */
} work;

static clf_train_options options_of(what kind) {
  clf_train_options o = of_images(kind) ? clf_train_options_images() : clf_train_options_default();
  o.epochs = of_images(kind) ? 2 : 4;
  o.batch = kind == LARGE ? 600 : kind == LARGE_IMAGES ? 36 : 12;
  o.valid_split = kind == SINGLE ? 0 : 0.25;
  o.clip = 10;
  if (kind != LAYERS) return o;
  WORKS(clf_train_options_set(&o, "ema", "0.9"));
  WORKS(clf_train_options_set(&o, "schedule", "plateau"));
  WORKS(clf_train_options_set(&o, "plateau_patience", "1"));
  /* Decisions that rounding may change, as on another device, should change little. */
  WORKS(clf_train_options_set(&o, "plateau_factor", "0.99999"));
  return o;
}

static void make_flow(work *w, const clf_flow_spec *spec) {
  clf_arch *arch = NULL;
  if (w->kind != LAYERS) {
    WORKS(clf_flow_create(w->dev, spec, &w->flow));
    return;
  }
  WORKS(clf_arch_parse(layers, &arch));
  WORKS(clf_flow_create_arch(w->dev, arch, 4, &w->flow));
  clf_arch_free(arch);
}

static void begin(work *w, clf_device *dev, what kind) {
  clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, 2);
  *w = (work){.kind = kind, .dev = dev};
  setenv("CLFLOW_FUSE", kind == MANY ? "" : "layers", 1);
  spec.hidden = kind == LARGE ? 4 : 8;
  spec.depth = kind == LARGE ? 16 : 4;
  if (of_images(kind)) {
    const clf_preset *tiny;
    const int32_t side = kind == IMAGES ? 4 : 8;
    WORKS(clf_images_open(kind == IMAGES ? "glyphs:n=24,size=4" : "glyphs:n=48,size=8", NULL,
                          &w->images));
    WORKS(clf_images_wait(w->images));
    WORKS(clf_preset_find("tiny", &tiny));
    spec = clf_preset_spec(tiny, side, side, 1);
    spec.hidden = side / 2;
    spec.scales = side / 4;
  } else {
    WORKS(clf_table_read(kind == LARGE ? "moons:n=900" : "moons:n=64", &w->table));
  }
  make_flow(w, &spec);
}

static clf_status make_trainer(work *w) {
  const clf_train_options o = options_of(w->kind);
  if (of_images(w->kind))
    return clf_trainer_create_images(w->flow, w->images, NULL, &o, &w->trainer);
  return clf_trainer_create(w->flow, &w->table, &o, &w->trainer);
}

/* Every reading copies the state to the host if possible, independent of the clock. */
static int listen(const clf_progress *p, void *context) {
  work *w = context;
  w->trainer->copy.every = w->trainer->copy.cost = 0;
  w->reports++;
  if (!p->recovered) return 0;
  w->told++;
  snprintf(w->sentence, sizeof w->sentence, "%s", p->recovered);
  return 0;
}

/* The work during which calls fail. */
static clf_status train(work *w) {
  CLF_TRY(clf_trainer_run(w->trainer, listen, w));
  CLF_TRY(clf_trainer_run(w->trainer, listen, w)); /* copies the final state to the host */
  if (of_images(w->kind)) CLF_TRY(clf_trainer_recalibrate(w->trainer));
  return clf_trainer_save(w->trainer, file);
}

static void end(work *w) {
  clf_trainer_free(w->trainer);
  clf_flow_free(w->flow);
  clf_images_free(w->images);
  clf_table_free(&w->table);
  unlink(file);
}

/* The result of a training is its file. */
typedef struct bytes {
  char *at;
  size_t size;
} bytes;

static void read_again(bytes *b) {
  free(b->at);
  b->at = read_file(file, &b->size);
}

static void same_bits(const bytes *want, const char *when) {
  static bytes got;
  read_again(&got);
  ck_assert_msg(got.size == want->size && memcmp(got.at, want->at, got.size) == 0,
                "%s: the bits are others", when);
}

/* Without failures: the result, the number of calls, and the loss. */
static double undisturbed(clf_device *dev, what kind, bytes *want, long *calls) {
  work w;
  long failed;
  begin(&w, dev, kind);
  WORKS(make_trainer(&w));
  arm("*", 0, 0, 0);
  WORKS(train(&w));
  disarm(calls, &failed);
  read_again(want);
  const double loss = clf_flow_history(w.flow).train;
  end(&w);
  return loss;
}

static void close_all(clf_device *dev) {
  clf_close(dev);
  ck_assert_int_eq(alive(), 0);
}

/* A device with this name, and the result of an undisturbed training on it. */
static double ready(const char *name, what kind, clf_device **dev, bytes *want, long *calls) {
  find_layer();
  WORKS(clf_open(name, dev));
  return undisturbed(*dev, kind, want, calls);
}

/* ---- Series -------------------------------------------------------------------------------- */

static long tries = 24;
static long step_of(long calls, long wanted) { return wanted < calls ? calls / wanted : 1; }
/* A list of layers makes more calls; it differs from the others in what it stores. */
static long tries_of(what kind) { return kind == LAYERS ? tries / 4 : tries; }

/* A training in which call n of `function` fails, on an open device; 0: there is no such call. */
static int disturbed(clf_device *dev, what kind, const char *function, long n, int how, int code,
                     const bytes *want) {
  work w;
  char when[128];
  long calls, failed;
  snprintf(when, sizeof when, "%s, %s %ld, how %d, code %d", kinds[kind], function, n, how, code);
  begin(&w, dev, kind);
  WORKS(make_trainer(&w));
  const long objects = alive();
  arm(function, n, how, code);
  const clf_status s = train(&w);
  disarm(&calls, &failed);
  ck_assert_msg(!s, "%s: %s", when, clf_errmsg());
  same_bits(want, when);
  ck_assert_msg(how == CLF_FAULT_LOST || alive() <= objects + 2, "%s: %ld objects, not %ld", when,
                alive(), objects); /* the workspace and the scratch memory may be new */
  end(&w);
  return failed > 0;
}

/* Each call fails once. */
START_TEST(once) {
  static const int codes[] = {-5, -6, -4, -36, -14, -2};
  static bytes want;
  clf_device *dev = NULL;
  const what kind = (what)_i;
  long calls;
  ready("opencl", kind, &dev, &want, &calls);
  undisturbed(dev, kind, &want, &calls); /* scratch memory has grown: fewer calls */
  const long step = step_of(calls, tries_of(kind));
  for (long n = 1; n <= calls;
       n += step) /* readings depend on the clock: the last call may be missing */
    ck_assert(disturbed(dev, kind, "*", n, 0, codes[n / step % 6], &want) || n + step > calls);
  close_all(dev);
}
END_TEST

/* Every reading, as of a half-finished copy, and every launch. */
START_TEST(everywhere) {
  static const char *const functions[] = {"clEnqueueReadBuffer", "clEnqueueNDRangeKernel"};
  static bytes want;
  clf_device *dev = NULL;
  long calls, n = 1;
  ready("opencl", MANY, &dev, &want, &calls);
  while (disturbed(dev, MANY, functions[_i], n, 0, -36, &want)) n++;
  ck_assert_int_gt(n, 40);
  clf_close(dev);
}
END_TEST

/* Call n and all later ones fail, until there is a new context. */
START_TEST(lost) {
  static const int codes[] = {-36 /* invalid queue */, -2 /* not available */, -5, -14};
  static bytes want;
  clf_device *dev = NULL;
  const what kind = (what)_i;
  long calls;
  ready("opencl", kind, &dev, &want, &calls);
  undisturbed(dev, kind, &want, &calls);
  const long step = step_of(calls, tries_of(kind) / 8 + (kind == LAYERS));
  for (long n = 1; n <= calls; n += step)
    ck_assert(disturbed(dev, kind, "*", n, CLF_FAULT_LOST, codes[n / step % 4], &want) ||
              n + step > calls);
  ck_assert_int_eq(strncmp(clf_device_name(dev), "opencl", 6), 0);
  close_all(dev);
}
END_TEST

/* A wrapped device is lost; steps are checked one by one there. */
START_TEST(wrapped) {
  static bytes want;
  clf_device *dev = NULL;
  long calls;
  ready("check:opencl", SINGLE, &dev, &want, &calls);
  ck_assert(disturbed(dev, SINGLE, "*", calls / 2, CLF_FAULT_LOST, -36, &want));
  ck_assert_int_eq(strncmp(clf_device_name(dev), "check:opencl", 12), 0);
  close_all(dev);
}
END_TEST

/* Other objects on a lost device are refused; steps are repeated from the newest copy, not from
 * the first. */
START_TEST(beside) {
  static bytes want;
  clf_device *dev = NULL;
  clf_flow *other = NULL;
  const clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, 2);
  const double x[2] = {0, 1};
  double logp;
  int from = 0;
  long calls, failed;
  work w;
  ready("opencl", SINGLE, &dev, &want, &calls);
  WORKS(clf_flow_create(dev, &spec, &other));
  WORKS(clf_log_prob(other, x, 1, &logp));
  begin(&w, dev, SINGLE);
  WORKS(make_trainer(&w));
  arm("*", calls * 3 / 4, CLF_FAULT_LOST, -36);
  WORKS(train(&w));
  disarm(&calls, &failed);
  same_bits(&want, "beside another flow");
  ck_assert_msg(sscanf(strstr(w.sentence, "from"), "from %d", &from) == 1, "%s", w.sentence);
  ck_assert_int_gt(from, 4);
  ck_assert_int_eq(clf_log_prob(other, x, 1, &logp), CLF_EDEVICE);
  ck_assert_msg(strstr(clf_errmsg(), "was lost with its device"), "%s", clf_errmsg());
  end(&w);
  clf_flow_free(other);
  close_all(dev);
}
END_TEST

/* Call n and all later ones fail for ever: a device, its training and the result of `train`. */
static clf_status without_opencl(what kind, long n, work *w, clf_device **dev) {
  long calls, failed;
  WORKS(clf_open("opencl", dev));
  begin(w, *dev, kind);
  WORKS(make_trainer(w));
  arm("*", n, 1, -36);
  const clf_status s = train(w);
  disarm(&calls, &failed);
  ck_assert_int_gt(failed, 0);
  return s;
}

START_TEST(dead) {
  static bytes want;
  clf_device *dev = NULL;
  const what kind = (what)_i;
  long calls;
  work w;
  const double loss = ready("opencl", kind, &dev, &want, &calls);
  clf_close(dev);
  for (int part = 0; part < 2; part++) {
    WORKS(without_opencl(kind, part ? calls * 2 / 3 : 2, &w, &dev));
    const double got = clf_flow_history(w.flow).train;
    ck_assert_msg(fabs(got - loss) < 1e-4 * fabs(loss), "%s: %.9g, not %.9g", kinds[kind], got,
                  loss);
    ck_assert_msg(strncmp(clf_device_name(dev), "cpu", 3) == 0, "%s", clf_device_name(dev));
    ck_assert_msg(w.told == 1 && strstr(w.sentence, "continues from") &&
                      strstr(w.sentence, "on cpu"),
                  "%s", w.sentence);
    end(&w);
    close_all(dev);
  }
}
END_TEST

/* No buffer above a size can be allocated, before the trainer is created or from its first step
 * on.  Uses a separate device, since scratch memory persists; with this family kernels use the
 * same amount on every processor. */
static const char eights[] = "opencl:/simd8";

static void with_little(what kind, size_t bytes_, int at_once, work *w, clf_device **dev) {
  long calls, failed;
  WORKS(clf_open(eights, dev));
  begin(w, *dev, kind);
  if (!at_once) WORKS(make_trainer(w));
  arm("clCreateBuffer", 1, 1, -4);
  above(bytes_);
  if (at_once) WORKS(make_trainer(w));
  WORKS(train(w));
  disarm(&calls, &failed);
  ck_assert_int_gt(failed, 0);
  ck_assert_msg(strncmp(clf_device_name(*dev), "opencl", 6) == 0, "%s", w->sentence);
}

START_TEST(short_of_memory) {
  static bytes want;
  clf_device *dev = NULL;
  long calls;
  work w;
  const double loss = ready(eights, LARGE, &dev, &want, &calls);
  clf_close(dev);
  with_little(LARGE, 150000, _i, &w, &dev);
  const double got = clf_flow_history(w.flow).train;
  ck_assert_msg(fabs(got - loss) < 1e-5 * fabs(loss), "%.9g, not %.9g", got, loss);
  ck_assert_int_le(clf_trainer_plan(w.trainer).part, 300);
  ck_assert_msg(w.told == 1 && strstr(w.sentence, " samples are on the device at once"), "%s",
                w.sentence);
  end(&w);
  close_all(dev);
}
END_TEST

/* Batch normalisation needs the statistics of a batch, which is not divided. */
START_TEST(in_reverse) {
  static bytes want;
  clf_device *dev = NULL;
  long calls;
  work w;
  const double loss = ready(eights, LARGE_IMAGES, &dev, &want, &calls);
  clf_close(dev);
  with_little(LARGE_IMAGES, 1200000, 1, &w, &dev);
  const clf_train_plan plan = clf_trainer_plan(w.trainer);
  ck_assert_int_eq(plan.part, plan.batch);
  ck_assert_int_eq(plan.way, CLF_ACTIVATIONS_REVERSE);
  ck_assert_msg(clf_flow_history(w.flow).train == loss, "%.17g, not %.17g",
                clf_flow_history(w.flow).train, loss);
  end(&w);
  close_all(dev);
}
END_TEST

/* ---- Without a training ------------------------------------------------------------------ */

enum { SAMPLES = 300 };

static clf_status use(clf_flow *flow, double *x, clf_score *score) {
  CLF_TRY(clf_sample(flow, 1, 0, SAMPLES, x));
  return clf_evaluate(flow, x, SAMPLES, score);
}

/* Each call of sampling and evaluation fails once, and memory is short. */
START_TEST(without_training) {
  static double x[2 * SAMPLES], again[2 * SAMPLES];
  clf_score want, got;
  clf_device *dev = NULL;
  long calls, failed = 1;
  work w;
  find_layer();
  WORKS(clf_open("opencl", &dev));
  begin(&w, dev, LARGE);
  WORKS(use(w.flow, x, &want));
  for (long n = 1; failed; n++) {
    arm("*", n, 0, n % 2 ? -36 : -4);
    WORKS(use(w.flow, again, &got));
    disarm(&calls, &failed);
    ck_assert_msg(memcmp(x, again, sizeof x) == 0 && got.mean == want.mean, "call %ld", n);
  }
  end(&w);
  begin(&w, dev, LARGE);
  arm("clCreateBuffer", 1, 1, -4);
  above(SAMPLES * 16);
  WORKS(use(w.flow, again, &got));
  disarm(&calls, &failed);
  ck_assert_int_gt(failed, 0);
  ck_assert(memcmp(x, again, sizeof x) == 0 && got.mean == want.mean);
  end(&w);
  close_all(dev);
}
END_TEST

int main(int argc, char **argv) {
  char folder[] = "/tmp/clflow-survive-XXXXXX";
  if (argc > 1) tries = atol(argv[1]);
  if (tries < 8 || !mkdtemp(folder) || chdir(folder)) return 1;
  setenv("OPENCL_LAYERS", CLF_FAULT_LAYER, 1);
  Suite *suite = suite_create("survive");
  TCase *c = tcase_create("survive");
  tcase_set_timeout(c, 3600);
  tcase_add_loop_test(c, once, 0, KINDS);
  tcase_add_loop_test(c, everywhere, 0, 2);
  tcase_add_loop_test(c, lost, 0, KINDS);
  tcase_add_test(c, wrapped);
  tcase_add_test(c, beside);
  tcase_add_loop_test(c, dead, 0, KINDS);
  tcase_add_loop_test(c, short_of_memory, 0, 2);
  tcase_add_test(c, in_reverse);
  tcase_add_test(c, without_training);
  suite_add_tcase(suite, c);
  const int failed = suite_run(suite);
  if (chdir("/") || rmdir(folder)) return 1;
  return failed;
}
