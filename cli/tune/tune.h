/* SPDX-License-Identifier: MIT */
/* tune.h: declarations shared by the files of `clflow tune`. Private to them. */
#ifndef CLI_TUNE_H
#define CLI_TUNE_H
#include "cli.h"

/* What the command line asks for; 0 where an option was not given. */
extern struct cli_tuning {
  const char *shapes, *preset, *flow;
  clf_arch *arch; /* architecture of `flow`, if it is not a kind */
  clf_flow_spec spec;
  int32_t batch;
} cli_tuning;

/* tune_options.c */
extern cli_option cli_tune_options[];

/* tune_flow.c: parses the kind or architecture of --flow. */
int cli_tune_read_flow(void);
/* Creates that flow. */
clf_status cli_tune_new_flow(clf_device *dev, clf_flow **flow);

/* tune_work.c: two functions of type clf_work_fn: a training step and equally many samples of
 * the requested flow; and the calls listed in the file cli_tuning.shapes. The context is unused. */
clf_status cli_tune_flow(clf_device *dev, void *context);
clf_status cli_tune_shapes(clf_device *dev, void *context);

#endif
