/* SPDX-License-Identifier: MIT */
/* dates.h: dates and times of day as text and as numbers.  Private.
 *
 * A form is a text as for strftime(): %Y %y %m %d %b %H %M %S and, of our own, %z (Z or +01:00) and
 * %3f (a fraction of a second of at most 3 digits, with its point, which may be missing).  %-m, %-d
 * and %-H are written without a leading zero; either is read.  A form without %H counts days since
 * 1970-01-01, one with a date seconds since 1970-01-01 00:00 UTC, and one without a date seconds
 * since midnight. */
#ifndef CLF_DATA_DATES_H
#define CLF_DATA_DATES_H
#include "clflow/data.h"

enum { CLF_DATE_FORM = 48, CLF_DATE_TEXT = 64 };

/* What is known of a column of dates or times from the texts that were shown.  All zero: nothing.
 */
typedef struct clf__dates {
  int64_t seen;
  uint32_t forms;  /* bit by date form: all texts had it */
  uint32_t unlike; /* the same: its values are not those of the first form that fits */
  int time, blank, seconds, digits, zone; /* what follows the date */
  int single;                             /* 1, 2, 4: a month, day, hour of one digit was seen */
} clf__dates;

/* Shows a text; 0 if all texts so far have no form in common. */
int clf__dates_show(clf__dates *d, const char *s, size_t n);
/* The form of all texts shown: 1, and 0 if days and months cannot be told apart. */
int clf__dates_form(const clf__dates *d, char form[CLF_DATE_FORM]);

/* Whether text of n bytes is a date of this form, or written as ISO 8601. */
int clf__date_read(const char *form, const char *s, size_t n, double *value);
/* Room is CLF_DATE_TEXT; years are kept within 0 to 9999. */
void clf__date_text(const char *form, double value, char *text);
/* "days since 1970-01-01", ... */
const char *clf__date_unit(const char *form);
int clf__date_is_time(const char *form); /* of day, without a date */
/* Whether a form from a file is one that can be read and written. */
int clf__date_form_is_known(const char *form);

#endif
