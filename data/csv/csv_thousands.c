/* SPDX-License-Identifier: MIT */
/* csv_thousands.c: recognises numbers whose thousands are separated by blanks or apostrophes. */
#define _GNU_SOURCE
#include "csv.h"

static size_t digits(const char *p, const char *end) {
  size_t n = 0;
  while (p + n < end && clf__csv_is_digit(p[n])) n++;
  return n;
}

clf__csv_groups clf__csv_groups_of(const char *p, const char *end) {
  int groups = 0, sure = 0;
  while (p < end && *p == ' ') p++;
  while (p < end && end[-1] == ' ') end--;
  p += p < end && (*p == '-' || *p == '+');
  size_t n = digits(p, end);
  if (n == 0) return CLF_GROUPS_NONE;
  const size_t first = n;
  for (p += n; p < end; p += n, groups++) {
    const size_t between = clf__csv_separator(p, (size_t)(end - p));
    n = digits(p + between, end);
    if (!between || n != 3) break;
    sure |= *p != ' ' || p[between] == '0';
    p += between;
  }
  if (groups && first > 3) return CLF_GROUPS_NONE;
  if (p < end && (*p == ',' || *p == '.')) {
    sure |= *p == ',';
    n = digits(p + 1, end);
    p += n ? n + 1 : 0;
  }
  if (p < end) return CLF_GROUPS_NONE;
  return !groups ? CLF_GROUPS_ONE : sure ? CLF_GROUPS_SURE : CLF_GROUPS_MAYBE;
}
