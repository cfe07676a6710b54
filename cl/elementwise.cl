/* SPDX-License-Identifier: MIT */
/* elementwise.cl: an item per element. */
#define ELEMENT(t)                                                                                 \
  const int id = get_global_id(0), size_ = p.t.dim[1] * p.t.dim[2] * p.t.dim[3];                   \
  const int n = id / size_, i = id % size_;                                                        \
  if (n >= p.t.dim[0]) return;                                                                     \
  UNPACK(t)

kernel BY_ITEM void copy(CLF_IN(x), CLF_OUT(y), const copy_args p) {
  ELEMENT(x);
  AT(y, n, c, h, w) = AT(x, n, c, h, w);
}

kernel BY_ITEM void fill(CLF_OUT(y), const fill_args p) {
  ELEMENT(y);
  AT(y, n, c, h, w) = p.value;
}

kernel BY_ITEM void axpby(CLF_IN(x), CLF_OUT(y), const axpby_args p) {
  ELEMENT(x);
  const float ax = p.a * AT(x, n, c, h, w);
  AT(y, n, c, h, w) = p.b != 0 ? ax + p.b * AT(y, n, c, h, w) : ax;
}
#undef ELEMENT
