/* SPDX-License-Identifier: MIT */
/* folds.c: `clflow train --folds K`: cross-validation, which also finds how long to train on all
 * rows.
 *
 * Each of the K folds is the validation set of a training on the others: its rows are scored
 * with the
 * weights that were best on them. */
#include "train.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Rows ----------------------------------------------------------------------------------- */

/* Draws the fold of each row; the sizes of the K folds differ by at most one. */
static int draw(int64_t rows, int32_t folds, uint64_t seed, int32_t *fold) {
  uint8_t *role = malloc((size_t)rows);
  int64_t left = rows;
  if (!role) return cli_fail("out of memory to divide %" PRId64 " rows", rows);
  for (int64_t i = 0; i < rows; i++) fold[i] = folds - 1;
  for (int32_t k = 0; k + 1 < folds; k++) {
    const int64_t wanted = left / (folds - k);
    if (clf_split_rows(left, (double)wanted / (double)left, 0, seed + (uint64_t)k, role) !=
        CLF_OK) {
      free(role);
      return cli_fail_library();
    }
    for (int64_t i = 0, at = 0; i < rows; i++)
      if (fold[i] == folds - 1 && role[at++] == CLF_ROW_VALID) fold[i] = k;
    left -= wanted;
  }
  free(role);
  return CLI_OK;
}

/* Copies the rows of a table that are in fold k, or those that are not. The column names are
 * still owned by the original table. */
static int copy_rows(const clf_table *from, const int32_t *fold, int32_t k, int in, clf_table *to) {
  int64_t n = 0;
  if (!from->at) return CLI_OK;
  for (int64_t i = 0; i < from->rows; i++) n += (fold[i] == k) == in;
  if (clf_table_new(n, from->cols, to) != CLF_OK) return cli_fail_library();
  to->names = from->names;
  n = 0;
  for (int64_t i = 0; i < from->rows; i++)
    if ((fold[i] == k) == in)
      memcpy(to->at + n++ * from->cols, from->at + i * from->cols,
             (size_t)from->cols * sizeof *to->at);
  return CLI_OK;
}

/* Copies data, context and weights of the rows in fold k, or of the others. */
static int take_rows(const cli_session *s, const int32_t *fold, int32_t k, int in,
                     cli_session *to) {
  int code = copy_rows(&s->data, fold, k, in, &to->data);
  if (!code) code = copy_rows(&s->given, fold, k, in, &to->given);
  return code ? code : copy_rows(&s->weights, fold, k, in, &to->weights);
}

static void free_rows(cli_session *s) {
  s->data.names = s->given.names = s->weights.names = NULL;
  cli_apart_close(s);
}

/* ---- A training ------------------------------------------------------------------------------ */

typedef struct folds {
  cli_session *s;
  const cli_training *t; /* for its log file */
  clf_train_options o;   /* options of each training */
  int32_t count;
  int32_t *fold;  /* fold of each row */
  double *logp;   /* log p of each row under the model that was not trained on it */
  int64_t *steps; /* the best step count of each training */
} folds;

static int score(const folds *f, int32_t k, cli_session *held, double *mean) {
  const int64_t n = held->data.rows;
  double *logp = malloc((size_t)n * sizeof *logp);
  cli_apart_result r = {NAN, NAN, 0, NAN, NAN};
  int code = logp ? cli_log_probs(held, logp) : cli_fail("out of memory for %" PRId64 " rows", n);
  for (int64_t i = 0, at = 0; i < f->s->data.rows && !code; i++)
    if (f->fold[i] == k) f->logp[i] = logp[at++];
  if (!code) code = cli_apart_score(logp, held->weights.at, n, &r);
  *mean = r.mean;
  free(logp);
  return code;
}

/* Trains held->flow and scores the rows of fold k. */
static int train(const folds *f, int32_t k, const cli_session *rest, cli_session *held) {
  char label[32];
  double mean = 0;
  const clf_train_data data = {.x = &rest->data,
                               .given = rest->given.at ? &rest->given : NULL,
                               .weights = rest->weights.at,
                               .valid = &held->data,
                               .valid_given = held->given.at ? &held->given : NULL,
                               .valid_weights = held->weights.at};
  snprintf(label, sizeof label, "fold %" PRId32 "/%" PRId32 "  ", k + 1, f->count);
  cli_training one = {.flow = held->flow, .label = label, .by_steps = 1, .seed = f->o.seed};
  if (clf_trainer_create_with(held->flow, &data, &f->o, &one.trainer) != CLF_OK)
    return cli_fail_library();
  const clf_status status = cli_training_run(&one);
  clf_trainer_free(one.trainer);
  if (status == CLF_ESTOPPED)
    return cli_fail("stopped in fold %" PRId32 " of %" PRId32 "; nothing is written", k + 1,
                    f->count);
  if (status != CLF_OK) return cli_fail_library();
  const int code = score(f, k, held, &mean);
  f->steps[k] = clf_flow_history(held->flow).best_step;
  if (code) return code;
  cli_training_log(f->t, json_pack("{s:I, s:I, s:o, s:I}", "fold", (json_int_t)(k + 1), "rows",
                                   (json_int_t)held->data.rows, "valid", cli_json_number(mean),
                                   "best_step", (json_int_t)f->steps[k]));
  return CLI_OK;
}

static int one_fold(const folds *f, int32_t k, const void *model, size_t size) {
  cli_session rest = {0}, held = {0};
  int code = take_rows(f->s, f->fold, k, 0, &rest);
  if (!code) code = take_rows(f->s, f->fold, k, 1, &held);
  if (!code && clf_flow_load_memory(f->s->dev, model, size, NULL, &held.flow) != CLF_OK)
    code = cli_fail_library();
  if (!code) code = train(f, k, &rest, &held);
  clf_flow_free(held.flow);
  free_rows(&rest);
  free_rows(&held);
  return code;
}

/* ---- All of them ----------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* The middle value, or the mean of the two middle values. */
static int64_t median(int64_t *v, int32_t n) {
  qsort(v, (size_t)n, sizeof *v, by_size);
  return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2] + 1) / 2;
}

static int tell(const folds *f, int64_t *steps) {
  const int64_t n = f->s->data.rows;
  cli_apart_result r;
  const int code = cli_apart_score(f->logp, f->s->weights.at, n, &r);
  if (code) return code;
  *steps = median(f->steps, f->count);
  printf("folds                %" PRId32 ": held-out log-likelihood %.6f nats", f->count, r.mean);
  cli_apart_print_error(&r, 1, "nats");
  printf("\n");
  printf("steps                %" PRId64 ", the median of the best of each fold\n", *steps);
  cli_flush();
  cli_training_log(f->t,
                   json_pack("{s:I, s:o, s:o, s:I, s:I}", "folds", (json_int_t)f->count, "valid",
                             cli_json_number(r.mean), "valid_se", cli_json_number(r.error), "zeros",
                             (json_int_t)r.zeros, "steps", (json_int_t)*steps));
  return *steps > 0 ? CLI_OK
                    : cli_fail("no fold had a finite validation loss; a smaller --lr may help");
}

int cli_folds_check(const cli_session *s) {
  static const char *const others[] = {"--valid", "--valid-split", "--resume", "--target"};
  const int32_t K = cli_wanted.folds;
  if (!K) return CLI_OK;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (cli_train_given(others[i]))
      return cli_usage("--folds and %s exclude each other: each fold is validated by the rows that "
                       "it leaves out",
                       others[i]);
  if (s->images) return cli_usage("--folds is for tables, %s holds images", cli_common.data);
  if (K < 2) return cli_usage("--folds %" PRId32 ": there must be at least 2", K);
  if (K > s->data.rows)
    return cli_usage("--folds %" PRId32 ": %s has only %" PRId64 " rows", K, cli_common.data,
                     s->data.rows);
  if (s->given.at && s->given.rows != s->data.rows)
    return cli_usage("--folds needs a context for each row: %s has %" PRId64
                     " rows, %s has %" PRId64,
                     cli_clean(cli_common.given), s->given.rows, cli_common.data, s->data.rows);
  return CLI_OK;
}

int cli_folds_run(cli_session *s, const cli_training *t, const void *model, size_t size,
                  int64_t *steps) {
  const size_t rows = (size_t)s->data.rows, K = (size_t)cli_wanted.folds;
  folds f = {.s = s,
             .t = t,
             .o = cli_wanted.train,
             .count = cli_wanted.folds,
             .fold = malloc(rows * sizeof *f.fold),
             .logp = malloc(rows * sizeof *f.logp),
             .steps = malloc(K * sizeof *f.steps)};
  f.o.valid_split = 0;
  int code = f.fold && f.logp && f.steps ? CLI_OK : cli_fail("out of memory for %zu folds", K);
  if (!code) code = draw(s->data.rows, f.count, f.o.seed, f.fold);
  for (int32_t k = 0; k < f.count && !code; k++) code = one_fold(&f, k, model, size);
  if (!code) code = tell(&f, steps);
  free(f.fold);
  free(f.logp);
  free(f.steps);
  return code;
}
