/* SPDX-License-Identifier: MIT */
/* sbi.c: density estimators and posteriors of sbi: flows of nflows or zuko with z-scores, a prior,
 * and the observation that they were conditioned on. */
#include <string.h>
#include "import_private.h"

clf_status clf__im_sbi(clf__im *im, clf__im_module *m) {
  clf__im_module *net = clf__im_child(m, "net");
  im->library = CLF_IM_SBI;
  if (clf__im_child(net, "_transform")) {
    CLF_TRY(clf__im_nflows(im, net));
    clf__im_skip_all(clf__im_child(m, "_embedding_net")); /* the same module as that of the net */
    return CLF_OK;
  }
  CLF_TRY(clf__im_zuko(im, net));
  return clf__im_embedding(im, clf__im_child(m, "_embedding_net"));
}
