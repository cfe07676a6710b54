/* SPDX-License-Identifier: MIT */
/* integrate.c: an integral by importance sampling, with an exported flow as the proposal.
 *
 *   clflow train --target banana --flow "2: (lu, coupling(rq(bins=8, tail=6), mlp(16x2)))*4 ->
 * student(6)" \
 *     --steps 200 --out banana.safetensors
 *   clflow export banana.safetensors --c banana.c --name proposal --only log-prob,sample
 *   cc -O2 integrate.c banana.c -o integrate -lm
 *   ./integrate 100000
 *
 * The program needs neither clflow nor the model.  It integrates f(x, y) = (2 + cos x)
 * exp(-x^2 / 2 - (y - (x^2 - 1) / 2)^2 / 2), whose integral is 2 pi (2 + exp(-1/2)), twice: with
 * samples of the flow q, as the mean of f / q, and with uniform samples of a box that holds nearly
 * all of it.  The flow's base has heavier tails than f, so that no weight f / q is large. */
#define proposal_DECLARATIONS_ONLY
#include "banana.c"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double log_f(const double x[2]) {
  const double across = x[1] - (x[0] * x[0] - 1) / 2;
  return log(2 + cos(x[0])) - x[0] * x[0] / 2 - across * across / 2;
}

typedef struct sum { /* of weights and their squares */
  double all, squares;
} sum;

static void add(sum *s, double weight) {
  s->all += weight;
  s->squares += weight * weight;
}

static double report(const char *by, sum s, double n) {
  const double mean = s.all / n, error = sqrt((s.squares / n - mean * mean) / n);
  printf("%-8s %.5f +- %.5f, effective sample size %.1f%%\n", by, mean, error,
         100 * s.all * s.all / (n * s.squares));
  return error;
}

int main(int argc, char **argv) {
  const uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
  sum flow = {0, 0}, box = {0, 0};
  for (uint64_t i = 0; i < n; i++) {
    double x[proposal_dim];
    proposal_sample(1, i, x); /* sample i depends on (1, i) alone: threads could share the loop */
    add(&flow, exp(log_f(x) - proposal_log_prob(x)));
  }
  srand(1);
  for (uint64_t i = 0; i < n; i++) { /* -6 .. 6 by -4 .. 18 */
    const double x[2] = {12.0 * rand() / RAND_MAX - 6, 22.0 * rand() / RAND_MAX - 4};
    add(&box, 12.0 * 22.0 * exp(log_f(x)));
  }
  const double exact = 2 * acos(-1) * (2 + exp(-0.5));
  printf("exact    %.5f\n", exact);
  const double by_flow = report("flow", flow, (double)n),
               by_box = report("uniform", box, (double)n);
  printf("the flow needs %.0f times fewer samples\n", by_box * by_box / (by_flow * by_flow));
  return fabs(flow.all / (double)n - exact) < 5 * by_flow ? 0 : 1;
}
