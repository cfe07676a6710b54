/* SPDX-License-Identifier: MIT */
/* layer.h: the interface of layers.  Private.
 *
 * A layer is an invertible map y = f(x) of samples (n, D) in density direction, from data to
 * latents.  It owns no device memory: its weights are slots of the flow's flat vectors
 * (slots.h), and its tensors are in the flow's workspace. */
#ifndef CLF_LAYER_H
#define CLF_LAYER_H
#include <stdlib.h>
#include "arch_private.h"
#include "pass.h"

enum { CLF_KEPT = 12, CLF_MAX_SCALES = 8 };

/* A layer's tensors in a workspace; a call may use fewer rows than were allocated. */
typedef struct clf__layer_memory {
  clf_tensor t[CLF_KEPT];
  clf_tensor rebuilt; /* (rows, D): where backward leaves the layer's input if it rebuilds it */
  clf_tensor unused;  /* (rows): log-dets of recomputed layers */
  clf_tensor z, dz;   /* (rows, to_z): what a split sends to the latent, and its gradient */
  void *own; /* one malloc'ed block for layers that have more tensors; freed by the workspace */
} clf__layer_memory;

typedef struct clf__layer clf__layer;

typedef struct clf__layer_ops {
  const char *name; /* as in arch.def */
  /* Reads l->node and l->in.  Sets l->out, l->to_z and l->traits where they differ from those of
   * a layer that keeps the shape.  Creates l->own.  Adds its slots, with names that begin with
   * `path`.
   * Errors: EINVAL names what does not fit; ENOMEM. */
  clf_status (*make)(clf__layer *l, clf__slots *slots, const char *path);
  void (*unmake)(clf__layer *l); /* (optional) Frees l->own, also after a failed make. */
  /* (optional) Initial values on the host, in addition to those of clf__slots_add().  Constants
   * of all layers are drawn before weights of any.  w and c are whole vectors. */
  void (*draw)(const clf__layer *l, clf__host_random *r, double *c);
  void (*init)(const clf__layer *l, clf__host_random *r, double *w);
  /* (optional) Sets constants that follow from constants which were drawn or read from a file;
   * on the host, c is the whole vector.  Errors: EFORMAT names what is invalid. */
  clf_status (*derive)(const clf__layer *l, double *c);
  /* (optional) The net that it owns, whose tensors are in k->own; NULL: none. */
  const struct clf__net *(*net)(const clf__layer *l);
  /* (optional) Allocate tensors for calls of up to `rows` rows, in three parts of the workspace;
   * train: CLF_VALUES, CLF_STORED or CLF_REBUILT.
   * plan: what forward stores for backward.
   * keep: what is stored even if the rest is recomputed (statistics of a batch).
   * scratch: what only a single call needs, in memory that all layers share. plan calls the plan
   * of the net; keep and scratch of a net are called by clf__layer_keep() and
   * clf__layer_scratch(). */
  clf_status (*plan)(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                     clf__layer_memory *k);
  clf_status (*keep)(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                     clf__layer_memory *k);
  clf_status (*scratch)(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                        clf__layer_memory *k);
  /* (optional) Frees memory that k->own points to, but not that block itself. */
  void (*release)(const clf__layer *l, clf__layer_memory *k);
  /* (optional) Computes derived arrays from weights, before the first pass after a change. */
  clf_status (*prepare)(const clf__layer *l, const clf__pass *p);
  /* (optional) After backward over a whole batch: turns gradients of derived arrays into
   * gradients of weights, and masks those of masked weights. */
  clf_status (*finish)(const clf__layer *l, const clf__pass *p);
  /* (optional) Sets values from the first batch, before its first forward; p->each counts its
   * samples. */
  clf_status (*fit)(const clf__layer *l, const clf__pass *p, clf__layer_memory *k, clf_tensor x);
  /* y = f(x);  logdet[n] += log |det df/dx|. */
  clf_status (*forward)(const clf__layer *l, const clf__pass *p, clf__layer_memory *k, clf_tensor x,
                        clf_tensor y, clf_tensor logdet);
  /* x = f^-1(y);  logdet[n] -= log |det df/dx| */
  clf_status (*inverse)(const clf__layer *l, const clf__pass *p, clf__layer_memory *k, clf_tensor y,
                        clf_tensor x, clf_tensor logdet);
  /* Given x and y of the last forward with stored values, and dL/dy: writes dL/dx and adds to
   * gradients. */
  clf_status (*backward)(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                         clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx);
  /* (optional) The gradient through the inverse: given y and x of the last inverse with stored
   * values, dL/dx and, in the pass, dL/dlogdet of the inverse: writes dL/dy and adds to
   * gradients.  Uses implicit differentiation at the solution. */
  clf_status (*backward_inverse)(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                 clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy);
  /* (optional) On the host: the first column of a sample that is outside of the layer's domain,
   * and the interval it must be in; -1: none. */
  int32_t (*outside)(const clf__layer *l, const double *x, double interval[2]);
  /* (optional) The interval of a one-dimensional layer that is piecewise on it. */
  void (*interval)(const clf__layer *l, double interval[2]);
  /* (optional) One row on the host, in double and in place, for layers at the head of a list,
   * which then never run on the device; returns the log-det.  Backward turns dL/dy into dL/dx
   * and adds dlogdet times the gradient of the log-det; x is the layer's input. */
  double (*host_forward)(const clf__layer *l, double *x);
  double (*host_inverse)(const clf__layer *l, double *y);
  void (*host_backward)(const clf__layer *l, const double *x, double dlogdet, double *dx);
  /* (optional) After a forward with stored values: the name of the first value that is not
   * finite, if any.  Values that were not stored are recomputed, in CLF_TRAIN if that was the
   * mode. */
  clf_status (*find_bad)(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                         clf_tensor x, clf_tensor y, char *name, size_t size);
  /* (optional) Tracks columns through a layer that moves them: places[i] is the data column of
   * input column i; on return, of output column i.  `sent`: those of what goes to the latent. */
  clf_status (*trace)(const clf__layer *l, int32_t *places, int32_t *sent);
  /* (optional) Whether `next` can be fused with l and the layers that l has taken. */
  int (*joins)(const clf__layer *l, const clf__layer *next);
  const char *output; /* (optional) name of a non-finite output in messages; NULL: the label */
  int alternates;     /* 1: it counts among the alternating layers of its list (see turn) */
  unsigned traits;    /* of every layer of this type; make() may add to l->traits */
} clf__layer_ops;

struct clf__layer {
  const clf__layer_ops *ops;
  const clf__node *node; /* its members, as in arch.def */
  clf_device *dev;
  clf_flow_spec spec;       /* of the presets that have a kind */
  int index;                /* index in the expanded list */
  int inverted;             /* 1: its forward is the inverse */
  int at_head;              /* 1: first in the list, or preceded only by layers on the host */
  int count;                /* number of layers, from this one on, that run as one; 1: not fused */
  int turn;                 /* index among the alternating layers of the list (couplings) */
  const clf__layer *before; /* the layer with the previous turn; NULL: none */
  const clf__layer *prev, *next; /* its neighbours in the list; NULL: none */
  int32_t context;               /* dimension of the context that nets receive; 0: none */
  clf__shape in, out;
  int32_t to_z; /* elements of a sample that it sends to the latent */
  unsigned traits;
  void *own;      /* created by `make` */
  char label[64]; /* its name in messages: "layers.3" */
};

extern const clf__layer_ops clf__mlp_coupling, clf__layer_scale, clf__layer_piecewise,
    clf__layer_pixels;

/* The functions of the layer in clf__layer_<id>, where <id> is that of its row in arch.def.
 * EINVAL: the node is not a layer, or one of images in a build without them. */
clf_status clf__layer_of(const clf__node *node, const clf__layer_ops **ops);

/* Memory of the layer and of its net: see clf__layer_ops. */
clf_status clf__layer_plan(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                           clf__layer_memory *k);
clf_status clf__layer_keep(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                           clf__layer_memory *k);
clf_status clf__layer_scratch(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                              clf__layer_memory *k);
/* Gives a layer that sends elements to the latent its columns of rows z, and of their gradient
 * dz if that has a buffer: those from *at on, which is advanced. */
void clf__layer_place(const clf__layer *l, clf__layer_memory *k, clf_tensor z, clf_tensor dz,
                      int32_t *at);
/* Its traits combined with those of its net, after make(). */
unsigned clf__layer_traits(const clf__layer *l);

/* The four passes in list direction: of an inverted layer, forward and inverse are exchanged. */
clf_status clf__layer_forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                              clf_tensor x, clf_tensor y, clf_tensor logdet);
clf_status clf__layer_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                              clf_tensor y, clf_tensor x, clf_tensor logdet);
clf_status clf__layer_backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                               clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx);
clf_status clf__layer_backward_inverse(const clf__layer *l, const clf__pass *p,
                                       clf__layer_memory *k, clf_tensor y, clf_tensor x,
                                       clf_tensor dx, clf_tensor dy);

/* `unmake` of layers whose `own` is a single block. */
void clf__layer_free_own(clf__layer *l);

/* Frees a layer's memory on the host. */
static inline void clf__layer_release(const clf__layer *l, clf__layer_memory *k) {
  if (l->ops->release && k->own) l->ops->release(l, k);
  free(k->own);
}

/* Whether every element of t is finite. */
clf_status clf__is_finite(clf_device *dev, clf_tensor t, int *finite);

#endif
