/* SPDX-License-Identifier: MIT */
/* record.c: a flow is copied to a device that records, in double, and runs there for one row. */
#include "record.h"
#include <stdlib.h>

struct clf__recording {
  clf_device *dev;
  clf_flow *flow;     /* on that device */
  const clf_flow *of; /* whose scaling it is */
  clf_arena arena;
  clf_tensor in, given; /* (1, D) and (1, C): what callers give */
  clf_tensor row[4];    /* (1, D): two between layers at the head, latents, what is not scaled */
  clf_tensor mean, std; /* (D), if the flow scales its data */
  clf_tensor c_mean, c_std; /* (C), if it scales its context */
  clf_tensor unused;        /* (1) */
  clf__layer_memory *head;  /* of the layers at the head, which otherwise run on the host */
};

/* ---- The copy ---------------------------------------------------------------------------------
 */

static clf_status copy_vector(const clf_flow *from, clf_tensor a, clf_flow *to, clf_tensor b) {
  double *host = malloc(clf__count(&a) * sizeof *host);
  if (!host) return clf__fail(CLF_ENOMEM, "no memory for the weights of a flow");
  clf_status s = clf_read64(from->dev, a, host);
  if (!s) s = clf_write64(to->dev, b, host);
  free(host);
  return s;
}

static clf_status copy_flow(clf__recording *r, clf_flow *from) {
  CLF_TRY(clf_flow_create_arch(r->dev, from->arch, from->spec.seed, &r->flow));
  CLF_TRY(copy_vector(from, from->w, r->flow, r->flow->w));
  CLF_TRY(copy_vector(from, from->c, r->flow, r->flow->c));
  return clf__flow_derive_again(r->flow);
}

/* ---- Memory besides the workspace -------------------------------------------------------------
 */

static clf_status lay_out(clf__recording *r) {
  const int32_t D = r->of->spec.dim, C = r->of->context;
  CLF_TRY(clf_new(&r->arena, (int32_t[4]){1, D}, &r->in));
  for (int i = 0; i < 4; i++) CLF_TRY(clf_new(&r->arena, (int32_t[4]){1, D}, &r->row[i]));
  CLF_TRY(clf_new(&r->arena, (int32_t[4]){1}, &r->unused));
  CLF_TRY(clf_new(&r->arena, (int32_t[4]){D}, &r->mean));
  CLF_TRY(clf_new(&r->arena, (int32_t[4]){D}, &r->std));
  for (int i = 0; i < r->flow->head; i++)
    CLF_TRY(clf__layer_plan(&r->flow->layer[i], 1, CLF_VALUES, &r->arena, &r->head[i]));
  if (!C) return CLF_OK;
  CLF_TRY(clf_new(&r->arena, (int32_t[4]){1, C}, &r->given));
  CLF_TRY(clf_new(&r->arena, (int32_t[4]){C}, &r->c_mean));
  return clf_new(&r->arena, (int32_t[4]){C}, &r->c_std);
}

static clf_status make_memory(clf__recording *r) {
  r->head = calloc((size_t)r->flow->head + 1, sizeof *r->head);
  if (!r->head) return clf__fail(CLF_ENOMEM, "no memory to record a flow");
  r->arena.dev = r->dev;
  CLF_TRY(lay_out(r)); /* measures */
  CLF_TRY(clf_arena_init(&r->arena, r->dev, r->arena.used));
  CLF_TRY(lay_out(r));
  if (r->of->mean) {
    CLF_TRY(clf_write64(r->dev, r->mean, r->of->mean));
    CLF_TRY(clf_write64(r->dev, r->std, r->of->std));
  }
  if (r->of->c_mean) {
    CLF_TRY(clf_write64(r->dev, r->c_mean, r->of->c_mean));
    CLF_TRY(clf_write64(r->dev, r->c_std, r->of->c_std));
  }
  return clf__flow_reserve(r->flow, 1, CLF_VALUES);
}

clf_status clf__recording_begin(clf_flow *flow, clf__recording **out) {
  clf__recording *r = *out = calloc(1, sizeof *r);
  if (!r) return clf__fail(CLF_ENOMEM, "no memory to record a flow");
  r->of = flow;
  CLF_TRY(clf__recorder_open(&r->dev));
  CLF_TRY(copy_flow(r, flow));
  return make_memory(r);
}

void clf__recording_end(clf__recording *r) {
  if (!r) return;
  for (int i = 0; r->head && i < r->flow->head; i++)
    clf__layer_release(&r->flow->layer[i], &r->head[i]);
  free(r->head);
  clf_arena_free(&r->arena);
  clf_flow_free(r->flow);
  clf_close(r->dev);
  free(r);
}

/* ---- Passes -----------------------------------------------------------------------------------
 */

static clf_tensor logdet_of(const clf__recording *r) { return clf__rows(r->flow->ws.logdet, 1); }

/* y = (x - mean) / std, or back; logdet follows. */
static clf_status scale(clf__recording *r, clf_tensor x, clf_tensor mean, clf_tensor std,
                        clf_tensor y, clf_tensor logdet) {
  return clf_do(r->dev, scale_shift_inv, .y = x, .u = std, .shift = mean, .x = y, .logdet = logdet,
                .kind = CLF_FACTOR_PARAMETER);
}
static clf_status unscale(clf__recording *r, clf_tensor x, clf_tensor y, clf_tensor logdet) {
  return clf_do(r->dev, scale_shift_fwd, .x = x, .u = r->std, .shift = r->mean, .y = y,
                .logdet = logdet, .kind = CLF_FACTOR_PARAMETER);
}
static clf_status put(clf__recording *r, clf_tensor x, clf_tensor y) {
  return clf_do(r->dev, copy, .x = x, .y = y);
}

static clf_status give_context(clf__recording *r) {
  clf_flow *f = r->flow;
  if (!f->context) return CLF_OK;
  const clf_tensor c = clf__rows(f->ws.c, 1);
  CLF_TRY(clf_do(r->dev, fill, .y = r->unused, .value = 0));
  CLF_TRY(r->of->c_mean ? scale(r, r->given, r->c_mean, r->c_std, c, r->unused)
                        : put(r, r->given, c));
  return clf__flow_embed(f, 1, CLF_EVAL);
}

static int runs_at_head(const clf__layer *l) { return !(l->traits & CLF_IS_STANDARDIZE); }

/* Layers at the head and the scaling, which the host computes elsewhere, to `to`. */
static clf_status head_forward(clf__recording *r, clf_tensor to) {
  clf_flow *f = r->flow;
  const clf__pass p = clf__flow_pass(f, CLF_EVAL, 1);
  clf_tensor x = r->in;
  for (int i = 0; i < f->head; i++) {
    if (!runs_at_head(&f->layer[i])) continue;
    CLF_TRY(clf__layer_forward(&f->layer[i], &p, &r->head[i], x, r->row[i % 2], logdet_of(r)));
    x = r->row[i % 2];
  }
  return r->of->mean ? scale(r, x, r->mean, r->std, to, logdet_of(r)) : put(r, x, to);
}

/* And back, from x; the result is in *to. */
static clf_status head_inverse(clf__recording *r, clf_tensor x, clf_tensor *to) {
  clf_flow *f = r->flow;
  const clf__pass p = clf__flow_pass(f, CLF_EVAL, 1);
  if (r->of->mean) {
    CLF_TRY(unscale(r, x, r->row[3], logdet_of(r)));
    x = r->row[3];
  }
  for (int i = f->head - 1; i >= 0; i--) {
    if (!runs_at_head(&f->layer[i])) continue;
    CLF_TRY(clf__layer_inverse(&f->layer[i], &p, &r->head[i], x, r->row[i % 2], logdet_of(r)));
    x = r->row[i % 2];
  }
  *to = x;
  return CLF_OK;
}

/* ---- Programs ---------------------------------------------------------------------------------
 */

static clf_status begin(clf__recording *r, clf__program *p, int has_row) {
  clf__recorder_begin(r->dev, &p->trace);
  if (has_row) CLF_TRY(clf__recorder_input(r->dev, r->in, &p->in));
  if (r->of->context) CLF_TRY(clf__recorder_input(r->dev, r->given, &p->context));
  CLF_TRY(clf__flow_prepare(r->flow));
  CLF_TRY(give_context(r));
  return clf_do(r->dev, fill, .y = logdet_of(r), .value = 0);
}

static clf_status forward(clf__recording *r, clf__program *p, int wants_density) {
  clf_flow *f = r->flow;
  const clf_tensor x = clf__rows(f->ws.x[0], 1), logp = clf__rows(f->ws.logp, 1);
  clf_tensor z;
  CLF_TRY(begin(r, p, 1));
  CLF_TRY(head_forward(r, x));
  CLF_TRY(clf__flow_forward(f, x, logdet_of(r), CLF_EVAL, &z));
  if (wants_density) {
    CLF_TRY(clf__flow_logp(f, z, logdet_of(r), CLF_EVAL, logp));
    return clf__recorder_output(r->dev, logp, &p->scalar);
  }
  CLF_TRY(clf__recorder_output(r->dev, z, &p->out));
  return clf__recorder_output(r->dev, logdet_of(r), &p->scalar);
}

static clf_status inverse(clf__recording *r, clf__program *p, int draws) {
  clf_flow *f = r->flow;
  const clf_tensor z = draws ? r->row[2] : r->in;
  clf_tensor x;
  CLF_TRY(begin(r, p, !draws));
  if (draws) CLF_TRY(clf__flow_draw_latents(f, 0, 0, z));
  CLF_TRY(clf__flow_inverse(f, z, logdet_of(r), CLF_EVAL, &x));
  CLF_TRY(head_inverse(r, x, &x));
  CLF_TRY(clf__recorder_output(r->dev, x, &p->out));
  return draws ? CLF_OK : clf__recorder_output(r->dev, logdet_of(r), &p->scalar);
}

static clf_status record(clf__recording *r, clf__program_kind kind, clf__program *p) {
  switch (kind) {
  case CLF_PROGRAM_LOG_PROB: return forward(r, p, 1);
  case CLF_PROGRAM_TRANSFORM: return forward(r, p, 0);
  case CLF_PROGRAM_INVERSE: return inverse(r, p, 0);
  default: return inverse(r, p, 1);
  }
}

clf_status clf__record(clf__recording *r, clf__program_kind kind, clf__program *p) {
  int32_t ends[4];
  int inputs = 0, outputs = 0;
  *p = (clf__program){.in = -1, .context = -1, .out = -1, .scalar = -1};
  const clf_status s = record(r, kind, p);
  clf__recorder_end(r->dev);
  CLF_TRY(s);
  if (p->in >= 0) ends[inputs++] = p->in;
  if (p->context >= 0) ends[inputs++] = p->context;
  if (p->out >= 0) ends[inputs + outputs++] = p->out;
  if (p->scalar >= 0) ends[inputs + outputs++] = p->scalar;
  return clf__recorded_place(&p->trace, ends, inputs, ends + inputs, outputs);
}
