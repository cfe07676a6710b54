/* SPDX-License-Identifier: MIT */
/* synthetic.c: synthetic data sets: points in the plane, and wider ones.
 *
 * Sample i depends only on the seed and i, so the first samples of a set are the same for any
 * n.  Coordinates are rounded to multiples of 2^-20.  This hides differences of math libraries in
 * the last of 53 bits, except for about one number in 2^30; and numbers below 8, as those of the
 * default sets are except for rare outliers, are exact in float, too. */
#include <math.h>
#include <stdint.h>

#include "keys.h"
#include "random.h"
#include "synthetic.h"
#include "table.h"

static const double pi = 3.14159265358979323846;

/* ---- The data sets --------------------------------------------------------------------------- */

/* The random numbers of one sample. */
typedef struct draw {
  double u, v, w; /* uniform in [0, 1) */
  double z[2];    /* standard normal */
  double e[2];    /* z times the noise of the set */
} draw;

static draw draw_sample(uint64_t seed, uint64_t i, double noise) {
  const uint64_t k = 5 * i;
  const double r = sqrt(-2 * log(1 - clf__uniform(seed, k + 3)));
  const double a = 2 * pi * clf__uniform(seed, k + 4);
  draw d = {
      .u = clf__uniform(seed, k), .v = clf__uniform(seed, k + 1), .w = clf__uniform(seed, k + 2)};
  d.z[0] = r * cos(a);
  d.z[1] = r * sin(a);
  d.e[0] = noise * d.z[0];
  d.e[1] = noise * d.z[1];
  return d;
}

/* As make_moons of scikit-learn, a = pi v: half of the samples on (cos a, sin a), the others on
 * (1 - cos a, 1/2 - sin a); plus noise. */
static void moons(const draw *d, double p[2]) {
  const double a = pi * d->v;
  const int lower = d->u >= 0.5;
  p[0] = (lower ? 1 - cos(a) : cos(a)) + d->e[0];
  p[1] = (lower ? 0.5 - sin(a) : sin(a)) + d->e[1];
}

/* As make_circles of scikit-learn with factor 0.5, a = 2 pi v: r (cos a, sin a)
 * with r = 1 or 1/2, half of the samples each; plus noise. */
static void circles(const draw *d, double p[2]) {
  const double a = 2 * pi * d->v, r = d->u < 0.5 ? 1 : 0.5;
  p[0] = r * cos(a) + d->e[0];
  p[1] = r * sin(a) + d->e[1];
}

/* Uniform on the eight squares of a 4 x 4 board on [-4, 4]^2 whose column and
 * row, counted from the lower left corner, have an even sum; plus noise. */
static void checkerboard(const draw *d, double p[2]) {
  const int square = (int)(8 * d->u), column = square % 4, row = 2 * (square / 4) + column % 2;
  p[0] = 2 * (column + d->v) - 4 + d->e[0];
  p[1] = 2 * (row + d->w) - 4 + d->e[1];
}

/* t/3 (-cos t, sin t) with t = 3 pi sqrt(v), and the same rotated by 180 degrees, half of the
 * samples each; plus noise. */
static void spirals(const draw *d, double p[2]) {
  const double t = 3 * pi * sqrt(d->v), r = (d->u < 0.5 ? t : -t) / 3;
  p[0] = -r * cos(t) + d->e[0];
  p[1] = r * sin(t) + d->e[1];
}

/* Eight normal distributions with standard deviation `noise`, around the points 4 (cos a, sin
 * a), a = 0, pi/4, ... 7 pi/4. */
static void gaussians(const draw *d, double p[2]) {
  const double a = floor(8 * d->u) * pi / 4;
  p[0] = 4 * cos(a) + d->e[0];
  p[1] = 4 * sin(a) + d->e[1];
}

/* Five arms (Johnson et al. 2016): (f, g) = (1 + 0.3 z0, noise z1), rotated clockwise by 2 pi
 * arm / 5 + exp(f) / 4 and doubled. */
static void pinwheel(const draw *d, double p[2]) {
  const double f = 1 + 0.3 * d->z[0], g = d->e[1];
  const double a = 2 * pi * floor(5 * d->u) / 5 + exp(f) / 4;
  p[0] = 2 * (f * cos(a) + g * sin(a));
  p[1] = 2 * (g * cos(a) - f * sin(a));
}

typedef struct set {
  double noise; /* the default */
  int32_t columns;
  void (*point)(const draw *d, double p[2]);                        /* for a set with two columns */
  void (*rows)(uint64_t seed, uint64_t n, double noise, double *x); /* for a wider one */
} set;

static const set sets[] = {{0.05, 2, .point = moons},
                           {0.05, 2, .point = circles},
                           {0, 2, .point = checkerboard},
                           {0.1, 2, .point = spirals},
                           {0.5, 2, .point = gaussians},
                           {0.1, 2, .point = pinwheel},
                           {1, CLF_METERS_COLUMNS, .rows = clf__meters},
                           {0.5, CLF_DETECTOR_COLUMNS, .rows = clf__detector}};
static const char *const names[] = {"moons",    "circles", "checkerboard", "spirals", "gaussians",
                                    "pinwheel", "meters",  "detector",     NULL};

const char *const *clf_synthetic(void) { return names; }

static const set *find(const char *source) {
  for (int i = 0; names[i]; i++)
    if (clf__keys_name(source, names[i])) return &sets[i];
  return NULL;
}

int clf__is_synthetic(const char *source) { return find(source) != NULL; }

clf_status clf__synthetic_read(const char *source, clf_table *t) {
  const set *const which = find(source);
  uint64_t n = 10000, seed = 1;
  double noise = which->noise;
  const clf__key keys[] = {
      {"n", "a whole number from 1 to 100000000", &n, 1, 100000000, NULL, 0},
      {"noise", "a number from 0 to 100", NULL, 0, 0, &noise, 100},
      {"seed", "a whole number from 0 to 18446744073709551615", &seed, 0, UINT64_MAX, NULL, 0}};
  CLF_TRY(clf__keys_read(source, keys, sizeof keys / sizeof *keys));
  CLF_TRY(clf_table_new((int64_t)n, which->columns, t));
  const uint64_t columns = (uint64_t)which->columns;
  if (which->rows) which->rows(seed, n, noise, t->at);
  for (uint64_t i = 0; i < n && which->point; i++) {
    const draw d = draw_sample(seed, i, noise);
    which->point(&d, t->at + columns * i);
  }
  for (uint64_t k = 0; k < n * columns; k++) t->at[k] = nearbyint(t->at[k] * 0x1p20) * 0x1p-20;
  return CLF_OK;
}
