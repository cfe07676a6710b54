/* SPDX-License-Identifier: MIT */
/* bench.c: times the cases marked `bench` on each device named, one after the other:
 *   bench_ops DEVICE... */
#include <stdio.h>
#include "cases.h"

static clf_status bench(const char *where) {
  clf_device *dev;
  CLF_TRY(clf_open(where, &dev));
  clf_status s = CLF_OK;
  for (int op = 0; op < CLF_OP_COUNT; op++) {
    const clf_case_table *t = clf__case_tables[op];
    for (int i = 0; i < t->count && !s; i++) {
      double seconds[2];
      const clf_case *c = &t->at[i];
      if (!c->bench) continue;
      s = clf__time_case(dev, (clf_op)op, c, 9, seconds);
      if (s) break;
      printf("%-17s %-13s %-44.44s %10.3f %10.3f %9.2f %9.2f\n", clf_ops[op].name, c->label,
             clf_device_name(dev), seconds[0] * 1e3, seconds[1] * 1e3,
             t->flops ? t->flops(c->args) / seconds[0] * 1e-9 : 0.0,
             clf__case_bytes((clf_op)op, c) / seconds[0] * 1e-9);
      fflush(stdout);
    }
  }
  clf_close(dev);
  return s;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: bench_ops DEVICE...\n");
    return 2;
  }
  printf("%-17s %-13s %-44s %10s %10s %9s %9s\n", "operation", "case", "device", "ms", "first ms",
         "GFLOP/s", "GB/s");
  for (int d = 1; d < argc; d++)
    if (bench(argv[d])) {
      fprintf(stderr, "bench_ops: %s: %s\n", argv[d], clf_errmsg());
      return 1;
    }
  return 0;
}
