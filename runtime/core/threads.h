/* SPDX-License-Identifier: MIT */
/* threads.h: the pool of threads that loops of cpu share.  One for the process; see
 * docs/design.md, "Threads of cpu". */
#ifndef CLF_THREADS_H
#define CLF_THREADS_H
#include "clflow/core.h"

enum { CLF_THREADS_MAX = 256 };

/* Indices first .. end - 1 of a loop. */
typedef void (*clf__loop)(const void *context, int first, int end);

/* Runs `loop` for the indices 0 .. count - 1, in pieces, on at most `wanted` threads including the
 * calling one, and returns when all of them are done.  Which thread runs which piece differs from
 * call to call, so a result must not depend on it.  Never fails: where no other thread is idle, or
 * none can be started, the calling one runs everything.  Safe from several threads, from within a
 * loop, and in a forked child. */
void clf__threads_run(int count, int wanted, clf__loop loop, const void *context);

/* With `alone` = 1 loops of the calling thread run on it alone, without a look at the pool; returns
 * what it was before.  For work that is shared out in larger pieces than single loops. */
int clf__threads_alone(int alone);
int clf__threads_are_alone(void);

/* EINVAL if the environment variable CLFLOW_THREADS is set to something else than a number of
 * threads. */
clf_status clf__threads_check(void);

/* cores.c: how many cores this process may use: those that exist, that its affinity mask has, and
 * that its control groups grant; at least 1. */
int clf__cores(void);

/* The least that this process's control group and those around it grant, by the files cpu.max below
 * `root`; `list` is its file of groups, as /proc/self/cgroup.  0: no limit, or not Linux.  (Version
 * 2 of control groups; limits of version 1 are not looked for.) */
int clf__cores_of_groups(const char *list, const char *root);

#endif
