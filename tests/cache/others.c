/* SPDX-License-Identifier: MIT */
/* others.c: other users and other threads at the same files. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cache.h"
#include "cache/folder.h"
#include "clock.h"
#include "temp.h"
#ifndef _WIN32
#include <signal.h>
#include <sys/wait.h>
#endif

/* Someone who may write to the folder cannot make clflow write another file through a link: every
 * file that is opened for writing is new. */
START_TEST(links_are_not_followed) {
  POSIX_ONLY;
  char path[512], victim[128], wanted[600];
  use_cache("links");
  snprintf(victim, sizeof victim, "%s/victim", folder);
  write_bytes(victim, "victim", 6);
  ck_assert_int_eq(clf__cache_put("key", "payload", 7), 1);
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  ck_assert_int_eq(remove(path), 0);
  /* The names that this process takes next, and the one that earlier versions took. */
  for (int i = 0; i < 500; i++) {
    snprintf(wanted, sizeof wanted, "%s/.clflow-%ld-%d.tmp", cache, (long)getpid(), i);
    ck_assert_int_eq(symlink(victim, wanted), 0);
  }
  snprintf(wanted, sizeof wanted, "%s.%ld", path, (long)getpid());
  ck_assert_int_eq(symlink(victim, wanted), 0);
  ck_assert_int_eq(clf__cache_put("key", "payload", 7), 1);
  ck_assert_int_eq(hits("key", "payload"), 1);
  size_t size;
  char *bytes = read_file(victim, &size);
  ck_assert_uint_eq(size, 6);
  ck_assert_str_eq(bytes, "victim");
  free(bytes);
  /* A link instead of the file is a miss, and is replaced. */
  ck_assert_int_eq(rename(path, victim), 0);
  ck_assert_int_eq(symlink(victim, path), 0);
  ck_assert_int_eq(hits("key", "payload"), 0);
  ck_assert_int_eq(clf__cache_put("key", "new", 3), 1);
  ck_assert_int_eq(hits("key", "new"), 1);
  bytes = read_file(victim, &size);
  ck_assert_ptr_nonnull(strstr(bytes, "keypayload"));
  free(bytes);
  suite_remove(cache);
  ck_assert_int_eq(remove(victim), 0);
  unsetenv("CLFLOW_CACHE_DIR");
}
END_TEST

static void has_mode(const char *path, unsigned mode, int hit) {
  ck_assert_int_eq(chmod(path, mode), 0);
  ck_assert_msg(hits("key", "payload") == hit, "mode %o", mode);
}

/* Files that other users could have written are not read, since they would run in this process. */
START_TEST(files_of_others) {
  POSIX_ONLY;
  char path[512];
  use_cache("others");
  ck_assert_int_eq(clf__cache_put("key", "payload", 7), 1);
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  ck_assert_uint_eq(status_of(path).st_mode & 0777, 0600);
  ck_assert_uint_eq(status_of(cache).st_mode & 0077, 0);
  has_mode(path, 0644, 1);
  has_mode(path, 0664, 0);
  has_mode(path, 0646, 0);
  has_mode(path, 0600, 1);
  if (geteuid() == 0) { /* only root gives files away */
    ck_assert_int_eq(chown(path, 12345, (gid_t)-1), 0);
    ck_assert_int_eq(hits("key", "payload"), 0);
    ck_assert_int_eq(chown(path, 0, (gid_t)-1), 0);
    ck_assert_int_eq(chown(cache, 12345, (gid_t)-1), 0);
    ck_assert_int_eq(clf__cache_usable(), 0);
    ck_assert_int_eq(hits("key", "payload"), 0);
    ck_assert_int_eq(clf__cache_put("key", "other", 5), 0);
    ck_assert_int_eq(chown(cache, 0, (gid_t)-1), 0);
    ck_assert_int_eq(hits("key", "payload"), 1);
  }
  clear_cache();
}
END_TEST

static void *put_often(void *context) {
  (void)context;
  for (int i = 0; i < 50; i++)
    if (!clf__cache_put("key", "payload", 7) || !hits("key", "payload")) return cache;
  return NULL;
}

/* All threads write the same file. Each writes to a name of its own first, so that the file is
 * complete at any time. */
START_TEST(threads_at_once) {
  enum { THREADS = 8 };
  pthread_t thread[THREADS];
  char path[512];
  use_cache("threads");
  for (int i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_create(&thread[i], NULL, put_often, NULL), 0);
  for (int i = 0; i < THREADS; i++) {
    void *failed = NULL;
    pthread_join(thread[i], &failed);
    ck_assert_ptr_null(failed);
  }
  ck_assert_int_eq(suite_entries(cache), 1);
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  clear_cache();
}
END_TEST

#ifndef _WIN32
/* Another process that looks for files which were left over may lock a new one first: then another
 * name is taken, also by the lowest descriptor. */
START_TEST(made_while_another_sweeps) {
  enum { ENOUGH = 3 }; /* files that the other one locked; each stays, empty */
  int left = 0;
  use_cache("sweeps");
  ck_assert_int_eq(mkdir(cache, 0777), 0);
  const double end = clf__now() + 5;
  const pid_t other = suite_fork();
  if (other == 0) {
    while (clf__now() < end) clf__temp_sweep(cache);
    _exit(0);
  }
  close(STDIN_FILENO);
  for (int i = 0; left < ENOUGH && clf__now() < end; i++) {
    clf__temp t;
    ck_assert_int_eq(clf__temp_make(cache, 0600, &t), 0);
    ck_assert_int_eq(t.fd, STDIN_FILENO);
    ck_assert_int_eq(close(t.fd) | unlink(t.name), 0);
    clf__temp_forget(&t);
    if (i % 64 == 0) left = suite_entries(cache);
  }
  suite_kill(other, SIGKILL);
  waitpid(other, NULL, 0);
  suite_remove(cache);
  unsetenv("CLFLOW_CACHE_DIR");
}
END_TEST

#endif

void tests_of_others(TCase *tc) {
  tcase_add_test(tc, links_are_not_followed);
  tcase_add_test(tc, files_of_others);
  tcase_add_test(tc, threads_at_once);
#ifndef _WIN32
  tcase_add_test(tc, made_while_another_sweeps);
#endif
}
