/* SPDX-License-Identifier: MIT */
/* dates.h: converts dates and times of day between text and numbers.  Private.
 *
 * A format is a text as for strftime(): %Y %y %m %d %b %H %M %S and, as extensions, %z (Z or
 * +01:00)
 * and %3f (a fraction of a second with at most 3 digits and its point, optional).  %-m, %-d and
 * %-H are written without a leading zero; both forms are read.  A format without %H counts days
 * since 1970-01-01, one with date and time seconds since 1970-01-01 00:00 UTC, and one without
 * date seconds since midnight. */
#ifndef CLF_DATA_DATES_H
#define CLF_DATA_DATES_H
#include "clflow/data.h"

enum { CLF_DATE_FORM = 48, CLF_DATE_TEXT = 64 };

/* What is known about a column of dates or times from the texts seen so far.  All zero: nothing. */
typedef struct clf__dates {
  int64_t seen;
  uint32_t forms;  /* one bit per date format: all texts matched it */
  uint32_t unlike; /* the same: its values differ from those of the first format that matches */
  int time, blank, seconds, digits, zone; /* what follows the date */
  int single;                             /* 1, 2, 4: a month, day, hour with one digit was seen */
} clf__dates;

/* Adds a text; 0 if no format matches all texts so far. */
int clf__dates_show(clf__dates *d, const char *s, size_t n);
/* The format of all texts: 1, or 0 if days and months are ambiguous. */
int clf__dates_form(const clf__dates *d, char form[CLF_DATE_FORM]);

/* Whether text of n bytes is a date in this format, or in ISO 8601. */
int clf__date_read(const char *form, const char *s, size_t n, double *value);
/* `text` has CLF_DATE_TEXT bytes; years are clamped to 0 to 9999. */
void clf__date_text(const char *form, double value, char *text);
/* "days since 1970-01-01", ... */
const char *clf__date_unit(const char *form);
int clf__date_is_time(const char *form); /* a time of day, without date */
/* Whether a format from a file can be read and written. */
int clf__date_form_is_known(const char *form);

#endif
