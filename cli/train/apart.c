/* SPDX-License-Identifier: MIT */
/* apart.c: `--valid` and `--test` of `clflow train`: rows or images that come from separate
 * files. */
#include "train.h"
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* The columns of the data as they were read, including those of the context and of the weights.
 * Free only the lists. Without names, the columns of the file are detected. */
static int columns_of(const cli_session *s, clf_columns *like) {
  const clf_table *const x = &s->data, *const c = &s->given, *const w = &s->weights;
  const clf_columns from[] = {{x->cols, x->names, x->columns},
                              s->context.count ? s->context
                                               : (clf_columns){c->cols, c->names, c->columns},
                              {w->cols, w->names, w->columns}};
  int32_t n = 0;
  if (!x->names) return CLI_OK;
  for (int p = 0; p < 3; p++) n += from[p].count;
  *like =
      (clf_columns){n, calloc((size_t)n, sizeof *like->names), calloc((size_t)n, sizeof *like->at)};
  if (!like->names || !like->at) return cli_fail("out of memory for %d columns", n);
  for (int32_t p = 0, at = 0; p < 3; p++)
    for (int32_t k = 0; k < from[p].count; k++, at++) {
      like->names[at] = from[p].names ? from[p].names[k] : NULL;
      if (from[p].at) like->at[at] = from[p].at[k];
    }
  return CLI_OK;
}

static int read_table(const cli_session *s, const char *data, cli_session *to) {
  clf_columns like = {0};
  int code = columns_of(s, &like);
  if (!code)
    code = cli_table_read_apart(data, like.names && !cli_common.table.by_position ? &like : NULL,
                                cli_wanted.weights, to);
  to->like = NULL;
  free(like.names);
  free(like.at);
  return code;
}

static int check_given(const char *option) {
  if (!cli_common.given || !cli_given_is_file(cli_common.given)) return CLI_OK;
  return cli_usage("--given %s only has the context of the rows of --data: with %s, give names "
                   "of columns, or of images class",
                   cli_clean(cli_common.given), option);
}

/* Opens the rows of a file, with the context and the weights named by `--given` and `--weights`;
 * the columns have the same names as in the data. */
static int open_table(const cli_session *s, const char *option, const char *data, cli_session *to) {
  if (s->images || clf_is_image_source(data))
    return cli_usage("%s %s: the data of %s are %s, these are %s", option, data, cli_common.data,
                     s->images ? "images" : "a table", s->images ? "a table" : "images");
  int code = check_given(option);
  if (!code) code = read_table(s, data, to);
  if (code) return code;
  const clf_table *const like[] = {&s->data, &s->given};
  clf_table *const mine[] = {&to->data, &to->given};
  for (int i = 0; i < 2; i++)
    if (!cli_common.table.by_position && mine[i]->at &&
        clf_table_match(mine[i], like[i]->names, like[i]->cols) != CLF_OK)
      return cli_fail("%s %s does not match %s: %s", option, data, cli_common.data, clf_errmsg());
  if (to->data.cols == s->data.cols) return CLI_OK;
  return cli_fail("%s %s has %d column%s, %s has %d", option, data, to->data.cols,
                  to->data.cols == 1 ? "" : "s", cli_common.data, s->data.cols);
}

/* Opens images; they are brought to the model's size in the same way as the others. */
static int open_images(const cli_session *s, const char *option, const char *data,
                       cli_session *to) {
  const clf_flow_spec *spec = clf_flow_get_spec(s->flow);
  clf_image_options want = cli_image_options();
  want.height = spec->height;
  want.width = spec->width;
  want.channels = spec->channels;
  int code = check_given(option);
  if (!code) code = cli_data_open(to, data, &want);
  if (!code) code = cli_data_wait(to);
  if (!code) code = cli_given_split(to);
  return code ? code : cli_given_expand(to);
}

int cli_apart_open(const cli_session *s, const char *option, const char *data, cli_session *to) {
  if (!data) return CLI_OK;
  to->flow = s->flow;
  if (s->images && clf_is_image_source(data)) return open_images(s, option, data, to);
  const int code = open_table(s, option, data, to);
  to->flow = s->flow;
  if (code || !cli_common.table.by_position) return code;
  for (int32_t c = 0; to->data.names && c < to->data.cols; c++) free(to->data.names[c]);
  free(to->data.names);
  to->data.names = NULL;
  return CLI_OK;
}

void cli_apart_close(cli_session *s) {
  clf_table_free(&s->data);
  clf_table_free(&s->given);
  clf_table_free(&s->weights);
  clf_columns_free(&s->context);
  clf_images_free(s->images);
  free(s->bytes);
  free(s->pixels);
}

/* ---- The test rows ------------------------------------------------------------------------ */

/* Weighted mean of log p of at least `lowest`, and its standard error; rows of weight 0, or without
 * log p, are left out. */
static void weigh(const double *logp, const double *weights, int64_t n, double lowest, double *mean,
                  double *error) {
  double sum = 0, all = 0, square = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!(weights[i] > 0) || !(logp[i] >= lowest)) continue;
    sum += weights[i] * logp[i];
    all += weights[i];
  }
  *mean = sum / all;
  for (int64_t i = 0; i < n; i++)
    if (weights[i] > 0 && logp[i] >= lowest) square += pow(weights[i] * (logp[i] - *mean), 2);
  *error = isfinite(*mean) ? sqrt(square) / all : NAN;
}

int cli_apart_score(const double *logp, const double *weights, int64_t n, cli_apart_result *r) {
  clf_score score = {0};
  int64_t missing = 0;
  const int code = cli_score(logp, n, 1, &score, &missing);
  *r = (cli_apart_result){score.mean, score.std_error, score.zeros, score.rest.mean,
                          score.rest.std_error};
  if (code || !weights) return code;
  weigh(logp, weights, n, -INFINITY, &r->mean, &r->error);
  weigh(logp, weights, n, -DBL_MAX, &r->rest, &r->rest_error);
  return code;
}

void cli_apart_print_error(const cli_apart_result *r, double unit, const char *name) {
  if (isfinite(r->mean)) printf(", standard error %.6f", fabs(r->error / unit));
  if (!r->zeros) return;
  printf(", %" PRId64 " of zero density", r->zeros);
  if (isfinite(r->rest))
    printf("; without them %.6f %s, standard error %.6f", r->rest / unit, name,
           fabs(r->rest_error / unit));
}

static int score_test(cli_session *test, cli_apart_result *r) {
  const int64_t n = cli_row_count(test);
  double *logp = malloc((size_t)n * sizeof *logp);
  int code = logp ? cli_log_probs(test, logp) : cli_fail("out of memory for %" PRId64 " rows", n);
  if (!code) code = cli_apart_score(logp, test->weights.at, n, r);
  free(logp);
  return code;
}

int cli_apart_test(cli_session *test, const cli_training *t) {
  const int64_t n = cli_row_count(test);
  const double unit = t->bits > 0 ? -t->bits : 1;
  const char *const name = t->bits > 0 ? "bits/dim" : "nats";
  cli_apart_result r;
  if (!test->flow || !n) return CLI_OK;
  const int code = score_test(test, &r);
  if (code) return code;
  printf("test %s          %.6f %s", t->bits > 0 ? "images" : "rows  ", r.mean / unit, name);
  cli_apart_print_error(&r, unit, name);
  printf(", over all %" PRId64 "\n", n);
  cli_training_log(t, json_pack("{s:I, s:o, s:o, s:I, s:I}", "step", (json_int_t)t->step,
                                t->bits > 0 ? "test_bits_per_dim" : "test",
                                cli_json_number(r.mean / unit), "test_se",
                                cli_json_number(fabs(r.error / unit)), "rows", (json_int_t)n,
                                "zeros", (json_int_t)r.zeros));
  return CLI_OK;
}
