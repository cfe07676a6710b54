/* SPDX-License-Identifier: MIT */
/* threads.h: shared by the tests of groups: runs a function on each member, in threads. */
#ifndef CLF_TEST_GROUP_THREADS_H
#define CLF_TEST_GROUP_THREADS_H
#include "clflow/group.h"

enum { GROUP_MOST = 17 };

/* The result of the function on each member, and its message. */
typedef struct outcomes {
  clf_status status[GROUP_MOST];
  char why[GROUP_MOST][1024];
} outcomes;

/* Runs `work` on each member of a group of n threads; a member leaves the group when it returns. */
outcomes run_group(int32_t n, clf_status (*work)(clf_group *g, void *context), void *context);

double now_seconds(void);
void nap(double seconds);

#endif
