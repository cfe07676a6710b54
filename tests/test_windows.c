/* SPDX-License-Identifier: MIT */
/* test_windows.c: the functions of windows/: names of files, complete files, children and how they
 * end. The program is its own child, and simulates faulty drivers. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <dirent.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "clflow/clflow.h"
#include "file.h"
#include "path.h"
#include "probe.h"
#include "suite.h"

#define SIZE(a) (sizeof(a) / sizeof *(a))
extern char **environ;

/* ---- The child --------------------------------------------------------------------------- */

/* One device, whose self-test goes as CLF_PLAY says. */
static int play(const char *part) {
  char request[128];
  int *volatile nowhere = (int *)(uintptr_t)16;
  while (fgets(request, sizeof request, stdin)) {
    const int opens = strncmp(request, "open ", 5) == 0;
    if (opens && strcmp(part, "access") == 0) *nowhere = 1;
    if (opens && strcmp(part, "illegal") == 0) __builtin_trap();
    if (opens && strcmp(part, "abort") == 0) abort();
    if (opens && strcmp(part, "ends") == 0) return 5;
    if (opens && strcmp(part, "hangs") == 0) sleep(60);
    if (opens && strcmp(part, "fails") == 0) puts("why it is broken");
    puts("done");
    fflush(stdout);
  }
  return 0;
}

/* The environment and the arguments that a child gets. */
static int echo(int argc, char **argv) {
  const char *empty = getenv("CLF_EMPTY"), *word = getenv("CLF_WORD");
  printf("%s|%s\n", empty ? empty : "unset", word);
  for (int i = 2; i < argc; i++) printf("%s\n", argv[i]);
  return 0;
}

/* ---- Names ----------------------------------------------------------------------------------- */

static void is_written(const char *path) {
  const clf_table t = {.rows = 1, .cols = 1, .at = (double[]){3}};
  clf_table back;
  WORKS(clf_table_write(path, &t));
  WORKS(clf_table_read(path, &back));
  ck_assert(back.rows == 1 && back.at[0] == 3);
  clf_table_free(&back);
  size_t size;
  char *bytes = read_file(path, &size);
  if (strstr(path, ".csv")) ck_assert_str_eq(bytes, "3\n"); /* no "\r\n" */
  free(bytes);
}

START_TEST(folders_of_names) {
  static const struct {
    const char *path;
    size_t n;
  } of[] = {{"m", 0},      {"a/m", 1},   {"a\\m", 1},  {"a/b\\m", 3}, {"/m", 1}, {"\\m", 1},
            {"C:/m", 3},   {"C:\\m", 3}, {"C:m", 2},   {"C:/a/m", 4}, {"a/", 1}, {"", 0},
            {"a\\\\m", 2}, {"./m", 1},   {"a.b/m", 3}, {"//s/t/m", 5}};
  for (size_t i = 0; i < SIZE(of); i++) {
    const size_t n = clf__folder_length(of[i].path);
    ck_assert_msg(n == of[i].n, "%s: %d", of[i].path, (int)n);
  }
}
END_TEST

START_TEST(names_in_utf8) {
  char *here, *list[2];
  mkdir("größe", 0777);
  is_written("größe/моя таблица.csv");
  is_written("größe\\表.npy");
  DIR *d = opendir("größe");
  int n = 0;
  for (const struct dirent *e; (e = readdir(d));)
    if (e->d_name[0] != '.') {
      ck_assert_int_lt(n, 2);
      list[n++] = strdup(e->d_name);
    }
  closedir(d);
  ck_assert_int_eq(n, 2);
  ck_assert(!strcmp(list[0], "表.npy") || !strcmp(list[1], "表.npy"));
  ck_assert(!strcmp(list[0], "моя таблица.csv") || !strcmp(list[1], "моя таблица.csv"));
  here = realpath("größe\\表.npy", NULL);
  ck_assert_ptr_nonnull(here);
  ck_assert_msg(strstr(here, "/größe/表.npy") && !strchr(here, '\\') && here[1] == ':', "%s", here);
  free(here);
  free(list[0]);
  free(list[1]);
  suite_remove("größe");
  ck_assert_int_eq(access("größe", F_OK), -1);
}
END_TEST

START_TEST(names_with_backslashes) {
  char whole[1024], cwd[512];
  mkdir("in", 0777);
  is_written("in\\m.csv");
  ck_assert_int_eq(suite_entries("in"), 1);
  REFUSED(clf_path_writable("gone\\m.csv"), CLF_EIO,
          "gone\\m.csv: cannot be written: the folder \"gone\" does not exist");
  REFUSED(clf_path_writable("in\\"), CLF_EIO, "in\\: cannot be written: it is a folder");
  REFUSED(clf_path_writable("new\\"), CLF_EIO,
          "\"new\\\" cannot be written: it does not name a file");
  REFUSED(clf_path_writable("NUL"), CLF_EIO, "NUL: cannot be written: it is not a regular file");
  ck_assert_ptr_nonnull(getcwd(cwd, sizeof cwd));
  for (char *p = cwd; *p; p++)
    if (*p == '/') *p = '\\';
  snprintf(whole, sizeof whole, "%s\\in\\whole.csv", cwd);
  is_written(whole);
  suite_remove("in");
}
END_TEST

START_TEST(long_names) {
  char path[1024] = "l";
  for (int i = 0; i < 8; i++) {
    memset(path + strlen(path), 'a' + i, 60);
    ck_assert_int_eq(mkdir(path, 0777), 0);
    strcat(path, i < 7 ? "/" : "/m.csv");
  }
  is_written(path);
  path[1 + 60] = 0;
  suite_remove(path);
  ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

/* ---- Whole files -------------------------------------------------------------------------------
 */

static void write_whole(const char *text) {
  clf__file *f;
  WORKS(clf__file_begin("m", &f));
  clf__file_keep(f, NULL);
  WORKS(clf__file_put(f, text, strlen(text)));
  WORKS(clf__file_commit(f));
}

/* A file that is being read is not replaced: there is a message, and nothing is lost; afterwards it
 * is replaced. */
START_TEST(replaced_when_it_was_read) {
  write_whole("one");
  write_whole("two");
  FILE *f = fopen("m", "r");
  ck_assert_ptr_nonnull(f);
  clf__file *w;
  WORKS(clf__file_begin("m", &w));
  WORKS(clf__file_put(w, "three", 5));
  REFUSED(clf__file_commit(w), CLF_EIO, "m: write failed: Permission denied");
  ck_assert_int_eq(fgetc(f), 't');
  fclose(f);
  ck_assert_int_eq(suite_entries("."), 2);
  write_whole("three");
  char *now = read_file("m", NULL), *before = read_file("m.previous", NULL);
  ck_assert_str_eq(now, "three");
  ck_assert_str_eq(before, "two");
  free(now);
  free(before);
  ck_assert_int_eq(unlink("m") | unlink("m.previous"), 0);
}
END_TEST

START_TEST(not_replaced) {
  write_whole("one");
  ck_assert_int_eq(chmod("m", 0444), 0);
  REFUSED(clf_path_writable("m"), CLF_EIO, "m: cannot be written: Permission denied");
  ck_assert_int_eq(chmod("m", 0666), 0);
  WORKS(clf_path_writable("m"));
  ck_assert_int_eq(unlink("m"), 0);
}
END_TEST

/* ---- Children
 * ------------------------------------------------------------------------------------ */

START_TEST(words_arrive) {
  char text[1024];
  char *argv[] = {"test",          "--echo", "",         "two words", "a \"b\" c",
                  "back\\slash\\", "\\\"",   "größe 表", NULL};
  static const char wanted[] = "|größe\n\ntwo words\na \"b\" c\nback\\slash\\\n\\\"\ngröße 表\n";
  int end[2], status;
  pid_t pid;
  posix_spawn_file_actions_t to;
  setenv("CLF_EMPTY", "", 1);
  setenv("CLF_WORD", "größe", 1);
  ck_assert_str_eq(getenv("CLF_EMPTY"), "");
  ck_assert_int_eq(pipe2(end, O_CLOEXEC), 0);
  posix_spawn_file_actions_init(&to);
  posix_spawn_file_actions_adddup2(&to, end[1], 1);
  ck_assert_int_eq(posix_spawn(&pid, "/proc/self/exe", &to, NULL, argv, environ), 0);
  close(end[1]);
  size_t n = 0;
  for (ssize_t got; (got = read(end[0], text + n, sizeof text - 1 - n)) > 0;) n += (size_t)got;
  text[n] = 0;
  close(end[0]);
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  ck_assert_str_eq(text, wanted);
  ck_assert_int_eq(kill(pid, 0), -1);
  ck_assert_int_eq(waitpid(pid, &status, 0), -1);
  ck_assert_int_eq(unsetenv("CLF_EMPTY"), 0);
  ck_assert_ptr_null(getenv("CLF_EMPTY"));
}
END_TEST

START_TEST(drivers_that_go_wrong) {
  static const struct {
    const char *part, *why;
  } of[] = {{"works", NULL},
            {"fails", "it is broken"},
            {"access", "the driver crashed in its self-test: signal 11 (access violation)"},
            {"illegal", "the driver crashed in its self-test: signal 4 (illegal instruction)"},
            {"abort", "the driver crashed in its self-test: signal 22 (aborted)"},
            {"ends", "the driver ended the program in its self-test"},
            {"hangs", "the driver did not finish its self-test within 1 s"}};
  clf__probe p;
  setenv("CLFLOW_PROBE_SECONDS", "1", 1);
  for (size_t i = 0; i < SIZE(of); i++) {
    setenv("CLF_PLAY", of[i].part, 1);
    clf__probe_begin(&p, "", 1);
    ck_assert(p.v.known && !*p.v.why);
    const char *why = clf__probe_device(&p, "opencl:0", 1);
    if (of[i].why)
      ck_assert_str_eq(why, of[i].why);
    else
      ck_assert_ptr_null(why);
    clf__probe_end(&p);
  }
  unsetenv("CLF_PLAY");
}
END_TEST

/* ---- The cache
 * ------------------------------------------------------------------------------------- */

static void tries_a_device(int recalled) {
  clf__probe p;
  clf__probe_begin(&p, "", 0);
  ck_assert_ptr_null(clf__probe_device(&p, "opencl:0", 0));
  ck_assert_int_eq(p.v.recalled, recalled);
  clf__probe_end(&p);
}

START_TEST(cache_folder) {
  char cwd[512], local[1024];
  getcwd(cwd, sizeof cwd);
  snprintf(local, sizeof local, "%s\\локально", cwd);
  mkdir(local, 0777);
  unsetenv("CLFLOW_CACHE_DIR");
  unsetenv("XDG_CACHE_HOME");
  unsetenv("HOME");
  setenv("LOCALAPPDATA", local, 1);
  setenv("CLF_PLAY", "works", 1);
  tries_a_device(0);
  ck_assert_int_eq(suite_entries("локально/clflow"), 1);
  tries_a_device(1);
  setenv("CLFLOW_CACHE_DIR", "a\\b\\c", 1);
  tries_a_device(0);
  ck_assert_int_eq(suite_entries("a/b/c"), 1);
  unsetenv("CLF_PLAY");
  setenv("CLFLOW_CACHE_DIR", "", 1);
  suite_remove("a");
  suite_remove("локально");
}
END_TEST

int main(int argc, char **argv) {
  static char folder[] = "/tmp/clflow-windows-XXXXXX";
  if (argc > 1 && strcmp(argv[1], "--echo") == 0) return echo(argc, argv);
  if (getenv("CLF_PLAY")) return play(getenv("CLF_PLAY"));
  char *self = realpath(argv[0], NULL);
  if (!self || !mkdtemp(folder) || chdir(folder)) return 1;
  setenv("CLFLOW_PROBE", self, 1);
  setenv("CLFLOW_CACHE_DIR", "", 1);
  Suite *suite = suite_create("windows");
  TCase *c = tcase_create("windows");
  const TTest *const tests[] = {folders_of_names,
                                names_in_utf8,
                                names_with_backslashes,
                                long_names,
                                replaced_when_it_was_read,
                                not_replaced,
                                words_arrive,
                                drivers_that_go_wrong,
                                cache_folder};
  for (size_t i = 0; i < SIZE(tests); i++) tcase_add_test(c, tests[i]);
  suite_add_tcase(suite, c);
  const int failed = suite_run(suite);
  free(self);
  return chdir("/") || rmdir(folder) || failed;
}
