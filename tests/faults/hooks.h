/* SPDX-License-Identifier: MIT */
/* hooks.h: the n-th allocation, or the n-th system call on files, fails.  The linker puts the
 * functions of hooks.c in the place of the C library's (--wrap), for the code of clflow alone. */
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
  FAULT_SIGNALS = -4 /* whatever n: every other read() and write() fails with EINTR */
};

extern fault_hook fault_memory, fault_files;

/* What would be lost if the machine failed, or leaks into programs that are started: of all calls
 * since fault_watch(), the first that is wrong, or NULL.
 *   - a file took another's name before fsync() of what was written to it
 *   - the folder in which a file was renamed was not synced afterwards
 *   - a file was opened without O_CLOEXEC */
void fault_watch(void);
const char *fault_unsafe(void);
#endif
