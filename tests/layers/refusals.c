/* SPDX-License-Identifier: MIT */
/* refusals.c: layers that do not suit their input, and values that have no inverse. */
#include <string.h>
#include "layers/lists.h"

START_TEST(singular_matrices) {
  const double ones[4] = {1, 1, 1, 1}, x[4] = {1, 2, 3, 4};
  char name[64] = "";
  list s;
  begin(&s, "2: dense -> normal");
  const clf__pass eval = new_pass(&s, CLF_EVAL), train = new_pass(&s, CLF_TRAIN);
  WORKS(clf_write64(flows_dev, clf__slot_tensor(&s.weights, slot_of(&s, "layers.0.weight")->slot),
                    ones));
  WORKS(prepare(&s, &eval));
  for (int inverted = 0; inverted < 2; inverted++) {
    const clf__layer *l = &s.layer[0];
    ck_assert_int_eq((inverted ? l->ops->inverse : l->ops->forward)(l, &eval, &s.memory[0], s.x[0],
                                                                    s.x[1], s.logdet),
                     CLF_EINVAL);
    ck_assert_str_eq(clf_errmsg(), "layers.0: its matrix is singular, so that it has no inverse");
  }
  WORKS(clf_write64(flows_dev, clf__rows(s.x[0], 2), x));
  WORKS(prepare(&s, &train));
  WORKS(s.layer[0].ops->find_bad(&s.layer[0], &train, &s.memory[0], clf__rows(s.x[0], 2),
                                 clf__rows(s.x[1], 2), name, sizeof name));
  ck_assert_str_eq(name, "layers.0, whose matrix is singular,");
  end(&s);
}
END_TEST

START_TEST(refusals) {
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"3: lu, batchnorm(transformed=1) -> normal",
       "layers.1: transformed=1 normalises what the coupling before it transformed; before it "
       "there "
       "is lu"},
      {"3: batchnorm(transformed=1) -> normal", "layers.0: transformed=1 normalises what the "
                                                "coupling before it transformed; before it there "
                                                "is no layer"},
      {"4: coupling(add, convresnet(3x1, like=realnvp)) -> normal",
       "convresnet: convolutions need images, and the input is not an image"},
      {"2x2x2: coupling(add, convresnet(3x1, tanh, like=realnvp), mask=channel) -> normal",
       "convresnet: like=realnvp has relu and no dropout"},
      {"2x2x3: ~squeeze -> normal",
       "layers.0: 3 channels cannot be unsqueezed; their number must be a multiple of 4"},
      {"3: perm(list, list=0, 1) -> normal",
       "layers.0: its list has 2 numbers; there are 3 dimensions to permute"},
      {"1x2x3: perm(list, list=0, 1) -> normal",
       "layers.0: its list has 2 numbers; there are 3 channels to permute"},
      {"60000: lu -> normal",
       "layers.0: a matrix of 60000 x 60000; at most 2147483647 numbers are possible"},
      {"1048576: qr -> normal",
       "layers.0: a matrix of 1048576 x 1048576; at most 2147483647 numbers are possible"},
      {"3: conv1x1 -> normal", "layers.0: conv1x1 mixes the channels of images, and its input is 3 "
                               "numbers; lu and dense mix these"},
      {"3: shift-scale(shift=1, 2) -> normal", "layers.0: shift has 2 numbers; it takes 1 or 3"},
      {"3: columns(2-3: log) -> normal", "layers.0: there is no column 3; the last of 3 is 2"},
      {"2: elementwise(quadratic(tail=2, none)) -> normal",
       "quadratic: all dimensions have bounds, or none; rq can mix them"},
      {"1: allinone(mlp, rq) -> normal", "layers.0: allinone reads one half and transforms the "
                                         "other: it needs at least 2 dimensions"},
      {"3: allinone(mlp, rq, gain=sigmoid, init=10) -> normal",
       "layers.0: gain=sigmoid gives scales below 10, and init is 10"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    list s = {0};
    clf_status code = clf_arch_parse(cases[i].text, &s.arch);
    if (!code) {
      WORKS(clf__arch_expand(s.arch->flow, &s.nodes));
      s.count = s.nodes.n;
      s.dim = s.arch->dim;
      code = make_layers(&s);
    }
    ck_assert_int_eq(code, CLF_EINVAL);
    ck_assert_msg(strstr(clf_errmsg(), cases[i].message) != NULL, "%s: \"%s\", not \"%s\"",
                  cases[i].text, clf_errmsg(), cases[i].message);
    end(&s);
  }
}
END_TEST

/* Invalid permutations, as a file may hold them, are refused. */
START_TEST(permutations_of_files) {
  const double bad[3][3] = {{0, 1, 1}, {0, 3, 1}, {0, 0.5, 1}};
  const char *const messages[3] = {
      "layers.0.perm has 1 at 2; a permutation has each of 0 .. 2 once",
      "layers.0.perm has 3 at 1; a permutation has each of 0 .. 2 once",
      "layers.0.perm has 0.5 at 1; a permutation has each of 0 .. 2 once"};
  list s;
  begin(&s, "3: perm -> normal");
  for (int i = 0; i < 3; i++) {
    WORKS(clf_write64(flows_dev, clf__slot_tensor(&s.weights, slot_of(&s, "layers.0.perm")->slot),
                      bad[i]));
    ck_assert_int_eq(derive(&s), CLF_EFORMAT);
    ck_assert_str_eq(clf_errmsg(), messages[i]);
  }
  end(&s);
}
END_TEST

void tests_of_refusals(TCase *tc) {
  tcase_add_test(tc, singular_matrices);
  tcase_add_test(tc, refusals);
  tcase_add_test(tc, permutations_of_files);
}
