/* SPDX-License-Identifier: MIT */
/* on_device.c: densities, latents and samples of rows that lie in device memory, in the units of
 * the data. */
#include "chunk.h"
#include "device_head.h"

/* ---- What may be given ----------------------------------------------------------------------- */

static clf_status check_rows(const char *what, clf_tensor t, int32_t n, int32_t cols) {
  if (t.dim[0] == n && t.dim[1] == cols && t.dim[2] == 1 && t.dim[3] == 1) return CLF_OK;
  return clf__fail(CLF_ESHAPE, "%s is (%d, %d, %d, %d), not (%d, %d) as the flow has it", what,
                   (int)t.dim[0], (int)t.dim[1], (int)t.dim[2], (int)t.dim[3], (int)n, (int)cols);
}

static clf_status check(const clf_flow *f, clf_tensor rows, const char *what, clf_tensor c) {
  if (f->spec.height)
    return clf__fail(CLF_ENOTSUP, "the flow is one of images; rows of these are on the host");
  CLF_TRY(check_rows(what, rows, rows.dim[0], f->spec.dim));
  if (!f->context != !c.buf)
    return clf__fail(CLF_EINVAL, f->context ? "the flow takes a context, and none is given"
                                            : "the flow takes no context");
  return f->context ? check_rows("c", c, rows.dim[0], f->context) : CLF_OK;
}

/* ---- Chunks ---------------------------------------------------------------------------------- */

typedef struct rows {               /* of a call, or of a chunk of it */
  clf_tensor x, c, z, logdet, logp; /* without a buffer: not wanted */
  uint64_t seed;
  int64_t first;
} rows;

static clf_tensor slice(clf_tensor t, int32_t from, int32_t to) {
  return t.buf ? clf_slice(t, 0, from, to) : t;
}

static clf_status in_chunks(clf_flow *f, const rows *all, int32_t n,
                            clf_status (*each)(clf_flow *f, const rows *r, int32_t n)) {
  const int32_t maximum = clf__flow_chunk(f) < n ? clf__flow_chunk(f) : n;
  CLF_TRY(clf__flow_reserve(f, maximum, CLF_VALUES));
  CLF_TRY(clf__device_head_reserve(f, maximum));
  for (int32_t at = 0; at < n; at += maximum) {
    const int32_t end = n - at < maximum ? n : at + maximum;
    const rows r = {slice(all->x, at, end),
                    slice(all->c, at, end),
                    slice(all->z, at, end),
                    slice(all->logdet, at, end),
                    slice(all->logp, at, end),
                    all->seed,
                    all->first + at};
    const clf_tensor logdet = clf__rows(f->ws.logdet, end - at);
    CLF_TRY(clf__device_head_context(f, r.c));
    CLF_TRY(clf_do(f->dev, fill, .y = logdet, .value = 0));
    CLF_TRY(each(f, &r, end - at));
    if (r.logdet.buf) CLF_TRY(clf_do(f->dev, copy, .x = logdet, .y = r.logdet));
  }
  return CLF_OK;
}

static clf_status forward(clf_flow *f, const rows *r, int32_t n) {
  const clf_tensor u = clf__rows(f->ws.x[0], n), logdet = clf__rows(f->ws.logdet, n);
  clf_tensor z;
  CLF_TRY(clf__device_head_forward(f, r->x, u, logdet));
  CLF_TRY(clf__flow_forward(f, u, logdet, CLF_EVAL, &z));
  if (r->logp.buf) CLF_TRY(clf__flow_logp(f, z, logdet, CLF_EVAL, r->logp));
  return r->z.buf ? clf_do(f->dev, copy, .x = z, .y = r->z) : CLF_OK;
}

/* From latents that are given, or drawn. */
static clf_status inverse(clf_flow *f, const rows *r, int32_t n) {
  const clf_tensor logdet = clf__rows(f->ws.logdet, n);
  const clf_tensor z = clf__latents(f, n);
  clf_tensor u;
  CLF_TRY(r->z.buf ? clf_do(f->dev, copy, .x = r->z, .y = z)
                   : clf__flow_draw_latents(f, r->seed, r->first, z));
  CLF_TRY(clf__flow_inverse(f, z, logdet, CLF_EVAL, &u));
  CLF_TRY(clf__device_head_inverse(f, u, r->x, logdet));
  return clf__device_head_grid(f, r->x);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

clf_status clf_log_prob_device(clf_flow *f, clf_tensor x, clf_tensor c, clf_tensor logp) {
  CLF_GIVEN("flow, x, logp", f, x.buf, logp.buf);
  CLF_TRY(check(f, x, "x", c));
  CLF_TRY(check_rows("logp", logp, x.dim[0], 1));
  return in_chunks(f, &(rows){.x = x, .c = c, .logp = logp}, x.dim[0], forward);
}

clf_status clf_transform_device(clf_flow *f, clf_tensor x, clf_tensor c, clf_tensor z,
                                clf_tensor logdet) {
  CLF_GIVEN("flow, x, z", f, x.buf, z.buf);
  CLF_TRY(clf__needs_latents(f));
  CLF_TRY(check(f, x, "x", c));
  CLF_TRY(check_rows("z", z, x.dim[0], f->spec.dim));
  if (logdet.buf) CLF_TRY(check_rows("logdet", logdet, x.dim[0], 1));
  return in_chunks(f, &(rows){.x = x, .c = c, .z = z, .logdet = logdet}, x.dim[0], forward);
}

clf_status clf_invert_device(clf_flow *f, clf_tensor z, clf_tensor c, clf_tensor x,
                             clf_tensor logdet) {
  CLF_GIVEN("flow, z, x", f, z.buf, x.buf);
  CLF_TRY(clf__needs_latents(f));
  CLF_TRY(check(f, z, "z", c));
  CLF_TRY(check_rows("x", x, z.dim[0], f->spec.dim));
  if (logdet.buf) CLF_TRY(check_rows("logdet", logdet, z.dim[0], 1));
  return in_chunks(f, &(rows){.x = x, .c = c, .z = z, .logdet = logdet}, z.dim[0], inverse);
}

clf_status clf_sample_device(clf_flow *f, clf_tensor c, uint64_t seed, int64_t first,
                             clf_tensor x) {
  CLF_GIVEN("flow, x", f, x.buf);
  CLF_TRY(check(f, x, "x", c));
  if (first < 0 || first > INT64_MAX - x.dim[0])
    return clf__fail(CLF_EINVAL, "the first sample is %lld; they count from 0", (long long)first);
  return in_chunks(f, &(rows){.x = x, .c = c, .seed = seed, .first = first}, x.dim[0], inverse);
}
