/* SPDX-License-Identifier: MIT */
/* columns.c: the names of the columns that a flow takes: set, saved, loaded, compared. */
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "flow_private.h"
#include "names.h"
#include "safetensors.h"

clf_status clf_flow_set_columns(clf_flow *f, char *const *names) {
  char **copy = NULL;
  CLF_GIVEN("flow", f);
  if (names) {
    CLF_TRY(clf__names_check(names, f->spec.dim));
    copy = clf__names_copy(names, f->spec.dim);
    if (!copy)
      return clf__fail(CLF_ENOMEM, "no memory for the names of %d columns", (int)f->spec.dim);
  }
  clf__names_free(f->columns, f->spec.dim);
  f->columns = copy;
  return CLF_OK;
}

char *const *clf_flow_columns(const clf_flow *f) { return f ? f->columns : NULL; }

clf_status clf__flow_check_columns(const clf_flow *f, char *const *names) {
  if (!names) return CLF_OK;
  CLF_TRY(clf__names_check(names, f->spec.dim));
  for (int32_t d = 0; f->columns && d < f->spec.dim; d++)
    if (strcmp(names[d], f->columns[d]) != 0)
      return clf__fail(CLF_EINVAL,
                       "column %d of the data is named \"%s\"; the flow's column %d is \"%s\": "
                       "clf_table_match() puts columns in the flow's order",
                       (int)d + 1, clf__excerpt_of(names[d], strlen(names[d])).s, (int)d + 1,
                       clf__excerpt_of(f->columns[d], strlen(f->columns[d])).s);
  return CLF_OK;
}

/* ---- Files -------------------------------------------------------------------------- */

typedef char column_key[32];
static const char *key_of(int32_t d, column_key key) {
  snprintf(key, sizeof(column_key), "clflow.column.%d", (int)d);
  return key;
}

clf_status clf__put_columns(clf__st_writer *w, const clf_flow *f) {
  column_key key;
  for (int32_t d = 0; f->columns && d < f->spec.dim; d++)
    CLF_TRY(clf__st_put_meta(w, key_of(d, key), "%s", f->columns[d]));
  return CLF_OK;
}

/* The file's strings are only borrowed: set_columns() checks and copies them. */
clf_status clf__get_columns(const clf__st *st, clf_flow *f) {
  column_key key;
  if (!clf__st_meta(st, key_of(0, key))) return CLF_OK;
  char **names = malloc((size_t)f->spec.dim * sizeof *names);
  if (!names)
    return clf__fail(CLF_ENOMEM, "no memory for the names of %d columns", (int)f->spec.dim);
  clf_status s = CLF_OK;
  for (int32_t d = 0; d < f->spec.dim && !s; d++) {
    names[d] = (char *)(uintptr_t)clf__st_meta(st, key_of(d, key));
    if (!names[d]) s = clf__fail(CLF_EFORMAT, "it names column 1, but not column %d", (int)d + 1);
  }
  if (!s) s = clf_flow_set_columns(f, names);
  free(names);
  return s;
}
