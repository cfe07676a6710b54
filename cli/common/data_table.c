/* SPDX-License-Identifier: MIT */
/* data_table.c: data in the form of a table: how it is read, and which column is which. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Options ------------------------------------------------------------- */

/* Takes a word from *from and copies it to *to; returns whether another word follows. */
static int take_word(const char **from, char **to) {
  const char *p = *from;
  int inside = 0;
  for (; *p && (inside || *p != ','); p++) {
    const int twice = inside && p[0] == '"' && p[1] == '"';
    if (*p != '"' || twice) *(*to)++ = *p;
    if (*p == '"' && !twice) inside = !inside;
    p += twice;
  }
  *(*to)++ = 0;
  *from = p + (*p == ',');
  return *p == ',';
}

int cli_words_split(const char *option, const char *list, cli_words *w) {
  if (!list) return CLI_OK;
  w->text = malloc(strlen(list) + 1);
  w->at = malloc((strlen(list) + 1) * sizeof *w->at);
  if (!w->text || !w->at) return cli_fail("out of memory for %s", option);
  char *to = w->text;
  for (int more = 1; more;) {
    w->at[w->count++] = to;
    more = take_word(&list, &to);
    if (*w->at[w->count - 1]) continue;
    return cli_usage(
        "%s takes names or numbers of columns, separated by commas; one of them is empty", option);
  }
  return CLI_OK;
}

void cli_words_free(cli_words *w) {
  free(w->text);
  free(w->at);
}

/* The first table option that was given, or NULL. */
static const cli_option *given(void) {
  const char *const begin = (const char *)&cli_common.table;
  for (const cli_option *o = cli_running->options; o->name; o++) {
    const char *const to = o->to;
    if (o->given && to >= begin && to < begin + sizeof cli_common.table) return o;
  }
  return NULL;
}

int cli_table_refuse(const char *data) {
  const cli_option *const o = given();
  return o ? cli_usage("%s is for tables, %s holds images; leave it out", o->name, data) : CLI_OK;
}

/* ---- Reading ------------------------------------------------------------- */

void cli_table_say_notes(clf_table *t, const char *data) {
  for (const char *line = t->notes; line && *line;) {
    const size_t n = strcspn(line, "\n");
    cli_say_once("%s: %.*s", data, (int)n, line);
    line += n + (line[n] == '\n');
  }
  free(t->notes);
  t->notes = NULL;
}

clf_missing cli_table_missing(void) {
  if (cli_common.table.missing < 0) return cli_running->missing;
  return cli_common.table.missing ? CLF_MISSING_DROP : CLF_MISSING_REFUSE;
}

/* Says of which images the rows are, where they are. */
static void set_shape(const clf_flow *flow, clf_table_options *o) {
  const int32_t *const shape = cli_common.images.shape;
  o->height = flow ? clf_flow_get_spec(flow)->height : shape[0];
  o->width = flow ? clf_flow_get_spec(flow)->width : shape[1];
  o->channels = flow ? clf_flow_get_spec(flow)->channels : shape[2];
  o->order = flow                      ? cli_image_order(flow)
             : cli_common.images.order ? (clf_image_order)cli_common.images.order
                                       : cli_common.images.usual;
}

/* Collects the options for a table and the words of their lists; free the lists. */
static int table_options(cli_words *columns, cli_words *drop, clf_table_options *o) {
  *o = (clf_table_options){.header = (clf_header)cli_common.table.header,
                           .delimiter = cli_common.table.delimiter,
                           .decimal = cli_common.table.decimal,
                           .comment = cli_common.table.comment,
                           .skip = cli_common.table.skip,
                           .id = cli_common.table.id};
  int code = cli_words_split("--columns", cli_common.table.columns, columns);
  if (!code) code = cli_words_split("--drop", cli_common.table.drop, drop);
  o->columns = columns->at;
  o->column_count = columns->count;
  o->drop = drop->at;
  o->drop_count = drop->count;
  return code;
}

/* The columns of the data as the model describes them, including those of its context unless
 * --given provides these. They have no names where columns are matched by position. */
static int model_columns(const cli_session *s, int context, clf_columns *like) {
  if (clf_flow_table_columns(s->flow, context, like) != CLF_OK) return cli_fail_library();
  for (int32_t c = 0; cli_common.table.by_position && like->names && c < like->count; c++)
    free(like->names[c]);
  if (!cli_common.table.by_position) return CLI_OK;
  free(like->names);
  like->names = NULL;
  return CLI_OK;
}

static int no_match(const char *data, const char *model) {
  return cli_fail("%s does not match the model %s: %s; --by-position takes its columns in the "
                  "file's order",
                  data, model, clf_errmsg());
}

/* A missing context column is reported where the context is taken. */
static int read_like_model(cli_session *s, const char *data, clf_table_options *o) {
  clf_status status = CLF_OK;
  for (int context = clf_flow_context(s->flow) > 0 && !cli_common.given; context >= 0; context--) {
    clf_columns like;
    const int code = model_columns(s, context, &like);
    if (code) return code;
    o->like = &like;
    status = clf_table_read_with(data, o, &s->data);
    o->like = NULL;
    clf_columns_free(&like);
    if (status != CLF_ESHAPE) break;
  }
  return status == CLF_ESHAPE ? no_match(data, cli_common.model)
         : status             ? cli_fail_library()
                              : CLI_OK;
}

static int read_like_table(cli_session *s, const char *data, clf_table_options *o) {
  o->like = s->like;
  const clf_status status = clf_table_read_with(data, o, &s->data);
  if (status == CLF_ESHAPE) return cli_fail("%s: %s", data, clf_errmsg());
  return status == CLF_OK ? CLI_OK : cli_fail_library();
}

/* How missing values are treated. If the context is a separate file, incomplete rows are kept
 * here and later left out of both tables together. */
static clf_missing missing_of(const char *data) {
  const clf_missing m = cli_table_missing();
  const int apart = cli_common.given && cli_given_is_file(cli_common.given);
  (void)data;
  return m == CLF_MISSING_DROP && apart ? CLF_MISSING_KEEP : m;
}

int cli_table_open(cli_session *s, const char *data) {
  cli_words columns = {0}, drop = {0};
  clf_table_options o;
  int code = table_options(&columns, &drop, &o);
  set_shape(s->flow, &o);
  if (!cli_common.latents) o.kinds = 1, o.missing = missing_of(data);
  if (!code && s->flow && !cli_common.latents)
    code = read_like_model(s, data, &o);
  else if (!code)
    code = read_like_table(s, data, &o);
  cli_words_free(&columns);
  cli_words_free(&drop);
  if (!code) cli_table_say_notes(&s->data, data);
  return code;
}

int cli_table_read(const char *data, const clf_columns *like, clf_missing missing, clf_table *t) {
  const clf_table_options o = {.kinds = 1, .like = like, .missing = missing};
  const clf_status s = clf_table_read_with(data, &o, t);
  if (s == CLF_ESHAPE) return cli_fail("%s: %s", data, clf_errmsg());
  if (s) return cli_fail_library();
  cli_table_say_notes(t, data);
  return CLI_OK;
}

/* ---- Missing values ------------------------------------------------------- */

static int lacks(const clf_table *t, int64_t row) {
  if (!t->at) return 0;
  const int64_t i = t->rows == 1 ? 0 : row;
  for (int32_t c = 0; c < t->cols; c++)
    if (isnan(t->at[i * t->cols + c])) return 1;
  return 0;
}

/* Moves row i to row `to` (to <= i). */
static void move_row(clf_table *t, int64_t i, int64_t to) {
  if (!t->at || t->rows == 1 || i == to) return;
  memcpy(t->at + to * t->cols, t->at + i * t->cols, (size_t)t->cols * sizeof *t->at);
  if (!t->ids) return;
  free(t->ids[to]);
  t->ids[to] = t->ids[i];
  t->ids[i] = NULL;
}

static void end_at(clf_table *t, int64_t rows) {
  if (!t->at || t->rows == 1) return;
  for (int64_t i = rows; t->ids && i < t->rows; i++) free(t->ids[i]);
  t->rows = rows;
}

/* Numbers the rows. Returns 1 if there is no memory. */
static int number_rows(clf_table *t) {
  if (t->numbers) return 0;
  t->numbers = malloc((size_t)t->rows * sizeof *t->numbers);
  for (int64_t i = 0; t->numbers && i < t->rows; i++) t->numbers[i] = i + 1;
  return !t->numbers;
}

int cli_table_drop(cli_session *s, const char *data) {
  clf_table *const all[] = {&s->data, &s->given, &s->weights};
  const int64_t rows = s->data.rows;
  int64_t left = 0;
  if (number_rows(&s->data)) return cli_fail("out of memory for the numbers of the rows");
  for (int64_t i = 0; i < rows; i++) {
    if (lacks(&s->data, i) || lacks(&s->given, i) || lacks(&s->weights, i)) continue;
    for (int k = 0; k < 3; k++) move_row(all[k], i, left);
    s->data.numbers[left] = s->data.numbers[i];
    left++;
  }
  if (left == rows) return CLI_OK;
  if (!left) return cli_fail("%s has no row without a missing value", data);
  for (int k = 0; k < 3; k++) end_at(all[k], left);
  s->data.missing = rows - left;
  cli_say_once("%s: %" PRId64 " of %" PRId64 " rows are left out because values are missing", data,
               rows - left, rows);
  return CLI_OK;
}

/* Whether column c is 0, 1, 2, ... or 1, 2, 3, ...: a row counter. */
static int counts_rows(const clf_table *t, int32_t c) {
  const double first = t->at[c];
  if (t->rows < 4 || (first != 0 && first != 1)) return 0;
  for (int64_t i = 1; i < t->rows; i++)
    if (t->at[i * t->cols + c] != first + (double)i) return 0;
  return 1;
}

void cli_table_say_counters(const clf_table *t, const char *data) {
  for (int32_t c = 0; t->cols > 1 && c < t->cols; c++) {
    if (!counts_rows(t, c)) continue;
    char name[32]; /* the number of a column of the file is not known, if columns were left out */
    snprintf(name, sizeof name, "%" PRId32, c + 1);
    cli_say("%s: column %s counts the rows and is trained on; --drop %s leaves it out", data,
            t->names ? t->names[c] : name, t->names ? t->names[c] : name);
  }
}

/* ---- Columns by name ------------------------------------------------------- */

/* The names z0, z1, ... that `clflow transform` writes; NULL without memory. */
static char **latent_names(int32_t dim) {
  char **names = calloc((size_t)dim, sizeof *names);
  for (int32_t i = 0; names && i < dim; i++) {
    char name[16];
    snprintf(name, sizeof name, "z%" PRId32, i);
    names[i] = strdup(name);
  }
  return names;
}

static void free_names(char **names, int32_t count) {
  for (int32_t i = 0; names && i < count; i++) free(names[i]);
  free(names);
}

/* Latents with other names are matched by position. */
static int match_latents(cli_session *s, const char *data) {
  const int32_t dim = clf_flow_get_spec(s->flow)->dim;
  char **names = latent_names(dim);
  const int matched = names && clf_table_match(&s->data, names, dim) == CLF_OK;
  free_names(names, dim);
  if (matched) cli_table_say_notes(&s->data, data);
  return CLI_OK;
}

/* Matches columns by name where both sides have names. */
int cli_table_match(cli_session *s, const char *data, const char *model) {
  char *const *const names = clf_flow_columns(s->flow);
  clf_table *const t = &s->data;
  if (cli_common.table.by_position) {
    free_names(t->names, t->cols); /* otherwise a trainer would compare them */
    t->names = NULL;
  }
  if (cli_common.latents) return match_latents(s, data);
  if (clf_table_match(t, names, clf_flow_get_spec(s->flow)->dim) != CLF_OK)
    return no_match(data, model);
  cli_table_say_notes(t, data);
  if (t->cols != clf_flow_get_spec(s->flow)->dim) return CLI_OK; /* that case is refused */
  if (clf_table_match_kinds(t, clf_flow_kinds(s->flow)) == CLF_OK) return CLI_OK;
  return cli_fail("%s does not match the model %s: %s", data, model, clf_errmsg());
}
