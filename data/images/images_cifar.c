/* SPDX-License-Identifier: MIT */
/* images_cifar.c: the binary version of CIFAR-10: one file, or a folder of batches. */
#define _XOPEN_SOURCE 700
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "images.h"
#include "path.h"
#include "status.h"

/* A record is a label and three planes, red, green and blue. */
enum { SIDE = 32, PLANE = SIDE * SIDE, RECORD = 1 + 3 * PLANE };

static clf_status read_records(const char *path, char **bytes, size_t *size) {
  CLF_TRY(clf__file_read(path, bytes, size));
  clf_status s = CLF_OK;
  if (*size == 0)
    s = clf__fail(CLF_EFORMAT, "%s: the file is empty", path);
  else if (*size % RECORD != 0)
    s = clf__fail(CLF_EFORMAT,
                  "%s: %zu bytes are not a whole number of CIFAR-10's records of %d: %zu records "
                  "and %zu bytes",
                  path, *size, RECORD, *size / RECORD, *size % RECORD);
  if (s != CLF_OK) free(*bytes);
  return s;
}

/* Appends the file's records to *all. */
static clf_status append(const char *path, char **all, size_t *size) {
  char *bytes;
  size_t n;
  CLF_TRY(read_records(path, &bytes, &n));
  char *const more = n > SIZE_MAX - *size ? NULL : realloc(*all, *size + n);
  if (more) {
    *all = more;
    memcpy(more + *size, bytes, n);
    *size += n;
  }
  free(bytes);
  return more ? CLF_OK : clf__fail(CLF_ENOMEM, "%s: no memory for its %zu bytes", path, n);
}

static const char *const classes[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                      "dog",      "frog",       "horse", "ship", "truck"};
enum { CLASSES = sizeof classes / sizeof *classes };

/* The labels of all records; NULL, where a label is none of CIFAR-10's: these are other records of
 * the same size, without labels.  Errors: ENOMEM. */
static clf_status take_labels(const char *path, const char *bytes, size_t count, uint8_t **label) {
  uint8_t *const l = malloc(count);
  int known = 1;
  if (!l) return clf__fail(CLF_ENOMEM, "%s: no memory for %zu labels", path, count);
  for (size_t i = 0; i < count; i++) {
    l[i] = (uint8_t)bytes[i * RECORD];
    known &= l[i] < CLASSES;
  }
  if (!known) free(l);
  *label = known ? l : NULL;
  return CLF_OK;
}

static clf_status open_bytes(const char *path, char *bytes, size_t size, clf__source *s) {
  clf__raw r = {.bytes = (uint8_t *)bytes,
                .first = 1,
                .record = RECORD,
                .stride = {SIDE, 1, PLANE},
                .label_name = classes};
  const clf_status status = take_labels(path, bytes, size / RECORD, &r.label);
  if (status) {
    free(bytes);
    return status;
  }
  return clf__raw_open(path, &r, (int64_t)(size / RECORD), (clf__picture){SIDE, SIDE, 3, NULL}, s);
}

int clf__cifar_batch(void *context, const char *path) {
  (void)context;
  return fnmatch("data_batch_*.bin", clf__file_name(path), 0) == 0;
}

static clf_status open_folder(const char *path, clf__source *s) {
  char **list, *all = NULL;
  int64_t count;
  size_t size = 0;
  CLF_TRY(clf__list_files(path, 0, clf__cifar_batch, NULL, &list, &count));
  clf_status code = CLF_OK;
  for (int64_t i = 0; code == CLF_OK && i < count; i++) code = append(list[i], &all, &size);
  if (code == CLF_OK && count == 0)
    code = clf__fail(CLF_EFORMAT, "%s: the folder holds no data_batch_*.bin", path);
  clf__list_free(list, count);
  if (code == CLF_OK) return open_bytes(path, all, size, s);
  free(all);
  return code;
}

clf_status clf__cifar_open(const char *path, clf__source *s) {
  struct stat st;
  char *bytes;
  size_t size;
  if (!stat(path, &st) && S_ISDIR(st.st_mode)) return open_folder(path, s);
  CLF_TRY(read_records(path, &bytes, &size));
  return open_bytes(path, bytes, size, s);
}
