/* SPDX-License-Identifier: MIT */
/* locale.h: numbers in C's locale, whatever the program's locale is; it is the only locale that
 * clflow creates. */
#pragma GCC system_header
#include_next <locale.h>
#ifndef CLF_WINDOWS_LOCALE_H
#define CLF_WINDOWS_LOCALE_H

typedef const struct clf__locale *locale_t;
extern const struct clf__locale clf__c_locale, clf__global_locale;
enum { LC_ALL_MASK = 1 };
static inline locale_t newlocale(int mask, const char *name, locale_t base) {
  return (void)mask, (void)name, (void)base, &clf__c_locale;
}
static inline void freelocale(locale_t l) { (void)l; }
locale_t uselocale(locale_t l); /* of this thread */
double strtod_l(const char *text, char **end, locale_t l);
#endif
