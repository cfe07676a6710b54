/* SPDX-License-Identifier: MIT */
/* lists.c: lists of layers that are made from the text of an architecture, and their passes. */
#include "layers/lists.h"
#include <string.h>

clf_status make_layers(list *s) {
  clf__shape shape = {.dim = s->arch->dim,
                      .height = s->arch->image[0],
                      .width = s->arch->image[1],
                      .channels = s->arch->image[2]};
  for (int i = 0; i < s->count; i++) {
    clf__layer *l = &s->layer[i];
    const clf__layer_ops *ops;
    CLF_TRY(clf__layer_of(s->nodes.at[i].node, &ops));
    *l = (clf__layer){.ops = ops,
                      .node = s->nodes.at[i].node,
                      .dev = flows_dev,
                      .index = i,
                      .count = 1,
                      .inverted = s->nodes.at[i].node->inverted,
                      .prev = i ? l - 1 : NULL,
                      .in = shape,
                      .out = shape};
    l->traits = l->ops->traits;
    snprintf(l->label, sizeof l->label, "layers.%d", i);
    CLF_TRY(l->ops->make(l, &s->slots, l->label));
    shape = l->out;
  }
  return clf__slots_lay_out(&s->slots);
}

/* A vector of n zeros. */
static clf_tensor vector(list *s, int64_t n) {
  clf_tensor t;
  WORKS(clf_new(&s->arena, (int32_t[4]){n > 0 ? (int32_t)n : 1, 1, 1, 1}, &t));
  WORKS(clf_do(flows_dev, fill, .y = t, .value = 0));
  return t;
}

static void draw(list *s, uint64_t seed) {
  const size_t W = (size_t)clf__slots_weights(&s->slots), C = (size_t)s->slots.size[CLF_CONSTANT];
  double *w = flows_array(W + 1), *c = flows_array(C + 1);
  clf__host_random r = {seed};
  clf__slots_init(&s->slots, &r, w, c);
  for (int i = 0; i < s->count; i++) {
    const clf__layer *l = &s->layer[i];
    if (l->ops->draw) l->ops->draw(l, &r, c);
    if (l->ops->init) l->ops->init(l, &r, w);
  }
  if (W) WORKS(clf_write64(flows_dev, s->weights.w, w));
  if (C) WORKS(clf_write64(flows_dev, s->weights.c, c));
  free(c);
  free(w);
}

/* Computes the constants that follow from others. */
clf_status derive(list *s) {
  clf_status status = CLF_OK;
  double *c = flows_array((size_t)s->slots.size[CLF_CONSTANT] + 1);
  if (!s->slots.size[CLF_CONSTANT]) return free(c), CLF_OK;
  WORKS(clf_read64(flows_dev, s->weights.c, c));
  for (int i = 0; i < s->count && !status; i++)
    if (s->layer[i].ops->derive) status = s->layer[i].ops->derive(&s->layer[i], c);
  WORKS(clf_write64(flows_dev, s->weights.c, c));
  free(c);
  return status;
}

void begin(list *s, const char *text) {
  *s = (list){0};
  WORKS(clf_arch_parse(text, &s->arch));
  WORKS(clf__arch_expand(s->arch->flow, &s->nodes));
  s->count = s->nodes.n;
  s->dim = s->arch->dim;
  ck_assert_int_le(s->count, MOST_LAYERS);
  WORKS(make_layers(s));
  const int64_t W = clf__slots_weights(&s->slots), C = s->slots.size[CLF_CONSTANT],
                Dd = s->slots.size[CLF_DERIVED];
  WORKS(clf_arena_init(
      &s->arena, flows_dev,
      (size_t)(2 * W + C + 2 * Dd + 8 * (MOST_LAYERS + 2) * ROWS * s->dim + 100000)));
  s->weights = (clf__vectors){vector(s, W), vector(s, C), vector(s, Dd)};
  s->gradients = (clf__vectors){.w = vector(s, W), .d = vector(s, Dd)};
  for (int i = 0; i <= s->count; i++) {
    WORKS(clf_new(&s->arena, (int32_t[4]){ROWS, s->dim, 1, 1}, &s->x[i]));
    WORKS(clf_new(&s->arena, (int32_t[4]){ROWS, s->dim, 1, 1}, &s->dx[i]));
  }
  for (int i = 0; i < s->count; i++) {
    WORKS(clf__layer_plan(&s->layer[i], ROWS, CLF_STORED, &s->arena, &s->memory[i]));
    WORKS(clf__layer_keep(&s->layer[i], ROWS, CLF_STORED, &s->arena, &s->memory[i]));
    WORKS(clf__layer_scratch(&s->layer[i], ROWS, CLF_STORED, &s->arena, &s->memory[i]));
  }
  s->logdet = vector(s, ROWS);
  s->each = vector(s, ROWS);
  draw(s, 7);
  WORKS(derive(s));
}

void end(list *s) {
  for (int i = 0; i < s->count; i++) clf__layer_release(&s->layer[i], &s->memory[i]);
  for (int i = 0; i < s->count; i++)
    if (s->layer[i].ops->unmake) s->layer[i].ops->unmake(&s->layer[i]);
  clf_arena_free(&s->arena);
  clf__slots_free(&s->slots);
  clf__arch_list_free(&s->nodes);
  clf_arch_free(s->arch);
}

clf__slot_entry *slot_of(list *s, const char *name) {
  for (int i = 0; i < s->slots.count; i++)
    if (strcmp(s->slots.list[i].name, name) == 0) return &s->slots.list[i];
  return NULL;
}

/* ---- Passes ---------------------------------------------------------------------------------- */

clf__pass new_pass(const list *s, clf__mode mode) {
  return (clf__pass){.dev = flows_dev, .mode = mode, .weights = s->weights};
}

clf_status prepare(const list *s, const clf__pass *p) {
  for (int i = 0; i < s->count; i++)
    if (s->layer[i].ops->prepare) CLF_TRY(s->layer[i].ops->prepare(&s->layer[i], p));
  return CLF_OK;
}

void forward(list *s, clf__mode mode, const double *x, int32_t n, double *z, double *logdet) {
  const clf__pass p = new_pass(s, mode);
  WORKS(clf_write64(flows_dev, clf__rows(s->x[0], n), x));
  WORKS(clf_do(flows_dev, fill, .y = s->logdet, .value = 0));
  WORKS(prepare(s, &p));
  for (int i = 0; i < s->count; i++)
    WORKS(clf__layer_forward(&s->layer[i], &p, &s->memory[i], clf__rows(s->x[i], n),
                             clf__rows(s->x[i + 1], n), clf__rows(s->logdet, n)));
  WORKS(clf_read64(flows_dev, clf__rows(s->x[s->count], n), z));
  WORKS(clf_read64(flows_dev, clf__rows(s->logdet, n), logdet));
}

void inverse(list *s, clf__mode mode, const double *z, int32_t n, double *x, double *logdet) {
  const clf__pass p = new_pass(s, mode);
  WORKS(clf_write64(flows_dev, clf__rows(s->x[s->count], n), z));
  WORKS(clf_do(flows_dev, fill, .y = s->logdet, .value = 0));
  WORKS(prepare(s, &p));
  for (int i = s->count - 1; i >= 0; i--)
    WORKS(clf__layer_inverse(&s->layer[i], &p, &s->memory[i], clf__rows(s->x[i + 1], n),
                             clf__rows(s->x[i], n), clf__rows(s->logdet, n)));
  WORKS(clf_read64(flows_dev, clf__rows(s->x[0], n), x));
  WORKS(clf_read64(flows_dev, clf__rows(s->logdet, n), logdet));
}

void backward(list *s, clf__mode mode, int inverted, const double *dz, int32_t n, float dlogdet,
              const double *each, double *dx, double *g) {
  clf__pass p = new_pass(s, mode);
  const int from = inverted ? 0 : s->count;
  p.gradients = s->gradients;
  p.dlogdet = dlogdet;
  if (each) {
    p.each = clf__rows(s->each, n);
    WORKS(clf_write64(flows_dev, p.each, each));
  }
  WORKS(clf_do(flows_dev, fill, .y = s->gradients.w, .value = 0));
  WORKS(clf_do(flows_dev, fill, .y = s->gradients.d, .value = 0));
  WORKS(clf_write64(flows_dev, clf__rows(s->dx[from], n), dz));
  for (int k = 0; k < s->count; k++) {
    const int i = inverted ? k : s->count - 1 - k;
    const clf__layer *l = &s->layer[i];
    const clf_tensor in = clf__rows(s->x[i], n), out = clf__rows(s->x[i + 1], n);
    const clf_tensor din = clf__rows(s->dx[i], n), dout = clf__rows(s->dx[i + 1], n);
    WORKS(inverted ? clf__layer_backward_inverse(l, &p, &s->memory[i], out, in, din, dout)
                   : clf__layer_backward(l, &p, &s->memory[i], in, out, dout, din));
  }
  for (int i = 0; i < s->count; i++)
    if (s->layer[i].ops->finish) WORKS(s->layer[i].ops->finish(&s->layer[i], &p));
  WORKS(clf_read64(flows_dev, clf__rows(s->dx[s->count - from], n), dx));
  WORKS(clf_read64(flows_dev, s->gradients.w, g));
}

/* ---- Rows and weights -------------------------------------------------------------------------
 */

/* Weights away from their initial values; variances stay positive, other states unchanged. */
void perturb(list *s) {
  const size_t W = (size_t)clf__slots_weights(&s->slots);
  double *w = flows_array(W + 1);
  clf__host_random r = {99};
  if (W) WORKS(clf_read64(flows_dev, s->weights.w, w));
  for (int i = 0; i < s->slots.count; i++) {
    const clf__slot_entry *e = &s->slots.list[i];
    if (e->slot->group > CLF_STATE || e->whole) continue;
    const int64_t n = (int64_t)e->slot->dim[0] * e->slot->dim[1];
    for (int64_t k = 0; k < n; k++)
      w[e->slot->at + k] +=
          e->slot->group == CLF_STATE ? clf__host_uniform(&r) : 0.3 * clf__host_normal(&r);
  }
  if (W) WORKS(clf_write64(flows_dev, s->weights.w, w));
  free(w);
}

double *normals(uint64_t seed, size_t n) {
  clf__host_random r = {seed};
  double *x = flows_array(n);
  for (size_t i = 0; i < n; i++) x[i] = clf__host_normal(&r);
  return x;
}
