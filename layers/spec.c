/* SPDX-License-Identifier: MIT */
/* spec.c: what flows there are, and which numbers make one. */
#include <math.h>
#include "flow_private.h"

const char *clf_kind_name(clf_kind kind) {
  static const char *const names[] = {"nvp", "nice", "piecewise"};
  return (unsigned)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

clf_flow_spec clf_flow_spec_default(clf_kind kind, int32_t dim) {
  return (clf_flow_spec){.kind = kind,
                         .dim = dim,
                         .hidden = kind == CLF_PIECEWISE ? 0 : 2,
                         .depth = kind == CLF_PIECEWISE ? 0 : 4,
                         .bins = kind == CLF_PIECEWISE ? 100 : 0,
                         .xmin = kind == CLF_PIECEWISE ? -4 : 0,
                         .xmax = kind == CLF_PIECEWISE ? 4 : 0};
}

static clf_status in_range(const char *name, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return CLF_OK;
  return clf__fail(CLF_EINVAL, "a flow's %s is %lld; it must be %lld to %lld", name,
                   (long long)value, (long long)least, (long long)most);
}

static clf_status check_couplings(const clf_flow_spec *s) {
  CLF_TRY(in_range("hidden", s->hidden, 1, 1 << 20));
  CLF_TRY(in_range("depth", s->depth, 1, 4096));
  if (!(s->s_max >= 0 && s->s_max < 80))
    return clf__fail(CLF_EINVAL, "a flow's s_max is %g; it must be 0 (no bound) to 80", s->s_max);
  const double each = 2.0 * (s->hidden * (2.0 * s->dim + 1) + s->dim);
  if (each * s->depth > INT32_MAX)
    return clf__fail(CLF_EINVAL, "dim %d, hidden %d and depth %d make %.3g weights; at most %d",
                     (int)s->dim, (int)s->hidden, (int)s->depth, each * s->depth, INT32_MAX);
  return CLF_OK;
}

clf_status clf__spec_check(const clf_flow_spec *s) {
  CLF_TRY(in_range("kind", s->kind, CLF_NVP, CLF_PIECEWISE));
  CLF_TRY(in_range("dim", s->dim, 1, 1 << 20));
  if (s->kind != CLF_PIECEWISE) return check_couplings(s);
  if (s->dim != 1)
    return clf__fail(CLF_EINVAL, "a piecewise flow has 1 dimension, not %d; nvp and nice take more",
                     (int)s->dim);
  CLF_TRY(in_range("bins", s->bins, 1, 1 << 20));
  if (!isfinite(s->xmin) || !isfinite(s->xmax) || !(s->xmin < s->xmax))
    return clf__fail(CLF_EINVAL, "a piecewise flow's xmin %g must be below its xmax %g", s->xmin,
                     s->xmax);
  return CLF_OK;
}
