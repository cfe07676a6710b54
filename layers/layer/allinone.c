/* SPDX-License-Identifier: MIT */
/* allinone.c: FrEIA's AllInOneBlock.  A map transforms the last dimensions (channels of images);
 * its parameters are 0.1 times the output of a net that reads the first ones.  Then all are
 * scaled, shifted and permuted, rotated, or reflected by trained Householder vectors. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "channel_affine.h"
#include "linear.h"
#include "mapped.h"
#include "layer.h"

/* Tensors of clf__layer_memory: input and output of the net, the map's parameters, samples after
 * the map and after the scale, and their gradients. */
enum { INPUT, RAW, NUMBERS, MAPPED, SCALED, VALUES };
enum { DINPUT = VALUES, DRAW, DNUMBERS, DMAPPED, DSCALED, USED };

static const double net_factor = 0.1; /* double, so that cpu64 is exact */

typedef struct allinone {
  clf__map map;
  clf__net net;
  clf__slot identity_at,
      transformed_at; /* columns that the net reads, and columns that the map transforms */
  clf__slot factors;  /* (2) net_factor and 0 */
  clf__channel_affine affine;
  clf__slot rotation; /* (C, C) fixed */
  clf__slot
      inverse; /* (C, C) inverse of a rotation, which files round; rank 0: the transpose is exact */
  clf__slot reflections; /* (K, C); rank 0: none */
  clf__slot product;     /* (C, C) of the reflections, row 0 first */
  clf__slot matrix; /* (C, C) rotation times the transposed product; the rotation if there is no
                       product */
  int32_t *columns; /* indices of the transformed columns */
} allinone;

static allinone *own_of(const clf__layer *l) { return l->own; }
static const clf__arch_allinone *arch_of(const clf__layer *l) {
  return (const clf__arch_allinone *)l->node;
}

/* The `kind` of operation scale_shift_fwd. */
static int kind_of(const clf__layer *l) {
  switch (arch_of(l)->gain) {
  case CLF__GAIN_EXP: return CLF_FACTOR_EXP;
  case CLF__GAIN_SOFTPLUS: return CLF_FACTOR_FREIA_SOFTPLUS;
  default: return CLF_FACTOR_FREIA_SIGMOID;
  }
}

/* The raw parameter of a scale of `init`. */
static clf_status first_scale(const clf__layer *l, double *u) {
  const double init = arch_of(l)->init;
  if (kind_of(l) == CLF_FACTOR_FREIA_SIGMOID && init >= 10)
    return clf__fail(CLF_EINVAL, "%s: gain=sigmoid gives scales below 10, and init is %g", l->label,
                     init);
  *u = kind_of(l) == CLF_FACTOR_EXP              ? log(init)
       : kind_of(l) == CLF_FACTOR_FREIA_SOFTPLUS ? 5 * init + log(-expm1(-5 * init))
                                                 : 2 - log(10 / init - 1);
  if (kind_of(l) == CLF_FACTOR_FREIA_SOFTPLUS) *u *= 2; /* 0.2 log(1 + exp(u / 2)) = init */
  return CLF_OK;
}

/* ---- Making ---------------------------------------------------------------------------------- */

/* Number of channels that the net reads: half of them, rounded up. */
static int32_t identity_channels(const clf__layer *l) {
  return clf__channels(l) - clf__channels(l) / 2;
}

static clf_status make_pieces(clf__layer *l, clf__slots *slots, const char *path) {
  allinone *o = own_of(l);
  const int32_t pixels = clf__pixels(l), identity = identity_channels(l) * pixels,
                transformed = l->in.dim - identity;
  char name[64], map[64]; /* the map may have a scale of its own */
  snprintf(name, sizeof name, "%s.net", path);
  snprintf(map, sizeof map, "%s.map", path);
  o->columns = calloc((size_t)transformed, sizeof *o->columns);
  if (!o->columns) return clf__fail(CLF_ENOMEM, "no memory for %s", l->label);
  clf__slots_add(slots, &o->identity_at, CLF_CONSTANT, 0, 0, 1, &identity, NULL);
  clf__slots_add(slots, &o->transformed_at, CLF_CONSTANT, 0, 0, 1, &transformed, NULL);
  clf__slots_add(slots, &o->factors, CLF_CONSTANT, 0, 0, 1, (int32_t[1]){2}, NULL);
  o->map.dims = transformed;
  o->map.hidden = clf__net_hidden(arch_of(l)->net);
  o->map.residual = clf__net_is_residual(arch_of(l)->net);
  CLF_TRY(clf__map_make(&o->map, arch_of(l)->map, slots, map));
  o->net.in = identity;
  o->net.context = l->context;
  o->net.numbers = o->map.numbers;
  if (clf__is_image(l))
    o->net.shape = (clf__shape){identity, l->in.height, l->in.width, identity_channels(l)};
  o->net.out = transformed * o->map.numbers;
  o->net.key = (uint64_t)l->index;
  return clf__net_make(&o->net, arch_of(l)->net, slots, name);
}

static void make_matrix(clf__layer *l, clf__slots *slots, const char *path) {
  allinone *o = own_of(l);
  const int32_t C = clf__channels(l), square[2] = {C, C}, K = arch_of(l)->reflections;
  clf__slots_add(slots, &o->rotation, CLF_CONSTANT, 0, 0, 2, square, "%s.rotation", path);
  if (arch_of(l)->perm == CLF__BLOCK_PERM_SOFT)
    clf__slots_add(slots, &o->inverse, CLF_CONSTANT, 0, 0, 2, square, NULL);
  if (arch_of(l)->perm != CLF__BLOCK_PERM_HOUSEHOLDER) return;
  clf__slots_add(slots, &o->reflections, CLF_PLAIN, 0, 0, 2, (int32_t[2]){K, C}, "%s.reflections",
                 path);
  clf__slots_add(slots, &o->product, CLF_DERIVED, 0, 0, 2, square, NULL);
  clf__slots_add(slots, &o->matrix, CLF_DERIVED, 0, 0, 2, square, NULL);
}

static clf_status make(clf__layer *l, clf__slots *slots, const char *path) {
  const int32_t C = clf__channels(l);
  double u = 0;
  if (C < 2)
    return clf__fail(CLF_EINVAL,
                     "%s: allinone reads one half and transforms the other: it needs at "
                     "least 2 %s",
                     l->label, clf__is_image(l) ? "channels" : "dimensions");
  CLF_TRY(first_scale(l, &u));
  allinone *o = l->own = calloc(1, sizeof *o);
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for %s", l->label);
  CLF_TRY(make_pieces(l, slots, path));
  o->affine.kind = kind_of(l);
  clf__slots_add(slots, &o->affine.scale, CLF_PLAIN, u, 0, 1, &C, "%s.scale", path);
  clf__slots_add(slots, &o->affine.shift, CLF_PLAIN, 0, 0, 1, &C, "%s.offset", path);
  make_matrix(l, slots, path);
  l->traits |= clf__mapped_traits(&o->map) & CLF_IS_BOUNDED;
  return CLF_OK;
}

static void unmake(clf__layer *l) {
  allinone *o = l->own;
  if (!o) return;
  clf__map_unmake(&o->map);
  clf__net_unmake(&o->net);
  free(o->columns);
  free(o);
  l->own = NULL;
}

/* ---- Initial values -------------------------------------------------------------------------- */

/* Each row has its 1 in a different column. */
static void draw_permutation(const clf__slot *slot, clf__host_random *r, double *c) {
  const int32_t C = slot->dim[0];
  double *const m = c + slot->at;
  for (int32_t i = 0; i < C * C; i++) m[i] = i % (C + 1) == 0;
  for (int32_t j = C - 1; j > 0; j--) {
    const int64_t i = clf__host_below(r, j + 1);
    for (int32_t k = 0; k < C; k++) {
      const double at = m[(int64_t)j * C + k];
      m[(int64_t)j * C + k] = m[i * C + k];
      m[i * C + k] = at;
    }
  }
}

static void draw(const clf__layer *l, clf__host_random *r, double *c) {
  const allinone *o = own_of(l);
  clf__mapped_draw(&o->net, r, c);
  if (arch_of(l)->perm == CLF__BLOCK_PERM_SOFT)
    clf__linear_init_orthogonal(&o->rotation, r, c);
  else
    draw_permutation(&o->rotation, r, c);
}

static void init(const clf__layer *l, clf__host_random *r, double *w) {
  const allinone *o = own_of(l);
  const int64_t n =
      o->reflections.rank ? (int64_t)o->reflections.dim[0] * o->reflections.dim[1] : 0;
  clf__net_init_for(&o->net, &o->map, r, w);
  for (int64_t i = 0; i < n; i++) w[o->reflections.at + i] = 0.2 * clf__host_normal(r);
}

/* One Newton step from the transpose W^T, which equals the inverse up to rounding: 2 W^T - W^T W
 * W^T. */
static clf_status invert(const allinone *o, double *c) {
  const int64_t C = o->rotation.dim[0];
  const double *w = c + o->rotation.at;
  double *product = malloc((size_t)(C * C) * sizeof *product), *v = c + o->inverse.at;
  if (!product) return clf__fail(CLF_ENOMEM, "no memory for a rotation of %d", (int)C);
  for (int64_t i = 0; i < C; i++)
    for (int64_t j = 0; j < C; j++) {
      double sum = 0;
      for (int64_t k = 0; k < C; k++) sum += w[i * C + k] * w[j * C + k];
      product[i * C + j] = (i == j ? 2 : 0) - sum;
    }
  for (int64_t i = 0; i < C; i++)
    for (int64_t j = 0; j < C; j++) {
      double sum = 0;
      for (int64_t k = 0; k < C; k++) sum += w[k * C + i] * product[k * C + j];
      v[i * C + j] = sum;
    }
  free(product);
  return CLF_OK;
}

static clf_status derive(const clf__layer *l, double *c) {
  allinone *o = own_of(l);
  const int32_t C = clf__channels(l), identity = identity_channels(l);
  int32_t k = 0, t = 0;
  c[o->factors.at] = net_factor;
  c[o->factors.at + 1] = 0;
  for (int32_t d = 0; d < l->in.dim; d++)
    if (d % C < identity) {
      c[o->identity_at.at + k++] = d;
    } else {
      o->columns[t] = d;
      c[o->transformed_at.at + t++] = d;
    }
  if (o->map.ops->derive) o->map.ops->derive(&o->map, o->columns, c);
  return o->inverse.rank ? invert(o, c) : CLF_OK;
}

/* ---- Memory, and the matrix ------------------------------------------------------------------ */

static clf_status plan(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                       clf__layer_memory *k) {
  const allinone *o = own_of(l);
  const int32_t D = l->in.dim, numbers = o->net.out;
  const int32_t cols[USED] = {
      [INPUT] = o->net.in,  [RAW] = numbers,  [NUMBERS] = numbers,  [MAPPED] = D,  [SCALED] = D,
      [DINPUT] = o->net.in, [DRAW] = numbers, [DNUMBERS] = numbers, [DMAPPED] = D, [DSCALED] = D};
  for (int i = 0; i < (train ? USED : VALUES); i++)
    CLF_TRY(clf_new(a, (int32_t[4]){rows, cols[i], 1, 1}, &k->t[i]));
  return clf__net_plan(&o->net, rows, train, a, &k->own);
}

static const clf__net *net_of(const clf__layer *l) { return &own_of(l)->net; }

static const clf__slot *matrix_of(const allinone *o) {
  return o->matrix.rank ? &o->matrix : &o->rotation;
}

static clf_status prepare(const clf__layer *l, const clf__pass *p) {
  const allinone *o = own_of(l);
  if (!o->reflections.rank) return CLF_OK;
  CLF_TRY(clf_do(p->dev, reflections_compose, .left = clf__weight(p, &o->reflections),
                 .w = clf__weight(p, &o->product)));
  return clf_do(p->dev, gemm, .a = clf__weight(p, &o->rotation), .b = clf__weight(p, &o->product),
                .c = clf__weight(p, &o->matrix), .tb = 1, .alpha = 1);
}

/* matrix = rotation product^T: the product's gradient is the transposed gradient of the matrix,
 * times rotation. */
static clf_status finish(const clf__layer *l, const clf__pass *p) {
  const allinone *o = own_of(l);
  CLF_TRY(clf__mapped_finish(&o->net, p));
  if (!o->reflections.rank) return CLF_OK;
  const clf_tensor dproduct = clf__gradient(p, &o->product);
  CLF_TRY(clf_do(p->dev, gemm, .a = clf__gradient(p, &o->matrix), .b = clf__weight(p, &o->rotation),
                 .c = dproduct, .ta = 1, .alpha = 1));
  return clf_do(p->dev, reflections_bwd, .left = clf__weight(p, &o->reflections), .dw = dproduct,
                .dleft = clf__gradient(p, &o->reflections));
}

/* W, and its inverse. */
static clf_tensor turned(clf_tensor m) {
  const int32_t step = m.stride[0];
  m.stride[0] = m.stride[1];
  m.stride[1] = step;
  return m;
}
static clf_tensor matrix_for(const clf__layer *l, const clf__pass *p) {
  return clf__weight(p, matrix_of(own_of(l)));
}
static clf_tensor inverse_for(const clf__layer *l, const clf__pass *p) {
  const allinone *o = own_of(l);
  return o->inverse.rank ? clf__weight(p, &o->inverse) : turned(matrix_for(l, p));
}

/* y = m x for each pixel. */
static clf_status rotate(const clf__layer *l, const clf__pass *p, clf_tensor m, clf_tensor x,
                         clf_tensor y) {
  if (clf__is_image(l))
    return clf_do(p->dev, conv_fwd, .x = clf__by_channel(l, x), .w = m, .y = clf__by_channel(l, y));
  return clf_do(p->dev, gemm, .a = x, .b = m, .c = y, .tb = 1, .alpha = 1);
}
/* Adds the sum of y x^T to the matrix's gradient. */
static clf_status add_to_matrix(const clf__layer *l, const clf__pass *p, clf_tensor y,
                                clf_tensor x) {
  const clf_tensor dw = clf__gradient(p, &own_of(l)->matrix);
  if (!dw.buf || !p->gradients.w.buf) return CLF_OK;
  if (clf__is_image(l))
    return clf_do(p->dev, conv_bwd_weights, .x = clf__by_channel(l, x), .dy = clf__by_channel(l, y),
                  .dw = dw, .beta = 1);
  return clf_do(p->dev, gemm, .a = y, .b = x, .c = dw, .ta = 1, .alpha = 1, .beta = 1);
}

/* ---- Passes ---------------------------------------------------------------------------------- */

static clf_tensor tensor(const clf__layer_memory *k, int which, int32_t n) {
  return clf__rows(k->t[which], n);
}

/* to = net_factor from. */
static clf_status weaken(const clf__layer *l, const clf__pass *p, clf_tensor from, clf_tensor to) {
  const clf_tensor factors = clf__weight(p, &own_of(l)->factors);
  clf_tensor gain = clf_slice(factors, 0, 0, 1), bias = clf_slice(factors, 0, 1, 2);
  gain.dim[0] = bias.dim[0] = from.dim[1];
  gain.stride[0] = bias.stride[0] = 0;
  return clf_do(p->dev, gain_fwd, .x = from, .gain = gain, .bias = bias, .y = to);
}

/* The map's parameters, from the identity channels of x. */
static clf_status run_net(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor x) {
  const allinone *o = own_of(l);
  const int32_t n = x.dim[0];
  CLF_TRY(clf_do(p->dev, columns_take, .x = x, .at = clf__weight(p, &o->identity_at),
                 .y = tensor(k, INPUT, n)));
  CLF_TRY(o->net.ops->forward(&o->net, p, k->own, tensor(k, INPUT, n), tensor(k, RAW, n)));
  return weaken(l, p, tensor(k, RAW, n), tensor(k, NUMBERS, n));
}
/* Adds the gradient that comes back through the net to dx. */
static clf_status net_backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                               clf_tensor dx) {
  const allinone *o = own_of(l);
  const int32_t n = dx.dim[0];
  CLF_TRY(weaken(l, p, tensor(k, DNUMBERS, n), tensor(k, DRAW, n)));
  CLF_TRY(o->net.ops->backward(&o->net, p, k->own, tensor(k, INPUT, n), tensor(k, DRAW, n),
                               tensor(k, DINPUT, n)));
  return clf_do(p->dev, columns_add, .x = tensor(k, DINPUT, n),
                .at = clf__weight(p, &o->identity_at), .y = dx);
}

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor x, clf_tensor y, clf_tensor logdet) {
  const allinone *o = own_of(l);
  const clf_tensor mapped = tensor(k, MAPPED, x.dim[0]), scaled = tensor(k, SCALED, x.dim[0]);
  CLF_TRY(run_net(l, p, k, x));
  CLF_TRY(o->map.ops->forward(&o->map, p, x, clf__weight(p, &o->transformed_at),
                              tensor(k, NUMBERS, x.dim[0]), mapped, logdet));
  CLF_TRY(clf__channel_affine_forward(l, p, &o->affine, mapped, scaled, logdet));
  return rotate(l, p, matrix_for(l, p), scaled, y);
}

static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor y, clf_tensor x, clf_tensor logdet) {
  const allinone *o = own_of(l);
  const clf_tensor mapped = tensor(k, MAPPED, y.dim[0]), scaled = tensor(k, SCALED, y.dim[0]);
  CLF_TRY(rotate(l, p, inverse_for(l, p), y, scaled));
  CLF_TRY(clf__channel_affine_inverse(l, p, &o->affine, scaled, mapped, logdet));
  CLF_TRY(run_net(l, p, k, mapped));
  return o->map.ops->inverse(&o->map, p, mapped, clf__weight(p, &o->transformed_at),
                             tensor(k, NUMBERS, y.dim[0]), x, logdet);
}

static clf_status backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  const allinone *o = own_of(l);
  const int32_t n = x.dim[0];
  (void)y;
  CLF_TRY(rotate(l, p, turned(matrix_for(l, p)), dy, tensor(k, DSCALED, n)));
  CLF_TRY(add_to_matrix(l, p, dy, tensor(k, SCALED, n)));
  CLF_TRY(clf__channel_affine_backward(l, p, &o->affine, tensor(k, MAPPED, n),
                                       tensor(k, DSCALED, n), tensor(k, DMAPPED, n)));
  CLF_TRY(o->map.ops->backward(&o->map, p, x, clf__weight(p, &o->transformed_at),
                               tensor(k, NUMBERS, n), tensor(k, DMAPPED, n), dx,
                               tensor(k, DNUMBERS, n)));
  return net_backward(l, p, k, dx);
}

static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                   clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy) {
  const allinone *o = own_of(l);
  const int32_t n = x.dim[0];
  CLF_TRY(o->map.ops->backward_inverse(&o->map, p, x, clf__weight(p, &o->transformed_at),
                                       tensor(k, NUMBERS, n), dx, tensor(k, DMAPPED, n),
                                       tensor(k, DNUMBERS, n)));
  CLF_TRY(net_backward(l, p, k, tensor(k, DMAPPED, n)));
  CLF_TRY(clf__channel_affine_backward_inverse(l, p, &o->affine, tensor(k, MAPPED, n),
                                               tensor(k, DMAPPED, n), tensor(k, DSCALED, n)));
  CLF_TRY(add_to_matrix(l, p, y, tensor(k, DSCALED, n)));
  return rotate(l, p, turned(inverse_for(l, p)), tensor(k, DSCALED, n), dy);
}

static int32_t outside(const clf__layer *l, const double *x, double interval[2]) {
  return clf__mapped_outside(&own_of(l)->map, own_of(l)->columns, x, interval);
}

const clf__layer_ops clf__layer_allinone = {
    .name = "allinone",
    .make = make,
    .unmake = unmake,
    .draw = draw,
    .derive = derive,
    .init = init,
    .net = net_of,
    .plan = plan,
    .prepare = prepare,
    .finish = CLF_TRAINS(finish),
    .forward = forward,
    .inverse = inverse,
    .backward = CLF_TRAINS(backward),
    .backward_inverse = CLF_TRAINS(backward_inverse),
    .outside = outside,
};
