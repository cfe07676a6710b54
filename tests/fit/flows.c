/* SPDX-License-Identifier: MIT */
/* flows.c: the flows of fit.def: where they start, and what they reach. */
#include <math.h>
#include <string.h>
#include "../layers/arch/arch_private.h"
#include "fit.h"

static clf_flow *flow_of(int dims, const char *layers) {
  char text[512];
  clf_arch *arch;
  clf_flow *flow;
  snprintf(text, sizeof text, "%d: %s -> mixture(3)", dims, layers);
  WORKS(clf_arch_parse(text, &arch));
  WORKS(clf_flow_create_arch(dev, arch, 1, &flow));
  clf_arch_free(arch);
  return flow;
}

/* Over the same mixture, layers with these sizes give the same log p as no layers, in x's rows of
 * `dims` columns. */
static void check_start(int dims, const char *layers, const char *sizes, const clf_table *x) {
  enum { ROWS = 50 };
  clf__parameter values[8];
  clf__out text = {0};
  double a[ROWS], b[ROWS];
  clf__parameters_fill(&text, layers, values, clf__parameters_read(sizes, values, 8));
  clf_flow *with = flow_of(dims, text.s), *without = flow_of(dims, "");
  WORKS(clf_flow_set_base_of(with, without));
  WORKS(clf_log_prob(with, x->at, ROWS, a));
  WORKS(clf_log_prob(without, x->at, ROWS, b));
  for (int i = 0; i < ROWS; i++) ck_assert_double_eq_tol(a[i], b[i], 1e-4);
  free(text.s);
  clf_flow_free(with);
  clf_flow_free(without);
}

/* The rows of fit.def over the mixture start as the mixture: otherwise it would not suit their
 * layers. */
START_TEST(layers_over_the_mixture_start_as_it) {
  static const struct {
    const char *base, *layers;
    int from;
  } rows[] = {
#define ANY 0
#define MIXTURE NULL
#define CLF_FIT_FLOW(title, from, to, share, layers, base, options) {base, layers, from},
#include "../layers/fit/fit.def"
#undef CLF_FIT_FLOW
#undef MIXTURE
#undef ANY
  };
  const char *const sizes = "hidden=8, bins=6, act=relu, tail=3";
  clf_table x = drawn("moons:n=50");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (!rows[i].base) check_start(rows[i].from, rows[i].layers, sizes, &x);
  }
  clf_table_free(&x);
}
END_TEST

/* The layers of a row of fit.def, with nets of 32 units. */
static const char *layers_of(const char *title) {
  static const char *const rows[][2] = {
#define CLF_FIT_FLOW(title, from, to, share, layers, base, options) {title, layers},
#define MIXTURE NULL
#define ANY 0
#include "../layers/fit/fit.def"
#undef CLF_FIT_FLOW
#undef MIXTURE
#undef ANY
  };
  static char text[512];
  size_t i = 0;
  while (i < sizeof rows / sizeof *rows && strcmp(rows[i][0], title) != 0) i++;
  ck_assert_msg(i < sizeof rows / sizeof *rows, "fit.def has no %s", title);
  const char *const hidden = strstr(rows[i][1], "${hidden}");
  ck_assert_ptr_nonnull(hidden);
  snprintf(text, sizeof text, "%.*s32%s", (int)(hidden - rows[i][1]), rows[i][1],
           hidden + strlen("${hidden}"));
  return text;
}

/* Neal's funnel: a column v with a standard deviation of 3, and three of exp(v / 2).  Its density
 * has -log(3) - 2 log(2 pi e) = -6.77 nats.  Scales below 1 reach -11 in these steps. */
START_TEST(scales_that_depend_on_a_column) {
  enum { ROWS = 1200 };
  static const char title[] = "affine autoregressive in order";
  clf_table x;
  uint32_t s = 9;
  WORKS(clf_table_new(ROWS, 4, &x));
  for (int i = 0; i < 4 * ROWS; i++)
    x.at[i] = i % 4 ? exp(x.at[i / 4 * 4] / 2) * nearly_normal(&s) : 3 * nearly_normal(&s);
  clf_fit_options o = brief(1), again = brief(1e6);
  o.quick = 1;
  clf_flow *flow = fit(&(clf_fit_data){.x = &x}, &o);
  json_t *plan = record_of(flow);
  json_object_set_new(plan, "head", json_string("standardize"));
  json_object_set_new(plan, "candidates",
                      json_pack("[{s:s, s:s, s:s, s:s, s:s, s:i, s:i}]", "name", title, "layers",
                                layers_of(title), "base", "normal", "options",
                                "batch=256, lr=0.003, ema=0.99, schedule=cosine, clip=5", "start",
                                "", "seed", 1, "steps", 400));
  char *const text = json_dumps(plan, JSON_COMPACT);
  again.repeat = text;
  clf_flow *trained = fit(&(clf_fit_data){.x = &x}, &again);
  json_t *record = record_of(trained);
  ck_assert_double_gt(number(candidate(record, title), NULL, "test"), -7.6);
  free(text);
  json_decref(plan);
  json_decref(record);
  clf_flow_free(flow);
  clf_flow_free(trained);
  clf_table_free(&x);
}
END_TEST

void tests_of_flows(TCase *tc) {
  tcase_add_test(tc, layers_over_the_mixture_start_as_it);
  tcase_add_test(tc, scales_that_depend_on_a_column);
}
