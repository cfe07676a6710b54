/* SPDX-License-Identifier: MIT */
/* data.c: the data of a session, a table or images, in chunks of rows. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include "members.h"
#include "ranks.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* ---- Opening ------------------------------------------------------------- */

static int refuse_for_table(const char *data) {
  const char *given = cli_common.images.crop       ? "--crop"
                      : cli_common.images.strict   ? "--strict"
                      : cli_common.images.channels ? "--channels"
                      : cli_common.images.bits     ? "--bits"
                      : cli_common.images.noise    ? "--noise"
                                                   : NULL;
  return given ? cli_usage("%s is for images, %s is a table; leave it out", given, data) : CLI_OK;
}

int cli_data_open(cli_session *s, const char *data, const clf_image_options *wanted) {
  if (cli_ranks_size() > 1 && clf_source_is_stream(data))
    return cli_usage("%s cannot be read by every rank; give a file that each host has", data);
  if (!clf_is_image_source(data)) {
    const int code = refuse_for_table(data);
    return code ? code : cli_table_open(s, data);
  }
  const int code = cli_table_refuse(data);
  if (code) return code;
  return clf_images_open(data, wanted, &s->images) == CLF_OK ? CLI_OK : cli_fail_library();
}

/* ---- Whether data and model match -------------------------------------------- */

static int check_images(const cli_session *s, const char *data, const char *model) {
  const clf_flow_spec *spec = clf_flow_get_spec(s->flow);
  int32_t h, w, c;
  if (!spec->height)
    return cli_fail("%s holds images, the model %s takes rows of numbers; "
                    "`clflow train --flow realnvp` makes a model of images",
                    data, model);
  clf_images_shape(s->images, &h, &w, &c);
  if (h == spec->height && w == spec->width && c == spec->channels) return CLI_OK;
  const char *advice = h == spec->height && w == spec->width ? "--channels converts them"
                                                             : "--crop center brings them to it";
  return cli_fail("the images of %s are %d x %d x %d, the model %s takes %d x %d x %d; %s", data, h,
                  w, c, model, spec->height, spec->width, spec->channels, advice);
}

/* Training took it before.  The labels of images are known when all are decoded. */
static int take_context(cli_session *s) {
  const int code = s->images && clf_flow_context(s->flow) ? cli_data_wait(s) : CLI_OK;
  if (code) return code;
  return s->given.at ? cli_given_expand(s) : cli_given_take(s);
}

int cli_data_check(cli_session *s, const char *data, const char *model) {
  const int32_t dim = clf_flow_get_spec(s->flow)->dim;
  int code = s->images ? check_images(s, data, model) : CLI_OK;
  if (!code) code = take_context(s);
  if (code || s->images) return code;
  code = cli_table_match(s, data, model);
  if (code) return code;
  if (s->data.cols == dim) return CLI_OK;
  return cli_fail("%s has %d column%s, the model %s takes %d", data, s->data.cols,
                  s->data.cols == 1 ? "" : "s", model, dim);
}

/* ---- Log-densities ------------------------------------------------------- */

static int is_whole(const double *x, int32_t n) {
  int32_t i = 0;
  while (i < n && !isnan(x[i])) i++;
  return i == n;
}

int64_t cli_stretch(const double *x, int32_t dim, const double *c, int32_t context, int64_t n,
                    int *missing) {
  int64_t i = 0;
  for (; i < n; i++) {
    const int lacks = !is_whole(x + i * dim, dim) || (c && !is_whole(c + i * context, context));
    if (!i) *missing = lacks;
    if (lacks != *missing) break;
  }
  return i;
}

static clf_status log_probs_of_whole(clf_flow *flow, const double *x, const double *c, int64_t n,
                                     double *logp) {
  CLF_TRY(c ? clf_log_prob_given(flow, x, c, n, logp) : clf_log_prob(flow, x, n, logp));
  return cli_common.strict ? clf_require_density(flow, x, n, logp) : CLF_OK;
}

/* Rows that all have their values, and the number of the first one. */
typedef struct whole_rows {
  const double *x, *c;
  int64_t first;
} whole_rows;

static clf_status some_log_probs(clf_flow *flow, const void *context, int64_t first, int64_t n,
                                 double *logp) {
  const whole_rows *w = context;
  const int32_t D = clf_flow_get_spec(flow)->dim, C = clf_flow_context(flow);
  clf_flow_set_first_row(flow, w->first + first);
  return log_probs_of_whole(flow, w->x + first * D, w->c ? w->c + first * C : NULL, n, logp);
}

/* log p of rows first .. first + n. Stretches of rows that have all values are computed; a row
 * that lacks a value has NaN. */
static clf_status log_probs(const cli_session *s, const double *x, const double *c, int64_t first,
                            int64_t n, double *logp) {
  const int32_t D = clf_flow_get_spec(s->flow)->dim, C = clf_flow_context(s->flow);
  for (int64_t at = 0, m; at < n; at += m) {
    const double *const given = c ? c + at * C : NULL;
    int missing = 0;
    m = cli_stretch(x + at * D, D, given, C, n - at, &missing);
    for (int64_t i = at; missing && i < at + m; i++) logp[i] = NAN;
    const whole_rows rows = {x + at * D, given, first + at};
    if (!missing) CLF_TRY(cli_members_compute(s->flow, m, 1, some_log_probs, &rows, logp + at));
  }
  return CLF_OK;
}

int cli_log_probs(cli_session *s, double *logp) {
  const int64_t rows = cli_row_count(s), maximum = cli_row_chunk(s);
  const int64_t chunk = s->images ? maximum : clf_flow_chunk(s->flow);
  int64_t first, end;
  int code = cli_session_compare(s);
  cli_ranks_range(rows, chunk, &first, &end);
  for (int64_t at = first, n; at < end && !code; at += n) {
    const double *x, *c;
    n = end - at < maximum ? end - at : maximum;
    code = cli_rows(s, at, n, &x);
    if (!code) code = cli_given_rows(s, at, n, &c);
    if (!code && log_probs(s, x, c, at, n, logp + at) != CLF_OK) code = cli_fail_library();
    if (!code && s->images) cli_show_progress("evaluating", at + n - first, end - first);
  }
  return cli_ranks_join(code, logp, rows, chunk, sizeof *logp);
}

int cli_score(const double *logp, int64_t n, int32_t dim, clf_score *score, int64_t *missing) {
  double *const whole = malloc((size_t)(n > 0 ? n : 1) * sizeof *whole);
  int64_t count = 0;
  if (!whole) return cli_fail("out of memory for %" PRId64 " log-densities", n);
  for (int64_t i = 0; i < n; i++)
    if (!isnan(logp[i])) whole[count++] = logp[i];
  *score = clf_score_of(whole, count, dim);
  *missing = n - count;
  free(whole);
  return CLI_OK;
}
