/* SPDX-License-Identifier: MIT */
/* fit_rows.c: the rows of a fit: those of DATA, and behind them those of --valid and --test. */
#include "fit.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void free_session(cli_session *s) {
  clf_table_free(&s->data);
  clf_table_free(&s->given);
  clf_table_free(&s->weights);
}

/* A table as the options for it say, its context and weights apart. */
static int read_one(const char *data, cli_session *s) {
  const char *const before = cli_common.data;
  *s = (cli_session){0};
  cli_common.data = data;
  int code = clf_is_image_source(data)
                 ? cli_usage("`clflow fit` takes tables, %s holds images", data)
                 : cli_table_open(s, data);
  if (!code) code = cli_weights_split(s, cli_fit_wanted.weights);
  if (!code) code = cli_given_split(s);
  cli_common.data = before;
  return code;
}

/* The columns of `more` in the order of `to`, behind its rows. */
static int append(clf_table *to, clf_table *more, const char *data) {
  if (!to->at && !more->at) return CLI_OK;
  if (clf_table_match(more, to->names, to->cols) != CLF_OK)
    return cli_fail("%s does not match %s: %s", data, cli_common.data, clf_errmsg());
  if (more->cols != to->cols)
    return cli_fail("%s has %" PRId32 " columns, %s has %" PRId32, data, more->cols,
                    cli_common.data, to->cols);
  const size_t old = (size_t)to->rows * (size_t)to->cols,
               n = (size_t)more->rows * (size_t)more->cols;
  double *const at = realloc(to->at, (old + n) * sizeof *at);
  if (!at) return cli_fail("out of memory for the rows of %s", data);
  memcpy(at + old, more->at, n * sizeof *at);
  to->at = at;
  to->rows += more->rows;
  return CLI_OK;
}

static int append_file(cli_fit_rows *rows, const char *data) {
  cli_session s;
  int code = read_one(data, &s);
  if (!code) code = append(&rows->x, &s.data, data);
  if (!code) code = append(&rows->given, &s.given, data);
  if (!code) code = append(&rows->weights, &s.weights, data);
  free_session(&s);
  return code;
}

/* Test rows that no file gives are drawn from DATA, as clf_fit() then draws those that validate. */
static int divide(cli_fit_rows *rows, int64_t own, int64_t valid) {
  const clf_fit_options *o = &cli_fit_wanted.o;
  rows->part = malloc((size_t)rows->x.rows);
  if (!rows->part) return cli_fail("out of memory to divide the rows");
  if (clf_split_rows(own, 0, cli_fit_wanted.test ? 0 : o->test, o->seed, rows->part) != CLF_OK)
    return cli_fail_library();
  for (int64_t i = own; i < rows->x.rows; i++)
    rows->part[i] = i < own + valid ? CLF_ROW_VALID : CLF_ROW_TEST;
  return CLI_OK;
}

int cli_fit_read(cli_session *s, cli_fit_rows *rows) {
  int code = read_one(cli_common.data, s);
  rows->x = s->data;
  rows->given = s->given;
  rows->weights = s->weights;
  s->data = s->given = s->weights = (clf_table){0};
  if (code) return code;
  const int64_t own = rows->x.rows;
  if (cli_fit_wanted.valid) code = append_file(rows, cli_fit_wanted.valid);
  const int64_t valid = rows->x.rows - own;
  if (!code && cli_fit_wanted.test) code = append_file(rows, cli_fit_wanted.test);
  if (code || !(cli_fit_wanted.valid || cli_fit_wanted.test)) return code;
  return divide(rows, own, valid);
}

void cli_fit_rows_free(cli_fit_rows *rows) {
  clf_table_free(&rows->x);
  clf_table_free(&rows->given);
  clf_table_free(&rows->weights);
  free(rows->part);
}
