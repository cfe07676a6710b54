/* SPDX-License-Identifier: MIT */
/* load.h: shared by the tests of checkpoints: a good one, and a bad one with a single defect and a
 * correct checksum. */
#ifndef CLF_LOAD_H
#define CLF_LOAD_H
#include "clflow/clflow.h"
#include "safetensors_format.h"
#include "suite.h"

extern char folder[];
extern char good[64], bad[64];
extern clf_device *dev; /* cpu */
extern clf_table moons; /* the data of the training in `good`; empty if it only has a flow */

enum { KINDS = 3 };
extern const clf_kind kinds[KINDS];
extern double held_out; /* some of the rows of `good` */

/* The tests of a file. */
void tests_of_numbers(TCase *c);
void tests_of_tensors(TCase *c);
void tests_of_state_dicts(TCase *c);
void tests_of_saving(TCase *c);

/* A defect: metadata `key` gets `value` (NULL: it is removed), or tensor `key` gets `rank`
 * dimensions (-1: it is removed) and is filled with `fill`. */
typedef struct change {
  const char *key, *value;
  int tensor, rank;
  int64_t dim[4];
  double fill;
} change;

clf_flow_spec spec_of(clf_kind kind);
clf_train_options options(void);
/* Writes a training of two epochs; for image flows, whose training needs images, only the flow. */
void write_good(clf_kind kind);
void remove_files(void);

/* Writes `good` with a change as `bad`; or as a state_dict, which only has tensors. */
void rewrite(const change *c);
void strip(const change *c);

/* Loads a flow from `bad` and resumes its training, if there is one; returns the first error. */
clf_status load_and_resume(void);
/* Expects EFORMAT with a message that begins with the file, has it once, and names `what`. */
void is_refused(const char *what, const char *how);

#endif
