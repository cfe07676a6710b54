/* SPDX-License-Identifier: MIT */
/* prober.c: runs the program clflow-probe.  The program reads requests from its standard input, a
 * line each, and answers on its standard output, line by line:
 *
 *   say SENTENCE   something that takes time
 *   why SENTENCE   what went wrong
 *   passed OP N    algorithm N of an operation was tested
 *   done           the end of the answer; without it, the program crashed */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "clock.h"
#include "probe.h"
#include "status.h"

extern char **environ;

struct clf__prober {
  pid_t pid;
  int to, from; /* our ends of the pipes */
  int its;      /* the end that the program reads from, also open here: then writing is no error
                    after it ended */
  int ended;
  char passed[8192];
};

const char *clf__prober_passed(const clf__prober *p) { return p->passed; }

/* ---- Start and end ------------------------------------------------------------------------ */

/* What a driver prints while it fails is not for the terminal of our caller. */
static int spawn(const char *program, int in, int out, pid_t *pid) {
  posix_spawn_file_actions_t to;
  char *const argv[] = {(char *)(uintptr_t)program, NULL};
  if (posix_spawn_file_actions_init(&to)) return ENOMEM;
  int e = posix_spawn_file_actions_adddup2(&to, in, 0);
  if (!e) e = posix_spawn_file_actions_adddup2(&to, out, 1);
  if (!e) e = posix_spawn_file_actions_addopen(&to, 2, "/dev/null", O_WRONLY, 0);
  if (!e) e = posix_spawn(pid, program, &to, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&to);
  return e;
}

clf__prober *clf__prober_start(void) {
  char program[CLF_PROBE_PATH];
  int in[2], out[2];
  clf__prober *p = clf__probe_program(program) ? calloc(1, sizeof *p) : NULL;
  if (!p || pipe2(in, O_CLOEXEC)) {
    free(p);
    return NULL;
  }
  if (pipe2(out, O_CLOEXEC)) {
    close(in[0]);
    close(in[1]);
    free(p);
    return NULL;
  }
  const int e = spawn(program, in[0], out[1], &p->pid);
  close(out[1]);
  p->its = in[0];
  p->to = in[1];
  p->from = out[0];
  if (!e) return p;
  p->ended = 1;
  clf__prober_end(p);
  return NULL;
}

static int wait_for(clf__prober *p, int *status) {
  pid_t got;
  do got = waitpid(p->pid, status, 0);
  while (got < 0 && errno == EINTR);
  p->ended = 1;
  return got == p->pid;
}

void clf__prober_end(clf__prober *p) {
  int status;
  if (!p) return;
  close(p->to); /* which makes it end, unless it hangs */
  close(p->its);
  close(p->from);
  if (!p->ended) {
    kill(p->pid, SIGKILL);
    wait_for(p, &status);
  }
  free(p);
}

/* ---- Requests -------------------------------------------------------------------------------- */

typedef struct answer {
  clf__prober *of;
  char *why;
  int done;
} answer;

static void take_passed(clf__prober *p, const char *what) {
  const size_t n = strlen(p->passed);
  snprintf(p->passed + n, sizeof p->passed - n, "%s\n", what);
}

static void take_line(answer *a, const char *line) {
  if (strncmp(line, "say ", 4) == 0)
    clf__say("%s", line + 4);
  else if (strncmp(line, "why ", 4) == 0)
    snprintf(a->why, CLF_PROBE_WHY, "%.255s", line + 4);
  else if (strncmp(line, "passed ", 7) == 0)
    take_passed(a->of, line + 7);
  else if (strcmp(line, "done") == 0)
    a->done = 1;
}

/* Seconds of silence after which a driver counts as hanging; compiling takes time. */
static double patience(void) {
  const char *own = getenv("CLFLOW_PROBE_SECONDS");
  const double seconds = own ? strtod(own, NULL) : 0;
  return seconds > 0 && seconds < 1e6 ? seconds : 180;
}

/* Reads lines until the answer is complete or the program closes the pipe; 0 if it was silent for
 * too long.  Each line shows that it is alive. */
static int listen_to(answer *a, int fd) {
  char line[1024];
  size_t have = 0;
  double end = clf__now() + patience();
  while (!a->done) {
    const double left = end - clf__now();
    struct pollfd p = {.fd = fd, .events = POLLIN};
    const int ready = left > 0 ? poll(&p, 1, (int)(left * 1e3) + 1) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return 0;
    char c;
    const ssize_t n = read(fd, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return 1;
    if (c != '\n' && have < sizeof line - 1) {
      line[have++] = c;
    } else if (c == '\n') {
      line[have] = 0;
      have = 0;
      take_line(a, line);
      end = clf__now() + patience();
    }
  }
  return 1;
}

static int send_line(int fd, const char *text) {
  char line[256];
  const int n = snprintf(line, sizeof line, "%s\n", text);
  size_t at = 0;
  while (n > 0 && n < (int)sizeof line && at < (size_t)n) {
    const ssize_t put = write(fd, line + at, (size_t)n - at);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return 0;
    at += (size_t)put;
  }
  return at == (size_t)n;
}

/* Whether somebody ended the program: an impatient user, or a system that is short of memory. */
static int was_ended(int number) {
  return number == SIGINT || number == SIGTERM || number == SIGKILL;
}

/* How a program ended that did not say "done". */
static clf__answer ended_in(clf__prober *p, const char *doing, int answered, char *why) {
  int status = 0;
  if (!answered) kill(p->pid, SIGKILL);
  const int known = wait_for(p, &status);
  if (!answered) {
    snprintf(why, CLF_PROBE_WHY, "the driver did not finish %s within %g s", doing, patience());
  } else if (known && WIFSIGNALED(status)) {
    if (was_ended(WTERMSIG(status))) return CLF_PROBE_UNKNOWN;
    snprintf(why, CLF_PROBE_WHY, "the driver crashed in %s: signal %d (%s)", doing,
             WTERMSIG(status), strsignal(WTERMSIG(status)));
  } else {
    snprintf(why, CLF_PROBE_WHY, "the driver ended the program in %s", doing);
  }
  return CLF_PROBE_FAILED;
}

clf__answer clf__prober_ask(clf__prober *p, const char *request, const char *doing,
                            char why[CLF_PROBE_WHY]) {
  answer a = {.of = p, .why = why};
  *why = 0;
  if (p->ended || !send_line(p->to, request)) return CLF_PROBE_UNKNOWN;
  const int answered = listen_to(&a, p->from);
  if (a.done) return *why ? CLF_PROBE_FAILED : CLF_PROBE_PASSED;
  return ended_in(p, doing, answered, why);
}
