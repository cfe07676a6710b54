/* SPDX-License-Identifier: MIT */
/* samples.c: samples have the distribution of log p, and depend only on seed and index. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>
#include "bases.h"

enum { N = 20000 };

/* ---- Distribution functions
 * ---------------------------------------------------------------------- */

static double of_normal(double x) { return 0.5 * erfc(-x / sqrt(2)); }
static double of_logistic(double x) { return 1 / (1 + exp(-x)); }
static double of_laplace(double x) { return x < 0 ? exp(x) / 2 : 1 - exp(-x) / 2; }
static double of_cauchy(double x) { return 0.5 + atan(x) / acos(-1); }
static double of_student_2(double x) { return 0.5 + x / (2 * sqrt(2 + x * x)); }
static double of_student_4(double x) {
  const double t = x / sqrt(4 + x * x);
  return 0.5 + 0.75 * (t - t * t * t / 3);
}
static double of_box(double x) { return (x + 2) / 5; }

/* ---- Kolmogorov's test
 * ----------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The largest distance of the empirical distribution function from F, times sqrt(n), which is
 * above 1.95 in one of a thousand cases. Column d of x (n, D) is shifted and scaled first. */
static double distance(const double *x, int n, int D, int d, double shift, double scale,
                       double (*F)(double)) {
  double *v = flows_array((size_t)n), worst = 0;
  for (int i = 0; i < n; i++) v[i] = F((x[i * D + d] - shift) / scale);
  qsort(v, (size_t)n, sizeof *v, ascending);
  for (int i = 0; i < n; i++) worst = fmax(worst, fmax((i + 1.0) / n - v[i], v[i] - (double)i / n));
  free(v);
  return sqrt(n) * worst;
}

static const struct {
  const char *text;
  double (*F)(double);
} laws[] = {
    {"2: -> normal", of_normal},        {"2: -> logistic", of_logistic},
    {"2: -> laplace", of_laplace},      {"2: -> student(1)", of_cauchy},
    {"2: -> student(2)", of_student_2}, {"2: -> student(4)", of_student_4},
    {"2: -> box(-2, 3)", of_box},       {"2: -> student(1e6)", of_normal},
};
enum { LAWS = sizeof laws / sizeof *laws };

static double correlation(const double *x, int n, double (*F)(double)) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += (F(x[2 * i]) - 0.5) * (F(x[2 * i + 1]) - 0.5);
  return 12 * sum / n;
}

START_TEST(columns_have_their_law) {
  clf_flow *f = bases_flow(laws[_i].text, 0);
  double *x = flows_array(2 * N);
  bases_sample(f, 11, 0, NULL, N, x);
  for (int d = 0; d < 2; d++)
    flows_expect(distance(x, N, 2, d, 0, 1, laws[_i].F), 1.95, "%s: column %d", laws[_i].text, d);
  flows_expect(fabs(correlation(x, N, laws[_i].F)), 3.3 / sqrt(N), "%s: correlation",
               laws[_i].text);
  free(x);
  clf_flow_free(f);
}
END_TEST

/* Location and scale of trained bases are those of the density. */
START_TEST(trained_columns_have_their_law) {
  static const struct {
    const char *text;
    double (*F)(double);
  } trained[] = {{"2: -> normal(trained)", of_normal},
                 {"2: -> logistic(trained)", of_logistic},
                 {"2: -> laplace(trained)", of_laplace}};
  clf_flow *f = bases_flow(trained[_i].text, 0.7);
  double *x = flows_array(2 * N), w[4];
  WORKS(clf_read64(f->dev, f->w, w));
  bases_sample(f, 12, 1000, NULL, N, x);
  for (int d = 0; d < 2; d++)
    flows_expect(distance(x, N, 2, d, w[d], exp(w[2 + d]), trained[_i].F), 1.95, "%s: column %d",
                 trained[_i].text, d);
  free(x);
  clf_flow_free(f);
}
END_TEST

/* ---- Samples against the density
 * -------------------------------------------------------------------- */

/* Over samples of the flow, the mean gradient of log p by a weight is 0. Returns it in units of its
 * standard error; it is above 4 for one of 16,000 weights. */
static const char *const scored[] = {
    "2: -> normal(trained, cov=full)",
    "2: -> normal(trained, cov=spherical)",
    "2: -> mixture(3, cov=full)",
    "2: -> mixture(3, cov=diag)",
    "2: -> mixture(3, cov=spherical)",
    "2|2: -> mixture(3, cov=full, joint=1)",
    "1|2: -> mixture(2, cov=spherical, joint=1)",
    "2: -> student(3, trained)",
    "3: -> columns(0+2: mixture(2), 1: student(2, trained))",
    "2: -> blend(1: -> normal(trained); 3: -> logistic(trained); 2: -> mixture(2))",
    "2: -> blend(1: coupling(rq(bins=4), mlp(4x1, tanh)), lu -> normal; 2: ~lu -> normal(trained))",
    "3: -> blend(1: lu, split(prior=normal(trained)) -> normal(trained); 2: split -> logistic)",
};
enum { SCORED = sizeof scored / sizeof *scored, BATCHES = 40 };

START_TEST(mean_score_is_zero) {
  clf_flow *f = bases_flow(scored[_i], 0.5);
  const size_t P = clf__count(&f->w), size = (size_t)(N / BATCHES * f->spec.dim);
  double *x = flows_array(size), *dx = flows_array(size), *logp = flows_array(N / BATCHES);
  double *g = flows_array(P), *sum = flows_array(P), *square = flows_array(P);
  const size_t contexts = (size_t)(N / BATCHES * f->context);
  double *c = flows_array(contexts + 1), *dc = flows_array(contexts + 1);
  bases_uniform(20, -2, 2, contexts, c);
  const double *given = f->context ? c : NULL;
  for (int batch = 0; batch < BATCHES; batch++) {
    bases_sample(f, 13, batch * (N / BATCHES), given, N / BATCHES, x);
    bases_gradient(f, x, given, NULL, N / BATCHES, logp, g, dx, given ? dc : NULL);
    for (size_t i = 0; i < P; i++) sum[i] += g[i], square[i] += g[i] * g[i];
  }
  for (size_t i = 0; i < P && f->param_count; i++) {
    const double mean = sum[i] / BATCHES, variance = square[i] / BATCHES - mean * mean;
    flows_expect(fabs(mean) / sqrt(variance / (BATCHES - 1)), 4, "%s: weight %zu", scored[_i], i);
  }
  free(dc);
  free(c);
  free(square);
  free(sum);
  free(g);
  free(logp);
  free(dx);
  free(x);
  clf_flow_free(f);
}
END_TEST

/* Each component is drawn as often as its weight says, within 2 standard errors. */
START_TEST(components_by_their_weights) {
  clf_flow *f = bases_flow("1: -> mixture(3)", 0);
  const double w[] = {0, 1, -1, -100, 0, 100, 0, 0, 0}, all = 1 + exp(1) + exp(-1);
  double *x = flows_array(N), count[3] = {0};
  WORKS(clf_write64(f->dev, f->w, w));
  bases_sample(f, 14, 0, NULL, N, x);
  for (int i = 0; i < N; i++) count[x[i] < -50 ? 0 : x[i] < 50 ? 1 : 2]++;
  for (int k = 0; k < 3; k++) {
    const double p = exp(w[k]) / all;
    flows_expect(fabs(count[k] / N - p) / sqrt(p * (1 - p) / N), 3.3, "component %d", k);
  }
  free(x);
  clf_flow_free(f);
}
END_TEST

/* ---- Streams
 * ------------------------------------------------------------------------------------------- */

static const char *const streams[] = {
    "3: -> normal(trained)",
    "3: -> student(2.5)",
    "3: -> laplace(trained)",
    "3: -> box(0, 1)",
    "3: -> mixture(4, cov=full)",
    "3: -> columns(0: normal, 1-2: mixture(2))",
    "3|2: -> classes(2)",
    "3|2: -> mixture(3, cov=full, joint=1)",
    "3: -> blend(1: -> normal; 2: -> student(3, trained))",
    "3: -> blend(1: lu, coupling(rq(bins=4), mlp(6x1, tanh)) -> normal; 2: split -> laplace)",
};
enum { STREAMS = sizeof streams / sizeof *streams };

START_TEST(pieces_of_a_stream) {
  enum { ALL = 50, FIRST = 17 };
  const int64_t start = ((int64_t)3 << 32) - 20; /* the lower half of the index overflows */
  clf_flow *f = bases_flow(streams[_i], 0.4);
  double all[3 * ALL], part[3 * ALL], c[2 * ALL];
  for (int i = 0; i < ALL; i++) c[2 * i] = i % 2, c[2 * i + 1] = 1 - i % 2;
  const double *own = f->context ? c : NULL;
  bases_sample(f, 15, start, own, ALL, all);
  bases_sample(f, 15, start, own, FIRST, part);
  bases_sample(f, 15, start + FIRST, own ? own + 2 * FIRST : NULL, ALL - FIRST, part + 3 * FIRST);
  ck_assert_mem_eq(all, part, sizeof all);
  bases_sample(f, 16, start, own, ALL, part);
  for (int i = 0; i < 3 * ALL; i++) ck_assert(isfinite(all[i]) && all[i] != part[i]);
  clf_flow_free(f);
}
END_TEST

/* Components of the same kind have different streams. */
START_TEST(pieces_differ) {
  clf_flow *f = bases_flow("2: -> columns(0: normal, 1: normal)", 0);
  double *x = flows_array(2 * N);
  bases_sample(f, 17, 0, NULL, N, x);
  flows_expect(fabs(correlation(x, N, of_normal)), 3.3 / sqrt(N), "correlation");
  free(x);
  clf_flow_free(f);
}
END_TEST

/* A class given as its index, and as a one-hot vector. */
START_TEST(classes_by_number) {
  clf_flow *by_number = bases_flow("2|1: -> classes(3)", 0.6);
  clf_flow *by_vector = bases_flow("2|3: -> classes(3)", 0.6);
  const double number[] = {2, 0, 1, 2}, vector[] = {0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1};
  double x[8], y[8], p[4], q[4], g[12], h[12], dx[8], dy[8], dc[12];
  bases_sample(by_number, 18, 0, number, 4, x);
  bases_sample(by_vector, 18, 0, vector, 4, y);
  ck_assert_mem_eq(x, y, sizeof x);
  bases_gradient(by_number, x, number, NULL, 4, p, g, dx, NULL);
  bases_gradient(by_vector, x, vector, NULL, 4, q, h, dy, dc);
  ck_assert_mem_eq(p, q, sizeof p);
  ck_assert_mem_eq(g, h, sizeof g);
  ck_assert_mem_eq(dx, dy, sizeof dx);
  const double bad[] = {2, 3, 1, -1}, part[] = {2, 1, 0.5, 0};
  REFUSED(clf_log_prob_given(by_number, x, bad, 4, p), CLF_ENUM,
          "the context: row 2 has the class 3; classes are whole numbers from 0 to 2");
  REFUSED(clf_log_prob_given(by_number, x, part, 4, p), CLF_ENUM,
          "the context: row 3 has the class 0.5; classes are whole numbers from 0 to 2");
  clf_flow_free(by_vector);
  clf_flow_free(by_number);
}
END_TEST

/* ---- Temperatures ---------------------------------------------------------------------------- */

/* The latents of 400 samples at a temperature; a context is given to all of them. */
enum { WARM = 400 };
static void draw_warm(clf_flow *f, double temperature, double *z) {
  static const double c[] = {0, 1};
  if (f->context)
    WORKS(clf_sample_latents_given(f, c, 1, 22, WARM, 0, WARM, temperature, z));
  else
    WORKS(clf_sample_latents(f, 22, 0, WARM, temperature, z));
}

/* A temperature scales distances from centres, and these are in the middle of the samples. */
static const char *const warm[] = {
    "2: -> normal",
    "2: -> student(4, trained)",
    "2: -> box(3, 5)",
    "2: -> mixture(3, cov=full)",
    "2: -> columns(0: mixture(2), 1: laplace(trained))",
    "2: split -> normal(trained)",
    "2|2: -> classes(2)",
    "2|2: -> normal(mlp(4x1, tanh))",
    "2|2: -> mixture(3, cov=full, joint=1)",
};

START_TEST(temperatures) {
  clf_flow *f = bases_flow(warm[_i], 3);
  double z[2 * WARM], centre[2 * WARM], half[2 * WARM];
  draw_warm(f, 1, z);
  draw_warm(f, 0, centre);
  draw_warm(f, 0.5, half);
  for (int d = 0; d < 2; d++) {
    double sum = 0, square = 0;
    for (int i = d; i < 2 * WARM; i += 2) {
      const double far = z[i] - centre[i];
      ck_assert_msg(fabs(half[i] - centre[i] - far / 2) <= 1e-6 * (fabs(far) + fabs(centre[i])),
                    "%s: %g between %g and %g", warm[_i], half[i], centre[i], z[i]);
      sum += far, square += far * far;
    }
    flows_expect(fabs(sum) / sqrt(square), 3.3, "%s: column %d around its centre", warm[_i], d);
  }
  clf_flow_free(f);
}
END_TEST

/* At temperature 0 a mixture gives the means of the components that were drawn. */
START_TEST(components_at_temperature_0) {
  clf_flow *f = bases_flow("1: -> mixture(3)", 0);
  const double w[] = {0, 0, 0, -100, 1, 100, 0, 0, 0};
  double z[WARM], centre[WARM];
  WORKS(clf_write64(f->dev, f->w, w));
  draw_warm(f, 1, z);
  draw_warm(f, 0, centre);
  for (int i = 0; i < WARM; i++)
    ck_assert_double_eq(centre[i], z[i] < -50 ? -100 : z[i] < 50 ? 1 : 100);
  clf_flow_free(f);
}
END_TEST

/* ---- Files
 * ------------------------------------------------------------------------------------------- */

static const char *const saved[] = {
    "3: -> student(3, trained)",
    "3: -> normal(trained, cov=full)",
    "3: -> columns(0+2: mixture(2, cov=full), 1: box(0, 1))",
    "3|2: -> mixture(2, cov=full, joint=1)",
    ("3: -> blend(1: standardize, coupling(rq(bins=4), mlp(6x1, tanh)) -> normal; 2: split -> "
     "laplace)"),
};
enum { SAVED = sizeof saved / sizeof *saved };

START_TEST(saved_and_loaded) {
  char path[64];
  clf_flow *f = bases_flow(saved[_i], 0.4), *g;
  double x[30], y[30], c[20];
  bases_uniform(21, -1, 1, 20, c);
  const double *given = f->context ? c : NULL;
  snprintf(path, sizeof path, "bases_%d_%d.safetensors", (int)getpid(), _i);
  WORKS(clf_flow_save(f, path));
  WORKS(clf_flow_load(flows_dev, path, NULL, &g));
  ck_assert_str_eq(clf_arch_text(clf_flow_arch(g)), clf_arch_text(clf_flow_arch(f)));
  bases_sample(f, 19, 0, given, 10, x);
  bases_sample(g, 19, 0, given, 10, y);
  ck_assert_mem_eq(x, y, sizeof x);
  double logp[10], again[10];
  bases_logp(f, x, given, 10, logp);
  bases_logp(g, x, given, 10, again);
  ck_assert_mem_eq(logp, again, sizeof logp);
  suite_remove(path);
  clf_flow_free(g);
  clf_flow_free(f);
}
END_TEST

void tests_of_samples(TCase *tc) {
  tcase_add_loop_test(tc, saved_and_loaded, 0, SAVED);
  tcase_add_loop_test(tc, columns_have_their_law, 0, LAWS);
  tcase_add_loop_test(tc, trained_columns_have_their_law, 0, 3);
  tcase_add_loop_test(tc, mean_score_is_zero, 0, SCORED);
  tcase_add_test(tc, components_by_their_weights);
  tcase_add_loop_test(tc, pieces_of_a_stream, 0, STREAMS);
  tcase_add_test(tc, pieces_differ);
  tcase_add_test(tc, classes_by_number);
  tcase_add_loop_test(tc, temperatures, 0, sizeof warm / sizeof *warm);
  tcase_add_test(tc, components_at_temperature_0);
}
