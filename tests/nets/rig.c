/* SPDX-License-Identifier: MIT */
/* rig.c: a net on its own: made from the text of an architecture, with weights, memory and batches.
 */
#include "nets/rig.h"
#include <stdlib.h>
#include <string.h>

const clf__net_ops *ops_of(const clf__node *node) {
  static const clf__net_ops *const all[] = {&clf__net_mlp, &clf__net_resnet, &clf__net_made,
                                            &clf__net_masked};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (!strcmp(all[i]->name, node->type->name)) return all[i];
  ck_abort_msg("no net %s", node->type->name);
}

int is_masked(const setting *s) { return s->text[1] == 'a'; } /* made, masked */

/* Parses the text and describes the net; make() comes next.  map: that of an autoregressive
 * layer. */
static void describe_with(rig *r, const setting *s, const char *map) {
  char text[256];
  *r = (rig){.arena = {.dev = flows_dev}, .work = {.dev = flows_dev}};
  snprintf(text, sizeof text,
           is_masked(s) ? "%d: ar(%s, %s) -> normal" : "%d: coupling(%s, %s) -> normal",
           s->in + !is_masked(s), map, s->text);
  WORKS(clf_arch_parse(text, &r->arch));
  WORKS(clf__arch_expand(r->arch->flow, &r->list));
  const clf__node *layer = r->list.at[0].node;
  const clf__node *node =
      is_masked(s) ? ((const clf__arch_ar *)layer)->net : ((const clf__arch_coupling *)layer)->net;
  int ascending = 1;
  for (int i = 0; i < 5; i++) ascending &= s->order[i] == 0;
  for (int i = 0; i < s->in && i < 5; i++) r->order[i] = ascending ? i : s->order[i];
  r->net = (clf__net){.ops = ops_of(node),
                      .node = (const struct clf__node *)node,
                      .in = s->in,
                      .context = s->context,
                      .out = s->numbers * (is_masked(s) ? s->in : 1),
                      .numbers = is_masked(s) ? s->numbers : 2,
                      .passes = s->passes,
                      .order = is_masked(s) ? r->order : NULL};
}

void describe(rig *r, const setting *s) { describe_with(r, s, "add"); }

static clf_tensor flat(clf_arena *a, int64_t n) {
  clf_tensor t;
  WORKS(clf_new(a, (int32_t[4]){n > 0 ? (int32_t)n : 1}, &t));
  return t;
}

static void lay_out(rig *r) {
  const int64_t weights = clf__slots_weights(&r->slots), constants = r->slots.size[CLF_CONSTANT];
  r->w.w = flat(&r->arena, weights);
  r->w.c = flat(&r->arena, constants);
  r->g.w = flat(&r->arena, weights);
}

/* Stores a vector as a flow does. */
static void sort(const rig *r, clf_tensor v, int constants) {
  clf__sorted list[64];
  const int count = clf__slots_sorted(&r->slots, constants, NULL);
  ck_assert_int_le(count, 64);
  clf__slots_sorted(&r->slots, constants, list);
  WORKS(clf__buffer_sort(v.buf, v.offset, list, count));
}

static void upload(rig *r) {
  WORKS(clf_write64(flows_dev, r->w.w, r->host_w));
  WORKS(clf_write64(flows_dev, r->w.c, r->host_c));
  WORKS(clf_do(flows_dev, fill, .y = r->g.w, .value = 0));
}

void plan(rig *r, int32_t rows, int train) {
  clf_arena_free(&r->work);
  r->work = (clf_arena){.dev = flows_dev};
  void *memory = r->memory;
  WORKS(clf__net_plan_all(&r->net, rows, train, &r->work, &memory)); /* measures */
  WORKS(clf_arena_init(&r->work, flows_dev, r->work.used));
  WORKS(clf__net_plan_all(&r->net, rows, train, &r->work, &memory));
}

static void make_described(rig *r, uint64_t seed) {
  clf__host_random random = {seed};
  WORKS(r->net.ops->make(&r->net, &r->slots, "net"));
  WORKS(clf__slots_lay_out(&r->slots));
  lay_out(r);
  WORKS(clf_arena_init(&r->arena, flows_dev, r->arena.used));
  lay_out(r);
  sort(r, r->w.w, 0);
  sort(r, r->w.c, 1);
  sort(r, r->g.w, 0);
  r->host_w = flows_array((size_t)r->w.w.dim[0]);
  r->host_c = flows_array((size_t)r->w.c.dim[0]);
  clf__slots_init(&r->slots, &random, NULL, r->host_c);
  if (r->net.ops->draw) r->net.ops->draw(&r->net, &random, r->host_c);
  if (r->net.ops->derive) r->net.ops->derive(&r->net, r->host_c);
  clf__slots_init(&r->slots, &random, r->host_w, NULL);
  if (r->net.ops->init) r->net.ops->init(&r->net, &random, r->host_w);
  r->memory = calloc((size_t)r->net.tensors, sizeof *r->memory->t);
  ck_assert_ptr_nonnull(r->memory);
  upload(r);
}

void make(rig *r, const setting *s, uint64_t seed) {
  describe(r, s);
  make_described(r, seed);
}

/* A masked net that computes the parameters of a map. */
void make_with_map(rig *r, const setting *s, const char *map, uint64_t seed) {
  describe_with(r, s, map);
  r->map = (clf__map){.dims = s->in, .masked = 1};
  WORKS(clf__map_make(&r->map, ((const clf__arch_ar *)r->list.at[0].node)->map, &r->slots, "map"));
  r->net.numbers = r->map.numbers;
  r->net.out = s->in * r->map.numbers;
  make_described(r, seed);
}

void drop(rig *r) {
  clf__map_unmake(&r->map);
  r->net.ops->unmake(&r->net);
  clf__slots_free(&r->slots);
  clf_arena_free(&r->work);
  clf_arena_free(&r->arena);
  clf__arch_list_free(&r->list);
  clf_arch_free(r->arch);
  free(r->host_w);
  free(r->host_c);
  free(r->memory);
}

/* Weights away from the initial ones, but zero where masked. */
void randomise(rig *r, uint64_t seed) {
  clf__host_random random = {seed};
  for (int i = 0; i < r->slots.count; i++) {
    const clf__slot_entry *e = &r->slots.list[i];
    const clf__slot *slot = e->slot;
    const int is_var = strstr(e->name, "running_var") != NULL;
    int64_t n = 1;
    for (int d = 0; d < slot->rank; d++) n *= slot->dim[d];
    if (slot->group == CLF_CONSTANT) continue;
    for (int64_t k = 0; k < n; k++)
      r->host_w[slot->at + k] =
          is_var ? 0.5 + clf__host_uniform(&random) : 0.6 * clf__host_normal(&random);
  }
  if (r->net.ops->init) r->net.ops->init(&r->net, &random, r->host_w);
  upload(r);
}

/* ---- A pass --------------------------------------------------------------------------------- */

static void lay_out_batch(const rig *r, batch *b) {
  const clf__net *net = &r->net;
  WORKS(clf_new(&b->arena, (int32_t[4]){b->n, net->in}, &b->x));
  WORKS(clf_new(&b->arena, (int32_t[4]){b->n, net->in}, &b->dx));
  WORKS(clf_new(&b->arena, (int32_t[4]){b->n, net->out}, &b->u));
  WORKS(clf_new(&b->arena, (int32_t[4]){b->n, net->out}, &b->du));
  if (!net->context) return;
  WORKS(clf_new(&b->arena, (int32_t[4]){b->n, net->context}, &b->c));
  WORKS(clf_new(&b->arena, (int32_t[4]){b->n, net->context}, &b->dc));
}

void new_batch(const rig *r, batch *b, int32_t n) {
  *b = (batch){.arena = {.dev = flows_dev}, .n = n};
  lay_out_batch(r, b);
  WORKS(clf_arena_init(&b->arena, flows_dev, b->arena.used));
  lay_out_batch(r, b);
}

void put_random(clf_tensor t, uint64_t seed) {
  clf__host_random random = {seed};
  const size_t n = clf__count(&t);
  double *v = flows_array(n);
  for (size_t i = 0; i < n; i++) v[i] = (float)clf__host_normal(&random);
  WORKS(clf_write64(flows_dev, t, v));
  free(v);
}

void random_batch(const rig *r, batch *b, int32_t n, uint64_t seed) {
  new_batch(r, b, n);
  put_random(b->x, seed);
  put_random(b->du, seed + 1);
  if (b->c.buf) put_random(b->c, seed + 2);
}

clf__pass pass_of(const rig *r, const batch *b, clf__mode mode) {
  return (clf__pass){.dev = flows_dev,
                     .mode = mode,
                     .weights = r->w,
                     .gradients = r->g,
                     .c = b->c,
                     .dc = b->dc,
                     .momentum = 0.1,
                     .first = 5,
                     .key = 77};
}

void forward(rig *r, batch *b, clf__mode mode) {
  const clf__pass p = pass_of(r, b, mode);
  WORKS(r->net.ops->forward(&r->net, &p, r->memory, b->x, b->u));
}

void backward(rig *r, batch *b, clf__mode mode) {
  const clf__pass p = pass_of(r, b, mode);
  if (b->dc.buf) WORKS(clf_do(flows_dev, fill, .y = b->dc, .value = 0));
  WORKS(clf_do(flows_dev, fill, .y = r->g.w, .value = 0));
  WORKS(r->net.ops->backward(&r->net, &p, r->memory, b->x, b->du, b->dx));
  if (r->net.ops->finish) WORKS(r->net.ops->finish(&r->net, &p));
}

double *elements(clf_tensor t) {
  double *v = flows_array(clf__count(&t));
  WORKS(clf_read64(flows_dev, t, v));
  return v;
}

clf_tensor tensor_of(const clf__vectors *v, const clf__slot_entry *e) {
  return clf__slot_tensor(v, e->slot);
}
