/* SPDX-License-Identifier: MIT */
/* finding.c: where the program that tests drivers is found. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "verdicts/folder.h"

extern char **environ;

static void write_script(const char *path, unsigned mode) {
  static const char script[] = "#!/bin/sh\ntouch started\necho done\n";
  write_bytes(path, script, sizeof script - 1);
  ck_assert_int_eq(chmod(path, mode), 0);
}

/* This program, started as `name` with this PATH, prints where it would find the probe. */
static void finds(const char *name, const char *path, const char *want) {
  char *before = suite_setenv("PATH", path);
  unsetenv("CLFLOW_PROBE");
  char out[600], argument[] = "--where", program[64];
  snprintf(program, sizeof program, "%s", name);
  int status = -1;
  pid_t pid;
  posix_spawn_file_actions_t to;
  posix_spawn_file_actions_init(&to);
  posix_spawn_file_actions_addopen(&to, 1, "where", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ck_assert_int_eq(
      posix_spawnp(&pid, name, &to, NULL, (char *[]){program, argument, NULL}, environ), 0);
  posix_spawn_file_actions_destroy(&to);
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  suite_putenv_back("PATH", before);
  char *got = read_file("where", NULL);
  snprintf(out, sizeof out, "%s\n", want);
  ck_assert_str_eq(got, out);
  free(got);
}

static void copy_self(const char *to) {
  size_t size;
  char *bytes = read_file("/proc/self/exe", &size);
  write_bytes(to, bytes, size);
  ck_assert_int_eq(chmod(to, 0755), 0);
  free(bytes);
}

/* A program that was found in PATH only knows its name: a file in the current folder, or in PATH,
 * is not its probe. */
START_TEST(only_where_clflow_is) {
  char probe[512];
  ck_assert_int_eq(mkdir("bin", 0755), 0);
  copy_self("bin/program");
  write_script("clflow-probe", 0755);
  snprintf(probe, sizeof probe, "%s", here("bin/clflow-probe"));
  finds("program", here("bin"), "none");
  finds("program", "bin", "none");    /* PATH itself is relative */
  finds("./bin/program", "", "none"); /* as is the name */
  finds(here("bin/program"), "", "none");
  write_script(probe, 0755);
  finds("program", here("bin"), probe);
  finds("program", "bin", probe);
  finds("./bin/program", "", probe);
  finds(here("bin/program"), "", probe);
  write_script(probe, 0644); /* it cannot be started */
  finds("program", here("bin"), "none");
  write_script(probe, 0757); /* anyone could have written it */
  finds("program", here("bin"), "none");
  write_script(probe, 0755);
  if (geteuid() == 0) { /* it belongs to another user */
    ck_assert_int_eq(chown(probe, 12345, (gid_t)-1), 0);
    finds("program", here("bin"), "none");
    ck_assert_int_eq(chown(here("bin/program"), 12345, (gid_t)-1), 0); /* who also owns clflow */
    finds("program", here("bin"), probe);
  }
  ck_assert_int_ne(access("started", F_OK), 0);
  ck_assert_int_eq(unlink("clflow-probe"), 0);
}
END_TEST

/* The path in CLFLOW_PROBE must not depend on the current folder. */
START_TEST(by_its_setting) {
  char path[CLF_PROBE_PATH];
  write_script("own-probe", 0755);
  setenv("CLFLOW_PROBE", here("own-probe"), 1);
  ck_assert_int_eq(clf__probe_program(path), 1);
  ck_assert_str_eq(path, here("own-probe"));
  static const char *const none[] = {"", "own-probe", "./own-probe", "/not/there"};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    setenv("CLFLOW_PROBE", none[i], 1);
    ck_assert_msg(!clf__probe_program(path), "%s", none[i]);
  }
  unsetenv("CLFLOW_PROBE");
}
END_TEST

int print_where(void) {
  char path[CLF_PROBE_PATH];
  if (chdir("/")) return 1; /* a relative path would now refer to another file */
  return puts(clf__probe_program(path) ? path : "none") < 0;
}

void tests_of_finding(TCase *c) {
  tcase_add_test(c, only_where_clflow_is);
  tcase_add_test(c, by_its_setting);
}
