/* SPDX-License-Identifier: MIT */
/* mlp_coupling.c: how many samples a work-item takes through all couplings.  A work-item of several
 * lanes has blocks of samples (mlp_coupling_lanes.clh), one of a single lane has one sample
 * (mlp_coupling_items.clh). */
#include <stdio.h>
#include "launch.h"
#include "plans.h"

/* Not worth waking a second core. */
static int is_small(int N, const clf_tensor *w) { return (double)N * w->dim[0] * w->dim[1] < 1e5; }

/* ---- Several lanes: blocks of samples ------------------------------------------------------- */

/* BLOCK and UNITS / TM as in mlp_coupling_lanes.clh; work-items at most, and where each has sums of
 * gradients of its own. */
enum { BLOCK = 4, UNIT_TILES = 12, ITEMS = 64, SUMMING_ITEMS = 16 };

/* Scratch memory of a call: `rows` of a block for each work-item (the plan's `vectors`), then the
 * packed weights, then sums. */
typedef struct lanes_call {
  mlp_lanes_plan e;
  int D, H, L, nets, items; /* dimensions, hidden units, couplings, nets of one; work-items */
  int padded;               /* hidden units in whole tiles */
} lanes_call;

/* Blocks that go through a coupling together: at most `most`, but so few that every core has
 * several. */
static lanes_call lanes_call_of(const clf_call *call, int N, int D, const clf_tensor *w, int hidden,
                                int add, int most, int items) {
  const int blocks = clf_ceil(N, BLOCK * call->traits->lanes);
  const int at_once = blocks / 8 < 1 ? 1 : blocks / 8 > most ? most : blocks / 8;
  const int each = is_small(N, w) ? blocks : clf_round_up(clf_ceil(blocks, items), at_once);
  return (lanes_call){.e = {.blocks = blocks, .each = each, .at_once = at_once},
                      .D = D,
                      .H = hidden,
                      .L = w->dim[0],
                      .nets = add ? 1 : 2,
                      .items = clf_ceil(blocks, each),
                      .padded = clf_round_up(hidden, call->traits->tm)};
}

/* Packed weights of all couplings: an order of the dimensions, and panels. */
static size_t packed(const clf_call *call, const lanes_call *q) {
  const int tm = call->traits->tm, net = q->padded * (2 * q->D + 1 + tm) + q->D + tm;
  return (size_t)q->L * (size_t)(q->D + 2 + q->nets * net);
}
/* The gradients of one coupling by its weights, in whole tiles. */
static size_t gradients(const lanes_call *q) {
  return (size_t)(q->nets * (q->padded * (q->D + 7) + q->D));
}

/* Packs the weights, which a lone work-item does itself, and goes through the couplings. */
static clf_status launch_lanes(clf_call *call, lanes_call *q, int rows, size_t sums) {
  const clf_op_info *op = &clf_ops[call->op];
  char pack[64];
  q->e.vectors = rows * BLOCK;
  CLF_TRY(call->reserve(call, (size_t)q->items * (size_t)(q->e.vectors * call->traits->lanes) +
                                  packed(call, q) + sums));
  snprintf(pack, sizeof pack, "%s_pack", op->name);
  if (q->items > 1) CLF_TRY(call->enqueue(call, pack, clf_groups(q->L, 1, 1, 1), CLF_PLAN(q->e)));
  return call->enqueue(call, op->name, clf_groups(q->items, 1, 1, 1), CLF_PLAN(q->e));
}
/* Adds up the gradients of several work-items. */
static clf_status add_lanes(clf_call *call, const lanes_call *q, const char *add) {
  const int units = UNIT_TILES * call->traits->tm;
  if (q->items == 1) return CLF_OK;
  return call->enqueue(call, add, clf_groups(clf_ceil(q->H, units), q->L * q->nets, 1, 1),
                       CLF_PLAN(q->e));
}

/* Forward and inverse. */
static clf_status through_lanes(clf_call *call, const clf_tensor *x, const clf_tensor *w, int H,
                                int add) {
  const int D = x->dim[1], tm = call->traits->tm;
  lanes_call q = lanes_call_of(call, x->dim[0], D, w, H, add, 4, ITEMS);
  return launch_lanes(call, &q, UNIT_TILES * tm + q.e.at_once * (4 * D + 2 * tm + 1), 0);
}

static clf_status bwd_lanes(clf_call *call, const clf_mlp_coupling_bwd_args *p) {
  const int D = p->y.dim[1], tm = call->traits->tm, units = UNIT_TILES * tm;
  lanes_call q = lanes_call_of(call, p->y.dim[0], D, &p->w, p->hidden, p->add, 8, SUMMING_ITEMS);
  const int block = 4 * D + 3 * tm + 4 + q.padded + (p->acts.buf ? units : q.padded) + units;
  CLF_TRY(launch_lanes(call, &q, 2 * D * q.e.each + q.e.at_once * block,
                       (size_t)q.items * (size_t)q.L * gradients(&q)));
  return add_lanes(call, &q, "mlp_coupling_bwd_add");
}

/* As many blocks together as have all their values in BYTES bytes, which some cache holds. */
static clf_status nll_lanes(clf_call *call, const clf_mlp_coupling_nll_args *p) {
  enum { BYTES = 8 << 20 };
  const int D = p->x.dim[1], L = p->w.dim[0], tm = call->traits->tm;
  const int units = UNIT_TILES * tm, padded = clf_round_up(p->hidden, tm), nets = p->add ? 1 : 2;
  const int rows = 3 * D + 2 * tm + units + L * (3 * D + tm + 4 + nets * padded);
  const double fit = BYTES / ((double)rows * BLOCK * call->traits->lanes * sizeof(float));
  const int most = fit > 4 ? 4 : fit > 1 ? (int)fit : 1;
  lanes_call q = lanes_call_of(call, p->x.dim[0], D, &p->w, p->hidden, p->add, most, SUMMING_ITEMS);
  CLF_TRY(launch_lanes(call, &q, q.e.at_once * rows,
                       (size_t)q.items * ((size_t)L * gradients(&q) + 1)));
  return add_lanes(call, &q, "mlp_coupling_nll_add");
}

/* ---- One lane: a sample for each work-item -------------------------------------------------- */

/* Forward and inverse; the rows are those of item_rows in mlp_coupling_items.clh. */
static clf_status through_items(clf_call *call, const clf_tensor *x, int H) {
  const int D = x->dim[1], N = x->dim[0];
  const mlp_items_plan e = {N, 0, 0};
  CLF_TRY(call->reserve(call, (size_t)(4 * D + H + 2) * (size_t)N));
  return call->enqueue(call, clf_ops[call->op].name, clf_items(call, N), CLF_PLAN(e));
}

/* The backward pass: pairs of launches, `back` and `sum`, each for as many couplings as scratch
 * memory may hold the rows of (FLOATS in all).  A sample has `shared` rows more.  The kernel
 * `first`, if any, is launched before. */
typedef struct backward {
  const char *first, *back, *sum;
  int N, D, H, L, nets, shared;
} backward;

static clf_status back_items(clf_call *call, backward r) {
  const int bands = r.nets * (clf_ceil(r.H, 4) + clf_ceil(r.D, 4)), wg = call->traits->wg;
  const int rows = 3 * r.D + 4 * r.H + 3; /* that a coupling stores */
  const double FLOATS = 1e7, fit = FLOATS / ((double)rows * r.N);
  const int at_once = fit >= r.L ? r.L : fit > 1 ? (int)fit : 1;
  CLF_TRY(call->reserve(call, (size_t)(r.shared + at_once * rows) * (size_t)r.N));
  if (r.first) {
    const mlp_items_plan e = {r.N, 0, r.L};
    CLF_TRY(call->enqueue(call, r.first, clf_items(call, r.N), CLF_PLAN(e)));
  }
  for (int end = r.L, begin; end > 0; end = begin) {
    begin = end > at_once ? end - at_once : 0;
    const mlp_items_plan e = {r.N, begin, end};
    CLF_TRY(call->enqueue(call, r.back, clf_items(call, r.N), CLF_PLAN(e)));
    CLF_TRY(call->enqueue(call, r.sum, clf_groups(clf_ceil(bands, wg), end - begin, wg, 1),
                          CLF_PLAN(e)));
  }
  return CLF_OK;
}

static clf_status bwd_items(clf_call *call, const clf_mlp_coupling_bwd_args *p) {
  const int D = p->y.dim[1];
  return back_items(call, (backward){NULL, "mlp_coupling_bwd", "mlp_coupling_bwd_sum", p->y.dim[0],
                                     D, p->hidden, p->b.dim[0], p->add ? 1 : 2, 3 * D});
}

static clf_status nll_items(clf_call *call, const clf_mlp_coupling_nll_args *p) {
  const int N = p->x.dim[0], D = p->x.dim[1], L = p->b.dim[0];
  const mlp_items_plan e = {N, 0, 0};
  CLF_TRY(back_items(call,
                     (backward){"mlp_coupling_nll", "mlp_coupling_nll_back", "mlp_coupling_nll_sum",
                                N, D, p->hidden, L, p->add ? 1 : 2, 1 + L * D + 3 * D}));
  return call->enqueue(call, "mlp_coupling_nll_add", clf_by_samples(call, 1), CLF_PLAN(e));
}

static clf_status through(clf_call *call, const clf_tensor *x, const clf_tensor *w, int H,
                          int add) {
  if (call->traits->lanes > 1) return through_lanes(call, x, w, H, add);
  return through_items(call, x, H);
}
CLF_LAUNCH(mlp_coupling_fwd) { return through(call, &p->x, &p->w, p->hidden, p->add); }
CLF_LAUNCH(mlp_coupling_inv) { return through(call, &p->y, &p->w, p->hidden, p->add); }
CLF_LAUNCH(mlp_coupling_bwd) {
  return call->traits->lanes > 1 ? bwd_lanes(call, p) : bwd_items(call, p);
}
CLF_LAUNCH(mlp_coupling_nll) {
  return call->traits->lanes > 1 ? nll_lanes(call, p) : nll_items(call, p);
}
