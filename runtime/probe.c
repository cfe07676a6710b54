/* SPDX-License-Identifier: MIT */
/* probe.c: the program clflow-probe is started once to list the devices, and once for the
 * self-test of each.  It tells on its standard output, line by line:
 *
 *   device NAME     one that is there
 *   say SENTENCE    what takes long
 *   why SENTENCE    what went wrong
 *   done            the end; without it, it crashed
 *
 * What was found out is kept (verdicts.c). */
#define _GNU_SOURCE
#include "probe.h"
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
#include "memory_limit.h"
#include "status.h"

extern char **environ;

/* ---- One run of it ------------------------------------------------------------------------ */

typedef struct run {
  clf__verdicts *devices; /* lines `device` go here; may be NULL */
  const char *name;       /* of the device under test, or NULL */
  char why[256];
  int done;
} run;

static void take_line(run *r, char *line) {
  clf__verdicts *v = r->devices;
  if (strncmp(line, "say ", 4) == 0)
    clf__say("%s", line + 4);
  else if (strncmp(line, "why ", 4) == 0)
    snprintf(r->why, sizeof r->why, "%.255s", line + 4);
  else if (strcmp(line, "done") == 0)
    r->done = 1;
  else if (strncmp(line, "device ", 7) == 0 && v && v->count < CLF_PROBED)
    snprintf(v->at[v->count++].name, sizeof v->at[0].name, "%.79s", line + 7);
}

/* Seconds until a silent driver counts as hanging; compiling all kernels takes its time. */
static double patience(void) {
  const char *own = getenv("CLFLOW_PROBE_SECONDS");
  const double seconds = own ? strtod(own, NULL) : 0;
  return seconds > 0 && seconds < 1e6 ? seconds : 180;
}

/* Takes lines until the child closes the pipe; 0 when it was silent for too long. */
static int listen_to(run *r, int fd) {
  char line[1024];
  size_t have = 0;
  const double end = clf__now() + patience();
  for (;;) {
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
      take_line(r, line);
    }
  }
}

/* Its standard output is the pipe; what a driver prints on its way down is not for our
 * caller's terminal. */
static int start(const char *program, const char *name, int out, pid_t *pid) {
  posix_spawn_file_actions_t to;
  char *const argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)(name ? name : "list"),
                        NULL};
  if (posix_spawn_file_actions_init(&to)) return ENOMEM;
  int e = posix_spawn_file_actions_adddup2(&to, out, 1);
  if (!e) e = posix_spawn_file_actions_addopen(&to, 2, "/dev/null", O_WRONLY, 0);
  if (!e) e = posix_spawn_file_actions_addopen(&to, 0, "/dev/null", O_RDONLY, 0);
  if (!e) e = posix_spawn(pid, program, &to, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&to);
  return e;
}

/* How a child ended that did not say "done". */
static void tell_end(run *r, int answered, int status, int known) {
  const char *what = r->name ? "its self-test" : "listing the devices";
  if (!answered)
    snprintf(r->why, sizeof r->why, "the driver did not finish %s within %g s", what, patience());
  else if (known && WIFSIGNALED(status))
    snprintf(r->why, sizeof r->why, "the driver crashed in %s: signal %d (%s)", what,
             WTERMSIG(status), strsignal(WTERMSIG(status)));
  else
    snprintf(r->why, sizeof r->why, "the driver ended the program in %s", what);
}

/* 0 when the program cannot be started at all. */
static int run_program(const char *program, run *r) {
  int pipe_[2], status = 0;
  pid_t pid;
  if (pipe2(pipe_, O_CLOEXEC)) return 0;
  const int e = start(program, r->name, pipe_[1], &pid);
  close(pipe_[1]);
  if (e) {
    close(pipe_[0]);
    return 0;
  }
  const int answered = listen_to(r, pipe_[0]);
  close(pipe_[0]);
  if (!answered) kill(pid, SIGKILL);
  pid_t got;
  do got = waitpid(pid, &status, 0);
  while (got < 0 && errno == EINTR);
  if (!r->done) tell_end(r, answered, status, got == pid);
  return 1;
}

static void probe_now(clf__probe_what what, const char *program, const char *family,
                      clf__verdicts *v) {
  run list = {.devices = v};
  v->known = run_program(program, &list);
  memcpy(v->why, list.why, sizeof v->why);
  for (int i = 0; i < v->count && what != CLF_PROBE_LIST; i++) {
    const size_t n = strlen(v->at[i].name);
    snprintf(v->at[i].name + n, sizeof v->at[i].name - n, "%s", family);
    run test = {.name = v->at[i].name};
    if (!run_program(program, &test)) v->known = 0;
    memcpy(v->at[i].why, test.why, sizeof test.why);
  }
}

/* ---- All of it ----------------------------------------------------------------------- */

void clf__probe(clf__probe_what what, const char *family, clf__verdicts *out) {
  char program[CLF_PROBE_PATH];
  *out = (clf__verdicts){0};
  if (clf__limit_allows_drivers()) {
    out->known = 1;
    snprintf(out->why, sizeof out->why, "%s", clf_errmsg());
    return;
  }
  if (!clf__probe_program(program)) return;
  char *key = what == CLF_PROBE_LIST ? NULL : clf__verdicts_key(family);
  if (key && what == CLF_PROBE_RECALL) clf__verdicts_recall(key, out);
  if (!out->known) {
    probe_now(what, program, family, out);
    if (key && out->known) clf__verdicts_remember(key, out);
  }
  free(key);
}

const char *clf__probe_why(const clf__verdicts *v, const char *name) {
  for (int i = 0; i < v->count; i++)
    if (strcmp(v->at[i].name, name) == 0) return *v->at[i].why ? v->at[i].why : NULL;
  return NULL;
}
