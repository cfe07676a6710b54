/* SPDX-License-Identifier: MIT */
/* gradient.c: gradients of log p by samples and by their context. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "blocks.h"
#include "chunk.h"

/* Reads dx and dc of the chunk from the device; ws.de has the gradient of the nets' context. */
static clf_status get_gradients(clf__chunk *c, clf_tensor du) {
  const clf_flow *f = c->f;
  const clf__arrays *a = c->a;
  const int32_t D = f->spec.dim, C = f->context;
  double *dx = a->dx + c->first * D, *dc = a->dc ? a->dc + c->first * C : NULL;
  CLF_TRY(clf_read64(f->dev, du, dx));
  for (int32_t i = 0; i < c->n; i++)
    CLF_TRY(clf__head_backward(f, a->in + (c->first + i) * D, 1, dx + (int64_t)i * D));
  if (!dc) return CLF_OK;
  CLF_TRY(clf_read64(f->dev, clf__rows(f->ws.dc.buf ? f->ws.dc : f->ws.de, c->n), dc));
  for (int64_t i = 0; i < (int64_t)c->n * C && f->c_std; i++) dc[i] /= f->c_std[i % C];
  return CLF_OK;
}

static clf_status gradient_chunk(clf__chunk *c) {
  clf_flow *f = c->f;
  clf_tensor x, z, logdet, du;
  const clf_tensor logp = clf__rows(f->ws.logp, c->n);
  f->ws.each = (clf_tensor){0};
  if (f->context) CLF_TRY(clf_do(f->dev, fill, .y = f->ws.de, .value = 0));
  CLF_TRY(clf__forward_rows(c, CLF_KEEP, &x, &z, &logdet));
  CLF_TRY(clf__flow_logp(f, z, logdet, CLF_KEEP, logp));
  double *out = c->a->out ? c->a->out + c->first : c->host;
  CLF_TRY(clf_read64(f->dev, logp, out));
  for (int32_t i = 0; i < c->n; i++) {
    out[i] += c->head[i];
    if (!isfinite(out[i]))
      return clf__refuse_row(f, clf__row_number(f, c->first + i),
                             c->a->in + (c->first + i) * f->spec.dim);
  }
  const clf_tensor dz = clf_slice(clf__rows(f->ws.dx[0], c->n), 1, 0, z.dim[1]);
  CLF_TRY(clf__flow_base_backward(f, z, 1, dz));
  CLF_TRY(clf__flow_backward(f, x, dz, 1, &du));
  CLF_TRY(clf__flow_embed_backward(f, c->n));
  return get_gradients(c, du);
}

/* Gradients of weights are discarded, but the passes add to them. */
static clf_status gradients(clf_flow *f, int64_t n, const clf__arrays *a) {
  CLF_TRY(clf__flow_need_gradient(f));
  const clf_status s = clf__in_chunks(f, n, a, CLF_STORED, gradient_chunk);
  const clf_status cleared = clf__flow_clear_gradient(f);
  return s ? s : cleared;
}

clf_status clf_log_prob_gradient(clf_flow *f, const double *x, const double *c, int64_t n,
                                 double *logp, double *dx, double *dc) {
  CLF_GIVEN("flow, x, dx", f, x, dx);
  if (dc && !c) return clf__fail(CLF_EINVAL, "a gradient by the context, and none is given");
  return gradients(f, n, &(clf__arrays){.in = x, .c = c, .out = logp, .dx = dx, .dc = dc});
}

clf_status clf_log_prob_tensor(clf_flow *f, clf_tensor x, clf_tensor c, clf_tensor logp) {
  CLF_GIVEN("flow, x, logp", f, x.buf, logp.buf);
  if (!f->context != !c.buf)
    return clf__fail(CLF_EINVAL, f->context ? "the flow takes a context, and none is given"
                                            : "the flow takes no context");
  CLF_TRY(clf__flow_reserve(f, x.dim[0], CLF_VALUES));
  if (f->context) CLF_TRY(clf_do(f->dev, copy, .x = c, .y = clf__rows(f->ws.c, x.dim[0])));
  CLF_TRY(clf__flow_embed(f, x.dim[0], CLF_EVAL));
  return clf__flow_evaluate(f, x, logp);
}
