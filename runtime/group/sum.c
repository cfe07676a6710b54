/* SPDX-License-Identifier: MIT */
/* sum.c: sums of vectors over the members of a group, in the order of the tree of grains.
 *
 * IEEE addition is commutative, so an exchange of halves with the ranks 1, 2, 4, ... away
 * (recursive halving, then doubling) adds in exactly that order where the number of members is a
 * power of two and each has one subtree of the same size: it moves 2 (P - 1) / P vectors for each
 * member. Otherwise the vector is cut into a slice for each member, which receives the sums that
 * all others have of it, adds them as the tree says, and sends the result to all.  All sums above a
 * grain's own run here or as float additions on the device, which round alike.
 *
 * Both end with an exchange in which each member sends the slice that it has added up. A caller may
 * work on its slice before that (clf__group_scatter_sum, clf__group_collect). */
#include <string.h>
#include "members.h"

/* Elements of a vector have 4 or 8 bytes. */
typedef struct vectors {
  size_t n, size;
} vectors;

/* Long vectors are cut at the ends of pieces, which are the same for any number of members. */
size_t clf__group_piece(size_t n, int32_t i) {
  const size_t size =
      (n + CLF_PIECES * CLF_PIECE_OF - 1) / (CLF_PIECES * CLF_PIECE_OF) * CLF_PIECE_OF;
  return (size_t)i * size < n ? (size_t)i * size : n;
}
static size_t slice_begin(const vectors *v, int32_t P, int32_t i) {
  if (v->n >= CLF_LONG && P <= CLF_PIECES) return clf__group_piece(v->n, CLF_PIECES * i / P);
  return (size_t)((uint64_t)v->n * (uint64_t)i / (uint64_t)P);
}

/* Which slice, in the order of elements, a rank adds up: where halving ends, if P is a power of
 * two.
 */
static int32_t slice_of(int32_t P, int32_t rank) {
  int32_t slice = 0;
  if (P & (P - 1)) return rank;
  for (int32_t distance = 1; distance < P; distance *= 2)
    slice = 2 * slice + ((rank & distance) != 0);
  return slice;
}
static clf__elements range_of(const vectors *v, int32_t P, int32_t rank) {
  const int32_t i = slice_of(P, rank);
  return (clf__elements){slice_begin(v, P, i), slice_begin(v, P, i + 1)};
}

clf__elements clf__group_slice_of(const clf_group *g, size_t n, int32_t rank) {
  return range_of(&(vectors){n, 0}, g->t->size, rank);
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

/* The slices first .. end - 1 that a rank is responsible for after the steps below `distance`. */
typedef struct slices {
  int32_t first, end;
} slices;

static slices halve(slices r, int upper) {
  const int32_t middle = r.first + (r.end - r.first) / 2;
  return upper ? (slices){middle, r.end} : (slices){r.first, middle};
}
static clf__elements elements(const vectors *v, int32_t P, slices r) {
  return (clf__elements){slice_begin(v, P, r.first), slice_begin(v, P, r.end)};
}

/* Bytes that are received at a time, and added while they are in a cache. */
enum { AT_ONCE = 1 << 20 };

/* Adds the partner's sum, or takes it where this rank has none, to the elements `keep` of total,
 * and sends the elements `give`. mine, theirs: whether these ranks have anything to send. */
static clf_status exchange_halves(clf_group *g, const vectors *v, int32_t partner, void *total,
                                  clf__elements give, clf__elements keep, int mine, int theirs) {
  const size_t step = AT_ONCE / v->size, out = mine ? give.end - give.begin : 0;
  const size_t in = theirs ? keep.end - keep.begin : 0;
  void *received = NULL;
  CLF_TRY(clf__group_scratch(g, AT_ONCE, &received));
  for (size_t i = 0; i == 0 || i < out || i < in; i += step) {
    const size_t sent = i < out ? (out - i < step ? out - i : step) : 0;
    const size_t n = i < in ? (in - i < step ? in - i : step) : 0;
    char *to = at(total, v, keep.begin + i);
    CLF_TRY(clf__group_exchange(g, partner, at(total, v, give.begin + i), sent * v->size, partner,
                                received, n * v->size));
    if (mine)
      add(v, to, received, n);
    else
      memcpy(to, received, n * v->size);
  }
  return CLF_OK;
}

/* Adds the partner's sum to this rank's half. Ranks whose subtree has no rows yet send nothing. */
static clf_status halving_step(clf_group *g, const clf__split *s, const vectors *v, void *total,
                               int32_t distance, slices *r) {
  const int32_t rank = g->t->rank, partner = rank ^ distance;
  const int32_t base = rank & ~(distance - 1), other = partner & ~(distance - 1);
  const int mine = have_rows(s, base, distance), theirs = have_rows(s, other, distance);
  const slices kept = halve(*r, (rank & distance) != 0);
  const clf__elements keep = elements(v, g->t->size, kept);
  const clf__elements give = elements(v, g->t->size, halve(*r, (rank & distance) == 0));
  *r = kept;
  return exchange_halves(g, v, partner, total, give, keep, mine, theirs);
}

static clf_status add_by_halving(clf_group *g, const clf__split *s, const vectors *v, void *total) {
  slices r = {0, g->t->size};
  for (int32_t distance = 1; distance < g->t->size; distance *= 2)
    CLF_TRY(halving_step(g, s, v, total, distance, &r));
  return CLF_OK;
}

/* Recursive doubling: after each step a rank has the slices of twice as many ranks. */
static clf_status collect_by_doubling(clf_group *g, const vectors *v, void *total) {
  const int32_t P = g->t->size, rank = g->t->rank;
  int32_t mine = slice_of(P, rank), count = 1;
  for (int32_t distance = P / 2; distance; distance /= 2, count *= 2, mine &= ~(count - 1)) {
    const clf__elements own = elements(v, P, (slices){mine, mine + count});
    const int32_t theirs = mine ^ count;
    const clf__elements other = elements(v, P, (slices){theirs, theirs + count});
    CLF_TRY(clf__group_exchange(g, rank ^ distance, at(total, v, own.begin),
                                (own.end - own.begin) * v->size, rank ^ distance,
                                at(total, v, other.begin), (other.end - other.begin) * v->size));
  }
  return CLF_OK;
}

/* ---- Slices ---------------------------------------------------------------------------------- */

/* Receives rank `from`'s sums of this rank's slice into `in`, one after the other; sends this
 * rank's sums of rank `to`'s slice, gathered in `out`. */
static clf_status send_slice(clf_group *g, const clf__split *s, const vectors *v,
                             void *const root[], int32_t to, int32_t from, void *out, void *in) {
  const int32_t P = g->t->size, rank = g->t->rank;
  clf__stack mine, theirs;
  clf__tree_roots(s, s->first[rank], s->first[rank + 1], &mine);
  clf__tree_roots(s, s->first[from], s->first[from + 1], &theirs);
  const clf__elements there = range_of(v, P, to), here = range_of(v, P, rank);
  const size_t n = there.end - there.begin, own = here.end - here.begin;
  for (int i = 0; i < mine.count; i++)
    memcpy(at(out, v, (size_t)i * n), at(root[i], v, there.begin), n * v->size);
  return clf__group_exchange(g, to, out, (size_t)mine.count * n * v->size, from, in,
                             (size_t)theirs.count * own * v->size);
}

/* Adds the sums of all ranks in `all`, n elements each, in order; the result replaces the first
 * one. */
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

/* The number of partial sums of all ranks below `end`. */
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

static size_t longest_slice(const vectors *v, int32_t P) {
  size_t maximum = 0;
  for (int32_t i = 0; i < P; i++) {
    const size_t n = slice_begin(v, P, i + 1) - slice_begin(v, P, i);
    if (n > maximum) maximum = n;
  }
  return maximum;
}

static clf_status sum_slice(clf_group *g, const clf__split *s, const vectors *v, void *const root[],
                            void *total) {
  const int32_t P = g->t->size, rank = g->t->rank;
  const clf__elements own_range = range_of(v, P, rank);
  const size_t begin = own_range.begin, n = own_range.end - begin;
  size_t maximum = 1;
  const size_t count = roots_before(s, P, &maximum);
  void *all = NULL;
  CLF_TRY(clf__group_scratch(g, (count * n + maximum * longest_slice(v, P)) * v->size, &all));
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

static clf_status collect_slices(clf_group *g, const vectors *v, void *total) {
  const int32_t P = g->t->size, rank = g->t->rank;
  const clf__elements own = range_of(v, P, rank);
  for (int32_t d = 1; d < P; d++) {
    const int32_t to = (rank + d) % P, from = (rank + P - d) % P;
    const clf__elements other = range_of(v, P, from);
    CLF_TRY(clf__group_exchange(g, to, at(total, v, own.begin), (own.end - own.begin) * v->size,
                                from, at(total, v, other.begin),
                                (other.end - other.begin) * v->size));
  }
  return CLF_OK;
}

/* ---- Both ------------------------------------------------------------------------------------ */

clf_status clf__group_scatter_sum(clf_group *g, const clf__split *s, size_t n, int bits,
                                  void *const root[], void *total) {
  const vectors v = {n, (size_t)bits / 8};
  CLF_TRY(clf__group_begin(g));
  if (g->t->size > 1 && !has_equal_subtrees(s, g->t->size)) return sum_slice(g, s, &v, root, total);
  if (root[0] && root[0] != total && have_rows(s, g->t->rank, 1))
    memcpy(total, root[0], n * v.size);
  return add_by_halving(g, s, &v, total);
}

clf_status clf__group_collect(clf_group *g, size_t n, int bits, void *vector) {
  const vectors v = {n, (size_t)bits / 8};
  const int32_t P = g->t->size;
  CLF_TRY(clf__group_begin(g));
  return P & (P - 1) ? collect_slices(g, &v, vector) : collect_by_doubling(g, &v, vector);
}

clf_status clf__group_sum(clf_group *g, const clf__split *s, size_t n, int bits, void *const root[],
                          void *total) {
  CLF_TRY(clf__group_scatter_sum(g, s, n, bits, root, total));
  return clf__group_collect(g, n, bits, total);
}
