/* SPDX-License-Identifier: MIT */
/* members.c: rows that the devices of --devices compute together: each computes its share of what
 * the main thread asks for. */
#define _POSIX_C_SOURCE 200809L
#include "members.h"
#include "cli.h"
#include "member_threads.h"
#include "ranks.h"
#include <stdlib.h>

/* What the main thread asks for; all threads see its memory. */
typedef struct task {
  int64_t n;
  int32_t width;
  cli_rows_fn work; /* NULL: nothing more */
  const void *context;
  double *out;
} task;

static struct {
  clf_group *g; /* of the main thread, rank 0; NULL: no threads run */
  clf_flow *flow;
  void *model;
  cli_member_threads threads;
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

static void serve(clf_flow *flow, clf_group *g, void *own) {
  const task *t = NULL;
  (void)own;
  while (clf_group_broadcast(g, 0, &t, sizeof t) == CLF_OK && t->work)
    if (clf_group_agree(g, compute_own(flow, g, t)) != CLF_OK) return;
}

static clf_status start(clf_flow *flow) {
  static const cli_member_work work = {.run = serve};
  const char *failed; /* all members agree below, which fails where one is missing */
  CLF_TRY(clf_flow_save_memory(flow, &all.model, &all.threads.size));
  all.threads.model = all.model;
  all.threads.work = &work;
  CLF_TRY(cli_member_threads_start(&all.threads, &cli_common.devices, &all.g, &failed));
  all.flow = flow;
  return clf_group_agree(all.g, CLF_OK);
}

void cli_members_end(void) {
  const task nothing = {0}, *t = &nothing;
  if (all.g) clf_group_broadcast(all.g, 0, &t, sizeof t);
  clf_group_free(all.g);
  cli_member_threads_join(&all.threads);
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
