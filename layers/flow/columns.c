/* SPDX-License-Identifier: MIT */
/* columns.c: the names of a flow's columns: setting, saving, loading, comparing. */
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "flow_private.h"
#include "names.h"
#include "safetensors.h"

/* Replaces *to by copies of n names. */
static clf_status set_names(char *const *names, int32_t n, char ***to) {
  char **copy = NULL;
  if (names) {
    CLF_TRY(clf__names_check(names, n));
    copy = clf__names_copy(names, n);
    if (!copy) return clf__fail(CLF_ENOMEM, "no memory for the names of %d columns", (int)n);
  }
  clf__names_free(*to, n);
  *to = copy;
  return CLF_OK;
}

clf_status clf_flow_set_columns(clf_flow *f, char *const *names) {
  CLF_GIVEN("flow", f);
  return set_names(names, f->spec.dim, &f->columns);
}
char *const *clf_flow_columns(const clf_flow *f) { return f ? f->columns : NULL; }

clf_status clf_flow_set_context_columns(clf_flow *f, char *const *names) {
  CLF_GIVEN("flow", f);
  if (!f->context && names) return clf__fail(CLF_EINVAL, "the flow takes no context");
  CLF_TRY(set_names(names, f->context, &f->c_columns));
  clf_columns_free(&f->c_table);
  return CLF_OK;
}
char *const *clf_flow_context_columns(const clf_flow *f) { return f ? f->c_columns : NULL; }

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

/* ---- Files ----------------------------------------------------------------------------------- */

typedef char column_key[32];
static const char *key_of(const char *of, int32_t d, column_key key) {
  snprintf(key, sizeof(column_key), "clflow.%s.%d", of, (int)d);
  return key;
}

static clf_status put_names(clf__st_writer *w, const char *of, char *const *names, int32_t n) {
  column_key key;
  for (int32_t d = 0; names && d < n; d++)
    CLF_TRY(clf__st_put_meta(w, key_of(of, d, key), "%s", names[d]));
  return CLF_OK;
}

clf_status clf__put_columns(clf__st_writer *w, const clf_flow *f) {
  CLF_TRY(put_names(w, "column", f->columns, f->spec.dim));
  return put_names(w, "given", f->c_columns, f->context);
}

/* The strings belong to the file: `set` checks and copies them. */
static clf_status get_names(const clf__st *st, const char *of, clf_flow *f, int32_t n,
                            clf_status (*set)(clf_flow *, char *const *)) {
  column_key key;
  if (!n || !clf__st_meta(st, key_of(of, 0, key))) return CLF_OK;
  char **names = malloc((size_t)n * sizeof *names);
  if (!names) return clf__fail(CLF_ENOMEM, "no memory for the names of %d columns", (int)n);
  clf_status s = CLF_OK;
  for (int32_t d = 0; d < n && !s; d++) {
    names[d] = (char *)(uintptr_t)clf__st_meta(st, key_of(of, d, key));
    if (!names[d]) s = clf__fail(CLF_EFORMAT, "it names column 1, but not column %d", (int)d + 1);
  }
  if (!s) s = set(f, names);
  free(names);
  return s;
}

clf_status clf__get_columns(const clf__st *st, clf_flow *f) {
  CLF_TRY(get_names(st, "column", f, f->spec.dim, clf_flow_set_columns));
  return get_names(st, "given", f, f->context, clf_flow_set_context_columns);
}
