/* SPDX-License-Identifier: MIT */
/* fit.h: declarations shared by the files of `clflow fit`. Private to them. */
#ifndef CLI_FIT_H
#define CLI_FIT_H
#include "cli.h"

/* What the command line asks for. */
extern struct cli_fit_wanted {
  clf_fit_options o;
  const char *out, *report, *weights, *repeat, *valid, *test;
  char *record; /* of --repeat */
  int json;
} cli_fit_wanted;

/* fit_options.c */
extern cli_option cli_fit_options[];

/* The rows of DATA, followed by those of --valid and --test. */
typedef struct cli_fit_rows {
  clf_table x, given, weights;
  clf_columns context; /* the columns of which `given` is made */
  uint8_t *role;       /* the set of each row; NULL: decided by the seed */
} cli_fit_rows;

/* fit_rows.c */
int cli_fit_read(cli_session *s, cli_fit_rows *rows);
void cli_fit_rows_free(cli_fit_rows *rows);

/* fit_results.c */
int cli_fit_progress(const clf_fit_progress *p, void *context);
int cli_fit_report(cli_session *s, const cli_fit_rows *rows, const char *model, const char *path,
                   char *verdict, size_t size);
int cli_fit_print(const clf_flow *flow, const char *model, const char *report, const char *verdict);

#endif
