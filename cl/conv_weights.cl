/* SPDX-License-Identifier: MIT */
/* conv_weights.cl: the gradient of convolutions by their weights; by Winograd's way in
 * conv_weights_winograd.cl.
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
static void conv_rows(global const float *s, clf_view v, conv_pixel q, int count, int columns,
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
static void conv_normalise(conv_norm norm, int Ci, int count, int columns, global float *d) {
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
