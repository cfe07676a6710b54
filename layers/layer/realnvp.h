/* SPDX-License-Identifier: MIT */
/* realnvp.h: the multi-scale flow's insides, as its two files share them.  Private.
 *
 * At each scale but the last: three checkerboard couplings; a squeeze; three channel
 * couplings; the squeeze undone; and half of the pixels, those with odd h + w, factored
 * out as latents, while the others go on as an image of half the size and twice the
 * channels.  At the last scale: four checkerboard couplings.  (Dinh et al. 2017, section
 * 3.6, in the recursion of the released code.) */
#ifndef CLF_REALNVP_H
#define CLF_REALNVP_H
#include "image_coupling.h"

enum { CLF_MAX_COUPLINGS = 6 * (CLF_MAX_SCALES - 1) + 4 };

typedef struct clf__realnvp {
  clf__part constants; /* that stand for statistics where there is no normalisation */
  int scales, couplings;
  clf__image_coupling coupling[CLF_MAX_COUPLINGS]; /* six a scale, and the last one's four */
  int32_t most_channels; /* that any of them changes, or its network has */
} clf__realnvp;

/* Of scale s: vectors that hold an image of it, or half of one. */
typedef struct clf__scale_kept {
  clf_tensor x[3];                 /* after each checkerboard coupling but the last scale's last */
  clf_tensor squeezed, half, full; /* before, between and after the channel couplings */
  clf_tensor unsqueezed, split;    /* after them; its pixels by parity: to go on, to factor out */
  clf_tensor latents;              /* likewise, of z */
  clf_tensor dx[2], dsqueezed, dhalf, dfull, dunsqueezed, dsplit, dlatents; /* gradients */
} clf__scale_kept;

typedef struct clf__realnvp_kept {
  clf__mode mode; /* of the last forward */
  int rebuilt;    /* planned as CLF_REBUILT: couplings are evaluated again on the way back */
  clf__image_scratch scratch;
  clf__scale_kept scale[CLF_MAX_SCALES];
  clf__image_coupling_kept coupling[CLF_MAX_COUPLINGS];
} clf__realnvp_kept;

/* The image of scale s that lies in a vector. */
static inline int32_t clf__scale_channels(const clf_flow_spec *spec, int s) {
  return spec->channels << s;
}
static inline clf_tensor clf__scale_image(const clf__image_pass *p, int s, clf_tensor flat) {
  const clf_flow_spec *spec = &p->l->spec;
  return clf__image(flat, p->n, clf__scale_channels(spec, s), spec->height >> s, spec->width >> s);
}

/* From scale s on: both ways, and the gradient.  Images are views of any strides. */
clf_status clf__scale_forward(const clf__image_pass *p, const clf__realnvp_kept *k, int s,
                              clf_tensor x, clf_tensor z, clf_tensor logdet);
clf_status clf__scale_inverse(const clf__image_pass *p, const clf__realnvp_kept *k, int s,
                              clf_tensor z, clf_tensor x, clf_tensor logdet);
clf_status clf__scale_backward(const clf__image_pass *p, const clf__realnvp_kept *k, int s,
                               clf_tensor x, clf_tensor dz, float dlogdet, clf_tensor dx);

#endif
