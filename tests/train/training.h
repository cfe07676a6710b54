/* SPDX-License-Identifier: MIT */
/* training.h: shared by the tests of trainings: the device, flows, data, a diary of reports. */
#ifndef CLF_TRAINING_H
#define CLF_TRAINING_H
#include "suite.h"
#include "trainer.h"

extern const char *where; /* the device's name */
extern clf_device *dev;
extern char folder[]; /* of the tests; removed at their end */

void open_device(void);
void close_device(void);
/* On a check: device, a number that overflows only in float is a mismatch. */
int checking(void);
/* A path in `folder`; the last four stay valid. */
const char *path_of(const char *name);

/* The tests of a file. */
void tests_of_averages(TCase *tc);
void tests_of_bits(TCase *tc);
void tests_of_columns(TCase *tc);
void tests_of_kinds(TCase *tc);
void tests_of_composed(TCase *tc);
void tests_of_density(TCase *tc);
void tests_of_discrete(TCase *tc);
void tests_of_files(TCase *tc);
void tests_of_lengths(TCase *tc);
void tests_of_memory(TCase *tc);
void tests_of_rates(TCase *tc);
void tests_of_refusals(TCase *tc);
void tests_of_result(TCase *tc);
void tests_of_judge(TCase *tc);
void tests_of_grains(TCase *tc);
void tests_of_learning(TCase *tc); /* one device of each kind is enough */
void tests_of_rows(TCase *tc);
void tests_of_validation(TCase *tc);
void tests_of_watchdog(TCase *tc);
void tests_of_tails(TCase *tc); /* one device is enough */
void tests_of_weights(TCase *tc);
void tests_of_whitening(TCase *tc);

/* ---- Flows, data and runs ------------------------------------------------------------------ */

clf_flow *make_flow(clf_kind kind, int32_t dim);
/* The first `cols` columns of two moons. */
clf_table make_data(int64_t rows, int32_t cols);
clf_train_options options_of(int64_t epochs, int32_t batch);
/* A learning rate so small that no weight changes, so losses are those of the initial weights. */
extern const double still;

clf_trainer *make_trainer(clf_flow *f, const clf_table *data, const clf_train_options *o);
const clf__table_source *table_of(const clf_trainer *t);
void done(clf_trainer *t, clf_flow *f, clf_table *data);

/* All weights of the flow; the caller frees them. */
double *weights_of(const clf_flow *f);
int same_weights(const clf_flow *a, const clf_flow *b);
double mean_logp(clf_flow *f, const double *x, int64_t n);
int same_files(const char *a, const char *b);

/* Runs couplings fused ("always") or not ("never") from now on; NULL: as the engine chooses. */
void fuse(const char *how);

/* ---- What is reported ----------------------------------------------------------------------- */

enum { MOST = 1024 };

/* Reports of one training, also over interruptions. */
typedef struct diary {
  int64_t rows, batch, S, epochs; /* S steps an epoch */
  int64_t stop_at;                /* stops at the first report from this epoch on; 0: never */
  int64_t stop_step;              /* and from this step on */
  int64_t count, epochs_done, reports;
  double seconds, best;
  float losses[MOST];
  double valid[MOST], train[MOST]; /* by epoch */
  int64_t best_epoch;
  int held_out;
} diary;

void begin(diary *d, const clf_trainer *t);
/* A callback of clf_trainer_run() that compares each report with those before it. */
int watch(const clf_progress *p, void *diary);
void check_diary(const diary *d, int64_t steps);

/* ---- Settings ------------------------------------------------------------------------------- */

typedef struct setting {
  const char *label;
  clf_kind kind;
  int64_t rows, epochs;
  int32_t batch;
  int shuffle, standardize;
  double valid_split;
  int64_t stop_at; /* epoch */
  const char *fuse;
  int activations;
  int scheduled; /* 1: warm-up, a cosine and weight decay */
} setting;

enum { SETTINGS = 13 };
extern const setting settings[SETTINGS];
clf_train_options options_for(const setting *s);
int32_t dim_of(const setting *s);
/* Trains from the beginning to the end, and saves. */
void whole(const setting *s, const clf_table *data, const char *name, diary *d);

#endif
