/* SPDX-License-Identifier: MIT */
/* test_nets.c: the nets of couplings, autoregressive layers and bases, on one device:
 *   test_nets DEVICE
 * Comparison with the libraries they come from, gradients against differences, dependencies of
 * masked nets, initial values, dropout, memory, errors. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "chain.h"
#include "golden.h"
#include "map.h"

/* ---- A single net ---------------------------------------------------------------------------- */

typedef struct setting {
  const char *text; /* of the net */
  int32_t in, context, numbers;
  int32_t order[5]; /* of masked nets; all 0: ascending */
  int32_t passes;
} setting;

#define NET(net, inputs, contexts, m)                                                              \
  { .text = net, .in = inputs, .context = contexts, .numbers = m }
#define ORDERED(net, inputs, contexts, m, groups, ...)                                             \
  {                                                                                                \
    .text = net, .in = inputs, .context = contexts, .numbers = m, .order = {__VA_ARGS__},          \
    .passes = groups                                                                               \
  }

typedef struct rig {
  clf_arch *arch;
  clf__arch_list list;
  clf__net net;
  clf__map map; /* for masked nets that are inverted */
  clf__slots slots;
  clf_arena arena, work;
  clf__vectors w, g;
  clf__net_memory *memory;
  double *host_w, *host_c;
  int32_t order[8];
} rig;

static const clf__net_ops *ops_of(const clf__node *node) {
  static const clf__net_ops *const all[] = {&clf__net_mlp, &clf__net_resnet, &clf__net_made,
                                            &clf__net_masked};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (!strcmp(all[i]->name, node->type->name)) return all[i];
  ck_abort_msg("no net %s", node->type->name);
}

static int is_masked(const setting *s) { return s->text[1] == 'a'; } /* made, masked */

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

static void describe(rig *r, const setting *s) { describe_with(r, s, "add"); }

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

static void upload(rig *r) {
  WORKS(clf_write64(flows_dev, r->w.w, r->host_w));
  WORKS(clf_write64(flows_dev, r->w.c, r->host_c));
  WORKS(clf_do(flows_dev, fill, .y = r->g.w, .value = 0));
}

static void plan(rig *r, int32_t rows, int train) {
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
  WORKS(clf__slots_place(&r->slots));
  lay_out(r);
  WORKS(clf_arena_init(&r->arena, flows_dev, r->arena.used));
  lay_out(r);
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

static void make(rig *r, const setting *s, uint64_t seed) {
  describe(r, s);
  make_described(r, seed);
}

/* A masked net that computes the parameters of a map. */
static void make_with_map(rig *r, const setting *s, const char *map, uint64_t seed) {
  describe_with(r, s, map);
  r->map = (clf__map){.dims = s->in, .masked = 1};
  WORKS(clf__map_make(&r->map, ((const clf__arch_ar *)r->list.at[0].node)->map, &r->slots, "map"));
  r->net.numbers = r->map.numbers;
  r->net.out = s->in * r->map.numbers;
  make_described(r, seed);
}

static void drop(rig *r) {
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
static void randomise(rig *r, uint64_t seed) {
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

/* Rows on the device, with memory for the results. */
typedef struct batch {
  clf_arena arena;
  int32_t n;
  clf_tensor x, c, u, du, dx, dc;
} batch;

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

static void new_batch(const rig *r, batch *b, int32_t n) {
  *b = (batch){.arena = {.dev = flows_dev}, .n = n};
  lay_out_batch(r, b);
  WORKS(clf_arena_init(&b->arena, flows_dev, b->arena.used));
  lay_out_batch(r, b);
}

static void put_random(clf_tensor t, uint64_t seed) {
  clf__host_random random = {seed};
  const size_t n = clf__count(&t);
  double *v = flows_array(n);
  for (size_t i = 0; i < n; i++) v[i] = (float)clf__host_normal(&random);
  WORKS(clf_write64(flows_dev, t, v));
  free(v);
}

static void random_batch(const rig *r, batch *b, int32_t n, uint64_t seed) {
  new_batch(r, b, n);
  put_random(b->x, seed);
  put_random(b->du, seed + 1);
  if (b->c.buf) put_random(b->c, seed + 2);
}

static clf__pass pass_of(const rig *r, const batch *b, clf__mode mode) {
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

static void forward(rig *r, batch *b, clf__mode mode) {
  const clf__pass p = pass_of(r, b, mode);
  WORKS(r->net.ops->forward(&r->net, &p, r->memory, b->x, b->u));
}

static void backward(rig *r, batch *b, clf__mode mode) {
  const clf__pass p = pass_of(r, b, mode);
  if (b->dc.buf) WORKS(clf_do(flows_dev, fill, .y = b->dc, .value = 0));
  WORKS(clf_do(flows_dev, fill, .y = r->g.w, .value = 0));
  WORKS(r->net.ops->backward(&r->net, &p, r->memory, b->x, b->du, b->dx));
  if (r->net.ops->finish) WORKS(r->net.ops->finish(&r->net, &p));
}

static double *read(clf_tensor t) {
  double *v = flows_array(clf__count(&t));
  WORKS(clf_read64(flows_dev, t, v));
  return v;
}

/* ---- The libraries -------------------------------------------------------------------------- */

typedef struct golden_net {
  const char *name;
  setting s;
} golden_net;

static const golden_net goldens[] = {
    {"mlp_relu", NET("mlp(6x2, relu)", 3, 2, 4)},
    {"mlp_leaky", NET("mlp(6x2, leaky)", 3, 2, 4)},
    {"mlp_tanh", NET("mlp(6x2, tanh)", 3, 2, 4)},
    {"mlp_elu", NET("mlp(6x2, elu)", 3, 2, 4)},
    {"mlp_silu", NET("mlp(6x2, silu)", 3, 2, 4)},
    {"mlp_gelu", NET("mlp(6x2, gelu)", 3, 2, 4)},
    {"mlp_sigmoid", NET("mlp(6x2, sigmoid)", 3, 2, 4)},
    {"mlp_softplus", NET("mlp(6x2, softplus)", 3, 2, 4)},
    {"mlp_norm", NET("mlp(6x2, elu, norm=1)", 3, 0, 4)},
    {"mlp_linear", NET("mlp(6x0)", 3, 0, 4)},
    {"resnet", NET("resnet(8x2)", 3, 0, 5)},
    {"resnet_context", NET("resnet(8x2, silu)", 3, 2, 5)},
    {"resnet_bn", NET("resnet(8x2, elu, bn=1)", 3, 2, 5)},
    {"made", NET("made(11x2)", 4, 0, 3)},
    {"made_context", NET("made(11x2, tanh)", 4, 2, 3)},
    {"made_bn", NET("made(11x2, elu, bn=1)", 4, 2, 3)},
    {"made_forward", NET("made(11x2, tanh, residual=0)", 4, 2, 3)},
    {"made_forward_bn", NET("made(11x3, silu, residual=0, bn=1)", 4, 0, 3)},
    {"made_narrow", NET("made(2x2)", 4, 0, 3)},
    {"made_one", NET("made(5x2)", 1, 2, 2)},
    {"made_nsf", NET("made(11x2, context=nsf)", 4, 2, 3)},
    {"made_nsf_forward", NET("made(11x2, tanh, residual=0, context=nsf)", 4, 0, 3)},
    {"masked", NET("masked(7x2)", 4, 0, 2)},
    {"masked_order", ORDERED("masked(7x2, elu)", 5, 2, 3, 0, 2, 0, 3, 1, 4)},
    {"masked_passes", ORDERED("masked(7x2, silu)", 5, 0, 2, 2, 3, 0, 2, 4, 1)},
    {"masked_residual", ORDERED("masked(7x2, tanh, residual=1)", 4, 2, 2, 0, 3, 2, 1, 0)},
    {"masked_narrow", ORDERED("masked(3x2)", 5, 0, 2, 0, 2, 0, 3, 1, 4)},
    {"masked_one", NET("masked(7x2)", 1, 3, 2)}};
enum { GOLDENS = sizeof goldens / sizeof *goldens };

static int has(const clf__st *st, const char *name) { return clf__st_find(st, name) != NULL; }

/* Compares `got` with the tensor of the file; errors are relative to its largest element.  Batch
 * norm's eps and momentum are floats in the operations. */
static void expect_tensor(const clf__st *st, const char *set, const char *name, clf_tensor got) {
  const double exact = has(st, "eval.u") ? 1e-7 : 1e-10;
  size_t count;
  double *want = golden_tensor(st, name, &count), *have = read(got);
  ck_assert_msg(count == clf__count(&got), "%s: %s has %zu elements, not %zu", set, name, count,
                clf__count(&got));
  flows_expect(flows_error(have, want, count), flows_exact ? exact : 1e-5, "%s: %s", set, name);
  free(want);
  free(have);
}

static clf_tensor part_of(const clf__vectors *v, const clf__slot_entry *e) {
  return clf__slot_tensor(v, e->slot);
}

static void put_tensor(const clf__st *st, const char *name, clf_tensor t) {
  size_t count;
  double *v = golden_tensor(st, name, &count);
  ck_assert_uint_eq(count, clf__count(&t));
  WORKS(clf_write64(flows_dev, t, v));
  free(v);
}

/* Masks must equal those of the library exactly; everything else comes from the file. */
static void load(rig *r, const clf__st *st, const char *set) {
  for (int i = 0; i < r->slots.count; i++) {
    const clf__slot_entry *e = &r->slots.list[i];
    if (!*e->name) continue;
    size_t count;
    double *v = golden_tensor(st, e->name, &count);
    if (e->slot->group == CLF_CONSTANT)
      for (size_t k = 0; k < count; k++)
        ck_assert_msg(v[k] == r->host_c[e->slot->at + (int64_t)k],
                      "%s: element %zu of %s is %g, not %g", set, k, e->name,
                      r->host_c[e->slot->at + (int64_t)k], v[k]);
    else
      WORKS(clf_write64(flows_dev, part_of(&r->w, e), v));
    free(v);
  }
}

static void expect_parts(const rig *r, const clf__st *st, const char *set, const clf__vectors *v,
                         const char *prefix, int states) {
  for (int i = 0; i < r->slots.count; i++) {
    const clf__slot_entry *e = &r->slots.list[i];
    char name[96];
    if (!*e->name || e->slot->group == CLF_CONSTANT) continue;
    if ((e->slot->group == CLF_STATE) != states) continue;
    snprintf(name, sizeof name, "%s%s", prefix, e->name);
    expect_tensor(st, set, name, part_of(v, e));
  }
}

START_TEST(test_golden) {
  const golden_net *g = &goldens[_i];
  char file[64];
  rig r;
  batch b;
  clf__st *st;
  snprintf(file, sizeof file, "nets/%s", g->name);
  WORKS(clf__st_open(golden_path(file, ".safetensors"), &st));
  make(&r, &g->s, 1);
  load(&r, st, g->name);
  new_batch(&r, &b, 7);
  put_tensor(st, "x", b.x);
  put_tensor(st, "du", b.du);
  if (b.c.buf) put_tensor(st, "c", b.c);
  const int norms = has(st, "eval.u");
  plan(&r, 7, CLF_VALUES);
  forward(&r, &b, CLF_EVAL);
  expect_tensor(st, g->name, norms ? "eval.u" : "u", b.u);
  plan(&r, 9, CLF_STORED);
  forward(&r, &b, CLF_TRAIN);
  expect_tensor(st, g->name, "u", b.u);
  backward(&r, &b, CLF_TRAIN);
  expect_tensor(st, g->name, "dx", b.dx);
  if (b.dc.buf) expect_tensor(st, g->name, "dc", b.dc);
  expect_parts(&r, st, g->name, &r.g, "grad.", 0);
  if (norms) expect_parts(&r, st, g->name, &r.w, "after.", 1);
  clf_arena_free(&b.arena);
  clf__st_close(st);
  drop(&r);
}
END_TEST

/* ---- Gradients ------------------------------------------------------------------------------ */

static const setting nets[] = {
    NET("mlp(5x2, tanh)", 3, 0, 4),
    NET("mlp(5x1, silu, context=add)", 3, 2, 4),
    NET("mlp(5x2, elu, dropout=0.3, norm=1)", 3, 2, 4),
    NET("mlp(5x2, gelu, separate=1, angles=0+2)", 3, 2, 4),
    NET("mlp(5x2, softplus, angles=0-)", 3, 0, 4),
    NET("mlp(5x0)", 3, 2, 4),
    NET("resnet(6x2, tanh, dropout=0.2)", 3, 2, 5),
    NET("resnet(6x2, silu, bn=1, context=concat)", 3, 2, 5),
    NET("resnet(6x1, elu, context=add, angles=1)", 3, 2, 5),
    NET("resnet(6x0)", 3, 2, 5),
    ORDERED("made(9x2, elu, dropout=0.2)", 4, 2, 3, 0, 2, 0, 3, 1),
    NET("made(9x2, silu, context=nsf, bn=1)", 4, 2, 3),
    NET("made(9x2, sigmoid, residual=0, dropout=0.2, bn=1)", 4, 2, 3),
    ORDERED("made(9x2, gelu, residual=0, random=1)", 4, 2, 3, 0, 3, 1, 0, 2),
    NET("made(9x0, tanh, residual=0)", 4, 0, 3),
    ORDERED("made(9x2, softplus, residual=0, context=nsf)", 5, 2, 2, 2, 4, 1, 0, 3, 2),
    ORDERED("masked(9x2, silu, dropout=0.2)", 4, 2, 3, 0, 1, 3, 0, 2),
    NET("masked(9x2, elu, residual=1)", 4, 0, 3),
    NET("masked(9x0)", 4, 2, 3)};
enum { NETS = sizeof nets / sizeof *nets };

/* The sum of du u, with running statistics restored afterwards. */
static double loss_of(rig *r, batch *b, clf__mode mode) {
  const size_t n = clf__count(&b->u);
  double sum = 0;
  forward(r, b, mode);
  double *u = read(b->u), *du = read(b->du);
  for (size_t i = 0; i < n; i++) sum += u[i] * du[i];
  free(u);
  free(du);
  return sum;
}

/* Elements of t, a few of them, against central differences. */
static void expect_slopes(rig *r, batch *b, clf__mode mode, const char *text, const char *name,
                          clf_tensor t, clf_tensor gradient) {
  const size_t n = clf__count(&t);
  const double h = 1e-5;
  double *v = read(t), *g = read(gradient);
  for (size_t i = 0; i < n; i += 1 + n / 17) {
    const double was = v[i];
    double at[2];
    for (int side = 0; side < 2; side++) {
      v[i] = was + (side ? h : -h);
      WORKS(clf_write64(flows_dev, t, v));
      at[side] = loss_of(r, b, mode);
    }
    v[i] = was;
    WORKS(clf_write64(flows_dev, t, v));
    const double want = (at[1] - at[0]) / (2 * h);
    ck_assert_msg(fabs(want - g[i]) <= 2e-7 * (1 + fabs(want)),
                  "%s: d/d %s[%zu] is %.10g, by differences %.10g", text, name, i, g[i], want);
  }
  free(v);
  free(g);
}

START_TEST(test_gradients) {
  if (!flows_exact) return; /* other devices are compared with double elsewhere */
  for (int mode = CLF_KEEP; mode <= CLF_TRAIN; mode++) {
    rig r;
    batch b;
    make(&r, &nets[_i], 3);
    randomise(&r, 4);
    random_batch(&r, &b, 6, 5);
    plan(&r, 6, CLF_STORED);
    forward(&r, &b, (clf__mode)mode);
    backward(&r, &b, (clf__mode)mode);
    expect_slopes(&r, &b, (clf__mode)mode, nets[_i].text, "x", b.x, b.dx);
    if (b.c.buf) expect_slopes(&r, &b, (clf__mode)mode, nets[_i].text, "c", b.c, b.dc);
    for (int i = 0; i < r.slots.count; i++) {
      const clf__slot_entry *e = &r.slots.list[i];
      if (e->slot->group > CLF_DECAYED || strstr(e->name, "weight")) continue;
      expect_slopes(&r, &b, (clf__mode)mode, nets[_i].text, e->name, part_of(&r.w, e),
                    part_of(&r.g, e));
    }
    for (int i = 0; i < r.slots.count; i++) {
      const clf__slot_entry *e = &r.slots.list[i];
      if (e->slot->group > CLF_DECAYED || r.net.ops->masked || !strstr(e->name, "weight")) continue;
      expect_slopes(&r, &b, (clf__mode)mode, nets[_i].text, e->name, part_of(&r.w, e),
                    part_of(&r.g, e));
    }
    clf_arena_free(&b.arena);
    drop(&r);
  }
}
END_TEST

/* Passes that do not compute some gradients leave the others unchanged. */
START_TEST(test_unwanted) {
  rig r;
  batch b;
  make(&r, &nets[_i], 3);
  randomise(&r, 4);
  random_batch(&r, &b, 6, 5);
  plan(&r, 6, CLF_STORED);
  forward(&r, &b, CLF_KEEP);
  backward(&r, &b, CLF_KEEP);
  double *dx = read(b.dx), *g = read(r.g.w), *again;
  clf__pass p = pass_of(&r, &b, CLF_KEEP);
  p.gradients = (clf__vectors){0};
  p.dc = (clf_tensor){0};
  WORKS(r.net.ops->backward(&r.net, &p, r.memory, b.x, b.du, b.dx));
  again = read(b.dx);
  ck_assert_mem_eq(dx, again, clf__count(&b.dx) * sizeof *dx);
  free(again);
  again = read(r.g.w);
  ck_assert_mem_eq(g, again, clf__count(&r.g.w) * sizeof *g);
  free(again);
  p = pass_of(&r, &b, CLF_KEEP);
  WORKS(clf_do(flows_dev, fill, .y = r.g.w, .value = 0));
  WORKS(r.net.ops->backward(&r.net, &p, r.memory, b.x, b.du, (clf_tensor){0}));
  if (r.net.ops->finish) WORKS(r.net.ops->finish(&r.net, &p));
  again = read(r.g.w);
  ck_assert_mem_eq(g, again, clf__count(&r.g.w) * sizeof *g);
  free(again);
  free(dx);
  free(g);
  clf_arena_free(&b.arena);
  drop(&r);
}
END_TEST

/* ---- Dependencies ---------------------------------------------------------------------------- */

/* Parameters of a dimension depend on the dimensions of the groups before it, and on no others. */
START_TEST(test_triangular) {
  const setting *s = &nets[_i];
  rig r;
  batch b;
  if (!is_masked(s)) return;
  make(&r, s, 6);
  randomise(&r, 7);
  random_batch(&r, &b, 3, 8);
  plan(&r, 3, CLF_VALUES);
  forward(&r, &b, CLF_EVAL);
  double *x = read(b.x), *u = read(b.u);
  const int each = s->passes ? (s->in - 1) / s->passes + 1 : 1, out = s->numbers * s->in;
  for (int j = 0; j < s->in; j++) {
    x[j] += 0.5;
    WORKS(clf_write64(flows_dev, b.x, x));
    forward(&r, &b, CLF_EVAL);
    x[j] -= 0.5;
    double *moved = read(b.u);
    for (int i = 0; i < s->in; i++) {
      const int sees = r.order[i] / each > r.order[j] / each;
      const int same =
          !memcmp(moved + i * s->numbers, u + i * s->numbers, (size_t)s->numbers * sizeof *u);
      ck_assert_msg(same != sees, "%s: dimension %d %s dimension %d", s->text, i,
                    same ? "does not see" : "sees", j);
    }
    ck_assert_mem_eq(moved + out, u + out, (size_t)(2 * out) * sizeof *u);
    free(moved);
  }
  free(x);
  free(u);
  clf_arena_free(&b.arena);
  drop(&r);
}
END_TEST

/* ---- The inverse of an autoregressive layer ----------------------------------------------------
 */

/* x and logdet by an evaluation of the whole net for each dimension. */
static void by_dimensions(rig *r, batch *b, clf_tensor y, clf_tensor at, clf_tensor x,
                          clf_tensor logdet) {
  const clf__pass p = pass_of(r, b, CLF_EVAL);
  WORKS(clf_do(flows_dev, fill, .y = b->x, .value = 0));
  for (int32_t i = 0; i < r->net.in; i++) {
    WORKS(r->net.ops->forward(&r->net, &p, r->memory, b->x, b->u));
    WORKS(clf_do(flows_dev, fill, .y = logdet, .value = 0));
    WORKS(r->map.ops->inverse(&r->map, &p, y, at, b->u, x, logdet));
    WORKS(clf_do(flows_dev, copy, .x = x, .y = b->x));
  }
}

typedef struct solution {
  clf_arena arena;
  clf_tensor y, at, x, logdet;
} solution;

static void lay_out_solution(solution *s, int32_t n, int32_t D) {
  WORKS(clf_new(&s->arena, (int32_t[4]){n, D}, &s->y));
  WORKS(clf_new(&s->arena, (int32_t[4]){n, D}, &s->x));
  WORKS(clf_new(&s->arena, (int32_t[4]){n}, &s->logdet));
  WORKS(clf_new(&s->arena, (int32_t[4]){D}, &s->at));
}

static const setting swept[] = {NET("made(19x2, tanh, residual=0)", 5, 0, 0),
                                NET("made(7x3, silu, residual=0, dropout=0.2)", 5, 2, 0),
                                NET("made(9x2, tanh, residual=0, context=nsf)", 5, 2, 0),
                                ORDERED("made(19x2, elu)", 5, 2, 0, 0, 2, 0, 3, 1, 4),
                                ORDERED("made(19x1, relu, context=nsf)", 5, 2, 0, 0, 4, 3, 2, 1, 0),
                                ORDERED("made(3x2)", 5, 0, 0, 3, 2, 0, 3, 1, 4),
                                NET("made(8x0, tanh, residual=0)", 3, 2, 0),
                                NET("made(8x2)", 1, 2, 0),
                                NET("masked(21x2, relu)", 5, 0, 0),
                                ORDERED("masked(21x2, elu)", 5, 3, 0, 0, 1, 3, 0, 2, 4),
                                ORDERED("masked(6x3, silu, residual=1)", 5, 2, 0, 2, 1, 3, 0, 2, 4),
                                NET("masked(2x1)", 5, 0, 0)};
static const char *const maps[] = {"rq(bins=5)",
                                   "rq(bins=3, tail=none)",
                                   "rq(bins=4, tail=circular)",
                                   "rq(bins=4, tail=4, like=zuko)",
                                   "affine(scale=softplus)",
                                   "affine(scale=zuko)",
                                   "affine(scale=tanh, clamp=1.5, first=1)",
                                   "affine(scale=realnvp)",
                                   "affine(scale=realnvp, layout=blocks, first=1)",
                                   "add"};
enum { SWEPT = sizeof swept / sizeof *swept, MAPS = sizeof maps / sizeof *maps };

/* Each unit once, with the same x. */
START_TEST(test_sweep) {
  const setting *s = &swept[_i / MAPS];
  const char *map = maps[_i % MAPS];
  rig r;
  batch b;
  solution t = {.arena = {.dev = flows_dev}};
  make_with_map(&r, s, map, 20);
  random_batch(&r, &b, 37, 21);
  plan(&r, 40, CLF_VALUES);
  lay_out_solution(&t, 37, s->in);
  WORKS(clf_arena_init(&t.arena, flows_dev, t.arena.used));
  lay_out_solution(&t, 37, s->in);
  put_random(t.y, 22);
  double columns[8];
  for (int i = 0; i < s->in; i++) columns[i] = i;
  WORKS(clf_write64(flows_dev, t.at, columns));
  by_dimensions(&r, &b, t.y, t.at, t.x, t.logdet);
  double *x = read(t.x), *logdet = read(t.logdet), *got;
  const clf__pass p = pass_of(&r, &b, CLF_EVAL);
  WORKS(clf_do(flows_dev, fill, .y = t.x, .value = 0));
  WORKS(clf_do(flows_dev, fill, .y = t.logdet, .value = 0.5f));
  WORKS(r.net.ops->sweep(&r.net, &p, r.memory, &r.map, t.y, t.x, t.logdet));
  got = read(t.x);
  flows_expect(flows_error(got, x, clf__count(&t.x)), flows_exact ? 1e-11 : 2e-5, "%s, %s: x",
               s->text, map);
  free(got);
  got = read(t.logdet);
  for (int i = 0; i < 37; i++) got[i] -= 0.5;
  if (isfinite(logdet[0]))
    flows_expect(flows_error(got, logdet, 37), flows_exact ? 1e-11 : 2e-5, "%s, %s: logdet",
                 s->text, map);
  free(got);
  free(x);
  free(logdet);
  clf_arena_free(&t.arena);
  clf_arena_free(&b.arena);
  drop(&r);
}
END_TEST

/* ---- Memory, dropout, starts, refusals --------------------------------------------------------
 */

/* Evaluation takes less memory, with the same values. */
START_TEST(test_memory) {
  rig r;
  batch b;
  make(&r, &nets[_i], 9);
  randomise(&r, 10);
  random_batch(&r, &b, 20, 11);
  plan(&r, 20, CLF_STORED);
  const size_t stored = r.work.used;
  forward(&r, &b, CLF_KEEP);
  double *u = read(b.u), *again;
  memset(r.memory, 0, (size_t)r.net.tensors * sizeof *r.memory->t);
  plan(&r, 20, CLF_VALUES);
  ck_assert_msg(r.work.used < stored, "%s: %zu elements for values, %zu for all", nets[_i].text,
                r.work.used, stored);
  WORKS(clf_do(flows_dev, fill, .y = b.u, .value = 0));
  forward(&r, &b, CLF_EVAL);
  again = read(b.u);
  ck_assert_mem_eq(u, again, clf__count(&b.u) * sizeof *u);
  free(u);
  free(again);
  clf_arena_free(&b.arena);
  drop(&r);
}
END_TEST

/* Masks depend on the index of a row and the step's key, not on the division of a batch. */
START_TEST(test_dropout) {
  const setting s = NET("mlp(40x2, relu, dropout=0.25)", 3, 0, 4);
  rig r;
  batch b;
  make(&r, &s, 12);
  random_batch(&r, &b, 30, 13);
  plan(&r, 30, CLF_STORED);
  forward(&r, &b, CLF_TRAIN);
  double *whole = read(b.u), *slot;
  clf__pass p = pass_of(&r, &b, CLF_TRAIN);
  p.first += 10;
  WORKS(r.net.ops->forward(&r.net, &p, r.memory, clf_slice(b.x, 0, 10, 30),
                           clf_slice(b.u, 0, 10, 30)));
  slot = read(b.u);
  flows_expect(flows_error(slot, whole, clf__count(&b.u)), flows_exact ? 1e-14 : 2e-6,
               "rows 10 on");
  free(slot);
  p.key++;
  WORKS(r.net.ops->forward(&r.net, &p, r.memory, b.x, b.u));
  slot = read(b.u);
  ck_assert_msg(flows_error(slot, whole, clf__count(&b.u)) > 0.01,
                "another key drops the same units");
  free(slot);
  free(whole);
  clf_arena_free(&b.arena);
  drop(&r);
}
END_TEST

/* The largest and smallest element of an array. */
static void expect_range(const rig *r, const char *name, double bound) {
  for (int i = 0; i < r->slots.count; i++) {
    const clf__slot_entry *e = &r->slots.list[i];
    double low = 0, high = 0;
    int64_t n = 1;
    if (strcmp(e->name, name)) continue;
    for (int d = 0; d < e->slot->rank; d++) n *= e->slot->dim[d];
    for (int64_t k = 0; k < n; k++) {
      low = fmin(low, r->host_w[e->slot->at + k]);
      high = fmax(high, r->host_w[e->slot->at + k]);
    }
    ck_assert_msg(low >= -bound && high <= bound &&
                      (bound == 0 || (low < -0.8 * bound && high > 0.8 * bound)),
                  "%s starts in %g .. %g, not in +-%g", name, low, high, bound);
    return;
  }
  ck_abort_msg("no part %s", name);
}

START_TEST(test_starts) {
  const setting mlp = NET("mlp(40x2, zero=1)", 4, 5, 6), made = NET("made(40x1)", 4, 16, 3);
  rig r;
  make(&r, &mlp, 14);
  expect_range(&r, "net.0.weight", 1 / 3.0);
  expect_range(&r, "net.0.bias", 1 / 3.0);
  expect_range(&r, "net.1.weight", 1 / sqrt(40));
  expect_range(&r, "net.2.weight", 0);
  expect_range(&r, "net.2.bias", 0);
  drop(&r);
  make(&r, &made, 15);
  expect_range(&r, "net.initial.weight", 0.5);
  expect_range(&r, "net.context.weight", 0.25);
  expect_range(&r, "net.blocks.0.linear0.weight", 1 / sqrt(40));
  expect_range(&r, "net.blocks.0.linear1.weight", 1e-3);
  expect_range(&r, "net.blocks.0.linear1.bias", 1e-3);
  expect_range(&r, "net.blocks.0.context.weight", 0.25);
  drop(&r);
}
END_TEST

/* zero=1: outputs of zero, for nets whose other layers are initialised as usual. */
START_TEST(test_zero_starts) {
  static const struct {
    setting s;
    const char *last;
  } zeros[] = {{NET("resnet(40x1, zero=1)", 4, 5, 6), "net.final"},
               {NET("made(40x1, zero=1)", 4, 5, 3), "net.final"},
               {NET("made(40x1, residual=0, zero=1)", 4, 5, 3), "net.final"},
               {NET("masked(40x2, zero=1)", 4, 5, 3), "net.2"},
               {NET("masked(40x2, residual=1, zero=1)", 4, 5, 3), "net.5"}};
  for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++) {
    char name[64];
    rig r;
    make(&r, &zeros[i].s, 16);
    snprintf(name, sizeof name, "%s.weight", zeros[i].last);
    expect_range(&r, name, 0);
    snprintf(name, sizeof name, "%s.bias", zeros[i].last);
    expect_range(&r, name, 0);
    drop(&r);
  }
}
END_TEST

START_TEST(test_refusals) {
  static const struct refusal {
    setting s;
    const char *why;
  } refusals[] = {
      {NET("mlp(8x2, context=glu)", 3, 2, 4),
       "mlp: context=glu gates residual blocks; use resnet, or context=concat"},
      {NET("mlp(1x2, norm=1)", 3, 2, 4), "mlp: norm=1 needs hidden layers of 2 units or more"},
      {NET("mlp(8x2, separate=1)", 3, 0, 5),
       "mlp: separate=1 is for the nets of couplings, with at most 256 parameters per dimension"},
      {NET("mlp(8x2, angles=1+3)", 3, 0, 4), "angles=3: the net reads 3 inputs, counted from 0"},
      {NET("mlp(8x2)", 0, 0, 4), "mlp: there is no input that it could read"},
      {NET("resnet(8x2)", 0, 0, 4), "resnet: there is no input that it could read"}};
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    rig r;
    describe(&r, &refusals[i].s);
    REFUSED(r.net.ops->make(&r.net, &r.slots, "net"), CLF_EINVAL, refusals[i].why);
    drop(&r);
  }
  rig r;
  const setting s = NET("made(8x2)", 3, 0, 2);
  describe(&r, &s);
  r.net.order = NULL;
  REFUSED(r.net.ops->make(&r.net, &r.slots, "net"), CLF_EINVAL,
          "made: masked nets are for autoregressive layers; use mlp or resnet");
  drop(&r);
}
END_TEST

static void add(TCase *tc) {
  tcase_set_timeout(tc, 120);
  tcase_add_loop_test(tc, test_golden, 0, GOLDENS);
  tcase_add_loop_test(tc, test_gradients, 0, NETS);
  tcase_add_loop_test(tc, test_unwanted, 0, NETS);
  tcase_add_loop_test(tc, test_triangular, 0, NETS);
  tcase_add_loop_test(tc, test_sweep, 0, SWEPT * MAPS);
  tcase_add_loop_test(tc, test_memory, 0, NETS);
  tcase_add_test(tc, test_dropout);
  tcase_add_test(tc, test_starts);
  tcase_add_test(tc, test_zero_starts);
  tcase_add_test(tc, test_refusals);
}

int main(int argc, char **argv) { return flows_main(argc, argv, add); }
