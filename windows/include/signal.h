/* SPDX-License-Identifier: MIT */
/* signal.h: Ctrl-C arrives as SIGINT; the only signal to another process is its end. */
#pragma GCC system_header
#include_next <signal.h>
#ifndef CLF_WINDOWS_SIGNAL_H
#define CLF_WINDOWS_SIGNAL_H
#include <sys/types.h>

#ifndef _POSIX
typedef _sigset_t sigset_t;
#endif
#undef SIGKILL
enum { SIGKILL = 9, SIG_SETMASK = 2, SA_RESTART = 1 };
int kill(pid_t pid, int number); /* 0: queries whether the process exists; other numbers end it */

struct sigaction {
  void (*sa_handler)(int);
  sigset_t sa_mask;
  int sa_flags;
};
int sigaction(int number, const struct sigaction *action, struct sigaction *before);

/* Only the thread that Windows creates for signals receives them. */
static inline int sigemptyset(sigset_t *set) { return (*set = 0) != 0; }
static inline int sigfillset(sigset_t *set) { return (*set = ~(sigset_t)0) == 0; }
static inline int sigaddset(sigset_t *set, int number) {
  return (*set |= (sigset_t)1 << number) == 0;
}
#undef pthread_sigmask
static inline int pthread_sigmask(int how, const sigset_t *set, sigset_t *before) {
  return (void)how, (void)set, *(before ? before : &(sigset_t){0}) = 0, 0;
}
#endif
