/* SPDX-License-Identifier: MIT */
/* zero.c: a net whose outputs are zero, for the map's default parameters. */
#include "net.h"

static clf_status make(clf__net *n, clf__slots *slots, const char *path) {
  (void)n, (void)slots, (void)path;
  return CLF_OK;
}
static clf_status plan(const clf__net *n, int32_t rows, int train, clf_arena *a,
                       clf__net_memory *k) {
  (void)n, (void)rows, (void)train, (void)a, (void)k;
  return CLF_OK;
}
static clf_status forward(const clf__net *n, const clf__pass *p, clf__net_memory *k, clf_tensor x,
                          clf_tensor u) {
  (void)n, (void)k, (void)x;
  return clf_do(p->dev, fill, .y = u, .value = 0);
}
static clf_status backward(const clf__net *n, const clf__pass *p, clf__net_memory *k, clf_tensor x,
                           clf_tensor du, clf_tensor dx) {
  (void)n, (void)k, (void)x, (void)du;
  return dx.buf ? clf_do(p->dev, fill, .y = dx, .value = 0) : CLF_OK;
}

const clf__net_ops clf__net_zero = {.name = "zero",
                                    .make = make,
                                    .plan = plan,
                                    .forward = forward,
                                    .backward = CLF_TRAINS(backward)};
