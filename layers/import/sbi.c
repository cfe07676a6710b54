/* SPDX-License-Identifier: MIT */
/* sbi.c: density estimators and posteriors of sbi: flows of nflows or zuko with z-scores, a prior,
 * and the observation that they were conditioned on. */
#include <stdlib.h>
#include <string.h>
#include "import_private.h"

clf_status clf__im_sbi(clf__im *im, clf__im_module *m) {
  clf__im_module *net = clf__im_child(m, "net");
  im->library = CLF_IM_SBI;
  CLF_TRY(clf__im_sbi_posterior(im));
  im->bounds = im->layers;
  if (clf__im_child(net, "_transform")) {
    CLF_TRY(clf__im_nflows(im, net));
    clf__im_skip_all(clf__im_child(m, "_embedding_net")); /* the same module as in the net */
  } else {
    CLF_TRY(clf__im_zuko(im, net));
    CLF_TRY(clf__im_embedding(im, clf__im_child(m, "_embedding_net")));
  }
  return clf__im_sbi_observation(im);
}

/* ---- The prior ---------------------------------------------------------------------------- */

static clf_status read_bounds(clf__im *im, const clf__pk *prior, const char *name, double **v,
                              int64_t *n) {
  clf__im_tensor t;
  CLF_TRY(clf__im_tensor_of(im->file, clf__pk_get(prior, name), &t));
  if (t.count < 1 || t.count > 1 << 16) return clf__fail(CLF_EFORMAT, "the prior has no bounds");
  *n = t.count;
  *v = malloc((size_t)t.count * sizeof **v);
  return *v ? clf__im_get(&t, *v) : clf__fail(CLF_ENOMEM, "no memory for a prior");
}

/* The density is zero outside the box of the prior. */
static clf_status box(clf__im *im, const clf__pk *prior) {
  double *low = NULL, *high = NULL;
  int64_t n = 0, m = 0;
  clf__im_text text = {0};
  clf_status s = read_bounds(im, prior, "low", &low, &n);
  if (!s) s = read_bounds(im, prior, "high", &high, &m);
  if (!s && n != m) s = clf__fail(CLF_EFORMAT, "the prior has bounds of different sizes");
  int same = 1;
  for (int64_t d = 1; !s && d < n; d++) same &= low[d] == low[0] && high[d] == high[0];
  if (!s && same) s = clf__im_layer(im, "within(%.17g, %.17g)", low[0], high[0]);
  for (int64_t d = 0; d < n && !s && !same; d++)
    s = clf__im_print(&text, "%s%lld: within(%.17g, %.17g)", d ? ", " : "", (long long)d, low[d],
                      high[d]);
  if (!s && !same) s = clf__im_layer(im, "columns(%s)", text.s);
  free(text.s);
  free(low);
  free(high);
  return s;
}

clf_status clf__im_sbi_posterior(clf__im *im) {
  const clf__pk *prior = clf__pk_get(clf__im_object(im->file), "prior");
  if (!prior || prior->kind != CLF_PK_OBJECT) return CLF_OK;
  const clf__pk *base = clf__pk_get(prior, "base_dist");
  const int is_box = strstr(clf__pk_class(prior), "BoxUniform") != NULL;
  if (is_box && clf__im_is_tensor(clf__pk_get(base, "low"))) return box(im, base);
  if (is_box && clf__im_is_tensor(clf__pk_get(prior, "low"))) return box(im, prior);
  return clf__im_note(
      im, "the prior, %s, is left out: the density is the estimator's also outside of it",
      clf__pk_class(prior));
}

/* ---- The observation ------------------------------------------------------------------------- */

/* posterior.set_default_x(x) */
clf_status clf__im_sbi_observation(clf__im *im) {
  const clf__pk *object = clf__im_object(im->file), *x = clf__pk_get(object, "_x");
  const int32_t context = im->given ? im->given : im->context;
  clf__im_tensor t;
  if (!x || !clf__im_is_tensor(x)) return CLF_OK;
  CLF_TRY(clf__im_tensor_of(im->file, x, &t));
  if (t.count != context)
    return clf__im_note(
        im, "the default x has %lld numbers, more than one observation of %d: it is left out",
        (long long)t.count, (int)context);
  im->x = malloc((size_t)t.count * sizeof *im->x);
  return im->x ? clf__im_get(&t, im->x) : clf__fail(CLF_ENOMEM, "no memory for an observation");
}
