/* SPDX-License-Identifier: MIT */
/* ticks.c: round numbers along an axis. */
#include "chart.h"

#include <math.h>

#define MOST ((int)(sizeof((clf__ticks *)0)->at / sizeof(double)))

/* The smallest of 1, 2, 5 times a power of ten that is not far below x. */
static double round_up(double x) {
  const double power = pow(10, floor(log10(x)));
  const double part = x / power;
  return (part <= 1.15 ? 1 : part <= 2.3 ? 2 : part <= 5.75 ? 5 : 10) * power;
}

void clf__ticks_find(clf__ticks *t, clf__range r, double want, double minimum) {
  const double span = r.hi - r.lo, far = fmax(fabs(r.lo), fabs(r.hi));
  const double step = fmax(round_up(span / want), minimum);
  const int places = (int)fmax(0, -floor(log10(step) + 1e-9));
  const double middle = (r.lo + r.hi) / 2;
  t->base = far / step < 1e5 ? 0 : round(middle / (1000 * step)) * 1000 * step;
  const double maximum = fmax(fabs(r.lo - t->base), fabs(r.hi - t->base));
  const int digits = 1 + (int)fmax(0, floor(log10(maximum)) - floor(log10(step) + 1e-9));
  const double slack = span * 1e-9;
  const double first = ceil((r.lo - slack) / step);
  t->count = 0;
  for (int i = 0; i < MOST; i++) {
    const double v = (first + i) * step;
    if (v > r.hi + slack) break;
    t->at[t->count] = v;
    const double shown = fabs(v - t->base) < step / 2 ? 0 : v - t->base;
    if (maximum >= 1e6 || places > 4)
      clf__number(t->label[t->count], sizeof t->label[0], shown, digits);
    else
      clf__decimal(t->label[t->count], sizeof t->label[0], shown, places);
    t->count++;
  }
}
