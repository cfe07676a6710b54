/* SPDX-License-Identifier: MIT */
/* test_verdicts.c: the program that tests drivers, replaced by a script that answers as no
 * driver would; and the keys of saved verdicts.  More tests are in verdicts/. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include "status.h"
#include "verdicts/folder.h"

/* The verdicts of a probe that only lists the devices. */
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

/* ---- What it says --------------------------------------------------------------------------- */

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

/* Overlong lines and unknown words are ignored; one program answers several requests. */
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

/* Each verdict is requested once, by this process or a later one; new verdicts are added. */
START_TEST(verdicts_are_saved) {
  clf__probe p;
  write_program("echo $verb $rest >>asked\n"
                "case $rest in *:1) kill -11 $$;; esac; echo done");
  setenv("CLFLOW_CACHE_DIR", here("saved"), 1);
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
  /* A request for all tests does not use saved verdicts. */
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

/* A user or the system may kill the program: that says nothing about the driver, and nothing is
 * saved. */
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

/* The program ends between two requests: writing to it does not end this process. */
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

/* The program is deleted after it listed the devices: nothing is known about them. */
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

/* ---- Signals --------------------------------------------------------------------------------- */

static volatile sig_atomic_t alarms;
static void on_alarm(int signal) {
  (void)signal;
  alarms++;
}

/* Calls that wait for the program are interrupted every 5 ms; its answers and its end are still
 * noticed. */
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

/* The time limit starts again with each answer. */
START_TEST(slow_but_sure) {
  setenv("CLFLOW_PROBE_SECONDS", "2", 1);
  write_program("for i in 1 2 3 4; do sleep 0.7; echo passed fill $i; done; echo done");
  const clf__verdicts v = probed();
  unsetenv("CLFLOW_PROBE_SECONDS");
  ck_assert_str_eq(v.why, "");
}
END_TEST

/* ---- What takes long ------------------------------------------------------------------------- */

static void gather(const char *sentence, void *context) {
  char *all = context;
  const size_t n = strlen(all);
  snprintf(all + n, 256 - n, "[%s]", sentence);
}

/* Sentences of the program reach the listener of the process that started it, in order. */
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

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--where") == 0) return print_where();
  if (!mkdtemp(folder) || chdir(folder)) return 1;
  Suite *suite = suite_create("verdicts");
  TCase *c = tcase_create("verdicts");
  tcase_set_timeout(c, 60);
  tcase_add_test(c, no_program);
  tcase_add_test(c, how_it_ends);
  tcase_add_test(c, what_it_says);
  tcase_add_test(c, signals);
  tcase_add_test(c, slow_but_sure);
  tcase_add_test(c, what_takes_long);
  tcase_add_test(c, many_devices);
  tcase_add_test(c, verdicts_are_saved);
  tcase_add_test(c, ended_by_somebody);
  tcase_add_test(c, ends_unasked);
  tcase_add_test(c, it_disappears);
  tests_of_finding(c);
  tests_of_key(c);
  suite_add_tcase(suite, c);
  const int failed = suite_run(suite);
  if (chdir("/")) return 1;
  suite_remove(folder);
  return failed;
}
