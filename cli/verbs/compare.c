/* SPDX-License-Identifier: MIT */
/* compare.c: `clflow compare` finds which of several models fits the same rows best. */
#include "cli.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MODELS = 8, SHOWN = 10 /* row numbers that a sentence lists */ };

static struct {
  const char *path[MODELS];
  const char *per_row;
  int against, json;
} o;
enum { AGAINST_AUTO, AGAINST_FIRST, AGAINST_BEST };

#define MORE(letter, i)                                                                            \
  { letter, NULL, "and with this one", CLI_OPERAND, &o.path[i], NULL, 0, 0 }

static cli_option options[] = {
    {"A", NULL, "compare this model, from `clflow fit` or `clflow train`", CLI_OPERAND, &o.path[0],
     NULL, 1, 0},
    {"B", NULL, "with this one", CLI_OPERAND, &o.path[1], NULL, 1, 0},
    MORE("C", 2),
    MORE("D", 3),
    MORE("E", 4),
    MORE("F", 5),
    MORE("G", 6),
    MORE("H", 7),
    CLI_OPTION_DATA("evaluate the models on these rows; for a fair comparison, none of the models "
                    "has seen them"),
    {"--against", "auto|first|best",
     "compare all others with A, or with the model that has the highest mean (default: A of two "
     "models, the best of more)",
     CLI_CHOICE, &o.against, NULL, 0, 0},
    {"--per-row", "FILE",
     "write log p of each row under each model, and the differences: .csv, .npy, or - for standard "
     "output",
     CLI_OUTPUT, &o.per_row, NULL, 0, 0},
    CLI_OPTION_JSON(&o.json, "print a JSON object"),
    CLI_OPTION_GIVEN_ROWS,
    CLI_OPTION_STRICT_ROWS,
    CLI_OPTION_FORCE,
    CLI_OPTIONS_TABLE,
    CLI_OPTIONS_IMAGE_ROWS,
    CLI_OPTIONS_MODEL,
    CLI_OPTIONS_END,
};

/* What is known of the models, and of each comparison with the model at `against`. */
typedef struct contest {
  int count, against, best;
  int contexts;          /* models that take a context */
  int64_t rows, missing; /* missing: rows for which some model lacks a value */
  int32_t dim;
  char **names;      /* of the columns of A; NULL: it has no names */
  uint8_t *discrete; /* (dim) which columns have a grid */
  double *logp[MODELS];
  clf_score score[MODELS];
  clf_comparison pair[MODELS]; /* pair[i]: `against` compared with model i */
  double *difference[MODELS];  /* differences of log p per row, with --per-row */
  char **ids, *id_name;        /* ids of the rows, with --id; or NULL */
  int64_t *numbers;            /* the rows' numbers in DATA, where rows were left out; or NULL */
} contest;

static char letter(int i) { return (char)('A' + i); }

/* ---- Columns ---------------------------------------------------------------- */

static void free_names(char **names, int32_t count) {
  for (int32_t i = 0; names && i < count; i++) free(names[i]);
  free(names);
}

static int is_discrete(const clf_flow *flow, int32_t column) {
  const clf_column_grid *const grid = clf_flow_grid(flow);
  return grid && grid[column].step > 0;
}

/* Keeps the column names of A; the columns of the other models are found by them. */
static int keep_names(contest *c, const clf_flow *flow) {
  char *const *const names = clf_flow_columns(flow);
  c->dim = clf_flow_get_spec(flow)->dim;
  c->discrete = malloc((size_t)c->dim);
  if (!c->discrete) return cli_fail("out of memory for %d columns", (int)c->dim);
  for (int32_t d = 0; d < c->dim; d++) c->discrete[d] = (uint8_t)is_discrete(flow, d);
  if (!names || cli_common.table.by_position) return CLI_OK;
  c->names = calloc((size_t)c->dim, sizeof *c->names);
  for (int32_t i = 0; c->names && i < c->dim; i++) {
    c->names[i] = malloc(strlen(names[i]) + 1);
    if (!c->names[i]) return cli_fail("out of memory for the names of %d columns", (int)c->dim);
    strcpy(c->names[i], names[i]);
  }
  return c->names ? CLI_OK : cli_fail("out of memory for the names of %d columns", (int)c->dim);
}

/* The first of `count` names that is not among the others; NULL: all of them are. */
static const char *name_lacking(char *const *names, int32_t count, char *const *among,
                                int32_t others) {
  for (int32_t i = 0; i < count; i++) {
    int32_t k = 0;
    while (k < others && strcmp(names[i], among[k]) != 0) k++;
    if (k == others) return names[i];
  }
  return NULL;
}

/* Refuses models of different columns, whose densities have different units. */
static int check_columns(const contest *c, int i, const clf_flow *flow) {
  const int32_t dim = clf_flow_get_spec(flow)->dim;
  char *const *const names = cli_common.table.by_position ? NULL : clf_flow_columns(flow);
  if (c->names && names) {
    const char *const mine = name_lacking(names, dim, c->names, c->dim);
    const char *const theirs = name_lacking(c->names, c->dim, names, dim);
    if (mine || theirs)
      return cli_fail("%s models the column \"%s\" and %s does not; densities of different columns "
                      "cannot be compared",
                      mine ? o.path[i] : o.path[0], cli_clean(mine ? mine : theirs),
                      mine ? o.path[0] : o.path[i]);
  }
  if (dim == c->dim) return CLI_OK;
  return cli_fail("%s models %d column%s and %s models %d; densities of different columns cannot "
                  "be compared",
                  o.path[0], (int)c->dim, c->dim == 1 ? "" : "s", o.path[i], (int)dim);
}

/* Notes that one model treats whole numbers as continuous: it may put all of its density on
 * them. */
static void say_grids(const contest *c, int i, const clf_flow *flow) {
  char *const *const names = clf_flow_columns(flow);
  for (int32_t d = 0; d < c->dim; d++) {
    int32_t k = c->names && names ? 0 : d;
    while (c->names && names && strcmp(names[d], c->names[k]) != 0) k++;
    if (is_discrete(flow, d) == c->discrete[k]) continue;
    const int mine = is_discrete(flow, d);
    cli_say("column %" PRId32 "%s%s%s is discrete in %s and continuous in %s, whose density may be "
            "high at the column's values alone: the difference then says little",
            d + 1, names ? " (\"" : "", names ? cli_clean(names[d]) : "", names ? "\")" : "",
            mine ? o.path[i] : o.path[0], mine ? o.path[0] : o.path[i]);
  }
}

/* ---- Densities -------------------------------------------------------------- */

/* The number of a row in messages, counted from 1. */
static int64_t number_of(const contest *c, int64_t row) {
  return c->numbers ? c->numbers[row] : row + 1;
}

static void keep_ids(contest *c, clf_table *data) {
  c->ids = data->ids;
  c->id_name = data->id_name;
  c->numbers = data->numbers;
  data->ids = NULL;
  data->id_name = NULL;
  data->numbers = NULL;
}

/* Computes log p of the rows under model i, whose session is open. */
static int evaluate(contest *c, int i, cli_session *s) {
  int code = i ? check_columns(c, i, s->flow) : keep_names(c, s->flow);
  if (code) return code;
  if (i) say_grids(c, i, s->flow);
  const int64_t rows = cli_row_count(s);
  if (i && rows != c->rows)
    return cli_fail("%s has %" PRId64 " rows for %s and %" PRId64
                    " for %s; without --missing each keeps all of them",
                    cli_common.data, c->rows, o.path[0], rows, o.path[i]);
  c->rows = rows;
  if (!i) keep_ids(c, &s->data);
  c->logp[i] = malloc((size_t)rows * sizeof *c->logp[i]);
  if (!c->logp[i]) return cli_fail("out of memory for %" PRId64 " log-densities", rows);
  code = cli_log_probs(s, c->logp[i]);
  c->contexts += clf_flow_context(s->flow) > 0;
  return code;
}

/* Evaluates all models. A row that one model cannot take (because of its context, say) is used
 * for none of them. */
static int score_all(contest *c) {
  int code = CLI_OK;
  for (int64_t row = 0; row < c->rows; row++) {
    int lacks = 0;
    for (int i = 0; i < c->count; i++) lacks |= isnan(c->logp[i][row]);
    for (int i = 0; i < c->count && lacks; i++) c->logp[i][row] = NAN;
  }
  for (int i = 0; i < c->count && !code; i++)
    code = cli_score(c->logp[i], c->rows, c->dim, &c->score[i], &c->missing);
  if (!code && c->missing == c->rows)
    code = cli_fail("%s has no row without a missing value", cli_common.data);
  return code;
}

static int evaluate_all(contest *c) {
  cli_session s = {0};
  int code = CLI_OK;
  for (int i = 0; i < c->count && !code; i++) {
    cli_common.model = o.path[i];
    code = i ? cli_session_next(&s) : cli_session_open(&s);
    if (!code) code = evaluate(c, i, &s);
  }
  cli_session_close(&s);
  if (!code && cli_common.given && !c->contexts)
    code = cli_usage("--given: none of the models takes a context");
  return code ? code : score_all(c);
}

/* Whether score a is better than b. Rows of zero density are compared first, then the mean of
 * the others. */
static int is_better(const clf_score *a, const clf_score *b) {
  return a->zeros != b->zeros ? a->zeros < b->zeros : a->rest.mean > b->rest.mean;
}

static void find_best(contest *c) {
  for (int i = 1; i < c->count; i++)
    if (is_better(&c->score[i], &c->score[c->best])) c->best = i;
  const int best = o.against == AGAINST_AUTO ? c->count > 2 : o.against == AGAINST_BEST;
  c->against = best ? c->best : 0;
  for (int i = 0; i < c->count; i++)
    if (i != c->against) c->pair[i] = clf_compare(c->logp[c->against], c->logp[i], c->rows);
}

/* ---- Text output ------------------------------------------------------------- */

/* Writes "3, 17 and 5 more": the numbers or ids of the rows for which log p is -inf only under
 * `zero` (both: under both models). */
static void list_rows(const contest *c, int zero, int other, int both, char *text, size_t size) {
  int64_t found = 0;
  size_t used = 0;
  for (int64_t i = 0; i < c->rows; i++) {
    if (c->logp[zero][i] != -INFINITY || (c->logp[other][i] == -INFINITY) != both) continue;
    if (isnan(c->logp[other][i])) continue;
    if (found++ >= SHOWN || used >= size) continue;
    char number[32];
    snprintf(number, sizeof number, "%" PRId64, number_of(c, i));
    used += (size_t)snprintf(text + used, size - used, "%s%.40s", used ? ", " : "",
                             c->ids ? cli_clean(c->ids[i]) : number);
  }
  if (found > SHOWN && used < size)
    snprintf(text + used, size - used, " and %" PRId64 " more", found - SHOWN);
}

static void print_zeros(const contest *c, int a, int b) {
  const clf_comparison *p = &c->pair[b];
  char rows[512];
  if (p->zero_first) {
    list_rows(c, a, b, 0, rows, sizeof rows);
    printf("zero density         under %c alone: row%s %s\n", letter(a),
           p->zero_first == 1 ? "" : "s", rows);
  }
  if (p->zero_second) {
    list_rows(c, b, a, 0, rows, sizeof rows);
    printf("zero density         under %c alone: row%s %s\n", letter(b),
           p->zero_second == 1 ? "" : "s", rows);
  }
  if (!p->zero_both) return;
  list_rows(c, a, b, 1, rows, sizeof rows);
  printf("zero density         under both: row%s %s\n", p->zero_both == 1 ? "" : "s", rows);
}

static void print_verdict(const clf_comparison *p, char a, char b) {
  const char winner = p->winner == CLF_FIRST_BETTER ? a : b;
  printf("verdict              ");
  if (p->winner == CLF_NO_DIFFERENCE)
    printf("no difference beyond 2 standard errors\n");
  else if (p->winner == CLF_UNDECIDED)
    printf(p->zero_first ? "none: each has rows of zero density where the other has none\n"
                         : "none: fewer than two rows have a density\n");
  else if (p->zero_first || p->zero_second)
    printf("%c is better: %c gives zero density to rows that %c does not\n", winner,
           winner == a ? b : a, winner);
  else if (p->std_error > 0)
    printf("%c is better, by %.1f standard errors\n", winner, fabs(p->mean) / p->std_error);
  else
    printf("%c is better, by the same difference in every row\n", winner);
}

static void print_pair(const contest *c, int b) {
  const clf_comparison *p = &c->pair[b];
  const char x = letter(c->against), y = letter(b);
  printf("\n%c - %c                %.6f nats a row\n", x, y, p->mean);
  if (isfinite(p->std_error)) printf("standard error       %.6f nats\n", p->std_error);
  printf("more likely          %" PRId64 " rows under %c, %" PRId64 " under %c, %" PRId64
         " equal\n",
         p->first, x, p->second, y, p->equal);
  print_zeros(c, c->against, b);
  print_verdict(p, x, y);
}

static void print_models(const contest *c) {
  for (int i = 0; i < c->count; i++) {
    const clf_score *s = &c->score[i];
    printf("%c                    %.6f +- %.6f nats  %s", letter(i), s->rest.mean,
           s->rest.std_error, cli_clean(o.path[i]));
    if (s->zeros) printf(" (without %" PRId64 " rows of zero density)", s->zeros);
    putchar('\n');
  }
}

static void print_all(const contest *c) {
  printf("rows                 %" PRId64 "\n", c->rows);
  if (c->missing) printf("with missing values  %" PRId64 ", left out\n", c->missing);
  print_models(c);
  for (int i = 0; i < c->count; i++)
    if (i != c->against) print_pair(c, i);
}

/* ---- JSON ------------------------------------------------------------------- */

static json_t *json_letter(int i) { return json_stringn((char[]){letter(i)}, 1); }

static json_t *json_models(const contest *c) {
  json_t *list = json_array();
  for (int i = 0; i < c->count; i++) {
    const clf_score *s = &c->score[i];
    json_array_append_new(list,
                          json_pack("{s:o, s:o, s:o, s:o, s:I}", "letter", json_letter(i), "model",
                                    cli_json_text(o.path[i]), "mean", cli_json_number(s->rest.mean),
                                    "std_error", cli_json_number(s->rest.std_error), "zero_density",
                                    (json_int_t)s->zeros));
  }
  return list;
}

static json_t *json_zeros(const contest *c, int zero, int other, int both) {
  json_t *list = json_array();
  for (int64_t i = 0; i < c->rows; i++)
    if (c->logp[zero][i] == -INFINITY && (c->logp[other][i] == -INFINITY) == both &&
        !isnan(c->logp[other][i]))
      json_array_append_new(list,
                            c->ids ? cli_json_text(c->ids[i]) : json_integer(number_of(c, i)));
  return list;
}

static json_t *json_pair(const contest *c, int b) {
  static const char *const verdicts[] = {[CLF_NO_DIFFERENCE] = "no difference",
                                         [CLF_FIRST_BETTER] = "first",
                                         [CLF_SECOND_BETTER] = "second",
                                         [CLF_UNDECIDED] = "undecided"};
  const clf_comparison *p = &c->pair[b];
  const int a = c->against;
  return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:s}", "first",
                   json_letter(a), "second", json_letter(b), "mean", cli_json_number(p->mean),
                   "std_error", cli_json_number(p->std_error), "paired", (json_int_t)p->paired,
                   "first_better", (json_int_t)p->first, "second_better", (json_int_t)p->second,
                   "equal", (json_int_t)p->equal, "zero_density_first", json_zeros(c, a, b, 0),
                   "zero_density_second", json_zeros(c, b, a, 0), "zero_density_both",
                   json_zeros(c, a, b, 1), "verdict", verdicts[p->winner]);
}

static int print_json(const contest *c) {
  json_t *pairs = json_array();
  for (int i = 0; i < c->count; i++)
    if (i != c->against) json_array_append_new(pairs, json_pair(c, i));
  return cli_json_print(json_pack(
      "{s:o, s:I, s:I, s:o, s:o, s:o, s:o}", "data", cli_json_text(cli_common.data), "n",
      (json_int_t)c->rows, "missing", (json_int_t)c->missing, "models", json_models(c), "best",
      json_letter(c->best), "against", json_letter(c->against), "differences", pairs));
}

/* ---- Rows ------------------------------------------------------------------- */

/* Writes columns logp_A, logp_B, ..., A_minus_B, ... with one value per row. */
static int put_rows(contest *c) {
  cli_column columns[2 * MODELS + 1];
  char names[2 * MODELS + 1][16];
  int count = 0;
  if (c->ids) columns[count++] = (cli_column){.name = c->id_name, .texts = c->ids};
  for (int i = 0; i < c->count; i++) {
    snprintf(names[count], sizeof *names, "logp_%c", letter(i));
    columns[count] = (cli_column){.name = names[count], .numbers = c->logp[i], .stride = 1};
    count++;
  }
  for (int i = 0; i < c->count; i++) {
    if (i == c->against) continue;
    c->difference[i] = malloc((size_t)c->rows * sizeof *c->difference[i]);
    if (!c->difference[i]) return cli_fail("out of memory for %" PRId64 " differences", c->rows);
    for (int64_t row = 0; row < c->rows; row++) /* both -inf: NaN, an empty field */
      c->difference[i][row] = c->logp[c->against][row] - c->logp[i][row];
    snprintf(names[count], sizeof *names, "%c_minus_%c", letter(c->against), letter(i));
    columns[count] = (cli_column){.name = names[count], .numbers = c->difference[i], .stride = 1};
    count++;
  }
  return cli_put_columns(o.per_row, columns, count, NULL, c->rows);
}

/* ---- The verb --------------------------------------------------------------- */

static void release(contest *c) {
  for (int i = 0; i < MODELS; i++) {
    free(c->logp[i]);
    free(c->difference[i]);
  }
  free_names(c->names, c->dim);
  free(c->discrete);
  for (int64_t i = 0; c->ids && i < c->rows; i++) free(c->ids[i]);
  free(c->ids);
  free(c->id_name);
  free(c->numbers);
}

static int check(void) {
  if (cli_common.table.id && o.per_row && cli_has_suffix(o.per_row, ".npy"))
    return cli_usage("--id writes texts, which a .npy cannot hold; write a .csv");
  if (strcmp(cli_common.data, "-") == 0)
    return cli_usage("--data -: the rows are read once for each model; save them to a file");
  if (o.json && cli_is_stdout(o.per_row))
    return cli_usage("--per-row - and --json cannot both go to standard output");
  return cli_check_table(o.per_row);
}

static int run(void) {
  int code = check();
  if (code) return code;
  contest c = {0};
  cli_common.given_for_some = 1;
  while (c.count < MODELS && o.path[c.count]) c.count++;
  code = evaluate_all(&c);
  if (!code) find_best(&c);
  if (!code && o.per_row) code = put_rows(&c);
  if (!code && o.json) code = print_json(&c);
  if (!code && !o.json && !cli_is_stdout(o.per_row)) print_all(&c);
  release(&c);
  return code;
}

const cli_verb cli_compare = {
    .name = "compare",
    .usage = "A B [C ...] --data DATA [options]",
    .purpose = "Compare how well models fit the same rows.",
    .details = "The difference of log p is taken row by row. Its standard error is much smaller "
               "than the error of either mean. The models may have different layers, scalings, "
               "grids and contexts, but must model the same columns. A model that gives rows zero "
               "density ranks below one that gives fewer.",
    .examples = "clflow compare wine.flow gaussian.flow --data test.csv\nclflow compare a.flow "
                "b.flow c.flow --data test.csv --per-row rows.csv",
    .options = options,
    .run = run,
    .missing = CLF_MISSING_KEEP,
};
