/* SPDX-License-Identifier: MIT */
/* members.c: a thread for each device of --devices but the first, with the model on it, which
 * computes its share of what the main thread asks for. */
#define _POSIX_C_SOURCE 200809L
#include "members.h"
#include "cli.h"
#include "ranks.h"
#include <pthread.h>
#include <stdlib.h>

/* What the main thread asks for; all threads see its memory. */
typedef struct task {
  int64_t n;
  int32_t width;
  cli_rows_fn work; /* NULL: nothing more */
  const void *context;
  double *out;
} task;

typedef struct helper {
  clf_group *g;
  const char *device;
  pthread_t thread;
  int started;
} helper;

static struct {
  clf_group *g; /* of the main thread, rank 0; NULL: no threads run */
  clf_flow *flow;
  helper other[CLI_TEXTS_MOST];
  void *model;
  size_t size;
} all;

int cli_members_check(void) {
  if (!cli_common.devices.count) return CLI_OK;
  if (cli_common.device) return cli_usage("--device and --devices exclude each other");
  cli_common.device = cli_common.devices.at[0];
  return CLI_OK;
}

/* ---- Shares --------------------------------------------------------------------------------- */

static clf_status compute_own(clf_flow *flow, const clf_group *g, const task *t) {
  const int32_t rank = clf_group_rank(g), size = clf_group_size(g);
  const int64_t chunk = clf_flow_chunk(flow);
  const int64_t begin = cli_rows_begin(t->n, chunk, rank, size),
                end = cli_rows_begin(t->n, chunk, rank + 1, size);
  if (begin == end) return CLF_OK;
  return t->work(flow, t->context, begin, end - begin, t->out + begin * t->width);
}

/* ---- Threads -------------------------------------------------------------------------------- */

static void serve(const helper *h, clf_flow *flow) {
  const task *t = NULL;
  while (clf_group_broadcast(h->g, 0, &t, sizeof t) == CLF_OK && t->work)
    if (clf_group_agree(h->g, compute_own(flow, h->g, t)) != CLF_OK) return;
}

static void *help(void *context) {
  const helper *h = context;
  clf_device *dev = NULL;
  clf_flow *flow = NULL;
  clf_status s = clf_open(h->device, &dev);
  if (!s) s = clf_flow_load_memory(dev, all.model, all.size, NULL, &flow);
  if (clf_group_agree(h->g, s) == CLF_OK) serve(h, flow);
  clf_flow_free(flow);
  clf_close(dev);
  clf_group_free(h->g);
  return NULL;
}

static clf_status start(clf_flow *flow) {
  const int n = cli_common.devices.count;
  clf_group *members[CLI_TEXTS_MOST];
  CLF_TRY(clf_flow_save_memory(flow, &all.model, &all.size));
  CLF_TRY(clf_group_threads(n, members));
  all.g = members[0];
  all.flow = flow;
  for (int r = 1; r < n; r++) {
    helper *h = &all.other[r];
    *h = (helper){.g = members[r], .device = cli_common.devices.at[r]};
    h->started = pthread_create(&h->thread, NULL, help, h) == 0;
    if (!h->started) clf_group_free(h->g); /* whoever waits for it hears that it left */
  }
  return clf_group_agree(all.g, CLF_OK);
}

void cli_members_end(void) {
  const task nothing = {0}, *t = &nothing;
  if (all.g) clf_group_broadcast(all.g, 0, &t, sizeof t);
  clf_group_free(all.g);
  for (int r = 1; r < CLI_TEXTS_MOST; r++) {
    if (all.other[r].started) pthread_join(all.other[r].thread, NULL);
    all.other[r].started = 0;
  }
  free(all.model);
  all.model = NULL;
  all.g = NULL;
  all.flow = NULL;
}

static clf_status by_threads(clf_flow *flow, const task *t) {
  if (all.flow != flow) {
    cli_members_end();
    CLF_TRY(start(flow));
  }
  CLF_TRY(clf_group_broadcast(all.g, 0, &t, sizeof t));
  return clf_group_agree(all.g, compute_own(flow, all.g, t));
}

clf_status cli_members_compute(clf_flow *flow, int64_t n, int32_t width, cli_rows_fn work,
                               const void *context, double *out) {
  const task t = {n, width, work, context, out};
  if (cli_common.devices.count > 1) return by_threads(flow, &t);
  return work(flow, context, 0, n, out);
}
