/* SPDX-License-Identifier: MIT */
/* program.c: runs the program `clflow` in a fresh folder, and compares what it leaves. */
#define _GNU_SOURCE
#include "program.h"
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#ifndef CLF_PROGRAM
#define CLF_PROGRAM "clflow"
#endif
static char program[4096] = CLF_PROGRAM;

/* Where the tests run, and beside it what the program printed. */
static char work[] = "/tmp/clflow-cli-XXXXXX", printed[] = "/tmp/clflow-cli-XXXXXX";

const char *program_input = "/dev/null";

/* ---- Running --------------------------------------------------------------- */

/* argv[0] becomes the program. */
static pid_t spawn(char **argv, const char *out, const char *err) {
  argv[0] = program;
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, program_input, O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&files, 2, err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  /* A shell's background job ignores SIGINT, and the program would inherit that. */
  posix_spawnattr_t attributes;
  sigset_t usual;
  sigemptyset(&usual);
  sigaddset(&usual, SIGINT);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  pid_t pid;
  ck_assert_int_eq(posix_spawn(&pid, program, &files, &attributes, argv, environ), 0);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  return pid;
}

static pid_t start_with(const char *command, const char *out, const char *err) {
  static char text[4096];
  char *argv[64] = {NULL}, *save = NULL;
  snprintf(text, sizeof text, "%s", command);
  int argc = 1;
  for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
    argv[argc++] = word;
  return spawn(argv, out, err);
}

static const char *beside(const char *name) {
  static char path[2][64];
  static int turn;
  turn ^= 1;
  snprintf(path[turn], sizeof path[turn], "%s/%s", printed, name);
  return path[turn];
}

pid_t start(const char *command) { return start_with(command, beside("out"), beside("err")); }
pid_t start_shown(const char *command, const char *err) {
  return start_with(command, beside("out"), err);
}

pid_t start_words(const char *const *words) {
  char *argv[64] = {NULL};
  for (int i = 0; words[i]; i++) argv[i + 1] = (char *)(uintptr_t)words[i];
  return spawn(argv, beside("out"), beside("err"));
}

static int code_of(pid_t pid) {
  int status;
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

result finish_shown(pid_t pid, char *err) {
  const int code = code_of(pid);
  return (result){code, read_file(beside("out"), NULL), err};
}
result finish(pid_t pid) {
  result r = finish_shown(pid, NULL);
  r.err = read_file(beside("err"), NULL);
  return r;
}

result run(const char *command) { return finish(start(command)); }

result run_into(const char *command, const char *out) {
  const int code = code_of(start_with(command, out, beside("err")));
  return (result){code, strdup(""), read_file(beside("err"), NULL)};
}

void release(result r) {
  free(r.out);
  free(r.err);
}

/* ---- Files ----------------------------------------------------------------- */

void write_text(const char *path, const char *text) { write_bytes(path, text, strlen(text)); }

/* ---- Expectations ---------------------------------------------------------- */

void expect_text(const char *command, const char *what, const char *text, const char *wanted) {
  ck_assert_msg(strstr(text, wanted) != NULL, "clflow %s: %s lacks \"%s\":\n%.3000s", command, what,
                wanted, text);
}

void expect_code(const char *command, const result *r, int code) {
  ck_assert_msg(r->code == code, "clflow %s: exit code %d, not %d:\n%s", command, r->code, code,
                r->err);
}

void succeeds(const char *command, const char *out) {
  result r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stdout", r.out, out);
  release(r);
}

void refuses(int code, const char *command, const char *err) {
  const int before = suite_entries(".");
  result r = run(command);
  expect_code(command, &r, code);
  ck_assert_msg(strncmp(r.err, "clflow: ", 8) == 0, "clflow %s: stderr: %s", command, r.err);
  expect_text(command, "stderr", r.err, err);
  ck_assert_msg(r.out[0] == '\0', "clflow %s: stdout: %s", command, r.out);
  ck_assert_msg(suite_entries(".") == before, "clflow %s: left a file behind", command);
  release(r);
}

void same_files(const char *a, const char *b) {
  ck_assert_msg(equal_files(a, b), "%s and %s differ", a, b);
}

/* ---- All tests of a suite ---------------------------------------------------- */

/* Fontconfig keeps what it has read of its configuration. */
static void suppress_foreign_leaks(void) {
  char path[64], options[128];
  snprintf(path, sizeof path, "%s/leaks", printed);
  snprintf(options, sizeof options, "suppressions=%s:print_suppressions=0", path);
  write_text(path, "leak:libfontconfig\n");
  setenv("LSAN_OPTIONS", options, 0);
}

static void (*set_up_files)(void);

static void set_up(void) {
  ck_assert_ptr_nonnull(mkdtemp(work));
  ck_assert_ptr_nonnull(mkdtemp(printed));
  ck_assert_int_eq(chdir(work), 0);
  setenv("CLFLOW_DEVICE", "cpu", 1);
  /* A folder without drivers: texts do not depend on the machine, nor leaks on its drivers. */
  setenv("OCL_ICD_VENDORS", printed, 1);
  suppress_foreign_leaks();
  if (set_up_files) set_up_files();
}

static void tear_down(void) {
  suite_remove(work);
  suite_remove(printed);
}

/* The case that tests are added to; NULL if there is no program. */
static TCase *new_case(int argc, char **argv, void (*files)(void)) {
  const char *given = argc > 1 ? argv[1] : CLF_PROGRAM;
  if (!realpath(given, program)) {
    perror(given);
    return NULL;
  }
  set_up_files = files;
  TCase *tc = tcase_create("program");
  tcase_set_timeout(tc, 600);
  tcase_add_unchecked_fixture(tc, set_up, tear_down);
  return tc;
}

static int run_case(const char *name, TCase *tc) {
  Suite *suite = suite_create(name);
  suite_add_tcase(suite, tc);
  return suite_run(suite);
}

int program_main(int argc, char **argv, const char *name, void (*files)(void),
                 const TTest *const *tests, size_t count) {
  TCase *tc = new_case(argc, argv, files);
  if (!tc) return 1;
  for (size_t i = 0; i < count; i++) tcase_add_test(tc, tests[i]);
  return run_case(name, tc);
}

int program_main_with(int argc, char **argv, const char *name, void (*files)(void),
                      void (*add)(TCase *tc)) {
  TCase *tc = new_case(argc, argv, files);
  if (!tc) return 1;
  add(tc);
  return run_case(name, tc);
}
