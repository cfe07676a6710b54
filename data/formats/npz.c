/* SPDX-License-Identifier: MIT */
/* npz.c: arrays in an archive of numpy.savez(): a ZIP file of NPY files. */
#define _POSIX_C_SOURCE 200809L
#include "npz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "names.h"
#include "status.h"
#include "zip.h"

/* ---- Choosing ------------------------------------------------------------------- */

static int is_array(clf__zip_member *m) {
  if (m->length < 4 || memcmp(m->name + m->length - 4, ".npy", 4) != 0) return 0;
  m->length -= 4;
  return 1;
}

static int has_name(const clf__zip_member *m, const char *array) {
  return strlen(array) == m->length && !memcmp(array, m->name, m->length);
}

static clf_status refuse_choice(const clf__zip *a, const char *array, int64_t count, int64_t fits,
                                clf__name_list *list) {
  const char *given;
  char hint[64] = "";
  if (count == 0) return clf__fail(CLF_EFORMAT, "%s: the archive holds no array", a->path);
  if (fits && array) return clf__zip_damaged(a, "two members have the name of the array");
  if (array)
    return clf__fail(CLF_EINVAL, "%s: holds no array \"%s\"; there %s %s", a->path,
                     clf__excerpt_of(array, strlen(array)).s, count == 1 ? "is" : "are",
                     clf__name_list_text(list));
  if (clf__npz_name(a->path, &given)) snprintf(hint, sizeof hint, "; name one: FILE.npz:ARRAY");
  return clf__fail(CLF_EINVAL, "%s: holds %lld arrays, %s%s", a->path, (long long)count,
                   clf__name_list_text(list), hint);
}

static clf_status choose(const clf__zip *a, const char *array, clf__zip_member *found) {
  clf__name_list list = {.used = 0};
  int64_t count = 0, fits = 0;
  uint64_t at = a->list;
  clf__zip_member m;
  for (int more = 1; more;) {
    CLF_TRY(clf__zip_next(a, &at, &m, &more));
    if (!more || !is_array(&m)) continue;
    clf__name_list_add(&list, m.name, m.length);
    count++;
    if (array && !has_name(&m, array)) continue;
    *found = m;
    fits++;
  }
  return fits == 1 ? CLF_OK : refuse_choice(a, array, count, fits, &list);
}

/* ---- Reading --------------------------------------------------------------------- */

clf_status clf__npz_read(const char *path, const char *bytes, size_t size, const char *array,
                         const clf_table_options *o, clf_table *t) {
  clf__zip a;
  clf__zip_member m = {0};
  const char *content;
  char *unpacked;
  size_t n;
  CLF_TRY(clf__zip_open(path, bytes, size, "an NPZ file", &a));
  CLF_TRY(choose(&a, array, &m));
  CLF_TRY(clf__zip_read(&a, &m, &content, &n, &unpacked));
  const clf_status s = clf__npy_read(path, content, n, o, t);
  free(unpacked);
  return s;
}

size_t clf__npz_name(const char *source, const char **array) {
  const size_t n = strlen(source);
  *array = NULL;
  if (n > 4 && !strcasecmp(source + n - 4, ".npz")) return n;
  for (const char *p = source; (p = strchr(p, ':')); p++)
    if (p - source > 4 && !strncasecmp(p - 4, ".npz", 4) && p[1]) {
      *array = p + 1;
      return (size_t)(p - source);
    }
  return 0;
}
