/* SPDX-License-Identifier: MIT */
/* list.c: the expanded list of layers of an architecture. */
#include <stdlib.h>
#include <string.h>
#include "arch/arch.h"

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
  clf_arch *const a = parsed("4: ((coupling(add, mlp(hidden=2, layers=$i), even=$i))*2, lu)*2, "
                             "(ar(add, made, order=$alt), ar(add, masked(residual=$alt)))*2 -> "
                             "normal");
  clf__arch_list l = expanded(a);
  for (int k = 0; k < 2; k++)
    for (int i = 0; i < 2; i++) {
      ck_assert_int_eq(coupling(&l, 3 * k + i)->even, i);
      ck_assert_int_eq(((const clf__arch_mlp *)coupling(&l, 3 * k + i)->net)->layers, i);
    }
  ck_assert_int_eq(l.at[5].node->type->id, CLF__ARCH_lu);
  for (int i = 0; i < 4; i += 2) { /* indices of all ar: 0, 2 */
    ck_assert_int_eq(((const clf__arch_ar *)l.at[6 + i].node)->order, CLF__ORDER_ASC);
    const clf__arch_ar *const second = (const clf__arch_ar *)l.at[7 + i].node;
    ck_assert_int_eq(((const clf__arch_masked *)second->net)->residual, 1);
  }
  clf__arch_list_free(&l);
  clf_arch_free(a);
}
END_TEST

void tests_of_lists(Suite *s) {
  TCase *const c = tcase_create("lists");
  tcase_add_test(c, couplings_alternate_by_their_place_among_all);
  tcase_add_test(c, variables_become_numbers);
  suite_add_tcase(s, c);
}
