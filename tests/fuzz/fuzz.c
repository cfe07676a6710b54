/* SPDX-License-Identifier: MIT */
/* fuzz.c: fuzz targets for everything that clflow reads. One program for each target, which
 * CLF_FUZZ_TARGET chooses at compile time. Refusals need a message; sanitizers and limits on memory
 * (CMakeLists.txt) find other errors. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "backend.h"
#include "cache.h"
#include "clflow/clflow.h"
#include "hash.h"
#include "probe.h"
#include "zip.h"

/* ---- Files ------------------------------------------------------------------------------ */

static char folder[64];

static void remove_folder(void) {
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  if (system(command)) return;
}

static void make_folder(void) {
  snprintf(folder, sizeof folder, "/dev/shm/clflow-fuzz-XXXXXX");
  if (!mkdtemp(folder) || setenv("CLFLOW_CACHE_DIR", folder, 1)) abort();
  atexit(remove_folder);
}

/* Writes a file of this name to a folder in memory. */
static const char *file_of(const char *name, const uint8_t *bytes, size_t size) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  char *slash = strrchr(path + strlen(folder) + 1, '/');
  if (slash) {
    *slash = 0;
    mkdir(path, 0700);
    *slash = '/';
  }
  FILE *f = fopen(path, "wb");
  if (!f || fwrite(bytes, 1, size, f) != size || fclose(f)) abort();
  return path;
}

static void judge(clf_status s) {
  if (s && !*clf_errmsg()) abort(); /* refused without a message */
}

/* ---- Targets ------------------------------------------------------------------------------ */

static void table(const char *name, const uint8_t *bytes, size_t size) {
  clf_table t = {0};
  const clf_status s = clf_table_read(file_of(name, bytes, size), &t);
  judge(s);
  if (s) return;
  if (t.rows < 1 || t.cols < 1) abort();
  clf_table_free(&t);
}

/* A table that was read with kinds of columns is written, and read again with its own description
 * it has the same numbers. */
static void read_again(const char *source, clf_table *t) {
  const clf_columns like = {t->cols, t->names, t->columns};
  const clf_table_options o = {.like = &like, .missing = CLF_MISSING_KEEP};
  clf_table u = {0};
  for (int64_t i = t->names ? -1 : 0; i < t->rows && i < 100; i++) {
    char *line = NULL;
    judge(clf_table_line(t, i, &line));
    free(line);
  }
  if (clf_table_read_with(source, &o, &u) != CLF_OK || u.rows != t->rows || u.cols != t->cols)
    abort();
  for (int64_t i = 0; i < t->rows * t->cols; i++)
    if (u.at[i] != t->at[i] && !(isnan(u.at[i]) && isnan(t->at[i]))) abort();
  clf_table_free(&u);
  judge(clf_table_one_hot(t));
}

static void csv(const uint8_t *bytes, size_t size) {
  const clf_table_options o = {.kinds = 1, .missing = CLF_MISSING_KEEP};
  clf_table t = {0};
  table("a.csv", bytes, size);
  const char *const source = file_of("a.csv", bytes, size);
  const clf_status s = clf_table_read_with(source, &o, &t);
  judge(s);
  if (!s) read_again(source, &t);
  clf_table_free(&t);
}
static void npy(const uint8_t *bytes, size_t size) { table("a.npy", bytes, size); }

/* The first byte says which kind of file the rest is. */
static void packed(const uint8_t *bytes, size_t size) {
  static const char *const names[] = {"a.npz", "a.csv.gz", "a.npy.gz"};
  if (size) table(names[bytes[0] % 3], bytes + 1, size - 1);
}

/* The first bytes are options of reading. */
static void csv_options(const uint8_t *bytes, size_t size) {
  enum { OPTIONS = 6 };
  char *columns[] = {"a", "2", "1"};
  clf_table t = {0};
  if (size < OPTIONS) return;
  const clf_table_options o = {.header = (clf_header)(bytes[0] % 3),
                               .delimiter = (char)bytes[1],
                               .decimal = (char)bytes[2],
                               .comment = (char)bytes[3],
                               .skip = bytes[4],
                               .columns = columns,
                               .column_count = bytes[5] % 4 == 3 ? 0 : bytes[5] % 4,
                               .drop = columns,
                               .drop_count = bytes[5] % 4 == 3,
                               .kinds = bytes[5] >> 2 & 1,
                               .missing = (clf_missing)((bytes[5] >> 3) % 3),
                               .id = bytes[5] & 128 ? "2" : NULL};
  const clf_status s =
      clf_table_read_with(file_of("a.csv", bytes + OPTIONS, size - OPTIONS), &o, &t);
  judge(s);
  if (!s) clf_table_free(&t);
}

static void images(const char *source) {
  clf_images *i = NULL;
  clf_status s = clf_images_open(source, NULL, &i);
  if (!s) s = clf_images_wait(i);
  judge(s);
  if (!s) {
    int32_t h, w, c;
    clf_images_shape(i, &h, &w, &c);
    uint8_t *pixels = malloc((size_t)h * (size_t)w * (size_t)c);
    if (pixels) judge(clf_images_get(i, NULL, clf_images_count(i) - 1, 1, NULL, pixels));
    free(pixels);
  }
  clf_images_free(i);
}
/* The first byte says which kind of file the rest is. */
static void idx(const uint8_t *bytes, size_t size) {
  static const char *const names[] = {"a-idx3-ubyte", "a-idx3-ubyte.gz"};
  if (size) images(file_of(names[bytes[0] % 2], bytes + 1, size - 1));
}
static void cifar(const uint8_t *bytes, size_t size) {
  images(file_of("data_batch_1.bin", bytes, size));
}
static void images_npy(const uint8_t *bytes, size_t size) { images(file_of("i.npy", bytes, size)); }
static void pictures(const char *name, const uint8_t *bytes, size_t size) {
  char path[128];
  snprintf(path, sizeof path, "%s", file_of(name, bytes, size));
  *strrchr(path, '/') = 0;
  images(path);
}
static void png(const uint8_t *bytes, size_t size) { pictures("png/a.png", bytes, size); }
static void jpeg(const uint8_t *bytes, size_t size) { pictures("jpeg/a.jpg", bytes, size); }

static clf_device *device(void) {
  static clf_device *dev;
  if (!dev && clf_open("cpu", &dev)) abort();
  return dev;
}

/* As a model, as a training, and as options. */
static void safetensors(const uint8_t *bytes, size_t size) {
  const char *path = file_of("m.safetensors", bytes, size);
  clf_train_options o;
  clf_flow *flow = NULL;
  judge(clf_train_options_load(path, &o));
  judge(clf_flow_load(device(), path, NULL, &flow));
  clf_flow_free(flow);
}

/* Names of devices, except those that open a driver. */
static void name(const uint8_t *bytes, size_t size) {
  char *text = strndup((const char *)bytes, size);
  clf_device *dev = NULL;
  if (!text) abort();
  const clf_status s = clf_open(*text ? text : "-", &dev);
  judge(s);
  if (!s) clf_close(dev);
  free(text);
}

/* Sources such as moons:n=10,noise=1 and glyphs:size=8. */
static void source(const uint8_t *bytes, size_t size) {
  char *text = strndup((const char *)bytes, size);
  clf_table t = {0};
  if (!text) abort();
  if (!strpbrk(text, "./") && !strstr(text, "n=")) { /* other targets read files, */
    const clf_status s = clf_table_read(text, &t);   /* and a million samples would be slow */
    judge(s);
    if (!s) clf_table_free(&t);
  }
  free(text);
}

/* An architecture is written as text and JSON that are read as the same one. */
static void turn_around(clf_arch *a) {
  clf_arch *b = NULL;
  if (clf_arch_parse(clf_arch_text(a), &b) || strcmp(clf_arch_json(a), clf_arch_json(b)) != 0)
    abort();
  clf_arch_free(b);
  if (clf_arch_from_json(clf_arch_json(a), &b) || strcmp(clf_arch_text(a), clf_arch_text(b)) != 0)
    abort();
  clf_arch_free(b);
  clf_arch_free(a);
}

static void architecture(const uint8_t *bytes, size_t size,
                         clf_status (*read)(const char *, clf_arch **)) {
  char *text = strndup((const char *)bytes, size);
  clf_arch *a = NULL;
  if (!text) abort();
  const clf_status s = read(text, &a);
  judge(s);
  if (!s) turn_around(a);
  free(text);
}
static void arch(const uint8_t *bytes, size_t size) { architecture(bytes, size, clf_arch_parse); }
static void arch_json(const uint8_t *bytes, size_t size) {
  architecture(bytes, size, clf_arch_from_json);
}

/* ---- Composed model files ---------------------------------------------------------------------
 */

/* At most a few layers, with sizes of at most 9, so that flows are made quickly. */
static clf_arch *small_arch(const char *text) {
  clf_arch *a = NULL;
  for (const char *c = text; *c; c++)
    if (*c >= '0' && *c <= '9' && c[1] >= '0' && c[1] <= '9' && c != text && c[-1] != '.')
      return NULL;
  if (clf_arch_parse(text, &a)) return NULL;
  if (clf_arch_layers(a) <= 6) return a;
  clf_arch_free(a);
  return NULL;
}

/* A growing array of bytes. */
typedef struct bytes {
  char *at;
  size_t n;
} bytes;

static void add(bytes *b, const char *from, size_t n) {
  b->at = realloc(b->at, b->n + n + 1);
  if (!b->at) abort();
  memcpy(b->at + b->n, from, n);
  b->n += n;
  b->at[b->n] = 0;
}

/* Text between quotes in JSON. */
static void add_quoted(bytes *b, const char *text) {
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') add(b, "\\", 1);
    add(b, text, 1);
  }
}

/* Returns the end of the quoted text that begins at p. */
static char *quoted_end(char *p) {
  while (*p && *p != '"') p += *p == '\\' ? 2 : 1;
  return p;
}

/* The file with another architecture in its metadata, and without its checksum. */
static bytes rewritten(const char *file, size_t size, const char *json) {
  static const char arch_key[] = "\"clflow.arch\":\"", crc_key[] = "\"clflow.crc32\"";
  uint64_t header;
  bytes head = {0}, all = {0};
  memcpy(&header, file, 8);
  add(&head, file + 8, header);
  char *crc = strstr(head.at, crc_key), *arch = strstr(head.at, arch_key);
  if (!crc || !arch) abort();
  char *end = quoted_end(quoted_end(quoted_end(crc + 1) + 1) + 1) + 1; /* key, value */
  if (*end == ',')
    end++;
  else
    crc[-1] = ' ';
  memset(crc, ' ', (size_t)(end - crc));
  arch += sizeof arch_key - 1;
  add(&all, file, 8);
  add(&all, head.at, (size_t)(arch - head.at));
  add_quoted(&all, json);
  add(&all, quoted_end(arch), strlen(quoted_end(arch)));
  while (all.n % 8) add(&all, " ", 1);
  header = all.n - 8;
  memcpy(all.at, &header, 8);
  add(&all, file + 8 + head.n, size - 8 - head.n);
  free(head.at);
  return all;
}

/* What was loaded is used, and saved again. */
static void use(clf_flow *f) {
  const size_t dim = (size_t)clf_flow_get_spec(f)->dim, context = (size_t)clf_flow_context(f);
  double *x = calloc(dim + context + 1, sizeof *x), logp;
  void *file = NULL;
  size_t size;
  if (!x) abort();
  judge(context ? clf_log_prob_given(f, x, x + dim, 1, &logp) : clf_log_prob(f, x, 1, &logp));
  judge(clf_flow_save_memory(f, &file, &size));
  free(file);
  free(x);
}

static void load_composed(const bytes *file) {
  clf_flow *f = NULL;
  const clf_status s = clf_flow_load_memory(device(), file->at, file->n, NULL, &f);
  judge(s);
  if (!s) use(f);
  clf_flow_free(f);
}

/* "A", "B" and edits, separated by zeros: a file of flow A whose metadata say flow B. Each three
 * bytes of the edits are an offset, in two bytes, and the new byte there. */
static void composed(const uint8_t *input, size_t size) {
  char *text = calloc(size + 3, 1);
  void *file = NULL;
  size_t n = 0;
  clf_flow *f = NULL;
  if (!text) abort();
  memcpy(text, input, size);
  const char *second = text + strlen(text) + 1;
  const unsigned char *edit = (const unsigned char *)second + strlen(second) + 1;
  clf_arch *a = small_arch(text), *b = small_arch(second);
  if (a && b && !clf_flow_create_arch(device(), a, 1, &f) && !clf_flow_save_memory(f, &file, &n)) {
    bytes other = rewritten(file, n, clf_arch_json(b));
    for (; edit + 2 < (unsigned char *)text + size; edit += 3)
      other.at[(edit[0] + 256u * edit[1]) % other.n] = (char)edit[2];
    load_composed(&other);
    free(other.at);
  }
  clf_flow_free(f);
  free(file);
  clf_arch_free(a);
  clf_arch_free(b);
  free(text);
}

/* A checkpoint of a Python library; or, after a byte of 1, its pickle, in an archive with a storage
 * of 64 floats. */
static void checkpoint(const uint8_t *input, size_t size) {
  static const float storage[64] = {0.5f, -0.25f, 1, 2, 3, 0, 1};
  clf_flow *f = NULL;
  char *file = NULL;
  size_t n = 0;
  if (!size) return;
  if (*input == 1) {
    const clf__zip_file parts[] = {{"a/data.pkl", input + 1, size - 1},
                                   {"a/data/0", storage, sizeof storage}};
    if (clf__zip_write(parts, 2, &file, &n)) abort();
  }
  const clf_status s = *input == 1
                           ? clf_import_memory(device(), file, n, NULL, &f, NULL)
                           : clf_import_memory(device(), input + 1, size - 1, NULL, &f, NULL);
  judge(s);
  if (!s) use(f);
  clf_flow_free(f);
  free(file);
}

/* ---- What clflow keeps for itself ---------------------------------------------------------- */

/* The bytes of a file of the cache, which the next write replaces. */
static void cache(const uint8_t *bytes, size_t size) {
  static const char key[] = "the key";
  char name[32];
  size_t n = 0;
  snprintf(name, sizeof name, "%016llx.bin", (unsigned long long)clf__hash_text(key));
  file_of(name, bytes, size);
  void *got = clf__cache_get(key, &n);
  if (got && (n == 0 || n + strlen(key) >= size || memcmp(got, bytes + size - n, n) != 0)) abort();
  free(got);
  if (!clf__cache_put(key, "kept", 4)) abort();
  got = clf__cache_get(key, &n);
  if (!got || n != 4 || memcmp(got, "kept", 4) != 0) abort();
  free(got);
}

/* A device with the saved choices of a key of this target. */
static clf_device tuned_device(void) {
  clf_device dev = *device();
  dev.tuned = NULL;
  dev.tuned_count = 0;
  if (clf__tuned_load(&dev, (const char *const[]){"fuzz"}, 1)) abort();
  return dev;
}
static void free_tuned(clf_device *dev) {
  free(dev->tuned);
  free(dev->tuned_key);
}

/* A saved result of the tuner with a valid checksum and any contents. What was read is saved again
 * unchanged. */
static void tuned(const uint8_t *bytes, size_t size) {
  clf__cache_put("tuned choices 1\nfuzz", bytes, size);
  clf_device dev = tuned_device();
  for (int i = 0; i < dev.tuned_count; i++) {
    const clf_choice *c = &dev.tuned[i];
    if (c->op >= CLF_OP_COUNT || c->algorithm < 0 ||
        c->algorithm >= clf__algorithm_count(&dev, c->op))
      abort();
  }
  if (dev.tuned_count) {
    if (!clf__tuned_save(&dev)) abort();
    clf_device again = tuned_device();
    if (again.tuned_count != dev.tuned_count) abort();
    for (int i = 0; i < dev.tuned_count; i++)
      if (again.tuned[i].op != dev.tuned[i].op ||
          again.tuned[i].algorithm != dev.tuned[i].algorithm ||
          again.tuned[i].key != dev.tuned[i].key)
        abort();
    free_tuned(&again);
  }
  free_tuned(&dev);
}

/* The same for saved verdicts of a probe: all are read, or none. */
static void verdicts(const uint8_t *bytes, size_t size) {
  static const clf__verdicts nothing;
  clf__verdicts v = {0}, again = {0};
  clf__cache_put("verdicts", bytes, size);
  clf__verdicts_recall("verdicts", &v);
  if (!v.known) {
    if (memcmp(&v, &nothing, sizeof v) != 0) abort();
    return;
  }
  if (v.count < 0 || v.count > CLF_PROBED) abort();
  clf__verdicts_remember("verdicts", &v);
  clf__verdicts_recall("verdicts", &again);
  if (!again.known || again.count != v.count || strcmp(again.why, v.why) != 0) abort();
  for (int i = 0; i < v.count; i++)
    if (strcmp(again.at[i].name, v.at[i].name) != 0 || strcmp(again.at[i].why, v.at[i].why) != 0)
      abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  setenv("OCL_ICD_VENDORS", "/nonexistent", 1); /* no drivers */
  setenv("CLFLOW_PROBE", "", 1);
  make_folder();
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  static void (*const targets[])(const uint8_t *, size_t) = {
      csv,   npy,   idx,      cifar,  images_npy,  png,  jpeg,      safetensors, name,      source,
      cache, tuned, verdicts, packed, csv_options, arch, arch_json, composed,    checkpoint};
  enum {
    csv_,
    npy_,
    idx_,
    cifar_,
    images_npy_,
    png_,
    jpeg_,
    safetensors_,
    name_,
    source_,
    cache_,
    tuned_,
    verdicts_,
    packed_,
    csv_options_,
    arch_,
    arch_json_,
    composed_,
    checkpoint_
  };
  targets[CLF_FUZZ_TARGET](bytes, size);
  return 0;
}
