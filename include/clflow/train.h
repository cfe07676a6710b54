/* SPDX-License-Identifier: MIT */
/* train.h: maximum likelihood by Adam: minimises -mean log p over batches.
 *
 * The data lie on the device, each epoch visits them in an order drawn from
 * (seed, epoch), and the losses of many steps are read back at once.  The same
 * seed on the same device gives the same bits, interrupted or not. */
#ifndef CLFLOW_TRAIN_H
#define CLFLOW_TRAIN_H
#include "clflow/data.h"
#include "clflow/density.h"
#include "clflow/flow.h"
#include "clflow/images.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What backward has of a pass: each coupling's activations; or little more than its output, so
 * that memory does not grow with depth and a step takes longer.  nvp and nice then rebuild
 * inputs by the inverse, realnvp evaluates each coupling's network again. */
typedef enum clf_activations {
  CLF_ACTIVATIONS_STORE,
  CLF_ACTIVATIONS_REVERSE,
  CLF_ACTIVATIONS_AUTO /* store if a batch fits, else reverse, and then in parts if need be */
} clf_activations;

/* The value of an option that has no member of its own. */
typedef union clf_train_value {
  double real;
  int64_t whole;
  int choice;
} clf_train_value;

/* clflow/train_options.def says what each option means, with its default and range.  Later options
 * have no member: clf_train_options_set() sets any option by its name.  Begin with one of the
 * defaults below; the struct may be copied. */
typedef struct clf_train_options {
  int64_t epochs;               /* in all, those before a resume included */
  int32_t batch;                /* samples a step */
  double lr, beta1, beta2, eps; /* Adam; Kingma and Ba 2015, algorithm 1 */
  int shuffle;                  /* 0: rows in their own order */
  double valid_split;           /* part of the rows held out, 0 <= p < 1; 0: none */
  int standardize;              /* 1: fit the flow's scaling to the training rows first */
  uint64_t seed;   /* of the order, of the validation rows, of what is drawn for images */
  int eps_hat;     /* 1: eps is added to sqrt(v) before its correction, as in TensorFlow */
  double l2;       /* of the weights that decay (clf_param); not in losses reported */
  double clip;     /* maximum gradient norm, L2 term included; 0: off */
  int flip;        /* images: 1 flips each horizontally at random */
  int32_t part;    /* samples on the device at once; 0: as many of a batch as fit.  A batch in
                      micro-batches gives the same step, except that batch normalisation
                      takes the statistics of each */
  uint64_t memory; /* bytes that training may take on the device; 0: what it has */
  int32_t drops;   /* steps in 100 that may be left out since they are not finite */
  int activations; /* clf_activations */
  clf_train_value more[16]; /* options by name; 0 by default */
} clf_train_options;

/* As the lecture: 100 epochs, batch 100, Adam 1e-2, shuffled, no validation rows, no clip.  With
 * these a flow of more than a few units may diverge. */
CLF_API clf_train_options clf_train_options_default(void);
/* As `clflow train` has them for tables: columns standardised, a tenth of the rows for validation
 * every 50 steps, 4000 steps of 256 rows, Adam 2e-3 falling along a cosine after a warm-up,
 * gradients clipped. */
CLF_API clf_train_options clf_train_options_tables(void);
/* As the reference implementation of Dinh et al. 2017: batch 64, Adam 1e-3 with eps_hat, l2 5e-5,
 * clip 100; and 3 drops. */
CLF_API clf_train_options clf_train_options_images(void);

/* Sets one option by its name: a number, "0" or "1" of a flag, a word of a choice ("cosine").
 * EINVAL: there is no such option (names the nearest), or the value is out of its range; the
 * options are then as they were. */
CLF_API clf_status clf_train_options_set(clf_train_options *options, const char *name,
                                         const char *value);
/* Reads one option by its name, as the text that clf_train_options_set() takes.  EINVAL: there is
 * no such option, or its text does not fit `size` bytes (64 always suffice). */
CLF_API clf_status clf_train_options_get(const clf_train_options *options, const char *name,
                                         char *value, size_t size);

/* One option, as text for people. */
typedef struct clf_train_option {
  const char *name; /* as clf_train_options_set() takes it; NULL beyond the last */
  char option[64];  /* of `clflow train`: "--lr X" */
  char range[96];   /* "above 0 and below 1e6" */
  const char *standard, *tables, *images; /* defaults */
  const char *help;                       /* a phrase */
} clf_train_option;

CLF_API int clf_train_option_count(void);
CLF_API clf_train_option clf_train_option_at(int i);
/* The options as `clflow train` takes them, "--epochs 3 --batch 50 ...": the usual ones, and those
 * that differ from clf_train_options_default(); without epochs where steps count.  What does not
 * fit `size` bytes is left out. */
CLF_API void clf_train_options_text(const clf_train_options *options, char *text, size_t size);

/* ---- Presets: architectures by name (clflow/presets.def) ------------------------ */

typedef struct clf_preset {
  const char *name, *text;         /* text: what it is, in words */
  int32_t height, width, channels; /* of its images; 0: any */
  int32_t scales, features, blocks, scale_first;
  clf_crop crop;
  int flip;
  int32_t batch;
  /* Of presets that are not realnvp's, of which the members above are 0; of those NULL: the
   * architecture with values left open, these values, and options of training, as "hidden=50,
   * depth=5". */
  const char *arch, *values, *options;
} clf_preset;

CLF_API int clf_preset_count(void);
CLF_API const clf_preset *clf_preset_at(int i); /* NULL beyond the last */
/* EINVAL lists those that there are. */
CLF_API clf_status clf_preset_find(const char *name, const clf_preset **preset);
/* The architecture of a preset.  `values` replace the preset's own and give what it lacks, as
 * "dim=6, hidden=64"; "context=3" adds a context of three numbers, standardised.  Of realnvp's
 * presets they are height, width and channels, scales, hidden and blocks.
 * Errors: EINVAL (a name that the preset has not, a value that is missing or does not fit), ENOMEM.
 */
CLF_API clf_status clf_preset_arch(const clf_preset *preset, const char *values, clf_arch **arch);
/* Sets the options of training that a preset has; the others stay.  Of realnvp's presets these are
 * batch and flip. */
CLF_API clf_status clf_preset_options(const clf_preset *preset, clf_train_options *options);
/* The flow of one of realnvp's presets for images of this shape; seed 0. */
CLF_API clf_flow_spec clf_preset_spec(const clf_preset *preset, int32_t height, int32_t width,
                                      int32_t channels);

/* ---- Training ------------------------------------------------------------------- */

typedef struct clf_trainer clf_trainer;

/* Checks the options and the data, places both on the flow's device.  The flow
 * and the table must outlive the trainer; the table is not changed.  A flow without column
 * names takes those of the table.
 * Errors: EINVAL (names the option; column names that are not the flow's), ESHAPE (columns do not
 * fit the flow), ENUM (data not finite, or outside a piecewise interval without tails; a constant
 * column with standardize), ENOTSUP (more numbers than one buffer holds), ENOMEM.
 * The flow is then as it was. */
CLF_API clf_status clf_trainer_create(clf_flow *flow, const clf_table *data,
                                      const clf_train_options *options, clf_trainer **trainer);

/* Rows with their context and what each counts, and validation rows.  All of it must stay valid as
 * long as the trainer. */
typedef struct clf_train_data {
  const clf_table *x;     /* (N, D) rows to train on */
  const clf_table *given; /* (N, C) the context of each row, in the same order; NULL: none */
  const double
      *weights; /* N, what each row counts, 0 or above; only ratios matter; NULL: all the same */
  /* Validation rows of their own in place of a part of x (options.valid_split is then 0), with
   * their context and weights; NULL: none.  Columns of named tables are matched by name to those of
   * `x` and `given`: the order may differ, and further columns are left out. */
  const clf_table *valid;       /* (V, D) */
  const clf_table *valid_given; /* (V, C) */
  const double *valid_weights;  /* V */
} clf_train_data;
/* As clf_trainer_create(), with context, weights and validation rows: minimises
 * -sum w log p(x given c) / sum w.  The log-likelihood of validation rows is their weighted mean
 * too, also of those that valid_split takes from x.
 * Errors: EINVAL if there is no context where the flow takes one, or the reverse, validation rows
 * beside valid_split, or one of their columns missing; ESHAPE; ENUM names the row. */
CLF_API clf_status clf_trainer_create_with(clf_flow *flow, const clf_train_data *data,
                                           const clf_train_options *options, clf_trainer **trainer);
CLF_API void clf_trainer_free(clf_trainer *trainer); /* NULL is a no-op; the flow stays */

/* The same for a realnvp flow and images of its shape (a table's rows would have to be
 * continuous pixels already).  `valid` are images held out instead of a part of the others
 * (options.valid_split is then 0), or NULL.  Batches are gathered by a thread of
 * its own while the device works; noise that makes bytes continuous, and mirroring, are drawn
 * from (seed, epoch, place in the epoch).  The images must outlive the trainer. */
CLF_API clf_status clf_trainer_create_images(clf_flow *flow, const clf_images *images,
                                             const clf_images *valid,
                                             const clf_train_options *options,
                                             clf_trainer **trainer);

/* Trains against a log-density in place of data: minimises the reverse Kullback-Leibler divergence,
 * the mean of log q(x) - log p~(x) over samples x of the flow, by its path gradient (Roeder et al.
 * 2017, "Sticking the Landing").  An epoch is options `samples` (100 batches by default) new
 * samples; losses are that mean, and what reports and the history call mean log p is its negative,
 * a lower bound of log Z.  The divergence is mode-seeking: modes that the flow does not sample have
 * no part in it; clf_importance() shows how well the flow covers what it does sample. The density's
 * function is called between steps, from the thread that runs the training.  A sample whose
 * log-density is not finite ends clf_trainer_run() with ENUM and its number in the step. Errors:
 * EINVAL, ESHAPE (dimensions), ENOTSUP (a layer without a gradient through its inverse, a base
 * whose weights have none through its samples, a context, discrete columns), ENOMEM.  Layers that
 * normalise batches use their running statistics, which stay as they are. */
CLF_API clf_status clf_trainer_create_density(clf_flow *flow, const clf_density *density,
                                              const clf_train_options *options,
                                              clf_trainer **trainer);

/* Memory on the device, in bytes, and in how many samples a batch is taken at once. */
typedef struct clf_train_plan {
  uint64_t parameters;   /* weights and constants */
  uint64_t optimiser;    /* gradient, moments, what is kept to go back to */
  uint64_t activations;  /* what a pass over `part` samples keeps and works in */
  uint64_t data;         /* samples on the device */
  uint64_t total, limit; /* kernels need some scratch memory besides */
  int32_t batch, part;
  int way;                  /* CLF_ACTIVATIONS_STORE or _REVERSE */
  uint64_t stored, rebuilt; /* activations in either way, the one of which is taken */
  int batch_statistics;     /* 1: batch normalisation takes the statistics of each `part` */
} clf_train_plan;

/* What training would take, before anything but the flow is allocated; rows: of the data, 0
 * where they stay on the host, as images do.  ENOMEM if not even one sample at a time fits. */
CLF_API clf_status clf_train_plan_of(const clf_flow *flow, const clf_train_options *options,
                                     int64_t rows, clf_train_plan *plan);
CLF_API clf_train_plan clf_trainer_plan(const clf_trainer *trainer);

typedef struct clf_progress {
  int64_t epoch, epochs; /* the one under way or just ended, from 1; in all */
  int64_t step, steps;   /* done, in all */
  int epoch_done;        /* 1 when this report ends a round: an epoch, or options.valid_every steps,
                            or the training */
  const float *losses;   /* of the steps since the last report, -mean log p a batch, nats */
  int64_t first, count;  /* index of the first of them, from 0, and how many */
  double train;          /* mean log p over this round so far */
  double valid;          /* of the validation rows after this round; NaN: none or not yet */
  int averaged;          /* 1 when `valid` is that of the averaged weights, being the better one */
  int best;              /* 1 when `valid` is the best so far */
  double lr;             /* step size of the last step */
  double grad_norm;      /* of the last step, before clipping; NaN where it is not computed */
  const char *dropped;   /* a sentence on steps left out since the last report, or NULL */
  const char *stored;    /* a sentence on why activations are stored from now on, or NULL */
  const char *unbounded; /* a sentence on a density that grows beyond what the data leave room for,
                            and on why, or NULL: once in a training on a table */
  const char *ended;     /* why training ends with this report, before its last step, or NULL */
  const char *recovered; /* a sentence on what was done about a device that failed, or NULL */
  double rate;           /* samples a second since clf_trainer_run() began */
  double seconds, left;  /* spent, and estimated to go, of this run */
} clf_progress;

/* Called at the end of each round and a few times a second; return non-zero to stop.  During a call
 * the trainer is exactly at `step`, with the last weights in the flow: it may be saved, and the
 * flow used.  Training stops there if asked to, and takes no further step. */
typedef int (*clf_progress_fn)(const clf_progress *progress, void *context);

/* Trains until options.epochs or options.steps are done, or `report` (may be NULL) asks to stop:
 * ESTOPPED then, and a later call goes on from the last weights.
 *
 * A round is an epoch, or with options.valid_every so many steps; the last one may be shorter.
 * However training ends, the flow has the result so far, and clf_flow_history() says which weights
 * these are.  With validation rows they are those at the end of the round that was best on them.
 * Without, they are the last ones, unless these are much worse than those of the best round: mean
 * log p over the last round more than 1 nat (for images 0.5 bits/dim) below that over the best one.
 * Then they are the weights at the end of that round.  (The mean of a round is over its batches, as
 * the weights changed.  A round that did not end counts once half of its rows were seen.)
 * With options.ema the average of the weights is judged by the validation rows as well, and may be
 * the best; without validation rows the average takes the place of the last weights.  Its running
 * statistics are those of the last step.  Options.patience ends training early, with CLF_OK.
 *
 * A loss that is not finite, once options.drops are used up, ends it with ENUM: the message
 * names the step, the layer, the weights that the flow has, and what may help.  The last weights
 * are then the last ones whose loss was finite, and that loss stands for their epoch's.
 * A device that fails, is lost or out of memory does not end it: steps are taken again from the
 * newest copy on the host, on the device as it was, in smaller parts, on the device opened anew
 * in place, or on cpu in its place; what else lies on a device that was opened anew is lost, and
 * refused from then on.  EDEVICE or ENOMEM when nothing of it helps; another call tries again. */
CLF_API clf_status clf_trainer_run(clf_trainer *trainer, clf_progress_fn report, void *context);

/* Makes the flow's running statistics the mean over all batches of the training data (each
 * batch counted once), with the weights as they are: for evaluation after a short training. */
CLF_API clf_status clf_trainer_recalibrate(clf_trainer *trainer);

/* Saves the result so far, as clf_trainer_run() would leave it, and all that is needed to go on:
 * Adam's moments, the step, the options, the last and the best weights.  The flow stays as it is.
 */
CLF_API clf_status clf_trainer_save(clf_trainer *trainer, const char *path);

/* Takes up where the file left off; until it runs, the flow has the file's result.  The flow must
 * be one that was loaded from it; options and data must be those that the training began with (a
 * larger `epochs` is how to go on).  EFORMAT if the file holds no training or another one. */
CLF_API clf_status clf_trainer_resume(clf_trainer *trainer, const char *path);

/* The options that a saved training began with.  EFORMAT if it holds none. */
CLF_API clf_status clf_train_options_load(const char *path, clf_train_options *options);

/* What each row of a table x, with its context (NULL: none), served for in the training that a file
 * holds: part (rows) becomes CLF_ROW_TRAIN or CLF_ROW_VALID (fit.h).  *same is 0, and part not set,
 * unless these are the rows that it was trained on, in the flow's order of columns; rows with
 * weights are not recognised.  EFORMAT if the file holds no training. */
CLF_API clf_status clf_train_parts(const char *path, const clf_table *x, const clf_table *given,
                                   uint8_t *part, int *same);

#ifdef __cplusplus
}
#endif
#endif
