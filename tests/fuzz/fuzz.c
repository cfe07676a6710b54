/* SPDX-License-Identifier: MIT */
/* fuzz.c: everything that clflow reads from outside, fed by libFuzzer.  One program a target,
 * chosen by CLF_FUZZ_TARGET as it is compiled.  What is refused must be refused in a sentence;
 * sanitizers and limits on memory (CMakeLists.txt) tell the rest. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clflow/clflow.h"

/* ---- Files ------------------------------------------------------------------------------ */

static char folder[64];

static void remove_folder(void) {
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  if (system(command)) return;
}

/* A file of this name with these bytes, in a folder of its own that lies in memory. */
static const char *file_of(const char *name, const uint8_t *bytes, size_t size) {
  static char path[128];
  if (!*folder) {
    snprintf(folder, sizeof folder, "/dev/shm/clflow-fuzz-XXXXXX");
    if (!mkdtemp(folder)) abort();
    atexit(remove_folder);
  }
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
  if (s && !*clf_errmsg()) abort(); /* refused without a word */
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
static void csv(const uint8_t *bytes, size_t size) { table("a.csv", bytes, size); }
static void npy(const uint8_t *bytes, size_t size) { table("a.npy", bytes, size); }

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

/* Device strings; those that open a driver are not this target's subject. */
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
  if (!strpbrk(text, "./") && !strstr(text, "n=")) { /* files are other targets' subject, */
    const clf_status s = clf_table_read(text, &t);   /* and a million samples nobody's */
    judge(s);
    if (!s) clf_table_free(&t);
  }
  free(text);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  setenv("OCL_ICD_VENDORS", "/nonexistent", 1); /* no drivers */
  setenv("CLFLOW_PROBE", "", 1);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  static void (*const targets[])(const uint8_t *, size_t) = {
      csv, npy, idx, cifar, images_npy, png, jpeg, safetensors, name, source};
  enum { csv_, npy_, idx_, cifar_, images_npy_, png_, jpeg_, safetensors_, name_, source_ };
  targets[CLF_FUZZ_TARGET](bytes, size);
  return 0;
}
