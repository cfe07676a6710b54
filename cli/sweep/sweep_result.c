/* SPDX-License-Identifier: MIT */
/* sweep_result.c: compares the members of a sweep and writes the resulting model. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "sweep.h"
#include "train.h"

/* ---- The order ----------------------------------------------------------------------------- */

static const cli_members *sorted; /* read by compare() */

static int compare(const void *a, const void *b) {
  const int32_t i = *(const int32_t *)a, k = *(const int32_t *)b;
  if (cli_sweep_is_better(&sorted->at[i], &sorted->at[k])) return -1;
  if (cli_sweep_is_better(&sorted->at[k], &sorted->at[i])) return 1;
  return i < k ? -1 : 1; /* equal scores: keep the order */
}

/* The members that are done, best first; free the list. */
static int order_of(const cli_members *s, int32_t **order, int32_t *count) {
  int32_t *const list = malloc((size_t)s->count * sizeof *list), n = 0;
  if (!list) return cli_fail("out of memory for %d members", (int)s->count);
  *count = 0;
  for (int32_t i = 0; i < s->count; i++)
    if (s->at[i].state == CLI_MEMBER_DONE) list[(*count)++] = i;
  sorted = s;
  qsort(list, (size_t)*count, sizeof *list, compare);
  for (n = 1; n < *count && s->at[list[n]].bits == s->at[*list].bits;) n++;
  *order = list;
  if (n >= *count) return CLI_OK;
  return cli_fail("some of these flows are of images and some of tables: their scores have "
                  "different units");
}

static void print_table(const cli_members *s, const int32_t *order, int32_t count) {
  const char *const unit = s->at[*order].bits ? "bits/dim" : "nats";
  char text[2048], time[24];
  printf("rank  member  valid %-9s train %-9s best step      time  options\n", unit, unit);
  for (int32_t i = 0; i < count; i++) {
    const cli_member *const m = &s->at[order[i]];
    cli_sweep_text(m, text, sizeof text);
    cli_format_seconds(m->seconds, time, sizeof time);
    printf("%4d     %03d  %15.6f %15.6f %9" PRId64 "  %8s  %s\n", (int)i + 1, (int)order[i],
           m->valid, m->train, m->steps, time, text);
  }
  for (int32_t i = 0; i < s->count; i++) {
    if (s->at[i].state != CLI_MEMBER_FAILED) continue;
    cli_sweep_text(&s->at[i], text, sizeof text);
    printf("   -     %03d  failed: %s  %s\n", (int)i, cli_clean(s->at[i].why), text);
  }
}

/* ---- Scores of the result ------------------------------------------------------------------ */

typedef struct scores {
  double valid; /* NaN: not known */
  cli_apart_result test;
  int64_t test_rows;
} scores;

/* Mean log p of the members' validation rows under the session's model. */
static int score_valid(cli_session *s, double *mean) {
  const int64_t n = cli_row_count(s);
  double *const logp = malloc((size_t)n * sizeof *logp), sum = 0;
  uint8_t *const role = malloc((size_t)n);
  int64_t rows = 0;
  int found = 0, refit = 0, code = logp && role ? CLI_OK : cli_fail("out of memory for the rows");
  if (!code) code = cli_log_probs(s, logp);
  if (!code && !cli_wanted.valid) code = cli_roles_find(s, role, &found, &refit);
  for (int64_t i = 0; i < n && !code; i++) {
    if (isnan(logp[i]) || (!cli_wanted.valid && (!found || role[i] != CLF_ROW_VALID))) continue;
    sum += logp[i];
    rows++;
  }
  if (!code && rows) *mean = sum / (double)rows;
  free(logp);
  free(role);
  return code;
}

static int score_test(cli_session *s, scores *r) {
  const int64_t n = cli_row_count(s);
  double *const logp = malloc((size_t)n * sizeof *logp);
  int code = logp ? cli_log_probs(s, logp) : cli_fail("out of memory for %" PRId64 " rows", n);
  if (!code) code = cli_apart_score(logp, NULL, n, &r->test);
  r->test_rows = n;
  free(logp);
  return code;
}

/* Training data have the context in columns, which a model finds by name. */
static void forget_given(void) {
  if (cli_common.given && !cli_given_is_file(cli_common.given)) cli_common.given = NULL;
}

static int score(const char *model, const char *roles_of, scores *r) {
  cli_session s = {0};
  int code = CLI_OK;
  forget_given();
  if (roles_of && !cli_wanted.weights) {
    cli_common.model = model;
    if (cli_wanted.valid) cli_common.data = cli_wanted.valid;
    code = cli_session_open(&s);
    cli_common.model = roles_of; /* its training says which rows are which */
    if (!code) code = score_valid(&s, &r->valid);
    cli_session_close(&s);
  }
  if (code || !cli_sweep_wanted.test) return code;
  cli_common.model = model;
  cli_common.data = cli_sweep_wanted.test;
  code = cli_session_open(&s);
  if (!code) code = score_test(&s, r);
  cli_session_close(&s);
  return code;
}

/* ---- What is written ----------------------------------------------------------------------- */

static int copy_file(const char *from, const char *to) {
  int64_t size;
  char *bytes = cli_file_read(from, &size);
  int code = bytes ? CLI_OK : cli_fail("%s cannot be read", from);
  if (!code && clf_file_write(to, bytes, (size_t)size) != CLF_OK) code = cli_fail_library();
  free(bytes);
  return code;
}

static int write_blend(const int32_t *order, int32_t count) {
  clf_flow **flows = calloc((size_t)count, sizeof *flows), *blend = NULL;
  clf_device *dev = NULL;
  int code = flows ? cli_open_device(&dev) : cli_fail("out of memory for %d flows", (int)count);
  for (int32_t i = 0; i < count && !code; i++)
    code = cli_load(dev, cli_sweep_file(order[i], ".safetensors"), &cli_common.hint, &flows[i]);
  if (!code && (clf_flow_blend(flows, NULL, count, &blend) != CLF_OK ||
                clf_flow_save(blend, cli_sweep_wanted.out) != CLF_OK))
    code = cli_fail_library();
  clf_flow_free(blend);
  for (int32_t i = 0; flows && i < count; i++) clf_flow_free(flows[i]);
  free(flows);
  cli_close_device(dev);
  return code;
}

static void print_result(const int32_t *order, int32_t blended, const scores *r) {
  if (blended)
    printf("\nmodel                %s, a blend of the best %d\n", cli_sweep_wanted.out,
           (int)blended);
  else
    printf("\nmodel                %s, member %03d\n", cli_sweep_wanted.out, (int)*order);
  if (isfinite(r->valid)) printf("validation rows      %.6f nats, which chose it\n", r->valid);
  if (!r->test_rows) return;
  printf("test rows            %.6f nats", r->test.mean);
  cli_apart_print_error(&r->test, 1, "nats");
  printf(", over all %" PRId64 "\n", r->test_rows);
}

static int print_json(const cli_members *s, const int32_t *order, int32_t blended,
                      const scores *r) {
  json_t *all = cli_sweep_json(s), *list = json_array();
  for (int32_t i = 0; i < (blended ? blended : 1); i++)
    json_array_append_new(list, json_integer(order[i]));
  json_object_set_new(all, "chosen", list);
  json_object_set_new(all, "out", cli_json_text(cli_sweep_wanted.out));
  json_object_set_new(all, "valid", cli_json_number(r->valid));
  json_object_set_new(all, "test", cli_json_number(r->test.mean));
  json_object_set_new(all, "test_se", cli_json_number(r->test.error));
  json_object_set_new(all, "test_rows", json_integer(r->test_rows));
  return cli_json_print(all);
}

static int finish(const cli_members *s, const int32_t *order, int32_t count) {
  scores r = {NAN, {NAN, NAN, 0, NAN, NAN}, 0};
  int32_t blended = cli_sweep_wanted.blend;
  const char *const best = cli_sweep_file(*order, ".safetensors");
  if (blended > count) {
    cli_say("only %d trainings succeeded, and only these are blended", (int)count);
    blended = count;
  }
  if (!cli_sweep_wanted.json) print_table(s, order, count);
  int code = blended ? write_blend(order, blended) : copy_file(best, cli_sweep_wanted.out);
  if (!code && !s->at[*order].bits) code = score(cli_sweep_wanted.out, best, &r);
  if (code) return code;
  if (cli_sweep_wanted.json) return print_json(s, order, blended, &r);
  print_result(order, blended, &r);
  return CLI_OK;
}

int cli_sweep_finish(const cli_members *s) {
  int32_t *order = NULL, count = 0;
  if (cli_sweep_wanted.devices.count) cli_common.device = cli_sweep_wanted.devices.at[0];
  int code = order_of(s, &order, &count);
  if (!code && !count)
    code = cli_fail("no training of this sweep succeeded; the messages of each are in %s",
                    cli_sweep_wanted.folder);
  if (!code) code = finish(s, order, count);
  free(order);
  return code;
}
