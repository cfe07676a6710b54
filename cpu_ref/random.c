/* SPDX-License-Identifier: MIT */
/* random.c: random numbers from counters, and the order of an epoch. */
#include "orders.h"
#include "ref.h"

/* Element e, in c h w order, of row n. */
static real *element(const clf_tensor *t, int n, int e) {
  const int w = e % t->dim[3], h = e / t->dim[3] % t->dim[2], c = e / (t->dim[3] * t->dim[2]);
  return at(t, n, c, h, w);
}
static int row_size(const clf_tensor *t) { return t->dim[1] * t->dim[2] * t->dim[3]; }

CLF_REF(random_bits) {
  (void)scratch;
  for (int n = 0; n < p->y.dim[0]; n++)
    for (int e = 0; e < row_size(&p->y); e++) {
      const uint32_t word = CLF_WORDS(p, e / 8, n).v[e / 2 % 4];
      *element(&p->y, n, e) = (real)(e % 2 == 0 ? word >> 16 : word & 0xffff);
    }
  return CLF_OK;
}

#ifdef CLF_REAL64
CLF_REF_LOOP(random_uniform, 20.0 * (double)clf__count(&p->y), p->y.dim[0], n) {
  for (int e = 0; e < row_size(&p->y); e++)
    *element(&p->y, n, e) = (real)clf__uniform(CLF_WORDS(p, e / 4, n).v[e % 4]);
}

/* u in (0, 1) has 23 bits and half a step, so that log u is finite. */
CLF_REF_LOOP(random_normal, 60.0 * (double)clf__count(&p->y), p->y.dim[0], n) {
  for (int e = 0; e < row_size(&p->y); e += 2) {
    const clf__words k = CLF_WORDS(p, e / 4, n);
    const real u = ((real)(k.v[e % 4] >> 9) + (real)0.5) * (real)0x1p-23;
    const real turn = (real)clf__uniform(k.v[e % 4 + 1]);
    const real r = sqrt(-2 * log(u)), angle = 6.283185307179586477 * turn;
    *element(&p->y, n, e) = r * cos(angle);
    if (e + 1 < row_size(&p->y)) *element(&p->y, n, e + 1) = r * sin(angle);
  }
}
#else

/* ---- In float: several blocks of four at once ------------------------------------------------
 * They are counted over all rows, because rows may be short. */

typedef float V;
typedef uint32_t U;
#define NORMAL_U bits_of
#define NORMAL_V float_of
#define NORMAL_FLOAT(u) ((float)(int32_t)(u))
#define NORMAL_SQRT sqrtf
#define NORMAL_FMA(x, y, z) ((x) * (y) + (z))
#include "box_muller.def"

enum { SIDE = 64 };
typedef struct side { /* of SIDE blocks: rows, block indices within the row; words; numbers */
  uint32_t n[SIDE], b[SIDE], word[4][SIDE];
  float z[4][SIDE];
} side;

typedef struct stream { /* the parameters of both operations */
  uint64_t first, seed;
  uint32_t stream;
} stream;
#define STREAM(p)                                                                                  \
  {                                                                                                \
    clf__join((p)->first_lo, (p)->first_hi), clf__join((p)->seed_lo, (p)->seed_hi),                \
        (uint32_t)(p)->stream                                                                      \
  }

static void draw(side *s, stream p, uint32_t first, uint32_t blocks) {
  uint32_t n = first / blocks, b = first % blocks;
  for (int i = 0; i < SIDE; i++) {
    s->n[i] = n;
    s->b[i] = b;
    b = b + 1 < blocks ? b + 1 : 0;
    n += b == 0;
  }
  for (int i = 0; i < SIDE; i++) {
    const clf__words k = clf__philox_at(s->b[i], p.first + s->n[i], p.stream, p.seed);
    for (int j = 0; j < 4; j++) s->word[j][i] = k.v[j];
  }
}

/* Writes them to y; whole rows of two and of fours are contiguous. */
static void put(const side *s, const clf_tensor *y, int count) {
  const int size = row_size(y), dense = y->stride[0] == size && dense_order(y) == 1;
  float *d = at(y, (int)s->n[0], 0, 0, 0) + 4 * s->b[0];
  if (dense && size % 4 == 0)
    for (int i = 0; i < count; i++)
      for (int j = 0; j < 4; j++) d[4 * i + j] = s->z[j][i];
  else if (dense && size == 2)
    for (int i = 0; i < count; i++)
      for (int j = 0; j < 2; j++) d[2 * i + j] = s->z[j][i];
  else
    for (int i = 0; i < count; i++)
      for (int j = 0, e = 4 * (int)s->b[i]; j < 4 && e < size; j++, e++)
        *element(y, (int)s->n[i], e) = s->z[j][i];
}

/* s->z from s->word; only the first two are needed if rows are that short. */
static void uniform(side *s, int count) {
  for (int j = 0; j < count; j++)
    for (int i = 0; i < SIDE; i++) s->z[j][i] = NORMAL_FLOAT(s->word[j][i] >> 8) * 0x1p-24f;
}
static void normal(side *s, int count) {
  for (int j = 0; j < count; j += 2)
    for (int i = 0; i < SIDE; i++)
      normal_pair(s->word[j][i], s->word[j + 1][i], &s->z[j][i], &s->z[j + 1][i]);
}

typedef struct drawing {
  const clf_tensor *y;
  stream p;
} drawing;

/* The blocks i SIDE .. i SIDE + SIDE - 1, counted over all rows. */
static inline void some_blocks(const drawing *c, int i, void (*numbers)(side *, int)) {
  const clf_tensor *y = c->y;
  const int size = row_size(y), blocks = (size + 3) / 4, first = i * SIDE;
  const int left = blocks * y->dim[0] - first;
  side s;
  draw(&s, c->p, (uint32_t)first, (uint32_t)blocks);
  numbers(&s, size < 4 ? size : 4);
  put(&s, y, left < SIDE ? left : SIDE);
}
CLF_LOOP(uniform_blocks, drawing, c, i) { some_blocks(c, i, uniform); }
CLF_LOOP(normal_blocks, drawing, c, i) { some_blocks(c, i, normal); }

static clf_status in_blocks(const drawing *c, double work, clf__loop loop) {
  const int size = row_size(c->y), blocks = (size + 3) / 4, all = blocks * c->y->dim[0];
  in_threads(work * all, (all + SIDE - 1) / SIDE, loop, c);
  return CLF_OK;
}

CLF_REF(random_uniform) {
  (void)scratch;
  const drawing c = {&p->y, STREAM(p)};
  return in_blocks(&c, 30, uniform_blocks);
}
CLF_REF(random_normal) {
  (void)scratch;
  const drawing c = {&p->y, STREAM(p)};
  return in_blocks(&c, 60, normal_blocks);
}
#endif

/* ---- Shuffling ------------------------------------------------------------------- */

typedef struct shuffle {
  const clf_shuffle_rows_args *p;
  clf__order order;
} shuffle;

enum { ROWS = 32 }; /* computed at once */

CLF_LOOP(take_rows, shuffle, q, block) {
  const clf_tensor *x = &q->p->x, *y = &q->p->y;
  const int n0 = block * ROWS, left = y->dim[0] - n0, count = left < ROWS ? left : ROWS;
  uint32_t i[ROWS];
  for (int r = 0; r < ROWS; r++) i[r] = (uint32_t)(q->p->first + n0 + (r < count ? r : 0));
  orders_at(&q->order, i, ROWS);
  for (int r = 0; r < count; r++) /* rows are in memory, and do not wait for each other */
    __builtin_prefetch(at(x, (int)i[r], 0, 0, 0));
  for (int r = 0; r < count; r++)
    EACH_OF(y) *at(y, n0 + r, c, h, w) = *at(x, (int)i[r], c, h, w);
}

CLF_REF(shuffle_rows) {
  (void)scratch;
  const uint64_t seed = clf__join(p->seed_lo, p->seed_hi);
  const shuffle q = {p, clf__order_of(seed, (uint32_t)p->epoch, (uint32_t)p->x.dim[0])};
  in_threads(200.0 * p->y.dim[0], (p->y.dim[0] - 1) / ROWS + 1, take_rows, &q);
  return CLF_OK;
}
