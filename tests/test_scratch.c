/* SPDX-License-Identifier: MIT */
/* test_scratch.c: every algorithm of every operation on `cpu` when there is no scratch memory: it
 * says so, in a call that allocates for the first time and in one that needs more than before. */
#include <string.h>
#include "backend.h"
#include "cases.h"
#include "faults/hooks.h"
#include "suite.h"

static const char *where;
static int refusals;

/* Every allocation of the call fails.  What allocates nothing works. */
static clf_status call_without_memory(clf_device *dev, clf_op op, const void *args) {
  fault_memory = (fault_hook){.n = 1, .from_then_on = 1};
  const clf_status s = clf_dispatch(dev, op, args);
  const long calls = fault_memory.calls;
  fault_memory = (fault_hook){0};
  if (!calls) return s;
  refusals++;
  if (s == CLF_ENOMEM && strstr(clf_errmsg(), ": no scratch memory for ")) return CLF_OK;
  return clf__fail(CLF_EMISMATCH, "%s without memory: status %d, %s", clf_ops[op].name, s,
                   s ? clf_errmsg() : "no message");
}

/* A device whose scratch memory suffices for smaller cases, which came first, and a fresh one. */
static void check_case(clf_device *dev, clf_op op, const clf_case *c, int algorithm) {
  clf_device *fresh;
  WORKS(clf_open(where, &fresh));
  WORKS(clf__run_case(fresh, op, c, algorithm, call_without_memory));
  WORKS(clf__run_case(dev, op, c, algorithm, call_without_memory));
  WORKS(clf__run_case(dev, op, c, algorithm, clf_dispatch));
  clf_close(fresh);
}

START_TEST(no_scratch_memory) {
  const clf_op op = (clf_op)_i;
  clf_device *dev;
  WORKS(clf_open(where, &dev));
  const int algorithms = clf__algorithm_count(dev, op);
  for (int i = 0; i < clf__case_tables[op]->count; i++)
    for (int a = 0; a <= algorithms && !clf__case_tables[op]->at[i].bench; a++)
      check_case(dev, op, &clf__case_tables[op]->at[i], a);
  clf_close(dev);
}
END_TEST

START_TEST(some_were_refused) { ck_assert_int_gt(refusals, 100); }
END_TEST

int main(int argc, char **argv) {
  where = argc > 1 ? argv[1] : "cpu";
  Suite *suite = suite_create("scratch");
  TCase *tc = tcase_create(where);
  tcase_set_timeout(tc, 300);
  tcase_add_loop_test(tc, no_scratch_memory, 0, CLF_OP_COUNT);
  tcase_add_test(tc, some_were_refused);
  suite_add_tcase(suite, tc);
  return suite_run(suite);
}
