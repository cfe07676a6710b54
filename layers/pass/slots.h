/* SPDX-License-Identifier: MIT */
/* slots.h: where each named array of a flow (weights, state, constants) is stored, its name in
 * files, and its initial value.  Private.
 *
 * Layers add their slots in list order.  Files list them, and initial values are drawn, in the
 * same order.  Slots of one group are consecutive in memory, so that equal layers in sequence
 * form the rows of a matrix. */
#ifndef CLF_SLOTS_H
#define CLF_SLOTS_H
#include "clflow/flow.h"
#include "host_random.h"
#include "sorted.h"
#include "status.h"

typedef enum clf__group {
  CLF_PLAIN,    /* trained */
  CLF_DECAYED,  /* trained, with L2 regularisation */
  CLF_STATE,    /* changed by training, but without a gradient: running statistics, flags */
  CLF_CONSTANT, /* never changed: masks, permutations */
  CLF_DERIVED,  /* computed from weights by prepare(): composed matrices; not in files */
  CLF_GROUPS
} clf__group;

/* The flat vectors that hold the arrays: plain, decayed and state in `w`, constants in `c`,
 * derived ones in `d`.  Gradients have the same layout, without `c`. */
typedef struct clf__vectors {
  clf_tensor w, c, d;
} clf__vectors;

typedef struct clf__slot {
  clf__group group;
  int16_t rank;      /* 0: the array does not exist */
  int16_t is_factor; /* 1: a dense matrix that clf__factor_of() (pass.h) may give transposed */
  int64_t at;        /* offset of its first element in the vector, set by clf__slots_lay_out() */
  int32_t dim[4], stride[4];
  /* Rows and columns are stored sorted by their index mod period (sorted.h); 0: in order. */
  int32_t period[2];
} clf__slot;

typedef struct clf__slot_entry {
  char name[64]; /* empty: not in files, or stored under the names of its views */
  clf__slot *slot;
  const clf__slot *whole; /* of a view: the array that it is part of */
  int64_t within;         /* of a view: offset of its first element in `whole` */
  double value, spread;   /* initial values are uniform in value - spread .. value + spread */
} clf__slot_entry;

typedef struct clf__slots {
  clf__slot_entry *list;
  int count, room;
  int64_t size[CLF_GROUPS];
  int no_memory;
} clf__slots;

/* Adds a dense, row-major array.  The slot must not move; its `at` is set by clf__slots_lay_out().
 * fmt NULL: no name. */
void clf__slots_add(clf__slots *p, clf__slot *slot, clf__group group, double value, double spread,
                    int rank, const int32_t *dim, const char *fmt, ...)
    __attribute__((format(printf, 8, 9)));
/* Adds a named view of `whole` that begins at its element `within`. */
void clf__slots_view(clf__slots *p, clf__slot *slot, const clf__slot *whole, int64_t within,
                     int rank, const int32_t *dim, const int32_t *stride, const char *fmt, ...)
    __attribute__((format(printf, 8, 9)));
/* Assigns every slot its offset.  ENOMEM if one could not be added. */
clf_status clf__slots_lay_out(clf__slots *p);
void clf__slots_free(clf__slots *p);

/* Elements of w, c and d. */
int64_t clf__slots_weights(const clf__slots *p);
/* Draws initial values of all arrays in w and c, on the host; either may be NULL. */
void clf__slots_init(const clf__slots *p, clf__host_random *r, double *w, double *c);
/* Lists the sorted arrays among constants or among weights, within their vector; with out = NULL
 * only counts them. */
int clf__slots_sorted(const clf__slots *p, int constants, clf__sorted *out);
/* Lists the named arrays as parameters; with out = NULL only counts them. */
int clf__slots_params(const clf__slots *p, const clf__vectors *v, clf_param *out);

/* The array as a tensor; without a buffer if the array or its vector does not exist. */
clf_tensor clf__slot_tensor(const clf__vectors *v, const clf__slot *slot);

#endif
