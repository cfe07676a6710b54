/* SPDX-License-Identifier: MIT */
/* refusals.c: options and data that are refused. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <string.h>
#include "flows.h"
#include "training.h"

typedef struct bad_option {
  clf_train_options o;
  const char *message;
} bad_option;

#define BAD(member, value, text)                                                                   \
  {                                                                                                \
    {.epochs = 1,                                                                                  \
     .batch = 8,                                                                                   \
     .lr = 1e-2,                                                                                   \
     .beta1 = 0.9,                                                                                 \
     .beta2 = 0.999,                                                                               \
     .eps = 1e-8,                                                                                  \
     .member = value},                                                                             \
        text                                                                                       \
  }
#if defined __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif
static const bad_option bad_options[] = {
    BAD(epochs, 0, "epochs is 0; it must be 1 to 2147483647"),
    BAD(epochs, -3, "epochs is -3; it must be 1 to 2147483647"),
    BAD(epochs, (int64_t)1 << 31, "epochs is 2147483648; it must be 1 to 2147483647"),
    BAD(batch, 0, "batch is 0; it must be at least 1"),
    BAD(batch, -1, "batch is -1; it must be at least 1"),
    BAD(lr, 0, "lr is 0; it must be above 0 and below 1e6"),
    BAD(lr, -1e-3, "lr is -0.001; it must be above 0 and below 1e6"),
    BAD(lr, NAN, "lr is nan; it must be above 0 and below 1e6"),
    BAD(lr, INFINITY, "lr is inf; it must be above 0 and below 1e6"),
    BAD(beta1, 1, "beta1 is 1; it must be 0 to below 1"),
    BAD(beta2, -0.1, "beta2 is -0.1; it must be 0 to below 1"),
    BAD(beta2, NAN, "beta2 is nan; it must be 0 to below 1"),
    BAD(activations, 3, "activations is 3; it must be 0 (store), 1 (reverse) or 2 (auto)"),
    BAD(eps, 0, "eps is 0; it must be above 0"),
    BAD(eps, NAN, "eps is nan; it must be above 0"),
    BAD(beta1, -1, "beta1 is -1; it must be 0 to below 1"),
    BAD(l2, -1, "l2 is -1; it must be 0 or above"),
    BAD(l2, 1e300, "l2 is 1e+300; it must be 0 or above"), /* not finite in float */
    BAD(clip, -1, "clip is -1; it must be 0 or above"),
    BAD(clip, INFINITY, "clip is inf; it must be 0 or above"),
    BAD(activations, -1, "activations is -1; it must be 0 (store), 1 (reverse) or 2 (auto)"),
    BAD(part, -1, "part is -1; it must be 0 or above"),
    BAD(drops, -1, "drops is -1; it must be 0 to 32"),
    BAD(drops, 1000000, "drops is 1000000; it must be 0 to 32"),
    BAD(valid_split, 1, "valid_split is 1; it must be 0 to below 1"),
    BAD(valid_split, -0.5, "valid_split is -0.5; it must be 0 to below 1"),
    BAD(valid_split, NAN, "valid_split is nan; it must be 0 to below 1"),
    BAD(valid_split, 0.99,
        "valid_split 0.99 of 10 rows leaves 0 for training and 10 for validation; both need at "
        "least 1"),
    BAD(valid_split, 0.01,
        "valid_split 0.01 of 10 rows leaves 10 for training and 0 for validation; both need at "
        "least 1"),
};

static void refused(clf_flow *f, const clf_table *data, const clf_train_options *o, clf_status s,
                    const char *message) {
  clf_trainer *t = NULL;
  REFUSED(clf_trainer_create(f, data, o, &t), s, message);
  ck_assert_ptr_null(t);
}

START_TEST(options_that_are_refused) {
  clf_table data = make_data(10, 2);
  clf_flow *f = make_flow(CLF_NVP, 2);
  refused(f, &data, &bad_options[_i].o, CLF_EINVAL, bad_options[_i].message);
  ck_assert_msg(isfinite(mean_logp(f, data.at, 10)), "the flow is of use no more");
  clf_flow_free(f);
  clf_table_free(&data);
}
END_TEST

START_TEST(data_that_are_refused) {
  clf_table data = make_data(10, 2);
  clf_train_options o = options_of(1, 8);
  clf_flow *f = make_flow(CLF_NVP, 2), *three = make_flow(CLF_NVP, 3);
  refused(three, &data, &o, CLF_ESHAPE, "the data have 2 columns, the flow has 3 dimensions");
  const double kept = data.at[7];
  data.at[7] = INFINITY;
  refused(f, &data, &o, CLF_ENUM, "row 4, column 2 of the data is inf");
  data.at[7] = NAN;
  refused(f, &data, &o, CLF_ENUM, "row 4, column 2 of the data is nan");
  data.at[7] = 1e39;
  if (dev->bits == 32)
    refused(f, &data, &o, CLF_ENUM, "row 4, column 2 of the data is 1e+39: too large for a float");
  data.at[7] = kept;
  for (int i = 0; i < 10; i++) data.at[2 * i + 1] = 0.1; /* its mean is not 0.1 in every sum */
  o.standardize = 1;
  const double mean[2] = {1, 2}, std[2] = {3, 4}, *m, *d;
  WORKS(clf_flow_set_scaling(f, mean, std));
  refused(f, &data, &o, CLF_ENUM,
          "column 2 is 0.1 in every training row: it cannot be standardised; leave it out");
  ck_assert_int_eq(clf_flow_scaling(f, &m, &d), 1); /* unchanged */
  ck_assert_msg(m[1] == 2 && d[1] == 4, "the scaling is %g, %g", m[1], d[1]);
  refused(f, &(clf_table){.cols = 2}, &o, CLF_EINVAL, "the data have no rows");
  clf_flow_free(f);
  clf_flow_free(three);
  clf_table_free(&data);
}
END_TEST

/* Only flows of images take images, which have a scale of their own; these flows also learn from
 * tables of pixels. */
START_TEST(images_that_are_refused) {
  clf_train_options o = clf_train_options_images();
  clf_flow_spec spec = clf_flow_spec_default(CLF_REALNVP, 16);
  clf_flow *f = make_flow(CLF_NVP, 2), *g = NULL;
  clf_images *images = NULL;
  clf_trainer *t = NULL;
  clf_score score;
  clf_table pixels;
  spec.dim = 16;
  spec.height = spec.width = 4;
  spec.scales = spec.blocks = 1;
  spec.hidden = 2;
  WORKS(clf_flow_create(dev, &spec, &g));
  WORKS(clf_images_open("glyphs:n=9,size=4", NULL, &images));
  WORKS(clf_images_wait(images));
  REFUSED(clf_trainer_create_images(f, images, NULL, &o, &t), CLF_EINVAL,
          "the flow takes rows of numbers: it learns from a table, not from images");
  REFUSED(clf_evaluate_images(f, images, NULL, 0, 9, 1, &score), CLF_EINVAL,
          "the flow takes rows of numbers, not images");
  REFUSED(clf_evaluate_images(g, images, NULL, 0, 0, 1, &score), CLF_EINVAL,
          "0 images: there must be at least 1");
  o.standardize = 1;
  REFUSED(clf_trainer_create_images(g, images, NULL, &o, &t), CLF_EINVAL,
          "standardize is for tables; pixels have their own scale");
  o.standardize = 0;
  WORKS(clf_table_new(9, 16, &pixels));
  for (int i = 0; i < 9 * 16; i++) pixels.at[i] = 0.5;
  pixels.at[17] = 256.5;
  refused(g, &pixels, &o, CLF_ENUM, "row 2, column 2 of the data is 256.5; pixels are 0 to 256");
  pixels.at[17] = -0.5;
  refused(g, &pixels, &o, CLF_ENUM, "row 2, column 2 of the data is -0.5; pixels are 0 to 256");
  clf_table_free(&pixels);
  clf_images_free(images);
  clf_flow_free(f);
  clf_flow_free(g);
}
END_TEST

START_TEST(data_outside_the_interval) {
  clf_table data = make_data(10, 1);
  const clf_train_options o = options_of(1, 8);
  clf_flow_spec spec = clf_flow_spec_default(CLF_PIECEWISE, 1);
  clf_flow *f = NULL, *tails = make_flow(CLF_PIECEWISE, 1);
  WORKS(clf_flow_create(dev, &spec, &f));
  clf_trainer *t = make_trainer(f, &data, &o);
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
  data.at[5] = -4.5;
  refused(
      f, &data, &o, CLF_ENUM,
      "row 6 of the data is -4.5, outside the interval -4 to 4; widen it, or continue the flow by "
      "linear tails");
  t = make_trainer(tails, &data, &o);
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_flow_free(tails);
  clf_table_free(&data);
}
END_TEST

/* Layers of a list give the same message as the preset: which tails help, and where the interval
 * is. */
START_TEST(a_list_outside_its_interval) {
  static const char *const lists[] = {
      "1: piecewise(bins=10, xmin=-4, xmax=4), shift-scale(scale=2) -> normal",
      "1: standardize, piecewise(bins=10, xmin=-4, xmax=4) -> normal",
      "1: shift-scale(shift=1), piecewise(bins=10, xmin=-4, xmax=4) -> normal",
      "1: piecewise(bins=10, xmin=-4, xmax=4, tails=1) -> box(-5, 5)"};
  static const char *const why[] = {"the data: row 1, column 1 is -4.5, outside the interval -4 to "
                                    "4; linear tails would continue the "
                                    "flow there",
                                    "the data: row 1, column 1 is -4.5, outside the interval -2 to "
                                    "6; linear tails would continue the "
                                    "flow there",
                                    NULL, NULL};
  const double x = -4.5, mean = 2, std = 1;
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
    clf_flow *f = flows_of(dev, lists[i], 3);
    double interval[2] = {0};
    if (i == 1) WORKS(clf_flow_set_scaling(f, &mean, &std));
    ck_assert_int_eq(clf_flow_interval(f, interval), i != 2);
    ck_assert_double_eq(interval[0], i == 2 ? 0 : i == 1 ? -2 : -4);
    ck_assert_double_eq(interval[1], i == 2 ? 0 : i == 1 ? 6 : 4);
    if (why[i]) {
      ck_assert_int_eq(clf_require_density(f, &x, 1, &(double){-INFINITY}), CLF_ENUM);
      ck_assert_str_eq(clf_errmsg(), why[i]);
    }
    clf_flow_free(f);
  }
  clf_table data = make_data(10, 1);
  const clf_train_options o = options_of(1, 8);
  clf_flow *f = flows_of(dev, lists[0], 3);
  data.at[5] = -4.5;
  refused(f, &data, &o, CLF_ENUM,
          "row 6 of the data is -4.5, outside the interval -4 to 4; widen it, or continue the flow "
          "by linear tails");
  clf_flow_free(f);
  clf_table_free(&data);
}
END_TEST

/* Every layer with a spline without tails, whatever follows the spline in the layer. */
START_TEST(a_spline_without_tails) {
  static const char *const lists[] = {
      "2: elementwise(rq(tail=none)) -> normal",
      "2: coupling(rq(tail=none), mlp(4x1)) -> normal",
      "2: ar(rq(tail=none), made(4x1)) -> normal",
      "2: allinone(rq(tail=none), mlp(4x1)) -> normal",
  };
  const clf_train_options o = options_of(1, 8);
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
    clf_flow *f = flows_of(dev, lists[i], 3);
    clf_table data = make_data(10, 2);
    for (int k = 0; k < 20; k++) data.at[k] = 0.5;
    data.at[10] = data.at[11] = -4.5;
    refused(f, &data, &o, CLF_ENUM,
            i == 3 ? "row 6, column 2 of the data is -4.5, outside the interval 0 to 1"
                   : "row 6, column 1 of the data is -4.5, outside the interval 0 to 1");
    clf_table_free(&data);
    clf_flow_free(f);
  }
}
END_TEST

void tests_of_refusals(TCase *tc) {
  tcase_add_loop_test(tc, options_that_are_refused, 0,
                      (int)(sizeof bad_options / sizeof *bad_options));
  tcase_add_test(tc, data_that_are_refused);
  tcase_add_test(tc, images_that_are_refused);
  tcase_add_test(tc, data_outside_the_interval);
  tcase_add_test(tc, a_list_outside_its_interval);
  tcase_add_test(tc, a_spline_without_tails);
}
