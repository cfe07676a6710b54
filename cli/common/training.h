/* SPDX-License-Identifier: MIT */
/* training.h: a running training, and the signals that stop it. Private to cli/. */
#ifndef CLI_TRAINING_H
#define CLI_TRAINING_H
#include "pictures.h"
#include <jansson.h>
#include <signal.h>
#include <stdio.h>

/* ---- signals.c ------------------------------------------------------------------------------- */

/* After this call, a signal that ends the program first removes its unfinished files. */
void cli_signals_begin(void);
/* After this call, the first SIGINT, SIGTERM, SIGHUP or SIGXCPU only sets cli_stop_wanted. */
void cli_signals_ask(void);
extern volatile sig_atomic_t cli_stop_wanted;
/* After this call, the end of the process `parent`, which started this one, counts as SIGTERM.
 * Linux alone tells; elsewhere, and for 0, this does nothing. */
void cli_signals_follow(int64_t parent);

/* ---- training.c ------------------------------------------------------------------------------ */

/* A running training: its outputs and its state. */
typedef struct cli_training {
  const char *label; /* text before the progress line; NULL: none */
  int bound;         /* 1: trains against a log-density: "train" is a lower bound of log Z */
  clf_trainer *trainer;
  clf_group *group; /* the group of which the trainer is rank 0; or NULL */
  clf_flow *flow;
  double bits; /* D log 2 for an image flow, whose numbers are in bits/dim; else 0: nats */
  const char *out;
  int weights_only;
  double save_every;           /* seconds; 0: only at the end */
  FILE *log;                   /* or NULL */
  const clf_table *given;      /* the context of the training rows, or NULL */
  const char *samples, *curve; /* file names of pictures, or NULL */
  uint64_t seed;               /* seed of samples */
  double *train, *valid;       /* results of each round, if there is a curve to draw */
  int64_t kept, room;          /* rounds stored, and rounds for which there is memory */
  int64_t epoch, epochs, first_step, step, steps;
  int by_steps; /* 1: progress counts steps, 0: epochs */
  double seconds;
  double begun, saved, shown, drawn; /* clock */
  int draw;                          /* a tenth of the training has passed: draw samples */
  int64_t tenths;                    /* tenths of the training that have passed */
} cli_training;

/* Trains to the end, saving and drawing in between, or until cli_stop_wanted: ESTOPPED. */
clf_status cli_training_run(cli_training *t);
/* Draws the pictures of the current state; returns the exit code. Samples fill this grid. */
extern const cli_grid cli_training_grid;
int cli_training_draw(cli_training *t);
clf_status cli_training_save(cli_training *t);
/* Writes a line to the log, if there is one, and releases the object. */
void cli_training_log(const cli_training *t, json_t *json);

#endif
