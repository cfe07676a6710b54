/* SPDX-License-Identifier: MIT */
/* embed_log_prob.c: a trained flow inside another program, which detects samples
 * unlike the training data:
 *   embed_log_prob model.safetensors x1 x2 ... xD
 * prints log p(x) and exits with 3 if x is less likely than most samples of the flow
 * itself.  No file except the model is read, and calls allocate no memory. */
#include <clflow/clflow.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAMPLES = 1000, MOST = 64 };

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The log-density that 99 of 100 samples of the flow exceed. */
static clf_status threshold(clf_flow *flow, double *low) {
  static double x[SAMPLES * MOST], logp[SAMPLES];
  CLF_TRY(clf_sample(flow, 1, 0, SAMPLES, x));
  CLF_TRY(clf_log_prob(flow, x, SAMPLES, logp));
  qsort(logp, SAMPLES, sizeof *logp, ascending);
  *low = logp[SAMPLES / 100];
  return CLF_OK;
}

static clf_status judge(clf_flow *flow, char **numbers, int count, int *unusual) {
  const int dim = clf_flow_get_spec(flow)->dim;
  double x[MOST], logp, low;
  if (dim > MOST || count != dim)
    return clf_fail(CLF_ESHAPE, "give as many numbers as the flow has dimensions, at most 64");
  for (int i = 0; i < dim; i++) x[i] = strtod(numbers[i], NULL);
  CLF_TRY(clf_log_prob(flow, x, 1, &logp));
  CLF_TRY(threshold(flow, &low));
  *unusual = logp < low;
  printf("log p(x) = %.6f, %s (99 of 100 samples are above %.6f)\n", logp,
         *unusual ? "unusual" : "usual", low);
  return CLF_OK;
}

int main(int argc, char **argv) {
  clf_device *dev = NULL;
  clf_flow *flow = NULL;
  int unusual = 0;
  if (argc < 3) {
    fprintf(stderr, "usage: embed_log_prob model.safetensors x1 x2 ... xD\n");
    return 2;
  }
  clf_status s = clf_open(NULL, &dev); /* CLFLOW_DEVICE, or else the best device */
  if (!s) s = clf_flow_load(dev, argv[1], NULL, &flow);
  if (!s) s = judge(flow, argv + 2, argc - 2, &unusual);
  if (s) fprintf(stderr, "embed_log_prob: %s\n", clf_errmsg());
  clf_flow_free(flow);
  clf_close(dev);
  return s ? 1 : unusual ? 3 : 0;
}
