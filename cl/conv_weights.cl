/* SPDX-License-Identifier: MIT */
/* conv_weights.cl: the gradient of convolutions by their weights.
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
#undef MAKE_NORM
#endif
#undef WEIGHTS
#undef COLUMNS
#undef SUMS_SIZE
