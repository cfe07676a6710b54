/* SPDX-License-Identifier: MIT */
/* conv_weights.c: the gradients of convolutions by weights and bias. */
#include "winograd.h"

/* ---- Winograd's algorithm -------------------------------------------------------------------- */

/* Of 4 x 4 pixels, channels c .. c + LANES - 1, of which `left` exist. */
typedef struct wino_gradient_channels {
  const real *const *pixels;
  int c, left;
} wino_gradient_channels;
WINO_INLINE V wino_gradient(wino_gradient_channels q, int i, int j) {
  return vec_load(q.pixels[i * 4 + j] + q.c, 1, q.left);
}

/* to[36][tiles][columns], `matrix` elements each and `pitch` from tile to tile: A e A' of `count`
 * tiles, from channel j0 on. */
static void wino_gradients(const clf_tensor *dy, int first, int count, int j0, int columns,
                           const real *zeros, real *to, int pitch, ptrdiff_t matrix) {
  for (int t = 0; t < count; t++, to += pitch) {
    const real *pixels[16];
    wino_pixels(dy, wino_tile_of(dy, first + t), 0, 4, zeros, pixels);
    for (int l = 0; l < columns; l += LANES) {
      const wino_gradient_channels from = {pixels, j0 + l, dy->dim[1] - j0 - l};
      const wino_points points = {to + l, matrix};
      WINO_BOTH(wino_a_back, 4, 6, wino_gradient, from, wino_put_point, points)
    }
  }
}

/* d[TM][columns] (+)= the sums over `count` tiles of rows x by rows dy; only n rows of d exist. */
static void wino_outer(const real *x, int x_row, const real *dy, int dy_row, int count, real *d,
                       int columns, int n, int add) {
  vec sum[TM][2] = {{{0}}};
  for (int t = 0; t < count; t++, x += x_row, dy += dy_row) {
    const vec b0 = VEC_IN(dy), b1 = VEC_IN(dy + LANES);
#pragma GCC unroll 8
    for (int r = 0; r < TM; r++) {
      sum[r][0] += x[r] * b0;
      sum[r][1] += x[r] * b1;
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < TM; r++)
    if (r < n) {
      real *to = d + (ptrdiff_t)r * columns;
      if (add) {
        sum[r][0] += VEC(to);
        sum[r][1] += VEC(to + LANES);
      }
      VEC(to) = sum[r][0];
      VEC(to + LANES) = sum[r][1];
    }
}

/* Bands of tiles, whose sums are added at the end; if there are few bands, jobs divide their
 * columns, `each` per job. */
enum { BLOCK = 64 }; /* tiles at a time */
typedef struct wino_weights {
  const clf_conv_bwd_weights_args *p;
  int tiles, band, bands, columns, each, parts;
  norm m;
  const real *zeros;
  real *sums; /* [bands][36][Ci][columns] */
  real *slices;
  size_t slice; /* per job */
  /* With few tiles: x and dy, transformed as a whole, and the elements of each of 36 matrices. */
  real *x, *dy;
  ptrdiff_t x_matrix, dy_matrix;
} wino_weights;

CLF_LOOP(winograd_band, wino_weights, q, job) {
  const clf_conv_bwd_weights_args *p = q->p;
  const int b = job / q->parts, j0 = job % q->parts * q->each,
            mine = min_int(q->each, q->columns - j0);
  const int Ci = p->x.dim[1], begin = b * q->band, end = min_int(begin + q->band, q->tiles);
  const ptrdiff_t x_matrix = (ptrdiff_t)BLOCK * Ci + SPACE;
  const ptrdiff_t dy_matrix = (ptrdiff_t)BLOCK * mine + SPACE;
  real *x = q->slices + (size_t)job * q->slice, *dy = x + POINTS * x_matrix;
  real *d = q->sums + (ptrdiff_t)b * POINTS * Ci * q->columns;
  for (int first = begin; first < end; first += BLOCK) {
    const int count = min_int(BLOCK, end - first);
    wino_in(&p->x, &q->m, first, count, x, Ci, x_matrix);
    wino_gradients(&p->dy, first, count, j0, mine, q->zeros, dy, mine, dy_matrix);
    for (int t = 0; t < POINTS; t++)
      for (int j = 0; j < mine; j += TN)
        for (int c = 0; c < Ci; c += TM)
          wino_outer(x + t * x_matrix + c, Ci, dy + t * dy_matrix + j, mine, count,
                     d + ((ptrdiff_t)t * Ci + c) * q->columns + j0 + j, q->columns, Ci - c,
                     first > begin);
  }
}

/* dw = beta dw + taps[9], of channel c of x and LANES channels of dy from j on. */
enum { TAPS = LANES < 9 ? 9 : LANES };
static void add_taps(const clf_conv_bwd_weights_args *p, int j, int c, vec taps[TAPS]) {
  const clf_tensor *dw = &p->dw;
  const int n = min_int(LANES, dw->dim[0] - j), so = dw->stride[0];
  const real beta = p->beta;
#ifdef __AVX512F__
  if (dw->stride[3] == 1 && dw->stride[2] == 3) {
    real *to = at(dw, j, c, 0, 0);
    transpose_16((__m512 *)taps);
    for (int i = 0; i < n; i++, to += so)
      store_first(to, beta != 0 ? taps[i] + beta * load_first(to, 9) : taps[i], 9);
    return;
  }
#endif
  for (int t = 0; t < 9; t++) {
    real *to = at(dw, j, c, t / 3, t % 3);
    vec_store(beta != 0 ? taps[t] + beta * vec_load(to, so, n) : taps[t], to, so, n);
  }
}

/* dw = beta dw + G' of the bands' sums, in order, G; of channel c of x and LANES channels of dy
 * from j on.  s: these sums in the first band's first of 36 matrices, each of `matrix` elements. */
static void finish_taps(const wino_weights *q, const real *s, ptrdiff_t matrix, int j, int c) {
  V sum[POINTS];
  for (int t = 0; t < POINTS; t++, s += matrix) {
    sum[t] = VEC_IN(s);
    for (int band = 1; band < q->bands; band++) sum[t] += VEC_IN(s + band * POINTS * matrix);
  }
  vec taps[TAPS] = {{0}};
  const wino_vectors points = {sum, 6}, square = {taps, 3};
  WINO_BOTH(wino_g_back, 6, 3, wino_vector, points, wino_put_vector, square)
  add_taps(q->p, j, c, taps);
}

CLF_LOOP(winograd_add, wino_weights, q, c) {
  const ptrdiff_t matrix = (ptrdiff_t)q->p->dw.dim[1] * q->columns;
  for (int j = 0; j < q->p->dw.dim[0]; j += LANES)
    finish_taps(q, q->sums + (ptrdiff_t)c * q->columns + j, matrix, j, c);
}

static real *zeros_at(real *memory, int n) {
  for (int i = 0; i < n; i++) memory[i] = 0;
  return memory;
}

/* ---- Few tiles: x and dy are transformed as a whole, and a job has the sums of TM x TN channels,
 * which stay in its core's cache. */

CLF_LOOP(few_both, wino_weights, q, job) {
  const clf_conv_bwd_weights_args *p = q->p;
  const int first = job * TM, count = min_int(TM, q->tiles - first);
  const int x_pitch = p->x.dim[1] + SPACE, dy_pitch = q->columns + SPACE;
  wino_in(&p->x, &q->m, first, count, q->x + (ptrdiff_t)first * x_pitch, x_pitch, q->x_matrix);
  wino_gradients(&p->dy, first, count, 0, q->columns, q->zeros, q->dy + (ptrdiff_t)first * dy_pitch,
                 dy_pitch, q->dy_matrix);
}

/* The sums of a band over TM channels of x from c on and TN of dy from j on: d[36][TM][TN]. */
static void few_band(const wino_weights *q, int band, int c, int j, real *d) {
  const int Ci = q->p->x.dim[1], x_pitch = Ci + SPACE, dy_pitch = q->columns + SPACE;
  const int begin = band * q->band, end = min_int(begin + q->band, q->tiles);
  for (int first = begin; first < end; first += BLOCK)
    for (int t = 0; t < POINTS; t++)
      wino_outer(q->x + t * q->x_matrix + (ptrdiff_t)first * x_pitch + c, x_pitch,
                 q->dy + t * q->dy_matrix + (ptrdiff_t)first * dy_pitch + j, dy_pitch,
                 min_int(BLOCK, end - first), d + (ptrdiff_t)t * TM * TN, TN, Ci - c,
                 first > begin);
}

/* What finish_taps() will read and write. */
static void prefetch_gradient(const wino_weights *q, int c, int j) {
  const clf_tensor *dw = &q->p->dw;
  const int cols = min_int(TN, dw->dim[0] - j), n = 9 * min_int(TM, dw->dim[1] - c);
  for (int k = 0; k < cols && dw->stride[1] == 9; k++)
    for (int i = 0; i < n + LINE; i += LINE) __builtin_prefetch(at(dw, j + k, c, 0, 0) + i, 1);
}

/* Each job has TM channels of x and TN of dy; those that a thread takes together share the slice of
 * the first one. */
static void few_sums(const void *context, int first, int end) {
  const wino_weights *q = context;
  const int Ci = q->p->x.dim[1], Co = q->p->dw.dim[0], blocks = up(Ci, TM) / TM;
  real *d = q->slices + (size_t)first * q->slice;
  for (int job = first; job < end; job++) {
    const int c0 = job % blocks * TM, j0 = job / blocks * TN;
    prefetch_gradient(q, c0, j0);
    for (int band = 0; band < q->bands; band++)
      few_band(q, band, c0, j0, d + (ptrdiff_t)band * POINTS * TM * TN);
    for (int c = 0; c < TM && c0 + c < Ci; c++)
      for (int j = 0; j < TN && j0 + j < Co; j += LANES)
        finish_taps(q, d + (ptrdiff_t)c * TN + j, TM * TN, j0 + j, c0 + c);
  }
}

static clf_status few_weights(wino_weights *q, clf_scratch *scratch) {
  const clf_conv_bwd_weights_args *p = q->p;
  const int Ci = p->x.dim[1], jobs = up(Ci, TM) / TM * (q->columns / TN);
  const statistics of_x = STATISTICS(p);
  q->x_matrix = (ptrdiff_t)q->tiles * (Ci + SPACE) + SPACE;
  q->dy_matrix = (ptrdiff_t)q->tiles * (q->columns + SPACE) + SPACE;
  q->slice = (size_t)q->bands * POINTS * TM * TN;
  const size_t x = POINTS * (size_t)q->x_matrix, both = x + POINTS * (size_t)q->dy_matrix;
  const size_t slices = both + (size_t)jobs * q->slice;
  const size_t need = slices + (size_t)q->columns + norm_size(&of_x, Ci);
  q->x = clf_scratch_get(scratch, need);
  CLF_NEED(q->x, need);
  q->dy = q->x + x;
  q->slices = q->x + both;
  q->zeros = zeros_at(q->x + slices, q->columns);
  q->m = norm_at(q->x + slices + q->columns, &of_x, Ci);
  in_threads(300.0 * q->tiles * (Ci + q->columns), up(q->tiles, TM) / TM, few_both, q);
  in_threads(72.0 * q->tiles * Ci * q->columns, jobs, few_sums, q);
  return CLF_OK;
}

/* ---- All ------------------------------------------------------------------------------------- */

/* At most 8 bands of whole blocks; if that gives fewer than 4 jobs, they divide the panels. */
CLF_REF_ALGORITHM(conv_bwd_weights, weights_winograd) {
  enum { BANDS = 8, JOBS = 4 };
  const int Ci = p->x.dim[1], columns = up(p->dy.dim[1], TN), tiles = wino_tiles(&p->x);
  const statistics of_x = STATISTICS(p);
  wino_weights q = {.p = p, .tiles = tiles, .columns = columns};
  q.band = up(up(tiles, BLOCK) / BLOCK, BANDS) / BANDS * BLOCK;
  q.bands = up(tiles, q.band) / q.band;
  if (wino_is_few(tiles, Ci) && wino_is_few(tiles, columns)) return few_weights(&q, scratch);
  const int want = up(JOBS, q.bands) / q.bands;
  q.each = up(up(columns, want) / want, TN);
  q.parts = up(columns, q.each) / q.each;
  q.slice = (size_t)(POINTS * (BLOCK * (Ci + q.each) + 2 * SPACE));
  const int jobs = q.bands * q.parts;
  const size_t sums = (size_t)q.bands * POINTS * (size_t)Ci * (size_t)columns;
  const size_t slices = sums + (size_t)jobs * q.slice;
  const size_t need = slices + (size_t)columns + norm_size(&of_x, Ci);
  q.sums = clf_scratch_get(scratch, need);
  CLF_NEED(q.sums, need);
  q.slices = q.sums + sums;
  q.zeros = zeros_at(q.sums + slices, columns);
  q.m = norm_at(q.sums + slices + columns, &of_x, Ci);
  in_threads(72.0 * tiles * Ci * columns, jobs, winograd_band, &q);
  in_threads(40.0 * (double)sums / POINTS, Ci, winograd_add, &q);
  return CLF_OK;
}

/* ---- The gradient by w: bands of rows of pixels (n, h), then the bands in order -----------
 * x is copied into blocks of TM channels, [blocks][pixels][TM], dy into panels of TN, both padded
 * with zeros: data that are read repeatedly form one stream. */

typedef struct outer {
  const clf_conv_bwd_weights_args *p;
  int k, H, W, rows, band, at_once; /* total rows, rows of a band, and rows at a time */
  int Ci, columns;                  /* columns: Co rounded up to whole panels */
  int bands, blocks, panels;
  norm m;
  real *x, *dy;
  real *sums; /* [bands][k k][Ci][columns] */
} outer;
static size_t sums_of_band(const outer *q) {
  return (size_t)(q->k * q->k) * (size_t)q->Ci * (size_t)q->columns;
}

static void copy_row(const clf_tensor *t, const norm *m, int row, int by, int pixels, real *to) {
  const int C = t->dim[1], W = t->dim[3];
  const ptrdiff_t stride = t->stride[1];
  for (int c0 = 0; c0 < C; c0 += by) {
    real *d = to + ((ptrdiff_t)(c0 / by) * pixels + (ptrdiff_t)row * W) * by;
    const int n = min_int(by, C - c0);
    for (int w = 0; w < W; w++, d += by) {
      const real *s = at(t, row / t->dim[2], c0, row % t->dim[2], w);
      for (int c = 0; c < n; c++) d[c] = s[c * stride];
      for (int c = 0; c < n && m->scale; c++)
        d[c] = normal(d[c], m->scale[c0 + c], m->offset[c0 + c]);
      for (int c = n; c < by; c++) d[c] = 0;
    }
  }
}

CLF_LOOP(copy_rows, outer, q, row) {
  const norm none = {0};
  copy_row(&q->p->x, &q->m, row, TM, q->rows * q->W, q->x);
  copy_row(&q->p->dy, &none, row, TN, q->rows * q->W, q->dy);
}

/* d[TM][columns] += the sums over rows row .. end - 1 of a tap; only n rows of d exist. */
static void outer_tap(const outer *q, const real *x, const real *dy, int row, int end, int dh,
                      int dw, real *d, int n) {
  const int H = q->H, W = q->W, w0 = dw < 0 ? -dw : 0, w1 = dw > 0 ? W - dw : W;
  vec sum[TM][2] = {{{0}}};
  for (; row < end; row++) {
    const int h = row % H + dh;
    if (h < 0 || h >= H) continue;
    const real *a = x + ((ptrdiff_t)(row + dh) * W + w0 + dw) * TM;
    const real *b = dy + ((ptrdiff_t)row * W + w0) * TN;
    for (int w = w0; w < w1; w++, a += TM, b += TN) {
      const vec b0 = VEC_IN(b), b1 = VEC_IN(b + LANES);
#pragma GCC unroll 8
      for (int r = 0; r < TM; r++) {
        sum[r][0] += a[r] * b0;
        sum[r][1] += a[r] * b1;
      }
    }
  }
  for (int r = 0; r < TM; r++) /* to TM for any n: an unrolled loop keeps sums in registers */
    if (r < n) {
      VEC(d + (ptrdiff_t)r * q->columns) += sum[r][0];
      VEC(d + (ptrdiff_t)r * q->columns + LANES) += sum[r][1];
    }
}

/* A band's sums [k k][Ci][columns] at d, for a block and a panel; a few rows at a time, which
 * stay in cache for all taps, and keep sums short. */
CLF_LOOP(outer_band, outer, q, job) {
  const int jobs = q->blocks * q->panels, band = job / jobs, block = job % q->blocks;
  const int panel = job / q->blocks % q->panels;
  real *d = q->sums + (size_t)band * sums_of_band(q);
  const int k = q->k, n = q->Ci - block * TM, end = min_int((band + 1) * q->band, q->rows);
  const ptrdiff_t pixels = (ptrdiff_t)q->rows * q->W, step = (ptrdiff_t)q->Ci * q->columns;
  d += (ptrdiff_t)block * TM * q->columns + panel * TN;
  for (int t = 0; t < k * k; t++)
    for (int r = 0; r < TM && r < n; r++)
      for (int j = 0; j < TN; j++) d[t * step + (ptrdiff_t)r * q->columns + j] = 0;
  for (int row = band * q->band; row < end; row += q->at_once)
    for (int t = 0; t < k * k; t++)
      outer_tap(q, q->x + block * pixels * TM, q->dy + panel * pixels * TN, row,
                min_int(row + q->at_once, end), t / k - k / 2, t % k - k / 2, d + t * step, n);
}

/* Enough bands for 128 jobs, but none below 64 pixels: depends only on shapes. */
static int band_of(int rows, int W, int jobs) {
  const int least_rows = up(64, W) / W, bands = up(128, jobs) / jobs,
            want = up(rows, bands) / bands;
  return want > least_rows ? want : least_rows;
}

CLF_LOOP(add_bands, outer, q, c) {
  const clf_conv_bwd_weights_args *p = q->p;
  const int Co = p->dw.dim[0], k = q->k;
  const size_t size = sums_of_band(q), columns = (size_t)q->columns;
  for (int t = 0; t < k * k; t++)
    for (int o = 0; o < Co; o++) {
      const real *s = q->sums + ((size_t)t * (size_t)q->Ci + (size_t)c) * columns + (size_t)o;
      real sum = 0, *dw = at(&p->dw, o, c, t / k, t % k);
      for (int band = 0; band < q->bands; band++) sum += s[(size_t)band * size];
      *dw = p->beta != 0 ? sum + p->beta * *dw : sum;
    }
}

CLF_REF_ALGORITHM(conv_bwd_weights, weights_direct) {
  const int Ci = p->x.dim[1], H = p->dy.dim[2], W = p->dy.dim[3];
  outer q = {.p = p, .k = p->dw.dim[3], .H = H, .W = W, .rows = p->dy.dim[0] * H, .Ci = Ci};
  q.blocks = up(Ci, TM) / TM;
  q.panels = up(p->dy.dim[1], TN) / TN;
  q.columns = q.panels * TN;
  const int jobs = q.blocks * q.panels, pixels = q.rows * W;
  q.band = band_of(q.rows, W, jobs);
  q.at_once = up(128, W) / W;
  q.bands = up(q.rows, q.band) / q.band;
  const statistics of_x = STATISTICS(p);
  const size_t size = sums_of_band(&q), sums = (size_t)q.bands * size;
  const size_t copied = sums + (size_t)pixels * (size_t)(q.blocks * TM + q.columns);
  const size_t need = copied + norm_size(&of_x, 1);
  q.sums = clf_scratch_get(scratch, need);
  CLF_NEED(q.sums, need);
  q.x = q.sums + sums;
  q.dy = q.x + (size_t)pixels * (size_t)(q.blocks * TM);
  q.m = norm_at(q.sums + copied, &of_x, 1);
  in_threads(1.0 * pixels * (Ci + q.columns), q.rows, copy_rows, &q);
  in_threads(2.0 * pixels * (double)size, q.bands * jobs, outer_band, &q);
  in_threads(1.0 * (double)sums, Ci, add_bands, &q);
  return CLF_OK;
}

/* ---- Algorithms ------------------------------------------------------------------------------ */

CLF_REF_RULE(conv_bwd_weights, weights_applies) {
  return winograd_applies(&p->x, &p->dy, p->dw.dim[3]);
}
CLF_REF_RULE(conv_bwd_weights, weights_is_faster) { return winograd_is_faster(&p->x, &p->dy); }
CLF_REFS(conv_bwd_weights,
         {.name = "winograd",
          .takes = weights_applies,
          .suits = weights_is_faster,
          .compute = weights_winograd},
         {.name = "direct", .compute = weights_direct})

/* ---- The gradient by the bias ------------------------------------------------------------- */

/* sums[C] of rows row .. end - 1 of pixels. */
static void bias_band(const clf_tensor *dy, int row, int end, real *restrict sums) {
  const int C = dy->dim[1], stride = dy->stride[1];
  for (int c = 0; c < C; c++) sums[c] = 0;
  for (; row < end; row++)
    for (int w = 0; w < dy->dim[3]; w++) {
      const real *s = at(dy, row / dy->dim[2], 0, row % dy->dim[2], w);
      if (stride == 1)
        for (int c = 0; c < C; c++) sums[c] += s[c];
      else
        for (int c = 0; c < C; c++) sums[c] += s[(ptrdiff_t)c * stride];
    }
}

typedef struct bias_call {
  const clf_tensor *dy;
  int band, rows; /* rows of a band, and in total */
  real *sums;
} bias_call;
CLF_LOOP(bias_of_band, bias_call, q, b) {
  bias_band(q->dy, b * q->band, min_int((b + 1) * q->band, q->rows),
            q->sums + (ptrdiff_t)b * q->dy->dim[1]);
}

CLF_REF(conv_bwd_bias) {
  const int rows = p->dy.dim[0] * p->dy.dim[2], C = p->dy.dim[1], W = p->dy.dim[3];
  const int band = up(512, W) / W, bands = up(rows, band) / band;
  const size_t need = (size_t)bands * (size_t)C;
  real *sums = clf_scratch_get(scratch, need);
  CLF_NEED(sums, need);
  const bias_call q = {&p->dy, band, rows, sums};
  in_threads((double)clf__count(&p->dy), bands, bias_of_band, &q);
  for (int c = 0; c < C; c++) {
    real sum = 0, *db = at(&p->db, c, 0, 0, 0);
    for (int b = 0; b < bands; b++) sum += sums[(ptrdiff_t)b * C + c];
    *db = p->beta != 0 ? sum + p->beta * *db : sum;
  }
  return CLF_OK;
}
