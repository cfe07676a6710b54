/* SPDX-License-Identifier: MIT */
/* signals.c: signals either end the program, after its unfinished files are removed, or ask a
 * training to save and stop. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include <signal.h>
#include <string.h>
#include <time.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <unistd.h>
#endif

/* The signals that end a process if they are not handled, and whether a training treats them as
 * a request. */
static const struct {
  int number, asks; /* asks: the first signal lets a training save */
} signals[] = {
    {SIGINT, 1},  {SIGTERM, 1},
#ifndef _WIN32
    {SIGHUP, 1}, /* the terminal was closed */
    {SIGXCPU, 1}, {SIGQUIT, 0}, {SIGPIPE, 0},   {SIGALRM, 0},
    {SIGUSR1, 0}, {SIGUSR2, 0}, {SIGVTALRM, 0}, {SIGPROF, 0},
#endif
};
enum { SIGNALS = sizeof signals / sizeof *signals };

static void end_by(int number) {
  clf_discard_unfinished();
  signal(number, SIG_DFL);
  raise(number); /* with the exit code of a program that handles no signals */
}

/* A signal that was ignored at the start (by nohup, for example) stays ignored. */
static void handle(int number, void (*handler)(int)) {
  struct sigaction action, before;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
    sigaction(number, &action, NULL);
}

void cli_signals_begin(void) {
#ifdef SIGXFSZ
  signal(SIGXFSZ, SIG_IGN); /* write() then fails because the file would be too large */
#endif
  for (int i = 0; i < SIGNALS; i++) handle(signals[i].number, end_by);
}

/* ---- A training ------------------------------------------------------------------- */

volatile sig_atomic_t cli_stop_wanted;
static struct timespec asked;

/* `timeout` and terminals send a signal both to the process and to its group, so a second signal
 * at the same moment is the same request. A later one ends the program, for users who do not
 * want to wait. SIGHUP does not: both the kernel and the shell send it, at different times. */
static void ask(int number) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (!cli_stop_wanted) {
    cli_stop_wanted = 1;
    asked = now;
    return;
  }
  const double since =
      (double)(now.tv_sec - asked.tv_sec) + 1e-9 * (double)(now.tv_nsec - asked.tv_nsec);
  if ((number == SIGINT || number == SIGTERM) && since > 0.3) end_by(number);
}

void cli_signals_follow(int64_t parent) {
#ifdef __linux__
  if (!parent) return;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != (pid_t)parent) raise(SIGTERM); /* it ended before the call */
#else
  (void)parent;
#endif
}

void cli_signals_ask(void) {
  for (int i = 0; i < SIGNALS; i++)
    if (signals[i].asks) handle(signals[i].number, ask);
}
