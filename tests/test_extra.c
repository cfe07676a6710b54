/* SPDX-License-Identifier: MIT */
/* test_extra.c: a layer, a net and a base outside of the library, each in one file and one row
 * (tests/extra), are composed, trained, saved and loaded like any other. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/clflow.h"
#include "suite.h"

static const char text[] =
    "2: flip(-2), coupling(rq(bins=4), mlp(8x1)), ~flip, coupling(rq(bins=4), "
    "line) -> cauchy";
static clf_device *dev;

static clf_flow *make(void) {
  clf_arch *arch;
  clf_flow *f;
  WORKS(clf_open("cpu64", &dev));
  WORKS(clf_arch_parse(text, &arch));
  ck_assert_str_eq(clf_arch_text(arch), text);
  WORKS(clf_flow_create_arch(dev, arch, 1, &f));
  clf_arch_free(arch);
  return f;
}

START_TEST(composes) {
  clf_flow *f = make();
  const double x[2] = {0.3, -0.4};
  double z[2], back[2], J[4], there, here, brute;
  WORKS(clf_transform(f, x, 1, z, &there));
  WORKS(clf_invert(f, z, 1, back, &here));
  for (int d = 0; d < 2; d++) ck_assert_double_eq_tol(back[d], x[d], 1e-10);
  ck_assert_double_eq_tol(there, -here, 1e-10);
  WORKS(clf_jacobian(f, x, J, &brute, &there));
  ck_assert_double_eq_tol(brute, there, 1e-6); /* log 2 is a float there */
  clf_flow_free(f);
  clf_close(dev);
}
END_TEST

/* The coupling adds w x_1 + b to x_0, and each of them has the density 1 / (pi (1 + z^2)). */
START_TEST(net_and_base_have_their_formulas) {
  clf_arch *arch;
  clf_flow *f;
  const double pi = 3.14159265358979323846, w = 2, b = -0.5, x[2] = {0.25, 0.75},
               z = x[0] + w * x[1] + b;
  double logp;
  WORKS(clf_open("cpu64", &dev));
  WORKS(clf_arch_parse("2: coupling(add, line, mask=mid) -> cauchy", &arch));
  WORKS(clf_flow_create_arch(dev, arch, 1, &f));
  clf_arch_free(arch);
  for (int i = 0; i < clf_flow_param_count(f); i++) {
    const clf_param p = clf_flow_param(f, i);
    if (!strcmp(p.name, "layers.0.net.weight")) WORKS(clf_write64(dev, p.at, &w));
    if (!strcmp(p.name, "layers.0.net.bias")) WORKS(clf_write64(dev, p.at, &b));
  }
  WORKS(clf_log_prob(f, x, 1, &logp));
  ck_assert_double_eq_tol(logp, -log(pi * (1 + x[1] * x[1])) - log(pi * (1 + z * z)), 1e-12);
  clf_flow_free(f);
  clf_close(dev);
}
END_TEST

START_TEST(trains_and_is_saved) {
  clf_flow *f = make(), *g;
  clf_table moons;
  clf_trainer *t;
  clf_train_options o = clf_train_options_default();
  clf_score before, after, loaded;
  void *bytes;
  size_t size;
  o.epochs = 3;
  WORKS(clf_table_read("moons:n=500", &moons));
  WORKS(clf_evaluate(f, moons.at, moons.rows, &before));
  WORKS(clf_trainer_create(f, &moons, &o, &t));
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_evaluate(f, moons.at, moons.rows, &after));
  ck_assert_double_gt(after.mean, before.mean + 0.3);
  WORKS(clf_flow_save_memory(f, &bytes, &size));
  WORKS(clf_flow_load_memory(dev, bytes, size, NULL, &g));
  WORKS(clf_evaluate(g, moons.at, moons.rows, &loaded));
  ck_assert(loaded.mean == after.mean);
  free(bytes);
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_flow_free(g);
  clf_table_free(&moons);
  clf_close(dev);
}
END_TEST

START_TEST(is_checked) {
  clf_arch *arch;
  clf_flow *f;
  REFUSED(clf_arch_parse("2: flip(by=1e9) -> normal", &arch), CLF_EINVAL,
          "flow text, character 12: by of flip is 1e+09; it must be -1000000 to 1000000");
  WORKS(clf_open("cpu", &dev));
  WORKS(clf_arch_parse("2: flip(0) -> normal", &arch));
  REFUSED(clf_flow_create_arch(dev, arch, 1, &f), CLF_EINVAL,
          "layers.0: by is 0: nothing inverts that");
  clf_arch_free(arch);
  WORKS(clf_arch_parse("2|1: coupling(add, line) -> normal", &arch));
  REFUSED(clf_flow_create_arch(dev, arch, 1, &f), CLF_EINVAL,
          "line: it does not read the context; use mlp");
  clf_arch_free(arch);
  REFUSED(clf_arch_parse("2: ar(add, line) -> normal", &arch), CLF_EINVAL,
          "flow text, character 4: ar: the net line has no masks; use made or masked");
  clf_close(dev);
}
END_TEST

int main(void) {
  Suite *s = suite_create("extra");
  TCase *c = tcase_create("extra");
  tcase_add_test(c, composes);
  tcase_add_test(c, net_and_base_have_their_formulas);
  tcase_add_test(c, trains_and_is_saved);
  tcase_add_test(c, is_checked);
  suite_add_tcase(s, c);
  return suite_run(s);
}
