/* SPDX-License-Identifier: MIT */
/* synthetic.c: sets of points in the plane that flows are tried on.
 *
 * Sample i is drawn from numbers that only the seed and i decide, so that the
 * first samples of a set are the same whatever n.  Coordinates are rounded to
 * multiples of 2^-20: math libraries differ in the last of 53 bits, which this
 * hides but for about one number in 2^30, and the numbers below 8, as those of
 * the default sets are but for rare outliers, are exact in float too. */
#define _GNU_SOURCE
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "status.h"

static const double pi = 3.14159265358979323846;

/* ---- Random numbers ------------------------------------------------------ */

/* The output function of splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

/* The k-th number of splitmix64, as a double in [0, 1).  The seed goes through
 * mix() first, or seeds a multiple of the increment apart would share numbers. */
static double uniform(uint64_t seed, uint64_t k) {
  const uint64_t step = UINT64_C(0x9e3779b97f4a7c15);
  return (double)(mix(mix(seed + step) + (k + 1) * step) >> 11) * 0x1p-53;
}

/* What one sample is made of. */
typedef struct draw {
  double u, v, w; /* uniform in [0, 1) */
  double z[2];    /* standard normal */
  double e[2];    /* z times the noise of the set */
} draw;

static draw draw_sample(uint64_t seed, uint64_t i, double noise) {
  const uint64_t k = 5 * i;
  const double r = sqrt(-2 * log(1 - uniform(seed, k + 3)));
  const double a = 2 * pi * uniform(seed, k + 4);
  draw d = {.u = uniform(seed, k), .v = uniform(seed, k + 1), .w = uniform(seed, k + 2)};
  d.z[0] = r * cos(a);
  d.z[1] = r * sin(a);
  d.e[0] = noise * d.z[0];
  d.e[1] = noise * d.z[1];
  return d;
}

/* ---- The sets ------------------------------------------------------------ */

/* As make_moons of scikit-learn, a = pi v: one half of the samples on
 * (cos a, sin a), the other on (1 - cos a, 1/2 - sin a); plus noise. */
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

/* t/3 (-cos t, sin t) with t = 3 pi sqrt(v), and the same turned by half a
 * circle, half of the samples each; plus noise. */
static void spirals(const draw *d, double p[2]) {
  const double t = 3 * pi * sqrt(d->v), r = (d->u < 0.5 ? t : -t) / 3;
  p[0] = -r * cos(t) + d->e[0];
  p[1] = r * sin(t) + d->e[1];
}

/* Eight normal distributions with the noise for standard deviation, around the
 * points 4 (cos a, sin a), a = 0, pi/4, ... 7 pi/4. */
static void gaussians(const draw *d, double p[2]) {
  const double a = floor(8 * d->u) * pi / 4;
  p[0] = 4 * cos(a) + d->e[0];
  p[1] = 4 * sin(a) + d->e[1];
}

/* Five arms (Johnson et al. 2016): (f, g) = (1 + 0.3 z0, noise z1), turned
 * clockwise by 2 pi arm / 5 + exp(f) / 4 and doubled. */
static void pinwheel(const draw *d, double p[2]) {
  const double f = 1 + 0.3 * d->z[0], g = d->e[1];
  const double a = 2 * pi * floor(5 * d->u) / 5 + exp(f) / 4;
  p[0] = 2 * (f * cos(a) + g * sin(a));
  p[1] = 2 * (g * cos(a) - f * sin(a));
}

typedef struct set {
  double noise; /* the default */
  void (*point)(const draw *d, double p[2]);
} set;

static const set sets[] = {{0.05, moons},  {0.05, circles},  {0, checkerboard},
                           {0.1, spirals}, {0.5, gaussians}, {0.1, pinwheel}};
static const char *const names[] = {"moons",    "circles", "checkerboard", "spirals", "gaussians",
                                    "pinwheel", NULL};

const char *const *clf_synthetic(void) { return names; }

static const set *find(const char *source) {
  const size_t n = strcspn(source, ":");
  for (int i = 0; names[i]; i++)
    if (strlen(names[i]) == n && !memcmp(names[i], source, n)) return &sets[i];
  return NULL;
}

int clf__is_synthetic(const char *source) { return find(source) != NULL; }

/* ---- What the source asks for -------------------------------------------- */

enum { KEY_N, KEY_NOISE, KEY_SEED, KEYS };
static const char *const keys[KEYS] = {"n", "noise", "seed"};
static const char *const ranges[KEYS] = {"a whole number from 1 to 100000000",
                                         "a number from 0 to 100",
                                         "a whole number from 0 to 18446744073709551615"};

typedef struct spec {
  uint64_t n, seed;
  double noise;
  int given[KEYS];
} spec;

static int whole(const char *text, size_t n, uint64_t min, uint64_t max, uint64_t *v) {
  char *end;
  if (n == 0 || strspn(text, "0123456789") < n) return 0;
  errno = 0;
  const unsigned long long x = strtoull(text, &end, 10);
  if (errno || x < min || x > max) return 0;
  *v = x;
  return 1;
}

/* Letters are kept out as strtod() takes "nan" and hexadecimals. */
static int real(const char *text, size_t n, double max, double *v) {
  char *end;
  if (n == 0 || strspn(text, "0123456789.eE+-") < n) return 0;
  const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!c) return 0;
  const double x = strtod_l(text, &end, c);
  freelocale(c);
  if (end != text + n || !(x >= 0 && x <= max)) return 0;
  *v = x;
  return 1;
}

static int set_key(spec *s, int key, const char *text, size_t n) {
  if (key == KEY_N) return whole(text, n, 1, 100000000, &s->n);
  if (key == KEY_SEED) return whole(text, n, 0, UINT64_MAX, &s->seed);
  return real(text, n, 100, &s->noise);
}

/* Reads one key=value of n characters. */
static clf_status parse_pair(const char *source, const char *pair, size_t n, spec *s) {
  const char *const equals = memchr(pair, '=', n);
  const size_t k = equals ? (size_t)(equals - pair) : n;
  int key = 0;
  while (key < KEYS && (strlen(keys[key]) != k || memcmp(keys[key], pair, k) != 0)) key++;
  if (key == KEYS)
    return clf__fail(CLF_EINVAL, "%s: \"%.*s\" is no key; there are n, noise and seed", source,
                     (int)k, pair);
  if (!equals)
    return clf__fail(CLF_EINVAL, "%s: %s has no value; it takes %s, as in %s=1", source, keys[key],
                     ranges[key], keys[key]);
  if (s->given[key]++) return clf__fail(CLF_EINVAL, "%s: %s is given twice", source, keys[key]);
  if (!set_key(s, key, equals + 1, n - k - 1))
    return clf__fail(CLF_EINVAL, "%s: %s must be %s, not \"%.*s\"", source, keys[key], ranges[key],
                     (int)(n - k - 1), equals + 1);
  return CLF_OK;
}

static clf_status parse_spec(const char *source, spec *s) {
  const char *p = source + strcspn(source, ":");
  while (*p) {
    const size_t n = strcspn(++p, ",");
    CLF_TRY(parse_pair(source, p, n, s));
    p += n;
  }
  return CLF_OK;
}

clf_status clf__synthetic_read(const char *source, clf_table *t) {
  const set *const which = find(source);
  spec s = {.n = 10000, .seed = 1, .noise = which->noise};
  CLF_TRY(parse_spec(source, &s));
  CLF_TRY(clf_table_new((int64_t)s.n, 2, t));
  for (uint64_t i = 0; i < s.n; i++) {
    const draw d = draw_sample(s.seed, i, s.noise);
    double *const p = t->at + 2 * i;
    which->point(&d, p);
    for (int c = 0; c < 2; c++) p[c] = nearbyint(p[c] * 0x1p20) * 0x1p-20;
  }
  return CLF_OK;
}
