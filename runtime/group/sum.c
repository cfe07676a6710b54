/* SPDX-License-Identifier: MIT */
/* sum.c: sums of vectors over the members of a group, in the order of the tree of grains.
 *
 * IEEE addition is commutative, so an exchange of halves with the ranks 1, 2, 4, ... away
 * (recursive halving, then doubling) adds in exactly that order where the number of members is a
 * power of two and each has one subtree of the same size: it moves 2 (P - 1) / P vectors for each
 * member. Otherwise the vector is cut into a slice for each member, which receives the sums that
 * all others have of it, adds them as the tree says, and sends the result to all.  All sums above a
 * grain's own run here or as float additions on the device, which round alike. */
#include <string.h>
#include "members.h"

/* Elements of a vector have 4 or 8 bytes. */
typedef struct vectors {
  size_t n, size;
} vectors;

static size_t slice_begin(const vectors *v, int32_t P, int32_t i) {
  return (size_t)((uint64_t)v->n * (uint64_t)i / (uint64_t)P);
}
static char *at(void *vector, const vectors *v, size_t element) {
  return (char *)vector + element * v->size;
}

/* to += from */
static void add(const vectors *v, void *to, const void *from, size_t n) {
  if (v->size == sizeof(double)) {
    double *y = to;
    const double *x = from;
    for (size_t i = 0; i < n; i++) y[i] += x[i];
  } else {
    float *y = to;
    const float *x = from;
    for (size_t i = 0; i < n; i++) y[i] += x[i];
  }
}

/* ---- Halving and doubling ----------------------------------------------------------------- */

/* Whether each member has the grains of one subtree, all of the same size. */
static int has_equal_subtrees(const clf__split *s, int32_t P) {
  if (P & (P - 1) || s->grains % P) return 0;
  for (int32_t r = 0; r <= P; r++)
    if (s->first[r] != r * (s->grains / P)) return 0;
  return 1;
}

/* Whether the grains of `count` ranks from `rank` on have rows. */
static int have_rows(const clf__split *s, int32_t rank, int32_t count) {
  return clf__grain_begin(s, s->first[rank]) < clf__grain_begin(s, s->first[rank + count]);
}

/* Elements begin .. end - 1 that a rank is responsible for after the steps below `distance`. */
typedef struct range {
  size_t begin, end;
} range;

static range halve(range r, int upper) {
  const size_t middle = r.begin + (r.end - r.begin) / 2;
  return upper ? (range){middle, r.end} : (range){r.begin, middle};
}

/* Adds the partner's sum to the half of this rank. Ranks whose subtree has no rows so far send
 * nothing. */
static clf_status halving_step(clf_group *g, const clf__split *s, const vectors *v, void *total,
                               int32_t distance, range *r) {
  const int32_t rank = g->t->rank, partner = rank ^ distance;
  const int32_t base = rank & ~(distance - 1), other = partner & ~(distance - 1);
  const int mine = have_rows(s, base, distance), theirs = have_rows(s, other, distance);
  const range keep = halve(*r, (rank & distance) != 0), give = halve(*r, (rank & distance) == 0);
  const size_t n = keep.end - keep.begin;
  void *in = NULL;
  CLF_TRY(clf__group_scratch(g, (n + 1) * v->size, &in));
  CLF_TRY(clf__group_exchange(g, partner, at(total, v, give.begin),
                              mine ? (give.end - give.begin) * v->size : 0, partner, in,
                              theirs ? n * v->size : 0));
  if (mine && theirs)
    add(v, at(total, v, keep.begin), in, n);
  else if (theirs)
    memcpy(at(total, v, keep.begin), in, n * v->size);
  *r = keep;
  return CLF_OK;
}

static clf_status halve_and_double(clf_group *g, const clf__split *s, const vectors *v,
                                   void *total) {
  const int32_t P = g->t->size, rank = g->t->rank;
  range r[CLF_LEVELS + 2] = {{0, v->n}};
  int steps = 0;
  for (int32_t distance = 1; distance < P; distance *= 2, steps++) {
    r[steps + 1] = r[steps];
    CLF_TRY(halving_step(g, s, v, total, distance, &r[steps + 1]));
  }
  for (int i = steps; i > 0; i--) {
    const int32_t distance = 1 << (i - 1);
    const range mine = r[i], other = halve(r[i - 1], (rank & distance) == 0);
    CLF_TRY(clf__group_exchange(g, rank ^ distance, at(total, v, mine.begin),
                                (mine.end - mine.begin) * v->size, rank ^ distance,
                                at(total, v, other.begin), (other.end - other.begin) * v->size));
  }
  return CLF_OK;
}

/* ---- Slices ---------------------------------------------------------------------------------- */

/* The sums of this rank's slice that rank `from` has, one behind the other, into `in`; and those of
 * the slice of rank `to`, gathered in `out`, to that one. */
static clf_status send_slice(clf_group *g, const clf__split *s, const vectors *v,
                             void *const root[], int32_t to, int32_t from, void *out, void *in) {
  const int32_t P = g->t->size, rank = g->t->rank;
  clf__stack mine, theirs;
  clf__tree_roots(s, s->first[rank], s->first[rank + 1], &mine);
  clf__tree_roots(s, s->first[from], s->first[from + 1], &theirs);
  const size_t begin = slice_begin(v, P, to), n = slice_begin(v, P, to + 1) - begin;
  const size_t own = slice_begin(v, P, rank + 1) - slice_begin(v, P, rank);
  for (int i = 0; i < mine.count; i++)
    memcpy(at(out, v, (size_t)i * n), at(root[i], v, begin), n * v->size);
  return clf__group_exchange(g, to, out, (size_t)mine.count * n * v->size, from, in,
                             (size_t)theirs.count * own * v->size);
}

/* Adds the sums of all ranks in `all`, in order, n elements each; the result replaces the first. */
static void *add_slices(const clf__split *s, const vectors *v, int32_t P, size_t n, void *all) {
  clf__stack stack = {.count = 0};
  void *sum[CLF_ROOTS] = {NULL};
  size_t k = 0;
  for (int32_t r = 0; r < P; r++) {
    clf__stack roots;
    clf__tree_roots(s, s->first[r], s->first[r + 1], &roots);
    for (int i = 0; i < roots.count; i++, k++) {
      clf__subtree node = roots.node[i];
      void *here = at(all, v, k * n);
      while (clf__tree_joins(s, &stack, &node)) add(v, here, sum[stack.count], n);
      stack.node[stack.count] = node;
      sum[stack.count++] = here;
    }
  }
  return sum[0];
}

/* The number of sums that all ranks below `end` leave. */
static size_t roots_before(const clf__split *s, int32_t end, size_t *maximum) {
  size_t count = 0;
  for (int32_t r = 0; r < end; r++) {
    clf__stack roots;
    clf__tree_roots(s, s->first[r], s->first[r + 1], &roots);
    count += (size_t)roots.count;
    if ((size_t)roots.count > *maximum) *maximum = (size_t)roots.count;
  }
  return count;
}

static clf_status sum_slice(clf_group *g, const clf__split *s, const vectors *v, void *const root[],
                            void *total) {
  const int32_t P = g->t->size, rank = g->t->rank;
  const size_t begin = slice_begin(v, P, rank), n = slice_begin(v, P, rank + 1) - begin;
  size_t maximum = 1;
  const size_t count = roots_before(s, P, &maximum);
  void *all = NULL;
  CLF_TRY(clf__group_scratch(g, (count * n + maximum * (v->n / (size_t)P + 1)) * v->size, &all));
  void *out = at(all, v, count * n);
  clf__stack own;
  clf__tree_roots(s, s->first[rank], s->first[rank + 1], &own);
  const size_t first = roots_before(s, rank, &maximum);
  for (int i = 0; i < own.count; i++)
    memcpy(at(all, v, (first + (size_t)i) * n), at(root[i], v, begin), n * v->size);
  for (int32_t d = 1; d < P; d++) {
    const int32_t to = (rank + d) % P, from = (rank + P - d) % P;
    const size_t place = roots_before(s, from, &maximum);
    CLF_TRY(send_slice(g, s, v, root, to, from, out, at(all, v, place * n)));
  }
  memcpy(at(total, v, begin), add_slices(s, v, P, n, all), n * v->size);
  return CLF_OK;
}

static clf_status by_slices(clf_group *g, const clf__split *s, const vectors *v, void *const root[],
                            void *total) {
  const int32_t P = g->t->size, rank = g->t->rank;
  const size_t begin = slice_begin(v, P, rank), end = slice_begin(v, P, rank + 1);
  CLF_TRY(sum_slice(g, s, v, root, total));
  for (int32_t d = 1; d < P; d++) {
    const int32_t to = (rank + d) % P, from = (rank + P - d) % P;
    const size_t there = slice_begin(v, P, from), n = slice_begin(v, P, from + 1) - there;
    CLF_TRY(clf__group_exchange(g, to, at(total, v, begin), (end - begin) * v->size, from,
                                at(total, v, there), n * v->size));
  }
  return CLF_OK;
}

clf_status clf__group_sum(clf_group *g, const clf__split *s, size_t n, int bits, void *const root[],
                          void *total) {
  const vectors v = {n, (size_t)bits / 8};
  const int32_t P = g->t->size;
  CLF_TRY(clf__group_begin(g));
  if (P > 1 && !has_equal_subtrees(s, P)) return by_slices(g, s, &v, root, total);
  if (root[0] && root[0] != total && have_rows(s, g->t->rank, 1))
    memcpy(total, root[0], n * v.size);
  return halve_and_double(g, s, &v, total);
}
