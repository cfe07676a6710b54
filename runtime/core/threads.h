/* SPDX-License-Identifier: MIT */
/* threads.h: the pool of threads for loops of cpu.  One per process; see docs/design.md,
 * "Threads of cpu". */
#ifndef CLF_THREADS_H
#define CLF_THREADS_H
#include "clflow/core.h"

enum { CLF_THREADS_MAX = 256 };

/* Computes indices first .. end - 1 of a loop. */
typedef void (*clf__loop)(const void *context, int first, int end);

/* Runs `loop` for the indices 0 .. count - 1 in pieces, on at most `wanted` threads including
 * the calling one, and returns when all are done.  Which thread runs which piece varies, so
 * results must not depend on it.  Never fails: if no other thread is idle or can be started, the
 * calling thread runs everything.  Safe in several threads, inside a loop, and in a forked
 * child. */
void clf__threads_run(int count, int wanted, clf__loop loop, const void *context);

/* With `alone` = 1 the calling thread runs its loops itself, without the pool; returns the
 * previous setting.  For work that is distributed in larger pieces than single loops. */
int clf__threads_alone(int alone);
int clf__threads_are_alone(void);

/* EINVAL if the environment variable CLFLOW_THREADS is set but not a valid number of threads. */
clf_status clf__threads_check(void);

/* cores.c: the number of cores available to this process: that exist, are in its affinity mask,
 * and are granted by its control groups; at least 1. */
int clf__cores(void);

/* The smallest limit of this process's control group and its parents, from the files cpu.max
 * below `root`; `list` is its list of groups, as /proc/self/cgroup.  0: no limit, or not Linux.
 * (Control groups version 2 only.) */
int clf__cores_of_groups(const char *list, const char *root);

#endif
