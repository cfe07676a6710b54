/* SPDX-License-Identifier: MIT */
/* layer.h: what a layer promises the flow.  Private.
 *
 * A layer is an invertible map y = f(x) of samples (n, D).  It owns no memory on
 * the device: its weights are a part of the flow's flat vector, its gradient the
 * same part of another, and what it keeps between the two passes lies in the
 * flow's workspace. */
#ifndef CLF_LAYER_H
#define CLF_LAYER_H
#include "backend.h"
#include "clflow/flow.h"
#include "host_random.h"

enum { CLF_KEPT = 12, CLF_MAX_SCALES = 8 };

/* What a workspace provides for beside values: backward by what forward kept of every part, or
 * by what is computed again, part by part, in memory that all parts share. */
enum { CLF_VALUES, CLF_STORED, CLF_REBUILT };

/* A layer's tensors in a workspace of so many rows; a call may use fewer. */
typedef struct clf__kept {
  clf_tensor t[CLF_KEPT];
  clf_tensor rebuilt; /* (rows, D): backward leaves the layer's input here, where it rebuilt it */
  clf_tensor unused;  /* (rows): log-dets of what is computed again */
  void *own;          /* one malloc'ed block, for layers that keep more; the workspace frees it */
} clf__kept;

/* What a forward pass is for. */
typedef enum clf__mode {
  CLF_EVAL, /* values alone */
  CLF_KEEP, /* backward follows */
  CLF_TRAIN /* backward follows; batches are normalised by themselves, and running statistics move
             */
} clf__mode;

typedef struct clf__layer clf__layer;

typedef struct clf__layer_ops {
  const char *name;
  /* (optional) Makes and frees l->own, what the layer knows of itself. */
  clf_status (*make)(clf__layer *l);
  void (*unmake)(clf__layer *l);
  /* (optional) The weights that L2 regularisation applies to: *count from *first on. */
  void (*decayed)(const clf__layer *l, int64_t *first, int64_t *count);
  /* Trainable numbers, and constants (masks). */
  int64_t (*weights)(const clf__layer *l);
  int64_t (*constants)(const clf__layer *l);
  /* Initial values of both, on the host. */
  void (*init)(const clf__layer *l, clf__host_random *r, double *weights, double *constants);
  /* Appends the named parts of weights and constants; returns how many.  With
   * out = NULL only counts. */
  int (*params)(const clf__layer *l, clf_param *out);
  /* Lays out what calls of up to `rows` rows need; train: CLF_VALUES and so on. */
  clf_status (*plan)(const clf__layer *l, int32_t rows, int train, clf_arena *a, clf__kept *k);
  /* y = f(x);  logdet[n] += log |det df/dx|. */
  clf_status (*forward)(const clf__layer *l, const clf__kept *k, clf_tensor x, clf_tensor y,
                        clf_tensor logdet, clf__mode mode);
  /* x = f^-1(y);  logdet[n] -= log |det df/dx| */
  clf_status (*inverse)(const clf__layer *l, const clf__kept *k, clf_tensor y, clf_tensor x,
                        clf_tensor logdet);
  /* Given x, y of the last forward that kept, dL/dy and dL/dlogdet (one for all):
   * writes dL/dx, and adds to the gradient. */
  clf_status (*backward)(const clf__layer *l, const clf__kept *k, clf_tensor x, clf_tensor y,
                         clf_tensor dy, float dlogdet, clf_tensor dx);
  /* After a forward that kept: names the first part whose output is not finite, if there is one.
   * What was not stored is computed again, in CLF_TRAIN if it was.  May be NULL. */
  clf_status (*find_bad)(const clf__layer *l, const clf__kept *k, clf_tensor x, clf_tensor y,
                         char *name, size_t size);
  const char *output; /* what is named where the layer's output is not finite, but no part is */
} clf__layer_ops;

struct clf__layer {
  const clf__layer_ops *ops;
  clf_device *dev;
  clf_flow_spec spec;
  int fused;          /* couplings: one operation for all of them */
  void *own;          /* of `make` */
  double momentum;    /* share of a batch in the running statistics that it moves */
  clf_tensor w, g, c; /* its parts of weights, gradient (buf NULL: none) and constants */
};

extern const clf__layer_ops clf__couplings, clf__scaling, clf__piecewise, clf__logit,
    clf__realnvp_layer;

/* ---- For layers ------------------------------------------------------------------- */

/* The first n rows. */
static inline clf_tensor clf__rows(clf_tensor t, int32_t n) { return clf_slice(t, 0, 0, n); }

/* Elements begin .. of a flat vector as a matrix with `pitch` from row to row. */
static inline clf_tensor clf__matrix(clf_tensor flat, int64_t begin, int32_t rows, int32_t cols,
                                     int32_t pitch) {
  return (clf_tensor){.buf = flat.buf,
                      .offset = flat.offset + (int32_t)begin,
                      .dim = {rows, cols, 1, 1},
                      .stride = {pitch, 1, 1, 1}};
}
static inline clf_tensor clf__vector(clf_tensor flat, int64_t begin, int32_t n, int32_t pitch) {
  return (clf_tensor){.buf = flat.buf,
                      .offset = flat.offset + (int32_t)begin,
                      .dim = {n, 1, 1, 1},
                      .stride = {pitch, 1, 1, 1}};
}

clf_param clf__param(clf_tensor at, int rank, int trainable, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Whether every element of t is finite. */
clf_status clf__is_finite(clf_device *dev, clf_tensor t, int *finite);

/* ---- The two ways to run couplings (couplings.c chooses) ----------------------------- */

typedef struct clf__coupling_nets {          /* views into the weights or the gradient */
  clf_tensor S1, s1, S2, s2, T1, t1, T2, t2; /* matrices and biases; S, s unused by nice */
} clf__coupling_nets;
int clf__couplings_fused(const clf_device *dev, const clf_flow_spec *spec);
/* Whether whole training steps may be fused, where that pays. */
int clf__couplings_in_steps(void);
clf_tensor clf__coupling_masks(const clf__layer *l); /* (L, D) */
/* Whether forward, loss and backward of a flow of this layer alone are one operation; and it: the
 * loss of rows x that count `weight` each, its gradient added to the layer's. */
int clf__couplings_have_nll(const clf__layer *l);
clf_status clf__couplings_nll(const clf__layer *l, clf_tensor x, clf_tensor loss, float weight);
clf__coupling_nets clf__nets_of(const clf_flow_spec *spec, clf_tensor flat, int l);

clf_status clf__unfused_plan(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                             clf__kept *k);
clf_status clf__unfused_forward(const clf__layer *l, const clf__kept *k, clf_tensor x, clf_tensor y,
                                clf_tensor logdet, clf__mode mode);
clf_status clf__unfused_inverse(const clf__layer *l, const clf__kept *k, clf_tensor y, clf_tensor x,
                                clf_tensor logdet);
clf_status clf__unfused_backward(const clf__layer *l, const clf__kept *k, clf_tensor y,
                                 clf_tensor dy, float dlogdet, clf_tensor dx);

#endif
