/* SPDX-License-Identifier: MIT */
/* page.h: a growing text, and text and numbers as HTML.  Private.
 *
 * Callers need not check for errors: after the first one nothing more is added, and clf__page_end()
 * reports it. */
#ifndef CLF_PLOT_PAGE_H
#define CLF_PLOT_PAGE_H
#include "clflow/core.h"

typedef struct clf__page {
  char *at; /* ends with a zero once something was added */
  size_t used, cap;
  int failed;
} clf__page;

/* Adds text unchanged. */
void clf__page_add(clf__page *p, const char *text);
void clf__page_addf(clf__page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds text from outside: HTML characters are escaped, control characters become blanks and
 * invalid UTF-8 becomes '?'.  After `most` characters the rest becomes an ellipsis; 0:
 * unlimited. */
void clf__page_text(clf__page *p, const char *text, int most);

/* Adds a length with at most two decimals, independent of the locale: for SVG. */
void clf__page_length(clf__page *p, double v);

/* ENOMEM if anything could not be added; the page is then empty. */
clf_status clf__page_end(clf__page *p);
void clf__page_free(clf__page *p);

/* A number for people: about `digits` significant digits, "−0.52", "12 300", "1.2e-7", "−∞". */
void clf__page_number(char *dst, size_t size, double v, int digits);
/* A log-likelihood with the decimals that its standard error justifies; error NaN: two. */
void clf__page_nats(char *dst, size_t size, double v, double error);

#endif
