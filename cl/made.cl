/* SPDX-License-Identifier: MIT */
/* made.cl: the inverse of masked autoregressive layers; the functions are those of cpu_ref/made.c.
 *
 * made_..._pack transposes the weights.  For each input of a layer, in the order of degrees, there
 * is a line of its weights to all units, padded to whole tiles and one tile more; the biases of the
 * layer are its first line:
 *
 *   line 0    [ biases of units 0 .. hidden - 1             | padding ]
 *   line 1    [ weights of the input of lowest degree       | padding ]
 *   ...       [ ...                                         | padding ]
 *
 * So the units of one degree read one block: the first lines, at neighbouring columns, four units
 * (TILE) at a time.  Then a work-item takes LANES samples (with one lane: one) through the net,
 * degree by degree.  Values are rows of V in its scratch memory, MADE_PITCH floats apart. */
#include "activations.clh"
#include "rqs.clh"
#include "scales.clh"

#define TILE 4
#define MADE_PITCH (LANES > 1 ? LANES : WG)
#define MADE_LINE(count) (((count) + TILE - 1) / TILE * TILE + TILE)

/* What a call says of its net. */
typedef struct {
  int D, hidden, layers, residual, period, from, each, numbers, pitch;
  int act_first, act_odd, act_even, act_last, join_first, join_odd, join_even;
  int skip_first, skip_odd, skip_even;
} made;
/* All operations of autoregressive layers have these parameters. */
#define MADE_OF(p)                                                                                 \
  {                                                                                                \
    p.y.dim[1], p.hidden, p.layers, p.residual, p.period, p.from, p.each, p.numbers, p.pitch,      \
        p.act_first, p.act_odd, p.act_even, p.act_last, p.join_first, p.join_odd, p.join_even,     \
        p.skip_first, p.skip_odd, p.skip_even                                                      \
  }

/* ---- Degrees -------------------------------------------------------------------------------- */

/* Hidden units of degrees below `degree`. */
INLINE int made_units_below(made q, int degree) {
  const int k = degree - q.from, full = q.hidden / q.period, rest = q.hidden % q.period;
  return k <= 0 ? 0 : k >= q.period ? q.hidden : k * full + min(k, rest);
}
INLINE int made_below(made q, int group) {
  return (float)group * q.each < q.D ? group * q.each : q.D;
}
INLINE int made_column(float c, int D) { return c > 0 ? c < D ? (int)c : D - 1 : 0; }

/* ---- Weights -------------------------------------------------------------------------------- */

INLINE int made_inputs(made q, int l) { return l ? q.hidden : q.D; }
INLINE int made_outputs(made q, int l) { return l < q.layers ? q.hidden : q.D * q.numbers; }
INLINE int made_skip(made q, int l) {
  return l == 0 ? q.skip_first : l % 2 ? q.skip_odd : q.skip_even;
}
INLINE int made_join(made q, int l) {
  return l == 0 ? q.join_first : l % 2 ? q.join_odd : q.join_even;
}
/* Where the weights of layer l start in w, and where packed. */
INLINE int made_weights(made q, int l) {
  int at = 0;
  for (int k = 0; k < l; k++) at += q.hidden * ((k ? q.hidden : q.pitch) + 1) + made_skip(q, k);
  return at;
}
INLINE int made_packed(made q, int l) {
  int at = 0;
  for (int k = 0; k < l; k++) at += (made_inputs(q, k) + 1) * MADE_LINE(made_outputs(q, k));
  return at;
}

/* Packed number i of layer l: the biases, then input i / line - 1. */
INLINE float made_weight(made q, global const float *at, int at_step, global const float *w,
                         int w_step, int l, int i) {
  const int out = made_outputs(q, l), line = MADE_LINE(out), k = i / line - 1, u = i % line;
  const int pitch = l ? q.hidden : q.pitch, begin = made_weights(q, l);
  if (u >= out) return 0;
  if (k < 0) return w[(begin + out * pitch + u) * w_step];
  const int input = l ? k : made_column(at[k * at_step], q.D);
  return w[(begin + u * pitch + input) * w_step];
}
/* A work-item for each packed number. */
INLINE void made_pack(made q, global const float *at, clf_view at_view, global const float *w,
                      clf_view w_view, global float *packed) {
  const int l = get_global_id(1), i = get_global_id(0);
  if (i < (made_inputs(q, l) + 1) * MADE_LINE(made_outputs(q, l)))
    packed[made_packed(q, l) + i] = made_weight(q, at + at_view.offset, at_view.stride[0],
                                                w + w_view.offset, w_view.stride[0], l, i);
}

/* ---- Tiles ---------------------------------------------------------------------------------- */

INLINE V made_row(global const float *v, int r) { return VLOAD(v + r * MADE_PITCH); }
INLINE void made_put(global float *v, int r, V value) { VSTORE(value, v + r * MADE_PITCH); }

/* Sums of four units, from unit u on; their inputs are rows from `from` on. */
typedef struct {
  V v[TILE];
} made_sums;
INLINE made_sums made_products(global const float *v, int from, int inputs,
                               global const float *packed, int line, int u) {
  made_sums s;
  const float4 bias = vload4(0, packed + u);
  s.v[0] = bias.x;
  s.v[1] = bias.y;
  s.v[2] = bias.z;
  s.v[3] = bias.w;
  packed += line + u;
  for (int k = 0; k < inputs; k++, packed += line) {
    const V x = made_row(v, from + k);
    const float4 w = vload4(0, packed);
    s.v[0] = fma((V)w.x, x, s.v[0]);
    s.v[1] = fma((V)w.y, x, s.v[1]);
    s.v[2] = fma((V)w.z, x, s.v[2]);
    s.v[3] = fma((V)w.w, x, s.v[3]);
  }
  return s;
}

/* The activation of rows r .. r + count - 1. */
#define ACTIVATE(name, source, flops, value, through)                                              \
  case CLF_ACT_##name:                                                                             \
    for (int i = 0; i < count; i++) {                                                              \
      const V x = made_row(v, r + i);                                                              \
      made_put(v, r + i, value);                                                                   \
    }                                                                                              \
    break;
INLINE void made_activate(int act, global float *v, int r, int count) {
  if (act == CLF_ACT_none) return;
  switch (act) { CLF_ACTIVATIONS(ACTIVATE) }
}

/* The context's numbers for the work-item's samples. */
typedef struct {
  global const float *at;
  int step, next, left; /* from column to column, from sample to sample; samples */
} made_context;

/* The units of one degree of layer l.  Rows: dimensions, hidden layers with TILE rows behind each,
 * residual streams. */
INLINE void made_layer(made q, int l, int degree, global float *v, global const float *packed,
                       made_context c, int column) {
  const int first = made_units_below(q, degree), count = made_units_below(q, degree + 1) - first;
  const int each = q.hidden + TILE, row = q.D + l * each + first, join = made_join(q, l);
  const int from = l ? q.D + (l - 1) * each : 0;
  const int inputs = l ? first + count : made_below(q, degree),
            stream = q.D + q.layers * each + first;
  const int adds = q.residual && l && l % 2 == 0, saves = q.residual && l % 2 == 0;
  for (int u = 0; u < count; u += TILE) {
    const made_sums s = made_products(v, from, inputs, packed, MADE_LINE(q.hidden), first + u);
#pragma unroll
    for (int i = 0; i < TILE; i++) {
      V value = s.v[i];
      if (u + i >= count) continue;
      if (join) {
        const V g = lanes_load(c.at + (column + first + u + i) * c.step, c.next, c.left);
        value = join == 1 ? value + g : value * ACT_SIGMOID(g);
      }
      if (adds) value += made_row(v, stream + u + i);
      if (saves) made_put(v, stream + u + i, value);
      made_put(v, row + u + i, value);
    }
  }
  made_activate(l + 1 == q.layers ? q.act_last
                : l == 0          ? q.act_first
                : l % 2           ? q.act_odd
                                  : q.act_even,
                v, row, count);
}

/* All layers, for the dimensions of group g. */
INLINE void made_group(made q, int g, global float *v, global const float *packed, made_context c) {
  int at = 0, column = 0;
  for (int l = 0; l < q.layers; l++) {
    made_layer(q, l, g, v, packed + at, c, column);
    at += (made_inputs(q, l) + 1) * MADE_LINE(q.hidden);
    column += made_join(q, l) ? q.hidden : 0;
  }
}

/* Computes the numbers of dimension j, of group g; returns the first of their rows. */
INLINE int made_numbers(made q, int g, int j, global float *v, global const float *packed) {
  const int each = q.hidden + TILE, row = q.D + (q.layers + (q.residual != 0)) * each;
  const int line = MADE_LINE(q.D * q.numbers), inputs = made_units_below(q, g + 1);
  packed += made_packed(q, q.layers);
  for (int k = 0; k < q.numbers; k += TILE) {
    const made_sums s =
        made_products(v, q.D + (q.layers - 1) * each, inputs, packed, line, j * q.numbers + k);
#pragma unroll
    for (int i = 0; i < TILE; i++)
      if (k + i < q.numbers) made_put(v, row + k + i, s.v[i]);
  }
  return row;
}

/* ---- The operations ------------------------------------------------------------------------- */

/* Scratch memory of this work-item: with vectors LANES floats of a row follow each other, with one
 * lane those of a work-group's work-items. */
INLINE global float *made_rows(global float *scratch, made_plan e) {
  const int item = get_global_id(0), lane = LANES > 1 ? 0 : item % WG;
  const int set = LANES > 1 ? item : item / WG;
  return scratch + e.weights + (size_t)set * e.rows * MADE_PITCH + lane;
}
INLINE made_context made_context_of(global const float *c, clf_view t, int n, int left) {
  const made_context q = {c ? c + t.offset + n * t.stride[0] : 0, t.stride[1], t.stride[0], left};
  return q;
}

/* The tensors that both operations have. */
typedef struct {
  global const float *y, *at, *c;
  global float *x, *logdet;
  clf_view y_view, at_view, c_view, x_view, logdet_view;
} made_tensors;
#define MADE_TENSORS(p)                                                                            \
  { y_, at_, c_, x_, logdet_, p.y, p.at, p.c, p.x, p.logdet }

/* The map of a dimension: affine or, with splines = 1, a rational-quadratic spline.  Kernels say
 * which by a constant, so that the compiler leaves the other one out. */
typedef struct {
  int splines;
  scale_kind scale;
  int scale_at, shift_at, first; /* of the affine map: which of the numbers are its own */
  global const float *g, *g0;    /* factor of its log-scale: affine_trained() */
  clf_view g_view, g0_view;
  rqs spline;
  global const float *box, *kinds;
  clf_view box_view, kinds_view;
} made_map;

/* x of y in dimension j by the numbers in the rows from `row` on, and log(dy/dx). */
INLINE V made_map_inverse(made_map m, int j, global const float *v, int row, V y, V *L) {
  if (m.splines) {
    const rqs s = rqs_column(m.spline, m.box, m.box_view, m.kinds, m.kinds_view, j);
    const rqs_numbers u = {v + row * MADE_PITCH, MADE_PITCH, 1, LANES};
    return rqs_inverse(s, u, y, L);
  }
  const V t = made_row(v, row + m.shift_at);
  *L = 0;
  if (m.scale_at >= 0)
    *L = affine_trained(affine_log_scale(made_row(v, row + m.scale_at), m.scale), m.g, m.g_view,
                        m.g0, m.g0_view);
  return affine_inverse(y, t, *L, m.first);
}

/* The inverse of samples n and on, dimension by dimension; v: memory of the work-item. */
INLINE void made_invert(made q, made_map m, made_tensors t, int n, global float *v,
                        global const float *packed) {
  const int left = min(t.y_view.dim[0] - n, LANES);
  const made_context c = made_context_of(t.c, t.c_view, n, left);
  global float *logdet = t.logdet + t.logdet_view.offset + n * t.logdet_view.stride[0];
  V sum = 0;
  for (int g = 0, r = 0; r < q.D; g++) {
    made_group(q, g, v, packed, c);
    for (; r < made_below(q, g + 1); r++) {
      const int j = made_column(t.at[t.at_view.offset + r * t.at_view.stride[0]], q.D);
      const int row = made_numbers(q, g, j, v, packed);
      const V y =
          lanes_load(t.y + t.y_view.offset + n * t.y_view.stride[0] + j * t.y_view.stride[1],
                     t.y_view.stride[0], left);
      V L;
      const V x = made_map_inverse(m, j, v, row, y, &L);
      sum -= L;
      made_put(v, r, x);
      lanes_store(x, t.x + t.x_view.offset + n * t.x_view.stride[0] + j * t.x_view.stride[1],
                  t.x_view.stride[0], left);
    }
  }
  lanes_store(lanes_load(logdet, t.logdet_view.stride[0], left) + sum, logdet,
              t.logdet_view.stride[0], left);
}

kernel BY_ITEM void made_affine_inv_pack(CLF_IN(y), CLF_IN(at), CLF_IN(w), CLF_IN(c), CLF_IN(g),
                                         CLF_IN(g0), CLF_OUT(x), CLF_OUT(logdet),
                                         const made_affine_inv_args p, CLF_SCRATCH(made_plan)) {
  const made q = MADE_OF(p);
  made_pack(q, at_, p.at, w_, p.w, scratch);
}

kernel BY_LANES void made_affine_inv(CLF_IN(y), CLF_IN(at), CLF_IN(w), CLF_IN(c), CLF_IN(g),
                                     CLF_IN(g0), CLF_OUT(x), CLF_OUT(logdet),
                                     const made_affine_inv_args p, CLF_SCRATCH(made_plan)) {
  const made q = MADE_OF(p);
  const made_tensors t = MADE_TENSORS(p);
  const made_map m = {.scale = scale_kind_of(p.scale, p.a, p.b),
                      .scale_at = p.scale_at,
                      .shift_at = p.shift_at,
                      .first = p.first,
                      .g = g_,
                      .g0 = g0_,
                      .g_view = p.g,
                      .g0_view = p.g0};
  for (int block = get_global_id(0); block < e.blocks; block += get_global_size(0))
    made_invert(q, m, t, block * LANES, made_rows(scratch, e), scratch);
}

kernel BY_ITEM void made_rqs_inv_pack(CLF_IN(y), CLF_IN(at), CLF_IN(w), CLF_IN(c), CLF_IN(box),
                                      CLF_IN(kinds), CLF_OUT(x), CLF_OUT(logdet),
                                      const made_rqs_inv_args p, CLF_SCRATCH(made_plan)) {
  const made q = MADE_OF(p);
  made_pack(q, at_, p.at, w_, p.w, scratch);
}

kernel BY_LANES void made_rqs_inv(CLF_IN(y), CLF_IN(at), CLF_IN(w), CLF_IN(c), CLF_IN(box),
                                  CLF_IN(kinds), CLF_OUT(x), CLF_OUT(logdet),
                                  const made_rqs_inv_args p, CLF_SCRATCH(made_plan)) {
  const made q = MADE_OF(p);
  const made_tensors t = MADE_TENSORS(p);
  const made_map m = {.splines = 1,
                      .spline = RQS_OF(p, p.numbers),
                      .box = box_,
                      .kinds = kinds_,
                      .box_view = p.box,
                      .kinds_view = p.kinds};
  for (int block = get_global_id(0); block < e.blocks; block += get_global_size(0))
    made_invert(q, m, t, block * LANES, made_rows(scratch, e), scratch);
}
