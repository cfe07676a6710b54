/* SPDX-License-Identifier: MIT */
/* modules.c: reads files of safetensors and torch.save() into a tree of modules.
 *
 * Sizes in a file are checked before memory is allocated for them: each tensor against its storage,
 * each storage against the archive, and names, modules and their depth against limits. */
#include "modules.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "memory_limit.h"
#include "safetensors.h"
#include "status.h"
#include "zip.h"

enum {
  MOST_TENSORS = 1 << 16,
  MOST_MODULES = 1 << 16,
  MOST_CHILDREN = 1 << 12, /* of one module, because they are searched linearly */
  MOST_DEPTH = 64,         /* of modules */
  MOST_REPEATED = 1 << 20  /* elements of a tensor that repeats elements of its storage */
};

typedef struct storage {
  clf__zip_member member;
  const unsigned char *bytes; /* NULL: not read yet */
  char *unpacked;
  uint64_t size;
} storage;

struct clf__im_file {
  clf__pickle *pickle;
  clf__pk *object;
  clf__zip zip;
  storage *storages; /* by name */
  size_t storage_count;
  char folder[256]; /* prefix of the archive's members */
  clf__im_module *root;
  int tensors, modules;
  struct chunk *memory;
};

/* ---- Memory -------------------------------------------------------------------------------- */

struct chunk {
  struct chunk *before;
  double aligned; /* the memory after it has the same alignment */
};

static void *take(clf__im_file *f, size_t n) {
  struct chunk *c = calloc(1, sizeof *c + n);
  if (!c) return NULL;
  c->before = f->memory;
  f->memory = c;
  return c + 1;
}
static char *take_text(clf__im_file *f, const char *s, size_t n) {
  char *copy = take(f, n + 1);
  if (copy) memcpy(copy, s, n);
  return copy;
}
static clf_status no_memory(void) { return clf__fail(CLF_ENOMEM, "no memory for a checkpoint"); }

void clf__im_close(clf__im_file *f) {
  if (!f) return;
  for (struct chunk *c = f->memory, *before; c; c = before) {
    before = c->before;
    free(c);
  }
  for (size_t i = 0; i < f->storage_count; i++) free(f->storages[i].unpacked);
  free(f->storages);
  clf__pickle_free(f->pickle);
  free(f);
}

clf__im_module *clf__im_root(const clf__im_file *f) { return f->root; }
const clf__pk *clf__im_object(const clf__im_file *f) { return f->object; }

/* ---- The tree ------------------------------------------------------------------------------ */

static clf_status add_module(clf__im_file *f, clf__im_module *to, const char *name, size_t n,
                             clf__im_module **out) {
  if (f->modules++ == MOST_MODULES || (to && to->children++ == MOST_CHILDREN))
    return clf__fail(CLF_EFORMAT, "it has too many modules");
  clf__im_module *m = take(f, sizeof *m);
  const char *copy = take_text(f, name, n);
  if (!m || !copy) return no_memory();
  *m = (clf__im_module){.name = copy, .cls = "", .parent = to};
  if (to) {
    *(to->last ? &to->last->next : &to->child) = m;
    to->last = m;
  }
  *out = m;
  return CLF_OK;
}

/* Finds or creates the module for a dotted name; *name becomes the last word. */
static clf_status walk_to(clf__im_file *f, clf__im_module **m, const char **name) {
  int depth = 0;
  for (const char *dot; (dot = strchr(*name, '.')); *name = dot + 1) {
    const size_t n = (size_t)(dot - *name);
    clf__im_module *next = (*m)->last; /* names with the same prefix mostly follow each other */
    if (!next || strncmp(next->name, *name, n) || next->name[n])
      for (next = (*m)->child; next && (strncmp(next->name, *name, n) || next->name[n]);)
        next = next->next;
    if (++depth > MOST_DEPTH) return clf__fail(CLF_EFORMAT, "its names nest too deep");
    if (!next) CLF_TRY(add_module(f, *m, *name, n, &next));
    *m = next;
  }
  return CLF_OK;
}

/* Adds a tensor under a dotted name. */
static clf_status add_tensor(clf__im_file *f, clf__im_module *m, const char *name,
                             const clf__im_tensor *from) {
  if (f->tensors++ == MOST_TENSORS) return clf__fail(CLF_EFORMAT, "it has too many tensors");
  CLF_TRY(walk_to(f, &m, &name));
  clf__im_tensor *t = take(f, sizeof *t);
  const char *copy = take_text(f, name, strlen(name));
  if (!t || !copy) return no_memory();
  *t = *from;
  t->name = copy;
  t->in = m;
  t->next = NULL;
  *(m->last_tensor ? &m->last_tensor->next : &m->tensor) = t;
  m->last_tensor = t;
  return CLF_OK;
}

/* ---- Storages of an archive ---------------------------------------------------------------- */

/* The types of tensors: names in safetensors, of torch's storage, and of torch's dtype. */
static const struct {
  const char *name, *storage, *word;
} dtypes[] = {{"F64", "Double", "float64"}, {"F32", "Float", "float32"},
              {"F16", "Half", "float16"},   {"BF16", "BFloat16", "bfloat16"},
              {"I64", "Long", "int64"},     {"I32", "Int", "int32"},
              {"I16", "Short", "int16"},    {"I8", "Char", "int8"},
              {"U8", "Byte", "uint8"},      {"BOOL", "Bool", "bool"}};
enum { DTYPES = sizeof dtypes / sizeof *dtypes };

static int by_name(const void *a, const void *b) {
  const clf__zip_member *x = &((const storage *)a)->member, *y = &((const storage *)b)->member;
  const size_t n = x->length < y->length ? x->length : y->length;
  const int order = memcmp(x->name, y->name, n);
  return order ? order : (x->length > y->length) - (x->length < y->length);
}
static int by_offset(const void *a, const void *b) {
  const uint64_t x = ((const storage *)a)->member.at, y = ((const storage *)b)->member.at;
  return (x > y) - (x < y);
}

/* Lists the members; refuses members that share bytes, with which an archive could unpack to far
 * more than its own size. */
static clf_status list_members(clf__im_file *f) {
  size_t room = 0;
  uint64_t at = f->zip.list;
  clf__zip_member m;
  for (int more = 1; more;) {
    CLF_TRY(clf__zip_next(&f->zip, &at, &m, &more));
    if (!more) break;
    if (f->storage_count == room) {
      room = room ? 2 * room : 64;
      storage *bigger = realloc(f->storages, room * sizeof *bigger);
      if (!bigger) return no_memory();
      f->storages = bigger;
    }
    f->storages[f->storage_count++] = (storage){.member = m};
  }
  if (!f->storage_count) return clf__zip_damaged(&f->zip, "it has no members");
  qsort(f->storages, f->storage_count, sizeof *f->storages, by_offset);
  for (size_t i = 1; i < f->storage_count; i++) {
    const clf__zip_member *a = &f->storages[i - 1].member, *b = &f->storages[i].member;
    if (b->at - a->at < a->packed) return clf__zip_damaged(&f->zip, "two members share bytes");
  }
  qsort(f->storages, f->storage_count, sizeof *f->storages, by_name);
  return CLF_OK;
}

static clf_status read_member(clf__im_file *f, const char *name, storage **out) {
  storage key = {.member = {.name = name, .length = strlen(name)}};
  size_t n;
  *out = f->storage_count
             ? bsearch(&key, f->storages, f->storage_count, sizeof *f->storages, by_name)
             : NULL;
  if (!*out) return CLF_OK;
  if ((*out)->bytes) return CLF_OK;
  const char *content;
  CLF_TRY(clf__zip_read(&f->zip, &(*out)->member, &content, &n, &(*out)->unpacked));
  (*out)->bytes = (const unsigned char *)content;
  (*out)->size = n;
  return CLF_OK;
}

/* ---- Tensors of a pickle ------------------------------------------------------------------- */

static const clf__pk *argument(const clf__pk *v, int64_t i) {
  return v && v->kind == CLF_PK_OBJECT && v->args->kind == CLF_PK_TUPLE && v->args->count > i
             ? v->args->at[i]
             : NULL;
}

/* _rebuild_tensor_v2(storage, offset, size, stride, ...), by itself or inside a parameter or a
 * subclass. */
static const clf__pk *rebuild(const clf__pk *v, int depth) {
  if (!v || depth > 4) return NULL;
  if (clf__pk_is(v, "torch._utils._rebuild_tensor_v2") ||
      clf__pk_is(v, "torch._utils._rebuild_tensor_v3"))
    return v->args;
  if (clf__pk_is(v, "torch._utils._rebuild_parameter") ||
      clf__pk_is(v, "torch._utils._rebuild_parameter_with_state"))
    return rebuild(argument(v, 0), depth + 1);
  if (clf__pk_is(v, "torch._tensor._rebuild_from_type_v2")) {
    const clf__pk *args = argument(v, 2);
    const char *call = clf__pk_class(argument(v, 0));
    if (!strncmp(call, "torch._utils._rebuild_tensor_v", 30)) return args;
    return args && args->kind == CLF_PK_TUPLE && args->count ? rebuild(args->at[0], depth + 1)
                                                             : NULL;
  }
  return NULL;
}
int clf__im_is_tensor(const clf__pk *v) { return rebuild(v, 0) != NULL; }

static clf_status tensor_fault(const char *what) {
  return clf__fail(CLF_EFORMAT, "a tensor %s", what);
}

/* ('storage', torch.FloatStorage, key, device, elements) */
static clf_status open_storage(clf__im_file *f, const clf__pk *id, const clf__pk *dtype,
                               clf__im_tensor *t, uint64_t *elements) {
  if (!id || id->kind != CLF_PK_PERSISTENT || id->at[0]->kind != CLF_PK_TUPLE ||
      id->at[0]->count < 5)
    return tensor_fault("has no storage");
  clf__pk *const *at = id->at[0]->at;
  const char *type = clf__pk_class(at[1]), *key = clf__pk_text(at[2]);
  const char *of = dtype ? clf__pk_class(dtype) : "";
  int k = 0;
  for (; k < DTYPES; k++) {
    char name[64];
    snprintf(name, sizeof name, "torch.%sStorage", dtypes[k].storage);
    if (!strcmp(type, name)) break;
    snprintf(name, sizeof name, "torch.%s", dtypes[k].word);
    if (!strcmp(of, name)) break;
  }
  if (k == DTYPES)
    return clf__fail(CLF_ENOTSUP, "a tensor is of the type %.80s, which is not read",
                     *of ? of : type);
  char member[512];
  storage *s;
  if (!key || snprintf(member, sizeof member, "%s/data/%s", f->folder, key) >= (int)sizeof member)
    return tensor_fault("has a storage without a name");
  CLF_TRY(read_member(f, member, &s));
  if (!s)
    return clf__fail(CLF_EFORMAT, "a tensor's storage, the member %.200s, is missing", member);
  t->dtype = clf__dtype_find(dtypes[k].name);
  t->bytes = s->bytes;
  *elements = s->size / (uint64_t)t->dtype->width;
  return CLF_OK;
}

/* Every element must be inside the storage; a tensor that repeats elements must be small. */
static clf_status check_view(const clf__im_tensor *t, uint64_t elements) {
  uint64_t last = (uint64_t)t->offset;
  if (t->count == 0) return tensor_fault("has no elements");
  for (int k = 0; k < t->rank; k++) {
    const uint64_t steps = (uint64_t)t->dim[k] - 1, stride = (uint64_t)t->stride[k];
    if (steps && stride > elements / steps) return tensor_fault("goes beyond its storage");
    last += steps * stride;
    if (last >= elements) return tensor_fault("goes beyond its storage");
  }
  if (last >= elements) return tensor_fault("goes beyond its storage");
  if ((uint64_t)t->count > elements && t->count > MOST_REPEATED)
    return tensor_fault("repeats its storage to more elements than a checkpoint has");
  return CLF_OK;
}

static clf_status take_shape(const clf__pk *size, const clf__pk *stride, clf__im_tensor *t) {
  clf__pk *const *dims, *const *strides;
  const int64_t rank = clf__pk_length(size, &dims);
  if (rank < 0 || rank > CLF_IM_RANK || clf__pk_length(stride, &strides) != rank)
    return tensor_fault("has no shape that is read");
  t->rank = (int)rank;
  t->count = 1;
  for (int k = 0; k < t->rank; k++) {
    if (!clf__pk_int(dims[k], &t->dim[k]) || !clf__pk_int(strides[k], &t->stride[k]) ||
        t->dim[k] < 0 || t->stride[k] < 0)
      return tensor_fault("has a shape or strides that are no whole numbers from 0");
    if (t->dim[k] && t->count > INT64_MAX / t->dim[k])
      return tensor_fault("has a shape beyond memory");
    t->count *= t->dim[k];
  }
  return CLF_OK;
}

clf_status clf__im_tensor_of(clf__im_file *f, const clf__pk *v, clf__im_tensor *t) {
  const clf__pk *args = rebuild(v, 0);
  uint64_t elements;
  *t = (clf__im_tensor){.name = "", .count = 1};
  if (!args || args->kind != CLF_PK_TUPLE || args->count < 4)
    return tensor_fault("is written in a form that is not read");
  if (!clf__pk_int(args->at[1], &t->offset) || t->offset < 0)
    return tensor_fault("has no place in its storage");
  CLF_TRY(take_shape(args->at[2], args->at[3], t));
  CLF_TRY(open_storage(f, args->at[0], args->count > 6 ? args->at[6] : NULL, t, &elements));
  return t->count ? check_view(t, elements) : CLF_OK;
}

/* ---- Modules of a pickle ------------------------------------------------------------------- */

static clf_status take_value(clf__im_file *f, clf__im_module *to, const char *name,
                             const clf__pk *v, int depth);

/* Adds the entries of a dictionary whose keys are texts. */
static clf_status take_entries(clf__im_file *f, clf__im_module *to, const clf__pk *dict,
                               int depth) {
  for (int64_t i = 0; dict && dict->kind == CLF_PK_DICT && i < dict->count; i += 2)
    if (dict->at[i]->kind == CLF_PK_TEXT && *dict->at[i]->text)
      CLF_TRY(take_value(f, to, dict->at[i]->text, dict->at[i + 1], depth));
  return CLF_OK;
}
static const clf__pk *dictionary(const clf__pk *v) {
  return v && v->kind == CLF_PK_OBJECT ? v->items : v;
}
static int is_module(const clf__pk *v) {
  const clf__pk *a = clf__pk_attributes(v);
  return a && clf__pk_get(a, "_modules") && clf__pk_get(a, "_parameters");
}

static clf_status take_module(clf__im_file *f, clf__im_module *m, const clf__pk *v, int depth) {
  const clf__pk *a = clf__pk_attributes(v);
  m->cls = clf__pk_class(v);
  m->self = v;
  CLF_TRY(take_entries(f, m, dictionary(clf__pk_get(a, "_parameters")), depth));
  CLF_TRY(take_entries(f, m, dictionary(clf__pk_get(a, "_buffers")), depth));
  return take_entries(f, m, dictionary(clf__pk_get(a, "_modules")), depth);
}

/* Adds the modules among the attributes of an object of another kind, such as a posterior. */
static clf_status take_object(clf__im_file *f, clf__im_module *m, const clf__pk *v, int depth) {
  const clf__pk *a = clf__pk_attributes(v);
  m->cls = clf__pk_class(v);
  m->self = v;
  for (int64_t i = 0; a && i < a->count; i += 2)
    if (a->at[i]->kind == CLF_PK_TEXT && is_module(a->at[i + 1]))
      CLF_TRY(take_value(f, m, a->at[i]->text, a->at[i + 1], depth));
  return CLF_OK;
}

static clf_status fill(clf__im_file *f, clf__im_module *m, const clf__pk *v, int depth) {
  if (depth > MOST_DEPTH) return clf__fail(CLF_EFORMAT, "its modules nest too deep");
  if (is_module(v)) return take_module(f, m, v, depth);
  const clf__pk *dict = dictionary(v);
  if (dict && dict->kind == CLF_PK_DICT) return take_entries(f, m, dict, depth);
  return v->kind == CLF_PK_OBJECT ? take_object(f, m, v, depth) : CLF_OK;
}

static clf_status take_value(clf__im_file *f, clf__im_module *to, const char *name,
                             const clf__pk *v, int depth) {
  clf__im_tensor t;
  clf__im_module *m;
  if (clf__im_is_tensor(v)) {
    CLF_TRY(clf__im_tensor_of(f, v, &t));
    return add_tensor(f, to, name, &t);
  }
  const clf__pk *dict = dictionary(v);
  if (!is_module(v) && !(dict && dict->kind == CLF_PK_DICT)) return CLF_OK;
  CLF_TRY(walk_to(f, &to, &name));
  CLF_TRY(add_module(f, to, name, strlen(name), &m));
  return fill(f, m, v, depth + 1);
}

/* ---- Files --------------------------------------------------------------------------------- */

/* The folder of the archive's data.pkl. */
static clf_status find_pickle(clf__im_file *f, storage **pickle) {
  static const char suffix[] = "/data.pkl";
  const size_t n = sizeof suffix - 1;
  for (size_t i = 0; i < f->storage_count; i++) {
    const clf__zip_member *m = &f->storages[i].member;
    if (m->length <= n || m->length >= sizeof f->folder ||
        memcmp(m->name + m->length - n, suffix, n))
      continue;
    memcpy(f->folder, m->name, m->length - n);
    f->folder[m->length - n] = 0;
    char name[sizeof f->folder + sizeof suffix];
    snprintf(name, sizeof name, "%s%s", f->folder, suffix);
    return read_member(f, name, pickle);
  }
  return clf__fail(CLF_EFORMAT, "it is a ZIP archive, but not one of torch.save(): it holds no "
                                "data.pkl");
}

static clf_status open_torch(clf__im_file *f, const void *bytes, size_t size) {
  storage *pickle, *order;
  char name[sizeof f->folder + 16];
  CLF_TRY(clf__zip_open("the checkpoint", bytes, size, "an archive of torch.save()", &f->zip));
  CLF_TRY(list_members(f));
  CLF_TRY(find_pickle(f, &pickle));
  if (!pickle) /* a name with a NUL in it */
    return clf__fail(CLF_EFORMAT, "it is a ZIP archive, but its data.pkl cannot be read");
  snprintf(name, sizeof name, "%s/byteorder", f->folder);
  CLF_TRY(read_member(f, name, &order));
  if (order && (order->size != 6 || memcmp(order->bytes, "little", 6)))
    return clf__fail(CLF_ENOTSUP, "it was written on a big-endian machine, which is not read");
  CLF_TRY(clf__unpickle((const char *)pickle->bytes, (size_t)pickle->size, size, &f->pickle,
                        &f->object, NULL));
  return fill(f, f->root, f->object, 0);
}

static clf_status take_safetensor(clf__im_file *f, const clf__st_entry *e,
                                  const unsigned char *data) {
  clf__im_tensor t = {.rank = e->rank, .count = e->count, .bytes = data + e->begin};
  int k = 0;
  while (k < DTYPES && strcmp(e->dtype, dtypes[k].name) != 0) k++;
  if (k == DTYPES)
    return clf__fail(CLF_ENOTSUP, "the tensor %.200s is of the type %.20s, which is not read",
                     e->name, e->dtype);
  t.dtype = clf__dtype_find(e->dtype);
  int64_t stride = 1;
  for (int i = e->rank; i--; stride *= e->dim[i]) {
    t.dim[i] = e->dim[i];
    t.stride[i] = stride;
  }
  return add_tensor(f, f->root, e->name, &t);
}

static clf_status open_safetensors(clf__im_file *f, const void *bytes, size_t size) {
  const unsigned char *b = bytes;
  uint64_t header = 0;
  clf__st *st;
  CLF_TRY(clf__st_open_memory(bytes, size, &st));
  for (int i = 0; i < 8; i++) header |= (uint64_t)b[i] << (8 * i);
  clf_status s = CLF_OK;
  for (int i = 0; i < clf__st_count(st) && !s; i++)
    s = take_safetensor(f, clf__st_at(st, i), b + 8 + header);
  clf__st_close(st);
  return s;
}

/* Names the format of a file that is no checkpoint. */
static clf_status open_any(clf__im_file *f, const void *bytes, size_t size) {
  const unsigned char *b = bytes;
  if (clf__is_zip(bytes, size)) return open_torch(f, bytes, size);
  if (size > 9 && b[8] == '{') return open_safetensors(f, bytes, size);
  if (size > 14 && b[0] == 0x80 && b[1] == 2 && !memcmp(b + 2, "\x8a\x0al\xfc\x9c\x46\xf9", 7))
    return clf__fail(CLF_ENOTSUP, "it was written by torch before 1.6: load it with a newer torch "
                                  "and save it again with torch.save()");
  if (size > 2 && b[0] == 0x80 && b[1] <= 5)
    return clf__fail(CLF_ENOTSUP, "it is a plain pickle: load it in Python and save it again with "
                                  "torch.save()");
  if (size > 8 && !memcmp(b, "\x89HDF\r\n\x1a\n", 8))
    return clf__fail(CLF_ENOTSUP, "it is an HDF5 file, not one of torch.save() or safetensors");
  return clf__fail(CLF_EFORMAT, "it is no checkpoint: neither a file of torch.save() nor "
                                "safetensors");
}

clf_status clf__im_open(const void *bytes, size_t size, clf__im_file **out) {
  clf__im_file *f = calloc(1, sizeof *f);
  if (!f) return no_memory();
  clf_status s = add_module(f, NULL, "", 0, &f->root);
  if (!s) s = open_any(f, bytes, size);
  if (s)
    clf__im_close(f);
  else
    *out = f;
  return s;
}
