/* SPDX-License-Identifier: MIT */
/* given.c: `--given` sets the context of a conditional model from columns, values or a file. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Columns of a table -------------------------------------------------------------------- */

/* The index of the column with that name or with that number counted from 1; -1: none. */
static int32_t find_column(const clf_table *t, const char *word) {
  char *end;
  for (int32_t c = 0; t->names && c < t->cols; c++)
    if (strcmp(t->names[c], word) == 0) return c;
  errno = 0;
  const long n = strtol(word, &end, 10);
  return *word && !*end && !errno && n >= 1 && n <= t->cols ? (int32_t)n - 1 : -1;
}

/* Copies the columns which[0 .. count) of `from` to a new table. */
static int copy_columns(const clf_table *from, const int32_t *which, int32_t count, clf_table *to) {
  if (clf_table_new(from->rows, count, to) != CLF_OK) return cli_fail_library();
  if (from->names) to->names = calloc((size_t)count, sizeof *to->names);
  if (from->columns) to->columns = calloc((size_t)count, sizeof *to->columns);
  if (from->columns && !to->columns) return cli_fail("out of memory for --given");
  for (int32_t j = 0; j < count; j++) {
    if (to->columns && clf_column_copy(&from->columns[which[j]], &to->columns[j]) != CLF_OK)
      return cli_fail_library();
    for (int64_t i = 0; i < from->rows; i++)
      to->at[i * count + j] = from->at[i * from->cols + which[j]];
    if (to->names) to->names[j] = strdup(from->names[which[j]]);
    if (from->names && (!to->names || !to->names[j])) return cli_fail("out of memory for --given");
  }
  return CLI_OK;
}

/* Moves those columns from *t to a new table. */
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
  clf_columns_free(&(clf_columns){t->cols, t->names, t->columns});
  free(t->at);
  t->at = without.at;
  t->names = without.names;
  t->columns = without.columns;
  t->cols = without.cols;
  return CLI_OK;
}

/* Calls `each` for every word of a comma-separated list. */
static int for_words(const char *list, int (*each)(const char *word, void *context),
                     void *context) {
  cli_words words = {0};
  int code = cli_words_split("--given", list, &words);
  for (int32_t i = 0; i < words.count && !code; i++) code = each(words.at[i], context);
  cli_words_free(&words);
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
    return cli_usage("--given %s: %s has no such column%s; it takes names or numbers of its "
                     "columns, separated by commas, or a file, such as FILE.csv or ./FILE.csv",
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

/* Reads the file of --given. like: the columns of the model's context, or NULL. */
static int read_file(cli_session *s, const clf_columns *like) {
  const clf_missing missing =
      cli_table_missing() == CLF_MISSING_REFUSE ? CLF_MISSING_REFUSE : CLF_MISSING_KEEP;
  const int code = cli_table_read(cli_common.given, like, missing, &s->given);
  if (code) return code;
  if (like && clf_table_match(&s->given, like->names, like->count) != CLF_OK)
    return cli_fail("%s: %s", cli_common.given, clf_errmsg());
  if (s->given.rows != 1 && s->data.at && s->given.rows != s->data.rows)
    return cli_fail("%s has %" PRId64 " rows, %s has %" PRId64, cli_common.given, s->given.rows,
                    cli_common.data, s->data.rows);
  return s->data.at && cli_table_missing() == CLF_MISSING_DROP ? cli_table_drop(s, cli_common.data)
                                                               : CLI_OK;
}

/* ---- Images ---------------------------------------------------------------------------------- */

/* A word of --given for the labels of images. */
static const char labels[] = "class";

static int take_labels(cli_session *s) {
  const int code = cli_data_wait(s);
  if (code) return code;
  return clf_images_labels(s->images, &s->given) == CLF_OK ? CLI_OK : cli_fail_library();
}

/* Refuses a context that is neither one row for all images nor a row for each. */
static int check_rows(const cli_session *s) {
  const int64_t rows = s->given.rows, images = clf_images_count(s->images),
                skipped = clf_images_skipped(s->images, NULL);
  if (rows == 1 || rows == images) return CLI_OK;
  return cli_fail("%s has %" PRId64 " rows, %s has %" PRId64 " images%s", cli_common.given, rows,
                  cli_common.data, images,
                  skipped ? " that can be read; leave out the rows of the damaged ones" : "");
}

static int split_images(cli_session *s) {
  if (strcmp(cli_common.given, labels) == 0) return take_labels(s);
  if (!cli_given_is_file(cli_common.given))
    return cli_usage("--given %s: images have no such column; it takes class, the label of each "
                     "image, or a file with a row for each, such as FILE.csv or ./FILE.csv",
                     cli_clean(cli_common.given));
  int code = cli_data_wait(s);
  if (!code) code = read_file(s, NULL);
  return code ? code : check_rows(s);
}

int cli_given_split(cli_session *s) {
  if (!cli_common.given) return CLI_OK;
  if (s->images) return split_images(s);
  if (!s->data.at) return cli_usage("--given is for data; --target has none");
  if (find_column(&s->data, cli_common.given) < 0 && cli_given_is_file(cli_common.given))
    return read_file(s, NULL);
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
  if (s->data.columns && s->data.columns[c].kind > CLF_COLUMN_BOOLEAN)
    return cli_usage("--weights %s: the column holds %s values, not numbers", cli_clean(column),
                     clf_column_kind_name(s->data.columns[c].kind));
  return move_columns("--weights", &s->data, &c, 1, &s->weights);
}

/* ---- Labels ---------------------------------------------------------------------------------- */

int cli_given_expand(cli_session *s) {
  clf_table *const t = &s->given;
  const clf_columns *const model = clf_flow_context_table(s->flow);
  if (!t->at) return CLI_OK;
  if (model && t->cols == model->count && clf_table_match_kinds(t, model->at) != CLF_OK)
    return cli_fail("the context does not match the model %s: %s", cli_common.model, clf_errmsg());
  const clf_columns own = {t->cols, t->names, t->columns};
  if (!s->flow && own.names && own.at && clf_columns_copy(&own, &s->context) != CLF_OK)
    return cli_fail_library();
  return clf_table_one_hot(t) == CLF_OK ? CLI_OK : cli_fail_library();
}

int cli_given_describe(const cli_session *s, clf_flow *flow) {
  if (!s->context.count) return CLI_OK;
  return clf_flow_set_context_table(flow, &s->context) == CLF_OK ? CLI_OK : cli_fail_library();
}

int cli_table_read_apart(const char *data, const clf_columns *like, const char *weights,
                         cli_session *s) {
  const char *const before = cli_common.data;
  *s = (cli_session){.like = like};
  cli_common.data = data;
  int code = cli_table_open(s, data);
  if (!code) code = cli_weights_split(s, weights);
  if (!code) code = cli_given_split(s);
  if (!code) code = cli_given_expand(s);
  cli_common.data = before;
  return code;
}

/* ---- A model's context ----------------------------------------------------------------------- */

/* The columns that the context is made of; plain columns where the model does not describe them. */
static clf_columns source_of(const clf_flow *flow) {
  const clf_columns *const table = clf_flow_context_table(flow);
  if (table) return *table;
  return (clf_columns){clf_flow_context(flow), (char **)(uintptr_t)clf_flow_context_columns(flow),
                       NULL};
}

typedef struct values {
  clf_columns source;
  double *at;
  int *set;
} values;

/* Sets "NAME=VALUE", or "VALUE" for the next column. Names and labels may contain '='. */
static int set_value(const char *word, void *context) {
  values *v = context;
  const clf_column plain = {0};
  const char *value = NULL;
  int32_t c = 0;
  for (; v->source.names && c < v->source.count && !value; c++) {
    const size_t n = strlen(v->source.names[c]);
    if (strncmp(word, v->source.names[c], n) == 0 && word[n] == '=') value = word + n + 1;
  }
  if (value) {
    c--;
  } else if (!strchr(word, '=')) {
    value = word;
    for (c = 0; c < v->source.count && v->set[c];) c++;
  }
  if (!value || c == v->source.count)
    return cli_usage("--given %s: the context of %s has no such column", cli_clean(word),
                     cli_common.model);
  if (v->set[c]) return cli_usage("--given sets column %" PRId32 " twice", c + 1);
  v->set[c] = 1;
  if (clf_column_value(v->source.at ? &v->source.at[c] : &plain, value, &v->at[c]) == CLF_OK)
    return CLI_OK;
  return cli_usage("--given %s: %s", cli_clean(word), clf_errmsg());
}

/* Makes one row of the values. set: whether each value was given. */
static int take_values(cli_session *s) {
  const clf_columns source = source_of(s->flow);
  int *set = calloc((size_t)source.count, sizeof *set);
  clf_columns copy = {0};
  if (!set || clf_table_new(1, source.count, &s->given) != CLF_OK ||
      clf_columns_copy(&source, &copy) != CLF_OK) {
    free(set);
    return cli_fail("out of memory for --given");
  }
  s->given.names = copy.names;
  s->given.columns = copy.at;
  int code = for_words(cli_common.given, set_value, &(values){source, s->given.at, set});
  for (int32_t c = 0; c < source.count && !code; c++)
    if (!set[c])
      code = cli_usage("--given lacks a value for column %" PRId32 "%s%s%s of the context", c + 1,
                       source.names ? " (" : "", source.names ? source.names[c] : "",
                       source.names ? ")" : "");
  free(set);
  return code;
}

/* Whether the model's context is the label of an image. */
static int is_label(const clf_flow *flow) {
  const clf_columns source = source_of(flow);
  return source.count == 1 && source.names && source.at && source.at->kind == CLF_COLUMN_CATEGORY &&
         strcmp(*source.names, labels) == 0;
}

/* Whether the data may contain the context's columns: both have names. */
static int has_columns(const cli_session *s) {
  if (s->images) return is_label(s->flow);
  return source_of(s->flow).names && s->data.at && s->data.names;
}

/* Refuses a context that is missing, by the names of its columns if they have some. */
static int ask_for_context(const cli_session *s) {
  const clf_columns source = source_of(s->flow);
  const int32_t C = clf_flow_context(s->flow);
  char names[256] = "";
  size_t used = 0;
  if (!source.names)
    return cli_usage("the model %s takes a context of %" PRId32 " number%s with each sample: give "
                     "it by --given",
                     cli_common.model, C, C == 1 ? "" : "s");
  for (int32_t c = 0; c < source.count && used < sizeof names; c++)
    used += (size_t)snprintf(names + used, sizeof names - used, "%s%s=VALUE", c ? "," : "",
                             source.names[c]);
  return cli_usage("the model %s takes a context: give it by --given %s%s, or by --given FILE",
                   cli_common.model, cli_clean(names), used < sizeof names ? "" : "...");
}

static int ask_for_label(void) {
  return cli_usage("the model %s takes the label of each image: give it by --given class=LABEL",
                   cli_common.model);
}

/* Takes the data columns with the names of the model's context columns.  A table may have a column
 * that is called as the labels of images are. */
static int take_columns(cli_session *s) {
  const clf_columns source = source_of(s->flow);
  if (s->images && has_columns(s)) return take_labels(s);
  if (!has_columns(s)) return is_label(s->flow) ? ask_for_label() : ask_for_context(s);
  columns k = {&s->data, malloc((size_t)source.count * sizeof *k.at), 0};
  if (!k.at) return cli_fail("out of memory for the context");
  int code = CLI_OK;
  for (int32_t c = 0; c < source.count && !code; c++) {
    const int32_t at = find_column(&s->data, source.names[c]);
    if (at < 0)
      code = cli_fail("%s has no column \"%s\", which is part of the context of the model %s; "
                      "--given takes values or a file",
                      cli_common.data, source.names[c], cli_common.model);
    k.at[k.count++] = at;
  }
  if (!code) code = move_columns("--given", &s->data, k.at, k.count, &s->given);
  free(k.at);
  return code;
}

/* Takes a file with one row for each sample; its columns are found by the names of the context
 * columns. */
static int take_file(cli_session *s) {
  const clf_columns source = source_of(s->flow);
  return read_file(s, source.names || source.at ? &source : NULL);
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
  const double *observation = clf_flow_observation(s->flow);
  if (!cli_common.given && observation && !has_columns(s)) {
    if (clf_table_new(1, clf_flow_context(s->flow), &s->given) != CLF_OK) return cli_fail_library();
    memcpy(s->given.at, observation, (size_t)s->given.cols * sizeof *observation);
    return CLI_OK;
  }
  const int by_label = s->images && cli_common.given && strcmp(cli_common.given, labels) == 0;
  int code = !cli_common.given || by_label          ? take_columns(s)
             : !cli_given_is_file(cli_common.given) ? take_values(s)
                                                    : take_file(s);
  if (!code && s->images) code = check_rows(s);
  if (!code) code = cli_given_expand(s);
  return code || !cli_common.given ? code : check_width(s);
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
