/* SPDX-License-Identifier: MIT */
/* columns.c: independent bases for ranges of columns.
 *
 * Columns are reordered so that each piece has adjacent columns.  Each piece draws samples from a
 * different seed. */
#include <stdio.h>
#include <stdlib.h>
#include "column.h"

/* Tensors of clf__base_memory: z and dz in the order of the pieces, and log-densities so far,
 * alternately in two tensors. */
enum { ORDERED, D_ORDERED, LOGP, LOGP_TOO };

typedef struct piece {
  clf__base base;
  int32_t first; /* index of its first column, in the order of the pieces */
} piece;

typedef struct columns {
  piece *at;
  int32_t count;
  int32_t *order;       /* (D) the column of the sample at each position */
  clf__slot take, back; /* (D) `order` and its inverse, as constants */
} columns;

static columns *own_of(const clf__base *b) { return b->own; }
static const clf__pieces *pieces_of(const clf__base *b) {
  return &((const clf__arch_base_columns *)b->node)->parts;
}

/* ---- Making ---------------------------------------------------------------------------------- */

static clf_status bad_column(int32_t d, int32_t D) {
  return clf__fail(CLF_EINVAL, "columns: there is no dimension %d; the latent has %d, from 0 on",
                   (int)d, (int)D);
}

/* Appends the columns of a piece; the architecture was checked for disjoint ranges. */
static clf_status order_piece(const clf__base *b, columns *o, const clf__ranges *r, int32_t *n) {
  for (int32_t i = 0; i < r->n; i++) {
    const int32_t first = r->at[i].first, last = r->at[i].last < 0 ? b->dim - 1 : r->at[i].last;
    if (first >= b->dim || last >= b->dim) return bad_column(first < b->dim ? last : first, b->dim);
    for (int32_t d = first; d <= last; d++) o->order[(*n)++] = d;
  }
  return CLF_OK;
}

static clf_status missing_column(const columns *o, int32_t n, int32_t D) {
  int32_t d = 0;
  for (int32_t i = 0; i < n; i++)
    if (o->order[i] == d) d++, i = -1;
  return clf__fail(CLF_EINVAL, "columns: dimension %d of %d has no base", (int)d, (int)D);
}

static clf_status make_piece(clf__base *b, piece *q, const clf__node *node, int32_t dim,
                             clf__slots *slots, const char *path) {
  q->base = (clf__base){.node = node, .dev = b->dev, .dim = dim, .context = b->context};
  CLF_TRY(clf__base_of(node, &q->base.ops));
  const int before = slots->count;
  if (q->base.ops->make) CLF_TRY(q->base.ops->make(&q->base, slots, path));
  b->traits |= q->base.traits;
  if (slots->count > before && !q->base.ops->sample_backward) b->traits |= CLF_NO_SAMPLE_GRADIENT;
  return CLF_OK;
}

static clf_status allocate(clf__base *b) {
  const clf__pieces *pieces = pieces_of(b);
  columns *o = b->own = calloc(1, sizeof *o);
  if (o) o->at = calloc((size_t)pieces->n, sizeof *o->at);
  if (o) o->order = calloc((size_t)b->dim, sizeof *o->order);
  return o && o->at && o->order ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for a base");
}

static clf_status make(clf__base *b, clf__slots *slots, const char *path) {
  const clf__pieces *pieces = pieces_of(b);
  int32_t n = 0;
  char name[64];
  CLF_TRY(allocate(b));
  columns *o = own_of(b);
  for (int32_t i = 0; i < pieces->n; i++) {
    const int32_t first = o->at[i].first = n;
    CLF_TRY(order_piece(b, o, &pieces->at[i].columns, &n));
    snprintf(name, sizeof name, "%s.parts.%d", path, (int)i);
    CLF_TRY(make_piece(b, &o->at[o->count++], pieces->at[i].node, n - first, slots, name));
  }
  if (n < b->dim) return missing_column(o, n, b->dim);
  clf__slots_add(slots, &o->take, CLF_CONSTANT, 0, 0, 1, &b->dim, NULL);
  clf__slots_add(slots, &o->back, CLF_CONSTANT, 0, 0, 1, &b->dim, NULL);
  return CLF_OK;
}

static void unmake(clf__base *b) {
  columns *o = own_of(b);
  for (int32_t i = 0; o && i < o->count; i++)
    if (o->at[i].base.ops && o->at[i].base.ops->unmake) o->at[i].base.ops->unmake(&o->at[i].base);
  if (o) {
    free(o->at);
    free(o->order);
  }
  free(o);
  b->own = NULL;
}

static void draw(const clf__base *b, clf__host_random *r, double *c) {
  const columns *o = own_of(b);
  for (int32_t i = 0; i < o->count; i++) {
    const clf__base *q = &o->at[i].base;
    if (q->ops->draw) q->ops->draw(q, r, c);
  }
}

static void init(const clf__base *b, clf__host_random *r, double *w) {
  const columns *o = own_of(b);
  for (int32_t i = 0; i < o->count; i++) {
    const clf__base *q = &o->at[i].base;
    if (q->ops->init) q->ops->init(q, r, w);
  }
}

static clf_status derive(const clf__base *b, double *c) {
  const columns *o = own_of(b);
  for (int32_t j = 0; j < b->dim; j++) {
    c[o->take.at + j] = o->order[j];
    c[o->back.at + o->order[j]] = j;
  }
  return CLF_OK;
}

/* ---- Passes ---------------------------------------------------------------------------------- */

static void release(const clf__base *b, clf__base_memory *k) {
  const columns *o = own_of(b);
  clf__base_memory *own = k->own;
  for (int32_t i = 0; own && i < o->count; i++) {
    if (o->at[i].base.ops->release) o->at[i].base.ops->release(&o->at[i].base, &own[i]);
    free(own[i].own);
  }
}

static clf_status plan(const clf__base *b, int32_t rows, int train, clf_arena *a,
                       clf__base_memory *k) {
  const columns *o = own_of(b);
  if (!k->own) k->own = calloc((size_t)o->count, sizeof(clf__base_memory));
  if (!k->own) return clf__fail(CLF_ENOMEM, "no memory for the plan of a base");
  CLF_TRY(clf_new(a, (int32_t[4]){rows, b->dim}, &k->t[ORDERED]));
  if (train) CLF_TRY(clf_new(a, (int32_t[4]){rows, b->dim}, &k->t[D_ORDERED]));
  CLF_TRY(clf_new(a, (int32_t[4]){rows}, &k->t[LOGP]));
  CLF_TRY(clf_new(a, (int32_t[4]){rows}, &k->t[LOGP_TOO]));
  for (int32_t i = 0; i < o->count; i++) {
    const clf__base *q = &o->at[i].base;
    if (q->ops->plan) CLF_TRY(q->ops->plan(q, rows, train, a, (clf__base_memory *)k->own + i));
  }
  return CLF_OK;
}

static clf_tensor of_piece(const clf__base *b, int32_t i, clf_tensor ordered) {
  const piece *q = &own_of(b)->at[i];
  return clf_slice(ordered, 1, q->first, q->first + q->base.dim);
}

static clf_status logp(const clf__base *b, const clf__pass *p, clf__base_memory *k, clf_tensor z,
                       clf_tensor logdet, clf_tensor out) {
  const columns *o = own_of(b);
  const int32_t n = z.dim[0];
  const clf_tensor ordered = clf__rows(k->t[ORDERED], n);
  CLF_TRY(clf_do(p->dev, columns_take, .x = z, .at = clf__weight(p, &o->take), .y = ordered));
  for (int32_t i = 0; i < o->count; i++) {
    const clf__base *q = &o->at[i].base;
    const clf_tensor to = i == o->count - 1 ? out : clf__rows(k->t[i % 2 ? LOGP : LOGP_TOO], n);
    CLF_TRY(
        q->ops->logp(q, p, (clf__base_memory *)k->own + i, of_piece(b, i, ordered), logdet, to));
    logdet = to;
  }
  return CLF_OK;
}

static clf_status backward(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                           clf_tensor z, clf_tensor dz) {
  const columns *o = own_of(b);
  const clf_tensor ordered = clf__rows(k->t[ORDERED], z.dim[0]);
  const clf_tensor dordered = clf__rows(k->t[D_ORDERED], z.dim[0]);
  for (int32_t i = 0; i < o->count; i++) {
    const clf__base *q = &o->at[i].base;
    CLF_TRY(q->ops->backward(q, p, (clf__base_memory *)k->own + i, of_piece(b, i, ordered),
                             of_piece(b, i, dordered)));
  }
  return clf_do(p->dev, columns_take, .x = dordered, .at = clf__weight(p, &o->back), .y = dz);
}

static clf_status finish(const clf__base *b, const clf__pass *p) {
  const columns *o = own_of(b);
  for (int32_t i = 0; i < o->count; i++) {
    const clf__base *q = &o->at[i].base;
    if (q->ops->finish) CLF_TRY(q->ops->finish(q, p));
  }
  return CLF_OK;
}

/* With one seed, pieces of the same kind would draw the same numbers. */
static clf_status sample(const clf__base *b, const clf__pass *p, clf__base_memory *k, uint64_t seed,
                         int64_t first, clf_tensor z) {
  const columns *o = own_of(b);
  const clf_tensor ordered = clf__rows(k->t[ORDERED], z.dim[0]);
  for (int32_t i = 0; i < o->count; i++, seed += CLF_NEXT_SEED) {
    const clf__base *q = &o->at[i].base;
    CLF_TRY(
        q->ops->sample(q, p, (clf__base_memory *)k->own + i, seed, first, of_piece(b, i, ordered)));
  }
  return clf_do(p->dev, columns_take, .x = ordered, .at = clf__weight(p, &o->back), .y = z);
}

static clf_status sample_backward(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                                  uint64_t seed, int64_t first, clf_tensor z, clf_tensor dz) {
  const columns *o = own_of(b);
  const clf_tensor ordered = clf__rows(k->t[ORDERED], z.dim[0]);
  const clf_tensor dordered = clf__rows(k->t[D_ORDERED], z.dim[0]);
  CLF_TRY(clf_do(p->dev, columns_take, .x = z, .at = clf__weight(p, &o->take), .y = ordered));
  CLF_TRY(clf_do(p->dev, columns_take, .x = dz, .at = clf__weight(p, &o->take), .y = dordered));
  for (int32_t i = 0; i < o->count; i++, seed += CLF_NEXT_SEED) {
    const clf__base *q = &o->at[i].base;
    if (q->ops->sample_backward)
      CLF_TRY(q->ops->sample_backward(q, p, (clf__base_memory *)k->own + i, seed, first,
                                      of_piece(b, i, ordered), of_piece(b, i, dordered)));
  }
  return CLF_OK;
}

/* Scatters the columns of a piece to z. */
static int32_t outside_of_piece(const columns *o, const piece *q, const double *z,
                                double interval[2]) {
  double *const own = malloc((size_t)q->base.dim * sizeof *own);
  if (!own) return -1; /* refuses the row without naming a column */
  for (int32_t j = 0; j < q->base.dim; j++) own[j] = z[o->order[q->first + j]];
  const int32_t d = q->base.ops->outside(&q->base, own, interval);
  free(own);
  return d < 0 ? -1 : o->order[q->first + d];
}

static int32_t outside(const clf__base *b, const double *z, double interval[2]) {
  const columns *o = own_of(b);
  int32_t found = -1;
  for (int32_t i = 0; i < o->count && found < 0; i++)
    if (o->at[i].base.ops->outside) found = outside_of_piece(o, &o->at[i], z, interval);
  return found;
}

const clf__base_ops clf__base_base_columns = {
    .name = "columns",
    .make = make,
    .unmake = unmake,
    .draw = draw,
    .init = init,
    .derive = derive,
    .plan = plan,
    .release = release,
    .finish = CLF_TRAINS(finish),
    .logp = logp,
    .backward = CLF_TRAINS(backward),
    .sample = sample,
    .sample_backward = CLF_TRAINS(sample_backward),
    .outside = outside,
};
