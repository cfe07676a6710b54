/* SPDX-License-Identifier: MIT */
/* refusals.c: text and JSON that are no architecture; errors say where, what was expected and what
 * was found. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include "arch/arch.h"

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
    {"6: coupling(rq, made) -> normal", "flow text, character 4: coupling: the net made is for "
                                        "autoregressive layers; use mlp or resnet"},
    {"6: ar(rq, mlp) -> normal",
     "flow text, character 4: ar: the net mlp has no masks; use made or masked"},
    {"6: ar(rq, zero) -> normal",
     "flow text, character 4: ar: the net zero has no masks; use made or masked"},
    {"6: coupling(rq, mlp, mask=list) -> normal",
     "flow text, character 4: coupling: mask=list needs the list, as list=..."},
    {"6: coupling(rq, mlp, list=0-2) -> normal",
     "flow text, character 4: coupling: list= is read with mask=list only"},
    {"6: coupling(rq, mlp, mask=list, list=2-0) -> normal",
     "flow text, character 40: expected the end of a range after its beginning, found \"0\""},
    {"6: coupling(rq, mlp, mask=list, list=0-2+1) -> normal",
     "flow text, character 42: expected ranges in ascending order that do not overlap, found "
     "\"1\""},
    {"3: perm(list, list=0, 0, 2) -> normal", "flow text, character 4: perm: its list of 3 holds 0 "
                                              "twice; it must contain each of 0 to 2 once"},
    {"3: perm(list, list=0, 3, 2) -> normal",
     "flow text, character 4: perm: its list of 3 holds 3; it must contain each of 0 to 2 once"},
    {"3: logit(1, 0) -> normal", "flow text, character 4: logit: a 1 must be below b 0"},
    {"3: logit(0, 1, 2) -> normal", "flow text, character 16: b is given twice"},
    {"3: columns(0-1: logit, 1: log) -> normal",
     "flow text, character 4: columns: dimension 1 is in two of its ranges"},
    {"3: columns(0-1: lu) -> normal", "flow text, character 4: columns: lu is not possible here; "
                                      "only layers that act on each dimension separately are"},
    {"3: shift-scale(scale=0) -> normal",
     "flow text, character 4: shift-scale: a scale of 0 cannot be inverted"},
    {"3: rotation(3) -> normal",
     "flow text, character 13: expected \")\": rotation has no members, found \"3\""},
    {"3: rotation(k=3) -> normal",
     "flow text, character 13: expected \")\": rotation has no members, found \"k\""},
    {"3: (householder(reflections=$i))*3 -> normal",
     "flow text, character 1: reflections of householder is 0; it must be 1 to 4096"},
    {"3: (coupling(add, mlp(hidden=2, layers=$i)))*66 -> normal",
     "flow text, character 1: layers of mlp is 65; it must be 0 to 64"},
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
    {"3: lu( -> normal",
     "flow text, character 8: expected an argument of lu (identity, whiten), found "
     "\"->\""},
    {"3: lu.(identity=0) -> normal",
     "flow text, character 7: expected the layer's own name, found \"(\""},
    {"3: lu -> normal(trained, mlp)",
     "flow text, character 10: normal: it is either trained or computed by a net"},
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
     "map=affine(scale=atan, layout=interleaved)), found \"3\""},
    {"3: spline(0) -> normal",
     "flow text, character 4: in elementwise(rq(bins=0, tail=5)): flow text, character 21: bins of "
     "rq is 0; it must be 1 to 64"},
    {"3: coupling(rq, mlp(64)) -> normal",
     "flow text, character 21: expected an argument of mlp (hidden, layers, act, dropout, norm, "
     "zero, context, separate, angles, rate), found \"64\""},
    {"3: l\xc3\xa4 -> normal",
     "flow text, character 4: there is no layer \"l\"; did you mean \"lu\"?"},
    {"3: \xff -> normal", "flow text, character 4: expected a layer, found \"?\""},
    {"3: box(1e400) -> normal",
     "flow text, character 4: there is no layer \"box\"; did you mean \"log\"?"},
    {"3: -> box(0, 1e400)", "flow text, character 14: expected a finite number, found \"1\""},
    {"3: coupling(rq, conv(512, 3-2)) -> normal",
     "flow text, character 17: conv: a kernel of side 2 has no centre; sides must be odd"},
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
    {TOP "{\"repeat\":3,\"layers\":[]}" END, "flow JSON, layers[0]: repeat: there is no layer"},
    {TOP "{\"repeat\":65536,\"layers\":[{\"repeat\":65536,\"layers\":[{\"layer\":\"lu\"}]}]}" END,
     "flow JSON, its top: the flow has more than 65536 layers, counting repetitions"},
};

START_TEST(json_is_refused_in_words) {
  clf_arch *a = NULL;
  REFUSED(clf_arch_from_json(json_refusals[_i].json, &a), CLF_EINVAL, json_refusals[_i].message);
  ck_assert_ptr_null(a);
}
END_TEST

/* Text that is no JSON is refused with the message of jansson, which differs between versions. */
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
  text = nested(TOP, "[", "", "]", END, 100000); /* the limit of jansson */
  ck_assert_int_eq(clf_arch_from_json(text, &a), CLF_EINVAL);
  ck_assert_ptr_nonnull(strstr(clf_errmsg(), "maximum parsing depth reached"));
  free(text);
  ck_assert_ptr_null(a);
}
END_TEST

void tests_of_refusals(Suite *s) {
  TCase *const c = tcase_create("refusals");
  tcase_add_loop_test(c, text_is_refused_in_words, 0, sizeof refusals / sizeof *refusals);
  tcase_add_loop_test(c, json_is_refused_in_words, 0, sizeof json_refusals / sizeof *json_refusals);
  tcase_add_test(c, what_is_no_json_is_refused_with_its_place);
  tcase_add_test(c, depth_and_length_are_bounded);
  suite_add_tcase(s, c);
}
