/* SPDX-License-Identifier: MIT */
/* conv.c: the weights go into panels, then tiles of pixels by channels; the gradients by
 * weights and bias are summed by bands of rows, and the bands then in order. */
#include "launch.h"

static int wide(const clf_call *call) { return call->traits->lanes > 1; }
static int pixels(const clf_tensor *t) { return t->dim[0] * t->dim[2] * t->dim[3]; }

/* Groups of a kernel whose items share out a panel's columns by vectors. */
static clf_grid by_columns(const clf_call *call, int rows, int panels) {
  return clf_groups(rows, panels, wide(call) ? 1 : call->traits->wg, 1);
}

/* x with a packed w to y; zeros stand in for a pixel of x beyond the edge. */
static clf_status product(clf_call *call, const char *pack, const char *small, const clf_tensor *x,
                          int k, const clf_tensor *y) {
  const int panels = clf_ceil(y->dim[1], call->traits->tn), row = k * k * call->traits->tn;
  const int zeros = wide(call) ? clf_ceil((x->dim[1] - 1) * x->stride[1] + 1, 16) * 16 : 0;
  const int e[4] = {zeros};
  CLF_TRY(call->reserve(call, (size_t)zeros + (size_t)panels * (size_t)x->dim[1] * (size_t)row));
  CLF_TRY(call->enqueue(call, pack, by_columns(call, x->dim[1], panels), e));
  const char *name = clf_ops[call->op].name;
  if (wide(call))
    return call->enqueue(call, name,
                         clf_groups(clf_ceil(pixels(y), call->traits->tm), panels, 1, 1), e);
  const int by_small = clf_small_tiles(call, pixels(y), y->dim[1]);
  return call->enqueue(call, by_small ? small : name,
                       clf_by_tiles(call, pixels(y), y->dim[1], by_small), e);
}

CLF_LAUNCH(conv_fwd) {
  return product(call, "conv_fwd_pack", "conv_fwd_small", &p->x, p->w.dim[3], &p->y);
}
CLF_LAUNCH(conv_bwd_data) {
  return product(call, "conv_bwd_data_pack", "conv_bwd_data_small", &p->dy, p->w.dim[3], &p->dx);
}

/* As many bands as make 256 groups, but none below 64 pixels. */
static int band_rows(const clf_tensor *dy, int groups) {
  const int rows = dy->dim[0] * dy->dim[2], least = clf_ceil(64, dy->dim[3]);
  const int want = clf_ceil(rows, clf_ceil(256, groups));
  return want > least ? want : least;
}

CLF_LAUNCH(conv_bwd_weights) {
  const int Co = p->dy.dim[1], Ci = p->x.dim[1], taps = p->dw.dim[3] * p->dw.dim[3];
  const int rows = p->dy.dim[0] * p->dy.dim[2], panels = clf_ceil(Co, call->traits->tn);
  const int high = wide(call) ? call->traits->tm : call->traits->tn;
  const int side = wide(call) ? 1 : call->traits->tn / 4;
  const int blocks = clf_ceil(Ci, high), tiles = panels * blocks * (wide(call) ? 1 : taps);
  const int band = band_rows(&p->dy, tiles), bands = clf_ceil(rows, band);
  const int e[4] = {band, bands, clf_ceil(128, p->dy.dim[3])};
  const size_t sums = (size_t)bands * (size_t)(taps * call->traits->tn) * (size_t)(Ci * panels);
  const size_t copies =
      (size_t)pixels(&p->dy) * (size_t)(blocks * high + panels * call->traits->tn);
  CLF_TRY(call->reserve(call, sums + (wide(call) ? copies : 0)));
  if (wide(call))
    CLF_TRY(call->enqueue(call, "conv_bwd_weights_pack", clf_groups(rows, 1, 1, 1), e));
  CLF_TRY(call->enqueue(call, "conv_bwd_weights", clf_groups(tiles, bands, side, side), e));
  return call->enqueue(call, "conv_bwd_weights_add", by_columns(call, Ci * taps, panels), e);
}

CLF_LAUNCH(conv_bwd_bias) {
  const int rows = p->dy.dim[0] * p->dy.dim[2], C = p->dy.dim[1];
  const int band = clf_ceil(512, p->dy.dim[3]), bands = clf_ceil(rows, band);
  const int e[4] = {band, bands};
  CLF_TRY(call->reserve(call, (size_t)bands * (size_t)C));
  CLF_TRY(call->enqueue(call, "conv_bwd_bias",
                        clf_by_lanes(call, clf_ceil(C, call->traits->lanes), bands), e));
  return call->enqueue(call, "conv_bwd_bias_add", clf_items(call, C), e);
}
