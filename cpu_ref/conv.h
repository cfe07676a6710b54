/* SPDX-License-Identifier: MIT */
/* conv.h: the input of a convolution, normalised on the fly. */
#ifndef CLF_REF_CONV_H
#define CLF_REF_CONV_H
#include <float.h>
#include "pixelwise.h"
#include "vectors.h"

enum { FLOATS = sizeof(real) == sizeof(float) };

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
#endif
