/* SPDX-License-Identifier: MIT */
/* flow_private.h: a flow's insides, as the files of this folder share them. */
#ifndef CLF_FLOW_PRIVATE_H
#define CLF_FLOW_PRIVATE_H
#include "pieces.h"

/* Layers that are computed together: one of them, or several that are fused. */
typedef struct clf__stage {
  const clf__layer *l; /* the first */
} clf__stage;

/* Memory for calls of up to `rows` samples. */
typedef struct clf__workspace {
  clf_arena arena;
  int32_t rows;
  int train;         /* CLF_VALUES, CLF_STORED or CLF_REBUILT */
  clf_tensor *x;     /* (rows, D) each: the input, then each stage's output */
  clf_tensor dx[2];  /* (rows, D), alternating in backward passes */
  clf__mode mode;    /* of the last forward */
  clf_tensor z, dz;  /* (rows, D): latents, where layers send some ahead; else without a buffer */
  clf_tensor placed; /* (rows, D): these in place, or their gradient; where they are */
  clf_tensor c, e;   /* (rows, C): the context, and what the embedding net makes of it */
  clf_tensor de, dc; /* dL/d of what nets are given; of the context, where it is embedded */
  clf_tensor logdet, logp;   /* (rows) */
  clf_tensor train_logdet;   /* (rows); zero between steps */
  clf_tensor sum;            /* (1) */
  clf_tensor between;        /* (rows): log p of latents that were sent ahead */
  clf_tensor unused;         /* (rows): log-dets of what is computed again */
  clf__layer_memory *memory; /* of each stage */
  clf__base_memory base;
  void *embedding; /* tensors of the embedding net: one malloc'ed block */
  clf_tensor loss; /* (1) where training puts that of a pass */
  clf_tensor each; /* (rows) what each sample counts, set by callers; buf NULL: 1 for all */
} clf__workspace;

enum { CLF_THE_DATA = 1, CLF_THE_CONTEXT = 2 };

struct clf_flow {
  clf_device *dev;
  clf_flow_spec spec;  /* its kind, and what makes one of that kind */
  clf_arch *arch;      /* what it consists of */
  clf__arch_list list; /* its layers, which the nodes below belong to */
  clf__layer *layer;
  int layers;
  int head; /* layers at the front that the host computes */
  clf__stage *stage;
  int stages;
  int sends; /* 1: layers send numbers to the latent ahead of the end */
  clf__base base;
  clf__net embedding; /* ops NULL: nets are given the context as it is */
  int32_t context;    /* numbers of a sample's context; 0: it has none */
  clf__slots slots;
  clf__slot place_from, place_to; /* (D) of latents in place (places.c): place_from[d]: which of
                                     those that leave in turn has column d; place_to: the reverse */
  unsigned traits;                /* of any layer, or the base */
  unsigned shared_traits;         /* of every layer */
  clf_arena arena;                /* w, c and d */
  clf_tensor w, c, d;             /* all weights, constants, derived numbers: flat */
  clf_arena grad_arena;           /* g and dg, from the first use of them on; zero between uses */
  clf_tensor g, dg;
  clf_tensor message; /* g, and behind it as many numbers as there are states and CLF_MESSAGE more:
                         what training adds up over grains (grains.c) */
  clf_tensor decayed, decayed_g; /* what L2 regularisation applies to; buf NULL: nothing */
  clf_param *params;
  int param_count;
  double *mean, *std;     /* D each, or NULL */
  double *c_mean, *c_std; /* of the context, C each; or NULL */
  int standardizes; /* CLF_THE_DATA, CLF_THE_CONTEXT or both: what its architecture standardises */
  clf_column_grid *grid; /* D of discrete columns, step 0 for the others; or NULL */
  char **columns;        /* D names, or NULL */
  char **c_columns;      /* of the context, C names; or NULL */
  clf_column *kinds;     /* D descriptions of columns, or NULL */
  clf_columns c_table;   /* of the table that the context is made of; count 0: plain columns */
  char *record;          /* record.c; or NULL */
  double *observation;   /* C: the context of calls that are given none; or NULL */
  clf_history history;
  int64_t drop_first; /* what dropout's masks depend on: clf__pass.first and key */
  uint64_t drop_key;
  double momentum; /* of passes: 0, or a share that stands for each layer's own */
  clf__workspace ws;
  struct clf__device_head *device_head; /* device_head.c; NULL: none yet */
  struct clf__blocks *blocks; /* blocks.c: memory of passes in blocks of rows; NULL: none yet */
  struct clf_group *members;  /* that evaluate rows together, while all of them do; or NULL */
  int prepared;               /* 1: derived numbers follow the weights already, in such a pass */
  int64_t first_row;          /* what refusals call the first row of a call */
  int32_t most_rows; /* of a chunk, where memory was found to be short; 0: as many as are good */
};

/* build.c: the list of layers of a spec, their parts and stages; no memory on the device. */
clf_status clf__flow_build(clf_flow *f);
/* Constants that follow from others, into the host vector that has those. */
clf_status clf__flow_derive(const clf_flow *f, double *c);
/* The same after constants were read from a file. */
clf_status clf__flow_derive_again(clf_flow *f);
/* blended.c: copies the parameters of a flow to those of a blend from number *at on, which goes on
 * to the next part's: a part has them in the order in which a flow of its layers and base has them.
 */
clf_status clf__flow_copy_part(const clf_flow *part, clf_flow *blend, int *at);
/* Initial values of all weights and constants, into host vectors of that many numbers. */
void clf__flow_draw(const clf_flow *f, double *w, double *c);
/* places.c: constants of a flow whose latents lie in place. */
clf_status clf__places_make(clf_flow *f);
clf_status clf__places_derive(const clf_flow *f, double *c);
/* preset_names.c: the names of parts that files of a preset have. */
void clf__preset_names(clf_flow *f);
/* What a pass is given besides samples. */
clf__pass clf__flow_pass(const clf_flow *f, clf__mode mode, int32_t n);

/* fuse.c: whether forward, loss and backward of the whole flow are one operation; and that: the
 * loss of rows x that count `weight` each, its gradient added to the flow's. */
int clf__flow_has_nll(const clf_flow *f);
clf_status clf__flow_nll(clf_flow *f, clf_tensor x, clf_tensor loss, float weight);
/* Whether many training steps are one operation (mlp_steps), where that pays. */
int clf__flow_has_steps(const clf_flow *f);

/* Elements of a workspace for calls of `rows` rows; by_column: of one whose tensors lie so. */
clf_status clf__flow_measure(const clf_flow *f, int32_t rows, int train, int by_column,
                             size_t *elements);
/* Makes the workspace serve calls of `rows` rows; train: CLF_VALUES and so on.  It goes on to
 * provide for backward, but in one way at a time. */
clf_status clf__flow_reserve(clf_flow *f, int32_t rows, int train);
/* A workspace of its own for passes of up to `rows` rows, whose tensors lie column by column, and
 * its end. */
clf_status clf__workspace_make(const clf_flow *f, int32_t rows, int train, clf__workspace *to);
void clf__workspace_free(const clf_flow *f, clf__workspace *ws);
/* Frees the workspace: the next reserve makes one of the size that is asked for then. */
void clf__flow_drop_workspace(clf_flow *f);
enum { CLF_MESSAGE = 8 };
/* Makes g, zeroed, and gives each layer its part. */
clf_status clf__flow_need_gradient(clf_flow *f);
clf_status clf__flow_clear_gradient(clf_flow *f);

/* Computes derived numbers from the weights; passes do it themselves unless it was done for them.
 */
clf_status clf__flow_prepare(const clf_flow *f);
/* z = f(x) for x, in the flow's own units, of n rows on the device; adds to logdet. */
clf_status clf__flow_forward(clf_flow *f, clf_tensor x, clf_tensor logdet, clf__mode mode,
                             clf_tensor *z);
/* x = f^-1(z); the result lies in ws.x[0]. */
clf_status clf__flow_inverse(clf_flow *f, clf_tensor z, clf_tensor logdet, clf__mode mode,
                             clf_tensor *x);
/* After an inverse that kept: adds to g; dL/dz lies in one of ws.dx.  ENOTSUP names a layer that
 * has no gradient through its inverse. */
clf_status clf__flow_backward_inverse(clf_flow *f, clf_tensor z, clf_tensor dx, float dlogdet,
                                      clf_tensor *dz);
/* Of the context in ws.c: what nets are given, in ws.e; and back, from ws.de. */
clf_status clf__flow_embed(clf_flow *f, int32_t n, clf__mode mode);
clf_status clf__flow_embed_backward(clf_flow *f, int32_t n);
/* logp[n] = log base(z[n]) + logdet[n]; after it in a pass that kept, dz = dlogp each[n] d log
 * base / dz, and adds to g and ws.de. */
clf_status clf__flow_logp(clf_flow *f, clf_tensor z, clf_tensor logdet, clf__mode mode,
                          clf_tensor logp);
clf_status clf__flow_base_backward(clf_flow *f, clf_tensor z, float dlogp, clf_tensor dz);
/* ENUM names a row whose context, as nets are given it, the base cannot take. */
static inline clf_status clf__check_given(const clf_flow *f, const double *c, int64_t row) {
  const clf__base *b = &f->base;
  return b->ops->check_context && !f->embedding.ops ? b->ops->check_context(b, c, row) : CLF_OK;
}
/* ENOTSUP where the base has no latents. */
clf_status clf__needs_latents(const clf_flow *f);
/* Latents first .. of the stream `seed`. */
clf_status clf__flow_draw_latents(clf_flow *f, uint64_t seed, int64_t first, clf_tensor z);
/* The gradient through such latents: from dL/dz, adds to that of the base's own numbers. */
clf_status clf__flow_draw_backward(clf_flow *f, uint64_t seed, int64_t first, clf_tensor z,
                                   clf_tensor dz);
/* After a forward that kept: adds to g; dL/dx lies in one of ws.dx. */
clf_status clf__flow_backward(clf_flow *f, clf_tensor x, clf_tensor dz, float dlogdet,
                              clf_tensor *dx);
/* After a backward over n samples: the first stage's input as it was rebuilt; without a buffer
 * where it was not. */
clf_tensor clf__flow_rebuilt(const clf_flow *f, int32_t n);
/* After a forward of x that kept: the name of the first part that is not finite, "" if all are. */
clf_status clf__flow_find_bad(clf_flow *f, clf_tensor x, char *name, size_t size);

/* The same after an inverse of n rows that kept: "the inverse of ..." the first layer, from the
 * latents on, whose value is not finite. */
clf_status clf__flow_find_bad_inverse(clf_flow *f, int32_t n, char *name, size_t size);

/* After backward over a whole batch: completes the gradients of weights. */
clf_status clf__flow_finish(clf_flow *f);
/* Whether there are values that the first batch of a training decides. */
int clf__flow_fits(const clf_flow *f);
/* Sets values that the first batch of a training decides; a flow that has them is left as it is. */
clf_status clf__flow_fit(clf_flow *f, clf_tensor x);

/* log |det| of the scaling: -sum log std, 0 without one. */
double clf__flow_scaling_logdet(const clf_flow *f);

/* head.c: a row from the data's units to those of the device, and back; both return the log-det.
 * The first takes it through bounds alone, in place. */
double clf__head_bounds(const clf_flow *f, double *x);
double clf__head_forward(const clf_flow *f, const double *x, double *u);
double clf__head_inverse(const clf_flow *f, double *u);
/* The first column of a row, in the data's units, that lies outside of the flow's domain, as far as
 * the host can tell, the interval that it must lie in, and the traits of the layer or base that it
 * lies outside of; -1: none. */
int32_t clf__flow_outside(const clf_flow *f, const double *x, double interval[2], unsigned *traits);
/* The gradient by a row x, from that by u, in place; that of the log-det counts dlogdet times. */
clf_status clf__head_backward(const clf_flow *f, const double *x, double dlogdet, double *du);

/* A number of column d in the data's units. */
static inline double clf__flow_unscaled(const clf_flow *f, int32_t d, double v) {
  return f->mean ? v * f->std[d] + f->mean[d] : v;
}

/* Standardisation of the context, C numbers each, copied. */
clf_status clf__flow_set_context_scaling(clf_flow *f, const double *mean, const double *std);

/* The nearest value on the grid of a discrete column. */
double clf__flow_rounded(const clf_flow *f, int32_t d, double x);
/* And back. */
static inline double clf__flow_scaled(const clf_flow *f, int32_t d, double v) {
  return f->mean ? (v - f->mean[d]) / f->std[d] : v;
}

/* ENUM: a row of the data, in their units, at which the flow has no finite value: names the column
 * that lies outside of the support, or else the one that is farthest out. */
clf_status clf__refuse_row(const clf_flow *f, int64_t row, const double *x);

/* mean log p, in the units of the device, of samples that lie there, with their context; -inf if
 * one of them has density zero.  weights, on the host: what each counts (0: the sample is left
 * out); NULL: all the same. */
clf_status clf__flow_mean_logp(clf_flow *f, clf_tensor x, clf_tensor c, const double *weights,
                               double *mean);
/* The same of n images, `index` and `seed` as in clf_evaluate_images(). */
clf_status clf__images_mean_logp(clf_flow *f, const struct clf_images *images, const int64_t *index,
                                 int64_t n, uint64_t seed, double *mean);

/* ESHAPE unless the flow is one of such images. */
clf_status clf__check_images(const clf_flow *f, const clf_images *images);

/* A flow that has parameters with names and shapes, but no device and no weights.  It is to be
 * freed also after a failure. */
clf_status clf__flow_outline(const clf_flow_spec *spec, clf_flow *f);
clf_status clf__flow_outline_arch(const clf_arch *arch, clf_flow *f);
void clf__flow_outline_free(clf_flow *f);

/* divide.c: of n rows those that this member of f->members computes, in whole chunks; without
 * members all.  And then every member gets the log p of all n rows, or the error s of any. */
void clf__flow_own_rows(const clf_flow *f, int64_t n, int64_t *begin, int64_t *end);
clf_status clf__flow_gather_rows(const clf_flow *f, int64_t n, clf_status s, double *logp);

/* How many rows a call takes at once. */
int32_t clf__flow_chunk(const clf_flow *f);

/* checkpoint.c and load.c: the weights and what a flow is, without its training. */
struct clf__st_writer;
struct clf__st;
clf_status clf__put_flow(struct clf__st_writer *w, clf_flow *f);
clf_status clf__put_vector(struct clf__st_writer *w, clf_flow *f, const char *name, clf_tensor t);
/* Whether a vector is there and as long as t; and, once that is known, into t. */
clf_status clf__check_vector(const struct clf__st *st, const char *name, clf_tensor t);
clf_status clf__get_vector(const struct clf__st *st, clf_flow *f, const char *name, clf_tensor t);
/* Puts the path before a message that does not begin with it yet. */
clf_status clf__in_file(clf_status s, const char *path);
/* The parameters under their names into the flow; whether all are there, in their shapes. */
clf_status clf__get_params(const struct clf__st *st, clf_flow *f);
clf_status clf__check_params(const struct clf__st *st, const clf_flow *f);
/* How the weights came to be; a file that does not say has none of it. */
clf_status clf__get_history(const struct clf__st *st, clf_history *h);

/* discrete.c: a table with noise in its discrete columns, drawn by the seed; ENUM names a value
 * that is not on its grid. */
clf_status clf__add_noise(const clf_flow *f, const clf_table *data, uint64_t seed, double *out);
clf_status clf__put_grid(struct clf__st_writer *w, const clf_flow *f);
clf_status clf__get_grid(const struct clf__st *st, clf_flow *f);

/* columns.c: whether a table with these column names (NULL: none) is one for the flow: EINVAL if
 * the flow's own names differ, or if names cannot tell columns apart. */
clf_status clf__flow_check_columns(const clf_flow *f, char *const *names);
clf_status clf__put_columns(struct clf__st_writer *w, const clf_flow *f);
clf_status clf__get_columns(const struct clf__st *st, clf_flow *f);

/* kinds.c of store/: descriptions of columns. */
clf_status clf__put_kinds(struct clf__st_writer *w, const clf_flow *f);
clf_status clf__get_kinds(const struct clf__st *st, clf_flow *f);
/* kinds.c */
void clf__flow_free_kinds(clf_flow *f);

/* record.c */
/* observation.c */
clf_status clf__put_observation(struct clf__st_writer *w, const clf_flow *f);
clf_status clf__get_observation(const struct clf__st *st, clf_flow *f);

clf_status clf__put_record(struct clf__st_writer *w, const clf_flow *f);
clf_status clf__get_record(const struct clf__st *st, clf_flow *f);

/* spec.c */
clf_status clf__spec_check(const clf_flow_spec *s);
/* The numbers that make a flow of its kind; the others, which callers may leave as they like, are
 * 0, so that whoever reads a flow's spec need not know the kind. */
clf_flow_spec clf__spec_own(const clf_flow_spec *s);
/* Whether a flow is of one of the presets with a kind, whose files say less than an architecture.
 */
int clf__spec_has_kind(const clf_flow_spec *s);
/* Of a flow of any other architecture. */
clf_flow_spec clf__spec_of_arch(const clf_arch *arch, uint64_t seed);

#endif
