/* SPDX-License-Identifier: MIT */
/* dates.c: converts dates and times of day between text and numbers. */
#include "dates.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- The calendar ---------------------------------------------------------------------------- */

typedef struct moment {
  int64_t year;
  int month, day, hour, minute; /* month and day from 1 */
  double second;
  int offset; /* minutes east of UTC */
} moment;

static int days_in(int64_t year, int month) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return days[month - 1] + (month == 2 && leap);
}

/* Days of the proleptic Gregorian calendar since 1970-01-01, counted in eras of 400 years that
 * begin in March (H. Hinnant, "chrono-compatible low-level date algorithms", 2013). */
static int64_t days_from(int64_t year, int month, int day) {
  const int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
  const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_from(int64_t days, moment *m) {
  const int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, d = z - era * 146097;
  const int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
  const int64_t of_year = d - (365 * y + y / 4 - y / 100), part = (5 * of_year + 2) / 153;
  m->day = (int)(of_year - (153 * part + 2) / 5 + 1);
  m->month = (int)(part < 10 ? part + 3 : part - 9);
  m->year = y + era * 400 + (m->month <= 2);
}

/* ---- Reading by a format --------------------------------------------------------------------- */

static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* Reads from `minimum` to `maximum` digits at *s; -1: fewer. */
static int take_digits(const char **s, const char *end, int minimum, int maximum) {
  int value = 0, n = 0;
  while (*s < end && n < maximum && **s >= '0' && **s <= '9') {
    value = 10 * value + (**s - '0');
    (*s)++;
    n++;
  }
  return n < minimum ? -1 : value;
}

static int take_month(const char **s, const char *end) {
  if (end - *s < 3) return -1;
  for (int i = 0; i < 12; i++)
    if (strncasecmp(*s, months[i], 3) == 0) {
      *s += 3;
      return i + 1;
    }
  return -1;
}

static int take_fraction(const char **s, const char *end, double *second) {
  double unit = 0.1;
  if (*s == end || **s != '.') return 1;
  const char *const first = ++*s;
  for (; *s < end && **s >= '0' && **s <= '9'; (*s)++, unit /= 10) *second += unit * (**s - '0');
  return *s > first && *s - first <= 9;
}

/* Z, +01:00 or +0100. */
static int take_zone(const char **s, const char *end, int *offset) {
  if (*s == end) return 0;
  const char sign = *(*s)++;
  if (sign == 'Z') return 1;
  if (sign != '+' && sign != '-') return 0;
  const int hours = take_digits(s, end, 2, 2);
  if (*s < end && **s == ':') ++*s;
  const int minutes = take_digits(s, end, 2, 2);
  *offset = (sign == '-' ? -1 : 1) * (60 * hours + minutes);
  return hours >= 0 && hours <= 23 && minutes >= 0 && minutes <= 59;
}

/* One directive; sets the bit `single` if it has one digit. */
static int take(char directive, const char **s, const char *end, moment *m, int *single) {
  const char *const from = *s;
  int bit = 0, v = 0;
  switch (directive) {
  case 'Y': v = take_digits(s, end, 4, 4), m->year = v; break;
  case 'y': v = take_digits(s, end, 2, 2), m->year = v < 69 ? 2000 + v : 1900 + v; break;
  case 'm': v = take_digits(s, end, 1, 2), m->month = v, bit = 1; break;
  case 'd': v = take_digits(s, end, 1, 2), m->day = v, bit = 2; break;
  case 'b': v = take_month(s, end), m->month = v; break;
  case 'H': v = take_digits(s, end, 1, 2), m->hour = v, bit = 4; break;
  case 'M': v = take_digits(s, end, 2, 2), m->minute = v; break;
  case 'S': v = take_digits(s, end, 2, 2), m->second = v; break;
  case 'f': return take_fraction(s, end, &m->second);
  case 'z': return take_zone(s, end, &m->offset);
  default: return 0;
  }
  if (*s - from == 1) *single |= bit;
  return v >= 0;
}

static int is_valid(const moment *m) {
  return m->month >= 1 && m->month <= 12 && m->day >= 1 && m->day <= days_in(m->year, m->month) &&
         m->hour <= 23 && m->minute <= 59 && m->second < 60;
}

/* The directive at *form, after '%' and modifiers. */
static char directive_at(const char **form) {
  ++*form;
  if (**form == '-' || (**form >= '1' && **form <= '9')) ++*form;
  return *(*form)++;
}

/* Reads as far as the format matches: returns the rest of the text, or NULL. */
static const char *read_form(const char *form, const char *s, const char *end, moment *m,
                             int *single) {
  *m = (moment){.year = 1970, .month = 1, .day = 1};
  while (*form) {
    if (*form == '%') {
      if (!take(directive_at(&form), &s, end, m, single)) return NULL;
    } else if (s == end || *s++ != *form++) {
      return NULL;
    }
  }
  return is_valid(m) ? s : NULL;
}

static int has(const char *form, char directive) {
  for (const char *p = form; *p;)
    if (*p != '%')
      p++;
    else if (directive_at(&p) == directive)
      return 1;
  return 0;
}

int clf__date_is_time(const char *form) { return !has(form, 'Y') && !has(form, 'y'); }

static double value_of(const char *form, const moment *m) {
  const double days = (double)days_from(m->year, m->month, m->day);
  if (!has(form, 'H')) return days;
  return 86400 * days + 3600.0 * m->hour + 60.0 * (m->minute - m->offset) + m->second;
}

/* An ISO 8601 date with the longest match, for texts in another format than the column's. */
static int read_iso(const char *form, const char *s, size_t n, double *value) {
  static const char *const forms[] = {"%Y-%m-%d",
                                      "%Y-%m-%dT%H:%M",
                                      "%Y-%m-%d %H:%M",
                                      "%Y-%m-%dT%H:%M:%S%9f",
                                      "%Y-%m-%d %H:%M:%S%9f",
                                      "%Y-%m-%dT%H:%M:%S%9f%z",
                                      "%Y-%m-%d %H:%M:%S%9f%z"};
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    moment m;
    int single = 0;
    if (read_form(forms[i], s, s + n, &m, &single) != s + n) continue;
    if (!has(form, 'H') && (m.hour || m.minute || m.second > 0)) return 0;
    *value = value_of(form, &m);
    return 1;
  }
  return 0;
}

int clf__date_read(const char *form, const char *s, size_t n, double *value) {
  moment m;
  int single = 0;
  if (read_form(form, s, s + n, &m, &single) == s + n) {
    *value = value_of(form, &m);
    return 1;
  }
  return !clf__date_is_time(form) && read_iso(form, s, n, value);
}

/* ---- The format of a column ------------------------------------------------------------------ */

/* In order of preference; "" is a time of day alone. */
static const char *const date_forms[] = {
    "%Y-%m-%d", "%Y/%m/%d",  "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y",
    "%d-%m-%Y", "%m-%d-%Y",  "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%b %d %Y",
    "%d %b %Y", "%b %d, %Y", "%d-%b-%Y", "%d-%b-%y", "%Y-%m",    ""};
enum { FORMS = sizeof date_forms / sizeof *date_forms };

/* What follows a date, or is a time of day. */
typedef struct rest {
  int time, blank, seconds, digits, zone;
} rest;

static int read_rest(const char *s, const char *end, int alone, rest *r, int *single) {
  moment m;
  *r = (rest){0};
  if (s == end) return !alone;
  r->blank = *s == ' ';
  if (!alone && *s != ' ' && *s != 'T') return 0;
  s = read_form("%H:%M", s + !alone, end, &m, single);
  r->time = 1;
  if (s && s < end && *s == ':') {
    s = read_form(":%S", s, end, &m, single);
    r->seconds = 1;
    if (s && s < end && *s == '.') {
      const char *const point = s;
      if (!take_fraction(&s, end, &m.second)) return 0;
      r->digits = (int)(s - point) - 1;
    }
  }
  if (s && s < end && !alone) {
    r->zone = *s == 'Z' ? 1 : 2;
    if (!take_zone(&s, end, &m.offset)) return 0;
  }
  return s == end;
}

/* Whether all texts have the same ending; fractions of a second may differ. */
static int same_rest(clf__dates *d, const rest *r) {
  if (d->seen == 0) {
    d->time = r->time;
    d->blank = r->blank;
    d->seconds = r->seconds;
    d->zone = r->zone;
  }
  if (r->digits > d->digits) d->digits = r->digits;
  return d->time == r->time && d->blank == r->blank && d->seconds == r->seconds &&
         d->zone == r->zone;
}

int clf__dates_show(clf__dates *d, const char *s, size_t n) {
  uint32_t fit = 0, unlike = 0;
  double first = NAN;
  if (d->seen == 0) d->forms = (1U << FORMS) - 1;
  if (d->forms == 0 || n == 0 || n >= CLF_DATE_TEXT) return d->forms = 0, d->seen = 1, 0;
  for (int i = 0; i < FORMS; i++) {
    moment m;
    rest r;
    int single = 0;
    if (!(d->forms >> i & 1)) continue;
    const char *const after = read_form(date_forms[i], s, s + n, &m, &single);
    if (!after || !read_rest(after, s + n, !*date_forms[i], &r, &single) || !same_rest(d, &r))
      continue;
    const double value = value_of("", &m);
    if (!fit) first = value;
    if (value != first) unlike |= 1U << i;
    fit |= 1U << i;
    d->single |= single;
  }
  d->forms = fit;
  d->unlike |= unlike;
  d->seen++;
  return fit != 0;
}

/* Inserts a '-' if a number with one digit was seen. */
static void append_date(const clf__dates *d, const char *from, char *to) {
  to += strlen(to);
  for (; *from; from++) {
    *to++ = *from;
    if (*from == '%' && ((from[1] == 'm' && d->single & 1) || (from[1] == 'd' && d->single & 2) ||
                         (from[1] == 'H' && d->single & 4)))
      *to++ = '-';
  }
  *to = 0;
}

int clf__dates_form(const clf__dates *d, char form[CLF_DATE_FORM]) {
  int first = 0;
  while (first < FORMS - 1 && !(d->forms >> first & 1)) first++;
  *form = 0;
  append_date(d, date_forms[first], form);
  if (d->time && *date_forms[first]) strcat(form, d->blank ? " " : "T");
  if (d->time) append_date(d, d->seconds ? "%H:%M:%S" : "%H:%M", form);
  if (d->digits) sprintf(form + strlen(form), "%%%df", d->digits > 9 ? 9 : d->digits);
  if (d->zone) strcat(form, d->zone == 1 ? "Z" : "%z");
  return !(d->forms & d->unlike);
}

/* ---- Writing --------------------------------------------------------------------- */

static int digits_of(const char *form) {
  for (const char *p = form; *p; p++)
    if (p[0] == '%' && p[1] >= '1' && p[1] <= '9' && p[2] == 'f') return p[1] - '0';
  return 0;
}

/* Ticks of a second that the format shows; 0: whole minutes. */
static int64_t ticks_of(const char *form) {
  int64_t ticks = has(form, 'S');
  for (int i = digits_of(form); i > 0; i--) ticks *= 10;
  return ticks;
}

/* Rounds to the last place that the format shows; *ticks is the fraction of a second.  Times of
 * day wrap at midnight. */
static void moment_of(const char *form, double value, moment *m, int64_t *ticks) {
  static const double first_day = -719528, last_day = 2932896; /* years 0 to 9999 */
  const int timed = has(form, 'H');
  const int64_t unit = ticks_of(form), of_minute = unit ? 60 * unit : 1;
  double day = timed ? floor(value / 86400) : round(value);
  int64_t left = timed ? llround((value - 86400 * day) * (double)of_minute / 60) : 0;
  if (left >= 1440 * of_minute) left = 0, day += 1;
  if (clf__date_is_time(form)) day = 0;
  *m = (moment){0};
  date_from((int64_t)fmin(fmax(day, first_day), last_day), m);
  m->hour = (int)(left / (60 * of_minute));
  m->minute = (int)(left / of_minute % 60);
  m->second = unit ? (double)(left % of_minute / unit) : 0;
  *ticks = unit ? left % unit : 0;
}

static int put(char directive, int single, int digits, const moment *m, int64_t ticks, char *to) {
  const char *const two = single ? "%d" : "%02d";
  switch (directive) {
  case 'Y': return sprintf(to, "%04d", (int)m->year);
  case 'y': return sprintf(to, "%02d", (int)(m->year % 100));
  case 'm': return sprintf(to, two, m->month);
  case 'd': return sprintf(to, two, m->day);
  case 'b': return sprintf(to, "%s", months[m->month - 1]);
  case 'H': return sprintf(to, two, m->hour);
  case 'M': return sprintf(to, "%02d", m->minute);
  case 'S': return sprintf(to, "%02d", (int)m->second);
  case 'f': return sprintf(to, ".%0*" PRId64, digits, ticks);
  default: return sprintf(to, "+00:00");
  }
}

void clf__date_text(const char *form, double value, char *text) {
  moment m;
  int64_t ticks;
  moment_of(form, value, &m, &ticks);
  while (*form) {
    if (*form != '%') {
      *text++ = *form++;
      continue;
    }
    const int single = form[1] == '-', digits = form[1] - '0';
    text += put(directive_at(&form), single, digits, &m, ticks, text);
  }
  *text = 0;
}

const char *clf__date_unit(const char *form) {
  if (clf__date_is_time(form)) return "seconds since 00:00";
  return has(form, 'H') ? "seconds since 1970-01-01 00:00 UTC" : "days since 1970-01-01";
}

/* Only formats that clf__dates_form() creates. */
int clf__date_form_is_known(const char *form) {
  char text[CLF_DATE_TEXT], again[CLF_DATE_FORM];
  clf__dates d = {0};
  if (strlen(form) >= CLF_DATE_FORM) return 0;
  for (const char *p = form; *p;) {
    if (*p != '%') {
      p++;
      continue;
    }
    const char *const at = p + 1;
    const int digit = *at >= '1' && *at <= '9';
    if (!*at || (*at == '-' && !at[1]) || (digit && at[1] != 'f')) return 0;
    const char directive = directive_at(&p);
    if (!strchr("YymdbHMSfz", directive) || (directive == 'f' && !digit)) return 0;
  }
  clf__date_text(form, 0, text);
  return clf__dates_show(&d, text, strlen(text)) && (clf__dates_form(&d, again), 1);
}
