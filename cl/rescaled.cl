/* SPDX-License-Identifier: MIT */
/* rescaled.cl: affine couplings of image flows, in one launch with their scale and their mask.
 *
 * A work-group has a band of e.rows rows of one image.  Its sums go to scratch memory,
 * [images][bands], where a second launch adds them up in their order. */
#include "images.clh"
#include "math.clh"

/* The band of this work-group: rows h0 .. h1 - 1 of image n. */
typedef struct {
  int n, band, h0, h1;
} rescaled_band;
INLINE rescaled_band rescaled_band_of(clf_view t, int rows) {
  rescaled_band q;
  q.band = get_group_id(0);
  q.n = get_group_id(1);
  q.h0 = q.band * rows;
  q.h1 = min(q.h0 + rows, t.dim[2]);
  return q;
}
/* The pixels of a checkerboard that a coupling does not transform. */
INLINE int rescaled_others(int pixels) { return CLF_PIXELS_EVEN + CLF_PIXELS_ODD - pixels; }
#define TRAINED(t) (t##_ ? AT(t, 0, 0, 0, 0) : 0)

/* The sum of an image's only band goes to its log-det at once. */
INLINE void rescaled_sum(float sum, rescaled_band q, int bands, global float *scratch,
                         clf_out logdet) {
  if (get_local_id(0) != 0) return;
  if (bands == 1)
    *out_at(logdet, q.n, 0, 0, 0) += sum;
  else
    scratch[q.n * bands + q.band] = sum;
}
/* A work-item for each image. */
INLINE void rescaled_add(int bands, global const float *scratch, clf_out logdet) {
  const int n = get_global_id(0);
  if (n >= logdet.v.dim[0]) return;
  float sum = 0;
  for (int band = 0; band < bands; band++) sum += scratch[n * bands + band];
  *out_at(logdet, n, 0, 0, 0) += sum;
}

/* The trained factor and offset of the log-scales that the net gives. */
typedef struct {
  float g, g0;
  int scale_first; /* the shift comes last */
} rescaled_scale;
#define RESCALED_SCALE(p)                                                                          \
  { AT(g, 0, 0, 0, 0), TRAINED(g0), p.scale_first }

/* A band of a call; `inverse` is a constant. */
INLINE void rescaled_rows(clf_in x, clf_in th, rescaled_scale a, int pixels, clf_out y,
                          clf_out logdet, global float *scratch, image_bands_plan e, int inverse,
                          local float *memory) {
  const rescaled_band q = rescaled_band_of(x.v, e.rows);
  V sum = 0;
  for (int h = q.h0; h < q.h1; h++) {
    FOR_ROW(r, q.n, h, x.v, pixels) {
      const V v = image_get(x, r.v), t = image_get(th, r.v);
      const V s = a.g * tanh_v(image_get(th, image_channels_on(r.v, x.v.dim[1]))) + a.g0;
      if (inverse)
        image_put(y, r.v, a.scale_first ? (v - t) * exp(-s) : v * exp(-s) - t);
      else
        image_put(y, r.v, a.scale_first ? v * exp(s) + t : (v + t) * exp(s));
      sum += lanes_first(s, r.v.left);
    }
    if (pixels)
      FOR_ROW(r, q.n, h, x.v, rescaled_others(pixels)) image_put(y, r.v, image_get(x, r.v));
  }
  const float all = GROUP_SUM(memory, lanes_sum(sum));
  rescaled_sum(inverse ? -all : all, q, e.count, scratch, logdet);
}

kernel BY_SAMPLE void rescaled_fwd(CLF_IN(x), CLF_IN(th), CLF_IN(g), CLF_IN(g0), CLF_OUT(y),
                                   CLF_OUT(logdet), const rescaled_fwd_args p,
                                   CLF_SCRATCH(image_bands_plan)) {
  GROUP_MEMORY(memory);
  const rescaled_scale a = RESCALED_SCALE(p);
  rescaled_rows(IN(x), IN(th), a, p.pixels, OUT(y), OUT(logdet), scratch, e, 0, memory);
}
kernel BY_ITEM void rescaled_fwd_add(CLF_IN(x), CLF_IN(th), CLF_IN(g), CLF_IN(g0), CLF_OUT(y),
                                     CLF_OUT(logdet), const rescaled_fwd_args p,
                                     CLF_SCRATCH(image_bands_plan)) {
  rescaled_add(e.count, scratch, OUT(logdet));
}

kernel BY_SAMPLE void rescaled_inv(CLF_IN(y), CLF_IN(th), CLF_IN(g), CLF_IN(g0), CLF_OUT(x),
                                   CLF_OUT(logdet), const rescaled_inv_args p,
                                   CLF_SCRATCH(image_bands_plan)) {
  GROUP_MEMORY(memory);
  const rescaled_scale a = RESCALED_SCALE(p);
  rescaled_rows(IN(y), IN(th), a, p.pixels, OUT(x), OUT(logdet), scratch, e, 1, memory);
}
kernel BY_ITEM void rescaled_inv_add(CLF_IN(y), CLF_IN(th), CLF_IN(g), CLF_IN(g0), CLF_OUT(x),
                                     CLF_OUT(logdet), const rescaled_inv_args p,
                                     CLF_SCRATCH(image_bands_plan)) {
  rescaled_add(e.count, scratch, OUT(logdet));
}

kernel BY_SAMPLE void rescaled_bwd(CLF_IN(x), CLF_IN(th), CLF_IN(g), CLF_IN(g0), CLF_IN(dy),
                                   CLF_IN(dl), CLF_OUT(dx), CLF_OUT(dth), CLF_OUT(dg), CLF_OUT(dg0),
                                   const rescaled_bwd_args p, CLF_SCRATCH(image_bands_plan)) {
  GROUP_MEMORY(memory);
  const rescaled_band q = rescaled_band_of(p.x, e.rows);
  const float g = AT(g, 0, 0, 0, 0), g0 = TRAINED(g0);
  const float dl = logdet_weight(p.dlogdet, dl_, p.dl, q.n);
  const int C = p.x.dim[1];
  V sum = 0, sum0 = 0;
  for (int h = q.h0; h < q.h1; h++) {
    FOR_ROW(r, q.n, h, p.x, p.pixels) {
      const image_vector second = image_channels_on(r.v, C);
      const V out = GET(th, second), slope = tanh_v(out), dy = GET(dy, r.v);
      const V dx = dy * exp(g * slope + g0);
      const V x = p.scale_first ? GET(x, r.v) : GET(x, r.v) + GET(th, r.v);
      const V ds = lanes_first(dx * x + dl, r.v.left);
      PUT(dx, r.v, dx);
      PUT(dth, r.v, p.scale_first ? dy : dx);
      PUT(dth, second, ds * g * bounded_slope_v(out, 1));
      sum += ds * slope;
      sum0 += ds;
    }
    if (p.pixels)
      FOR_ROW(r, q.n, h, p.x, rescaled_others(p.pixels)) {
        PUT(dx, r.v, GET(dy, r.v));
        PUT(dth, r.v, 0);
        PUT(dth, image_channels_on(r.v, C), 0);
      }
  }
  const float all = GROUP_SUM(memory, lanes_sum(sum)), all0 = GROUP_SUM(memory, lanes_sum(sum0));
  if (get_local_id(0) == 0) {
    scratch[q.n * e.count + q.band] = all;
    scratch[e.total + q.n * e.count + q.band] = all0;
  }
}

/* One work-group: the e.total bands of all images. */
kernel BY_SAMPLE void rescaled_bwd_add(CLF_IN(x), CLF_IN(th), CLF_IN(g), CLF_IN(g0), CLF_IN(dy),
                                       CLF_IN(dl), CLF_OUT(dx), CLF_OUT(dth), CLF_OUT(dg),
                                       CLF_OUT(dg0), const rescaled_bwd_args p,
                                       CLF_SCRATCH(image_bands_plan)) {
  GROUP_MEMORY(memory);
  trained_scale_add(scratch, e.total, e.total, OUT(dg), OUT(dg0), memory);
}
