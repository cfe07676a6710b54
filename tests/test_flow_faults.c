/* SPDX-License-Identifier: MIT */
/* test_flow_faults.c: flows of composed architectures, on cpu, when the n-th call of the device
 * fails, or the n-th allocation: training, fits, densities, gradients, samples and exports.  A call
 * returns the message of what failed, or the right result, and leaves no memory of the device
 * taken; host memory is checked by the leak sanitizer. */
#define _GNU_SOURCE
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clflow/clflow.h"
#include "faults/device.h"
#include "faults/hooks.h"
#include "flow_private.h"
#include "suite.h"

enum { ROWS = 6, MORE = 40, MOST = 16, CONTEXT = 2 };

/* Between them: each layer that computes on the device, in both directions, each net and base. */
static const char *const texts[] = {
    "4: standardize, lu, ~lu, qr(2), ~qr(2), svd(2), ~dense, dense, ~rotation, householder(2), "
    "perm(random) -> normal(trained, cov=full)",
    "3|2: actnorm, ar(rq(bins=3), made(5x1, tanh)), ~ar(affine, masked(5x1, tanh)), "
    "coupling(affine, resnet(4x1, tanh, bn=1)) -> student(df=5, trained=1); context: mlp(3x1)->2",
    "3: allinone(mlp(4x1, tanh), rq(bins=3), perm=householder), ~allinone(mlp(4x1, tanh), "
    "rq(bins=3), "
    "perm=householder), batchnorm, ~coupling(quadratic(bins=3, tail=9), mlp(4x1, tanh)), scale -> "
    "mixture(2)",
    "3: ~elementwise(linear(bins=3, tail=9)), elementwise(rq(bins=3)), columns(0: softclip(9), "
    "1: wrap(9, trained=1), 2: asinh), coupling(add, mlp(4x2, tanh)) -> blend(1: lu -> "
    "laplace(trained=1); 2: -> logistic(trained=1))",
    "4x4x1: pixels, coupling(affine(scale=realnvp), convresnet(2x1, bn=1, like=realnvp), "
    "mask=checker), squeeze, glowstep(2), split, ~conv1x1 -> normal",
};
enum { TEXTS = sizeof texts / sizeof *texts };

/* ---- Everything that is done with a flow ----------------------------------------------------- */

static clf_arch *arch;
static int32_t dim, context;
static int has_latents;
static clf_table rows, given, more, more_given; /* more: for a search */
static clf_images *images;                      /* NULL: rows of numbers */

static void make_data(const char *text) {
  WORKS(clf_arch_parse(text, &arch));
  dim = clf_arch_dim(arch), context = clf_arch_context(arch);
  has_latents = strstr(text, "blend") == NULL;
  WORKS(clf_table_new(ROWS, dim, &rows));
  WORKS(clf_table_new(ROWS, CONTEXT, &given));
  const int pictures = strstr(text, "pixels") != NULL;
  for (int i = 0; i < ROWS * dim; i++)
    rows.at[i] = pictures ? 7 * i % 250 + 0.5 : sin(i * i) + 0.1 * i;
  for (int i = 0; i < ROWS * CONTEXT; i++) given.at[i] = cos(i * i);
  WORKS(clf_table_new(MORE, dim, &more));
  WORKS(clf_table_new(MORE, CONTEXT, &more_given));
  for (int i = 0; i < MORE * dim; i++) more.at[i] = sin(i * i) + 0.1 * (i % 3);
  for (int i = 0; i < MORE * CONTEXT; i++) more_given.at[i] = cos(i * i);
  if (!pictures) return;
  WORKS(clf_images_open("glyphs:n=6,size=4", NULL, &images));
  WORKS(clf_images_wait(images));
}
static void free_data(void) {
  clf_images_free(images);
  images = NULL;
  clf_table_free(&rows);
  clf_table_free(&given);
  clf_table_free(&more);
  clf_table_free(&more_given);
  clf_arch_free(arch);
}

/* Two steps; validation rows decide which weights are the best. */
static clf_status train(clf_flow *f) {
  clf_train_options o = images ? clf_train_options_images() : clf_train_options_default();
  clf_trainer *t = NULL;
  o.epochs = 2, o.batch = ROWS, o.part = ROWS / 2, o.valid_split = 0.34;
  clf_status s =
      images ? clf_trainer_create_images(f, images, NULL, &o, &t)
             : clf_trainer_create_with(
                   f, &(clf_train_data){.x = &rows, .given = context ? &given : NULL}, &o, &t);
  if (!s) s = clf_trainer_run(t, NULL, NULL);
  clf_trainer_free(t);
  return s;
}

static void add(double *sum, const double *x, int32_t n) {
  for (int32_t i = 0; i < n; i++) *sum += x[i] * (1 + i % 7);
}

/* Adds up all results. */
static clf_status use(clf_flow *f, double *sum) {
  double logp[ROWS], a[ROWS * MOST], b[ROWS * MOST], c[ROWS * CONTEXT] = {0};
  const double *const x = rows.at, *const given_at = context ? given.at : NULL;
  CLF_TRY(clf_log_prob_gradient(f, x, given_at, ROWS, logp, a, context ? c : NULL));
  add(sum, logp, ROWS), add(sum, a, ROWS * dim), add(sum, c, ROWS * CONTEXT);
  CLF_TRY(context ? clf_sample_given(f, given_at, ROWS, 1, 1, b) : clf_sample(f, 1, 0, ROWS, b));
  add(sum, b, ROWS * dim);
  if (!has_latents) return CLF_OK;
  CLF_TRY(context ? clf_transform_given(f, x, given_at, ROWS, a, logp)
                  : clf_transform(f, x, ROWS, a, logp));
  add(sum, a, ROWS * dim), add(sum, logp, ROWS);
  CLF_TRY(context ? clf_invert_given(f, a, given_at, ROWS, b, logp)
                  : clf_invert(f, a, ROWS, b, logp));
  add(sum, b, ROWS * dim), add(sum, logp, ROWS);
  return CLF_OK;
}

static clf_status all(clf_device *dev, double *sum) {
  clf_flow *f = NULL;
  *sum = 0;
  CLF_TRY(clf_flow_create_arch(dev, arch, 3, &f));
  clf_status s = train(f);
  if (!s) s = use(f, sum);
  clf_flow_free(f);
  return s;
}

/* ---- A call of the device fails -------------------------------------------------------------- */

/* A training repeats its steps, so that the result may be right. */
static void try_call(clf_device *dev, const char *text, long n, double want) {
  char sentence[64];
  double sum;
  snprintf(sentence, sizeof sentence, "call %ld, ", n);
  faulty.n = n;
  faulty.calls = 0;
  const clf_status s = all(dev, &sum);
  faulty.n = 0;
  if (s)
    ck_assert_msg(s == CLF_EDEVICE && strstr(clf_errmsg(), sentence), "%s, %s: %s", text, sentence,
                  clf_errmsg());
  else
    ck_assert_msg(sum == want, "%s, %s: %.17g, not %.17g", text, sentence, sum, want);
}

START_TEST(any_call) {
  double want, sum;
  make_data(texts[_i]);
  clf_device *dev = open_faulty("cpu");
  WORKS(all(dev, &want));
  const uint64_t base = clf_memory_taken(dev, 0).now;
  faulty.calls = 0;
  WORKS(all(dev, &sum));
  const long calls = faulty.calls;
  if (getenv("CLF_VERBOSE")) printf("%s: %ld calls, %.17g\n", texts[_i], calls, want);
  ck_assert(sum == want && isfinite(sum));
  for (long n = 1; n <= calls; n++) {
    try_call(dev, texts[_i], n, want);
    ck_assert_msg(clf_memory_taken(dev, 0).now == base, "%s, call %ld: memory is left", texts[_i],
                  n);
  }
  clf_close(dev);
  free_data();
}
END_TEST

/* ---- An allocation fails --------------------------------------------------------------------- */

/* What is done with a flow; `path` begins the names of its files. */
static clf_status to_c(clf_flow *f, const char *path) {
  return clf_export_c(f, path, "density", CLF_EXPORT_TRANSFORM | CLF_EXPORT_SAMPLE, 0);
}
static clf_status train_it(clf_flow *f, const char *path) {
  (void)path;
  return train(f);
}
static clf_status use_it(clf_flow *f, const char *path) {
  double sum;
  (void)path;
  return use(f, &sum);
}
/* The search for a density, up to its first candidate. */
static int at_once(const clf_fit_progress *p, void *unused) {
  (void)unused;
  return p->ended != NULL;
}
static clf_status fit(clf_flow *f, const char *path) {
  clf_flow *found = NULL;
  const clf_fit_options o = clf_fit_options_default();
  (void)path;
  const clf_status s =
      clf_fit(f->dev, &(clf_fit_data){.x = &more, .given = &more_given}, &o, at_once, NULL, &found);
  const int has_flow = found != NULL;
  clf_flow_free(found);
  return s == CLF_ESTOPPED && has_flow ? CLF_OK : s;
}

static const struct {
  const char *name;
  int text;
  clf_status (*run)(clf_flow *f, const char *path);
  const char *last, *first; /* the files it writes, after `path`: the last one if all went well */
} jobs[] = {{"export to C", 1, to_c, "", NULL},
            {"export of matrices", 0, to_c, "", NULL},
            {"export to PyTorch", 1, clf_export_pytorch, ".py", ".pt"},
            {"training with images", 4, train_it, NULL, NULL},
            {"training of columns", 3, train_it, NULL, NULL},
            {"training with a context", 1, train_it, NULL, NULL},
            {"densities", 1, use_it, NULL, NULL},
            {"saving", 1, clf_flow_save, "", NULL},
            {"fit", 1, fit, NULL, NULL}};
/* Every n up to DENSE, then one in DENSE of the rest. */
enum { JOBS = sizeof jobs / sizeof *jobs, DENSE = 260 };

static char folder[] = "/tmp/clflow-flow-faults-XXXXXX";

/* Whether the job wrote a file, which is then that of a job without a failure.  A module of Python
 * contains JSON: without memory, jansson 2.14 may drop a letter of what it reads. */
static int has_file(const char *job, const char *end, long n) {
  char now[32], whole[32];
  snprintf(now, sizeof now, "now/flow%s", end);
  snprintf(whole, sizeof whole, "whole/flow%s", end);
  if (access(now, F_OK)) return 0;
  ck_assert_msg(strcmp(end, ".py") == 0 || equal_files(now, whole), "%s, allocation %ld: %s", job,
                n, now);
  ck_assert_int_eq(unlink(now), 0);
  return 1;
}

static void *allocate(size_t size) { return malloc(size); }
static void release(void *at) { free(at); }

START_TEST(memory_runs_out) {
  clf_device *dev;
  clf_flow *f;
  json_set_alloc_funcs(allocate, release); /* allocations of jansson fail, too */
  make_data(texts[jobs[_i].text]);
  WORKS(clf_open("cpu", &dev));
  WORKS(clf_flow_create_arch(dev, arch, 3, &f));
  WORKS(jobs[_i].run(f, "whole/flow"));
  long n = 1;
  for (int failed = 1; failed; n += 1 + n / DENSE) {
    clf_log_prob(NULL, NULL, 0, NULL); /* so that its message is the last one */
    fault_memory = (fault_hook){.n = n};
    const clf_status s = jobs[_i].run(f, "now/flow");
    failed = fault_memory.calls >= n;
    fault_memory = (fault_hook){0};
    if (s)
      ck_assert_msg(failed && s == CLF_ENOMEM && strstr(clf_errmsg(), "memory"),
                    "%s, allocation %ld: %s: %s", jobs[_i].name, n, clf_strerror(s), clf_errmsg());
    if (jobs[_i].last) ck_assert_int_eq(has_file(jobs[_i].name, jobs[_i].last, n), !s);
    if (jobs[_i].first) has_file(jobs[_i].name, jobs[_i].first, n);
  }
  if (getenv("CLF_VERBOSE")) printf("%s: %ld\n", jobs[_i].name, n);
  clf_flow_free(f);
  clf_close(dev);
  free_data();
}
END_TEST

/* ---- All ------------------------------------------------------------------------------------- */

static void set_up(void) {
  ck_assert_ptr_nonnull(mkdtemp(folder));
  ck_assert_int_eq(chdir(folder) | mkdir("now", 0700) | mkdir("whole", 0700), 0);
}
static void tear_down(void) {
  ck_assert_int_eq(chdir("/"), 0);
  suite_remove(folder);
}

int main(void) {
  Suite *const s = suite_create("flow_faults");
  TCase *const c = tcase_create("calls"), *const m = tcase_create("memory");
  tcase_set_timeout(c, 300);
  tcase_set_timeout(m, 300);
  tcase_add_loop_test(c, any_call, 0, TEXTS);
  tcase_add_unchecked_fixture(m, set_up, tear_down);
  tcase_add_loop_test(m, memory_runs_out, 0, JOBS);
  suite_add_tcase(s, c);
  suite_add_tcase(s, m);
  return suite_run(s);
}
