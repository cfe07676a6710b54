/* SPDX-License-Identifier: MIT */
/* record.c: copies a flow to a recording device, and runs the copy there in double for one row. */
#include "record.h"
#include <stdlib.h>
#include "chunk.h"
#include "device_head.h"

struct clf__recording {
  clf_device *dev;
  clf_flow *flow; /* on that device */
  clf_arena arena;
  clf_tensor in, given; /* (1, D) and (1, C): the caller's row and context */
  clf_tensor out;       /* (1, D): a row, or drawn latents */
};

/* ---- The copy -------------------------------------------------------------------------------- */

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
  if (from->mean) CLF_TRY(clf_flow_set_scaling(r->flow, from->mean, from->std));
  if (from->c_mean) CLF_TRY(clf__flow_set_context_scaling(r->flow, from->c_mean, from->c_std));
  return clf__flow_derive_again(r->flow);
}

static clf_status lay_out(clf__recording *r) {
  const int32_t D = r->flow->spec.dim, C = r->flow->context;
  CLF_TRY(clf_new(&r->arena, (int32_t[4]){1, D}, &r->in));
  CLF_TRY(clf_new(&r->arena, (int32_t[4]){1, D}, &r->out));
  return C ? clf_new(&r->arena, (int32_t[4]){1, C}, &r->given) : CLF_OK;
}

static clf_status make_memory(clf__recording *r) {
  r->arena.dev = r->dev;
  CLF_TRY(lay_out(r)); /* measures */
  CLF_TRY(clf_arena_init(&r->arena, r->dev, r->arena.used));
  CLF_TRY(lay_out(r));
  CLF_TRY(clf__flow_reserve(r->flow, 1, CLF_VALUES));
  return clf__device_head_reserve(r->flow, 1);
}

clf_status clf__recording_begin(clf_flow *flow, clf__recording **out) {
  clf__recording *r = *out = calloc(1, sizeof *r);
  if (!r) return clf__fail(CLF_ENOMEM, "no memory to record a flow");
  CLF_TRY(clf__recorder_open(&r->dev));
  CLF_TRY(copy_flow(r, flow));
  return make_memory(r);
}

void clf__recording_end(clf__recording *r) {
  if (!r) return;
  clf_arena_free(&r->arena);
  clf_flow_free(r->flow);
  clf_close(r->dev);
  free(r);
}

/* ---- Programs -------------------------------------------------------------------------------- */

static clf_tensor logdet_of(const clf__recording *r) { return clf__rows(r->flow->ws.logdet, 1); }

static clf_status begin(clf__recording *r, clf__program *p, int has_row) {
  clf__recorder_begin(r->dev, &p->trace);
  if (has_row) CLF_TRY(clf__recorder_input(r->dev, r->in, &p->in));
  if (r->flow->context) CLF_TRY(clf__recorder_input(r->dev, r->given, &p->context));
  CLF_TRY(clf__flow_prepare(r->flow));
  CLF_TRY(clf__device_head_context(r->flow, r->given));
  return clf_do(r->dev, fill, .y = logdet_of(r), .value = 0);
}

static clf_status forward(clf__recording *r, clf__program *p, int wants_density) {
  clf_flow *f = r->flow;
  const clf_tensor x = clf__rows(f->ws.x[0], 1), logp = clf__rows(f->ws.logp, 1);
  clf_tensor z;
  CLF_TRY(begin(r, p, 1));
  CLF_TRY(clf__device_head_forward(f, r->in, x, logdet_of(r)));
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
  const clf_tensor z = clf__latents(f, 1);
  clf_tensor u;
  CLF_TRY(begin(r, p, !draws));
  CLF_TRY(draws ? clf__flow_draw_latents(f, 0, 0, z) : clf_do(r->dev, copy, .x = r->in, .y = z));
  CLF_TRY(clf__flow_inverse(f, z, logdet_of(r), CLF_EVAL, &u));
  CLF_TRY(clf__device_head_inverse(f, u, r->out, logdet_of(r)));
  CLF_TRY(clf__recorder_output(r->dev, r->out, &p->out));
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
