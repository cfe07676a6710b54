/* SPDX-License-Identifier: MIT */
/* data_table.c: data that are a table: how they are read, and which column is which. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Options ------------------------------------------------------------- */

/* The words of a list by comma; those that hold one are in double quotes, "" for a quote. */
typedef struct words {
  char *text, **at;
  int32_t count;
} words;

/* Takes a word from *from to *to, and returns whether there is another. */
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

static int split(const char *option, const char *list, words *w) {
  if (!list) return CLI_OK;
  w->text = malloc(strlen(list) + 1);
  w->at = malloc((strlen(list) + 1) * sizeof *w->at);
  if (!w->text || !w->at) return cli_fail("out of memory for %s", option);
  char *to = w->text;
  for (int more = 1; more;) {
    w->at[w->count++] = to;
    more = take_word(&list, &to);
    if (*w->at[w->count - 1]) continue;
    return cli_usage("%s takes names or numbers of columns by comma, and one of them is empty",
                     option);
  }
  return CLI_OK;
}

static void free_words(words *w) {
  free(w->text);
  free(w->at);
}

/* An option of a table that was given, or NULL. */
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

/* How a table was read and matched, a line each; once. */
static void say_notes(clf_table *t, const char *data) {
  for (const char *line = t->notes; line && *line;) {
    const size_t n = strcspn(line, "\n");
    cli_say("%s: %.*s", data, (int)n, line);
    line += n + (line[n] == '\n');
  }
  free(t->notes);
  t->notes = NULL;
}

int cli_table_open(cli_session *s, const char *data) {
  words columns = {0}, drop = {0};
  clf_table_options o = {.header = (clf_header)cli_common.table.header,
                         .delimiter = cli_common.table.delimiter,
                         .decimal = cli_common.table.decimal,
                         .comment = cli_common.table.comment,
                         .skip = cli_common.table.skip};
  int code = split("--columns", cli_common.table.columns, &columns);
  if (!code) code = split("--drop", cli_common.table.drop, &drop);
  o.columns = columns.at;
  o.column_count = columns.count;
  o.drop = drop.at;
  o.drop_count = drop.count;
  if (!code && clf_table_read_with(data, &o, &s->data) != CLF_OK) code = cli_fail_library();
  free_words(&columns);
  free_words(&drop);
  if (!code) say_notes(&s->data, data);
  return code;
}

/* Whether column c is 0, 1, 2, ... or 1, 2, 3, ... */
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
    const char *const name = t->names ? t->names[c] : "";
    cli_say("%s: column %" PRId32 "%s%s%s counts the rows and is trained on; --drop %" PRId32
            " leaves it out",
            data, c + 1, *name ? " (\"" : "", name, *name ? "\")" : "", c + 1);
  }
}

/* ---- Columns by name ------------------------------------------------------- */

/* The names z0, z1, ... that `clflow transform` writes, or NULL without memory. */
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

/* Latents under other names than ours go by position. */
static int match_latents(cli_session *s, const char *data) {
  const int32_t dim = clf_flow_get_spec(s->flow)->dim;
  char **names = latent_names(dim);
  const int matched = names && clf_table_match(&s->data, names, dim) == CLF_OK;
  free_names(names, dim);
  if (matched) say_notes(&s->data, data);
  return CLI_OK;
}

/* By name wherever both have names. */
int cli_table_match(cli_session *s, const char *data, const char *model) {
  char *const *const names = clf_flow_columns(s->flow);
  clf_table *const t = &s->data;
  if (cli_common.table.by_position) {
    free_names(t->names, t->cols); /* lest a trainer compares them */
    t->names = NULL;
  }
  if (cli_common.latents) return match_latents(s, data);
  if (clf_table_match(t, names, clf_flow_get_spec(s->flow)->dim) != CLF_OK)
    return cli_fail("%s does not match the model %s: %s; --by-position takes its columns in the "
                    "file's order",
                    data, model, clf_errmsg());
  say_notes(t, data);
  return CLI_OK;
}
