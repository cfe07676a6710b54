/* SPDX-License-Identifier: MIT */
/* sequential.c: nets of linear layers with one activation between them: nn.Sequential, zuko's MLP
 * and MaskedMLP, normflows' MLP, sbi's embedding nets.
 *
 * Hidden layers of different widths are padded to the widest with units whose weights are zero.
 * After an activation at the end, an identity layer is added. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "import_private.h"

enum { MOST = 65 };

typedef struct net {
  clf__im_module *linear[MOST];
  int count;
  const char *act;
  int norm, residual, trailing; /* trailing: an activation follows the last layer */
  int stride;                   /* in a state_dict: difference between the indices of two layers */
  int before;                   /* the index of the previous layer; -1: none */
} net;

static int is_linear(const clf__im_module *m) {
  const clf__im_tensor *w = clf__im_find(m, "weight");
  return w && w->rank == 2;
}

static clf_status add_linear(const clf__im_module *list, clf__im_module *m, net *n) {
  const int number = atoi(m->name);
  if (n->count == MOST) return clf__im_refuse(list, "has more than %d layers", MOST);
  n->linear[n->count++] = m;
  if (n->before >= 0 && number - n->before > n->stride) n->stride = number - n->before;
  n->before = number;
  n->trailing = 0;
  return CLF_OK;
}

static clf_status add_activation(const clf__im_module *m, net *n) {
  const char *act;
  CLF_TRY(clf__im_activation(m->self, &act));
  if (n->act && act && strcmp(n->act, act) != 0)
    return clf__im_refuse(m, "is another activation than the one before");
  n->act = act;
  n->trailing = 1;
  return CLF_OK;
}

static clf_status gather(const clf__im_module *m, net *n, int depth) {
  for (clf__im_module *c = m->child; c; c = c->next) {
    const char *kind = clf__im_kind(c);
    if (is_linear(c)) {
      CLF_TRY(add_linear(m, c, n));
    } else if (c->child && depth < 8) {
      if (!strcmp(kind, "Residual") ||
          (!*kind && clf__im_find(c, "0.weight") && clf__im_find(c, "2.mask")))
        n->residual = 1;
      CLF_TRY(gather(c, n, depth + 1));
    } else if (!strcmp(kind, "LayerNorm") && !c->tensor) {
      n->norm = 1;
    } else if (c->tensor) {
      return clf__im_refuse(c, "is no linear layer, activation, dropout or identity");
    } else if (strcmp(kind, "Dropout") != 0 && strcmp(kind, "Identity") != 0 && *kind) {
      CLF_TRY(add_activation(c, n));
    }
  }
  return CLF_OK;
}

int clf__im_is_sequential(const clf__im_module *m) {
  for (const clf__im_module *c = m ? m->child : NULL; c; c = c->next)
    if (is_linear(c) && c->name[0] >= '0' && c->name[0] <= '9') return 1;
  return m && m->children == 1 && !m->tensor && clf__im_is_sequential(m->child);
}

/* ---- Tensors ------------------------------------------------------------------------------- */

/* Copies `from` (rows, cols), or the chosen rows and columns of it, to the beginning of a matrix of
 * zeros. */
static double *padded(const double *from, int64_t rows, int64_t cols, const clf__im_pick *pick_rows,
                      const clf__im_pick *pick_cols, int64_t all_rows, int64_t all_cols) {
  double *to = calloc((size_t)(all_rows * all_cols), sizeof *to);
  const int64_t m = pick_rows ? pick_rows->count : rows, n = pick_cols ? pick_cols->count : cols;
  for (int64_t i = 0; to && i < m; i++)
    for (int64_t j = 0; j < n; j++)
      to[i * all_cols + j] =
          from[(pick_rows ? pick_rows->at[i] : i) * cols + (pick_cols ? pick_cols->at[j] : j)];
  return to;
}
typedef clf__im_net_options options;

/* Puts one tensor of a layer, which may be the first or the last one of the net. */
static clf_status put_matrix(clf__im *im, const clf__im_module *m, const char *path,
                             const options *o, int first, int last, int64_t all_rows,
                             int64_t all_cols, const char *to) {
  double *v;
  clf__im_tensor *t;
  CLF_TRY(clf__im_read(im, m, path, &v, &t));
  const int64_t rows = clf__im_dim(t, 0), cols = t->rank > 1 ? t->dim[1] : 1;
  for (int64_t i = 0; last && o->scale_last && i < t->count; i++) v[i] *= o->scale_last[i / cols];
  double *wide = padded(v, rows, cols, last ? o->rows : NULL, first && t->rank > 1 ? o->cols : NULL,
                        all_rows, all_cols);
  free(v);
  return clf__im_put_values(im, wide, all_rows * all_cols, t, "%s.%s", to, path);
}

static clf_status put_layer(clf__im *im, const clf__im_module *m, const char *to, const options *o,
                            int first, int last, int64_t rows, int64_t cols) {
  if (rows > (1 << 20) || cols > (1 << 20) || rows * cols > (int64_t)1 << 31)
    return clf__im_refuse(m, "is too large");
  CLF_TRY(o->masked ? clf__im_put_masked(im, m, to)
                    : put_matrix(im, m, "weight", o, first, last, rows, cols, to));
  if (clf__im_find(m, "bias")) return put_matrix(im, m, "bias", o, first, last, rows, 1, to);
  return clf__im_put_values(im, calloc((size_t)rows, sizeof(double)), rows, NULL, "%s.bias", to);
}

static clf_status put_identity(clf__im *im, const char *to, int64_t rows, int64_t cols) {
  double *v = calloc((size_t)(rows * cols), sizeof *v);
  for (int64_t i = 0; v && i < rows; i++) v[i * cols + i] = 1;
  CLF_TRY(clf__im_put_values(im, v, rows * cols, NULL, "%s.weight", to));
  return clf__im_put_values(im, calloc((size_t)rows, sizeof(double)), rows, NULL, "%s.bias", to);
}

static int64_t rows_of(const net *n, int i) {
  return clf__im_dim(clf__im_find(n->linear[i], "weight"), 0);
}
static int64_t cols_of(const net *n, int i) {
  return clf__im_dim(clf__im_find(n->linear[i], "weight"), 1);
}
/* The width of the widest hidden layer, and whether another one is narrower. */
static int64_t width_of(const net *n, int *padding) {
  const int hidden = n->count - !n->trailing;
  int64_t width = hidden ? rows_of(n, 0) : 0;
  *padding = 0;
  for (int i = 1; i < hidden; i++) {
    *padding |= rows_of(n, i) != width;
    if (rows_of(n, i) > width) width = rows_of(n, i);
  }
  return width;
}

static clf_status check_chain(const clf__im_module *m, const net *n) {
  if (!n->count) return clf__im_refuse(m, "has no linear layer");
  for (int i = 1; i < n->count; i++)
    if (rows_of(n, i - 1) != cols_of(n, i))
      return clf__im_refuse(n->linear[i], "does not take the %lld outputs of the layer before",
                            (long long)rows_of(n, i - 1));
  return CLF_OK;
}

static clf_status put_layers(clf__im *im, const clf__im_module *m, const char *path,
                             const options *o, const net *n, int64_t *width) {
  char name[128];
  int padding;
  *width = width_of(n, &padding);
  if (*width && o->width > *width) *width = o->width;
  if (padding && (o->masked || n->norm))
    return clf__im_refuse(m, "has hidden layers of different widths, which clflow has only in nets "
                             "without masks and normalisation");
  for (int i = 0; i < n->count; i++) {
    const int last = i == n->count - 1;
    const int64_t outputs = o->rows ? o->rows->count : rows_of(n, i);
    const int64_t inputs = o->cols ? o->cols->count : cols_of(n, 0);
    snprintf(name, sizeof name, "%s.%d", path, i);
    CLF_TRY(put_layer(im, n->linear[i], name, o, i == 0, last,
                      last && !n->trailing ? outputs : *width, i ? *width : inputs));
  }
  if (!n->trailing) return CLF_OK;
  snprintf(name, sizeof name, "%s.%d", path, n->count);
  return put_identity(im, name, rows_of(n, n->count - 1), *width);
}

int64_t clf__im_width(const clf__im_module *m) {
  net n = {.before = -1};
  int padding;
  return !m || gather(m, &n, 0) || !n.count ? 0 : width_of(&n, &padding);
}
int64_t clf__im_outputs(const clf__im_module *m) {
  net n = {.before = -1};
  return !m || gather(m, &n, 0) || !n.count ? 0 : rows_of(&n, n.count - 1);
}

/* A state_dict in which two modules without tensors are between layers: in zuko's nets a
 * normalisation; in sbi's FCEmbedding an identity, and an activation follows the last layer. */
static clf_status wider_steps(clf__im *im, const clf__im_module *m, int embedding, net *n) {
  n->norm = im->library == CLF_IM_ZUKO && !embedding;
  n->trailing = im->library == CLF_IM_SBI && embedding;
  return n->trailing ? clf__im_note(im, "%s is taken for sbi's FCEmbedding", clf__im_path(m).s)
                     : CLF_OK;
}

clf_status clf__im_sequential(clf__im *im, clf__im_module *m, const char *path, const options *o,
                              clf__im_text *node, int64_t *inputs, int64_t *outputs) {
  static const options none;
  if (!o) o = &none;
  net n = {.before = -1};
  const char *act = "relu";
  int64_t width;
  CLF_TRY(gather(m, &n, 0));
  CLF_TRY(check_chain(m, &n));
  const int embedding = !strncmp(path, "context.", 8);
  if (!m->self && !n.residual && n.stride > 2) CLF_TRY(wider_steps(im, m, embedding, &n));
  if ((o->scale_last || o->rows) && n.trailing) return clf__im_refuse(m, "ends with an activation");
  CLF_TRY(put_layers(im, m, path, o, &n, &width));
  const int hidden = n.count - !n.trailing;
  if (hidden)
    CLF_TRY(clf__im_choose(im, embedding ? CLF_IM_HINT_embed : CLF_IM_HINT_act, n.act,
                           o->masked ? "masked" : "mlp", &act));
  *inputs = cols_of(&n, 0);
  *outputs = rows_of(&n, n.count - 1);
  if (!hidden) return clf__im_print(node, "%s(layers=0)", o->masked ? "masked" : "mlp");
  const int layers = n.residual ? (n.count - 2) / 2 : hidden;
  CLF_TRY(clf__im_print(node, "%s(%lldx%d, %s", o->masked ? "masked" : "mlp", (long long)width,
                        layers, act));
  if (n.norm) CLF_TRY(clf__im_print(node, ", norm=1"));
  if (n.residual) CLF_TRY(clf__im_print(node, ", residual=1"));
  return clf__im_print(node, ")");
}
