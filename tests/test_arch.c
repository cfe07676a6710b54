/* SPDX-License-Identifier: MIT */
/* test_arch.c: architectures: text and JSON, which turn into each other without loss, their checks,
 * and the list of layers that they stand for. */
#define _POSIX_C_SOURCE 200809L
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arch_private.h"
#include "clflow/clflow.h"
#include "suite.h"

static clf_arch *parsed(const char *text) {
  clf_arch *a = NULL;
  ck_assert_msg(!clf_arch_parse(text, &a), "%s: %s", text, clf_errmsg());
  return a;
}

/* Reads the text and JSON that an architecture is written as: both are it again. */
static void turns_around(const clf_arch *a) {
  clf_arch *b = parsed(clf_arch_text(a)), *c = NULL;
  ck_assert_str_eq(clf_arch_text(b), clf_arch_text(a));
  ck_assert_str_eq(clf_arch_json(b), clf_arch_json(a));
  ck_assert_msg(!clf_arch_from_json(clf_arch_json(a), &c), "%s: %s", clf_arch_json(a),
                clf_errmsg());
  ck_assert_str_eq(clf_arch_text(c), clf_arch_text(a));
  ck_assert_str_eq(clf_arch_json(c), clf_arch_json(a));
  ck_assert_int_eq(clf_arch_layers(c), clf_arch_layers(a));
  ck_assert_int_eq(clf_arch_dim(c), clf_arch_dim(a));
  ck_assert_int_eq(clf_arch_context(c), clf_arch_context(a));
  clf_arch_free(b);
  clf_arch_free(c);
}

/* Text, what it is written as, and its layers with repetitions. */
static const struct {
  const char *text, *written;
  int32_t dim, context, layers;
} texts[] = {
    {"3: -> normal", "3: -> normal", 3, 0, 0},
    {"6: (perm(random), lu, coupling(rq(bins=8, tail=3), resnet(256x2, relu), uncond=1))*10, "
     "perm(random), lu -> normal",
     "6: (perm, lu, coupling(rq, resnet(256x2), uncond=1))*10, perm, lu -> normal", 6, 0, 32},
    {"8: (ar(affine(scale=exp), made(100x2, relu, residual=0)), batchnorm, perm(reverse))*5 -> "
     "normal",
     "8: (ar(affine(scale=exp), made(100x2, residual=0)), batchnorm, perm(reverse))*5 -> normal", 8,
     0, 15},
    {"3|10: standardize, (ar(affine(scale=softplus), made(50x2, tanh, residual=0)), "
     "perm(random))*5 -> normal; context: standardize",
     "3|10: standardize, (ar(affine(scale=softplus), made(50x2, tanh, residual=0)), perm)*5 -> "
     "normal; context: standardize",
     3, 10, 11},
    {"5|20: standardize, (coupling(rq(bins=10, tail=3), resnet(50x2, relu)), lu)*5 -> normal; "
     "context: standardize, mlp(64x2, relu)->16",
     "5|20: standardize, (coupling(rq(bins=10), resnet(50x2)), lu)*5 -> normal; context: "
     "standardize, mlp->16",
     5, 20, 11},
    {"6: (~ar(affine(scale=sigmoid2), made(64x2, relu)), perm(reverse))*4 -> normal",
     "6: (~ar(affine, made), perm(reverse))*4 -> normal", 6, 0, 8},
    {"7|8: (ar(rq(bins=8, tail=5, like=zuko), masked(64x2, relu), order=$alt))*3 -> normal",
     "7|8: (ar(rq(tail=5, like=zuko), masked, order=$alt))*3 -> normal", 7, 8, 3},
    {"4: (ar(rq(tail=circular, like=zuko), masked(64x2)))*3 -> box(-pi,pi)",
     "4: (ar(rq(tail=circular, like=zuko), masked))*3 -> box(-pi, pi)", 4, 0, 3},
    {"32x32x3: (squeeze, (actnorm, conv1x1(lu), coupling(affine(scale=sigmoid2, "
     "layout=interleaved), conv(512, 3-1-3), mask=mid))*32, split(keep=first, prior=conv))*2, "
     "squeeze, (actnorm, conv1x1(lu), coupling(affine(scale=sigmoid2, layout=interleaved), "
     "conv(512, 3-1-3), mask=mid))*32 -> normal(trained)",
     "32x32x3: (squeeze, (actnorm, conv1x1, coupling(affine(layout=interleaved), conv, "
     "mask=mid))*32, split(prior=conv))*2, squeeze, (actnorm, conv1x1, "
     "coupling(affine(layout=interleaved), conv, mask=mid))*32 -> normal(trained)",
     3072, 0, 293},
    {"32x32x3: (squeeze, glowstep*32, split(prior=conv))*2, squeeze, glowstep(256, add)*32 -> "
     "normal(trained)",
     "32x32x3: (squeeze, (actnorm, conv1x1, coupling(affine(layout=interleaved), conv, "
     "mask=mid))*32, split(prior=conv))*2, squeeze, (actnorm, conv1x1, coupling(add, conv(256), "
     "mask=mid))*32 -> normal(trained)",
     3072, 0, 293},
    {"10: (coupling(rq(bins=10, tail=none), mlp(32x3, relu), mask=log))*8 -> box(0,1)",
     "10: (coupling(rq(bins=10, tail=none), mlp(32x3), mask=log))*8 -> box", 10, 0, 8},
    {"8x8x16: allinone(affine(scale=tanh, clamp=2), conv(c, 3-3), perm=soft)*8 -> normal",
     "8x8x16: (allinone(affine(scale=tanh, clamp=2), conv(c, 3-3), perm=soft))*8 -> normal", 1024,
     0, 8},
    {"4: columns(0-2: logit(0,1), 3: circular), coupling(add, zero) -> normal",
     "4: columns(0-2: logit, 3: wrap), coupling(add, zero) -> normal", 4, 0, 2},
    {"2: (coupling(add, mlp(2x1), even=$i), lu.mix)*2, ~lu.back(identity=0) -> student(4)",
     "2: (coupling(add, mlp(2x1), even=$i), lu.mix)*2, ~lu.back(identity=0) -> student(4)", 2, 0,
     5},
    {" 6 :\tspline( 4 , tail = 2.5 ) , # a comment, (with -> signs)\r\n perm ( list=5,4,3,2,1,0, "
     "kind=list)\n-> columns(0-1+3-4:laplace,2+5-: mixture(3,full)) ",
     "6: elementwise(rq(bins=4, tail=2.5)), perm(list, list=5, 4, 3, 2, 1, 0) -> columns(0-1+3-4: "
     "laplace, 2+5-: mixture(3, cov=full))",
     6, 0, 2},
    {"2: coupling(net=mlp(2x1), map=rq(tail=3,circular, min=1e-3, 0.01,1e-5), mask=list, list=1) "
     "-> blend(0.3: lu, lu -> normal; 0.7: -> normal(trained, cov=full))",
     "2: coupling(rq(tail=3, circular, min=0.001, 0.01, 1e-5), mlp(2x1), mask=list, list=1) -> "
     "blend(0.3: lu, lu -> normal; 0.7: -> normal(trained, cov=full))",
     2, 0, 3},
    {"5: (((lu)*2, perm)*3)*4 -> logistic(trained=1)",
     "5: (((lu)*2, perm)*3)*4 -> logistic(trained)", 5, 0, 36},
    {"2: shift-scale(shift=0.1, -2.5e-29, scale=3) -> box(high=2)",
     "2: shift-scale(shift=0.1, -2.5e-29, scale=3) -> box(0, 2)", 2, 0, 1},
    {"1: piecewise(bins=10, xmin=-1, tails=1) -> normal",
     "1: piecewise(bins=10, xmin=-1, tails=1) -> normal", 1, 0, 1},
    {"28x28x1: pixels(levels=2), coupling(affine(scale=tanh, first=1), convresnet(32x4, bn=1), "
     "mask=checker), batchnorm, squeeze, split -> normal",
     "28x28x1: pixels(levels=2), coupling(affine(scale=tanh, first=1), convresnet(32x4, bn=1), "
     "mask=checker), batchnorm, squeeze, split -> normal",
     784, 0, 5},
    {"2: (coupling(affine(scale=tanh, clamp=2), mlp(64x1, tanh, separate=1), mask=random, "
     "inputs=masked))*8 -> normal",
     "2: (coupling(affine(scale=tanh, clamp=2), mlp(64x1, tanh, separate=1), mask=random, "
     "inputs=masked))*8 -> normal",
     2, 0, 8},
};
enum { TEXTS = sizeof texts / sizeof *texts };

START_TEST(text_turns_into_json_and_back) {
  clf_arch *const a = parsed(texts[_i].text);
  ck_assert_str_eq(clf_arch_text(a), texts[_i].written);
  ck_assert_int_eq(clf_arch_dim(a), texts[_i].dim);
  ck_assert_int_eq(clf_arch_context(a), texts[_i].context);
  ck_assert_int_eq(clf_arch_layers(a), texts[_i].layers);
  turns_around(a);
  clf_arch_free(a);
}
END_TEST

START_TEST(json_of_the_documentation) {
  static const char json[] =
      "{\"version\":1,\"dim\":8,\"layers\":[{\"repeat\":5,\"layers\":[{\"layer\":\"ar\",\"map\":{"
      "\"kind\":\"affine\",\"scale\":\"exp\"},\"net\":{\"kind\":\"made\",\"hidden\":100,\"blocks\":"
      "2,\"act\":\"relu\",\"residual\":false}},{\"layer\":\"batchnorm\"},{\"layer\":\"perm\","
      "\"kind\":\"reverse\"}]}],\"base\":{\"kind\":\"normal\"}}";
  clf_arch *a;
  WORKS(clf_arch_from_json(json, &a));
  ck_assert_str_eq(clf_arch_text(a), texts[2].written);
  turns_around(a);
  clf_arch_free(a);
}
END_TEST

START_TEST(json_has_every_member) {
  clf_arch *const a = parsed("2|3: ~lu.mix, coupling(add, mlp, even=$i)*2 -> box");
  ck_assert_str_eq(
      clf_arch_json(a),
      "{\"version\":1,\"dim\":2,\"context_dim\":3,\"layers\":[{\"layer\":\"lu\",\"name\":\"mix\","
      "\"inverse\":true,\"identity\":true},{\"repeat\":2,\"layers\":[{\"layer\":\"coupling\","
      "\"map\":{\"kind\":\"add\"},\"net\":{\"kind\":\"mlp\",\"hidden\":64,\"layers\":2,\"act\":"
      "\"relu\",\"dropout\":0.0,\"norm\":false,\"zero\":false,\"context\":\"concat\",\"separate\":"
      "false},\"mask\":\"alt\",\"even\":\"$i\",\"uncond\":false,\"inputs\":\"identity\"}]}],"
      "\"base\":{\"kind\":\"box\",\"low\":0.0,\"high\":1.0}}");
  clf_arch_free(a);
}
END_TEST

/* ---- Presets and the four kinds ----------------------------------------------------------------
 */

/* What a preset becomes, with these values. */
static const struct {
  const char *name, *values, *text;
} presets[] = {
    {"nvp", "dim=2, hidden=64, depth=8",
     "2: (coupling(affine(scale=tanh, clamp=3), mlp(64x1, tanh, separate=1), mask=random, "
     "inputs=masked))*8 -> normal"},
    {"nice", " depth = 6 , dim = 3 ",
     "3: (coupling(add, mlp(2x1, tanh), mask=random, inputs=masked))*6, scale -> normal"},
    {"piecewise", "dim=1, xmin=-1.5", "1: piecewise(xmin=-1.5) -> normal"},
    {"nsf", "dim=8", "8: standardize, (coupling(rq(bins=10), resnet(50x2)), lu)*5 -> normal"},
    {"nsf", "dim=5, context=20, depth=3",
     "5|20: standardize, (coupling(rq(bins=10), resnet(50x2)), lu)*3 -> normal; context: "
     "standardize"},
    {"nsf-uci", "dim=6",
     "6: (perm, lu, coupling(rq, resnet(256x2), uncond=1))*10, perm, lu -> normal"},
    {"nsf-ar", "dim=8, hidden=50, depth=5",
     "8: standardize, (ar(rq(tail=5, like=zuko), masked(50x2), order=$alt))*5 -> normal"},
    {"maf", "dim=3, context=10",
     "3|10: standardize, (ar(affine(scale=softplus), made(50x2, tanh, residual=0)), perm)*5 -> "
     "normal; context: standardize"},
    {"maf-uci", "dim=8",
     "8: (ar(affine(scale=exp), made(100x2, residual=0)), batchnorm, perm(reverse))*5 -> normal"},
    {"iaf", "dim=6", "6: (~ar(affine, made), perm(reverse))*4 -> normal"},
    {"ncsf", "dim=4", "4: (ar(rq(tail=circular, like=zuko), masked))*3 -> box(-pi, pi)"},
    {"glow", "height=32, width=32, channels=3",
     "32x32x3: shift-scale(shift=-0.5, scale=0.00390625), (squeeze, (actnorm, conv1x1, "
     "coupling(affine(layout=interleaved), conv, mask=mid))*32, split(prior=conv))*2, squeeze, "
     "(actnorm, conv1x1, coupling(affine(layout=interleaved), conv, mask=mid))*32 -> "
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
     "transformed=1), ~squeeze, squeeze(order=checker), split, coupling(affine(scale=realnvp, "
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

/* Those above are all that there are, but for those of the paper's image sets. */
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

static const struct {
  const char *name, *values, *message;
} preset_refusals[] = {
    {"maf", "", "preset maf needs a value for dim"},
    {"glow", "height=8, width=8", "preset glow needs a value for channels"},
    {"maf", "dim=3, hiden=4", "preset maf has no value \"hiden\"; did you mean \"hidden\"?"},
    {"maf", "dim=3, height=4", "preset maf has no value \"height\"; did you mean \"depth\"?"},
    {"maf", "dim=3, dim=4", "preset maf: dim is given twice"},
    {"maf", "dim", "preset maf: \"dim\" is no list of values, as \"dim=6, depth=3\""},
    {"maf", "dim=3,", "preset maf: \"dim=3,\" is no list of values, as \"dim=6, depth=3\""},
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

/* ---- The table ---------------------------------------------------------------------------- */

/* Text is compared with the defaults as arch.def writes them. */
START_TEST(defaults_are_written_as_they_are_read) {
  const clf__node_type *const type = &clf__node_types[_i];
  clf_arch a = {0};
  clf__node *node;
  WORKS(clf__node_new(&a, type, &node));
  for (int m = 0; m < type->count; m++) {
    clf__out o = {0};
    if (!type->members[m].value) continue;
    clf__out_member(&o, node, m);
    ck_assert_str_eq(o.s ? o.s : "", type->members[m].value);
    free(o.s);
  }
  clf__arch_free_blocks(a.blocks);
}
END_TEST

/* What is written without its name is read as the same member. */
START_TEST(words_without_names_are_no_others) {
  const clf__node_type *const type = &clf__node_types[_i];
  for (int m = 0; m < type->count; m++) {
    const clf__member *const member = &type->members[m];
    if (!(member->flags & CLF__BARE) || member->type != CLF__TYPE_CHOICE) continue;
    for (int k = 0; k < type->count; k++)
      for (int w = 0; member->words[w].text; w++) {
        const char *const word = member->words[w].text;
        ck_assert(type->members[k].type != CLF__TYPE_FLAG || strcmp(type->members[k].name, word));
        if (k != m && type->members[k].type == CLF__TYPE_CHOICE)
          ck_assert_int_lt(clf__word_find(type->members[k].words, word, strlen(word)), 0);
        if (type->members[k].type == CLF__TYPE_NODE)
          ck_assert_ptr_null(clf__node_type_find(type->members[k].group, word, strlen(word)));
      }
  }
  ck_assert_int_gt((int)strlen(type->help), 3);
}
END_TEST

/* ---- Refusals ----------------------------------------------------------------------------- */

static const struct {
  const char *text, *message;
} refusals[] = {
    {"", "flow text, character 1: expected the dimension of the data, 1 to 1048576, as 6:, found "
         "the end of the text"},
    {"$dim: -> normal", "flow text, character 1: expected the dimension of the data, 1 to 1048576, "
                        "as 6:, found \"$dim\""},
    {"0: -> normal", "flow text, character 1: expected the dimension of the data, 1 to 1048576, as "
                     "6:, found \"0\""},
    {"99999999999999999999: -> normal",
     "flow text, character 1: expected the dimension of the "
     "data, 1 to 1048576, as 6:, found \"99999999999999999999\""},
    {"6 lu -> normal", "flow text, character 3: expected \":\", found \"lu\""},
    {"32x32: -> normal",
     "flow text, character 6: expected \"x\" and the channels, as 32x32x3:, found \":\""},
    {"60000x60000x3: -> normal",
     "flow text, character 1: expected images of at most 1048576 numbers, found \"60000\""},
    {"6: lu", "flow text, character 6: expected \",\" or \"->\", found the end of the text"},
    {"6: lu ->", "flow text, character 9: expected a base, found the end of the text"},
    {"6: lu -> gauss", "flow text, character 10: there is no base \"gauss\"; did you mean "
                       "\"classes\"?"},
    {"6: -> normal x", "flow text, character 14: expected the end of the text or \"; context:\", "
                       "found \"x\""},
    {"6: lu, -> normal", "flow text, character 8: expected a layer, found \"->\""},
    {"6: couplng(rq, mlp) -> normal",
     "flow text, character 4: there is no layer \"couplng\"; did you mean \"coupling\"?"},
    {"6: repeat -> normal",
     "flow text, character 4: there is no layer \"repeat\"; did you mean \"perm\"?"},
    {"6: coupling(rq(bins=8), resnt(256x2)) -> normal",
     "flow text, character 25: there is no argument of coupling \"resnt\"; did you mean "
     "\"resnet\"?"},
    {"6: coupling(rq, resnet(256x2, droput=0.1)) -> normal",
     "flow text, character 31: there is no member of resnet \"droput\"; did you mean \"dropout\"?"},
    {"6: coupling(rq(like=nflow), mlp) -> normal",
     "flow text, character 21: there is no like \"nflow\"; did you mean \"nflows\"?"},
    {"6: coupling(rq, mlp, net=mlp) -> normal", "flow text, character 22: net is given twice"},
    {"6: coupling(rq, mlp, mlp) -> normal", "flow text, character 22: net is given twice"},
    {"6: coupling(rq(bins=8, bins=9), mlp) -> normal",
     "flow text, character 24: bins is given twice"},
    {"6: coupling(rq) -> normal",
     "flow text, character 4: coupling needs net: mlp, resnet, made, masked, conv, convresnet, "
     "zero"},
    {"6: lu -> mixture", "flow text, character 10: mixture needs count: components"},
    {"6: coupling(rq(bins=0), mlp) -> normal",
     "flow text, character 21: bins of rq is 0; it must be 1 to 64"},
    {"6: coupling(rq(bins=8.5), mlp) -> normal",
     "flow text, character 21: expected a whole number for bins, found \"8.5\""},
    {"6: coupling(rq(tail=-1), mlp) -> normal",
     "flow text, character 21: tail of rq is -1; it must be 1e-06 to 1e+30"},
    {"6: coupling(rq(tail=linear), mlp) -> normal",
     "flow text, character 21: expected a bound, \"none\" or \"circular\", found \"linear\""},
    {"6: coupling(rq(min=0.2, 0, 0), mlp) -> normal",
     "flow text, character 13: rq: 8 bins of at least 0.2 of the interval each do not fit"},
    {"6: coupling(rq(min=0.1), mlp) -> normal",
     "flow text, character 13: rq: min= takes 3 numbers, not 1"},
    {"6: coupling(rq(box=1, 0), mlp) -> normal",
     "flow text, character 13: rq: the box ends before it begins"},
    {"6: coupling(rq, mlp, uncond=2) -> normal",
     "flow text, character 29: expected 0 or 1 for uncond, found \"2\""},
    {"6: coupling(rq, made) -> normal", "flow text, character 4: coupling: the net made is one of "
                                        "autoregressive layers; use mlp or resnet"},
    {"6: ar(rq, mlp) -> normal",
     "flow text, character 4: ar: the net mlp has no masks; use made or masked"},
    {"6: coupling(rq, mlp, mask=list) -> normal",
     "flow text, character 4: coupling: mask=list needs the list, as list=..."},
    {"6: coupling(rq, mlp, list=0-2) -> normal",
     "flow text, character 4: coupling: list= is read with mask=list only"},
    {"6: coupling(rq, mlp, mask=list, list=2-0) -> normal",
     "flow text, character 40: expected the end of a range after its beginning, found \"0\""},
    {"6: coupling(rq, mlp, mask=list, list=0-2+1) -> normal",
     "flow text, character 42: expected ranges in ascending order that do not overlap, found "
     "\"1\""},
    {"3: perm(list, list=0, 0, 2) -> normal",
     "flow text, character 4: perm: its list of 3 holds 0 twice; each of 0 to 2 must stand in it "
     "once"},
    {"3: perm(list, list=0, 3, 2) -> normal",
     "flow text, character 4: perm: its list of 3 holds 3; each of 0 to 2 must stand in it once"},
    {"3: logit(1, 0) -> normal", "flow text, character 4: logit: a 1 must be below b 0"},
    {"3: logit(0, 1, 2) -> normal", "flow text, character 16: b is given twice"},
    {"3: columns(0-1: logit, 1: log) -> normal",
     "flow text, character 4: columns: dimension 1 stands in two of its ranges"},
    {"3: columns(0-1: lu) -> normal", "flow text, character 4: columns: lu cannot stand here; only "
                                      "layers that act on each dimension alone can"},
    {"3: shift-scale(scale=0) -> normal",
     "flow text, character 4: shift-scale: a scale of 0 cannot be inverted"},
    {"3: rotation(3) -> normal",
     "flow text, character 13: expected \")\": rotation has no members, found \"3\""},
    {"3: rotation(k=3) -> normal",
     "flow text, character 13: expected \")\": rotation has no members, found \"k\""},
    {"3: householder($x) -> normal",
     "flow text, character 16: expected an argument of householder (reflections), found \"$x\""},
    {"3: householder(reflections=$x) -> normal",
     "flow text, character 28: expected $i or $alt, found \"$x\""},
    {"3: logit(a=$i) -> normal",
     "flow text, character 12: expected a value; $i and $alt stand for whole numbers only, found "
     "\"$i\""},
    {"3: (lu)*0 -> normal",
     "flow text, character 9: expected a number of repetitions, 1 to 65536, found \"0\""},
    {"3: ~(lu, perm) -> normal",
     "flow text, character 5: expected a single layer after \"~\", found \"(\""},
    {"3: (lu -> normal", "flow text, character 8: expected \",\" or \")\", found \"->\""},
    {"3: lu( -> normal", "flow text, character 8: expected an argument of lu (identity), found "
                         "\"->\""},
    {"3: lu.(identity=0) -> normal",
     "flow text, character 7: expected the layer's own name, found \"(\""},
    {"3: lu -> normal(trained, mlp)",
     "flow text, character 10: normal: it is trained or computed by a net, not both"},
    {"3: lu -> conv", "flow text, character 4: conv: this base is one of a split, as "
                      "split(prior=conv)"},
    {"3: lu -> blend(0: -> normal)", "flow text, character 10: blend: weights must be above 0"},
    {"3: lu -> normal; context: standardize",
     "flow text, character 18: expected nothing after the base: the flow has no context, as 6|3: "
     "would give it, found \"context\""},
    {"3|2: lu -> normal; context: mlp", "flow text, character 32: expected \"->\" and the net's "
                                        "outputs, as ->16, found the end of the text"},
    {"3|2: lu -> normal; context: standardise",
     "flow text, character 29: there is no item of the context \"standardise\"; did you mean "
     "\"standardize\"?"},
    {"3:\n  lu,\n  perm(revers) -> normal",
     "flow text, line 3, character 8: there is no argument of perm \"revers\"; did you mean "
     "\"reverse\"?"},
    {"3: (((((lu)*64)*64)*64)*64)*64 -> normal",
     "flow text, character 1: the flow has more than 65536 layers, counting repetitions"},
    {"3: (lu)*65536, lu -> normal",
     "flow text, character 1: the flow has more than 65536 layers, counting repetitions"},
    {"3: glowstep(512, add, 3) -> normal",
     "flow text, character 23: expected an argument of glowstep (width=512, "
     "map=affine(scale=sigmoid2, layout=interleaved)), found \"3\""},
    {"3: spline(0) -> normal",
     "flow text, character 4: in elementwise(rq(bins=0, tail=3)): flow text, character 21: bins of "
     "rq is 0; it must be 1 to 64"},
    {"3: coupling(rq, mlp(64)) -> normal",
     "flow text, character 21: expected an argument of mlp (hidden, layers, act, dropout, norm, "
     "zero, context, separate, angles), found \"64\""},
    {"3: l\xc3\xa4 -> normal",
     "flow text, character 4: there is no layer \"l\"; did you mean \"lu\"?"},
    {"3: \xff -> normal", "flow text, character 4: expected a layer, found \"?\""},
    {"3: box(1e400) -> normal",
     "flow text, character 4: there is no layer \"box\"; did you mean \"log\"?"},
    {"3: -> box(0, 1e400)", "flow text, character 14: expected a finite number, found \"1\""},
    {"3: coupling(rq, conv(512, 3-2)) -> normal",
     "flow text, character 17: conv: a kernel of side 2 has no middle; sides must be odd"},
};

START_TEST(text_is_refused_in_words) {
  clf_arch *a = NULL;
  REFUSED(clf_arch_parse(refusals[_i].text, &a), CLF_EINVAL, refusals[_i].message);
  ck_assert_ptr_null(a);
}
END_TEST

#define TOP "{\"version\":1,\"dim\":3,\"layers\":["
#define END "],\"base\":{\"kind\":\"normal\"}}"
static const struct {
  const char *json, *message;
} json_refusals[] = {
    {"[1]", "flow JSON, its top: expected an object, found an array"},
    {"{}", "flow JSON, its top: expected \"version\", found nothing"},
    {"{\"version\":2}", "flow JSON, version: it is 2; this clflow reads version 1"},
    {"{\"version\":1,\"layers\":[]"
     "}",
     "flow JSON, its top: expected \"dim\" or \"shape\", found "
     "nothing"},
    {"{\"version\":1,\"dim\":3,\"layers\":[]}", "flow JSON, its top: expected \"base\", found "
                                                "nothing"},
    {"{\"version\":1,\"dim\":-3}",
     "flow JSON, dim: expected a whole number, 1 to 1048576, found -3"},
    {"{\"version\":1,\"dimm\":3}",
     "flow JSON, its top: there is no member \"dimm\"; did you mean \"dim\"?"},
    {"{\"version\":1,\"shape\":[8,8]}",
     "flow JSON, shape: expected height, width and channels, found an array"},
    {TOP "{\"layer\":\"lu\",\"identty\":true}" END,
     "flow JSON, layers[0]: there is no member of lu \"identty\"; did you mean \"identity\"?"},
    {TOP "{\"layer\":\"lu\",\"identity\":1}" END,
     "flow JSON, layers[0].identity: expected true or false, found a whole number"},
    {TOP "{\"layer\":\"couplin\"}" END,
     "flow JSON, layers[0]: there is no layer \"couplin\"; did you mean \"coupling\"?"},
    {TOP "{\"kind\":\"lu\"}" END,
     "flow JSON, layers[0]: expected \"layer\" and its name, found nothing"},
    {TOP "{\"layer\":\"coupling\",\"map\":{\"kind\":\"rq\",\"bins\":65},\"net\":{\"kind\":"
         "\"mlp\"}}" END,
     "flow JSON, layers[0].map.bins: expected a whole number, 1 to 64, found 65"},
    {TOP
     "{\"repeat\":2,\"layers\":[{\"layer\":\"lu\"},{\"layer\":\"perm\",\"kind\":\"revers\"}]}" END,
     "flow JSON, layers[0].layers[1].kind: there is no kind \"revers\"; did you mean \"reverse\"?"},
    {TOP "{\"layer\":\"coupling\",\"map\":{\"kind\":\"rq\"}}" END,
     "flow JSON, layers[0]: coupling needs \"net\": net that reads the identity dimensions and the "
     "context"},
    {TOP "{\"layer\":\"logit\",\"a\":2}" END, "flow JSON, layers[0]: logit: a 2 must be below b 1"},
    {TOP
     "{\"layer\":\"columns\",\"parts\":[{\"columns\":\"2-0\",\"node\":{\"layer\":\"log\"}}]}" END,
     "flow JSON, layers[0].parts[0].columns: flow text, character 3: expected the end of a range "
     "after its beginning, found \"0\""},
    {TOP
     "{\"layer\":\"columns\",\"parts\":[{\"columns\":\"0-2\",\"nod\":{\"layer\":\"log\"}}]}" END,
     "flow JSON, layers[0].parts[0].nod: there is no member of a part \"nod\"; did you mean "
     "\"node\"?"},
    {TOP "{\"repeat\":65536,\"layers\":[{\"repeat\":65536,\"layers\":[{\"layer\":\"lu\"}]}]}" END,
     "flow JSON, its top: the flow has more than 65536 layers, counting repetitions"},
};

START_TEST(json_is_refused_in_words) {
  clf_arch *a = NULL;
  REFUSED(clf_arch_from_json(json_refusals[_i].json, &a), CLF_EINVAL, json_refusals[_i].message);
  ck_assert_ptr_null(a);
}
END_TEST

/* What is no JSON at all is refused in jansson's words, which differ between its versions. */
START_TEST(what_is_no_json_is_refused_with_its_place) {
  static const char *const texts_of_none[] = {"",
                                              "{\"version\":1,",
                                              "{\"version\":1e999}",
                                              "{'version':1}",
                                              "{\"version\":1} 2",
                                              "{\"version\":1,\"version\":1}",
                                              "{\"version\":\"\xff\"}"};
  for (size_t i = 0; i < sizeof texts_of_none / sizeof *texts_of_none; i++) {
    clf_arch *a = NULL;
    ck_assert_int_eq(clf_arch_from_json(texts_of_none[i], &a), CLF_EINVAL);
    ck_assert_ptr_eq(strstr(clf_errmsg(), "flow JSON, line 1, column "), clf_errmsg());
  }
}
END_TEST

/* `n` times `before`, then `middle`, then `n` times `after`. */
static char *nested(const char *head, const char *before, const char *middle, const char *after,
                    const char *tail, int n) {
  const size_t size = strlen(head) + strlen(middle) + strlen(tail) + 1 +
                      (size_t)n * (strlen(before) + strlen(after));
  char *const text = malloc(size), *p = stpcpy(text, head);
  for (int i = 0; i < n; i++) p = stpcpy(p, before);
  p = stpcpy(p, middle);
  for (int i = 0; i < n; i++) p = stpcpy(p, after);
  stpcpy(p, tail);
  return text;
}

START_TEST(depth_and_length_are_bounded) {
  clf_arch *a = NULL;
  char *text = nested("3: ", "(", "lu", ")", " -> normal", 100000);
  REFUSED(clf_arch_parse(text, &a), CLF_EINVAL,
          "flow text, character 36: parentheses are nested more than 32 deep");
  free(text);
  text = nested("3: ", "(", "lu", ")*1", " -> normal", 31);
  WORKS(clf_arch_parse(text, &a));
  turns_around(a);
  clf_arch_free(a);
  free(text);
  a = NULL;
  text = nested("3: -> ", "blend(1: -> ", "normal", ")", "", 1000);
  ck_assert_int_eq(clf_arch_parse(text, &a), CLF_EINVAL);
  ck_assert_ptr_nonnull(strstr(clf_errmsg(), "parentheses are nested more than 32 deep"));
  free(text);
  text = nested("3: ", "", "lu", " ", " -> normal", 1 << 20);
  REFUSED(clf_arch_parse(text, &a), CLF_EINVAL, "flow text: it has more than 1048576 bytes");
  free(text);
  text = nested(TOP, "{\"repeat\":1,\"layers\":[", "{\"layer\":\"lu\"}", "]}", END, 100);
  ck_assert_int_eq(clf_arch_from_json(text, &a), CLF_EINVAL);
  ck_assert_ptr_nonnull(strstr(clf_errmsg(), "objects are nested more than 32 deep"));
  free(text);
  text = nested(TOP, "[", "", "]", END, 100000); /* jansson's own bound */
  ck_assert_int_eq(clf_arch_from_json(text, &a), CLF_EINVAL);
  ck_assert_ptr_nonnull(strstr(clf_errmsg(), "maximum parsing depth reached"));
  free(text);
  ck_assert_ptr_null(a);
}
END_TEST

/* ---- The list of layers ------------------------------------------------------------------- */

static clf__arch_list expanded(const clf_arch *a) {
  clf__arch_list l;
  WORKS(clf__arch_expand(a->flow, &l));
  ck_assert_int_eq(l.n, a->layers);
  for (int32_t i = 0; i < l.n; i++) {
    ck_assert_int_eq(l.at[i].index, i);
    ck_assert_int_ne(l.at[i].node->type->id, CLF__ARCH_repeat);
  }
  return l;
}

static const clf__arch_coupling *coupling(const clf__arch_list *l, int32_t i) {
  ck_assert_int_eq(l->at[i].node->type->id, CLF__ARCH_coupling);
  return (const clf__arch_coupling *)l->at[i].node;
}

START_TEST(couplings_alternate_by_their_place_among_all) {
  clf_arch *const a =
      parsed("4: (coupling(add, mlp), lu)*3, perm, (coupling(add, mlp))*2, coupling(add, mlp, "
             "even=0), coupling(add, mlp) -> normal");
  clf__arch_list l = expanded(a);
  static const int at[] = {0, 2, 4, 7, 8, 9, 10}, even[] = {0, 1, 2, 3, 4, 0, 6};
  for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
    ck_assert_int_eq(coupling(&l, at[i])->even, even[i]);
    ck_assert_int_eq(l.at[at[i]].place, (int)i);
  }
  ck_assert_int_eq(l.at[3].i, 1);
  ck_assert_int_eq(l.at[6].i, 0);
  clf__arch_list_free(&l);
  clf_arch_free(a);
}
END_TEST

START_TEST(variables_become_numbers) {
  clf_arch *const a = parsed("4: ((coupling(add, mlp(2x1, dropout=0.5), even=$i), "
                             "householder(reflections=$i))*2, lu)*2, (ar(add, made, "
                             "order=$alt), ar(add, masked(residual=$alt)))*2 -> normal");
  clf__arch_list l = expanded(a);
  for (int k = 0; k < 2; k++)
    for (int i = 0; i < 2; i++) ck_assert_int_eq(coupling(&l, 5 * k + 2 * i)->even, i);
  ck_assert_int_eq(((const clf__arch_householder *)l.at[3].node)->reflections, 1);
  ck_assert_int_eq(l.at[9].node->type->id, CLF__ARCH_lu);
  for (int i = 0; i < 4; i += 2) { /* the places of all ar: 0, 2 */
    ck_assert_int_eq(((const clf__arch_ar *)l.at[10 + i].node)->order, CLF__ORDER_ASC);
    const clf__arch_ar *const second = (const clf__arch_ar *)l.at[11 + i].node;
    ck_assert_int_eq(((const clf__arch_masked *)second->net)->residual, 1);
  }
  clf__arch_list_free(&l);
  clf_arch_free(a);
}
END_TEST

START_TEST(members_hold_their_values) {
  clf_arch *const a = parsed("8x8x3|2: coupling(rq(bins=5, tail=2,none,circular, box=-pi,0.5), "
                             "conv(c, 5-1-3, gelu), mask=list, list=0-2+5-, uncond=1) -> "
                             "blend(0.25: lu -> box(-1, 2); 3: -> normal)");
  int32_t h, w, c;
  ck_assert_int_eq(clf_arch_shape(a, &h, &w, &c), 1);
  ck_assert(h == 8 && w == 8 && c == 3);
  ck_assert_int_eq(clf_arch_layers(a), 2);
  const clf__arch_coupling *const k = (const clf__arch_coupling *)a->flow->layers.at[0];
  const clf__arch_rq *const q = (const clf__arch_rq *)k->map;
  const clf__arch_conv *const n = (const clf__arch_conv *)k->net;
  ck_assert_int_eq(q->bins, 5);
  ck_assert_int_eq(q->tail.n, 3);
  ck_assert(q->tail.at[0].kind == CLF__TAIL_LINEAR && q->tail.at[0].bound == 2);
  ck_assert(q->tail.at[1].kind == CLF__TAIL_NONE && q->tail.at[2].kind == CLF__TAIL_CIRCULAR);
  ck_assert(q->box.n == 2 && q->box.at[0] == -CLF_PI && q->box.at[1] == 0.5);
  ck_assert(q->min.n == 3 && q->min.at[2] == 1e-3);
  ck_assert(n->width == 0 && n->kernels.n == 3 && n->kernels.at[0] == 5);
  ck_assert_int_eq(n->act, CLF__ACT_GELU);
  ck_assert(k->list.n == 2 && k->list.at[0].last == 2 && k->list.at[1].first == 5);
  ck_assert_int_eq(k->list.at[1].last, -1);
  ck_assert(k->mask == CLF__MASK_LIST && k->uncond == 1 && k->even == -1);
  const clf__arch_blend *const b = (const clf__arch_blend *)a->flow->base;
  ck_assert(b->parts.n == 2 && b->parts.at[0].weight == 0.25 && b->parts.at[1].weight == 3);
  const clf__arch_flow *const f = (const clf__arch_flow *)b->parts.at[0].node;
  ck_assert_int_eq(f->layers.n, 1);
  ck_assert(((const clf__arch_box *)f->base)->high == 2);
  clf_arch_free(a);
}
END_TEST

START_TEST(numbers_are_shortest_and_exact) {
  static const struct {
    double v;
    const char *text;
  } numbers[] = {{0.1, "0.1"},
                 {1e-5, "1e-5"},
                 {1e20, "1e20"},
                 {-CLF_PI, "-pi"},
                 {1.0 / 3, "0.3333333333333333"},
                 {123456789, "123456789"},
                 {5e-324, "5e-324"},
                 {0, "0"},
                 {1.5e10, "1.5e10"}};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    clf__out o = {0};
    clf__out_real(&o, numbers[i].v);
    ck_assert_str_eq(o.s, numbers[i].text);
    free(o.s);
  }
}
END_TEST

static void add(TCase *c, const TTest *test, int n) {
  if (n)
    tcase_add_loop_test(c, test, 0, n);
  else
    tcase_add_test(c, test);
}

int main(void) {
  Suite *const s = suite_create("arch");
  TCase *const c = tcase_create("arch");
  add(c, text_turns_into_json_and_back, TEXTS);
  add(c, json_of_the_documentation, 0);
  add(c, json_has_every_member, 0);
  add(c, defaults_are_written_as_they_are_read, CLF__NODE_TYPES);
  add(c, words_without_names_are_no_others, CLF__NODE_TYPES);
  add(c, text_is_refused_in_words, sizeof refusals / sizeof *refusals);
  add(c, json_is_refused_in_words, sizeof json_refusals / sizeof *json_refusals);
  add(c, what_is_no_json_is_refused_with_its_place, 0);
  add(c, presets_are_text_with_values_left_open, sizeof presets / sizeof *presets);
  add(c, every_preset_makes_an_architecture, 0);
  add(c, values_of_presets_are_checked, sizeof preset_refusals / sizeof *preset_refusals);
  add(c, the_four_kinds_are_architectures, 0);
  add(c, depth_and_length_are_bounded, 0);
  add(c, couplings_alternate_by_their_place_among_all, 0);
  add(c, variables_become_numbers, 0);
  add(c, members_hold_their_values, 0);
  add(c, numbers_are_shortest_and_exact, 0);
  suite_add_tcase(s, c);
  return suite_run(s);
}
