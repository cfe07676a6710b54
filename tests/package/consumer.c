/* SPDX-License-Identifier: MIT */
/* consumer.c: a minimal program for an installed clflow: prints the density of an initial flow, and
 * checks that the version is that of the headers. */
#include <clflow/clflow.h>
#ifdef WITH_PLOT
#include <clflow/plot.h>
#endif
#include <math.h>
#include <stdio.h>
#include <string.h>

static clf_status run(clf_device *dev, clf_flow **flow) {
  const double x[2][2] = {{0, 0}, {1, -1}};
  double logp[2];
  clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, 2);
  CLF_TRY(clf_flow_create(dev, &spec, flow));
  CLF_TRY(clf_log_prob(*flow, &x[0][0], 2, logp));
  printf("clflow %s on %s: log p = %.6f %.6f\n", clf_version(), clf_device_name(dev), logp[0],
         logp[1]);
#ifdef WITH_PLOT
  CLF_TRY(clf_plot_flow(*flow, NULL, 1, "consumer.png"));
#endif
  return isfinite(logp[0]) && isfinite(logp[1]) ? CLF_OK : clf_fail(CLF_ENUM, "not finite");
}

int main(void) {
  char headers[32];
  snprintf(headers, sizeof headers, "%d.%d.%d", CLF_VERSION_MAJOR, CLF_VERSION_MINOR,
           CLF_VERSION_PATCH);
  if (strcmp(headers, clf_version()) != 0) {
    fprintf(stderr, "the headers are of %s, the library is %s\n", headers, clf_version());
    return 1;
  }
  clf_device *dev = NULL;
  clf_flow *flow = NULL;
  clf_status s = clf_open(NULL, &dev);
  if (!s) s = run(dev, &flow);
  if (s) fprintf(stderr, "consumer: %s\n", clf_errmsg());
  clf_flow_free(flow);
  clf_close(dev);
  return s != CLF_OK;
}
