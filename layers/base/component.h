/* SPDX-License-Identifier: MIT */
/* component.h: a flow inside a blend: layers and a base, in memory of the blend's own.  Private. */
#ifndef CLF_COMPONENT_H
#define CLF_COMPONENT_H
#include "layer.h"
#include "pieces.h"

typedef struct clf__component {
  clf__arch_list list;
  clf__layer *layer;
  int32_t layers;
  int32_t dim, sent; /* numbers of a sample, and how many of them splits send to the latent */
  clf__base base;
} clf__component;

/* Room for the path of a part, behind which its name goes on; blends of blends reach it. */
enum { CLF_COMPONENT_PATH = 35 };
/* EINVAL where snprintf() says that a path was cut. */
clf_status clf__component_check_path(int length);

/* Component i of the blend b; unmake also after a failure. */
clf_status clf__component_make(clf__component *q, clf__base *b, int32_t i,
                               const clf__arch_flow *flow, clf__slots *slots, const char *path);
void clf__component_unmake(clf__component *q);

/* What its layers keep; x[i] is what layer i reads, x[layers] what its base does. */
typedef struct clf__component_memory {
  clf__layer_memory *layer;
  clf_tensor *x;
  clf_tensor z, dz;   /* (n, sent) latents that splits send, and their gradient */
  clf_tensor between; /* (n) log p of these */
  clf__base_memory base;
} clf__component_memory;

clf_status clf__component_keep(const clf__component *q, clf__component_memory *k);
void clf__component_release(const clf__component *q, clf__component_memory *k);
clf_status clf__component_plan(const clf__component *q, int32_t rows, int train, clf_arena *a,
                               clf__component_memory *k);

/* logp[n] = log p(x[n]); logdet is written over. */
clf_status clf__component_logp(const clf__component *q, const clf__pass *p,
                               clf__component_memory *k, clf_tensor x, clf_tensor logdet,
                               clf_tensor logp);
/* p->each holds dL / dlogp; *dx becomes dL / dx, in one of two places (n, widest). */
clf_status clf__component_backward(const clf__component *q, const clf__pass *p,
                                   clf__component_memory *k, clf_tensor x,
                                   const clf_tensor place[2], clf_tensor *dx);
/* Samples, which end in k->x[0]. */
clf_status clf__component_sample(const clf__component *q, const clf__pass *p,
                                 clf__component_memory *k, uint64_t seed, int64_t first, int32_t n,
                                 clf_tensor logdet);
/* Sets values that the first batch decides; logdet is written over. */
clf_status clf__component_fit(const clf__component *q, const clf__pass *p, clf__component_memory *k,
                              clf_tensor x, clf_tensor logdet);
/* As of a base: by what reads x first. */
int32_t clf__component_outside(const clf__component *q, const double *x, double interval[2]);

#endif
