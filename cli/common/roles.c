/* SPDX-License-Identifier: MIT */
/* roles.c: finds which rows of the data were training, validation and test rows of the model. */
#include "cli.h"
#include <stdlib.h>
#include <string.h>

/* The rows without missing values, which were used for training, and their numbers. */
typedef struct whole {
  clf_table x, given;
  int64_t *number;
} whole;

static void release(whole *w) {
  clf_table_free(&w->x);
  clf_table_free(&w->given);
  free(w->number);
}

static void copy_row(const clf_table *from, int64_t row, clf_table *to, int64_t at) {
  if (to->at)
    memcpy(to->at + at * to->cols, from->at + row * from->cols, (size_t)to->cols * sizeof *to->at);
}

/* Copies the complete rows; the result has no rows where none is complete. */
static int take_whole(const cli_session *s, whole *w) {
  const clf_table *const x = &s->data, *const c = &s->given;
  int64_t count = 0;
  int missing;
  w->number = malloc((size_t)x->rows * sizeof *w->number);
  if (!w->number || clf_table_new(x->rows, x->cols, &w->x) != CLF_OK ||
      (c->at && clf_table_new(c->rows, c->cols, &w->given) != CLF_OK))
    return cli_fail("out of memory for a copy of the rows");
  for (int64_t i = 0; i < x->rows; i++) {
    cli_stretch(x->at + i * x->cols, x->cols, c->at ? c->at + i * c->cols : NULL, c->cols, 1,
                &missing);
    if (missing) continue;
    copy_row(x, i, &w->x, count);
    copy_row(c, i, &w->given, count);
    w->number[count++] = i;
  }
  w->x.rows = count;
  w->given.rows = w->given.at ? count : 0;
  return CLI_OK;
}

/* ---- By the record of `clflow fit` ---------------------------------------------- */

static double number(const json_t *json, const char *key) {
  return json_number_value(json_object_get(json, key));
}

static int by_record(const whole *w, const json_t *record, uint8_t *role, int *found, int *refit) {
  const json_t *const rows = json_object_get(record, "rows");
  const double n = number(rows, "read");
  *refit = json_is_true(json_object_get(rows, "refit"));
  *found = n == (double)w->x.rows &&
           number(record, "checksum") == (double)clf_table_checksum(&w->x, &w->given);
  if (!*found) return CLI_OK;
  const clf_status s =
      clf_split_rows(w->x.rows, number(rows, "valid") / n, number(rows, "test") / n,
                     (uint64_t)json_integer_value(json_object_get(record, "seed")), role);
  return s == CLF_OK ? CLI_OK : cli_fail_library();
}

/* ---- By the state of a training ---------------------------------------------------- */

static int by_training(const whole *w, uint8_t *role, int *found) {
  clf_train_options o;
  clf_status s = clf_train_options_load(cli_common.model, &o);
  if (s == CLF_EFORMAT) return CLI_OK; /* the file contains only weights */
  if (!s) s = clf_train_parts(cli_common.model, &w->x, w->given.at ? &w->given : NULL, role, found);
  return s == CLF_OK ? CLI_OK : cli_fail_library();
}

static int find(const cli_session *s, const whole *w, uint8_t *role, int *found, int *refit) {
  const char *const text = clf_flow_record(s->flow);
  json_t *const record = text ? json_loads(text, 0, NULL) : NULL;
  if (text && !record) return cli_fail("the record in %s cannot be read", cli_common.model);
  const int code = record ? by_record(w, record, role, found, refit) : by_training(w, role, found);
  json_decref(record);
  return code;
}

int cli_roles_find(const cli_session *s, uint8_t *role, int *found, int *refit) {
  whole w = {0};
  *found = *refit = 0;
  if (s->images || (s->given.at && s->given.rows != s->data.rows)) return CLI_OK;
  int code = take_whole(s, &w);
  uint8_t *const of_whole = code ? NULL : malloc((size_t)s->data.rows);
  if (!code && !of_whole) code = cli_fail("out of memory for the roles of the rows");
  if (!code && w.x.rows) code = find(s, &w, of_whole, found, refit);
  if (!code && *found) memset(role, CLI_ROW_MISSING, (size_t)s->data.rows);
  for (int64_t i = 0; !code && *found && i < w.x.rows; i++) role[w.number[i]] = of_whole[i];
  free(of_whole);
  release(&w);
  return code;
}
