/* SPDX-License-Identifier: MIT */
/* net.h: what a net promises the layers and bases that own one.  Private.
 *
 * A net is any function of samples: the conditioner of the field.  u (n, out) = net(x (n, in), c).
 * The context, where there is one, is in the pass. */
#ifndef CLF_NET_H
#define CLF_NET_H
#include "pass.h"

struct clf__node;
struct clf__map;

/* A net's tensors in a workspace: net->tensors of them, laid out by plan(). */
typedef struct clf__net_memory {
  clf_tensor t[1];
} clf__net_memory;

typedef struct clf__net clf__net;

typedef struct clf__net_ops {
  const char *name; /* as in arch.def */
  /* Reads n->node, n->in, n->context, n->out and what masked nets need; sets n->tensors; adds parts
   * with names that begin with `path`.  Errors: EINVAL says what does not fit; ENOMEM. */
  clf_status (*make)(clf__net *n, clf__slots *slots, const char *path);
  void (*unmake)(clf__net *n);                                     /* (optional) */
  void (*draw)(const clf__net *n, clf__host_random *r, double *c); /* (optional) constants */
  void (*init)(const clf__net *n, clf__host_random *r, double *w); /* (optional) */
  /* (optional) Adds u[i mod count] to the bias of output i. */
  void (*shift)(const clf__net *n, const double *u, int32_t count, double *w);
  void (*derive)(const clf__net *n, double *c); /* (masked nets) constants that follow from order */
  /* Lays out what calls of up to `rows` rows need, in three rooms: what a forward pass leaves for
   * its backward pass; (optional) what stays there even where the rest is computed again:
   * statistics of a batch; (optional) what one call alone needs, which nets of all layers share. */
  clf_status (*plan)(const clf__net *n, int32_t rows, int train, clf_arena *a, clf__net_memory *k);
  clf_status (*keep)(const clf__net *n, int32_t rows, int train, clf_arena *a, clf__net_memory *k);
  clf_status (*scratch)(const clf__net *n, int32_t rows, int train, clf_arena *a,
                        clf__net_memory *k);
  clf_status (*finish)(const clf__net *n, const clf__pass *p); /* (optional) masks gradients */
  /* (optional) Sets values that the first batch decides, from what the net is about to read. */
  clf_status (*fit)(const clf__net *n, const clf__pass *p, clf__net_memory *k, clf_tensor x);
  clf_status (*forward)(const clf__net *n, const clf__pass *p, clf__net_memory *k, clf_tensor x,
                        clf_tensor u);
  /* Given x of the last forward that kept and dL/du: adds to gradients (where they are wanted) and
   * to p->dc, and writes dx; dx without a buffer: it is not wanted. */
  clf_status (*backward)(const clf__net *n, const clf__pass *p, clf__net_memory *k, clf_tensor x,
                         clf_tensor du, clf_tensor dx);
  /* (masked nets, optional) x = the inverse of y = map(x; net(x)), each hidden unit computed once;
   * ENOTSUP: not for this map, so that the caller evaluates the net once for each dimension. */
  clf_status (*sweep)(const clf__net *n, const clf__pass *p, clf__net_memory *k,
                      const struct clf__map *map, clf_tensor y, clf_tensor x, clf_tensor logdet);
  int masked; /* 1: for autoregressive layers */
} clf__net_ops;

struct clf__net {
  const clf__net_ops *ops;
  const struct clf__node *node;
  int32_t in, context, out;
  int of_context; /* 1: its input is the context, and it is given no other */
  /* Masked nets: out = in * numbers, dimension-major.  The place of each dimension in the order of
   * the autoregressive layer (0 first), and how many numbers each dimension has. */
  const int32_t *order;
  int32_t numbers;
  int32_t passes;   /* groups of dimensions; 0: each on its own */
  clf__shape shape; /* of what it reads, where that is an image */
  int pixels;       /* CLF_PIXELS_ALL, or of a checkerboard those that it reads */
  int tensors;      /* that it keeps in a workspace; set by make */
  unsigned traits;  /* CLF_HAS_BATCH_STATISTICS of layer.h */
  uint64_t key;     /* its own place among the flow's nets, for dropout */
  void *own;
};

/* Makes a net of a node of arch.def, with n->in, n->context, n->out and what masked nets need set.
 */
clf_status clf__net_make(clf__net *n, const struct clf__node *node, clf__slots *slots,
                         const char *path);
void clf__net_unmake(clf__net *n);
/* What a net of n samples reads: x, or the context where there is nothing else. */
static inline clf_tensor clf__net_input(const clf__net *n, const clf__pass *p, clf_tensor x) {
  return n->of_context ? p->c : x;
}
/* Makes a net without inputs read the context as its input; where there is none it stays as it is.
 */
static inline void clf__net_read_context(clf__net *n) {
  n->of_context = n->in == 0 && n->context > 0;
  if (!n->of_context) return;
  n->in = n->context;
  n->context = 0;
}
/* backward of such a net: adds what comes through to p->dc.  dc is room for it, (n, in). */
static inline clf_status clf__net_backward_context(const clf__net *n, const clf__pass *p,
                                                   clf__net_memory *k, clf_tensor du,
                                                   clf_tensor dc) {
  CLF_TRY(n->ops->backward(n, p, k, p->c, du, p->dc.buf ? dc : (clf_tensor){0}));
  return p->dc.buf ? clf_do(p->dev, axpby, .x = dc, .y = p->dc, .a = 1, .b = 1) : CLF_OK;
}

/* The units of a net's hidden layers, by its node alone; 0: it has none. */
int32_t clf__net_hidden(const struct clf__node *node);
/* Whether it normalises its units or channels over the batch. */
int clf__net_normalises(const struct clf__node *node);
/* Whether it is a residual net, whose spline numbers nflows scales. */
int clf__net_is_residual(const struct clf__node *node);
/* Memory for a net; *kept, where it is NULL, becomes one malloc'ed block for its tensors.  Layers
 * with rooms of their own lay out those of their net in each; `plan_all` has all three in one. */
clf_status clf__net_plan(const clf__net *n, int32_t rows, int train, clf_arena *a, void **memory);
clf_status clf__net_keep(const clf__net *n, int32_t rows, int train, clf_arena *a, void **memory);
clf_status clf__net_scratch(const clf__net *n, int32_t rows, int train, clf_arena *a,
                            void **memory);
clf_status clf__net_plan_all(const clf__net *n, int32_t rows, int train, clf_arena *a,
                             void **memory);

#endif
