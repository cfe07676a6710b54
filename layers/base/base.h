/* SPDX-License-Identifier: MIT */
/* base.h: the interface of base distributions.  Private.
 *
 * log p(x) = log base(f(x)) + log |det df/dx|.  A base owns some of the flow's weights, as layers
 * do, and may have a net of the context. */
#ifndef CLF_BASE_H
#define CLF_BASE_H
#include "arch_private.h"
#include "pass.h"

enum { CLF_BASE_KEPT = 16 };

typedef struct clf__base_memory {
  clf_tensor t[CLF_BASE_KEPT];
  void *own; /* one malloc'ed block, freed by the workspace */
} clf__base_memory;

typedef struct clf__base clf__base;

typedef struct clf__base_ops {
  const char *name; /* as in arch.def */
  /* Reads b->node, b->dim and b->context; adds slots with names that begin with `path`. */
  clf_status (*make)(clf__base *b, clf__slots *slots, const char *path);
  void (*unmake)(clf__base *b); /* (optional) */
  /* (optional) As in layers: constants, initial weights, derived constants. */
  void (*draw)(const clf__base *b, clf__host_random *r, double *c);
  void (*init)(const clf__base *b, clf__host_random *r, double *w);
  clf_status (*derive)(const clf__base *b, double *c);
  clf_status (*plan)(const clf__base *b, int32_t rows, int train, clf_arena *a,
                     clf__base_memory *k); /* (optional) */
  /* (optional) Frees memory that k->own points to, but not that block itself. */
  void (*release)(const clf__base *b, clf__base_memory *k);
  clf_status (*prepare)(const clf__base *b, const clf__pass *p); /* (optional) as in layers */
  clf_status (*finish)(const clf__base *b, const clf__pass *p);  /* (optional) */
  /* (optional) Sets values from the first batch, before its first logp. */
  clf_status (*fit)(const clf__base *b, const clf__pass *p, clf__base_memory *k, clf_tensor z);
  /* logp[n] = log base(z[n]) + logdet[n]; -inf outside of the support. */
  clf_status (*logp)(const clf__base *b, const clf__pass *p, clf__base_memory *k, clf_tensor z,
                     clf_tensor logdet, clf_tensor logp);
  /* The gradient of L, where dL/dlogp[n] = p->dlogdet * each[n]: writes dz, adds to gradients
   * and p->dc.  After logp in a pass with stored values. */
  clf_status (*backward)(const clf__base *b, const clf__pass *p, clf__base_memory *k, clf_tensor z,
                         clf_tensor dz);
  /* Draws samples first .. first + n - 1 of the stream `seed`: sample i depends only on (seed,
   * i), the weights and its context.  If p->at_centre, what the sample is scattered around
   * instead: the mean, location or middle of its distribution or component. */
  clf_status (*sample)(const clf__base *b, const clf__pass *p, clf__base_memory *k, uint64_t seed,
                       int64_t first, clf_tensor z);
  /* (optional) The gradient through samples z, which `sample` drew from the same stream: from
   * dL/dz, adds to gradients of the base's own parameters, with the random words held fixed.  A
   * base that has parameters but no such gradient, or the trait CLF_NO_SAMPLE_GRADIENT, cannot
   * be trained against a log-density. */
  clf_status (*sample_backward)(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                                uint64_t seed, int64_t first, clf_tensor z, clf_tensor dz);
  /* (optional) ENUM names a row with an invalid context, such as a class that does not exist. */
  clf_status (*check_context)(const clf__base *b, const double *c, int64_t row);
  /* (optional) The first column of z outside of the support, and its interval; -1: none. */
  int32_t (*outside)(const clf__base *b, const double *z, double interval[2]);
  int no_latents; /* 1: its samples are not latents of the flow: a mixture of flows */
  int standard;   /* 1: N(0, I) without weights, which fused operations support */
} clf__base_ops;

struct clf__base {
  const clf__base_ops *ops;
  const clf__node *node;
  clf_device *dev;
  int32_t dim, context;
  unsigned traits; /* of pass.h: CLF_HAS_BATCH_STATISTICS, CLF_NO_SAMPLE_GRADIENT; by make() */
  void *own;
};

/* The functions of the base in clf__base_<id>, where <id> is that of its row in arch.def.
 * EINVAL: the node is not a base. */
clf_status clf__base_of(const clf__node *node, const clf__base_ops **ops);

/* The noise of samples `first` and following, N(0, 1) of a stream; its centre 0 if p->at_centre. */
clf_status clf__base_noise(const clf__pass *p, int stream, uint64_t seed, int64_t first,
                           clf_tensor y);

extern const clf__base_ops clf__base_normal;

#endif
