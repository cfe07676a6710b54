/* SPDX-License-Identifier: MIT */
/* report.h: the sections of the page.  Private. */
#ifndef CLF_PLOT_REPORT_H
#define CLF_PLOT_REPORT_H
#include "pictures.h"

void clf__report_style(clf__page *p);

/* ---- report_panels.c */

const clf__picture *clf__report_picture(clf_report_picture which);
void clf__report_panel_size(const clf__facts *f, const clf__picture *of, double *width,
                            double *height);

/* Panels first .. last of a plot as SVG, in a grid. */
clf_status clf__report_panels(clf__page *p, const clf__facts *f, clf_report_picture picture,
                              int first, int last);

/* The legend of a plot. */
void clf__report_keys(clf__page *p, const clf__picture *of);
/* "1.23 ± 0.04" in a table cell; a dash if there is no number. */
void clf__report_nats(clf__page *p, double v, double error);
/* The name of column d, escaped. */
void clf__report_name(clf__page *p, const clf__facts *f, int32_t d);

/* ---- Sections */

/* Each a <section>. */
clf_status clf__report_verdict(clf__page *p, const clf__facts *f, const clf__verdict *v);
clf_status clf__report_likelihood(clf__page *p, const clf__facts *f);
clf_status clf__report_columns(clf__page *p, const clf__facts *f);
clf_status clf__report_tests(clf__page *p, const clf__facts *f);
clf_status clf__report_strange(clf__page *p, const clf__facts *f);
clf_status clf__report_model(clf__page *p, const clf__facts *f);

/* The contents of the record, in the section of log-likelihoods. */
clf_status clf__report_candidates(clf__page *p, const clf__facts *f);

#endif
