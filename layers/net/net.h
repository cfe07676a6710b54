/* SPDX-License-Identifier: MIT */
/* net.h: the interface of nets, which layers and bases own.  Private.
 *
 * A net is any function of samples, called conditioner in the literature: u (n, out) = net(x (n,
 * in), c).  The context, if there is one, is in the pass. */
#ifndef CLF_NET_H
#define CLF_NET_H
#include "arch_private.h"
#include "pass.h"

struct clf__map;

/* A net's tensors in a workspace: net->tensors of them, allocated by plan(). */
typedef struct clf__net_memory {
  clf_tensor t[1];
} clf__net_memory;

typedef struct clf__net clf__net;

typedef struct clf__net_ops {
  const char *name; /* as in arch.def */
  /* Reads n->node, n->in, n->context, n->out and what masked nets need; sets n->tensors; adds
   * slots with names that begin with `path`.  Errors: EINVAL names what does not fit; ENOMEM. */
  clf_status (*make)(clf__net *n, clf__slots *slots, const char *path);
  void (*unmake)(clf__net *n);                                     /* (optional) */
  void (*draw)(const clf__net *n, clf__host_random *r, double *c); /* (optional) constants */
  void (*init)(const clf__net *n, clf__host_random *r, double *w); /* (optional) */
  /* (optional) Adds u[i mod count] to the bias of output i. */
  void (*shift)(const clf__net *n, const double *u, int32_t count, double *w);
  void (*derive)(const clf__net *n, double *c); /* (masked nets) constants that follow from order */
  /* Allocate tensors for calls of up to `rows` rows, in three parts: plan: what a forward pass
   * stores for its backward pass; keep (optional): what is stored even if the rest is
   * recomputed, such as statistics of a batch; scratch (optional): what a single call needs, in
   * memory that the nets of all layers share. */
  clf_status (*plan)(const clf__net *n, int32_t rows, int train, clf_arena *a, clf__net_memory *k);
  clf_status (*keep)(const clf__net *n, int32_t rows, int train, clf_arena *a, clf__net_memory *k);
  clf_status (*scratch)(const clf__net *n, int32_t rows, int train, clf_arena *a,
                        clf__net_memory *k);
  clf_status (*finish)(const clf__net *n, const clf__pass *p); /* (optional) masks gradients */
  /* (optional) Sets values from the first batch, from the net's input. */
  clf_status (*fit)(const clf__net *n, const clf__pass *p, clf__net_memory *k, clf_tensor x);
  clf_status (*forward)(const clf__net *n, const clf__pass *p, clf__net_memory *k, clf_tensor x,
                        clf_tensor u);
  /* Given x of the last forward with stored values, and dL/du: adds to gradients (if they are
   * computed) and to p->dc, and writes dx; dx without a buffer: not needed. */
  clf_status (*backward)(const clf__net *n, const clf__pass *p, clf__net_memory *k, clf_tensor x,
                         clf_tensor du, clf_tensor dx);
  /* (masked nets, optional) x = the inverse of y = map(x; net(x)), computing each hidden unit
   * once; ENOTSUP: not with this map, and the caller evaluates the net once for each dimension. */
  clf_status (*sweep)(const clf__net *n, const clf__pass *p, clf__net_memory *k,
                      const struct clf__map *map, clf_tensor y, clf_tensor x, clf_tensor logdet);
} clf__net_ops;

struct clf__net {
  const clf__net_ops *ops;
  const clf__node *node;
  int32_t in, context, out;
  int of_context; /* 1: its only input is the context */
  /* Masked nets: out = in * numbers, dimension-major.  The position of each dimension in the
   * order of the autoregressive layer (from 0), and the number of parameters of each dimension. */
  const int32_t *order;
  int32_t numbers;
  int32_t passes;   /* groups of dimensions; 0: each dimension by itself */
  clf__shape shape; /* of its input, if that is an image */
  int pixels;       /* CLF_PIXELS_ALL, or the pixels of a checkerboard that it reads */
  int tensors;      /* number of tensors in a workspace; set by make */
  unsigned traits;  /* CLF_HAS_BATCH_STATISTICS of pass.h */
  uint64_t key;     /* identifies it among the flow's nets, for dropout */
  void *own;
};

/* Creates the net of a node by the functions in clf__net_<id>, where <id> is that of its row in
 * arch.def, with n->in, n->context, n->out and what masked nets need set. */
clf_status clf__net_make(clf__net *n, const clf__node *node, clf__slots *slots, const char *path);
void clf__net_unmake(clf__net *n);
/* Draws initial weights of a net that computes the map's parameters; if the map's starts_nets is
 * set, the net's outputs start around start(). */
void clf__net_init_for(const clf__net *n, const struct clf__map *m, clf__host_random *r, double *w);
/* The input of a net for n samples: x, or the context if there is no other input. */
static inline clf_tensor clf__net_input(const clf__net *n, const clf__pass *p, clf_tensor x) {
  return n->of_context ? p->c : x;
}
/* Makes a net without inputs read the context; without a context it does not change. */
static inline void clf__net_read_context(clf__net *n) {
  n->of_context = n->in == 0 && n->context > 0;
  if (!n->of_context) return;
  n->in = n->context;
  n->context = 0;
}
/* The backward pass of such a net: adds to p->dc.  dc is scratch memory, (n, in). */
static inline clf_status clf__net_backward_context(const clf__net *n, const clf__pass *p,
                                                   clf__net_memory *k, clf_tensor du,
                                                   clf_tensor dc) {
  CLF_TRY(n->ops->backward(n, p, k, p->c, du, p->dc.buf ? dc : (clf_tensor){0}));
  return p->dc.buf ? clf_do(p->dev, axpby, .x = dc, .y = p->dc, .a = 1, .b = 1) : CLF_OK;
}

/* The units of a net's hidden layers, from its node; 0: none. */
int32_t clf__net_hidden(const clf__node *node);
/* Whether it normalises its units or channels over the batch. */
int clf__net_normalises(const clf__node *node);
/* Whether it is a residual net, for which nflows scales spline parameters. */
int clf__net_is_residual(const clf__node *node);
/* Memory for a net; a NULL *memory becomes one malloc'ed block for its tensors.  Layers allocate
 * each part of their net in their own part; `plan_all` allocates all three together. */
clf_status clf__net_plan(const clf__net *n, int32_t rows, int train, clf_arena *a, void **memory);
clf_status clf__net_keep(const clf__net *n, int32_t rows, int train, clf_arena *a, void **memory);
clf_status clf__net_scratch(const clf__net *n, int32_t rows, int train, clf_arena *a,
                            void **memory);
clf_status clf__net_plan_all(const clf__net *n, int32_t rows, int train, clf_arena *a,
                             void **memory);

#endif
