/* SPDX-License-Identifier: MIT */
/* synthetic_rows.c: synthetic data sets with more than two columns, of the sizes of common
 * benchmark tables. */
#include <math.h>
#include "random.h"
#include "synthetic.h"

static const double pi = 3.14159265358979323846;

/* ---- Draws ----------------------------------------------------------------------------------- */

#define DRAWS 64 /* maximum uniform numbers of a row */

/* The random numbers of one row, in sequence. */
typedef struct stream {
  uint64_t seed, at;
} stream;

static stream row_stream(uint64_t seed, uint64_t row) { return (stream){seed, DRAWS * row}; }

static double uniform(stream *s) { return clf__uniform(s->seed, s->at++); }

/* z[0 .. n), standard normal; n is even. */
static void normals(stream *s, double *z, int n) {
  for (int k = 0; k < n; k += 2) {
    const double r = sqrt(-2 * log(1 - uniform(s))), a = 2 * pi * uniform(s);
    z[k] = r * cos(a);
    z[k + 1] = r * sin(a);
  }
}

/* ---- meters ---------------------------------------------------------------------------------- */

/* Consumption at this hour, relative to the mean over the day. */
static double usage(double hour) {
  const double day = 1 + 0.7 * sin(2 * pi * (hour - 8) / 24) + 0.4 * sin(4 * pi * (hour - 19) / 24);
  return fmax(day, 0.2);
}

/* A meter in whole units, usually 0, made continuous by uniform noise. */
static double meter(stream *s, int on, double units, double noise) {
  return (on ? nearbyint(units) : 0) + noise * uniform(s);
}

static void meters_row(uint64_t seed, uint64_t row, double noise, double *x) {
  stream s = row_stream(seed, row);
  double z[4];
  normals(&s, z, 4);
  const double hour = 24 * uniform(&s), day = usage(hour);
  const double active = exp(0.8 * z[0]) * day;
  const double first = -log(1 - uniform(&s)), second = -log(1 - uniform(&s));
  const int kitchen = uniform(&s) < 0.1, heater = uniform(&s) < 0.175 * day;
  x[0] = active;
  x[1] = 0.06 * (first + second) * (1 + 0.3 * active);
  x[2] = 241 - 1.5 * active + 2.2 * z[1];
  x[3] = meter(&s, kitchen, 36 + 9 * z[2], noise);
  x[4] = meter(&s, heater, 17.5 + 0.8 * z[3], noise);
  x[5] = hour;
}

void clf__meters(uint64_t seed, uint64_t n, double noise, double *x) {
  for (uint64_t i = 0; i < n; i++) meters_row(seed, i, noise, x + CLF_METERS_COLUMNS * i);
}

/* ---- detector -------------------------------------------------------------------------------- */

enum { COLUMNS = CLF_DETECTOR_COLUMNS, HIDDEN = 8 };

/* The weight of each hidden number in each column: fixed draws of N(0, 0.25), independent of the
 * seed. */
static void draw_loadings(double (*a)[HIDDEN]) {
  for (int c = 0; c < COLUMNS; c++) {
    stream s = row_stream(UINT64_C(0x6465746563746F72), (uint64_t)c);
    normals(&s, a[c], HIDDEN);
    for (int k = 0; k < HIDDEN; k++) a[c][k] *= 0.5;
  }
}

static void detector_row(stream s, double noise, double (*a)[HIDDEN], double *x) {
  double z[HIDDEN + COLUMNS + 1], m[COLUMNS];
  const double signal = uniform(&s) < 0.5 ? 1.5 : 0;
  normals(&s, z, HIDDEN + COLUMNS + 1);
  for (int c = 0; c < COLUMNS; c++) {
    m[c] = noise * z[HIDDEN + c];
    for (int k = 0; k < HIDDEN; k++) m[c] += a[c][k] * (z[k] + signal);
  }
  for (int c = 0; c < COLUMNS; c++) {
    const double bend = tanh(m[c ? c - 1 : COLUMNS - 1]);
    x[c] = (c % 3 ? m[c] : exp(0.5 * m[c])) + 0.3 * bend * bend;
  }
}

void clf__detector(uint64_t seed, uint64_t n, double noise, double *x) {
  double a[COLUMNS][HIDDEN];
  draw_loadings(a);
  for (uint64_t i = 0; i < n; i++) detector_row(row_stream(seed, i), noise, a, x + COLUMNS * i);
}
