/* SPDX-License-Identifier: MIT */
/* conv.c: convolutions of images and their gradients.  A tile is TM pixels, counted
 * through n h w, by TN channels, two vectors, whose sums stay in registers; the weights
 * are packed into panels of TN columns, zero beyond the last, so that the inner loop
 * reads one stream.  The vector types are GNU C's: loops over arrays become vectors too,
 * but gcc then keeps their sums in memory. */
#include "ref.h"

#if defined __AVX512F__
enum { BYTES = 64, TM = 8 };
#elif defined __AVX__
enum { BYTES = 32, TM = 6 };
#else
enum { BYTES = 16, TM = 6 };
#endif
enum { LANES = BYTES / sizeof(real), TN = 2 * LANES };
typedef real vec __attribute__((vector_size(BYTES)));
typedef vec vec_at __attribute__((aligned(sizeof(real)), may_alias)); /* anywhere in memory */
#define VEC(p) (*(vec_at *)(p))
#define VEC_IN(p) (*(const vec_at *)(p))

static int up(int n, int by) { return (n - 1) / by * by + by; }
static int least(int a, int b) { return a < b ? a : b; }

/* ---- Products: y = beta y + bias + x with w, forward and backward ------------------------ */

typedef struct product {
  const clf_tensor *x, *y, *w, *bias; /* bias may be NULL */
  real beta;
  int k, turned; /* the gradient by x is the product with w transposed and its taps turned */
  const real *zeros, *panels;
} product;

static real weight(const product *q, int row, int col, int a, int b) {
  const int last = q->k - 1;
  return q->turned ? *at(q->w, row, col, last - a, last - b) : *at(q->w, col, row, a, b);
}

/* [panels][k k][rows][TN] */
static void pack(const product *q, real *panels) {
  const int rows = q->x->dim[1], cols = q->y->dim[1], k = q->k;
  PARALLEL_FOR((double)rows *cols *k *k, int j0 = 0; j0 < cols; j0 += TN)
    for (int c = 0; c < rows; c++)
      for (int t = 0; t < k * k; t++) {
        real *d = panels + ((ptrdiff_t)j0 * k * k + (ptrdiff_t)t * TN) * rows + (ptrdiff_t)c * TN;
        for (int j = 0; j < TN; j++) d[j] = j0 + j < cols ? weight(q, c, j0 + j, t / k, t % k) : 0;
      }
}

typedef struct pixel {
  int n, h, w;
} pixel;
static pixel pixel_of(const clf_tensor *t, int i) {
  return (pixel){i / (t->dim[2] * t->dim[3]), i / t->dim[3] % t->dim[2], i % t->dim[3]};
}

/* out[r] = the sums of pixel i0 + r over panel b; pixels past the end repeat the last.  A tap
 * beyond the edge reads zeros, which are spaced as the channels of x are. */
static void tile(const product *q, int i0, const real *b, real out[TM][TN]) {
  const clf_tensor *x = q->x;
  const int last = x->dim[0] * x->dim[2] * x->dim[3] - 1, C = x->dim[1], k = q->k;
  const ptrdiff_t sc = x->stride[1];
  pixel px[TM];
  vec sum[TM][2] = {{{0}}};
  for (int r = 0; r < TM; r++) px[r] = pixel_of(x, least(i0 + r, last));
  for (int t = 0; t < k * k; t++) {
    const real *a[TM];
    for (int r = 0; r < TM; r++) {
      const int h = px[r].h + t / k - k / 2, w = px[r].w + t % k - k / 2;
      const int in = h >= 0 && h < x->dim[2] && w >= 0 && w < x->dim[3];
      a[r] = in ? at(x, px[r].n, 0, h, w) : q->zeros;
    }
    for (int c = 0; c < C; c++, b += TN) {
      const vec b0 = VEC_IN(b), b1 = VEC_IN(b + LANES);
#pragma GCC unroll 8
      for (int r = 0; r < TM; r++) {
        const real v = a[r][c * sc];
        sum[r][0] += v * b0;
        sum[r][1] += v * b1;
      }
    }
  }
  for (int r = 0; r < TM; r++) {
    VEC(out[r]) = sum[r][0];
    VEC(out[r] + LANES) = sum[r][1];
  }
}

/* n channels of a pixel of y.  Unit stride is its own loop, for the vectoriser. */
static void finish(const product *q, const real *sums, int j0, int n, real *restrict y) {
  const int stride = q->y->stride[1];
  real v[TN];
  for (int j = 0; j < TN; j++) v[j] = sums[j];
  for (int j = 0; j < n && q->bias; j++) v[j] += *at(q->bias, j0 + j, 0, 0, 0);
  for (int j = 0; j < n && q->beta != 0; j++) v[j] += q->beta * y[(ptrdiff_t)j * stride];
  if (stride == 1 && n == TN)
    for (int j = 0; j < TN; j++) y[j] = v[j];
  else
    for (int j = 0; j < n; j++) y[(ptrdiff_t)j * stride] = v[j];
}

static void tiles(const product *q, int i0, int i1, int j0) {
  const int n = least(TN, q->y->dim[1] - j0);
  const real *panel = q->panels + (ptrdiff_t)j0 * q->k * q->k * q->x->dim[1];
  for (; i0 < i1; i0 += TM) {
    real sums[TM][TN];
    tile(q, i0, panel, sums);
    for (int r = 0; r < TM && i0 + r < i1; r++) {
      const pixel px = pixel_of(q->y, i0 + r);
      finish(q, sums[r], j0, n, at(q->y, px.n, j0, px.h, px.w));
    }
  }
}

static clf_status multiply(product *q, clf_scratch *scratch) {
  enum { CHUNK = 16 * TM }; /* pixels, to a thread at a time */
  const clf_tensor *x = q->x, *y = q->y;
  const int pixels = y->dim[0] * y->dim[2] * y->dim[3], chunks = up(pixels, CHUNK) / CHUNK;
  const int panels = up(y->dim[1], TN) / TN, zeros = up((x->dim[1] - 1) * x->stride[1] + 1, TN);
  const size_t packed = (size_t)(q->k * q->k) * (size_t)x->dim[1] * (size_t)(panels * TN);
  real *memory = clf_scratch_get(scratch, (size_t)zeros + packed);
  CLF_NEED(memory, (size_t)zeros + packed);
  for (int i = 0; i < zeros; i++) memory[i] = 0;
  pack(q, memory + zeros);
  q->zeros = memory;
  q->panels = memory + zeros;
  PARALLEL_FOR(2.0 * pixels * (double)packed, int job = 0; job < chunks * panels; job++) {
    const int i0 = job % chunks * CHUNK;
    tiles(q, i0, least(i0 + CHUNK, pixels), job / chunks * TN);
  }
  return CLF_OK;
}

CLF_REF(conv_fwd) {
  product q = {.x = &p->x, .y = &p->y, .w = &p->w, .beta = p->beta, .k = p->w.dim[3]};
  if (p->bias.buf) q.bias = &p->bias;
  return multiply(&q, scratch);
}

CLF_REF(conv_bwd_data) {
  product q = {.x = &p->dy, .y = &p->dx, .w = &p->w, .beta = p->beta, .k = p->w.dim[3]};
  q.turned = 1;
  return multiply(&q, scratch);
}

/* ---- The gradient by w: bands of rows of pixels (n, h), then the bands in order -------------- */

typedef struct outer {
  const clf_tensor *x, *dy;   /* dy as vectors: its channels last, whole vectors of them */
  int k, rows, band, at_once; /* rows in all, of a band, and at a time */
  int columns;                /* Co in whole panels */
} outer;

/* A copy of dy in `memory`, its channels last and filled up with zeros to whole panels. */
static clf_tensor padded(const clf_tensor *dy, clf_buffer *b, real *memory) {
  const int all = up(dy->dim[1], TN), row = all * dy->dim[3];
  clf_tensor q = *dy;
  b->handle = memory;
  q.buf = b;
  q.offset = 0;
  q.dim[1] = all;
  q.stride[0] = row * dy->dim[2];
  q.stride[1] = 1;
  q.stride[2] = row;
  q.stride[3] = all;
  PARALLEL_FOR((double)clf__count(dy), int n = 0; n < dy->dim[0]; n++)
    EACH_OF(&q) *at(&q, n, c, h, w) = c < dy->dim[1] ? *at(dy, n, c, h, w) : 0;
  return q;
}

/* d[TM][columns] += the sums over rows row .. end - 1 of a tap, TM channels of x by TN of
 * dy.  Channels past the last of x repeat it. */
static void outer_tap(const outer *q, int row, int end, int dh, int dw, int c0, int j0, real *d) {
  const clf_tensor *x = q->x, *dy = q->dy;
  const int H = dy->dim[2], W = dy->dim[3], w0 = dw < 0 ? -dw : 0, w1 = dw > 0 ? W - dw : W;
  const ptrdiff_t sx = x->stride[3], sy = dy->stride[3];
  ptrdiff_t to[TM];
  vec sum[TM][2] = {{{0}}};
  for (int r = 0; r < TM; r++) to[r] = (ptrdiff_t)least(c0 + r, x->dim[1] - 1) * x->stride[1];
  for (; row < end; row++) {
    const int n = row / H, h = row % H;
    if (h + dh < 0 || h + dh >= H || w0 >= w1) continue;
    const real *a = at(x, n, 0, h + dh, w0 + dw), *b = at(dy, n, j0, h, w0);
    for (int w = w0; w < w1; w++, a += sx, b += sy) {
      const vec b0 = VEC_IN(b), b1 = VEC_IN(b + LANES);
#pragma GCC unroll 8
      for (int r = 0; r < TM; r++) {
        const real v = a[to[r]];
        sum[r][0] += v * b0;
        sum[r][1] += v * b1;
      }
    }
  }
  for (int r = 0; r < TM && c0 + r < x->dim[1]; r++, d += q->columns) {
    VEC(d) += sum[r][0];
    VEC(d + LANES) += sum[r][1];
  }
}

/* A band's sums [k k][Ci][columns] at d for TM channels of x and TN of dy; a few rows at a
 * time, which stay in cache while all taps go over them, and which keep sums short. */
static void outer_band(const outer *q, int band, int c0, int j0, real *d) {
  const int Ci = q->x->dim[1], k = q->k, end = least((band + 1) * q->band, q->rows);
  for (int t = 0; t < k * k; t++)
    for (int c = c0; c < least(c0 + TM, Ci); c++)
      for (int j = 0; j < TN; j++) d[((ptrdiff_t)t * Ci + c) * q->columns + j0 + j] = 0;
  for (int row = band * q->band; row < end; row += q->at_once)
    for (int t = 0; t < k * k; t++)
      outer_tap(q, row, least(row + q->at_once, end), t / k - k / 2, t % k - k / 2, c0, j0,
                d + ((ptrdiff_t)t * Ci + c0) * q->columns + j0);
}

/* As many bands as make 128 jobs, but none below 256 pixels: by shapes alone. */
static int band_of(int rows, int W, int jobs) {
  const int least_rows = up(256, W) / W, bands = up(128, jobs) / jobs,
            want = up(rows, bands) / bands;
  return want > least_rows ? want : least_rows;
}

static void add_bands(const clf_conv_bwd_weights_args *p, const real *sums, int bands,
                      int columns) {
  const int Co = p->dw.dim[0], Ci = p->dw.dim[1], k = p->dw.dim[3];
  const size_t size = (size_t)(k * k) * (size_t)Ci * (size_t)columns;
  PARALLEL_FOR((double)size *bands, int c = 0; c < Ci; c++)
    for (int t = 0; t < k * k; t++)
      for (int o = 0; o < Co; o++) {
        real sum = 0, *dw = at(&p->dw, o, c, t / k, t % k);
        for (int band = 0; band < bands; band++)
          sum += sums[(size_t)band * size + ((size_t)t * (size_t)Ci + (size_t)c) * (size_t)columns +
                      (size_t)o];
        *dw = p->beta != 0 ? sum + p->beta * *dw : sum;
      }
}

CLF_REF(conv_bwd_weights) {
  const int Co = p->dy.dim[1], Ci = p->x.dim[1], k = p->dw.dim[3], W = p->dy.dim[3];
  outer q = {.x = &p->x, .dy = &p->dy, .k = k, .rows = p->dy.dim[0] * p->dy.dim[2]};
  q.columns = up(Co, TN);
  const int blocks = up(Ci, TM) / TM, jobs = blocks * (q.columns / TN);
  q.band = band_of(q.rows, W, jobs);
  q.at_once = up(128, W) / W;
  const int bands = up(q.rows, q.band) / q.band, copy = p->dy.stride[1] != 1 || Co % TN != 0;
  const size_t size = (size_t)(k * k) * (size_t)Ci * (size_t)q.columns;
  const size_t need =
      (size_t)bands * size + (copy ? (size_t)q.rows * (size_t)W * (size_t)q.columns : 0);
  real *sums = clf_scratch_get(scratch, need);
  CLF_NEED(sums, need);
  clf_buffer buffer = {0};
  clf_tensor dy;
  if (copy) {
    dy = padded(&p->dy, &buffer, sums + (size_t)bands * size);
    q.dy = &dy;
  }
  PARALLEL_FOR(2.0 * q.rows * W * (double)size, int job = 0; job < bands * jobs; job++)
    outer_band(&q, job / jobs, job % blocks * TM, job / blocks % (q.columns / TN) * TN,
               sums + (size_t)(job / jobs) * size);
  add_bands(p, sums, bands, q.columns);
  return CLF_OK;
}

/* ---- The gradient by the bias -----------------------------------------------------------------
 */

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

CLF_REF(conv_bwd_bias) {
  const int rows = p->dy.dim[0] * p->dy.dim[2], C = p->dy.dim[1], W = p->dy.dim[3];
  const int band = up(512, W) / W, bands = up(rows, band) / band;
  const size_t need = (size_t)bands * (size_t)C;
  real *sums = clf_scratch_get(scratch, need);
  CLF_NEED(sums, need);
  PARALLEL_FOR((double)clf__count(&p->dy), int b = 0; b < bands; b++)
    bias_band(&p->dy, b * band, least((b + 1) * band, rows), sums + (ptrdiff_t)b * C);
  for (int c = 0; c < C; c++) {
    real sum = 0, *db = at(&p->db, c, 0, 0, 0);
    for (int b = 0; b < bands; b++) sum += sums[(ptrdiff_t)b * C + c];
    *db = p->beta != 0 ? sum + p->beta * *db : sum;
  }
  return CLF_OK;
}
