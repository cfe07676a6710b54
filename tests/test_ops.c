/* SPDX-License-Identifier: MIT */
/* test_ops.c: every case of every operation (or of one file of them) on one device:
 *   test_ops DEVICE [STEM]          CLF_QUICK=1 leaves the large cases out */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend.h"
#include "cases.h"
#include "suite.h"

static clf_device *ref, *dev;
static const char *where;

static void open_devices(void) {
  ck_assert_msg(!clf_open("cpu64", &ref), "%s", clf_errmsg());
  ck_assert_msg(!clf_open(where, &dev), "%s", clf_errmsg());
}
static void close_devices(void) {
  clf_close(dev);
  clf_close(ref);
}

static int case_now[4096][2], case_count;

/* Elements of all tensors of a case. */
static double size_of(const int now[2]) {
  const clf_case *c = &clf__case_tables[now[0]]->at[now[1]];
  const clf_tensor *t = c->args;
  double sum = 0;
  for (int i = 0; clf_ops[now[0]].modes[i]; i++) {
    double n = t[i].dim[0];
    for (int d = 1; d < 4; d++) n *= t[i].dim[d] ? t[i].dim[d] : 1;
    sum += n;
  }
  return sum;
}

/* The smallest first, so that the first reported failure is the easiest to examine. */
static int smallest_first(const void *a, const void *b) {
  const double x = size_of(a), y = size_of(b);
  return (x > y) - (x < y);
}

START_TEST(test_case) {
  const clf_op op = (clf_op)case_now[_i][0];
  const clf_case *c = &clf__case_tables[op]->at[case_now[_i][1]];
  ck_assert_msg(!clf__check_case(ref, dev, op, c), "%s", clf_errmsg());
}
END_TEST

int main(int argc, char **argv) {
  where = argc > 1 ? argv[1] : "cpu";
  const char *stem = argc > 2 ? argv[2] : NULL;
  for (int op = 0; op < CLF_OP_COUNT; op++) {
    if (stem && strcmp(stem, clf_ops[op].file) != 0) continue;
    for (int i = 0; i < clf__case_tables[op]->count; i++) {
      if (clf__case_tables[op]->at[i].bench && getenv("CLF_QUICK")) continue;
      case_now[case_count][0] = op;
      case_now[case_count++][1] = i;
    }
  }
  if (!case_count) {
    fprintf(stderr, "no operation has the stem \"%s\"\n", stem ? stem : "");
    return 1;
  }
  qsort(case_now, (size_t)case_count, sizeof *case_now, smallest_first);
  Suite *suite = suite_create(where);
  TCase *tc = tcase_create(stem ? stem : "all");
  tcase_add_unchecked_fixture(tc, open_devices, close_devices);
  tcase_add_loop_test(tc, test_case, 0, case_count);
  suite_add_tcase(suite, tc);
  return suite_run(suite);
}
