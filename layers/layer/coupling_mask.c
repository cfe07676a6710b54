/* SPDX-License-Identifier: MIT */
/* coupling_mask.c: which columns a coupling transforms, and which its net reads. */
#include "coupling_mask.h"
#include <stdlib.h>
#include "layer.h"

static const clf__arch_coupling *arch_of(const clf__layer *l) {
  return (const clf__arch_coupling *)l->node;
}
static int32_t turn_of(const clf__layer *l) { return arch_of(l)->even; }

/* Whether column d of `in` is transformed by a coupling with an even turn. */
static int at_even(const clf__arch_coupling *a, clf__shape in, int32_t turn, int32_t d) {
  const int32_t channel = in.channels ? d % in.channels : d;
  const int32_t all = in.channels ? in.channels : in.dim;
  switch (a->mask) {
  case CLF__MASK_MID:
  case CLF__MASK_CHANNEL: return channel < all - all / 2;
  case CLF__MASK_CHECKER: {
    const int32_t pixel = in.channels ? d / in.channels : d;
    return in.width ? (pixel / in.width + pixel % in.width) % 2 == 1 : d % 2 == 1;
  }
  case CLF__MASK_LOG: {
    int32_t bits = 0;
    while (1 << bits < in.dim) bits++;
    return !bits || !(d >> (turn / 2 % bits) & 1);
  }
  case CLF__MASK_LIST:
    for (int32_t i = 0; i < a->list.n; i++)
      if (d >= a->list.at[i].first && (a->list.at[i].last < 0 || d <= a->list.at[i].last)) return 1;
    return 0;
  default: return d % 2 == 0;
  }
}

static int transforms(const clf__layer *l, int32_t d) {
  const int32_t turn = turn_of(l);
  return at_even(arch_of(l), l->in, turn, d) ^ (turn % 2);
}

int clf__coupling_region(const clf__layer *l, clf__region *r) {
  const int32_t C = l->in.channels, half = C - C / 2;
  const int odd = turn_of(l) % 2;
  switch (l->in.height ? arch_of(l)->mask : CLF__MASK_LIST) {
  case CLF__MASK_CHECKER:
    *r = (clf__region){odd ? CLF_PIXELS_EVEN : CLF_PIXELS_ODD, 0, C};
    return 1;
  case CLF__MASK_MID:
  case CLF__MASK_CHANNEL:
    *r = odd ? (clf__region){CLF_PIXELS_ALL, half, C - half}
             : (clf__region){CLF_PIXELS_ALL, 0, half};
    return 1;
  default: return 0;
  }
}

clf__region clf__region_others(clf__region r, clf__shape s) {
  if (r.pixels != CLF_PIXELS_ALL)
    return (clf__region){CLF_PIXELS_EVEN + CLF_PIXELS_ODD - r.pixels, 0, r.channels};
  return (clf__region){CLF_PIXELS_ALL, r.first ? 0 : r.channels, s.channels - r.channels};
}

clf_tensor clf__region_of(clf__region r, clf__shape s, clf_tensor rows) {
  return clf_slice(clf__images_of(rows, s), 1, r.first, r.first + r.channels);
}

clf_status clf__region_pass_on(const clf__pass *p, clf__region r, clf__shape s, clf_tensor x,
                               clf_tensor y) {
  if (r.pixels != CLF_PIXELS_ALL) return CLF_OK;
  return clf_do(p->dev, copy, .x = clf__region_of(r, s, x), .y = clf__region_of(r, s, y));
}

/* A random half; for odd turns the larger one, as in nflows. */
static int32_t random_count(const clf__layer *l) {
  return turn_of(l) % 2 ? l->in.dim - l->in.dim / 2 : l->in.dim / 2;
}

static int32_t count(const clf__layer *l) {
  if (arch_of(l)->mask == CLF__MASK_RANDOM) return random_count(l);
  int32_t n = 0;
  for (int32_t d = 0; d < l->in.dim; d++) n += transforms(l, d);
  return n;
}

int clf__coupling_reads_masked(const clf__layer *l) {
  const clf__arch_coupling *a = arch_of(l);
  return a->inputs == CLF__INPUTS_MASKED || a->mask == CLF__MASK_CHECKER;
}

/* ---- Making ---------------------------------------------------------------------------------- */

static clf_status check(const clf__coupling_mask *m, const clf__layer *l) {
  const clf__arch_coupling *a = arch_of(l);
  for (int32_t i = 0; i < a->list.n; i++)
    if (a->list.at[i].first >= l->in.dim || a->list.at[i].last >= l->in.dim)
      return clf__fail(CLF_EINVAL, "%s: its list names column %d, and there are %d, from 0",
                       l->label,
                       (int)(a->list.at[i].last > a->list.at[i].first ? a->list.at[i].last
                                                                      : a->list.at[i].first),
                       (int)l->in.dim);
  if (!m->transformed)
    return clf__fail(CLF_EINVAL,
                     "%s: the coupling transforms none of %d dimension%s; leave it out, or use an "
                     "autoregressive or elementwise layer",
                     l->label, (int)l->in.dim, l->in.dim == 1 ? "" : "s");
  if (!m->identity && !l->context)
    return clf__fail(CLF_EINVAL,
                     "%s: the coupling transforms all %d dimension%s and there is no context, so "
                     "that its net has nothing to read; use an elementwise layer",
                     l->label, (int)l->in.dim, l->in.dim == 1 ? "" : "s");
  return CLF_OK;
}

clf_status clf__coupling_mask_check(const clf__layer *l) {
  const int32_t transformed = count(l);
  return check(
      &(clf__coupling_mask){.transformed = transformed, .identity = l->in.dim - transformed}, l);
}

static void add_columns(clf__slots *slots, clf__slot *part, int32_t n) {
  if (n) clf__slots_add(slots, part, CLF_CONSTANT, 0, 0, 1, &n, NULL);
}

clf_status clf__coupling_mask_make(clf__coupling_mask *m, const clf__layer *l, clf__slots *slots,
                                   const char *path) {
  const int32_t D = l->in.dim;
  m->transformed = count(l);
  m->identity = D - m->transformed;
  CLF_TRY(check(m, l));
  m->columns = calloc((size_t)D, sizeof *m->columns);
  if (!m->columns) return clf__fail(CLF_ENOMEM, "no memory for a mask of %d columns", (int)D);
  clf__slots_add(slots, &m->mask, CLF_CONSTANT, 0, 0, 1, &D, "%s.mask", path);
  add_columns(slots, &m->transformed_at, m->transformed);
  add_columns(slots, &m->identity_at, m->identity);
  const int32_t row[2] = {1, D};
  if (clf__coupling_reads_masked(l))
    clf__slots_add(slots, &m->keep, CLF_CONSTANT, 0, 0, 2, row, NULL);
  return CLF_OK;
}

void clf__coupling_mask_unmake(clf__coupling_mask *m) {
  free(m->columns);
  m->columns = NULL;
}

/* ---- Values ---------------------------------------------------------------------------------- */

static void draw_half(const clf__coupling_mask *m, const clf__layer *l, clf__host_random *r,
                      double *mask) {
  const int32_t D = l->in.dim;
  for (int32_t d = 0; d < D; d++) mask[d] = d < m->transformed;
  for (int32_t d = D - 1; d > 0; d--) {
    const int64_t k = clf__host_below(r, d + 1);
    const double swap = mask[d];
    mask[d] = mask[k];
    mask[k] = swap;
  }
}

/* For odd turns: the preceding random mask, of which this is the complement; NULL: none. */
static const clf__coupling_mask *random_before(const clf__layer *l) {
  const clf__layer *b = l->before;
  const int pair = arch_of(l)->mask == CLF__MASK_RANDOM && turn_of(l) % 2 && b &&
                   b->ops == l->ops && b->in.dim == l->in.dim &&
                   arch_of(b)->mask == CLF__MASK_RANDOM && turn_of(b) == turn_of(l) - 1;
  return pair ? b->own : NULL; /* the first member of every coupling's own struct */
}

void clf__coupling_mask_draw(const clf__coupling_mask *m, const clf__layer *l, clf__host_random *r,
                             double *c) {
  double *mask = c + m->mask.at;
  const clf__coupling_mask *before = random_before(l);
  if (before)
    for (int32_t d = 0; d < l->in.dim; d++) mask[d] = 1 - c[before->mask.at + d];
  else if (arch_of(l)->mask == CLF__MASK_RANDOM)
    draw_half(m, l, r, mask);
  else
    for (int32_t d = 0; d < l->in.dim; d++) mask[d] = transforms(l, d);
}

clf_status clf__coupling_mask_derive(const clf__coupling_mask *m, const clf__layer *l, double *c) {
  const double *mask = c + m->mask.at;
  int32_t moved = 0, stays = 0;
  for (int32_t d = 0; d < l->in.dim; d++) {
    if (mask[d] != 0 && mask[d] != 1)
      return clf__fail(CLF_EFORMAT, "the mask of %s holds %g; a mask is 0 or 1", l->label, mask[d]);
    moved += mask[d] == 1;
  }
  if (moved != m->transformed)
    return clf__fail(CLF_EFORMAT, "the mask of %s transforms %d dimensions; its tensors are for %d",
                     l->label, (int)moved, (int)m->transformed);
  moved = 0;
  for (int32_t d = 0; d < l->in.dim; d++)
    m->columns[mask[d] == 1 ? moved++ : m->transformed + stays++] = d;
  for (int32_t j = 0; j < m->transformed; j++) c[m->transformed_at.at + j] = m->columns[j];
  for (int32_t d = 0; d < l->in.dim && m->keep.rank; d++) c[m->keep.at + d] = 1 - mask[d];
  for (int32_t j = 0; j < m->identity; j++)
    c[m->identity_at.at + j] = m->columns[m->transformed + j];
  return CLF_OK;
}

/* With a mask of channels, the others form an image. */
clf__shape clf__coupling_image(const clf__coupling_mask *m, clf__shape in) {
  clf__shape s = {.dim = m->identity};
  const int32_t pixels = in.height * in.width;
  if (!pixels || m->identity % pixels) return s;
  s.height = in.height;
  s.width = in.width;
  s.channels = m->identity / pixels;
  return s;
}
