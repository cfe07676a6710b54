/* SPDX-License-Identifier: MIT */
/* test_fork.c: a child of a process whose devices have computed in threads computes the same on
 * them, in threads of its own; whatever its parent's threads were doing meanwhile.
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

/* Trains a flow that is large enough for threads, draws and measures with it; the results as bits,
 * 0 on failure. */
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

/* Runs f in a child and returns how it ended, after at most a minute. */
static int in_child(int (*f)(clf_device *), clf_device *dev) {
  int status;
  fflush(NULL);
  const pid_t pid = fork();
  ck_assert_int_ge(pid, 0);
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
static int same_device(clf_device *dev) { return results(dev) != expected; }
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

/* A loop alone, since a child of a process with threads has whatever state the C library's other
 * locks were in. */
static int one_loop(clf_device *dev) {
  clf_arena arena;
  clf_tensor y;
  if (clf_arena_init(&arena, dev, 400000)) return 2;
  if (clf_new(&arena, (const int32_t[4]){400000}, &y)) return 2;
  for (int i = 0; i < 5; i++)
    if (clf_do(dev, random_normal, .y = y)) return 2;
  clf_arena_free(&arena);
  return 0;
}

START_TEST(amid_loops) {
  enum { COMPUTING = 2 };
  pthread_t thread[COMPUTING];
  clf_device *dev = NULL;
  WORKS(clf_set_threads(3));
  WORKS(clf_open(device_name, &dev));
  atomic_store(&stop, 0);
  for (int i = 0; i < COMPUTING; i++)
    ck_assert_int_eq(pthread_create(&thread[i], NULL, compute, NULL), 0);
  for (int i = 0; i < 40; i++) {
    nanosleep(&(struct timespec){0, 5000000}, NULL);
    ck_assert_int_eq(in_child(one_loop, dev), 0);
  }
  atomic_store(&stop, 1);
  for (int i = 0; i < COMPUTING; i++) pthread_join(thread[i], NULL);
  clf_close(dev);
}
END_TEST

int main(int argc, char **argv) {
  if (argc > 1) device_name = argv[1];
  Suite *suite = suite_create("fork");
  TCase *tc = tcase_create("fork");
  tcase_set_timeout(tc, 300);
  tcase_add_test(tc, after_loops);
  tcase_add_test(tc, amid_loops);
  suite_add_tcase(suite, tc);
  return suite_run(suite);
}
