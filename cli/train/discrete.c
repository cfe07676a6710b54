/* SPDX-License-Identifier: MIT */
/* discrete.c: the columns of `--discrete`, and what `clflow train` reports about its data. */
#include "train.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- --discrete ------------------------------------------------------------------- */

/* The index of the column with that name or with that number counted from 1; -1: none. */
static int32_t column_of(const clf_table *t, const char *word, size_t n) {
  char *end;
  for (int32_t d = 0; t->names && d < t->cols; d++)
    if (strlen(t->names[d]) == n && strncmp(t->names[d], word, n) == 0) return d;
  if (n == 0 || n > 9 || strspn(word, "0123456789") < n) return -1;
  const long number = strtol(word, &end, 10);
  return number >= 1 && number <= t->cols ? (int32_t)number - 1 : -1;
}

static int set_column(const clf_table *t, const char *word, size_t n, clf_column_grid *grid) {
  const int32_t d = column_of(t, word, n);
  if (d < 0)
    return cli_usage("--discrete takes columns by name or by number from 1 to %d, separated by "
                     "commas, auto or none; got \"%.*s\"",
                     t->cols, (int)n, word);
  if (clf_table_grid(t, d, &grid[d]) != CLF_OK) return cli_fail_library();
  if (grid[d].step > 0) return CLI_OK;
  return cli_fail(
      "--discrete %.*s: the values of column %d of %s are not evenly spaced, or all the "
      "same",
      (int)n, word, d + 1, cli_common.data);
}

static int set_listed(const clf_table *t, const char *list, clf_column_grid *grid) {
  int code = CLI_OK;
  if (column_of(t, list, strlen(list)) >= 0) return set_column(t, list, strlen(list), grid);
  for (const char *at = list; !code; at++) {
    const size_t n = strcspn(at, ",");
    code = set_column(t, at, n, grid);
    at += n;
    if (!*at) break;
  }
  return code;
}

static int set_all(const clf_table *t, clf_column_grid *grid) {
  for (int32_t d = 0; d < t->cols; d++)
    if (clf_table_discrete(t, d, &grid[d]) != CLF_OK) return cli_fail_library();
  return CLI_OK;
}

/* Labels are codes and therefore always discrete. */
static int set_labels(const clf_table *t, clf_column_grid *grid) {
  for (int32_t d = 0; t->columns && d < t->cols; d++) {
    const clf_column_kind kind = t->columns[d].kind;
    if (kind != CLF_COLUMN_CATEGORY && kind != CLF_COLUMN_BOOLEAN) continue;
    if (clf_table_discrete(t, d, &grid[d]) != CLF_OK) return cli_fail_library();
  }
  return CLI_OK;
}

/* A column with one label would be refused as constant; this message says what it is. */
static int check_labels(const clf_table *t) {
  for (int32_t d = 0; t->columns && d < t->cols; d++) {
    const clf_column *const k = &t->columns[d];
    if (k->kind <= CLF_COLUMN_INTEGER || k->smallest != k->largest || t->rows < 2) continue;
    char text[64];
    clf_column_text(k, k->smallest, text, sizeof text);
    return cli_fail("%s: column %" PRId32
                    "%s%s%s is \"%s\" in every row, so there is nothing to fit; "
                    "--drop %" PRId32 " leaves it out",
                    cli_common.data, d + 1, t->names ? " (\"" : "", t->names ? t->names[d] : "",
                    t->names ? "\")" : "", text, d + 1);
  }
  return CLI_OK;
}

int cli_train_grid(const clf_table *t, clf_column_grid **grid) {
  const char *discrete = cli_wanted.discrete;
  *grid = NULL;
  if (!t->at || (!discrete && (cli_train_begin() || !t->columns))) return CLI_OK;
  int code = check_labels(t);
  if (code) return code;
  *grid = calloc((size_t)t->cols, sizeof **grid);
  if (!*grid) return cli_fail("out of memory for the grids of %d columns", t->cols);
  if (discrete && strcmp(discrete, "none") == 0) return CLI_OK;
  code = !discrete || strcmp(discrete, "auto") == 0 ? set_all(t, *grid)
                                                    : set_listed(t, discrete, *grid);
  if (!code) code = set_labels(t, *grid);
  if (!code) return CLI_OK;
  free(*grid);
  *grid = NULL;
  return code;
}

/* Prints "age (step 1), sex (2 labels)". */
void cli_train_say_grid(const clf_table *t, const clf_flow *flow) {
  const clf_column_grid *const grid = clf_flow_grid(flow);
  char list[512] = "";
  size_t used = 0;
  for (int32_t d = 0; grid && d < t->cols && used + 96 < sizeof list; d++) {
    if (grid[d].step == 0) continue;
    char number[16];
    snprintf(number, sizeof number, "%" PRId32, d + 1);
    used += (size_t)snprintf(list + used, sizeof list - used, "%s%.40s (step %.6g)",
                             used ? ", " : "", t->names ? t->names[d] : number, grid[d].step);
  }
  if (used)
    cli_say("%s: discrete columns: %s; noise of one step is added in training, and samples are "
            "rounded (--discrete none turns both off)",
            cli_common.data, list);
}

/* Whether column d has the same grid in both lists, whatever its limits are if it has none. A NULL
 * list means that all columns are continuous. */
static int same_grid(const clf_column_grid *a, const clf_column_grid *b, int32_t d) {
  const clf_column_grid none = {0}, *x = a ? &a[d] : &none, *y = b ? &b[d] : &none;
  return x->step == y->step && (x->step == 0 || (x->first == y->first && x->last == y->last));
}

static int check_grid(const clf_flow *flow, const clf_column_grid *grid) {
  for (int32_t d = 0; d < clf_flow_get_spec(flow)->dim; d++)
    if (!same_grid(grid, clf_flow_grid(flow), d))
      return cli_usage(
          "--discrete %s does not agree with %s, which has another grid for column %d; "
          "leave it out",
          cli_wanted.discrete, cli_wanted.out, d + 1);
  return CLI_OK;
}

int cli_train_set_grid(clf_flow *flow, const clf_column_grid *grid) {
  if (!grid || (!cli_wanted.discrete && clf_flow_get_spec(flow)->height)) return CLI_OK;
  if (cli_wanted.resume) return check_grid(flow, grid);
  return clf_flow_set_grid(flow, grid) == CLF_OK ? CLI_OK : cli_fail_library();
}

/* ---- Advice ----------------------------------------------------------------------- */

int cli_train_advise(const cli_session *s) {
  static const char *const remedy[] = {
      [CLF_ADVICE_CONSTANT] = "train without such columns",
      [CLF_ADVICE_SCALE] = "--standardize scales the columns",
      [CLF_ADVICE_DISCRETE] = "--discrete auto adds noise within one step and rounds samples",
      [CLF_ADVICE_FEW_VALUES] =
          "number the values and give --discrete, or train without such columns",
      [CLF_ADVICE_POINT_MASS] = "model these rows and the others apart",
      [CLF_ADVICE_OUTLIER] = "check such rows, and leave them out if they are wrong",
      [CLF_ADVICE_COLLINEAR] = "train without such columns",
  };
  clf_advice *list;
  int count;
  if (!s->data.at || cli_wanted.resume || clf_flow_get_spec(s->flow)->height) return CLI_OK;
  const int scaled = cli_wanted.train.standardize || clf_flow_is_scaled(s->flow);
  if (clf_table_advise(&s->data, scaled, clf_flow_grid(s->flow), &list, &count) != CLF_OK)
    return cli_fail_library();
  for (int i = 0; i < count; i++)
    cli_say("%s: %s; %s", cli_common.data, list[i].sentence, remedy[list[i].kind]);
  free(list);
  return CLI_OK;
}
