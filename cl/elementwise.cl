/* SPDX-License-Identifier: MIT */
/* elementwise.cl: a work-item has 4096 elements, with one lane one.  It takes vectors where all
 * tensors are contiguous in the same order, else single elements. */
#include "lanes.clh"
#include "samples.clh"

#define EACH (LANES > 1 ? 4096 : 1) /* elements of a work-item; ops.def launches it */

/* Elements first .. end - 1 of a tensor, counted through all samples. */
typedef struct {
  int first, end;
} elements_slice;
INLINE elements_slice elements_slice_of(clf_view t) {
  const int first = get_global_id(0) * EACH;
  const elements_slice q = {first, min(first + EACH, sample_size(t) * t.dim[0])};
  return q;
}
/* The elements of a slice, one by one. */
#define FOR_SINGLE(t, q, i)                                                                        \
  for (clf_element i = element_of_batch(t, q.first); i.i < q.end; i = element_after(t, i))
#define ELEMENT(t, i) AT(t, i.n, i.c, i.h, i.w)
/* A vector of a contiguous tensor from element i on, and how it is loaded and stored. */
#define FROM(t, i, q) t##_ + p.t.offset + i, 1, q.end - i

kernel BY_LANES void copy(CLF_IN(x), CLF_OUT(y), const copy_args p) {
  const elements_slice q = elements_slice_of(p.x);
  if (whole_order(p.x) && whole_order(p.x) == whole_order(p.y))
    for (int i = q.first; i < q.end; i += LANES)
      lanes_store(lanes_load(FROM(x, i, q)), FROM(y, i, q));
  else
    FOR_SINGLE(p.x, q, i) ELEMENT(y, i) = ELEMENT(x, i);
}

kernel BY_LANES void fill(CLF_OUT(y), const fill_args p) {
  const elements_slice q = elements_slice_of(p.y);
  if (whole_order(p.y))
    for (int i = q.first; i < q.end; i += LANES) lanes_store((V)p.value, FROM(y, i, q));
  else
    FOR_SINGLE(p.y, q, i) ELEMENT(y, i) = p.value;
}

kernel BY_LANES void axpby(CLF_IN(x), CLF_OUT(y), const axpby_args p) {
  const elements_slice q = elements_slice_of(p.x);
  if (whole_order(p.x) && whole_order(p.x) == whole_order(p.y))
    for (int i = q.first; i < q.end; i += LANES) {
      const V ax = p.a * lanes_load(FROM(x, i, q));
      lanes_store(p.b != 0 ? ax + p.b * lanes_load(FROM(y, i, q)) : ax, FROM(y, i, q));
    }
  else
    FOR_SINGLE(p.x, q, i) {
      const float ax = p.a * ELEMENT(x, i);
      ELEMENT(y, i) = p.b != 0 ? ax + p.b * ELEMENT(y, i) : ax;
    }
}

kernel BY_LANES void scale_rows(CLF_IN(a), CLF_OUT(y), const scale_rows_args p) {
  const elements_slice q = elements_slice_of(p.y);
  FOR_SINGLE(p.y, q, i) ELEMENT(y, i) *= *PTR(a, i.n, 0);
}

kernel BY_LANES void add_ratio(CLF_IN(a), CLF_IN(b), CLF_OUT(y), const add_ratio_args p) {
  const elements_slice q = elements_slice_of(p.y);
  FOR_SINGLE(p.y, q, i) ELEMENT(y, i) += ELEMENT(a, i) / ELEMENT(b, i);
}
