/* SPDX-License-Identifier: MIT */
/* date_ticks.c: round dates and times along an axis. */
#include "canvas.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const double day = 86400;

typedef struct civil {
  int64_t year;
  int month, day; /* from 1 */
} civil;

/* Days since 1970-01-01 of a Gregorian date, and back (Hinnant, "chrono-compatible low-level
 * date algorithms"). */
static int64_t days_of(civil c) {
  const int64_t y = c.year - (c.month <= 2);
  const int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
  const int64_t of_year = (153 * (c.month + (c.month > 2 ? -3 : 9)) + 2) / 5 + c.day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static civil civil_of(int64_t days) {
  const int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, of = z - era * 146097;
  const int64_t years = (of - of / 1460 + of / 36524 - of / 146096) / 365;
  const int64_t of_year = of - (365 * years + years / 4 - years / 100), m = (5 * of_year + 2) / 153;
  const int month = (int)(m < 10 ? m + 3 : m - 9);
  return (civil){years + era * 400 + (month <= 2), month, (int)(of_year - (153 * m + 2) / 5 + 1)};
}

static int add(clf__ticks *t, double seconds, double unit) {
  if (t->count == (int)(sizeof t->at / sizeof *t->at)) return 0;
  t->at[t->count++] = seconds / unit;
  return 1;
}

/* Every `months` months: years if that is 12 or more. */
static void by_months(clf__ticks *t, clf__range r, double unit, int64_t months) {
  const civil from = civil_of((int64_t)floor(r.lo / day));
  int64_t at = from.year * 12 + from.month - 1;
  at = (int64_t)floor((double)at / (double)months) * months;
  for (;; at += months) {
    const int64_t year = (int64_t)floor((double)at / 12);
    const int month = (int)(at - year * 12) + 1;
    const double seconds = (double)days_of((civil){year, month, 1}) * day;
    if (seconds > r.hi) return;
    if (seconds < r.lo) continue;
    if (!add(t, seconds, unit)) return;
    char *const label = t->label[t->count - 1];
    if (months >= 12)
      snprintf(label, sizeof t->label[0], "%" PRId64, year);
    else
      snprintf(label, sizeof t->label[0], "%" PRId64 "-%02d", year, month);
  }
}

/* Every `step` seconds: days, or times of day. */
static void by_seconds(clf__ticks *t, clf__range r, double unit, double step) {
  for (double at = ceil(r.lo / step) * step; at <= r.hi; at += step) {
    const int64_t days = (int64_t)floor(at / day);
    const int64_t rest = (int64_t)llround(at - (double)days * day);
    const civil c = civil_of(days);
    if (!add(t, at, unit)) return;
    char *const label = t->label[t->count - 1];
    const int hour = (int)(rest / 3600), minute = (int)(rest / 60 % 60), second = (int)(rest % 60);
    if (step >= day)
      snprintf(label, sizeof t->label[0], "%02d-%02d", c.month, c.day);
    else if (step >= 60)
      snprintf(label, sizeof t->label[0], "%02d:%02d", hour, minute);
    else
      snprintf(label, sizeof t->label[0], "%02d:%02d:%02d", hour, minute, second);
  }
}

void clf__date_ticks(clf__ticks *t, clf__range r, double unit, double want) {
  static const double steps[] = {1,    5,     15,    30,    60,    300,    900,    1800,
                                 3600, 10800, 21600, 43200, 86400, 172800, 604800, 1209600};
  static const int months[] = {1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 6000, 12000};
  const double far = 1e13; /* about 300,000 years */
  const clf__range s = {fmax(r.lo * unit, -far), fmin(r.hi * unit, far)};
  const double minimum = 0.8 * (s.hi - s.lo) / want;
  t->count = 0;
  t->base = 0;
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
    if (steps[i] >= minimum && steps[i] >= unit) {
      by_seconds(t, s, unit, steps[i]);
      return;
    }
  const int last = (int)(sizeof months / sizeof *months) - 1;
  int i = 0;
  while (i < last && months[i] * 30.4375 * day < minimum) i++;
  by_months(t, s, unit, months[i]);
}
