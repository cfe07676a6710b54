/* SPDX-License-Identifier: MIT */
/* arch_spec.c: converts the four kinds of clf_flow_spec to architectures. */
#include <stdlib.h>
#include "arch_private.h"
#include "flow_private.h"

static void text(clf__out *o, const char *s) { clf__out_text(o, s); }

static void whole(clf__out *o, const char *before, int64_t v) {
  text(o, before);
  clf__out_int(o, v);
}

static void real(clf__out *o, const char *before, double v) {
  text(o, before);
  clf__out_real(o, v);
}

/* The lecture's couplings: two nets, which read all dimensions, with zeros for the transformed
 * ones. */
static void couplings(clf__out *o, const clf_flow_spec *s) {
  text(o, "(coupling(");
  if (s->kind == CLF_NICE)
    text(o, "add");
  else
    real(o, "affine(scale=tanh, clamp=", s->s_max), text(o, ")");
  whole(o, ", mlp(", s->hidden);
  text(o, "x1, tanh");
  if (s->kind == CLF_NVP) text(o, ", separate=1");
  whole(o, "), mask=random, inputs=masked))*", s->depth);
  if (s->kind == CLF_NICE) text(o, ", scale");
}

static void piecewise(clf__out *o, const clf_flow_spec *s) {
  whole(o, "piecewise(bins=", s->bins);
  real(o, ", xmin=", s->xmin);
  real(o, ", xmax=", s->xmax);
  whole(o, ", tails=", s->tails);
  text(o, ")");
}

/* ---- Images ---------------------------------------------------------------------------------- */

/* A coupling whose net has `features`; even < 0: it alternates by its index. */
static void image_coupling(clf__out *o, const clf_flow_spec *s, const char *mask, int features,
                           int even) {
  const int with_norm = !s->variant.no_norm;
  text(o, ", coupling(affine(scale=realnvp");
  if (!s->variant.scale_first) text(o, ", first=1");
  whole(o, "), convresnet(", features);
  whole(o, "x", s->blocks);
  if (with_norm) text(o, ", bn=1");
  text(o, ", like=realnvp");
  if (s->variant.bn_rho > 0) real(o, ", rho=", s->variant.bn_rho);
  text(o, "), mask=");
  text(o, mask);
  if (even >= 0) whole(o, ", even=", even);
  text(o, ")");
  if (!with_norm) return;
  text(o, ", batchnorm(eps=0.0001, transformed=1");
  if (s->variant.bn_rho > 0) real(o, ", rho=", s->variant.bn_rho);
  text(o, ")");
}

/* Each scale but the last: checkerboard couplings, channel couplings of the squeezed image, and
 * a split that sends half of the elements to the latent; the last scale has a fourth
 * checkerboard. */
static void image_layers(clf__out *o, const clf_flow_spec *s) {
  const clf_realnvp_variant *const v = &s->variant;
  real(o, "pixels(alpha=", s->alpha);
  whole(o, ", levels=", s->levels);
  text(o, v->paper_logit ? ", paper=1)" : ")");
  for (int k = 0; k < s->scales; k++) {
    const int last = k == s->scales - 1;
    for (int i = 0; i < 3 + last; i++)
      image_coupling(o, s, "checker", s->hidden << k, v->odd_first ? 1 - i % 2 : -1);
    if (last) return;
    text(o, ", squeeze");
    for (int i = 0; i < 3; i++) image_coupling(o, s, "channel", s->hidden << (k + 1), -1);
    text(o, ", ~squeeze, squeeze(order=checker), split(place=1)");
  }
}

clf_status clf_arch_of_spec(const clf_flow_spec *spec, clf_arch **arch) {
  CLF_GIVEN("spec, arch", spec, arch);
  CLF_TRY(clf__spec_check(spec));
  clf__out o = {0};
  if (spec->kind == CLF_REALNVP) {
    whole(&o, "", spec->height);
    whole(&o, "x", spec->width);
    whole(&o, "x", spec->channels);
  } else {
    whole(&o, "", spec->dim);
  }
  text(&o, ": ");
  if (spec->kind == CLF_REALNVP)
    image_layers(&o, spec);
  else if (spec->kind == CLF_PIECEWISE)
    piecewise(&o, spec);
  else
    couplings(&o, spec);
  text(&o, " -> normal");
  const clf_status s =
      o.failed ? clf__fail(CLF_ENOMEM, "no memory for an architecture") : clf_arch_parse(o.s, arch);
  free(o.s);
  return s;
}
