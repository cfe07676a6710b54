/* SPDX-License-Identifier: MIT */
/* size.c: the size of a flow's nets, and the options of training, by the size of a table. */
#include <stdio.h>
#include "fit_private.h"

/* Large steps find steep edges of a density, and generalise better than small ones; the average of
 * the weights takes out the noise that they bring. */
clf__fit_sizes clf__fit_size(const clf__fit *f) {
  const int64_t N = f->split[0].train.x.rows;
  const int32_t D = f->data->x->cols;
  const int plane = D <= 3;
  const int hidden = N < 500 ? 32 : D < 16 ? 64 : 128;
  const int bins = N < 500 ? 6 : N >= 3000 && plane ? 32 : plane ? 16 : 8;
  const int batch = N < 500 ? 64 : 256;
  const double rate = N < 3000 ? 0.003 : plane ? 0.01 : 0.005;
  const double average = N < 3000 ? 0.99 : 0.995;
  const double decay = N < 500 ? 0.1 : N < 5000 ? 0.01 : 0;
  clf__fit_sizes s = {.most_steps = N < 500 ? 600 : N < 3000 ? 3000 : 20000};
  const int few =
      N < 3000; /* tanh and a wide interval are robust, ReLU and a narrow one more precise */
  snprintf(s.values, sizeof s.values, "hidden=%d, bins=%d, act=%s, tail=%d", hidden, bins,
           few ? "tanh" : "relu", few ? 5 : 3);
  snprintf(s.options, sizeof s.options,
           "batch=%d, lr=%g, warmup=20, ema=%g, schedule=cosine, clip=5, weight_decay=%g", batch,
           rate, average, decay);
  return s;
}
