/* SPDX-License-Identifier: MIT */
/* import_private.h: the state of an import, shared by the files of this folder. */
#ifndef CLF_IMPORT_PRIVATE_H
#define CLF_IMPORT_PRIVATE_H
#include "clflow/import.h"
#include "modules.h"
#include "status.h"

typedef enum clf__im_library {
  CLF_IM_UNKNOWN,
  CLF_IM_NFLOWS,
  CLF_IM_GLASFLOW,
  CLF_IM_SBI,
  CLF_IM_ZUKO,
  CLF_IM_NORMFLOWS,
  CLF_IM_FREIA,
  CLF_IM_LECTURE
} clf__im_library;

typedef enum clf__im_hint {
#define CLF_HINT(id, value, help) CLF_IM_HINT_##id,
#include "clflow/import.def"
  CLF_IM_HINTS
} clf__im_hint;

/* A growing text. */
typedef struct clf__im_text {
  char *s;
  size_t used, room;
} clf__im_text;

/* Elements of a tensor under clflow's name. */
typedef struct clf__im_value {
  char name[80];
  int64_t count;
  double *at;
  clf__im_name from; /* the tensor that they come from, for messages */
  int taken;
} clf__im_value;

typedef struct clf__im {
  clf__im_file *file;
  size_t size; /* bytes of the file */
  clf__im_library library;
  char *hint[CLF_IM_HINTS]; /* NULL: not given */
  char asked[CLF_IM_HINTS]; /* whether the flow needs it */
  const char *gaps;         /* the unread rest of that hint */
  int32_t dim, context;     /* of the data, and of the context that nets read; 0: unknown */
  int32_t shape[3];         /* height, width, channels of images; 0: no images */
  int32_t given;            /* the model's context, if a net embeds it */
  int inverted;             /* 1: the current module is inverted */
  int circular;             /* 1: the base is a box, as with circular splines */
  int bounds;               /* layers at the front that are bounds of a prior */
  int couplings;            /* couplings so far: clflow alternates masks by this count */
  const char *circles;      /* what is left of the hint circular, or of what stands for it */
  const double
      *moving;        /* flags of the dimensions that the current coupling transforms; NULL: all */
  clf__im_text *item; /* text of each layer */
  int layers, room;
  clf__im_text base, embedding; /* texts after "->" and after "context:" */
  clf__im_text circular_text;   /* circular dimensions that the couplings show */
  clf__im_value *value;
  int values, value_room;
  int64_t elements;
  double *mean, *std, *c_mean, *c_std; /* of standardisations; NULL: none */
  double *x;                           /* default context, `given` numbers; NULL: none */
  clf__im_text notes;
} clf__im;

/* ---- hints.c ------------------------------------------------------------------------------- */

/* "like=nflows, tail=3" into im->hint.  Errors: EINVAL names what is wrong. */
clf_status clf__im_read_hints(clf__im *im, const char *text);
/* Chooses a setting: `said` by the file (NULL: it does not say), or the user's hint, or the
 * library's default for a module of the kind `of`, which is noted. Errors: EINVAL if there is no
 * default, or with the hint strict. */
clf_status clf__im_choose(clf__im *im, clf__im_hint hint, const char *said, const char *of,
                          const char **value);
/* The hint, or NULL; it counts as needed. */
const char *clf__im_hint_of(clf__im *im, clf__im_hint hint);
/* Errors: EINVAL names the first hint that was given and that nothing needs. */
clf_status clf__im_check_hints(const clf__im *im);
/* The hint or, with a note, `text`. */
clf_status clf__im_assume(clf__im *im, clf__im_hint hint, const char *text, const char **value);
const char *clf__im_library_name(clf__im_library library);
/* The library of that name, whose case is ignored; CLF_IM_UNKNOWN: none. */
clf__im_library clf__im_library_of(const char *name);

/* ---- build.c: the flow as it grows --------------------------------------------------------- */

clf_status clf__im_print(clf__im_text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Adds a layer, which is inverted if im->inverted is set; its index is im->layers before the call.
 */
clf_status clf__im_layer(clf__im *im, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds a line to the report, unless it has that line. */
clf_status clf__im_note(clf__im *im, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sets clflow's tensor of that name to the elements of a tensor of the file. Errors: EFORMAT names
 * `path` in `m` if the file does not have it. */
clf_status clf__im_put(clf__im *im, const clf__im_module *m, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Sets "TO.weight" and "TO.mask" of a masked layer. Weights outside the mask, which need not be
 * zero in the file, become zero. */
clf_status clf__im_put_masked(clf__im *im, const clf__im_module *m, const char *to);
/* The same with values that were computed from `from` (NULL: from nothing); takes ownership, also
 * after a failure. */
clf_status clf__im_put_values(clf__im *im, double *values, int64_t count,
                              const clf__im_tensor *from, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* Returns a tensor's elements, malloc'ed, and marks it as used. Errors: EFORMAT if it does not
 * exist. */
clf_status clf__im_read(clf__im *im, const clf__im_module *m, const char *path, double **values,
                        clf__im_tensor **tensor);
/* Marks all tensors of a module, or one, as used. */
void clf__im_skip_all(clf__im_module *m);
void clf__im_skip(clf__im_module *m, const char *path);
/* Sets the dimension of the data, or of the nets' context. Errors: EFORMAT names both if another
 * one was set before. */
clf_status clf__im_set_dim(clf__im *im, const clf__im_module *m, int64_t dim);
clf_status clf__im_set_context(clf__im *im, const clf__im_module *m, int64_t context);
/* Fails: ENOTSUP names the module by class and path, and what is missing. */
clf_status clf__im_refuse(const clf__im_module *m, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A dimension of a tensor; 0 beyond its rank, or if there is no tensor. */
int64_t clf__im_dim(const clf__im_tensor *t, int axis);

/* Creates the flow from the collected text and tensors. */
/* Fails if tensors of the module were not used: ENOTSUP names them. */
clf_status clf__im_check_unused(const clf__im_module *m);
clf_status clf__im_make(clf__im *im, clf_device *dev, clf_flow **flow);
void clf__im_free(clf__im *im);

/* ---- attributes.c: what a pickled module says ---------------------------------------------- */

/* Clflow's word for an activation, a function or module; NULL: the value is none. Errors: ENOTSUP
 * names one that clflow does not have. */
clf_status clf__im_activation(const clf__pk *v, const char **word);
/* Writes an attribute that is a number to `text`, as "%.17g"; NULL: there is none. */
const char *clf__im_number(const clf__im_module *m, const char *name, char text[32]);
const char *clf__im_short(double v, char text[32]); /* that of a number */
double clf__im_real(const clf__im_module *m, const char *name, double otherwise);
int clf__im_is_true(const clf__im_module *m, const char *name);

/* ---- nets.c -------------------------------------------------------------------------------- */

/* Each of these reads a net, puts its tensors under "PATH.", and prints its node. inputs: elements
 * of the sample that it reads, before the context; *outputs: its outputs; *hidden: the width of a
 * ResidualNet, otherwise 0. */
clf_status clf__im_net(clf__im *im, clf__im_module *m, const char *path, int64_t inputs,
                       clf__im_text *node, int64_t *outputs);
clf_status clf__im_made(clf__im *im, clf__im_module *m, const char *path, clf__im_text *node,
                        int64_t *outputs);
/* nn.Sequential and similar nets: linear layers with activations between them. */
typedef struct clf__im_pick {
  const int64_t *at;
  int64_t count;
} clf__im_pick;
typedef struct clf__im_net_options {
  int masked;
  const double *scale_last;        /* factors of the rows of the last layer; NULL: 1 */
  const clf__im_pick *rows, *cols; /* the outputs and inputs that are used; NULL: all */
  int64_t width;                   /* minimum width of hidden layers */
} clf__im_net_options;
clf_status clf__im_sequential(clf__im *im, clf__im_module *m, const char *path,
                              const clf__im_net_options *options, clf__im_text *node,
                              int64_t *inputs, int64_t *outputs);
int64_t clf__im_outputs(const clf__im_module *m); /* of such a net; 0: it is another module */
int64_t clf__im_width(const clf__im_module *m);   /* of its widest hidden layer */
/* Whether `m` is such a net. */
int clf__im_is_sequential(const clf__im_module *m);

/* ---- angles.c ------------------------------------------------------------------------------- */

/* Inputs of a net that are replaced by w0 sin(s x) + w1 cos(s x), in increasing order. */
typedef struct clf__im_angles {
  int64_t inputs, width;      /* of the sample; columns of the first layer, with the context */
  int64_t count;              /* 0: none */
  double *at, *weight, *rate; /* (count), (count, 2), (count) */
} clf__im_angles;

/* Finds those of a net with `inputs` inputs from the sample; free them, also after a failure. */
clf_status clf__im_angles_read(clf__im *im, clf__im_module *net, int64_t inputs, clf__im_angles *a);
void clf__im_angles_free(clf__im_angles *a);
/* Prints ", angles=0+2, rate=1.5" if there are some. */
clf_status clf__im_angles_print(const clf__im_angles *a, clf__im_text *node);
/* Replaces the angles' columns of a matrix (rows, a->width) by columns for cosines and sines; of a
 * mask (weighted = 0) without the weights. */
clf_status clf__im_angles_spread(const clf__im_angles *a, int weighted, int64_t rows,
                                 double **matrix);
/* (build.c) The first layer of a net, masked or not, with angles among its inputs. */
clf_status clf__im_put_first(clf__im *im, const clf__im_module *m, const char *to, int masked,
                             clf__im_angles *angles);

/* ---- scaling.c ------------------------------------------------------------------------------ */

/* y = scale x + shift with fixed tensors. At the head of a flow it is a z-score, which clflow
 * computes in double. */
clf_status clf__im_shift_scale(clf__im *im, clf__im_module *m, const char *shift,
                               const char *scale);

/* ---- embedding.c --------------------------------------------------------------------------- */

/* sbi's and nflows' embedding net of the context; m NULL: none. */
clf_status clf__im_embedding(clf__im *im, clf__im_module *m);

/* ---- tails.c -------------------------------------------------------------------------------- */

/* In a file of tensors alone, which dimensions of normflows' mixed couplings are circular: the
 * hint, or what the couplings among `list` show.  Errors: EINVAL if they do not. */
clf_status clf__im_find_circular(clf__im *im, const clf__im_module *list);
/* Whether the tails of a spline with n numbers for each dimension differ by dimension. */
int clf__im_has_tails(const clf__im *im, const clf__im_module *m, int64_t n);
/* Prints them: ", tail=3, circular, ..., box=-3, 3, like=normflows". */
clf_status clf__im_tails(clf__im *im, const clf__im_module *m, clf__im_text *node);

/* ---- maps.c -------------------------------------------------------------------------------- */

/* Prints the map of a module of nflows' or normflows' form with m_numbers parameters per dimension;
 * of: "coupling" or "ar". */
clf_status clf__im_map(clf__im *im, const clf__im_module *m, int64_t m_numbers, const char *of,
                       clf__im_text *node);
/* Prints ", mask=..." of a coupling that transforms the dimensions with flags[d] != 0 of D, and
 * puts its tensor. */
clf_status clf__im_mask(clf__im *im, const double *flags, int64_t D, clf__im_text *node);
/* Prints ", order=..." from the position of each of D dimensions. */
clf_status clf__im_order(const double *places, int64_t D, clf__im_text *node);

/* ---- A file for each library: reads the flow in `m` ---------------------------------------- */

clf_status clf__im_nflows(clf__im *im, clf__im_module *m);
/* An autoregressive layer of nflows' form: its MADE is `net`. */
clf_status clf__im_nflows_ar(clf__im *im, clf__im_module *m, clf__im_module *net);
clf_status clf__im_nflows_coupling(clf__im *im,
                                   clf__im_module *m);           /* A coupling of nflows' form. */
clf_status clf__im_nflows_layer(clf__im *im, clf__im_module *m); /* Any transform of nflows. */
/* Entry i of a list, which has no tensors: the next word of the hint `gaps`. */
clf_status clf__im_gap(clf__im *im, const clf__im_module *list, int i);
clf_status clf__im_zuko(clf__im *im, clf__im_module *m);
clf_status clf__im_normflows(clf__im *im, clf__im_module *m);
clf_status clf__im_freia(clf__im *im, clf__im_module *m);
clf_status clf__im_sbi(clf__im *im, clf__im_module *m);
/* For a posterior: adds the bounds of its prior as the first layer, and its default x. */
clf_status clf__im_sbi_posterior(clf__im *im);
clf_status clf__im_sbi_observation(clf__im *im);

#endif
