/* SPDX-License-Identifier: MIT */
/* test_maps.c: maps of single elements: comparison with other libraries, gradients against
 * differences, inverses, tails, and integrals of densities. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "maps/maps.h"
#include "safetensors.h"

#define SIZE(array) ((int)(sizeof(array) / sizeof *(array)))

static const char *const devices[] = {"cpu64", "cpu", "opencl"};
static clf_device *device[SIZE(devices)]; /* opened by the first test that needs it */
static clf_device *dev;
static clf_arena arena;
static int exact; /* double */

static int case_count(void) { return maps_rqs_count + maps_affine_count + maps_poly_count; }
static const maps_case *case_at(int i) {
  if (i < maps_rqs_count) return &maps_rqs[i];
  i -= maps_rqs_count;
  return i < maps_affine_count ? &maps_affine[i] : &maps_poly[i - maps_affine_count];
}

/* Each test runs for each device and case, unless it needs OpenCL and there is none. */
static const maps_case *begin(int i) {
  const int k = i / case_count();
  const char *where = devices[k];
  const clf_status s = device[k] ? CLF_OK : clf_open(where, &device[k]);
  if (s == CLF_ENODEV && strcmp(where, "opencl") == 0) return NULL;
  ck_assert_msg(!s, "%s", clf_errmsg());
  dev = device[k];
  exact = strcmp(where, "cpu64") == 0;
  WORKS(clf_arena_init(&arena, dev, 1 << 18));
  return case_at(i % case_count());
}
static void end(void) { clf_arena_free(&arena); }

static clf_tensor put(int n, int c, int h, const double *at) {
  clf_tensor t;
  WORKS(clf_new(&arena, (int32_t[4]){n, c, h, 1}, &t));
  if (at) WORKS(clf_write64(dev, t, at));
  return t;
}
static clf_tensor zeros(int n) {
  clf_tensor t = put(n, 1, 1, NULL);
  WORKS(clf_do(dev, fill, .y = t));
  return t;
}
static double *get(clf_tensor t) {
  double *v = malloc(clf__count(&t) * sizeof *v);
  ck_assert_ptr_nonnull(v);
  WORKS(clf_read64(dev, t, v));
  return v;
}

static uint32_t state;
static double noise(void) { /* -1 .. 1 */
  state = state * 1664525u + 1013904223u;
  return (double)(int32_t)state * 0x1p-31;
}
static double *random_array(int n, double lo, double hi) {
  double *v = malloc((size_t)n * sizeof *v);
  ck_assert_ptr_nonnull(v);
  for (int i = 0; i < n; i++) v[i] = (float)(lo + (hi - lo) * (noise() + 1) / 2);
  return v;
}

/* Samples with D = d columns, the last one first. */
static clf_tensor all_columns(int d) {
  double at[8];
  for (int j = 0; j < d; j++) at[j] = d - 1 - j;
  return put(d, 1, 1, at);
}
static maps_views views_of(const maps_case *c, int N, const double *x, const double *u) {
  maps_views v = {.at = all_columns(c->d), .logdet = zeros(N)};
  v.x = put(N, c->d, 1, x);
  v.y = put(N, c->d, 1, NULL);
  v.dx = put(N, c->d, 1, NULL);
  v.dy = put(N, c->d, 1, NULL);
  v.u = put(N, c->d, c->m, u);
  v.du = put(N, c->d, c->m, NULL);
  return v;
}

static void expect(const maps_case *c, const char *what, const double *got, const double *want,
                   size_t n, double tol) {
  for (size_t i = 0; i < n; i++)
    ck_assert_msg(fabs(got[i] - want[i]) <= tol * (1 + fabs(want[i])) || got[i] == want[i],
                  "%s on %s: %s: number %zu is %.15g, not %.15g", c->label, clf_device_name(dev),
                  what, i, got[i], want[i]);
}
static void expect_tensor(const maps_case *c, const char *what, clf_tensor t, const double *want,
                          double tol) {
  double *got = get(t);
  expect(c, what, got, want, clf__count(&t), tol);
  free(got);
}

/* ---- Other libraries ------------------------------------------------------------------------- */

typedef struct golden {
  clf__st *file;
  const char *set;
} golden;

static double *golden_part(const golden *g, const char *part) {
  char name[64];
  snprintf(name, sizeof name, "%s.%s", g->set, part);
  const clf__st_entry *e = clf__st_find(g->file, name);
  ck_assert_msg(e != NULL, "maps.safetensors has no tensor %s", name);
  double *v = malloc((size_t)e->count * sizeof *v);
  ck_assert_ptr_nonnull(v);
  WORKS(clf__st_get(g->file, e, v));
  return v;
}
/* A tensor [N,d] or [N,d,m] with its columns in the order of all_columns(). */
static double *golden_columns(const golden *g, const char *part, int N, int d, int m) {
  double *v = golden_part(g, part), *out = malloc((size_t)(N * d * m) * sizeof *out);
  ck_assert_ptr_nonnull(out);
  for (int i = 0; i < N * d * m; i++) {
    const int n = i / (d * m), j = i / m % d, k = i % m;
    out[(n * d + d - 1 - j) * m + k] = v[i];
  }
  free(v);
  return out;
}
static void expect_golden(const maps_case *c, const golden *g, const char *part, clf_tensor t,
                          int turned, double tol) {
  const int32_t *n = t.dim;
  double *want = turned ? golden_columns(g, part, n[0], n[1], n[2]) : golden_part(g, part);
  expect_tensor(c, part, t, want, tol);
  free(want);
}
static clf_tensor put_golden(const golden *g, const char *part, int N, int d, int m, int turned) {
  double *v = turned ? golden_columns(g, part, N, d, m) : golden_part(g, part);
  const clf_tensor t = put(N, d, m, v);
  free(v);
  return t;
}

/* v->x is the inverse of y, in double to within tol.  In float its error grows where f is flat;
 * there f(x) must equal y instead. */
static void expect_inverse(const maps_case *c, maps_views *v, const double *x, const double *y,
                           double tol) {
  double *got = get(v->x), *again;
  WORKS(c->call(dev, c, MAPS_FWD, v));
  again = get(v->y);
  for (int i = 0; i < v->x.dim[0] * v->x.dim[1]; i++)
    ck_assert_msg(fabs(got[i] - x[i]) <= tol * (1 + fabs(x[i])) ||
                      (!exact && fabs(again[i] - y[i]) <= tol * (1 + fabs(y[i]))),
                  "%s on %s: element %d of the inverse is %.15g, not %.15g; of that y is %.15g, "
                  "not %.15g",
                  c->label, clf_device_name(dev), i, got[i], x[i], again[i], y[i]);
  free(again);
  free(got);
}

/* x and y are in their columns; element j of the parameters is that of column d - 1 - j. */
START_TEST(test_golden) {
  enum { N = 24 };
  const maps_case *c = begin(_i);
  if (!c) return;
  if (!c->golden) {
    end();
    return;
  }
  golden g = {.set = c->golden};
  WORKS(clf__st_open(CLF_GOLDEN "/maps.safetensors", &g.file));
  maps_views v = views_of(c, N, NULL, NULL);
  v.x = put_golden(&g, "x", N, c->d, 1, 0);
  v.u = put_golden(&g, "u", N, c->d, c->m, 1);
  v.dy = put_golden(&g, "dy", N, c->d, 1, 0);
  v.dl = put_golden(&g, "dl", N, 1, 1, 0);
  const double tol = exact ? 1e-10 : 1e-5, loose = exact ? 1e-9 : 2e-4;

  WORKS(c->call(dev, c, MAPS_FWD, &v));
  expect_golden(c, &g, "y", v.y, 0, tol);
  expect_golden(c, &g, "logdet", v.logdet, 0, tol);
  WORKS(c->call(dev, c, MAPS_BWD, &v));
  expect_golden(c, &g, "dx", v.dx, 0, loose);
  expect_golden(c, &g, "du", v.du, 1, loose);

  v.dx = v.dy;
  v.dy = put(N, c->d, 1, NULL);
  WORKS(c->call(dev, c, MAPS_INV_BWD, &v));
  expect_golden(c, &g, "inv_dy", v.dy, 0, loose);
  expect_golden(c, &g, "inv_du", v.du, 1, loose);

  double *y = golden_part(&g, "y"), *minus = golden_part(&g, "logdet");
  for (int n = 0; n < N; n++) minus[n] = -minus[n];
  WORKS(clf_write64(dev, v.y, y));
  v.logdet = zeros(N);
  WORKS(c->call(dev, c, MAPS_INV, &v));
  expect_tensor(c, "log-dets of the inverse", v.logdet, minus, exact ? 1e-9 : 1e-3);
  double *x = golden_part(&g, "x");
  expect_inverse(c, &v, x, y, exact ? 1e-10 : 1e-5);
  free(x);
  free(minus);
  free(y);
  clf__st_close(g.file);
  end();
}
END_TEST

/* ---- Gradients against differences -------------------------------------------------------------
 */

enum { ROWS = 5 };

/* sum out * value + dl * logdet, as a function of the argument and the parameters. */
static double loss(const maps_case *c, maps_views *v, int inverse, const double *out,
                   const double *dl) {
  double sum = 0, *value, *logdet;
  WORKS(clf_do(dev, fill, .y = v->logdet));
  WORKS(c->call(dev, c, inverse ? MAPS_INV : MAPS_FWD, v));
  value = get(inverse ? v->x : v->y);
  logdet = get(v->logdet);
  for (int i = 0; i < ROWS * c->d; i++) sum += out[i] * value[i];
  for (int n = 0; n < ROWS; n++) sum += dl[n] * logdet[n];
  free(logdet);
  free(value);
  return sum;
}

/* By every element of t, central differences of fourth order. */
static void expect_differences(const maps_case *c, const char *what, maps_views *v, clf_tensor t,
                               int inverse, const double *out, const double *dl,
                               const double *slopes) {
  static const double step[4] = {-2, -1, 1, 2}, factor[4] = {1, -8, 8, -1};
  const double h = 2e-6;
  double *at = get(t);
  for (size_t i = 0; i < clf__count(&t); i++) {
    const double before = at[i];
    double sum = 0;
    for (int k = 0; k < 4; k++) {
      at[i] = before + step[k] * h;
      WORKS(clf_write64(dev, t, at));
      sum += factor[k] * loss(c, v, inverse, out, dl);
    }
    at[i] = before;
    WORKS(clf_write64(dev, t, at));
    const double want = sum / (12 * h);
    ck_assert_msg(fabs(slopes[i] - want) <= 1e-7 * (1 + fabs(want)),
                  "%s: %s: the gradient by number %zu is %.12g, by differences %.12g", c->label,
                  what, i, slopes[i], want);
  }
  free(at);
}

START_TEST(test_gradients) {
  const maps_case *c = begin(_i); /* of cpu64 alone */
  state = 5;
  double *x = random_array(ROWS * c->d, c->lo, c->hi);
  double *u = random_array(ROWS * c->d * c->m, -c->spread, c->spread);
  double *out = random_array(ROWS * c->d, -1, 1), *dl = random_array(ROWS, -1, 1);
  maps_views v = views_of(c, ROWS, x, u);
  v.dl = put(ROWS, 1, 1, dl);

  WORKS(clf_write64(dev, v.dy, out));
  WORKS(c->call(dev, c, MAPS_BWD, &v));
  double *dx = get(v.dx), *du = get(v.du);
  expect_differences(c, "x", &v, v.x, 0, out, dl, dx);
  expect_differences(c, "u", &v, v.u, 0, out, dl, du);
  free(du);
  free(dx);

  WORKS(c->call(dev, c, MAPS_FWD, &v));
  WORKS(clf_write64(dev, v.dx, out));
  WORKS(c->call(dev, c, MAPS_INV_BWD, &v));
  double *dy = get(v.dy);
  du = get(v.du);
  expect_differences(c, "y", &v, v.y, 1, out, dl, dy);
  expect_differences(c, "u of the inverse", &v, v.u, 1, out, dl, du);
  free(du);
  free(dy);
  free(dl);
  free(out);
  free(u);
  free(x);
  end();
}
END_TEST

/* ---- Both directions
 * ----------------------------------------------------------------------------- */

/* Random x, the ends, and far values unless they are refused. */
START_TEST(test_round_trip) {
  enum { N = 500 };
  static const double far[] = {-1e6, 1e6, -50, 50};
  const maps_case *c = begin(_i);
  if (!c) return;
  state = 7;
  double *x = random_array(N * c->d, c->lo, c->hi);
  double *u = random_array(N * c->d * c->m, -2 * c->spread, 2 * c->spread);
  for (int i = 0; i < SIZE(far); i++)
    if (!c->refuses) x[i * c->d] = far[i];
  x[10 * c->d] = c->lo;
  x[11 * c->d] = c->hi;
  maps_views v = views_of(c, N, x, u);
  WORKS(c->call(dev, c, MAPS_FWD, &v));
  double *there = get(v.logdet), *read = get(v.x), *y = get(v.y);
  WORKS(clf_do(dev, fill, .y = v.x, .value = NAN));
  v.logdet = zeros(N);
  WORKS(c->call(dev, c, MAPS_INV, &v));
  for (int n = 0; n < N; n++) there[n] = -there[n];
  expect_tensor(c, "log-dets of the inverse", v.logdet, there, exact ? 1e-8 : 2e-3);
  expect_inverse(c, &v, read, y, exact ? 1e-9 : 1e-5);
  free(y);
  free(read);
  free(there);
  free(u);
  free(x);
  end();
}
END_TEST

/* The integral of exp(log-det) over an interval is the increase of y. */
START_TEST(test_integral) {
  enum { N = 20000 };
  const maps_case *c = begin(_i); /* of cpu64 alone */
  const int d = c->d, m = c->m;
  double *x = malloc((size_t)(N * d) * sizeof *x), sum = 0, ends[2];
  ck_assert_ptr_nonnull(x);
  state = 9;
  double *u = random_array(d * m, -c->spread, c->spread);
  const double width = (c->hi - c->lo) / N;
  for (int n = 0; n < N; n++)
    for (int j = 0; j < d; j++) x[n * d + j] = c->lo + width * (n + 0.5);
  maps_views v = views_of(c, 1, NULL, u);
  v.u.dim[0] = N; /* the same numbers for all */
  v.u.stride[0] = 0;
  v.x = put(N, d, 1, x);
  v.y = put(N, d, 1, NULL);
  v.logdet = zeros(N);
  v.at = clf_slice(v.at, 0, 0, 1); /* one column, the last, so that the log-det is its own */
  v.u = clf_slice(v.u, 1, 0, 1);
  WORKS(c->call(dev, c, MAPS_FWD, &v));
  double *logdet = get(v.logdet);
  for (int n = 0; n < N; n++) sum += exp(logdet[n]) * width;
  x[d - 1] = c->lo;
  x[2 * d - 1] = c->hi;
  WORKS(clf_write64(dev, v.x, x));
  WORKS(c->call(dev, c, MAPS_FWD, &v));
  double *y = get(v.y);
  ends[0] = y[d - 1];
  ends[1] = y[2 * d - 1];
  ck_assert_msg(fabs(sum - (ends[1] - ends[0])) < (c->jumps ? width : 2e-6 * (1 + fabs(sum))),
                "%s: the integral is %.12g, y grows by %.12g", c->label, sum, ends[1] - ends[0]);
  free(y);
  free(logdet);
  free(u);
  free(x);
  end();
}
END_TEST

/* ---- Views, columns, refusals
 * ---------------------------------------------------------------------- */

/* Parameters in the layout: all first ones, all second ones, ..., of columns 3 and 1 of five. */
START_TEST(test_views) {
  enum { N = 37, D = 5 };
  const maps_case *c = begin(_i);
  if (!c) return;
  const int d = c->d < 2 ? 1 : 2, m = c->m;
  state = 11;
  double *x = random_array(N * D, c->lo, c->hi), *u = random_array(N * d * m, -1, 1);
  double *blocks = malloc((size_t)(N * d * m) * sizeof *blocks);
  ck_assert_ptr_nonnull(blocks);
  for (int i = 0; i < N * d * m; i++) {
    const int n = i / (d * m), j = i / m % d, k = i % m;
    blocks[(n * m + k) * d + j] = u[i];
  }
  maps_views v = {.x = put(N, D, 1, x), .y = put(N, D, 1, NULL), .u = put(N, d, m, u)};
  v.at = put(d, 1, 1, (const double[]){3, 1});
  v.logdet = zeros(N);
  maps_case two = *c;
  two.d = d;
  WORKS(c->call(dev, &two, MAPS_FWD, &v));
  double *y = get(v.y), *logdet = get(v.logdet);
  for (int i = 0; i < N * D; i++) ck_assert(i % D == 3 || (i % D == 1 && d == 2) || y[i] == x[i]);
  v.u = put(N, m, d, blocks);
  v.u = (clf_tensor){v.u.buf, v.u.offset, {N, d, m, 1}, {m * d, 1, d, 1}};
  v.y = put(N, D, 1, NULL);
  v.logdet = zeros(N);
  WORKS(c->call(dev, &two, MAPS_FWD, &v));
  expect_tensor(c, "y by another layout", v.y, y, 0);
  expect_tensor(c, "log-dets by another layout", v.logdet, logdet, 0);
  free(logdet);
  free(y);
  free(blocks);
  free(u);
  free(x);
  end();
}
END_TEST

/* Values outside are never NaN; if they are refused their density is 0. */
START_TEST(test_outside) {
  static const double points[] = {-INFINITY, -1e30, -1e6, -7, 7, 1e6, 1e30, INFINITY, 0, NAN};
  enum { N = SIZE(points) };
  const maps_case *c = begin(_i);
  if (!c) return;
  const int d = c->d;
  state = 13;
  double *u = random_array(N * d * c->m, -c->spread, c->spread);
  double *x = random_array(N * d, c->lo, c->hi);
  for (int n = 0; n < N; n++) x[n * d] = points[n];
  maps_views v = views_of(c, N, x, u);
  WORKS(c->call(dev, c, MAPS_FWD, &v));
  double *y = get(v.y), *logdet = get(v.logdet);
  for (int n = 0; n < N; n++) {
    const int odd = isnan(points[n]);
    ck_assert_msg(isnan(y[n * d]) == odd, "%s: x = %g gives y = %g", c->label, points[n], y[n * d]);
    if (c->refuses && n != 8)
      ck_assert_msg(logdet[n] == -INFINITY, "%s: x = %g has log-det %g", c->label, points[n],
                    logdet[n]);
    else if (!odd)
      ck_assert_msg(isfinite(logdet[n]), "%s: x = %g has log-det %g", c->label, points[n],
                    logdet[n]);
  }
  /* The same rows through the backward pass: the parameters' gradients stay finite. */
  for (int n = 0; n < N; n++) x[n * d] = fabs(points[n]) < 1e7 ? points[n] : 3;
  WORKS(clf_write64(dev, v.x, x));
  WORKS(clf_do(dev, fill, .y = v.dy, .value = 1));
  v.dl = put(N, 1, 1, NULL);
  WORKS(clf_do(dev, fill, .y = v.dl, .value = -1));
  WORKS(c->call(dev, c, MAPS_BWD, &v));
  double *du = get(v.du), *dx = get(v.dx);
  for (int i = 0; i < N * d * c->m; i++) ck_assert(isfinite(du[i]));
  for (int i = 0; i < N * d; i++) ck_assert(isfinite(dx[i]));
  free(dx);
  free(du);
  free(logdet);
  free(y);
  free(x);
  free(u);
  end();
}
END_TEST

int main(void) {
  Suite *suite = suite_create("maps");
  TCase *tc = tcase_create("maps");
  const int all = case_count() * SIZE(devices);
  tcase_set_timeout(tc, 600);
  tcase_add_loop_test(tc, test_golden, 0, all);
  tcase_add_loop_test(tc, test_gradients, 0, case_count());
  tcase_add_loop_test(tc, test_round_trip, 0, all);
  tcase_add_loop_test(tc, test_integral, 0, case_count());
  tcase_add_loop_test(tc, test_views, 0, all);
  tcase_add_loop_test(tc, test_outside, 0, all);
  suite_add_tcase(suite, tc);
  const int code = suite_run(suite);
  for (int k = 0; k < SIZE(devices); k++) clf_close(device[k]);
  return code;
}
