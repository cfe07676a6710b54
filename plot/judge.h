/* SPDX-License-Identifier: MIT */
/* judge.h: the evaluation of a flow on rows, for the report and its plots.  Private. */
#ifndef CLF_PLOT_JUDGE_H
#define CLF_PLOT_JUDGE_H
#include "clflow/report.h"
#include "record.h"

/* The probability that a family of tests rejects rows of the model itself. */
#define CLF__ALPHA 0.01
/* Differences of distribution functions from here on are clear, not slight. */
#define CLF__CLEAR 0.1

enum { CLF__TRAIN, CLF__VALID, CLF__TEST, CLF__SETS };
enum { CLF__STRANGE_ROWS = 10 };

/* A Kolmogorov-Smirnov test of n numbers that are uniform if the model is right. */
typedef enum clf__level { CLF__FITS, CLF__SLIGHT, CLF__CLEARLY } clf__level;
typedef struct clf__test {
  double *u; /* (n), ascending, in 0 .. 1; NULL: no test was made */
  int64_t n;
  double rows;                        /* effective number, smaller if there are few samples */
  double distance, band, probability; /* band: distances of the model itself stay below it */
  double mean;
  clf__level level;
} clf__test;

typedef struct clf__scored {
  const clf_report_rows *rows;
  int64_t n;
  double *logp;       /* (n) */
  double mean, error; /* of the finite ones */
  int64_t zeros;      /* rows of zero density */
} clf__scored;

typedef struct clf__strange {
  int set;
  int64_t row;            /* index in its set */
  double logp, share;     /* share of the model's samples with lower log p */
  double *gain, *instead; /* (D) each, from clf_strange_columns() */
} clf__strange;

typedef struct clf__facts {
  const clf_report_source *source;
  clf_flow *flow;
  clf__record record;
  int32_t dim, context;
  clf__scored set[CLF__SETS];

  /* Rows are compared with samples of the model or, for conditional models, with `draws` samples
   * for the context of each row. */
  int64_t judged,
      draws;      /* number of test rows that are compared; draws 0: all with the same samples */
  int64_t *judge; /* (judged) indices of these test rows */
  int64_t samples, lost; /* overflowing samples are lost */
  double *sample;        /* (samples, D) */
  double *sample_logp;   /* (samples); ascending unless the model is conditional */

  clf__test *column;   /* (D) */
  int32_t *worst;      /* (D) columns, the worst fit first */
  clf__test rank, chi; /* log p among that of samples; |z|^2 under chi-square */

  /* Rows less probable than every sample they are compared with, and the expected number of such
   * rows; whether they are too many. */
  int64_t beyond;
  double beyond_expected;
  clf__level beyond_level;

  /* Mean log p of the test rows under a Gaussian fitted to the training rows, or to the other
   * test rows if there are none; paired gain of the model over it.  NaN: there is none. */
  double gaussian, gaussian_error, gain, gain_error;
  double gap, gap_error; /* training rows minus test rows */

  int64_t shown;   /* rows in plots */
  double *show;    /* (shown, D) */
  int shows_all;   /* these come from all rows, not only from test rows */
  int64_t shadows; /* samples in plots: all, or for conditional models those for shown rows */
  double *shadow;  /* (shadows, D); may be `sample` */

  int strange_count;
  clf__strange strange[CLF__STRANGE_ROWS];
  double *strange_numbers;
} clf__facts;

/* Evaluates the source.  Errors: those of clf_report_write(). */
clf_status clf__judge(clf__facts *f, const clf_report_source *source);
void clf__judge_free(clf__facts *f);

/* The name of a column; valid until the next call with the same `name`. */
const char *clf__name_of(const clf__facts *f, int32_t column, char name[32]);

/* The description of a column; NULL: plain numbers. */
const clf_column *clf__description_of(const clf__facts *f, int32_t column);

/* ---- The steps, one file each ---------------------------------------------------------------- */

/* judge_samples.c: samples; ranks of columns and log p of test rows among them. */
clf_status clf__judge_samples(clf__facts *f);
/* judge_gaussian.c */
clf_status clf__judge_gaussian(clf__facts *f);
/* judge_strange.c */
clf_status clf__judge_strange(clf__facts *f);

/* ---- verdict.c: results in words */

typedef struct clf__verdict {
  clf__level level;
  char sentence[512]; /* whether the model fits the test rows */
  int count;
  char detail[12][400]; /* evidence for and against it */
  int bad[12];
} clf__verdict;
void clf__verdict_of(const clf__facts *f, clf__verdict *v);
/* "test ", "validation ", "training " or "": the use of the judged rows. */
const char *clf__judged_rows(const clf__facts *f);
/* "lower than the samples", from the results of a column's test; "" if there is nothing to say. */
const char *clf__column_verdict(const clf__test *t);
const char *clf__rank_verdict(const clf__test *t);

#endif
