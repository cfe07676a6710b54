/* SPDX-License-Identifier: MIT */
/* conv.c: convolutions of images and their gradients by the input.  A tile is TM pixels, counted
 * over n h w, by TN channels (two vectors), whose sums stay in registers; the weights are packed
 * into panels of TN columns, padded with zeros, so that the inner loop reads one stream. */
#include "winograd.h"

/* ---- Products: y = beta y + bias + x with w, for forward and backward ------------------------ */

typedef struct product {
  const clf_tensor *x, *y, *w, *bias; /* bias may be NULL */
  statistics of_x;
  real beta;
  int k, turned; /* the gradient by x is the product with transposed w and reversed taps */
  norm norm;
  real *panels;
  /* Winograd's algorithm: tiles per block, and jobs: `tasks` divide the blocks and `parts` the
   * panels; each job has a slice of memory. */
  int block, tasks, parts;
  size_t slice;
  real *slices;
  /* With few tiles: x, transformed as a whole, and the elements of each of its 36 matrices. */
  real *image;
  ptrdiff_t matrix;
} product;

static real weight(const product *q, int row, int col, int a, int b) {
  const int last = q->k - 1;
  return q->turned ? *at(q->w, row, col, last - a, last - b) : *at(q->w, col, row, a, b);
}

/* [panels][k k][rows][TN] */
CLF_LOOP(pack_panel, product, q, panel) {
  const int rows = q->x->dim[1], cols = q->y->dim[1], k = q->k, j0 = panel * TN;
  for (int c = 0; c < rows; c++)
    for (int t = 0; t < k * k; t++) {
      real *d = q->panels + ((ptrdiff_t)j0 * k * k + (ptrdiff_t)t * TN) * rows + (ptrdiff_t)c * TN;
      for (int j = 0; j < TN; j++) d[j] = j0 + j < cols ? weight(q, c, j0 + j, t / k, t % k) : 0;
    }
}

typedef struct pixel {
  int n, h, w;
} pixel;
static pixel pixel_of(const clf_tensor *t, int i) {
  return (pixel){i / (t->dim[2] * t->dim[3]), i / t->dim[3] % t->dim[2], i % t->dim[3]};
}

/* The pixel after q, by increments, because divisions are slow. */
static pixel next(const clf_tensor *t, pixel q) {
  if (++q.w < t->dim[3]) return q;
  q.w = 0;
  if (++q.h < t->dim[2]) return q;
  q.h = 0;
  q.n++;
  return q;
}

/* The first n channels of a[TM], from c on, normalised. */
static void normalise(const norm *m, const real *const a[TM], int c, int n, ptrdiff_t stride,
                      real out[TM][LANES]) {
  for (int r = 0; r < TM; r++)
    for (int i = 0; i < n; i++)
      out[r][i] = normal(a[r][(c + i) * stride], m->scale[c + i], m->offset[c + i]);
}

/* out[r] = the sums of pixel i0 + r over panel b; pixels past the end repeat the last one.  Taps
 * beyond the edge read `outside`, which has the channel stride of x. */
static void tile(const product *q, int i0, const real *b, real out[TM][TN]) {
  const clf_tensor *x = q->x;
  const int last = x->dim[0] * x->dim[2] * x->dim[3] - 1, C = x->dim[1], k = q->k;
  const ptrdiff_t sc = x->stride[1];
  pixel px[TM];
  const real *from[TM];
  vec sum[TM][2] = {{{0}}};
  px[0] = pixel_of(x, i0);
  for (int r = 1; r < TM; r++) px[r] = i0 + r <= last ? next(x, px[r - 1]) : px[r - 1];
  for (int r = 0; r < TM; r++) from[r] = at(x, px[r].n, 0, px[r].h, px[r].w);
  for (int dh = -(k / 2); dh <= k / 2; dh++)
    for (int dw = -(k / 2); dw <= k / 2; dw++) {
      const ptrdiff_t step = dh * (ptrdiff_t)x->stride[2] + dw * (ptrdiff_t)x->stride[3];
      const real *a[TM];
      for (int r = 0; r < TM; r++) {
        const int h = px[r].h + dh, w = px[r].w + dw;
        a[r] =
            h >= 0 && h < x->dim[2] && w >= 0 && w < x->dim[3] ? from[r] + step : q->norm.outside;
      }
      for (int c0 = 0, n = C; c0 < C; c0 += n) {
        real v[TM][LANES]; /* for a normalised x, TM channels at a time */
        const int normed = q->norm.scale != NULL;
        const ptrdiff_t sa = normed ? 1 : sc;
        if (normed) {
          n = min_int(LANES, C - c0);
          normalise(&q->norm, a, c0, n, sc, v);
        }
        const real *s[TM];
        for (int r = 0; r < TM; r++) s[r] = normed ? v[r] : a[r];
        for (int c = 0; c < n; c++, b += TN) {
          const vec b0 = VEC_IN(b), b1 = VEC_IN(b + LANES);
#pragma GCC unroll 8
          for (int r = 0; r < TM; r++) {
            const real number = s[r][c * sa];
            sum[r][0] += number * b0;
            sum[r][1] += number * b1;
          }
        }
      }
    }
  for (int r = 0; r < TM; r++) {
    VEC(out[r]) = sum[r][0];
    VEC(out[r] + LANES) = sum[r][1];
  }
}

/* n channels of a pixel of y.  Unit stride has its own loop, for the vectoriser. */
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

enum { CHUNK = 16 * TM }; /* pixels per job */
static int pixels_of(const clf_tensor *t) { return t->dim[0] * t->dim[2] * t->dim[3]; }

/* Each job is a chunk of pixels for one panel. */
CLF_LOOP(tiles, product, q, job) {
  const int pixels = pixels_of(q->y), chunks = up(pixels, CHUNK) / CHUNK;
  int i0 = job % chunks * CHUNK;
  const int i1 = min_int(i0 + CHUNK, pixels), j0 = job / chunks * TN;
  const int n = min_int(TN, q->y->dim[1] - j0);
  const real *panel = q->panels + (ptrdiff_t)j0 * q->k * q->k * q->x->dim[1];
  for (; i0 < i1; i0 += TM) {
    real sums[TM][TN];
    tile(q, i0, panel, sums);
    pixel px = pixel_of(q->y, i0);
    for (int r = 0; r < TM && i0 + r < i1; r++, px = next(q->y, px))
      finish(q, sums[r], j0, n, at(q->y, px.n, j0, px.h, px.w));
  }
}

static clf_status multiply(product *q, clf_scratch *scratch) {
  const clf_tensor *x = q->x, *y = q->y;
  const int pixels = pixels_of(y), chunks = up(pixels, CHUNK) / CHUNK;
  const int panels = up(y->dim[1], TN) / TN, span = (x->dim[1] - 1) * x->stride[1] + 1;
  const size_t packed = (size_t)(q->k * q->k) * (size_t)x->dim[1] * (size_t)(panels * TN);
  const size_t need = packed + norm_size(&q->of_x, span);
  q->panels = clf_scratch_get(scratch, need);
  CLF_NEED(q->panels, need);
  in_threads(1.0 * x->dim[1] * y->dim[1] * q->k * q->k, panels, pack_panel, q);
  q->norm = norm_at(q->panels + packed, &q->of_x, span);
  in_threads(2.0 * pixels * (double)packed, chunks * panels, tiles, q);
  return CLF_OK;
}

/* ---- Winograd's algorithm -------------------------------------------------------------------- */

enum { TASKS = 16 }; /* maximum jobs: their slices together fit into the cache that cores share */

/* The 3 x 3 weights from channel c to the channels j0 .. j0 + LANES - 1, of which those from `cols`
 * on are 0: w[9][TN]. */
static void weights_of_lanes(const product *q, int c, int j0, int cols, real w[9][TN]) {
  const int n = min_int(LANES, cols - j0);
  if (q->w->stride[3] != 1 || q->w->stride[2] != 3) {
    for (int t = 0; t < 9; t++)
      for (int j = 0; j < LANES; j++) w[t][j] = j < n ? weight(q, c, j0 + j, t / 3, t % 3) : 0;
    return;
  }
  transpose(q->turned ? at(q->w, c, j0, 0, 0) : at(q->w, j0, c, 0, 0), q->w->stride[q->turned], n,
            9, w[0]);
  for (int t = 0; t < 4 && q->turned; t++) {
    const vec v = VEC_IN(w[t]);
    VEC(w[t]) = VEC_IN(w[8 - t]);
    VEC(w[8 - t]) = v;
  }
}

/* The 3 x 3 taps of LANES columns of the weights. */
typedef struct wino_taps {
  real (*at)[TN];
} wino_taps;
WINO_INLINE V wino_tap(wino_taps q, int i, int j) { return VEC_IN(q.at[i * 3 + j]); }

/* A panel [36][C][TN], with space between the matrices: the weights from the channels c0 .. c0 + C
 * - 1 to j0 .. j0 + TN - 1. */
static inline ptrdiff_t point_size(int C) { return (ptrdiff_t)C * TN + SPACE; }
static void wino_pack(const product *q, int j0, int c0, int C, real *panel) {
  const int cols = q->y->dim[1];
  const ptrdiff_t matrix = point_size(C);
  for (int c = 0; c < C; c++)
    for (int l = 0; l < TN && j0 + l < cols; l += LANES) {
      real w[9][TN];
      const wino_taps taps = {w};
      const wino_points points = {panel + (ptrdiff_t)c * TN + l, matrix};
      weights_of_lanes(q, c0 + c, j0 + l, cols, w);
      WINO_BOTH(wino_g, 3, 6, wino_tap, taps, wino_put_point, points)
    }
}

/* sums[tiles][TN] = rows[tiles][C] by b[C][TN], or added to them; `tiles` is a multiple of TM. */
static inline void wino_product(const real *rows, int pitch, int C, int tiles, const real *b,
                                real *sums, int add) {
  for (int g = 0; g < tiles; g += TM, sums += TM * TN) {
    const real *a = rows + (ptrdiff_t)g * pitch;
    vec sum[TM][2] = {{{0}}};
#pragma GCC unroll 8
    for (int r = 0; r < TM && add; r++) {
      sum[r][0] = VEC_IN(sums + r * TN);
      sum[r][1] = VEC_IN(sums + r * TN + LANES);
    }
    for (int c = 0; c < C; c++) {
      const vec b0 = VEC_IN(b + c * TN), b1 = VEC_IN(b + c * TN + LANES);
#pragma GCC unroll 8
      for (int r = 0; r < TM; r++) {
        const real v = a[r * pitch + c];
        sum[r][0] += v * b0;
        sum[r][1] += v * b1;
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < TM; r++) {
      VEC(sums + r * TN) = sum[r][0];
      VEC(sums + r * TN + LANES) = sum[r][1];
    }
  }
}

/* The sums of LANES columns at the 36 points, `matrix` elements apart. */
typedef struct wino_sums {
  const real *at;
  ptrdiff_t matrix;
} wino_sums;
WINO_INLINE V wino_sum(wino_sums s, int i, int j) { return VEC_IN(s.at + (i * 6 + j) * s.matrix); }

/* y = beta y + bias + A' sums A of `count` tiles, at the channels of a panel. */
static void wino_out(const product *q, const real *sums, int tiles, int first, int count, int j0) {
  const clf_tensor *y = q->y;
  const ptrdiff_t stride = y->stride[1], matrix = (ptrdiff_t)tiles * TN;
  for (int t = 0; t < count; t++)
    for (int l = 0; l < TN && j0 + l < y->dim[1]; l += LANES) {
      const wino_tile to = wino_tile_of(y, first + t);
      const int n = y->dim[1] - j0 - l;
      const wino_sums points = {sums + t * TN + l, matrix};
      V sum[16], more = {0};
      const wino_vectors square = {sum, 4};
      if (q->bias) more = vec_load(at(q->bias, j0 + l, 0, 0, 0), q->bias->stride[0], n);
      WINO_BOTH(wino_a, 6, 4, wino_sum, points, wino_put_vector, square)
      for (int i = 0; i < 4 && to.h + i < y->dim[2]; i++)
        for (int j = 0; j < 4 && to.w + j < y->dim[3]; j++) {
          real *d = at(y, to.n, j0 + l, to.h + i, to.w + j);
          V r = sum[i * 4 + j] + more;
          if (q->beta != 0) r += q->beta * vec_load(d, stride, n);
          vec_store(r, d, stride, n);
        }
    }
}

/* ---- Many tiles: the weights are transformed as a whole. */

/* [panels][36][rows][TN]; a job packs one panel. */
CLF_LOOP(winograd_pack, product, q, j) {
  const int rows = q->x->dim[1];
  wino_pack(q, j * TN, 0, rows, q->panels + j * POINTS * point_size(rows));
}

/* Each task takes every `tasks`-th block of tiles, and every `parts`-th panel. */
CLF_LOOP(winograd_blocks, product, q, job) {
  const int task = job / q->parts, part = job % q->parts;
  const int C = q->x->dim[1], tiles = wino_tiles(q->x);
  const ptrdiff_t matrix = (ptrdiff_t)q->block * C + SPACE, panel = POINTS * point_size(C);
  real *slice = q->slices + (size_t)job * q->slice, *sums = slice + POINTS * matrix;
  for (int first = task * q->block; first < tiles; first += q->tasks * q->block) {
    const int count = min_int(q->block, tiles - first), whole = up(count, TM);
    wino_in(q->x, &q->norm, first, whole, slice, C, matrix);
    for (int j0 = part * TN; j0 < q->y->dim[1]; j0 += q->parts * TN) {
      const real *b = q->panels + j0 / TN * panel;
      for (int t = 0; t < POINTS; t++)
        wino_product(slice + t * matrix, C, C, whole, b + t * point_size(C),
                     sums + (ptrdiff_t)t * whole * TN, 0);
      wino_out(q, sums, whole, first, count, j0);
    }
  }
}

/* ---- Few tiles: a job transforms the weights of a panel, a few channels at a time, and uses them
 * for all tiles while they are in its core's cache. */

enum { DEEP = 64 }; /* channels at a time */

CLF_LOOP(few_in, product, q, job) {
  const int first = job * TM, C = q->x->dim[1];
  wino_in(q->x, &q->norm, first, TM, q->image + (ptrdiff_t)first * C, C, q->matrix);
}

/* Prefetches part t of 36 of the weights from the channels c0 .. c0 + DEEP - 1 to j0 .. j0 + TN -
 * 1, which come from memory in pieces that are too short for the hardware to prefetch them. */
static void prefetch_weights(const product *q, int j0, int c0, int t) {
  const int rows = min_int(DEEP, q->x->dim[1] - c0), cols = min_int(TN, q->y->dim[1] - j0);
  if (rows <= 0 || cols <= 0 || q->w->stride[1] != 9) return;
  const real *from = q->turned ? at(q->w, c0, j0, 0, 0) : at(q->w, j0, c0, 0, 0);
  const int pieces = q->turned ? rows : cols, lines = (q->turned ? cols : rows) * 9 / LINE + 1;
  for (int i = t * pieces * lines / POINTS; i < (t + 1) * pieces * lines / POINTS; i++)
    __builtin_prefetch(from + i / lines * (ptrdiff_t)q->w->stride[0] + i % lines * LINE);
}

/* Panel j of all tiles. */
static void few_panel(const product *q, int j, real *panel, real *sums) {
  const int C = q->x->dim[1], tiles = wino_tiles(q->x), whole = up(tiles, TM);
  for (int c = 0; c < C; c += DEEP) {
    const int n = min_int(DEEP, C - c), more = c + DEEP < C;
    wino_pack(q, j * TN, c, n, panel);
    for (int t = 0; t < POINTS; t++) {
      prefetch_weights(q, more ? j * TN : (j + 1) * TN, more ? c + DEEP : 0, t);
      wino_product(q->image + t * q->matrix + c, C, n, whole, panel + t * point_size(n),
                   sums + (ptrdiff_t)t * whole * TN, c > 0);
    }
  }
  wino_out(q, sums, whole, 0, tiles, j * TN);
}

/* Panels that a thread takes together share the slice of the first one. */
static void few_panels(const void *context, int first, int end) {
  const product *q = context;
  real *panel = q->slices + (size_t)first * q->slice;
  for (int j = first; j < end; j++) few_panel(q, j, panel, panel + POINTS * point_size(DEEP));
}

static clf_status few_multiply(product *q, clf_scratch *scratch) {
  const int C = q->x->dim[1], tiles = wino_tiles(q->x), whole = up(tiles, TM);
  const int panels = up(q->y->dim[1], TN) / TN;
  q->matrix = (ptrdiff_t)whole * C + SPACE;
  q->slice = POINTS * (size_t)(point_size(DEEP) + (ptrdiff_t)whole * TN);
  const size_t image = POINTS * (size_t)q->matrix, slices = image + (size_t)panels * q->slice;
  const size_t need = slices + norm_size(&q->of_x, C);
  q->image = clf_scratch_get(scratch, need);
  CLF_NEED(q->image, need);
  q->slices = q->image + image;
  q->norm = norm_at(q->image + slices, &q->of_x, C);
  in_threads(300.0 * tiles * C, whole / TM, few_in, q);
  in_threads(72.0 * tiles * C * panels * TN, panels, few_panels, q);
  return CLF_OK;
}

/* Blocks of 12 to 24 tiles: this many rows use a panel while it is in a core's cache. */
static clf_status winograd_multiply(product *q, clf_scratch *scratch) {
  const int C = q->x->dim[1], tiles = wino_tiles(q->x), columns = up(q->y->dim[1], TN);
  const int panels = columns / TN;
  q->block = up(min_int(max_int(tiles / TASKS, 12), 24), TM);
  q->tasks = min_int(up(tiles, q->block) / q->block, TASKS);
  q->parts = q->tasks < TASKS ? 2 : 1;
  q->slice = (size_t)(POINTS * (q->block * (C + TN) + SPACE));
  const int jobs = q->tasks * q->parts;
  if (wino_is_few(tiles, C) && panels >= jobs) return few_multiply(q, scratch);
  const size_t packed = POINTS * (size_t)point_size(C) * (size_t)panels;
  const size_t slices = packed + (size_t)jobs * q->slice;
  const size_t need = slices + norm_size(&q->of_x, C);
  q->panels = clf_scratch_get(scratch, need);
  CLF_NEED(q->panels, need);
  q->slices = q->panels + packed;
  q->norm = norm_at(q->panels + slices, &q->of_x, C);
  in_threads(200.0 * C * q->y->dim[1], panels, winograd_pack, q);
  in_threads(72.0 * tiles * C * columns, jobs, winograd_blocks, q);
  return CLF_OK;
}

/* ---- 1x1 convolutions as matrix products, with the algorithm of gemm; only for floats -------- */

static int even(const clf_tensor *x, const clf_tensor *y, int k) {
  return FLOATS && k == 1 && clf_pixels_even(x) && clf_pixels_even(y);
}
static clf_status matrix_product(const clf_gemm_args *p, clf_scratch *scratch) {
  const clf_algorithm *algorithm = CLF_REAL(clf__refs_gemm);
  while ((algorithm->takes && !algorithm->takes(p, NULL)) ||
         (algorithm->suits && !algorithm->suits(p, NULL)))
    algorithm++;
  return algorithm->compute(p, scratch);
}

static product product_fwd(const clf_conv_fwd_args *p) {
  return (product){.x = &p->x,
                   .y = &p->y,
                   .w = &p->w,
                   .of_x = STATISTICS(p),
                   .bias = p->bias.buf ? &p->bias : NULL,
                   .beta = p->beta,
                   .k = p->w.dim[3]};
}
static product product_data(const clf_conv_bwd_data_args *p) {
  static const clf_tensor none = {0};
  return (product){.x = &p->dy,
                   .y = &p->dx,
                   .w = &p->w,
                   .of_x = {.mean = &none},
                   .beta = p->beta,
                   .k = p->w.dim[3],
                   .turned = 1};
}
#define CONV_ALGORITHMS(op, of, what, from, to, as_matrix)                                         \
  CLF_REF_RULE(op, what##_applies) { return winograd_applies(&p->from, &p->to, p->w.dim[3]); }     \
  CLF_REF_RULE(op, what##_is_faster) { return winograd_is_faster(&p->from, &p->to); }              \
  CLF_REF_RULE(op, what##_even) {                                                                  \
    return !of(p).of_x.mean->buf && even(&p->from, &p->to, p->w.dim[3]);                           \
  }                                                                                                \
  CLF_REF_RULE(op, what##_side_by_side) { return p->from.stride[1] == 1; }                         \
  CLF_REF_ALGORITHM(op, what##_winograd) {                                                         \
    product q = of(p);                                                                             \
    return winograd_multiply(&q, scratch);                                                         \
  }                                                                                                \
  CLF_REF_ALGORITHM(op, what##_matrix) {                                                           \
    const clf_gemm_args q = as_matrix(p);                                                          \
    return matrix_product(&q, scratch);                                                            \
  }                                                                                                \
  CLF_REF_ALGORITHM(op, what##_direct) {                                                           \
    product q = of(p);                                                                             \
    return multiply(&q, scratch);                                                                  \
  }                                                                                                \
  CLF_REFS(op,                                                                                     \
           {.name = "winograd",                                                                    \
            .takes = what##_applies,                                                               \
            .suits = what##_is_faster,                                                             \
            .compute = what##_winograd},                                                           \
           {.name = "matrix",                                                                      \
            .takes = what##_even,                                                                  \
            .suits = what##_side_by_side,                                                          \
            .compute = what##_matrix},                                                             \
           {.name = "direct", .compute = what##_direct})
CONV_ALGORITHMS(conv_fwd, product_fwd, fwd, x, y, clf_pixelwise_fwd)
CONV_ALGORITHMS(conv_bwd_data, product_data, data, dy, dx, clf_pixelwise_bwd_data)
