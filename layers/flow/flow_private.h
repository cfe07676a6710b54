/* SPDX-License-Identifier: MIT */
/* flow_private.h: the internals of a flow, shared by the files of this folder. */
#ifndef CLF_FLOW_PRIVATE_H
#define CLF_FLOW_PRIVATE_H
#include "base.h"
#include "layer.h"
#include "map.h"
#include "net.h"

/* Layers that are computed together: a single one, or several fused ones. */
typedef struct clf__stage {
  const clf__layer *l; /* the first one */
} clf__stage;

/* Memory for calls of up to `rows` samples. */
typedef struct clf__workspace {
  clf_arena arena;
  int32_t rows;
  int train;        /* CLF_VALUES, CLF_STORED or CLF_REBUILT */
  clf_tensor *x;    /* (rows, D) each: the input, then each stage's output */
  clf_tensor dx[2]; /* (rows, D), used alternately by backward passes */
  clf__mode mode;   /* of the last forward */
  clf_tensor z,
      dz; /* (rows, D): latents, if splits send some of them early; else without a buffer */
  clf_tensor placed;         /* (rows, D): these, in place, or their gradient */
  clf_tensor c, e;           /* (rows, C): the context, and the output of its embedding net */
  clf_tensor de, dc;         /* dL/d of the nets' context; dL/d of the context, if it is embedded */
  clf_tensor logdet, logp;   /* (rows) */
  clf_tensor train_logdet;   /* (rows); zero between steps */
  clf_tensor sum;            /* (1) */
  clf_tensor between;        /* (rows): log p of latents that were sent early */
  clf_tensor unused;         /* (rows): log-dets of recomputed layers */
  clf__layer_memory *memory; /* of each stage */
  clf__base_memory base;
  void *embedding; /* tensors of the embedding net: one malloc'ed block */
  clf_tensor loss; /* (1) loss of a pass in training */
  clf_tensor each; /* (rows) weight of each sample, set by callers; buf NULL: 1 for all */
} clf__workspace;

enum { CLF_THE_DATA = 1, CLF_THE_CONTEXT = 2 };

/* What follows from the weights and constants of a flow (derived.c). */
typedef struct clf__derived {
  int computed, transposed; /* 1: derived arrays, or transposed matrices, are there */
  uint32_t writes;          /* of the weights' buffer, when they were computed */
  clf_arena arena;
  clf__vectors columns; /* transposed matrices, each at its offset in w or d; or no buffers */
} clf__derived;

struct clf_flow {
  clf_device *dev;
  clf_flow_spec spec;  /* its kind, and everything needed to create one */
  clf_arch *arch;      /* its architecture */
  clf__arch_list list; /* its layers, which own the nodes used below */
  clf__layer *layer;
  int layers;
  int head; /* number of layers at the front that run on the host */
  clf__stage *stage;
  int stages;
  int sends; /* 1: some layers send elements to the latent early */
  clf__base base;
  clf__net embedding; /* ops NULL: nets receive the context directly */
  int32_t context;    /* dimension of the context; 0: none */
  clf__slots slots;
  clf__slot place_from,
      place_to;    /* (D) for latents in place (places.c): place_from[d] is the index, in order of
                      leaving, of the latent in column d; place_to is the inverse */
  unsigned traits; /* of any layer, or the base */
  unsigned shared_traits; /* of every layer */
  clf_arena arena;        /* w, c and d */
  clf_tensor w, c, d;     /* all weights, constants and derived arrays: flat */
  clf_arena grad_arena;   /* g and dg, allocated at their first use; zero between uses */
  clf_tensor g, dg;
  clf_tensor message; /* g, followed by as many elements as there are states and CLF_MESSAGE more:
                         what training sums over grains (grains.c) */
  int in_grains;      /* 1: a batch's gradient is the sum of those of its grains (grains.c) */
  clf_tensor decayed, decayed_g; /* what L2 regularisation applies to; buf NULL: nothing */
  clf_param *params;
  int param_count;
  double *mean, *std;     /* D each, or NULL */
  double *c_mean, *c_std; /* of the context, C each; or NULL */
  int standardizes; /* CLF_THE_DATA, CLF_THE_CONTEXT or both: what its architecture standardises */
  clf_column_grid *grid; /* D grids or limits of columns; or NULL */
  char **columns;        /* D names, or NULL */
  char **c_columns;      /* of the context, C names; or NULL */
  clf_column *kinds;     /* D descriptions of columns, or NULL */
  clf_columns c_table; /* of the table that the context is computed from; count 0: plain columns */
  char *record;        /* record.c; or NULL */
  double *observation; /* C: the context of calls that get none; or NULL */
  clf_image_order order; /* image_order.c */
  clf_history history;
  int64_t drop_first; /* inputs of dropout's masks: clf__pass.first and key */
  uint64_t drop_key;
  double momentum; /* of passes: 0: each layer's own */
  clf__workspace ws;
  struct clf__device_head *device_head; /* device_head.c; NULL: none yet */
  struct clf__blocks *blocks; /* blocks.c: memory for passes in blocks of rows; NULL: none yet */
  struct clf_group *members;  /* that evaluate rows together, while all of them do; or NULL */
  struct clf__later *later;   /* where a block of rows leaves gradients (later.h), or NULL */
  int in_pass; /* 1: a copy of the flow for some rows of a pass, which has prepared everything */
  struct clf__derived derived; /* derived.c */
  int64_t first_row;           /* the number of a call's first row in messages */
  int32_t most_rows;           /* of a chunk, after memory was found to be short; 0: no limit */
};

/* build.c: creates the list of layers of a spec, their slots and stages; allocates no device
 * memory. */
clf_status clf__flow_build(clf_flow *f);
/* Computes constants that follow from others, in the host vector. */
clf_status clf__flow_derive(const clf_flow *f, double *c);
/* The same after constants were read from a file. */
clf_status clf__flow_derive_again(clf_flow *f);
/* blended.c: copies the parameters of a flow to those of a blend from number *at on, which is
 * advanced to the next part: a part has its parameters in the order of a flow with its layers
 * and base. */
clf_status clf__flow_copy_part(const clf_flow *part, clf_flow *blend, int *at);
/* Draws initial values of all weights and constants into host vectors. */
void clf__flow_draw(const clf_flow *f, double *w, double *c);
/* places.c: constants of a flow with latents in place. */
clf_status clf__places_make(clf_flow *f);
clf_status clf__places_derive(const clf_flow *f, double *c);
/* preset_names.c: the names of tensors in files of a preset. */
void clf__preset_names(clf_flow *f);
/* The members of a pass, except samples. */
clf__pass clf__flow_pass(const clf_flow *f, clf__mode mode, int32_t n);

/* fuse.c: whether forward, loss and backward of the whole flow are one operation; and that
 * operation: the loss of rows x with the weight `weight` each, whose gradient is added to the
 * flow's. */
int clf__flow_has_nll(const clf_flow *f);
clf_status clf__flow_nll(clf_flow *f, clf_tensor x, clf_tensor loss, float weight);
/* Whether many training steps are one operation (mlp_steps), and that is faster. */
int clf__flow_has_steps(const clf_flow *f);

/* Elements of a workspace for calls of `rows` rows; by_column: with tensors in that layout. */
clf_status clf__flow_measure(const clf_flow *f, int32_t rows, int train, int by_column,
                             size_t *elements);
/* Makes the workspace large enough for calls of `rows` rows; train: CLF_VALUES, CLF_STORED or
 * CLF_REBUILT.  Once it supports backward, it continues to, but only in one of the two modes at
 * a time. */
clf_status clf__flow_reserve(clf_flow *f, int32_t rows, int train);
/* Creates and frees a separate workspace for passes of up to `rows` rows, with tensors column by
 * column. */
clf_status clf__workspace_make(const clf_flow *f, int32_t rows, int train, clf__workspace *to);
void clf__workspace_free(const clf_flow *f, clf__workspace *ws);
/* Frees the workspace: the next reserve allocates exactly the size that is requested. */
void clf__flow_drop_workspace(clf_flow *f);
enum { CLF_MESSAGE = 8 };
/* A vector with the layout of f->w or, with `constants`, of f->c is stored sorted like that one
 * (sorted.h). */
clf_status clf__flow_sort(const clf_flow *f, clf_tensor v, int constants);
/* Allocates g and zeroes it. */
clf_status clf__flow_need_gradient(clf_flow *f);
/* The gradient is at the beginning of `message` from now on. */
void clf__flow_place_gradient(clf_flow *f, clf_tensor message);
clf_status clf__flow_clear_gradient(clf_flow *f);

/* derived.c: computes derived arrays, unless they were computed from these weights before; passes
 * do this themselves. */
clf_status clf__flow_prepare(clf_flow *f);
/* Whether derived arrays were computed from these weights. */
int clf__flow_is_prepared(const clf_flow *f);
/* For passes over one to three rows, after clf__flow_prepare(): copies matrices of weights, the
 * columns as rows. */
clf_status clf__flow_transpose(clf_flow *f);
void clf__flow_drop_transposed(clf_flow *f);
/* z = f(x) for n rows x on the device, in the units of the flow; adds to logdet. */
clf_status clf__flow_forward(clf_flow *f, clf_tensor x, clf_tensor logdet, clf__mode mode,
                             clf_tensor *z);
/* x = f^-1(z); the result is in ws.x[0]. */
clf_status clf__flow_inverse(clf_flow *f, clf_tensor z, clf_tensor logdet, clf__mode mode,
                             clf_tensor *x);
/* After an inverse with stored values: adds to g; dL/dz is in one of ws.dx.  ENOTSUP names a
 * layer that has no gradient through its inverse. */
clf_status clf__flow_backward_inverse(clf_flow *f, clf_tensor z, clf_tensor dx, float dlogdet,
                                      clf_tensor *dz);
/* Embeds the context ws.c into ws.e; and the backward pass, from ws.de. */
clf_status clf__flow_embed(clf_flow *f, int32_t n, clf__mode mode);
clf_status clf__flow_embed_backward(clf_flow *f, int32_t n);
/* logp[n] = log base(z[n]) + logdet[n].  The backward pass, after stored values: dz = dlogp
 * each[n] d log base / dz; adds to g and ws.de. */
clf_status clf__flow_logp(clf_flow *f, clf_tensor z, clf_tensor logdet, clf__mode mode,
                          clf_tensor logp);
clf_status clf__flow_base_backward(clf_flow *f, clf_tensor z, float dlogp, clf_tensor dz);
/* ENUM names a row whose embedded context is outside of the base's domain. */
static inline clf_status clf__check_given(const clf_flow *f, const double *c, int64_t row) {
  const clf__base *b = &f->base;
  return b->ops->check_context && !f->embedding.ops ? b->ops->check_context(b, c, row) : CLF_OK;
}
/* ENOTSUP if the base has no latents. */
clf_status clf__needs_latents(const clf_flow *f);
/* Draws latents first .. of the stream `seed`. */
clf_status clf__flow_draw_latents(clf_flow *f, uint64_t seed, int64_t first, clf_tensor z);
/* What the base scatters these latents around. */
clf_status clf__flow_draw_centres(clf_flow *f, uint64_t seed, int64_t first, clf_tensor z);
/* The gradient through such latents: from dL/dz, adds to the gradient of the base's parameters. */
clf_status clf__flow_draw_backward(clf_flow *f, uint64_t seed, int64_t first, clf_tensor z,
                                   clf_tensor dz);
/* After a forward with stored values: adds to g; dL/dx is in one of ws.dx. */
clf_status clf__flow_backward(clf_flow *f, clf_tensor x, clf_tensor dz, float dlogdet,
                              clf_tensor *dx);
/* After a backward over n samples: the rebuilt input of the first stage; without a buffer if it
 * was not rebuilt. */
clf_tensor clf__flow_rebuilt(const clf_flow *f, int32_t n);
/* After a forward of x with stored values: the name of the first value that is not finite, "" if
 * all are. */
clf_status clf__flow_find_bad(clf_flow *f, clf_tensor x, char *name, size_t size);

/* The same after an inverse of n rows with stored values: "the inverse of ..." the first layer,
 * starting from the latents, with a non-finite value. */
clf_status clf__flow_find_bad_inverse(clf_flow *f, int32_t n, char *name, size_t size);

/* After backward over a whole batch: completes the gradients of weights. */
clf_status clf__flow_finish(clf_flow *f);
/* Whether some values are set from the first batch of a training. */
int clf__flow_fits(const clf_flow *f);
/* Sets the values that depend on the first batch of a training, unless they are set already. */
clf_status clf__flow_fit(clf_flow *f, clf_tensor x);

/* log |det| of the scaling: -sum log std; 0 without a scaling. */
double clf__flow_scaling_logdet(const clf_flow *f);

/* head.c: converts a row from the units of the data to those of the device, and back; both
 * return the log-det.  The first function only applies the bounds, in place. */
double clf__head_bounds(const clf_flow *f, double *x);
double clf__head_forward(const clf_flow *f, const double *x, double *u);
double clf__head_inverse(const clf_flow *f, double *u);
/* The first column of a row, in the units of the data, that is outside of the flow's domain as
 * far as the host can tell; the interval it must be in; and the traits of the layer or base that
 * is violated.  -1: none. */
int32_t clf__flow_outside(const clf_flow *f, const double *x, double interval[2], unsigned *traits);
/* Turns the gradient by u into that by a row x, in place, and adds dlogdet times the gradient of
 * the log-det. */
clf_status clf__head_backward(const clf_flow *f, const double *x, double dlogdet, double *du);

/* Converts a number of column d to the units of the data. */
static inline double clf__flow_unscaled(const clf_flow *f, int32_t d, double v) {
  return f->mean ? v * f->std[d] + f->mean[d] : v;
}

/* Standardisation of the context, C numbers each, copied. */
clf_status clf__flow_set_context_scaling(clf_flow *f, const double *mean, const double *std);

/* Whether some column has a grid with steps. */
int clf__flow_is_discrete(const clf_flow *f);
/* The inverse of clf__flow_unscaled(). */
static inline double clf__flow_scaled(const clf_flow *f, int32_t d, double v) {
  return f->mean ? (v - f->mean[d]) / f->std[d] : v;
}

/* ENUM for a row of the data, in their units, at which the flow has no finite value: names the
 * column that is outside of the support, or else the one that is farthest from zero. */
clf_status clf__refuse_row(const clf_flow *f, int64_t row, const double *x);

/* Mean log p, in the units of the device, of samples on the device with their context; -inf if
 * one of them has zero density.  weights, on the host: of each sample (0: left out); NULL: all
 * equal. */
clf_status clf__flow_mean_logp(clf_flow *f, clf_tensor x, clf_tensor c, const double *weights,
                               double *mean);
/* The same of n images, with the other arguments of clf_evaluate_images_given(). */
clf_status clf__images_mean_logp(clf_flow *f, const struct clf_images *images,
                                 const clf_table *given, const int64_t *index, int64_t n,
                                 uint64_t seed, double *mean);

/* ESHAPE unless the flow is for such images. */
clf_status clf__check_images(const clf_flow *f, const clf_images *images);

/* Creates a flow that has parameters with names and shapes, but no device and no weights.  It
 * must be freed also after an error. */
clf_status clf__flow_outline(const clf_flow_spec *spec, clf_flow *f);
clf_status clf__flow_outline_arch(const clf_arch *arch, clf_flow *f);
void clf__flow_outline_free(clf_flow *f);

/* divide.c: the range of those of n rows that this member of f->members computes, in whole chunks;
 * without members all. Then every member gets the log p of all n rows, or the error s of any. */
void clf__flow_own_rows(const clf_flow *f, int64_t n, int64_t *begin, int64_t *end);
clf_status clf__flow_gather_rows(const clf_flow *f, int64_t n, clf_status s, double *logp);

/* Number of rows in a chunk. */
int32_t clf__flow_chunk(const clf_flow *f);

/* checkpoint.c and load.c: weights and description of a flow, without its training. */
struct clf__st_writer;
struct clf__st;
clf_status clf__put_flow(struct clf__st_writer *w, clf_flow *f);
clf_status clf__put_vector(struct clf__st_writer *w, clf_flow *f, const char *name, clf_tensor t);
/* Checks that a vector exists and has the length of t; and then reads it into t. */
clf_status clf__check_vector(const struct clf__st *st, const char *name, clf_tensor t);
clf_status clf__get_vector(const struct clf__st *st, clf_flow *f, const char *name, clf_tensor t);
/* Prepends the path to a message that does not begin with it. */
clf_status clf__in_file(clf_status s, const char *path);
/* Loads the parameters by name into the flow; checks that all exist with their shapes. */
clf_status clf__get_params(const struct clf__st *st, clf_flow *f);
clf_status clf__check_params(const struct clf__st *st, const clf_flow *f);
/* The training history; empty for a file without one. */
clf_status clf__get_history(const struct clf__st *st, clf_history *h);

/* discrete.c: a copy of a table with noise in its discrete columns, drawn by the seed; ENUM
 * names a value that is not on its grid. */
clf_status clf__add_noise(const clf_flow *f, const clf_table *data, uint64_t seed, double *out);
clf_status clf__put_grid(struct clf__st_writer *w, const clf_flow *f);
clf_status clf__get_grid(const struct clf__st *st, clf_flow *f);

/* columns.c: whether a table with these column names (NULL: none) fits the flow: EINVAL if the
 * flow's own names differ, or if names do not identify columns. */
clf_status clf__flow_check_columns(const clf_flow *f, char *const *names);
clf_status clf__put_columns(struct clf__st_writer *w, const clf_flow *f);
clf_status clf__get_columns(const struct clf__st *st, clf_flow *f);

/* kinds.c of store/: descriptions of columns. */
clf_status clf__put_kinds(struct clf__st_writer *w, const clf_flow *f);
clf_status clf__get_kinds(const struct clf__st *st, clf_flow *f);
/* kinds.c */
void clf__flow_free_kinds(clf_flow *f);

/* record.c */
/* image_order.c */
clf_status clf__put_image_order(struct clf__st_writer *w, const clf_flow *f);
clf_status clf__get_image_order(const struct clf__st *st, clf_flow *f);
/* observation.c */
clf_status clf__put_observation(struct clf__st_writer *w, const clf_flow *f);
clf_status clf__get_observation(const struct clf__st *st, clf_flow *f);

clf_status clf__put_record(struct clf__st_writer *w, const clf_flow *f);
clf_status clf__get_record(const struct clf__st *st, clf_flow *f);

/* spec.c */
clf_status clf__spec_check(const clf_flow_spec *s);
/* The members of a spec that a flow of its kind uses; the others, which callers need not set,
 * become 0, so that readers of a flow's spec need not check the kind. */
clf_flow_spec clf__spec_own(const clf_flow_spec *s);
/* Whether a flow is one of the presets with a kind, whose files have no architecture. */
int clf__spec_has_kind(const clf_flow_spec *s);
/* The spec of a flow with any other architecture. */
clf_flow_spec clf__spec_of_arch(const clf_arch *arch, uint64_t seed);

#endif
