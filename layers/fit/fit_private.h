/* SPDX-License-Identifier: MIT */
/* fit_private.h: the search for a density, shared by the files of this folder. */
#ifndef CLF_FIT_PRIVATE_H
#define CLF_FIT_PRIVATE_H
#include "clflow/fit.h"
#include "clflow/mixture.h"
#include "clflow/train.h"
#include "clflow/treat.h"
#include "status.h"

struct json_t;

enum { CLF_FIT_FOLDS = 5, CLF_FIT_FEW_ROWS = 300, CLF_FIT_CANDIDATES = 24, CLF_FIT_POINTS = 128 };

/* Mean log p of rows, weighted, and its standard error; NaN if unknown. */
typedef struct clf__fit_score {
  double mean, error;
} clf__fit_score;

/* Copies of the rows for one use. */
typedef struct clf__fit_rows {
  clf_table x, given; /* given.at NULL: no context */
  double *weights;    /* NULL: all equal */
} clf__fit_rows;

/* Training rows of one model, and its validation rows. */
typedef struct clf__fit_split {
  clf__fit_rows train, valid;
  int64_t first; /* index of its validation rows among all validation rows */
} clf__fit_split;

typedef struct clf__fit_point {
  int64_t step;
  double train, valid;
} clf__fit_point;

/* A candidate, fitted to each split. */
typedef struct clf__fit_candidate {
  char title[64];
  char *layers, *base; /* of its architecture, after the head */
  char *arch;          /* the whole architecture */
  char options[256];   /* of training, or of expectation maximisation: "batch=256, lr=0.002" */
  char start[96]; /* options of expectation maximisation, for a base that is fitted before training
                   */
  int row;        /* row in fit.def; otherwise 0 */
  uint64_t seed;  /* for initial weights and the order of rows; splits add their index */
  int64_t steps;  /* of training; 0: expectation maximisation */
  int64_t best;   /* step of the best weights, mean over splits */
  int64_t done;   /* steps or iterations done, over all splits */
  double seconds;
  clf_flow *flow[CLF_FIT_FOLDS]; /* one per split */
  double *logp;                  /* (judges) log p of each validation row */
  clf__fit_score train, valid, test;
  double *tested;      /* log p of each test row, after the search */
  clf__fit_score gain; /* of the result compared with it, on test rows */
  double weight;       /* in the result; 0: not included */
  clf__fit_point *curve;
  int points;
} clf__fit_candidate;

/* The first layers of every candidate, which treat the columns, and their scaling. */
typedef struct clf__fit_head {
  char *layers;
  double *mean, *std;     /* of the columns after bounds: D each; NULL: not standardised */
  double *c_mean, *c_std; /* of the context; NULL: there is none */
} clf__fit_head;

typedef struct clf__fit {
  clf_device *dev;
  const clf_fit_data *data;
  clf_fit_options o;
  clf_fit_progress_fn report;
  void *context;
  double began;
  int stopped; /* 1: `report` ended the search */
  uint8_t *role;
  clf__fit_split split[CLF_FIT_FOLDS];
  int splits;              /* 1, or CLF_FIT_FOLDS */
  clf__fit_rows learn;     /* all training and validation rows */
  clf__fit_rows test, all; /* all: for a result that is retrained */
  double *judge_weights;   /* weights of the validation rows; NULL: all equal */
  int64_t judges;
  clf__fit_head head;
  clf_treatments treatments; /* that each column by itself suggests */
  clf_column_grid *grid;     /* of discrete columns, and limits of others */
  struct json_t *plan;       /* the record to repeat; NULL: none */
  struct json_t *notes;      /* sentences */
  struct json_t *columns;    /* of treated columns */
  int silent;                /* 1: candidates are not reported when they end */
  clf__fit_candidate candidate[CLF_FIT_CANDIDATES];
  int candidates;
  double *blended;                     /* log p of each validation row, under the result */
  clf__fit_score train, valid, tested; /* of the result */
} clf__fit;

/* ---- rows.c: training, validation and test rows */

clf_status clf__fit_divide(clf__fit *f);
/* Copies of all rows, whatever their use. */
clf_status clf__fit_copy_all(clf__fit *f);
/* Copies of `most` evenly spaced rows. */
clf_status clf__fit_thin(const clf__fit_rows *from, int64_t most, clf__fit_rows *to);
void clf__fit_rows_free(clf__fit_rows *r);
void clf__fit_divide_free(clf__fit *f);
clf_train_data clf__fit_train_data(const clf__fit_rows *train, const clf__fit_rows *valid);

/* ---- columns.c: the head of every architecture --------------------------------------------- */

/* Refuses values that no candidate can handle. */
clf_status clf__fit_check_data(const clf__fit *f);
/* Finds grids, treatments and limits. */
clf_status clf__fit_look(clf__fit *f);
/* limits.c: sets the limits of continuous columns, and says which of them have one at 0. */
clf_status clf__fit_find_limits(clf__fit *f);
/* Whether any column has a treatment. */
int clf__fit_has_treatments(const clf__fit *f);
/* Makes the head, with or without the treatments. */
clf_status clf__fit_set_head(clf__fit *f, int treated);
void clf__fit_head_free(clf__fit_head *h);
/* Reports the treatments, and adds them to the record. */
clf_status clf__fit_say_treatments(clf__fit *f);
/* Gives a flow the scaling that all candidates share. */
clf_status clf__fit_set_scaling(const clf__fit *f, clf_flow *flow);

/* ---- progress.c ---------------------------------------------------------------------------- */

double clf__fit_seconds(const clf__fit *f);
/* Remaining seconds. */
double clf__fit_left(const clf__fit *f);
/* Whether the search has far exceeded its time limit, as on a machine that became busy. */
int clf__fit_is_late(const clf__fit *f);
/* Reports a sentence, and adds it to the record. */
void clf__fit_say(clf__fit *f, const char *sentence);
clf_status clf__fit_note(clf__fit *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Reports the current candidate; 1: end the search. */
int clf__fit_report(clf__fit *f, const clf__fit_candidate *c, int64_t step);
void clf__fit_report_end(clf__fit *f, const clf__fit_candidate *c);

/* ---- candidate.c --------------------------------------------------------------------------- */

/* An architecture for the data as text, which the caller frees; NULL if memory runs out. */
char *clf__fit_arch(const clf__fit *f, const char *layers, const char *base);
/* Creates a candidate, which is not yet part of the search. */
clf_status clf__fit_begin(clf__fit *f, const char *title, const char *layers, const char *base,
                          const char *options, clf__fit_candidate *c);
/* A flow of its architecture for a split. */
clf_status clf__fit_flow(const clf__fit *f, const clf__fit_candidate *c, int split,
                         clf_flow **flow);
/* Scores a candidate on the validation rows, once it has all its flows. */
clf_status clf__fit_score_candidate(const clf__fit *f, clf__fit_candidate *c);
/* Adds a scored candidate to the search. */
clf_status clf__fit_end(clf__fit *f, clf__fit_candidate *c);
/* If a candidate cannot be fitted, the others continue: turns ENUM and ENOMEM into a note. */
clf_status clf__fit_leave_out(clf__fit *f, const clf__fit_candidate *c, clf_status s);
void clf__fit_candidate_free(clf__fit_candidate *c);
const clf__fit_candidate *clf__fit_best(const clf__fit *f);

/* ---- score.c ------------------------------------------------------------------------------- */

/* log p of rows, with noise in discrete columns as in training: in the middle of their cells, where
 * the values are, a density may be high without giving the cells a higher probability. */
clf_status clf__fit_log_prob(clf_flow *flow, const clf__fit_rows *rows, double *logp);
clf__fit_score clf__fit_score_of(const double *logp, const double *weights, int64_t n);
/* Weighted mean of v minus `minus` (NULL: 0), row by row, and its standard error. */
clf__fit_score clf__fit_difference(const double *a, const double *b, const double *weights,
                                   int64_t n);
/* log of the mean density of a candidate's flows, at each row. */
clf_status clf__fit_mean_density(const clf__fit_candidate *c, int splits, const clf__fit_rows *rows,
                                 double *logp);

/* ---- Kinds of candidates ------------------------------------------------------------------- */

/* heads.c: decides whether columns are treated, and fits the Gaussian and the mixtures. */
clf_status clf__fit_baselines(clf__fit *f);
/* mixtures.c: the Gaussian and the mixtures, until `end`, in seconds since the beginning. */
clf_status clf__fit_mixtures(clf__fit *f, double end);
/* kernels.c: a kernel density estimate, the candidate of this name. */
#define CLF_FIT_KERNELS "kernels"
clf_status clf__fit_kernels(clf__fit *f, double end);
/* em.c: whether a base, as text, is a mixture of normal distributions. */
int clf__fit_is_mixture(const char *base);
/* Fits the bases of the candidate's flows by expectation maximisation. */
clf_status clf__fit_em(clf__fit *f, clf__fit_candidate *c);
/* The same for one flow, with other rows. */
clf_status clf__fit_em_again(clf__fit *f, clf__fit_candidate *c, const clf__fit_rows *rows,
                             clf_flow **flow);
clf_status clf__fit_em_base(const clf__fit *f, const clf__fit_rows *rows, const char *options,
                            clf_flow *flow);

/* flows.c */
clf_status clf__fit_flows(clf__fit *f);
/* train.c */
clf_status clf__fit_train(clf__fit *f, clf__fit_candidate *c);
/* The same for one flow, with other rows and without validation. */
clf_status clf__fit_train_again(clf__fit *f, clf__fit_candidate *c, const clf__fit_rows *rows,
                                clf_flow **flow);
/* Seconds per step of the candidate, including validation: measured for up to `limit` seconds. */
clf_status clf__fit_time_step(clf__fit *f, clf__fit_candidate *c, double limit, double *seconds);
/* Sets options from the text of a candidate. */
clf_status clf__fit_read_options(const char *text, clf_train_options *o);
/* size.c: values for the variables of fit.def, as "hidden=64, bins=8", and options of training. */
typedef struct clf__fit_sizes {
  char values[64], options[192];
  int64_t most_steps; /* in a trial */
} clf__fit_sizes;
clf__fit_sizes clf__fit_size(const clf__fit *f);

/* ---- The end ------------------------------------------------------------------------------- */

/* choose.c: the weight of each candidate in the result. */
clf_status clf__fit_choose(clf__fit *f);
/* result.c */
clf_status clf__fit_result(clf__fit *f, clf_flow **flow);
/* record.c */
clf_status clf__fit_write_record(clf__fit *f, char **record);
/* repeat.c: the candidates of an earlier record, and whether its columns are treated. */
clf_status clf__fit_open_record(clf__fit *f);
int clf__fit_plan_treats(const clf__fit *f);
clf_status clf__fit_repeat(clf__fit *f);

#endif
