/* SPDX-License-Identifier: MIT */
/* pytorch.c: exports a flow of rows to PyTorch: NAME.pt, a state_dict as torch.save() writes it,
 * and NAME.py, a module that loads it and needs torch alone. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "c_texts.h"
#include "clflow/export.h"
#include "file.h"
#include "flow_private.h"
#include "path.h"
#include "zip.h"

/* ---- Bytes ----------------------------------------------------------------------------------- */

typedef struct bytes {
  char *at;
  size_t n, room;
  int failed; /* 1: no memory */
} bytes;

static void add(bytes *b, const void *from, size_t n) {
  if (b->n + n > b->room) {
    const size_t room = 2 * (b->n + n) + 256;
    char *more = realloc(b->at, room);
    if (!more) b->failed = 1;
    if (!more) return;
    b->at = more;
    b->room = room;
  }
  memcpy(b->at + b->n, from, n);
  b->n += n;
}
static void add_text(bytes *b, const char *s) { add(b, s, strlen(s)); }
static void add_number(bytes *b, uint64_t v, int size) {
  for (int i = 0; i < size; i++) add(b, &(unsigned char){(unsigned char)(v >> (8 * i))}, 1);
}

/* ---- The state_dict -------------------------------------------------------------------------- */

typedef struct entry {
  char name[80];
  int rank;
  int64_t dim[4], count;
  int constant, wide; /* wide: doubles, as standardisations have */
  char key[24];       /* its member of the archive: "data/3" */
  char *values;       /* little-endian */
} entry;

typedef struct state {
  entry *at;
  int n;
} state;

static void free_state(state *s) {
  for (int i = 0; i < s->n; i++) free(s->at[i].values);
  free(s->at);
}

static clf_status set_values(entry *e, const double *from) {
  const int size = e->wide ? 8 : 4;
  e->values = malloc((size_t)e->count * (size_t)size);
  if (!e->values) return clf__fail(CLF_ENOMEM, "no memory for the tensor %s", e->name);
  for (int64_t i = 0; i < e->count; i++) {
    const float narrow = (float)from[i];
    uint64_t bits = 0;
    uint32_t half;
    if (e->wide) memcpy(&bits, &from[i], 8);
    if (!e->wide) memcpy(&half, &narrow, 4), bits = half;
    for (int k = 0; k < size; k++) e->values[i * size + k] = (char)(bits >> (8 * k));
  }
  return CLF_OK;
}

static clf_status add_vector(state *s, const char *name, const double *values, int32_t n) {
  if (!values) return CLF_OK;
  entry *e = &s->at[s->n++];
  *e = (entry){.rank = 1, .dim = {n}, .count = n, .constant = 1, .wide = 1};
  snprintf(e->name, sizeof e->name, "%s", name);
  return set_values(e, values);
}

/* name: of the same tensor in the flow's architecture. */
static clf_status add_param(state *s, clf_flow *f, const clf_param *p, const char *name) {
  entry *e = &s->at[s->n++];
  *e = (entry){.rank = p->rank, .count = 1, .constant = !p->trainable};
  snprintf(e->name, sizeof e->name, "%s", name);
  for (int k = 0; k < p->rank; k++) e->count *= e->dim[k] = p->at.dim[k];
  double *host = malloc((size_t)e->count * sizeof *host);
  if (!host) return clf__fail(CLF_ENOMEM, "no memory for the tensor %s", name);
  clf_status status = clf_read64(f->dev, p->at, host);
  if (!status) status = set_values(e, host);
  free(host);
  return status;
}

/* Fused couplings, and flows with a kind, name their tensors as the lecture's modules do; the
 * exported module uses the names of architectures: "layers.0.map_s.2.weight" is the second layer of
 * the net of scales. */
static void rename_lecture(const clf_flow *f, const char *name, char to[80]) {
  int layer, linear, used = 0;
  char net;
  if (clf__spec_has_kind(&f->spec) && !strchr(name, '.')) {
    snprintf(to, 80, "layers.%d.%.48s", f->layers - 1, name); /* the last layer's */
    return;
  }
  if (sscanf(name, "layers.%d.map_%c.%d.%n", &layer, &net, &linear, &used) < 3 || !used) {
    snprintf(to, 80, "%s", name);
    return;
  }
  const clf__layer *l = &f->layer[layer];
  const clf__arch_coupling *c = (const clf__arch_coupling *)l->node;
  if (((const clf__arch_mlp *)c->net)->separate)
    snprintf(to, 80, "layers.%d.net.%d.%d.%s", layer, net == 's', linear / 2, name + used);
  else
    snprintf(to, 80, "layers.%d.net.%d.%s", layer, linear / 2, name + used);
}

/* Names of blends of blends are cut at 63 bytes. */
static clf_status check_names(const state *s) {
  for (int i = 0; i < s->n; i++)
    for (int k = 0; k < i && strlen(s->at[i].name) >= 63; k++)
      if (!strcmp(s->at[i].name, s->at[k].name))
        return clf__fail(CLF_ENOTSUP,
                         "two tensors would have the name %s: write blends of blends as one blend",
                         s->at[i].name);
  return CLF_OK;
}

static clf_status gather(clf_flow *f, state *s) {
  clf_status status = CLF_OK;
  s->at = calloc((size_t)f->param_count + 5, sizeof *s->at);
  if (!s->at) return clf__fail(CLF_ENOMEM, "no memory for an export");
  for (int i = 0; i < f->param_count && !status; i++) {
    char name[80];
    rename_lecture(f, f->params[i].name, name);
    status = add_param(s, f, &f->params[i], name);
  }
  if (!status) status = check_names(s);
  if (!status) status = add_vector(s, "scaling.mean", f->mean, f->spec.dim);
  if (!status) status = add_vector(s, "scaling.std", f->std, f->spec.dim);
  if (!status) status = add_vector(s, "context.mean", f->c_mean, f->context);
  if (!status) status = add_vector(s, "context.std", f->c_std, f->context);
  return status ? status : add_vector(s, "context.default", f->observation, f->context);
}

/* ---- NAME.pt --------------------------------------------------------------------------------- */

static void pickle_text(bytes *b, const char *s) {
  add_text(b, "X");
  add_number(b, strlen(s), 4);
  add_text(b, s);
}
static void pickle_number(bytes *b, int64_t v) {
  add_text(b, "\x8a\x08");
  add_number(b, (uint64_t)v, 8);
}
static void pickle_tensor(bytes *b, const entry *e) {
  int64_t stride = e->count;
  add_text(b, "ctorch._utils\n_rebuild_tensor_v2\n((");
  pickle_text(b, "storage");
  add_text(b, e->wide ? "ctorch\nDoubleStorage\n" : "ctorch\nFloatStorage\n");
  pickle_text(b, e->key + strlen("flow/data/"));
  pickle_text(b, "cpu");
  pickle_number(b, e->count);
  add_text(b, "tQ");
  pickle_number(b, 0);
  add_text(b, "(");
  for (int k = 0; k < e->rank; k++) pickle_number(b, e->dim[k]);
  add_text(b, "t(");
  for (int k = 0; k < e->rank; k++) pickle_number(b, stride /= e->dim[k]);
  add_text(b, "t\x89"
              "ccollections\nOrderedDict\n)RtR");
}

static clf_status write_file(const char *path, const void *from, size_t n) {
  clf__file *file;
  CLF_TRY(clf__file_begin(path, &file));
  const clf_status s = clf__file_put(file, from, n);
  if (!s) return clf__file_commit(file);
  clf__file_abort(file);
  return s;
}

static clf_status write_state(state *s, const char *path) {
  bytes pickle = {0};
  clf__zip_file *files = calloc((size_t)s->n + 2, sizeof *files);
  char *archive = NULL;
  size_t size;
  add(&pickle, "\x80\2ccollections\nOrderedDict\n)R(", 30);
  for (int i = 0; i < s->n; i++) {
    entry *e = &s->at[i];
    snprintf(e->key, sizeof e->key, "flow/data/%d", i);
    pickle_text(&pickle, e->name);
    pickle_tensor(&pickle, e);
    if (files)
      files[i + 2] = (clf__zip_file){e->key, e->values, (size_t)e->count * (e->wide ? 8 : 4)};
  }
  add_text(&pickle, "u.");
  clf_status status =
      !files || pickle.failed ? clf__fail(CLF_ENOMEM, "no memory for a state_dict") : CLF_OK;
  if (!status) {
    files[0] = (clf__zip_file){"flow/data.pkl", pickle.at, pickle.n};
    files[1] = (clf__zip_file){"flow/version", "3\n", 2};
    status = clf__zip_write(files, s->n + 2, &archive, &size);
  }
  if (!status) status = write_file(path, archive, size);
  free(archive);
  free(files);
  free(pickle.at);
  return status;
}

/* ---- NAME.py --------------------------------------------------------------------------------- */

static const char *module_text(void) {
  const clf__c_text *t = clf__c_texts;
  while (t->name && !strstr(t->name, "flow.py")) t++;
  return t->text;
}

/* The layers with repetitions expanded and variables replaced, also in the components of a blend.
 */
static json_t *flow_json(const clf__arch_flow *flow) {
  clf__arch_list list;
  if (clf__arch_expand(flow, &list)) return NULL;
  json_t *const json = clf__node_json(&flow->node), *layers = json_array();
  json_t *const components = json_object_get(json_object_get(json, "base"), "parts");
  const clf__pieces *pieces = &((const clf__arch_blend *)flow->base)->parts;
  int failed = !json || !layers;
  for (int32_t i = 0; i < list.n; i++)
    failed |= json_array_append_new(layers, clf__node_json(list.at[i].node));
  for (int32_t i = 0; flow->base->type->id == CLF__ARCH_blend && i < pieces->n; i++)
    failed |= json_object_set_new(json_array_get(components, (size_t)i), "flow",
                                  flow_json((const clf__arch_flow *)pieces->at[i].node));
  failed |= json_object_set_new(json, "layers", layers);
  clf__arch_list_free(&list);
  if (!failed) return json;
  json_decref(json);
  return NULL;
}

/* The value of ARCH in the module; "head": the layers before the scaling of the data.  NULL: no
 * memory. */
static char *arch_json(const clf_flow *f) {
  const int head = f->head - ((f->standardizes & CLF_THE_DATA) != 0);
  json_t *all = json_loads(clf_arch_json(f->arch), 0, NULL), *flow = flow_json(f->arch->flow);
  char *text = NULL;
  if (json_object_update(all, flow) == 0 &&
      json_object_set_new(all, "head", json_integer(head)) == 0)
    text = json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(17));
  json_decref(all);
  json_decref(flow);
  return text;
}

/* The text of the module NAME.py; the caller frees it. */
static clf_status make_module(const clf_flow *f, const state *s, const char *name, bytes *out) {
  bytes b = {0};
  char *json = arch_json(f);
  if (!json) return clf__fail(CLF_ENOMEM, "no memory for an architecture");
  name = clf__file_name(name);
  add_text(&b, "\"\"\"A normalizing flow that clflow exported; plain torch.\n\n    from ");
  add_text(&b, name);
  add_text(&b, " import Flow\n    flow = Flow()  # loads ");
  add_text(&b, name);
  add_text(&b, f->context ? ".pt beside this file\n    flow.log_prob(x, c)\n\n"
                          : ".pt beside this file\n    flow.log_prob(x)\n\n");
  add_text(&b, clf_arch_text(f->arch));
  add_text(&b, "\n\"\"\"\n\nARCH = r'''");
  add_text(&b, json);
  free(json);
  add_text(&b, "'''\n# Tensors that are not trained.\nCONSTANTS = {\n");
  for (int i = 0; i < s->n; i++) {
    if (!s->at[i].constant) continue;
    add_text(&b, "    \"");
    add_text(&b, s->at[i].name);
    add_text(&b, "\",\n");
  }
  add_text(&b, "    \"\",\n}\n\n");
  add_text(&b, module_text());
  *out = b;
  return b.failed ? clf__fail(CLF_ENOMEM, "no memory for a module") : CLF_OK;
}

/* ---- All ------------------------------------------------------------------------------------- */

static clf_status export(clf_flow *f, const char *name) {
  state s = {0};
  bytes module = {0};
  char *path = malloc(strlen(name) + 4);
  clf_status status = path ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for a name");
  if (!status && f->spec.height)
    status = clf__fail(CLF_ENOTSUP, "flows of images cannot be exported to PyTorch");
  if (!status) status = gather(f, &s);
  if (!status) status = make_module(f, &s, name, &module);
  if (!status) {
    sprintf(path, "%s.pt", name);
    status = write_state(&s, path);
  }
  if (!status) {
    sprintf(path, "%s.py", name);
    status = write_file(path, module.at, module.n);
  }
  free(module.at);
  free_state(&s);
  free(path);
  return status;
}

/* NAME.py names itself in its text, and is imported by that name. */
static clf_status check_module(const char *name) {
  static const char all[] = "0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const char *const own = clf__file_name(name);
  if (strcspn(own, all + 10) == 0 && *own && own[strspn(own, all)] == '\0') return CLF_OK;
  return clf__fail(CLF_EINVAL,
                   "\"%s\" is not a name for a Python module: use letters, digits and _, and no "
                   "digit first",
                   own);
}

clf_status clf_export_pytorch(clf_flow *f, const char *name) {
  CLF_GIVEN("flow, name", f, name);
  CLF_TRY(check_module(name));
  return export(f, name);
}
