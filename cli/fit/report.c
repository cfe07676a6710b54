/* SPDX-License-Identifier: MIT */
/* report.c: `clflow report` shows on an HTML page whether a model of a table is reliable. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include "clflow/report.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Rows by what they serve for ------------------------------------------------------------ */

static int copy_rows(const clf_table *from, const uint8_t *role, int which, int64_t n,
                     clf_table *to) {
  if (clf_table_new(n, from->cols, to) != CLF_OK) return cli_fail_library();
  int64_t at = 0;
  for (int64_t i = 0; i < from->rows; i++)
    if (role[i] == which)
      memcpy(to->at + at++ * from->cols, from->at + i * from->cols,
             (size_t)from->cols * sizeof *to->at);
  return CLI_OK;
}

/* Copies the context of each row, also where one context is given for all rows. */
static int copy_given(cli_session *s, const uint8_t *role, int which, int64_t n, clf_table *to) {
  const double *c;
  const int code = cli_given_rows(s, 0, s->data.rows, &c);
  if (code || !c) return code;
  const clf_table all = {.rows = s->data.rows, .cols = s->given.cols, .at = (double *)(uintptr_t)c};
  return copy_rows(&all, role, which, n, to);
}

static int take_rows_of(cli_session *s, const uint8_t *role, int which, cli_report_rows *r) {
  clf_report_rows *const rows[3] = {&r->source.train, &r->source.valid, &r->source.test};
  int64_t n = 0;
  for (int64_t i = 0; i < s->data.rows; i++) n += role[i] == which;
  if (n == 0) return CLI_OK;
  int code = copy_rows(&s->data, role, which, n, &r->x[which]);
  if (!code) code = copy_given(s, role, which, n, &r->given[which]);
  if (code) return code;
  r->row[which] = malloc((size_t)n * sizeof *r->row[which]);
  if (!r->row[which]) return cli_fail("out of memory for %" PRId64 " rows", n);
  if (s->data.ids) r->ids[which] = malloc((size_t)n * sizeof *r->ids[which]);
  if (s->data.ids && !r->ids[which]) return cli_fail("out of memory for %" PRId64 " ids", n);
  int64_t at = 0;
  for (int64_t i = 0; i < s->data.rows; i++) {
    if (role[i] != which) continue;
    if (s->data.ids) r->ids[which][at] = s->data.ids[i]; /* lent */
    r->row[which][at++] = s->data.numbers ? s->data.numbers[i] : i + 1;
  }
  r->x[which].columns = s->data.columns; /* lent */
  *rows[which] = (clf_report_rows){.x = &r->x[which], .row = r->row[which], .ids = r->ids[which]};
  if (r->given[which].at) rows[which]->given = &r->given[which];
  return CLI_OK;
}

/* Treats all complete rows as test rows where their role in training is unknown. */
static void call_all_test(const cli_session *s, uint8_t *role) {
  const int32_t D = s->data.cols, C = s->given.rows == s->data.rows ? s->given.cols : 0;
  for (int64_t i = 0; i < s->data.rows; i++) {
    int missing;
    cli_stretch(s->data.at + i * D, D, C ? s->given.at + i * C : NULL, C, 1, &missing);
    role[i] = missing ? CLI_ROW_MISSING : CLF_ROW_TEST;
  }
}

/* Selects the rows that the report evaluates: test rows; if there are none, validation rows; if
 * there are none, training rows. The selected rows become the test rows. */
static clf_report_judged choose_judged(const cli_session *s, uint8_t *role) {
  static const clf_report_judged names[] = {[CLF_ROW_TRAIN] = CLF_JUDGED_TRAIN,
                                            [CLF_ROW_VALID] = CLF_JUDGED_VALID,
                                            [CLF_ROW_TEST] = CLF_JUDGED_TEST};
  int there[3] = {0};
  for (int64_t i = 0; i < s->data.rows; i++)
    if (role[i] <= CLF_ROW_TEST) there[role[i]] = 1;
  const int judged = there[CLF_ROW_TEST]    ? CLF_ROW_TEST
                     : there[CLF_ROW_VALID] ? CLF_ROW_VALID
                                            : CLF_ROW_TRAIN;
  for (int64_t i = 0; i < s->data.rows; i++)
    if (role[i] == judged) role[i] = CLF_ROW_TEST;
  return names[judged];
}

static int find_roles(cli_session *s, const uint8_t *known, uint8_t *role, cli_report_rows *r) {
  int found = 1, refit, code = CLI_OK;
  if (known)
    memcpy(role, known, (size_t)s->data.rows);
  else
    code = cli_roles_find(s, role, &found, &refit);
  if (code) return code;
  if (!found) call_all_test(s, role);
  r->source.judged = found ? choose_judged(s, role) : CLF_JUDGED_ANY;
  return CLI_OK;
}

static int take_rows(cli_session *s, const uint8_t *known, cli_report_rows *r) {
  uint8_t *const role = malloc((size_t)s->data.rows);
  if (!role) return cli_fail("out of memory for %" PRId64 " rows", s->data.rows);
  int code = find_roles(s, known, role, r);
  for (int which = CLF_ROW_TRAIN; which <= CLF_ROW_TEST && !code; which++)
    code = take_rows_of(s, role, which, r);
  free(role);
  return code;
}

/* ---- --pairs --------------------------------------------------------------------------------- */

/* The index of the column with that name or with that number counted from 1; -1: none. */
static int32_t find_column(const cli_session *s, const char *word, size_t n) {
  char *const *names = clf_flow_columns(s->flow);
  if (!names) names = s->data.names;
  for (int32_t d = 0; names && d < s->data.cols; d++)
    if (strlen(names[d]) == n && strncmp(names[d], word, n) == 0) return d;
  if (n == 0 || n > 9 || strspn(word, "0123456789") < n) return -1;
  const long number = strtol(word, NULL, 10);
  return number >= 1 && number <= s->data.cols ? (int32_t)number - 1 : -1;
}

static int take_pairs(const cli_session *s, const char *list, cli_report_rows *r) {
  enum { MOST = 6 };
  if (!list) return CLI_OK;
  r->pairs = malloc(MOST * sizeof *r->pairs);
  if (!r->pairs) return cli_fail("out of memory for --pairs");
  r->source.pairs = r->pairs;
  for (const char *at = list;; at++) {
    const size_t n = strcspn(at, ",");
    const int32_t d = find_column(s, at, n);
    if (d < 0)
      return cli_usage("--pairs takes columns of the model by name or by number from 1 to %" PRId32
                       ", separated by commas; got \"%.*s\"",
                       s->data.cols, (int)n, at);
    if (r->source.pair_count == MOST)
      return cli_usage("--pairs takes up to %d columns; give fewer", MOST);
    r->pairs[r->source.pair_count++] = d;
    at += n;
    if (!*at) break;
  }
  if (r->source.pair_count < 2) return cli_usage("--pairs needs two columns or more");
  return CLI_OK;
}

/* ---- The source ---------------------------------------------------------------------- */

static void append_words(cli_report_rows *r, const char *const *words) {
  for (; *words; words++) cli_append_word(' ', *words, r->command, sizeof r->command);
}

/* Writes the columns that the record calls the context into `given`, separated by commas; "" if
 * there are none. */
static void list_given(const clf_flow *flow, char *given, size_t size) {
  size_t i, used = 0;
  json_t *const record = json_loads(clf_flow_record(flow), 0, NULL), *name;
  json_array_foreach(json_object_get(record, "given"), i, name) {
    const char *const text = json_string_value(name);
    if (!text || used + strlen(text) + 2 > size) continue;
    used += (size_t)snprintf(given + used, size - used, "%s%s", used ? "," : "", text);
  }
  given[used] = '\0';
  json_decref(record);
}

/* Writes the commands that make the model again (if the record has the necessary data) and the
 * report, one per line. */
static void write_command(const clf_flow *flow, uint64_t seed, int fitted, cli_report_rows *r) {
  char number[32], given[1024];
  const char *const model = cli_common.model, *const data = cli_common.data;
  snprintf(number, sizeof number, "%" PRIu64, seed);
  *r->command = '\0';
  if (clf_flow_record(flow)) {
    list_given(flow, given, sizeof given);
    snprintf(r->command, sizeof r->command, "clflow fit");
    append_words(r, (const char *const[]){data, "--repeat", model, "--out", "again.flow", NULL});
    if (*given) append_words(r, (const char *const[]){"--given", given, NULL});
    strncat(r->command, "\n", sizeof r->command - strlen(r->command) - 1);
  }
  strncat(r->command, "clflow report", sizeof r->command - strlen(r->command) - 1);
  append_words(r, (const char *const[]){model, "--data", data, NULL});
  if (cli_common.given && !fitted) /* which names columns in that case */
    append_words(r, (const char *const[]){"--given", cli_common.given, NULL});
  append_words(r, (const char *const[]){"--seed", number, NULL});
}

int cli_report_open(cli_session *s, const char *pairs, const uint8_t *role, uint64_t seed,
                    cli_report_rows *r) {
  *r = (cli_report_rows){
      .source = {
          .flow = s->flow, .data = cli_common.data, .model = cli_common.model, .seed = seed}};
  if (!s->data.at) return cli_fail("reports are for tables, %s holds images", cli_common.data);
  write_command(s->flow, seed, role != NULL || strcmp(cli_running->name, "fit") == 0, r);
  r->source.command = r->command;
  const int code = take_rows(s, role, r);
  return code ? code : take_pairs(s, pairs, r);
}

void cli_report_close(cli_report_rows *r) {
  for (int i = 0; i < 3; i++) {
    r->x[i].columns = NULL; /* owned by the session */
    clf_table_free(&r->x[i]);
    clf_table_free(&r->given[i]);
    free(r->row[i]);
    free(r->ids[i]);
  }
  free(r->pairs);
}

/* ---- The verb ------------------------------------------------------------------------ */

static struct {
  const char *out, *pairs;
  uint64_t seed;
} o;

static cli_option options[] = {
    CLI_OPERAND_MODEL,
    CLI_OPTION_DATA("judge the model by this table; of the table that it was made from, only the "
                    "test or validation rows are used"),
    {"--out", "FILE.html",
     "write the report to this file (default: the model's name with .report.html, in the current "
     "folder)",
     CLI_OUTPUT, &o.out, NULL, 0, 0},
    CLI_OPTION_PAIRS(&o.pairs),
    CLI_OPTION_SEED(&o.seed, "samples of the model"),
    CLI_OPTION_GIVEN_ROWS,
    CLI_OPTION_FORCE,
    CLI_OPTIONS_TABLE,
    CLI_OPTIONS_MODEL,
    CLI_OPTIONS_END,
};

/* "models/wine.flow" becomes "wine.report.html". */
static const char *default_out(void) {
  static char name[4096];
  static const char *const endings[] = {".flow", ".safetensors"};
  const char *const slash = strrchr(cli_common.model, '/');
  const char *const base = slash ? slash + 1 : cli_common.model;
  size_t n = strlen(base);
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
    if (cli_has_suffix(base, endings[i]) && n > strlen(endings[i])) n -= strlen(endings[i]);
  const int used = snprintf(name, sizeof name, "%.*s.report.html", (int)n, base);
  return used < (int)sizeof name ? name : NULL;
}

static const char *also_writes(int i, const char **option) {
  if (i > 0 || o.out) return NULL;
  *option = "MODEL";
  return default_out();
}

static char verdict[512];

static clf_status write_page(const char *path, void *rows) {
  const cli_report_rows *r = rows;
  return clf_report_write(&r->source, path, verdict, sizeof verdict);
}

static int write_report(cli_session *s, const char *out) {
  cli_report_rows r;
  int code = cli_report_open(s, o.pairs, NULL, o.seed, &r);
  if (!code) code = cli_write_text(out, ".html", write_page, &r);
  if (!code && cli_is_stdout(out)) cli_say("%s", verdict);
  if (!code && !cli_is_stdout(out)) printf("%s\nreport: %s\n", verdict, cli_clean(out));
  cli_report_close(&r);
  return code;
}

static int run(void) {
  const char *const out = o.out ? o.out : default_out();
  if (!out) return cli_usage("the name of the model is too long; give --out");
  int code = cli_check_file("--out", out, ".html");
  if (code) return code;
  cli_session s;
  code = cli_session_open(&s);
  if (!code) code = write_report(&s, out);
  cli_session_close(&s);
  return code;
}

const cli_verb cli_report = {
    .name = "report",
    .usage = "MODEL --data DATA [options]",
    .purpose = "Write an HTML page that shows how well a model fits a table.",
    .details = "The page needs no network. It compares rows with samples of the model, by columns "
               "and by log p, and lists the strangest rows.",
    .examples = "clflow report wine.flow --data wine.csv",
    .options = options,
    .run = run,
    .missing = CLF_MISSING_DROP,
    .also_writes = also_writes,
};
