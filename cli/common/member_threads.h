/* SPDX-License-Identifier: MIT */
/* member_threads.h: a thread for each device of --devices but the first, which is a member of a
 * group and has a flow of its own.  Private to cli/. */
#ifndef CLI_MEMBER_THREADS_H
#define CLI_MEMBER_THREADS_H
#include "clflow/clflow.h"
#include "options.h"
#include <pthread.h>

/* What a member's thread does with its flow.  All members, the main thread included, first agree
 * (clf_group_agree) that `make` worked on each of them. */
typedef struct cli_member_work {
  clf_status (*make)(clf_flow *flow, clf_group *g, void **own); /* (optional) */
  void (*run)(clf_flow *flow, clf_group *g, void *own);
  void (*unmake)(void *own); /* (optional) also after a failed make; own may be NULL */
} cli_member_work;

typedef struct cli_member_threads {
  const cli_member_work *work;
  const void *model; /* a model file in memory, which each member reads */
  size_t size;
  int count; /* of members, the main thread included */
  struct cli_member_thread {
    const struct cli_member_threads *all;
    clf_group *g;
    const char *device;
    pthread_t thread;
    int started;
  } at[CLI_TEXTS_MOST];
} cli_member_threads;

/* Starts the threads of devices 1, 2, ...; t->work, t->model and t->size are set.  *g: the main
 * thread's member, rank 0, which the caller frees before it joins the threads.  *failed: the device
 * for which no thread could be started, or NULL; whoever waits for it hears that it left. */
clf_status cli_member_threads_start(cli_member_threads *t, const cli_texts *devices, clf_group **g,
                                    const char **failed);
void cli_member_threads_join(cli_member_threads *t);

#endif
