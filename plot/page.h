/* SPDX-License-Identifier: MIT */
/* page.h: text that grows, and how text and numbers go into HTML.  Private.
 *
 * Whoever writes need not check: after the first failure nothing more is added, and
 * clf__page_end() reports it. */
#ifndef CLF_PLOT_PAGE_H
#define CLF_PLOT_PAGE_H
#include "clflow/core.h"

typedef struct clf__page {
  char *at; /* ends with a zero once something was added */
  size_t used, cap;
  int failed;
} clf__page;

/* Adds text as it stands. */
void clf__page_add(clf__page *p, const char *text);
void clf__page_addf(clf__page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds text from outside: characters that mean something in HTML are escaped, control characters
 * become blanks and what is not UTF-8 becomes '?'.  Of more than `most` characters the rest becomes
 * an ellipsis; 0: all. */
void clf__page_text(clf__page *p, const char *text, int most);

/* Adds a length with two decimal places at most, whatever the locale: for SVG. */
void clf__page_length(clf__page *p, double v);

/* ENOMEM if anything could not be added; the page is then empty. */
clf_status clf__page_end(clf__page *p);
void clf__page_free(clf__page *p);

/* A number for people: about `digits` significant digits, "−0.52", "12 300", "1.2e-7", "−∞". */
void clf__page_number(char *dst, size_t size, double v, int digits);
/* A log-likelihood with as many places as its standard error is worth; error NaN: two. */
void clf__page_nats(char *dst, size_t size, double v, double error);

#endif
