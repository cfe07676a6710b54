/* SPDX-License-Identifier: MIT */
/* conv_weights.cl: the gradient of convolutions by their weights, as direct sums over pixels:
 *   dw[o,c,a,b] = sum over n, i, j of dy[n,o,i,j] x[n,c,i+a-k/2,j+b-k/2]
 * Winograd's algorithm is in conv_weights_winograd.cl.
 *
 * The pixels are cut into e.bands bands of e.band rows (n, h).  Each has sums of its own in
 * scratch memory, [bands][k k][Ci][Co in whole panels]; then the bands are added in order.
 *
 *              Co, in panels of TN     vectors: a work-item has TM channels of x by a panel of
 *            +---------+---------+       dy, for all taps, over a band.  It reads copies of both,
 *   Ci, in   | TM x TN |         |       [pixels][TM] and [pixels][TN], as streams; e.at_once rows
 *   blocks   | sums    |         |       of them stay in its cache.
 *   of TM    +---------+---------+     one lane: a work-group has one tap, TN channels of x by TN
 *            |         |         |       of dy (tiles.clh); a term is a pixel.
 *            +---------+---------+ */
#include "conv.clh"
#include "winograd.clh"

/* Co in whole panels; the sums of one band. */
INLINE int conv_columns(clf_view dw) { return (dw.dim[0] + TN - 1) / TN * TN; }
INLINE size_t conv_sums(clf_view dw) {
  return (size_t)dw.dim[3] * dw.dim[3] * dw.dim[1] * conv_columns(dw);
}

#if LANES > 1
/* Behind the sums are copies of x in blocks of TM channels, [blocks][pixels][TM], and of dy in
 * panels, [panels][pixels][TN], both padded with zeros. */
typedef struct {
  global float *x, *dy;
  int blocks;    /* of x */
  size_t pixels; /* of the batch */
} conv_copies;
INLINE conv_copies conv_copies_of(global float *scratch, int bands, clf_view x, clf_view dy,
                                  clf_view dw) {
  conv_copies q;
  q.pixels = (size_t)dy.dim[0] * dy.dim[2] * dy.dim[3];
  q.blocks = (x.dim[1] + TM - 1) / TM;
  q.x = scratch + bands * conv_sums(dw);
  q.dy = q.x + q.blocks * q.pixels * TM;
  return q;
}

/* A work-item copies a row of pixels. */
kernel BY_LANES void conv_bwd_weights_pack(CLF_IN(x), CLF_IN(mean), CLF_IN(var), CLF_IN(shift),
                                           CLF_IN(dy), CLF_OUT(dw), const conv_bwd_weights_args p,
                                           CLF_SCRATCH(conv_weights_plan)) {
  const conv_stats stats = conv_stats_of(mean_, p.mean, var_, p.var, shift_, p.shift, p.eps);
  const conv_copies q = conv_copies_of(scratch, e.bands, p.x, p.dy, p.dw);
  const int row = get_global_id(0), H = p.x.dim[2], W = p.x.dim[3], n = row / H, h = row % H;
  const int Ci = p.x.dim[1], Co = p.dy.dim[1], sx = p.x.stride[1], sy = p.dy.stride[1];
  for (int c = 0; c < Ci; c += TM) {
    global float *d = q.x + (c / TM * q.pixels + row * W) * TM;
    global const float *s = &AT(x, n, c, h, 0);
    for (int w = 0; w < W; w++, s += p.x.stride[3], d += TM)
#pragma unroll
      for (int r = 0; r < TM; r++) d[r] = c + r < Ci ? s[r * sx] : 0;
    for (int r = 0; r < TM && c + r < Ci && stats.normed; r++) {
      const float scale = conv_scale(stats, c + r), offset = conv_offset(stats, c + r);
      for (global float *to = d - W * TM + r; to < d; to += TM) {
        const float v = fma(*to, scale, offset);
        *to = v < 0 ? 0 : v;
      }
    }
  }
  for (int c = 0; c < Co; c += TN) {
    global float *d = q.dy + (c / TN * q.pixels + row * W) * TN;
    global const float *s = &AT(dy, n, c, h, 0);
    for (int w = 0; w < W; w++, s += p.dy.stride[3], d += TN) {
      VSTORE(lanes_load(s, sy, Co - c), d);
      VSTORE(lanes_load(s + LANES * sy, sy, Co - c - LANES), d + LANES);
    }
  }
}

/* One tap: d[TM][columns] (+)= the sums over rows row0 .. row1 - 1; Ci rows of d are left. */
static void conv_outer(global const float *x, global const float *dy, int H, int W, int row0,
                       int row1, int dh, int dw, int wide, global float *d, int columns, int Ci,
                       int add) {
  const int w0 = max(0, -dw), w1 = min(W, W - dw);
  int h = row0 % H;
  V acc[TM][2];
#pragma unroll
  for (int r = 0; r < TM; r++) acc[r][0] = acc[r][1] = 0;
  for (int row = row0; row < row1; row++) {
    global const float *a = x + (ptrdiff_t)((row + dh) * W + w0 + dw) * TM;
    global const float *b = dy + (ptrdiff_t)(row * W + w0) * TN;
    const int end = h + dh >= 0 && h + dh < H ? w1 : w0;
    if (wide)
      for (int w = w0; w < end; w++, a += TM, b += TN) conv_step_side_by_side(acc, 2, b, a);
    else
      for (int w = w0; w < end; w++, a += TM, b += TN) conv_step_side_by_side(acc, 1, b, a);
    if (++h == H) h = 0;
  }
#pragma unroll
  for (int r = 0; r < TM; r++)
#pragma unroll
    for (int g = 0; g < 2; g++) {
      global float *to = d + (size_t)r * columns + g * LANES;
      if (g <= wide && r < Ci) VSTORE(add ? VLOAD(to) + acc[r][g] : acc[r][g], to);
    }
}

/* Work-item (g, band): a block of channels of x by a panel of dy.  It takes e.at_once rows at a
 * time, which stay in the cache of its core while all taps use them, and which keep sums short. */
kernel BY_LANES void conv_bwd_weights(CLF_IN(x), CLF_IN(mean), CLF_IN(var), CLF_IN(shift),
                                      CLF_IN(dy), CLF_OUT(dw), const conv_bwd_weights_args p,
                                      CLF_SCRATCH(conv_weights_plan)) {
  const conv_copies q = conv_copies_of(scratch, e.bands, p.x, p.dy, p.dw);
  const int block = get_global_id(0) % q.blocks, panel = get_global_id(0) / q.blocks;
  const int H = p.dy.dim[2], W = p.dy.dim[3], k = p.dw.dim[3], c0 = block * TM, j0 = panel * TN;
  const int columns = conv_columns(p.dw);
  const int band = get_global_id(1) * e.band, end = min(band + e.band, p.dy.dim[0] * H);
  global const float *x = q.x + block * q.pixels * TM, *dy = q.dy + panel * q.pixels * TN;
  global float *d = scratch + get_global_id(1) * conv_sums(p.dw) + (size_t)c0 * columns + j0;
  for (int row = band; row < end; row += e.at_once)
    for (int t = 0; t < k * k; t++)
      conv_outer(x, dy, H, W, row, min(row + e.at_once, end), t / k - k / 2, t % k - k / 2,
                 p.dy.dim[1] - j0 > LANES, d + (size_t)t * p.x.dim[1] * columns, columns,
                 p.x.dim[1] - c0, row > band);
}

/* ---- 1x1: e.bands bands of e.band pixels, e.at_once at a time ------------------------------- */

/* Copies the channels of `count` pixels from q on to rows of `columns` floats, padded with zeros,
 * and 16 more: rows a power of two apart would use few sets of the cache. */
static void conv_rows(global const float *s, clf_view v, conv_pixel q, int count, int columns,
                      global float *d) {
  for (int i = 0; i < count; i++, d += columns + 16, q = conv_next(v, q))
    for (int c = 0; c < columns; c += LANES)
      VSTORE(lanes_load(s + (q.at + c * v.stride[1]), v.stride[1], v.dim[1] - c), d + c);
}

/* Normalises rows that conv_rows() made. */
static void conv_normalise(conv_norm norm, int Ci, int count, int columns, global float *d) {
  for (int c = 0; c < Ci && norm.scale; c += LANES) {
    const V scale = lanes_load(norm.scale + c, 1, Ci - c);
    const V offset = lanes_load(norm.offset + c, 1, Ci - c);
    for (global float *to = d + c; to < d + count * (columns + 16); to += columns + 16)
      VSTORE(conv_normal(VLOAD(to), scale, offset), to);
  }
}

/* Work-item (band, strip): its strip of the panels of dy.  Its copies are behind the sums. */
kernel BY_LANES void conv_bwd_weights_pixels(CLF_IN(x), CLF_IN(mean), CLF_IN(var), CLF_IN(shift),
                                             CLF_IN(dy), CLF_OUT(dw), const conv_bwd_weights_args p,
                                             CLF_SCRATCH(conv_weights_plan)) {
  const conv_stats stats = conv_stats_of(mean_, p.mean, var_, p.var, shift_, p.shift, p.eps);
  const int Ci = p.x.dim[1], columns = conv_columns(p.dw), row = columns + 16;
  const int wide = ((Ci + TM - 1) / TM * TM + LANES - 1) / LANES * LANES;
  const int each = (columns / TN - 1) / (int)get_global_size(1) + 1, j0 = get_global_id(1) * each;
  const int j1 = min(j0 + each, columns / TN), band = get_global_id(0), first = band * e.band;
  const int end = min(first + e.band, p.x.dim[0] * p.x.dim[2] * p.x.dim[3]);
  global float *d = scratch + band * conv_sums(p.dw);
  global float *x =
      scratch + e.bands * conv_sums(p.dw) +
      (band + get_global_id(1) * e.bands) * (size_t)(e.at_once * (wide + 16 + row) + e.edges);
  global float *dy = x + e.at_once * (wide + 16);
  const conv_norm norm = winograd_norm(stats, Ci, dy + e.at_once * row);
  for (int i = first; i < end && j0 < j1; i += e.at_once) {
    const int count = min(e.at_once, end - i);
    conv_rows(x_, p.x, conv_pixel_of(p.x, i), count, wide, x);
    conv_normalise(norm, Ci, count, wide, x);
    conv_rows(dy_, p.dy, conv_pixel_of(p.dy, i), count, columns, dy);
    for (int j = j0; j < j1; j++)
      for (int c = 0; c < Ci; c += TM)
        wino_outer(x + c, wide + 16, dy + j * TN, row, count, p.dy.dim[1] - j * TN > LANES,
                   d + c * columns + j * TN, columns, Ci - c, i > first);
  }
}

#else
/* The numbers of a work-item: of channels c0 and on, of C, at pixels that start at at[]. */
INLINE float conv_gather_one(int j, tile_slice q, local const int *at, global const float *s,
                             int c0, int C, int stride) {
  const int c = c0 + q.i + j * q.di, start = at[q.k + j * q.dk];
  return start >= 0 && c < C ? s[start + c * stride] : 0;
}
INLINE float4 conv_gather(tile_slice q, local const int *at, global const float *s, int c0, int C,
                          int stride) {
  return (float4)(conv_gather_one(0, q, at, s, c0, C, stride),
                  conv_gather_one(1, q, at, s, c0, C, stride),
                  conv_gather_one(2, q, at, s, c0, C, stride),
                  conv_gather_one(3, q, at, s, c0, C, stride));
}
/* These, normalised by the scales and offsets of their channels; zero beyond the edges. */
INLINE float4 conv_gathered(float4 x, tile_slice q, local const int *at, float4 scale,
                            float4 offset) {
  const int4 start = (int4)(at[q.k], at[q.k + q.dk], at[q.k + 2 * q.dk], at[q.k + 3 * q.dk]);
  const float4 v = fma(x, scale, offset);
  return ((v < 0) | (start < 0)) ? (float4)0 : v;
}

/* Scales of four channels c, c + step, ..., or offsets. */
INLINE float4 conv_four_scales(conv_stats s, int c, int step, int last) {
  return (float4)(conv_scale(s, min(c, last)), conv_scale(s, min(c + step, last)),
                  conv_scale(s, min(c + 2 * step, last)), conv_scale(s, min(c + 3 * step, last)));
}
INLINE float4 conv_four_offsets(conv_stats s, int c, int step, int last) {
  return (float4)(conv_offset(s, min(c, last)), conv_offset(s, min(c + step, last)),
                  conv_offset(s, min(c + 2 * step, last)), conv_offset(s, min(c + 3 * step, last)));
}

#define STORE(r)                                                                                   \
  if (c0 + 4 * y + r < p.x.dim[1])                                                                 \
    vstore4(acc[r], 0, d + (size_t)(t * p.x.dim[1] + c0 + 4 * y + r) * columns);
/* Work-group (g, band): a tap, 4 TILE_SIDE channels of x by as many of dy. */
kernel BY_TILE void conv_bwd_weights(CLF_IN(x), CLF_IN(mean), CLF_IN(var), CLF_IN(shift),
                                     CLF_IN(dy), CLF_OUT(dw), const conv_bwd_weights_args p,
                                     CLF_SCRATCH(conv_weights_plan)) {
  local float4 as[TILE_A(TILE_SIDE, 1)], bs[TILE_B(TILE_SIDE)];
  local int from[TILE_SIDE], to[TILE_SIDE]; /* where a pixel starts in x and dy; -1: nowhere */
  const conv_stats stats = conv_stats_of(mean_, p.mean, var_, p.var, shift_, p.shift, p.eps);
  const int x = get_local_id(0), y = get_local_id(1), l = y * TILE_SIDE + x, k = p.dw.dim[3];
  const int blocks = (p.x.dim[1] + TN - 1) / TN, columns = conv_columns(p.dw);
  const int t = get_group_id(0) % (k * k), tile = get_group_id(0) / (k * k);
  const int c0 = tile % blocks * TN, j0 = tile / blocks * TN;
  const int dh = t / k - k / 2, dw = t % k - k / 2, band = get_group_id(1) * e.band;
  const int end = min(band + e.band, p.dy.dim[0] * p.dy.dim[2]) * p.dy.dim[3];
  const tile_slice qa = tile_slice_of(TILE_SIDE, 4, p.x.stride[1] != 1);
  const tile_slice qb = tile_slice_of(TILE_SIDE, 4, p.dy.stride[1] != 1);
  float4 acc[4] = {0, 0, 0, 0}, scale = 0, offset = 0;
  if (stats.normed) {
    scale = conv_four_scales(stats, c0 + qa.i, qa.di, p.x.dim[1] - 1);
    offset = conv_four_offsets(stats, c0 + qa.i, qa.di, p.x.dim[1] - 1);
  }
  for (int i0 = band * p.dy.dim[3]; i0 < end;
       i0 += TILE_SIDE) { /* all work-items take every turn */
    if (l < TILE_SIDE) {
      const conv_pixel q = conv_pixel_of(p.dy, min(i0 + l, end - 1));
      const int in = i0 + l < end && conv_inside(p.x, q.h + dh, q.w + dw);
      from[l] = in ? conv_pixel_of(p.x, i0 + l).at + dh * p.x.stride[2] + dw * p.x.stride[3] : -1;
      to[l] = i0 + l < end ? q.at : -1;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    const float4 ra = conv_gather(qa, from, x_, c0, p.x.dim[1], p.x.stride[1]);
    tile_put(as, stats.normed ? conv_gathered(ra, qa, from, scale, offset) : ra, 0, 4, qa,
             TILE_SIDE);
    tile_put(bs, conv_gather(qb, to, dy_, j0, p.dy.dim[1], p.dy.stride[1]), 0, 4, qb, TILE_SIDE);
    barrier(CLK_LOCAL_MEM_FENCE);
    tile_products(as, bs, TILE_SIDE, 1, acc);
  }
  global float *d = scratch + get_group_id(1) * conv_sums(p.dw) + j0 + 4 * x;
  TILE_ROWS(1, STORE)
}
#endif

/* Work-group (i, j): tap i % (k k) of input channel i / (k k), panel j of output channels. */
kernel BY_LANES void conv_bwd_weights_add(CLF_IN(x), CLF_IN(mean), CLF_IN(var), CLF_IN(shift),
                                          CLF_IN(dy), CLF_OUT(dw), const conv_bwd_weights_args p,
                                          CLF_SCRATCH(conv_weights_plan)) {
  const int k = p.dw.dim[3], t = get_group_id(0) % (k * k), c = get_group_id(0) / (k * k);
  const int columns = conv_columns(p.dw);
  const size_t sums = conv_sums(p.dw);
  for (int l = get_local_id(0) * LANES; l < TN; l += get_local_size(0) * LANES) {
    const int j = get_group_id(1) * TN + l, so = p.dw.stride[0], n = p.dw.dim[0] - j;
    if (n <= 0) return;
    global const float *s = scratch + (size_t)(t * p.dw.dim[1] + c) * columns + j;
    global float *to = &AT(dw, j, c, t / k, t % k);
    V sum = 0;
    for (int band = 0; band < e.bands; band++) sum += VLOAD(s + band * sums);
    if (p.beta != 0) sum += p.beta * lanes_load(to, so, n);
    lanes_store(sum, to, so, n);
  }
}
