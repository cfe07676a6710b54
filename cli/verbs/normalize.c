/* SPDX-License-Identifier: MIT */
/* normalize.c: the leakage of a posterior: samples of its estimator that lie outside of the prior,
 * where the density is zero.  The density within is that of the posterior divided by the share of
 * samples within. */
#include "cli.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { CHUNK = 1 << 16 };

/* How many of n samples from number `first` on have a density above zero. */
static int count_inside(clf_flow *flow, const double *c, int64_t first, int64_t n, double *x,
                        double *logp, int64_t *inside) {
  const uint64_t seed = 1;
  const clf_status s = c ? clf_sample_given(flow, c, 1, seed + (uint64_t)first, n, x)
                         : clf_sample(flow, seed, first, n, x);
  if (s != CLF_OK) return cli_fail_library();
  double *repeated = NULL;
  const int32_t C = clf_flow_context(flow);
  if (c) {
    repeated = malloc((size_t)n * (size_t)C * sizeof *repeated);
    if (!repeated) return cli_fail("out of memory for %" PRId64 " contexts", n);
    for (int64_t i = 0; i < n * C; i++) repeated[i] = c[i % C];
  }
  const clf_status t =
      c ? clf_log_prob_given(flow, x, repeated, n, logp) : clf_log_prob(flow, x, n, logp);
  free(repeated);
  for (int64_t i = 0; i < n && t == CLF_OK; i++) *inside += isfinite(logp[i]);
  return t == CLF_OK ? CLI_OK : cli_fail_library();
}

int cli_normalize(cli_session *s, int64_t samples, double *log_share) {
  const double *c = NULL;
  const int64_t maximum = samples < CHUNK ? samples : CHUNK;
  const size_t dim = (size_t)clf_flow_get_spec(s->flow)->dim;
  int64_t inside = 0;
  if (s->given.rows > 1)
    return cli_usage("--normalize is for one context; %s has a row for each sample",
                     cli_common.given ? cli_common.given : cli_common.data);
  int code = s->given.at ? cli_given_rows(s, 0, 1, &c) : CLI_OK;
  double *x = malloc((size_t)maximum * (dim + 1) * sizeof *x);
  if (!x) return cli_fail("out of memory for %" PRId64 " samples", maximum);
  for (int64_t first = 0; first < samples && !code; first += maximum)
    code = count_inside(s->flow, c, first, samples - first < maximum ? samples - first : maximum, x,
                        x + (size_t)maximum * dim, &inside);
  free(x);
  if (code) return code;
  if (!inside) return cli_fail("none of %" PRId64 " samples has a density above zero", samples);
  const double share = (double)inside / (double)samples;
  *log_share = log(share);
  cli_say("%.4g %% of %" PRId64 " samples have a density above zero: log p is %.6g larger, with a "
          "standard error of %.2g",
          100 * share, samples, 0 - *log_share, sqrt((1 - share) / (share * (double)samples)));
  return CLI_OK;
}
