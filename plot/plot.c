/* SPDX-License-Identifier: MIT */
/* plot.c: plots of flows: checks, captions, the file. */
#include "clflow/plot.h"
#include "fail.h"
#include "flows.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static clf_status check(clf_flow *flow, const clf_table *data, const char *path) {
  const int32_t dim = clf_flow_get_spec(flow)->dim;
  if (dim != 1 && dim != 2)
    return clf__plot_fail(CLF_ENOTSUP,
                          "a flow of %" PRId32 " dimensions cannot be drawn; 1 and 2 can", dim);
  if (data && data->cols != dim)
    return clf__plot_fail(CLF_ESHAPE,
                          "the data have %" PRId32 " columns, but the flow has %" PRId32
                          " dimensions; give data of as many columns",
                          data->cols, dim);
  if (data) CLF_TRY(clf__table_check(data));
  return clf__chart_writable(path);
}

/* The text if it fits into a heading, otherwise its length. */
static void describe_arch(const clf_arch *arch, char *dst, size_t size) {
  enum { FITS = 64 };
  const char *const text = clf_arch_text(arch);
  const int32_t layers = clf_arch_layers(arch);
  if (strlen(text) <= FITS)
    snprintf(dst, size, "%s", text);
  else
    snprintf(dst, size, "flow, dim %" PRId32 ", %" PRId32 " layer%s", clf_arch_dim(arch), layers,
             layers == 1 ? "" : "s");
}

static void describe(const clf_flow *flow, char *dst, size_t size) {
  const clf_flow_spec *const spec = clf_flow_get_spec(flow);
  const char *kind = clf_kind_name(spec->kind);
  if (clf_flow_arch(flow))
    describe_arch(clf_flow_arch(flow), dst, size);
  else if (spec->bins)
    snprintf(dst, size, "%s flow, dim %" PRId32 ", bins %" PRId32, kind, spec->dim, spec->bins);
  else
    snprintf(dst, size, "%s flow, dim %" PRId32 ", hidden %" PRId32 ", depth %" PRId32, kind,
             spec->dim, spec->hidden, spec->depth);
}

/* The score of the rows with a density above zero, and the number of the others. */
static clf_status judge(clf_flow *flow, const clf_table *data, char *dst, size_t size) {
  char count[40], mean[40], error[40], zeros[40], others[80] = "";
  clf_score score;
  CLF_TRY(clf_evaluate(flow, data->at, data->rows, &score));
  clf__count(zeros, sizeof zeros, score.zeros);
  if (score.zeros == score.count) {
    snprintf(dst, size, "the density is 0 at all %s rows", zeros);
    return CLF_OK;
  }
  const int64_t rest = score.count - score.zeros;
  const int places = fabs(score.rest.mean) < 1e4 ? 3 : 0;
  clf__count(count, sizeof count, rest);
  clf__decimal(mean, sizeof mean, score.rest.mean, places);
  clf__decimal(error, sizeof error, score.rest.std_error, places);
  if (score.zeros) snprintf(others, sizeof others, "; the density is 0 at %s more", zeros);
  snprintf(dst, size, "mean log-likelihood %s ± %s nats over %s row%s%s", mean, error, count,
           rest == 1 ? "" : "s", others);
  return CLF_OK;
}

clf_status clf_plot_flow(clf_flow *flow, const clf_table *data, uint64_t seed, const char *path) {
  CLF_GIVEN("flow, path", flow, path);
  CLF_TRY(check(flow, data, path));
  clf__scene scene = {.flow = flow, .data = data, .seed = seed};
  clf__chart c;
  describe(flow, scene.title, sizeof scene.title);
  if (data)
    CLF_TRY(judge(flow, data, scene.subtitle, sizeof scene.subtitle));
  else
    snprintf(scene.subtitle, sizeof scene.subtitle, "no data given");
  if (clf_flow_get_spec(flow)->dim == 1)
    CLF_TRY(clf__draw_flow1(&scene, &c));
  else
    CLF_TRY(clf__draw_flow2(&scene, &c));
  clf__chart_title(&c, scene.title, scene.subtitle);
  const clf_status s = clf__chart_save(&c, path);
  clf__chart_end(&c);
  return s;
}
