/* SPDX-License-Identifier: MIT */
/* blended.c: combines several trained flows into one, whose base is a `blend` of them. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "flow_private.h"
#include "mlp_coupling.h"

/* ---- Checks that flows can be blended -------------------------------------------------------- */

static int same_numbers(const double *a, const double *b, int32_t n) {
  return !a == !b && (!a || memcmp(a, b, (size_t)n * sizeof *a) == 0);
}

static clf_status check_pair(const clf_flow *a, const clf_flow *b, int i) {
  if (a->dev != b->dev)
    return clf__fail(CLF_EINVAL, "flow %d of a blend is on another device than flow 0", i);
  if (a->spec.dim != b->spec.dim || a->context != b->context)
    return clf__fail(CLF_ESHAPE,
                     "flow %d of a blend has %d columns and a context of %d, flow 0 has %d and %d",
                     i, (int)b->spec.dim, (int)b->context, (int)a->spec.dim, (int)a->context);
  if (same_numbers(a->mean, b->mean, a->spec.dim) && same_numbers(a->std, b->std, a->spec.dim) &&
      same_numbers(a->c_mean, b->c_mean, a->context) &&
      same_numbers(a->c_std, b->c_std, a->context))
    return CLF_OK;
  return clf__fail(CLF_EINVAL,
                   "flow %d of a blend scales its columns differently from flow 0; flows of the "
                   "same training rows, all with `standardize` or all without, can be blended",
                   i);
}

static clf_status check(clf_flow *const *flows, const double *weights, int32_t count) {
  if (count < 1) return clf__fail(CLF_EINVAL, "a blend needs at least one flow, not %d", count);
  for (int32_t i = 0; i < count; i++) {
    CLF_GIVEN("each flow", flows[i]);
    if (flows[i]->spec.height)
      return clf__fail(CLF_ENOTSUP, "flows of images cannot be blended, only flows of tables");
    if (weights && !(weights[i] > 0 && isfinite(weights[i])))
      return clf__fail(CLF_EINVAL, "weight %d of a blend is %g; it must be above 0", i, weights[i]);
    CLF_TRY(check_pair(flows[0], flows[i], i));
  }
  return CLF_OK;
}

/* ---- The architecture ------------------------------------------------------------------------ */

/* Moves the layers that run on the host from `all` to a new array; NULL: one of them is
 * repeated, or memory ran out. */
static json_t *take_head(json_t *all, int count) {
  json_t *head = json_array();
  for (int i = 0; head && i < count; i++) {
    json_t *const first = json_array_get(all, 0);
    if (first && json_object_get(first, "layer") && json_array_append(head, first) == 0 &&
        json_array_remove(all, 0) == 0)
      continue;
    json_decref(head);
    return NULL;
  }
  return head;
}

/* Whether a flow has couplings that are fused, whose parameters have another order. */
static int has_mlp_couplings(const clf_flow *f) {
  for (int i = 0; i < f->layers; i++)
    if (f->layer[i].ops == &clf__mlp_coupling) return 1;
  return 0;
}

static const char *word_of(const json_t *node, const char *key) {
  const char *const word = json_string_value(json_object_get(node, key));
  return word ? word : "";
}

/* For those, the nets of scales precede the nets of shifts. */
static void put_scales_first(json_t *node) {
  json_t *const map = json_object_get(node, "map"), *child;
  const char *key;
  size_t i;
  if (json_is_true(json_object_get(json_object_get(node, "net"), "separate")) &&
      strcmp(word_of(map, "scale"), "tanh") == 0 && strcmp(word_of(map, "layout"), "auto") == 0)
    json_object_set_new(map, "layout", json_string("halves"));
  json_object_foreach(node, key, child) {
    put_scales_first(child);
  }
  json_array_foreach(node, i, child) {
    put_scales_first(child);
  }
}

/* Appends layers to `all`, without repetitions, and numbers couplings from *place + 1 on. */
static void append_numbered(const json_t *layers, json_t *all, int *place) {
  const json_t *layer;
  size_t i;
  json_array_foreach(layers, i, layer) {
    const json_t *const repeat = json_object_get(layer, "repeat");
    for (json_int_t k = 0; repeat && k < json_integer_value(repeat); k++)
      append_numbered(json_object_get(layer, "layers"), all, place);
    if (repeat) continue;
    json_t *const copy = json_deep_copy(layer);
    if (strcmp(word_of(copy, "layer"), "coupling") == 0)
      json_object_set_new(copy, "even", json_integer(++*place));
    json_array_append_new(all, copy);
  }
}

/* Of an odd number of columns, fused couplings at even places transform the larger half, others do
 * so at odd ones. */
static void swap_halves(json_t *flow) {
  json_t *const all = json_array();
  int place = 0;
  append_numbered(json_object_get(flow, "layers"), all, &place);
  json_object_set_new(flow, "layers", all);
}

static json_t *json_of(const clf_flow *f) {
  json_t *const json = json_loads(clf_arch_json(f->arch), 0, NULL);
  if (!json || !has_mlp_couplings(f)) return json;
  put_scales_first(json);
  if (f->spec.dim % 2) swap_halves(json);
  return json;
}

/* The text of a kind does not mention that its columns are scaled. */
static int add_scaling(const clf_flow *f, json_t *head) {
  if (!f->mean || f->standardizes & CLF_THE_DATA) return 0;
  return json_array_append_new(head, json_pack("{s:s}", "layer", "standardize"));
}

/* Adds a flow with the architecture `arch`, which is consumed, to the parts of the blend. */
static clf_status add_part(json_t *arch, const clf_flow *f, int i, double weight, json_t **head,
                           json_t *parts) {
  json_t *const layers = json_object_get(arch, "layers");
  json_t *const own = take_head(layers, f->head);
  clf_status s = CLF_OK;
  if (!own)
    s = clf__fail(CLF_EINVAL, "flow %d of a blend has layers before its scaling that repeat", i);
  else if (add_scaling(f, own))
    s = clf__fail(CLF_ENOMEM, "no memory for the architecture of a blend");
  else if (*head && !json_equal(*head, own))
    s = clf__fail(CLF_EINVAL,
                  "flow %d of a blend begins with other bounds or another scaling than flow 0", i);
  else if (json_array_append_new(parts, json_pack("{s:f, s:{s:O, s:O}}", "weight", weight, "flow",
                                                  "layers", layers, "base",
                                                  json_object_get(arch, "base"))))
    s = clf__fail(CLF_ENOMEM, "no memory for the architecture of a blend");
  if (!s && !*head) *head = json_incref(own);
  json_decref(own);
  return s;
}

/* The architecture of flow 0 as JSON, with `head` and a blend in place of its layers and base. */
static clf_status finish(const clf_flow *first, json_t *head, json_t *parts, clf_arch **arch) {
  json_t *all = json_of(first);
  json_t *base = json_pack("{s:s, s:O}", "kind", "blend", "parts", parts);
  const int bad =
      !all || !base || json_object_set(all, "layers", head) || json_object_set(all, "base", base);
  char *text = bad ? NULL : json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(17));
  json_decref(all);
  json_decref(base);
  if (!text) return clf__fail(CLF_ENOMEM, "no memory for the architecture of a blend");
  const clf_status s = clf_arch_from_json(text, arch);
  free(text);
  return s;
}

static clf_status arch_of(clf_flow *const *flows, const double *weights, int32_t count,
                          clf_arch **arch) {
  json_t *head = NULL, *parts = json_array();
  clf_status s = parts ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for a blend");
  for (int32_t i = 0; i < count && !s; i++) {
    json_t *own = json_of(flows[i]);
    s = own ? add_part(own, flows[i], i, weights ? weights[i] : 1.0 / count, &head, parts)
            : clf__fail(CLF_ENOMEM, "no memory for the architecture of a flow");
    json_decref(own);
  }
  if (!s) s = finish(flows[0], head, parts, arch);
  json_decref(head);
  json_decref(parts);
  return s;
}

/* ---- The weights ----------------------------------------------------------------------------- */

static int ends_in(const char *name, const char *end) {
  const size_t n = strlen(name), m = strlen(end);
  return n > m && strcmp(name + n - m, end) == 0;
}

/* The masks `b` of fused couplings are 1 for identity columns; the masks `mask` of others are 1
 * for transformed columns. */
static int is_opposite_mask(const char *from, const char *to) {
  return ends_in(from, ".b") && ends_in(to, ".mask");
}

static clf_status copy_param(clf_device *dev, const clf_param *from, const clf_param *to) {
  const size_t n = clf__count(&from->at);
  if (clf__count(&to->at) != n)
    return clf__fail(CLF_ESHAPE, "%s of a blend does not fit %s of its part", to->name, from->name);
  double *host = malloc(n * sizeof *host);
  if (!host) return clf__fail(CLF_ENOMEM, "no memory for the tensor %s", from->name);
  clf_status s = clf_read64(dev, from->at, host);
  const int opposite = is_opposite_mask(from->name, to->name);
  for (size_t i = 0; i < n && opposite && !s; i++) host[i] = 1 - host[i];
  if (!s) s = clf_write64(dev, to->at, host);
  free(host);
  return s;
}

clf_status clf__flow_copy_part(const clf_flow *part, clf_flow *blend, int *at) {
  for (int i = 0; i < part->param_count; i++, (*at)++) {
    if (*at >= blend->param_count)
      return clf__fail(CLF_ESHAPE, "a blend has fewer parameters than its parts");
    CLF_TRY(copy_param(blend->dev, &part->params[i], &blend->params[*at]));
  }
  return CLF_OK;
}

static clf_status fill(clf_flow *const *flows, int32_t count, clf_flow *blend) {
  const clf_flow *const first = flows[0];
  int at = 1; /* after the logits of the weights */
  for (int32_t i = 0; i < count; i++) CLF_TRY(clf__flow_copy_part(flows[i], blend, &at));
  if (at != blend->param_count)
    return clf__fail(CLF_ENOTSUP, "flows whose context has trained layers cannot be blended");
  CLF_TRY(clf__flow_derive_again(blend));
  if (first->mean) CLF_TRY(clf_flow_set_scaling(blend, first->mean, first->std));
  if (first->c_mean) CLF_TRY(clf__flow_set_context_scaling(blend, first->c_mean, first->c_std));
  if (first->grid) CLF_TRY(clf_flow_set_grid(blend, first->grid));
  CLF_TRY(clf_flow_set_columns(blend, first->columns));
  if (clf_flow_kinds(first)) CLF_TRY(clf_flow_set_kinds(blend, clf_flow_kinds(first)));
  const clf_columns *const table = clf_flow_context_table(first);
  if (table && table->count) return clf_flow_set_context_table(blend, table);
  return first->context ? clf_flow_set_context_columns(blend, first->c_columns) : CLF_OK;
}

clf_status clf_flow_blend(clf_flow *const *flows, const double *weights, int32_t count,
                          clf_flow **blend) {
  CLF_GIVEN("flows, blend", flows, blend);
  clf_arch *arch = NULL;
  clf_flow *f = NULL;
  *blend = NULL;
  CLF_TRY(check(flows, weights, count));
  CLF_TRY(arch_of(flows, weights, count, &arch));
  clf_status s = clf_flow_create_arch(flows[0]->dev, arch, flows[0]->spec.seed, &f);
  clf_arch_free(arch);
  if (!s) s = fill(flows, count, f);
  if (s)
    clf_flow_free(f);
  else
    *blend = f;
  return s;
}
