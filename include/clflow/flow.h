/* SPDX-License-Identifier: MIT */
/* flow.h: flows: invertible maps f from data x to latents z ~ N(0, I), with
 *   log p(x) = log N(f(x); 0, I) + log |det df/dx|         (nats)
 *
 * Host arrays here are double, row-major, one sample per row, in the units of the data: a flow
 * that was trained on standardised data stores the scaling and applies it itself.  Rows are
 * processed in chunks, so n may be large.  A non-finite number in the input is refused (ENUM)
 * with its row and column, both counted from 1; so is a row with a non-finite
 * result.  The exception is log p of a finite row, which is always defined: -inf where the
 * density is zero. */
#ifndef CLFLOW_FLOW_H
#define CLFLOW_FLOW_H
#include "clflow/arch.h"
#include "clflow/core.h"
#include "clflow/images.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds of flow. All but the last are described by a clf_flow_spec. */
typedef enum clf_kind {
  CLF_NVP,       /* affine couplings: the lecture's NVPNet; Dinh et al. 2017 */
  CLF_NICE,      /* additive couplings, then a diagonal scaling; Dinh et al. 2015 */
  CLF_PIECEWISE, /* the lecture's PiecewiseLinear, one-dimensional */
  CLF_REALNVP,   /* images: convolutional, multi-scale; Dinh et al. 2017, sections 3.4 to 3.7 */
  CLF_COMPOSED /* any other composition: see clf_flow_arch(); of its spec only `dim`, `seed` and the
                  size of images are used */
} clf_kind;

/* Details of a realnvp flow in which sources differ; all zero: the reference implementation of
 * the paper. */
typedef struct clf_realnvp_variant {
  int32_t scale_first; /* couplings: 0 y = (x + t) exp(s); 1 y = x exp(s) + t: paper, lecture */
  int32_t odd_first;   /* the first coupling leaves unchanged 0: pixels with even h + w; 1: odd, as
                          the paper's text */
  int32_t
      paper_logit; /* pixels p / levels: 0 to alpha + (1 - 2 alpha) p; 1: alpha + (1 - alpha) p */
  int32_t no_norm; /* 1: no batch normalisation; each coupling then has scale_shift */
  double
      bn_rho; /* weight of the running statistics while training: 0, or the paper's rho in 0 .. 1 */
} clf_realnvp_variant;

/* Everything that defines a flow of the four kinds above, except its weights.  It does not grow:
 * new flows are architectures (arch.h), whose members have names. */
typedef struct clf_flow_spec {
  clf_kind kind;  /* decides which of the other members count */
  int32_t dim;    /* D, of x and z; 1 for piecewise */
  int32_t hidden; /* H, hidden units of each coupling's net (nvp, nice); features of the nets at the
                     first scale, doubled at each next scale (realnvp) */
  int32_t depth;  /* number of couplings (nvp, nice) */
  double s_max;   /* nvp: bound on |log-scale|, s = s_max tanh(h / s_max); 0: none */
  int32_t bins;   /* piecewise: number of linear pieces */
  double xmin, xmax; /* piecewise: the interval that is divided, after the flow's scaling */
  int32_t tails; /* piecewise: 1 continues the outer pieces beyond the interval; 0, as the lecture:
                    constant there, log f' = -inf, refused */
  uint64_t seed; /* for masks and initial weights */
  /* realnvp; x and z are images H x W x C, with the channel as the fastest index, pixels in 0 ..
   * levels */
  int32_t height, width, channels; /* dim = height width channels */
  int32_t scales;                  /* height and width are multiples of 2^(scales - 1) */
  int32_t blocks;                  /* residual blocks of each coupling's net */
  int32_t levels;                  /* number of pixel values: 256 for bytes */
  double alpha;                    /* for the logit: 0 < alpha < 0.5 */
  clf_realnvp_variant variant;     /* where the sources differ */
} clf_flow_spec;

/* Defaults of the lecture: hidden 2, depth 4, no bound (`clflow train` sets one); piecewise: 100
 * bins over -4 .. 4; realnvp: 3 scales, hidden 32, 4 blocks, for 28 x 28 x 1 images whatever
 * `dim`. */
CLF_API clf_flow_spec clf_flow_spec_default(clf_kind kind, int32_t dim);
/* The number of trainable weights of such a flow, without creating it; 0 for an invalid spec. */
CLF_API int64_t clf_flow_spec_weights(const clf_flow_spec *spec);
/* The same flow as an architecture.  Errors: EINVAL for an invalid spec, ENOMEM. */
CLF_API clf_status clf_arch_of_spec(const clf_flow_spec *spec, clf_arch **arch);
CLF_API const char *
clf_kind_name(clf_kind kind); /* "nvp", "nice", "piecewise", "realnvp", "composed" */

/* A flow on a device, with its weights. */
typedef struct clf_flow clf_flow;

/* Creates a flow with initial weights drawn as by the lecture's PyTorch code.
 * Errors: EINVAL names the member of spec that is out of range; ENOMEM. */
CLF_API clf_status clf_flow_create(clf_device *dev, const clf_flow_spec *spec, clf_flow **flow);
/* Creates a flow of any architecture; masks, permutations and initial weights follow from the seed.
 * Errors: EINVAL names the layer that does not fit, and why; ENOMEM. */
CLF_API clf_status clf_flow_create_arch(clf_device *dev, const clf_arch *arch, uint64_t seed,
                                        clf_flow **flow);
/* A mixture of flows, p(x) = sum over k of w_k p_k(x), as a flow of its own with copies of their
 * weights: its base is a `blend` (docs/architecture.md), w_k = weights[k] / sum of weights, equal
 * if `weights` is NULL.  `count` flows of the same columns on one device.  They must begin with the
 * same layers on the host (bounds, standardisation), with the same numbers, as flows have that were
 * trained on the same rows.  Names, grids and descriptions of columns are flow 0's.
 * Errors: EINVAL, ESHAPE (names the flow and the difference), ENOTSUP (flows of images; a context
 * with trained layers), ENOMEM. */
CLF_API clf_status clf_flow_blend(clf_flow *const *flows, const double *weights, int32_t count,
                                  clf_flow **blend);
CLF_API void clf_flow_free(clf_flow *flow); /* NULL is a no-op */

/* What the flow was made of, and its device; both belong to the flow. */
CLF_API const clf_flow_spec *clf_flow_get_spec(const clf_flow *flow);
CLF_API clf_device *clf_flow_device(const clf_flow *flow);
/* The architecture of a composed flow, which owns it; NULL for the other kinds. */
CLF_API const clf_arch *clf_flow_arch(const clf_flow *flow);
/* Dimension of the context of each sample; 0: none. */
CLF_API int32_t clf_flow_context(const clf_flow *flow);

/* Standardisation: f is applied to (x - mean) / std; D numbers each, std > 0.
 * clf_flow_scaling() returns 1 and sets both pointers if the flow has a scaling. */
CLF_API clf_status clf_flow_set_scaling(clf_flow *flow, const double *mean, const double *std);
CLF_API int clf_flow_scaling(const clf_flow *flow, const double **mean, const double **std);
/* 1 if the scale of the data does not matter to the flow: its architecture standardises them, or
 * begins with a bounding layer (logit, log, softplus). */
CLF_API int clf_flow_is_scaled(const clf_flow *flow);

/* Sets the grids of discrete columns, and limits of continuous ones: one for each of the D columns,
 * copied, all zero for a column with neither; NULL removes them.  Single values have no density, so
 * training adds noise to discrete columns before the scaling: uniform over one step around each
 * value, as a function of (seed, row, column).  Samples, and results of clf_invert(), are rounded
 * to the grid and stay within first .. last; beyond the limits of a continuous column they are
 * reflected there.  log p and f(x) are evaluated at x as given; on the grid, which is the middle of
 * a cell, log p + log(step) approximates the log-probability of the value.  Grids and limits are
 * saved with the flow.
 * Errors: EINVAL (an invalid grid, limits that are not finite or in order), ENOMEM. */
CLF_API clf_status clf_flow_set_grid(clf_flow *flow, const clf_column_grid *grid);
/* The grids, owned by the flow and valid until they are set again; NULL: all columns are
 * continuous and have no limits. */
CLF_API const clf_column_grid *clf_flow_grid(const clf_flow *flow);
/* Removes the limits, but not the grids.  Samples have the flow's density then: importance sampling
 * needs such samples, and clf_importance() draws them.  Errors: ENOMEM. */
CLF_API clf_status clf_flow_remove_limits(clf_flow *flow);

/* Sets the names of the D columns of the data, in the order of the flow, copied; NULL removes
 * them.  They are saved with the flow; calls on plain arrays ignore them.  clf_trainer_create()
 * sets those of its table, and clf_table_match() (data.h) brings a table into this order.
 * Errors: EINVAL (a name that is empty, duplicate, longer than 1024 bytes, not UTF-8 or has
 * control characters), ENOMEM; the names are then unchanged. */
CLF_API clf_status clf_flow_set_columns(clf_flow *flow, char *const *names);
/* The names, owned by the flow and valid until they are set again; NULL: none. */
CLF_API char *const *clf_flow_columns(const clf_flow *flow);
/* The same for the C columns of the context, which clf_trainer_create_with() sets; removes what
 * clf_flow_set_context_table() set. */
CLF_API clf_status clf_flow_set_context_columns(clf_flow *flow, char *const *names);
CLF_API char *const *clf_flow_context_columns(const clf_flow *flow);

/* Sets descriptions of the D columns (docs/tables.md), copied; NULL removes them.  They are
 * saved with the flow; calls on plain arrays ignore them and take codes instead of labels.
 * clf_trainer_create() sets those of its table, if it has any.
 * Errors: EINVAL (an invalid description), ENOMEM; the descriptions are then unchanged. */
CLF_API clf_status clf_flow_set_kinds(clf_flow *flow, const clf_column *kinds);
/* The descriptions, owned by the flow and valid until they are set again; NULL: none. */
CLF_API const clf_column *clf_flow_kinds(const clf_flow *flow);
/* Sets names and descriptions of the table columns that clf_table_one_hot() turns into the
 * context, copied.  They determine the names of the C columns of the context.
 * Errors: EINVAL (they give another number of columns than C, or have no names), ENOMEM. */
CLF_API clf_status clf_flow_set_context_table(clf_flow *flow, const clf_columns *columns);
/* Owned by the flow; NULL: the context consists of plain columns. */
CLF_API const clf_columns *clf_flow_context_table(const clf_flow *flow);
/* Copies the names and descriptions of the D columns and, with `context`, of the context's table
 * after them, as clf_table_options.like takes them.  Columns without descriptions are plain
 * numbers.  There are no names if the flow has none, or if the context is requested and has
 * none.  Errors: ENOMEM. */
CLF_API clf_status clf_flow_table_columns(const clf_flow *flow, int context, clf_columns *columns);

/* A context that stands for every row of calls which are given none: that of an observation whose
 * posterior the flow is.  C finite numbers, copied and saved with the flow; NULL removes it. */
CLF_API clf_status clf_flow_set_observation(clf_flow *flow, const double *c);
/* They, owned by the flow and valid until they are set again; NULL: it has none. */
CLF_API const double *clf_flow_observation(const clf_flow *flow);

/* The order of arrays of images that interfaces with arrays, such as the Python package and .npy
 * files of the program, take where the shape fits both orders, and give back; AUTO (the default):
 * as they like.  It is saved with the flow; clf_import() sets NCHW.  Calls of this header ignore
 * it: their rows have the channel as the fastest index (clf_image_reorder(), data.h). Errors:
 * EINVAL (a flow of rows). */
CLF_API clf_status clf_flow_set_image_order(clf_flow *flow, clf_image_order order);
CLF_API clf_image_order clf_flow_image_order(const clf_flow *flow);
/* The same of a model file, without its weights, and the shape of its images: height, width,
 * channels, or zeros for a flow of rows and for a plain state_dict.  Errors: as clf_flow_load(). */
CLF_API clf_status clf_model_images(const char *path, int32_t shape[3], clf_image_order *order);

/* ---- Parameters -------------------------------------------------------- */

/* A tensor of a flow: weights, constants or state. */
typedef struct clf_param {
  char name[64];     /* as in the state_dict of the lecture's module: "layers.0.map_s.0.weight" */
  int rank;          /* 1 to 4 */
  int16_t trainable; /* 0 for masks and running statistics */
  int16_t decays;    /* 1: the training option l2 applies */
  clf_tensor at;     /* its first `rank` dimensions are used; read and write it with clf_read() and
                        clf_write() */
} clf_param;

/* How many parameters there are, and the i-th, in the order of files. */
CLF_API int clf_flow_param_count(const clf_flow *flow);
CLF_API clf_param clf_flow_param(const clf_flow *flow, int i);
CLF_API int64_t clf_flow_weight_count(const clf_flow *flow); /* number of trainable weights */

/* ---- Use --------------------------------------------------------------- */

/* How many rows an evaluation takes at once.  Pieces of a whole number of these give the same bits
 * as all rows together, on any device of the same kind. */
CLF_API int64_t clf_flow_chunk(const clf_flow *flow);

/* log p(x) of each of n samples: x (n, D), logp (n), in nats.  It is -inf outside of the flow's
 * support (a piecewise flow without tails, pixels of a realnvp flow), and for rows so far out
 * that the flow overflows; other rows are not affected. */
CLF_API clf_status clf_log_prob(clf_flow *flow, const double *x, int64_t n, double *logp);

/* For callers that cannot use a density of zero: ENUM if one of n log-densities from
 * clf_log_prob() for x is -inf; the message names the row, the column and the value. */
CLF_API clf_status clf_require_density(const clf_flow *flow, const double *x, int64_t n,
                                       const double *logp);

/* Sets the number of the first row in messages (0 by default), for callers that pass a table in
 * pieces. */
CLF_API void clf_flow_set_first_row(clf_flow *flow, int64_t first);

/* z = f(x), and log |det df/dx| of each sample unless `logdet` is NULL.  Rows outside of the
 * flow's support, and rows at which the flow overflows, are refused (ENUM). */
CLF_API clf_status clf_transform(clf_flow *flow, const double *x, int64_t n, double *z,
                                 double *logdet);

/* x = f^-1(z), and log |det df^-1/dz| of each sample unless `logdet` is NULL.  A piecewise flow
 * without tails reaches only f(xmin) .. f(xmax): z beyond that is moved to the end. */
CLF_API clf_status clf_invert(clf_flow *flow, const double *z, int64_t n, double *x,
                              double *logdet);

/* Samples first .. first + n - 1 of the stream `seed`: sample i depends only on seed and i,
 * however the calls are divided. */
CLF_API clf_status clf_sample(clf_flow *flow, uint64_t seed, int64_t first, int64_t n, double *x);

/* The latents of such samples: z (n, D); clf_invert() turns them into samples.  `temperature` (1:
 * unchanged) multiplies their distances from what the base scatters them around: 0 for N(0, I),
 * otherwise the mean or location, of the class or component that was drawn, or the middle of a
 * box. */
CLF_API clf_status clf_sample_latents(clf_flow *flow, uint64_t seed, int64_t first, int64_t n,
                                      double temperature, double *z);

/* ---- Use with a context ---------------------------------------------------- */

/* The same for flows with a context: c (n, C), one row for each row of x or z, in the units of
 * training.  Errors: EINVAL if the flow has no context; ENUM names a non-finite number. */
CLF_API clf_status clf_log_prob_given(clf_flow *flow, const double *x, const double *c, int64_t n,
                                      double *logp);
CLF_API clf_status clf_transform_given(clf_flow *flow, const double *x, const double *c, int64_t n,
                                       double *z, double *logdet);
CLF_API clf_status clf_invert_given(clf_flow *flow, const double *z, const double *c, int64_t n,
                                    double *x, double *logdet);
/* n samples for each of `rows` rows of c: x (rows, n, D).  Sample j of row r is number r n + j of
 * the stream `seed`. */
CLF_API clf_status clf_sample_given(clf_flow *flow, const double *c, int64_t rows, uint64_t seed,
                                    int64_t n, double *x);
/* Only the samples number first .. first + count - 1 of these rows * n: x (count, D).  Errors: also
 * EINVAL if they are not among them. */
CLF_API clf_status clf_sample_given_part(clf_flow *flow, const double *c, int64_t rows,
                                         uint64_t seed, int64_t n, int64_t first, int64_t count,
                                         double *x);
/* The latents of these samples at a temperature, as clf_sample_latents(): z (count, D);
 * clf_invert_given() with the context of each turns them into samples. */
CLF_API clf_status clf_sample_latents_given(clf_flow *flow, const double *c, int64_t rows,
                                            uint64_t seed, int64_t n, int64_t first, int64_t count,
                                            double temperature, double *z);

/* log p of each of n samples and its gradient by x: dx (n, D); for flows with a context, also by
 * c: dc (n, C).  c, dc and logp may be NULL.
 * Errors: ENUM where the density is zero; ENOTSUP names a layer that has no gradient. */
CLF_API clf_status clf_log_prob_gradient(clf_flow *flow, const double *x, const double *c,
                                         int64_t n, double *logp, double *dx, double *dc);

/* Which columns make a row unusual: gain[i][d] is how many nats log p of row i increases if only
 * its column d is set to the most probable value given the other columns; 0 if it has that value
 * already, infinity if the density of the row is zero and another value makes it positive.  For a
 * Gaussian it is half of the squared standard score of the column given the others.  `instead`
 * (n, D, may be NULL) receives that value.  A row with two wrong columns, as from a wrong unit, may
 * gain little from either one.
 *
 * The search uses no gradients.  Candidates are quantiles of the column in 2000 samples of the
 * model (with a context, in 256 samples for the row's context), the values in the 32 samples that
 * are nearest to the row in the other columns, and evenly spaced values around the best of these,
 * in two rounds.  Discrete columns stay on their grid.  It takes 85 D log-densities per row.
 * c (n, C) for flows with a context, else NULL.  Errors: EINVAL, ENUM, ENOMEM. */
CLF_API clf_status clf_strange_columns(clf_flow *flow, const double *x, const double *c, int64_t n,
                                       uint64_t seed, double *gain, double *instead);

/* log p of samples in device memory, in the units of the device (after standardisation and
 * bounds): x (n, D), c (n, C) or without a buffer, logp (n). */
CLF_API clf_status clf_log_prob_tensor(clf_flow *flow, clf_tensor x, clf_tensor c, clf_tensor logp);

/* The functions above for rows in device memory, in the units of the data, such as those of a
 * program's own buffers (clflow/opencl.h): x and z (n, D), c (n, C) or without a buffer, logp and
 * logdet (n); logdet may be without a buffer.  They return when the work is enqueued; numbers are
 * those of the device, so that columns far from zero lose digits.  Where the density is zero or the
 * flow overflows, log p is -inf or NaN.  Row i of clf_sample_device() is sample first + i of
 * clf_sample() to rounding.  Memory for a chunk of rows is kept for the next call.
 * Errors: ESHAPE; EINVAL for a context that is missing or not wanted; ENOTSUP for images, and
 * for latents of a blend. */
CLF_API clf_status clf_log_prob_device(clf_flow *flow, clf_tensor x, clf_tensor c, clf_tensor logp);
CLF_API clf_status clf_transform_device(clf_flow *flow, clf_tensor x, clf_tensor c, clf_tensor z,
                                        clf_tensor logdet);
CLF_API clf_status clf_invert_device(clf_flow *flow, clf_tensor z, clf_tensor c, clf_tensor x,
                                     clf_tensor logdet);
CLF_API clf_status clf_sample_device(clf_flow *flow, clf_tensor c, uint64_t seed, int64_t first,
                                     clf_tensor x);

/* The functions above for float arrays; c may be NULL for flows without a context. */
CLF_API clf_status clf_log_prob_float(clf_flow *flow, const float *x, const float *c, int64_t n,
                                      float *logp);
CLF_API clf_status clf_sample_float(clf_flow *flow, const float *c, int64_t rows, uint64_t seed,
                                    int64_t n, float *x);

/* The Jacobian of f at one sample, one gradient for each output as in the lecture: J (D, D),
 * J[i][k] = dz_i / dx_k.  `logabsdet` is log |det J| by elimination, `logdet` what the flow
 * itself computes.  Errors: ENOTSUP above 4096 dimensions. */
CLF_API clf_status clf_jacobian(clf_flow *flow, const double *x, double *J, double *logabsdet,
                                double *logdet);
CLF_API clf_status clf_jacobian_given(clf_flow *flow, const double *x, const double *c, double *J,
                                      double *logabsdet, double *logdet);

/* Mean of log p over n samples, its standard error (0 for one sample), and bits per dimension,
 * -mean / (D log 2).  If some samples have zero density, the mean over all is -inf, its standard
 * error NaN and bits_per_dim inf.  `rest` leaves these samples out, and is NaN if none remain;
 * otherwise it equals the score over all. */
typedef struct clf_score {
  int64_t count;                        /* number of samples */
  double mean, std_error, bits_per_dim; /* log p in nats; -log p / (D log 2) */
  int64_t zeros;                        /* samples with zero density */
  struct {
    double mean, std_error, bits_per_dim; /* as above */
  } rest;                                 /* of the samples whose density is not zero */
} clf_score;
CLF_API clf_status clf_evaluate(clf_flow *flow, const double *x, int64_t n, clf_score *score);
CLF_API clf_status clf_evaluate_given(clf_flow *flow, const double *x, const double *c, int64_t n,
                                      clf_score *score);
/* The score of n log-densities of samples of `dim` dimensions; non-finite ones count as -inf. */
CLF_API clf_score clf_score_of(const double *logp, int64_t n, int32_t dim);

/* ---- Images (realnvp) -------------------------------------------------- */

/* Makes bytes continuous: x = byte + u with u uniform in [0, 1), a function of (seed, first +
 * row, index in the row); bytes and x are (n, dim). */
CLF_API void clf_dequantize(const uint8_t *bytes, int64_t n, int32_t dim, uint64_t seed,
                            int64_t first, double *x);

/* Checks that all pixels of n images (n, dim) are below the flow's number of levels: a larger
 * byte would look like an unusual but possible pixel.  ENUM names the image and the value.  The
 * first image has number `first`. */
CLF_API clf_status clf_check_levels(const clf_flow *flow, const uint8_t *bytes, int64_t n,
                                    int64_t first);

/* As clf_evaluate(), for images index[first .. first + n) (NULL: first .. first + n), with the
 * noise that clf_dequantize() gives positions first .. first + n.  Pixels have width 1, so that
 * bits per dimension compare with published numbers.  ESHAPE if the images do not fit the flow. */
CLF_API clf_status clf_evaluate_images(clf_flow *flow, const clf_images *images,
                                       const int64_t *index, int64_t first, int64_t n,
                                       uint64_t seed, clf_score *score);

/* The same with a context: a row of `given` for each image of the set.  Errors: also ESHAPE (the
 * table has other columns than the flow's context, or other rows than the set images). */
CLF_API clf_status clf_evaluate_images_given(clf_flow *flow, const clf_images *images,
                                             const clf_table *given, const int64_t *index,
                                             int64_t first, int64_t n, uint64_t seed,
                                             clf_score *score);

/* The interval that a one-dimensional flow divides into pieces, in the units of the data.
 * Returns 1; returns 0 and leaves `interval` unchanged if its first layer is not piecewise. */
CLF_API int clf_flow_interval(const clf_flow *flow, double interval[2]);

/* The scale, from 0, at which the latents of row h, column w of z as an image (H, W, C) are
 * factored out, all C of them; those that pass every scale belong to the last one.  Later scales
 * describe coarser structure.  0 for flows of other kinds. */
CLF_API int32_t clf_latent_scale(const clf_flow_spec *spec, int32_t h, int32_t w);
/* The same for every latent of any flow: scales (D) receives the number of splits that each
 * passed, *count the number of scales, 1 for a flow without splits. */
CLF_API clf_status clf_flow_latent_scales(const clf_flow *flow, int32_t *scales, int32_t *count);

/* ---- Files ------------------------------------------------------------- */

/* The training history of the weights; saved with the flow. */
typedef struct clf_history {
  int64_t epochs, steps; /* completed; 0 for a flow that was never trained */
  /* Mean log p; NaN: none or unknown. */
  double train; /* over the batches of the last epoch, or of the last `valid_every` steps, while the
                   weights changed */
  double valid; /* over the validation rows, with these weights */
  /* The epoch, from 1, that the weights are from; 0: they are the last ones.  It was chosen by
   * validation.  Without validation rows it is chosen by training loss, if the last weights were
   * much worse; `best_train` is then the mean log p of that epoch's batches, and NaN otherwise. */
  int64_t best_epoch;
  double best_train; /* see best_epoch */
  /* The number of steps after which the weights were taken, in `best_epoch`: at its end, or
   * earlier with the training option valid_every.  0: they are the last ones, or an earlier
   * version wrote the file. */
  int64_t best_step;
  int averaged;  /* 1: the weights are an average over many steps (training option ema) */
  int64_t early; /* the number of validations without improvement that ended training before its
                    last step; 0: it was not ended early */
  int reverse;   /* 1: trained against a log-density, so means are lower bounds of log Z */
} clf_history;
/* The history of its weights; zeros and NaN for a new flow. */
CLF_API clf_history clf_flow_history(const clf_flow *flow);

/* Sets a text that says how the flow was chosen, copied, saved as metadata `clflow.fit`; NULL
 * removes it.  clf_fit() (fit.h) writes JSON.  Errors: EINVAL unless it is one line of UTF-8
 * text; ENOMEM. */
CLF_API clf_status clf_flow_set_record(clf_flow *flow, const char *record);
/* The text, owned by the flow; NULL: none. */
CLF_API const char *clf_flow_record(const clf_flow *flow);
/* The text in a model file, without loading the flow; the caller frees it; NULL: none.  Errors:
 * EIO, EFORMAT (not a model file), ENOMEM. */
CLF_API clf_status clf_model_record(const char *path, char **record);

/* Writes safetensors: the parameters under their names, and the rest as metadata.  The file is
 * replaced atomically: written under a temporary name, synced and renamed. */
CLF_API clf_status clf_flow_save(clf_flow *flow, const char *path);

/* Loads what clf_flow_save() or clf_trainer_save() wrote, or a plain state_dict of the lecture's
 * modules.  Of the latter, the kind and shapes follow from the tensors, and `hint` (may be NULL)
 * gives the rest: s_max; xmin, xmax and tails; height and width of images; and levels, alpha and
 * variant if they are not the defaults.
 * Errors: EIO; EFORMAT says what is wrong with the file; ENOMEM. */
CLF_API clf_status clf_flow_load(clf_device *dev, const char *path, const clf_flow_spec *hint,
                                 clf_flow **flow);

/* The same from and to memory.  `bytes` have the contents of a file; the caller frees those of
 * clf_flow_save_memory(). */
CLF_API clf_status clf_flow_load_memory(clf_device *dev, const void *bytes, size_t size,
                                        const clf_flow_spec *hint, clf_flow **flow);
CLF_API clf_status clf_flow_save_memory(clf_flow *flow, void **bytes, size_t *size);

/* 1 if the file begins as those of clf_flow_save() and clf_trainer_save() do, complete or not; 0
 * otherwise, also for a plain state_dict and for a file that cannot be read. */
CLF_API int clf_is_model_file(const char *path);

#ifdef __cplusplus
}
#endif
#endif
