/* SPDX-License-Identifier: MIT */
/* train.h: declarations shared by the files of `clflow train`. Private to them. */
#ifndef CLI_TRAIN_H
#define CLI_TRAIN_H
#include "cli.h"

/* What the command line asks for; members that no option set are completed later. */
extern struct cli_wanted {
  const char *out, *init, *log, *plot, *curve, *valid, *test, *flow, *weights, *preset_name,
      *discrete;
  const char *target;        /* trains against this log-density, without data */
  clf_density density;       /* it */
  const clf_preset *preset;  /* of --preset or --flow, or the default for images; or NULL */
  const char *preset_values; /* values given with its name */
  clf_arch *arch;            /* architecture of --flow, or made from a preset; or NULL */
  int has_kind;              /* spec.kind was given */
  int lecture;               /* --preset lecture, for a table */
  clf_flow_spec spec;
  clf_train_options train;
  int compat;
  int32_t folds; /* 0: none */
  cli_texts devices;
  const char *share;
  int resume, weights_only, dry_run, recalibrate;
  double save_every;
  int64_t parent; /* the process of the sweep that this training is part of; 0: none */
} cli_wanted;

#define CLI_TRAIN_USAGE "--data DATA --out FILE [options]"
extern cli_option cli_train_options[];

/* train_options.c: whether the command line contains this option of `train`. */
int cli_train_given(const char *name);
const cli_option *cli_train_option(const char *name);
/* The model file to start from, or NULL. */
const char *cli_train_begin(void);
/* Writes `usual`, overwritten by those given options that are part of `mine`, into `mine`. */
void cli_train_complete(void *mine, void *usual, size_t size);
/* Refuses options that are part of `mine` and whose value differs from that in `file`, an object
 * of the same type. */
int cli_train_check_agreement(const void *mine, const void *file, size_t size);
/* The member of a 64-bit whole-number option of clflow/train_options.def. */
int64_t *cli_train_whole(const char *name);
/* The option `steps`; 0: the length is set in epochs. */
int64_t cli_train_steps(void);
/* Whether the step size follows a cosine that ends with the training. */
int cli_train_has_cosine(const clf_train_options *o);

/* train_command.c: the command line without options that concern several devices. */
const char *cli_train_command(void);
/* Prints the command that continues the training. */
void cli_train_say_continue(void);

/* train_kind.c: refuses options that have no meaning for a flow of an architecture. */
int cli_train_check_composed(int images);
/* The same for the kind of the model of `path`; also refuses another kind. */
int cli_train_check_model(const clf_flow_spec *spec, const char *path);
/* Whether the flow will be one of images, as far as the command line shows. */
int cli_train_wants_images(void);
/* The preset with the name of the flow's kind; NULL: none. */
const clf_preset *cli_train_preset_of(const clf_flow_spec *spec);
/* Creates the flow of a preset with a kind for the data. grid: of its columns, or NULL. */
int cli_train_make_kind(cli_session *s, const clf_column_grid *grid);

/* train_arch.c: evaluates --flow and --preset before anything is opened. */
int cli_train_choose(void);
/* Whether the flow is an architecture rather than one of the kinds. */
int cli_train_is_composed(void);
/* Refuses options for new flows that were given together with a model of a composed flow. */
int cli_train_check_values(const char *path);
/* Creates the flow of that architecture for the data. */
int cli_train_compose(cli_session *s);

/* discrete.c: the grids of every column of the table that --discrete asks for (`auto` for a new
 * flow); the caller frees them. NULL: none are looked for. The flow takes them over; a training
 * that is continued must have the same grids. */
int cli_train_grid(const clf_table *t, clf_column_grid **grid);
int cli_train_set_grid(clf_flow *flow, const clf_column_grid *grid);
/* Prints which columns have a grid. */
void cli_train_say_grid(const clf_table *t, const clf_flow *flow);
/* Prints warnings about data that will keep the flow from learning them. */
int cli_train_advise(const cli_session *s);

/* train_flow.c: opens the data of --data and the device, creates or loads the flow, and
 * completes cli_wanted.train. */
int cli_train_prepare(cli_session *s);

/* apart.c: opens the file of --valid or --test (NULL: none) in addition to the data, with the
 * same column names. `to` is empty before; close it with cli_apart_close(). */
int cli_apart_open(const cli_session *s, const char *option, const char *data, cli_session *to);
void cli_apart_close(cli_session *s);
/* Prints and logs the log-likelihood of test rows under the current flow; does nothing without
 * rows. */
int cli_apart_test(cli_session *test, const cli_training *t);

/* The mean of log p of rows that took no part in training, weighted, with its standard error. */
typedef struct cli_apart_result {
  double mean, error;
  int64_t zeros;           /* rows with zero density; then the mean is -inf, its error NaN */
  double rest, rest_error; /* without these rows */
} cli_apart_result;
/* Scores log p of n rows; weights NULL: equal ones. */
int cli_apart_score(const double *logp, const double *weights, int64_t n, cli_apart_result *r);
/* Prints ", standard error ..." of the mean, or how many rows have zero density and the mean
 * without them, in units of `unit`; the sign is that of the mean.  No end of line. */
void cli_apart_print_error(const cli_apart_result *r, double unit, const char *name);

/* folds.c: refuses --folds where it has no meaning. */
int cli_folds_check(const cli_session *s);
/* Trains the folds, each from the model in these bytes, and prints and logs their result.
 * *steps: how long to train on all rows. */
int cli_folds_run(cli_session *s, const cli_training *t, const void *model, size_t size,
                  int64_t *steps);

/* train_trainer.c: opens the rows of --valid and --test; they are freed at the end. */
int cli_train_open_apart(const cli_session *s);
void cli_train_free_rows(void);
/* Creates the main thread's trainer of s->flow with the rows of s. */
clf_status cli_train_create_first(const cli_session *s, const clf_train_options *o,
                                  clf_trainer **trainer);
/* Creates a trainer of another flow with the same rows and options; may run in any thread. */
clf_status cli_train_create(clf_flow *flow, clf_trainer **trainer);
/* For --folds: copies the model before any training, with which each fold begins. */
int cli_train_keep_beginning(const cli_session *s);
/* Trains the folds and then replaces the flow and t->trainer by those for all rows, which begin
 * with the same model. */
int cli_train_folds(cli_session *s, cli_training *t);
/* Prints and logs the log-likelihood of the rows of --test. */
int cli_train_score_test(const cli_training *t);

/* train_outputs.c: chooses the pictures and opens the log, when nothing else can be refused. */
int cli_train_open_outputs(cli_training *t);
int cli_train_close_log(cli_training *t);
/* See cli_verb. */
const char *cli_train_also_writes(int i, const char **option);

/* train_devices.c: several devices. Refuses options that cannot be combined with them, and sets
 * grains if they were not given. */
int cli_devices_check(void);
int cli_devices_set_grains(clf_train_options *o);
/* Three stages: keeps a copy of the model for the other devices' trainers; after the first
 * trainer was made, starts the others and joins all in a group; ends the others after it was
 * freed. */
int cli_devices_keep(const cli_session *s);
int cli_devices_start(cli_training *t);
void cli_devices_end(void);
/* train_ranks.c: several processes. Refuses options that cannot be combined with them, removes
 * the names of outputs on ranks other than 0, and sends these ranks the file that --resume
 * continues. The last function removes that file. */
int cli_train_ranks_check(void);
int cli_train_ranks_begin(void);
void cli_train_ranks_end(void);
/* The exit code after training on a rank other than 0. */
int cli_train_ranks_ended(clf_status status);
/* Prints which ranks share a device. */
int cli_train_ranks_say(clf_device *dev);

/* train_results.c: printed and drawn results. */
void cli_train_heading(const cli_session *s);
void cli_train_memory(const clf_train_plan *plan);
int cli_train_plan(const cli_session *s); /* the complete output of --dry-run */
int cli_train_recalibrate(cli_session *s, cli_training *t);
int cli_train_results(cli_session *s, const cli_training *t);
/* Reports that a resumed training has already reached its end. */
void cli_train_tell_done(const cli_session *s);
/* Reports that the model has the weights of an earlier epoch because the last ones were much
 * worse. */
void cli_train_tell_best(const cli_training *t);
int cli_train_draw(const cli_session *s, cli_training *t);

#endif
