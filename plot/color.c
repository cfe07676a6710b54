/* SPDX-License-Identifier: MIT */
/* color.c: the colours of the plots. */
#include "chart.h"

#include <math.h>

const clf__rgb clf__rgb_data = {0.26, 0.30, 0.36};
const clf__rgb clf__rgb_model = {0.11, 0.40, 0.67};
const clf__rgb clf__rgb_second = {0.84, 0.40, 0.13};
const clf__rgb clf__rgb_bars = {0.80, 0.83, 0.87};
const clf__rgb clf__rgb_text = {0.13, 0.15, 0.18};
const clf__rgb clf__rgb_soft = {0.40, 0.43, 0.47};
const clf__rgb clf__rgb_frame = {0.70, 0.73, 0.76};
const clf__rgb clf__rgb_faint = {0.92, 0.93, 0.94};

/* Nine evenly spaced colours of magma (van der Walt and Smith 2015, CC0). */
static const unsigned char magma[9][3] = {
    {0, 0, 4},      {28, 16, 68},   {79, 18, 123},   {129, 37, 129},  {181, 54, 122},
    {229, 80, 100}, {251, 135, 97}, {254, 194, 135}, {252, 253, 191},
};

clf__rgb clf__magma(double t) {
  if (isnan(t)) return clf__rgb_faint;
  const double at = 8 * fmin(fmax(t, 0), 1);
  const int i = at >= 8 ? 7 : (int)at;
  const double part = at - i;
  double c[3];
  for (int k = 0; k < 3; k++) c[k] = (magma[i][k] * (1 - part) + magma[i + 1][k] * part) / 255;
  return (clf__rgb){c[0], c[1], c[2]};
}
