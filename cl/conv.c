/* SPDX-License-Identifier: MIT */
/* conv.c: which algorithm computes a convolution or one of its gradients.
 *
 *   direct    weights are packed into panels, then tiles of pixels by channels are computed
 *             (conv.cl); the gradient by weights is summed by bands of rows (conv_weights.cl)
 *   winograd  3x3 with channels last: Winograd's algorithm (winograd.clh), where it is faster
 *   matrix    1x1: a matrix product, by the algorithms of gemm
 *   pixels    the gradient of 1x1 by weights: copies of some pixels, then the tiles of winograd.clh
 */
#include "launch.h"
#include "pixelwise.h"
#include "plans.h"

static int wide(const clf_call *call) { return call->traits->lanes > 1; }

/* Work-groups of a kernel whose work-items divide the columns of a panel into vectors. */
static clf_grid by_columns(const clf_call *call, int rows, int panels) {
  return clf_groups(rows, panels, wide(call) ? 1 : call->traits->wg, 1);
}

static int min(int a, int b) { return a < b ? a : b; }
static int max(int a, int b) { return a > b ? a : b; }

/* Floats in front of the panels or, with one lane, behind them: what stands for a pixel of x beyond
 * the edge, whose channels are `step` apart, and two for each channel of a normalised x. */
static int front(const clf_call *call, const clf_tensor *x, int step, int normed) {
  return (wide(call) ? clf_round_up((x->dim[1] - 1) * step + 1, 16) : 0) +
         (normed ? 2 * clf_round_up(x->dim[1], 16) : 0);
}

/* y from x and w, which the kernel `pack` packs first. */
static clf_status product(clf_call *call, const char *pack, const char *small, const clf_tensor *x,
                          int normed, int k, const clf_tensor *y) {
  const int panels = clf_ceil(y->dim[1], call->traits->tn), row = k * k * call->traits->tn;
  const int before = front(call, x, x->stride[1], normed);
  const size_t weights = (size_t)panels * (size_t)x->dim[1] * (size_t)row;
  const conv_plan e = {wide(call) ? before : (int)weights, 0};
  CLF_TRY(call->reserve(call, (size_t)before + weights));
  CLF_TRY(call->enqueue(call, pack, by_columns(call, x->dim[1], panels), CLF_PLAN(e)));
  const char *name = clf_ops[call->op].name;
  if (wide(call))
    return call->enqueue(call, name,
                         clf_groups(clf_ceil(clf_pixels(y), call->traits->tm), panels, 1, 1),
                         CLF_PLAN(e));
  const int by_small = clf_small_tiles(call, clf_pixels(y), y->dim[1]);
  return call->enqueue(call, by_small ? small : name,
                       clf_by_tiles(call, clf_pixels(y), y->dim[1], by_small), CLF_PLAN(e));
}

/* ---- 1x1 as a matrix product ---------------------------------------------------------------- */

static int even(const clf_tensor *x, const clf_tensor *y, int k) {
  return k == 1 && clf_pixels_even(x) && clf_pixels_even(y);
}
/* The channels of a pixel are neighbours.  With one lane this was not measured. */
static int channels_last(const clf_tensor *x, const clf_traits *t) {
  return t->lanes > 1 && x->stride[1] == 1;
}

/* By the algorithm that gemm has for such a call. */
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

/* ---- Winograd's algorithm: winograd.clh ----------------------------------------------------- */

/* Matrix products; floats between two matrices; work-items at most: each has a slice of scratch
 * memory, and all slices together fit the cache that cores share. */
enum { POINTS = 36, SPACE = 16, ITEMS = 16 };
static int tiles_of(const clf_tensor *t) {
  return t->dim[0] * clf_ceil(t->dim[2], 4) * clf_ceil(t->dim[3], 4);
}

/* 3x3 weights, channels last, at least a vector of them. */
static int winograd_applies(const clf_tensor *x, const clf_tensor *y, int k, const clf_traits *t) {
  return t->lanes > 1 && k == 3 && x->stride[1] == 1 && y->stride[1] == 1 && x->dim[1] >= t->lanes;
}
/* Compares the multiplications of the direct sum with those of the products and of the transforms
 * of tiles and weights, whose cost (16 and 1.2) was measured. */
static int winograd_is_faster(const clf_tensor *x, const clf_tensor *y) {
  const double Ci = x->dim[1], Co = y->dim[1], tiles = tiles_of(x);
  const double winograd = POINTS * (tiles * Ci * Co + 16 * (tiles * (Ci + Co) + Ci * Co));
  return 9.0 * clf_pixels(x) * Ci * Co > 1.2 * winograd;
}

/* The kernels of an operation. */
typedef struct {
  const char *pack, *many, *front, *rows, *few;
} winograd_kernels;

/* Few tiles: all at once, a work-item for each panel. */
static clf_status winograd_of_few(clf_call *call, const winograd_kernels *k, const clf_tensor *x,
                                  int before, int panels) {
  const int C = x->dim[1], TN = call->traits->tn;
  const int tiles = clf_round_up(tiles_of(x), call->traits->tm);
  const conv_plan e = {before, tiles};
  const size_t rows = (size_t)(POINTS * (tiles * C + SPACE));
  const size_t slice = (size_t)(18 * C * TN + 6 * (C * TN + SPACE) + POINTS * tiles * TN);
  CLF_TRY(call->reserve(call, (size_t)before + rows + (size_t)panels * slice));
  CLF_TRY(call->enqueue(call, k->front, clf_groups(C, 1, 1, 1), CLF_PLAN(e)));
  CLF_TRY(call->enqueue(call, k->rows, clf_groups(min(ITEMS, tiles), 1, 1, 1), CLF_PLAN(e)));
  return call->enqueue(call, k->few, clf_groups(panels, 1, 1, 1), CLF_PLAN(e));
}

/* Blocks of 12 to 24 tiles: their rows use a panel while it is in the cache of a core.  (64
 * channels at 32 x 32: 332, 449 and 366 GFLOP/s with 12, 24 and 36 tiles.) */
static clf_status winograd_product(clf_call *call, const winograd_kernels *k, const clf_tensor *x,
                                   int normed, const clf_tensor *y) {
  const int C = x->dim[1], TM = call->traits->tm, TN = call->traits->tn, tiles = tiles_of(x);
  const int panels = clf_ceil(y->dim[1], TN), before = front(call, x, 1, normed);
  const int block = clf_round_up(min(max(tiles / ITEMS, 12), 24), TM);
  if (clf_ceil(tiles, block) < ITEMS) return winograd_of_few(call, k, x, before, panels);
  const conv_plan e = {before, block};
  const size_t rows = (size_t)(POINTS * (block * C + SPACE)), sums = (size_t)(POINTS * block * TN);
  CLF_TRY(call->reserve(call, (size_t)before +
                                  (size_t)(panels * POINTS) * (size_t)(C * TN + SPACE) +
                                  (size_t)ITEMS * (rows + sums)));
  CLF_TRY(call->enqueue(call, k->pack, clf_groups(C, panels, 1, 1), CLF_PLAN(e)));
  return call->enqueue(call, k->many, clf_groups(ITEMS, 1, 1, 1), CLF_PLAN(e));
}

static int normed(const clf_conv_fwd_args *p) { return p->mean.buf != NULL; }
CLF_RULE(conv_fwd, fwd_winograd_applies) {
  return winograd_applies(&p->x, &p->y, p->w.dim[3], traits);
}
CLF_RULE(conv_fwd, fwd_winograd_is_faster) {
  (void)traits;
  return winograd_is_faster(&p->x, &p->y);
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
CLF_RULE(conv_fwd, fwd_channels_last) { return channels_last(&p->x, traits); }
CLF_LAUNCH_ALGORITHM(conv_fwd, fwd_matrix) {
  const clf_gemm_args product = clf_pixelwise_fwd(p);
  return multiply(call, &product);
}
CLF_LAUNCHES(
    conv_fwd,
    {.name = "winograd",
     .takes = fwd_winograd_applies,
     .suits = fwd_winograd_is_faster,
     .launch = fwd_winograd},
    {.name = "matrix", .takes = fwd_even, .suits = fwd_channels_last, .launch = fwd_matrix},
    {.name = "direct", .launch = fwd_direct})

CLF_RULE(conv_bwd_data, data_winograd_applies) {
  return winograd_applies(&p->dy, &p->dx, p->w.dim[3], traits);
}
CLF_RULE(conv_bwd_data, data_winograd_is_faster) {
  (void)traits;
  return winograd_is_faster(&p->dy, &p->dx);
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
CLF_RULE(conv_bwd_data, data_channels_last) { return channels_last(&p->dy, traits); }
CLF_LAUNCH_ALGORITHM(conv_bwd_data, data_matrix) {
  const clf_gemm_args product = clf_pixelwise_bwd_data(p);
  return multiply(call, &product);
}
CLF_LAUNCHES(
    conv_bwd_data,
    {.name = "winograd",
     .takes = data_winograd_applies,
     .suits = data_winograd_is_faster,
     .launch = data_winograd},
    {.name = "matrix", .takes = data_even, .suits = data_channels_last, .launch = data_matrix},
    {.name = "direct", .launch = data_direct})

/* ---- Gradients by weights ------------------------------------------------------------------- */

/* Zeros, what stands for pixels of x beyond the edges, and the table of the normalisation:
 * winograd_edges() in conv_weights_winograd.cl. */
static int edges(const clf_conv_bwd_weights_args *p, const clf_traits *traits) {
  return clf_round_up(max(p->x.dim[1], p->dy.dim[1]), traits->tn) * (p->mean.buf ? 4 : 1);
}

/* So few tiles that their rows stay in the caches of the cores: a sum covers all of them at once.
 */
static int few(const clf_conv_bwd_weights_args *p, const clf_traits *traits) {
  return tiles_of(&p->x) <= 256 && p->x.dim[1] % traits->lanes == 0;
}
static clf_status weights_of_few(clf_call *call, const clf_conv_bwd_weights_args *p) {
  const clf_traits *t = call->traits;
  const int tiles = tiles_of(&p->x), panels = clf_ceil(p->dy.dim[1], t->tn);
  const int width = t->lanes % t->tm ? 3 * t->lanes : t->lanes, wide = clf_ceil(p->x.dim[1], width);
  const int items = min(ITEMS, clf_ceil(tiles, 4)), strips = min(clf_ceil(ITEMS, panels), wide);
  const conv_weights_plan e = {0, 0, 0, edges(p, t)};
  const size_t rows = (size_t)(wide * width + panels * t->tn) * (size_t)tiles + 2 * SPACE;
  const size_t sums = (size_t)(panels * strips) * (size_t)(POINTS * width * t->tn);
  const size_t slices = (size_t)items * (size_t)e.edges;
  CLF_TRY(call->reserve(call, POINTS * rows + (sums > slices ? sums : slices)));
  CLF_TRY(call->enqueue(call, "conv_bwd_weights_winograd_rows", clf_groups(items, 1, 1, 1),
                        CLF_PLAN(e)));
  return call->enqueue(call, "conv_bwd_weights_winograd_few", clf_groups(panels, strips, 1, 1),
                       CLF_PLAN(e));
}

/* At most 8 bands of whole blocks.  Cores share bands: 4 were faster on one core at 64 channels,
 * and would leave larger processors idle. */
CLF_LAUNCH_ALGORITHM(conv_bwd_weights, weights_winograd) {
  enum { BLOCK = 64, BANDS = 8 };
  if (few(p, call->traits)) return weights_of_few(call, p);
  const int Ci = p->x.dim[1], Co = p->dy.dim[1], TM = call->traits->tm, TN = call->traits->tn;
  const int high = clf_ceil(Ci, TM), panels = clf_ceil(Co, TN);
  const int blocks = clf_ceil(tiles_of(&p->x), BLOCK), band = clf_ceil(blocks, BANDS);
  const conv_weights_plan e = {band, clf_ceil(blocks, band), BLOCK, edges(p, call->traits)};
  const size_t rows = (size_t)(POINTS * (BLOCK * (Ci + SPACE + panels * TN) + 2 * SPACE));
  const size_t sums = (size_t)POINTS * (size_t)(high * TM * panels * TN);
  CLF_TRY(call->reserve(call, (size_t)e.bands * (sums + rows + (size_t)e.edges)));
  CLF_TRY(
      call->enqueue(call, "conv_bwd_weights_winograd", clf_groups(e.bands, 1, 1, 1), CLF_PLAN(e)));
  return call->enqueue(call, "conv_bwd_weights_winograd_add", clf_groups(high, panels, 1, 1),
                       CLF_PLAN(e));
}

/* As many bands as make 256 work-groups, but none of fewer than 64 pixels. */
static int band_rows(const clf_tensor *dy, int groups) {
  const int rows = dy->dim[0] * dy->dim[2];
  return max(clf_ceil(rows, clf_ceil(256, groups)), clf_ceil(64, dy->dim[3]));
}

CLF_LAUNCH_ALGORITHM(conv_bwd_weights, weights_direct) {
  const int Co = p->dy.dim[1], Ci = p->x.dim[1], taps = p->dw.dim[3] * p->dw.dim[3];
  const int rows = p->dy.dim[0] * p->dy.dim[2], panels = clf_ceil(Co, call->traits->tn);
  const int high = wide(call) ? call->traits->tm : call->traits->tn;
  const int side = wide(call) ? 1 : call->traits->tn / 4;
  const int blocks = clf_ceil(Ci, high), tiles = panels * blocks * (wide(call) ? 1 : taps);
  const int band = band_rows(&p->dy, tiles);
  const conv_weights_plan e = {band, clf_ceil(rows, band), clf_ceil(128, p->dy.dim[3]), 0};
  const size_t sums = (size_t)e.bands * (size_t)(taps * call->traits->tn) * (size_t)(Ci * panels);
  const size_t copies =
      (size_t)clf_pixels(&p->dy) * (size_t)(blocks * high + panels * call->traits->tn);
  CLF_TRY(call->reserve(call, sums + (wide(call) ? copies : 0)));
  if (wide(call))
    CLF_TRY(call->enqueue(call, "conv_bwd_weights_pack", clf_groups(rows, 1, 1, 1), CLF_PLAN(e)));
  CLF_TRY(
      call->enqueue(call, "conv_bwd_weights", clf_groups(tiles, e.bands, side, side), CLF_PLAN(e)));
  return call->enqueue(call, "conv_bwd_weights_add", by_columns(call, Ci * taps, panels),
                       CLF_PLAN(e));
}

/* 1x1: about ITEMS work-items: bands of at least LEAST pixels and, where these are few, strips of
 * panels. */
CLF_LAUNCH_ALGORITHM(conv_bwd_weights, weights_pixels) {
  enum { BLOCK = 128, PIXEL_ITEMS = 8, LEAST = 256 };
  const clf_traits *t = call->traits;
  const int Ci = p->x.dim[1], panels = clf_ceil(p->dy.dim[1], t->tn), columns = panels * t->tn;
  const int all = clf_pixels(&p->x);
  const int band = clf_round_up(max(clf_ceil(all, PIXEL_ITEMS), LEAST), BLOCK);
  const conv_weights_plan e = {band, clf_ceil(all, band), BLOCK,
                               p->mean.buf ? clf_round_up(2 * Ci, 16) : 0};
  const int strips = min(clf_ceil(PIXEL_ITEMS, e.bands), panels);
  const size_t rows =
      (size_t)(clf_round_up(clf_round_up(Ci, t->tm), t->lanes) + columns + 2 * SPACE);
  CLF_TRY(call->reserve(call, (size_t)e.bands * (size_t)(Ci * columns) +
                                  (size_t)(e.bands * strips) * (BLOCK * rows + (size_t)e.edges)));
  CLF_TRY(call->enqueue(call, "conv_bwd_weights_pixels", clf_groups(e.bands, strips, 1, 1),
                        CLF_PLAN(e)));
  return call->enqueue(call, "conv_bwd_weights_add", by_columns(call, Ci, panels), CLF_PLAN(e));
}
CLF_RULE(conv_bwd_weights, weights_pixelwise) { return traits->lanes > 1 && p->dw.dim[3] == 1; }

CLF_RULE(conv_bwd_weights, weights_winograd_applies) {
  return winograd_applies(&p->x, &p->dy, p->dw.dim[3], traits);
}
CLF_RULE(conv_bwd_weights, weights_winograd_is_faster) {
  (void)traits;
  return winograd_is_faster(&p->x, &p->dy);
}
CLF_LAUNCHES(conv_bwd_weights,
             {.name = "winograd",
              .takes = weights_winograd_applies,
              .suits = weights_winograd_is_faster,
              .launch = weights_winograd},
             {.name = "pixels", .takes = weights_pixelwise, .launch = weights_pixels},
             {.name = "direct", .launch = weights_direct})

CLF_LAUNCH(conv_bwd_bias) {
  const int rows = p->dy.dim[0] * p->dy.dim[2], C = p->dy.dim[1],
            band = clf_ceil(512, p->dy.dim[3]);
  const bands_plan e = {band, clf_ceil(rows, band)};
  CLF_TRY(call->reserve(call, (size_t)e.count * (size_t)C));
  CLF_TRY(call->enqueue(call, "conv_bwd_bias",
                        clf_by_lanes(call, clf_ceil(C, call->traits->lanes), e.count),
                        CLF_PLAN(e)));
  return call->enqueue(call, "conv_bwd_bias_add", clf_items(call, C), CLF_PLAN(e));
}
