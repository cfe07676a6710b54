/* SPDX-License-Identifier: MIT */
/* threads.c: see threads.h. */
#define _POSIX_C_SOURCE 200809L
#include "threads.h"
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include "suite.h"

typedef struct member {
  clf_group *g;
  clf_status (*work)(clf_group *g, void *context);
  void *context;
  clf_status status;
  char why[1024];
} member;

static void *run(void *context) {
  member *m = context;
  m->status = m->work(m->g, m->context);
  if (m->status) snprintf(m->why, sizeof m->why, "%s", clf_errmsg()); /* of this thread */
  clf_group_free(m->g);
  return NULL;
}

outcomes run_group(int32_t n, clf_status (*work)(clf_group *g, void *context), void *context) {
  static outcomes all;
  clf_group *g[GROUP_MOST];
  member m[GROUP_MOST];
  pthread_t thread[GROUP_MOST];
  ck_assert_int_le(n, GROUP_MOST);
  WORKS(clf_group_threads(n, g));
  for (int32_t r = 0; r < n; r++) {
    m[r] = (member){.g = g[r], .work = work, .context = context};
    ck_assert_int_eq(pthread_create(&thread[r], NULL, run, &m[r]), 0);
  }
  for (int32_t r = 0; r < n; r++) {
    pthread_join(thread[r], NULL);
    all.status[r] = m[r].status;
    snprintf(all.why[r], sizeof all.why[r], "%s", m[r].why);
  }
  return all;
}

double now_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void nap(double seconds) {
  const struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  nanosleep(&t, NULL);
}
