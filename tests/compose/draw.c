/* SPDX-License-Identifier: MIT */
/* draw.c: random architectures. Members are drawn by their types in the table, so a new node is
 * drawn as soon as it has a row; members.c limits members that need it. */
#include "draw.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "drawing.h"

/* ---- Random numbers ------------------------------------------------------------------------ */

static uint64_t next(draw_random *r) {
  r->state ^= r->state >> 12;
  r->state ^= r->state << 25;
  r->state ^= r->state >> 27;
  return r->state * 0x2545F4914F6CDD1Dull;
}

double draw_uniform(draw_random *r, double low, double high) {
  return low + (high - low) * (double)(next(r) >> 11) * 0x1p-53;
}

int draw_int(draw_random *r, int low, int high) {
  return low + (int)((next(r) >> 33) % (uint64_t)(high - low + 1));
}

int draw_chance(draw_random *r, double p) { return draw_uniform(r, 0, 1) < p; }

double draw_normal(draw_random *r) {
  double sum = -6;
  for (int i = 0; i < 12; i++) sum += draw_uniform(r, 0, 1);
  return sum;
}

void drawing_put(drawing *d, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const size_t room = sizeof d->flow->text - d->used;
  const int n = vsnprintf(d->flow->text + d->used, room, format, args);
  va_end(args);
  d->used += (size_t)n < room ? (size_t)n : room - 1;
}

/* ---- What can stand where -------------------------------------------------------------------- */

int drawing_is_image(const drawing *d) { return d->image[2] > 0; }

static int can_be_split(const drawing *d) {
  if (d->nested || d->on_box) return 0;
  return drawing_is_image(d) ? d->image[2] > 1 : d->dim > 1;
}

static int fits_layer(const drawing *d, const clf__node_type *type) {
  const int image = drawing_is_image(d);
  switch (type->id) {
  case CLF__ARCH_repeat: return 0; /* drawing_put_layers() */
  case CLF__ARCH_logit:
  case CLF__ARCH_within:
  case CLF__ARCH_log:
  case CLF__ARCH_softplus:
  case CLF__ARCH_asinh:
  case CLF__ARCH_softlog:
  case CLF__ARCH_softlogit:
  case CLF__ARCH_piecewise:
  case CLF__ARCH_pixels:
  case CLF__ARCH_standardize: return 0; /* put_head() */
  case CLF__ARCH_wrap: return d->on_box;
  case CLF__ARCH_columns: return !image && d->dim > 1;
  case CLF__ARCH_coupling: return d->dim > 1;
  case CLF__ARCH_ar:
  case CLF__ARCH_elementwise:
  case CLF__ARCH_perm: return 1;
  case CLF__ARCH_split: return can_be_split(d);
  case CLF__ARCH_conv1x1: return image;
  case CLF__ARCH_squeeze:
    return image && !d->nested && d->image[0] % 2 == 0 && d->image[1] % 2 == 0;
  case CLF__ARCH_allinone: return !d->on_box && (image ? d->image[2] : d->dim) > 1;
  default: return !d->on_box;
  }
}

/* Layers that act on each dimension alone, as `columns` needs. */
static int fits_columns(const drawing *d, const clf__node_type *type) {
  switch (type->id) {
  case CLF__ARCH_elementwise: return 1;
  case CLF__ARCH_wrap: return d->on_box;
  case CLF__ARCH_logit:
  case CLF__ARCH_log:
  case CLF__ARCH_softplus:
  case CLF__ARCH_asinh:
  case CLF__ARCH_softlog:
  case CLF__ARCH_softlogit:
  case CLF__ARCH_within: return d->at_head;
  case CLF__ARCH_softclip: return !d->on_box && !d->inverted;
  case CLF__ARCH_shift_scale: return !d->on_box;
  case CLF__ARCH_box: return d->on_box;
  case CLF__ARCH_normal:
  case CLF__ARCH_mixture:
  case CLF__ARCH_student:
  case CLF__ARCH_logistic:
  case CLF__ARCH_laplace: return 1;
  default: return 0;
  }
}

static int fits_net(const drawing *d, const clf__node_type *type) {
  switch (type->id) {
  case CLF__ARCH_made:
  case CLF__ARCH_masked: return d->masked;
  case CLF__ARCH_conv:
  case CLF__ARCH_convresnet: return !d->masked && !d->of_context && drawing_is_image(d);
  default: return !d->masked;
  }
}

static int fits_base(const drawing *d, const clf__node_type *type) {
  switch (type->id) {
  case CLF__ARCH_box: return d->on_box;
  case CLF__ARCH_classes: return d->flow->classes > 0;
  case CLF__ARCH_base_conv: return d->prior && drawing_is_image(d);
  case CLF__ARCH_normal: return 1;
  case CLF__ARCH_blend: return !d->prior && d->nested < 2;
  default: return !d->prior;
  }
}

static int fits(const drawing *d, const clf__node_type *type) {
  switch (type->group) {
  case CLF__GROUP_LAYER: return d->in_columns ? fits_columns(d, type) : fits_layer(d, type);
  case CLF__GROUP_NET: return fits_net(d, type);
  case CLF__GROUP_BASE: return d->in_columns ? fits_columns(d, type) : fits_base(d, type);
  case CLF__GROUP_MAP:
    return !d->on_box || (type->id != CLF__ARCH_add && type->id != CLF__ARCH_affine);
  default: return 0;
  }
}

/* Types that are drawn less often, since many layers are not for images. */
static double chance_of(const drawing *d, const clf__node_type *type) {
  switch (type->id) {
  case CLF__ARCH_coupling:
  case CLF__ARCH_ar:
  case CLF__ARCH_conv1x1:
  case CLF__ARCH_squeeze:
  case CLF__ARCH_split:
  case CLF__ARCH_allinone:
  case CLF__ARCH_conv:
  case CLF__ARCH_convresnet: return 1;
  case CLF__ARCH_zero: return 0.3;
  default: return drawing_is_image(d) ? 0.3 : 0.8;
  }
}

const clf__node_type *drawing_type(drawing *d, clf__node_group group) {
  for (;;) {
    const clf__node_type *type = &clf__node_types[draw_int(&d->random, 0, CLF__NODE_TYPES - 1)];
    if (type->group == group && fits(d, type) && draw_chance(&d->random, chance_of(d, type)))
      return type;
  }
}

/* ---- Layers ---------------------------------------------------------------------------------- */

/* Updates the shape and the bounds for the next layer. */
static void change_shape(drawing *d, const clf__node_type *type, int first) {
  if (type->id == CLF__ARCH_squeeze) {
    d->image[0] /= 2;
    d->image[1] /= 2;
    d->image[2] *= 4;
  } else if (type->id == CLF__ARCH_split) {
    int *const all = drawing_is_image(d) ? &d->image[2] : &d->dim;
    *all = first ? *all - *all / 2 : *all / 2;
    if (drawing_is_image(d)) d->dim = d->image[0] * d->image[1] * d->image[2];
  }
}

/* Layers whose inverse takes all possible inputs. */
static int can_be_inverted(const clf__node_type *type) {
  return type->id != CLF__ARCH_softclip && type->id != CLF__ARCH_split &&
         type->id != CLF__ARCH_squeeze;
}

static void put_layer(drawing *d) {
  const clf__node_type *type = drawing_type(d, CLF__GROUP_LAYER);
  const size_t begin = d->used;
  d->inverted = can_be_inverted(type) && draw_chance(&d->random, 0.2);
  if (d->inverted) drawing_put(d, "~");
  drawing_put_node(d, type);
  if (type->id == CLF__ARCH_coupling && !d->inverted && !d->on_box && draw_chance(&d->random, 0.1))
    drawing_put(d,
                ", batchnorm(transformed=1)"); /* of the dimensions that the coupling transformed */
  d->inverted = 0;
  change_shape(d, type, !strstr(d->flow->text + begin, "keep=second"));
}

/* Draws one layer, several in a row, or a macro. */
static void put_item(drawing *d) {
  const int repeated = draw_chance(&d->random, 0.15);
  if (!d->on_box && draw_chance(&d->random, 0.05)) {
    drawing_put(d, "spline(bins=%d)", draw_int(&d->random, 2, 5));
    return;
  }
  if (drawing_is_image(d) && d->image[2] > 1 && draw_chance(&d->random, 0.1)) {
    drawing_put(d, "glowstep(%d)", draw_int(&d->random, 2, 4));
    return;
  }
  d->nested += repeated;
  if (repeated) drawing_put(d, "(");
  put_layer(d);
  if (repeated && draw_chance(&d->random, 0.5)) {
    drawing_put(d, ", ");
    put_layer(d);
  }
  if (repeated) drawing_put(d, ")*2");
  d->nested -= repeated;
}

void drawing_put_flow(drawing *d, int layers) {
  const char *between = d->used && d->flow->text[d->used - 1] == ',' ? " " : "";
  for (int i = 0; i < layers; i++) {
    drawing_put(d, "%s", between);
    put_item(d);
    between = ", ";
  }
  if (!layers && d->used && d->flow->text[d->used - 1] == ',') d->flow->text[--d->used] = 0;
  drawing_put(d, " -> ");
  if (!d->nested && !d->flow->classes && strstr(d->flow->text, "place=1")) {
    drawing_put(d, "normal"); /* as such splits need */
    return;
  }
  const clf__node_type *type = drawing_type(d, CLF__GROUP_BASE);
  if (d->on_box && draw_chance(&d->random, 0.5)) type = &clf__node_types[CLF__ARCH_box];
  if (d->flow->classes && !d->nested) type = &clf__node_types[CLF__ARCH_classes];
  drawing_put_node(d, type);
}

/* ---- Flows ----------------------------------------------------------------------------------- */

/* A layer that can only come first, and rows in its domain. */
static void put_head(drawing *d) {
  static const clf__node_id bounds[] = {CLF__ARCH_logit, CLF__ARCH_log,     CLF__ARCH_softplus,
                                        CLF__ARCH_asinh, CLF__ARCH_softlog, CLF__ARCH_softlogit,
                                        CLF__ARCH_within};
  enum { BOUNDS = sizeof bounds / sizeof *bounds };
  draw_flow *f = d->flow;
  const int kind = draw_int(&d->random, 0, drawing_is_image(d) ? 1 : BOUNDS + 6);
  clf__node_id id = CLF__ARCH_standardize;
  if (drawing_is_image(d)) {
    if (kind) return;
    id = CLF__ARCH_pixels;
    f->high = 256;
  } else if (kind <= BOUNDS) {
    id = kind < BOUNDS ? bounds[kind] : CLF__ARCH_columns;
    if (f->dim == 1 && kind == BOUNDS) id = CLF__ARCH_piecewise;
    d->low = draw_uniform(&d->random, -2, 2);
    d->high = d->low + draw_uniform(&d->random, 1, 3);
    f->low = d->low + 0.02;
    f->high = d->high - 0.02;
  } else if (kind > BOUNDS + 1) {
    return;
  }
  d->at_head = 1;
  drawing_put(d, " ");
  drawing_put_node(d, &clf__node_types[id]);
  drawing_put(d, ",");
  d->at_head = 0;
}

static void put_shape(drawing *d) {
  static const int images[][3] = {{2, 2, 1}, {2, 2, 2}, {4, 2, 2}, {4, 4, 1}, {2, 2, 4}, {2, 1, 3}};
  draw_flow *f = d->flow;
  const int *image = images[draw_int(&d->random, 0, 5)];
  if (draw_chance(&d->random, 0.3)) {
    memcpy(d->image, image, sizeof d->image);
    f->dim = image[0] * image[1] * image[2];
  } else {
    f->dim = draw_int(&d->random, 1, 6);
    d->on_box = draw_chance(&d->random, 0.2);
  }
  d->dim = f->dim;
  f->context =
      draw_chance(&d->random, drawing_is_image(d) ? 0.25 : 0.5) ? draw_int(&d->random, 1, 3) : 0;
  if (f->context == 1 && !d->on_box && draw_chance(&d->random, 0.25))
    f->classes = draw_int(&d->random, 2, 3);
  if (drawing_is_image(d))
    drawing_put(d, "%dx%dx%d", image[0], image[1], image[2]);
  else
    drawing_put(d, "%d", f->dim);
  drawing_put(d, f->context ? "|%d:" : ":", f->context);
}

static void put_context(drawing *d) {
  const int items = d->flow->context && !d->flow->classes ? draw_int(&d->random, 0, 3) : 0;
  if (!items) return;
  drawing_put(d, "; context: ");
  if (items & 1) drawing_put(d, items & 2 ? "standardize, " : "standardize");
  if (!(items & 2)) return;
  d->of_context = 1;
  drawing_put_node(d, drawing_type(d, CLF__GROUP_NET));
  drawing_put(d, "->%d", draw_int(&d->random, 1, 3));
}

void draw_architecture(uint64_t number, draw_flow *f) {
  drawing d = {.random = {number * 0x9E3779B97F4A7C15ull + 0x1234567}, .flow = f};
  for (int i = 0; i < 8; i++) next(&d.random);
  *f = (draw_flow){0};
  put_shape(&d);
  if (d.on_box) {
    d.low = f->low = -draw_uniform(&d.random, 1, 3);
    d.high = f->high = -d.low;
  } else {
    put_head(&d);
  }
  drawing_put_flow(&d, draw_int(&d.random, 0, 4));
  put_context(&d);
}

void draw_rows(draw_random *r, const draw_flow *f, int n, double *x) {
  for (int i = 0; i < n * f->dim; i++)
    x[i] = f->low < f->high ? draw_uniform(r, f->low, f->high) : 1.2 * draw_normal(r);
}

void draw_contexts(draw_random *r, const draw_flow *f, int n, double *c) {
  for (int i = 0; i < n * f->context; i++)
    c[i] = f->classes ? draw_int(r, 0, f->classes - 1) : draw_normal(r);
}
