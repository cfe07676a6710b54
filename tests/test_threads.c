/* SPDX-License-Identifier: MIT */
/* test_threads.c: devices used at the same time by different threads give the same results as
 * alone, and each thread has its own errors.
 *   test_threads DEVICE           (default cpu): opens it once per thread
 *   test_threads DEVICE --open N  opens it in N threads at once, before anything else */
#define _GNU_SOURCE
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <zlib.h>
#include "clflow/clflow.h"
#include "suite.h"

static const char *device_name = "cpu";

/* ---- The work of a thread -------------------------------------------------------------------- */

enum { THREADS = 4, SAMPLES = 50 };
enum { VECTORS, WIDE, BOUNDED, IMAGES, KINDS };

typedef struct job {
  int first;               /* the kind to begin with; threads begin with different ones */
  int asks;                /* the dimension of its invalid requests */
  uint32_t samples[KINDS]; /* of each kind's trained flow, their bits as CRC-32 */
  clf_status status;
  char message[512];  /* what failed */
  char mistaken[512]; /* an error that was not this thread's */
} job;

static clf_flow_spec spec_of(int kind) {
  const clf_preset *tiny = NULL;
  clf_flow_spec s = clf_flow_spec_default(kind == BOUNDED ? CLF_PIECEWISE : CLF_NVP, 1);
  if (kind == IMAGES && !clf_preset_find("tiny", &tiny)) s = clf_preset_spec(tiny, 8, 8, 1);
  if (kind == IMAGES) s.blocks = 1;
  if (kind == VECTORS || kind == WIDE) s.dim = 2;
  if (kind == VECTORS || kind == WIDE) s.hidden = kind == WIDE ? 150 : 4;
  if (kind == BOUNDED) s.tails = 1;
  return s;
}

static clf_status train_vectors(clf_flow *f, int32_t columns) {
  clf_train_options o = clf_train_options_default();
  clf_table table = {0};
  clf_trainer *t = NULL;
  o.epochs = 2;
  clf_status s = clf_table_read("moons:n=400", &table);
  table.rows *= table.cols / columns;
  table.cols = columns;
  if (!s) s = clf_trainer_create(f, &table, &o, &t);
  if (!s) s = clf_trainer_run(t, NULL, NULL);
  clf_trainer_free(t);
  clf_table_free(&table);
  return s;
}

static clf_status train_images(clf_flow *f) {
  clf_train_options o = clf_train_options_images();
  clf_images *images = NULL;
  clf_trainer *t = NULL;
  o.epochs = 1;
  o.batch = 8;
  clf_status s = clf_images_open("glyphs:n=24,size=8", NULL, &images);
  if (!s) s = clf_images_wait(images);
  if (!s) s = clf_trainer_create_images(f, images, NULL, &o, &t);
  if (!s) s = clf_trainer_run(t, NULL, NULL);
  clf_trainer_free(t);
  clf_images_free(images);
  return s;
}

static clf_status learn(clf_device *dev, int kind, uint32_t *bits) {
  static const size_t most = SAMPLES * 64;
  const clf_flow_spec spec = spec_of(kind);
  clf_flow *f = NULL;
  double *x = calloc(most, sizeof *x);
  if (!x) return CLF_ENOMEM;
  clf_status s = clf_flow_create(dev, &spec, &f);
  if (!s) s = kind == IMAGES ? train_images(f) : train_vectors(f, spec.dim);
  if (!s) s = clf_sample(f, 3, 0, SAMPLES, x);
  *bits = (uint32_t)crc32(0, (const Bytef *)x, (uInt)(most * sizeof *x));
  clf_flow_free(f);
  free(x);
  return s;
}

/* Invalid flows, repeatedly: each error must contain the number of this thread. */
static void ask_wrongly(clf_device *dev, job *j) {
  const clf_flow_spec wrong = clf_flow_spec_default(CLF_PIECEWISE, j->asks);
  char number[16];
  clf_flow *f = NULL;
  snprintf(number, sizeof number, " %d", j->asks);
  for (int i = 0; i < 500 && !j->mistaken[0]; i++) {
    const clf_status s = clf_flow_create(dev, &wrong, &f);
    if (s != CLF_EINVAL || !strstr(clf_errmsg(), number))
      snprintf(j->mistaken, sizeof j->mistaken, "%s", s ? clf_errmsg() : "none");
  }
}

static void *work(void *one) {
  job *j = one;
  clf_device *dev = NULL;
  j->status = clf_open(device_name, &dev);
  for (int i = 0; i < KINDS && !j->status; i++) {
    const int kind = (j->first + i) % KINDS;
    ask_wrongly(dev, j);
    j->status = learn(dev, kind, &j->samples[kind]);
  }
  if (j->status) snprintf(j->message, sizeof j->message, "%s", clf_errmsg());
  clf_close(dev);
  return NULL;
}

/* ---- The tests ------------------------------------------------------------------------------- */

static void at_once(void *(*what)(void *), job *job_of) {
  pthread_t thread[THREADS];
  for (int i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_create(&thread[i], NULL, what, &job_of[i]), 0);
  for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
  for (int i = 0; i < THREADS; i++)
    ck_assert_msg(!job_of[i].status, "thread %d: %s", i, job_of[i].message);
}

START_TEST(as_alone) {
  job alone = {.asks = 77}, job_of[THREADS];
  work(&alone);
  ck_assert_msg(!alone.status, "%s", alone.message);
  for (int i = 0; i < THREADS; i++) job_of[i] = (job){.first = i, .asks = 100 + i};
  at_once(work, job_of);
  for (int i = 0; i < THREADS; i++) {
    ck_assert_msg(!job_of[i].mistaken[0], "thread %d: asked for %d, was told \"%s\"", i,
                  job_of[i].asks, job_of[i].mistaken);
    for (int kind = 0; kind < KINDS; kind++)
      ck_assert_msg(job_of[i].samples[kind] == alone.samples[kind],
                    "thread %d: other bits of kind %d than alone", i, kind);
  }
}
END_TEST

/* Opening a device queries libraries, some of which answer in a shared buffer. */
static void *open_often(void *one) {
  job *j = one;
  const int openings = strncmp(device_name, "cpu", 3) == 0 ? 40 : 4; /* those take longer */
  for (int i = 0; i < openings && !j->status; i++) {
    clf_device *dev = NULL;
    j->status = clf_open(device_name, &dev);
    clf_close(dev);
  }
  if (j->status) snprintf(j->message, sizeof j->message, "%s", clf_errmsg());
  return NULL;
}

START_TEST(opened_at_once) {
  job job_of[THREADS] = {0};
  at_once(open_often, job_of);
}
END_TEST

/* ---- Opened first of all, in processes of their own ------------------------------------------ */

extern char **environ;

enum { MANY = 16 };
static pthread_barrier_t together;

static void *open_together(void *unused) {
  clf_device *dev = NULL;
  pthread_barrier_wait(&together);
  const clf_status s = clf_open(device_name, &dev);
  if (s) printf("refused: %s\n", clf_errmsg());
  clf_close(dev);
  return s ? &together : unused;
}

/* Returns the number of threads with errors as exit code. */
static int open_first(int threads) {
  pthread_t thread[MANY];
  int refused = 0;
  if (threads < 1 || threads > MANY || pthread_barrier_init(&together, NULL, (unsigned)threads))
    return 100;
  for (int i = 0; i < threads; i++)
    if (pthread_create(&thread[i], NULL, open_together, NULL)) return 101;
  for (int i = 0; i < threads; i++) {
    void *bad = NULL;
    pthread_join(thread[i], &bad);
    refused += bad != NULL;
  }
  return refused;
}

static void is_opened_first(const char *name, const char *threads) {
  char self[] = "/proc/self/exe", option[] = "--open", device[64], count[8];
  pid_t pid;
  int status = -1;
  snprintf(device, sizeof device, "%s", name);
  snprintf(count, sizeof count, "%s", threads);
  char *const argv[] = {self, device, option, count, NULL};
  ck_assert_int_eq(posix_spawn(&pid, self, NULL, NULL, argv, environ), 0);
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert_msg(WIFEXITED(status), "%s by %s threads: signal %d", name, threads, WTERMSIG(status));
  ck_assert_msg(WEXITSTATUS(status) == 0, "%s by %s threads: exit code %d", name, threads,
                WEXITSTATUS(status));
}

/* Loaders and drivers initialise themselves then; also for `auto`, which starts programs. */
START_TEST(opened_first) {
  static const char *const threads[] = {"2", "4", "8", "16"};
  for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
    is_opened_first(device_name, threads[i]);
    is_opened_first("auto", threads[i]);
  }
}
END_TEST

int main(int argc, char **argv) {
  if (argc > 1) device_name = argv[1];
  if (argc == 4 && strcmp(argv[2], "--open") == 0) return open_first(atoi(argv[3]));
  Suite *suite = suite_create(device_name);
  TCase *tc = tcase_create("threads");
  tcase_set_timeout(tc, 600);
  tcase_add_test(tc, as_alone);
  tcase_add_test(tc, opened_at_once);
  tcase_add_test(tc, opened_first);
  suite_add_tcase(suite, tc);
  return suite_run(suite);
}
