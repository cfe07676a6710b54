/* SPDX-License-Identifier: MIT */
/* batchnorm_transformed.c: batchnorm(transformed=1) normalises what the preceding coupling
 * transformed, by its own statistics and without weights (Dinh et al. 2017, section 3.7).
 *
 * In images these are channels, or the pixels of one colour of a checkerboard, whose statistics
 * count the other pixels as zeros, as in the reference implementation; a view of the image
 * suffices.  Otherwise they are columns, which are gathered and scattered. */
#include <stdlib.h>
#include "batchnorm.h"
#include "coupling_mask.h"
#include "image_coupling.h"
#include "layer.h"

typedef struct transformed {
  clf__norm norm;
  int by_columns;
  clf__region region; /* unless by_columns */
  int32_t channels, pixels;
  const clf__coupling_mask *mask;
} transformed;

/* Tensors of clf__layer_memory: the columns before and after normalisation, the other columns,
 * gradients, unused log-dets, statistics. */
enum { TAKEN, NORMED, STAYS, DTAKEN, DNORMED, UNUSED, NORM };

static const transformed *own_of(const clf__layer *l) { return l->own; }

/* ---- Making ------------------------------------------------------------------------------- */

static clf_status find_transformed(const clf__layer *l, transformed *o) {
  const clf__layer *c = l->prev;
  if (!c || c->node->type->id != CLF__ARCH_coupling)
    return clf__fail(CLF_EINVAL,
                     "%s: transformed=1 normalises what the coupling before it transformed; before "
                     "it there is %s",
                     l->label, c ? c->node->type->name : "no layer");
  o->by_columns = !clf__coupling_region(c, &o->region);
  o->channels = o->region.channels;
  if (!o->by_columns) return CLF_OK;
  o->mask = c->own; /* the first member of every coupling's own struct */
  o->channels = o->mask->transformed;
  return CLF_OK;
}

static clf_status make(clf__layer *l, clf__slots *slots, const char *path) {
  (void)path;
  l->traits = l->ops->traits;
  if (l->prev && clf__image_coupling_joins(l->prev, l->prev->next))
    return CLF_OK; /* the coupling computes it */
  transformed *o = l->own = calloc(1, sizeof *o);
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for %s", l->label);
  CLF_TRY(find_transformed(l, o));
  clf__batchnorm_add_slots(l, &o->norm, o->channels, slots);
  clf__norm_add_without(slots, &o->norm, o->channels);
  return CLF_OK;
}
static void draw(const clf__layer *l, clf__host_random *r, double *c) {
  (void)r;
  if (l->own) clf__norm_draw(&own_of(l)->norm, c);
}

/* ---- Memory ------------------------------------------------------------------------------- */

static clf_status plan(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                       clf__layer_memory *k) {
  const transformed *o = own_of(l);
  if (train) CLF_TRY(clf_new(a, (int32_t[4]){rows}, &k->t[UNUSED]));
  if (!o->by_columns) return CLF_OK;
  const int32_t d = o->channels, stays = l->in.dim - d;
  for (int i = TAKEN; i <= (train ? DNORMED : STAYS); i++)
    if (i != STAYS || stays)
      CLF_TRY(clf_new(a, (int32_t[4]){rows, i == STAYS ? stays : d}, &k->t[i]));
  return CLF_OK;
}

static clf_status keep(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                       clf__layer_memory *k) {
  (void)rows;
  return clf__norm_keep(&own_of(l)->norm, own_of(l)->channels, train, a, k->t + NORM);
}

/* ---- Transformed and identity columns -------------------------------------------------------- */

static clf_status take(const clf__pass *p, const clf__slot *at, clf_tensor x, clf_tensor y) {
  return clf_do(p->dev, columns_take, .x = x, .at = clf__weight(p, at), .y = y);
}

/* The transformed part of rows x: a view, or columns gathered into a tensor. */
static clf_status part_of(const clf__layer *l, const clf__pass *p, const clf__layer_memory *k,
                          int where, clf_tensor x, clf_tensor *of) {
  const transformed *o = own_of(l);
  if (!o->by_columns) {
    *of = clf__region_of(o->region, l->in, x);
    return CLF_OK;
  }
  *of = clf__rows(k->t[where], x.dim[0]);
  return take(p, &o->mask->transformed_at, x, *of);
}

/* Where the normalised part of rows y is written. */
static clf_tensor place_of(const clf__layer *l, const clf__layer_memory *k, int where,
                           clf_tensor y) {
  const transformed *o = own_of(l);
  return o->by_columns ? clf__rows(k->t[where], y.dim[0]) : clf__region_of(o->region, l->in, y);
}

/* Assembles y: identity columns as in x, and the normalised columns, which are already in place
 * if they are a view. */
static clf_status join(const clf__layer *l, const clf__pass *p, const clf__layer_memory *k,
                       clf_tensor x, clf_tensor normed, clf_tensor y) {
  const transformed *o = own_of(l);
  if (!o->by_columns)
    return clf__region_pass_on(p, clf__region_others(o->region, l->in), l->in, x, y);
  CLF_TRY(clf_do(p->dev, fill, .y = y, .value = 0));
  CLF_TRY(clf_do(p->dev, columns_add, .x = normed, .at = clf__weight(p, &o->mask->transformed_at),
                 .y = y));
  if (!o->mask->identity) return CLF_OK;
  const clf_tensor stays = clf__rows(k->t[STAYS], x.dim[0]);
  CLF_TRY(take(p, &o->mask->identity_at, x, stays));
  return clf_do(p->dev, columns_add, .x = stays, .at = clf__weight(p, &o->mask->identity_at),
                .y = y);
}

/* ---- Passes ------------------------------------------------------------------------------- */

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor x, clf_tensor y, clf_tensor logdet) {
  const transformed *o = own_of(l);
  const clf__norm_memory norm = clf__norm_at(k->t + NORM);
  const clf_tensor to = place_of(l, k, NORMED, y);
  clf_tensor from;
  CLF_TRY(part_of(l, p, k, TAKEN, x, &from));
  CLF_TRY(clf__norm_measure(p, &o->norm, &norm, from, o->region.pixels));
  CLF_TRY(clf__norm_flow_forward(p, &o->norm, &norm, from, o->region.pixels, to, logdet));
  return join(l, p, k, x, to, y);
}

static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor y, clf_tensor x, clf_tensor logdet) {
  const transformed *o = own_of(l);
  const clf_tensor to = place_of(l, k, TAKEN, x);
  clf_tensor from;
  CLF_TRY(part_of(l, p, k, NORMED, y, &from));
  CLF_TRY(clf__norm_flow_inverse(p, &o->norm, from, o->region.pixels, to, logdet));
  return join(l, p, k, y, to, x);
}

static clf_status backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  const transformed *o = own_of(l);
  const clf__norm_memory norm = clf__norm_at(k->t + NORM);
  const clf_tensor to = place_of(l, k, DTAKEN, dx);
  const clf_tensor in = o->by_columns ? clf__rows(k->t[TAKEN], x.dim[0]) : place_of(l, k, TAKEN, x);
  clf_tensor from;
  (void)y;
  CLF_TRY(part_of(l, p, k, DNORMED, dy, &from));
  CLF_TRY(clf__norm_flow_backward(p, &o->norm, &norm, in, o->region.pixels, from, to));
  return join(l, p, k, dy, to, dx);
}

static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                   clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy) {
  const transformed *o = own_of(l);
  const clf_tensor to = place_of(l, k, DNORMED, dy);
  clf_tensor from;
  (void)y, (void)x;
  CLF_TRY(part_of(l, p, k, DTAKEN, dx, &from));
  CLF_TRY(clf__norm_flow_backward_inverse(p, &o->norm, from, o->region.pixels,
                                          clf__rows(k->t[UNUSED], dx.dim[0]), to));
  return join(l, p, k, dx, to, dy);
}

const clf__layer_ops clf__batchnorm_transformed = {
    .name = "batchnorm",
    .make = make,
    .unmake = clf__layer_free_own,
    .draw = draw,
    .plan = plan,
    .keep = keep,
    .forward = forward,
    .inverse = inverse,
    .backward = CLF_TRAINS(backward),
    .backward_inverse = CLF_TRAINS(backward_inverse),
    .traits = CLF_HAS_BATCH_STATISTICS,
};
