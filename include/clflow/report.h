/* SPDX-License-Identifier: MIT */
/* report.h: is a model of a table any good?  A report as one page of HTML, and its plots as PNG.
 * Part of clflow_plot, as plot.h.
 *
 *   clf_report_source source = {.flow = flow, .test = {.x = &table}, .data = "wine.csv"};
 *   clf_report_write(&source, "wine.report.html", verdict, sizeof verdict);
 *
 * The report evaluates the model on test rows by methods that need only log p and samples: the rank
 * of each row's log p among those of the model's samples, and the values of each column among those
 * of the samples (PIT).  docs/guide/table.md explains the terms and how to read the report. */
#ifndef CLFLOW_REPORT_H
#define CLFLOW_REPORT_H
#include "clflow/data.h"
#include "clflow/flow.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rows for one use; all zero: none. */
typedef struct clf_report_rows {
  const clf_table *x;     /* (n, D), columns in the flow's order, all finite */
  const clf_table *given; /* (n, C), the context, for flows that take one */
  const int64_t *row;     /* (n) row numbers in the source, from 1; NULL: 1, 2, ... */
  char *const *ids;       /* (n) row names, or NULL */
} clf_report_rows;

/* How the rows to be judged were used when the model was made. */
typedef enum clf_report_judged {
  CLF_JUDGED_TEST,  /* not at all */
  CLF_JUDGED_VALID, /* for validation: they decided when training stopped, or which weights it kept
                     */
  CLF_JUDGED_TRAIN, /* for training */
  CLF_JUDGED_ANY    /* unknown */
} clf_report_judged;

/* What a report is about. */
typedef struct clf_report_source {
  clf_flow *flow;               /* its record (clf_flow_record()), if any, says how it was chosen */
  clf_report_rows train, valid; /* rows may be missing */
  clf_report_rows test;         /* the rows to be judged; required */
  clf_report_judged judged;     /* what the test rows are */
  const char *data;             /* the name of the table; NULL: unknown */
  const char *model;            /* the name of the model file */
  const char *command;          /* the command that recreates the model or the report */
  uint64_t seed;                /* for the samples that rows are compared with */
  const int32_t *pairs; /* columns of the pair plot, from 0; NULL: the six with the worst fit */
  int32_t pair_count;   /* of pairs, 2 to 6; 0 with NULL */
  clf_more more[4];     /* 0 */
} clf_report_source;

/* Writes the report, one page of HTML that needs neither network nor scripts; the file is
 * replaced atomically.  `verdict` (may be NULL) receives its first sentence as plain text.  The
 * same source gives the same bytes.  Errors: EINVAL (no test rows, a path that does not end in
 * .html, a pair column that does not exist), ESHAPE (rows that do not fit the flow), ENUM
 * (non-finite rows), ENOTSUP (image flows), EFORMAT (a record that cannot be read), EIO, ENOMEM. */
CLF_API clf_status clf_report_write(const clf_report_source *source, const char *path,
                                    char *verdict, size_t size);

/* A picture of the report. */
typedef enum clf_report_picture {
  CLF_PICTURE_MARGINALS,  /* each column: data and samples */
  CLF_PICTURE_PAIRS,      /* pairs of columns: data and samples */
  CLF_PICTURE_PIT,        /* PIT of each column of the test rows */
  CLF_PICTURE_RANK,       /* rank of log p of the test rows */
  CLF_PICTURE_CURVES,     /* log-likelihood over training steps, from the record */
  CLF_PICTURE_CANDIDATES, /* log-likelihood of each candidate, from the record */
  CLF_PICTURES
} clf_report_picture;

/* Writes one of the plots of the report as PNG.  Errors: as above; also ENOTSUP if the model has
 * no record of what the plot shows. */
CLF_API clf_status clf_report_plot(const clf_report_source *source, clf_report_picture picture,
                                   const char *path);

#ifdef __cplusplus
}
#endif
#endif
