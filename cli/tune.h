/* SPDX-License-Identifier: MIT */
/* tune.h: what the files of `clflow tune` share.  Private to them. */
#ifndef CLI_TUNE_H
#define CLI_TUNE_H
#include "cli.h"

/* What the command line asks for; 0 where an option was not given. */
extern struct cli_tuning {
  const char *shapes, *preset, *flow;
  clf_arch *arch; /* of `flow`, where it is no kind */
  clf_flow_spec spec;
  int32_t batch;
} cli_tuning;

/* tune_flow.c: the kind or the architecture that --flow asks for. */
int cli_tune_read_flow(void);
/* A flow of it. */
clf_status cli_tune_new_flow(clf_device *dev, clf_flow **flow);

/* tune_work.c, both a clf_work_fn: a step of training and as many samples of the flow that is
 * asked for, and the calls that the file cli_tuning.shapes lists.  The context is not used. */
clf_status cli_tune_flow(clf_device *dev, void *context);
clf_status cli_tune_shapes(clf_device *dev, void *context);

#endif
