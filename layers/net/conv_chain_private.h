/* SPDX-License-Identifier: MIT */
/* conv_chain_private.h: shared by the passes of conv_chain.c, conv_chain_backward.c and
 * conv_context.c. */
#ifndef CLF_CONV_CHAIN_PRIVATE_H
#define CLF_CONV_CHAIN_PRIVATE_H
#include "conv_chain.h"

/* Tensors of a net: those that all layers share, then those of each layer.  JOINT and GATE are J c
 * + j or its gradient, a number for each channel; JOINED is the input with the context after it. */
enum { UNUSED, SCRATCH, WAITING = SCRATCH + 4, JOINT, SHARED };
enum { STATS, NORMED, GAINED, ACT, DROPPED, JOINED, GATE, UNGATED, RAW, VALUE, SLOTS };

/* From the value before a layer to the input of its convolution; own: without the context. */
typedef struct clf__conv_stages {
  clf_tensor value, normed, act, own, a;
  int drops;
} clf__conv_stages;

clf_tensor clf__conv_image(const clf__net *n, clf_tensor rows, int32_t channels);
clf_tensor clf__conv_slot(const clf__net *n, const clf__net_memory *k, int l, int slot,
                          int32_t rows);
clf__conv_stages clf__conv_stages_of(const clf__net *n, const clf__pass *p,
                                     const clf__net_memory *k, int l, clf_tensor x);
/* Dense channels-last images with one row per pixel. */
static inline clf_tensor clf__conv_pixels(clf_tensor t) {
  const int32_t C = t.dim[1];
  return (clf_tensor){.buf = t.buf,
                      .offset = t.offset,
                      .dim = {t.dim[0] * t.dim[2] * t.dim[3], C, 1, 1},
                      .stride = {C, 1, 1, 1}};
}
/* Channels of the input of layer l's convolution. */
int32_t clf__conv_inputs(const clf__net *n, int l);

/* ---- The context: conv_context.c ------------------------------------------------------------- */

/* Before the convolution: puts the context after its input, or J c + j where it will be added. */
clf_status clf__conv_context_before(const clf__net *n, const clf__pass *p, const clf__net_memory *k,
                                    int l, const clf__conv_stages *s, clf_tensor y);
/* y = v sigmoid(J c + j) + the value of an earlier layer, if there is one. */
clf_status clf__conv_context_gate(const clf__net *n, const clf__pass *p, const clf__net_memory *k,
                                  int l, clf_tensor v, clf_tensor y);
/* From dL/dy of what the two return to *dy of the convolution, which for a gate is then in dv; dg
 * is scratch memory for images. */
clf_status clf__conv_context_backward(const clf__net *n, const clf__pass *p,
                                      const clf__net_memory *k, int l, clf_tensor dv, clf_tensor dg,
                                      clf_tensor *dy);
/* Adds to p->dc from the gradient of the convolution's input; *da is then that of its own input. */
clf_status clf__conv_context_input_backward(const clf__net *n, const clf__pass *p, int l,
                                            clf_tensor *da);

clf__unit_norm_memory clf__conv_norm_memory(const clf__net *n, const clf__net_memory *k, int l,
                                            int32_t rows);

/* The random stream for the dropout of layer l. */
#define CLF_CONV_STREAM(n, p, l)                                                                   \
  .seed_lo = (int)(uint32_t)(p)->key, .seed_hi = (int)(uint32_t)((p)->key >> 32),                  \
  .stream = (int)(uint32_t)((n)->key * 256 + (uint64_t)(l)),                                       \
  .first_lo = (int)(uint32_t)(p)->first, .first_hi = (int)(uint32_t)((uint64_t)(p)->first >> 32)

#endif
