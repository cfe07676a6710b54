/* SPDX-License-Identifier: MIT */
/* mlp_coupling_lanes_nll.cl: the loss and its gradient by vectors.
 *
 * An item takes e.w blocks at a time forward and back, and keeps meanwhile what each coupling
 * computes of them, its hidden units too: nothing is computed twice, and what is kept is still
 * in a cache.  A block's rows are those that couplings share, then each coupling's own. */
#if LANES > 1
static int nll_shared(shape z) { return 3 * z.D + 2 * TM + PART; }
static int nll_own(shape z) { return 3 * z.D + TM + 4 + (z.add ? 1 : 2) * up(z.H, TM); }
/* Coupling l of block k.  DX behind the last coupling's X is where its output goes. */
static void nll_way_of(way *a, global V *mine, shape z, int L, int k, int l) {
  const int rows = nll_shared(z) + L * nll_own(z);
  a->step = rows * WIDE;
  a->DX = AT_ROW(mine, k * rows);
  a->t = AT_ROW(a->DX, z.D);
  a->through = AT_ROW(a->t, z.D + TM);
  a->da = AT_ROW(a->through, z.D + TM);
  a->X = AT_ROW(a->da, PART + l * nll_own(z));
  a->kept = AT_ROW(a->X, z.D);
  a->s = AT_ROW(a->kept, z.D + 4);
  a->ht = AT_ROW(a->s, z.D + TM);
  a->hs = AT_ROW(a->ht, up(z.H, TM));
}

/* A coupling's output, to `next`; the log-determinants of the first `left` samples. */
static V move_on(shape z, split q, way a, int left, global V *next) {
  V logdet = 0;
  for (int k = 0; k < q.keeps; k++)
    for (int v = 0; v < WIDE; v++) AT_ROW(next, q.kept[k])[v] = AT_ROW(a.kept, k)[v];
  for (int m = 0; m < q.moves; m++)
    for (int v = 0; v < WIDE; v++) {
      const V s = z.add ? (V)0 : bounded_v(AT_ROW(a.s, m)[v], z.s_max);
      AT_ROW(next, q.moved[m])[v] = AT_ROW(a.X, q.moved[m])[v] * exp(s) + AT_ROW(a.t, m)[v];
      logdet += lanes_first(s, left - v * LANES);
    }
  return logdet;
}

/* Blocks at hand through coupling l. */
static V nll_on(global float *packed, shape z, int L, int l, global V *mine, int blocks, int left) {
  split q;
  panels T, S;
  way a, o, next;
  V logdet = 0;
  split_of(&q, packed, z, l);
  panels_of(&T, packed, z, q, l, 0);
  panels_of(&S, packed, z, q, l, 1);
  nll_way_of(&a, mine, z, L, 0, l);
  for (int k = 0; k < blocks; k++) {
    nll_way_of(&o, mine, z, L, k, l);
    keep_with_ones(q, o);
  }
  net_again(T, q, a, blocks, a.ht, a.t);
  if (!z.add) net_again(S, q, a, blocks, a.hs, a.s);
  for (int k = 0; k < blocks; k++) {
    nll_way_of(&o, mine, z, L, k, l);
    nll_way_of(&next, mine, z, L, k, l + 1);
    logdet += move_on(z, q, o, left - k * WIDE * LANES, l + 1 < L ? next.X : o.DX);
  }
  return logdet;
}

/* z becomes its gradient; half the squares of the first `left` samples. */
static V nll_turn(shape z, global V *DX, float weight, int left) {
  V half_squares = 0;
  for (int i = 0; i < z.D; i++)
    for (int v = 0; v < WIDE; v++) {
      const V x = lanes_first(AT_ROW(DX, i)[v], left - v * LANES);
      half_squares += 0.5f * x * x;
      AT_ROW(DX, i)[v] = weight * x;
    }
  return half_squares;
}

/* Blocks at hand back through coupling l. */
static void nll_back(global float *packed, shape z, int L, int l, global V *mine, int blocks,
                     int left, float weight, int add) {
  split q;
  panels T, S;
  way a, o;
  split_of(&q, packed, z, l);
  panels_of(&T, packed, z, q, l, 0);
  panels_of(&S, packed, z, q, l, 1);
  nll_way_of(&a, mine, z, L, 0, l);
  for (int k = 0; k < blocks; k++) {
    nll_way_of(&o, mine, z, L, k, l);
    move_back(z, q, o, -weight, left - k * WIDE * LANES, 1);
  }
  net_back(T, q, 0, 0, a, blocks, add, 0, sums_of(packed, z, L, get_global_id(0), l, 0));
  if (!z.add)
    net_back(S, q, 1, 0, a, blocks, add, 1, sums_of(packed, z, L, get_global_id(0), l, 1));
  for (int k = 0; k < blocks; k++) {
    nll_way_of(&o, mine, z, L, k, l);
    pass_through(q, o);
  }
}

#define NLL                                                                                        \
  CLF_IN(x), CLF_IN(b), CLF_IN(w), CLF_OUT(loss), CLF_OUT(dw), const mlp_coupling_nll_args p,      \
      CLF_POOL
#define LOSSES sums_of(PACKED, z, p.b.dim[0], ITEMS, 0, 0) /* of the items */

kernel BY_LANES void mlp_coupling_nll_pack(NLL) {
  const shape z = SHAPE(x);
  PACK_ONE(1);
}

kernel BY_LANES void mlp_coupling_nll(NLL) {
  const shape z = SHAPE(x);
  const int g = get_global_id(0), first = g * e.z, end = min(first + e.z, e.y), L = p.b.dim[0];
  V loss = 0;
  if (ITEMS == 1) PACK_ALL(1);
  for (int k0 = first; k0 < end; k0 += e.w) {
    const int blocks = min(e.w, end - k0), n0 = k0 * WIDE * LANES;
    way a;
    for (int k = 0, n = n0; k < blocks; k++, n += WIDE * LANES) {
      nll_way_of(&a, MINE, z, L, k, 0);
      for (int i = 0; i < z.D; i++) load_row(PTR(x, n, i), p.x.stride[0], z.N - n, AT_ROW(a.X, i));
    }
    for (int l = 0; l < L; l++) loss -= nll_on(PACKED, z, L, l, MINE, blocks, z.N - n0);
    for (int k = 0, n = n0; k < blocks; k++, n += WIDE * LANES) {
      nll_way_of(&a, MINE, z, L, k, 0);
      loss += nll_turn(z, a.DX, p.weight, z.N - n);
    }
    for (int l = L - 1; l >= 0; l--)
      nll_back(PACKED, z, L, l, MINE, blocks, z.N - n0, p.weight, k0 > first);
  }
  LOSSES[g] = lanes_sum(loss);
  if (ITEMS > 1) return;
  *PTR(loss, 0, 0) = p.weight * (LOSSES[0] + z.N * z.D * HALF_LOG_2PI);
  ADD_ALL;
}

/* Item (part, l, net); the first of all adds up the loss. */
kernel BY_LANES void mlp_coupling_nll_add(NLL) {
  const shape z = SHAPE(x);
  ADD_PART;
  if (get_global_id(0) > 0 || get_global_id(1) > 0) return;
  float loss = z.N * z.D * HALF_LOG_2PI;
  for (int g = 0; g < ITEMS; g++) loss += LOSSES[g];
  *PTR(loss, 0, 0) = p.weight * loss;
}
#undef TILE2
#undef TILE4
#undef EACH_OF_TILE
#undef ITEMS
#undef MINE
#undef PACKED
#undef AT_ROW
#undef SHAPE
#undef PACK_ALL
#undef PACK_ONE
#undef FOR_BLOCKS
#undef FOR_ROWS
#undef X_ROW
#undef BEGIN
#undef FINISH
#undef FWD
#undef INV
#undef BWD
#undef NLL
#undef LOSSES
#undef ADD_ALL
#undef ADD_PART
#endif
