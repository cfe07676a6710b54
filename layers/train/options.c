/* SPDX-License-Identifier: MIT */
/* options.c: the options of a training: defaults and checks. */
#include <math.h>
#include "trainer.h"

clf_train_options clf_train_options_default(void) {
  return (clf_train_options){.epochs = 100,
                             .batch = 100,
                             .lr = 1e-2,
                             .beta1 = 0.9,
                             .beta2 = 0.999,
                             .eps = 1e-8,
                             .shuffle = 1};
}

clf_train_options clf_train_options_images(void) {
  clf_train_options o = clf_train_options_default();
  o.batch = 64;
  o.lr = 1e-3;
  o.eps_hat = 1;
  o.l2 = 5e-5;
  o.clip = 100;
  o.drops = 3;
  return o;
}

clf_status clf__check_train_options(const clf_train_options *o) {
  if (o->epochs < 1 || o->epochs > INT32_MAX)
    return clf__fail(CLF_EINVAL, "epochs is %lld; it must be 1 to %d", (long long)o->epochs,
                     INT32_MAX);
  if (o->batch < 1)
    return clf__fail(CLF_EINVAL, "batch is %d; it must be at least 1", (int)o->batch);
  /* Devices have these in float: what is in range here must be so there. */
  if (!((float)o->lr > 0 && o->lr < 1e6))
    return clf__fail(CLF_EINVAL, "lr is %g; it must be above 0 and below 1e6", o->lr);
  if (!(o->beta1 >= 0 && (float)o->beta1 < 1) || !(o->beta2 >= 0 && (float)o->beta2 < 1))
    return clf__fail(CLF_EINVAL, "beta1 and beta2 are %g and %g; they must be 0 to below 1",
                     o->beta1, o->beta2);
  if (!((float)o->eps > 0)) return clf__fail(CLF_EINVAL, "eps is %g; it must be above 0", o->eps);
  if (!(o->l2 >= 0 && isfinite((float)o->l2)))
    return clf__fail(CLF_EINVAL, "l2 is %g; it must be 0 or above", o->l2);
  if (!(o->clip >= 0 && isfinite((float)o->clip)))
    return clf__fail(CLF_EINVAL, "clip is %g; it must be 0 (none) or above", o->clip);
  if (o->activations < CLF_ACTIVATIONS_STORE || o->activations > CLF_ACTIVATIONS_AUTO)
    return clf__fail(CLF_EINVAL, "activations is %d; it must be 0 (store), 1 (reverse) or 2 (auto)",
                     o->activations);
  if (o->part < 0) return clf__fail(CLF_EINVAL, "part is %d; it must be 0 or above", (int)o->part);
  if (o->drops < 0 || o->drops > CLF_DROPS / 2)
    return clf__fail(CLF_EINVAL, "drops is %d; it must be 0 to %d", (int)o->drops, CLF_DROPS / 2);
  if (!(o->valid_split >= 0 && o->valid_split < 1))
    return clf__fail(CLF_EINVAL, "valid_split is %g; it must be 0 to below 1", o->valid_split);
  return CLF_OK;
}
