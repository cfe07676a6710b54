/* SPDX-License-Identifier: MIT */
/* columns.cl: a work-item takes EACH pixels of the batch, with one lane one; a pixel's columns are
 * taken one after the other, so that sums have one order. */
#define EACH (LANES > 1 ? 64 : 1)
#define FOR_PIXELS_OF(t)                                                                           \
  const int area = p.t.dim[2] * p.t.dim[3], all = p.t.dim[0] * area;                               \
  const int first = get_global_id(0) * EACH;                                                       \
  for (int k = first, n = k / area, h = k % area / p.t.dim[3], w = k % p.t.dim[3];                 \
       k < min(first + EACH, all);                                                                 \
       k++, n = k / area, h = k % area / p.t.dim[3], w = k % p.t.dim[3])

/* Which of D columns a number names; NaN names the first. */
static int column_of(float number, int D) {
  return number >= D ? D - 1 : number > 0 ? (int)number : 0;
}

kernel BY_LANES void columns_take(CLF_IN(x), CLF_IN(at), CLF_OUT(y), const columns_take_args p) {
  FOR_PIXELS_OF(x) {
    for (int j = 0; j < p.y.dim[1]; j++) {
      const float x = AT(x, n, column_of(AT(at, j, 0, 0, 0), p.x.dim[1]), h, w);
      AT(y, n, j, h, w) = p.beta != 0 ? x + p.beta * AT(y, n, j, h, w) : x;
    }
  }
}

kernel BY_LANES void columns_add(CLF_IN(x), CLF_IN(at), CLF_OUT(y), const columns_add_args p) {
  FOR_PIXELS_OF(x) {
    for (int j = 0; j < p.x.dim[1]; j++)
      AT(y, n, column_of(AT(at, j, 0, 0, 0), p.y.dim[1]), h, w) += AT(x, n, j, h, w);
  }
}
#undef EACH
#undef FOR_PIXELS_OF
