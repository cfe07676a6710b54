/* SPDX-License-Identifier: MIT */
/* mlp_coupling_tiles.c: mlp_coupling.c in float: each task takes some blocks of samples through
 * everything, `at_once` at a time.  The number of tasks depends only on shapes, and so does the
 * order of every sum. */
#include "ref.h"
#ifndef CLF_REAL64
#include <stdatomic.h>
#include "mlp_tiles.h"
#include "threads.h"

#define SHAPE(p, x)                                                                                \
  { (x).dim[0], (x).dim[1], (p)->hidden, (p)->b.dim[0], (p)->add, (p)->s_max, &(p)->b }

typedef struct sharing { /* total blocks, blocks per task, and blocks at a time */
  int blocks, each, at_once, tasks;
} sharing;
static sharing sharing_of(const shape *z, int most, int tasks) {
  sharing s = {.blocks = up(z->N, BLOCK) / BLOCK};
  s.at_once = min_int(s.blocks / 8 + (s.blocks < 8), most);
  s.each = up(up(s.blocks, tasks) / tasks, s.at_once);
  s.tasks = up(s.blocks, s.each) / s.each;
  return s;
}
static double work(const shape *z) { return (double)z->N * z->H * (4 * z->D + 40) * z->L; }

typedef struct packing {
  const shape *z;
  const clf_tensor *w;
  int back;
  float *packed;
} packing;
CLF_LOOP(pack_coupling, packing, c, l) { pack(c->w, c->z, l, c->back, c->packed); }

/* Packed weights, with `back` also for the backward pass; then `room` for each task; then
 * `sums`. */
static float *memory_for(const shape *z, const clf_tensor *w, int back, size_t room, size_t tasks,
                         size_t sums, clf_scratch *scratch) {
  float *packed = clf_scratch_get(scratch, packed_room(z) + tasks * room + sums);
  if (!packed) return NULL;
  const packing c = {z, w, back, packed};
  in_threads(1.0 * z->L * z->H * z->D, z->L, pack_coupling, &c);
  return packed;
}

/* Reads column i of a matrix, from sample n0 on; and writes it. */
static void load_row(const clf_tensor *t, const shape *z, int i, int n0, float *row) {
  const int count = min_int(z->N - n0, BLOCK);
  const ptrdiff_t stride = t->stride[0];
  const float *from = at(t, n0, i, 0, 0);
  for (int n = 0; n < count; n++) row[n] = from[n * stride];
  for (int n = count; n < BLOCK; n++) row[n] = 0;
}
static void store_row(const clf_tensor *t, const shape *z, int i, int n0, const float *row) {
  const int count = min_int(z->N - n0, BLOCK);
  const ptrdiff_t stride = t->stride[0];
  float *to = at(t, n0, i, 0, 0);
  for (int n = 0; n < count; n++) to[n * stride] = row[n];
}
/* Coupling l of acts [L,D,N], as a matrix of samples by dimensions. */
static clf_tensor acts_of(const clf_tensor *acts, int l) {
  return (clf_tensor){.buf = acts->buf,
                      .offset = acts->offset + l * acts->stride[0],
                      .dim = {acts->dim[2], acts->dim[1], 1, 1},
                      .stride = {acts->stride[2], acts->stride[1], 0, 0}};
}
static void keep_rows(const split *q, const float *X, float *identity_x) {
  for (int k = 0; k < q->identity; k++)
    memcpy(identity_x + k * BLOCK, X + q->identity_x[k] * BLOCK, BLOCK * sizeof *X);
}

/* The samples of a block are independent, so these loops can be vectorised. */
#define EACH VECTOR_LOOP for (int n = 0; n < BLOCK; n++)

/* s of a row of h.  Not inlined: with what it would know of s then, gcc splits the loops with
 * exp below into cases, and does not vectorise them. */
static __attribute__((noinline)) void scales(const shape *z, const float *h, float *s) {
  const float s_max = z->s_max;
  if (z->add)
    memset(s, 0, BLOCK * sizeof *s);
  else if (s_max > 0)
    EACH
      s[n] = bounded(h[n], s_max);
  else
    memcpy(s, h, BLOCK * sizeof *s);
}

/* ---- Forward and inverse ------------------------------------------------------------------ */

typedef struct block_values { /* rows of a block; the hidden units are those of the next block in
                                 turn */
  float *h, *X, *identity_x, *s, *t, *logdet;
} block_values;
static size_t place_rows(const shape *z) { return 4 * (size_t)z->D + 2 * TM + 1; }
static block_values place_of(float *mine, const shape *z, int k) {
  float *X = mine + ((size_t)PART + (size_t)k * place_rows(z)) * BLOCK;
  float *identity_x = X + z->D * BLOCK, *s = identity_x + z->D * BLOCK,
        *t = s + (z->D + TM) * BLOCK;
  return (block_values){mine, X, identity_x, s, t, t + (z->D + TM) * BLOCK};
}

static void move_rows(const shape *z, const split *q, block_values a, int inverse) {
  const float sign = inverse ? -1 : 1;
  for (int m = 0; m < q->transformed; m++) {
    float *x = a.X + q->moved[m] * BLOCK, *logdet = a.logdet, s[BLOCK];
    const float *t = a.t + m * BLOCK;
    scales(z, a.s + m * BLOCK, s);
    EACH {
      const float e = real_exp(sign * s[n]);
      x[n] = inverse ? (x[n] - t[n]) * e : x[n] * e + t[n];
      logdet[n] += sign * s[n];
    }
  }
}

/* `count` blocks through a coupling. */
static void through(const shape *z, const split *q, int inverse, float *mine, int count) {
  for (int k = 0; k < count; k++) {
    const block_values a = place_of(mine, z, k);
    keep_rows(q, a.X, a.identity_x);
  }
  for (int net = 0; net < nets_of(z); net++)
    for (int j = 0; j < q->H; j += PART) {
      const int rows = min_int(PART, q->H - j), live = min_int(PART, q->live - j);
      for (int k = 0; k < count; k++) {
        const block_values a = place_of(mine, z, k);
        hidden(q, net, j, rows, a.identity_x, a.h);
        add_rows(q->net[net].out, q->transformed, q->H, j, live, j > 0, q->net[net].bias, a.h,
                 net ? a.s : a.t);
      }
    }
  for (int k = 0; k < count; k++) move_rows(z, q, place_of(mine, z, k), inverse);
}

typedef struct passing { /* one call of forward or inverse */
  shape z;
  const clf_tensor *x, *y, *acts, *logdet, *w;
  int inverse;
  sharing s;
  size_t room; /* per task */
  float *packed;
} passing;

/* Blocks k0 .. k0 + count - 1. */
static void pass_blocks(const passing *c, float *mine, int k0, int count) {
  const shape *z = &c->z;
  for (int k = 0; k < count; k++) {
    const block_values a = place_of(mine, z, k);
    for (int i = 0; i < z->D; i++) load_row(c->x, z, i, (k0 + k) * BLOCK, a.X + i * BLOCK);
    load_row(c->logdet, z, 0, (k0 + k) * BLOCK, a.logdet);
  }
  for (int turn = 0; turn < z->L; turn++) {
    const int l = c->inverse ? z->L - 1 - turn : turn;
    const split q = split_of(z, l, c->packed);
    for (int k = 0; k < count && c->acts && c->acts->buf; k++) {
      const clf_tensor identity_x = acts_of(c->acts, l);
      for (int i = 0; i < z->D; i++)
        store_row(&identity_x, z, i, (k0 + k) * BLOCK, place_of(mine, z, k).X + i * BLOCK);
    }
    through(z, &q, c->inverse, mine, count);
  }
  for (int k = 0; k < count; k++) {
    const block_values a = place_of(mine, z, k);
    for (int i = 0; i < z->D; i++) store_row(c->y, z, i, (k0 + k) * BLOCK, a.X + i * BLOCK);
    store_row(c->logdet, z, 0, (k0 + k) * BLOCK, a.logdet);
  }
}

/* The blocks of a task. */
CLF_LOOP(pass_task, passing, c, task) {
  const sharing s = c->s;
  const int end = min_int((task + 1) * s.each, s.blocks);
  float *mine = c->packed + packed_room(&c->z) + (size_t)task * c->room;
  for (int k = task * s.each; k < end; k += s.at_once)
    pass_blocks(c, mine, k, min_int(s.at_once, end - k));
}

static clf_status pass(passing *c, clf_scratch *scratch) {
  const shape *z = &c->z;
  c->s = sharing_of(z, 4, 64);
  c->room = ((size_t)PART + (size_t)c->s.at_once * place_rows(z)) * BLOCK;
  c->packed = memory_for(z, c->w, 0, c->room, (size_t)c->s.tasks, 0, scratch);
  CLF_NEED(c->packed, (size_t)c->s.tasks * c->room);
  in_threads(work(z), c->s.tasks, pass_task, c);
  return CLF_OK;
}

CLF_REF(mlp_coupling_fwd) {
  passing c = {SHAPE(p, p->x), &p->x, &p->y, &p->acts, &p->logdet, &p->w, .inverse = 0};
  return pass(&c, scratch);
}
CLF_REF(mlp_coupling_inv) {
  passing c = {SHAPE(p, p->y), &p->y, &p->x, NULL, &p->logdet, &p->w, .inverse = 1};
  return pass(&c, scratch);
}

#include "mlp_back.h"
#include "mlp_loss.h"
#endif
