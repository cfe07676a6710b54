/* SPDX-License-Identifier: MIT */
/* conv.cl: convolutions of images, and their gradients by the input and by the bias, as direct
 * sums:
 *   y[n,o,i,j] = sum over c, a, b of w[o,c,a,b] x[n,c,i+a-k/2,j+b-k/2]
 * Winograd's algorithm is in conv_winograd.cl, gradients by weights are in conv_weights.cl.
 *
 * A first launch packs the weights into panels of TN output channels.  Then the output is a
 * matrix, pixels by channels, in tiles:
 *
 *               panel 0, TN channels   panel 1          for each tap (a, b), for each channel c:
 *             +----------------------+---------           acc[pixel][:] +=
 *   TM pixels | a work-item, or with |                      x[pixel + tap][c] * w[tap][c][:]
 *             | one lane a group     |
 *             +----------------------+---------
 *   TM pixels |                      |
 *
 *   vectors   a work-item has TM pixels (8 or 6) by TN = 2 LANES channels in registers, or by LANES
 *             where no more are left
 *   one lane  a work-group has a tile of tiles.clh, TM x TN (128 x 64) or 32 x 32; x goes through
 *             local memory, `side` channels of a tap at a time
 *
 * Assumed: nothing of strides.  Pixels past the end repeat the last, and are not stored. */
#include "conv.clh"

/* Work-group (c, j) packs row c of panel j. */
static void conv_pack(global const float *w, conv_weights q, global float *panels) {
  const int c = get_group_id(0), j = get_group_id(1), taps = q.k * q.k;
  for (int t = 0; t < taps; t++) {
    global const float *s = w + q.offset + c * q.row + t / q.k * q.tap_h + t % q.k * q.tap_w;
    global float *d = panels + ((size_t)(j * taps + t) * q.rows + c) * TN;
    for (int l = get_local_id(0) * LANES; l < TN; l += get_local_size(0) * LANES) {
      const int col = j * TN + l;
      VSTORE(lanes_load(s + (ptrdiff_t)col * q.col, q.col, q.cols - col), d + l);
    }
  }
}

kernel BY_LANES void conv_fwd_pack(CLF_IN(x), CLF_IN(w), CLF_IN(bias), CLF_IN(mean), CLF_IN(var),
                                   CLF_IN(shift), CLF_OUT(y), const conv_fwd_args p,
                                   CLF_SCRATCH(conv_plan)) {
  conv_front(scratch, e, p.x.dim[1],
             conv_stats_of(mean_, p.mean, var_, p.var, shift_, p.shift, p.eps));
  conv_pack(w_, conv_as_is(p.w), conv_panels(scratch, e));
}
kernel BY_LANES void conv_bwd_data_pack(CLF_IN(dy), CLF_IN(w), CLF_OUT(dx),
                                        const conv_bwd_data_args p, CLF_SCRATCH(conv_plan)) {
#if LANES > 1
  conv_outside(scratch, e.at, 0);
#endif
  conv_pack(w_, conv_turned(p.w), conv_panels(scratch, e));
}

#if LANES > 1
/* ---- Vectors: a work-item computes TM pixels by one or two vectors of channels -------------- */

static void conv_store(V (*sums)[2], int wide, int i0, int j0, global float *y, clf_view v,
                       float beta, global const float *bias, int bias_stride) {
  const int pixels = v.dim[0] * v.dim[2] * v.dim[3], stride = v.stride[1];
  conv_pixel q = conv_pixel_of(v, i0);
  for (int r = 0; r < TM && i0 + r < pixels; r++) {
    for (int h = 0; h < 2; h++) {
      const int j = j0 + h * LANES, n = v.dim[1] - j;
      global float *to = y + (q.at + j * stride);
      V sum = sums[r][h];
      if (h > wide) continue;
      if (bias) sum += lanes_load(bias + j * bias_stride, bias_stride, n);
      if (beta != 0) sum += beta * lanes_load(to, stride, n);
      lanes_store(sum, to, stride, n);
    }
    q = conv_next(v, q);
  }
}

/* Pixels past the end repeat the last.  A tap beyond the edge reads `outside`, which is spaced as
 * the channels of x are. */
static void conv_tile(global const float *x, clf_view xv, conv_norm norm, int k,
                      global const float *outside, global const float *panels, global float *y,
                      clf_view yv, float beta, global const float *bias, int bias_stride) {
  const int i0 = get_global_id(0) * TM, j0 = get_global_id(1) * TN, wide = yv.dim[1] - j0 > LANES;
  const int pixels = yv.dim[0] * yv.dim[2] * yv.dim[3], C = xv.dim[1], sc = xv.stride[1];
  global const float *b = panels + (size_t)j0 * k * k * C;
  conv_pixel q[TM];
  V acc[TM][2];
#pragma unroll
  for (int r = 0; r < TM; r++) {
    q[r] = r == 0 ? conv_pixel_of(xv, i0) : i0 + r < pixels ? conv_next(xv, q[r - 1]) : q[r - 1];
    acc[r][0] = acc[r][1] = 0;
  }
  for (int dh = -(k / 2); dh <= k / 2; dh++)
    for (int dw = -(k / 2); dw <= k / 2; dw++) {
      const int step = dh * xv.stride[2] + dw * xv.stride[3];
      global const float *a[TM];
#pragma unroll
      for (int r = 0; r < TM; r++)
        a[r] = conv_inside(xv, q[r].h + dh, q[r].w + dw) ? x + (q[r].at + step) : outside;
      for (int c = 0; c < C && norm.scale; c += LANES) { /* a vector of channels at a time */
        const int n = min(C - c, LANES);
        const V scale = lanes_load(norm.scale + c, 1, n);
        const V offset = lanes_load(norm.offset + c, 1, n);
        clf_lanes v[TM];
#pragma unroll
        for (int r = 0; r < TM; r++)
          v[r].v = conv_normal(lanes_load(a[r] + c * sc, sc, n), scale, offset);
        if (wide)
          for (int l = 0; l < n; l++, b += TN) conv_step_lanes(acc, 2, b, v, l);
        else
          for (int l = 0; l < n; l++, b += TN) conv_step_lanes(acc, 1, b, v, l);
      }
      if (norm.scale) continue;
      if (wide)
        for (int c = 0; c < C; c++, b += TN) conv_step(acc, 2, b, a, c * sc);
      else
        for (int c = 0; c < C; c++, b += TN) conv_step(acc, 1, b, a, c * sc);
    }
  V sums[TM][2]; /* a copy that has an address: acc stays in registers */
#pragma unroll
  for (int r = 0; r < TM; r++) {
    sums[r][0] = acc[r][0];
    sums[r][1] = acc[r][1];
  }
  conv_store(sums, wide, i0, j0, y, yv, beta, bias, bias_stride);
}
kernel BY_LANES void conv_fwd(CLF_IN(x), CLF_IN(w), CLF_IN(bias), CLF_IN(mean), CLF_IN(var),
                              CLF_IN(shift), CLF_OUT(y), const conv_fwd_args p,
                              CLF_SCRATCH(conv_plan)) {
  conv_tile(x_, p.x, conv_norm_of(scratch, e, p.x.dim[1], p.mean.dim[0] > 0), p.w.dim[3], scratch,
            scratch + e.at, y_, p.y, p.beta, p.bias.dim[0] ? bias_ + p.bias.offset : 0,
            p.bias.stride[0]);
}
kernel BY_LANES void conv_bwd_data(CLF_IN(dy), CLF_IN(w), CLF_OUT(dx), const conv_bwd_data_args p,
                                   CLF_SCRATCH(conv_plan)) {
  conv_tile(dy_, p.dy, conv_no_norm(), p.w.dim[3], scratch, scratch + e.at, dx_, p.dx, p.beta, 0,
            0);
}

#else
/* ---- One lane: a work-group computes a tile of pixels by channels --------------------------- */

/* The n pixels of a tile, for all work-items, in local memory: where their channels start, their
 * rows, their columns. */
INLINE void conv_find_pixels(clf_view v, int i0, int n, local int *pixels) {
  const int l = get_local_id(1) * get_local_size(0) + get_local_id(0);
  for (int i = l; i < n; i += get_local_size(0) * get_local_size(1)) {
    const conv_pixel q = conv_pixel_of(v, min(i0 + i, v.dim[0] * v.dim[2] * v.dim[3] - 1));
    pixels[i] = q.at;
    pixels[n + i] = q.h;
    pixels[2 * n + i] = q.w;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
}

/* Where a work-item reads x at a tap, for its pixels; -1 beyond the edge. */
INLINE int conv_read(int j, tile_slice q, local const int *pixels, int n, clf_view v, int dh,
                     int dw) {
  const int i = q.i + j * q.di;
  const int inside = conv_inside(v, pixels[n + i] + dh, pixels[2 * n + i] + dw);
  return inside ? pixels[i] + dh * v.stride[2] + dw * v.stride[3] + (q.k + j * q.dk) * v.stride[1]
                : -1;
}
INLINE int4 conv_reads(int j, tile_slice q, local const int *pixels, int n, clf_view v, int dh,
                       int dw) {
  return (int4)(conv_read(j, q, pixels, n, v, dh, dw), conv_read(j + 1, q, pixels, n, v, dh, dw),
                conv_read(j + 2, q, pixels, n, v, dh, dw),
                conv_read(j + 3, q, pixels, n, v, dh, dw));
}
INLINE float conv_number(int here, global const float *x, int at) { return here ? x[at] : 0; }
INLINE float4 conv_fetch(int j, int4 at, tile_slice q, global const float *x, int depth) {
  depth -= q.k + j * q.dk;
  return (float4)(conv_number(at.x >= 0 && depth > 0, x, at.x),
                  conv_number(at.y >= 0 && depth > q.dk, x, at.y),
                  conv_number(at.z >= 0 && depth > 2 * q.dk, x, at.z),
                  conv_number(at.w >= 0 && depth > 3 * q.dk, x, at.w));
}

/* What was fetched of channels c0 and on, normalised; zero stays where there is no pixel or
 * channel. */
INLINE float conv_normal_one(float x, int at, int c, int C, global const float *scale,
                             global const float *offset) {
  return at >= 0 && c < C ? conv_normal(x, scale[c], offset[c]) : 0;
}
INLINE float4 conv_normal_four(float4 x, int j, int4 at, tile_slice q, int c0, int C,
                               global const float *scale, global const float *offset) {
  const int c = c0 + q.k + j * q.dk;
  return (float4)(conv_normal_one(x.x, at.x, c, C, scale, offset),
                  conv_normal_one(x.y, at.y, c + q.dk, C, scale, offset),
                  conv_normal_one(x.z, at.z, c + 2 * q.dk, C, scale, offset),
                  conv_normal_one(x.w, at.w, c + 3 * q.dk, C, scale, offset));
}

/* The next channels are on their way to registers while these are multiplied.  They are normalised
 * as they leave the registers, so that scales occupy some only shortly. */
#define ZERO(r) acc[r] = 0;
INLINE void conv_tile(global const float *x, clf_view v, conv_norm norm, int k,
                      global const float *panels, local int *pixels, local float4 *as,
                      local float4 *bs, int side, int a, float4 *acc) {
  const int n = 4 * a * side, C = v.dim[1], sc = v.stride[1], j0 = get_group_id(1) * 4 * side;
  const int blocks = (C + side - 1) / side, turns = k * k * blocks;
  global const float *w = panels + ((size_t)(j0 / TN) * k * k * C * TN + j0 % TN);
  const tile_slice qa = tile_slice_of(side, 4 * a, sc == 1), qb = tile_slice_of(side, 4, 0);
  const int at_w = qb.i + qb.k * TN;
  int4 at[2];
  float4 ra[2], rb;
  TILE_ROWS(a, ZERO)
  conv_find_pixels(v, get_group_id(0) * n, n, pixels);
  for (int turn = 0, t = 0, c = 0; turn <= turns; turn++) { /* all work-items take every turn */
    if (turn > 0 && norm.scale) {
      const int c0 = (c ? c : blocks * side) - side;
      ra[0] = conv_normal_four(ra[0], 0, at[0], qa, c0, C, norm.scale, norm.offset);
      if (a > 1) ra[1] = conv_normal_four(ra[1], 4, at[1], qa, c0, C, norm.scale, norm.offset);
    }
    if (turn > 0) {
      tile_put(as, ra[0], 0, 4 * a, qa, side);
      if (a > 1) tile_put(as, ra[1], 4, 4 * a, qa, side);
      tile_put(bs, rb, 0, 4, qb, side);
      barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (turn < turns) {
      const int dh = t / k - k / 2, dw = t % k - k / 2;
      if (c == 0) at[0] = conv_reads(0, qa, pixels, n, v, dh, dw);
      if (c == 0 && a > 1) at[1] = conv_reads(4, qa, pixels, n, v, dh, dw);
      ra[0] = conv_fetch(0, at[0], qa, x + c * sc, C - c);
      if (a > 1) ra[1] = conv_fetch(4, at[1], qa, x + c * sc, C - c);
      rb = tile_fetch(0, qb, w, at_w + (t * C + c) * TN, qb.dk * TN, 1, C - c - qb.k);
      c += side;
      if (c >= C) {
        c = 0;
        t++;
      }
    }
    if (turn > 0) {
      tile_products(as, bs, side, a, acc);
      barrier(CLK_LOCAL_MEM_FENCE);
    }
  }
}

INLINE void conv_store_one(float v, global float *to, int here, float beta,
                           global const float *bias) {
  if (!here) return;
  if (bias) v += *bias;
  *to = beta != 0 ? v + beta * *to : v;
}
#define STORE_ONE(s, v)                                                                            \
  conv_store_one(v, y + (q.at + (j + s) * to.stride[1]), i < count && j + s < to.dim[1], beta,     \
                 bias ? bias + (j + s) * bias_stride : 0);
#define STORE(r)                                                                                   \
  {                                                                                                \
    const int i = i0 + r;                                                                          \
    TILE_COLUMNS(STORE_ONE, acc[r])                                                                \
    q = conv_next(to, q);                                                                          \
  }
INLINE void conv_finish(const float4 *acc, int side, int a, global float *y, clf_view to,
                        float beta, global const float *bias, int bias_stride) {
  const int i0 = (get_group_id(0) * side + get_local_id(1)) * 4 * a;
  const int j = (get_group_id(1) * side + get_local_id(0)) * 4;
  const int count = to.dim[0] * to.dim[2] * to.dim[3];
  conv_pixel q = conv_pixel_of(to, i0);
  TILE_ROWS(a, STORE)
}

kernel BY_TILE void conv_fwd(CLF_IN(x), CLF_IN(w), CLF_IN(bias), CLF_IN(mean), CLF_IN(var),
                             CLF_IN(shift), CLF_OUT(y), const conv_fwd_args p,
                             CLF_SCRATCH(conv_plan)) {
  local float4 as[TILE_A(TILE_SIDE, 2)], bs[TILE_B(TILE_SIDE)];
  local int pixels[3 * 4 * 2 * TILE_SIDE];
  float4 acc[4 * 2];
  conv_tile(x_, p.x, conv_norm_of(scratch, e, p.x.dim[1], p.mean.dim[0] > 0), p.w.dim[3], scratch,
            pixels, as, bs, TILE_SIDE, 2, acc);
  conv_finish(acc, TILE_SIDE, 2, y_, p.y, p.beta, p.bias.dim[0] ? bias_ + p.bias.offset : 0,
              p.bias.stride[0]);
}
kernel BY_SMALL_TILE void conv_fwd_small(CLF_IN(x), CLF_IN(w), CLF_IN(bias), CLF_IN(mean),
                                         CLF_IN(var), CLF_IN(shift), CLF_OUT(y),
                                         const conv_fwd_args p, CLF_SCRATCH(conv_plan)) {
  local float4 as[TILE_A(TILE_SMALL, 1)], bs[TILE_B(TILE_SMALL)];
  local int pixels[3 * 4 * 1 * TILE_SMALL];
  float4 acc[4 * 1];
  conv_tile(x_, p.x, conv_norm_of(scratch, e, p.x.dim[1], p.mean.dim[0] > 0), p.w.dim[3], scratch,
            pixels, as, bs, TILE_SMALL, 1, acc);
  conv_finish(acc, TILE_SMALL, 1, y_, p.y, p.beta, p.bias.dim[0] ? bias_ + p.bias.offset : 0,
              p.bias.stride[0]);
}
kernel BY_TILE void conv_bwd_data(CLF_IN(dy), CLF_IN(w), CLF_OUT(dx), const conv_bwd_data_args p,
                                  CLF_SCRATCH(conv_plan)) {
  local float4 as[TILE_A(TILE_SIDE, 2)], bs[TILE_B(TILE_SIDE)];
  local int pixels[3 * 4 * 2 * TILE_SIDE];
  float4 acc[4 * 2];
  conv_tile(dy_, p.dy, conv_no_norm(), p.w.dim[3], scratch, pixels, as, bs, TILE_SIDE, 2, acc);
  conv_finish(acc, TILE_SIDE, 2, dx_, p.dx, p.beta, 0, 0);
}
kernel BY_SMALL_TILE void conv_bwd_data_small(CLF_IN(dy), CLF_IN(w), CLF_OUT(dx),
                                              const conv_bwd_data_args p, CLF_SCRATCH(conv_plan)) {
  local float4 as[TILE_A(TILE_SMALL, 1)], bs[TILE_B(TILE_SMALL)];
  local int pixels[3 * 4 * 1 * TILE_SMALL];
  float4 acc[4 * 1];
  conv_tile(dy_, p.dy, conv_no_norm(), p.w.dim[3], scratch, pixels, as, bs, TILE_SMALL, 1, acc);
  conv_finish(acc, TILE_SMALL, 1, dx_, p.dx, p.beta, 0, 0);
}
#endif

/* ---- The gradient by the bias --------------------------------------------------------------- */

/* Work-item (c, band): LANES channels of a band of e.size rows; then, for each channel, the bands.
 */
kernel BY_LANES void conv_bwd_bias(CLF_IN(dy), CLF_OUT(db), const conv_bwd_bias_args p,
                                   CLF_SCRATCH(bands_plan)) {
  const int c = get_global_id(0) * LANES, C = p.dy.dim[1], band = get_global_id(1);
  const int row1 = min((band + 1) * e.size, p.dy.dim[0] * p.dy.dim[2]);
  V sum = 0;
  if (c >= C) return;
  for (int row = band * e.size; row < row1; row++) {
    global const float *s = &AT(dy, row / p.dy.dim[2], c, row % p.dy.dim[2], 0);
    if (p.dy.stride[1] == 1 && C - c >= LANES)
      for (int w = 0; w < p.dy.dim[3]; w++, s += p.dy.stride[3]) sum += VLOAD(s);
    else
      for (int w = 0; w < p.dy.dim[3]; w++, s += p.dy.stride[3])
        sum += lanes_load(s, p.dy.stride[1], C - c);
  }
  lanes_store(sum, scratch + band * C + c, 1, C - c);
}

kernel BY_ITEM void conv_bwd_bias_add(CLF_IN(dy), CLF_OUT(db), const conv_bwd_bias_args p,
                                      CLF_SCRATCH(bands_plan)) {
  const int c = get_global_id(0), C = p.dy.dim[1];
  if (c >= C) return;
  float sum = 0;
  for (int band = 0; band < e.count; band++) sum += scratch[band * C + c];
  *PTR(db, c, 0) = p.beta != 0 ? sum + p.beta * *PTR(db, c, 0) : sum;
}
