/* SPDX-License-Identifier: MIT */
/* passes.c: a flow's passes over samples on the device: forward, inverse, backward. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include "column.h"
#include "flow_private.h"

clf__pass clf__flow_pass(const clf_flow *f, clf__mode mode, int32_t n) {
  clf__pass p = {.dev = f->dev,
                 .mode = mode,
                 .weights = {f->w, f->c, f->d},
                 .momentum = f->momentum,
                 .first = f->drop_first,
                 .key = f->drop_key};
  const clf_tensor c = f->ws.e.buf ? f->ws.e : f->ws.c;
  if (c.buf) p.c = clf__rows(c, n);
  return p;
}

enum { FEW = 3 }; /* rows that cpu multiplies by transposed matrices faster than by others */

/* Prepares a pass over n rows.  Single rows use transposed matrices from the second pass with the
 * same weights on. */
static clf_status begin_pass(clf_flow *f, int32_t n, clf__mode mode, clf__pass *p) {
  const int again = clf__flow_is_prepared(f);
  f->ws.mode = mode;
  CLF_TRY(clf__flow_prepare(f));
  *p = clf__flow_pass(f, mode, n);
  if (n > FEW || mode != CLF_EVAL || f->in_pass || !again) return CLF_OK;
  CLF_TRY(clf__flow_transpose(f));
  if (f->derived.transposed) p->columns = f->derived.columns;
  return CLF_OK;
}

/* ---- Latents --------------------------------------------------------------------------------- */

/* Columns first .. first + count - 1 of the latents. */
static clf_tensor latents(clf_tensor z, int32_t first, int32_t count) {
  return clf_slice(z, 1, first, first + count);
}

/* Gives stages that send elements early their columns of n rows of latents (and of a gradient). */
static void place_latents(clf_flow *f, clf_tensor z, clf_tensor dz) {
  int32_t at = 0;
  for (int i = 0; i < f->stages && f->sends; i++)
    clf__layer_place(f->stage[i].l, &f->ws.memory[i], z, dz, &at);
}

/* The columns that go through every layer: the last ones. */
static clf_tensor through(const clf_flow *f, clf_tensor z) {
  return f->sends ? latents(z, f->spec.dim - f->base.dim, f->base.dim) : z;
}

/* The columns that layers sent early. */
static clf_tensor sent(const clf_flow *f, clf_tensor z) {
  return latents(z, 0, f->spec.dim - f->base.dim);
}
/* Whether these have another distribution than the others; a standard normal treats all as one. */
static int sends_apart(const clf_flow *f) { return f->sends && !f->base.ops->standard; }

/* Moves latents from the order in which they leave to their places (places.c), and back. */
static clf_status put_in_place(const clf_flow *f, clf_tensor z, clf_tensor placed) {
  const clf_tensor at = clf__slot_tensor(&(clf__vectors){.c = f->c}, &f->place_from);
  return clf_do(f->dev, columns_take, .x = z, .at = at, .y = placed);
}
static clf_status take_from_place(const clf_flow *f, clf_tensor placed, clf_tensor z) {
  const clf_tensor at = clf__slot_tensor(&(clf__vectors){.c = f->c}, &f->place_to);
  return clf_do(f->dev, columns_take, .x = placed, .at = at, .y = z);
}

/* ---- Forward, inverse ------------------------------------------------------------------------ */

clf_status clf__flow_forward(clf_flow *f, clf_tensor x, clf_tensor logdet, clf__mode mode,
                             clf_tensor *z) {
  const int32_t n = x.dim[0];
  clf__pass p;
  CLF_TRY(begin_pass(f, n, mode, &p));
  if (f->sends) place_latents(f, clf__rows(f->ws.z, n), (clf_tensor){0});
  for (int i = 0; i < f->stages; i++) {
    const clf__layer *l = f->stage[i].l;
    const clf_tensor y = clf__rows(f->ws.x[i + 1], n);
    CLF_TRY(clf__layer_forward(l, &p, &f->ws.memory[i], x, y, logdet));
    x = y;
  }
  *z = x;
  if (!f->sends) return CLF_OK;
  *z = clf__rows(f->ws.z, n);
  CLF_TRY(clf_do(f->dev, copy, .x = x, .y = through(f, *z)));
  if (!f->place_to.rank) return CLF_OK;
  *z = clf__rows(f->ws.placed, n);
  return put_in_place(f, clf__rows(f->ws.z, n), *z);
}

clf_status clf__flow_inverse(clf_flow *f, clf_tensor z, clf_tensor logdet, clf__mode mode,
                             clf_tensor *x) {
  const int32_t n = z.dim[0];
  clf__pass p;
  CLF_TRY(begin_pass(f, n, mode, &p));
  if (f->place_to.rank) {
    CLF_TRY(take_from_place(f, z, clf__rows(f->ws.z, n)));
    z = clf__rows(f->ws.z, n);
  }
  if (f->sends) place_latents(f, z, (clf_tensor){0});
  clf_tensor y = through(f, z);
  for (int i = f->stages - 1; i >= 0; i--) {
    const clf__layer *l = f->stage[i].l;
    const clf_tensor in = clf__rows(f->ws.x[i], n);
    CLF_TRY(clf__layer_inverse(l, &p, &f->ws.memory[i], y, in, logdet));
    y = in;
  }
  *x = y;
  return CLF_OK;
}

/* Stages up to the last one that is fitted; all of them if the base is. */
static int stages_to_fit(const clf_flow *f) {
  int n = f->base.ops->fit ? f->stages : 0;
  for (int i = n; i < f->stages; i++)
    if (f->stage[i].l->ops->fit) n = i + 1;
  return n;
}

int clf__flow_fits(const clf_flow *f) { return stages_to_fit(f) || f->base.ops->fit; }

/* Layer by layer, since each is fitted to the output of those before it. */
clf_status clf__flow_fit(clf_flow *f, clf_tensor x) {
  const int32_t n = x.dim[0];
  const int stages = stages_to_fit(f);
  const clf_tensor unused = clf__rows(f->ws.logp, n);
  clf__pass p = clf__flow_pass(f, CLF_EVAL, n);
  if (f->ws.each.buf) p.each = clf__rows(f->ws.each, n);
  if (!clf__flow_fits(f)) return CLF_OK;
  CLF_TRY(clf_do(f->dev, fill, .y = unused, .value = 0));
  if (f->sends) place_latents(f, clf__rows(f->ws.z, n), (clf_tensor){0});
  for (int i = 0; i < stages; i++) {
    const clf__layer *l = f->stage[i].l;
    const clf_tensor y = clf__rows(f->ws.x[i + 1], n);
    if (l->ops->fit && !l->inverted) CLF_TRY(l->ops->fit(l, &p, &f->ws.memory[i], x));
    CLF_TRY(clf__flow_prepare(f));
    CLF_TRY(clf__layer_forward(l, &p, &f->ws.memory[i], x, y, unused));
    x = y;
  }
  return f->base.ops->fit ? f->base.ops->fit(&f->base, &p, &f->ws.base, x) : CLF_OK;
}

/* ---- Backward -------------------------------------------------------------------------------- */

/* Recomputes what forward did not store of stage i, from its input. */
static clf_status forward_again(clf_flow *f, clf__pass *p, int i, clf_tensor x, clf_tensor y) {
  const clf__layer *l = f->stage[i].l;
  const clf_tensor unused = clf__rows(f->ws.unused, x.dim[0]);
  p->recompute = f->ws.train == CLF_REBUILT && !(l->traits & CLF_REBUILDS_BY_INVERSE);
  if (!p->recompute) return CLF_OK;
  CLF_TRY(clf_do(f->dev, fill, .y = unused, .value = 0));
  return clf__layer_forward(l, p, &f->ws.memory[i], x, y, unused);
}

clf_status clf__flow_backward(clf_flow *f, clf_tensor x, clf_tensor dz, float dlogdet,
                              clf_tensor *dx) {
  const int32_t n = x.dim[0];
  clf__pass p = clf__flow_pass(f, f->ws.mode, n);
  p.gradients = (clf__vectors){.w = f->g, .d = f->dg};
  p.later = f->later;
  p.dlogdet = dlogdet;
  p.each = f->ws.each;
  if (f->ws.de.buf) p.dc = clf__rows(f->ws.de, n);
  if (f->sends) { /* it must survive while gradients alternate */
    const clf_tensor to = clf__rows(f->ws.dz, n);
    CLF_TRY(f->place_to.rank ? take_from_place(f, dz, to) : clf_do(f->dev, copy, .x = dz, .y = to));
    dz = clf__rows(f->ws.dz, n);
    place_latents(f, clf__rows(f->ws.z, n), dz);
  }
  clf_tensor dy = through(f, dz);
  for (int i = f->stages - 1; i >= 0; i--) {
    const clf__layer *l = f->stage[i].l;
    const clf_tensor in = i ? clf__rows(f->ws.x[i], n) : x, out = clf__rows(f->ws.x[i + 1], n);
    clf_tensor to = clf__rows(f->ws.dx[dy.offset == f->ws.dx[0].offset], n);
    to.dim[1] = l->in.dim;
    CLF_TRY(forward_again(f, &p, i, in, out));
    CLF_TRY(clf__layer_backward(l, &p, &f->ws.memory[i], in, out, dy, to));
    dy = to;
  }
  *dx = dy;
  return CLF_OK;
}

clf_status clf__flow_backward_inverse(clf_flow *f, clf_tensor z, clf_tensor dx, float dlogdet,
                                      clf_tensor *dz) {
  const int32_t n = z.dim[0];
  clf__pass p = clf__flow_pass(f, f->ws.mode, n);
  p.gradients = (clf__vectors){.w = f->g, .d = f->dg};
  p.dlogdet = dlogdet;
  p.each = f->ws.each;
  if (f->place_to.rank) z = clf__rows(f->ws.z, n); /* in the order of the inverse */
  if (f->sends) place_latents(f, z, clf__rows(f->ws.dz, n));
  for (int i = 0; i < f->stages; i++) {
    const clf__layer *l = f->stage[i].l;
    const clf_tensor in = clf__rows(f->ws.x[i], n);
    const clf_tensor out = i + 1 < f->stages ? clf__rows(f->ws.x[i + 1], n) : through(f, z);
    clf_tensor to = clf__rows(f->ws.dx[dx.offset == f->ws.dx[0].offset], n);
    to.dim[1] = l->out.dim;
    CLF_TRY(clf__layer_backward_inverse(l, &p, &f->ws.memory[i], out, in, dx, to));
    dx = to;
  }
  *dz = dx;
  if (!f->sends) return CLF_OK;
  *dz = clf__rows(f->ws.dz, n);
  CLF_TRY(clf_do(f->dev, copy, .x = dx, .y = through(f, *dz)));
  if (!f->place_to.rank) return CLF_OK;
  *dz = clf__rows(f->ws.dx[0], n);
  return put_in_place(f, clf__rows(f->ws.dz, n), *dz);
}

clf_status clf__flow_finish(clf_flow *f) {
  clf__pass p = clf__flow_pass(f, CLF_KEEP, 0);
  p.gradients = (clf__vectors){.w = f->g, .d = f->dg};
  for (int i = 0; i < f->layers; i++) {
    const clf__layer *l = &f->layer[i];
    if (l->ops->finish) CLF_TRY(l->ops->finish(l, &p));
  }
  if (f->base.ops->finish) CLF_TRY(f->base.ops->finish(&f->base, &p));
  if (f->embedding.ops && f->embedding.ops->finish)
    CLF_TRY(f->embedding.ops->finish(&f->embedding, &p));
  return f->dg.buf ? clf_do(f->dev, fill, .y = f->dg, .value = 0) : CLF_OK;
}

clf_tensor clf__flow_rebuilt(const clf_flow *f, int32_t n) {
  const clf_tensor t = f->stages ? f->ws.memory[0].rebuilt : (clf_tensor){0};
  return t.buf ? clf__rows(t, n) : t;
}

/* ---- Context and base ------------------------------------------------------------------------ */

clf_status clf__flow_embed(clf_flow *f, int32_t n, clf__mode mode) {
  if (!f->embedding.ops) return CLF_OK;
  const clf__pass p = clf__flow_pass(f, mode, n);
  return f->embedding.ops->forward(&f->embedding, &p, f->ws.embedding, clf__rows(f->ws.c, n),
                                   clf__rows(f->ws.e, n));
}

clf_status clf__flow_embed_backward(clf_flow *f, int32_t n) {
  clf__pass p = clf__flow_pass(f, f->ws.mode, n);
  if (!f->embedding.ops) return CLF_OK;
  p.gradients = (clf__vectors){.w = f->g, .d = f->dg};
  return f->embedding.ops->backward(&f->embedding, &p, f->ws.embedding, clf__rows(f->ws.c, n),
                                    clf__rows(f->ws.de, n), clf__rows(f->ws.dc, n));
}

clf_status clf__flow_logp(clf_flow *f, clf_tensor z, clf_tensor logdet, clf__mode mode,
                          clf_tensor logp) {
  const clf__pass p = clf__flow_pass(f, mode, z.dim[0]);
  if (sends_apart(f)) { /* latents that were sent early are N(0, I) */
    const clf_tensor between = clf__rows(f->ws.between, z.dim[0]);
    CLF_TRY(clf_do(f->dev, normal_logp, .z = sent(f, z), .logdet = logdet, .logp = between));
    return f->base.ops->logp(&f->base, &p, &f->ws.base, through(f, z), between, logp);
  }
  return f->base.ops->logp(&f->base, &p, &f->ws.base, z, logdet, logp);
}

clf_status clf__flow_base_backward(clf_flow *f, clf_tensor z, float dlogp, clf_tensor dz) {
  clf__pass p = clf__flow_pass(f, f->ws.mode, z.dim[0]);
  p.gradients = (clf__vectors){.w = f->g, .d = f->dg};
  p.dlogdet = dlogp;
  p.each = f->ws.each;
  if (f->ws.de.buf) p.dc = clf__rows(f->ws.de, z.dim[0]);
  if (!sends_apart(f)) return f->base.ops->backward(&f->base, &p, &f->ws.base, z, dz);
  CLF_TRY(clf__base_normal.backward(&f->base, &p, &f->ws.base, sent(f, z), sent(f, dz)));
  return f->base.ops->backward(&f->base, &p, &f->ws.base, through(f, z), through(f, dz));
}

clf_status clf__needs_latents(const clf_flow *f) {
  if (!f->base.ops->no_latents) return CLF_OK;
  return clf__fail(CLF_ENOTSUP,
                   "the flow ends in a blend of flows, which has no latents; it has densities and "
                   "samples");
}

static clf_status draw_latents(clf_flow *f, const clf__pass *p, uint64_t seed, int64_t first,
                               clf_tensor z) {
  if (!sends_apart(f)) return f->base.ops->sample(&f->base, p, &f->ws.base, seed, first, z);
  CLF_TRY(clf__base_noise(p, CLF_STREAM_SENT, seed, first, sent(f, z)));
  return f->base.ops->sample(&f->base, p, &f->ws.base, seed, first, through(f, z));
}

clf_status clf__flow_draw_latents(clf_flow *f, uint64_t seed, int64_t first, clf_tensor z) {
  const clf__pass p = clf__flow_pass(f, CLF_EVAL, z.dim[0]);
  return draw_latents(f, &p, seed, first, z);
}

clf_status clf__flow_draw_centres(clf_flow *f, uint64_t seed, int64_t first, clf_tensor z) {
  clf__pass p = clf__flow_pass(f, CLF_EVAL, z.dim[0]);
  p.at_centre = 1;
  return draw_latents(f, &p, seed, first, z);
}

clf_status clf__flow_draw_backward(clf_flow *f, uint64_t seed, int64_t first, clf_tensor z,
                                   clf_tensor dz) {
  clf__pass p = clf__flow_pass(f, f->ws.mode, z.dim[0]);
  p.gradients = (clf__vectors){.w = f->g, .d = f->dg};
  if (f->ws.de.buf) p.dc = clf__rows(f->ws.de, z.dim[0]);
  if (!f->base.ops->sample_backward) return CLF_OK; /* the base has no parameters */
  return f->base.ops->sample_backward(&f->base, &p, &f->ws.base, seed, first, through(f, z),
                                      through(f, dz));
}

/* ---- Looking --------------------------------------------------------------------------------- */

clf_status clf__flow_find_bad(clf_flow *f, clf_tensor x, char *name, size_t size) {
  clf__pass p = clf__flow_pass(f, f->ws.mode, x.dim[0]);
  *name = 0;
  for (int i = 0; i < f->stages && !*name; i++) {
    const clf__layer *l = f->stage[i].l;
    const clf_tensor y = clf__rows(f->ws.x[i + 1], x.dim[0]);
    int finite;
    if (l->ops->find_bad) {
      CLF_TRY(forward_again(f, &p, i, x, y));
      CLF_TRY(l->ops->find_bad(l, &p, &f->ws.memory[i], x, y, name, size));
    }
    CLF_TRY(clf__is_finite(f->dev, y, &finite));
    if (!finite && !*name) snprintf(name, size, "%s", l->ops->output ? l->ops->output : l->label);
    x = y;
  }
  return CLF_OK;
}

clf_status clf__flow_find_bad_inverse(clf_flow *f, int32_t n, char *name, size_t size) {
  *name = 0;
  for (int i = f->stages - 1; i >= 0 && !*name; i--) {
    const clf__layer *l = f->stage[i].l;
    int finite;
    CLF_TRY(clf__is_finite(f->dev, clf__rows(f->ws.x[i], n), &finite));
    if (!finite)
      snprintf(name, size, "the inverse of %s", l->count > 1 ? l->ops->output : l->label);
  }
  return CLF_OK;
}
