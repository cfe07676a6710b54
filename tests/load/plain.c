/* SPDX-License-Identifier: MIT */
/* plain.c: state_dicts: flows that are made from tensors without metadata. */
#include <string.h>
#include "load.h"

#define AS_IT_IS                                                                                   \
  { .key = "" }
#define GONE(name)                                                                                 \
  { .key = name, .tensor = 1, .rank = -1 }
#define AS(name, n, ...)                                                                           \
  {                                                                                                \
    .key = name, .tensor = 1, .rank = n, .dim = { __VA_ARGS__ }                                    \
  }
#define NO_FLOW "it has neither metadata of clflow nor the tensors of a flow"
static const struct {
  clf_kind kind;
  change but;         /* the difference from the flow */
  clf_flow_spec hint; /* height -1: none */
  const char *says;   /* NULL: it is loaded */
} plains[] = {
    {CLF_NVP, AS_IT_IS, {.height = -1}, NULL},
    {CLF_NVP, AS_IT_IS, {.s_max = 3}, NULL},
    {CLF_NVP, GONE("layers.0.b"), {.height = -1}, NO_FLOW},
    {CLF_NVP, GONE("layers.0.map_t.0.weight"), {.height = -1}, NO_FLOW},
    {CLF_PIECEWISE, AS_IT_IS, {.height = -1}, "give xmin and xmax"},
    {CLF_PIECEWISE, AS_IT_IS, {.xmin = 1, .xmax = 1}, "give xmin and xmax"},
    {CLF_PIECEWISE, AS_IT_IS, {.xmin = -4, .xmax = 4, .tails = 1}, NULL},
    {CLF_PIECEWISE, GONE("alpha"), {.xmin = -4, .xmax = 4}, NO_FLOW},
    {CLF_REALNVP, AS_IT_IS, {.height = -1}, "give data, or height and width"},
    {CLF_REALNVP, AS_IT_IS, {.width = 4}, "give data, or height and width"},
    {CLF_REALNVP, AS_IT_IS, {.height = 4}, "give data, or height and width"},
    {CLF_REALNVP, AS_IT_IS, {.height = 4, .width = 4, .levels = 16, .alpha = 0.25}, NULL},
    {CLF_NVP, AS("layers.0.map_t.0.weight", 1, 4), {.height = -1}, "dim is 0; it must be 1 to"},
    {CLF_NVP, AS("layers.0.map_t.0.weight", 0, 0), {.height = -1}, "dim is 0; it must be 1 to"},
    {CLF_NVP,
     AS("layers.0.map_t.0.weight", 2, INT64_C(1) << 32, 0),
     {.height = -1},
     "dim is 0; it must"},
    {CLF_PIECEWISE, AS("alpha", 0, 0), {.xmin = -4, .xmax = 4, .tails = 1}, NULL},
    {CLF_PIECEWISE,
     AS("xi", 2, INT64_C(1) << 32, 0),
     {.xmin = -4, .xmax = 4},
     "bins is -1; it must be"},
    {CLF_REALNVP,
     AS("scale0.coupling0.net.h_in.V", 4, 2, 2, 3, 3),
     {.height = 4, .width = 4},
     "dim is 0; it must be 1 to"},
    {CLF_REALNVP, AS_IT_IS, {.height = INT32_MAX, .width = INT32_MAX}, "it must be 1 to 1048576"},
};

START_TEST(state_dicts) {
  const clf_flow_spec *hint = &plains[_i].hint;
  clf_flow *f = NULL;
  write_good(plains[_i].kind);
  strip(&plains[_i].but);
  const clf_status s = clf_flow_load(dev, bad, hint->height < 0 ? NULL : hint, &f);
  if (plains[_i].says) {
    ck_assert_int_eq(s, CLF_EFORMAT);
    ck_assert_msg(strstr(clf_errmsg(), plains[_i].says) != NULL, "%s", clf_errmsg());
  } else {
    ck_assert_msg(!s, "%s", clf_errmsg());
    const clf_flow_spec *got = clf_flow_get_spec(f);
    ck_assert_int_eq(got->kind, plains[_i].kind);
    ck_assert_int_eq(got->dim, spec_of(plains[_i].kind).dim);
    ck_assert_double_eq(got->s_max, hint->s_max);
    ck_assert_int_eq(got->tails, hint->tails);
    if (got->kind == CLF_REALNVP) ck_assert_int_eq(got->levels, 16);
    if (got->kind == CLF_REALNVP) ck_assert_double_eq(got->alpha, 0.25);
  }
  clf_flow_free(f);
  remove_files();
}
END_TEST

void tests_of_state_dicts(TCase *c) {
  tcase_add_loop_test(c, state_dicts, 0, sizeof plains / sizeof *plains);
}
