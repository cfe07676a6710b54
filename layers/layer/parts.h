/* SPDX-License-Identifier: MIT */
/* parts.h: the named parts of a flow's weights: where each lies, what it is called in a file, what
 * it starts as.  Private.
 *
 * Layers add their parts in list order, which is the order in which files list them and in which
 * initial values are drawn.  Parts of one group lie one behind the other in that order, so that
 * equal layers that follow each other are the rows of a matrix. */
#ifndef CLF_PARTS_H
#define CLF_PARTS_H
#include "clflow/flow.h"
#include "host_random.h"
#include "status.h"

typedef enum clf__group {
  CLF_PLAIN,    /* trained */
  CLF_DECAYED,  /* trained; L2 regularisation applies to it */
  CLF_STATE,    /* moved by training, but no gradient reaches it: running statistics, flags */
  CLF_CONSTANT, /* never changed: masks, permutations */
  CLF_DERIVED,  /* computed from weights by a layer's prepare(): composed matrices; not in files */
  CLF_GROUPS
} clf__group;

/* The flat vectors that parts lie in: plain, decayed and state parts in `w`, constants in `c`,
 * derived ones in `d`.  Gradients have the same layout; they have no `c`. */
typedef struct clf__vectors {
  clf_tensor w, c, d;
} clf__vectors;

typedef struct clf__part {
  clf__group group;
  int64_t at; /* of its first number in its vector, once parts are placed */
  int32_t dim[4], stride[4];
  int rank; /* 0: there is no such part */
} clf__part;

typedef struct clf__part_entry {
  char name[64]; /* empty: it is not in files, or other parts name its numbers */
  clf__part *part;
  const clf__part *whole; /* of a view: what it is a part of */
  int64_t within;         /* of a view: its first number there */
  double value, spread;   /* starts uniform in value - spread .. value + spread */
} clf__part_entry;

typedef struct clf__parts {
  clf__part_entry *list;
  int count, room;
  int64_t size[CLF_GROUPS];
  int no_memory;
} clf__parts;

/* Adds a dense, row-major `part`, which must stay where it is; its `at` is known after
 * clf__parts_place().  fmt NULL: it has no name. */
void clf__parts_add(clf__parts *p, clf__part *part, clf__group group, double value, double spread,
                    int rank, const int32_t *dim, const char *fmt, ...)
    __attribute__((format(printf, 8, 9)));
/* Adds `part`, a named view of `whole`: its numbers begin at `within` there. */
void clf__parts_view(clf__parts *p, clf__part *part, const clf__part *whole, int64_t within,
                     int rank, const int32_t *dim, const int32_t *stride, const char *fmt, ...)
    __attribute__((format(printf, 8, 9)));
/* Gives every part its place.  ENOMEM if one could not be added. */
clf_status clf__parts_place(clf__parts *p);
void clf__parts_free(clf__parts *p);

/* Numbers of w, c and d. */
int64_t clf__parts_weights(const clf__parts *p);
/* Initial values on the host, of all parts that lie in w or in c; NULL leaves a vector out. */
void clf__parts_init(const clf__parts *p, clf__host_random *r, double *w, double *c);
/* The named parts as parameters; with out = NULL only counts. */
int clf__parts_params(const clf__parts *p, const clf__vectors *v, clf_param *out);

/* The part in vectors; without a buffer if there is no such part, or no such vector. */
clf_tensor clf__part_of(const clf__vectors *v, const clf__part *part);

#endif
