/* SPDX-License-Identifier: MIT */
/* sorted.c: which matrices of a buffer are stored in another order, and where their elements are.
 */
#include "sorted.h"
#include <stdlib.h>
#include <string.h>

static int by_begin(const void *a, const void *b) {
  const clf__sorted *p = a, *q = b;
  return (p->begin > q->begin) - (p->begin < q->begin);
}

clf_status clf__buffer_sort(clf_buffer *b, int64_t at, const clf__sorted *list, int count) {
  const size_t room = (size_t)(b->sorted_count + count) * sizeof *list;
  if (!count) return CLF_OK;
  clf__sorted *all = realloc(b->sorted, room);
  if (!all) return clf__fail(CLF_ENOMEM, "no memory for the order of %d matrices", count);
  b->sorted = all;
  for (int i = 0; i < count; i++) {
    all[b->sorted_count] = list[i];
    all[b->sorted_count++].begin += at;
  }
  qsort(all, (size_t)b->sorted_count, sizeof *all, by_begin);
  return CLF_OK;
}

static int64_t end_of(const clf__sorted *s) { return s->begin + (int64_t)s->rows * s->columns; }

/* The last matrix that begins at the element or before it; NULL: none. */
static const clf__sorted *before(const clf_buffer *b, int64_t element) {
  int low = 0, high = b->sorted_count; /* the first `low` do, those from `high` on do not */
  while (low < high) {
    const int middle = low + (high - low) / 2;
    if (b->sorted[middle].begin <= element)
      low = middle + 1;
    else
      high = middle;
  }
  return low ? &b->sorted[low - 1] : NULL;
}

int clf__sorted_range(const clf_buffer *b, int64_t *begin, int64_t *end) {
  const clf__sorted *const first = b->sorted_count ? before(b, *begin) : NULL;
  const clf__sorted *const last = b->sorted_count ? before(b, *end - 1) : NULL;
  if (!last || end_of(last) <= *begin) return 0;
  if (first && end_of(first) > *begin) *begin = first->begin;
  if (end_of(last) > *end) *end = end_of(last);
  return 1;
}

int64_t clf__sorted_element(const clf_buffer *b, int64_t element) {
  const clf__sorted *const s = before(b, element);
  if (!s || element >= end_of(s)) return element;
  const int32_t i = (int32_t)((element - s->begin) / s->columns);
  const int32_t j = (int32_t)((element - s->begin) % s->columns);
  return s->begin + (int64_t)clf__sorted_index(i, s->rows, s->row_period) * s->columns +
         clf__sorted_index(j, s->columns, s->column_period);
}
