/* SPDX-License-Identifier: MIT */
/* launch.h: what the host half of an OpenCL operation (cl/<file>.c) may use.
 *
 * A host half turns one call into kernel launches.  It sees no OpenCL: a call carries the traits of
 * the device and a few functions, so a test can pass a recorder instead of a device and read the
 * geometry.  Operations that are one kernel need no host half: the last column of ops.def is
 * enough.
 *
 * Every kernel of an operation takes the tensors of the row as pointers, then the argument struct
 * of the row (views and parameters).  A kernel that uses scratch memory takes CLF_SCRATCH too: the
 * scratch memory of the device and, as a struct of cl/plans.h, the numbers that the host half
 * computed for it. */
#ifndef CLF_LAUNCH_H
#define CLF_LAUNCH_H
#include "backend.h"

/* What the choice between kernels may depend on; the rows are in tune.def. */
typedef struct clf_traits {
  const char *family;
  int lanes;  /* floats that one work-item handles at once */
  int tm, tn; /* tile of a matrix product: rows and columns of a work-item or, with one lane, of a
                 work-group */
  int group;  /* work-items that share one sample */
  int wg;     /* work-items of a work-group where the kernel does not care */
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
  /* Makes the scratch memory at least this large.  All calls on a device share it, one after the
   * other. */
  clf_status (*reserve)(clf_call *call, size_t floats);
  /* Enqueues a kernel of this operation.  `plan`, of `size` bytes, is what the kernel names in
   * CLF_SCRATCH: CLF_PLAN(plan), or CLF_NO_PLAN. */
  clf_status (*enqueue)(clf_call *call, const char *kernel, clf_grid grid, const void *plan,
                        size_t size);
  /* (optional) c = alpha op(a) op(b) + beta c by a BLAS; sets *done to 0 and does
   * nothing where there is none that can be trusted with this call. */
  clf_status (*blas)(clf_call *call, int *done);
  void *impl;
};
#define CLF_PLAN(plan) &(plan), sizeof(plan)
#define CLF_NO_PLAN NULL, 0

#define CLF_OP(file, name, tensors, params, rules, ...)                                            \
  extern const clf_algorithm clf__launches_##name[];
#include "clflow/ops.def"
#undef CLF_OP

/* CLF_LAUNCH_ALGORITHM(gemm, by_tiles) { ... call, p ... } defines one algorithm, for a table
 *   CLF_LAUNCHES(gemm, {.name = "panels", .takes = wide, .launch = by_panels},
 *                {.name = "tiles", .launch = by_tiles})
 * whose rules are CLF_RULE(gemm, wide) { return ... p ... traits ...; }. */
#define CLF_LAUNCH_ALGORITHM(op, algorithm)                                                        \
  static clf_status algorithm##_(clf_call *call, const clf_##op##_args *p);                        \
  static clf_status algorithm(clf_call *call) { return algorithm##_(call, call->args); }           \
  static clf_status algorithm##_(clf_call *call, const clf_##op##_args *p)
#define CLF_LAUNCHES(op, ...) const clf_algorithm clf__launches_##op[] = {__VA_ARGS__, {0}};
/* An operation with a single algorithm. */
#define CLF_LAUNCH(op)                                                                             \
  static clf_status launch_##op(clf_call *call);                                                   \
  CLF_LAUNCHES(op, {.name = "only", .launch = launch_##op})                                        \
  CLF_LAUNCH_ALGORITHM(op, launch_##op)
#define CLF_RULE(op, rule)                                                                         \
  static int rule##_(const clf_##op##_args *p, const clf_traits *traits);                          \
  static int rule(const void *args, const clf_traits *traits) { return rule##_(args, traits); }    \
  static int rule##_(const clf_##op##_args *p, const clf_traits *traits)

/* ---- Sizes ---------------------------------------------------------------------------------- */

static inline int clf_ceil(int n, int by) { return (n - 1) / by + 1; } /* n / by, rounded up */
static inline int clf_round_up(int n, int by) { return clf_ceil(n, by) * by; }
static inline int clf_size(const clf_tensor *t) { return t->dim[1] * t->dim[2] * t->dim[3]; }
static inline int clf_elements(const clf_tensor *t) { return t->dim[0] * clf_size(t); }
static inline int clf_pixels(const clf_tensor *t) { return t->dim[0] * t->dim[2] * t->dim[3]; }

/* ---- Grids: one function for each kind of kernel in clflow.clh ------------------------------ */

/* x * y work-groups of lx * ly work-items. */
static inline clf_grid clf_groups(int x, int y, int lx, int ly) {
  return (clf_grid){{(size_t)x * (size_t)lx, (size_t)y * (size_t)ly, 1},
                    {(size_t)lx, (size_t)ly, 1}};
}
/* BY_ITEM: at least n work-items, in full work-groups; the kernel compares its id with n. */
static inline clf_grid clf_items(const clf_call *call, int n) {
  return clf_groups(clf_ceil(n, call->traits->wg), 1, call->traits->wg, 1);
}
/* BY_LANES: n work-items for each of `rows`.  Where a work-item is a vector, it is a work-group of
 * its own. */
static inline clf_grid clf_by_lanes(const clf_call *call, int n, int rows) {
  const int wg = call->traits->lanes > 1 ? 1 : call->traits->wg;
  return clf_groups(clf_ceil(n, wg), rows, wg, 1);
}
/* BY_SAMPLE: a work-group for each of n samples. */
static inline clf_grid clf_by_samples(const clf_call *call, int n) {
  return clf_groups(n, 1, call->traits->group, 1);
}
/* BY_SAMPLE for maps of d columns of n samples: map_samples() in maps.clh says how many samples a
 * work-group has. */
static inline clf_grid clf_by_maps(const clf_call *call, int n, int d) {
  const int group = call->traits->group;
  const int samples = group == 1 ? call->traits->lanes : d < group ? group / d : 1;
  return clf_by_samples(call, clf_ceil(n, samples));
}
/* BY_PIXELS, image_range_of() in images.clh: a work-item for some rows of an image, about MOST
 * elements; with one lane, for one element. */
static inline clf_grid clf_by_pixels(const clf_call *call, const clf_tensor *t) {
  enum { MOST = 4096 };
  const int rows = t->dim[0] * t->dim[2], width = t->dim[1] * t->dim[3];
  if (call->traits->lanes == 1) return clf_items(call, clf_elements(t));
  return clf_groups(clf_ceil(rows, width < MOST ? MOST / width : 1), 1, 1, 1);
}
/* BY_PIXELS, image_band_of(): sums over pixels go by bands of rows, MOST of them at most.  A band
 * is what fits a core's cache, or PIXELS pixels where a work-item takes a single channel. */
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
/* BY_TILE and BY_SMALL_TILE, tiles.clh: an M x N product with one lane.  Small tiles have the same
 * shape in every family.  They are for products that would make few of the large ones, which leaves
 * most of a GPU idle, or that fill less than half of the columns of one. */
static inline int clf_small_tiles(const clf_call *call, int M, int N) {
  enum { FEW = 32 };
  const int tm = call->traits->tm, tn = call->traits->tn;
  return 2 * N <= tn || (double)clf_ceil(M, tm) * clf_ceil(N, tn) < FEW;
}
static inline clf_grid clf_by_tiles(const clf_call *call, int M, int N, int small) {
  const int tm = small ? 32 : call->traits->tm, tn = small ? 32 : call->traits->tn;
  return clf_groups(clf_ceil(M, tm), clf_ceil(N, tn), tn / 4, tn / 4);
}
#endif
