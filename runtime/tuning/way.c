/* SPDX-License-Identifier: MIT */
/* way.c: the ways to compute an operation: which one a call runs, and what tuning chose. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend.h"
#include "cache.h"
#include "hash.h"

int clf__way_count(const clf_device *dev, clf_op op) {
  const struct clf_traits *traits;
  const clf_way *way = dev->backend->ways(dev, op, &traits);
  int n = 0;
  while (way[n].name) n++;
  return n;
}

int clf__way_takes(const clf_device *dev, clf_op op, int i, const void *args) {
  const struct clf_traits *traits;
  const clf_way *way = &dev->backend->ways(dev, op, &traits)[i];
  return !way->takes || way->takes(args, traits);
}

/* What tuning chose for calls like this one, or -1. */
static int tuned(const clf_device *dev, clf_op op, const void *args) {
  if (!dev->tuned_count) return -1;
  const uint64_t alike = clf__alike(op, args);
  for (int i = 0; i < dev->tuned_count; i++)
    if (dev->tuned[i].op == op && dev->tuned[i].alike == alike) return dev->tuned[i].way;
  return -1;
}

const clf_way *clf__way(const clf_device *dev, clf_op op, const void *args) {
  const struct clf_traits *traits;
  const clf_way *way = dev->backend->ways(dev, op, &traits);
  if (!way[1].name) return way;
  const int count = clf__way_count(dev, op);
  const int wanted = dev->forced ? dev->forced - 1 : tuned(dev, op, args);
  if (wanted >= 0 && wanted < count && clf__way_takes(dev, op, wanted, args)) return &way[wanted];
  while ((way->takes && !way->takes(args, traits)) || (way->suits && !way->suits(args, traits)))
    way++;
  return way;
}

int clf__way_index(const clf_device *dev, clf_op op, const void *args) {
  const struct clf_traits *traits;
  return (int)(clf__way(dev, op, args) - dev->backend->ways(dev, op, &traits));
}

/* ---- Calls that are alike ---------------------------------------------------------- */

/* n up to 16, else its power of two and whether it is above 1.5 times that. */
static uint32_t size_class(int32_t n) {
  uint32_t k = 0;
  if (n <= 16) return (uint32_t)n;
  while (n >= 4) {
    n /= 2;
    k++;
  }
  return 32 + 2 * k + (uint32_t)(n == 3);
}

/* Which dimension lies dense, 4 if none does. */
static uint32_t innermost(const clf_tensor *t) {
  uint32_t d = 0;
  while (d < 4 && (t->dim[d] == 1 || t->stride[d] != 1)) d++;
  return d;
}

uint64_t clf__alike(clf_op op, const void *args) {
  const clf_op_info *info = &clf_ops[op];
  const clf_tensor *t = args;
  uint64_t h = CLF_HASH_BEGIN;
  for (const char *m = info->modes; *m; m++, t++) {
    h = clf__hash(h, t->buf != NULL);
    if (!t->buf) continue;
    for (int d = 0; d < 4; d++) h = clf__hash(h, size_class(t->dim[d]));
    h = clf__hash(h, innermost(t));
  }
  for (size_t i = 0; i < info->params_size / 4; i++) {
    int32_t word; /* floats, which only matter by whether they are 0, are large as integers */
    memcpy(&word, (const char *)args + info->params_offset + 4 * i, sizeof word);
    h = clf__hash(h, word > -256 && word < 256 ? (uint32_t)word : 256);
  }
  return h;
}

/* ---- What tuning chose, on disk -------------------------------------------------------
 * A line for each choice: the operation, the number of calls alike, the way, each by its name, so
 * that another version of the library reads what it can and leaves the rest. */

static int find_op(const char *name) {
  int op = 0;
  while (op < CLF_OP_COUNT && strcmp(clf_ops[op].name, name) != 0) op++;
  return op;
}

static int find_way(const clf_device *dev, clf_op op, const char *name) {
  const struct clf_traits *traits;
  const clf_way *way = dev->backend->ways(dev, op, &traits);
  int i = 0;
  while (way[i].name && strcmp(way[i].name, name) != 0) i++;
  return way[i].name ? i : -1;
}

static void read_choice(clf_device *dev, const char *line) {
  char op_name[64], way_name[64];
  unsigned long long alike;
  if (sscanf(line, "%63s %llx %63s", op_name, &alike, way_name) != 3) return;
  const int op = find_op(op_name);
  const int way = op < CLF_OP_COUNT ? find_way(dev, (clf_op)op, way_name) : -1;
  if (way >= 0) dev->tuned[dev->tuned_count++] = (clf_choice){(clf_op)op, way, alike};
}

static void read_choices(clf_device *dev, const char *text) {
  size_t lines = 1;
  for (const char *c = text; *c; c++) lines += *c == '\n';
  dev->tuned = calloc(lines, sizeof *dev->tuned);
  if (!dev->tuned) return; /* it is slower without */
  for (; *text; text += strcspn(text, "\n"), text += *text == '\n') read_choice(dev, text);
}

clf_status clf__tuned_load(clf_device *dev, const char *const parts[], int count) {
  static const char head[] = "tuned choices 1";
  size_t size = sizeof head + 1;
  for (int i = 0; i < count; i++) size += strlen(parts[i]) + 1;
  char *key = dev->tuned_key = malloc(size);
  if (!key) return clf__fail(CLF_ENOMEM, "no memory for a device");
  key += sprintf(key, "%s", head);
  for (int i = 0; i < count; i++) key += sprintf(key, "\n%s", parts[i]);
  char *bytes = clf__cache_get(dev->tuned_key, &size);
  char *text = bytes ? malloc(size + 1) : NULL;
  if (text) {
    memcpy(text, bytes, size);
    text[size] = 0;
    read_choices(dev, text);
  }
  free(text);
  free(bytes);
  return CLF_OK;
}

int clf__tuned_save(const clf_device *dev) {
  const size_t most = 160; /* of a line */
  char *text = malloc((size_t)dev->tuned_count * most + 1), *end = text;
  const struct clf_traits *traits;
  if (!text) return 0;
  *end = 0;
  for (int i = 0; i < dev->tuned_count; i++) {
    const clf_choice *c = &dev->tuned[i];
    end += snprintf(end, most, "%s %016llx %s\n", clf_ops[c->op].name, (unsigned long long)c->alike,
                    dev->backend->ways(dev, c->op, &traits)[c->way].name);
  }
  const int kept = clf__cache_put(dev->tuned_key, text, (size_t)(end - text));
  free(text);
  return kept;
}
