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
enum { FAULT_SHORT = -1, FAULT_KILL = -2, FAULT_KILL_AFTER = -3 }; /* half is done; SIGKILL */

extern fault_hook fault_memory, fault_files;
#endif
