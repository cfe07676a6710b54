/* SPDX-License-Identifier: MIT */
/* test_pool.c: the threads that loops of cpu share: every index runs once, with concurrent
 * callers; the number of threads, its default and its errors; threads that cannot be started;
 * libraries that are unloaded. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clflow/clflow.h"
#include "suite.h"
#include "threads.h"

/* ---- Threads that cannot be started -----------------------------------------------------------
 */

static atomic_int starts_left = 1 << 20; /* threads that can still be started */

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*f)(void *),
                          void *arg) {
  if (atomic_fetch_sub(&starts_left, 1) <= 0) return EAGAIN;
  return __real_pthread_create(thread, attr, f, arg);
}

/* ---- Loops that record what they did --------------------------------------------------------- */

enum { MOST = 3000 };
typedef struct notes {
  atomic_int *times;       /* for each index, how often it ran */
  atomic_int inside, most; /* current threads in the loop, and their maximum */
  int nested;              /* each index runs its own loop of this length */
} notes;

static void note(const void *context, int first, int end) {
  notes *n = (notes *)(uintptr_t)context;
  const int now = atomic_fetch_add(&n->inside, 1) + 1;
  int most = atomic_load(&n->most);
  while (now > most && !atomic_compare_exchange_weak(&n->most, &most, now)) {}
  for (int i = first; i < end; i++) {
    atomic_int inner[64] = {0};
    notes own = {.times = inner};
    if (n->nested) clf__threads_run(n->nested, CLF_THREADS_MAX, note, &own);
    for (int k = 0; k < n->nested; k++)
      if (atomic_load(&inner[k]) != 1) ck_abort_msg("%d of %d within a loop", k, n->nested);
    atomic_fetch_add(&n->times[i], 1);
  }
  atomic_fetch_sub(&n->inside, 1);
}

/* Runs a loop of `count`; returns the maximum number of threads in it. */
static int run_loop(int count, int wanted, int nested) {
  atomic_int times[MOST] = {0};
  notes n = {.times = times, .nested = nested};
  clf__threads_run(count, wanted, note, &n);
  ck_assert_int_eq(atomic_load(&n.inside), 0);
  int i = 0; /* one assertion, since Check keeps each until the test ends */
  while (i < MOST && times[i] == (i < count)) i++;
  if (i < MOST) ck_abort_msg("%d of %d ran %d times", i, count, times[i]);
  return n.most;
}

static void all_counts(int threads) {
  static const int counts[] = {0, 1, 2, 3, 7, 8, 9, 16, 17, 63, 64, 65, 1000, MOST};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    for (int wanted = 1; wanted < 7; wanted++)
      ck_assert_int_le(run_loop(counts[i], wanted, 0), wanted < threads ? wanted : threads);
}

START_TEST(every_index_once) {
  for (int threads = 1; threads <= 5; threads++) {
    WORKS(clf_set_threads(threads));
    all_counts(threads);
  }
  WORKS(clf_set_threads(CLF_THREADS_MAX));
  run_loop(MOST, CLF_THREADS_MAX, 0);
  WORKS(clf_set_threads(3));
  all_counts(3);
}
END_TEST

START_TEST(loops_in_loops) {
  WORKS(clf_set_threads(4));
  for (int i = 0; i < 20; i++) run_loop(100, 4, 1 + 3 * i);
}
END_TEST

/* ---- Several callers ----------------------------------------------------------------------------
 */

static void *many_loops(void *seed) {
  unsigned s = *(unsigned *)seed;
  for (int i = 0; i < 100; i++) {
    s = s * 1664525u + 1013904223u;
    run_loop((int)(s >> 8) % MOST, 1 + (int)(s >> 4) % 6, s >> 30 ? 0 : 5);
  }
  return NULL;
}

START_TEST(several_callers) {
  enum { CALLERS = 5 };
  pthread_t caller[CALLERS];
  unsigned seed[CALLERS];
  WORKS(clf_set_threads(4));
  for (unsigned i = 0; i < CALLERS; i++) {
    seed[i] = i;
    ck_assert_int_eq(pthread_create(&caller[i], NULL, many_loops, &seed[i]), 0);
  }
  for (int i = 0; i < CALLERS; i++) pthread_join(caller[i], NULL);
}
END_TEST

static sem_t arrived, released;
static void wait_inside(const void *context, int first, int end) {
  (void)context;
  for (int i = first; i < end; i++) {
    sem_post(&arrived);
    sem_wait(&released);
  }
}
static void *hold_both(void *unused) {
  clf__threads_run(2, 2, wait_inside, NULL);
  return unused;
}

/* While all workers are busy, others run their loops alone. */
START_TEST(busy_workers) {
  pthread_t holder;
  sem_init(&arrived, 0, 0);
  sem_init(&released, 0, 0);
  WORKS(clf_set_threads(2));
  ck_assert_int_eq(pthread_create(&holder, NULL, hold_both, NULL), 0);
  sem_wait(&arrived);
  sem_wait(&arrived);
  ck_assert_int_eq(run_loop(100, 2, 0), 1);
  sem_post(&released);
  sem_post(&released);
  pthread_join(holder, NULL);
  sem_destroy(&arrived);
  sem_destroy(&released);
}
END_TEST

/* ---- How many threads
 * ---------------------------------------------------------------------------- */

START_TEST(numbers_of_threads) {
  WORKS(clf_set_threads(7));
  ck_assert_int_eq(clf_threads(), 7);
  REFUSED(clf_set_threads(-1), CLF_EINVAL,
          "-1 threads; the number must be from 1 to 256, or 0 for the default");
  REFUSED(clf_set_threads(257), CLF_EINVAL,
          "257 threads; the number must be from 1 to 256, or 0 for the default");
  ck_assert_int_eq(clf_threads(), 7);
  char *before = suite_setenv("CLFLOW_THREADS", "3");
  ck_assert_int_eq(clf_threads(), 7);
  WORKS(clf_set_threads(0));
  ck_assert_int_eq(clf_threads(), 3);
  unsetenv("CLFLOW_THREADS");
  WORKS(clf_set_threads(0));
  ck_assert_int_eq(clf_threads(), clf__cores());
  suite_putenv_back("CLFLOW_THREADS", before);
}
END_TEST

START_TEST(refused_environment) {
  static const char *const wrong[] = {"0", "-1", "257", "two", "2x", "1e1", "99999999999999999999"};
  char message[128], *before = suite_setenv("CLFLOW_THREADS", NULL);
  clf_device *dev = NULL;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    setenv("CLFLOW_THREADS", wrong[i], 1);
    snprintf(message, sizeof message, "CLFLOW_THREADS is \"%s\"; it must be a number from 1 to 256",
             wrong[i]);
    REFUSED(clf_open("cpu", &dev), CLF_EINVAL, message);
    REFUSED(clf_open("cpu64", &dev), CLF_EINVAL, message);
  }
  setenv("CLFLOW_THREADS", "", 1); /* as if it were not set */
  WORKS(clf_open("cpu", &dev));
  clf_close(dev);
  suite_putenv_back("CLFLOW_THREADS", before);
}
END_TEST

/* ---- What the kernel grants ------------------------------------------------------------------ */

static void grant(const char *folder, const char *text) {
  char path[256];
  mkdir(folder, 0777);
  snprintf(path, sizeof path, "%s/cpu.max", folder);
  write_bytes(path, text, strlen(text));
}

START_TEST(control_groups) {
  char folder[] = "/tmp/clflow-groups-XXXXXX";
  ck_assert_ptr_nonnull(mkdtemp(folder));
  ck_assert_int_eq(chdir(folder), 0);
  write_bytes("list", "4:memory:/x\n0::/a/b\n", 20);
  write_bytes("root", "0::/\n", 5);
  write_bytes("first", "1:cpu:/a\n", 9);
  mkdir("g", 0777);
  ck_assert_int_eq(clf__cores_of_groups("none", "g"), 0);
  ck_assert_int_eq(clf__cores_of_groups("list", "g"), 0);
  grant("g/a", "400000 100000\n");
  ck_assert_int_eq(clf__cores_of_groups("list", "g"), 4);
  ck_assert_int_eq(clf__cores_of_groups("root", "g"), 0);
  ck_assert_int_eq(clf__cores_of_groups("first", "g"), 0);
  grant("g/a/b", "max 100000\n");
  ck_assert_int_eq(clf__cores_of_groups("list", "g"), 4);
  grant("g/a/b", "250000 100000\n");
  ck_assert_int_eq(clf__cores_of_groups("list", "g"), 3);
  grant("g/a/b", "10000 100000\n");
  ck_assert_int_eq(clf__cores_of_groups("list", "g"), 1);
  grant("g/a/b", "what\n");
  grant("g", "200000 100000\n");
  ck_assert_int_eq(clf__cores_of_groups("list", "g"), 2);
  ck_assert_int_eq(clf__cores_of_groups("root", "g"), 2);
  ck_assert_int_eq(chdir("/"), 0);
  suite_remove(folder);
}
END_TEST

/* ---- Failures, signals, the end -----------------------------------------------------------------
 */

/* Fewer threads than requested give the same results; after a change of the number they are
 * tried again. */
START_TEST(threads_that_do_not_start) {
  WORKS(clf_set_threads(CLF_THREADS_MAX));
  atomic_store(&starts_left, 0);
  for (int i = 0; i < 3; i++) run_loop(MOST, CLF_THREADS_MAX, 0);
  ck_assert_int_ge(atomic_load(&starts_left), -1); /* at most one attempt */
  atomic_store(&starts_left, 1 << 20);
  WORKS(clf_set_threads(4));
  run_loop(MOST, 4, 0);
}
END_TEST

static pthread_t caller;
static void look_at_signals(const void *seen, int first, int end) {
  sigset_t set;
  for (int i = first; i < end; i++) {
    usleep(2000); /* so that others arrive */
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    const int blocked = sigismember(&set, SIGINT) && sigismember(&set, SIGTERM) &&
                        sigismember(&set, SIGUSR1) && sigismember(&set, SIGALRM);
    if (pthread_equal(pthread_self(), caller))
      atomic_fetch_or((atomic_int *)(uintptr_t)seen, blocked ? 1 : 2);
    else
      atomic_fetch_or((atomic_int *)(uintptr_t)seen, blocked ? 4 : 8);
  }
}

START_TEST(signals) {
  atomic_int seen = 0;
  caller = pthread_self();
  WORKS(clf_set_threads(4));
  for (int i = 0; i < 100 && seen < 4; i++) clf__threads_run(16, 4, look_at_signals, &seen);
  ck_assert_int_eq(atomic_load(&seen), 2 | 4);
}
END_TEST

static int threads_of_process(void) { return suite_entries("/proc/self/task"); }

/* A BLAS, which some products use, starts no threads either. */
START_TEST(threads_of_a_blas) {
  clf_device *dev;
  clf_arena arena;
  clf_tensor a, b, c;
  WORKS(clf_set_threads(1));
  const int before = threads_of_process();
  WORKS(clf_open("cpu/baseline", &dev));
  WORKS(clf_arena_init(&arena, dev, 3 * 256 * 256));
  WORKS(clf_new(&arena, (const int32_t[4]){256, 256}, &a));
  WORKS(clf_new(&arena, (const int32_t[4]){256, 256}, &b));
  WORKS(clf_new(&arena, (const int32_t[4]){256, 256}, &c));
  WORKS(clf_do(dev, fill, .y = a, .value = 0.5f));
  WORKS(clf_do(dev, fill, .y = b, .value = 0.25f));
  WORKS(clf_do(dev, gemm, .a = a, .b = b, .c = c, .alpha = 1));
  float got[256 * 256];
  WORKS(clf_read(dev, c, got));
  for (int i = 0; i < 256 * 256; i++)
    if (got[i] < 32 || got[i] > 32) ck_abort_msg("element %d is %g", i, (double)got[i]);
  ck_assert_int_eq(threads_of_process(), before);
  clf_arena_free(&arena);
  clf_close(dev);
}
END_TEST

/* Once a library is unloaded, no thread runs its code. */
START_TEST(unloaded_library) {
  clf_status (*open_)(const char *, clf_device **), (*init)(clf_arena *, clf_device *, size_t);
  clf_status (*make)(clf_arena *, const int32_t[4], clf_tensor *), (*set)(int32_t);
  clf_status (*dispatch)(clf_device *, clf_op, const void *);
  void (*close_)(clf_device *), (*free_)(clf_arena *);
  const int before = threads_of_process();
  void *library = dlopen(CLF_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  ck_assert_msg(library != NULL, "%s", dlerror());
#define FIND(f, symbol) ck_assert_ptr_nonnull(*(void **)&(f) = dlsym(library, symbol))
  FIND(open_, "clf_open");
  FIND(init, "clf_arena_init");
  FIND(make, "clf_new");
  FIND(set, "clf_set_threads");
  FIND(dispatch, "clf_dispatch");
  FIND(close_, "clf_close");
  FIND(free_, "clf_arena_free");
  clf_device *dev;
  clf_arena arena;
  clf_tensor y;
  ck_assert_int_eq(set(4), CLF_OK);
  ck_assert_int_eq(open_("cpu64", &dev), CLF_OK);
  ck_assert_int_eq(init(&arena, dev, 500000), CLF_OK);
  ck_assert_int_eq(make(&arena, (const int32_t[4]){500000}, &y), CLF_OK);
  ck_assert_int_eq(dispatch(dev, CLF_OP_random_normal, &(clf_random_normal_args){.y = y}), CLF_OK);
  ck_assert_int_eq(threads_of_process(), before + 3);
  free_(&arena);
  close_(dev);
  ck_assert_int_eq(dlclose(library), 0);
  ck_assert_int_eq(threads_of_process(), before);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("pool");
  TCase *tc = tcase_create("pool");
  tcase_set_timeout(tc, 300);
  tcase_add_test(tc, threads_of_a_blas); /* before any other opens cpu, which loads it */
  tcase_add_test(tc, every_index_once);
  tcase_add_test(tc, loops_in_loops);
  tcase_add_test(tc, several_callers);
  tcase_add_test(tc, busy_workers);
  tcase_add_test(tc, numbers_of_threads);
  tcase_add_test(tc, refused_environment);
  tcase_add_test(tc, control_groups);
  tcase_add_test(tc, threads_that_do_not_start);
  tcase_add_test(tc, signals);
  tcase_add_test(tc, unloaded_library);
  suite_add_tcase(suite, tc);
  return suite_run(suite);
}
