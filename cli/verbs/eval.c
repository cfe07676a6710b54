/* SPDX-License-Identifier: MIT */
/* eval.c: `clflow eval` shows how well a model fits data. */
#include "cli.h"
#include "members.h"
#include "ranks.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct {
  const char *valid, *test;
  int64_t samples; /* -1: not given */
  int json;
} o = {.samples = -1};

static cli_option options[] = {
    CLI_OPERAND_MODEL,
    {"--data", "DATA",
     "score these rows; of the table that the model was made from, the training, validation and "
     "test rows are scored separately too",
     CLI_DATA, &cli_common.data, NULL, 0, 0},
    {"--valid", "FILE", "score these validation rows separately", CLI_DATA, &o.valid, NULL, 0, 0},
    {"--test", "FILE", "score these test rows separately", CLI_DATA, &o.test, NULL, 0, 0},
    {"--samples", "N",
     "compare the data with this many samples of the model; 0: no comparison (default 2000 to "
     "10000 for tables, 0 for images)",
     CLI_INDEX, &o.samples, NULL, 0, 0},
    CLI_OPTION_JSON(&o.json, "print a JSON object"),
    CLI_OPTION_GIVEN_ROWS,
    CLI_OPTION_STRICT_ROWS,
    CLI_OPTIONS_TABLE,
    CLI_OPTIONS_IMAGE_ROWS,
    CLI_OPTIONS_MODEL,
    CLI_SECTION("Several devices"),
    CLI_OPTION_DEVICES,
    CLI_OPTIONS_END,
};

/* ---- Results ------------------------------------------------------------------------ */

enum { TRAIN, VALID, TEST, SETS };
static const struct {
  const char *key, *name;
} sets[SETS] = {{"train", "training"}, {"valid", "validation"}, {"test", "test"}};

typedef struct set_score {
  int there;
  clf_score score;
} set_score;

typedef struct result {
  const char *data; /* the first one given of --data, --test, --valid */
  int first;        /* SETS, TEST or VALID: which one it was */
  clf_score score;  /* score of all rows */
  int64_t missing;
  int images, dim, refit;
  set_score set[SETS];
  const char *judged; /* the rows that are compared with samples: "test", "validation" or "" */
  clf_deviation logp, *columns; /* columns NULL: no comparison was made */
  char **names;
  clf_fit_verdict verdict;
  int32_t worst; /* column, or -1 for log p */
} result;

static void release(result *r) {
  for (int32_t d = 0; r->names && d < r->dim; d++) free(r->names[d]);
  free(r->names);
  free(r->columns);
}

/* ---- Scores -------------------------------------------------------------------------- */

/* Scores the training, validation and test rows where the model's file says which they are. */
static int score_sets(const cli_session *s, const double *logp, const uint8_t *of, result *r) {
  double *const some = malloc((size_t)s->data.rows * sizeof *some);
  if (!some) return cli_fail("out of memory for %" PRId64 " log-densities", s->data.rows);
  for (int k = 0; k < SETS; k++) {
    int64_t n = 0;
    for (int64_t i = 0; i < s->data.rows; i++)
      if (of[i] == k) some[n++] = logp[i];
    r->set[k].there = n > 0;
    r->set[k].score = clf_score_of(some, n, r->dim);
  }
  free(some);
  return CLI_OK;
}

/* ---- Comparison with samples ------------------------------------------------------------ */

static int keep_names(const clf_flow *flow, result *r) {
  char *const *const names = clf_flow_columns(flow);
  r->names = calloc((size_t)r->dim, sizeof *r->names);
  for (int32_t d = 0; r->names && d < r->dim; d++) {
    const size_t size = names ? strlen(names[d]) + 1 : 16;
    r->names[d] = malloc(size);
    if (!r->names[d]) return cli_fail("out of memory for the names of %d columns", r->dim);
    if (names)
      memcpy(r->names[d], names[d], size);
    else
      snprintf(r->names[d], size, "x%" PRId32, d);
  }
  return r->names ? CLI_OK : cli_fail("out of memory for the names of %d columns", r->dim);
}

/* The number of samples that was asked for. The default is lower for many columns, because some
 * flows sample them one by one. */
static int64_t sample_count(const result *r) {
  enum { NUMBERS = 160000, LEAST = 2000, MOST = 10000 };
  const int64_t usual = NUMBERS / r->dim;
  if (o.samples >= 0) return o.samples;
  return r->images ? 0 : usual < LEAST ? LEAST : usual > MOST ? MOST : usual;
}

/* Compares rows with samples. It is not an error if the model cannot sample. */
static int compare(cli_session *s, const double *x, const double *c, int64_t n, result *r) {
  const int code = keep_names(s->flow, r);
  if (code) return code;
  r->columns = malloc((size_t)r->dim * sizeof *r->columns);
  if (!r->columns) return cli_fail("out of memory for the comparison with samples");
  const clf_status status =
      clf_calibrate(s->flow, x, c, n, 1, sample_count(r), &r->logp, s->images ? NULL : r->columns);
  if (status == CLF_OK) {
    r->verdict = clf_calibration_verdict(&r->logp, s->images ? NULL : r->columns,
                                         s->images ? 0 : r->dim, &r->worst);
    return CLI_OK;
  }
  if (status != CLF_ENUM && status != CLF_ENOTSUP) return cli_fail_library();
  cli_say("there is no comparison with samples: %s", clf_errmsg());
  free(r->columns);
  r->columns = NULL;
  return CLI_OK;
}

/* Copies the rows of the set k to a separate array; k = SETS: all rows. */
static int compare_set(cli_session *s, const uint8_t *of, int k, result *r) {
  const int64_t rows = cli_row_count(s);
  const int32_t D = r->dim, C = clf_flow_context(s->flow);
  double *const x = malloc((size_t)rows * (size_t)D * sizeof *x), *const c =
                                                                      C ? malloc((size_t)rows *
                                                                                 (size_t)C *
                                                                                 sizeof *c)
                                                                        : NULL;
  int code = x && (c || !C) ? CLI_OK : cli_fail("out of memory for %" PRId64 " rows", rows);
  int64_t n = 0;
  for (int64_t i = 0; i < rows && !code; i++) {
    const double *row, *given;
    if (k < SETS && of[i] != k) continue;
    code = cli_rows(s, i, 1, &row);
    if (!code) code = cli_given_rows(s, i, 1, &given);
    if (code) break;
    memcpy(x + n * D, row, (size_t)D * sizeof *x);
    if (C) memcpy(c + n * C, given, (size_t)C * sizeof *c);
    n++;
  }
  if (!code) code = compare(s, x, c, n, r);
  free(x);
  free(c);
  return code;
}

/* ---- Data --------------------------------------------------------------------------------- */

/* Evaluates the data of an open session: all rows; with `find` also the training, validation and
 * test rows separately; with `judge` the comparison with samples. */
static int evaluate(cli_session *s, clf_score *score, int64_t *missing, int find, int judge,
                    result *r) {
  const int64_t rows = cli_row_count(s);
  double *const logp = malloc((size_t)rows * sizeof *logp);
  uint8_t *const of = malloc((size_t)rows);
  int found = 0, code = logp && of ? CLI_OK : cli_fail("out of memory for %" PRId64 " rows", rows);
  r->dim = clf_flow_get_spec(s->flow)->dim;
  r->images = cli_makes_images(s);
  if (!code) code = cli_log_probs(s, logp);
  if (!code) code = cli_score(logp, rows, r->dim, score, missing);
  if (!code && find) code = cli_roles_find(s, of, &found, &r->refit);
  if (!code && found) code = score_sets(s, logp, of, r);
  int k = SETS;
  if (found) k = r->set[TEST].there ? TEST : r->set[VALID].there ? VALID : TRAIN;
  if (judge && k < SETS) r->judged = sets[k].name;
  if (!code && cli_ranks_own() == 0 && judge && sample_count(r)) code = compare_set(s, of, k, r);
  free(logp);
  free(of);
  return code;
}

/* Evaluates the first one given of --data, --test and --valid. Test rows are compared with
 * samples if there are any, otherwise validation rows. */
static int evaluate_all(cli_session *s, result *r) {
  const char *const all[] = {cli_common.data, o.test, o.valid};
  static const int of[] = {SETS, TEST, VALID};
  int code = CLI_OK, opened = 0;
  for (int i = 0; i < 3 && !code; i++) {
    if (!all[i]) continue;
    cli_common.data = all[i];
    code = opened++ ? cli_session_next(s) : cli_session_open(s);
    if (code) break;
    clf_score score;
    int64_t missing;
    const int first = !r->data, judge = o.test ? i == 1 : o.valid ? i == 2 : 1;
    if (first) r->data = all[i];
    if (first) r->first = of[i];
    if (judge && of[i] < SETS) r->judged = sets[of[i]].name;
    code = evaluate(s, first ? &r->score : &score, first ? &r->missing : &missing, !i, judge, r);
    if (!code && of[i] < SETS) r->set[of[i]] = (set_score){1, first ? r->score : score};
  }
  return code;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* Standard errors are in nats; this converts one to bits/dim. */
static double in_bits(const result *r, double std_error) { return std_error / (r->dim * log(2)); }

/* Numbers that are not finite become null. */
static json_t *json_score(const result *r, const clf_score *score) {
  json_t *rest = json_pack(
      "{s:I, s:o, s:o, s:o, s:o}", "n", (json_int_t)(score->count - score->zeros), "mean",
      cli_json_number(score->rest.mean), "std_error", cli_json_number(score->rest.std_error),
      "bits_per_dim", cli_json_number(score->rest.bits_per_dim), "bits_per_dim_std_error",
      cli_json_number(in_bits(r, score->rest.std_error)));
  return json_pack("{s:I, s:o, s:o, s:o, s:o, s:I, s:o}", "n", (json_int_t)score->count, "mean",
                   cli_json_number(score->mean), "std_error", cli_json_number(score->std_error),
                   "bits_per_dim", cli_json_number(score->bits_per_dim), "bits_per_dim_std_error",
                   cli_json_number(in_bits(r, score->std_error)), "zero_density",
                   (json_int_t)score->zeros, "without_zero_density", rest);
}

static json_t *json_sets(const result *r) {
  json_t *all = json_object();
  for (int k = 0; k < SETS; k++)
    if (r->set[k].there) json_object_set_new(all, sets[k].key, json_score(r, &r->set[k].score));
  return all;
}

static json_t *json_deviation(const char *name, const clf_deviation *d) {
  return json_pack("{s:o, s:o, s:o}", "name", cli_json_text(name), "distance",
                   cli_json_number(d->distance), "p_value", cli_json_number(d->p_value));
}

static const char *const verdicts[] = {
    [CLF_FITS] = "fits", [CLF_FITS_NEARLY] = "nearly fits", [CLF_FITS_BADLY] = "does not fit"};

static json_t *json_comparison(const result *r) {
  if (!r->columns) return json_null();
  json_t *columns = json_array();
  for (int32_t d = 0; !r->images && d < r->dim; d++)
    json_array_append_new(columns, json_deviation(r->names[d], &r->columns[d]));
  return json_pack("{s:s, s:o, s:I, s:I, s:o, s:o}", "verdict", verdicts[r->verdict], "rows",
                   r->judged ? json_string(r->judged) : json_null(), "n", (json_int_t)r->logp.n,
                   "samples", (json_int_t)r->logp.m, "log_p", json_deviation("log p", &r->logp),
                   "columns", columns);
}

static int print_json(const result *r) {
  json_t *all = json_score(r, &r->score);
  json_object_set_new(all, "model", cli_json_text(cli_common.model));
  json_object_set_new(all, "data", cli_json_text(r->data));
  json_object_set_new(all, "missing", json_integer(r->missing));
  json_object_set_new(all, "parts", json_sets(r));
  json_object_set_new(all, "refit", json_boolean(r->refit));
  json_object_set_new(all, "calibration", json_comparison(r));
  return cli_json_print(all);
}

/* ---- Text output ----------------------------------------------------------------------------- */

static void print_mean(const result *r, double mean, double std_error, double bits_per_dim) {
  printf("mean log-likelihood  %.6f nats\n", mean);
  if (isfinite(std_error)) printf("standard error       %.6f nats\n", std_error);
  printf("bits/dim             %.6f\n", bits_per_dim);
  if (r->images && isfinite(std_error))
    printf("standard error       %.6f bits/dim\n", in_bits(r, std_error));
}

static void print_score(const result *r) {
  const clf_score *const score = &r->score;
  const char *const what = r->images ? "images " : "samples";
  printf("%s              %" PRId64 "\n", what, score->count);
  if (r->missing) printf("with missing values  %" PRId64 ", left out\n", r->missing);
  print_mean(r, score->mean, score->std_error, score->bits_per_dim);
  if (!score->zeros) return;
  printf("zero density         %" PRId64 " of %" PRId64 " %s\n", score->zeros, score->count,
         r->images ? "images" : "samples");
  if (score->zeros == score->count) return;
  puts("without them:");
  print_mean(r, score->rest.mean, score->rest.std_error, score->rest.bits_per_dim);
}

static void print_sets(const result *r) {
  for (int k = 0; k < SETS; k++) {
    const clf_score *const s = &r->set[k].score;
    if (!r->set[k].there || k == r->first) continue;
    printf("%-10s           %.6f", sets[k].name, s->rest.mean);
    printf(isfinite(s->rest.std_error) ? " +- %.6f nats" : " nats", s->rest.std_error);
    printf(", %" PRId64 " rows", s->count);
    if (s->zeros) printf(", without %" PRId64 " of zero density", s->zeros);
    putchar('\n');
  }
  if (r->refit)
    puts("                     the model was trained again on all of them after it was chosen");
}

/* "1000 test rows" */
static void print_judged(const result *r) {
  printf("%" PRId64 " %s%s%s", r->logp.n, r->judged ? r->judged : "", r->judged ? " " : "",
         r->images ? "images" : "rows");
}

static void print_comparison(const result *r) {
  if (!r->columns) return;
  const clf_deviation *const d = r->worst < 0 ? &r->logp : &r->columns[r->worst];
  printf("against samples      %s: ", verdicts[r->verdict]);
  if (r->verdict != CLF_FITS)
    printf("%s%s of ", r->worst < 0 ? "log p" : "column ",
           r->worst < 0 ? "" : cli_clean(r->names[r->worst]));
  else
    printf(r->images ? "log p of " : "log p and each column of ");
  print_judged(r);
  if (r->verdict == CLF_FITS)
    puts(r->images ? " is as in samples of the model" : " are as in samples of the model");
  else
    printf(" is not as in samples of the model (distance %.3f, p %.1g)\n", d->distance, d->p_value);
}

/* ---- The verb -------------------------------------------------------------------------------- */

static int run(void) {
  if (!cli_common.data && !o.test && !o.valid)
    return cli_usage("--data is missing; usage: clflow eval %s", cli_eval.usage);
  const int refused = cli_members_check();
  if (refused) return refused;
  cli_session s = {0};
  result r = {0};
  cli_ranks_divide();
  int code = evaluate_all(&s, &r);
  if (!code) cli_ranks_finish();
  if (!code && o.json) code = print_json(&r);
  if (!code && !o.json) {
    print_score(&r);
    print_sets(&r);
    print_comparison(&r);
  }
  release(&r);
  cli_session_close(&s);
  return code;
}

const cli_verb cli_eval = {
    .name = "eval",
    .usage = "MODEL --data DATA [options]",
    .purpose = "Print the mean log-likelihood of data under a model.",
    .details =
        "Rows outside the support of the model, or so far out that the model overflows, have zero "
        "density. They make the mean -inf (null in JSON), so the mean without them is printed "
        "too.\nFor images, bits/dim can be compared with published numbers: log p is that of the "
        "pixels with uniform noise, which --seed draws, so that the result can be repeated.\n\nThe "
        "data are compared with samples of the model: each column, and log p, which shows what "
        "single columns do not. A distance is the largest difference between two distribution "
        "functions. The test rows are compared, else the validation rows, else all rows.",
    .examples = "clflow eval wine.flow --data wine.csv\nclflow eval moons.safetensors --data "
                "moons:n=20000,seed=2 --json",
    .options = options,
    .run = run,
    .ranks = 1,
    .missing = CLF_MISSING_KEEP,
};
