/* SPDX-License-Identifier: MIT */
/* divide.c: rows that the members of a group evaluate together: each takes whole chunks, so that
 * every row is computed in the chunk in which one device computes it, with the same bits. */
#include <stdlib.h>
#include "clflow/group.h"
#include "flow_private.h"

int64_t clf_flow_chunk(const clf_flow *f) { return f ? clf__flow_chunk(f) : 0; }

/* The first row of a member's. */
static int64_t begin_of(const clf_flow *f, int64_t n, int32_t rank) {
  const int64_t maximum = clf__flow_chunk(f), chunks = (n + maximum - 1) / maximum;
  const int64_t row = chunks * rank / clf_group_size(f->members) * maximum;
  return row < n ? row : n;
}

void clf__flow_own_rows(const clf_flow *f, int64_t n, int64_t *begin, int64_t *end) {
  const int32_t rank = clf_group_rank(f->members);
  *begin = f->members ? begin_of(f, n, rank) : 0;
  *end = f->members ? begin_of(f, n, rank + 1) : n;
}

clf_status clf__flow_gather_rows(const clf_flow *f, int64_t n, clf_status s, double *logp) {
  if (!f->members) return s;
  const int32_t size = clf_group_size(f->members);
  int64_t *first = malloc(((size_t)size + 1) * sizeof *first);
  if (!first && !s) s = clf__fail(CLF_ENOMEM, "no memory for the rows of %d members", (int)size);
  s = clf_group_agree(f->members, s);
  for (int32_t r = 0; r <= size && !s; r++) first[r] = begin_of(f, n, r) * (int64_t)sizeof *logp;
  if (!s) s = clf_group_gather_parts(f->members, logp, first);
  free(first);
  return s;
}
