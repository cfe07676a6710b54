/* SPDX-License-Identifier: MIT */
/* algorithm.c: which algorithm of an operation a call runs, and what tuning chose. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend.h"
#include "cache.h"
#include "hash.h"

int clf__algorithm_count(const clf_device *dev, clf_op op) {
  const struct clf_traits *traits;
  const clf_algorithm *algorithm = dev->backend->algorithms(dev, op, &traits);
  int n = 0;
  while (algorithm[n].name) n++;
  return n;
}

int clf__algorithm_takes(const clf_device *dev, clf_op op, int i, const void *args) {
  const struct clf_traits *traits;
  const clf_algorithm *algorithm = &dev->backend->algorithms(dev, op, &traits)[i];
  return !algorithm->takes || algorithm->takes(args, traits);
}

/* The algorithm that tuning chose for calls with this key, or -1. */
static int tuned(const clf_device *dev, clf_op op, const void *args) {
  if (!dev->tuned_count) return -1;
  const uint64_t key = clf__tuning_key(op, args);
  for (int i = 0; i < dev->tuned_count; i++)
    if (dev->tuned[i].op == op && dev->tuned[i].key == key) return dev->tuned[i].algorithm;
  return -1;
}

const clf_algorithm *clf__algorithm(const clf_device *dev, clf_op op, const void *args) {
  const struct clf_traits *traits;
  const clf_algorithm *algorithm = dev->backend->algorithms(dev, op, &traits);
  if (!algorithm[1].name) return algorithm;
  const int count = clf__algorithm_count(dev, op);
  const int wanted = dev->forced ? dev->forced - 1 : tuned(dev, op, args);
  if (wanted >= 0 && wanted < count && clf__algorithm_takes(dev, op, wanted, args))
    return &algorithm[wanted];
  while ((algorithm->takes && !algorithm->takes(args, traits)) ||
         (algorithm->suits && !algorithm->suits(args, traits)))
    algorithm++;
  return algorithm;
}

int clf__algorithm_index(const clf_device *dev, clf_op op, const void *args) {
  const struct clf_traits *traits;
  return (int)(clf__algorithm(dev, op, args) - dev->backend->algorithms(dev, op, &traits));
}

/* ---- Tuning keys ----------------------------------------------------------------------------- */

/* Sizes up to 16 are their own class; above, a class is a power of two, or 1.5 times that. */
static uint32_t size_class(int32_t n) {
  uint32_t k = 0;
  if (n <= 16) return (uint32_t)n;
  while (n >= 4) {
    n /= 2;
    k++;
  }
  return 32 + 2 * k + (uint32_t)(n == 3);
}

/* The axis with stride 1, or 4 if there is none. */
static uint32_t innermost(const clf_tensor *t) {
  uint32_t d = 0;
  while (d < 4 && (t->dim[d] == 1 || t->stride[d] != 1)) d++;
  return d;
}

uint64_t clf__tuning_key(clf_op op, const void *args) {
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
    int32_t word; /* a float only counts as zero or not: its bits are a large integer */
    memcpy(&word, (const char *)args + info->params_offset + 4 * i, sizeof word);
    h = clf__hash(h, word > -256 && word < 256 ? (uint32_t)word : 256);
  }
  return h;
}

/* ---- Saved choices --------------------------------------------------------------------
 * One line for each choice: operation, tuning key, algorithm, each by name, so that other
 * versions of the library read the lines they know and skip the rest. */

static int find_op(const char *name) {
  int op = 0;
  while (op < CLF_OP_COUNT && strcmp(clf_ops[op].name, name) != 0) op++;
  return op;
}

static int find_algorithm(const clf_device *dev, clf_op op, const char *name) {
  const struct clf_traits *traits;
  const clf_algorithm *algorithm = dev->backend->algorithms(dev, op, &traits);
  int i = 0;
  while (algorithm[i].name && strcmp(algorithm[i].name, name) != 0) i++;
  return algorithm[i].name ? i : -1;
}

static void read_choice(clf_device *dev, const char *line) {
  char op_name[64], algorithm_name[64];
  unsigned long long key;
  if (sscanf(line, "%63s %llx %63s", op_name, &key, algorithm_name) != 3) return;
  const int op = find_op(op_name);
  const int algorithm = op < CLF_OP_COUNT ? find_algorithm(dev, (clf_op)op, algorithm_name) : -1;
  if (algorithm >= 0) dev->tuned[dev->tuned_count++] = (clf_choice){(clf_op)op, algorithm, key};
}

static void read_choices(clf_device *dev, const char *text) {
  size_t lines = 1;
  for (const char *c = text; *c; c++) lines += *c == '\n';
  dev->tuned = calloc(lines, sizeof *dev->tuned);
  if (!dev->tuned) return; /* works without, only slower */
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
  const size_t maximum = 160; /* bytes of a line */
  char *text = malloc((size_t)dev->tuned_count * maximum + 1), *end = text;
  const struct clf_traits *traits;
  if (!text) return 0;
  *end = 0;
  for (int i = 0; i < dev->tuned_count; i++) {
    const clf_choice *c = &dev->tuned[i];
    end +=
        snprintf(end, maximum, "%s %016llx %s\n", clf_ops[c->op].name, (unsigned long long)c->key,
                 dev->backend->algorithms(dev, c->op, &traits)[c->algorithm].name);
  }
  const int kept = clf__cache_put(dev->tuned_key, text, (size_t)(end - text));
  free(text);
  return kept;
}
