/* SPDX-License-Identifier: MIT */
/* golden.h: reads files of tests/golden. */
#ifndef CLF_GOLDEN_H
#define CLF_GOLDEN_H
#include <stdio.h>
#include <stdlib.h>
#include "clflow/clflow.h"
#include "flows.h"
#include "safetensors.h"

/* In the folder given by the environment variable CLF_GOLDEN, else in the source tree.  Valid
 * until the next call. */
static inline const char *golden_path(const char *name, const char *suffix) {
  static char path[512];
  const char *folder = getenv("CLF_GOLDEN");
  snprintf(path, sizeof path, "%s/%s%s", folder ? folder : CLF_GOLDEN, name, suffix);
  return path;
}

static inline clf_table golden_array(const char *name, const char *suffix) {
  clf_table t;
  WORKS(clf_table_read(golden_path(name, suffix), &t));
  return t;
}

/* The tensor `name` of a file in double, and its number of elements. */
static inline double *golden_tensor(const clf__st *st, const char *name, size_t *count) {
  const clf__st_entry *e = clf__st_find(st, name);
  ck_assert_msg(e != NULL, "the file has no tensor %s", name);
  double *v = flows_array((size_t)e->count);
  WORKS(clf__st_get(st, e, v));
  *count = (size_t)e->count;
  return v;
}

#endif
