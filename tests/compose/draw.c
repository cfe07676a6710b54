/* SPDX-License-Identifier: MIT */
/* draw.c: random architectures.  Members are drawn by their types as the table states them, so that
 * a new node is drawn as soon as it has a row; what fits a member alone is capped here. */
#include "draw.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "arch_private.h"

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

/* ---- Text ------------------------------------------------------------------------------------ */

typedef struct drawing {
  draw_random random;
  draw_flow *flow;
  size_t used;
  int on_box; /* maps stay within low .. high, where the base is uniform */
  int depth;  /* of nodes in nodes */
  double low, high;
} drawing;

static void put(drawing *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(drawing *d, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const size_t room = sizeof d->flow->text - d->used;
  const int n = vsnprintf(d->flow->text + d->used, room, format, args);
  va_end(args);
  d->used += (size_t)n < room ? (size_t)n : room - 1;
}

/* ---- Members --------------------------------------------------------------------------------- */

/* What small flows can have, where that is not what the table allows. */
typedef struct cap {
  const char *member;
  double low, high;
} cap;
static const cap caps[] = {
    {"hidden", 3, 9},      {"layers", 0, 2},    {"blocks", 0, 2},     {"bins", 2, 6},
    {"reflections", 1, 3}, {"count", 2, 3},     {"even", 0, 1},       {"dropout", 0, 0.3},
    {"clamp", 1, 3},       {"slope", 1e-3, .2}, {"momentum", .05, 1}, {"eps", 1e-5, 1e-3},
    {"init", 0.5, 2},      {"shift", -1, 1},    {"scale", 0.5, 2},    {"df", 2, 9},
    {"bound", 3, 12},      {"xmin", -9, -8},    {"xmax", 8, 9},
};

static cap cap_of(const clf__member *m) {
  for (size_t i = 0; i < sizeof caps / sizeof *caps; i++)
    if (strcmp(caps[i].member, m->name) == 0) return caps[i];
  return (cap){m->name, m->low, m->high < m->low + 3 ? m->high : m->low + 3};
}

static void put_node(drawing *d, const clf__node_type *type);

static int is_for_vectors(const clf__node_type *type) {
  switch (type->id) {
  case CLF__ARCH_conv1x1:
  case CLF__ARCH_pixels:
  case CLF__ARCH_squeeze:
  case CLF__ARCH_split:
  case CLF__ARCH_conv:
  case CLF__ARCH_convresnet:
  case CLF__ARCH_base_conv: return 0;
  default: return 1;
  }
}

/* Layers that need numbers from an interval stand at the head, where rows are drawn to fit. */
static int is_bounded(const clf__node_type *type) {
  return type->id == CLF__ARCH_logit || type->id == CLF__ARCH_log ||
         type->id == CLF__ARCH_softplus || type->id == CLF__ARCH_piecewise;
}

static int is_map_for(const drawing *d, const clf__node_type *type) {
  const int spline =
      type->id == CLF__ARCH_rq || type->id == CLF__ARCH_linear || type->id == CLF__ARCH_quadratic;
  return spline || !d->on_box;
}

static int is_layer_for(const drawing *d, const clf__node_type *type) {
  switch (type->id) {
  case CLF__ARCH_repeat: return 0;
  case CLF__ARCH_columns: return 0;
  case CLF__ARCH_wrap: return d->on_box;
  case CLF__ARCH_piecewise: return 0;
  case CLF__ARCH_coupling: return d->flow->dim > 1;
  case CLF__ARCH_ar:
  case CLF__ARCH_elementwise:
  case CLF__ARCH_perm: return 1;
  case CLF__ARCH_standardize: return 0;
  default: return !d->on_box && !is_bounded(type);
  }
}

static int is_base_for(const drawing *d, const clf__node_type *type) {
  if (d->on_box) return type->id == CLF__ARCH_box;
  return type->id != CLF__ARCH_box && type->id != CLF__ARCH_classes &&
         type->id != CLF__ARCH_base_columns && type->id != CLF__ARCH_blend;
}

static const clf__node_type *draw_type(drawing *d, clf__node_group group, int masked) {
  for (;;) {
    const clf__node_type *type = &clf__node_types[draw_int(&d->random, 0, CLF__NODE_TYPES - 1)];
    const int is_masked = type->id == CLF__ARCH_made || type->id == CLF__ARCH_masked;
    if (type->group != group || !is_for_vectors(type)) continue;
    if (group == CLF__GROUP_NET && is_masked != masked && type->id != CLF__ARCH_zero) continue;
    if (group == CLF__GROUP_MAP && !is_map_for(d, type)) continue;
    if (group == CLF__GROUP_LAYER && !is_layer_for(d, type)) continue;
    if (group == CLF__GROUP_BASE && !is_base_for(d, type)) continue;
    return type;
  }
}

static void put_permutation(drawing *d) {
  int order[DRAW_DIMS];
  const int n = d->flow->dim;
  for (int i = 0; i < n; i++) order[i] = i;
  for (int i = n - 1; i > 0; i--) {
    const int k = draw_int(&d->random, 0, i), was = order[i];
    order[i] = order[k];
    order[k] = was;
  }
  for (int i = 0; i < n; i++) put(d, "%s%d", i ? ", " : "", order[i]);
}

static void put_choice(drawing *d, const clf__node_type *type, const clf__member *m) {
  int n = 0;
  while (m->words[n].text) n++;
  const char *word = m->words[draw_int(&d->random, 0, n - 1)].text;
  const int images = strcmp(word, "checker") == 0 || strcmp(word, "channel") == 0;
  put(d, "%s=%s", m->name, images ? m->words[0].text : word);
  if (strcmp(word, "list")) return;
  put(d, ", list=");
  if (type->id == CLF__ARCH_coupling)
    put(d, "%d", draw_int(&d->random, 0, d->flow->dim - 1));
  else
    put_permutation(d);
}

static void put_tail(drawing *d, const clf__node_type *type) {
  if (!d->on_box)
    put(d, "tail=%.3g", draw_uniform(&d->random, 1.5, 6));
  else
    put(d, "tail=%s, box=%.17g, %.17g",
        type->id == CLF__ARCH_rq && draw_chance(&d->random, 0.5) ? "circular" : "none", d->low,
        d->high);
}

static void put_number(drawing *d, const clf__node_type *type, const clf__member *m) {
  const cap c = cap_of(m);
  if (type->id == CLF__ARCH_box || type->id == CLF__ARCH_wrap)
    put(d, "%s=%.17g", m->name, strcmp(m->name, "low") == 0 ? d->low : d->high);
  else if (m->type == CLF__TYPE_INT)
    put(d, "%s=%d", m->name, draw_int(&d->random, (int)c.low, (int)c.high));
  else
    put(d, "%s=%.3g", m->name, draw_uniform(&d->random, c.low, c.high));
}

/* Whether a member is left at its default whatever is drawn. */
static int is_left(const drawing *d, const clf__node_type *type, const clf__member *m) {
  if (strcmp(m->name, "list") == 0 || strcmp(m->name, "box") == 0 || strcmp(m->name, "min") == 0)
    return 1;
  if (strcmp(m->name, "passes") == 0 || strcmp(m->name, "kernels") == 0) return 1;
  if (m->type == CLF__TYPE_NODE && m->group == CLF__GROUP_NET && m->value) /* needs a context */
    return !d->flow->context;
  return type->id == CLF__ARCH_wrap && strcmp(m->name, "bound");
}

static void put_member(drawing *d, const clf__node_type *type, const clf__member *m) {
  switch (m->type) {
  case CLF__TYPE_INT:
  case CLF__TYPE_REAL:
  case CLF__TYPE_REALS: put_number(d, type, m); return;
  case CLF__TYPE_FLAG: put(d, "%s=%d", m->name, draw_int(&d->random, 0, 1)); return;
  case CLF__TYPE_CHOICE: put_choice(d, type, m); return;
  case CLF__TYPE_TAILS: put_tail(d, type); return;
  case CLF__TYPE_RANGES: put(d, "%s=0", m->name); return; /* angles: the first input */
  case CLF__TYPE_NODE:
    put(d, "%s=", m->name);
    put_node(d, draw_type(d, m->group, type->id == CLF__ARCH_ar));
    return;
  case CLF__TYPE_INTS:
  case CLF__TYPE_LIST:
  case CLF__TYPE_PARTS: return;
  }
}

static int is_given(drawing *d, const clf__node_type *type, const clf__member *m) {
  if (!m->value || m->type == CLF__TYPE_TAILS) return 1;
  if (type->id == CLF__ARCH_box || type->id == CLF__ARCH_wrap) return 1;
  return draw_chance(&d->random, m->type == CLF__TYPE_RANGES ? 0.1 : 0.5);
}

static void put_node(drawing *d, const clf__node_type *type) {
  const char *between = "";
  put(d, "%s(", type->name);
  for (int i = 0; i < type->count; i++) {
    const clf__member *m = &type->members[i];
    if (is_left(d, type, m) || !is_given(d, type, m)) continue;
    put(d, "%s", between);
    put_member(d, type, m);
    between = ", ";
  }
  put(d, ")");
}

/* ---- Flows ----------------------------------------------------------------------------------- */

/* A bound at the head, and rows inside of it. */
static void put_head(drawing *d) {
  draw_flow *f = d->flow;
  const double a = draw_uniform(&d->random, -2, 2), b = a + draw_uniform(&d->random, 1, 3);
  const int kind = draw_int(&d->random, 0, 9);
  if (kind > 3) return;
  if (kind == 3) {
    put(d, " standardize,");
    return;
  }
  f->low = a + 0.02;
  f->high = kind ? a + 4 : b - 0.02;
  if (kind == 0)
    put(d, " logit(%.17g, %.17g),", a, b);
  else
    put(d, " %s(%.17g),", kind == 1 ? "log" : "softplus", a);
}

/* Not those whose inverse takes an interval alone. */
static int can_be_inverted(const clf__node_type *type) { return type->id != CLF__ARCH_softclip; }

static void put_layer(drawing *d) {
  const clf__node_type *type = draw_type(d, CLF__GROUP_LAYER, 0);
  if (!d->on_box && can_be_inverted(type) && draw_chance(&d->random, 0.15)) put(d, "~");
  put_node(d, type);
}

static const struct {
  const char *text;
  int dim, context;
} given[DRAW_GIVEN_COUNT] = {
    {"3|2: columns(0: elementwise(affine, mlp(4x1, tanh)), 2: ~elementwise(rq(bins=4), "
     "resnet(4x1, tanh))) -> normal",
     3, 2},
    {"4: columns(0: ~log(-1), 1+3: ~elementwise(affine(scale=exp)), 2: ~softplus), ~batchnorm, "
     "~scale, split(prior=normal(trained)) -> laplace(trained)",
     4, 0},
};

void draw_architecture(uint64_t number, draw_flow *f) {
  if (number >= DRAW_GIVEN) {
    const int i = (int)(number - DRAW_GIVEN);
    *f = (draw_flow){.dim = given[i].dim, .context = given[i].context};
    snprintf(f->text, sizeof f->text, "%s", given[i].text);
    return;
  }
  drawing d = {.random = {number * 0x9E3779B97F4A7C15ull + 0x1234567}, .flow = f};
  for (int i = 0; i < 8; i++) next(&d.random);
  *f = (draw_flow){.dim = draw_int(&d.random, 1, DRAW_DIMS)};
  f->context = draw_chance(&d.random, 0.5) ? draw_int(&d.random, 1, 3) : 0;
  d.on_box = draw_chance(&d.random, 0.2);
  put(&d, f->context ? "%d|%d:" : "%d:", f->dim, f->context);
  if (d.on_box) {
    d.low = f->low = -draw_uniform(&d.random, 1, 3);
    d.high = f->high = -d.low;
  } else {
    put_head(&d);
  }
  const int layers = draw_int(&d.random, 0, 4);
  for (int i = 0; i < layers; i++) {
    put(&d, i ? ", " : " ");
    put_layer(&d);
  }
  if (!layers && d.used && f->text[d.used - 1] == ',') f->text[--d.used] = 0;
  put(&d, " -> ");
  put_node(&d, draw_type(&d, CLF__GROUP_BASE, 0));
  if (f->context && draw_chance(&d.random, 0.3)) {
    put(&d, "; context: ");
    put_node(&d, &clf__node_types[draw_chance(&d.random, 0.5) ? CLF__ARCH_mlp : CLF__ARCH_resnet]);
    put(&d, "->%d", draw_int(&d.random, 1, 3));
  }
}

void draw_rows(draw_random *r, const draw_flow *f, int n, double *x) {
  for (int i = 0; i < n * f->dim; i++)
    x[i] = f->low < f->high ? draw_uniform(r, f->low, f->high) : 1.2 * draw_normal(r);
}

void draw_contexts(draw_random *r, const draw_flow *f, int n, double *c) {
  for (int i = 0; i < n * f->context; i++) c[i] = draw_normal(r);
}
