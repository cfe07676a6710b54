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

static void print_limits(const clf_flow *flow) {
  const clf_column_grid *g = clf_flow_grid(flow);
  const int32_t dim = clf_flow_get_spec(flow)->dim;
  for (int32_t i = 0, n = 0; g && i < dim; i++) {
    if (g[i].step > 0 || g[i].first == g[i].last) continue;
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

json_t *cli_info_grid(const clf_flow *flow) {
  const clf_column_grid *g = clf_flow_grid(flow);
  json_t *array = json_array();
  int some = 0;
  for (int32_t i = 0; g && i < clf_flow_get_spec(flow)->dim; i++) {
    some |= g[i].step > 0;
    json_array_append_new(
        array, g[i].step == 0
                   ? json_null()
                   : json_pack("{s:o, s:o, s:o}", "step", cli_json_number(g[i].step), "first",
                               cli_json_number(g[i].first), "last", cli_json_number(g[i].last)));
  }
  if (some) return array;
  json_decref(array);
  return json_null();
}

json_t *cli_info_limits(const clf_flow *flow) {
  const clf_column_grid *g = clf_flow_grid(flow);
  json_t *array = json_array();
  int some = 0;
  for (int32_t i = 0; g && i < clf_flow_get_spec(flow)->dim; i++) {
    const int has = g[i].step == 0 && g[i].first < g[i].last;
    some |= has;
    json_array_append_new(array,
                          has ? json_pack("[o, o]", limit_json(g[i].first), limit_json(g[i].last))
                              : json_null());
  }
  if (some) return array;
  json_decref(array);
  return json_null();
}
