/* SPDX-License-Identifier: MIT */
/* train.h: maximum-likelihood training with Adam: minimises -mean log p over batches.
 *
 * The data are stored on the device, each epoch visits them in an order drawn from (seed, epoch),
 * and the losses of many steps are read back at once.  The same seed on the same device gives the
 * same bits, whether interrupted or not. */
#ifndef CLFLOW_TRAIN_H
#define CLFLOW_TRAIN_H
#include "clflow/data.h"
#include "clflow/density.h"
#include "clflow/flow.h"
#include "clflow/group.h"
#include "clflow/images.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the forward pass stores for the backward pass: all activations; or little more than the
 * output, so that memory does not grow with depth and a step takes longer.  nvp and nice then
 * rebuild inputs by the inverse; realnvp evaluates the net of each coupling a second time. */
typedef enum clf_activations {
  CLF_ACTIVATIONS_STORE,
  CLF_ACTIVATIONS_REVERSE,
  CLF_ACTIVATIONS_AUTO /* store if a batch fits, else reverse, and then in micro-batches if
                          necessary */
} clf_activations;

/* The value of an option that has no member of its own. */
typedef union clf_train_value {
  double real;   /* of options that are real numbers */
  int64_t whole; /* of counts, seeds and flags */
  int choice;    /* of options that are one of some words, from 0 */
} clf_train_value;

/* clflow/train_options.def describes each option, with its default and range.  Newer options
 * have no member: clf_train_options_set() sets any option by name.  Begin with one of the
 * defaults below; the struct may be copied. */
typedef struct clf_train_options {
  int64_t epochs;               /* in total, including those before a resume */
  int32_t batch;                /* samples per step */
  double lr, beta1, beta2, eps; /* Adam; Kingma and Ba 2015, algorithm 1 */
  int shuffle;                  /* 0: rows in their given order */
  double valid_split;           /* share of the rows used for validation, 0 <= p < 1; 0: none */
  int standardize;              /* 1: first fit the flow's scaling to the training rows */
  uint64_t seed;   /* for the order, the choice of validation rows, and random choices for images */
  int eps_hat;     /* 1: eps is added to sqrt(v) before its correction, as in TensorFlow */
  double l2;       /* for weights that decay (clf_param); not included in reported losses */
  double clip;     /* maximum gradient norm, L2 term included; 0: off */
  int flip;        /* images: 1 flips each horizontally at random */
  int32_t part;    /* samples on the device at once; 0: as many of a batch as fit.  A batch in
                      micro-batches gives the same step, except that batch normalisation uses the
                      statistics of each */
  uint64_t memory; /* bytes that training may use on the device; 0: all */
  int32_t drops;   /* steps in 100 that may be skipped because they are not finite */
  int activations; /* clf_activations */
  clf_train_value more[16]; /* further options, by name; 0 by default */
} clf_train_options;

/* The lecture's: 100 epochs, batch 100, Adam 1e-2, shuffled, no validation rows, no clip.  With
 * these a flow of more than a few units may diverge. */
CLF_API clf_train_options clf_train_options_default(void);
/* Those of `clflow train` for tables: columns standardised, a tenth of the rows for validation
 * every 50 steps, 4000 steps of 256 rows, Adam 2e-3 with warm-up and cosine decay, gradients
 * clipped. */
CLF_API clf_train_options clf_train_options_tables(void);
/* Those of the reference implementation of Dinh et al. 2017: batch 64, Adam 1e-3 with eps_hat,
 * l2 5e-5, clip 100; and 3 drops. */
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

/* Description of an option. */
typedef struct clf_train_option {
  const char *name; /* name for clf_train_options_set(); NULL after the last one */
  char option[64];  /* in `clflow train`: "--lr X" */
  char range[96];   /* "above 0 and below 1e6" */
  const char *standard, *tables, *images; /* defaults */
  const char *help;                       /* a phrase */
} clf_train_option;

/* The options, train_options.def: how many, and the i-th. */
CLF_API int clf_train_option_count(void);
CLF_API clf_train_option clf_train_option_at(int i);
/* The options as arguments of `clflow train`, "--epochs 3 --batch 50 ...": the usual ones, and
 * those that differ from clf_train_options_default(); without epochs if steps are set.  Options
 * that do not fit into `size` bytes are left out. */
CLF_API void clf_train_options_text(const clf_train_options *options, char *text, size_t size);

/* ---- Presets: architectures by name (clflow/presets.def) ------------------------ */

/* A named architecture with its training options. */
typedef struct clf_preset {
  const char *name, *text;                       /* text: a description */
  int32_t height, width, channels;               /* of its images; 0: any */
  int32_t scales, features, blocks, scale_first; /* of clf_flow_spec; features is its hidden */
  clf_crop crop;                                 /* of its images */
  int flip;                                      /* 1: training flips images */
  int32_t batch;                                 /* samples of a step */
  /* For presets with an architecture, for which the members above are 0; NULL for those of
   * realnvp: the architecture with variables, the values of these, and training options, as
   * "hidden=50, depth=5". */
  const char *arch, *values, *options;
} clf_preset;

/* The presets, presets.def: how many, and the i-th. */
CLF_API int clf_preset_count(void);
CLF_API const clf_preset *clf_preset_at(int i); /* NULL after the last one */
/* EINVAL lists the presets. */
CLF_API clf_status clf_preset_find(const char *name, const clf_preset **preset);
/* The architecture of a preset.  `values` override the preset's own and give what it lacks, as
 * "dim=6, hidden=64"; "context=3" adds a standardised context of dimension 3.  For presets of
 * realnvp they are height, width and channels, scales, hidden and blocks.
 * Errors: EINVAL (an unknown name, a value that is missing or does not fit), ENOMEM. */
CLF_API clf_status clf_preset_arch(const clf_preset *preset, const char *values, clf_arch **arch);
/* Sets the training options of a preset; others are unchanged.  For presets of realnvp these are
 * batch and flip. */
CLF_API clf_status clf_preset_options(const clf_preset *preset, clf_train_options *options);
/* The spec of one of realnvp's presets for images of this shape; seed 0. */
CLF_API clf_flow_spec clf_preset_spec(const clf_preset *preset, int32_t height, int32_t width,
                                      int32_t channels);

/* ---- Training ------------------------------------------------------------------- */

/* A training of a flow. */
typedef struct clf_trainer clf_trainer;

/* Checks the options and the data, and places both on the flow's device.  The flow and the table
 * must outlive the trainer; the table is not changed.  A flow without column names takes those
 * of the table.
 * Errors: EINVAL (names the option; column names that are not the flow's), ESHAPE (columns do
 * not fit the flow), ENUM (non-finite data, or data outside of a piecewise interval without
 * tails; a constant column with standardize), ENOTSUP (more elements than one buffer holds),
 * ENOMEM.  The flow is then unchanged. */
CLF_API clf_status clf_trainer_create(clf_flow *flow, const clf_table *data,
                                      const clf_train_options *options, clf_trainer **trainer);

/* Rows with context and weights, and validation rows.  All of it must remain valid as long as
 * the trainer. */
typedef struct clf_train_data {
  const clf_table *x;     /* (N, D) rows to train on */
  const clf_table *given; /* (N, C) the context of each row, in the same order; NULL: none */
  const double
      *weights; /* N, the weight of each row, at least 0; only ratios matter; NULL: all equal */
  /* Separate validation rows, instead of a share of x (options.valid_split is then 0), with
   * context and weights; NULL: none.  Columns of named tables are matched by name with those of
   * `x` and `given`: the order may differ, and additional columns are ignored. */
  const clf_table *valid;       /* (V, D) */
  const clf_table *valid_given; /* (V, C) */
  const double *valid_weights;  /* V */
  clf_more more[4];             /* 0 */
} clf_train_data;
/* As clf_trainer_create(), with context, weights and validation rows: minimises
 * -sum w log p(x given c) / sum w.  The log-likelihood of validation rows is a weighted mean too,
 * also for those that valid_split takes from x.
 * Errors: EINVAL (a context is missing or not expected, validation rows in addition to
 * valid_split, or one of their columns is missing); ESHAPE; ENUM names the row. */
CLF_API clf_status clf_trainer_create_with(clf_flow *flow, const clf_train_data *data,
                                           const clf_train_options *options, clf_trainer **trainer);
CLF_API void
clf_trainer_free(clf_trainer *trainer); /* Frees the trainer, not the flow.  NULL is a no-op. */

/* The same for a realnvp flow and images of its shape (rows of a table would have to be
 * continuous pixels already).  `valid` are separate validation images (options.valid_split is
 * then 0), or NULL.  A separate thread gathers batches while the device works.  The noise that
 * makes bytes continuous, and flips, are drawn from (seed, epoch, position in the epoch).  The
 * images must outlive the trainer. */
CLF_API clf_status clf_trainer_create_images(clf_flow *flow, const clf_images *images,
                                             const clf_images *valid,
                                             const clf_train_options *options,
                                             clf_trainer **trainer);

/* Images with a context.  All of it but this struct must remain valid as long as the trainer. */
typedef struct clf_image_data {
  const clf_images *images; /* to train on */
  const clf_table *given;   /* (N, C) the context of each image, in the same order; NULL: none */
  const clf_images *valid; /* separate validation images; NULL: options.valid_split of the others */
  const clf_table *valid_given; /* (V, C) */
  clf_more more[4];             /* 0 */
} clf_image_data;
/* As clf_trainer_create_images(), with a context, which is rounded to float on all devices.  The
 * labels of clf_images_labels() are one after clf_table_one_hot().  Errors: also EINVAL (a context
 * is missing or not expected), ESHAPE, ENUM names the row of a context. */
CLF_API clf_status clf_trainer_create_images_with(clf_flow *flow, const clf_image_data *data,
                                                  const clf_train_options *options,
                                                  clf_trainer **trainer);

/* Trains against a log-density instead of data: minimises the reverse Kullback-Leibler
 * divergence, the mean of log q(x) - log p~(x) over samples x of the flow, by its path gradient
 * (Roeder et al. 2017, "Sticking the Landing").  An epoch has options `samples` new samples
 * (default: 100 batches).  Losses are that mean; reports and the history call its negative mean
 * log p, a lower bound of log Z.  The divergence is mode-seeking: it ignores modes that the flow
 * does not sample; clf_importance() shows how well the flow covers what it does sample.  The
 * function of the density is called between steps, by the thread that runs the training.  A
 * sample with a non-finite log-density ends clf_trainer_run() with ENUM, and its number in the
 * step.  Layers with batch normalisation use their running statistics, which do not change.
 * Errors: EINVAL, ESHAPE (dimensions), ENOTSUP (a layer without a gradient through its inverse,
 * a base whose weights have no gradient through its samples, a context, discrete columns),
 * ENOMEM. */
CLF_API clf_status clf_trainer_create_density(clf_flow *flow, const clf_density *density,
                                              const clf_train_options *options,
                                              clf_trainer **trainer);

/* ---- Several devices --------------------------------------------------------------- */

/* Makes the trainer a member of a group, before its first run: each member has a trainer of its
 * own, on its own device, with equal options, equal data and an equal flow, and calls
 * clf_trainer_run(). That begins with a comparison: EMISMATCH names the first member that is about
 * to do another training than rank 0, and the difference.
 *
 * Each step's batch is cut into the grains of option `grains`, which must not be 0; each member
 * computes some of them.  All members end each step with the same weights, whose bits depend on
 * the number of grains, and not on how many members there are or which grains each computes; a
 * training of one device with this option gives them too, and so does a resume in another group.
 *
 * shares: what part of the grains each member computes, a number of at least 0 for each rank, of
 * which only ratios matter; NULL: equal parts, or by speed where a measurement of the first steps
 * shows that this is faster.  A training that continues on more members than it has grains leaves
 * some members without work.
 *
 * What a caller's report returns counts on rank 0 alone; clf_trainer_save() does nothing on others,
 * and on rank 0 it works between two runs, not during a report (EINVAL), when moments may be with
 * other members.
 * If a member's device fails, all members go back to their last common copy, and the training goes
 * on; if it cannot be mended, or a member is silent, all return an error.  The group must outlive
 * the trainer.
 * Errors: EINVAL (no grains; more members than grains as a training begins, or than rows in a
 * batch; shares), ENOMEM. */
CLF_API clf_status clf_trainer_set_group(clf_trainer *trainer, clf_group *group,
                                         const double *shares);
/* Option grains of this trainer. */
CLF_API int32_t clf_trainer_grains(const clf_trainer *trainer);
/* The grains that `clflow train` uses with this many members: the smallest power of two, from 2 on,
 * with which no member has more than 1.25 times its equal share: 2 for 2, 8 for 3, 4 for 4. */
CLF_API int32_t clf_train_grains_for(int32_t members);

/* Device memory in bytes, and the size of micro-batches. */
typedef struct clf_train_plan {
  uint64_t parameters;      /* weights and constants */
  uint64_t optimiser;       /* gradient, moments, and copies of weights to return to */
  uint64_t activations;     /* what a pass over `part` samples stores and uses */
  uint64_t data;            /* samples on the device */
  uint64_t total, limit;    /* kernels need some scratch memory in addition */
  int32_t batch, part;      /* samples of a step, and of a micro-batch */
  int way;                  /* CLF_ACTIVATIONS_STORE or _REVERSE */
  uint64_t stored, rebuilt; /* activations if stored, and if rebuilt; one of them is used */
  int batch_statistics;     /* 1: batch normalisation uses the statistics of each `part` */
} clf_train_plan;

/* What training would take, before anything but the flow is allocated.  rows: of the data on the
 * device; 0 if they stay on the host, as images do.  ENOMEM if not even a single sample fits. */
CLF_API clf_status clf_train_plan_of(const clf_flow *flow, const clf_train_options *options,
                                     int64_t rows, clf_train_plan *plan);
CLF_API clf_train_plan clf_trainer_plan(const clf_trainer *trainer);

/* Where a training stands, at a report. */
typedef struct clf_progress {
  int64_t epoch, epochs; /* the current or just completed one, from 1; in total */
  int64_t step, steps;   /* done; in total */
  int epoch_done;        /* 1 at the end of a round: an epoch, or options.valid_every steps, or the
                            training */
  const float *losses;   /* of the steps since the last report: -mean log p per batch, nats */
  int64_t first, count;  /* index of the first of them, from 0; number of them */
  double train;          /* mean log p over this round so far */
  double valid;          /* of the validation rows after this round; NaN: none or not yet */
  int averaged;     /* 1 if `valid` is that of the averaged weights, because it is the better one */
  int best;         /* 1 when `valid` is the best so far */
  double lr;        /* step size of the last step */
  double grad_norm; /* of the last step, before clipping; NaN if it is not computed */
  const char *dropped;   /* a sentence on steps that were skipped since the last report, or NULL */
  const char *stored;    /* a sentence on why activations are stored from now on, or NULL */
  const char *unbounded; /* a sentence on a density that grows without bound on the training data,
                            and the reason, or NULL; once per training on a table */
  const char *ended;     /* why training ends early with this report, or NULL */
  const char *recovered; /* a sentence on how a failed device was handled, or NULL */
  double rate;           /* samples per second since clf_trainer_run() began */
  double seconds, left;  /* elapsed, and estimated remaining time of this run */
} clf_progress;

/* Called at the end of each round and a few times per second; return non-zero to stop after the
 * current step.  During the call the trainer is exactly at `step`, with the last weights in the
 * flow: the flow may be used, and the trainer may be saved if it is in no group. */
typedef int (*clf_progress_fn)(const clf_progress *progress, void *context);

/* Trains until options.epochs or options.steps are done, or until `report` (may be NULL) asks to
 * stop: then ESTOPPED, and a later call continues from the last weights.
 *
 * A round is an epoch, or options.valid_every steps; the last one may be shorter.  However
 * training ends, the flow has the result so far, and clf_flow_history() says which weights these
 * are.  With validation rows they are those of the round with the best validation.  Without, they
 * are the last weights, unless these are much worse than the best round: mean log p over the
 * last round more than 1 nat (for images 0.5 bits/dim) below that over the best one.  Then they
 * are the weights at the end of the best round.  (The mean of a round is over its batches, while
 * the weights change.  An incomplete round counts once half of its rows were seen.) With
 * options.ema the averaged weights are validated too, and may be the best; without validation
 * rows they replace the last weights.  Their running statistics are those of the last step.
 * options.patience ends training early, with CLF_OK.
 *
 * A non-finite loss, once options.drops are used up, ends training with ENUM: the message names
 * the step, the layer, the weights that the flow has, and what may help.  The last weights are
 * then those of the last finite loss, which is reported for their epoch.  A device that fails, is
 * lost or runs out of memory does not end training: steps are repeated from the newest copy on
 * the host, on the same device, in smaller micro-batches, on the device reopened in place, or on
 * cpu in its place.  Anything else on a device that was reopened is lost, and refused from then
 * on.  EDEVICE or ENOMEM if all of this fails; another call tries again. */
CLF_API clf_status clf_trainer_run(clf_trainer *trainer, clf_progress_fn report, void *context);

/* Sets the flow's running statistics to the mean over all batches of the training data (each
 * batch once), with the current weights: for evaluation after a short training. */
CLF_API clf_status clf_trainer_recalibrate(clf_trainer *trainer);

/* Saves the result so far, as clf_trainer_run() would leave it, and everything needed to
 * continue: Adam's moments, the step, the options, the last and the best weights.  The flow is
 * unchanged. */
CLF_API clf_status clf_trainer_save(clf_trainer *trainer, const char *path);

/* Continues from a saved training; until it runs, the flow has the result in the file.  The flow
 * must have been loaded from the file; options and data must be those of the saved training
 * (except that `epochs` may be larger).  EFORMAT if the file has no training or a different one. */
CLF_API clf_status clf_trainer_resume(clf_trainer *trainer, const char *path);

/* Loads the options of a saved training.  EFORMAT if the file has none. */
CLF_API clf_status clf_train_options_load(const char *path, clf_train_options *options);

/* The use of each row of a table x, with its context (NULL: none), in the saved training: role
 * (rows) becomes CLF_ROW_TRAIN or CLF_ROW_VALID (fit.h).  *same is 0, and role is not set,
 * unless these are the rows of that training, with the flow's order of columns; rows with
 * weights are not recognised.  EFORMAT if the file has no training. */
CLF_API clf_status clf_train_parts(const char *path, const clf_table *x, const clf_table *given,
                                   uint8_t *role, int *same);

#ifdef __cplusplus
}
#endif
#endif
