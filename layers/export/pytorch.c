/* SPDX-License-Identifier: MIT */
/* pytorch.c: a flow of vectors for PyTorch: NAME.pt, a state_dict as torch.save() writes it, and
 * NAME.py, a module of plain torch that computes from it. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "c_texts.h"
#include "clflow/export.h"
#include "file.h"
#include "flow_private.h"
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

/* ---- The state_dict
 * ------------------------------------------------------------------------------ */

typedef struct entry {
  char name[80];
  int rank;
  int64_t dim[4], count;
  int constant, wide; /* wide: doubles, of standardisations */
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

/* `name`: that of the same tensor in the flow's architecture. */
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

/* Flows of a kind have the names of the lecture's modules, the module those of architectures:
 * "layers.0.map_s.2.weight" is the second layer of the net of scales. */
static void rename_lecture(const clf_flow *f, const char *name, char to[80]) {
  int layer, linear, used = 0;
  char net;
  if (!strcmp(name, "log_scale"))
    snprintf(to, 80, "layers.%d.log_scale", (int)f->spec.depth);
  else if (sscanf(name, "layers.%d.map_%c.%d.%n", &layer, &net, &linear, &used) < 3 || !used)
    snprintf(to, 80, "%s", name);
  else if (f->spec.kind == CLF_NVP)
    snprintf(to, 80, "layers.%d.net.%d.%d.%s", layer, net == 's', linear / 2, name + used);
  else
    snprintf(to, 80, "layers.%d.net.%d.%s", layer, linear / 2, name + used);
}

static clf_status gather(clf_flow *f, state *s) {
  clf_status status = CLF_OK;
  s->at = calloc((size_t)f->param_count + 4, sizeof *s->at);
  if (!s->at) return clf__fail(CLF_ENOMEM, "no memory for an export");
  for (int i = 0; i < f->param_count && !status; i++) {
    char name[80];
    rename_lecture(f, f->params[i].name, name);
    status = add_param(s, f, &f->params[i], name);
  }
  if (!status) status = add_vector(s, "scaling.mean", f->mean, f->spec.dim);
  if (!status) status = add_vector(s, "scaling.std", f->std, f->spec.dim);
  if (!status) status = add_vector(s, "context.mean", f->c_mean, f->context);
  return status ? status : add_vector(s, "context.std", f->c_std, f->context);
}

/* ---- NAME.pt
 * --------------------------------------------------------------------------------------- */

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
  clf__zip_part *parts = calloc((size_t)s->n + 2, sizeof *parts);
  char *archive = NULL;
  size_t size;
  add(&pickle, "\x80\2ccollections\nOrderedDict\n)R(", 30);
  for (int i = 0; i < s->n; i++) {
    entry *e = &s->at[i];
    snprintf(e->key, sizeof e->key, "flow/data/%d", i);
    pickle_text(&pickle, e->name);
    pickle_tensor(&pickle, e);
    if (parts)
      parts[i + 2] = (clf__zip_part){e->key, e->values, (size_t)e->count * (e->wide ? 8 : 4)};
  }
  add_text(&pickle, "u.");
  clf_status status =
      !parts || pickle.failed ? clf__fail(CLF_ENOMEM, "no memory for a state_dict") : CLF_OK;
  if (!status) {
    parts[0] = (clf__zip_part){"flow/data.pkl", pickle.at, pickle.n};
    parts[1] = (clf__zip_part){"flow/version", "3\n", 2};
    status = clf__zip_write(parts, s->n + 2, &archive, &size);
  }
  if (!status) status = write_file(path, archive, size);
  free(archive);
  free(parts);
  free(pickle.at);
  return status;
}

/* ---- NAME.py
 * --------------------------------------------------------------------------------------- */

static const char *module_text(void) {
  const clf__c_text *t = clf__c_texts;
  while (t->name && !strstr(t->name, "flow.py")) t++;
  return t->text;
}

static clf_status write_module(const clf_flow *f, const clf_arch *arch, const state *s,
                               const char *path) {
  bytes b = {0};
  const char *json = clf_arch_json(arch), *slash = strrchr(path, '/');
  char name[256];
  snprintf(name, sizeof name, "%s", slash ? slash + 1 : path);
  name[strlen(name) - 3] = 0;
  add_text(&b, "\"\"\"A normalizing flow that clflow exported; plain torch.\n\n    from ");
  add_text(&b, name);
  add_text(&b, " import Flow\n    flow = Flow()  # loads ");
  add_text(&b, name);
  add_text(&b, f->context ? ".pt beside this file\n    flow.log_prob(x, c)\n\n"
                          : ".pt beside this file\n    flow.log_prob(x)\n\n");
  add_text(&b, clf_arch_text(arch));
  add_text(&b, "\n\"\"\"\n\nARCH = r'''");
  add_text(&b, json);
  add_text(&b, "'''\n# Tensors that are not trained.\nCONSTANTS = {\n");
  for (int i = 0; i < s->n; i++) {
    if (!s->at[i].constant) continue;
    add_text(&b, "    \"");
    add_text(&b, s->at[i].name);
    add_text(&b, "\",\n");
  }
  add_text(&b, "    \"\",\n}\n\n");
  add_text(&b, module_text());
  const clf_status status =
      b.failed ? clf__fail(CLF_ENOMEM, "no memory for a module") : write_file(path, b.at, b.n);
  free(b.at);
  return status;
}

/* ---- What there is no module of
 * ------------------------------------------------------------------------ */

static clf_status check_name(const char *name) {
  static const char *const none[] = {"piecewise", "split", "squeeze", "pixels",
                                     "conv1x1",   "blend", "conv",    "convresnet"};
  for (size_t i = 0; name && i < sizeof none / sizeof *none; i++)
    if (!strcmp(name, none[i]))
      return clf__fail(CLF_ENOTSUP, "a flow with %s cannot be exported to PyTorch", name);
  return CLF_OK;
}

/* Splines whose tails are of several kinds. */
static clf_status check_tails(const json_t *tails) {
  size_t i;
  json_t *v;
  json_array_foreach(tails, i, v) {
    const json_t *first = json_array_get(tails, 0);
    if (json_is_string(v) != json_is_string(first) ||
        (json_is_string(v) && !json_equal(v, (json_t *)(uintptr_t)first)))
      return clf__fail(CLF_ENOTSUP,
                       "a spline with tails of several kinds cannot be exported to PyTorch");
  }
  return CLF_OK;
}

static clf_status check_node(const json_t *node, int depth) {
  size_t i;
  const char *key;
  json_t *v;
  if (depth > 64) return CLF_OK; /* deeper ones are refused as they are read */
  if (json_is_array(node)) json_array_foreach(node, i, v) CLF_TRY(check_node(v, depth + 1));
  if (!json_is_object(node)) return CLF_OK;
  CLF_TRY(check_name(json_string_value(json_object_get(node, "layer"))));
  if (!json_object_get(node, "layer"))
    CLF_TRY(check_name(json_string_value(json_object_get(node, "kind"))));
  CLF_TRY(check_tails(json_object_get(node, "tail")));
  json_object_foreach((json_t *)(uintptr_t)node, key, v) CLF_TRY(check_node(v, depth + 1));
  return CLF_OK;
}

static clf_status check_arch(const clf_arch *arch) {
  int32_t h, w, c;
  if (clf_arch_shape(arch, &h, &w, &c))
    return clf__fail(CLF_ENOTSUP, "flows of images cannot be exported to PyTorch");
  json_t *json = json_loads(clf_arch_json(arch), 0, NULL);
  const clf_status s =
      json ? check_node(json, 0) : clf__fail(CLF_ENOMEM, "no memory for an architecture");
  json_decref(json);
  return s;
}

/* ---- All
 * ------------------------------------------------------------------------------------------------
 */

static clf_status export(clf_flow *f, const clf_arch *arch, const char *name) {
  state s = {0};
  char *path = malloc(strlen(name) + 4);
  clf_status status = path ? check_arch(arch) : clf__fail(CLF_ENOMEM, "no memory for a name");
  if (!status) status = gather(f, &s);
  if (!status) {
    sprintf(path, "%s.pt", name);
    status = write_state(&s, path);
  }
  if (!status) {
    sprintf(path, "%s.py", name);
    status = write_module(f, arch, &s, path);
  }
  free_state(&s);
  free(path);
  return status;
}

clf_status clf_export_pytorch(clf_flow *f, const char *name) {
  CLF_GIVEN("flow, name", f, name);
  if (!clf__spec_has_kind(&f->spec)) return export(f, f->arch, name);
  clf_arch *arch;
  CLF_TRY(clf_arch_of_spec(&f->spec, &arch));
  const clf_status s = export(f, arch, name);
  clf_arch_free(arch);
  return s;
}
