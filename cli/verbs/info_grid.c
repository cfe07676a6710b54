/* SPDX-License-Identifier: MIT */
/* info_grid.c: grids of discrete columns, and limits of others. */
#include <float.h>
#include <math.h>
#include "info.h"

static void print_steps(const clf_flow *flow) {
  const clf_column_grid *g = clf_flow_grid(flow);
  const int32_t dim = clf_flow_get_spec(flow)->dim;
  for (int32_t i = 0, n = 0; g && i < dim; i++)
    if (g[i].step > 0)
      printf("%sx%d: %.10g to %.10g in steps of %.10g\n", n++ ? "          " : "discrete  ", i,
             g[i].first, g[i].last, g[i].step);
}

static int has_limits(const clf_column_grid *g) { return g->step == 0 && g->first < g->last; }

static void print_limits(const clf_flow *flow) {
  const clf_column_grid *g = clf_flow_grid(flow);
  const int32_t dim = clf_flow_get_spec(flow)->dim;
  for (int32_t i = 0, n = 0; g && i < dim; i++) {
    if (!has_limits(&g[i])) continue;
    printf("%sx%d: samples ", n++ ? "          " : "limits    ", i);
    if (g[i].first == -DBL_MAX)
      printf("at most %.10g\n", g[i].last);
    else if (g[i].last == DBL_MAX)
      printf("at least %.10g\n", g[i].first);
    else
      printf("from %.10g to %.10g\n", g[i].first, g[i].last);
  }
}

void cli_info_print_grid(const clf_flow *flow) {
  print_steps(flow);
  print_limits(flow);
}

static json_t *limit_json(double v) {
  return fabs(v) == DBL_MAX ? json_null() : cli_json_number(v);
}

static json_t *steps_json(const clf_column_grid *g) {
  if (g->step == 0) return NULL;
  return json_pack("{s:o, s:o, s:o}", "step", cli_json_number(g->step), "first",
                   cli_json_number(g->first), "last", cli_json_number(g->last));
}

static json_t *limits_json(const clf_column_grid *g) {
  return has_limits(g) ? json_pack("[o, o]", limit_json(g->first), limit_json(g->last)) : NULL;
}

/* An array of what `of` returns for each column, null for NULL; null if that is NULL for all. */
static json_t *each_column(const clf_flow *flow, json_t *(*of)(const clf_column_grid *g)) {
  const clf_column_grid *g = clf_flow_grid(flow);
  json_t *array = json_array();
  int some = 0;
  for (int32_t i = 0; g && i < clf_flow_get_spec(flow)->dim; i++) {
    json_t *const column = of(&g[i]);
    some |= column != NULL;
    json_array_append_new(array, column ? column : json_null());
  }
  if (some) return array;
  json_decref(array);
  return json_null();
}

json_t *cli_info_grid(const clf_flow *flow) { return each_column(flow, steps_json); }

json_t *cli_info_limits(const clf_flow *flow) { return each_column(flow, limits_json); }
