/* SPDX-License-Identifier: MIT */
/* conv.c: the weights go into panels, then tiles of pixels by channels; the gradients by
 * weights and bias are summed by bands of rows, and the bands then in order.  Where it is quicker,
 * Winograd's way, and a product of matrices for 1x1. */
#include "launch.h"
#include "pixelwise.h"

static int wide(const clf_call *call) { return call->traits->lanes > 1; }
static int pixels(const clf_tensor *t) { return t->dim[0] * t->dim[2] * t->dim[3]; }

/* Groups of a kernel whose items share out a panel's columns by vectors. */
static clf_grid by_columns(const clf_call *call, int rows, int panels) {
  return clf_groups(rows, panels, wide(call) ? 1 : call->traits->wg, 1);
}

static int up(int n, int by) { return clf_ceil(n, by) * by; }
static int least(int a, int b) { return a < b ? a : b; }
static int most(int a, int b) { return a > b ? a : b; }

/* Numbers in front of the panels, or with one lane behind them: what stands for a pixel of x beyond
 * the edge, whose channels are `step` apart, and of a normalised x two for each channel. */
static int front(const clf_call *call, const clf_tensor *x, int step, int normed) {
  return (wide(call) ? up((x->dim[1] - 1) * step + 1, 16) : 0) +
         (normed ? 2 * up(x->dim[1], 16) : 0);
}

/* x with a packed w to y. */
static clf_status product(clf_call *call, const char *pack, const char *small, const clf_tensor *x,
                          int normed, int k, const clf_tensor *y) {
  const int panels = clf_ceil(y->dim[1], call->traits->tn), row = k * k * call->traits->tn;
  const int before = front(call, x, x->stride[1], normed);
  const size_t weights = (size_t)panels * (size_t)x->dim[1] * (size_t)row;
  const int e[4] = {wide(call) ? before : (int)weights};
  CLF_TRY(call->reserve(call, (size_t)before + weights));
  CLF_TRY(call->enqueue(call, pack, by_columns(call, x->dim[1], panels), e));
  const char *name = clf_ops[call->op].name;
  if (wide(call))
    return call->enqueue(call, name,
                         clf_groups(clf_ceil(pixels(y), call->traits->tm), panels, 1, 1), e);
  const int by_small = clf_small_tiles(call, pixels(y), y->dim[1]);
  return call->enqueue(call, by_small ? small : name,
                       clf_by_tiles(call, pixels(y), y->dim[1], by_small), e);
}

/* ---- 1x1 as a product of matrices ----------------------------------------------------------- */

static int even(const clf_tensor *x, const clf_tensor *y, int k) {
  return k == 1 && clf_pixels_even(x) && clf_pixels_even(y);
}
/* Numbers of a pixel lie side by side; with one lane it was not measured. */
static int side_by_side(const clf_tensor *x, const clf_traits *t) {
  return t->lanes > 1 && x->stride[1] == 1;
}

/* By the way that gemm has for such a call. */
static clf_status multiply(const clf_call *call, const clf_gemm_args *p) {
  clf_call product = *call;
  const clf_algorithm *algorithm = clf__launches_gemm;
  product.op = CLF_OP_gemm;
  product.args = p;
  while ((algorithm->takes && !algorithm->takes(p, call->traits)) ||
         (algorithm->suits && !algorithm->suits(p, call->traits)))
    algorithm++;
  return algorithm->launch(&product);
}

/* ---- Winograd's way, winograd.clh ----------------------------------------------------------- */

/* Products of matrices, and numbers between two of these in the pool; items at most: each has a
 * slice of the pool, and all slices together fit the cache that cores share. */
enum { POINTS = 36, SPACE = 16, ITEMS = 16 };
static int tiles_of(const clf_tensor *t) {
  return t->dim[0] * clf_ceil(t->dim[2], 4) * clf_ceil(t->dim[3], 4);
}

/* 3x3 weights, channels side by side, a vector of them at least. */
static int can(const clf_tensor *x, const clf_tensor *y, int k, const clf_traits *t) {
  return t->lanes > 1 && k == 3 && x->stride[1] == 1 && y->stride[1] == 1 && x->dim[1] >= t->lanes;
}
/* Whether it is quicker: products, and what transforms of a tile's numbers and of the weights
 * cost, which was measured. */
static int pays(const clf_tensor *x, const clf_tensor *y) {
  const double Ci = x->dim[1], Co = y->dim[1], tiles = tiles_of(x);
  const double ours = POINTS * (tiles * Ci * Co + 16 * (tiles * (Ci + Co) + Ci * Co));
  return 9.0 * pixels(x) * Ci * Co > 1.2 * ours;
}

/* The kernels of an operation by this way. */
typedef struct {
  const char *pack, *many, *front, *rows, *few;
} winograd_kernels;

/* All tiles at once, an item a panel. */
static clf_status winograd_of_few(clf_call *call, const winograd_kernels *k, const clf_tensor *x,
                                  int before, int panels) {
  const int C = x->dim[1], TN = call->traits->tn, tiles = up(tiles_of(x), call->traits->tm);
  const int e[4] = {before, tiles};
  const size_t rows = (size_t)(POINTS * (tiles * C + SPACE));
  const size_t slice = (size_t)(18 * C * TN + 6 * (C * TN + SPACE) + POINTS * tiles * TN);
  CLF_TRY(call->reserve(call, (size_t)before + rows + (size_t)panels * slice));
  CLF_TRY(call->enqueue(call, k->front, clf_groups(C, 1, 1, 1), e));
  CLF_TRY(call->enqueue(call, k->rows, clf_groups(least(ITEMS, tiles), 1, 1, 1), e));
  return call->enqueue(call, k->few, clf_groups(panels, 1, 1, 1), e);
}

/* Blocks of 12 to 24 tiles: that many rows go over a panel while it is in a core's cache.  (64
 * channels at 32 x 32: 332, 449 and 366 GFLOP/s with 12, 24 and 36 tiles.) */
static clf_status winograd_product(clf_call *call, const winograd_kernels *k, const clf_tensor *x,
                                   int normed, const clf_tensor *y) {
  const int C = x->dim[1], TM = call->traits->tm, TN = call->traits->tn, tiles = tiles_of(x);
  const int panels = clf_ceil(y->dim[1], TN), before = front(call, x, 1, normed);
  const int block = up(least(most(tiles / ITEMS, 12), 24), TM), blocks = clf_ceil(tiles, block);
  if (blocks < ITEMS) return winograd_of_few(call, k, x, before, panels);
  const int e[4] = {before, block};
  const size_t rows = (size_t)(POINTS * (block * C + SPACE)), sums = (size_t)(POINTS * block * TN);
  CLF_TRY(call->reserve(call, (size_t)before +
                                  (size_t)(panels * POINTS) * (size_t)(C * TN + SPACE) +
                                  (size_t)ITEMS * (rows + sums)));
  CLF_TRY(call->enqueue(call, k->pack, clf_groups(C, panels, 1, 1), e));
  return call->enqueue(call, k->many, clf_groups(ITEMS, 1, 1, 1), e);
}

static int normed(const clf_conv_fwd_args *p) { return p->mean.buf != NULL; }
CLF_RULE(conv_fwd, fwd_can) { return can(&p->x, &p->y, p->w.dim[3], traits); }
CLF_RULE(conv_fwd, fwd_pays) {
  (void)traits;
  return pays(&p->x, &p->y);
}
CLF_LAUNCH_ALGORITHM(conv_fwd, fwd_winograd) {
  static const winograd_kernels kernels = {"conv_fwd_winograd_pack", "conv_fwd_winograd",
                                           "conv_fwd_winograd_front", "conv_fwd_winograd_rows",
                                           "conv_fwd_winograd_few"};
  return winograd_product(call, &kernels, &p->x, normed(p), &p->y);
}
CLF_LAUNCH_ALGORITHM(conv_fwd, fwd_direct) {
  return product(call, "conv_fwd_pack", "conv_fwd_small", &p->x, normed(p), p->w.dim[3], &p->y);
}
CLF_RULE(conv_fwd, fwd_even) {
  (void)traits;
  return even(&p->x, &p->y, p->w.dim[3]) && !normed(p);
}
CLF_RULE(conv_fwd, fwd_side_by_side) { return side_by_side(&p->x, traits); }
CLF_LAUNCH_ALGORITHM(conv_fwd, fwd_matrix) {
  const clf_gemm_args product = clf_pixelwise_fwd(p);
  return multiply(call, &product);
}
CLF_LAUNCHES(conv_fwd,
             {.name = "winograd", .takes = fwd_can, .suits = fwd_pays, .launch = fwd_winograd},
             {.name = "matrix", .takes = fwd_even, .suits = fwd_side_by_side, .launch = fwd_matrix},
             {.name = "direct", .launch = fwd_direct})

CLF_RULE(conv_bwd_data, data_can) { return can(&p->dy, &p->dx, p->w.dim[3], traits); }
CLF_RULE(conv_bwd_data, data_pays) {
  (void)traits;
  return pays(&p->dy, &p->dx);
}
CLF_LAUNCH_ALGORITHM(conv_bwd_data, data_winograd) {
  static const winograd_kernels kernels = {
      "conv_bwd_data_winograd_pack", "conv_bwd_data_winograd", "conv_bwd_data_winograd_front",
      "conv_bwd_data_winograd_rows", "conv_bwd_data_winograd_few"};
  return winograd_product(call, &kernels, &p->dy, 0, &p->dx);
}
CLF_LAUNCH_ALGORITHM(conv_bwd_data, data_direct) {
  return product(call, "conv_bwd_data_pack", "conv_bwd_data_small", &p->dy, 0, p->w.dim[3], &p->dx);
}
CLF_RULE(conv_bwd_data, data_even) {
  (void)traits;
  return even(&p->dy, &p->dx, p->w.dim[3]);
}
CLF_RULE(conv_bwd_data, data_side_by_side) { return side_by_side(&p->dy, traits); }
CLF_LAUNCH_ALGORITHM(conv_bwd_data, data_matrix) {
  const clf_gemm_args product = clf_pixelwise_bwd_data(p);
  return multiply(call, &product);
}
CLF_LAUNCHES(
    conv_bwd_data,
    {.name = "winograd", .takes = data_can, .suits = data_pays, .launch = data_winograd},
    {.name = "matrix", .takes = data_even, .suits = data_side_by_side, .launch = data_matrix},
    {.name = "direct", .launch = data_direct})

/* Zeros, and what stands for pixels of x beyond the edges and its table: WINO_EDGES. */
static int edges(const clf_conv_bwd_weights_args *p, const clf_traits *traits) {
  return up(most(p->x.dim[1], p->dy.dim[1]), traits->tn) * (p->mean.buf ? 4 : 1);
}

/* So few tiles that their rows stay in the cores' caches: a sum is over all of them at once. */
static int few(const clf_conv_bwd_weights_args *p, const clf_traits *traits) {
  return tiles_of(&p->x) <= 256 && p->x.dim[1] % traits->lanes == 0;
}
static clf_status weights_of_few(clf_call *call, const clf_conv_bwd_weights_args *p) {
  const clf_traits *t = call->traits;
  const int tiles = tiles_of(&p->x), panels = clf_ceil(p->dy.dim[1], t->tn);
  const int width = t->lanes % t->tm ? 3 * t->lanes : t->lanes, wide = clf_ceil(p->x.dim[1], width);
  const int shares = least(ITEMS, clf_ceil(tiles, 4)), parts = least(clf_ceil(ITEMS, panels), wide);
  const int e[4] = {0, 0, 0, edges(p, t)};
  const size_t rows = (size_t)(wide * width + panels * t->tn) * (size_t)tiles + 2 * SPACE;
  const size_t sums = (size_t)(panels * parts) * (size_t)(POINTS * width * t->tn);
  const size_t slices = (size_t)shares * (size_t)e[3];
  CLF_TRY(call->reserve(call, POINTS * rows + (sums > slices ? sums : slices)));
  CLF_TRY(call->enqueue(call, "conv_bwd_weights_winograd_rows", clf_groups(shares, 1, 1, 1), e));
  return call->enqueue(call, "conv_bwd_weights_winograd_few", clf_groups(panels, parts, 1, 1), e);
}

/* At most 8 bands, by whole blocks.  Bands are what cores share: 4 were faster on one core at 64
 * channels, and would leave larger processors idle. */
CLF_LAUNCH_ALGORITHM(conv_bwd_weights, weights_winograd) {
  enum { BLOCK = 64, BANDS = 8 };
  if (few(p, call->traits)) return weights_of_few(call, p);
  const int Ci = p->x.dim[1], Co = p->dy.dim[1], TM = call->traits->tm, TN = call->traits->tn;
  const int high = clf_ceil(Ci, TM), panels = clf_ceil(Co, TN);
  const int blocks = clf_ceil(tiles_of(&p->x), BLOCK), each = clf_ceil(blocks, BANDS);
  const int bands = clf_ceil(blocks, each);
  const int e[4] = {each, bands, BLOCK, edges(p, call->traits)};
  const size_t rows = (size_t)(POINTS * (BLOCK * (Ci + SPACE + panels * TN) + 2 * SPACE));
  const size_t sums = (size_t)POINTS * (size_t)(high * TM * panels * TN);
  CLF_TRY(call->reserve(call, (size_t)bands * (sums + rows + (size_t)e[3])));
  CLF_TRY(call->enqueue(call, "conv_bwd_weights_winograd", clf_groups(bands, 1, 1, 1), e));
  return call->enqueue(call, "conv_bwd_weights_winograd_add", clf_groups(high, panels, 1, 1), e);
}

/* As many bands as make 256 groups, but none below 64 pixels. */
static int band_rows(const clf_tensor *dy, int groups) {
  const int rows = dy->dim[0] * dy->dim[2], least = clf_ceil(64, dy->dim[3]);
  const int want = clf_ceil(rows, clf_ceil(256, groups));
  return want > least ? want : least;
}

CLF_LAUNCH_ALGORITHM(conv_bwd_weights, weights_direct) {
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

/* Of 1x1, some 8 items: bands of at least 256 pixels, and where these are few shares of the panels.
 */
CLF_LAUNCH_ALGORITHM(conv_bwd_weights, weights_pixels) {
  enum { BLOCK = 128, SHARES = 8, LEAST = 256 };
  const clf_traits *t = call->traits;
  const int Ci = p->x.dim[1], panels = clf_ceil(p->dy.dim[1], t->tn), columns = panels * t->tn;
  const int all = pixels(&p->x), band = up(most(clf_ceil(all, SHARES), LEAST), BLOCK);
  const int bands = clf_ceil(all, band), parts = least(clf_ceil(SHARES, bands), panels);
  const int e[4] = {band, bands, BLOCK, p->mean.buf ? up(2 * Ci, 16) : 0};
  const size_t rows = (size_t)(up(up(Ci, t->tm), t->lanes) + columns + 2 * SPACE);
  CLF_TRY(call->reserve(call, (size_t)bands * (size_t)(Ci * columns) +
                                  (size_t)(bands * parts) * (BLOCK * rows + (size_t)e[3])));
  CLF_TRY(call->enqueue(call, "conv_bwd_weights_pixels", clf_groups(bands, parts, 1, 1), e));
  return call->enqueue(call, "conv_bwd_weights_add", by_columns(call, Ci, panels), e);
}
CLF_RULE(conv_bwd_weights, weights_pixelwise) { return traits->lanes > 1 && p->dw.dim[3] == 1; }

CLF_RULE(conv_bwd_weights, weights_can) { return can(&p->x, &p->dy, p->dw.dim[3], traits); }
CLF_RULE(conv_bwd_weights, weights_pays) {
  (void)traits;
  return pays(&p->x, &p->dy);
}
CLF_LAUNCHES(
    conv_bwd_weights,
    {.name = "winograd", .takes = weights_can, .suits = weights_pays, .launch = weights_winograd},
    {.name = "pixels", .takes = weights_pixelwise, .launch = weights_pixels},
    {.name = "direct", .launch = weights_direct})

CLF_LAUNCH(conv_bwd_bias) {
  const int rows = p->dy.dim[0] * p->dy.dim[2], C = p->dy.dim[1];
  const int band = clf_ceil(512, p->dy.dim[3]), bands = clf_ceil(rows, band);
  const int e[4] = {band, bands};
  CLF_TRY(call->reserve(call, (size_t)bands * (size_t)C));
  CLF_TRY(call->enqueue(call, "conv_bwd_bias",
                        clf_by_lanes(call, clf_ceil(C, call->traits->lanes), bands), e));
  return call->enqueue(call, "conv_bwd_bias_add", clf_items(call, C), e);
}
