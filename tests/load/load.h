/* SPDX-License-Identifier: MIT */
/* load.h: what tests of checkpoints share: a good one, and a bad one, in which one thing is not as
 * it should be though the checksum is right. */
#ifndef CLF_LOAD_H
#define CLF_LOAD_H
#include "clflow/clflow.h"
#include "safetensors_format.h"
#include "suite.h"

extern char folder[];
extern char good[64], bad[64];
extern clf_device *dev; /* cpu */
extern clf_table moons; /* what the training in `good` learns; empty where it holds a flow alone */

enum { KINDS = 3 };
extern const clf_kind kinds[KINDS];
extern double held_out; /* part of the rows of `good` */

/* The tests of a file. */
void tests_of_numbers(TCase *c);
void tests_of_tensors(TCase *c);
void tests_of_state_dicts(TCase *c);
void tests_of_saving(TCase *c);

/* One thing in the place of another, or an additional one: metadata `key` (value NULL: it is
 * gone); or tensor `key` in `rank` dimensions (-1: it is gone), all of it `fill`. */
typedef struct change {
  const char *key, *value;
  int tensor, rank;
  int64_t dim[4];
  double fill;
} change;

clf_flow_spec spec_of(clf_kind kind);
clf_train_options options(void);
/* A training of two epochs, or of image flows, which need images for one, the flow alone. */
void write_good(clf_kind kind);
void remove_files(void);

/* `good` with a change, as `bad`; and as a state_dict, which has tensors alone. */
void rewrite(const change *c);
void strip(const change *c);

/* A flow from `bad`, and a training that goes on with it where there is one, as far as that is
 * possible: the first refusal. */
clf_status load_and_resume(void);
/* EFORMAT in a sentence that has the file at its beginning, and only there, and names `what`. */
void is_refused(const char *what, const char *how);

#endif
