/* SPDX-License-Identifier: MIT */
/* text.c: text and JSON, converted into each other without loss, and how they are read. */
#include <stdlib.h>
#include <string.h>
#include "arch/arch.h"

/* A text, how it is written again, and its number of layers with repetitions. */
static const struct {
  const char *text, *written;
  int32_t dim, context, layers;
} texts[] = {
    {"3: -> normal", "3: -> normal", 3, 0, 0},
    {"6: (perm(random), lu, coupling(rq(bins=8, tail=3), resnet(256x2, relu), uncond=1))*10, "
     "perm(random), lu -> normal",
     "6: (perm, lu, coupling(rq(tail=3), resnet(256x2), uncond=1))*10, perm, lu -> normal", 6, 0,
     32},
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
     "5|20: standardize, (coupling(rq(bins=10, tail=3), resnet(50x2)), lu)*5 -> normal; context: "
     "standardize, mlp->16",
     5, 20, 11},
    {"6: (~ar(affine(scale=sigmoid2), made(64x2, relu)), perm(reverse))*4 -> normal",
     "6: (~ar(affine, made), perm(reverse))*4 -> normal", 6, 0, 8},
    {"7|8: (ar(rq(bins=8, tail=5, like=zuko), masked(64x2, relu), order=$alt))*3 -> normal",
     "7|8: (ar(rq(like=zuko), masked, order=$alt))*3 -> normal", 7, 8, 3},
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
     "32x32x3: (squeeze, (actnorm, perm, conv1x1, coupling(affine(scale=atan, layout=interleaved), "
     "conv, "
     "mask=mid))*32, split(prior=conv))*2, squeeze, (actnorm, perm, conv1x1, coupling(add, "
     "conv(256), mask=mid))*32 -> normal(trained)",
     3072, 0, 389},
    {"10: (coupling(rq(bins=10, tail=none), mlp(32x3, relu), mask=log))*8 -> box(0,1)",
     "10: (coupling(rq(bins=10, tail=none), mlp(32x3), mask=log))*8 -> box", 10, 0, 8},
    {"8x8x16: allinone(affine(scale=tanh, clamp=2), conv(c, 3-3), perm=soft)*8 -> normal",
     "8x8x16: (allinone(affine(scale=tanh, clamp=2), conv(c, 3-3), perm=soft))*8 -> normal", 1024,
     0, 8},
    {"4: columns(0-2: logit(0,1), 3: circular), coupling(add, zero) -> normal",
     "4: columns(0-2: logit, 3: wrap), coupling(add, zero) -> normal", 4, 0, 2},
    {"3: columns(0: ~log(1), 1-2: ~spline(4)) -> normal",
     "3: columns(0: ~log(1), 1-2: ~elementwise(rq(bins=4))) -> normal", 3, 0, 1},
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
      "\"inverse\":true,\"identity\":true,\"whiten\":false},{\"repeat\":2,\"layers\":[{\"layer\":"
      "\"coupling\","
      "\"map\":{\"kind\":\"add\"},\"net\":{\"kind\":\"mlp\",\"hidden\":64,\"layers\":2,\"act\":"
      "\"relu\",\"dropout\":0.0,\"norm\":false,\"zero\":false,\"context\":\"concat\",\"separate\":"
      "false},\"mask\":\"alt\",\"even\":\"$i\",\"uncond\":false,\"inputs\":\"identity\"}]}],"
      "\"base\":{\"kind\":\"box\",\"low\":0.0,\"high\":1.0}}");
  clf_arch_free(a);
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

/* A member that is written without its name is read as the same member. */
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

/* ---- Values ------------------------------------------------------------------------------- */

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

void tests_of_text(Suite *s) {
  TCase *const c = tcase_create("text");
  tcase_add_loop_test(c, text_turns_into_json_and_back, 0, TEXTS);
  tcase_add_test(c, json_of_the_documentation);
  tcase_add_test(c, json_has_every_member);
  tcase_add_loop_test(c, defaults_are_written_as_they_are_read, 0, CLF__NODE_TYPES);
  tcase_add_loop_test(c, words_without_names_are_no_others, 0, CLF__NODE_TYPES);
  tcase_add_test(c, members_hold_their_values);
  tcase_add_test(c, numbers_are_shortest_and_exact);
  suite_add_tcase(s, c);
}
