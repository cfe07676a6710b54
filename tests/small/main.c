/* SPDX-License-Identifier: MIT */
/* main.c: a minimal program: loads a model, and prints the log-density of a row and a sample:
 *   main MODEL x... */
#include <clflow/core.h>
#include <clflow/flow.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 64 };

static clf_status use(const char *path, int n, const double *x) {
  clf_device *dev;
  clf_flow *flow;
  double logp, sample[MOST];
  CLF_TRY(clf_open("cpu", &dev));
  CLF_TRY(clf_flow_load(dev, path, NULL, &flow));
  if (clf_flow_get_spec(flow)->dim != n) {
    fprintf(stderr, "the model has %d columns\n", (int)clf_flow_get_spec(flow)->dim);
    exit(2);
  }
  CLF_TRY(clf_log_prob(flow, x, 1, &logp));
  CLF_TRY(clf_sample(flow, 1, 0, 1, sample));
  printf("%.6f", logp);
  for (int i = 0; i < n; i++) printf(" %.6f", sample[i]);
  putchar('\n');
  clf_flow_free(flow);
  clf_close(dev);
  return CLF_OK;
}

int main(int argc, char **argv) {
  double x[MOST];
  for (int i = 2; i < argc && i < MOST + 2; i++) x[i - 2] = strtod(argv[i], NULL);
  if (argc < 3 || argc > MOST + 2) return 2;
  if (use(argv[1], argc - 2, x) == CLF_OK) return 0;
  fprintf(stderr, "%s\n", clf_errmsg());
  return 1;
}
