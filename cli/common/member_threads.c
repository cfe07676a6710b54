/* SPDX-License-Identifier: MIT */
/* member_threads.c: see member_threads.h. */
#define _POSIX_C_SOURCE 200809L
#include "member_threads.h"

static void *be_member(void *context) {
  const struct cli_member_thread *m = context;
  const cli_member_threads *t = m->all;
  clf_device *dev = NULL;
  clf_flow *flow = NULL;
  void *own = NULL;
  clf_status s = clf_open(m->device, &dev);
  if (!s) s = clf_flow_load_memory(dev, t->model, t->size, NULL, &flow);
  if (!s && t->work->make) s = t->work->make(flow, m->g, &own);
  if (clf_group_agree(m->g, s) == CLF_OK) t->work->run(flow, m->g, own);
  if (t->work->unmake) t->work->unmake(own);
  clf_flow_free(flow);
  clf_close(dev);
  clf_group_free(m->g);
  return NULL;
}

clf_status cli_member_threads_start(cli_member_threads *t, const cli_texts *devices, clf_group **g,
                                    const char **failed) {
  clf_group *members[CLI_TEXTS_MOST];
  const clf_status s = clf_group_threads(devices->count, members);
  *failed = NULL;
  if (s != CLF_OK) return s;
  *g = members[0];
  t->count = devices->count;
  for (int r = 1; r < t->count; r++) {
    struct cli_member_thread *m = &t->at[r];
    m->all = t;
    m->g = members[r];
    m->device = devices->at[r];
    m->started = !*failed && pthread_create(&m->thread, NULL, be_member, m) == 0;
    if (m->started) continue;
    if (!*failed) *failed = m->device;
    clf_group_free(m->g);
  }
  return CLF_OK;
}

void cli_member_threads_join(cli_member_threads *t) {
  for (int r = 1; r < t->count; r++)
    if (t->at[r].started) pthread_join(t->at[r].thread, NULL);
  t->count = 0;
}
