/* SPDX-License-Identifier: MIT */
/* sys/wait.h: how a child ended. A status is its exit code; after a crash that is the
 * exception's number, such as 0xC0000005. */
#pragma GCC system_header
#ifndef CLF_WINDOWS_WAIT_H
#define CLF_WINDOWS_WAIT_H
#include <signal.h>
#include <sys/types.h>

enum { WNOHANG = 1 };
pid_t waitpid(pid_t pid, int *status, int flags);
int clf__signal_of(int status); /* 0: it ended without a signal */
#define WIFSIGNALED(status) (clf__signal_of(status) != 0)
#define WTERMSIG(status) clf__signal_of(status)
#define WIFEXITED(status) (clf__signal_of(status) == 0)
#define WEXITSTATUS(status) ((status)&0xff)
#endif
