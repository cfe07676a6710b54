/* SPDX-License-Identifier: MIT */
/* distance.h: the distance between names, for "did you mean ...?", in the library and in the
 * program. */
#ifndef CLF_DISTANCE_H
#define CLF_DISTANCE_H
#include <stddef.h>

enum { CLF_DISTANCE_MOST = 63 }; /* letters of b */

/* Levenshtein's distance of a, of m letters, and b, of n <= CLF_DISTANCE_MOST letters:
 * insertions, deletions and replacements that turn one into the other. */
static inline int clf__distance(const char *a, size_t m, const char *b, size_t n) {
  int row[CLF_DISTANCE_MOST + 1];
  for (size_t j = 0; j <= n; j++) row[j] = (int)j;
  for (size_t i = 0; i < m; i++) {
    int diagonal = row[0];
    row[0] = (int)i + 1;
    for (size_t j = 0; j < n; j++) {
      const int replace = diagonal + (a[i] != b[j]);
      const int insert = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
      diagonal = row[j + 1];
      row[j + 1] = replace < insert ? replace : insert;
    }
  }
  return row[n];
}
#endif
