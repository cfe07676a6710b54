/* SPDX-License-Identifier: MIT */
/* sources.h: shared by the tests of reports: flows, rows drawn from them, facts and pages. */
#ifndef CLF_SOURCES_H
#define CLF_SOURCES_H
#include "clflow/clflow.h"
#include "clflow/report.h"
#include "judge.h"
#include "suite.h"

extern clf_device *dev;
void set_up(void);
void tear_down(void);

/* The flow of an architecture. */
clf_flow *flow_of(const char *text);
/* n rows drawn from the flow itself. */
clf_table own_rows(clf_flow *flow, int64_t n, uint64_t seed);
/* A column becomes shift + scale * column. */
void stretch(clf_table *t, int32_t column, double shift, double scale);

/* What a report finds; clf__judge_free() frees it. */
clf__facts judged(const clf_report_source *source);
/* The page of a source, after checks that hold for each; the caller frees it. */
char *page_of(const clf_report_source *source, char verdict[512]);
void contains(const char *html, const char *text);

/* ---- The tests of each file ------------------------------------------------------------------ */

void tests_of_numbers(TCase *tc);
void tests_of_judge(TCase *tc);
void tests_of_page(TCase *tc);
void tests_of_files(TCase *tc);

#endif
