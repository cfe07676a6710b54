/* SPDX-License-Identifier: MIT */
/* source.h: the training data.  Private.
 *
 * A source knows which samples are for validation, and brings those of a batch to the device: of a
 * table that is stored there, or of images that stay on the host. */
#ifndef CLF_SOURCE_H
#define CLF_SOURCE_H
#include "clflow/train.h"
#include "flow_private.h"
#include "table_rows.h"

/* Positions first .. first + n - 1 in the order of an epoch. */
typedef struct clf__positions {
  int64_t epoch, first;
  int32_t n;
} clf__positions;

typedef struct clf__source clf__source;

typedef struct clf__source_ops {
  /* Allocates memory on the device; run twice, like all code that allocates from an arena. */
  clf_status (*lay_out)(clf__source *s, clf_arena *a, int32_t part);
  /* (optional) Allocates host memory for micro-batches of this size, once. */
  clf_status (*start)(clf__source *s);
  /* (optional) Fills the memory on the device, and refills it after the device lost it. */
  clf_status (*fill)(clf__source *s);
  /* The samples at these positions, in the flow's units.  `next` are the positions that will be
   * requested next, if training continues. */
  clf_status (*batch)(clf__source *s, const clf__positions *at, const clf__positions *next,
                      clf_tensor *x);
  /* Mean log p of the validation rows. */
  clf_status (*validate)(clf__source *s, double *mean);
  void (*free)(clf__source *s);
} clf__source_ops;

struct clf__source {
  const clf__source_ops *ops;
  clf_flow *f;
  clf_train_options o;
  int64_t rows, held_out; /* rows for training; rows for validation */
  int64_t resident;       /* rows that are permanently on the device */
  uint64_t sum;           /* checksum of the data, to recognise them when a training resumes */
  double shift;           /* mean log-det of bounds that the host computes, of training rows */
  clf_tensor c, each;     /* of the last batch: context and weights; or no buffer */
  int apart;              /* 1: validation rows are separate data */
  int64_t *index;         /* rows of the data: validation rows first, then the others */
};

/* A table, which is stored on the device. */
typedef struct clf__table_source {
  clf__source base;
  clf__table_rows all, apart; /* the data; separate validation rows, if base.apart */
  double valid_shift;         /* as base.shift, for the validation rows */
  double *valid_weights;      /* of these, on the host; NULL: all 1 */
  /* (rows, D + C + 1), in the device's units: the data, the context and the weight, if present;
   * `valid` without weights; valid.buf NULL: none. */
  clf_tensor train, valid;
  clf_tensor shuffled; /* (part, as train): rows of a shuffled batch */
} clf__table_source;

/* Sets rows, held_out and index by options.valid_split, or refuses it. */
clf_status clf__source_split(clf__source *s, int64_t rows);
/* The same if all `rows` of the data are for training, and `valid` others for validation. */
clf_status clf__source_split_apart(clf__source *s, int64_t rows, int64_t valid);
/* Indices of the training rows, `rows` of them; NULL for images with separate validation images. */
const int64_t *clf__source_trained(const clf__source *s);

/* Means, then standard deviations of the training rows' columns; ENUM names a constant one, with
 * `what` before it. */
clf_status clf__source_moments(const clf__source *s, const clf_table *data, const char *what,
                               double *v);
/* Fits the scaling of the context, if the flow standardises it and has none yet. */
clf_status clf__source_fit_context(const clf__source *s, const clf_table *given);

/* Also fits the flow's scaling if options.standardize is set. */
clf_status clf__source_of_table(clf_flow *f, const clf_train_data *data, const clf_train_options *o,
                                clf__source **out);
/* The table of a source, in the units of the data; NULL for images. */
const clf_table *clf__source_data(const clf__source *s);
/* Whether its rows have weights. */
int clf__source_is_weighted(const clf__source *s);
/* For a table: its training rows on the device. */
clf_tensor clf__source_table(const clf__source *s);
/* For a table: n evenly spaced training rows; their context and weights are in s->c and s->each. */
clf_tensor clf__source_spread(clf__source *s, int32_t n);
clf_status clf__source_of_images(clf_flow *f, const clf_image_data *data,
                                 const clf_train_options *o, clf__source **out);
/* The density must outlive the source, but not the struct that describes it. */
clf_status clf__source_of_density(clf_flow *f, const clf_density *density,
                                  const clf_train_options *o, clf__source **out);
int clf__source_is_density(const clf__source *s);
/* The loss of latents z that count `weight` each, the first of them number `first` of their step,
 * and its gradient added to the flow's.  begins: 1 for the first micro-batch of a step.  ENUM names
 * a sample whose log-density is not finite. */
clf_status clf__density_step(clf__source *s, int64_t first, clf_tensor z, clf_tensor loss,
                             float weight, int begins);
void clf__source_free(clf__source *s); /* NULL is a no-op */

#endif
