/* SPDX-License-Identifier: MIT */
/* nets.c: nets with the names of nflows: ResidualNet, MLP and MADE; also for glasflow, sbi and
 * normflows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "import_private.h"

static clf_status put_linear(clf__im *im, const clf__im_module *m, const char *to, int masked) {
  CLF_TRY(masked ? clf__im_put_masked(im, m, to) : clf__im_put(im, m, "weight", "%s.weight", to));
  return clf__im_put(im, m, "bias", "%s.bias", to);
}
static clf_status need(const clf__im_module *m, const char *path, clf__im_module **out) {
  *out = clf__im_child(m, path);
  return *out ? CLF_OK : clf__fail(CLF_EFORMAT, "%s has no module %s", clf__im_path(m).s, path);
}

static clf_status put_batch_norm(clf__im *im, clf__im_module *m, const char *to) {
  static const char *const parts[] = {"weight", "bias", "running_mean", "running_var"};
  for (int i = 0; i < 4; i++) CLF_TRY(clf__im_put(im, m, parts[i], "%s.%s", to, parts[i]));
  clf__im_skip(m, "num_batches_tracked");
  if (clf__im_real(m, "eps", 1e-3) != 1e-3) return clf__im_refuse(m, "has an eps other than 0.001");
  return CLF_OK;
}

/* ---- Blocks -------------------------------------------------------------------------------- */

typedef struct blocks {
  int count, context, bn, residual;
  const char *act;
  double dropout;
} blocks;

static clf_status residual_block(clf__im *im, clf__im_module *m, const char *to, int masked,
                                 blocks *b) {
  char name[160];
  for (int k = 0; k < 2; k++) {
    char path[32];
    clf__im_module *linear, *norm;
    snprintf(path, sizeof path, "linear_layers.%d", k);
    snprintf(name, sizeof name, "%s.linear%d", to, k);
    CLF_TRY(need(m, path, &linear));
    CLF_TRY(put_linear(im, linear, name, masked));
    clf__im_skip(linear, "degrees");
    snprintf(path, sizeof path, "batch_norm_layers.%d", k);
    snprintf(name, sizeof name, "%s.bn%d", to, k);
    if ((norm = clf__im_child(m, path))) {
      CLF_TRY(put_batch_norm(im, norm, name));
      b->bn = 1;
    }
  }
  clf__im_module *context = clf__im_child(m, "context_layer");
  if (!context || !context->tensor) return CLF_OK;
  b->context = 1;
  snprintf(name, sizeof name, "%s.context", to);
  return put_linear(im, context, name, 0);
}
static clf_status forward_block(clf__im *im, clf__im_module *m, const char *to, blocks *b) {
  char name[160];
  clf__im_module *linear, *norm = clf__im_child(m, "batch_norm");
  snprintf(name, sizeof name, "%s.linear0", to);
  CLF_TRY(need(m, "linear", &linear));
  CLF_TRY(put_linear(im, linear, name, 1));
  clf__im_skip(linear, "degrees");
  if (!norm || !norm->tensor) return CLF_OK;
  b->bn = 1;
  snprintf(name, sizeof name, "%s.bn0", to);
  return put_batch_norm(im, norm, name);
}

static clf_status read_blocks(clf__im *im, clf__im_module *m, const char *to, int masked,
                              blocks *b) {
  clf__im_module *list = clf__im_child(m, "blocks"), *block;
  *b = (blocks){.residual = 1};
  for (; (block = clf__im_at(list, b->count)); b->count++) {
    char name[96];
    snprintf(name, sizeof name, "%s.blocks.%d", to, b->count);
    b->residual = clf__im_child(block, "linear_layers") != NULL;
    CLF_TRY(b->residual ? residual_block(im, block, name, masked, b)
                        : forward_block(im, block, name, b));
    CLF_TRY(clf__im_activation(clf__im_attribute(block, "activation"), &b->act));
    b->dropout = clf__im_real(clf__im_child(block, "dropout"), "p", 0);
  }
  return CLF_OK;
}

static clf_status print_dropout(const blocks *b, clf__im_text *node) {
  return b->dropout > 0 && b->dropout < 1 ? clf__im_print(node, ", dropout=%g", b->dropout)
                                          : CLF_OK;
}

/* ---- ResidualNet --------------------------------------------------------------------------- */

static clf_status residual_net_of(clf__im *im, clf__im_module *m, const char *path, int64_t inputs,
                                  clf__im_text *node, int64_t *outputs, clf__im_angles *angles) {
  char name[96];
  clf__im_module *initial, *final;
  blocks b;
  const char *act;
  CLF_TRY(need(m, "initial_layer", &initial));
  CLF_TRY(need(m, "final_layer", &final));
  const clf__im_tensor *first = clf__im_find(initial, "weight"),
                       *last = clf__im_find(final, "weight");
  if (clf__im_dim(first, 1) < inputs || clf__im_dim(first, 2))
    return clf__im_refuse(initial, "is no linear layer of %lld inputs", (long long)inputs);
  CLF_TRY(clf__im_set_context(im, m, clf__im_dim(first, 1) - inputs));
  snprintf(name, sizeof name, "%s.initial", path);
  CLF_TRY(clf__im_angles_read(im, m, inputs, angles));
  CLF_TRY(clf__im_put_first(im, initial, name, 0, angles));
  CLF_TRY(read_blocks(im, m, path, 0, &b));
  snprintf(name, sizeof name, "%s.final", path);
  CLF_TRY(put_linear(im, final, name, 0));
  CLF_TRY(clf__im_choose(im, CLF_IM_HINT_act, b.act, "resnet", &act));
  *outputs = clf__im_dim(last, 0);
  CLF_TRY(
      clf__im_print(node, "resnet(%lldx%d, %s", (long long)clf__im_dim(first, 0), b.count, act));
  if (b.bn) CLF_TRY(clf__im_print(node, ", bn=1"));
  if (b.count && !b.context && clf__im_dim(first, 1) > inputs)
    CLF_TRY(clf__im_print(node, ", context=concat"));
  CLF_TRY(print_dropout(&b, node));
  CLF_TRY(clf__im_angles_print(angles, node));
  return clf__im_print(node, ")");
}
static clf_status residual_net(clf__im *im, clf__im_module *m, const char *path, int64_t inputs,
                               clf__im_text *node, int64_t *outputs) {
  clf__im_angles angles = {0};
  const clf_status s = residual_net_of(im, m, path, inputs, node, outputs, &angles);
  clf__im_angles_free(&angles);
  return s;
}

/* ---- MADE ---------------------------------------------------------------------------------- */

/* Whether the hidden degrees are those of nflows without random_mask. */
static clf_status degrees_are_usual(clf__im *im, const clf__im_module *layer, int64_t D, int *yes) {
  double *degree;
  clf__im_tensor *t;
  *yes = 1;
  if (!clf__im_find(layer, "degrees")) return CLF_OK;
  CLF_TRY(clf__im_read(im, layer, "degrees", &degree, &t));
  const int64_t maximum = D > 2 ? D - 1 : 1, minimum = D > 1;
  for (int64_t i = 0; i < t->count; i++) *yes &= degree[i] == (double)(i % maximum + minimum);
  free(degree);
  return CLF_OK;
}

static clf_status made_of(clf__im *im, clf__im_module *m, const char *path, clf__im_text *node,
                          int64_t *outputs, clf__im_angles *angles) {
  char name[96];
  clf__im_module *initial, *final, *context = clf__im_child(m, "context_layer");
  blocks b;
  int usual;
  const char *act, *join = NULL;
  CLF_TRY(need(m, "initial_layer", &initial));
  CLF_TRY(need(m, "final_layer", &final));
  const clf__im_tensor *first = clf__im_find(initial, "weight");
  snprintf(name, sizeof name, "%s.initial", path);
  CLF_TRY(clf__im_angles_read(im, m, clf__im_dim(first, 1), angles));
  CLF_TRY(clf__im_put_first(im, initial, name, 1, angles));
  if (context && context->tensor) {
    CLF_TRY(clf__im_set_context(im, m, clf__im_dim(clf__im_find(context, "weight"), 1)));
    snprintf(name, sizeof name, "%s.context", path);
    CLF_TRY(put_linear(im, context, name, 0));
  }
  CLF_TRY(read_blocks(im, m, path, 1, &b));
  snprintf(name, sizeof name, "%s.final", path);
  CLF_TRY(put_linear(im, final, name, 1));
  clf__im_skip(final, "degrees");
  CLF_TRY(degrees_are_usual(im, initial, clf__im_dim(first, 1), &usual));
  CLF_TRY(clf__im_choose(im, CLF_IM_HINT_act, b.act, "made", &act));
  if (b.context || !b.residual)
    CLF_TRY(clf__im_choose(im, CLF_IM_HINT_join,
                           !*m->cls                      ? NULL
                           : strstr(m->cls, "normflows") ? "glu"
                                                         : "add",
                           "made", &join));
  *outputs = clf__im_dim(clf__im_find(final, "weight"), 0);
  CLF_TRY(clf__im_print(node, "made(%lldx%d, %s", (long long)clf__im_dim(first, 0), b.count, act));
  if (!b.residual) CLF_TRY(clf__im_print(node, ", residual=0"));
  if (join && !strcmp(join, "glu")) CLF_TRY(clf__im_print(node, ", context=nsf"));
  if (b.bn) CLF_TRY(clf__im_print(node, ", bn=1"));
  if (!usual && !b.residual) CLF_TRY(clf__im_print(node, ", random=1"));
  CLF_TRY(print_dropout(&b, node));
  CLF_TRY(clf__im_angles_print(angles, node));
  return clf__im_print(node, ")");
}
clf_status clf__im_made(clf__im *im, clf__im_module *m, const char *path, clf__im_text *node,
                        int64_t *outputs) {
  clf__im_angles angles = {0};
  const clf_status s = made_of(im, m, path, node, outputs, &angles);
  clf__im_angles_free(&angles);
  return s;
}

/* ---- MLP ----------------------------------------------------------------------------------- */

/* nflows' MLP: _input_layer, _hidden_layers.0 ..., _output_layer. */
static clf_status nflows_mlp(clf__im *im, clf__im_module *m, const char *path, int64_t inputs,
                             clf__im_text *node, int64_t *outputs) {
  clf__im_module *layer = clf__im_child(m, "_input_layer"),
                 *list = clf__im_child(m, "_hidden_layers");
  const int64_t width = clf__im_dim(clf__im_find(layer, "weight"), 0);
  const char *act;
  char name[96];
  int n = 0;
  CLF_TRY(clf__im_set_context(im, m, clf__im_dim(clf__im_find(layer, "weight"), 1) - inputs));
  for (; layer; layer = clf__im_at(list, n - 1)) {
    if (clf__im_dim(clf__im_find(layer, "weight"), 0) != width)
      return clf__im_refuse(m, "has hidden layers of different widths");
    snprintf(name, sizeof name, "%s.%d", path, n++);
    CLF_TRY(put_linear(im, layer, name, 0));
  }
  CLF_TRY(need(m, "_output_layer", &layer));
  snprintf(name, sizeof name, "%s.%d", path, n);
  CLF_TRY(put_linear(im, layer, name, 0));
  if (clf__im_is_true(m, "_activate_output"))
    return clf__im_refuse(m, "applies its activation to the output");
  CLF_TRY(clf__im_activation(clf__im_attribute(m, "_activation"), &act));
  CLF_TRY(clf__im_choose(im, CLF_IM_HINT_act, act, "mlp", &act));
  *outputs = clf__im_dim(clf__im_find(layer, "weight"), 0);
  return clf__im_print(node, "mlp(%lldx%d, %s)", (long long)width, n, act);
}

/* ---- Any ----------------------------------------------------------------------------------- */

clf_status clf__im_net(clf__im *im, clf__im_module *m, const char *path, int64_t inputs,
                       clf__im_text *node, int64_t *outputs) {
  if (clf__im_child(m, "initial_layer")) return residual_net(im, m, path, inputs, node, outputs);
  if (clf__im_child(m, "_input_layer")) return nflows_mlp(im, m, path, inputs, node, outputs);
  if (clf__im_is_sequential(m)) {
    int64_t in;
    CLF_TRY(clf__im_sequential(im, m, path, NULL, node, &in, outputs));
    if (in < inputs)
      return clf__im_refuse(m, "has %lld inputs, fewer than %lld", (long long)in,
                            (long long)inputs);
    return clf__im_set_context(im, m, in - inputs);
  }
  /* A module that wraps one net, as in glasflow and in users' code. */
  if (m->children == 1 && !m->tensor && m->parent && strlen(clf__im_path(m).s) < 200)
    return clf__im_net(im, m->child, path, inputs, node, outputs);
  return clf__im_refuse(m,
                        "is no net that clflow reads: those of nflows (ResidualNet, MLP, MADE) and "
                        "nn.Sequential of linear layers and activations are");
}
