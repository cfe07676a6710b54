/* SPDX-License-Identifier: MIT */
/* test_verdicts.c: the program that tests drivers, replaced by a script that answers as no
 * driver would; and the keys of saved findings. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>
#include "probe.h"
#include "status.h"
#include "suite.h"

extern char **environ;

static char folder[] = "/tmp/clflow-verdicts-XXXXXX";

/* ---- The program ------------------------------------------------------------------------------
 */

/* The absolute path of a file in the folder of the test, valid until the next call. */
static const char *here(const char *name) {
  static char path[512];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

/* The script runs for each request, whose words are $verb and $rest. */
static void write_program(const char *script) {
  char text[1024];
  snprintf(text, sizeof text, "#!/bin/sh\nwhile read verb rest; do\n%s\ndone\n", script);
  write_bytes("probe", text, strlen(text));
  ck_assert_int_eq(chmod("probe", 0700), 0);
  setenv("CLFLOW_PROBE", here("probe"), 1);
  setenv("CLFLOW_CACHE_DIR", "", 1);
}

/* Only the list. */
static clf__verdicts probed(void) {
  clf__probe p;
  clf__probe_begin(&p, "", 1);
  const clf__verdicts v = p.v;
  clf__probe_end(&p);
  return v;
}

static void is_unknown(const char *program) {
  clf__probe p;
  setenv("CLFLOW_PROBE", program, 1);
  clf__probe_begin(&p, "", 1);
  ck_assert_int_eq(p.v.known, 0);
  ck_assert_ptr_null(clf__probe_device(&p, "opencl:0", 1));
  ck_assert_int_eq(p.v.count, 0);
  clf__probe_end(&p);
}

static void verdict_is(clf__probe *p, const char *name, int all, const char *why) {
  const char *got = clf__probe_device(p, name, all);
  if (why) ck_assert_str_eq(got, why);
  if (!why) ck_assert_msg(!got, "%s: %s", name, got);
}

START_TEST(no_program) {
  char long_name[2000];
  memset(long_name, 'x', sizeof long_name);
  long_name[sizeof long_name - 1] = 0;
  is_unknown("");
  is_unknown("not/there");
  is_unknown(long_name);
  write_bytes("nothing", "\177ELF", 4); /* an executable that cannot be started */
  ck_assert_int_eq(chmod("nothing", 0700), 0);
  is_unknown(here("nothing"));
}
END_TEST

/* ---- Finding the program --------------------------------------------------------------------- */

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

/* A program that was found in PATH knows itself by a name without a folder: a file in the
 * current folder, or in PATH, is not its probe. */
START_TEST(only_where_clflow_is) {
  char beside[512];
  ck_assert_int_eq(mkdir("bin", 0755), 0);
  copy_self("bin/program");
  write_script("clflow-probe", 0755);
  snprintf(beside, sizeof beside, "%s", here("bin/clflow-probe"));
  finds("program", here("bin"), "none");
  finds("program", "bin", "none");    /* PATH itself is relative */
  finds("./bin/program", "", "none"); /* as is the name */
  finds(here("bin/program"), "", "none");
  write_script(beside, 0755);
  finds("program", here("bin"), beside);
  finds("program", "bin", beside);
  finds("./bin/program", "", beside);
  finds(here("bin/program"), "", beside);
  write_script(beside, 0644); /* it cannot be started */
  finds("program", here("bin"), "none");
  write_script(beside, 0757); /* anybody may have written it */
  finds("program", here("bin"), "none");
  write_script(beside, 0755);
  if (geteuid() == 0) { /* it belongs to somebody else */
    ck_assert_int_eq(chown(beside, 12345, (gid_t)-1), 0);
    finds("program", here("bin"), "none");
    ck_assert_int_eq(chown(here("bin/program"), 12345, (gid_t)-1), 0); /* who also owns clflow */
    finds("program", here("bin"), beside);
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

static int print_where(void) {
  char path[CLF_PROBE_PATH];
  if (chdir("/")) return 1; /* a relative path would now refer to another file */
  return puts(clf__probe_program(path) ? path : "none") < 0;
}

/* ---- What it says -----------------------------------------------------------------------------
 */

START_TEST(how_it_ends) {
  static const struct {
    const char *script, *why;
  } ends[] = {
      {"exit 0", "the driver ended the program in listing the devices"},
      {"echo done", ""},
      {"echo why the loader is bent; echo done", "the loader is bent"},
      {"kill -11 $$", "the driver crashed in listing the devices: signal 11 (Segmentation fault)"},
      {"sleep 9", "the driver did not finish listing the devices within 0.2 s"},
  };
  setenv("CLFLOW_PROBE_SECONDS", "0.2", 1);
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    write_program(ends[i].script);
    if (i == 1) setenv("CLFLOW_PROBE_SECONDS", "1e9", 1); /* longer than anybody waits */
    const clf__verdicts v = probed();
    ck_assert_int_eq(v.known, 1);
    ck_assert_str_eq(v.why, ends[i].why);
    setenv("CLFLOW_PROBE_SECONDS", "0.2", 1);
  }
  /* The exit status of a child that this process does not wait for is unknown. */
  write_program("kill -11 $$");
  signal(SIGCHLD, SIG_IGN);
  const clf__verdicts v = probed();
  signal(SIGCHLD, SIG_DFL);
  ck_assert_str_eq(v.why, "the driver ended the program in listing the devices");
  unsetenv("CLFLOW_PROBE_SECONDS");
}
END_TEST

/* Overlong lines, and meaningless words; the answers of one program to several requests. */
START_TEST(what_it_says) {
  clf__probe p;
  write_program("echo $verb $rest >>asked; case $verb in\n"
                "list) head -c 5000 /dev/zero | tr '\\0' x; echo; echo nonsense; echo;;\n"
                "open) case $rest in *:1/*) echo why $rest is slow;; esac;;\n"
                "all) echo passed gemm 2; echo passed fill 0;;\n"
                "esac; echo done");
  clf__probe_begin(&p, "/simt", 1);
  ck_assert_int_eq(p.v.known, 1);
  ck_assert_str_eq(p.v.why, "");
  verdict_is(&p, "opencl:0/simt", 0, NULL);
  ck_assert_str_eq(p.opened, "opencl:0/simt");
  verdict_is(&p, "opencl:1/simt", 0, "opencl:1/simt is slow");
  ck_assert_ptr_null(p.prober); /* after an error it is restarted */
  verdict_is(&p, "opencl:2/simt", 1, NULL);
  ck_assert_str_eq(clf__prober_passed(p.prober), "gemm 2\nfill 0\n");
  ck_assert_str_eq(clf__verdicts_of(&p.v, "opencl:1/simt"), "opencl:1/simt is slow");
  ck_assert_str_eq(clf__verdicts_of(&p.v, "opencl:2/simt"), "");
  ck_assert_ptr_null(clf__verdicts_of(&p.v, "opencl:2"));
  clf__probe_end(&p);
  char *asked = read_file("asked", NULL);
  ck_assert_str_eq(asked,
                   "list\nopen opencl:0/simt\nopen opencl:1/simt\nopen opencl:2/simt\nall\n");
  free(asked);
  ck_assert_int_eq(unlink("asked"), 0);
}
END_TEST

/* More devices than can be saved. */
START_TEST(many_devices) {
  clf__probe p;
  write_program("case $rest in *:3?) echo why $rest is slow;; esac; echo done");
  clf__probe_begin(&p, "", 1);
  for (int i = 0; i < CLF_PROBED; i++) {
    char name[32];
    snprintf(name, sizeof name, "opencl:%d", i);
    clf__probe_device(&p, name, 0);
  }
  ck_assert_int_eq(p.v.count, CLF_PROBED);
  ck_assert_str_eq(clf__verdicts_of(&p.v, "opencl:31"), "opencl:31 is slow");
  clf__verdicts_set(&p.v, "opencl:32", "one too many");
  ck_assert_int_eq(p.v.count, CLF_PROBED);
  ck_assert_ptr_null(clf__verdicts_of(&p.v, "opencl:32"));
  clf__probe_end(&p);
}
END_TEST

/* Findings are requested once, in this process and in later ones; new ones are added. */
START_TEST(what_is_remembered) {
  clf__probe p;
  write_program("echo $verb $rest >>asked\n"
                "case $rest in *:1) kill -11 $$;; esac; echo done");
  setenv("CLFLOW_CACHE_DIR", here("remembered"), 1);
  static const char crash[] = "the driver crashed in its self-test: signal 11 (Segmentation fault)";
  for (int round = 0; round < 2; round++) {
    clf__probe_begin(&p, "", 0);
    ck_assert_int_eq(p.v.recalled, round);
    verdict_is(&p, "opencl:0", 0, NULL);
    verdict_is(&p, "opencl:1", 0, crash);
    if (round) verdict_is(&p, "opencl:2", 0, NULL);
    clf__probe_end(&p);
  }
  clf__probe_begin(&p, "", 0);
  verdict_is(&p, "opencl:2", 0, NULL);
  clf__probe_end(&p);
  char *asked = read_file("asked", NULL);
  ck_assert_str_eq(asked, "list\nopen opencl:0\nopen opencl:1\nopen opencl:2\n");
  free(asked);
  /* When everything is requested, it is tested again. */
  write_program("echo done");
  clf__probe_begin(&p, "", 1);
  verdict_is(&p, "opencl:1", 1, NULL);
  clf__probe_end(&p);
  clf__probe_begin(&p, "", 0);
  verdict_is(&p, "opencl:1", 0, NULL);
  clf__probe_end(&p);
  ck_assert_int_eq(unlink("asked"), 0);
}
END_TEST

/* If a user stops the work, or the system is short of memory, the program ends too: that says
 * nothing about the driver, and nothing is saved. */
START_TEST(ended_by_somebody) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGKILL};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    clf__probe p;
    char script[128];
    snprintf(script, sizeof script,
             "echo $verb >>asked; case $verb in open) kill -%d $$;; esac; echo done", numbers[i]);
    write_program(script);
    setenv("CLFLOW_CACHE_DIR", here("ended"), 1);
    clf__probe_begin(&p, "", 0);
    verdict_is(&p, "opencl:0", 0, NULL);
    ck_assert_ptr_null(clf__verdicts_of(&p.v, "opencl:0"));
    clf__probe_end(&p);
    clf__probe_begin(&p, "", 0);
    ck_assert_ptr_null(clf__verdicts_of(&p.v, "opencl:0"));
    clf__probe_end(&p);
    char *asked = read_file("asked", NULL);
    ck_assert_str_eq(asked, i ? "open\nopen\n" : "list\nopen\nopen\n"); /* twice each */
    free(asked);
    ck_assert_int_eq(unlink("asked"), 0);
  }
}
END_TEST

/* It ends between two requests: writing to it is no error of this process. */
START_TEST(ends_unasked) {
  char why[CLF_PROBE_WHY];
  write_program("echo done; exit");
  clf__prober *p = clf__prober_start();
  ck_assert_ptr_nonnull(p);
  ck_assert_int_eq(clf__prober_ask(p, "list", "listing", why), CLF_PROBE_PASSED);
  usleep(200000);
  ck_assert_int_eq(clf__prober_ask(p, "all", "its self-test", why), CLF_PROBE_FAILED);
  ck_assert_str_eq(why, "the driver ended the program in its self-test");
  ck_assert_int_eq(clf__prober_ask(p, "all", "its self-test", why), CLF_PROBE_UNKNOWN);
  clf__prober_end(p);
  clf__prober_end(NULL);
}
END_TEST

/* It is there to list the devices, and then no more: nothing is known of them. */
START_TEST(it_disappears) {
  clf__probe p;
  write_program("rm -f probe; case $verb in open) kill -9 $$;; esac; echo done");
  clf__probe_begin(&p, "", 1);
  ck_assert_int_eq(p.v.known, 1);
  verdict_is(&p, "opencl:0", 0, NULL);
  ck_assert_ptr_null(clf__verdicts_of(&p.v, "opencl:0"));
  clf__probe_end(&p);
}
END_TEST

/* ---- Signals ---------------------------------------------------------------------------------
 */

static volatile sig_atomic_t alarms;
static void on_alarm(int signal) {
  (void)signal;
  alarms++;
}

/* Calls that wait for the program are interrupted every 5 ms: what it says counts all the same, and
 * how it ends. */
START_TEST(signals) {
  const struct sigaction act = {.sa_handler = on_alarm}; /* without SA_RESTART */
  struct sigaction before;
  const struct itimerval often = {{0, 5000}, {0, 5000}}, never = {{0, 0}, {0, 0}};
  ck_assert_int_eq(sigaction(SIGALRM, &act, &before), 0);
  ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
  alarms = 0;
  write_program("sleep 0.2; echo why it took long; sleep 0.1; echo done");
  const clf__verdicts slow = probed();
  const int listening = alarms;
  write_program("exec >&-; sleep 0.2; kill -11 $$"); /* the pipe is closed long before */
  const clf__verdicts crashed = probed();
  const int waiting = alarms - listening;
  ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
  ck_assert_int_eq(sigaction(SIGALRM, &before, NULL), 0);
  ck_assert_msg(listening >= 10 && waiting >= 5, "%d and %d signals", listening, waiting);
  ck_assert_str_eq(slow.why, "it took long");
  ck_assert_str_eq(crashed.why,
                   "the driver crashed in listing the devices: signal 11 (Segmentation fault)");
}
END_TEST

/* The program that goes on saying something is not silent. */
START_TEST(slow_but_sure) {
  setenv("CLFLOW_PROBE_SECONDS", "2", 1);
  write_program("for i in 1 2 3 4; do sleep 0.7; echo passed fill $i; done; echo done");
  const clf__verdicts v = probed();
  unsetenv("CLFLOW_PROBE_SECONDS");
  ck_assert_str_eq(v.why, "");
}
END_TEST

/* ---- What takes long ---------------------------------------------------------------------------
 */

static void gather(const char *sentence, void *context) {
  char *all = context;
  const size_t n = strlen(all);
  snprintf(all + n, 256 - n, "[%s]", sentence);
}

/* Sentences that the program says reach the listener of the process that started it, in order. */
START_TEST(what_takes_long) {
  char all[256] = "";
  clf__probe p;
  write_program("echo say compiling for $verb $rest; echo says; echo saying nothing; echo say; "
                "echo say 'twice, with  blanks'; echo done");
  clf_set_listener(gather, all);
  clf__probe_begin(&p, "", 1);
  verdict_is(&p, "opencl:3", 0, NULL);
  clf__probe_end(&p);
  clf_set_listener(NULL, NULL);
  ck_assert_str_eq(all, "[compiling for list][twice, with  blanks][compiling for open opencl:3]"
                        "[twice, with  blanks]");
}
END_TEST

/* ---- The key ----------------------------------------------------------------------------------
 */

static char *key(void) {
  char *k = clf__verdicts_key("/simt");
  ck_assert_ptr_nonnull(k);
  return k;
}

/* Whether a verdict is another's than of what was so before `change`. */
static int another(void (*change)(void)) {
  char *before = key();
  change();
  char *after = key();
  const int differ = strcmp(before, after) != 0;
  free(before);
  free(after);
  return differ;
}

static void nothing(void) {}
static void new_driver(void) {
  char line[512], here[256];
  ck_assert_ptr_nonnull(getcwd(here, sizeof here));
  snprintf(line, sizeof line, "%s/library\n", here);
  write_bytes("vendors/a.icd", line, strlen(line));
}
static void new_library(void) { write_bytes("library", "1", 1); }
static void newer_library(void) {
  ck_assert_int_eq(utime("library", &(struct utimbuf){12345, 12345}), 0);
}
static void by_name(void) { write_bytes("vendors/b.icd", "libother.so\n", 12); }
static void empty(void) { write_bytes("vendors/c.icd", "", 0); }
static void hidden(void) { write_bytes("vendors/.d.icd", "libhidden.so\n", 13); }
static void a_folder(void) { ck_assert_int_eq(mkdir("vendors/e", 0700), 0); }
static void a_dangling_link(void) { ck_assert_int_eq(symlink("none", "vendors/f.icd"), 0); }
static void one_file(void) { setenv("OCL_ICD_VENDORS", "vendors/b.icd", 1); }
static void no_file(void) { setenv("OCL_ICD_VENDORS", "vendors/none", 1); }
static void no_setting(void) { unsetenv("OCL_ICD_VENDORS"); }
static void empty_setting(void) { setenv("OCL_ICD_VENDORS", "", 1); }

START_TEST(what_a_verdict_depends_on) {
  static void (*const changes[])(void) = {new_driver, new_library,  newer_library, by_name,
                                          empty,      a_folder,     one_file,      no_file,
                                          no_setting, empty_setting};
  const char *had = getenv("OCL_ICD_VENDORS");
  char *before = had ? strdup(had) : NULL;
  ck_assert_int_eq(mkdir("vendors", 0700), 0);
  setenv("OCL_ICD_VENDORS", "vendors", 1);
  ck_assert_int_eq(another(nothing), 0);
  ck_assert_int_eq(another(hidden), 0);
  ck_assert_int_eq(another(a_dangling_link), 0);
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
    ck_assert_msg(another(changes[i]), "change %zu", i);
  no_setting();
  if (before) setenv("OCL_ICD_VENDORS", before, 1);
  free(before);
}
END_TEST

/* Settings beyond all bounds are cut, and the key is a text all the same. */
START_TEST(a_long_setting) {
  enum { LONG = 100000 };
  char *path = strdup(getenv("PATH")), *text = malloc(LONG + 1);
  ck_assert(path && text);
  memset(text, 'x', LONG);
  text[LONG] = 0;
  setenv("PATH", text, 1);
  char *k = key();
  setenv("PATH", path, 1);
  ck_assert_uint_eq(strlen(k), 65535);
  free(k);
  free(path);
  free(text);
}
END_TEST

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--where") == 0) return print_where();
  if (!mkdtemp(folder) || chdir(folder)) return 1;
  Suite *suite = suite_create("verdicts");
  TCase *c = tcase_create("verdicts");
  tcase_set_timeout(c, 60);
  tcase_add_test(c, no_program);
  tcase_add_test(c, only_where_clflow_is);
  tcase_add_test(c, by_its_setting);
  tcase_add_test(c, how_it_ends);
  tcase_add_test(c, what_it_says);
  tcase_add_test(c, signals);
  tcase_add_test(c, slow_but_sure);
  tcase_add_test(c, what_takes_long);
  tcase_add_test(c, many_devices);
  tcase_add_test(c, what_is_remembered);
  tcase_add_test(c, ended_by_somebody);
  tcase_add_test(c, ends_unasked);
  tcase_add_test(c, it_disappears);
  tcase_add_test(c, what_a_verdict_depends_on);
  tcase_add_test(c, a_long_setting);
  suite_add_tcase(suite, c);
  const int failed = suite_run(suite);
  if (chdir("/")) return 1;
  suite_remove(folder);
  return failed;
}
