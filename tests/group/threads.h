/* SPDX-License-Identifier: MIT */
/* threads.h: what tests of groups share: the same function on each member, in threads. */
#ifndef CLF_TEST_GROUP_THREADS_H
#define CLF_TEST_GROUP_THREADS_H
#include "clflow/group.h"

enum { GROUP_MOST = 17 };

/* What the function returned on each member, and the message. */
typedef struct outcomes {
  clf_status status[GROUP_MOST];
  char why[GROUP_MOST][1024];
} outcomes;

/* Runs `work` on each member of a group of n threads, which leaves the group as it returns. */
outcomes run_group(int32_t n, clf_status (*work)(clf_group *g, void *context), void *context);

double now_seconds(void);
void nap(double seconds);

#endif
