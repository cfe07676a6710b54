/* SPDX-License-Identifier: MIT */
/* batchnorm.c: batch normalisation (Ioffe and Szegedy 2015), in a net and as a layer of a flow
 * (Dinh et al. 2017, section 3.7).  Each thread takes a band of rows; sums over pixels are per
 * band in `real`, then over the bands in double, in order. */
#include "ref.h"

/* ---- Bands, and values per channel ----------------------------------------------------------- */

typedef struct bands {
  int C, rows, each, count;
  double work; /* of one pass over the tensor */
} bands;

/* A band fits into a core's cache, and its sums have at most PIXELS terms if 256 bands suffice. */
static bands bands_of(const clf_tensor *x) {
  enum { ELEMENTS = 16384, PIXELS = 1024, MOST = 256 };
  const int C = x->dim[1], W = x->dim[3], rows = x->dim[0] * x->dim[2];
  int each = C * W < ELEMENTS ? ELEMENTS / (C * W) : 1;
  if (each > PIXELS / W) each = PIXELS / W;
  if (each < (rows - 1) / MOST + 1) each = (rows - 1) / MOST + 1;
  return (bands){C, rows, each, (rows - 1) / each + 1, 4.0 * rows * C * W};
}
#define EACH_PIXEL(b, t, band)                                                                     \
  for (int r = (band) * (b).each; r < (b).rows && r < ((band) + 1) * (b).each; r++)                \
    for (int n = r / (t)->dim[2], h = r % (t)->dim[2], w = 0; w < (t)->dim[3]; w++)

/* Values per channel, contiguous; and two sums per band. */
typedef struct norm {
  real *mean, *rstd, *bmean, *beta, *zeros, *sum, *along, *parts;
} norm;
enum { ARRAYS = 7 };

static size_t norm_size(bands b) { return (size_t)b.C * (ARRAYS + 2 * (size_t)b.count); }
static real *part(const norm *m, bands b, int band, int k) {
  return m->parts + ((ptrdiff_t)band * 2 + k) * b.C;
}

/* of t, or of `other` if t is absent */
static void spread(const clf_tensor *t, const real *other, int C, real *to) {
  for (int c = 0; c < C; c++) to[c] = t && t->buf ? *at(t, c, 0, 0, 0) : other[c];
}

static norm norm_at(real *memory, bands b, const clf_tensor *mean, const clf_tensor *var,
                    const clf_tensor *bmean, const clf_tensor *beta, real eps) {
  real *a[ARRAYS];
  for (int i = 0; i < ARRAYS; i++) a[i] = memory + (ptrdiff_t)i * b.C;
  const norm m = {a[0], a[1], a[2], a[3], a[4], a[5], a[6], memory + (ptrdiff_t)ARRAYS * b.C};
  for (int c = 0; c < b.C; c++) m.zeros[c] = 0;
  spread(mean, NULL, b.C, m.mean);
  spread(bmean, m.mean, b.C, m.bmean);
  spread(beta, m.zeros, b.C, m.beta);
  for (int c = 0; c < b.C; c++) m.rstd[c] = 1 / real_sqrt(*at(var, c, 0, 0, 0) + eps);
  return m;
}

/* The channels of a pixel: zeros if it is outside of `pixels`. */
typedef struct channels {
  const real *v;
  int stride;
} channels;
static channels pixel(const clf_tensor *t, int n, int h, int w) {
  return (channels){at(t, n, 0, h, w), t->stride[1]};
}
static channels pixel_on(const clf_tensor *t, int pixels, int n, int h, int w, const real *zeros) {
  return on_pixels(pixels, h, w) ? pixel(t, n, h, w) : (channels){zeros, 1};
}

/* f(C, x, its stride, y, its stride, ...): with unit strides the loop is vectorised. */
#define ALONG(f, C, x, sx, y, sy, ...)                                                             \
  do {                                                                                             \
    if ((sx) == 1 && (sy) == 1)                                                                    \
      f(C, x, 1, y, 1, __VA_ARGS__);                                                               \
    else                                                                                           \
      f(C, x, sx, y, sy, __VA_ARGS__);                                                             \
  } while (0)

/* The context of a loop over bands. */
typedef struct pass {
  const void *args;
  bands b;
  norm m;
} pass;

/* Adds the sums of the bands, in double. */
static void add_bands(bands b, const norm *m) {
  for (int c = 0; c < b.C; c++) {
    double sum = 0, along = 0;
    for (int k = 0; k < b.count; k++) {
      sum += part(m, b, k, 0)[c];
      along += part(m, b, k, 1)[c];
    }
    m->sum[c] = (real)sum;
    m->along[c] = (real)along;
  }
}

/* ---- Statistics ---------------------------------------------------------------------------- */

static inline void sum_pixel(int C, const real *restrict x, int sx, real *restrict sum) {
  for (int c = 0; c < C; c++) sum[c] += x[(ptrdiff_t)c * sx];
}
static inline void square_pixel(int C, const real *restrict x, int sx, const real *restrict mean,
                                real *restrict rest, real *restrict squares) {
  for (int c = 0; c < C; c++) {
    const real d = x[(ptrdiff_t)c * sx] - mean[c];
    rest[c] += d;
    squares[c] += d * d;
  }
}

/* The mean of a band and its sum of squared differences.  Differences from a rounded mean do not
 * sum to 0; the remainder corrects both. */
static void band_stats(const clf_bn_stats_args *p, bands b, int band, const real *zeros, real *mean,
                       real *squares, real *rest) {
  int count = 0;
  for (int c = 0; c < b.C; c++) mean[c] = squares[c] = rest[c] = 0;
  EACH_PIXEL(b, &p->x, band) {
    const channels x = pixel_on(&p->x, p->pixels, n, h, w, zeros);
    if (x.stride == 1)
      sum_pixel(b.C, x.v, 1, mean);
    else
      sum_pixel(b.C, x.v, x.stride, mean);
    count++;
  }
  for (int c = 0; c < b.C; c++) mean[c] /= (real)count;
  EACH_PIXEL(b, &p->x, band) {
    const channels x = pixel_on(&p->x, p->pixels, n, h, w, zeros);
    if (x.stride == 1)
      square_pixel(b.C, x.v, 1, mean, rest, squares);
    else
      square_pixel(b.C, x.v, x.stride, mean, rest, squares);
  }
  for (int c = 0; c < b.C; c++) {
    mean[c] += rest[c] / (real)count;
    squares[c] -= rest[c] * rest[c] / (real)count;
  }
}

typedef struct counting {
  const clf_bn_stats_args *p;
  bands b;
  const real *zeros;
  real *parts; /* three sums per band */
} counting;
CLF_LOOP(stats_of_band, counting, c, k) {
  real *mean = c->parts + (ptrdiff_t)k * 3 * c->b.C;
  band_stats(c->p, c->b, k, c->zeros, mean, mean + c->b.C, mean + 2 * (ptrdiff_t)c->b.C);
}

CLF_REF(bn_stats) {
  const bands b = bands_of(&p->x);
  const size_t need = (size_t)b.C * (1 + 3 * (size_t)b.count);
  real *zeros = clf_scratch_get(scratch, need), *parts = zeros + b.C;
  CLF_NEED(zeros, need);
  for (int c = 0; c < b.C; c++) zeros[c] = 0;
  const counting q = {p, b, zeros, parts};
  in_threads(b.work, b.count, stats_of_band, &q);
  for (int c = 0; c < b.C; c++) { /* Chan, Golub and LeVeque 1983 */
    const double all = b.rows;
    double mean = 0, squares = 0;
    for (int k = 0; k < b.count; k++) {
      const double rows = k == b.count - 1 ? b.rows - k * b.each : b.each;
      mean += parts[(ptrdiff_t)k * 3 * b.C + c] * (rows / all);
    }
    for (int k = 0; k < b.count; k++) {
      const double rows = k == b.count - 1 ? b.rows - k * b.each : b.each;
      const real *of = parts + (ptrdiff_t)k * 3 * b.C + c;
      squares += of[b.C] + (of[0] - mean) * (of[0] - mean) * rows * p->x.dim[3];
    }
    *at(&p->mean, c, 0, 0, 0) = (real)mean;
    *at(&p->var, c, 0, 0, 0) = (real)((squares < 0 ? 0 : squares) / (all * p->x.dim[3]));
  }
  return CLF_OK;
}

/* ---- In a net -------------------------------------------------------------------------------- */

static inline void fwd_pixel(int C, const real *restrict x, int sx, real *restrict y, int sy,
                             const norm *m, int act) {
  const real *restrict mean = m->mean, *restrict rstd = m->rstd, *restrict beta = m->beta;
  for (int c = 0; c < C; c++) {
    const real v = (x[(ptrdiff_t)c * sx] - mean[c]) * rstd[c] + beta[c];
    y[(ptrdiff_t)c * sy] = act == CLF_ACT_relu && v <= 0 ? 0 : v;
  }
}

CLF_LOOP(fwd_band, pass, c, k) {
  const clf_bn_fwd_args *p = c->args;
  EACH_PIXEL(c->b, &p->x, k) {
    const channels x = pixel_on(&p->x, p->pixels, n, h, w, c->m.zeros);
    real *y = at(&p->y, n, 0, h, w);
    ALONG(fwd_pixel, c->b.C, x.v, x.stride, y, p->y.stride[1], &c->m, p->act);
  }
}

CLF_REF(bn_fwd) {
  const bands b = bands_of(&p->x);
  real *memory = clf_scratch_get(scratch, norm_size(b));
  CLF_NEED(memory, norm_size(b));
  const pass c = {p, b, norm_at(memory, b, &p->mean, &p->var, NULL, &p->beta, p->eps)};
  in_threads(b.work, b.count, fwd_band, &c);
  return CLF_OK;
}

static inline void bwd_sum_pixel(int C, const real *restrict x, int sx, const real *restrict dy,
                                 int sd, const norm *m, int act, real *restrict sum,
                                 real *restrict along) {
  const real *restrict mean = m->mean, *restrict rstd = m->rstd, *restrict beta = m->beta;
  for (int c = 0; c < C; c++) {
    const real xh = (x[(ptrdiff_t)c * sx] - mean[c]) * rstd[c], d = dy[(ptrdiff_t)c * sd];
    const real da = act == CLF_ACT_relu && xh + beta[c] <= 0 ? 0 : d;
    sum[c] += da;
    along[c] += da * xh;
  }
}

/* x, dy -> *g, which is added to dx: sum and along are batch / M times the sums. */
static inline void bwd_pixel(int C, const real *restrict x, int sx, const real *restrict dy, int sd,
                             const norm *m, int act, real add, real *restrict dx, int st) {
  const real *restrict mean = m->mean, *restrict rstd = m->rstd, *restrict beta = m->beta;
  const real *restrict bmean = m->bmean, *restrict sum = m->sum, *restrict along = m->along;
  for (int c = 0; c < C; c++) {
    const real xc = x[(ptrdiff_t)c * sx], d = dy[(ptrdiff_t)c * sd];
    const real da = act == CLF_ACT_relu && (xc - mean[c]) * rstd[c] + beta[c] <= 0 ? 0 : d;
    const real g = rstd[c] * (da - sum[c] - (xc - bmean[c]) * rstd[c] * along[c]);
    real *to = dx + (ptrdiff_t)c * st;
    *to = add != 0 ? g + add * *to : g;
  }
}

static void keep_pixel(int C, real *dx, int stride, real add) {
  for (int c = 0; c < C; c++) {
    real *to = dx + (ptrdiff_t)c * stride;
    *to = add != 0 ? add * *to : 0;
  }
}

CLF_LOOP(bwd_sums, pass, q, k) {
  const clf_bn_bwd_args *p = q->args;
  const bands b = q->b;
  real *sum = part(&q->m, b, k, 0), *along = part(&q->m, b, k, 1);
  for (int c = 0; c < b.C; c++) sum[c] = along[c] = 0;
  EACH_PIXEL(b, &p->x, k) {
    const channels x = pixel_on(&p->x, p->pixels, n, h, w, q->m.zeros);
    const channels dy = pixel(&p->dy, n, h, w);
    ALONG(bwd_sum_pixel, b.C, x.v, x.stride, dy.v, dy.stride, &q->m, p->act, sum, along);
  }
}

CLF_LOOP(bwd_band, pass, q, k) {
  const clf_bn_bwd_args *p = q->args;
  const norm *m = &q->m;
  const int C = q->b.C, st = p->dx.stride[1];
  EACH_PIXEL(q->b, &p->x, k) {
    const channels x = pixel(&p->x, n, h, w), dy = pixel(&p->dy, n, h, w);
    real *dx = at(&p->dx, n, 0, h, w);
    if (!on_pixels(p->pixels, h, w))
      keep_pixel(C, dx, st, p->add);
    else if (st == 1)
      ALONG(bwd_pixel, C, x.v, x.stride, dy.v, dy.stride, m, p->act, p->add, dx, 1);
    else
      bwd_pixel(C, x.v, x.stride, dy.v, dy.stride, m, p->act, p->add, dx, st);
  }
}

CLF_REF(bn_bwd) {
  const bands b = bands_of(&p->x);
  real *memory = clf_scratch_get(scratch, norm_size(b));
  CLF_NEED(memory, norm_size(b));
  const norm m = norm_at(memory, b, &p->mean, &p->var, &p->bmean, &p->beta, p->eps);
  const real share = p->batch / ((real)b.rows * (real)p->x.dim[3]);
  const pass q = {p, b, m};
  in_threads(b.work, b.count, bwd_sums, &q);
  add_bands(b, &m);
  for (int c = 0; c < b.C; c++) {
    if (p->dbeta.buf) *at(&p->dbeta, c, 0, 0, 0) += m.sum[c];
    m.sum[c] *= share;
    m.along[c] *= share;
  }
  in_threads(b.work, b.count, bwd_band, &q);
  return CLF_OK;
}

/* ---- As a layer of a flow -------------------------------------------------------------------- */

/* Half the sum of log(var + eps) over `pixels` of a sample and over channels. */
static real log_std(const clf_tensor *y, const clf_tensor *var, real eps, int pixels) {
  double sum = 0;
  for (int c = 0; c < y->dim[1]; c++) sum += real_log(*at(var, c, 0, 0, 0) + eps);
  return (real)(0.5 * sum * count_pixels(pixels, y->dim[2], y->dim[3]));
}
static void add_logdet(const clf_tensor *logdet, real v) {
  for (int n = 0; n < logdet->dim[0]; n++) *at(logdet, n, 0, 0, 0) += v;
}

/* y = (x - shift) scale + back: forward, shift is the mean; in the inverse, back is. */
static inline void scale_pixel(int C, const real *restrict x, int sx, real *restrict y, int sy,
                               const real *restrict shift, const real *restrict scale,
                               const real *restrict back) {
  for (int c = 0; c < C; c++)
    y[(ptrdiff_t)c * sy] = (x[(ptrdiff_t)c * sx] - shift[c]) * scale[c] + back[c];
}
static void copy_pixel(int C, const real *x, int sx, real *y, int sy) {
  for (int c = 0; c < C; c++) y[(ptrdiff_t)c * sy] = x[(ptrdiff_t)c * sx];
}

typedef struct scaling {
  const clf_tensor *from, *to;
  int pixels;
  bands b;
  const real *shift, *scale, *back;
} scaling;
CLF_LOOP(scale_band, scaling, q, k) {
  const int C = q->b.C, stride = q->to->stride[1];
  EACH_PIXEL(q->b, q->from, k) {
    const channels x = pixel(q->from, n, h, w);
    real *y = at(q->to, n, 0, h, w);
    if (on_pixels(q->pixels, h, w))
      ALONG(scale_pixel, C, x.v, x.stride, y, stride, q->shift, q->scale, q->back);
    else
      copy_pixel(C, x.v, x.stride, y, stride);
  }
}

CLF_REF(bn_flow_fwd) {
  const bands b = bands_of(&p->x);
  real *memory = clf_scratch_get(scratch, norm_size(b));
  CLF_NEED(memory, norm_size(b));
  const norm m = norm_at(memory, b, &p->mean, &p->var, NULL, NULL, p->eps);
  const scaling q = {&p->x, &p->y, p->pixels, b, m.mean, m.rstd, m.zeros};
  in_threads(b.work, b.count, scale_band, &q);
  add_logdet(&p->logdet, -log_std(&p->y, &p->var, p->eps, p->pixels));
  return CLF_OK;
}

CLF_REF(bn_flow_inv) {
  const bands b = bands_of(&p->y);
  real *memory = clf_scratch_get(scratch, norm_size(b));
  CLF_NEED(memory, norm_size(b));
  const norm m = norm_at(memory, b, &p->mean, &p->var, NULL, NULL, p->eps);
  for (int c = 0; c < b.C; c++) m.sum[c] = real_sqrt(*at(&p->var, c, 0, 0, 0) + p->eps);
  const scaling q = {&p->y, &p->x, p->pixels, b, m.zeros, m.sum, m.mean};
  in_threads(b.work, b.count, scale_band, &q);
  add_logdet(&p->logdet, log_std(&p->y, &p->var, p->eps, p->pixels));
  return CLF_OK;
}

CLF_LOOP(flow_bwd_sums, pass, q, k) {
  const clf_bn_flow_bwd_args *p = q->args;
  const bands b = q->b;
  real *sum = part(&q->m, b, k, 0), *along = part(&q->m, b, k, 1);
  for (int c = 0; c < b.C; c++) sum[c] = along[c] = 0;
  EACH_PIXEL(b, &p->x, k) {
    const channels x = pixel(&p->x, n, h, w), dy = pixel(&p->dy, n, h, w);
    if (on_pixels(p->pixels, h, w))
      ALONG(bwd_sum_pixel, b.C, x.v, x.stride, dy.v, dy.stride, &q->m, 0, sum, along);
  }
}

CLF_LOOP(flow_bwd_band, pass, q, k) {
  const clf_bn_flow_bwd_args *p = q->args;
  const norm *m = &q->m;
  const int C = q->b.C, st = p->dx.stride[1];
  EACH_PIXEL(q->b, &p->x, k) {
    const channels x = pixel(&p->x, n, h, w), dy = pixel(&p->dy, n, h, w);
    real *dx = at(&p->dx, n, 0, h, w);
    if (!on_pixels(p->pixels, h, w))
      copy_pixel(C, dy.v, dy.stride, dx, st);
    else if (st == 1)
      ALONG(bwd_pixel, C, x.v, x.stride, dy.v, dy.stride, m, 0, 0, dx, 1);
    else
      bwd_pixel(C, x.v, x.stride, dy.v, dy.stride, m, 0, 0, dx, st);
  }
}

/* The sum over the batch of the weights of log-dets. */
static real logdet_weight(const clf_bn_flow_bwd_args *p) {
  real sum = p->dl.buf ? 0 : (real)p->x.dim[0];
  for (int n = 0; n < p->dl.dim[0]; n++) sum += *at(&p->dl, n, 0, 0, 0);
  return p->dlogdet * sum;
}

CLF_REF(bn_flow_bwd) {
  const bands b = bands_of(&p->x);
  real *memory = clf_scratch_get(scratch, norm_size(b));
  CLF_NEED(memory, norm_size(b));
  const norm m = norm_at(memory, b, &p->mean, &p->var, &p->bmean, NULL, p->eps);
  const real share = p->batch / ((real)b.rows * (real)p->x.dim[3]);
  const real dlogdet = logdet_weight(p) * (real)count_pixels(p->pixels, p->x.dim[2], p->x.dim[3]);
  const pass q = {p, b, m};
  in_threads(b.work, b.count, flow_bwd_sums, &q);
  add_bands(b, &m);
  for (int c = 0; c < b.C; c++) {
    m.sum[c] *= share;
    m.along[c] = share * (m.along[c] + dlogdet) * (1 + p->wider);
  }
  in_threads(b.work, b.count, flow_bwd_band, &q);
  return CLF_OK;
}
