/* SPDX-License-Identifier: MIT */
/* coupling.c: couplings: some dimensions are transformed by a map whose parameters a net
 * computes from the others (Dinh et al. 2017, section 3.2; Durkan et al. 2019, section 2.1).
 *
 * With uncond=1 the identity dimensions are transformed, too, by a map with trained parameters,
 * after the net has read them.  Images are treated as rows of H W C elements: a mask of channels
 * becomes one of columns. */
#include "coupling_mask.h"
#include <stdio.h>
#include <stdlib.h>
#include "image_coupling.h"
#include "mapped.h"
#include "layer.h"

/* Tensors of clf__layer_memory: the net's input, the map's parameters, values between the two
 * maps, and gradients of all these. */
enum { INPUT, NUMBERS, BETWEEN, DINPUT, DNUMBERS, DBETWEEN, DTRAINED, ALL, DALL, USED };

typedef struct coupling {
  clf__coupling_mask mask;
  clf__map map, uncond; /* uncond.ops NULL: the identity dimensions are unchanged */
  clf__net net;
  clf__slot trained; /* (e, m): parameters of uncond */
  clf__slot
      wanted; /* (d m): for nets that read the masked input: indices of the outputs that are used */
} coupling;

static coupling *own_of(const clf__layer *l) { return l->own; }
static const clf__arch_coupling *arch_of(const clf__layer *l) {
  return (const clf__arch_coupling *)l->node;
}

/* ---- Making ---------------------------------------------------------------------------------- */

static clf_status make_uncond(clf__layer *l, coupling *o, clf__slots *slots, const char *path) {
  char name[64];
  o->uncond.whole = l->in.dim;
  o->uncond.dims = o->mask.identity;
  snprintf(name, sizeof name, "%s.uncond", path);
  CLF_TRY(clf__map_make(&o->uncond, arch_of(l)->map, slots, name));
  clf__slots_add(slots, &o->trained, CLF_PLAIN, 0, 0, 2,
                 (int32_t[2]){o->mask.identity, o->uncond.numbers}, "%s.numbers", name);
  return CLF_OK;
}

/* The scaling of the map's parameters depends on the size of the net, and the net's outputs on
 * the number of parameters. */
static clf_status make_net(clf__layer *l, coupling *o, clf__slots *slots, const char *path) {
  const clf__arch_coupling *a = arch_of(l);
  clf__region region;
  char name[64];
  snprintf(name, sizeof name, "%s.net", path);
  const clf__shape image =
      clf__coupling_reads_masked(l) ? l->in : clf__coupling_image(&o->mask, l->in);
  o->map.whole = l->in.dim;
  o->map.dims = o->mask.transformed;
  o->map.hidden = clf__net_hidden(a->net);
  o->map.residual = clf__net_is_residual(a->net);
  o->map.normalised = clf__net_normalises(a->net);
  if (clf__coupling_region(l, &region)) {
    o->map.board = region.pixels != CLF_PIXELS_ALL;
    o->map.channels = !o->map.board;
  }
  /* For images, and if outputs are selected from all, the parameters of a dimension are
   * adjacent. */
  o->map.masked = image.height || clf__coupling_reads_masked(l);
  CLF_TRY(clf__map_make(&o->map, a->map, slots, path));
  const int masked = clf__coupling_reads_masked(l);
  o->net.in = masked ? l->in.dim : o->mask.identity;
  o->net.context = l->context;
  clf__net_read_context(&o->net);
  o->net.numbers = o->map.numbers;
  o->net.shape = image;
  if (o->map.board) o->net.pixels = CLF_PIXELS_EVEN + CLF_PIXELS_ODD - region.pixels;
  o->net.out = (masked ? l->in.dim : o->mask.transformed) * o->map.numbers;
  o->net.key = (uint64_t)l->index;
  return clf__net_make(&o->net, a->net, slots, name);
}

static clf_status make(clf__layer *l, clf__slots *slots, const char *path) {
  if (clf__image_coupling_takes(l)) {
    l->ops = &clf__image_coupling;
    return l->ops->make(l, slots, path);
  }
  coupling *o = l->own = calloc(1, sizeof *o);
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for a coupling");
  CLF_TRY(clf__coupling_mask_make(&o->mask, l, slots, path));
  CLF_TRY(make_net(l, o, slots, path));
  const int32_t wanted = o->mask.transformed * o->map.numbers;
  if (clf__coupling_reads_masked(l))
    clf__slots_add(slots, &o->wanted, CLF_CONSTANT, 0, 0, 1, &wanted, NULL);
  if (arch_of(l)->uncond && o->mask.identity) CLF_TRY(make_uncond(l, o, slots, path));
  l->traits |= clf__mapped_traits(&o->map);
  return CLF_OK;
}

static void unmake(clf__layer *l) {
  coupling *o = l->own;
  if (!o) return;
  clf__map_unmake(&o->map);
  clf__map_unmake(&o->uncond);
  clf__net_unmake(&o->net);
  clf__coupling_mask_unmake(&o->mask);
  free(o);
  l->own = NULL;
}

static void draw(const clf__layer *l, clf__host_random *r, double *c) {
  const coupling *o = own_of(l);
  clf__coupling_mask_draw(&o->mask, l, r, c);
  clf__mapped_draw(&o->net, r, c);
}

/* Whether each parameter of the map has its own net, as a layout other than auto says.  With
 * auto the parameters of a dimension are adjacent among all outputs: existing files have weights
 * in this order. */
static int is_net_by_net(const clf__layer *l) {
  const clf__arch_coupling *a = arch_of(l);
  return a->net->type->id == CLF__ARCH_mlp && ((const clf__arch_mlp *)a->net)->separate &&
         a->map->type->id == CLF__ARCH_affine &&
         ((const clf__arch_affine *)a->map)->layout != CLF__LAYOUT_AUTO;
}

static clf_status derive(const clf__layer *l, double *c) {
  const coupling *o = own_of(l);
  CLF_TRY(clf__coupling_mask_derive(&o->mask, l, c));
  const int32_t m = o->map.numbers;
  const int32_t by_net = is_net_by_net(l) ? l->in.dim : 0;
  for (int32_t i = 0; i < o->mask.transformed * m && o->wanted.rank; i++)
    c[o->wanted.at + i] =
        by_net ? i % m * by_net + o->mask.columns[i / m] : o->mask.columns[i / m] * m + i % m;
  if (o->map.ops->derive) o->map.ops->derive(&o->map, o->mask.columns, c);
  if (o->uncond.ops && o->uncond.ops->derive)
    o->uncond.ops->derive(&o->uncond, o->mask.columns + o->mask.transformed, c);
  return CLF_OK;
}

static void init(const clf__layer *l, clf__host_random *r, double *w) {
  const coupling *o = own_of(l);
  clf__net_init_for(&o->net, &o->map, r, w);
  if (o->uncond.ops) o->uncond.ops->start(&o->uncond, r, w + o->trained.at);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static clf_status plan(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                       clf__layer_memory *k) {
  const coupling *o = own_of(l);
  const int32_t m = o->map.numbers;
  const int32_t cols[USED] = {[INPUT] = o->net.in,
                              [NUMBERS] = o->mask.transformed * m,
                              [BETWEEN] = o->uncond.ops ? l->in.dim : 0,
                              [DINPUT] = train ? o->net.in : 0,
                              [DNUMBERS] = train ? o->mask.transformed * m : 0,
                              [DBETWEEN] = train && o->uncond.ops ? l->in.dim : 0,
                              [DTRAINED] = train && o->uncond.ops ? o->mask.identity * m : 0,
                              [ALL] = o->wanted.rank ? o->net.out : 0,
                              [DALL] = train && o->wanted.rank ? o->net.out : 0};
  for (int i = 0; i < USED; i++)
    if (cols[i]) CLF_TRY(clf_new(a, (int32_t[4]){rows, cols[i]}, &k->t[i]));
  return clf__net_plan(&o->net, rows, train, a, &k->own);
}

static const clf__net *net_of(const clf__layer *l) { return &own_of(l)->net; }

/* ---- Passes ---------------------------------------------------------------------------------- */

/* Tensors of a call with n samples; those that the layer does not have are without a buffer. */
typedef struct tensors {
  clf_tensor t[USED], trained;
} tensors;
static tensors tensors_of(const clf__layer *l, const clf__pass *p, const clf__layer_memory *k,
                          int32_t n) {
  tensors v;
  for (int i = 0; i < USED; i++) v.t[i] = k->t[i].dim[0] ? clf__rows(k->t[i], n) : k->t[i];
  v.trained = clf__same_for_all(clf__weight(p, &own_of(l)->trained), n);
  return v;
}

/* The net's input: the identity dimensions, or all with zeros for the others. */
static clf_status take_input(const clf__layer *l, const clf__pass *p, const tensors *v,
                             clf_tensor x) {
  const clf__coupling_mask *m = &own_of(l)->mask;
  if (own_of(l)->net.of_context) return CLF_OK;
  if (m->keep.rank)
    return clf_do(p->dev, mask_apply, .x = x, .b = clf__weight(p, &m->keep), .y = v->t[INPUT]);
  return clf_do(p->dev, columns_take, .x = x, .at = clf__weight(p, &m->identity_at),
                .y = v->t[INPUT]);
}

/* The map's parameters, from the net's input. */
static clf_status run_net(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          const tensors *v, clf_tensor x) {
  const coupling *o = own_of(l);
  const clf_tensor u = o->wanted.rank ? v->t[ALL] : v->t[NUMBERS];
  CLF_TRY(take_input(l, p, v, x));
  CLF_TRY(o->net.ops->forward(&o->net, p, k->own, clf__net_input(&o->net, p, v->t[INPUT]), u));
  if (!o->wanted.rank) return CLF_OK;
  return clf_do(p->dev, columns_take, .x = u, .at = clf__weight(p, &o->wanted), .y = v->t[NUMBERS]);
}

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor x, clf_tensor y, clf_tensor logdet) {
  const coupling *o = own_of(l);
  const tensors v = tensors_of(l, p, k, x.dim[0]);
  const clf_tensor to = o->uncond.ops ? v.t[BETWEEN] : y;
  CLF_TRY(run_net(l, p, k, &v, x));
  CLF_TRY(o->map.ops->forward(&o->map, p, x, clf__weight(p, &o->mask.transformed_at), v.t[NUMBERS],
                              to, logdet));
  if (!o->uncond.ops) return CLF_OK;
  return o->uncond.ops->forward(&o->uncond, p, to, clf__weight(p, &o->mask.identity_at), v.trained,
                                y, logdet);
}

/* The identity dimensions come first, because the net reads them. */
static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor y, clf_tensor x, clf_tensor logdet) {
  const coupling *o = own_of(l);
  const tensors v = tensors_of(l, p, k, y.dim[0]);
  if (o->uncond.ops) {
    CLF_TRY(o->uncond.ops->inverse(&o->uncond, p, y, clf__weight(p, &o->mask.identity_at),
                                   v.trained, v.t[BETWEEN], logdet));
    y = v.t[BETWEEN];
  }
  CLF_TRY(run_net(l, p, k, &v, y));
  return o->map.ops->inverse(&o->map, p, y, clf__weight(p, &o->mask.transformed_at), v.t[NUMBERS],
                             x, logdet);
}

/* Gradients of all outputs of the net, with 0 for those that are not used. */
static clf_status spread(const clf__layer *l, const clf__pass *p, const tensors *v,
                         clf_tensor *du) {
  const coupling *o = own_of(l);
  *du = v->t[DNUMBERS];
  if (!o->wanted.rank) return CLF_OK;
  *du = v->t[DALL];
  CLF_TRY(clf_do(p->dev, fill, .y = *du, .value = 0));
  return clf_do(p->dev, columns_add, .x = v->t[DNUMBERS], .at = clf__weight(p, &o->wanted),
                .y = *du);
}

/* Backward through the net: adds to the gradient of the identity dimensions. */
static clf_status net_backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                               const tensors *v, clf_tensor dx) {
  const coupling *o = own_of(l);
  clf_tensor du;
  CLF_TRY(spread(l, p, v, &du));
  if (o->net.of_context) return clf__net_backward_context(&o->net, p, k->own, du, v->t[DINPUT]);
  CLF_TRY(o->net.ops->backward(&o->net, p, k->own, v->t[INPUT], du, v->t[DINPUT]));
  if (o->mask.keep.rank)
    return clf_do(p->dev, mask_apply, .x = v->t[DINPUT], .b = clf__weight(p, &o->mask.keep),
                  .y = dx, .beta = 1);
  return clf_do(p->dev, columns_add, .x = v->t[DINPUT], .at = clf__weight(p, &o->mask.identity_at),
                .y = dx);
}

static clf_status add_trained(const clf__layer *l, const clf__pass *p, const tensors *v) {
  return clf__sum_for_all(p, v->t[DTRAINED], &own_of(l)->trained);
}

static clf_status backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  const coupling *o = own_of(l);
  const tensors v = tensors_of(l, p, k, x.dim[0]);
  (void)y;
  if (o->uncond.ops) {
    CLF_TRY(o->uncond.ops->backward(&o->uncond, p, v.t[BETWEEN],
                                    clf__weight(p, &o->mask.identity_at), v.trained, dy,
                                    v.t[DBETWEEN], v.t[DTRAINED]));
    CLF_TRY(add_trained(l, p, &v));
    dy = v.t[DBETWEEN];
  }
  CLF_TRY(o->map.ops->backward(&o->map, p, x, clf__weight(p, &o->mask.transformed_at), v.t[NUMBERS],
                               dy, dx, v.t[DNUMBERS]));
  return net_backward(l, p, k, &v, dx);
}

static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                   clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy) {
  const coupling *o = own_of(l);
  const tensors v = tensors_of(l, p, k, x.dim[0]);
  const clf_tensor to = o->uncond.ops ? v.t[DBETWEEN] : dy;
  (void)y;
  CLF_TRY(o->map.ops->backward_inverse(&o->map, p, x, clf__weight(p, &o->mask.transformed_at),
                                       v.t[NUMBERS], dx, to, v.t[DNUMBERS]));
  CLF_TRY(net_backward(l, p, k, &v, to));
  if (!o->uncond.ops) return CLF_OK;
  CLF_TRY(o->uncond.ops->backward_inverse(&o->uncond, p, v.t[BETWEEN],
                                          clf__weight(p, &o->mask.identity_at), v.trained, to, dy,
                                          v.t[DTRAINED]));
  return add_trained(l, p, &v);
}

/* For nets with normalisation. */
static clf_status fit(const clf__layer *l, const clf__pass *p, clf__layer_memory *k, clf_tensor x) {
  const clf__net *n = &own_of(l)->net;
  const tensors v = tensors_of(l, p, k, x.dim[0]);
  if (!n->ops->fit) return CLF_OK;
  CLF_TRY(take_input(l, p, &v, x));
  return n->ops->fit(n, p, k->own, v.t[INPUT]);
}

static clf_status finish(const clf__layer *l, const clf__pass *p) {
  return clf__mapped_finish(&own_of(l)->net, p);
}

/* ---- Its domain ------------------------------------------------------------------------------ */

static int32_t outside(const clf__layer *l, const double *x, double interval[2]) {
  return clf__mapped_outside(&own_of(l)->map, own_of(l)->mask.columns, x, interval);
}

const clf__layer_ops clf__layer_coupling = {
    .name = "coupling",
    .make = make,
    .unmake = unmake,
    .draw = draw,
    .derive = derive,
    .init = init,
    .net = net_of,
    .plan = plan,
    .fit = CLF_TRAINS(fit),
    .finish = CLF_TRAINS(finish),
    .forward = forward,
    .inverse = inverse,
    .backward = CLF_TRAINS(backward),
    .backward_inverse = CLF_TRAINS(backward_inverse),
    .outside = outside,
    .alternates = 1,
};
