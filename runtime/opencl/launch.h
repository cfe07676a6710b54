/* SPDX-License-Identifier: MIT */
/* launch.h: what the host half of an OpenCL operation (cl/<file>.c) may use.
 *
 * A host half turns one call into kernel launches.  It sees no OpenCL: a call
 * carries the device's traits and a few functions, so a test may hand it a
 * recorder and read off the geometry.  The simple case is one line:
 *   CLF_LAUNCH(adam_step) { return clf_each(call, p->w.dim[0]); }
 *
 * Every kernel of an operation takes the row's tensors as pointers, then the
 * row's argument struct (views and parameters); one that works through scratch
 * memory takes CLF_POOL too: the device's pool and four ints of the host's. */
#ifndef CLF_LAUNCH_H
#define CLF_LAUNCH_H
#include "backend.h"

/* What the choice between kernels may depend on; the rows are in tune.def. */
typedef struct clf_traits {
  const char *family;
  int lanes;  /* floats an item handles side by side */
  int tm, tn; /* rows and columns of a tile of products: an item's, or with one lane a group's */
  int group;  /* items that share one sample */
  int wg;     /* items of a group where the kernel leaves the choice */
  int blas;   /* matrix products may go to CLBlast */
} clf_traits;

extern const clf_traits clf__families[];
extern const int clf__family_count;
#ifdef CLF_CLBLAST
#define CLF_GPU_FAMILY "clblast"
#else
#define CLF_GPU_FAMILY "simt"
#endif

typedef struct clf_grid {
  size_t global[3], local[3];
} clf_grid;

typedef struct clf_call clf_call;
struct clf_call {
  clf_op op;
  const void *args;
  const clf_traits *traits;
  /* Makes the pool hold at least this many floats.  Calls share it in turn. */
  clf_status (*reserve)(clf_call *call, size_t floats);
  /* Enqueues a kernel of this operation; e reaches it through CLF_POOL. */
  clf_status (*enqueue)(clf_call *call, const char *kernel, clf_grid grid, const int e[4]);
  /* (optional) c = alpha op(a) op(b) + beta c by a BLAS; sets *done to 0 and does
   * nothing where there is none that can be trusted with this call. */
  clf_status (*blas)(clf_call *call, int *done);
  void *impl;
};

#define CLF_OP(file, name, tensors, params, rules)                                                 \
  extern const clf_algorithm clf__launches_##name[];
#include "clflow/ops.def"
#undef CLF_OP

/* CLF_LAUNCH_ALGORITHM(gemm, by_tiles) { ... call, p ... } is a variant's function, of a table
 *   CLF_LAUNCHES(gemm, {.name = "panels", .takes = wide, .launch = by_panels},
 *                {.name = "tiles", .launch = by_tiles})
 * with rules CLF_RULE(gemm, wide) { return ... p ... traits ...; }. */
#define CLF_LAUNCH_ALGORITHM(op, algorithm)                                                        \
  static clf_status algorithm##_(clf_call *call, const clf_##op##_args *p);                        \
  static clf_status algorithm(clf_call *call) { return algorithm##_(call, call->args); }           \
  static clf_status algorithm##_(clf_call *call, const clf_##op##_args *p)
#define CLF_LAUNCHES(op, ...) const clf_algorithm clf__launches_##op[] = {__VA_ARGS__, {0}};
/* An operation that has one way. */
#define CLF_LAUNCH(op)                                                                             \
  static clf_status launch_##op(clf_call *call);                                                   \
  CLF_LAUNCHES(op, {.name = "only", .launch = launch_##op})                                        \
  CLF_LAUNCH_ALGORITHM(op, launch_##op)
#define CLF_RULE(op, rule)                                                                         \
  static int rule##_(const clf_##op##_args *p, const clf_traits *traits);                          \
  static int rule(const void *args, const clf_traits *traits) { return rule##_(args, traits); }    \
  static int rule##_(const clf_##op##_args *p, const clf_traits *traits)

static inline int clf_ceil(int n, int by) { return (n - 1) / by + 1; }
static inline int clf_elements(const clf_tensor *t) {
  return t->dim[0] * t->dim[1] * t->dim[2] * t->dim[3];
}

/* x * y groups of lx * ly items. */
static inline clf_grid clf_groups(int x, int y, int lx, int ly) {
  return (clf_grid){{(size_t)x * (size_t)lx, (size_t)y * (size_t)ly, 1},
                    {(size_t)lx, (size_t)ly, 1}};
}
/* At least n items, in groups of the device's size: the kernel must test its id. */
static inline clf_grid clf_items(const clf_call *call, int n) {
  return clf_groups(clf_ceil(n, call->traits->wg), 1, call->traits->wg, 1);
}
/* n blocks of LANES, y times: an item each, alone in its group where it is a vector. */
static inline clf_grid clf_by_lanes(const clf_call *call, int n, int y) {
  const int wg = call->traits->lanes > 1 ? 1 : call->traits->wg;
  return clf_groups(clf_ceil(n, wg), y, wg, 1);
}
/* An item for some rows of an image, about MOST elements, or for each element where an item
 * is one lane: part_of() in clflow.clh. */
static inline clf_grid clf_by_pixels(const clf_call *call, const clf_tensor *t) {
  enum { MOST = 4096 };
  const int rows = t->dim[0] * t->dim[2], width = t->dim[1] * t->dim[3];
  if (call->traits->lanes == 1) return clf_items(call, clf_elements(t));
  return clf_groups(clf_ceil(rows, width < MOST ? MOST / width : 1), 1, 1, 1);
}
/* Rows of a band for sums over pixels, at most MOST bands: what fits a core's cache, or
 * PIXELS where an item takes a single channel; and an item for each: band_of(). */
static inline int clf_band_rows(const clf_call *call, const clf_tensor *t) {
  enum { ELEMENTS = 8192, PIXELS = 128, MOST = 1024 };
  const int narrow = call->traits->lanes == 1, least = clf_ceil(t->dim[0] * t->dim[2], MOST);
  const int fit = narrow ? PIXELS / t->dim[3] : ELEMENTS / (t->dim[1] * t->dim[3]);
  return fit > least ? fit : least;
}
static inline clf_grid clf_by_bands(const clf_call *call, const clf_tensor *t, int bands) {
  const int wg = call->traits->wg;
  if (call->traits->lanes > 1) return clf_groups(bands, 1, 1, 1);
  return clf_groups(clf_ceil(t->dim[1], wg), bands, wg, 1);
}
/* With one lane: groups for M x N sums of products, by rows and columns of tiles.  Small tiles, of
 * the same shape in every family, are for products that would make few of the large ones, which
 * leaves most of a GPU idle, or not fill one's columns by half. */
static inline int clf_small_tiles(const clf_call *call, int M, int N) {
  enum { FEW = 32 };
  const int tm = call->traits->tm, tn = call->traits->tn;
  return 2 * N <= tn || (double)clf_ceil(M, tm) * clf_ceil(N, tn) < FEW;
}
static inline clf_grid clf_by_tiles(const clf_call *call, int M, int N, int small) {
  const int tm = small ? 32 : call->traits->tm, tn = small ? 32 : call->traits->tn;
  return clf_groups(clf_ceil(M, tm), clf_ceil(N, tn), tn / 4, tn / 4);
}
/* The defaults: the kernel of the operation's own name, an item for each of n,
 * or a group of traits->group items for each of n samples. */
static inline clf_status clf_each(clf_call *call, int n) {
  return call->enqueue(call, clf_ops[call->op].name, clf_items(call, n), NULL);
}
static inline clf_status clf_each_sample(clf_call *call, int n) {
  return call->enqueue(call, clf_ops[call->op].name, clf_groups(n, 1, call->traits->group, 1),
                       NULL);
}
/* Groups for a map of d columns of n samples: map_share() in maps.clh samples each. */
static inline clf_status clf_each_map(clf_call *call, int n, int d) {
  const int group = call->traits->group;
  const int share = group == 1 ? call->traits->lanes : d < group ? group / d : 1;
  return clf_each_sample(call, clf_ceil(n, share));
}
#endif
