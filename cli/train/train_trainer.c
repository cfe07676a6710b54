/* SPDX-License-Identifier: MIT */
/* train_trainer.c: the trainers of a run: that of the main thread, those of --folds and those of
 * other devices, all with the same rows and options. */
#include "train.h"
#include <inttypes.h>
#include <stdlib.h>

/* The rows of --valid and --test. */
static cli_session valid, test;

int cli_train_open_apart(const cli_session *s) {
  const int code = cli_apart_open(s, "--valid", cli_wanted.valid, &valid);
  return code ? code : cli_apart_open(s, "--test", cli_wanted.test, &test);
}

/* What all trainers of this run are created from. */
static struct {
  const cli_session *session;
  clf_train_options options;
} made_of;

clf_status cli_train_create(clf_flow *flow, clf_trainer **trainer) {
  const cli_session *s = made_of.session;
  const clf_train_options *o = &made_of.options;
  if (cli_wanted.target) return clf_trainer_create_density(flow, &cli_wanted.density, o, trainer);
  const clf_image_data images = {.images = s->images,
                                 .given = s->given.at ? &s->given : NULL,
                                 .valid = valid.images,
                                 .valid_given = valid.given.at ? &valid.given : NULL};
  if (s->images) return clf_trainer_create_images_with(flow, &images, o, trainer);
  const clf_train_data data = {.x = &s->data,
                               .given = s->given.at ? &s->given : NULL,
                               .weights = s->weights.at,
                               .valid = valid.data.at ? &valid.data : NULL,
                               .valid_given = valid.given.at ? &valid.given : NULL,
                               .valid_weights = valid.weights.at};
  return clf_trainer_create_with(flow, &data, o, trainer);
}

clf_status cli_train_create_first(const cli_session *s, const clf_train_options *o,
                                  clf_trainer **trainer) {
  made_of.session = s;
  made_of.options = *o;
  return cli_train_create(s->flow, trainer);
}

/* The model before any training; each fold of --folds begins with it. */
static struct {
  void *bytes;
  size_t size;
} begins;

int cli_train_keep_beginning(const cli_session *s) {
  if (!cli_wanted.folds) return CLI_OK;
  return clf_flow_save_memory(s->flow, &begins.bytes, &begins.size) == CLF_OK ? CLI_OK
                                                                              : cli_fail_library();
}

/* Sets the number of steps. Patience needs validation rows, and the last training has none. */
static int set_length(int64_t steps) {
  char text[24];
  snprintf(text, sizeof text, "%" PRId64, steps);
  return clf_train_options_set(&cli_wanted.train, "steps", text) == CLF_OK &&
                 clf_train_options_set(&cli_wanted.train, "patience", "0") == CLF_OK
             ? CLI_OK
             : cli_fail_library();
}

int cli_train_folds(cli_session *s, cli_training *t) {
  int64_t steps;
  if (!cli_wanted.folds) return CLI_OK;
  int code = cli_folds_run(s, t, begins.bytes, begins.size, &steps);
  if (!code) code = set_length(steps);
  if (code) return code;
  clf_trainer_free(t->trainer);
  t->trainer = NULL;
  clf_flow_free(s->flow);
  s->flow = t->flow = test.flow = NULL;
  if (clf_flow_load_memory(s->dev, begins.bytes, begins.size, NULL, &s->flow) != CLF_OK ||
      cli_train_create_first(s, &cli_wanted.train, &t->trainer) != CLF_OK)
    return cli_fail_library();
  t->flow = s->flow;
  if (test.data.at) test.flow = s->flow;
  t->by_steps = 1;
  return CLI_OK;
}

int cli_train_score_test(const cli_training *t) { return cli_apart_test(&test, t); }

void cli_train_free_rows(void) {
  free(begins.bytes);
  cli_apart_close(&valid);
  cli_apart_close(&test);
}
