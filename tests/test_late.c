/* SPDX-License-Identifier: MIT */
/* test_late.c: operations that are tested at their first use, on a device that `auto` took.  The
 * program that tests them is a script, which logs its requests and reports failures as a test
 * requires; the device is a real one. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "backend.h"
#include "suite.h"

static char folder[] = "/tmp/clflow-late-XXXXXX";

/* ---- The script ------------------------------------------------------------------------------ */

/* Initially nothing is known; "open" and "test" are answered by the branches of a `case`. */
static void script(const char *branches) {
  static int count;
  char text[1024], path[128], cache[128];
  snprintf(text, sizeof text,
           "#!/bin/sh\nwhile read line; do echo $line >>%s/asked\ncase \"$line\" in %s\n"
           "esac; echo done; done\n",
           folder, branches);
  snprintf(path, sizeof path, "%s/probe", folder);
  unlink(path); /* it may be running */
  write_bytes(path, text, strlen(text));
  ck_assert_int_eq(chmod(path, 0700), 0);
  snprintf(cache, sizeof cache, "%s/cache%d", folder, count++);
  setenv("CLFLOW_PROBE", path, 1);
  setenv("CLFLOW_CACHE_DIR", cache, 1);
  unlink("asked");
}

/* Compares its requests since the last call. */
static void was_asked(const char *want) {
  if (!*want) {
    ck_assert_int_ne(access("asked", F_OK), 0);
    return;
  }
  char *got = read_file("asked", NULL);
  ck_assert_str_eq(got, want);
  free(got);
  ck_assert_int_eq(unlink("asked"), 0);
}

/* ---- Work ------------------------------------------------------------------------------------ */

typedef struct work {
  clf_device *dev;
  clf_arena a;
  clf_tensor x, y;
} work;

enum { N = 5 };
static const float ones[N] = {1, 2, 3, 4, 5};

static work begin(const char *name) {
  work w = {.dev = NULL};
  WORKS(clf_open(name, &w.dev));
  WORKS(clf_arena_init(&w.a, w.dev, 64));
  WORKS(clf_new(&w.a, (int32_t[4]){N}, &w.x));
  WORKS(clf_new(&w.a, (int32_t[4]){N}, &w.y));
  WORKS(clf_write(w.dev, w.x, ones));
  return w;
}
static void end(work *w) {
  clf_arena_free(&w->a);
  clf_close(w->dev);
}
static clf_status add(work *w, float a) { /* y = a x + y */
  return clf_do(w->dev, axpby, .x = w->x, .y = w->y, .a = a, .b = 1);
}
static clf_status zero(work *w) { return clf_do(w->dev, fill, .y = w->y, .value = 0); }
static void holds(work *w, float each) {
  float got[N];
  WORKS(clf_read(w->dev, w->y, got));
  for (int i = 0; i < N; i++) ck_assert_float_eq(got[i], each * ones[i]);
}
static int runs_on(const clf_device *dev, const char *name) {
  return strncmp(clf_device_name(dev), name, strlen(name)) == 0;
}
static void tells(const clf_device *dev, const char *what) {
  ck_assert_msg(strstr(clf_device_note(dev), what) != NULL, "%s", clf_device_note(dev));
}

/* ---- Tests ----------------------------------------------------------------------------------- */

START_TEST(once_for_a_driver) {
  script("");
  for (int i = 0; i < 2; i++) {
    work w = begin("auto");
    ck_assert(runs_on(w.dev, "opencl:0 "));
    was_asked(i ? "" : "list\nopen opencl:0\n");
    WORKS(zero(&w));
    was_asked(i ? "" : "test fill 0\n");
    WORKS(add(&w, 1));
    was_asked(i ? "" : "test axpby 0\n");
    WORKS(add(&w, 1));
    holds(&w, 2);
    was_asked("");
    end(&w);
  }
  work w = begin("auto"); /* new operations are tested by a separate program */
  WORKS(clf_do(w.dev, copy, .x = w.x, .y = w.y));
  holds(&w, 1);
  was_asked("open opencl:0\ntest copy 0\n");
  end(&w);
  w = begin("auto/simt"); /* other kernels */
  WORKS(zero(&w));
  was_asked("list\nopen opencl:0/simt\ntest fill 0\n");
  end(&w);
}
END_TEST

/* Devices opened by name are the caller's choice. */
START_TEST(not_by_name) {
  script("test*) echo why it is bent;;");
  work w = begin("opencl");
  WORKS(zero(&w));
  WORKS(add(&w, 3));
  holds(&w, 3);
  was_asked("");
  end(&w);
}
END_TEST

/* Without a cache everything is tested again; also for the list of devices. */
START_TEST(without_a_cache) {
  script("");
  setenv("CLFLOW_CACHE_DIR", "", 1);
  for (int i = 0; i < 2; i++) {
    work w = begin("auto");
    WORKS(zero(&w));
    WORKS(add(&w, 1));
    holds(&w, 1);
    was_asked("list\nopen opencl:0\ntest fill 0\ntest axpby 0\n");
    end(&w);
  }
}
END_TEST

/* Reasons of up to 255 bytes are reported completely. */
#define BENT "bent and bent and bent and bent and bent and bent and "
#define REASON "it is " BENT BENT BENT BENT "bent"

/* The contents of the device move to the next one, with the same tensors. */
START_TEST(goes_on_with_the_next) {
  script("test?axpby*) echo why " REASON ";;");
  work w = begin(_i ? "trace:auto" : "auto");
  clf_device *bare = w.dev->inner ? w.dev->inner : w.dev;
  clf_arena other;
  clf_tensor kept;
  float got[N];
  WORKS(clf_arena_init(&other, w.dev, 16));
  WORKS(clf_new(&other, (int32_t[4]){N}, &kept));
  WORKS(clf_write(w.dev, kept, ones));
  WORKS(zero(&w));
  ck_assert(runs_on(bare, "opencl:0 "));
  WORKS(add(&w, 2));
  ck_assert(runs_on(bare, "cpu ("));
  tells(bare, "fails its self-test: " REASON "\nauto continues with cpu (");
  holds(&w, 2);
  WORKS(clf_read(w.dev, kept, got));
  ck_assert_mem_eq(got, ones, sizeof got);
  was_asked("list\nopen opencl:0\ntest fill 0\ntest axpby 0\n");
  clf_arena_free(&other);
  end(&w);
  w = begin("auto"); /* later starts know */
  ck_assert(runs_on(w.dev, "cpu ("));
  tells(w.dev, ") is passed over: " REASON " (`clflow devices` tries it again)\n");
  was_asked("");
  end(&w);
}
END_TEST

static const char bent[] = "test?axpby*) echo why it is bent;;";

/* The script is `bent`: the message names the device and what failed, also the second time. */
static void add_is_refused(work *w) {
  for (int i = 0; i < 2; i++) {
    ck_assert_int_eq(add(w, 2), CLF_EDEVICE);
    ck_assert_msg(strncmp(clf_errmsg(), "opencl:0 ", 9) == 0 &&
                      strstr(clf_errmsg(), " computes axpby wrongly, or cannot (it is bent): take "
                                           "another device, such as cpu, by --device or "
                                           "CLFLOW_DEVICE"),
                  "%s", clf_errmsg());
  }
}

/* Once the caller has read results, the device must not be replaced silently. */
START_TEST(not_after_a_result) {
  script(bent);
  work w = begin("auto");
  WORKS(zero(&w));
  holds(&w, 0);
  add_is_refused(&w);
  was_asked("list\nopen opencl:0\ntest fill 0\ntest axpby 0\n");
  holds(&w, 0);                    /* other operations still work */
  WORKS(clf__revive(w.dev, NULL)); /* and what is known remains known */
  clf__set_lost(&w.a, 0);
  WORKS(clf_write(w.dev, w.x, ones));
  WORKS(zero(&w));
  ck_assert_int_eq(add(&w, 2), CLF_EDEVICE);
  was_asked("");
  end(&w);
}
END_TEST

/* If the next device cannot be opened either, the failure of the first one is reported. */
START_TEST(there_is_no_next) {
  script(bent);
  work w = begin("auto");
  char *const threads = suite_setenv("CLFLOW_THREADS", "none"); /* which cpu refuses */
  add_is_refused(&w);
  suite_putenv_back("CLFLOW_THREADS", threads);
  ck_assert_int_eq(add(&w, 2), CLF_EDEVICE); /* and it is not tried again */
  ck_assert(runs_on(w.dev, "opencl:0 "));
  end(&w);
}
END_TEST

/* A driver that crashes has failed, here and in the list of devices. */
START_TEST(crashes_and_silence) {
  script("test?axpby*) kill -11 $$;;");
  work w = begin("auto");
  WORKS(add(&w, 0));
  tells(w.dev, "the driver crashed in the self-test of axpby: signal 11 (Segmentation fault)\nauto "
               "continues with cpu (");
  end(&w);
  script("open*) exit 3;;");
  w = begin("auto");
  tells(w.dev, "is passed over: the driver ended the program in its self-test\nauto takes cpu (");
  end(&w);
  script("test?fill*) sleep 60;;");
  setenv("CLFLOW_PROBE_SECONDS", "1", 1);
  w = begin("auto");
  WORKS(zero(&w));
  tells(w.dev,
        "the driver did not finish the self-test of fill within 1 s\nauto continues with cpu");
  unsetenv("CLFLOW_PROBE_SECONDS");
  end(&w);
}
END_TEST

/* If somebody ends the program, it is started again; then this process runs the tests, as it
 * does without the program. */
START_TEST(in_this_process) {
  script("test?fill*) kill -15 $$;;");
  work w = begin("auto");
  WORKS(zero(&w));
  was_asked("list\nopen opencl:0\ntest fill 0\nopen opencl:0\ntest fill 0\n");
  holds(&w, 0);
  end(&w);
  setenv("CLFLOW_PROBE", "", 1);
  w = begin("auto");
  ck_assert(runs_on(w.dev, "opencl:0 "));
  WORKS(zero(&w));
  WORKS(add(&w, 4));
  holds(&w, 4);
  was_asked("");
  end(&w);
}
END_TEST

/* `clf_devices(1)` tests everything, and what passed is known from then on. */
START_TEST(all_at_once) {
  script("all) echo passed fill 0; echo passed nonsense 0; echo passed axpby 99;;");
  clf_device_info *list;
  int count;
  WORKS(clf_devices(1, &list, &count));
  ck_assert_int_eq(list[0].passes, 1);
  ck_assert_int_eq(list[0].chosen, 1);
  free(list);
  was_asked("list\nopen opencl:0\nall\n");
  work w = begin("auto");
  WORKS(zero(&w));
  was_asked("");
  WORKS(add(&w, 1));
  was_asked("open opencl:0\ntest axpby 0\n");
  end(&w);
  script("all) echo why it is bent;;");
  WORKS(clf_devices(1, &list, &count));
  ck_assert_int_eq(list[0].passes, 0);
  ck_assert_str_eq(list[0].why, "it is bent");
  ck_assert_int_eq(list[count - 1].chosen, 1);
  free(list);
}
END_TEST

static void *work_of_a_thread(void *unused) {
  work w = {.dev = NULL};
  float got[N];
  int ok = !clf_open("auto", &w.dev) && !clf_arena_init(&w.a, w.dev, 64) &&
           !clf_new(&w.a, (int32_t[4]){N}, &w.x) && !clf_new(&w.a, (int32_t[4]){N}, &w.y) &&
           !clf_write(w.dev, w.x, ones) && !zero(&w) && !add(&w, 1) && !clf_read(w.dev, w.y, got) &&
           memcmp(got, ones, sizeof got) == 0;
  clf_arena_free(&w.a);
  clf_close(w.dev);
  return ok ? unused : folder;
}

/* Several threads make no more requests than one. */
START_TEST(by_threads) {
  enum { THREADS = 8 };
  pthread_t thread[THREADS];
  script("");
  for (int i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_create(&thread[i], NULL, work_of_a_thread, NULL), 0);
  for (int i = 0; i < THREADS; i++) {
    void *failed;
    pthread_join(thread[i], &failed);
    ck_assert_msg(!failed, "thread %d", i);
  }
  char *asked = read_file("asked", NULL);
  static const char *const once[] = {"list\n", "test fill 0\n", "test axpby 0\n"};
  for (size_t i = 0; i < sizeof once / sizeof *once; i++) {
    const char *at = strstr(asked, once[i]);
    ck_assert_msg(at && !strstr(at + 1, once[i]), "%s", asked);
  }
  free(asked);
}
END_TEST

int main(void) {
  clf_device_info *list = NULL;
  int count = 0;
  if (clf_devices(0, &list, &count) || count < 2) {
    puts("skipped: there is no OpenCL device");
    return 0;
  }
  const int in_parts = strcmp(list[0].type, "cpu") == 0;
  free(list);
  if (!in_parts) {
    puts("skipped: the first OpenCL device compiles all kernels as it is opened");
    return 0;
  }
  if (!mkdtemp(folder) || chdir(folder)) return 1;
  Suite *suite = suite_create("late");
  TCase *c = tcase_create("late");
  tcase_set_timeout(c, 300);
  tcase_add_test(c, once_for_a_driver);
  tcase_add_test(c, not_by_name);
  tcase_add_test(c, without_a_cache);
  tcase_add_loop_test(c, goes_on_with_the_next, 0, 2);
  tcase_add_test(c, not_after_a_result);
  tcase_add_test(c, there_is_no_next);
  tcase_add_test(c, crashes_and_silence);
  tcase_add_test(c, in_this_process);
  tcase_add_test(c, all_at_once);
  tcase_add_test(c, by_threads);
  suite_add_tcase(suite, c);
  const int failed = suite_run(suite);
  if (chdir("/")) return 1;
  suite_remove(folder);
  return failed;
}
