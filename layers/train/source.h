/* SPDX-License-Identifier: MIT */
/* source.h: what a trainer learns from.  Private.
 *
 * A source knows which samples are held out, and brings those of a batch onto the device:
 * of a table that lies there whole, or of images that stay on the host. */
#ifndef CLF_SOURCE_H
#define CLF_SOURCE_H
#include "clflow/train.h"
#include "flow_private.h"
#include "table_rows.h"

/* Places first .. first + n - 1 in the order of an epoch. */
typedef struct clf__places {
  int64_t epoch, first;
  int32_t n;
} clf__places;

typedef struct clf__source clf__source;

typedef struct clf__source_ops {
  /* Lays out what lies on the device; run twice, like all that does. */
  clf_status (*lay_out)(clf__source *s, clf_arena *a, int32_t part);
  /* (optional) Host memory for parts of the size that was laid out, once. */
  clf_status (*start)(clf__source *s);
  /* (optional) Fills what was laid out, again if the device lost it. */
  clf_status (*fill)(clf__source *s);
  /* The samples at these places, in the flow's units.  `next` is what will be asked for
   * after them, if all goes on. */
  clf_status (*batch)(clf__source *s, const clf__places *at, const clf__places *next,
                      clf_tensor *x);
  /* Mean log p of the rows held out. */
  clf_status (*validate)(clf__source *s, double *mean);
  void (*free)(clf__source *s);
} clf__source_ops;

struct clf__source {
  const clf__source_ops *ops;
  clf_flow *f;
  clf_train_options o;
  int64_t rows, held_out; /* to train on; apart from them */
  int64_t resident;       /* rows that lie on the device all the time */
  uint64_t sum;           /* of the data: tells whether a resume has the same */
  double shift;           /* mean log-det of bounds that the host computes, of rows to train on */
  clf_tensor c, each;     /* of the last batch: context, and what its samples count; or no buffer */
  int apart;              /* 1: those held out are no rows of the data */
  int64_t *index;         /* rows of the data: those held out first, then the others */
};

/* Of a table, which lies on the device whole. */
typedef struct clf__table_source {
  clf__source base;
  clf__table_rows all, apart; /* the data; validation rows of their own, if base.apart */
  double valid_shift;         /* as base.shift, of the validation rows */
  double *valid_weights;      /* of these, on the host; NULL: 1 each */
  /* (rows, D + C + 1), in the device's units: the data, the context, the weight where there are
   * such; `valid` without weights; valid.buf NULL: none. */
  clf_tensor train, valid;
  clf_tensor shuffled; /* (part, as train): rows of a shuffled batch */
} clf__table_source;

/* Sets rows, held_out and index by options.valid_split, or refuses it. */
clf_status clf__source_split(clf__source *s, int64_t rows);
/* The same where all `rows` of the data are trained on, and `valid` others are for validation. */
clf_status clf__source_split_apart(clf__source *s, int64_t rows, int64_t valid);
/* Numbers of the rows to train on, `rows` of them; NULL of images with others for validation. */
const int64_t *clf__source_trained(const clf__source *s);

/* The flow's scaling is fitted here, where options.standardize asks for it. */
clf_status clf__source_of_table(clf_flow *f, const clf_train_data *data, const clf_train_options *o,
                                clf__source **out);
/* The table that a source is of, in the data's units; NULL: it is of images. */
const clf_table *clf__source_data(const clf__source *s);
/* Whether its rows count differently. */
int clf__source_is_weighted(const clf__source *s);
/* Of a source that is a table: its rows to train on, on the device. */
clf_tensor clf__source_table(const clf__source *s);
/* Of such a source: n of its rows to train on, evenly spaced; their context and weights are in s->c
 * and s->each. */
clf_tensor clf__source_spread(clf__source *s, int32_t n);
clf_status clf__source_of_images(clf_flow *f, const clf_images *images, const clf_images *valid,
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
