/* SPDX-License-Identifier: MIT */
/* training.h: a training under way, and the signals that stop it.  Private to cli/. */
#ifndef CLI_TRAINING_H
#define CLI_TRAINING_H
#include "pictures.h"
#include <jansson.h>
#include <signal.h>
#include <stdio.h>

/* ---- signals.c ------------------------------------------------------------------------------- */

/* From here on a signal that ends the program first removes its unfinished files. */
void cli_signals_begin(void);
/* From here on the first SIGINT, SIGTERM, SIGHUP or SIGXCPU only sets cli_stop_wanted. */
void cli_signals_ask(void);
extern volatile sig_atomic_t cli_stop_wanted;

/* ---- training.c ------------------------------------------------------------------------------ */

/* A training under way: what it writes, and what is known of it. */
typedef struct cli_training {
  const char *label; /* before the line of progress; NULL: nothing */
  int bound; /* 1: against a log-density: what reports call train is a lower bound of log Z */
  clf_trainer *trainer;
  clf_group *group; /* that the trainer is a member of, as rank 0; or NULL */
  clf_flow *flow;
  double bits; /* D log 2 of an image flow, whose numbers are bits/dim; else 0: nats */
  const char *out;
  int weights_only;
  double save_every;           /* seconds; 0: at the end only */
  FILE *log;                   /* or NULL */
  const char *samples, *curve; /* pictures, or NULL */
  uint64_t seed;               /* of samples */
  double *train, *valid;       /* of each round, where there is a curve to draw */
  int64_t kept, room;          /* rounds in them; rounds that they have room for */
  int64_t epoch, epochs, first_step, step, steps;
  int by_steps; /* 1: progress counts steps, 0: epochs */
  double seconds;
  double saved, shown, drawn; /* clock */
  int draw;                   /* a tenth of the training is over */
  int64_t tenths;             /* of it that are over */
} cli_training;

/* Trains to the end, saving and drawing now and then, until cli_stop_wanted: ESTOPPED. */
clf_status cli_training_run(cli_training *t);
/* The pictures as things stand; gives the exit code.  Samples fill this grid. */
extern const cli_grid cli_training_grid;
int cli_training_draw(cli_training *t);
clf_status cli_training_save(cli_training *t);
/* A line of the log, if there is one; takes the object. */
void cli_training_log(const cli_training *t, json_t *json);

#endif
