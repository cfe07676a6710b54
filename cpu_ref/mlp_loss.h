/* SPDX-License-Identifier: MIT */
/* mlp_loss.h: the loss of couplings and its gradient.  Only included by mlp_coupling_tiles.c.
 *
 * A task takes `at_once` blocks forward and backward, and meanwhile stores everything that each
 * coupling computes of them, including hidden units: nothing is computed twice, and what is stored
 * is still in a cache.  A block's rows are those shared by all couplings, then each coupling's
 * own. */

static int nll_common(const shape *z) { return 3 * z->D + 2 * TM + PART; }
static int nll_own(const shape *z) { return 3 * z->D + TM + 4 + nets_of(z) * up(z->H, TM); }

/* Coupling l of block k of those at once. */
static block_rows nll_rows_of(const returning *c, int lane, int k, int l) {
  const int D = c->z.D;
  block_rows a = {.DX = memory_of(c, lane) + (size_t)k * (size_t)c->step};
  a.t = a.DX + D * BLOCK;
  a.through = a.t + (D + TM) * BLOCK;
  a.da = a.through + (D + TM) * BLOCK;
  a.X = a.da + (PART + (ptrdiff_t)l * nll_own(&c->z)) * BLOCK;
  a.identity_x = a.X + D * BLOCK;
  a.s = a.identity_x + (D + 4) * BLOCK;
  a.ht = a.s + (D + TM) * BLOCK;
  a.hs = a.ht + up(c->z.H, TM) * BLOCK;
  return a;
}

/* A coupling's output, to `next`; the log-determinants of the first `left` samples. */
static double transformed_on(const shape *z, const split *q, block_rows a, int left, float *next) {
  double logdet = 0;
  for (int k = 0; k < q->identity; k++)
    memcpy(next + q->identity_x[k] * BLOCK, a.identity_x + k * BLOCK, BLOCK * sizeof *next);
  for (int m = 0; m < q->transformed; m++) {
    const float *x = a.X + q->moved[m] * BLOCK, *t = a.t + m * BLOCK;
    float *y = next + q->moved[m] * BLOCK, s[BLOCK];
    scales(z, a.s + m * BLOCK, s);
    EACH
      y[n] = x[n] * real_exp(s[n]) + t[n];
    for (int n = 0; n < min_int(left, BLOCK); n++) logdet += (double)s[n];
  }
  return logdet;
}

/* The current blocks, from sample n0 on, through coupling l. */
static double nll_on(const returning *c, int lane, int blocks, int n0, int l) {
  const split q = split_of(&c->z, l, c->packed);
  const block_rows a = nll_rows_of(c, lane, 0, l);
  double logdet = 0;
  for (int k = 0; k < blocks; k++) identity_with_ones(&q, nll_rows_of(c, lane, k, l));
  recompute_net(&q, 0, a.identity_x, c->step, blocks, a.ht, a.t);
  if (!c->z.add) recompute_net(&q, 1, a.identity_x, c->step, blocks, a.hs, a.s);
  for (int k = 0; k < blocks; k++) {
    const block_rows o = nll_rows_of(c, lane, k, l);
    logdet += transformed_on(&c->z, &q, o, c->z.N - n0 - k * BLOCK,
                             l + 1 < c->z.L ? nll_rows_of(c, lane, k, l + 1).X : o.DX);
  }
  return logdet;
}

/* Replaces z by its gradient; returns half the squares of the first `left` samples. */
static double nll_turn(const shape *z, float *DX, float weight, int left) {
  double squares = 0;
  for (int i = 0; i < z->D; i++, DX += BLOCK) {
    for (int n = 0; n < min_int(left, BLOCK); n++) squares += (double)DX[n] * (double)DX[n];
    for (int n = 0; n < BLOCK; n++) DX[n] = n < left ? weight * DX[n] : 0;
  }
  return squares / 2;
}

/* Blocks `nth` and following of a task, backward through coupling l. */
static void nll_back(const returning *c, int task, int lane, int nth, int count, int l) {
  const split q = split_of(&c->z, l, c->packed);
  const int blocks = min_int(c->s.at_once, count - nth), n0 = (task * c->s.each + nth) * BLOCK;
  for (int k = 0; k < blocks; k++)
    transformed_back(c, &q, nll_rows_of(c, lane, k, l), c->z.N - n0 - k * BLOCK);
  for (int net = 0; net < nets_of(&c->z); net++)
    net_back(c, &q, net, nll_rows_of(c, lane, 0, l), blocks,
             target_of(c, task, lane, nth == 0, nth + blocks == count, l, net));
  for (int k = 0; k < blocks; k++) add_through(&q, nll_rows_of(c, lane, k, l));
}

static void task_nll(const returning *c, int task, int lane) {
  const clf_mlp_coupling_nll_args *p = c->nll;
  const shape *z = &c->z;
  const int first = task * c->s.each, count = blocks_of_task(c, task);
  double loss = 0;
  for (int nth = 0; nth < count; nth += c->s.at_once) {
    const int blocks = min_int(c->s.at_once, count - nth), n0 = (first + nth) * BLOCK;
    for (int k = 0; k < blocks; k++)
      for (int i = 0; i < z->D; i++)
        load_row(&p->x, z, i, n0 + k * BLOCK, nll_rows_of(c, lane, k, 0).X + i * BLOCK);
    for (int l = 0; l < z->L; l++) loss -= nll_on(c, lane, blocks, n0, l);
    for (int k = 0; k < blocks; k++)
      loss += nll_turn(z, nll_rows_of(c, lane, k, 0).DX, p->weight, z->N - n0 - k * BLOCK);
    for (int l = z->L - 1; l >= 0; l--) nll_back(c, task, lane, nth, count, l);
  }
  c->task_loss[task] = loss;
}

CLF_REF(mlp_coupling_nll) {
  enum { KEPT = 1 << 21 }; /* maximum number of floats that are stored, which fit into some cache */
  returning c = {.z = SHAPE(p, p->x), .stored = 1, .dlogdet = -p->weight, .dw = &p->dw, .nll = p};
  const shape *z = &c.z;
  c.step = (nll_common(z) + z->L * nll_own(z)) * BLOCK;
  c.s = sharing_of(z, min_int(max_int(KEPT / c.step, 1), 4), TASKS);
  c.room = (size_t)c.s.at_once * (size_t)c.step;
  double loss = 0.91893853320467274178 * z->N * z->D, task_loss[TASKS]; /* log(2 pi) / 2 */
  c.task_loss = task_loss;
  CLF_TRY(run_all(&c, &p->w, scratch));
  for (int g = 0; g < c.s.tasks; g++) loss += task_loss[g];
  *at(&p->loss, 0, 0, 0, 0) = (float)((double)p->weight * loss);
  return CLF_OK;
}
