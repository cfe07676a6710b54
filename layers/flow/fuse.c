/* SPDX-License-Identifier: MIT */
/* fuse.c: whether a whole training step is one operation, by rules on the expanded list.  Layers
 * decide which of them run together: clf__layer_ops.joins. */
#include "flow_private.h"
#include "mlp_coupling.h"

/* All layers run as one, and are followed only by log N(0, I). */
int clf__flow_has_nll(const clf_flow *f) {
  return f->stages == 1 && f->base.ops->standard && clf__mlp_has_nll(f->stage[0].l);
}

clf_status clf__flow_nll(clf_flow *f, clf_tensor x, clf_tensor loss, float weight) {
  clf__pass p = clf__flow_pass(f, CLF_TRAIN, x.dim[0]);
  p.gradients = (clf__vectors){.w = f->g, .d = f->dg};
  return clf__mlp_nll(f->stage[0].l, &p, x, loss, weight);
}

/* Couplings that run as one, optionally followed by a scaling. */
int clf__flow_has_steps(const clf_flow *f) {
  const int scaled = f->stages == 2 && f->stage[1].l->ops == &clf__layer_scale;
  return (f->stages == 1 || scaled) && f->stage[0].l->ops == &clf__mlp_coupling &&
         f->base.ops->standard && clf__mlp_in_steps();
}
