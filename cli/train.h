/* SPDX-License-Identifier: MIT */
/* train.h: what the files of `clflow train` share.  Private to them. */
#ifndef CLI_TRAIN_H
#define CLI_TRAIN_H
#include "cli.h"

/* What the command line asks for; members that no option set are filled in later. */
extern struct cli_wanted {
  const char *out, *init, *log, *plot, *curve, *valid, *test, *flow, *weights, *preset_name,
      *discrete;
  const char *target;  /* trains against it, without data */
  clf_density density; /* it */
  const clf_preset
      *preset; /* that of --preset or --flow, or chosen for a new image flow; or NULL */
  const char *preset_values; /* given with its name */
  clf_arch *arch;            /* of --flow, or made of a preset; or NULL */
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
} cli_wanted;

/* Whether the command line has this option of `train`. */
int cli_train_given(const char *name);
const cli_option *cli_train_option(const char *name);
/* The model file to begin with, or NULL. */
const char *cli_train_begin(void);

/* train_flow.c: the data of --data, the device, and a flow for them, new or from a file; and
 * all of cli_wanted.train. */
int cli_train_prepare(cli_session *s);
/* Puts the options that were given, which are part of `mine`, on top of `usual`, and the result
 * into `mine`. */
void cli_train_complete(void *mine, void *usual, size_t size);

/* Option `steps`; 0: by epochs. */
int64_t cli_train_steps(void);
/* Whether the step size falls along a cosine that ends with the training. */
int cli_train_has_cosine(const clf_train_options *o);

/* train_arch.c: what --flow and --preset ask for, before anything is opened. */
int cli_train_choose(void);
/* Whether that is an architecture, and not one of the kinds. */
int cli_train_is_composed(void);
/* Refuses values of a new flow beside a model of a composed one. */
int cli_train_check_values(const char *path);
/* The flow of that architecture, for the data. */
int cli_train_compose(cli_session *s);

/* train_kind.c: refuses options that have no meaning for a flow of an architecture. */
int cli_train_check_composed(int images);
/* The same for the model of `path`, and what does not agree with it. */
int cli_train_check_model(const clf_flow_spec *spec, const char *path);
/* Whether the flow is to be one of images, as far as the command line tells. */
int cli_train_wants_images(void);
/* The preset that is called as the flow's kind; NULL: none. */
const clf_preset *cli_train_preset_of(const clf_flow_spec *spec);
/* The flow of a preset with a kind, for the data; grid: of its columns, or NULL. */
int cli_train_make_kind(cli_session *s, const clf_column_grid *grid);

/* apart.c: opens the file of --valid or --test (NULL: nothing) beside the data, under their names;
 * `to` is empty before, and closed by cli_apart_close(). */
int cli_apart_open(const cli_session *s, const char *option, const char *data, cli_session *to);
void cli_apart_close(cli_session *s);
/* Prints and logs the log-likelihood of test rows under the flow as it is; nothing without rows. */
int cli_apart_test(cli_session *test, const cli_training *t);
/* Mean of log p, weighted (weights NULL: all the same), with its standard error; and how many are
 * of density 0. */
int cli_apart_score(const double *logp, const double *weights, int64_t n, double *mean,
                    double *error, int64_t *zeros);

/* folds.c: refuses --folds where it has no meaning. */
int cli_folds_check(const cli_session *s);
/* Trains the folds from the model that these bytes are, prints and logs what they come to; *steps:
 * for how many to train on all rows. */
int cli_folds_run(cli_session *s, const cli_training *t, const void *model, size_t size,
                  int64_t *steps);

/* discrete.c: the grids that --discrete asks for, auto for a new flow, to be freed, of every column
 * of the table; NULL: none are looked for.  And they become the flow's; those of a training that
 * goes on must be the same.
 */
int cli_train_grid(const clf_table *t, clf_column_grid **grid);
int cli_train_set_grid(clf_flow *flow, const clf_column_grid *grid);
/* Says which columns have one. */
void cli_train_say_grid(const clf_table *t, const clf_flow *flow);
/* Says what in the data will keep the flow from learning them. */
int cli_train_advise(const cli_session *s);

/* train_devices.c: several devices.  Refuses what does not go with them; sets grains where they
 * were not given. */
int cli_devices_check(void);
int cli_devices_set_grains(clf_train_options *o);
/* Keeps the model for the trainers of the other devices; after that of the first was made, starts
 * these, and makes it a member of their group; and ends them, when it was freed. */
int cli_devices_keep(const cli_session *s);
int cli_devices_start(cli_training *t);
void cli_devices_end(void);
/* train_ranks.c: several processes.  Refuses what they cannot do; then takes from ranks other than
 * 0 the names of outputs, and hands them the file that --resume continues; and removes that. */
int cli_train_ranks_check(void);
int cli_train_ranks_begin(void);
void cli_train_ranks_end(void);
/* Of a rank other than 0: the exit code after training. */
int cli_train_ranks_ended(clf_status status);
/* Prints which ranks share a device. */
int cli_train_ranks_say(clf_device *dev);
/* A trainer of this flow, with the data and options of the first one. */
clf_status cli_train_create(clf_flow *flow, clf_trainer **trainer);
/* The command line without what concerns several devices. */
const char *cli_train_command(void);

/* train_results.c: what is printed and drawn. */
void cli_train_heading(const cli_session *s);
void cli_train_memory(const clf_train_plan *plan);
int cli_train_plan(const cli_session *s); /* all that --dry-run prints */
int cli_train_recalibrate(cli_session *s, cli_training *t);
int cli_train_results(cli_session *s, const cli_training *t);
/* Says so if a training that is resumed is at its end. */
void cli_train_tell_done(const cli_session *s);
/* Says so if the model has an earlier epoch's weights since the last ones were much worse. */
void cli_train_tell_best(const cli_training *t);
int cli_train_draw(const cli_session *s, cli_training *t);

#endif
