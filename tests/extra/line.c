/* SPDX-License-Identifier: MIT */
/* line.c: u = W x + b: the net of docs/extend/net.md. */
#include <math.h>
#include <stdlib.h>
#include "net.h"

typedef struct line {
  clf__slot weight, bias; /* (out, in), (out) */
} line;

static const line *own_of(const clf__net *n) { return n->own; }

static clf_status make(clf__net *n, clf__slots *slots, const char *path) {
  const int32_t shape[2] = {n->out, n->in};
  const double spread = 1 / sqrt(n->in);
  if (n->context) return clf__fail(CLF_EINVAL, "line: it does not read the context; use mlp");
  line *o = n->own = calloc(1, sizeof *o);
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for a net");
  clf__slots_add(slots, &o->weight, CLF_PLAIN, 0, spread, 2, shape, "%s.weight", path);
  clf__slots_add(slots, &o->bias, CLF_PLAIN, 0, spread, 1, &n->out, "%s.bias", path);
  return CLF_OK;
}
static void unmake(clf__net *n) {
  free(n->own);
  n->own = NULL;
}

/* Output i starts around u[i mod count]. */
static void shift(const clf__net *n, const double *u, int32_t count, double *w) {
  for (int32_t i = 0; i < n->out; i++) w[own_of(n)->bias.at + i] += u[i % count];
}

static clf_status plan(const clf__net *n, int32_t rows, int train, clf_arena *a,
                       clf__net_memory *k) {
  (void)n, (void)rows, (void)train, (void)a, (void)k; /* backward reads x, which the layer stores */
  return CLF_OK;
}

static clf_status forward(const clf__net *n, const clf__pass *p, clf__net_memory *k, clf_tensor x,
                          clf_tensor u) {
  (void)k;
  return clf_do(p->dev, gemm, .a = x, .b = clf__weight(p, &own_of(n)->weight), .tb = 1,
                .bias = clf__weight(p, &own_of(n)->bias), .c = u, .alpha = 1);
}

static clf_status add_gradients(const line *o, const clf__pass *p, clf_tensor x, clf_tensor du) {
  if (!p->gradients.w.buf) return CLF_OK;
  CLF_TRY(clf_do(p->dev, gemm, .a = du, .ta = 1, .b = x, .c = clf__gradient(p, &o->weight),
                 .alpha = 1, .beta = 1));
  return clf_do(p->dev, sum_rows, .x = du, .y = clf__gradient(p, &o->bias), .beta = 1);
}

static clf_status backward(const clf__net *n, const clf__pass *p, clf__net_memory *k, clf_tensor x,
                           clf_tensor du, clf_tensor dx) {
  (void)k;
  CLF_TRY(add_gradients(own_of(n), p, x, du));
  if (!dx.buf) return CLF_OK;
  return clf_do(p->dev, gemm, .a = du, .b = clf__weight(p, &own_of(n)->weight), .c = dx,
                .alpha = 1);
}

const clf__net_ops clf__net_line = {.name = "line",
                                    .make = make,
                                    .unmake = unmake,
                                    .shift = shift,
                                    .plan = plan,
                                    .forward = forward,
                                    .backward = backward};
