/* SPDX-License-Identifier: MIT */
/* column.c: bases with independent columns.
 *
 * The parameters of a sample are a row [loc | log-scale | degrees of freedom] of m D numbers; all
 * samples may share one row. */
#include "column.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "hash.h"

/* Tensors of clf__base_memory: the rows and their gradients, the class as a one-hot vector,
 * standard variates of samples, and the net's gradient by the context. */
enum { NUMBERS, DNUMBERS, ONE_HOT, NOISE, DCONTEXT };

typedef struct column {
  clf__column_setup s;
  int32_t m;
  clf__slot numbers;                /* (classes or 1, m D), trained */
  clf__slot loc, log_scale, raw_df; /* views of its columns */
  clf__slot low, shape;             /* (D) constants */
  clf__net net;
} column;

static column *own_of(const clf__base *b) { return b->own; }

/* ---- Making ---------------------------------------------------------------------------------- */

static void add_view(column *o, clf__slots *slots, clf__slot *part, int32_t D, int32_t i,
                     const char *path, const char *name) {
  const int of_class = o->s.source == CLF_COLUMN_OF_CLASS;
  const int32_t dim[2] = {o->s.classes, D}, stride[2] = {o->m * D, 1};
  clf__slots_view(slots, part, &o->numbers, (int64_t)i * D, of_class ? 2 : 1, of_class ? dim : &D,
                  of_class ? stride : stride + 1, "%s.%s", path, name);
}

static void add_trained(const clf__base *b, column *o, clf__slots *slots, const char *path) {
  const int32_t D = b->dim, rows = o->s.source == CLF_COLUMN_OF_CLASS ? o->s.classes : 1;
  const int32_t table[2] = {rows, o->m * D};
  clf__slots_add(slots, &o->numbers, CLF_PLAIN, 0, 0, 2, table, NULL);
  add_view(o, slots, &o->loc, D, 0, path, o->s.loc);
  add_view(o, slots, &o->log_scale, D, 1, path, o->s.log_scale);
  if (o->m == 3) add_view(o, slots, &o->raw_df, D, 2, path, "raw_df");
}

static clf_status make_net(clf__base *b, column *o, clf__slots *slots, const char *path) {
  char name[64];
  if (!b->context)
    return clf__fail(CLF_EINVAL,
                     "%s: its net reads the context, and the flow has none; write the architecture "
                     "as D|C: ..., or take %s(trained)",
                     b->ops->name, b->ops->name);
  snprintf(name, sizeof name, "%s.net", path);
  o->net.in = b->context; /* its only input is the context */
  o->net.out = 2 * b->dim;
  o->net.key = clf__hash_text(path); /* so that its dropout differs from other nets */
  CLF_TRY(clf__net_make(&o->net, o->s.net, slots, name));
  b->traits |= o->net.traits;
  return CLF_OK;
}

static clf_status check_classes(const clf__base *b, const column *o) {
  if (b->context == 1 || b->context == o->s.classes) return CLF_OK;
  return clf__fail(CLF_EINVAL,
                   "classes: the context has %d numbers; it has to be the class, 1 number, or its "
                   "one-hot vector, %d",
                   (int)b->context, (int)o->s.classes);
}

clf_status clf__column_make(clf__base *b, clf__slots *slots, const char *path,
                            const clf__column_setup *s) {
  column *o = b->own = calloc(1, sizeof *o);
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for a base");
  o->s = *s;
  o->m = s->kind == CLF_COLUMN_student_free ? 3 : 2;
  if (s->kind == CLF_COLUMN_box)
    clf__slots_add(slots, &o->low, CLF_CONSTANT, s->low, 0, 1, &b->dim, NULL);
  if (s->kind == CLF_COLUMN_box || s->kind == CLF_COLUMN_student)
    clf__slots_add(slots, &o->shape, CLF_CONSTANT, s->shape, 0, 1, &b->dim, NULL);
  if (s->source == CLF_COLUMN_OF_CLASS) CLF_TRY(check_classes(b, o));
  if (s->source == CLF_COLUMN_OF_NET) return make_net(b, o, slots, path);
  if (s->source != CLF_COLUMN_FIXED) add_trained(b, o, slots, path);
  return CLF_OK;
}

void clf__column_unmake(clf__base *b) {
  column *o = own_of(b);
  if (!o) return;
  clf__net_unmake(&o->net);
  free(o);
  b->own = NULL;
}

void clf__column_draw(const clf__base *b, clf__host_random *r, double *c) {
  const clf__net *n = &own_of(b)->net;
  if (n->ops && n->ops->draw) n->ops->draw(n, r, c);
}

/* Trained degrees of freedom start at the given value, log(1 + exp raw). */
void clf__column_init(const clf__base *b, clf__host_random *r, double *w) {
  const column *o = own_of(b);
  if (o->net.ops && o->net.ops->init) o->net.ops->init(&o->net, r, w);
  for (int32_t d = 0; o->raw_df.rank && d < b->dim; d++)
    w[o->raw_df.at + d] = o->s.shape + log(-expm1(-o->s.shape));
}

clf_status clf__column_plan(const clf__base *b, int32_t rows, int train, clf_arena *a,
                            clf__base_memory *k) {
  const column *o = own_of(b);
  const int32_t shape[4] = {rows, o->m * b->dim};
  CLF_TRY(clf_new(a, (int32_t[4]){rows, b->dim}, &k->t[NOISE]));
  if (o->s.source == CLF_COLUMN_FIXED) return CLF_OK;
  if (train) CLF_TRY(clf_new(a, shape, &k->t[DNUMBERS]));
  if (o->s.source == CLF_COLUMN_TRAINED) return CLF_OK;
  CLF_TRY(clf_new(a, shape, &k->t[NUMBERS]));
  if (o->s.source == CLF_COLUMN_OF_CLASS)
    return clf_new(a, (int32_t[4]){rows, o->s.classes}, &k->t[ONE_HOT]);
  if (train) CLF_TRY(clf_new(a, (int32_t[4]){rows, b->context}, &k->t[DCONTEXT]));
  return clf__net_plan_all(&o->net, rows, train, a, &k->own);
}

/* ---- Parameters of samples ------------------------------------------------------------------- */

static clf_status one_hot_of(const clf__base *b, const clf__pass *p, const clf__base_memory *k,
                             clf_tensor *y) {
  if (b->context != 1 || own_of(b)->s.classes == 1) {
    *y = p->c;
    return CLF_OK;
  }
  *y = clf__rows(k->t[ONE_HOT], p->c.dim[0]);
  clf_tensor x = p->c;
  x.dim[1] = 1;
  return clf_do(p->dev, one_hot, .x = x, .y = *y);
}

/* The rows of n samples, which backward reads, too. */
static clf_status find_numbers(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                               int32_t n) {
  const column *o = own_of(b);
  if (o->s.source < CLF_COLUMN_OF_NET) return CLF_OK;
  const clf_tensor u = clf__rows(k->t[NUMBERS], n);
  if (o->s.source == CLF_COLUMN_OF_NET) return o->net.ops->forward(&o->net, p, k->own, p->c, u);
  clf_tensor y;
  CLF_TRY(one_hot_of(b, p, k, &y));
  return clf_do(p->dev, gemm, .a = y, .b = clf__weight(p, &o->numbers), .c = u, .alpha = 1);
}

/* Columns i D .. i D + D - 1 of such rows; without a buffer if there are no rows. */
static clf_tensor columns_of(clf_tensor u, int32_t D, int i) {
  return u.buf ? clf_slice(u, 1, i * D, (i + 1) * D) : u;
}

typedef struct numbers {
  clf_tensor loc, log_scale, shape;
} numbers;

static numbers numbers_of(const clf__base *b, const clf__pass *p, const clf__base_memory *k,
                          int32_t n) {
  const column *o = own_of(b);
  clf_tensor u = {0};
  if (o->s.source == CLF_COLUMN_TRAINED) u = clf__same_for_all(clf__weight(p, &o->numbers), n);
  if (o->s.source >= CLF_COLUMN_OF_NET) u = clf__rows(k->t[NUMBERS], n);
  numbers v = {columns_of(u, b->dim, 0), columns_of(u, b->dim, 1), {0}};
  if (o->m == 3) v.shape = columns_of(u, b->dim, 2);
  if (o->low.rank) v.loc = clf__same_for_all(clf__weight(p, &o->low), n);
  if (o->shape.rank) v.shape = clf__same_for_all(clf__weight(p, &o->shape), n);
  return v;
}

/* ---- Passes ---------------------------------------------------------------------------------- */

clf_status clf__column_logp(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                            clf_tensor z, clf_tensor logdet, clf_tensor logp) {
  CLF_TRY(find_numbers(b, p, k, z.dim[0]));
  const numbers v = numbers_of(b, p, k, z.dim[0]);
  return clf_do(p->dev, column_logp, .z = z, .loc = v.loc, .log_scale = v.log_scale,
                .shape = v.shape, .logdet = logdet, .logp = logp, .kind = own_of(b)->s.kind);
}

static clf_status add_class_gradients(const clf__base *b, const clf__pass *p,
                                      const clf__base_memory *k, clf_tensor du) {
  const column *o = own_of(b);
  const clf_tensor g = clf__gradient(p, &o->numbers);
  const clf_tensor y =
      b->context == 1 && o->s.classes > 1 ? clf__rows(k->t[ONE_HOT], du.dim[0]) : p->c;
  if (g.buf) CLF_TRY(clf_do(p->dev, gemm, .a = y, .b = du, .c = g, .ta = 1, .alpha = 1, .beta = 1));
  if (!p->dc.buf || b->context == 1) return CLF_OK;
  return clf_do(p->dev, gemm, .a = du, .b = clf__weight(p, &o->numbers), .c = p->dc, .tb = 1,
                .alpha = 1, .beta = 1);
}

static clf_status backward_of_net(const column *o, const clf__pass *p, clf__base_memory *k,
                                  clf_tensor du) {
  const clf_tensor dc = p->dc.buf ? clf__rows(k->t[DCONTEXT], du.dim[0]) : p->dc;
  CLF_TRY(o->net.ops->backward(&o->net, p, k->own, p->c, du, dc));
  return dc.buf ? clf_do(p->dev, axpby, .x = dc, .y = p->dc, .a = 1, .b = 1) : CLF_OK;
}

static clf_status add_gradients(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                                clf_tensor du) {
  const column *o = own_of(b);
  switch (o->s.source) {
  case CLF_COLUMN_FIXED: return CLF_OK;
  case CLF_COLUMN_TRAINED: return clf__sum_for_all(p, du, &o->numbers);
  case CLF_COLUMN_OF_NET: return backward_of_net(o, p, k, du);
  case CLF_COLUMN_OF_CLASS: break;
  }
  return add_class_gradients(b, p, k, du);
}

clf_status clf__column_backward(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                                clf_tensor z, clf_tensor dz) {
  const column *o = own_of(b);
  const numbers v = numbers_of(b, p, k, z.dim[0]);
  clf_tensor du = {0};
  if (o->s.source != CLF_COLUMN_FIXED) du = clf__rows(k->t[DNUMBERS], z.dim[0]);
  clf_tensor dshape = {0};
  if (o->m == 3) dshape = columns_of(du, b->dim, 2);
  CLF_TRY(clf_do(p->dev, column_bwd, .z = z, .loc = v.loc, .log_scale = v.log_scale,
                 .shape = v.shape, .dl = p->each, .dz = dz, .dloc = columns_of(du, b->dim, 0),
                 .dlog_scale = columns_of(du, b->dim, 1), .dshape = dshape, .kind = o->s.kind,
                 .dlogdet = p->dlogdet));
  return add_gradients(b, p, k, du);
}

clf_status clf__column_finish(const clf__base *b, const clf__pass *p) {
  const clf__net *n = &own_of(b)->net;
  return n->ops && n->ops->finish ? n->ops->finish(n, p) : CLF_OK;
}

/* Standard variates; a box has its own between 0 and 1. */
static clf_status noise(const clf__pass *p, int kind, clf_tensor shape, uint64_t seed,
                        int64_t first, clf_tensor e) {
  if (kind == CLF_COLUMN_normal) return clf__base_noise(p, 0, seed, first, e);
  if (p->at_centre) return clf_do(p->dev, fill, .y = e, .value = kind == CLF_COLUMN_box ? 0.5f : 0);
  if (kind == CLF_COLUMN_box)
    return clf_do(p->dev, random_uniform, .y = e, CLF_STREAM(seed, first));
  return clf_do(p->dev, column_noise, .shape = shape, .y = e, .kind = kind,
                CLF_STREAM(seed, first));
}

clf_status clf__column_sample(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                              uint64_t seed, int64_t first, clf_tensor z) {
  const int kind = own_of(b)->s.kind;
  CLF_TRY(find_numbers(b, p, k, z.dim[0]));
  const numbers v = numbers_of(b, p, k, z.dim[0]);
  const clf_tensor e = clf__rows(k->t[NOISE], z.dim[0]);
  CLF_TRY(noise(p, kind, v.shape, seed, first, e));
  return clf_do(p->dev, column_place, .e = e, .loc = v.loc, .log_scale = v.log_scale,
                .shape = v.shape, .z = z, .kind = kind);
}

/* z = loc + exp(log_scale) e. */
clf_status clf__column_sample_backward(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                                       uint64_t seed, int64_t first, clf_tensor z, clf_tensor dz) {
  const column *o = own_of(b);
  if (o->s.source == CLF_COLUMN_FIXED) return CLF_OK;
  CLF_TRY(find_numbers(b, p, k, z.dim[0]));
  const numbers v = numbers_of(b, p, k, z.dim[0]);
  const clf_tensor du = clf__rows(k->t[DNUMBERS], z.dim[0]);
  clf_tensor dshape = {0};
  if (o->m == 3) dshape = columns_of(du, b->dim, 2);
  CLF_TRY(clf_do(p->dev, column_place_bwd, .z = z, .loc = v.loc, .log_scale = v.log_scale,
                 .shape = v.shape, .dz = dz, .dloc = columns_of(du, b->dim, 0),
                 .dlog_scale = columns_of(du, b->dim, 1), .dshape = dshape, .kind = o->s.kind,
                 CLF_STREAM(seed, first)));
  return add_gradients(b, p, k, du);
}

clf_status clf__column_check_context(const clf__base *b, const double *c, int64_t row) {
  const column *o = own_of(b);
  if (o->s.source != CLF_COLUMN_OF_CLASS || b->context != 1) return CLF_OK;
  if (c[0] >= 0 && c[0] < o->s.classes && c[0] == floor(c[0])) return CLF_OK;
  return clf__fail(CLF_ENUM,
                   "the context: row %lld has the class %g; classes are whole numbers from 0 to %d",
                   (long long)row + 1, c[0], (int)o->s.classes - 1);
}

int32_t clf__column_outside(const clf__base *b, const double *z, double interval[2]) {
  const column *o = own_of(b);
  if (o->s.kind != CLF_COLUMN_box) return -1;
  interval[0] = o->s.low;
  interval[1] = o->s.shape;
  for (int32_t d = 0; d < b->dim; d++)
    if (z[d] < o->s.low || z[d] > o->s.shape) return d;
  return -1;
}
