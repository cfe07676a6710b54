/* SPDX-License-Identifier: MIT */
/* observation.c: the context of calls that are given none, which the flow's file carries. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "flow_private.h"
#include "safetensors.h"

clf_status clf_flow_set_observation(clf_flow *f, const double *c) {
  CLF_GIVEN("flow", f);
  if (c && !f->context) return clf__fail(CLF_EINVAL, "the flow takes no context");
  for (int32_t i = 0; c && i < f->context; i++)
    if (!isfinite(c[i]))
      return clf__fail(CLF_ENUM, "number %d of the observation is %g", (int)i + 1, c[i]);
  double *copy = c ? malloc((size_t)f->context * sizeof *copy) : NULL;
  if (c && !copy) return clf__fail(CLF_ENOMEM, "no memory for an observation");
  if (c) memcpy(copy, c, (size_t)f->context * sizeof *copy);
  free(f->observation);
  f->observation = copy;
  return CLF_OK;
}

const double *clf_flow_observation(const clf_flow *f) { return f ? f->observation : NULL; }

static const char *key(char text[64], int32_t i) {
  snprintf(text, 64, "clflow.observation.%d", (int)i);
  return text;
}

clf_status clf__put_observation(clf__st_writer *w, const clf_flow *f) {
  char text[64];
  for (int32_t i = 0; f->observation && i < f->context; i++)
    CLF_TRY(clf__st_put_meta_real(w, key(text, i), f->observation[i]));
  return CLF_OK;
}

clf_status clf__get_observation(const clf__st *st, clf_flow *f) {
  char text[64];
  if (!f->context || !clf__st_meta(st, key(text, 0))) return CLF_OK;
  double *c = malloc((size_t)f->context * sizeof *c);
  clf_status s = c ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for an observation");
  for (int32_t i = 0; i < f->context && !s; i++) s = clf__st_meta_real(st, key(text, i), &c[i]);
  if (!s) s = clf_flow_set_observation(f, c);
  free(c);
  return s;
}
