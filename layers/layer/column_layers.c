/* SPDX-License-Identifier: MIT */
/* column_layers.c: the layer `columns`: applies other elementwise layers to some of the columns;
 * the remaining columns are unchanged.
 *
 * Samples are permuted so that each layer's columns are adjacent, and permuted back. */
#include <stdio.h>
#include <stdlib.h>
#include "layer.h"

/* Tensors of clf__layer_memory: permuted samples before and after the layers, and their
 * gradients. */
enum { IN, OUT, DIN, DOUT };

typedef struct column_layers {
  clf__slot order, inverse; /* (D) the permutation */
  int32_t *columns;         /* (D) the same, on the host */
  clf__layer *layer;        /* count of them */
  int32_t *first; /* (count + 1) the first column of each layer, and of the remaining ones */
  int count;
  double *row; /* two rows for the host, which has one call of a flow at a time */
} column_layers;

static column_layers *own_of(const clf__layer *l) { return l->own; }
static clf__pieces pieces_of(const clf__layer *l) {
  return ((const clf__arch_columns *)l->node)->parts;
}

/* ---- Making ---------------------------------------------------------------------------------- */

static int is_in(clf__ranges r, int32_t d) {
  for (int32_t i = 0; i < r.n; i++)
    if (d >= r.at[i].first && (r.at[i].last < 0 || d <= r.at[i].last)) return 1;
  return 0;
}

/* The layer that column d belongs to; `n` of them: none. */
static int taker_of(clf__pieces pieces, int32_t d) {
  int i = 0;
  while (i < pieces.n && !is_in(pieces.at[i].columns, d)) i++;
  return i;
}

/* Ranges must not exceed the last column. */
static clf_status check_ranges(const clf__layer *l) {
  const clf__pieces pieces = pieces_of(l);
  for (int i = 0; i < pieces.n; i++)
    for (int32_t k = 0; k < pieces.at[i].columns.n; k++) {
      const clf__range r = pieces.at[i].columns.at[k];
      const int32_t last = r.last < 0 ? r.first : r.last;
      if (last >= l->in.dim)
        return clf__fail(CLF_EINVAL, "%s: there is no column %d; the last of %d is %d", l->label,
                         (int)last, (int)l->in.dim, (int)l->in.dim - 1);
    }
  return CLF_OK;
}

static clf_status allocate(clf__layer *l) {
  column_layers *o = l->own = calloc(1, sizeof *o);
  const size_t n = (size_t)pieces_of(l).n, D = (size_t)l->in.dim;
  if (o) {
    o->columns = calloc(D, sizeof *o->columns);
    o->layer = calloc(n, sizeof *o->layer);
    o->first = calloc(n + 1, sizeof *o->first);
    o->row = calloc(2 * D, sizeof *o->row);
  }
  return o && o->columns && o->layer && o->first && o->row
             ? CLF_OK
             : clf__fail(CLF_ENOMEM, "no memory for %s", l->label);
}

static void find_columns(const clf__layer *l) {
  column_layers *o = own_of(l);
  const clf__pieces pieces = pieces_of(l);
  int32_t at = 0;
  for (int i = 0; i <= pieces.n; i++) {
    o->first[i] = at;
    for (int32_t d = 0; d < l->in.dim; d++)
      if (taker_of(pieces, d) == i) o->columns[at++] = d;
  }
}

/* A unique index for each layer, since dropout's masks depend on it. */
static int index_of(const clf__layer *l, int i) {
  return (int)(((uint32_t)l->index + 0x9E3779B9u * (uint32_t)i) & INT32_MAX);
}

static clf_status make_one(clf__layer *l, int i, clf__slots *slots, const char *path) {
  column_layers *o = own_of(l);
  const clf__node *node = pieces_of(l).at[i].node;
  const int32_t d = o->first[i + 1] - o->first[i];
  clf__layer *sub = &o->layer[i];
  char name[64];
  snprintf(name, sizeof name, "%s.%d", path, i);
  *sub = (clf__layer){.node = node,
                      .dev = l->dev,
                      .index = index_of(l, i),
                      .count = 1,
                      .inverted = node->inverted,
                      .context = l->context,
                      .in = {.dim = d},
                      .out = {.dim = d}};
  snprintf(sub->label, sizeof sub->label, "%.48s.%d", l->label, i);
  CLF_TRY(clf__layer_of(node, &sub->ops));
  o->count = i + 1; /* so that it is freed after errors, too */
  sub->traits = sub->ops->traits;
  return sub->ops->make ? sub->ops->make(sub, slots, name) : CLF_OK;
}

/* The host computes a row only if it can for all layers. */
static int is_on_host(const clf__layer *sub) {
  return sub->ops->host_forward && !(sub->traits & CLF_NOT_ON_HOST) && !sub->inverted;
}

static int has_inverse_gradient(const clf__layer *sub) {
  return (sub->inverted ? sub->ops->backward : sub->ops->backward_inverse) != NULL;
}

static clf_status make(clf__layer *l, clf__slots *slots, const char *path) {
  const int32_t D = l->in.dim;
  unsigned shared = CLF_FIXED_VOLUME | CLF_KEEPS_VOLUME; /* if all have them */
  CLF_TRY(check_ranges(l));
  CLF_TRY(allocate(l));
  column_layers *o = own_of(l);
  find_columns(l);
  clf__slots_add(slots, &o->order, CLF_CONSTANT, 0, 0, 1, &D, NULL);
  clf__slots_add(slots, &o->inverse, CLF_CONSTANT, 0, 0, 1, &D, NULL);
  for (int i = 0; i < pieces_of(l).n; i++) {
    CLF_TRY(make_one(l, i, slots, path));
    shared &= o->layer[i].traits;
    l->traits |= clf__layer_traits(&o->layer[i]) & CLF_HAS_BATCH_STATISTICS;
    if (!o->layer[i].inverted) l->traits |= o->layer[i].traits & CLF_IS_BOUNDED;
    if (!has_inverse_gradient(&o->layer[i])) l->traits |= CLF_NO_INVERSE_GRADIENT;
    if (!is_on_host(&o->layer[i])) l->traits |= CLF_NOT_ON_HOST;
  }
  l->traits |= shared;
  return CLF_OK;
}

static void unmake(clf__layer *l) {
  column_layers *o = l->own;
  for (int i = 0; o && i < o->count; i++)
    if (o->layer[i].ops->unmake) o->layer[i].ops->unmake(&o->layer[i]);
  if (o) {
    free(o->row);
    free(o->first);
    free(o->layer);
    free(o->columns);
  }
  free(o);
  l->own = NULL;
}

static void draw(const clf__layer *l, clf__host_random *r, double *c) {
  const column_layers *o = own_of(l);
  for (int i = 0; i < o->count; i++)
    if (o->layer[i].ops->draw) o->layer[i].ops->draw(&o->layer[i], r, c);
}
static void init(const clf__layer *l, clf__host_random *r, double *w) {
  const column_layers *o = own_of(l);
  for (int i = 0; i < o->count; i++)
    if (o->layer[i].ops->init) o->layer[i].ops->init(&o->layer[i], r, w);
}
static clf_status derive(const clf__layer *l, double *c) {
  const column_layers *o = own_of(l);
  for (int32_t j = 0; j < l->in.dim; j++) {
    c[o->order.at + j] = o->columns[j];
    c[o->inverse.at + o->columns[j]] = j;
  }
  for (int i = 0; i < o->count; i++)
    if (o->layer[i].ops->derive) CLF_TRY(o->layer[i].ops->derive(&o->layer[i], c));
  return CLF_OK;
}

/* ---- Passes ---------------------------------------------------------------------------------- */

static void release(const clf__layer *l, clf__layer_memory *k) {
  for (int i = 0; i < own_of(l)->count; i++)
    clf__layer_release(&own_of(l)->layer[i], (clf__layer_memory *)k->own + i);
}

static clf_status
each_plan(const clf__layer *l, int32_t rows, int train, clf_arena *a, clf__layer_memory *k,
          clf_status (*of)(const clf__layer *, int32_t, int, clf_arena *, clf__layer_memory *)) {
  const column_layers *o = own_of(l);
  if (!k->own) k->own = calloc((size_t)o->count + 1, sizeof(clf__layer_memory));
  if (!k->own) return clf__fail(CLF_ENOMEM, "no memory for the plan of %s", l->label);
  for (int i = 0; i < o->count; i++)
    CLF_TRY(of(&o->layer[i], rows, train, a, (clf__layer_memory *)k->own + i));
  return CLF_OK;
}

static clf_status plan(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                       clf__layer_memory *k) {
  for (int t = IN; t <= (train ? DOUT : OUT); t++)
    CLF_TRY(clf_new(a, (int32_t[4]){rows, l->in.dim, 1, 1}, &k->t[t]));
  return each_plan(l, rows, train, a, k, clf__layer_plan);
}
static clf_status keep(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                       clf__layer_memory *k) {
  return each_plan(l, rows, train, a, k, clf__layer_keep);
}
static clf_status scratch(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                          clf__layer_memory *k) {
  return each_plan(l, rows, train, a, k, clf__layer_scratch);
}

/* The columns of layer i, or the remaining ones, in n rows of a tensor. */
static clf_tensor columns_of(const clf__layer *l, const clf__layer_memory *k, int which, int32_t n,
                             int i) {
  const column_layers *o = own_of(l);
  const int32_t end = i < o->count ? o->first[i + 1] : l->in.dim;
  return clf_slice(clf__rows(k->t[which], n), 1, o->first[i], end);
}

static clf_status gather(const clf__layer *l, const clf__pass *p, clf_tensor x,
                         const clf__layer_memory *k, int which) {
  return clf_do(p->dev, columns_take, .x = x, .at = clf__weight(p, &own_of(l)->order),
                .y = clf__rows(k->t[which], x.dim[0]));
}
static clf_status scatter(const clf__layer *l, const clf__pass *p, const clf__layer_memory *k,
                          int which, clf_tensor y) {
  return clf_do(p->dev, columns_take, .x = clf__rows(k->t[which], y.dim[0]),
                .at = clf__weight(p, &own_of(l)->inverse), .y = y);
}
static clf_status copy_rest(const clf__layer *l, const clf__pass *p, const clf__layer_memory *k,
                            int from, int to, int32_t n) {
  const column_layers *o = own_of(l);
  if (o->first[o->count] == l->in.dim) return CLF_OK;
  return clf_do(p->dev, copy, .x = columns_of(l, k, from, n, o->count),
                .y = columns_of(l, k, to, n, o->count));
}

static clf_status run(const clf__layer *l, const clf__pass *p, clf__layer_memory *k, int i,
                      int backwards, int32_t n, clf_tensor logdet) {
  const clf__layer *sub = &own_of(l)->layer[i];
  clf__layer_memory *const own = (clf__layer_memory *)k->own + i;
  const clf_tensor in = columns_of(l, k, IN, n, i), out = columns_of(l, k, OUT, n, i);
  return backwards ? clf__layer_inverse(sub, p, own, out, in, logdet)
                   : clf__layer_forward(sub, p, own, in, out, logdet);
}
static clf_status run_back(const clf__layer *l, const clf__pass *p, clf__layer_memory *k, int i,
                           int backwards, int32_t n) {
  const clf__layer *sub = &own_of(l)->layer[i];
  clf__layer_memory *const own = (clf__layer_memory *)k->own + i;
  const clf_tensor in = columns_of(l, k, IN, n, i), out = columns_of(l, k, OUT, n, i),
                   din = columns_of(l, k, DIN, n, i), dout = columns_of(l, k, DOUT, n, i);
  return backwards ? clf__layer_backward_inverse(sub, p, own, out, in, din, dout)
                   : clf__layer_backward(sub, p, own, in, out, dout, din);
}

static clf_status prepare(const clf__layer *l, const clf__pass *p) {
  const column_layers *o = own_of(l);
  for (int i = 0; i < o->count; i++)
    if (o->layer[i].ops->prepare) CLF_TRY(o->layer[i].ops->prepare(&o->layer[i], p));
  return CLF_OK;
}
static clf_status finish(const clf__layer *l, const clf__pass *p) {
  const column_layers *o = own_of(l);
  for (int i = 0; i < o->count; i++)
    if (o->layer[i].ops->finish) CLF_TRY(o->layer[i].ops->finish(&o->layer[i], p));
  return CLF_OK;
}
static clf_status fit(const clf__layer *l, const clf__pass *p, clf__layer_memory *k, clf_tensor x) {
  const column_layers *o = own_of(l);
  CLF_TRY(gather(l, p, x, k, IN));
  for (int i = 0; i < o->count; i++)
    if (o->layer[i].ops->fit)
      CLF_TRY(o->layer[i].ops->fit(&o->layer[i], p, (clf__layer_memory *)k->own + i,
                                   columns_of(l, k, IN, x.dim[0], i)));
  return CLF_OK;
}

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor x, clf_tensor y, clf_tensor logdet) {
  CLF_TRY(gather(l, p, x, k, IN));
  for (int i = 0; i < own_of(l)->count; i++) CLF_TRY(run(l, p, k, i, 0, x.dim[0], logdet));
  CLF_TRY(copy_rest(l, p, k, IN, OUT, x.dim[0]));
  return scatter(l, p, k, OUT, y);
}
static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor y, clf_tensor x, clf_tensor logdet) {
  CLF_TRY(gather(l, p, y, k, OUT));
  for (int i = 0; i < own_of(l)->count; i++) CLF_TRY(run(l, p, k, i, 1, y.dim[0], logdet));
  CLF_TRY(copy_rest(l, p, k, OUT, IN, y.dim[0]));
  return scatter(l, p, k, IN, x);
}
static clf_status backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  (void)x, (void)y;
  CLF_TRY(gather(l, p, dy, k, DOUT));
  for (int i = 0; i < own_of(l)->count; i++) CLF_TRY(run_back(l, p, k, i, 0, dy.dim[0]));
  CLF_TRY(copy_rest(l, p, k, DOUT, DIN, dy.dim[0]));
  return scatter(l, p, k, DIN, dx);
}
static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                   clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy) {
  (void)x, (void)y;
  CLF_TRY(gather(l, p, dx, k, DIN));
  for (int i = 0; i < own_of(l)->count; i++) CLF_TRY(run_back(l, p, k, i, 1, dx.dim[0]));
  CLF_TRY(copy_rest(l, p, k, DIN, DOUT, dx.dim[0]));
  return scatter(l, p, k, DOUT, dy);
}

/* ---- On the host ----------------------------------------------------------------------------- */

/* Gathers columns of a row, and scatters them back. */
static void gather_row(const clf__layer *l, const double *x, double *own) {
  for (int32_t j = 0; j < l->in.dim; j++) own[j] = x[own_of(l)->columns[j]];
}
static void scatter_row(const clf__layer *l, const double *own, double *x) {
  for (int32_t j = 0; j < l->in.dim; j++) x[own_of(l)->columns[j]] = own[j];
}

static double host_forward(const clf__layer *l, double *x) {
  const column_layers *o = own_of(l);
  double logdet = 0;
  gather_row(l, x, o->row);
  for (int i = 0; i < o->count; i++)
    logdet += o->layer[i].ops->host_forward(&o->layer[i], o->row + o->first[i]);
  scatter_row(l, o->row, x);
  return logdet;
}
static double host_inverse(const clf__layer *l, double *y) {
  const column_layers *o = own_of(l);
  double logdet = 0;
  gather_row(l, y, o->row);
  for (int i = 0; i < o->count; i++)
    logdet += o->layer[i].ops->host_inverse(&o->layer[i], o->row + o->first[i]);
  scatter_row(l, o->row, y);
  return logdet;
}
static void host_backward(const clf__layer *l, const double *x, double dlogdet, double *dx) {
  const column_layers *o = own_of(l);
  double *const own = o->row, *const down = own + l->in.dim;
  gather_row(l, x, own);
  gather_row(l, dx, down);
  for (int i = 0; i < o->count; i++)
    o->layer[i].ops->host_backward(&o->layer[i], own + o->first[i], dlogdet, down + o->first[i]);
  scatter_row(l, down, dx);
}

static int32_t outside(const clf__layer *l, const double *x, double interval[2]) {
  const column_layers *o = own_of(l);
  for (int i = 0; i < o->count; i++) {
    const clf__layer *sub = &o->layer[i];
    const int32_t *columns = o->columns + o->first[i];
    if (!sub->ops->outside || sub->inverted) continue;
    for (int32_t j = 0; j < sub->in.dim; j++) o->row[j] = x[columns[j]];
    const int32_t at = sub->ops->outside(sub, o->row, interval);
    if (at >= 0) return columns[at];
  }
  return -1;
}

const clf__layer_ops clf__layer_columns = {
    .name = "columns",
    .make = make,
    .unmake = unmake,
    .draw = draw,
    .derive = derive,
    .init = init,
    .plan = plan,
    .keep = keep,
    .scratch = scratch,
    .release = release,
    .prepare = prepare,
    .finish = CLF_TRAINS(finish),
    .fit = CLF_TRAINS(fit),
    .forward = forward,
    .inverse = inverse,
    .backward = CLF_TRAINS(backward),
    .backward_inverse = CLF_TRAINS(backward_inverse),
    .outside = outside,
    .host_forward = host_forward,
    .host_inverse = host_inverse,
    .host_backward = CLF_TRAINS(host_backward),
};
