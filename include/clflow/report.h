/* SPDX-License-Identifier: MIT */
/* report.h: whether to believe a model of a table: a report as one page of HTML, and its pictures
 * as PNG.  Part of clflow_plot, as plot.h is.
 *
 *   clf_report_source source = {.flow = flow, .test = {.x = &table}, .data = "wine.csv"};
 *   clf_report_write(&source, "wine.report.html", verdict, sizeof verdict);
 *
 * What is judged are the test rows, by means that need nothing of the model but log p and samples:
 * the rank of each row's log p among those of the model's own samples, and each column's values
 * among the samples' (PIT).  docs/guide/table.md explains the terms and how to read the report. */
#ifndef CLFLOW_REPORT_H
#define CLFLOW_REPORT_H
#include "clflow/data.h"
#include "clflow/flow.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rows that serve one purpose; all zero: there are none. */
typedef struct clf_report_rows {
  const clf_table *x;     /* (n, D), columns in the flow's order, all finite */
  const clf_table *given; /* (n, C), the context, for flows that take one */
  const int64_t *row;     /* (n) numbers of the rows in the source, from 1; NULL: 1, 2, ... */
  char *const *ids;       /* (n) names of the rows, or NULL */
} clf_report_rows;

/* What the rows that are judged served for when the model was made. */
typedef enum clf_report_judged {
  CLF_JUDGED_TEST,  /* nothing: the model was made without them */
  CLF_JUDGED_VALID, /* training stopped, or kept its weights, by them */
  CLF_JUDGED_TRAIN, /* the model was trained on them */
  CLF_JUDGED_ANY    /* not known */
} clf_report_judged;

typedef struct clf_report_source {
  clf_flow *flow; /* its record (clf_flow_record()), where it has one, says how it was chosen */
  clf_report_rows train, valid;
  clf_report_rows test; /* must have rows: those that are judged */
  clf_report_judged judged;
  const char *data;     /* the name of the table; NULL: not given */
  const char *model;    /* the name of the model file */
  const char *command;  /* the command that makes the model or the report again */
  uint64_t seed;        /* of the samples that rows are compared with */
  const int32_t *pairs; /* columns of the pair plot, from 0; NULL: the six that fit worst */
  int32_t pair_count;
} clf_report_source;

/* Writes the report, one page of HTML that needs no network and no script; whole or not at all.
 * `verdict` (may be NULL) receives its first sentence as plain text.  The same source gives the
 * same bytes.  Errors: EINVAL (no test rows, a path that does not end in .html, a pair column that
 * does not exist), ESHAPE (rows that do not fit the flow), ENUM (rows that are not finite), ENOTSUP
 * (flows of images), EFORMAT (a record that cannot be read), EIO, ENOMEM. */
CLF_API clf_status clf_report_write(const clf_report_source *source, const char *path,
                                    char *verdict, size_t size);

typedef enum clf_report_picture {
  CLF_PICTURE_MARGINALS,  /* each column: data and samples */
  CLF_PICTURE_PAIRS,      /* pairs of columns: data and samples */
  CLF_PICTURE_PIT,        /* each column of the test rows among samples */
  CLF_PICTURE_RANK,       /* log p of the test rows among that of samples */
  CLF_PICTURE_CURVES,     /* log-likelihood over training steps, from the record */
  CLF_PICTURE_CANDIDATES, /* log-likelihood of each candidate, from the record */
  CLF_PICTURES
} clf_report_picture;

/* Writes one of the report's pictures as PNG.  Errors: as above; ENOTSUP also if the model has no
 * record of what the picture shows. */
CLF_API clf_status clf_report_plot(const clf_report_source *source, clf_report_picture picture,
                                   const char *path);

#ifdef __cplusplus
}
#endif
#endif
