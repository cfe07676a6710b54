/* SPDX-License-Identifier: MIT */
/* presets.c: presets, and the four kinds of flows, as architectures. */
#include <stdlib.h>
#include <string.h>
#include "arch/arch.h"

/* The architecture of a preset with these values. */
static const struct {
  const char *name, *values, *text;
} presets[] = {
    {"nvp", "dim=2, hidden=64, depth=8",
     "2: (coupling(affine(scale=tanh, clamp=3), mlp(64x1, tanh, separate=1), mask=random, "
     "inputs=masked))*8 -> normal"},
    {"nice", " depth = 6 , dim = 3 ",
     "3: (coupling(add, mlp(64x1, tanh), mask=random, inputs=masked))*6, scale -> normal"},
    {"piecewise", "dim=1, xmin=-1.5", "1: piecewise(xmin=-1.5) -> normal"},
    {"nsf", "dim=8", "8: standardize, (coupling(rq(bins=10), resnet(50x2)), lu)*5 -> normal"},
    {"nsf", "dim=5, context=20, depth=3",
     "5|20: standardize, (coupling(rq(bins=10), resnet(50x2)), lu)*3 -> normal; context: "
     "standardize"},
    {"nsf-uci", "dim=6",
     "6: (perm, lu, coupling(rq(tail=3), resnet(256x2), uncond=1))*10, perm, lu -> normal"},
    {"nsf-ar", "dim=8, hidden=50, depth=5",
     "8: standardize, (ar(rq(like=zuko), masked(50x2), order=$alt))*5 -> normal"},
    {"maf", "dim=3, context=10",
     "3|10: standardize, (ar(affine(scale=softplus), made(50x2, tanh, residual=0)), perm)*5 -> "
     "normal; context: standardize"},
    {"maf-uci", "dim=8",
     "8: (ar(affine(scale=exp), made(100x2, residual=0)), batchnorm, perm(reverse))*5 -> normal"},
    {"iaf", "dim=6", "6: (~ar(affine, made), perm(reverse))*4 -> normal"},
    {"ncsf", "dim=4", "4: (ar(rq(tail=circular, like=zuko), masked))*3 -> box(-pi, pi)"},
    {"glow", "height=32, width=32, channels=3",
     "32x32x3: shift-scale(shift=-0.5, scale=0.00390625), (squeeze, (actnorm, perm, conv1x1, "
     "coupling(affine(scale=atan, layout=interleaved), conv, mask=mid))*32, split(prior=conv))*2, "
     "squeeze, (actnorm, perm, conv1x1, coupling(affine(scale=atan, layout=interleaved), conv, "
     "mask=mid))*32 -> "
     "normal(trained)"},
    {"tiny", "height=4, width=6, channels=1",
     "4x6x1: pixels, coupling(affine(scale=realnvp, first=1), convresnet(16x2, bn=1, "
     "like=realnvp), mask=checker), batchnorm(eps=0.0001, transformed=1), "
     "coupling(affine(scale=realnvp, first=1), convresnet(16x2, bn=1, like=realnvp), "
     "mask=checker), batchnorm(eps=0.0001, transformed=1), coupling(affine(scale=realnvp, "
     "first=1), convresnet(16x2, bn=1, like=realnvp), mask=checker), batchnorm(eps=0.0001, "
     "transformed=1), squeeze, coupling(affine(scale=realnvp, first=1), convresnet(32x2, bn=1, "
     "like=realnvp), mask=channel), batchnorm(eps=0.0001, transformed=1), "
     "coupling(affine(scale=realnvp, first=1), convresnet(32x2, bn=1, like=realnvp), "
     "mask=channel), batchnorm(eps=0.0001, transformed=1), coupling(affine(scale=realnvp, "
     "first=1), convresnet(32x2, bn=1, like=realnvp), mask=channel), batchnorm(eps=0.0001, "
     "transformed=1), ~squeeze, squeeze(order=checker), split(place=1), "
     "coupling(affine(scale=realnvp, "
     "first=1), convresnet(32x2, bn=1, like=realnvp), mask=checker), batchnorm(eps=0.0001, "
     "transformed=1), coupling(affine(scale=realnvp, first=1), convresnet(32x2, bn=1, "
     "like=realnvp), mask=checker), batchnorm(eps=0.0001, transformed=1), "
     "coupling(affine(scale=realnvp, first=1), convresnet(32x2, bn=1, like=realnvp), "
     "mask=checker), batchnorm(eps=0.0001, transformed=1), coupling(affine(scale=realnvp, "
     "first=1), convresnet(32x2, bn=1, like=realnvp), mask=checker), batchnorm(eps=0.0001, "
     "transformed=1) -> normal"},
};

START_TEST(presets_are_text_with_values_left_open) {
  const clf_preset *p;
  clf_arch *a = NULL;
  WORKS(clf_preset_find(presets[_i].name, &p));
  ck_assert_msg(!clf_preset_arch(p, presets[_i].values, &a), "%s: %s", p->name, clf_errmsg());
  ck_assert_str_eq(clf_arch_text(a), presets[_i].text);
  turns_around(a);
  clf_arch_free(a);
}
END_TEST

/* The list above has all presets, except those of the image sets of the paper. */
START_TEST(every_preset_makes_an_architecture) {
  for (int i = 0; i < clf_preset_count(); i++) {
    const clf_preset *const p = clf_preset_at(i);
    const int images = !p->arch || strstr(p->arch, "${height}");
    const char *const values = images ? "height=64, width=64, channels=3" : "dim=1";
    clf_arch *a = NULL;
    ck_assert_msg(!clf_preset_arch(p, values, &a), "%s: %s", p->name, clf_errmsg());
    turns_around(a);
    clf_arch_free(a);
    int shown = !p->arch;
    for (size_t k = 0; k < sizeof presets / sizeof *presets; k++)
      shown |= strcmp(presets[k].name, p->name) == 0;
    ck_assert_msg(shown, "no test shows preset %s", p->name);
  }
}
END_TEST

START_TEST(presets_have_options_of_training) {
  const clf_train_options usual = clf_train_options_default();
  const clf_preset *p;
  for (int i = 0; i < clf_preset_count(); i++) {
    clf_train_options o = usual;
    WORKS(clf_preset_options(clf_preset_at(i), &o));
  }
  clf_train_options o = usual;
  WORKS(clf_preset_find("nsf", &p));
  WORKS(clf_preset_options(p, &o));
  ck_assert(o.batch == 200 && o.lr == 5e-4 && o.clip == 5);
  ck_assert(o.epochs == usual.epochs && o.beta1 == usual.beta1);
  o = usual;
  WORKS(clf_preset_find("cifar10", &p));
  WORKS(clf_preset_options(p, &o));
  ck_assert(o.batch == 64 && o.flip == 1 && o.lr == usual.lr);
}
END_TEST

static const struct {
  const char *name, *values, *message;
} preset_refusals[] = {
    {"maf", "", "preset maf needs a value for dim"},
    {"glow", "height=8, width=8", "preset glow needs a value for channels"},
    {"maf", "dim=3, hiden=4", "preset maf has no value \"hiden\"; did you mean \"hidden\"?"},
    {"maf", "dim=3, height=4", "preset maf has no value \"height\"; did you mean \"depth\"?"},
    {"maf", "dim=3, dim=4", "preset maf: dim is given twice"},
    {"maf", "dim", "preset maf: \"dim\" is not a list of values, as \"dim=6, depth=3\""},
    {"maf", "dim=3,", "preset maf: \"dim=3,\" is not a list of values, as \"dim=6, depth=3\""},
    {"maf", "dim=3, hidden=0",
     "preset maf: flow text, character 57: hidden of made is 0; it must be 1 to 1048576"},
    {"maf", "dim=3, hidden=$x",
     "preset maf: flow text, character 57: expected $i or $alt, found \"$x\""},
    {"tiny", "height=4, width=4", "preset tiny needs a value for channels"},
    {"tiny", "height=4, width=4, channels=x", "preset tiny: channels must be a whole number"},
    {"tiny", "dim=4", "preset tiny has no value \"dim\"; did you mean \"width\"?"},
};

START_TEST(values_of_presets_are_checked) {
  const clf_preset *p;
  clf_arch *a = NULL;
  WORKS(clf_preset_find(preset_refusals[_i].name, &p));
  REFUSED(clf_preset_arch(p, preset_refusals[_i].values, &a), CLF_EINVAL,
          preset_refusals[_i].message);
  ck_assert_ptr_null(a);
}
END_TEST

START_TEST(the_four_kinds_are_architectures) {
  clf_flow_spec s = clf_flow_spec_default(CLF_NVP, 2);
  clf_arch *a;
  s.s_max = 0;
  WORKS(clf_arch_of_spec(&s, &a));
  ck_assert_str_eq(clf_arch_text(a), "2: (coupling(affine(scale=tanh), mlp(2x1, tanh, separate=1), "
                                     "mask=random, inputs=masked))*4 -> normal");
  clf_arch_free(a);
  s = clf_flow_spec_default(CLF_PIECEWISE, 1);
  s.tails = 1;
  WORKS(clf_arch_of_spec(&s, &a));
  ck_assert_str_eq(clf_arch_text(a), "1: piecewise(tails=1) -> normal");
  clf_arch_free(a);
  s = clf_flow_spec_default(CLF_REALNVP, 0);
  s.height = 2, s.width = 2, s.channels = 3, s.dim = 12, s.scales = 1, s.levels = 8;
  s.hidden = 5, s.variant = (clf_realnvp_variant){1, 1, 1, 1, 0};
  WORKS(clf_arch_of_spec(&s, &a));
  ck_assert_str_eq(clf_arch_text(a),
                   "2x2x3: pixels(levels=8, paper=1), "
                   "coupling(affine(scale=realnvp), convresnet(5x4, like=realnvp), mask=checker, "
                   "even=1), coupling(affine(scale=realnvp), convresnet(5x4, like=realnvp), "
                   "mask=checker, even=0), coupling(affine(scale=realnvp), convresnet(5x4, "
                   "like=realnvp), mask=checker, even=1), coupling(affine(scale=realnvp), "
                   "convresnet(5x4, like=realnvp), mask=checker, even=0) -> normal");
  turns_around(a);
  clf_arch_free(a);
  s.scales = 9;
  REFUSED(clf_arch_of_spec(&s, &a), CLF_EINVAL, "a flow's scales is 9; it must be 1 to 8");
}
END_TEST

void tests_of_presets(Suite *s) {
  TCase *const c = tcase_create("presets");
  tcase_add_loop_test(c, presets_are_text_with_values_left_open, 0,
                      sizeof presets / sizeof *presets);
  tcase_add_test(c, every_preset_makes_an_architecture);
  tcase_add_test(c, presets_have_options_of_training);
  tcase_add_loop_test(c, values_of_presets_are_checked, 0,
                      sizeof preset_refusals / sizeof *preset_refusals);
  tcase_add_test(c, the_four_kinds_are_architectures);
  suite_add_tcase(s, c);
}
