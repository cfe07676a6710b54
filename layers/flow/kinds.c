/* SPDX-License-Identifier: MIT */
/* kinds.c: the descriptions of a flow's columns: setting them, and passing them to readers of
 * tables. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "flow_private.h"
#include "names.h"

void clf__flow_free_kinds(clf_flow *f) {
  clf_columns_free(&(clf_columns){.count = f->spec.dim, .at = f->kinds});
  f->kinds = NULL;
  clf_columns_free(&f->c_table);
}

/* ---- Columns of the data --------------------------------------------------------------------- */

clf_status clf_flow_set_kinds(clf_flow *f, const clf_column *kinds) {
  CLF_GIVEN("flow", f);
  const clf_columns from = {.count = f->spec.dim, .at = (clf_column *)(uintptr_t)kinds};
  clf_columns copy = {0};
  for (int32_t d = 0; kinds && d < f->spec.dim; d++) CLF_TRY(clf_column_check(&kinds[d]));
  if (kinds) CLF_TRY(clf_columns_copy(&from, &copy));
  clf_columns_free(&(clf_columns){.count = f->spec.dim, .at = f->kinds});
  f->kinds = copy.at;
  return CLF_OK;
}

const clf_column *clf_flow_kinds(const clf_flow *f) { return f ? f->kinds : NULL; }

/* ---- Columns of the context ------------------------------------------------------------------ */

static clf_status set_context_table(clf_flow *f, const clf_columns *columns,
                                    const clf_columns *expanded) {
  clf_columns copy;
  if (!columns->names || expanded->count != f->context)
    return clf__fail(CLF_EINVAL,
                     "a table of %d column%s%s makes %d numbers of context; the flow takes %d",
                     (int)columns->count, columns->count == 1 ? "" : "s",
                     columns->names ? "" : " without names", (int)expanded->count, (int)f->context);
  CLF_TRY(clf_columns_copy(columns, &copy));
  const clf_status s = clf_flow_set_context_columns(f, expanded->names);
  if (s)
    clf_columns_free(&copy);
  else
    f->c_table = copy;
  return s;
}

clf_status clf_flow_set_context_table(clf_flow *f, const clf_columns *columns) {
  clf_columns expanded;
  CLF_GIVEN("flow, columns", f, columns);
  CLF_TRY(clf_columns_one_hot(columns, &expanded));
  const clf_status s = set_context_table(f, columns, &expanded);
  clf_columns_free(&expanded);
  return s;
}

const clf_columns *clf_flow_context_table(const clf_flow *f) {
  return f && f->c_table.count ? &f->c_table : NULL;
}

/* ---- All columns, for a reader of tables ----------------------------------------------------- */

static clf_column plain(void) {
  return (clf_column){.smallest = NAN, .largest = NAN, .decimals = -1};
}

/* Appends `count` columns to those of `to`, which has room for them. */
static clf_status append(const clf_columns *from, clf_columns *to) {
  for (int32_t c = 0; c < from->count; c++) {
    clf_column *const k = &to->at[to->count];
    *k = plain();
    if (from->at) CLF_TRY(clf_column_copy(&from->at[c], k));
    if (to->names && from->names) to->names[to->count] = strdup(from->names[c]);
    to->count++;
    if (to->names && !to->names[to->count - 1])
      return clf__fail(CLF_ENOMEM, "no memory for the names of the flow's columns");
  }
  return CLF_OK;
}

clf_status clf_flow_table_columns(const clf_flow *f, int context, clf_columns *columns) {
  CLF_GIVEN("flow, columns", f, columns);
  const clf_columns x = {f->spec.dim, f->columns, f->kinds},
                    c = f->c_table.count ? f->c_table
                                         : (clf_columns){f->context, f->c_columns, NULL};
  const size_t n = (size_t)x.count + (context ? (size_t)c.count : 0);
  const int named = x.names && (!context || !c.count || c.names);
  clf_columns all = {.names = named ? calloc(n, sizeof *all.names) : NULL,
                     .at = calloc(n, sizeof *all.at)};
  clf_status s = all.at && (!named || all.names)
                     ? CLF_OK
                     : clf__fail(CLF_ENOMEM, "no memory to describe %zu columns", n);
  if (!s) s = append(&x, &all);
  if (!s && context) s = append(&c, &all);
  if (s)
    clf_columns_free(&all);
  else
    *columns = all;
  return s;
}
