/* SPDX-License-Identifier: MIT */
/* flow.h: flows: invertible maps f from data x to latent z ~ N(0, I), with
 *   log p(x) = log N(f(x); 0, I) + log |det df/dx|         (nats)
 *
 * Host arrays here are double, row-major, one sample a row, in the data's own
 * units: where a flow was trained on standardised data it holds the scaling
 * and applies it by itself.  Rows are processed in chunks, so n may be large.
 * A number in the input that is not finite is refused (ENUM) with its row, counted from 0, and its
 * column, counted from 1.  So is a row at which a result is not finite, except that log p of a
 * finite row is always answered: it is -inf where the density is zero. */
#ifndef CLFLOW_FLOW_H
#define CLFLOW_FLOW_H
#include "clflow/arch.h"
#include "clflow/arch.h"
#include "clflow/core.h"
#include "clflow/images.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum clf_kind {
  CLF_NVP,       /* affine couplings: the lecture's NVPNet; Dinh et al. 2017 */
  CLF_NICE,      /* additive couplings, then a diagonal scaling; Dinh et al. 2015 */
  CLF_PIECEWISE, /* the lecture's PiecewiseLinear, one-dimensional */
  CLF_REALNVP, /* images: convolutional, at several scales; Dinh et al. 2017, sections 3.4 to 3.7 */
  CLF_COMPOSED /* any other composition: clf_flow_arch() says which; only `dim` and `seed` of its
                  spec mean something, and the size of images */
} clf_kind;

/* How a realnvp flow is built where the sources differ; zero is the paper's released code. */
typedef struct clf_realnvp_variant {
  int32_t scale_first; /* couplings: 0 y = (x + t) exp(s); 1 y = x exp(s) + t: paper, lecture */
  int32_t odd_first;   /* the first coupling keeps 0: even h + w; 1: odd, as the paper's text */
  int32_t
      paper_logit; /* pixels p / levels: 0 to alpha + (1 - 2 alpha) p; 1: alpha + (1 - alpha) p */
  int32_t no_norm; /* 1: without batch normalisation; each coupling then has scale_shift */
  double bn_rho;   /* share of running statistics while training: 0; the paper's rho in 0 .. 1 */
} clf_realnvp_variant;

/* What a flow is, apart from its weights. */
typedef struct clf_flow_spec {
  clf_kind kind;
  int32_t dim;       /* D, of x and z; 1 for piecewise */
  int32_t hidden;    /* H, units of each coupling's networks (nvp, nice); features of the
                        networks at the first scale, twice as many at each next (realnvp) */
  int32_t depth;     /* couplings (nvp, nice) */
  double s_max;      /* nvp: bound on |log-scale|, s = s_max tanh(h / s_max); 0: none */
  int32_t bins;      /* piecewise: number of linear pieces */
  double xmin, xmax; /* piecewise: the interval they divide, after the flow's scaling */
  int32_t tails;     /* piecewise: 1 continues the outer pieces beyond the interval;
                        0, as the lecture: constant there, log f' = -inf, refused */
  uint64_t seed;     /* of masks and initial weights */
  /* realnvp; x and z are images H x W x C, the channel the fastest, pixels in 0 .. levels */
  int32_t height, width, channels; /* dim = height width channels */
  int32_t scales;                  /* height and width are multiples of 2^(scales - 1) */
  int32_t blocks;                  /* residual blocks of each coupling's network */
  int32_t levels;                  /* values of a pixel: 256 for bytes */
  double alpha;                    /* of the logit: 0 < alpha < 0.5 */
  clf_realnvp_variant variant;
} clf_flow_spec;

/* The lecture's numbers: hidden 2, depth 4, no bound (`clflow train` sets one); piecewise 100 bins
 * over -4 .. 4; realnvp: 3 scales, hidden 32, 4 blocks, for 28 x 28 x 1 images whatever `dim`. */
CLF_API clf_flow_spec clf_flow_spec_default(clf_kind kind, int32_t dim);
/* Trainable numbers of such a flow, without making it; 0 for a spec that is refused. */
CLF_API int64_t clf_flow_spec_weights(const clf_flow_spec *spec);
/* The same flow as an architecture.  Errors: EINVAL for a spec that is refused, ENOMEM. */
CLF_API clf_status clf_arch_of_spec(const clf_flow_spec *spec, clf_arch **arch);
CLF_API const char *
clf_kind_name(clf_kind kind); /* "nvp", "nice", "piecewise", "realnvp", "composed" */

typedef struct clf_flow clf_flow;

/* A flow with initial weights as the lecture's PyTorch code draws them.
 * Errors: EINVAL names the member of spec that is out of range; ENOMEM. */
CLF_API clf_status clf_flow_create(clf_device *dev, const clf_flow_spec *spec, clf_flow **flow);
/* A flow of any architecture; masks, permutations and initial weights follow from the seed.
 * Errors: EINVAL names the layer that does not fit, and why; ENOMEM. */
CLF_API clf_status clf_flow_create_arch(clf_device *dev, const clf_arch *arch, uint64_t seed,
                                        clf_flow **flow);
/* A mixture of flows, p(x) = sum over k of w_k p_k(x), as a flow of its own with copies of their
 * weights: its base is a `blend` (docs/architecture.md), w_k = weights[k] / sum of weights, equal
 * if `weights` is NULL.  `count` flows of the same columns on one device; what the host computes
 * first (bounds, standardisation) must be the same in all of them, and so its values: those of
 * flows that were trained on the same rows.  Names, grids and descriptions of columns are flow 0's.
 * Errors: EINVAL, ESHAPE (names the flow and the difference), ENOTSUP (flows of images; a context
 * with trained layers), ENOMEM. */
CLF_API clf_status clf_flow_blend(clf_flow *const *flows, const double *weights, int32_t count,
                                  clf_flow **blend);
CLF_API void clf_flow_free(clf_flow *flow); /* NULL is a no-op */

CLF_API const clf_flow_spec *clf_flow_get_spec(const clf_flow *flow);
CLF_API clf_device *clf_flow_device(const clf_flow *flow);
/* The architecture of a composed flow, which belongs to it; NULL for one of the other kinds. */
CLF_API const clf_arch *clf_flow_arch(const clf_flow *flow);
/* Numbers of the context that each sample is given; 0: none. */
CLF_API int32_t clf_flow_context(const clf_flow *flow);

/* Standardisation: f is applied to (x - mean) / std; D numbers each, std > 0.
 * clf_flow_scaling() returns 1 and sets both pointers if the flow has one. */
CLF_API clf_status clf_flow_set_scaling(clf_flow *flow, const double *mean, const double *std);
CLF_API int clf_flow_scaling(const clf_flow *flow, const double **mean, const double **std);
/* 1 if the scale of the data does not matter to the flow: its architecture standardises them, or
 * bounds (logit, log, softplus) stand at the head of its list. */
CLF_API int clf_flow_is_scaled(const clf_flow *flow);

/* Discrete columns: the grid of each of the D columns, copied, step 0 for those that are
 * continuous; NULL removes them.  Training adds noise to a discrete column, uniform over one step
 * around each value and a function of (seed, row, column), since single values have no density;
 * then comes the scaling.  Samples, and what clf_invert() returns, are rounded to the grid and stay
 * within first .. last.  log p and f(x) are those of x as given: on the grid, in the middle of
 * a cell, so that log p + log(step) is about the logarithm of the value's probability.  The grids
 * are saved with the flow.  Errors: EINVAL (a grid that is none), ENOMEM. */
CLF_API clf_status clf_flow_set_grid(clf_flow *flow, const clf_column_grid *grid);
/* The grids, owned by the flow and valid until they are set again; NULL: all is continuous. */
CLF_API const clf_column_grid *clf_flow_grid(const clf_flow *flow);

/* Names of the D columns of the data, in the order in which the flow takes them, copied; NULL
 * removes them.  They are saved with the flow; calls on plain arrays ignore them.
 * clf_trainer_create() sets those of its table, and clf_table_match() (data.h) brings a table into
 * this order.
 * Errors: EINVAL (a name that is empty, given twice, longer than 1024 bytes, not UTF-8 or with
 * control characters), ENOMEM; the flow then keeps the names it had. */
CLF_API clf_status clf_flow_set_columns(clf_flow *flow, char *const *names);
/* The names, owned by the flow and valid until they are set again; NULL: it has none. */
CLF_API char *const *clf_flow_columns(const clf_flow *flow);
/* The same for the C columns of the context, which clf_trainer_create_with() sets; removes what
 * clf_flow_set_context_table() set. */
CLF_API clf_status clf_flow_set_context_columns(clf_flow *flow, char *const *names);
CLF_API char *const *clf_flow_context_columns(const clf_flow *flow);

/* Descriptions of the D columns (docs/tables.md), copied; NULL removes them.  They are saved with
 * the flow; calls on plain arrays ignore them, and take codes in place of labels.
 * clf_trainer_create() sets those of its table, if it has some.
 * Errors: EINVAL (a description that makes no sense), ENOMEM; the flow then keeps what it had. */
CLF_API clf_status clf_flow_set_kinds(clf_flow *flow, const clf_column *kinds);
/* The descriptions, owned by the flow and valid until they are set again; NULL: it has none. */
CLF_API const clf_column *clf_flow_kinds(const clf_flow *flow);
/* The columns of the table of which clf_table_one_hot() makes the context: their names and
 * descriptions, copied.  The names of the C columns of the context follow from them.
 * Errors: EINVAL (they make another number of columns than C, or have no names), ENOMEM. */
CLF_API clf_status clf_flow_set_context_table(clf_flow *flow, const clf_columns *columns);
/* They, owned by the flow; NULL: the context is made of plain columns. */
CLF_API const clf_columns *clf_flow_context_table(const clf_flow *flow);
/* Copies of the names and descriptions of the D columns, and with `context` those of the context's
 * table behind them: what clf_table_options.like takes.  Plain numbers where the flow has no
 * descriptions; no names where it has none of the D columns, or is asked for the context and has
 * none of that.  Errors: ENOMEM. */
CLF_API clf_status clf_flow_table_columns(const clf_flow *flow, int context, clf_columns *columns);

/* ---- Parameters -------------------------------------------------------- */

typedef struct clf_param {
  char name[64];     /* as in the state_dict of the lecture's module: "layers.0.map_s.0.weight" */
  int rank;          /* 1 to 4 */
  int16_t trainable; /* 0 for masks and running statistics */
  int16_t decays;    /* 1: the training option l2 applies to it */
  clf_tensor at;     /* the first `rank` of its dimensions; clf_read() and clf_write() it */
} clf_param;

CLF_API int clf_flow_param_count(const clf_flow *flow);
CLF_API clf_param clf_flow_param(const clf_flow *flow, int i);
CLF_API int64_t clf_flow_weight_count(const clf_flow *flow); /* trainable numbers */

/* ---- Use --------------------------------------------------------------- */

/* log p(x) of each of n samples: x (n, D), logp (n), in nats.  log p is -inf outside of the flow's
 * support (a piecewise flow without tails, pixels of a realnvp flow), and where the row is so far
 * out that the flow overflows; the other rows are not affected. */
CLF_API clf_status clf_log_prob(clf_flow *flow, const double *x, int64_t n, double *logp);

/* For callers that cannot use a density of zero: ENUM if one of n log-densities, as clf_log_prob()
 * returned them for x, is -inf; the message names the row, the column and the value. */
CLF_API clf_status clf_require_density(const clf_flow *flow, const double *x, int64_t n,
                                       const double *logp);

/* Sets the number that messages give to the first row of a call (0 at first), for callers that
 * pass a table in pieces. */
CLF_API void clf_flow_set_first_row(clf_flow *flow, int64_t first);

/* z = f(x), and log |det df/dx| of each sample unless `logdet` is NULL.  Rows outside of the flow's
 * support are refused (ENUM), as are rows at which the flow overflows. */
CLF_API clf_status clf_transform(clf_flow *flow, const double *x, int64_t n, double *z,
                                 double *logdet);

/* x = f^-1(z), and log |det df^-1/dz| of each sample unless `logdet` is NULL.  A piecewise
 * flow without tails reaches only f(xmin) .. f(xmax): z beyond is moved to the end. */
CLF_API clf_status clf_invert(clf_flow *flow, const double *z, int64_t n, double *x,
                              double *logdet);

/* Samples first .. first + n - 1 of the stream `seed`: sample i depends on seed
 * and i alone, however the calls are divided. */
CLF_API clf_status clf_sample(clf_flow *flow, uint64_t seed, int64_t first, int64_t n, double *x);

/* The latents of such samples, times `temperature` (1 as they are distributed): z (n, D); then
 * clf_invert() gives the samples. */
CLF_API clf_status clf_sample_latents(clf_flow *flow, uint64_t seed, int64_t first, int64_t n,
                                      double temperature, double *z);

/* ---- Use with a context ---------------------------------------------------- */

/* The same for flows that take a context: c (n, C), a row for each row of x or z, in the units that
 * it was trained in.  Errors: EINVAL if the flow takes none; ENUM names a number that is not
 * finite. */
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

/* log p of each of n samples and its gradient by x: dx (n, D); and, for flows that take a context,
 * by c: dc (n, C).  c, dc and logp may be NULL.
 * Errors: ENUM where the density is zero; ENOTSUP names a layer that has no gradient. */
CLF_API clf_status clf_log_prob_gradient(clf_flow *flow, const double *x, const double *c,
                                         int64_t n, double *logp, double *dx, double *dc);

/* Which columns make a row strange: gain[i][d] is how many nats log p of row i rises when its
 * column d alone takes the value that is most probable given the row's other columns; 0 where it
 * has that value already, infinity where the density of the row is zero and another value makes it
 * positive. Under a Gaussian it is half of the squared standard score of the column given the
 * others. `instead` (n, D, may be NULL) receives that value.  A row that is strange in two columns
 * at once, as by a wrong unit, can gain little from either alone.
 *
 * The value is looked for without gradients: among quantiles of the column in 2000 samples of the
 * model (of a conditional one 256 for the row's context), among its values in the 32 samples that
 * are nearest to the row by the other columns, and in two rounds of evenly spaced values around the
 * best of these.  Discrete columns stay on their grid.  It takes 85 D log-densities a row.
 * c (n, C) for flows that take a context, else NULL.  Errors: EINVAL, ENUM, ENOMEM. */
CLF_API clf_status clf_strange_columns(clf_flow *flow, const double *x, const double *c, int64_t n,
                                       uint64_t seed, double *gain, double *instead);

/* log p of samples that lie on the flow's device, in the units that the device is given (after
 * standardisation and bounds): x (n, D), c (n, C) or without a buffer, logp (n). */
CLF_API clf_status clf_log_prob_tensor(clf_flow *flow, clf_tensor x, clf_tensor c, clf_tensor logp);

/* As the functions above, on float arrays; c may be NULL for flows without a context. */
CLF_API clf_status clf_log_prob_float(clf_flow *flow, const float *x, const float *c, int64_t n,
                                      float *logp);
CLF_API clf_status clf_sample_float(clf_flow *flow, const float *c, int64_t rows, uint64_t seed,
                                    int64_t n, float *x);

/* The Jacobian of f at one sample by brute force, a gradient for each output
 * as the lecture does: J (D, D), J[i][k] = dz_i / dx_k.  `logabsdet` is
 * log |det J| by elimination, `logdet` what the flow itself reports there.
 * Errors: ENOTSUP beyond 4096 dimensions. */
CLF_API clf_status clf_jacobian(clf_flow *flow, const double *x, double *J, double *logabsdet,
                                double *logdet);
CLF_API clf_status clf_jacobian_given(clf_flow *flow, const double *x, const double *c, double *J,
                                      double *logabsdet, double *logdet);

/* Mean of log p over n samples, the standard error of that mean (0 for one sample), and bits per
 * dimension, -mean / (D log 2).  If the density of some samples is zero, the mean over all is -inf,
 * its standard error NaN, bits_per_dim inf; `rest` leaves these samples out, and is NaN if none
 * remain.  Otherwise `rest` equals the score over all. */
typedef struct clf_score {
  int64_t count;
  double mean, std_error, bits_per_dim;
  int64_t zeros; /* samples whose density is zero */
  struct {
    double mean, std_error, bits_per_dim;
  } rest;
} clf_score;
CLF_API clf_status clf_evaluate(clf_flow *flow, const double *x, int64_t n, clf_score *score);
CLF_API clf_status clf_evaluate_given(clf_flow *flow, const double *x, const double *c, int64_t n,
                                      clf_score *score);
/* The score of n log-densities of samples of `dim` dimensions; those that are not finite count as
 * -inf. */
CLF_API clf_score clf_score_of(const double *logp, int64_t n, int32_t dim);

/* ---- Images (realnvp) -------------------------------------------------- */

/* Bytes made continuous: x = byte + u with u uniform in [0, 1), a function of (seed,
 * first + row, place in the row): bytes and x are (n, dim). */
CLF_API void clf_dequantize(const uint8_t *bytes, int64_t n, int32_t dim, uint64_t seed,
                            int64_t first, double *x);

/* ENUM, with the image and the value, unless all pixels of n images (n, dim) are below the flow's
 * levels: a byte without a level would pass for a strange but possible pixel.  The first image is
 * number `first`. */
CLF_API clf_status clf_check_levels(const clf_flow *flow, const uint8_t *bytes, int64_t n,
                                    int64_t first);

/* As clf_evaluate(), of images index[first .. first + n) (NULL: first .. first + n), with the
 * noise that clf_dequantize() gives places first .. first + n.  Since a pixel is 1 wide, the bits
 * are those of published numbers.  ESHAPE if the images do not fit the flow. */
CLF_API clf_status clf_evaluate_images(clf_flow *flow, const clf_images *images,
                                       const int64_t *index, int64_t first, int64_t n,
                                       uint64_t seed, clf_score *score);

/* The interval that a flow of one dimension divides into pieces, in the data's units.  Returns 1;
 * 0, and leaves `interval`, if its first layer is not piecewise. */
CLF_API int clf_flow_interval(const clf_flow *flow, double interval[2]);

/* The scale, from 0, at which the latents of row h, column w of z as an image (H, W, C) are
 * factored out, all C of them; those that go through every scale belong to the last one.  The later
 * the scale, the coarser what its latents say.  0 for flows of other kinds. */
CLF_API int32_t clf_latent_scale(const clf_flow_spec *spec, int32_t h, int32_t w);
/* The same for every latent of any flow: scales (D) become how many splits each passed, *count how
 * many scales there are, 1 for a flow without splits. */
CLF_API clf_status clf_flow_latent_scales(const clf_flow *flow, int32_t *scales, int32_t *count);

/* ---- Files ------------------------------------------------------------- */

/* How the weights came to be; rides along in the file. */
typedef struct clf_history {
  int64_t epochs, steps; /* of training, done; 0 for a flow never trained */
  /* Mean log p; NaN: none, or not known. */
  double train; /* of the batches of the last epoch, or of the last `valid_every` steps, as the
                   weights changed */
  double valid; /* of the validation rows, under these weights */
  /* The epoch, from 1, in which the weights were these; 0: they are the last ones.  Validation
   * chose it, or without validation rows its training loss, since the last weights were much
   * worse: `best_train` is then the mean log p of its batches, and NaN otherwise. */
  int64_t best_epoch;
  double best_train;
  /* The number of steps after which the weights were these, in `best_epoch`: at its end, or earlier
   * with the training option valid_every.  0: they are the last ones, or an earlier version wrote
   * the file. */
  int64_t best_step;
  int averaged;  /* 1: they are an average of those of many steps (training option ema) */
  int64_t early; /* validations without a better one that ended training before its last step; 0: it
                    did not end so */
  int reverse;   /* 1: trained against a log-density, so that means are lower bounds of log Z */
} clf_history;
CLF_API clf_history clf_flow_history(const clf_flow *flow);

/* A text that says how the flow was chosen, copied, saved with it as metadata `clflow.fit`; NULL
 * removes it.  clf_fit() (fit.h) writes JSON.  Errors: EINVAL unless it is one line of UTF-8 text;
 * ENOMEM. */
CLF_API clf_status clf_flow_set_record(clf_flow *flow, const char *record);
/* The text, owned by the flow; NULL: it has none. */
CLF_API const char *clf_flow_record(const clf_flow *flow);
/* That of a model file, to be freed, without loading the flow; NULL: it has none.  Errors: EIO,
 * EFORMAT (not a model file), ENOMEM. */
CLF_API clf_status clf_model_record(const char *path, char **record);

/* Safetensors: the parameters under their names, the rest as metadata.  Written to a
 * temporary file, synced and renamed: the file is the old one or the new one, whole. */
CLF_API clf_status clf_flow_save(clf_flow *flow, const char *path);

/* Opens what clf_flow_save() or clf_trainer_save() wrote, and also a plain state_dict of the
 * lecture's modules: the kind and shapes are then read off the tensors, and
 * `hint` (may be NULL) gives what tensors do not tell: s_max; xmin, xmax and tails; height
 * and width of images, and levels, alpha and variant where they are not the default's.
 * Errors: EIO; EFORMAT says what is wrong with the file; ENOMEM. */
CLF_API clf_status clf_flow_load(clf_device *dev, const char *path, const clf_flow_spec *hint,
                                 clf_flow **flow);

/* The same from and into memory.  `bytes` of the first are those of a file; those of the second are
 * to be freed by free(). */
CLF_API clf_status clf_flow_load_memory(clf_device *dev, const void *bytes, size_t size,
                                        const clf_flow_spec *hint, clf_flow **flow);
CLF_API clf_status clf_flow_save_memory(clf_flow *flow, void **bytes, size_t *size);

/* 1 if the file begins as one that clf_flow_save() or clf_trainer_save() wrote, whole or not; 0 for
 * all else, a plain state_dict and a file that cannot be read included. */
CLF_API int clf_is_model_file(const char *path);

#ifdef __cplusplus
}
#endif
#endif
