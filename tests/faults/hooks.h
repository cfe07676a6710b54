/* SPDX-License-Identifier: MIT */
/* hooks.h: makes the n-th allocation, or the n-th system call on files, fail. The linker replaces
 * functions of the C library with those of hooks.c (--wrap), for the code of clflow alone. */
#ifndef CLF_FAULT_HOOKS_H
#define CLF_FAULT_HOOKS_H

typedef struct fault_hook {
  long n;           /* counted from 1; 0: none fails */
  int from_then_on; /* that one and all after it */
  int what;         /* of a file: the errno it fails with, or one of these */
  long calls;       /* so far, since they were set to 0 */
} fault_hook;
enum {
  FAULT_SHORT = -1, /* half is done */
  FAULT_KILL = -2,  /* SIGKILL */
  FAULT_KILL_AFTER = -3,
  FAULT_SIGNALS = -4 /* independent of n: every other read() and write() fails with EINTR */
};

extern fault_hook fault_memory, fault_files;
/* 1: allocations of this thread do not fail, and are not counted. */
extern _Thread_local int fault_spares;

/* Returns the first call since fault_watch() that could lose data if the machine failed, or that
 * leaks a file to child processes; or NULL. It is an error if
 *   - a file is renamed before an fsync() of its contents,
 *   - the folder of a renamed file is not synced afterwards,
 *   - a file is opened without O_CLOEXEC. */
void fault_watch(void);
const char *fault_unsafe(void);
#endif
