/* SPDX-License-Identifier: MIT */
/* spline_blocks.h: the loops over blocks of the operations of splines, whatever their order.  Each
 * kind of spline has two functions of a block; `s` is its own description of the call. */
#ifndef CLF_REF_SPLINE_BLOCKS_H
#define CLF_REF_SPLINE_BLOCKS_H
#include "maps.h"

enum { SPLINE_BINS = 64 }; /* the most of a spline */

/* `to` and log(dy/dx) from `from`: y from x or, with inverse = 1, x from y.  May change `from`. */
typedef void block_values_fn(const void *s, const block *b, lanes from, int inverse, lanes to,
                             lanes log_slopes);
/* Defines such a function, block_values(), from those of a kind of spline: get(s, b, &q) makes a
 * `splines` from the parameters of a block. */
#define SPLINE_BLOCK_VALUES(spline, splines, get, forward, invert)                                 \
  static void block_values(const void *s, const block *b, lanes from, int inverse, lanes to,       \
                           lanes log_slopes) {                                                     \
    const spline *const call = s;                                                                  \
    splines q;                                                                                     \
    get(call, b, &q);                                                                              \
    if (inverse)                                                                                   \
      invert(call, &q, from, to, log_slopes);                                                      \
    else                                                                                           \
      forward(call, &q, from, to, log_slopes);                                                     \
  }
/* The gradients through the spline or, with inverse = 1, through its inverse, at x: dL by the
 * argument, `in`, and by its parameters, du, from dL by the result, `out`, and dL by the log-det.
 * May change x. */
typedef void block_backward_fn(const void *s, const block *b, lanes x, const lanes out,
                               const lanes dl, int inverse, lanes in, lanes *du);

/* Samples first .. end - 1 of rqs_fwd and rqs_inv, and the like. */
static inline void spline_values(const void *s, block_values_fn *values, int inverse,
                                 const clf_tensor *from, const clf_tensor *columns,
                                 const clf_tensor *to, const clf_tensor *logdet, int first,
                                 int end) {
  copy_samples(from, to, first, end);
  for (block b = block_first(from, columns, first, end); b.count > 0;
       block_next(&b, from, columns, first, end)) {
    lanes v, w, log_slopes;
    block_get(&b, from, v);
    values(s, &b, v, inverse, w, log_slopes);
    block_put(&b, to, w);
    block_add(&b, logdet, inverse ? -1 : 1, log_slopes);
  }
}

/* The tensors of rqs_bwd and rqs_inv_bwd, and the like. */
typedef struct spline_gradients {
  const clf_tensor *x, *columns, *out, *dl, *in, *du;
  float dlogdet;
} spline_gradients;

static inline void spline_backward(const void *s, block_backward_fn *backward, int inverse,
                                   spline_gradients g, int first, int end) {
  enum { NUMBERS_MOST = 3 * SPLINE_BINS + 1 };
  copy_samples(g.out, g.in, first, end);
  for (block b = block_first(g.x, g.columns, first, end); b.count > 0;
       block_next(&b, g.x, g.columns, first, end)) {
    lanes x, dl, out, in, du[NUMBERS_MOST];
    block_get(&b, g.x, x);
    block_get(&b, g.out, out);
    block_get_dl(&b, g.dl, g.dlogdet, dl);
    backward(s, &b, x, out, dl, inverse, in, du);
    block_put(&b, g.in, in);
    block_put_numbers(&b, g.du, du);
  }
}
#endif
