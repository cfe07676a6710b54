/* SPDX-License-Identifier: MIT */
/* component.h: a flow inside a blend: layers and a base, in the memory of the blend.  Private. */
#ifndef CLF_COMPONENT_H
#define CLF_COMPONENT_H
#include "layer.h"
#include "base.h"

typedef struct clf__component {
  clf__arch_list list;
  clf__layer *layer;
  int32_t layers;
  int32_t dim, sent; /* columns of a sample; how many of them splits send to the latent */
  clf__base base;
} clf__component;

/* Size of the path of an array, to which its name is appended; large enough for blends of
 * blends. */
enum { CLF_COMPONENT_PATH = 35 };
/* EINVAL if the result of snprintf() shows that a path was cut. */
clf_status clf__component_check_path(int length);

/* Component i of the blend b; call unmake also after an error. */
clf_status clf__component_make(clf__component *q, clf__base *b, int32_t i,
                               const clf__arch_flow *flow, clf__slots *slots, const char *path);
void clf__component_unmake(clf__component *q);

/* Memory of its layers; x[i] is the input of layer i, x[layers] that of its base. */
typedef struct clf__component_memory {
  clf__layer_memory *layer;
  clf_tensor *x;
  clf_tensor z, dz;   /* (n, sent) latents from splits, and their gradient */
  clf_tensor between; /* (n) log p of them */
  clf__base_memory base;
} clf__component_memory;

clf_status clf__component_keep(const clf__component *q, clf__component_memory *k);
void clf__component_release(const clf__component *q, clf__component_memory *k);
clf_status clf__component_plan(const clf__component *q, int32_t rows, int train, clf_arena *a,
                               clf__component_memory *k);

/* logp[n] = log p(x[n]); logdet is overwritten. */
clf_status clf__component_logp(const clf__component *q, const clf__pass *p,
                               clf__component_memory *k, clf_tensor x, clf_tensor logdet,
                               clf_tensor logp);
/* p->each is dL / dlogp; *dx becomes dL / dx, in one of two tensors (n, widest). */
clf_status clf__component_backward(const clf__component *q, const clf__pass *p,
                                   clf__component_memory *k, clf_tensor x,
                                   const clf_tensor buffers[2], clf_tensor *dx);
/* Draws samples, into k->x[0]. */
clf_status clf__component_sample(const clf__component *q, const clf__pass *p,
                                 clf__component_memory *k, uint64_t seed, int64_t first, int32_t n,
                                 clf_tensor logdet);
/* Sets values from the first batch; logdet is overwritten. */
clf_status clf__component_fit(const clf__component *q, const clf__pass *p, clf__component_memory *k,
                              clf_tensor x, clf_tensor logdet);
/* As for a base: checks the first layer, or the base, that reads x. */
int32_t clf__component_outside(const clf__component *q, const double *x, double interval[2]);

#endif
