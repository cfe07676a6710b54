/* SPDX-License-Identifier: MIT */
/* conv.c: convolutions of images and their gradients.  A tile is TM pixels, counted over n h w,
 * by TN channels (two vectors), whose sums stay in registers; the weights are packed into panels
 * of TN columns, padded with zeros, so that the inner loop reads one stream. */
#include <float.h>
#include "pixelwise.h"
#include "vectors.h"

/* ---- The input: relu((x - mean) / sqrt(var + eps) + shift) if there is a mean, else x -------- */

typedef struct statistics {
  const clf_tensor *mean, *var, *shift;
  real eps;
} statistics;
#define STATISTICS(p) ((statistics){&(p)->mean, &(p)->var, &(p)->shift, (p)->eps})

/* relu(scale x + offset) with values per channel; x itself if scale is NULL.  Pixels beyond the
 * edge read `outside`, which gives zeros. */
typedef struct norm {
  const real *outside, *scale, *offset;
} norm;

/* Memory for it, if a pixel spans `span` elements. */
static size_t norm_size(const statistics *s, int span) {
  return (size_t)up(span, TN) + (s->mean->buf ? 2 * (size_t)s->mean->dim[0] : 0);
}
static norm norm_at(real *memory, const statistics *s, int span) {
  const int normed = s->mean->buf != NULL, C = normed ? s->mean->dim[0] : 0;
  real *scale = memory + up(span, TN), *offset = scale + C;
  for (int i = 0; i < up(span, TN); i++) memory[i] = normed ? -(real)FLT_MAX : 0;
  for (int c = 0; c < C; c++) {
    scale[c] = 1 / real_sqrt(*at(s->var, c, 0, 0, 0) + s->eps);
    offset[c] =
        (s->shift->buf ? *at(s->shift, c, 0, 0, 0) : 0) - *at(s->mean, c, 0, 0, 0) * scale[c];
  }
  return (norm){memory, normed ? scale : NULL, offset};
}

static inline real normal(real x, real scale, real offset) {
  const real v = x * scale + offset;
  return v < 0 ? 0 : v; /* NaN stays NaN */
}

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

/* ---- Winograd's algorithm, only for floats, so that cpu64 remains the direct sum ------------- */

#include "winograd.h"

enum { FLOATS = sizeof(real) == sizeof(float) };
enum { TASKS = 16 }; /* maximum jobs: their slices together fit into the cache that cores share */

/* Whether it applies: 3x3 weights, contiguous channels, at least one vector of them. */
static int winograd_applies(const clf_tensor *x, const clf_tensor *y, int k) {
  return FLOATS && k == 3 && x->stride[1] == 1 && y->stride[1] == 1 && x->dim[1] >= LANES;
}
/* Whether it is faster: compares products with the cost of transforming tiles and weights, which
 * was measured. */
static int winograd_is_faster(const clf_tensor *x, const clf_tensor *y) {
  const double Ci = x->dim[1], Co = y->dim[1], tiles = wino_tiles(x);
  const double pixels = (double)x->dim[0] * x->dim[2] * x->dim[3];
  const double ours = POINTS * (tiles * Ci * Co + 16 * (tiles * (Ci + Co) + Ci * Co));
  return 9 * pixels * Ci * Co > 1.2 * ours;
}

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

/* [panels][36][rows][TN] */
CLF_LOOP(winograd_pack, product, q, c) {
  const int rows = q->x->dim[1], cols = q->y->dim[1];
  for (int j0 = 0; j0 < cols; j0 += LANES) {
    real w[9][TN];
    real *d = q->panels + (ptrdiff_t)(j0 / TN * POINTS) * rows * TN + (ptrdiff_t)c * TN + j0 % TN;
    weights_of_lanes(q, c, j0, cols, w);
#define FROM(i, j) VEC_IN(w[(i)*3 + (j)])
#define TO(i, j, v) VEC(d + (ptrdiff_t)((i)*6 + (j)) * rows * TN) = v
    WINO_BOTH(WINO_G, 3, 6)
#undef FROM
#undef TO
  }
}

/* Each task takes every `tasks`-th block of tiles, and every `parts`-th panel. */
CLF_LOOP(winograd_blocks, product, q, job) {
  const int task = job / q->parts, part = job % q->parts;
  const int C = q->x->dim[1], tiles = wino_tiles(q->x);
  const ptrdiff_t matrix = (ptrdiff_t)q->block * C + SPACE, panel = (ptrdiff_t)POINTS * C * TN;
  real *slice = q->slices + (size_t)job * q->slice, *sums = slice + POINTS * matrix;
  for (int first = task * q->block; first < tiles; first += q->tasks * q->block) {
    const int count = min_int(q->block, tiles - first), whole = up(count, TM);
    wino_in(q->x, &q->norm, first, whole, slice, matrix);
    for (int j0 = part * TN; j0 < q->y->dim[1]; j0 += q->parts * TN) {
      wino_products(slice, matrix, C, whole, q->panels + j0 / TN * panel, sums);
      wino_out(q, sums, whole, first, count, j0);
    }
  }
}

/* Blocks of 12 to 24 tiles: this many rows use a panel while it is in a core's cache. */
static clf_status winograd_multiply(product *q, clf_scratch *scratch) {
  const int C = q->x->dim[1], tiles = wino_tiles(q->x), columns = up(q->y->dim[1], TN);
  q->block = up(min_int(max_int(tiles / TASKS, 12), 24), TM);
  q->tasks = min_int(up(tiles, q->block) / q->block, TASKS);
  q->parts = q->tasks < TASKS ? 2 : 1;
  q->slice = (size_t)(POINTS * (q->block * (C + TN) + SPACE));
  const int jobs = q->tasks * q->parts;
  const size_t packed = (size_t)POINTS * (size_t)C * (size_t)columns;
  const size_t slices = packed + (size_t)jobs * q->slice;
  const size_t need = slices + norm_size(&q->of_x, C);
  q->panels = clf_scratch_get(scratch, need);
  CLF_NEED(q->panels, need);
  q->slices = q->panels + packed;
  q->norm = norm_at(q->panels + slices, &q->of_x, C);
  in_threads(200.0 * C * q->y->dim[1], C, winograd_pack, q);
  in_threads(72.0 * tiles * C * columns, jobs, winograd_blocks, q);
  return CLF_OK;
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
    wino_in(&p->x, &q->m, first, count, x, x_matrix);
    wino_gradients(&p->dy, first, count, j0, q->zeros, dy, mine, dy_matrix);
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

/* dw = beta dw + G' of the bands' sums, in order, G; for one channel of x. */
CLF_LOOP(winograd_add, wino_weights, q, c) {
  const clf_conv_bwd_weights_args *p = q->p;
  const int Co = p->dw.dim[0];
  const ptrdiff_t matrix = (ptrdiff_t)p->dw.dim[1] * q->columns;
  for (int j = 0; j < Co; j += LANES) {
    V sum[POINTS];
    for (int t = 0; t < POINTS; t++) {
      const real *s = q->sums + t * matrix + (ptrdiff_t)c * q->columns + j;
      sum[t] = VEC_IN(s);
      for (int band = 1; band < q->bands; band++) sum[t] += VEC_IN(s + band * POINTS * matrix);
    }
    vec taps[TAPS] = {{0}};
#define FROM(i, j) sum[(i)*6 + (j)]
#define TO(a, b, v) taps[(a)*3 + (b)] = v
    WINO_BOTH(WINO_G_BACK, 6, 3)
#undef FROM
#undef TO
    add_taps(p, j, c, taps);
  }
}

/* At most 8 bands of whole blocks; if that gives fewer than 4 jobs, they divide the panels. */
CLF_REF_ALGORITHM(conv_bwd_weights, weights_winograd) {
  enum { BANDS = 8, JOBS = 4 };
  const int Ci = p->x.dim[1], columns = up(p->dy.dim[1], TN), tiles = wino_tiles(&p->x);
  const statistics of_x = STATISTICS(p);
  wino_weights q = {.p = p, .tiles = tiles, .columns = columns};
  q.band = up(up(tiles, BLOCK) / BLOCK, BANDS) / BANDS * BLOCK;
  q.bands = up(tiles, q.band) / q.band;
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
  real *zeros = q.sums + slices;
  for (int i = 0; i < columns; i++) zeros[i] = 0;
  q.zeros = zeros;
  q.m = norm_at(zeros + columns, &of_x, Ci);
  in_threads(72.0 * tiles * Ci * columns, jobs, winograd_band, &q);
  in_threads(40.0 * (double)sums / POINTS, Ci, winograd_add, &q);
  return CLF_OK;
}

/* ---- 1x1 convolutions as matrix products, with the algorithm of gemm; only for floats, as above
 * ---- */

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
#define WAYS(op, of, what, from, to, as_matrix)                                                    \
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
WAYS(conv_fwd, product_fwd, fwd, x, y, clf_pixelwise_fwd)
WAYS(conv_bwd_data, product_data, data, dy, dx, clf_pixelwise_bwd_data)

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
