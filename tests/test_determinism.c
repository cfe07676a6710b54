/* SPDX-License-Identifier: MIT */
/* test_determinism.c: the same seed on the same device gives the same bits, whatever the process
 * did before and however many threads compute.
 *   test_determinism DEVICE           (default cpu)
 *   test_determinism --print DEVICE   the bits as CRC-32, a line for each kind of flow */
#define _POSIX_C_SOURCE 200809L
#include "flows.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include "clflow/clflow.h"

/* What a run leaves behind: numbers as the caller sees them, as bits. */
typedef struct outcome {
  uint32_t weights, samples, logp;
} outcome;

static const char *device_name = "cpu";

static uint32_t bits_of(const double *at, size_t n) {
  return (uint32_t)crc32(0, (const Bytef *)at, (uInt)(n * sizeof *at));
}

/* ---- A training of each kind ---------------------------------------------------------------- */

typedef struct run {
  const char *label;
  clf_kind kind;
  int32_t dim, hidden;
  int norm;
  const char *fuse;
  const char *arch; /* of a composed flow */
} run;

/* A composed flow runs in blocks of rows; the wide one has work enough for threads; of image flows
 * one has sums over the batch. */
static const run runs[] = {
    {"composed", CLF_COMPOSED, 6, 0, 0, NULL,
     "6: (coupling(rq(bins=5, tail=3), resnet(20x2, relu)), ar(rq(bins=4), made(15x2, tanh)))*2 -> "
     "normal"},
    {"nvp", CLF_NVP, 2, 5, 0, NULL, NULL},
    {"nvp, not fused", CLF_NVP, 2, 5, 0, "never", NULL},
    {"nvp, wide", CLF_NVP, 6, 160, 0, NULL, NULL},
    {"nice", CLF_NICE, 5, 7, 0, NULL, NULL},
    {"piecewise", CLF_PIECEWISE, 1, 0, 0, NULL, NULL},
    {"realnvp", CLF_REALNVP, 64, 4, 0, NULL, NULL},
    {"realnvp, batch norm", CLF_REALNVP, 64, 4, 1, NULL, NULL},
};
enum { RUNS = sizeof runs / sizeof *runs, SAMPLES = 70 };

static clf_flow_spec spec_of(const run *r) {
  clf_flow_spec s = clf_flow_spec_default(r->kind, r->dim);
  if (r->kind == CLF_REALNVP) {
    const clf_preset *tiny;
    WORKS(clf_preset_find("tiny", &tiny));
    s = clf_preset_spec(tiny, 8, 8, 1);
    s.blocks = 1;
    s.variant.no_norm = !r->norm;
  }
  if (r->kind == CLF_PIECEWISE) {
    s.bins = 10;
    s.tails = 1;
  } else {
    s.hidden = r->hidden;
  }
  s.seed = 3;
  return s;
}

static clf_train_options options_of(const run *r) {
  clf_train_options o =
      r->kind == CLF_REALNVP ? clf_train_options_images() : clf_train_options_default();
  o.epochs = 2;
  o.batch = r->kind == CLF_REALNVP ? 16 : 100;
  o.valid_split = 0.2;
  o.standardize = r->kind != CLF_REALNVP && r->kind != CLF_PIECEWISE;
  o.seed = 5;
  return o;
}

static void learn(clf_flow *f, const clf_train_options *o, const clf_table *table,
                  const clf_images *images) {
  clf_trainer *t = NULL;
  if (images)
    WORKS(clf_trainer_create_images(f, images, NULL, o, &t));
  else
    WORKS(clf_trainer_create(f, table, o, &t));
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
}

/* On the moons' numbers in order as rows of `dim`, or on glyphs. */
static void train(clf_flow *f, const run *r) {
  const clf_train_options o = options_of(r);
  clf_table table = {0};
  clf_images *images = NULL;
  if (r->kind == CLF_REALNVP) {
    WORKS(clf_images_open("glyphs:n=40,size=8", NULL, &images));
    WORKS(clf_images_wait(images));
  } else {
    WORKS(clf_table_read("moons:n=900", &table));
    table.rows = 1800 / r->dim;
    table.cols = r->dim;
  }
  learn(f, &o, &table, images);
  clf_images_free(images);
  clf_table_free(&table);
}

static clf_flow *flow_of(clf_device *dev, const run *r) {
  clf_flow *f = NULL;
  if (r->arch) {
    f = flows_of(dev, r->arch, 3);
  } else {
    const clf_flow_spec spec = spec_of(r);
    WORKS(clf_flow_create(dev, &spec, &f));
  }
  return f;
}

static outcome outcome_of(clf_device *dev, const run *r) {
  const size_t n = SAMPLES * (size_t)r->dim;
  flows_fuse(r->fuse);
  clf_flow *f = flow_of(dev, r);
  train(f, r);
  const size_t count = clf__count(&f->w);
  double *w = flows_array(count), *x = flows_array(n), logp[SAMPLES];
  WORKS(clf_read64(dev, f->w, w));
  WORKS(clf_sample(f, 9, 0, SAMPLES, x));
  WORKS(clf_log_prob(f, x, SAMPLES, logp));
  const outcome o = {bits_of(w, count), bits_of(x, n), bits_of(logp, SAMPLES)};
  free(x);
  free(w);
  clf_flow_free(f);
  flows_fuse(NULL);
  return o;
}

/* ---- Twice in one process ------------------------------------------------------------------- */

/* Another flow on the same device: scratch memory grows, buffers get other contents. */
static void other_work(clf_device *dev, int i) {
  run other = runs[(i + 3) % RUNS];
  other.hidden += 3;
  outcome_of(dev, &other);
}

static void same(const run *r, const outcome *a, const outcome *b, const char *when) {
  ck_assert_msg(a->weights == b->weights, "%s: other weights %s", r->label, when);
  ck_assert_msg(a->samples == b->samples, "%s: other samples %s", r->label, when);
  ck_assert_msg(a->logp == b->logp, "%s: another log p %s", r->label, when);
}

START_TEST(twice) {
  const run *r = &runs[_i];
  const outcome a = outcome_of(flows_dev, r);
  other_work(flows_dev, _i);
  const outcome b = outcome_of(flows_dev, r);
  same(r, &a, &b, "after other work");
}
END_TEST

START_TEST(on_a_reopened_device) {
  const run *r = &runs[_i];
  clf_device *dev = NULL;
  const outcome a = outcome_of(flows_dev, r);
  WORKS(clf_open(device_name, &dev));
  const outcome b = outcome_of(dev, r);
  clf_close(dev);
  same(r, &a, &b, "on the reopened device");
}
END_TEST

/* ---- With other numbers of threads ----------------------------------------------------------- */

START_TEST(print_all) {
  for (int i = 0; i < RUNS; i++) {
    const outcome o = outcome_of(flows_dev, &runs[i]);
    printf("%s: %08x %08x %08x\n", runs[i].label, o.weights, o.samples, o.logp);
  }
}
END_TEST

static void add_printing(TCase *tc) {
  tcase_set_timeout(tc, 600);
  tcase_add_test(tc, print_all);
}

/* What a process with this number of threads prints. */
static void printed_with(int threads, char *text, size_t size) {
  char command[256];
  snprintf(command, sizeof command,
           "CLFLOW_THREADS=%d POCL_MAX_PTHREAD_COUNT=%d /proc/%ld/exe --print %s", threads, threads,
           (long)getpid(), device_name);
  FILE *p = popen(command, "r");
  ck_assert_ptr_nonnull(p);
  const size_t n = fread(text, 1, size - 1, p);
  text[n] = 0;
  ck_assert_int_eq(pclose(p), 0);
  ck_assert_ptr_nonnull(strstr(text, "realnvp, batch norm: "));
}

START_TEST(threads) {
  POSIX_ONLY;
  char one[1024], more[1024];
  printed_with(1, one, sizeof one);
  for (int n = 2; n <= 3; n++) {
    printed_with(n, more, sizeof more);
    ck_assert_msg(strcmp(one, more) == 0, "one thread:\n%s%d:\n%s", one, n, more);
  }
}
END_TEST

/* Fused couplings add up the gradient of their weights in tasks of more rows than a thread takes at
 * once, and large ones in chains of tasks. */
static const struct {
  int32_t dim, depth, hidden, rows;
} fused[] = {{6, 4, 22, 4500}, {20, 10, 800, 2200}};

/* The bits of the weights after two steps with this number of threads. */
static uint32_t trained_with(int32_t count, int size, int activations) {
  clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, fused[size].dim);
  clf_train_options o = clf_train_options_default();
  clf_table table = {0};
  clf_trainer *t = NULL;
  clf_flow *f = NULL;
  spec.hidden = fused[size].hidden;
  spec.depth = fused[size].depth;
  spec.seed = 3;
  o.epochs = 2;
  o.batch = fused[size].rows;
  o.valid_split = 0;
  o.seed = 5;
  o.activations = activations;
  WORKS(clf_set_threads(count));
  WORKS(clf_table_read("moons:n=45000", &table));
  table.rows = fused[size].rows;
  table.cols = fused[size].dim;
  WORKS(clf_flow_create(flows_dev, &spec, &f));
  WORKS(clf_trainer_create(f, &table, &o, &t));
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
  clf_table_free(&table);
  const size_t n = clf__count(&f->w);
  double *w = flows_array(n);
  WORKS(clf_read64(flows_dev, f->w, w));
  const uint32_t bits = bits_of(w, n);
  free(w);
  clf_flow_free(f);
  WORKS(clf_set_threads(0));
  return bits;
}

START_TEST(tasks_of_threads) {
  const int activations = _i % 2 ? CLF_ACTIVATIONS_REVERSE : CLF_ACTIVATIONS_STORE;
  const uint32_t one = trained_with(1, _i / 2, activations);
  for (int i = 0; i < 4; i += 1 + _i / 2) {
    const int32_t n = (int32_t[4]){2, 4, 5, 16}[i];
    const uint32_t bits = trained_with(n, _i / 2, activations);
    ck_assert_msg(bits == one, "%d threads: other weights", (int)n);
  }
}
END_TEST

static void add_tests(TCase *tc) {
  if (strncmp(device_name, "check:", 6) == 0) return; /* its bits are those of the device inside */
  tcase_set_timeout(tc, 1200);
  tcase_add_loop_test(tc, twice, 0, RUNS);
  tcase_add_loop_test(tc, on_a_reopened_device, 0, RUNS);
  tcase_add_test(tc, threads);
  /* cpu64 has no chains. */
  if (strncmp(device_name, "cpu", 3) == 0)
    tcase_add_loop_test(tc, tasks_of_threads, 0, strcmp(device_name, "cpu64") == 0 ? 2 : 4);
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--print") == 0) return flows_main(2, argv + 1, add_printing);
  if (argc > 1) device_name = argv[1];
  return flows_main(argc, argv, add_tests);
}
