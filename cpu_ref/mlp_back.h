/* SPDX-License-Identifier: MIT */
/* mlp_back.h: couplings backward.  Only included by mlp_coupling_tiles.c.
 *
 * A task takes all its blocks through a coupling before the next coupling.  X and DX of each block
 * persist between couplings.  `at_once` blocks at a time use the rows below, over which the weight
 * gradients are summed.
 *
 * The weight gradient of a call is dw + c0 + c1 + ..., a sum over at most CHAINS chains, and that
 * of a chain is t0 + t1 + ..., a sum over consecutive tasks.  If there are no more threads than
 * chains, a thread takes the tasks of a chain one after the other and adds each to the chain's
 * sums, which are large and stay in a cache.  More threads take tasks, with sums for each, which
 * are added at the end: the same additions, so the results have the same bits.  (One thread that
 * adds each chain's sums to dw while a cache has them is slower: it moves dw once for each.)  Where
 * the sums of all tasks fit into a cache, each task is a chain by itself. */

enum { CHAINS = 4, TASKS = 16, CACHED = 1 << 22 /* floats */ };

typedef struct block_rows { /* rows of one block: s and t become their gradients */
  float *X, *DX, *identity_x, *s, *t, *through, *hs, *ht, *da;
} block_rows;

typedef struct returning { /* one call */
  const clf_mlp_coupling_bwd_args *p;
  shape z;
  sharing s;
  int stored, forgets; /* couplings' inputs are stored; hidden units of t are not */
  int step;            /* distance of rows of consecutive blocks */
  int chain;           /* tasks of a chain */
  int folds;           /* a thread takes a whole chain */
  int lanes;           /* tasks at a time for which there is memory */
  atomic_flag *taken;  /* of each lane */
  float dlogdet;
  const clf_tensor *dw;
  size_t room, sums_room; /* of a lane; of the sums of a net */
  float *packed;
  const clf_mlp_coupling_nll_args *nll; /* instead of p; and the loss of each task */
  double *task_loss;
} returning;

static int rows_per_block(const shape *z, int stored) {
  const int H = up(z->H, TM);
  return 4 * z->D + 3 * TM + 4 + H + (stored ? PART : H) + PART;
}
static float *memory_of(const returning *c, int lane) {
  return c->packed + packed_room(&c->z) + (size_t)lane * c->room;
}
/* Block k of those at once, which is block `nth` of the task. */
static block_rows block_rows_of(const returning *c, int lane, int nth, int k) {
  const int D = c->z.D;
  float *mine = memory_of(c, lane);
  block_rows a = {.X = mine + (ptrdiff_t)nth * 2 * D * BLOCK};
  a.DX = a.X + D * BLOCK;
  a.identity_x = mine + (ptrdiff_t)c->s.each * 2 * D * BLOCK + (ptrdiff_t)k * c->step;
  a.s = a.identity_x + (D + 4) * BLOCK; /* ones follow the identity rows, which are read in fours */
  a.t = a.s + (D + TM) * BLOCK;
  a.through = a.t + (D + TM) * BLOCK;
  a.hs = a.through + (D + TM) * BLOCK;
  a.ht = a.hs + up(c->z.H, TM) * BLOCK;
  a.da = a.ht + (c->stored ? PART : up(c->z.H, TM)) * BLOCK;
  return a;
}

/* ---- Sums ------------------------------------------------------------------------------------
 *
 * Sums of a net: in [H][identity + 1] and out [H][transformed], rounded up to fours; its bias.
 * Those of a chain, or of a task, are sums number `which`; those of a lane follow. */
static float *sums_of(const returning *c, int which, int l, int net) {
  return memory_of(c, c->lanes) +
         ((size_t)(which * c->z.L + l) * (size_t)nets_of(&c->z) + (size_t)net) * c->sums_room;
}
static int chains_of(const returning *c) { return up(c->s.tasks, c->chain) / c->chain; }
/* How many sums are added at the end. */
static int summed(const returning *c) { return c->folds ? chains_of(c) : c->s.tasks; }

/* Where the products of the blocks that a task takes at once go. */
static sums_to target_of(const returning *c, int task, int lane, int begins, int ends, int l,
                         int net) {
  if (!c->folds) return (sums_to){.to = sums_of(c, task, l, net), .add = !begins};
  float *chain = sums_of(c, task / c->chain, l, net);
  if (task % c->chain == 0) return (sums_to){.to = chain, .add = !begins};
  float *own = sums_of(c, chains_of(c) + lane, l, net);
  if (!ends) return (sums_to){.to = own, .add = !begins};
  return (sums_to){.to = chain, .add = 1, .before = begins ? NULL : own};
}

static sums_to from_element(sums_to s, int i) {
  return (sums_to){s.to + i, s.before ? s.before + i : NULL, s.add};
}

/* The stored identity rows of a coupling, followed by ones. */
static void identity_with_ones(const split *q, block_rows a) {
  keep_rows(q, a.X, a.identity_x);
  for (int n = 0; n < BLOCK; n++) a.identity_x[q->identity * BLOCK + n] = 1;
}

static void begin_back(const returning *c, const split *q, int l, int n0, block_rows a) {
  const clf_mlp_coupling_bwd_args *p = c->p;
  const int last = l == c->z.L - 1;
  for (int i = 0; i < c->z.D; i++) {
    const clf_tensor acts = acts_of(&p->acts, l);
    if (c->stored || last) load_row(c->stored ? &acts : &p->y, &c->z, i, n0, a.X + i * BLOCK);
    if (last) load_row(&p->dy, &c->z, i, n0, a.DX + i * BLOCK);
  }
  identity_with_ones(q, a);
}

/* Recomputes the outputs of a net, storing its hidden units. */
static void recompute_net(const split *q, int net, const float *identity_x, int step, int blocks,
                          float *h, float *out) {
  for (int j = 0; j < q->H; j += PART) {
    const int rows = min_int(PART, q->H - j), live = min_int(PART, q->live - j);
    for (int k = 0; k < blocks; k++) {
      const ptrdiff_t to = (ptrdiff_t)k * step;
      hidden(q, net, j, rows, identity_x + to, h + j * BLOCK + to);
      add_rows(q->net[net].out, q->transformed, q->H, j, live, j > 0, q->net[net].bias,
               h + j * BLOCK + to, out + to);
    }
  }
}

/* Replaces the nets' outputs s and t by their gradients, X by the coupling's input, DX by the
 * direct part of its gradient.  With acts X is the input already; else it is rebuilt. */
static void transformed_back(const returning *c, const split *q, block_rows a, int left) {
  const float s_max = c->z.s_max, dlogdet = c->dlogdet;
  const int stored = c->stored, add = c->z.add; /* no h in that case */
  for (int m = 0; m < q->transformed; m++) {
    float *x = a.X + q->moved[m] * BLOCK, *dx = a.DX + q->moved[m] * BLOCK;
    float *h = a.s + m * BLOCK, *t = a.t + m * BLOCK, s[BLOCK];
    scales(&c->z, h, s);
    EACH {
      const float scale = real_exp(s[n]), d = dx[n], xs = stored ? x[n] * scale : x[n] - t[n];
      x[n] = stored ? x[n] : xs * real_exp(-s[n]);
      dx[n] = d * scale;
      h[n] = (d * xs + (n < left ? dlogdet : 0)) * bounded_slope(add ? 0 : h[n], s_max);
      t[n] = d;
    }
  }
}

static void add_bias(const float *d, int transformed, int step, int blocks, sums_to s) {
  for (int m = 0; m < transformed; m++, d += BLOCK) {
    float sum = 0;
    for (int k = 0; k < blocks; k++)
      for (int n = 0; n < BLOCK; n++) sum += d[(ptrdiff_t)k * step + n];
    if (s.before) sum = s.before[m] + sum;
    s.to[m] = s.add ? s.to[m] + sum : sum;
  }
}

/* Backward through one net: the gradient of its input, and its sums. */
static void net_back(const returning *c, const split *q, int net, block_rows a, int blocks,
                     sums_to sums) {
  const int C = up(q->identity + 1, 4), M = up(q->transformed, 4), forgotten = !net && c->forgets;
  const float *d = net ? a.s : a.t;
  for (int j = 0; j < q->H; j += PART) {
    const int cols = min_int(PART, q->H - j);
    float *h = (net ? a.hs : a.ht) + (forgotten ? 0 : j * BLOCK);
    for (int k = 0; k < blocks; k++) {
      const ptrdiff_t to = (ptrdiff_t)k * c->step;
      if (forgotten) hidden(q, net, j, cols, a.identity_x + to, h + to);
      hidden_back(q, net, j, cols, d + to, h + to, a.da + to);
      add_rows(q->net[net].in_t, q->identity, q->H, j, cols, net || j > 0, NULL, a.da + to,
               a.through + to);
    }
    add_outer(a.da, cols, a.identity_x, q->identity + 1, c->step, blocks,
              from_element(sums, j * C));
    add_outer(h, cols, d, q->transformed, c->step, blocks, from_element(sums, q->H * C + j * M));
  }
  add_bias(d, q->transformed, c->step, blocks, from_element(sums, q->H * (C + M)));
}

static void add_through(const split *q, block_rows a) {
  for (int i = 0; i < q->identity; i++)
    for (int n = 0; n < BLOCK; n++) a.DX[q->identity_x[i] * BLOCK + n] += a.through[i * BLOCK + n];
}

/* Blocks `nth` and following of a task, backward through coupling l. */
static void back(const returning *c, int task, int lane, int nth, int count, int l) {
  const split q = split_of(&c->z, l, c->packed);
  const block_rows a = block_rows_of(c, lane, nth, 0);
  const int blocks = min_int(c->s.at_once, count - nth), n0 = (task * c->s.each + nth) * BLOCK;
  for (int k = 0; k < blocks; k++)
    begin_back(c, &q, l, n0 + k * BLOCK, block_rows_of(c, lane, nth + k, k));
  if (!c->stored) recompute_net(&q, 0, a.identity_x, c->step, blocks, a.ht, a.t);
  if (!c->z.add) recompute_net(&q, 1, a.identity_x, c->step, blocks, a.hs, a.s);
  for (int k = 0; k < blocks; k++)
    transformed_back(c, &q, block_rows_of(c, lane, nth + k, k), c->z.N - n0 - k * BLOCK);
  for (int net = 0; net < nets_of(&c->z); net++)
    net_back(c, &q, net, a, blocks,
             target_of(c, task, lane, nth == 0, nth + blocks == count, l, net));
  for (int k = 0; k < blocks; k++) add_through(&q, block_rows_of(c, lane, nth + k, k));
}

static int blocks_of_task(const returning *c, int task) {
  return min_int(c->s.each, c->s.blocks - task * c->s.each);
}

static void task_back(const returning *c, int task, int lane) {
  const clf_mlp_coupling_bwd_args *p = c->p;
  const int first = task * c->s.each, count = blocks_of_task(c, task);
  for (int l = c->z.L - 1; l >= 0; l--)
    for (int nth = 0; nth < count; nth += c->s.at_once) back(c, task, lane, nth, count, l);
  for (int nth = 0; nth < count; nth++) {
    const block_rows a = block_rows_of(c, lane, nth, 0);
    for (int i = 0; i < c->z.D; i++) {
      store_row(&p->dx, &c->z, i, (first + nth) * BLOCK, a.DX + i * BLOCK);
      if (p->x.buf) store_row(&p->x, &c->z, i, (first + nth) * BLOCK, a.X + i * BLOCK);
    }
  }
}

/* ---- Tasks ----------------------------------------------------------------------------------- */

static int take_lane(const returning *c) {
  int i = 0;
  while (atomic_flag_test_and_set_explicit(&c->taken[i], memory_order_acquire))
    i = (i + 1) % c->lanes;
  return i;
}

static void task_nll(const returning *c, int task, int lane);

/* A chain, if one thread takes all of its tasks; else a task. */
CLF_LOOP(run_tasks, returning, c, which) {
  const int count = c->folds ? c->chain : 1, lane = take_lane(c);
  for (int task = which * count; task < min_int((which + 1) * count, c->s.tasks); task++)
    c->nll ? task_nll(c, task, lane) : task_back(c, task, lane);
  atomic_flag_clear_explicit(&c->taken[lane], memory_order_release);
}

enum { SIDE = 16 }; /* of a tile of sums */

/* tile += the sums of each chain, in order, of SIDE or fewer rows and columns; from: those of the
 * first task, `pitch` the distance of rows. */
static void add_chains(const returning *c, const float *from, int pitch, int rows, int cols,
                       float tile[SIDE][SIDE]) {
  const ptrdiff_t next = sums_of(c, 1, 0, 0) - sums_of(c, 0, 0, 0);
  const int chain = c->folds ? 1 : c->chain, count = summed(c);
  for (int r = 0; r < rows; r++, from += pitch)
    for (int which = 0; which < count; which += chain) {
      float sum[SIDE];
      memcpy(sum, from + which * next, (size_t)cols * sizeof *sum);
      for (int i = which + 1; i < min_int(which + chain, count); i++)
        for (int k = 0; k < cols; k++) sum[k] += from[i * next + k];
      for (int k = 0; k < cols; k++) tile[r][k] += sum[k];
    }
}

/* Adds sums [rows][cols] to a matrix whose element (r, k) is to[r * row + k * col[k]]. */
static void add_matrix(const returning *c, const float *from, int rows, int cols, int pitch,
                       float *to, ptrdiff_t row, const int *column, ptrdiff_t col) {
  float tile[SIDE][SIDE];
  for (int r0 = 0; r0 < rows; r0 += SIDE)
    for (int k0 = 0; k0 < cols; k0 += SIDE) {
      const int high = min_int(SIDE, rows - r0), wide = min_int(SIDE, cols - k0);
      for (int k = 0; k < wide; k++)
        for (int r = 0; r < high; r++) tile[r][k] = to[(r0 + r) * row + column[k0 + k] * col];
      add_chains(c, from + (ptrdiff_t)r0 * pitch + k0, pitch, high, wide, tile);
      for (int k = 0; k < wide; k++)
        for (int r = 0; r < high; r++) to[(r0 + r) * row + column[k0 + k] * col] = tile[r][k];
    }
}

/* Adds the chains' sums, in order, to a coupling's row of dw. */
CLF_LOOP(add_sums, returning, c, row) {
  const int l = row % c->z.L, net = row / c->z.L;
  const split q = split_of(&c->z, l, c->packed);
  const int D = c->z.D, H = c->z.H, C = up(q.identity + 1, 4), M = up(q.transformed, 4);
  float *in = first_of(c->dw, &c->z, l, net, 0), *out = first_of(c->dw, &c->z, l, net, 1);
  const float *sums = sums_of(c, 0, l, net), *bias = sums + q.H * (C + M);
  add_matrix(c, sums, H, q.identity, C, in, D + 1, q.identity_x, 1);
  add_matrix(c, sums + q.identity, H, 1, C, in, D + 1, &D, 1);
  add_matrix(c, sums + q.H * C, H, q.transformed, M, out, 1, q.moved, H + 1);
  add_matrix(c, bias, 1, q.transformed, q.transformed, out + H, 1, q.moved, H + 1);
}

/* Packed weights, memory of lanes, sums of tasks or of chains and lanes. */
static clf_status reserve(returning *c, const clf_tensor *w, clf_scratch *scratch) {
  const shape *z = &c->z;
  const int threads = clf__threads_are_alone() ? 1 : clf_threads();
  c->sums_room = (size_t)up(z->H, TM) * ((size_t)z->D + 7) + (size_t)z->D;
  const size_t all = (size_t)(c->s.tasks * z->L * nets_of(z)) * c->sums_room;
  c->chain = all > CACHED ? up(c->s.tasks, CHAINS) / CHAINS : 1;
  c->folds = threads <= chains_of(c);
  c->lanes = min_int(threads, summed(c));
  const size_t lanes = (size_t)c->lanes;
  const size_t count = (size_t)summed(c) + (c->folds ? lanes : 0);
  const size_t sums = count * (size_t)(z->L * nets_of(z)) * c->sums_room;
  c->packed = memory_for(z, w, 1, c->room, lanes, sums, scratch);
  CLF_NEED(c->packed, lanes * c->room + sums);
  return CLF_OK;
}

/* Runs all tasks, and adds their sums to dw. */
static clf_status run_all(returning *c, const clf_tensor *w, clf_scratch *scratch) {
  const int rows = c->z.L * nets_of(&c->z);
  atomic_flag taken[TASKS];
  for (int i = 0; i < TASKS; i++) atomic_flag_clear(&taken[i]);
  CLF_TRY(reserve(c, w, scratch));
  c->taken = taken;
  in_threads(3 * work(&c->z), summed(c), run_tasks, c);
  in_threads((double)summed(c) * rows * (double)c->sums_room, rows, add_sums, c);
  return CLF_OK;
}

CLF_REF(mlp_coupling_bwd) {
  const int stored = p->acts.buf != NULL;
  returning c = {.p = p,
                 .z = SHAPE(p, p->y),
                 .stored = stored,
                 .forgets = stored,
                 .dlogdet = p->dlogdet,
                 .dw = &p->dw};
  const shape *z = &c.z;
  c.s = sharing_of(z, 8, TASKS);
  c.step = rows_per_block(z, c.stored) * BLOCK;
  c.room = (size_t)c.s.each * 2 * (size_t)z->D * BLOCK + (size_t)c.s.at_once * (size_t)c.step;
  return run_all(&c, &p->w, scratch);
}
