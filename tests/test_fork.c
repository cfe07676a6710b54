/* SPDX-License-Identifier: MIT */
/* test_fork.c: a child of a process whose devices have computed in threads gets the same results
 * on them, in its own threads, whatever its parent's threads were doing meanwhile.
 *   test_fork DEVICE     cpu (default), cpu64, cpu/baseline */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include "clflow/clflow.h"
#include "suite.h"

static const char *device_name = "cpu";

enum { ROWS = 2000, DIM = 16 };

/* Trains a flow that is large enough for threads, draws and evaluates samples; returns the
 * results as bits, 0 after an error. */
static uint32_t results(clf_device *dev) {
  static double x[ROWS * DIM], logp[ROWS];
  clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, DIM);
  clf_train_options o = clf_train_options_default();
  clf_flow *f = NULL;
  clf_trainer *t = NULL;
  spec.hidden = 16;
  o.epochs = 2;
  o.batch = 1000;
  for (int i = 0; i < ROWS * DIM; i++) x[i] = (double)(i * 7919 % 1000) * 1e-3;
  const clf_table table = {.rows = ROWS, .cols = DIM, .at = x};
  clf_status s = clf_flow_create(dev, &spec, &f);
  if (!s) s = clf_trainer_create(f, &table, &o, &t);
  if (!s) s = clf_trainer_run(t, NULL, NULL);
  clf_trainer_free(t);
  if (!s) s = clf_log_prob(f, x, ROWS, logp);
  if (!s) s = clf_sample(f, 3, 0, ROWS, x);
  clf_flow_free(f);
  if (s) fprintf(stderr, "%s\n", clf_errmsg());
  const uLong bits = crc32(crc32(0, (const Bytef *)x, sizeof x), (const Bytef *)logp, sizeof logp);
  return s ? 0 : (uint32_t)bits;
}

/* Runs f in a child and returns its exit status, after at most a minute. */
static int in_child(int (*f)(clf_device *), clf_device *dev) {
  int status;
  const pid_t pid = suite_fork();
  if (!pid) {
    alarm(60);
    _exit(f(dev));
  }
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert_msg(WIFEXITED(status), "the child ended by signal %d%s", WTERMSIG(status),
                WTERMSIG(status) == SIGALRM ? ": it hung" : "");
  return WEXITSTATUS(status);
}

static uint32_t expected;
/* Linux lists the threads of a process. */
static int threads_of_process(void) {
  return access("/proc/self/task", R_OK) ? 3 : suite_entries("/proc/self/task");
}
static int same_device(clf_device *dev) {
  if (results(dev) != expected) return 1;
  return threads_of_process() == 3 ? 0 : 3;
}
static int own_device(clf_device *dev) {
  (void)dev;
  if (clf_open(device_name, &dev)) return 2;
  const int wrong = results(dev) != expected;
  clf_close(dev);
  return wrong;
}
static int grandchild(clf_device *dev) {
  if (results(dev) != expected) return 2;
  return in_child(same_device, dev);
}

START_TEST(after_loops) {
  clf_device *dev = NULL;
  WORKS(clf_set_threads(3));
  WORKS(clf_open(device_name, &dev));
  expected = results(dev);
  ck_assert_uint_ne(expected, 0);
  ck_assert_int_eq(in_child(same_device, dev), 0);
  ck_assert_int_eq(in_child(own_device, NULL), 0);
  ck_assert_int_eq(in_child(grandchild, dev), 0);
  ck_assert_uint_eq(results(dev), expected);
  clf_close(dev);
}
END_TEST

/* A child that hangs ends alone: it has the usual signal actions and not those of Check, which kill
 * the process group.  It has its own group here, so that only the test fails. */
START_TEST(ended_by_a_signal) {
  static const int signals[] = {SIGALRM, SIGINT, SIGTERM};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    int status;
    const pid_t pid = suite_fork();
    if (!pid) {
      setpgid(0, 0);
      raise(signals[i]);
      _exit(1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), signals[i]);
  }
}
END_TEST

/* ---- While other threads are in loops ----------------------------------------------------------
 */

static atomic_int stop;
static void *compute(void *unused) {
  clf_device *dev = NULL;
  if (clf_open(device_name, &dev)) return NULL;
  while (!atomic_load(&stop)) results(dev);
  clf_close(dev);
  return unused;
}

/* Only loops, into memory of the parent: in a child of a process with threads other locks have an
 * unknown state, also those of the sanitizers' malloc(). */
static clf_tensor numbers;
static int some_loops(clf_device *dev) {
  for (int i = 0; i < 5; i++)
    if (clf_do(dev, random_normal, .y = numbers)) return 2;
  return 0;
}

START_TEST(amid_loops) {
  enum { COMPUTING = 2 };
  pthread_t thread[COMPUTING];
  clf_device *dev = NULL;
  clf_arena arena;
  WORKS(clf_set_threads(3));
  WORKS(clf_open(device_name, &dev));
  WORKS(clf_arena_init(&arena, dev, 400000));
  WORKS(clf_new(&arena, (const int32_t[4]){400000}, &numbers));
  atomic_store(&stop, 0);
  for (int i = 0; i < COMPUTING; i++)
    ck_assert_int_eq(pthread_create(&thread[i], NULL, compute, NULL), 0);
  for (int i = 0; i < 20; i++) {
    nanosleep(&(struct timespec){0, 5000000}, NULL);
    ck_assert_int_eq(in_child(some_loops, dev), 0);
  }
  atomic_store(&stop, 1);
  for (int i = 0; i < COMPUTING; i++) pthread_join(thread[i], NULL);
  clf_arena_free(&arena);
  clf_close(dev);
}
END_TEST

/* ---- Images ------------------------------------------------------------------------------------
 */

/* 40 images, of which a training with the same seed on another device or in another process
 * takes the same batches. */
static clf_trainer *trainer_of(clf_device *dev, clf_images *images, clf_flow **f) {
  const clf_preset *tiny = NULL;
  clf_train_options o = clf_train_options_images();
  clf_trainer *t = NULL;
  WORKS(clf_preset_find("tiny", &tiny));
  clf_flow_spec spec = clf_preset_spec(tiny, 8, 8, 1);
  spec.blocks = 1;
  o.epochs = 4;
  o.batch = 8;
  o.valid_split = 0.2;
  WORKS(clf_flow_create(dev, &spec, f));
  WORKS(clf_trainer_create_images(*f, images, NULL, &o, &t));
  return t;
}

static clf_trainer *trainer;
static clf_flow *flow;
static uint32_t samples_of(clf_flow *f) {
  static double x[50 * 64];
  if (clf_sample(f, 1, 0, 50, x)) return 0;
  return (uint32_t)crc32(0, (const Bytef *)x, sizeof x);
}
static int goes_on(clf_device *dev) {
  (void)dev;
  if (clf_trainer_run(trainer, NULL, NULL)) return 2;
  const int wrong = samples_of(flow) != expected;
  clf_trainer_free(trainer);
  return wrong;
}

static int second_epoch(const clf_progress *p, void *context) {
  (void)context;
  return p->epoch == 2;
}

/* A training that was begun in the parent continues in both. */
START_TEST(images_in_training) {
  clf_device *dev = NULL;
  clf_images *images = NULL;
  clf_flow *whole = NULL;
  WORKS(clf_open(device_name, &dev));
  WORKS(clf_images_open("glyphs:n=40,size=8", NULL, &images));
  WORKS(clf_images_wait(images));
  clf_trainer *t = trainer_of(dev, images, &whole);
  WORKS(clf_trainer_run(t, NULL, NULL));
  expected = samples_of(whole);
  ck_assert_uint_ne(expected, 0);
  clf_trainer_free(t);
  clf_flow_free(whole);
  trainer = trainer_of(dev, images, &flow);
  ck_assert_int_eq(clf_trainer_run(trainer, second_epoch, NULL), CLF_ESTOPPED);
  for (int i = 0; i < 5; i++) ck_assert_int_eq(in_child(goes_on, dev), 0);
  ck_assert_int_eq(goes_on(dev), 0);
  clf_flow_free(flow);
  clf_images_free(images);
  clf_close(dev);
}
END_TEST

static clf_images *decoding;
static int waits(clf_device *dev) {
  (void)dev;
  const clf_status s = clf_images_wait(decoding);
  const int told = s == CLF_EINVAL &&
                   strcmp(clf_errmsg(), "glyphs:n=20000,size=16: the process was forked while the "
                                        "images were being decoded; open the set again") == 0;
  clf_images_free(decoding);
  return !told;
}

/* A set that is being decoded belongs to the parent. */
START_TEST(images_being_decoded) {
  WORKS(clf_images_open("glyphs:n=20000,size=16", NULL, &decoding));
  ck_assert_int_eq(in_child(waits, NULL), 0);
  WORKS(clf_images_wait(decoding));
  clf_images_free(decoding);
}
END_TEST

int main(int argc, char **argv) {
  if (argc > 1) device_name = argv[1];
  Suite *suite = suite_create("fork");
  TCase *tc = tcase_create("fork");
  tcase_set_timeout(tc, 300);
  tcase_add_test(tc, after_loops);
  tcase_add_test(tc, ended_by_a_signal);
  tcase_add_test(tc, amid_loops);
  tcase_add_test(tc, images_in_training);
  tcase_add_test(tc, images_being_decoded);
  suite_add_tcase(suite, tc);
  return suite_run(suite);
}
