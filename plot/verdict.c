/* SPDX-License-Identifier: MIT */
/* verdict.c: the results of the tests in words. */
#include "canvas.h"
#include "judge.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- One test -------------------------------------------------------------------------------- */

/* Mean and spread of u compared with uniform numbers, in standard errors: (mean - 1/2) and the
 * mean of (u - 1/2)^2 - 1/12, whose variance is 1/180. */
static void moments(const clf__test *t, double *shift, double *spread) {
  double square = 0;
  for (int64_t i = 0; i < t->n; i++) square += (t->u[i] - 0.5) * (t->u[i] - 0.5) / (double)t->n;
  *shift = (t->mean - 0.5) * sqrt(12 * t->rows);
  *spread = (square - 1.0 / 12) * sqrt(180 * t->rows);
}

const char *clf__column_verdict(const clf__test *t) {
  double shift, spread;
  if (t->level == CLF__FITS) return "fits";
  moments(t, &shift, &spread);
  if (fabs(shift) < 2.5 && fabs(spread) < 2.5) return "of another shape";
  if (fabs(shift) >= 0.7 * fabs(spread))
    return shift > 0 ? "higher than the samples" : "lower than the samples";
  return spread > 0 ? "wider than the samples" : "narrower than the samples";
}

const char *clf__rank_verdict(const clf__test *t) {
  double shift, spread;
  if (t->level == CLF__FITS) return "as probable as the model's own samples";
  moments(t, &shift, &spread);
  if (fabs(shift) < 2.5 && fabs(spread) < 2.5) return "of another distribution of log p";
  if (fabs(shift) >= 0.7 * fabs(spread))
    return shift > 0 ? "more probable than the model's own samples"
                     : "less probable than the model's own samples";
  return spread > 0 ? "more often very probable or very improbable than the model's own samples"
                    : "more often of middling probability than the model's own samples";
}

/* ---- All tests ------------------------------------------------------------------------------- */

static void say(clf__verdict *v, clf__level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void say(clf__verdict *v, clf__level level, const char *fmt, ...) {
  va_list args;
  if (v->count == (int)(sizeof v->bad / sizeof *v->bad)) return;
  va_start(args, fmt);
  vsnprintf(v->detail[v->count], sizeof v->detail[0], fmt, args);
  va_end(args);
  v->bad[v->count++] = (int)level;
  if (level > v->level) v->level = level;
}

/* Marks the last sentence as remarkable, although the rows fit. */
static void remark(clf__verdict *v) { v->bad[v->count - 1] = CLF__SLIGHT; }

static void say_zeros(const clf__facts *f, clf__verdict *v) {
  char zeros[40], n[40];
  const clf__scored *const test = &f->set[CLF__TEST];
  if (!test->zeros) return;
  clf__count(zeros, sizeof zeros, test->zeros);
  clf__count(n, sizeof n, test->n);
  say(v, test->zeros * 50 > test->n ? CLF__CLEARLY : CLF__SLIGHT,
      "The density is zero at %s of the %s rows; means leave them out.", zeros, n);
}

static void say_lost(const clf__facts *f, clf__verdict *v) {
  char lost[40], all[40];
  if (!f->lost) return;
  clf__count(lost, sizeof lost, f->lost);
  clf__count(all, sizeof all, f->samples + f->lost);
  say(v, f->lost * 1000 > f->samples ? CLF__CLEARLY : CLF__SLIGHT,
      "%s of %s samples of the model overflow and are left out.", lost, all);
}

static void say_rank(const clf__facts *f, clf__verdict *v) {
  char distance[40];
  const clf__test *const t = &f->rank;
  clf__page_number(distance, sizeof distance, t->distance, 2);
  if (t->level == CLF__FITS)
    say(v, t->level, "The rows are as probable as the model's own samples are (rank of log p).");
  else
    say(v, t->level, "The rows are %s (rank of log p, KS distance %s).", clf__rank_verdict(t),
        distance);
}

static void say_beyond(const clf__facts *f, clf__verdict *v) {
  char beyond[40], expected[40], pool[40];
  if (f->beyond_level == CLF__FITS) return;
  clf__count(beyond, sizeof beyond, f->beyond);
  clf__count(pool, sizeof pool, f->draws ? f->draws : f->samples);
  clf__page_number(expected, sizeof expected, f->beyond_expected, 2);
  say(v, f->beyond_level,
      "%s row%s less probable than each of %s samples, where %s would be expected: outliers, or "
      "tails that the model lacks.",
      beyond, f->beyond == 1 ? " is" : "s are", pool, expected);
}

static void say_columns(const clf__facts *f, clf__verdict *v) {
  char name[32], distance[40], clean[100];
  int off = 0;
  for (int32_t d = 0; d < f->dim; d++) off += f->column[d].level != CLF__FITS;
  const clf__test *const t = &f->column[f->worst[0]];
  clf__text_clean(clean, sizeof clean, clf__name_of(f, f->worst[0], name));
  clf__page_number(distance, sizeof distance, t->distance, 2);
  if (!off && f->dim == 1)
    say(v, CLF__FITS, "The column has the distribution of the samples (PIT).");
  else if (!off)
    say(v, CLF__FITS, "Each of the %" PRId32 " columns has the distribution of the samples (PIT).",
        f->dim);
  else if (f->dim == 1)
    say(v, t->level, "The column is %s (PIT, KS distance %s).", clf__column_verdict(t), distance);
  else
    say(v, t->level,
        "%d of %" PRId32
        " columns differ%s from the samples (PIT), most of all %s, which is %s (KS "
        "distance %s).",
        off, f->dim, off == 1 ? "s" : "", clean, clf__column_verdict(t), distance);
}

static void say_gain(const clf__facts *f, clf__verdict *v) {
  char gain[40], error[40];
  if (isnan(f->gain)) return;
  clf__page_nats(gain, sizeof gain, fabs(f->gain), f->gain_error);
  clf__page_nats(error, sizeof error, f->gain_error, f->gain_error);
  const int worse = f->gain < -2 * f->gain_error && f->gain < -0.01;
  const int better = f->gain > 2 * f->gain_error && f->gain > 0;
  const int is_one = fabs(f->gain) < 1e-3 && f->gain_error < 1e-3;
  if (is_one)
    say(v, CLF__FITS, "It gives each row the log p of a Gaussian.");
  else if (worse)
    say(v, CLF__CLEARLY, "A Gaussian is better by %s ± %s nats a row.", gain, error);
  else if (better)
    say(v, CLF__FITS, "It is better than a Gaussian by %s ± %s nats a row.", gain, error);
  else
    say(v, CLF__FITS, "It is about as good as a Gaussian (%s%s ± %s nats a row).",
        f->gain < 0 ? "−" : "+", gain, error);
}

/* Differences are paired by row; their errors are those of the test rows. */
static void say_mixture(const clf__facts *f, clf__verdict *v) {
  char by[40], error[40];
  const clf__candidate *const mixture = clf__record_named(&f->record, "mixture");
  if (!mixture || mixture->chosen || isnan(mixture->gain) || isnan(mixture->gain_se)) return;
  clf__page_nats(by, sizeof by, fabs(mixture->gain), mixture->gain_se);
  clf__page_nats(error, sizeof error, mixture->gain_se, mixture->gain_se);
  if (fabs(mixture->gain) < 2 * mixture->gain_se)
    say(v, CLF__FITS,
        "On the test rows it is about as good as the Gaussian mixture (%s%s ± %s nats a row).",
        mixture->gain < 0 ? "−" : "+", by, error);
  else
    say(v, mixture->gain < 0 ? CLF__SLIGHT : CLF__FITS,
        "On the test rows it is %s than the Gaussian mixture by %s ± %s nats a row.",
        mixture->gain < 0 ? "worse" : "better", by, error);
}

static void say_gap(const clf__facts *f, clf__verdict *v) {
  char gap[40], error[40];
  if (isnan(f->gap) || f->record.refit) return;
  clf__page_nats(gap, sizeof gap, fabs(f->gap), f->gap_error);
  clf__page_nats(error, sizeof error, f->gap_error, f->gap_error);
  const char *const rows = clf__judged_rows(f);
  if (f->gap > 3 * f->gap_error && f->gap > 0.1) {
    say(v, CLF__FITS,
        "It overfits: training rows are %s ± %s nats a row more probable than %srows.", gap, error,
        rows);
    remark(v);
  } else if (fabs(f->gap) <= 2 * f->gap_error)
    say(v, CLF__FITS, "Training and %srows are equally probable (%s%s ± %s nats a row apart).",
        rows, f->gap < 0 ? "−" : "+", gap, error);
  else
    say(v, CLF__FITS,
        "Training rows are %s ± %s nats a row %s probable than %srows, which may be chance.", gap,
        error, f->gap < 0 ? "less" : "more", rows);
}

static const char *few_words(const clf__facts *f) {
  const int64_t n = f->judged;
  return n < 60    ? " There are so few of them that only gross errors would show."
         : n < 250 ? " There are few of them, so that only large errors would show."
                   : "";
}

const char *clf__judged_rows(const clf__facts *f) {
  static const char *const words[] = {[CLF_JUDGED_TEST] = "test ",
                                      [CLF_JUDGED_VALID] = "validation ",
                                      [CLF_JUDGED_TRAIN] = "training ",
                                      [CLF_JUDGED_ANY] = ""};
  return words[f->source->judged];
}

void clf__verdict_of(const clf__facts *f, clf__verdict *v) {
  char rows[40];
  *v = (clf__verdict){0};
  say_zeros(f, v);
  say_lost(f, v);
  say_rank(f, v);
  say_beyond(f, v);
  say_columns(f, v);
  say_gain(f, v);
  say_mixture(f, v);
  say_gap(f, v);
  const int64_t n = f->set[CLF__TEST].n;
  clf__count(rows, sizeof rows, n);
  snprintf(v->sentence, sizeof v->sentence, "The model %s the %s %srow%s.%s",
           v->level == CLF__FITS     ? "fits"
           : v->level == CLF__SLIGHT ? "nearly fits"
                                     : "does not fit",
           rows, clf__judged_rows(f), n == 1 ? "" : "s", v->level == CLF__FITS ? few_words(f) : "");
}
