/* SPDX-License-Identifier: MIT */
/* fit_private.h: the search for a density, as the files of this folder share it. */
#ifndef CLF_FIT_PRIVATE_H
#define CLF_FIT_PRIVATE_H
#include "clflow/fit.h"
#include "clflow/mixture.h"
#include "clflow/train.h"
#include "status.h"

struct json_t;

enum { CLF_FIT_FOLDS = 5, CLF_FIT_FEW_ROWS = 300, CLF_FIT_CANDIDATES = 24, CLF_FIT_POINTS = 128 };

/* Mean log p of rows, weighted, and its standard error; NaN where it is not known. */
typedef struct clf__fit_score {
  double mean, error;
} clf__fit_score;

/* Rows of the data in one role, copied. */
typedef struct clf__fit_rows {
  clf_table x, given; /* given.at NULL: no context */
  double *weights;    /* NULL: all the same */
} clf__fit_rows;

/* What one model learns from, and the rows that judge it. */
typedef struct clf__fit_split {
  clf__fit_rows train, valid;
  int64_t first; /* place of its validation rows among all that judge */
} clf__fit_split;

typedef struct clf__fit_point {
  int64_t step;
  double train, valid;
} clf__fit_point;

/* A kind of model, fitted to each split. */
typedef struct clf__fit_candidate {
  char title[64];
  char *layers, *base; /* of its architecture, behind the head */
  char *arch;          /* the whole architecture */
  char options[256];   /* of training, or of expectation maximisation: "batch=256, lr=0.002" */
  char start[96]; /* options of expectation maximisation, for a base that training starts from */
  int row;        /* of fit.def; of others 0 */
  uint64_t seed;  /* of initial weights and of the order of rows; splits add their number */
  int64_t steps;  /* of training; 0: by expectation maximisation */
  int64_t best;   /* step of the best weights, the mean over splits */
  int64_t done;   /* steps that were taken, over all splits */
  double seconds;
  clf_flow *flow[CLF_FIT_FOLDS]; /* of each split */
  double *logp;                  /* of each row that judges; (judges) */
  clf__fit_score train, valid, test;
  double *tested;      /* log p of each test row, once the search has ended */
  clf__fit_score gain; /* of the result over it, on test rows */
  double weight;       /* in the result; 0: no part of it */
  clf__fit_point *curve;
  int points;
} clf__fit_candidate;

typedef struct clf__fit {
  clf_device *dev;
  const clf_fit_data *data;
  clf_fit_options o;
  clf_fit_progress_fn report;
  void *context;
  double began;
  int stopped; /* 1: `report` ended the search */
  uint8_t *part;
  clf__fit_split split[CLF_FIT_FOLDS];
  int splits;              /* 1, or CLF_FIT_FOLDS */
  clf__fit_rows learn;     /* all rows that train or judge */
  clf__fit_rows test, all; /* all: of a result that is trained again */
  double *judge_weights;   /* of the rows that judge; NULL: all the same */
  int64_t judges;
  char *head;             /* layers that treat the columns */
  double *mean, *std;     /* of the columns behind bounds: D each; NULL: not standardised */
  double *c_mean, *c_std; /* of the context; NULL: there is none */
  clf_column_grid *grid;  /* of discrete columns; NULL: there are none */
  struct json_t *plan;    /* the record to repeat; NULL: none */
  struct json_t *notes;   /* sentences */
  struct json_t *columns; /* of treated columns */
  clf__fit_candidate candidate[CLF_FIT_CANDIDATES];
  int candidates;
  double *blended;                     /* log p of each row that judges, under the result */
  clf__fit_score train, valid, tested; /* of the result */
} clf__fit;

/* ---- rows.c: who trains, judges and tests -------------------------------------------------- */

clf_status clf__fit_divide(clf__fit *f);
/* Copies of all rows, whatever they serve for. */
clf_status clf__fit_copy_all(clf__fit *f);
/* Copies of `most` rows, evenly spaced. */
clf_status clf__fit_thin(const clf__fit_rows *from, int64_t most, clf__fit_rows *to);
void clf__fit_rows_free(clf__fit_rows *r);
void clf__fit_divide_free(clf__fit *f);
clf_train_data clf__fit_train_data(const clf__fit_rows *train, const clf__fit_rows *valid);

/* ---- columns.c: the head of every architecture --------------------------------------------- */

/* Refuses values that no candidate can take. */
clf_status clf__fit_check_data(const clf__fit *f);
clf_status clf__fit_treat(clf__fit *f);
/* Gives a flow the scaling that all candidates share. */
clf_status clf__fit_set_scaling(const clf__fit *f, clf_flow *flow);

/* ---- progress.c ---------------------------------------------------------------------------- */

double clf__fit_seconds(const clf__fit *f);
/* Of the budget, that are left. */
double clf__fit_left(const clf__fit *f);
/* Whether the search has gone far beyond its budget, as on a machine that became busy. */
int clf__fit_is_late(const clf__fit *f);
/* Reports a sentence; and adds it to the record. */
void clf__fit_say(clf__fit *f, const char *sentence);
clf_status clf__fit_note(clf__fit *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Reports the candidate under way; 1: the search is to end. */
int clf__fit_report(clf__fit *f, const clf__fit_candidate *c, int64_t step);
void clf__fit_report_end(clf__fit *f, const clf__fit_candidate *c);

/* ---- candidate.c --------------------------------------------------------------------------- */

/* An architecture of the data as text, to be freed; NULL without memory. */
char *clf__fit_arch(const clf__fit *f, const char *layers, const char *base);
/* The next candidate, not yet among those of the search. */
clf_status clf__fit_begin(clf__fit *f, const char *title, const char *layers, const char *base,
                          const char *options, clf__fit_candidate *c);
/* A flow of its architecture for a split. */
clf_status clf__fit_flow(const clf__fit *f, const clf__fit_candidate *c, int split,
                         clf_flow **flow);
/* Scores a candidate by the rows that judge, once all its flows are there. */
clf_status clf__fit_score_candidate(const clf__fit *f, clf__fit_candidate *c);
/* Takes a scored candidate among those of the search. */
clf_status clf__fit_end(clf__fit *f, clf__fit_candidate *c);
/* Where a candidate cannot be fitted, the others go on: a note in place of ENUM and ENOMEM. */
clf_status clf__fit_leave_out(clf__fit *f, const clf__fit_candidate *c, clf_status s);
void clf__fit_candidate_free(clf__fit_candidate *c);
const clf__fit_candidate *clf__fit_best(const clf__fit *f);

/* ---- score.c ------------------------------------------------------------------------------- */

clf_status clf__fit_log_prob(clf_flow *flow, const clf__fit_rows *rows, double *logp);
clf__fit_score clf__fit_score_of(const double *logp, const double *weights, int64_t n);
/* Weighted mean of v less `minus` (NULL: 0), row by row, and its standard error. */
clf__fit_score clf__fit_difference(const double *a, const double *b, const double *weights,
                                   int64_t n);
/* log of the mean of the densities of a candidate's flows, at each row. */
clf_status clf__fit_mean_density(const clf__fit_candidate *c, int splits, const clf__fit_rows *rows,
                                 double *logp);

/* ---- Kinds of candidates ------------------------------------------------------------------- */

/* mixtures.c */
clf_status clf__fit_mixtures(clf__fit *f);
/* Whether a base, as text, is a mixture of normal distributions. */
int clf__fit_is_mixture(const char *base);
/* Fits the bases of the candidate's flows by expectation maximisation. */
clf_status clf__fit_em(clf__fit *f, clf__fit_candidate *c);
/* The same of one flow, of other rows. */
clf_status clf__fit_em_again(clf__fit *f, clf__fit_candidate *c, const clf__fit_rows *rows,
                             clf_flow **flow);
clf_status clf__fit_em_base(const clf__fit *f, const clf__fit_rows *rows, const char *options,
                            clf_flow *flow);

/* flows.c */
clf_status clf__fit_flows(clf__fit *f);
/* train.c */
clf_status clf__fit_train(clf__fit *f, clf__fit_candidate *c);
/* The same of one flow, of other rows and without validation. */
clf_status clf__fit_train_again(clf__fit *f, clf__fit_candidate *c, const clf__fit_rows *rows,
                                clf_flow **flow);
/* Seconds of a step of the candidate, validation included: measured for up to `limit` seconds. */
clf_status clf__fit_time_step(clf__fit *f, clf__fit_candidate *c, double limit, double *seconds);
/* Sets options from text as a candidate has it. */
clf_status clf__fit_read_options(const char *text, clf_train_options *o);
/* size.c: values for the text of fit.def, as "hidden=64, bins=8", and options of training. */
typedef struct clf__fit_sizes {
  char values[64], options[192];
  int64_t most_steps; /* of a trial */
} clf__fit_sizes;
clf__fit_sizes clf__fit_size(const clf__fit *f);

/* ---- The end ------------------------------------------------------------------------------- */

/* choose.c: the weight of each candidate in the result. */
clf_status clf__fit_choose(clf__fit *f);
/* result.c */
clf_status clf__fit_result(clf__fit *f, clf_flow **flow);
/* record.c */
clf_status clf__fit_write_record(clf__fit *f, char **record);
/* repeat.c: the candidates of an earlier record. */
clf_status clf__fit_open_record(clf__fit *f);
clf_status clf__fit_repeat(clf__fit *f);

#endif
