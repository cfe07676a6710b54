/* SPDX-License-Identifier: MIT */
/* sorted.h: matrices that are stored in another order than that of clf_read() and clf_write().
 * Private.
 *
 * Nets with masks have units of degree i mod period.  Their weights are stored with units sorted
 * by degree, so that the weights that a mask removes are contiguous.  Operations see the stored
 * order; transfers translate, so that callers and files see the units in their own order. */
#ifndef CLF_SORTED_H
#define CLF_SORTED_H
#include "backend.h"

/* A row-major matrix at element `begin` of a buffer.  Its rows and its columns are sorted by their
 * index mod period, equal ones by index; a period of 0: they are in order. */
typedef struct clf__sorted {
  int64_t begin;
  int32_t rows, columns, row_period, column_period;
} clf__sorted;

/* Where index i of n is stored. */
static inline int32_t clf__sorted_index(int32_t i, int32_t n, int32_t period) {
  if (!period) return i;
  const int32_t degree = i % period, more = n % period;
  return degree * (n / period) + (degree < more ? degree : more) + i / period;
}

/* Says that a buffer holds such matrices, in addition to those that it has; `begin` of each counts
 * from element `at`.  ENOMEM. */
clf_status clf__buffer_sort(clf_buffer *b, int64_t at, const clf__sorted *list, int count);

/* Whether elements begin .. end - 1 touch a sorted matrix: if so the range grows until it holds all
 * of each that it touches. */
int clf__sorted_range(const clf_buffer *b, int64_t *begin, int64_t *end);
/* Where an element is stored. */
int64_t clf__sorted_element(const clf_buffer *b, int64_t element);

#endif
