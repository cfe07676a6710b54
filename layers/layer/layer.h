/* SPDX-License-Identifier: MIT */
/* layer.h: what a layer promises the flow.  Private.
 *
 * A layer is an invertible map y = f(x) of samples (n, D), the density direction: from data to
 * latents.  It owns no memory on the device: its weights are parts of the flow's flat vectors
 * (parts.h), and what it keeps between two passes lies in the flow's workspace. */
#ifndef CLF_LAYER_H
#define CLF_LAYER_H
#include <stdlib.h>
#include "pass.h"

struct clf__node;

enum { CLF_KEPT = 12, CLF_MAX_SCALES = 8 };

/* A layer's tensors in a workspace; a call may use fewer rows than it has. */
typedef struct clf__kept {
  clf_tensor t[CLF_KEPT];
  clf_tensor rebuilt; /* (rows, D): backward leaves the layer's input here, where it rebuilt it */
  clf_tensor unused;  /* (rows): log-dets of what is computed again */
  clf_tensor z, dz;   /* (rows, to_z): what a split sends to the latent, and its gradient */
  void *own;          /* one malloc'ed block, for layers that keep more; the workspace frees it */
} clf__kept;

/* What the flow and its training have to know of a layer, or of the base. */
enum {
  CLF_HAS_BATCH_STATISTICS = 1, /* in training, a sample's values depend on its batch */
  CLF_KEEPS_VOLUME = 2,         /* its log-det is 0 */
  CLF_FIXED_VOLUME = 4,         /* its log-det does not depend on x */
  CLF_REBUILDS_BY_INVERSE = 8,  /* backward rebuilds inputs from outputs, so that they may be off */
  CLF_SHARES_ROWS = 16, /* its operations share rows out among threads: a flow of such layers
                           alone runs as it is, not in blocks of rows */
  CLF_NO_INVERSE_GRADIENT = 32,  /* training through its inverse is not possible */
  CLF_IS_BOUNDED = 64,           /* not every x lies in its domain */
  CLF_TAKES_PIXELS = 128,        /* it begins a flow of images: pixels in 0 .. levels */
  CLF_IS_STANDARDIZE = 256,      /* it standardises: at the head the flow's scaling stands for it */
  CLF_NOT_ON_HOST = 512,         /* at the head too it runs on the device */
  CLF_PLACES_LATENTS = 1024,     /* what it sends to the latent lies where it came from */
  CLF_NO_SAMPLE_GRADIENT = 2048, /* (bases) no gradient goes through its samples to its numbers */
  CLF_FITS_ROWS = 4096, /* `fit` wants many training rows, before the first step, not a batch */
  CLF_COULD_HAVE_TAILS = 8192 /* linear tails, an option of it, would widen its domain to all x */
};

typedef struct clf__layer clf__layer;

typedef struct clf__layer_ops {
  const char *name; /* as in arch.def */
  /* Reads l->node and l->in; sets l->out, l->to_z and l->traits where they are not those of a
   * layer that keeps shapes; makes l->own; adds its parts, with names that begin with `path`.
   * Errors: EINVAL says what does not fit; ENOMEM. */
  clf_status (*make)(clf__layer *l, clf__parts *parts, const char *path);
  void (*unmake)(clf__layer *l); /* (optional) frees l->own, also after a failed make */
  /* (optional) Initial values on the host, beyond what clf__parts_add() says.  Constants of all
   * layers are drawn before weights of any.  w and c are whole vectors. */
  void (*draw)(const clf__layer *l, clf__host_random *r, double *c);
  void (*init)(const clf__layer *l, clf__host_random *r, double *w);
  /* (optional) Sets constants that follow from others, which were drawn or read from a file: on the
   * host, c is the whole vector.  Errors: EFORMAT says what cannot be. */
  clf_status (*derive)(const clf__layer *l, double *c);
  /* (optional) The net that it owns, whose tensors are in k->own; NULL: none. */
  const struct clf__net *(*net)(const clf__layer *l);
  /* (optional) Lay out what calls of up to `rows` rows need, in three rooms; train: CLF_VALUES and
   * so on.  plan: what forward leaves for backward.  keep: what stays even where the rest is
   * computed again (statistics of a batch).  scratch: what one call alone needs, in memory that all
   * layers share.  Plan lays out its net's plan; the other two of a net are laid out for it. */
  clf_status (*plan)(const clf__layer *l, int32_t rows, int train, clf_arena *a, clf__kept *k);
  clf_status (*keep)(const clf__layer *l, int32_t rows, int train, clf_arena *a, clf__kept *k);
  clf_status (*scratch)(const clf__layer *l, int32_t rows, int train, clf_arena *a, clf__kept *k);
  /* (optional) Frees what k->own leads to, but not that block itself. */
  void (*release)(const clf__layer *l, clf__kept *k);
  /* (optional) Computes derived parts from weights: before the first pass after they changed. */
  clf_status (*prepare)(const clf__layer *l, const clf__pass *p);
  /* (optional) After backward over a whole batch: from gradients of derived parts to those of
   * weights, masked where weights are. */
  clf_status (*finish)(const clf__layer *l, const clf__pass *p);
  /* (optional) Sets values that the first batch decides, before its first forward; p->each counts
   * its samples. */
  clf_status (*fit)(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor x);
  /* y = f(x);  logdet[n] += log |det df/dx|. */
  clf_status (*forward)(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor x,
                        clf_tensor y, clf_tensor logdet);
  /* x = f^-1(y);  logdet[n] -= log |det df/dx| */
  clf_status (*inverse)(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor y,
                        clf_tensor x, clf_tensor logdet);
  /* Given x, y of the last forward that kept and dL/dy: writes dL/dx, and adds to gradients. */
  clf_status (*backward)(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor x,
                         clf_tensor y, clf_tensor dy, clf_tensor dx);
  /* (optional) The gradient through the inverse: given y and x of the last inverse that kept, dL/dx
   * and, in the pass, dL by the log-det of the inverse: writes dL/dy, and adds to gradients.  By
   * implicit differentiation at the solution. */
  clf_status (*backward_inverse)(const clf__layer *l, const clf__pass *p, clf__kept *k,
                                 clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy);
  /* (optional) The first column of a sample, on the host, that lies outside of the layer's domain,
   * and the interval that it must lie in; -1: none. */
  int32_t (*outside)(const clf__layer *l, const double *x, double interval[2]);
  /* (optional) The interval of a layer of one dimension that is made of pieces on it. */
  void (*interval)(const clf__layer *l, double interval[2]);
  /* (optional) One row on the host, in double and in place, for layers at the head of a list, which
   * then never run on the device: returns the log-det.  Backward: dL/dy becomes dL/dx with
   * dlogdet times the gradient of the log-det added; x is the layer's input. */
  double (*host_forward)(const clf__layer *l, double *x);
  double (*host_inverse)(const clf__layer *l, double *y);
  void (*host_backward)(const clf__layer *l, const double *x, double dlogdet, double *dx);
  /* (optional) After a forward that kept: names the first part whose output is not finite, if there
   * is one.  What was not stored is computed again, in CLF_TRAIN if it was. */
  clf_status (*find_bad)(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor x,
                         clf_tensor y, char *name, size_t size);
  /* (optional) Follows numbers of a sample through a layer that moves them: places[i] is the column
   * of the data that number i comes from; on return that of number i of the output.  `sent`: those
   * of what goes to the latent. */
  clf_status (*trace)(const clf__layer *l, int32_t *places, int32_t *sent);
  /* (optional) Whether `next` can be computed together with l and those that l has taken. */
  int (*joins)(const clf__layer *l, const clf__layer *next);
  const char
      *output;     /* (optional) what messages call an output that is not finite; NULL: the label */
  int alternates;  /* 1: it has a turn among the layers of its list that alternate */
  unsigned traits; /* of every layer of this kind; make() may add to l->traits */
} clf__layer_ops;

struct clf__layer {
  const clf__layer_ops *ops;
  const struct clf__node *node; /* its members, as arch.def has them */
  clf_device *dev;
  clf_flow_spec spec;       /* of the presets with a kind */
  int index;                /* in the expanded list */
  int inverted;             /* 1: its forward is the inverse */
  int at_head;              /* 1: it begins the list, or only layers on the host lie before it */
  int count;                /* layers from this one on that run as one, 1 where none are fused */
  int turn;                 /* its place among all layers of the list that alternate (couplings) */
  const clf__layer *before; /* the one with the turn before; NULL: none */
  const clf__layer *prev, *next; /* its neighbours in the list; NULL: none */
  int32_t context;               /* numbers of the context that nets are given; 0: none */
  clf__shape in, out;
  int32_t to_z; /* numbers that it sends to the latent */
  unsigned traits;
  void *own;      /* of `make` */
  char label[64]; /* what messages call it: "layers.3" */
};

extern const clf__layer_ops clf__mlp_coupling, clf__layer_scale, clf__layer_piecewise,
    clf__layer_pixels;

/* Memory of the layer and of its net: see clf__layer_ops. */
clf_status clf__layer_plan(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                           clf__kept *k);
clf_status clf__layer_keep(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                           clf__kept *k);
clf_status clf__layer_scratch(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                              clf__kept *k);
/* Gives a layer that sends numbers to the latent its columns of rows z, and of their gradient dz
 * unless that has no buffer: those from *at on, which moves behind them. */
void clf__layer_place(const clf__layer *l, clf__kept *k, clf_tensor z, clf_tensor dz, int32_t *at);
/* Its traits with those of its net, once it is made. */
unsigned clf__layer_traits(const clf__layer *l);

/* The four passes in a list's direction: those of a layer that is inverted are exchanged. */
clf_status clf__layer_forward(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor x,
                              clf_tensor y, clf_tensor logdet);
clf_status clf__layer_inverse(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor y,
                              clf_tensor x, clf_tensor logdet);
clf_status clf__layer_backward(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor x,
                               clf_tensor y, clf_tensor dy, clf_tensor dx);
clf_status clf__layer_backward_inverse(const clf__layer *l, const clf__pass *p, clf__kept *k,
                                       clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy);

/* Frees what a layer keeps on the host. */
static inline void clf__layer_release(const clf__layer *l, clf__kept *k) {
  if (l->ops->release && k->own) l->ops->release(l, k);
  free(k->own);
}

/* Whether every element of t is finite. */
clf_status clf__is_finite(clf_device *dev, clf_tensor t, int *finite);

#endif
