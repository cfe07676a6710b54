/* SPDX-License-Identifier: MIT */
/* session.c: the device, the model and the data of a verb. */
#define _POSIX_C_SOURCE 200809L
#include "../../runtime/core/text.h"
#include "cli.h"
#include "members.h"
#include "ranks.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The OpenCL device whose number is this rank's number on its host; if there are more ranks than
 * devices, they share. */
static const char *local_device(void) {
  static char name[32];
  clf_device_info *list = NULL;
  int count = 0, devices = 0;
  if (*name) return name;
  if (clf_devices(0, &list, &count) == CLF_OK)
    for (int i = 0; i < count; i++) devices += strncmp(list[i].name, "opencl", 6) == 0;
  free(list);
  const int32_t local = cli_ranks() ? clf_group_local_rank(cli_ranks()) : 0;
  snprintf(name, sizeof name, "opencl:%d", devices ? (int)local % devices : 0);
  return name;
}

const char *cli_device_name(void) {
  const char *name = cli_common.device ? cli_common.device : getenv("CLFLOW_DEVICE");
  if (!name || !*name) return "auto";
  return strcmp(name, "opencl:local") == 0 ? local_device() : name;
}

int cli_open_device(clf_device **dev) {
  if (clf_open(cli_device_name(), dev) != CLF_OK) return cli_fail_library();
  if (cli_is_mute() || (!cli_common.verbose && !isatty(STDERR_FILENO))) return CLI_OK;
  if (cli_common.verbose && clf_device_tuned(*dev))
    fprintf(stderr, "clflow: it takes %d tuned choices\n", clf_device_tuned(*dev));
  for (const char *line = clf_device_note(*dev); *line;) {
    const size_t n = strcspn(line, "\n");
    char text[512];
    clf__clean(text, sizeof text, line, n, 0);
    fprintf(stderr, "clflow: %s\n", text);
    line += n + (line[n] == '\n');
  }
  return CLI_OK;
}

void cli_close_device(clf_device *dev) {
  cli_flush();
  cli_progress_clear();
  fputs(clf_device_report(dev), stderr);
  clf_close(dev);
}

int cli_load(clf_device *dev, const char *path, const clf_flow_spec *hint, clf_flow **flow) {
  const int ends = !isnan(hint->xmin) + !isnan(hint->xmax);
  if (ends == 1) return cli_usage("--xmin and --xmax go together: give both or none");
  if (ends == 2 && hint->xmin >= hint->xmax)
    return cli_usage("--xmin %g must be below --xmax %g", hint->xmin, hint->xmax);
  return clf_flow_load(dev, path, hint, flow) == CLF_OK ? CLI_OK : cli_fail_library();
}

/* A state_dict does not contain the size of its images; the data's size is used unless --size is
 * given. */
static int load_model(cli_session *s) {
  clf_flow_spec hint = cli_common.hint;
  int32_t channels;
  if (s->images && !hint.height) clf_images_shape(s->images, &hint.height, &hint.width, &channels);
  const int code = cli_load(s->dev, cli_common.model, &hint, &s->flow);
  return code ? code : cli_check_order(s->flow);
}

static int open_data(cli_session *s) {
  clf_image_options wanted = cli_image_options();
  wanted.channels = cli_common.images.channels;
  if (s->flow && clf_flow_get_spec(s->flow)->height) {
    wanted.height = clf_flow_get_spec(s->flow)->height;
    wanted.width = clf_flow_get_spec(s->flow)->width;
  }
  return cli_data_open(s, cli_common.data, &wanted);
}

/* Opens images first, so that they are decoded during the start of the device. Images that are
 * cut to the model's size can only be opened after the model, and a table is read as the model
 * describes it. */
static int open_all(cli_session *s) {
  const int with_data = cli_common.data != NULL;
  const int first =
      with_data && cli_common.images.crop == CLF_CROP_NONE && clf_is_image_source(cli_common.data);
  int code = first ? open_data(s) : CLI_OK;
  if (!code && !s->dev) code = cli_open_device(&s->dev);
  if (!code) code = load_model(s);
  if (!with_data) return code;
  if (!code && !first) code = open_data(s);
  if (!code) code = cli_data_check(s, cli_common.data, cli_common.model);
  return code ? code : cli_data_wait(s);
}

int cli_session_open(cli_session *s) {
  *s = (cli_session){0};
  return open_all(s);
}

static void close_all_but_device(cli_session *s) {
  cli_members_end();
  clf_flow_free(s->flow);
  clf_table_free(&s->data);
  clf_images_free(s->images);
  clf_table_free(&s->noise);
  clf_table_free(&s->given);
  clf_columns_free(&s->context);
  clf_table_free(&s->weights);
  free(s->repeated);
  free(s->bytes);
  free(s->pixels);
}

int cli_session_next(cli_session *s) {
  close_all_but_device(s);
  *s = (cli_session){.dev = s->dev};
  return open_all(s);
}

void cli_session_close(cli_session *s) {
  close_all_but_device(s);
  cli_close_device(s->dev);
}

/* Maps rows first .. first + n. Stretches of rows that have all values are mapped; a row that
 * lacks a value has NaN in all of its results. */
static clf_status map_chunk(const cli_session *s, cli_map_fn map, const double *x, const double *c,
                            int64_t first, int64_t n, double *to, double *logdet) {
  const int32_t D = clf_flow_get_spec(s->flow)->dim, C = clf_flow_context(s->flow);
  for (int64_t at = 0, m; at < n; at += m) {
    const double *const given = c ? c + at * C : NULL;
    int missing = 0;
    m = cli_stretch(x + at * D, D, given, C, n - at, &missing);
    clf_flow_set_first_row(s->flow, first + at);
    for (int64_t i = at * D; missing && i < (at + m) * D; i++) to[i] = NAN;
    for (int64_t i = at; missing && logdet && i < at + m; i++) logdet[i] = NAN;
    if (!missing)
      CLF_TRY(map(s->flow, x + at * D, given, m, to + at * D, logdet ? logdet + at : NULL));
  }
  return CLF_OK;
}

static int map_rows(cli_session *s, cli_map_fn map, clf_table *to, double *logdet) {
  const int64_t rows = cli_row_count(s), maximum = cli_row_chunk(s);
  int code = CLI_OK;
  for (int64_t at = 0, n; at < rows && !code; at += n) {
    const double *x, *c;
    n = rows - at < maximum ? rows - at : maximum;
    code = cli_rows(s, at, n, &x);
    if (!code) code = cli_given_rows(s, at, n, &c);
    if (!code && map_chunk(s, map, x, c, at, n, to->at + at * to->cols,
                           logdet ? logdet + at : NULL) != CLF_OK)
      code = cli_fail_library();
    if (!code && s->images) cli_show_progress("mapping", at + n, rows);
  }
  return code;
}

static int map_data(cli_session *s, cli_map_fn map, const char *out, const char *logdet_out) {
  clf_table to = {0}, logdet = {0};
  const int64_t rows = cli_row_count(s);
  int code = CLI_OK;
  if (clf_table_new(rows, clf_flow_get_spec(s->flow)->dim, &to) != CLF_OK ||
      (logdet_out && clf_table_new(rows, 1, &logdet) != CLF_OK))
    code = cli_fail_library();
  if (!code) code = map_rows(s, map, &to, logdet.at);
  cli_lend_ids(&s->data, &to);
  if (!code) code = (cli_common.latents ? cli_put_samples : cli_put_latents)(out, s->flow, &to);
  cli_lend_ids(NULL, &to);
  if (!code && logdet_out) code = cli_put_table(logdet_out, &logdet, "logdet", 0);
  clf_table_free(&to);
  clf_table_free(&logdet);
  return code;
}

int cli_map(cli_map_fn map, cli_rows_kind data, const char *out, const char *logdet_out) {
  int code = cli_check_table(out);
  if (!code) code = cli_check_table(logdet_out);
  if (code) return code;
  cli_session s;
  cli_common.latents = data == CLI_LATENTS;
  code = cli_session_open(&s);
  if (!code) code = map_data(&s, map, out, logdet_out);
  cli_session_close(&s);
  return code;
}
