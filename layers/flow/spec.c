/* SPDX-License-Identifier: MIT */
/* spec.c: the presets with a kind, and the valid ranges of their specs. */
#include <math.h>
#include "arch_private.h"
#include "flow_private.h"

const char *clf_kind_name(clf_kind kind) {
  static const char *const names[] = {"nvp", "nice", "piecewise", "realnvp", "composed"};
  return (unsigned)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

clf_flow_spec clf_flow_spec_default(clf_kind kind, int32_t dim) {
  switch (kind) {
  case CLF_PIECEWISE:
    return (clf_flow_spec){.kind = kind, .dim = dim, .bins = 100, .xmin = -4, .xmax = 4};
  case CLF_REALNVP:
    return (clf_flow_spec){.kind = kind,
                           .dim = 28 * 28,
                           .height = 28,
                           .width = 28,
                           .channels = 1,
                           .scales = 3,
                           .hidden = 32,
                           .blocks = 4,
                           .levels = 256,
                           .alpha = 0.05};
  default: return (clf_flow_spec){.kind = kind, .dim = dim, .hidden = 2, .depth = 4};
  }
}

static clf_status in_range(const char *name, int64_t value, int64_t minimum, int64_t maximum) {
  if (value >= minimum && value <= maximum) return CLF_OK;
  return clf__fail(CLF_EINVAL, "a flow's %s is %lld; it must be %lld to %lld", name,
                   (long long)value, (long long)minimum, (long long)maximum);
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

static clf_status check_image(const clf_flow_spec *s) {
  CLF_TRY(in_range("height", s->height, 1, 1 << 16));
  CLF_TRY(in_range("width", s->width, 1, 1 << 16));
  CLF_TRY(in_range("channels", s->channels, 1, 1 << 10));
  const int64_t dim = (int64_t)s->height * s->width * s->channels;
  if (dim != s->dim)
    return clf__fail(CLF_EINVAL, "images of %d x %d x %d make dim %lld, not %d", (int)s->height,
                     (int)s->width, (int)s->channels, (long long)dim, (int)s->dim);
  if (s->height * s->width < 2)
    return clf__fail(CLF_EINVAL,
                     "images of 1 x 1: a coupling needs pixels that stay and pixels that change");
  CLF_TRY(in_range("scales", s->scales, 1, CLF_MAX_SCALES));
  const int32_t step = 1 << (s->scales - 1);
  if (s->height % step || s->width % step)
    return clf__fail(CLF_EINVAL,
                     "images of %d x %d cannot be halved %d time%s, as %d scales do: both sides "
                     "must be multiples of %d; fewer scales ask for less",
                     (int)s->height, (int)s->width, (int)s->scales - 1, s->scales == 2 ? "" : "s",
                     (int)s->scales, (int)step);
  if (s->height / step * (s->width / step) < 2)
    return clf__fail(CLF_EINVAL,
                     "images of %d x %d are 1 x 1 at the last of %d scales, where a coupling needs "
                     "pixels that stay and pixels that change; use fewer scales",
                     (int)s->height, (int)s->width, (int)s->scales);
  return CLF_OK;
}

static clf_status check_realnvp(const clf_flow_spec *s) {
  CLF_TRY(check_image(s));
  CLF_TRY(in_range("hidden", s->hidden, 1, 1 << 14));
  CLF_TRY(in_range("blocks", s->blocks, 1, 1024));
  CLF_TRY(in_range("levels", s->levels, 2, 1 << 16));
  if (!(s->alpha > 0 && s->alpha < 0.5))
    return clf__fail(CLF_EINVAL, "a flow's alpha is %g; it must be above 0 and below 0.5",
                     s->alpha);
  if (!(s->variant.bn_rho >= 0 && s->variant.bn_rho < 1))
    return clf__fail(CLF_EINVAL, "a flow's bn_rho is %g; it must be 0 to below 1",
                     s->variant.bn_rho);
  return CLF_OK;
}

clf_status clf__spec_check(const clf_flow_spec *s) {
  CLF_TRY(in_range("kind", s->kind, CLF_NVP, CLF_REALNVP));
  CLF_TRY(in_range("dim", s->dim, 1, 1 << 20));
  if (s->kind == CLF_REALNVP) return check_realnvp(s);
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

/* An ordered squeeze passes on, of each block of two by two pixels, the two with even h + w, as
 * channels of one pixel. */
int32_t clf_latent_scale(const clf_flow_spec *spec, int32_t h, int32_t w) {
  int32_t s = 0;
  if (!spec || spec->kind != CLF_REALNVP) return s;
  for (; s < spec->scales - 1 && (h ^ w) % 2 == 0; s++) {
    h /= 2;
    w /= 2;
  }
  return s;
}

clf_flow_spec clf__spec_own(const clf_flow_spec *s) {
  clf_flow_spec own = {.kind = s->kind, .dim = s->dim, .seed = s->seed};
  if (s->kind == CLF_REALNVP) {
    own = *s;
    own.depth = own.bins = own.tails = 0;
    own.s_max = own.xmin = own.xmax = 0;
  } else if (s->kind == CLF_PIECEWISE) {
    own.bins = s->bins;
    own.xmin = s->xmin;
    own.xmax = s->xmax;
    own.tails = s->tails;
  } else {
    own.hidden = s->hidden;
    own.depth = s->depth;
    own.s_max = s->kind == CLF_NVP ? s->s_max : 0;
  }
  return own;
}

int clf__spec_has_kind(const clf_flow_spec *s) { return s->kind != CLF_COMPOSED; }

clf_flow_spec clf__spec_of_arch(const clf_arch *arch, uint64_t seed) {
  return (clf_flow_spec){.kind = CLF_COMPOSED,
                         .dim = arch->dim,
                         .seed = seed,
                         .levels = arch->image[0] ? 256 : 0,
                         .height = arch->image[0],
                         .width = arch->image[1],
                         .channels = arch->image[2]};
}
