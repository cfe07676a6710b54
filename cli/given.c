/* SPDX-License-Identifier: MIT */
/* given.c: --given: the context of a conditional model, from columns, values or a file. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* By its name, so that a file without an ending that happens to be called like a column is not
 * taken for it. */
int cli_given_is_file(const char *word) {
  static const char *const endings[] = {".csv", ".tsv", ".txt", ".npy", ".npz", ".gz"};
  int is = 0;
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
    is |= cli_has_suffix(word, endings[i]);
  return is || (strchr(word, '/') && access(word, R_OK) == 0);
}

/* ---- Columns of a table -------------------------------------------------------------------- */

/* The column of that name, or of that number from 1; -1: there is none. */
static int32_t find_column(const clf_table *t, const char *word) {
  char *end;
  for (int32_t c = 0; t->names && c < t->cols; c++)
    if (strcmp(t->names[c], word) == 0) return c;
  errno = 0;
  const long n = strtol(word, &end, 10);
  return *word && !*end && !errno && n >= 1 && n <= t->cols ? (int32_t)n - 1 : -1;
}

static void free_rows(double *at, char **names, int32_t cols) {
  for (int32_t c = 0; names && c < cols; c++) free(names[c]);
  free(names);
  free(at);
}

/* Columns which[0 .. count) of `from` as a table of its own. */
static int copy_columns(const clf_table *from, const int32_t *which, int32_t count, clf_table *to) {
  if (clf_table_new(from->rows, count, to) != CLF_OK) return cli_fail_library();
  if (from->names) to->names = calloc((size_t)count, sizeof *to->names);
  for (int32_t j = 0; j < count; j++) {
    for (int64_t i = 0; i < from->rows; i++)
      to->at[i * count + j] = from->at[i * from->cols + which[j]];
    if (to->names) to->names[j] = strdup(from->names[which[j]]);
    if (from->names && (!to->names || !to->names[j])) return cli_fail("out of memory for --given");
  }
  return CLI_OK;
}

/* Moves those columns out of *t. */
static int move_columns(const char *option, clf_table *t, const int32_t *which, int32_t count,
                        clf_table *given) {
  int32_t *rest = malloc((size_t)t->cols * sizeof *rest), left = 0;
  clf_table without = {0};
  if (!rest) return cli_fail("out of memory for --given");
  for (int32_t c = 0; c < t->cols; c++) {
    int taken = 0;
    for (int32_t j = 0; j < count; j++) taken |= which[j] == c;
    if (!taken) rest[left++] = c;
  }
  int code =
      left ? CLI_OK
           : cli_usage("%s takes all columns of %s; the flow needs one", option, cli_common.data);
  if (!code) code = copy_columns(t, which, count, given);
  if (!code) code = copy_columns(t, rest, left, &without);
  free(rest);
  if (code) {
    clf_table_free(&without);
    return code;
  }
  free_rows(t->at, t->names, t->cols);
  t->at = without.at;
  t->names = without.names;
  t->cols = without.cols;
  return CLI_OK;
}

/* The words of a list by comma, each handed to `each`. */
static int for_words(const char *list, int (*each)(const char *word, void *context),
                     void *context) {
  char *const copy = strdup(list);
  int code = copy ? CLI_OK : cli_fail("out of memory for --given");
  for (char *word = copy; word && !code;) {
    char *const comma = strchr(word, ',');
    if (comma) *comma = '\0';
    code = each(word, context);
    word = comma ? comma + 1 : NULL;
  }
  free(copy);
  return code;
}

typedef struct columns {
  const clf_table *table;
  int32_t *at, count;
} columns;

static int add_column(const char *word, void *context) {
  columns *k = context;
  const int32_t c = find_column(k->table, word);
  if (c < 0)
    return cli_usage(
        "--given %s: %s has no such column%s; it takes names or numbers of its columns "
        "by comma, or a file, as FILE.csv or ./FILE.csv",
        cli_clean(word), cli_common.data,
        cli_common.table.drop      ? " among those that --drop leaves"
        : cli_common.table.columns ? " among those of --columns"
                                   : "");
  for (int32_t j = 0; j < k->count; j++)
    if (k->at[j] == c) return cli_usage("--given names the column %s twice", cli_clean(word));
  k->at[k->count++] = c;
  return CLI_OK;
}

/* ---- Training -------------------------------------------------------------------------------- */

static int read_file(cli_session *s) {
  if (clf_table_read(cli_common.given, &s->given) != CLF_OK) return cli_fail_library();
  if (s->given.rows == 1 || !s->data.at || s->given.rows == s->data.rows) return CLI_OK;
  return cli_fail("%s has %" PRId64 " rows, %s has %" PRId64, cli_common.given, s->given.rows,
                  cli_common.data, s->data.rows);
}

int cli_given_split(cli_session *s) {
  if (!cli_common.given) return CLI_OK;
  if (!s->data.at) return cli_usage("--given is for tables; leave it out");
  if (find_column(&s->data, cli_common.given) < 0 && cli_given_is_file(cli_common.given))
    return read_file(s);
  columns k = {&s->data, malloc((size_t)s->data.cols * sizeof *k.at), 0};
  if (!k.at) return cli_fail("out of memory for --given");
  int code = for_words(cli_common.given, add_column, &k);
  if (!code) code = move_columns("--given", &s->data, k.at, k.count, &s->given);
  free(k.at);
  return code;
}

int cli_weights_split(cli_session *s, const char *column) {
  if (!column) return CLI_OK;
  if (!s->data.at) return cli_usage("--weights is for tables; leave it out");
  const int32_t c = find_column(&s->data, column);
  if (c < 0)
    return cli_usage("--weights %s: %s has no such column", cli_clean(column), cli_common.data);
  return move_columns("--weights", &s->data, &c, 1, &s->weights);
}

/* ---- A model's context -------------------------------------------------------------------------
 */

typedef struct values {
  const cli_session *s;
  double *at;
  int *set;
} values;

/* "NAME=VALUE", or "VALUE" for the next one. */
static int set_value(const char *word, void *context) {
  values *v = context;
  const int32_t C = clf_flow_context(v->s->flow);
  char *const *const names = clf_flow_context_columns(v->s->flow);
  const char *const sign = strrchr(word, '='), *const number = sign ? sign + 1 : word;
  char *end;
  int32_t c = 0;
  if (sign) {
    for (c = 0; c < C; c++)
      if (names && strlen(names[c]) == (size_t)(sign - word) &&
          strncmp(names[c], word, (size_t)(sign - word)) == 0)
        break;
  } else {
    while (c < C && v->set[c]) c++;
  }
  if (c == C)
    return cli_usage("--given %s: the context of %s has no such column", cli_clean(word),
                     cli_common.model);
  v->at[c] = strtod(number, &end);
  v->set[c] = 1;
  if (*number && !*end && isfinite(v->at[c])) return CLI_OK;
  return cli_usage("--given %s: the value is no finite number", cli_clean(word));
}

static int take_values(cli_session *s) {
  const int32_t C = clf_flow_context(s->flow);
  char *const *const names = clf_flow_context_columns(s->flow);
  int *set = calloc((size_t)C, sizeof *set);
  if (!set || clf_table_new(1, C, &s->given) != CLF_OK) {
    free(set);
    return cli_fail("out of memory for --given");
  }
  int code = for_words(cli_common.given, set_value, &(values){s, s->given.at, set});
  for (int32_t c = 0; c < C && !code; c++)
    if (!set[c])
      code = cli_usage("--given lacks a value for column %" PRId32 "%s%s%s of the context", c + 1,
                       names ? " (" : "", names ? names[c] : "", names ? ")" : "");
  free(set);
  return code;
}

/* Columns of the data by the names that the model has for its context. */
static int take_columns(cli_session *s) {
  const int32_t C = clf_flow_context(s->flow);
  char *const *const names = clf_flow_context_columns(s->flow);
  if (!names || !s->data.at || !s->data.names)
    return cli_usage("the model %s takes a context of %" PRId32 " number%s with each sample: give "
                     "it by --given",
                     cli_common.model, C, C == 1 ? "" : "s");
  columns k = {&s->data, malloc((size_t)C * sizeof *k.at), 0};
  if (!k.at) return cli_fail("out of memory for the context");
  int code = CLI_OK;
  for (int32_t c = 0; c < C && !code; c++) {
    const int32_t at = find_column(&s->data, names[c]);
    if (at < 0)
      code = cli_fail("%s has no column \"%s\", which is part of the context of the model %s; "
                      "--given takes values or a file",
                      cli_common.data, names[c], cli_common.model);
    k.at[k.count++] = at;
  }
  if (!code) code = move_columns("--given", &s->data, k.at, k.count, &s->given);
  free(k.at);
  return code;
}

static int check_width(const cli_session *s) {
  const int32_t C = clf_flow_context(s->flow);
  if (s->given.cols == C) return CLI_OK;
  return cli_fail("%s has %" PRId32 " column%s, the context of the model %s has %" PRId32,
                  cli_common.given, s->given.cols, s->given.cols == 1 ? "" : "s", cli_common.model,
                  C);
}

int cli_given_take(cli_session *s) {
  if (!clf_flow_context(s->flow))
    return cli_common.given && !cli_common.given_for_some
               ? cli_usage("--given: the model %s takes no context", cli_common.model)
               : CLI_OK;
  if (!cli_common.given) return take_columns(s);
  if (!cli_given_is_file(cli_common.given)) return take_values(s);
  const int code = read_file(s);
  return code ? code : check_width(s);
}

int cli_given_rows(cli_session *s, int64_t first, int64_t n, const double **c) {
  const int32_t C = s->given.cols;
  *c = NULL;
  if (!s->given.at) return CLI_OK;
  if (s->given.rows > 1 || n == 1) {
    *c = s->given.at + (s->given.rows > 1 ? first * C : 0);
    return CLI_OK;
  }
  if (s->repeated_rows < n) {
    double *const more = realloc(s->repeated, (size_t)n * (size_t)C * sizeof *more);
    if (!more) return cli_fail("out of memory for the context of %" PRId64 " rows", n);
    s->repeated = more;
    s->repeated_rows = n;
    for (int64_t i = 0; i < n * C; i++) more[i] = s->given.at[i % C];
  }
  *c = s->repeated;
  return CLI_OK;
}
