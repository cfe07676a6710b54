/* SPDX-License-Identifier: MIT */
/* conv.cl: convolutions of images and their gradients by the input and the bias; by the weights
 * in conv_weights.cl, by Winograd's way in conv_winograd.cl.
 *
 * The weights are packed into panels of PANEL columns, [panels][k k][rows][PANEL], zero
 * beyond the last column: columns are the channels written, rows the channels read.
 * With that, the gradient by the input is the forward product with the taps turned round.
 * Pixels are counted through, n h w in order, so that tiles are full whatever W is. */
#define PANEL TN

typedef struct { /* as the product sees w: offset, numbers and strides of rows, columns, taps */
  int offset, rows, cols, k, row, col, tap_h, tap_w;
} conv_weights;

static conv_weights conv_as_is(clf_view w) {
  const conv_weights q = {w.offset,    w.dim[1],    w.dim[0],    w.dim[3],
                          w.stride[1], w.stride[0], w.stride[2], w.stride[3]};
  return q;
}
static conv_weights conv_turned(clf_view w) {
  const int last = (w.dim[3] - 1) * (w.stride[2] + w.stride[3]);
  const conv_weights q = {w.offset + last, w.dim[0],    w.dim[1],     w.dim[3],
                          w.stride[0],     w.stride[1], -w.stride[2], -w.stride[3]};
  return q;
}

/* Group (c, j) packs row c of panel j. */
static void conv_pack(global const float *w, conv_weights q, global float *panels) {
  const int c = get_group_id(0), j = get_group_id(1), taps = q.k * q.k;
  for (int t = 0; t < taps; t++) {
    global const float *s = w + q.offset + c * q.row + t / q.k * q.tap_h + t % q.k * q.tap_w;
    global float *d = panels + ((size_t)(j * taps + t) * q.rows + c) * PANEL;
    for (int l = get_local_id(0) * LANES; l < PANEL; l += get_local_size(0) * LANES) {
      const int col = j * PANEL + l;
      VSTORE(lanes_load(s + (ptrdiff_t)col * q.col, q.col, q.cols - col), d + l);
    }
  }
}

/* With several lanes the panels are at e.x, and in front of them lies what stands for a pixel
 * beyond the edge: zeros, or where x is normalised the least of all numbers, of which relu makes
 * zero; behind it a table of scales and one of offsets.  With one lane the panels come first, for
 * an offset costs registers, and the tables are at e.x. */
#if LANES > 1
#define PANELS (pool + e.x)
#define TABLE(C) (e.x - NORMED * 2 * UP16(C))
#define FILL(count, value) conv_outside(pool, count, value)
#else
#define PANELS pool
#define TABLE(C) e.x
#define FILL(count, value)
#endif
#define UP16(n) (((n) + 15) / 16 * 16)
INLINE conv_norm conv_no_norm(void) {
  const conv_norm none = {0, 0};
  return none;
}
INLINE conv_norm conv_norm_at(global const float *table, int C, int normed) {
  const conv_norm q = {table, table + UP16(C)};
  return normed ? q : conv_no_norm();
}
#define NORMED (p.mean.dim[0] > 0)
#define NORM conv_norm_at(pool + TABLE(p.x.dim[1]), p.x.dim[1], NORMED)
/* Of channel c. */
#define SCALE(c) rsqrt(*PTR(var, c, 0) + p.eps)
#define OFFSET(c) ((p.shift.dim[0] ? *PTR(shift, c, 0) : 0) - *PTR(mean, c, 0) * SCALE(c))

#if LANES > 1
/* Group (c, j) writes its share. */
static void conv_outside(global float *pool, int count, float value) {
  for (int i = get_global_id(0) + get_global_size(0) * get_group_id(1); i < count;
       i += get_global_size(0) * get_global_size(1))
    pool[i] = value;
}
#endif
#define FWD                                                                                        \
  CLF_IN(x), CLF_IN(w), CLF_IN(bias), CLF_IN(mean), CLF_IN(var), CLF_IN(shift), CLF_OUT(y),        \
      const conv_fwd_args p, CLF_POOL
#define FWD_FRONT                                                                                  \
  const int c = get_group_id(0), C = p.x.dim[1];                                                   \
  FILL(TABLE(C), NORMED ? -MAXFLOAT : 0);                                                          \
  if (NORMED && get_group_id(1) == 0 && get_local_id(0) == 0) {                                    \
    pool[TABLE(C) + c] = SCALE(c);                                                                 \
    pool[TABLE(C) + UP16(C) + c] = OFFSET(c);                                                      \
  }
#define DATA CLF_IN(dy), CLF_IN(w), CLF_OUT(dx), const conv_bwd_data_args p, CLF_POOL

kernel BY_LANES void conv_fwd_pack(FWD) {
  FWD_FRONT;
  conv_pack(w_, conv_as_is(p.w), PANELS);
}
kernel BY_LANES void conv_bwd_data_pack(DATA) {
  FILL(e.x, 0);
  conv_pack(w_, conv_turned(p.w), PANELS);
}

typedef struct { /* pixel i of a view: where it is, and where its channels begin */
  int h, w, at;
} conv_pixel;
INLINE conv_pixel conv_pixel_of(clf_view v, int i) {
  conv_pixel q;
  q.w = i % v.dim[3];
  q.h = i / v.dim[3] % v.dim[2];
  q.at = v.offset + i / (v.dim[3] * v.dim[2]) * v.stride[0] + q.h * v.stride[2] + q.w * v.stride[3];
  return q;
}
/* The pixel behind q, by steps: divisions are slow. */
INLINE conv_pixel conv_next(clf_view v, conv_pixel q) {
  q.w++;
  q.at += v.stride[3];
  if (q.w == v.dim[3]) {
    q.w = 0;
    q.h++;
    q.at += v.stride[2] - v.dim[3] * v.stride[3];
  }
  if (q.h == v.dim[2]) {
    q.h = 0;
    q.at += v.stride[0] - v.dim[2] * v.stride[2];
  }
  return q;
}
INLINE int conv_inside(clf_view v, int h, int w) {
  return h >= 0 && h < v.dim[2] && w >= 0 && w < v.dim[3];
}

#if LANES > 1
/* ---- An item computes TM pixels by TN channels, or by LANES where no more are left ------ */

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

/* Pixels past the end repeat the last.  A tap beyond the edge reads what stands for it in front of
 * the panels, spaced as the channels of x are. */
static void conv_tile(global const float *x, clf_view xv, conv_norm norm, int k,
                      global const float *pool, int front, global float *y, clf_view yv, float beta,
                      global const float *bias, int bias_stride) {
  const int i0 = get_global_id(0) * TM, j0 = get_global_id(1) * TN, wide = yv.dim[1] - j0 > LANES;
  const int pixels = yv.dim[0] * yv.dim[2] * yv.dim[3], C = xv.dim[1], sc = xv.stride[1];
  global const float *b = pool + front + (size_t)j0 * k * k * C;
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
        a[r] = conv_inside(xv, q[r].h + dh, q[r].w + dw) ? x + (q[r].at + step) : pool;
      for (int c = 0; c < C && norm.scale; c += LANES) { /* a vector of channels at a time */
        const int n = min(C - c, LANES);
        const V scale = lanes_load(norm.scale + c, 1, n);
        const V offset = lanes_load(norm.offset + c, 1, n);
        clf_lanes v[TM];
#pragma unroll
        for (int r = 0; r < TM; r++)
          v[r].v = conv_normal(lanes_load(a[r] + c * sc, sc, n), scale, offset);
        if (wide)
          for (int l = 0; l < n; l++, b += TN) {
            CONV_STEP2(b, v[r].f[l]);
          }
        else
          for (int l = 0; l < n; l++, b += TN) {
            CONV_STEP1(b, v[r].f[l]);
          }
      }
      if (norm.scale) continue;
      if (wide)
        for (int c = 0; c < C; c++, b += TN) {
          CONV_STEP2(b, a[r][c * sc]);
        }
      else
        for (int c = 0; c < C; c++, b += TN) {
          CONV_STEP1(b, a[r][c * sc]);
        }
    }
  V sums[TM][2]; /* a copy has the address: acc stays in registers */
#pragma unroll
  for (int r = 0; r < TM; r++) {
    sums[r][0] = acc[r][0];
    sums[r][1] = acc[r][1];
  }
  conv_store(sums, wide, i0, j0, y, yv, beta, bias, bias_stride);
}
#define CONV(in, norm, k, out, beta, bias, stride)                                                 \
  conv_tile(in##_, p.in, norm, k, pool, e.x, out##_, p.out, beta, bias, stride)
#define BY_TILE BY_LANES

#else
/* ---- A group computes a tile of pixels by channels, clflow.clh ------------------------------- */

/* Where the pixels of a tile are: places, rows, columns, one after the other in local memory. */
INLINE void conv_places(clf_view v, int i0, int n, local int *places) {
  const int l = get_local_id(1) * get_local_size(0) + get_local_id(0);
  for (int i = l; i < n; i += get_local_size(0) * get_local_size(1)) {
    const conv_pixel q = conv_pixel_of(v, min(i0 + i, v.dim[0] * v.dim[2] * v.dim[3] - 1));
    places[i] = q.at;
    places[n + i] = q.h;
    places[2 * n + i] = q.w;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
}

/* What an item reads at a tap: places in x of its pixels' first channels; -1 beyond the edge. */
INLINE int conv_read(int j, tile_part q, local const int *places, int n, clf_view v, int dh,
                     int dw) {
  const int i = q.i + j * q.di;
  const int inside = conv_inside(v, places[n + i] + dh, places[2 * n + i] + dw);
  return inside ? places[i] + dh * v.stride[2] + dw * v.stride[3] + (q.k + j * q.dk) * v.stride[1]
                : -1;
}
INLINE int4 conv_reads(int j, tile_part q, local const int *places, int n, clf_view v, int dh,
                       int dw) {
  return (int4)(conv_read(j, q, places, n, v, dh, dw), conv_read(j + 1, q, places, n, v, dh, dw),
                conv_read(j + 2, q, places, n, v, dh, dw),
                conv_read(j + 3, q, places, n, v, dh, dw));
}
INLINE float conv_number(int here, global const float *x, int at) { return here ? x[at] : 0; }
INLINE float4 conv_fetch(int j, int4 at, tile_part q, global const float *x, int depth) {
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
INLINE float4 conv_normal_four(float4 x, int j, int4 at, tile_part q, int c0, int C,
                               global const float *scale, global const float *offset) {
  const int c = c0 + q.k + j * q.dk;
  return (float4)(conv_normal_one(x.x, at.x, c, C, scale, offset),
                  conv_normal_one(x.y, at.y, c + q.dk, C, scale, offset),
                  conv_normal_one(x.z, at.z, c + 2 * q.dk, C, scale, offset),
                  conv_normal_one(x.w, at.w, c + 3 * q.dk, C, scale, offset));
}

/* The next channels are on their way to registers while these are multiplied; they are normalised
 * as they leave those, when their scales need none for long. */
#define ZERO(r) acc[r] = 0;
INLINE void conv_tile(global const float *x, clf_view v, global const float *scale,
                      global const float *offset, int k, global const float *panels,
                      local int *places, local float4 *as, local float4 *bs, int side, int a,
                      float4 *acc) {
  const int n = 4 * a * side, C = v.dim[1], sc = v.stride[1], j0 = get_group_id(1) * 4 * side;
  const int blocks = (C + side - 1) / side, turns = k * k * blocks;
  global const float *w = panels + ((size_t)(j0 / PANEL) * k * k * C * PANEL + j0 % PANEL);
  const tile_part qa = tile_part_of(side, 4 * a, sc == 1), qb = tile_part_of(side, 4, 0);
  const int at_w = qb.i + qb.k * PANEL;
  int4 at[2];
  float4 ra[2], rb;
  TILE_ROWS(a, ZERO)
  conv_places(v, get_group_id(0) * n, n, places);
  for (int turn = 0, t = 0, c = 0; turn <= turns; turn++) { /* all items run every turn */
    if (turn > 0 && scale) {
      const int c0 = (c ? c : blocks * side) - side;
      ra[0] = conv_normal_four(ra[0], 0, at[0], qa, c0, C, scale, offset);
      if (a > 1) ra[1] = conv_normal_four(ra[1], 4, at[1], qa, c0, C, scale, offset);
    }
    if (turn > 0) {
      tile_put(as, ra[0], 0, 4 * a, qa, side);
      if (a > 1) tile_put(as, ra[1], 4, 4 * a, qa, side);
      tile_put(bs, rb, 0, 4, qb, side);
      barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (turn < turns) {
      const int dh = t / k - k / 2, dw = t % k - k / 2;
      if (c == 0) at[0] = conv_reads(0, qa, places, n, v, dh, dw);
      if (c == 0 && a > 1) at[1] = conv_reads(4, qa, places, n, v, dh, dw);
      ra[0] = conv_fetch(0, at[0], qa, x + c * sc, C - c);
      if (a > 1) ra[1] = conv_fetch(4, at[1], qa, x + c * sc, C - c);
      rb = tile_fetch(0, qb, w, at_w + (t * C + c) * PANEL, qb.dk * PANEL, 1, C - c - qb.k);
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
  conv_store_one(v, y + (q.at + (j + s) * to.stride[1]), i < pixels && j + s < to.dim[1], beta,    \
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
  const int pixels = to.dim[0] * to.dim[2] * to.dim[3];
  conv_pixel q = conv_pixel_of(to, i0);
  TILE_ROWS(a, STORE)
}
#undef ZERO
#undef STORE_ONE
#undef STORE

#define CONV_BY(side, a, in, norm, k, out, beta, bias, stride)                                     \
  local float4 as[TILE_A(side, a)], bs[TILE_B(side)];                                              \
  local int places[3 * 4 * a * side];                                                              \
  float4 acc[4 * a];                                                                               \
  const conv_norm norm_ = norm;                                                                    \
  conv_tile(in##_, p.in, norm_.scale, norm_.offset, k, PANELS, places, as, bs, side, a, acc);      \
  conv_finish(acc, side, a, out##_, p.out, beta, bias, stride)
#define CONV(in, norm, k, out, beta, bias, stride)                                                 \
  CONV_BY(TILE_SIDE, 2, in, norm, k, out, beta, bias, stride)
#define CONV_SMALL(in, norm, k, out, beta, bias, stride)                                           \
  CONV_BY(TILE_SMALL, 1, in, norm, k, out, beta, bias, stride)

kernel BY_SMALL_TILE void conv_fwd_small(FWD) {
  CONV_SMALL(x, NORM, p.w.dim[3], y, p.beta, p.bias.dim[0] ? bias_ + p.bias.offset : 0,
             p.bias.stride[0]);
}
kernel BY_SMALL_TILE void conv_bwd_data_small(DATA) {
  CONV_SMALL(dy, conv_no_norm(), p.w.dim[3], dx, p.beta, 0, 0);
}
#endif

kernel BY_TILE void conv_fwd(FWD) {
  CONV(x, NORM, p.w.dim[3], y, p.beta, p.bias.dim[0] ? bias_ + p.bias.offset : 0, p.bias.stride[0]);
}
kernel BY_TILE void conv_bwd_data(DATA) { CONV(dy, conv_no_norm(), p.w.dim[3], dx, p.beta, 0, 0); }
#undef CONV
#undef CONV_SMALL
#undef CONV_BY

/* ---- The gradient by the bias -------------------------------------------------------------- */

/* LANES channels of band j, which is e.x rows of pixels; then, a channel an item, the e.y bands. */
kernel BY_LANES void conv_bwd_bias(CLF_IN(dy), CLF_OUT(db), const conv_bwd_bias_args p, CLF_POOL) {
  const int c = get_global_id(0) * LANES, C = p.dy.dim[1], band = get_global_id(1);
  const int row1 = min((band + 1) * e.x, p.dy.dim[0] * p.dy.dim[2]);
  V sum = 0;
  if (c >= C) return;
  for (int row = band * e.x; row < row1; row++) {
    global const float *s = &AT(dy, row / p.dy.dim[2], c, row % p.dy.dim[2], 0);
    if (p.dy.stride[1] == 1 && C - c >= LANES)
      for (int w = 0; w < p.dy.dim[3]; w++, s += p.dy.stride[3]) sum += VLOAD(s);
    else
      for (int w = 0; w < p.dy.dim[3]; w++, s += p.dy.stride[3])
        sum += lanes_load(s, p.dy.stride[1], C - c);
  }
  lanes_store(sum, pool + band * C + c, 1, C - c);
}

kernel BY_ITEM void conv_bwd_bias_add(CLF_IN(dy), CLF_OUT(db), const conv_bwd_bias_args p,
                                      CLF_POOL) {
  const int c = get_global_id(0), C = p.dy.dim[1];
  if (c >= C) return;
  float sum = 0;
  for (int band = 0; band < e.y; band++) sum += pool[band * C + c];
  *PTR(db, c, 0) = p.beta != 0 ? sum + p.beta * *PTR(db, c, 0) : sum;
}
