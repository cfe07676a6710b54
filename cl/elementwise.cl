/* SPDX-License-Identifier: MIT */
/* elementwise.cl: an item takes EACH elements: in vectors where all tensors are dense in one
 * order, elsewhere one by one, each at its place. */
#define EACH (LANES > 1 ? 4096 : 1)

#define ELEMENTS(t)                                                                                \
  const int size_ = p.t.dim[1] * p.t.dim[2] * p.t.dim[3], i0 = get_global_id(0) * EACH,            \
            i1 = min(i0 + EACH, size_ * p.t.dim[0])
#define IN_VECTORS for (int i = i0, left = i1 - i0; i < i1; i += LANES, left -= LANES)
#define ONE_BY_ONE                                                                                 \
  for (int k = i0, n = k / size_, i = k % size_; k < i1; k++, n = k / size_, i = k % size_)
#define SIDE_BY_SIDE(t) t##_ + p.t.offset + i, 1, left

kernel BY_LANES void copy(CLF_IN(x), CLF_OUT(y), const copy_args p) {
  ELEMENTS(x);
  if (whole_order(p.x) && whole_order(p.x) == whole_order(p.y))
    IN_VECTORS lanes_store(lanes_load(SIDE_BY_SIDE(x)), SIDE_BY_SIDE(y));
  else
    ONE_BY_ONE {
      UNPACK(x);
      AT(y, n, c, h, w) = AT(x, n, c, h, w);
    }
}

kernel BY_LANES void fill(CLF_OUT(y), const fill_args p) {
  ELEMENTS(y);
  if (whole_order(p.y))
    IN_VECTORS lanes_store((V)p.value, SIDE_BY_SIDE(y));
  else
    ONE_BY_ONE {
      UNPACK(y);
      AT(y, n, c, h, w) = p.value;
    }
}

kernel BY_LANES void axpby(CLF_IN(x), CLF_OUT(y), const axpby_args p) {
  ELEMENTS(x);
  if (whole_order(p.x) && whole_order(p.x) == whole_order(p.y)) IN_VECTORS {
      const V ax = p.a * lanes_load(SIDE_BY_SIDE(x));
      lanes_store(p.b != 0 ? ax + p.b * lanes_load(SIDE_BY_SIDE(y)) : ax, SIDE_BY_SIDE(y));
    }
  else
    ONE_BY_ONE {
      UNPACK(x);
      const float ax = p.a * AT(x, n, c, h, w);
      AT(y, n, c, h, w) = p.b != 0 ? ax + p.b * AT(y, n, c, h, w) : ax;
    }
}

kernel BY_LANES void scale_rows(CLF_IN(a), CLF_OUT(y), const scale_rows_args p) {
  ELEMENTS(y);
  ONE_BY_ONE {
    UNPACK(y);
    AT(y, n, c, h, w) *= AT(a, n, 0, 0, 0);
  }
}

kernel BY_LANES void add_ratio(CLF_IN(a), CLF_IN(b), CLF_OUT(y), const add_ratio_args p) {
  ELEMENTS(y);
  ONE_BY_ONE {
    UNPACK(y);
    AT(y, n, c, h, w) += AT(a, n, c, h, w) / AT(b, n, c, h, w);
  }
}
#undef EACH
#undef ELEMENTS
#undef IN_VECTORS
#undef ONE_BY_ONE
#undef SIDE_BY_SIDE
