/* SPDX-License-Identifier: MIT */
/* members.c: a node with random members. */
#include <string.h>
#include "drawing.h"

/* ---- Numbers --------------------------------------------------------------------------------- */

/* Limits for small flows that are stricter than the table. */
typedef struct cap {
  const char *member;
  double low, high;
} cap;
static const cap caps[] = {
    {"hidden", 3, 9},      {"layers", 0, 2},    {"blocks", 0, 2},     {"bins", 2, 6},
    {"reflections", 1, 3}, {"count", 2, 3},     {"even", 0, 1},       {"dropout", 0, 0.3},
    {"clamp", 1, 3},       {"slope", 1e-3, .2}, {"momentum", .05, 1}, {"eps", 1e-5, 1e-3},
    {"init", 0.5, 2},      {"shift", -1, 1},    {"scale", 0.5, 2},    {"df", 2, 9},
    {"bound", 3, 12},      {"width", 2, 4},     {"rho", 0, 0.9},      {"alpha", 0.01, 0.1},
    {"min", 1e-3, 0.1},    {"center", -1, 1},   {"from", 0.05, 0.5},  {"tail", 0.01, 0.3},
    {"rate", 0.5, 2},
};

static cap cap_of(const clf__member *m) {
  for (size_t i = 0; i < sizeof caps / sizeof *caps; i++)
    if (strcmp(caps[i].member, m->name) == 0) return caps[i];
  return (cap){m->name, m->low, m->high < m->low + 3 ? m->high : m->low + 3};
}

static int is(const clf__member *m, const char *name) { return strcmp(m->name, name) == 0; }

static void put_real(drawing *d, const clf__member *m) {
  const cap c = cap_of(m);
  drawing_put(d, "%.3g", draw_uniform(&d->random, c.low, c.high));
}

/* Ends of an interval are those of the rows. */
static int is_end(const clf__node_type *type, const clf__member *m) {
  switch (type->id) {
  case CLF__ARCH_box:
  case CLF__ARCH_logit: return !is(m, "eps");
  case CLF__ARCH_within: return 1;
  case CLF__ARCH_softlog:
  case CLF__ARCH_softlogit: return is(m, "a") || is(m, "b");
  case CLF__ARCH_log:
  case CLF__ARCH_softplus: return 1;
  case CLF__ARCH_wrap: return is(m, "bound");
  case CLF__ARCH_piecewise: return is(m, "xmin") || is(m, "xmax");
  default: return 0;
  }
}

static int is_low(const clf__member *m) { return is(m, "low") || is(m, "a") || is(m, "xmin"); }

static void put_number(drawing *d, const clf__node_type *type, const clf__member *m) {
  const cap c = cap_of(m);
  drawing_put(d, "%s=", m->name);
  if (is_end(type, m))
    drawing_put(d, "%.17g", is_low(m) ? d->low : d->high);
  else if (type->id == CLF__ARCH_classes)
    drawing_put(d, "%d", d->flow->classes);
  else if (is(m, "levels"))
    drawing_put(d, "256");
  else if (is(m, "passes"))
    drawing_put(d, "%d", draw_int(&d->random, 1, d->dim));
  else if (m->type == CLF__TYPE_INT)
    drawing_put(d, "%d", draw_int(&d->random, (int)c.low, (int)c.high));
  else
    put_real(d, m);
}

/* One number, or one for each dimension or channel; minimum sizes of bins. */
static void put_numbers(drawing *d, const clf__node_type *type, const clf__member *m) {
  const int each = drawing_is_image(d) ? d->image[2] : d->dim;
  int n = draw_chance(&d->random, 0.5) || d->in_columns ? 1 : each;
  if (is(m, "min")) n = type->id == CLF__ARCH_rq ? 3 : 2;
  if (is(m, "rate")) n = 1; /* there is one angle */
  drawing_put(d, "%s=", m->name);
  for (int i = 0; i < n; i++) {
    if (i) drawing_put(d, ", ");
    put_real(d, m);
  }
}

/* Random degrees need made nets without residuals; inverted layers are not fitted to rows; a joint
 * mixture needs a context. */
static void put_flag(drawing *d, const clf__member *m) {
  const int can = (!is(m, "random") || strstr(d->flow->text + d->node, "residual=0")) &&
                  (!is(m, "joint") || d->flow->context) && (!is(m, "whiten") || !d->inverted);
  drawing_put(d, "%s=%d", m->name, can ? draw_int(&d->random, 0, 1) : 0);
}

/* ---- Words and lists ------------------------------------------------------------------------- */

static void put_permutation(drawing *d, int n) {
  int order[DRAW_DIMS];
  for (int i = 0; i < n; i++) order[i] = i;
  for (int i = n - 1; i > 0; i--) {
    const int k = draw_int(&d->random, 0, i), was = order[i];
    order[i] = order[k];
    order[k] = was;
  }
  for (int i = 0; i < n; i++) drawing_put(d, "%s%d", i ? ", " : "", order[i]);
}

static void put_range(drawing *d, int n) {
  const int first = draw_int(&d->random, 0, n - 1), last = draw_int(&d->random, first, n - 1);
  drawing_put(d, "%d-%d", first, last);
}

/* Words that only images or residual nets take; the net of RealNVP has its own activation. */
static int is_word_here(const drawing *d, const clf__node_type *type, const char *word) {
  if ((type->id == CLF__ARCH_mlp || type->id == CLF__ARCH_conv) && strcmp(word, "glu") == 0)
    return 0;
  if (strcmp(word, "checker") == 0 || strcmp(word, "channel") == 0) return drawing_is_image(d);
  const char *net = d->flow->text + d->node;
  return type->id != CLF__ARCH_convresnet || strcmp(word, "realnvp") != 0 ||
         (!strstr(net, "act=") && !strstr(net, "dropout=") && !strstr(net, "blocks=") &&
          (!d->flow->context || strstr(net, "context=add")));
}

static void put_choice(drawing *d, const clf__node_type *type, const clf__member *m) {
  int n = 0;
  while (m->words[n].text) n++;
  const char *word = m->words[draw_int(&d->random, 0, n - 1)].text;
  while (!is_word_here(d, type, word)) word = m->words[draw_int(&d->random, 0, n - 1)].text;
  if (type->group == CLF__GROUP_LAYER && !d->in_columns && draw_chance(&d->random, 0.1))
    word = "$alt";
  drawing_put(d, "%s=%s", m->name, word);
  if (strcmp(word, "list")) return;
  drawing_put(d, ", list=");
  if (type->id == CLF__ARCH_coupling)
    put_range(d, d->dim);
  else
    put_permutation(d, type->id == CLF__ARCH_perm && drawing_is_image(d) ? d->image[2] : d->dim);
}

static void put_tail(drawing *d, const clf__node_type *type) {
  const int circular = type->id == CLF__ARCH_rq && draw_chance(&d->random, 0.5);
  if (!d->on_box)
    drawing_put(d, "tail=%.3g", draw_uniform(&d->random, 1.5, 6));
  else
    drawing_put(d, "tail=%s, box=%.17g, %.17g", circular ? "circular" : "none", d->low, d->high);
}

static void put_kernels(drawing *d) {
  static const char *const kernels[] = {"1", "3", "1-1", "3-3", "3-1-3"};
  drawing_put(d, "kernels=%s", kernels[draw_int(&d->random, 0, 4)]);
}

/* ---- Nodes in nodes -------------------------------------------------------------------------- */

static void put_inner(drawing *d, const clf__node_type *type, const clf__member *m) {
  const int masked = d->masked, prior = d->prior, of_context = d->of_context;
  drawing_put(d, "%s=", m->name);
  d->masked = type->id == CLF__ARCH_ar;
  d->prior = type->id == CLF__ARCH_split;
  d->of_context |= (type->group == CLF__GROUP_BASE && !prior) || type->id == CLF__ARCH_elementwise;
  drawing_put_node(d, drawing_type(d, m->group));
  d->masked = masked;
  d->prior = prior;
  d->of_context = of_context;
}

/* The columns up to one, and those after it; for a base all of them. */
static void put_columns(drawing *d, const clf__node_type *type, const clf__member *m) {
  const int all = d->dim, end = draw_int(&d->random, 1, all);
  const int first = type->group == CLF__GROUP_LAYER ? draw_int(&d->random, 0, end - 1) : 0;
  d->in_columns = 1;
  drawing_put(d, "%d-%d: ", first, end - 1);
  d->dim = end - first;
  drawing_put_node(d, drawing_type(d, m->group));
  if (end < all) {
    drawing_put(d, ", %d-: ", end);
    d->dim = all - end;
    drawing_put_node(d, drawing_type(d, m->group));
  }
  d->dim = all;
  d->in_columns = 0;
}

static void put_flows(drawing *d) {
  const int dim = d->dim;
  d->nested++;
  for (int i = 0; i < 2; i++) {
    drawing_put(d, "%s%.2g: ", i ? "; " : "", draw_uniform(&d->random, 0.2, 2));
    drawing_put_flow(d, draw_int(&d->random, 0, 2));
    d->dim = dim;
  }
  d->nested--;
}

/* ---- Nodes ----------------------------------------------------------------------------------- */

static void put_member(drawing *d, const clf__node_type *type, const clf__member *m) {
  switch (m->type) {
  case CLF__TYPE_INT:
  case CLF__TYPE_REAL: put_number(d, type, m); return;
  case CLF__TYPE_REALS: put_numbers(d, type, m); return;
  case CLF__TYPE_FLAG: put_flag(d, m); return;
  case CLF__TYPE_CHOICE: put_choice(d, type, m); return;
  case CLF__TYPE_TAILS: put_tail(d, type); return;
  case CLF__TYPE_RANGES: drawing_put(d, "%s=0", m->name); return; /* angles: the first input */
  case CLF__TYPE_NODE: put_inner(d, type, m); return;
  case CLF__TYPE_INTS: put_kernels(d); return;
  case CLF__TYPE_PARTS:
    if (m->group == CLF__GROUP_FLOW)
      put_flows(d);
    else
      put_columns(d, type, m);
    return;
  case CLF__TYPE_LIST: return;
  }
}

/* Chooses among members that exclude each other. */
enum { PLAIN, TRAINED, BY_CONTEXT };

/* Whether a member always has its default. */
static int is_left(const drawing *d, const clf__node_type *type, const clf__member *m, int kind) {
  if (is(m, "list") || is(m, "box") || is(m, "transformed")) return 1;
  if (type->id == CLF__ARCH_normal) {
    if (m->type == CLF__TYPE_NODE) return kind != BY_CONTEXT || !d->flow->context;
    return kind != TRAINED || (is(m, "cov") && d->prior);
  }
  if (type->id == CLF__ARCH_convresnet && kind == TRAINED) /* space for like=realnvp */
    return is(m, "act") || is(m, "dropout") || is(m, "blocks");
  if (type->id == CLF__ARCH_elementwise && m->type == CLF__TYPE_NODE && m->value &&
      m->group == CLF__GROUP_NET) /* only reads the context */
    return !d->flow->context || d->in_columns;
  return 0;
}

static int is_given(drawing *d, const clf__node_type *type, const clf__member *m, int kind) {
  if (!m->value || m->type == CLF__TYPE_TAILS || is_end(type, m)) return 1;
  if (is(m, "width") || (is(m, "hidden") && type->id == CLF__ARCH_convresnet)) return 1;
  if (is(m, "act")) return draw_chance(&d->random, 0.8);
  if (is(m, "hidden")) return draw_chance(&d->random, 0.9); /* the default is slow */
  if (type->id == CLF__ARCH_normal && kind == (m->type == CLF__TYPE_NODE ? BY_CONTEXT : TRAINED))
    return 1;
  return draw_chance(&d->random, m->type == CLF__TYPE_RANGES ? 0.1 : 0.5);
}

void drawing_put_node(drawing *d, const clf__node_type *type) {
  const char *between = "";
  const int kind = draw_int(&d->random, PLAIN, BY_CONTEXT);
  d->node = d->used;
  drawing_put(d, "%s(", type->name);
  for (int i = 0; i < type->count; i++) {
    const clf__member *m = &type->members[i];
    if (is_left(d, type, m, kind) || !is_given(d, type, m, kind)) continue;
    drawing_put(d, "%s", between);
    put_member(d, type, m);
    between = ", ";
  }
  drawing_put(d, ")");
}
