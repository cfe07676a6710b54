/* SPDX-License-Identifier: MIT */
/* blocks.c: passes in blocks of rows.
 *
 * A composed flow is a long list of small operations.  If each is distributed over threads,
 * waking the threads costs more than the computation, and its output has left the caches when
 * the next one reads it.  So on devices whose operations may be called by several threads, one
 * thread takes some rows through the whole list.  The results of a row do not depend on its
 * block, and sums over rows have an order that depends only on n: results have the same bits for
 * any number of threads. */
#include "blocks.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "chunk.h"
#include "later.h"
#include "threads.h"

enum {
  ALONE = 4,   /* minimum rows for vectors that hold samples, not units */
  GRAIN = 32,  /* blocks are multiples of this many rows: two vectors */
  SHARED = 32, /* minimum rows for two blocks */
  TRAIN_ROWS =
      128,  /* maximum rows of a block in training; twice as many with large weights. 64 made a step
               15 % slower, because products pack their weights for each block */
  FEW = 64, /* rows of a block that only computes values: a sixteenth of all, between these */
  MANY = 128,
  TASKS = 16,       /* maximum number of blocks, or groups of blocks, with their own gradients */
  LARGE_TASKS = 2,  /* if these take long to clear and to sum */
  CACHED = 1 << 18, /* weights that fit into a cache */
  MESSAGE = 512
};

typedef struct lane { /* memory for one block at a time */
  atomic_flag taken;
  clf__workspace ws;
  clf_tensor x, z; /* its own input and latents, for which a view may use those of the call */
} lane;

struct clf__blocks {
  int32_t rows; /* capacity of a lane */
  int train;
  int lanes;
  lane *lane;
  int tasks;         /* number of gradients; the first task adds to the flow's own */
  clf_arena arena;   /* of everything below */
  clf_tensor g, dg;  /* (tasks - 1, weights) */
  clf_tensor loss;   /* (tasks) of a block */
  clf_tensor sum;    /* (tasks) summed over all blocks of a task */
  clf__later *later; /* (tasks) gradients that are left to the end of the step */
  int clean;         /* g is 0 */
};

/* ---- Whether to use blocks, and how many ----------------------------------------------------- */

static int is_large(const clf_flow *f) { return clf__count(&f->w) > CACHED; }

static int has_blocks(const clf_flow *f) {
  return f->dev->many_callers && !f->spec.height && !(f->shared_traits & CLF_SHARES_ROWS);
}

static int trains_in_blocks(const clf_flow *f, int32_t n, int train) {
  return has_blocks(f) && n >= ALONE && train == CLF_STORED &&
         !(f->traits & CLF_HAS_BATCH_STATISTICS);
}

/* Each block reads all weights, so large weights need fewer blocks; more blocks keep more
 * threads busy.  Inverses of masked layers also pack their weights for each block. */
static int32_t blocks_of(const clf_flow *f, int32_t n, int trains, int shows) {
  const int32_t share = n / 16, few = is_large(f) ? MANY : FEW;
  const int32_t maximum = shows & CLF_CALLS_X ? 2 * MANY : MANY;
  const int32_t values = share < few ? few : share > maximum ? maximum : share;
  const int32_t trained = is_large(f) ? 2 * TRAIN_ROWS : TRAIN_ROWS;
  const int32_t blocks = (n - 1) / (trains ? trained : values) + 1;
  return n < SHARED ? 1 : blocks + blocks % 2;
}

/* The first row of block i of `blocks` of about equal size. */
static int32_t begin_of(int32_t n, int32_t blocks, int32_t i) {
  const int64_t grains = (n - 1) / GRAIN + 1, row = grains * i / blocks * GRAIN;
  return row < n ? (int32_t)row : n;
}

static int32_t most_rows(int32_t n, int32_t blocks) {
  const int32_t grains = (n - 1) / GRAIN + 1;
  return ((grains - 1) / blocks + 1) * GRAIN;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static void free_blocks(const clf_flow *f, struct clf__blocks *b) {
  for (int i = 0; b && b->lane && i < b->lanes; i++) clf__workspace_free(f, &b->lane[i].ws);
  for (int i = 0; b && b->later && i < b->tasks; i++) clf__later_free(&b->later[i]);
  if (b) {
    clf_arena_free(&b->arena);
    free(b->later);
    free(b->lane);
  }
  free(b);
}

void clf__flow_drop_blocks(clf_flow *f) {
  free_blocks(f, f->blocks);
  f->blocks = NULL;
}

static clf_status lay_out(const clf_flow *f, struct clf__blocks *b) {
  const int32_t tasks = b->tasks, own = tasks - 1;
  if (own) CLF_TRY(clf_new(&b->arena, (int32_t[4]){own, f->w.dim[0]}, &b->g));
  if (own && f->d.buf) CLF_TRY(clf_new(&b->arena, (int32_t[4]){own, f->d.dim[0]}, &b->dg));
  CLF_TRY(clf_new(&b->arena, (int32_t[4]){tasks}, &b->loss));
  return clf_new(&b->arena, (int32_t[4]){tasks}, &b->sum);
}

static clf_status fill_blocks(const clf_flow *f, struct clf__blocks *b) {
  b->lane = calloc((size_t)b->lanes, sizeof *b->lane);
  if (!b->lane)
    return clf__fail(CLF_ENOMEM, "no memory for the workspaces of %d threads", b->lanes);
  for (int i = 0; i < b->lanes; i++) {
    lane *l = &b->lane[i];
    CLF_TRY(clf__workspace_make(f, b->rows, b->train, &l->ws));
    l->x = l->ws.x[0];
    l->z = l->ws.x[f->stages];
  }
  if (!b->tasks) return CLF_OK;
  b->later = calloc((size_t)b->tasks, sizeof *b->later);
  if (!b->later) return clf__fail(CLF_ENOMEM, "no memory for the gradients of %d tasks", b->tasks);
  b->arena.dev = f->dev;
  CLF_TRY(lay_out(f, b)); /* measures */
  CLF_TRY(clf_arena_init(&b->arena, f->dev, b->arena.used));
  return lay_out(f, b);
}

/* Tasks divide the blocks among them, and have their own gradients.  Large gradients of grains are
 * cleared and summed for each grain anyhow. */
static int tasks_of(const clf_flow *f, int32_t blocks) {
  const int maximum = !is_large(f) ? TASKS : f->in_grains ? 1 : LARGE_TASKS;
  return blocks < maximum ? blocks : maximum;
}

clf_status clf__flow_measure_blocks(const clf_flow *f, int32_t n, int train, size_t *elements) {
  *elements = 0;
  if (!trains_in_blocks(f, n, train)) return CLF_OK;
  const int32_t blocks = blocks_of(f, n, 1, 0);
  struct clf__blocks b = {.arena = {.dev = f->dev}, .tasks = tasks_of(f, blocks)};
  size_t of_lane;
  CLF_TRY(clf__flow_measure(f, most_rows(n, blocks), train, 1, &of_lane));
  CLF_TRY(lay_out(f, &b)); /* measures */
  *elements = b.arena.used + (size_t)b.tasks * of_lane;
  return CLF_OK;
}

/* Allocates memory for blocks of `rows` rows, with separate gradients for `tasks` tasks. */
static clf_status need(clf_flow *f, int32_t rows, int train, int blocks, int tasks) {
  const struct clf__blocks *old = f->blocks;
  const int threads = clf_threads(), lanes = blocks < threads ? blocks : threads;
  if (old && old->rows >= rows && old->lanes >= lanes && old->tasks >= tasks &&
      (!train || old->train == train))
    return CLF_OK;
  struct clf__blocks *b = calloc(1, sizeof *b);
  if (!b) return clf__fail(CLF_ENOMEM, "no memory for blocks of rows");
  *b = (struct clf__blocks){.rows = rows, .train = train, .lanes = lanes, .tasks = tasks};
  if (old) {
    if (old->rows > rows) b->rows = old->rows;
    if (old->lanes > lanes) b->lanes = old->lanes;
    if (old->tasks > tasks) b->tasks = old->tasks;
    if (!train) b->train = old->train;
  }
  clf__flow_drop_blocks(f);
  const clf_status s = fill_blocks(f, b);
  if (s)
    free_blocks(f, b);
  else
    f->blocks = b;
  return s;
}

/* ---- A block --------------------------------------------------------------------------------- */

typedef struct run {
  clf_flow *f;
  int32_t n, blocks;
  int tasks, trains;
  int leaves; /* large nets leave gradients to the end of the step (later.h) */
  int apart;  /* each task has its own lane */
  int shows;  /* CLF_CALLS_X, CLF_CALLS_Z: part of the call, not of lanes */
  clf__block_fn pass;
  void *context;
  atomic_int failed; /* the first task that failed, whose error is reported; `tasks`: none */
  atomic_flag telling;
  clf_status status;
  char message[MESSAGE];
} run;

static lane *take_lane(const struct clf__blocks *b) {
  int i = 0;
  while (atomic_flag_test_and_set_explicit(&b->lane[i].taken, memory_order_acquire))
    i = (i + 1) % b->lanes;
  return &b->lane[i];
}
static lane *lane_of(const run *r, int task) {
  const struct clf__blocks *b = r->f->blocks;
  if (!r->apart) return take_lane(b);
  atomic_flag_test_and_set_explicit(&b->lane[task].taken, memory_order_acquire);
  return &b->lane[task];
}
static void leave_lane(lane *l) { atomic_flag_clear_explicit(&l->taken, memory_order_release); }

static clf_tensor rows_from(clf_tensor t, int32_t first, int32_t n) {
  return t.buf ? clf_slice(t, 0, first, first + n) : t;
}

/* The flow with the workspace of a lane; what callers see are rows of the flow's own workspace. */
static clf_flow view_of(const run *r, const lane *l, int32_t first, int32_t n) {
  const clf__workspace *own = &r->f->ws;
  clf_flow v = *r->f;
  v.ws = l->ws;
  v.in_pass = 1;
  v.drop_first += first;
  v.ws.x[0] = l->x;
  v.ws.x[v.stages] = l->z;
  if (r->shows & CLF_CALLS_X) v.ws.x[0] = rows_from(own->x[0], first, n);
  if (r->shows & CLF_CALLS_Z) v.ws.x[v.stages] = rows_from(own->x[v.stages], first, n);
  v.ws.z = rows_from(own->z, first, n);
  v.ws.placed = rows_from(own->placed, first, n);
  v.ws.c = rows_from(own->c, first, n);
  v.ws.e = rows_from(own->e, first, n);
  v.ws.de = rows_from(own->de, first, n);
  v.ws.each = rows_from(own->each, first, n);
  v.ws.logdet = rows_from(own->logdet, first, n);
  v.ws.logp = rows_from(own->logp, first, n);
  v.ws.train_logdet = rows_from(own->train_logdet, first, n);
  return v;
}

static clf_tensor row_of(clf_tensor t, int32_t i) {
  return t.buf ? clf__vector(t, (int64_t)i * t.stride[0], t.dim[1], 1) : t;
}

static clf_status run_block(run *r, int task, int32_t i) {
  const int32_t first = begin_of(r->n, r->blocks, i), end = begin_of(r->n, r->blocks, i + 1);
  struct clf__blocks *b = r->f->blocks;
  lane *l = lane_of(r, task);
  clf_flow v = view_of(r, l, first, end - first);
  if (r->leaves) v.later = &b->later[task];
  if (r->leaves) v.later->count = 0;
  if (r->trains) v.ws.loss = rows_from(b->loss, task, 1);
  if (r->trains && task) {
    v.g = row_of(b->g, task - 1);
    v.dg = row_of(b->dg, task - 1);
  }
  clf_status s = r->pass(&v, first, end - first, r->context);
  for (int k = 0; r->leaves && !r->apart && !s && k < clf__later_pieces(v.later); k++)
    s = clf__later_compute(r->f->dev, &b->later[0], v.later, 1, k); /* the lane is used again */
  leave_lane(l);
  return s;
}

/* Runs the blocks of a task, one after the other. */
static clf_status run_task(run *r, int task) {
  const struct clf__blocks *b = r->f->blocks;
  const int32_t first = (int32_t)((int64_t)r->blocks * task / r->tasks);
  const int32_t end = (int32_t)((int64_t)r->blocks * (task + 1) / r->tasks);
  clf_device *dev = r->f->dev;
  if (r->trains) CLF_TRY(clf_do(dev, fill, .y = rows_from(b->sum, task, 1), .value = 0));
  if (r->trains && task) {
    if (!r->leaves || !b->clean)
      CLF_TRY(clf_do(dev, fill, .y = row_of(b->g, task - 1), .value = 0));
    if (b->dg.buf) CLF_TRY(clf_do(dev, fill, .y = row_of(b->dg, task - 1), .value = 0));
  }
  for (int32_t i = first; i < end; i++) {
    if (begin_of(r->n, r->blocks, i) == begin_of(r->n, r->blocks, i + 1)) continue;
    CLF_TRY(run_block(r, task, i));
    if (r->trains)
      CLF_TRY(clf_do(dev, axpby, .x = rows_from(b->loss, task, 1), .y = rows_from(b->sum, task, 1),
                     .a = 1, .b = 1));
  }
  return CLF_OK;
}

/* Messages are stored per thread, so the failing task is repeated in the calling thread. */
static void note_failure(run *r, int task, clf_status s) {
  while (atomic_flag_test_and_set(&r->telling)) {}
  if (task < atomic_load(&r->failed)) {
    atomic_store(&r->failed, task);
    r->status = s;
    strncpy(r->message, clf_errmsg(), MESSAGE - 1);
  }
  atomic_flag_clear(&r->telling);
}

/* If there are fewer tasks than threads, operations distribute their loops over the other
 * threads. */
static void run_tasks(const void *context, int first, int end) {
  run *r = (run *)(uintptr_t)context;
  const int before = clf__threads_alone(r->tasks >= clf_threads());
  for (int i = first; i < end && i < atomic_load(&r->failed); i++) {
    const clf_status s = run_task(r, i);
    if (s) note_failure(r, i, s);
  }
  clf__threads_alone(before);
}

static clf_status run_all(run *r) {
  r->failed = r->tasks;
  if (r->f->blocks->lanes == 1 || r->tasks == 1)
    run_tasks(r, 0, r->tasks);
  else
    clf__threads_run(r->tasks, r->f->blocks->lanes, run_tasks, r);
  return r->status ? clf__fail(r->status, "%s", r->message) : CLF_OK;
}

/* ---- Gradients that were left to the end ----------------------------------------------------- */

static void compute_pieces(const void *context, int first, int end) {
  run *r = (run *)(uintptr_t)context;
  const struct clf__blocks *b = r->f->blocks;
  const int before = clf__threads_alone(1);
  for (int i = first; i < end && i < atomic_load(&r->failed); i++) {
    const clf_status s = clf__later_compute(r->f->dev, &b->later[0], b->later, r->tasks, i);
    if (s) note_failure(r, i, s);
  }
  clf__threads_alone(before);
}

static clf_status compute_left(run *r) {
  const int pieces = clf__later_pieces(&r->f->blocks->later[0]);
  if (!r->leaves || !r->apart || !pieces) return CLF_OK;
  r->failed = pieces;
  clf__threads_run(pieces, r->f->blocks->lanes, compute_pieces, r);
  return r->status ? clf__fail(r->status, "%s", r->message) : CLF_OK;
}

/* Adds what tasks have in gradients of their own, where no products are left; and clears it. */
static clf_status add_gaps(const clf_flow *f, int own) {
  const struct clf__blocks *b = f->blocks;
  for (int32_t begin, end = 0; clf__later_gap(&b->later[0], &f->g, &begin, &end);) {
    const clf_tensor from = clf_slice(rows_from(b->g, 0, own), 1, begin, end);
    CLF_TRY(clf_do(f->dev, sum_rows, .x = from, .y = clf_slice(f->g, 0, begin, end), .beta = 1));
    CLF_TRY(clf_do(f->dev, fill, .y = from, .value = 0));
  }
  return CLF_OK;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

clf_status clf__flow_in_blocks(clf_flow *f, int32_t n, int shows, clf__block_fn pass,
                               void *context) {
  if (!has_blocks(f) || n < ALONE) return pass(f, 0, n, context);
  const int32_t blocks = blocks_of(f, n, 0, shows);
  run r = {.f = f,
           .n = n,
           .blocks = blocks,
           .tasks = blocks,
           .shows = shows,
           .pass = pass,
           .context = context};
  CLF_TRY(need(f, most_rows(n, blocks), CLF_VALUES, blocks, 0));
  CLF_TRY(clf__flow_prepare(f));
  return run_all(&r);
}

typedef struct evaluation {
  clf_tensor x, logp;
} evaluation;

clf_status clf__block_rows(clf_flow *f, clf_tensor x, clf_tensor *to) {
  *to = x;
  if (!f->ws.arena.by_column || !f->stages) return CLF_OK;
  *to = clf__rows(f->ws.x[0], x.dim[0]);
  return clf_do(f->dev, copy, .x = x, .y = *to);
}

static clf_status evaluate_block(clf_flow *f, int32_t first, int32_t n, void *context) {
  const evaluation *e = context;
  clf_tensor x, z, logdet;
  CLF_TRY(clf__zeroed(f, n, &logdet));
  CLF_TRY(clf__block_rows(f, rows_from(e->x, first, n), &x));
  CLF_TRY(clf__flow_forward(f, x, logdet, CLF_EVAL, &z));
  return e->logp.buf ? clf__flow_logp(f, z, logdet, CLF_EVAL, rows_from(e->logp, first, n))
                     : CLF_OK;
}

clf_status clf__flow_evaluate(clf_flow *f, clf_tensor x, clf_tensor logp) {
  evaluation e = {x, logp};
  return clf__flow_in_blocks(f, x.dim[0], logp.buf ? 0 : CLF_CALLS_Z, evaluate_block, &e);
}

static clf_status add_up(clf_flow *f, int tasks, int leaves, clf_tensor loss) {
  const struct clf__blocks *b = f->blocks;
  const int own = tasks - 1;
  if (own && leaves) CLF_TRY(add_gaps(f, own));
  if (own && !leaves)
    CLF_TRY(clf_do(f->dev, sum_rows, .x = rows_from(b->g, 0, own), .y = f->g, .beta = 1));
  if (own && b->dg.buf)
    CLF_TRY(clf_do(f->dev, sum_rows, .x = rows_from(b->dg, 0, own), .y = f->dg, .beta = 1));
  return clf_do(f->dev, sum_rows, .x = rows_from(b->sum, 0, tasks), .y = loss);
}

/* Whether large nets leave gradients to the end: if each task has one block, which is not empty. */
static int leaves_gradients(const clf_flow *f, int32_t n, int32_t blocks, int tasks) {
  return is_large(f) && !f->in_grains && tasks == LARGE_TASKS && blocks == tasks && n > GRAIN;
}

clf_status clf__flow_train_in_blocks(clf_flow *f, int32_t n, clf__block_fn pass, void *context,
                                     clf_tensor loss) {
  if (!trains_in_blocks(f, n, f->ws.train)) {
    f->ws.loss = loss;
    return pass(f, 0, n, context);
  }
  const int32_t blocks = blocks_of(f, n, 1, 0);
  const int tasks = tasks_of(f, blocks);
  run r = {.f = f,
           .n = n,
           .blocks = blocks,
           .tasks = tasks,
           .trains = 1,
           .leaves = leaves_gradients(f, n, blocks, tasks),
           .pass = pass,
           .context = context};
  f->ws.mode = CLF_TRAIN;
  CLF_TRY(need(f, most_rows(n, blocks), CLF_STORED, tasks, tasks));
  r.apart = r.leaves && f->blocks->lanes >= tasks;
  CLF_TRY(clf__flow_prepare(f));
  clf_status s = run_all(&r);
  if (!s) s = compute_left(&r);
  if (!s) s = add_up(f, tasks, r.leaves, loss);
  f->blocks->clean = !s && r.leaves;
  return s;
}
