/* SPDX-License-Identifier: MIT */
/* conv.cl: convolutions of images and their gradients.
 *
 * The weights are packed into panels of PANEL columns, [panels][k k][rows][PANEL], zero
 * beyond the last column: columns are the channels written, rows the channels read.
 * With that, the gradient by the input is the forward product with the taps turned round.
 * Pixels are counted through, n h w in order, so that tiles are full whatever W is. */
#define PANEL TN

typedef struct { /* as the product sees w: offset, numbers and strides of rows, columns, taps */
  int offset, rows, cols, k, row, col, tap_h, tap_w;
} conv_weights;

conv_weights conv_as_is(clf_view w) {
  const conv_weights q = {w.offset,    w.dim[1],    w.dim[0],    w.dim[3],
                          w.stride[1], w.stride[0], w.stride[2], w.stride[3]};
  return q;
}
conv_weights conv_turned(clf_view w) {
  const int last = (w.dim[3] - 1) * (w.stride[2] + w.stride[3]);
  const conv_weights q = {w.offset + last, w.dim[0],    w.dim[1],     w.dim[3],
                          w.stride[0],     w.stride[1], -w.stride[2], -w.stride[3]};
  return q;
}

/* Group (c, j) packs row c of panel j. */
void conv_pack(global const float *w, conv_weights q, global float *panels) {
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
void conv_outside(global float *pool, int count, float value) {
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
  FWD_FRONT
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

void conv_store(V (*sums)[2], int wide, int i0, int j0, global float *y, clf_view v, float beta,
                global const float *bias, int bias_stride) {
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
void conv_tile(global const float *x, clf_view xv, conv_norm norm, int k, global const float *pool,
               int front, global float *y, clf_view yv, float beta, global const float *bias,
               int bias_stride) {
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

#if LANES > 1
/* ---- The same by winograd.clh, for 3x3 and channels last ------------------------------------
 * The pool: what stands for pixels beyond an edge, as above; at e.x the weights' panels
 * [panels][36][rows][TN]; rows [36][e.y tiles][C] for each i of items (i, part); sums
 * [36][e.y tiles][TN] for each item. Matrices are a little longer: powers of two apart they would
 * hit few cache sets. */
#define MATRIX(rows, columns) ((rows) * (columns) + 16)

/* Group (c, j) packs row c of panel j. */
void conv_wino_pack(global const float *w, conv_weights q, global float *panels) {
  const int c = get_global_id(0), j = get_global_id(1);
  const int matrix = MATRIX(q.rows, TN);
  global float *d = panels + (size_t)j * 36 * matrix + c * TN;
  for (int l = 0; l < TN; l += LANES) {
    const int col = j * TN + l;
    global const float *s = w + (q.offset + c * q.row + (ptrdiff_t)col * q.col);
#define FROM(i, j) lanes_load(s + ((i)*q.tap_h + (j)*q.tap_w), q.col, q.cols - col)
#define TO(i, j, v) VSTORE(v, d + ((i)*6 + (j)) * matrix + l)
    WINO_BOTH(WINO_G, 3, 6)
#undef FROM
#undef TO
  }
}

/* Of item (i, part), behind the panels. */
#define WINO_ROW_SIZE(C) ((size_t)36 * MATRIX(e.y, C))
#define WINO_ROWS(C, columns)                                                                      \
  (pool + e.x + (size_t)(((columns) + TN - 1) / TN * 36) * MATRIX(C, TN) +                         \
   get_global_id(0) * WINO_ROW_SIZE(C))

/* Where several parts need the rows of a block, i's only one, each has transformed some tiles. */
void conv_wino_rows(global const float *x, clf_view xv, conv_norm norm, global float *pool, int4 e,
                    int columns) {
  const int C = xv.dim[1], each = (e.y - 1) / (int)get_global_size(1) + 1;
  const int first = get_global_id(1) * each, count = min(each, e.y - first);
  wino_in(x, xv, norm, get_global_id(0) * e.y + first, count, pool,
          WINO_ROWS(C, columns) + first * C, C, MATRIX(e.y, C));
}

/* Item (i, part) takes each block of tiles from i on, and each panel from `part` on. */
void conv_wino(global const float *x, clf_view xv, conv_norm norm, global float *pool, int4 e,
               global float *y, clf_view yv, float beta, global const float *bias,
               int bias_stride) {
  const int C = xv.dim[1], panels = (yv.dim[1] + TN - 1) / TN, tiles = wino_tiles(xv);
  const int part = get_global_id(1), matrix = MATRIX(e.y, C), step = MATRIX(C, TN),
            panel = 36 * step;
  global float *panel0 = pool + e.x, *rows = WINO_ROWS(C, yv.dim[1]);
  global float *sums = rows + (get_global_size(0) - get_global_id(0)) * WINO_ROW_SIZE(C) +
                       (get_global_id(0) + part * get_global_size(0)) * (size_t)(36 * e.y * TN);
  for (int first = get_global_id(0) * e.y; first < tiles; first += get_global_size(0) * e.y) {
    const int count = min(e.y, tiles - first), whole = (count + TM - 1) / TM * TM;
    if (get_global_size(1) == 1) wino_in(x, xv, norm, first, whole, pool, rows, C, matrix);
    for (int j = part; j < panels; j += get_global_size(1)) {
      wino_products(rows, matrix, C, whole, panel0 + (size_t)j * panel, step,
                    yv.dim[1] - j * TN > LANES, sums);
      wino_out(sums, whole, first, count, j * TN, y, yv, beta, bias, bias_stride);
    }
  }
}

kernel BY_LANES void conv_fwd_winograd_pack(FWD) {
  FWD_FRONT
  conv_wino_pack(w_, conv_as_is(p.w), pool + e.x);
}
kernel BY_LANES void conv_fwd_winograd_rows(FWD) {
  conv_wino_rows(x_, p.x, NORM, pool, e, p.y.dim[1]);
}
kernel BY_LANES void conv_fwd_winograd(FWD) {
  conv_wino(x_, p.x, NORM, pool, e, y_, p.y, p.beta, p.bias.dim[0] ? bias_ + p.bias.offset : 0,
            p.bias.stride[0]);
}
kernel BY_LANES void conv_bwd_data_winograd_pack(DATA) {
  conv_outside(pool, e.x, 0);
  conv_wino_pack(w_, conv_turned(p.w), pool + e.x);
}
kernel BY_LANES void conv_bwd_data_winograd_rows(DATA) {
  conv_wino_rows(dy_, p.dy, conv_no_norm(), pool, e, p.dx.dim[1]);
}
kernel BY_LANES void conv_bwd_data_winograd(DATA) {
  conv_wino(dy_, p.dy, conv_no_norm(), pool, e, dx_, p.dx, p.beta, 0, 0);
}
#endif
#undef WINO_ROW_SIZE
#undef WINO_ROWS
#undef TABLE
#undef FILL
#undef PANELS
#undef NORM
#undef FWD
#undef FWD_FRONT
#undef DATA

/* ---- The gradient by w ----------------------------------------------------------------------
 * Bands of e.x rows of pixels (n, h), e.y of them, each into sums of its own in the pool,
 * [bands][k k][Ci][COLUMNS]; then the bands in order. */

#define WEIGHTS                                                                                    \
  CLF_IN(x), CLF_IN(mean), CLF_IN(var), CLF_IN(shift), CLF_IN(dy), CLF_OUT(dw),                    \
      const conv_bwd_weights_args p, CLF_POOL
#define COLUMNS ((p.dw.dim[0] + PANEL - 1) / PANEL * PANEL) /* Co in whole panels */
#define SUMS_SIZE ((size_t)p.dw.dim[3] * p.dw.dim[3] * p.dw.dim[1] * COLUMNS)

#if LANES > 1
/* Behind the sums lie copies of x in blocks of TM channels, [blocks][pixels][TM], and of dy in
 * panels, [panels][pixels][TN], both filled up with zeros: what an item goes over again and
 * again is one stream, whatever the strides of the tensors. */
#define PIXELS ((size_t)p.dy.dim[0] * p.dy.dim[2] * p.dy.dim[3])
#define BLOCKS ((p.x.dim[1] + TM - 1) / TM)
#define X_COPY (pool + e.y * SUMS_SIZE)
#define DY_COPY (X_COPY + BLOCKS * PIXELS * TM)

/* An item copies a row of pixels. */
kernel BY_LANES void conv_bwd_weights_pack(WEIGHTS) {
  const int row = get_global_id(0), H = p.x.dim[2], W = p.x.dim[3], n = row / H, h = row % H;
  const int Ci = p.x.dim[1], Co = p.dy.dim[1], sx = p.x.stride[1], sy = p.dy.stride[1];
  for (int c = 0; c < Ci; c += TM) {
    global float *d = X_COPY + (c / TM * PIXELS + row * W) * TM;
    global const float *s = &AT(x, n, c, h, 0);
    for (int w = 0; w < W; w++, s += p.x.stride[3], d += TM)
#pragma unroll
      for (int r = 0; r < TM; r++) d[r] = c + r < Ci ? s[r * sx] : 0;
    for (int r = 0; r < TM && c + r < Ci && NORMED; r++) {
      const float scale = SCALE(c + r), offset = OFFSET(c + r);
      for (global float *to = d - W * TM + r; to < d; to += TM) {
        const float v = fma(*to, scale, offset);
        *to = v < 0 ? 0 : v;
      }
    }
  }
  for (int c = 0; c < Co; c += TN) {
    global float *d = DY_COPY + (c / TN * PIXELS + row * W) * TN;
    global const float *s = &AT(dy, n, c, h, 0);
    for (int w = 0; w < W; w++, s += p.dy.stride[3], d += TN) {
      VSTORE(lanes_load(s, sy, Co - c), d);
      VSTORE(lanes_load(s + LANES * sy, sy, Co - c - LANES), d + LANES);
    }
  }
}

/* d[TM][columns] (+)= the sums over rows row0 .. row1 - 1 for one tap; Ci rows of d are left. */
void conv_outer(global const float *x, global const float *dy, int H, int W, int row0, int row1,
                int dh, int dw, int wide, global float *d, int columns, int Ci, int add) {
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
      for (int w = w0; w < end; w++, a += TM, b += TN) {
        CONV_STEP2(b, a[r]);
      }
    else
      for (int w = w0; w < end; w++, a += TM, b += TN) {
        CONV_STEP1(b, a[r]);
      }
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

/* Item (g, band): a block of channels of x by a panel of dy.  It takes e.z rows at a time, which
 * stay in its core's cache while all taps go over them, and which keep sums short. */
kernel BY_LANES void conv_bwd_weights(WEIGHTS) {
  const int block = get_global_id(0) % BLOCKS, panel = get_global_id(0) / BLOCKS;
  const int H = p.dy.dim[2], W = p.dy.dim[3], k = p.dw.dim[3], c0 = block * TM, j0 = panel * TN;
  const int band = get_global_id(1) * e.x, end = min(band + e.x, p.dy.dim[0] * H);
  global const float *x = X_COPY + block * PIXELS * TM, *dy = DY_COPY + panel * PIXELS * TN;
  global float *d = pool + get_global_id(1) * SUMS_SIZE + (size_t)c0 * COLUMNS + j0;
  for (int row = band; row < end; row += e.z)
    for (int t = 0; t < k * k; t++)
      conv_outer(x, dy, H, W, row, min(row + e.z, end), t / k - k / 2, t % k - k / 2,
                 p.dy.dim[1] - j0 > LANES, d + (size_t)t * p.x.dim[1] * COLUMNS, COLUMNS,
                 p.x.dim[1] - c0, row > band);
}
#undef PIXELS
#undef X_COPY
#undef DY_COPY
#undef CONV_STEP1
#undef CONV_STEP2

/* ---- The same of 1x1: e.y bands of e.x pixels, e.z at a time -----------------------------------
 */

/* Copies of n channels of `count` pixels from q on, filled up to `columns`: rows of theirs and 16
 * more, since powers of two apart they would hit few cache sets. */
void conv_rows(global const float *s, clf_view v, conv_pixel q, int count, int columns,
               global float *d) {
  for (int i = 0; i < count; i++, d += columns + 16, q = conv_next(v, q))
    for (int c = 0; c < columns; c += LANES)
      VSTORE(lanes_load(s + (q.at + c * v.stride[1]), v.stride[1], v.dim[1] - c), d + c);
}

/* A table at `table`, scales of Ci channels and as many offsets; null where x stays as it is. */
#define MAKE_NORM(table)                                                                           \
  conv_norm norm = {0, 0};                                                                         \
  if (NORMED) {                                                                                    \
    for (int c = 0; c < Ci; c++) {                                                                 \
      (table)[c] = SCALE(c);                                                                       \
      (table)[Ci + c] = OFFSET(c);                                                                 \
    }                                                                                              \
    norm.scale = table;                                                                            \
    norm.offset = norm.scale + Ci;                                                                 \
  }

/* Of rows that conv_rows made. */
void conv_normalise(conv_norm norm, int Ci, int count, int columns, global float *d) {
  for (int c = 0; c < Ci && norm.scale; c += LANES) {
    const V scale = lanes_load(norm.scale + c, 1, Ci - c);
    const V offset = lanes_load(norm.offset + c, 1, Ci - c);
    for (global float *to = d + c; to < d + count * (columns + 16); to += columns + 16)
      VSTORE(conv_normal(VLOAD(to), scale, offset), to);
  }
}

/* Item (band, part): its share of the panels of dy.  Its copies lie behind the sums. */
kernel BY_LANES void conv_bwd_weights_pixels(WEIGHTS) {
  const int Ci = p.x.dim[1], wide = (BLOCKS * TM + LANES - 1) / LANES * LANES, row = COLUMNS + 16;
  const int each = (COLUMNS / TN - 1) / (int)get_global_size(1) + 1, j0 = get_global_id(1) * each;
  const int j1 = min(j0 + each, COLUMNS / TN), band = get_global_id(0);
  const int end = min((band + 1) * e.x, p.x.dim[0] * p.x.dim[2] * p.x.dim[3]);
  global float *d = pool + band * SUMS_SIZE;
  global float *x = pool + e.y * SUMS_SIZE +
                    (band + get_global_id(1) * e.y) * (size_t)(e.z * (wide + 16 + row) + e.w);
  global float *dy = x + e.z * (wide + 16);
  MAKE_NORM(dy + e.z * row)
  for (int i = band * e.x; i < end && j0 < j1; i += e.z) {
    const int count = min(e.z, end - i);
    conv_rows(x_, p.x, conv_pixel_of(p.x, i), count, wide, x);
    conv_normalise(norm, Ci, count, wide, x);
    conv_rows(dy_, p.dy, conv_pixel_of(p.dy, i), count, COLUMNS, dy);
    for (int j = j0; j < j1; j++)
      for (int c = 0; c < Ci; c += TM)
        wino_outer(x + c, wide + 16, dy + j * TN, row, count, p.dy.dim[1] - j * TN > LANES,
                   d + c * COLUMNS + j * TN, COLUMNS, Ci - c, i > band * e.x);
  }
}
#undef BLOCKS

#else
/* An item's numbers of channels c0 and on, of C. */
INLINE float conv_gather_one(int j, tile_part q, local const int *at, global const float *s, int c0,
                             int C, int stride) {
  const int c = c0 + q.i + j * q.di, place = at[q.k + j * q.dk];
  return place >= 0 && c < C ? s[place + c * stride] : 0;
}
INLINE float4 conv_gather(tile_part q, local const int *at, global const float *s, int c0, int C,
                          int stride) {
  return (float4)(conv_gather_one(0, q, at, s, c0, C, stride),
                  conv_gather_one(1, q, at, s, c0, C, stride),
                  conv_gather_one(2, q, at, s, c0, C, stride),
                  conv_gather_one(3, q, at, s, c0, C, stride));
}
/* Of these, normalised, by numbers of the same channels; zero beyond the edges. */
INLINE float4 conv_gathered(float4 x, tile_part q, local const int *at, float4 scale,
                            float4 offset) {
  const int4 place = (int4)(at[q.k], at[q.k + q.dk], at[q.k + 2 * q.dk], at[q.k + 3 * q.dk]);
  const float4 v = fma(x, scale, offset);
  return ((v < 0) | (place < 0)) ? (float4)0 : v;
}

/* Group (g, band): a tap, 4 TILE_SIDE channels of x by as many of dy; a term is a pixel. */
kernel BY_TILE void conv_bwd_weights(WEIGHTS) {
  local float4 as[TILE_A(TILE_SIDE, 1)], bs[TILE_B(TILE_SIDE)];
  local int from[TILE_SIDE], to[TILE_SIDE]; /* a pixel's places in x and dy; -1: none */
  const int x = get_local_id(0), y = get_local_id(1), l = y * TILE_SIDE + x, k = p.dw.dim[3];
  const int blocks = (p.x.dim[1] + TN - 1) / TN, t = get_group_id(0) % (k * k);
  const int c0 = get_group_id(0) / (k * k) % blocks * TN,
            j0 = get_group_id(0) / (k * k) / blocks * TN;
  const int dh = t / k - k / 2, dw = t % k - k / 2, band = get_group_id(1) * e.x;
  const int end = min(band + e.x, p.dy.dim[0] * p.dy.dim[2]) * p.dy.dim[3];
  const tile_part qa = tile_part_of(TILE_SIDE, 4, p.x.stride[1] != 1);
  const tile_part qb = tile_part_of(TILE_SIDE, 4, p.dy.stride[1] != 1);
  float4 acc[4] = {0, 0, 0, 0}, scale = 0, offset = 0;
  if (NORMED) {
#define CHANNEL_OF(r) min(c0 + qa.i + r * qa.di, p.x.dim[1] - 1)
#define FOUR(number)                                                                               \
  (float4)(number(CHANNEL_OF(0)), number(CHANNEL_OF(1)), number(CHANNEL_OF(2)),                    \
           number(CHANNEL_OF(3)))
    scale = FOUR(SCALE);
    offset = FOUR(OFFSET);
#undef CHANNEL_OF
#undef FOUR
  }
  for (int i0 = band * p.dy.dim[3]; i0 < end; i0 += TILE_SIDE) { /* all items run every turn */
    if (l < TILE_SIDE) {
      const conv_pixel q = conv_pixel_of(p.dy, min(i0 + l, end - 1));
      const int in = i0 + l < end && conv_inside(p.x, q.h + dh, q.w + dw);
      from[l] = in ? conv_pixel_of(p.x, i0 + l).at + dh * p.x.stride[2] + dw * p.x.stride[3] : -1;
      to[l] = i0 + l < end ? q.at : -1;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    const float4 ra = conv_gather(qa, from, x_, c0, p.x.dim[1], p.x.stride[1]);
    tile_put(as, NORMED ? conv_gathered(ra, qa, from, scale, offset) : ra, 0, 4, qa, TILE_SIDE);
    tile_put(bs, conv_gather(qb, to, dy_, j0, p.dy.dim[1], p.dy.stride[1]), 0, 4, qb, TILE_SIDE);
    barrier(CLK_LOCAL_MEM_FENCE);
    tile_products(as, bs, TILE_SIDE, 1, acc);
  }
  global float *d = pool + get_group_id(1) * SUMS_SIZE + j0 + 4 * x;
#define STORE(r)                                                                                   \
  if (c0 + 4 * y + r < p.x.dim[1])                                                                 \
    vstore4(acc[r], 0, d + (size_t)(t * p.x.dim[1] + c0 + 4 * y + r) * COLUMNS);
  TILE_ROWS(1, STORE)
#undef STORE
}
#endif

/* Group (i, j): tap i % (k k) of input channel i / (k k), panel j of output channels. */
kernel BY_LANES void conv_bwd_weights_add(WEIGHTS) {
  const int k = p.dw.dim[3], t = get_group_id(0) % (k * k), c = get_group_id(0) / (k * k);
  for (int l = get_local_id(0) * LANES; l < PANEL; l += get_local_size(0) * LANES) {
    const int j = get_group_id(1) * PANEL + l, so = p.dw.stride[0], n = p.dw.dim[0] - j;
    if (n <= 0) return;
    global const float *s = pool + (size_t)(t * p.dw.dim[1] + c) * COLUMNS + j;
    global float *to = &AT(dw, j, c, t / k, t % k);
    V sum = 0;
    for (int band = 0; band < e.y; band++) sum += VLOAD(s + band * SUMS_SIZE);
    if (p.beta != 0) sum += p.beta * lanes_load(to, so, n);
    lanes_store(sum, to, so, n);
  }
}

#if LANES > 1
/* ---- The same by winograd.clh: e.y bands of e.x blocks of e.z tiles ----------------------------
 * The pool: each band's sums [blocks of TM channels of x][panels][36][TM][TN]; for each band x's
 * rows [36][e.z][Ci], each a little longer; a slice for each item: e.w zeros, where x is normalised
 * a fourth of them, what stands for its pixels beyond the edges and its table; rows of dy
 * [36][e.z][columns of the part]. Each matrix is a little longer. */
#define WINO_BLOCKS ((p.x.dim[1] + TM - 1) / TM)
#define WINO_TILE(block, panel) (((size_t)(block)*COLUMNS / TN + (panel)) * 36 * TM * TN)
#define WINO_SUMS WINO_TILE(WINO_BLOCKS, 0)

/* Of item (band, part), which has a share of the panels of dy. */
#define WINO_ITEM                                                                                  \
  const int Ci = p.x.dim[1], panels = COLUMNS / TN, band = get_global_id(0);                       \
  const int each = (panels - 1) / (int)get_global_size(1) + 1, columns = each * TN;                \
  const int row = MATRIX(1, Ci), x_matrix = MATRIX(e.z, row), dy_matrix = MATRIX(e.z, columns);    \
  const int end = min((band + 1) * e.x * e.z, wino_tiles(p.x));                                    \
  global float *x = pool + e.y * WINO_SUMS + band * (size_t)(36 * x_matrix);                       \
  global float *zeros = x + (e.y - band) * (size_t)(36 * x_matrix) +                               \
                        (band + get_global_id(1) * e.y) * (e.w + (size_t)(36 * dy_matrix));        \
  global float *outside = NORMED ? zeros + e.w / 4 : zeros;                                        \
  for (int i = 0; i < e.w; i++) zeros[i] = i < e.w / 4 || !NORMED ? 0 : -MAXFLOAT;                 \
  MAKE_NORM(outside + e.w / 4)

/* Where several parts need the rows of a band, its only block, each transforms some tiles. */
kernel BY_LANES void conv_bwd_weights_winograd_rows(WEIGHTS) {
  WINO_ITEM
  const int share = (e.z - 1) / (int)get_global_size(1) + 1, t0 = get_global_id(1) * share;
  const int first = band * e.z + t0;
  wino_in(x_, p.x, norm, first, min(share, end - first), outside, x + t0 * row, row, x_matrix);
}

kernel BY_LANES void conv_bwd_weights_winograd(WEIGHTS) {
  WINO_ITEM
  const int j0 = get_global_id(1) * each, mine = min(each, panels - j0);
  global float *d = pool + band * WINO_SUMS, *dy = zeros + e.w;
  if (mine <= 0) return;
  for (int first = band * e.x * e.z; first < end; first += e.z) {
    const int count = min(e.z, end - first);
    if (get_global_size(1) == 1) wino_in(x_, p.x, norm, first, count, outside, x, row, x_matrix);
    wino_gradients(dy_, p.dy, first, count, j0 * TN, zeros, dy, columns, dy_matrix);
    for (int t = 0; t < 36; t++)
      for (int j = 0; j < mine; j++)
        for (int b = 0; b < WINO_BLOCKS; b++)
          wino_outer(x + t * x_matrix + b * TM, row, dy + t * dy_matrix + j * TN, columns, count,
                     p.dy.dim[1] - (j0 + j) * TN > LANES, d + WINO_TILE(b, j0 + j) + t * TM * TN,
                     TN, TM, first > band * e.x * e.z);
  }
}

/* Item (b, j): block b of channels of x by panel j of dy, over the bands in order, to taps. */
kernel BY_LANES void conv_bwd_weights_winograd_add(WEIGHTS) {
  const int c0 = get_global_id(0) * TM, j0 = get_global_id(1) * TN, so = p.dw.stride[0];
  const int rows = min(TM, p.dw.dim[1] - c0), columns = min(TN, p.dw.dim[0] - j0);
  global const float *s = pool + WINO_TILE(get_global_id(0), get_global_id(1));
  for (int l = 0; l < columns; l += LANES)
    for (int r = 0; r < rows; r++) {
      V sum[36];
      for (int t = 0; t < 36; t++) {
        sum[t] = 0;
        for (int band = 0; band < e.y; band++)
          sum[t] += VLOAD(s + ((t * TM + r) * TN + l) + band * WINO_SUMS);
      }
#define FROM(i, j) sum[(i)*6 + (j)]
#define TO(a, b, v)                                                                                \
  {                                                                                                \
    global float *to = &AT(dw, j0 + l, c0 + r, a, b);                                              \
    lanes_store(p.beta != 0 ? v + p.beta * lanes_load(to, so, columns - l) : v, to, so,            \
                columns - l);                                                                      \
  }
      WINO_BOTH(WINO_G_BACK, 6, 3)
#undef FROM
#undef TO
    }
}
#undef WINO_BLOCKS
#undef WINO_TILE
#undef WINO_SUMS
#undef WINO_ITEM
#undef MATRIX
#undef MAKE_NORM
#endif
#undef NORMED
#undef SCALE
#undef OFFSET
#undef UP16
#undef WEIGHTS
#undef COLUMNS
#undef SUMS_SIZE

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
#if LANES > 1
#undef BY_TILE
#endif
#undef PANEL
