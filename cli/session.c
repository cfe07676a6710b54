/* SPDX-License-Identifier: MIT */
/* session.c: the device, the model and the data that a verb works with. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include <math.h>
#include <string.h>
#include <unistd.h>

struct cli_common cli_common = {.xmin = NAN, .xmax = NAN};

int cli_open_device(clf_device **dev) {
  if (clf_open(cli_common.device, dev) != CLF_OK) return cli_fail_library();
  if (!cli_common.verbose && !isatty(STDERR_FILENO)) return CLI_OK;
  for (const char *line = clf_device_note(*dev); *line;) {
    const size_t n = strcspn(line, "\n");
    fprintf(stderr, "clflow: %.*s\n", (int)n, line);
    line += n + (line[n] == '\n');
  }
  return CLI_OK;
}

int cli_check_columns(const char *data, const clf_table *table, const char *model,
                      const clf_flow *flow) {
  const int32_t dim = clf_flow_get_spec(flow)->dim;
  if (table->cols == dim) return CLI_OK;
  return cli_fail("%s has %d column%s, the model %s takes %d", data, table->cols,
                  table->cols == 1 ? "" : "s", model, dim);
}

int cli_load(clf_device *dev, const char *path, double xmin, double xmax, clf_flow **flow) {
  const int ends = !isnan(xmin) + !isnan(xmax);
  if (ends == 1) return cli_usage("--xmin and --xmax go together: give both or none");
  if (ends == 2 && xmin >= xmax) return cli_usage("--xmin %g must be below --xmax %g", xmin, xmax);
  clf_flow_spec hint = clf_flow_spec_default(CLF_PIECEWISE, 1);
  hint.xmin = xmin;
  hint.xmax = xmax;
  const clf_status status = clf_flow_load(dev, path, ends ? &hint : NULL, flow);
  return status == CLF_OK ? CLI_OK : cli_fail_library();
}

int cli_session_open(cli_session *s) {
  *s = (cli_session){0};
  if (cli_common.data && clf_table_read(cli_common.data, &s->data) != CLF_OK)
    return cli_fail_library();
  int code = cli_open_device(&s->dev);
  if (!code) code = cli_load(s->dev, cli_common.model, cli_common.xmin, cli_common.xmax, &s->flow);
  if (code || !cli_common.data) return code;
  return cli_check_columns(cli_common.data, &s->data, cli_common.model, s->flow);
}

void cli_session_close(cli_session *s) {
  clf_flow_free(s->flow);
  clf_table_free(&s->data);
  clf_close(s->dev);
}

static int map_rows(cli_session *s, cli_map_fn map, const char *out, const char *prefix,
                    const char *logdet_out) {
  clf_table to = {0}, logdet = {0};
  int code = CLI_OK;
  if (clf_table_new(s->data.rows, s->data.cols, &to) != CLF_OK ||
      (logdet_out && clf_table_new(s->data.rows, 1, &logdet) != CLF_OK) ||
      map(s->flow, s->data.at, s->data.rows, to.at, logdet.at) != CLF_OK)
    code = cli_fail_library();
  if (!code) code = cli_put_table(out, &to, prefix, 1);
  if (!code && logdet_out) code = cli_put_table(logdet_out, &logdet, "logdet", 0);
  clf_table_free(&to);
  clf_table_free(&logdet);
  return code;
}

int cli_map(cli_map_fn map, const char *out, const char *prefix, const char *logdet_out) {
  if (logdet_out && strcmp(logdet_out, "-") == 0 && strcmp(out, "-") == 0)
    return cli_usage("--out and --logdet cannot both go to standard output");
  int code = cli_check_table(out);
  if (!code) code = cli_check_table(logdet_out);
  if (code) return code;
  cli_session s;
  code = cli_session_open(&s);
  if (!code) code = map_rows(&s, map, out, prefix, logdet_out);
  cli_session_close(&s);
  return code;
}
