/* SPDX-License-Identifier: MIT */
/* parts.h: the named parts of a layer's weights, for layers that have many: where each
 * lies in the flat vector, what it is called in a file, what it starts as.  Private.
 *
 * Parts are added in the order in which files list them and initial values are drawn.
 * In the vector they lie in three groups, each in one piece: weights, weights that L2
 * regularisation applies to, and state, which training moves but no gradient reaches. */
#ifndef CLF_PARTS_H
#define CLF_PARTS_H
#include "layer.h"

typedef enum clf__group { CLF_PLAIN, CLF_DECAYED, CLF_STATE, CLF_GROUPS } clf__group;

typedef struct clf__part {
  int64_t at;     /* of its first number among the layer's weights */
  int32_t dim[4]; /* dense, row-major */
  int rank;       /* 0: the layer has no such part */
} clf__part;

typedef struct clf__part_entry {
  char name[64];
  clf__part *part;
  clf__group group;
  double value, spread; /* starts uniform in value - spread .. value + spread */
} clf__part_entry;

typedef struct clf__parts {
  clf__part_entry *list;
  int count, room;
  int64_t size[CLF_GROUPS];
  int no_memory;
} clf__parts;

/* Adds `part`, which must stay where it is; its `at` is known after clf__parts_place(). */
void clf__parts_add(clf__parts *p, clf__part *part, clf__group group, double value, double spread,
                    int rank, const int32_t *dim, const char *fmt, ...)
    __attribute__((format(printf, 8, 9)));
/* Gives every part its place.  ENOMEM if one could not be added. */
clf_status clf__parts_place(clf__parts *p);
void clf__parts_free(clf__parts *p);

int64_t clf__parts_total(const clf__parts *p);
void clf__parts_init(const clf__parts *p, clf__host_random *r, double *weights);
/* As clf__layer_ops.params: `w` are the layer's weights. */
int clf__parts_params(const clf__parts *p, clf_tensor w, clf_param *out);

/* The part in a layer's weights or gradient; without a buffer if there is no such part. */
clf_tensor clf__part_of(clf_tensor flat, const clf__part *part);

#endif
