/* SPDX-License-Identifier: MIT */
/* mlp_coupling_lanes_bwd.cl: the way back of couplings by vectors.
 *
 * An item takes all its blocks through a coupling before the next.  What stays from one to
 * the next are X and DX of each block; of e.w blocks at a time it has the rows below, over
 * which it then sums the weight gradients, into sums of its own behind the packed weights.
 * A second launch adds up the items' sums. */
#if LANES > 1
typedef struct { /* rows of one block: s, t and h become their gradients */
  global V *X, *DX, *kept, *s, *t, *through, *hs, *ht, *da;
  int step; /* from here on, to the same row of the next block */
} way;
static int way_rows(shape z, int rebuild) {
  const int H = up(z.H, TM);
  return 4 * z.D + 3 * TM + 4 + H + (rebuild ? H : PART) + PART;
}
static void way_of(way *a, global V *mine, shape z, int rebuild, int blocks, int block, int k) {
  a->step = way_rows(z, rebuild) * WIDE;
  a->X = AT_ROW(mine, 2 * z.D * block);
  a->DX = AT_ROW(a->X, z.D);
  a->kept = AT_ROW(mine, 2 * z.D * blocks) + k * a->step;
  a->s = AT_ROW(a->kept, z.D + 4); /* ones end what is kept, and its rows are taken in fours */
  a->t = AT_ROW(a->s, z.D + TM);
  a->through = AT_ROW(a->t, z.D + TM);
  a->hs = AT_ROW(a->through, z.D + TM);
  a->ht = AT_ROW(a->hs, up(z.H, TM));
  a->da = AT_ROW(a->ht, rebuild ? up(z.H, TM) : PART);
}

/* What a coupling keeps, and ones behind it, whose weights are the bias. */
static void keep_with_ones(split q, way a) {
  keep_rows(q, a.X, a.kept);
  for (int v = 0; v < WIDE; v++) AT_ROW(a.kept, q.keeps)[v] = 1;
}
/* What came through the networks to the rows that are kept. */
static void pass_through(split q, way a) {
  for (int i = 0; i < q.keeps; i++)
    for (int v = 0; v < WIDE; v++) AT_ROW(a.DX, q.kept[i])[v] += AT_ROW(a.through, i)[v];
}

/* The gradient before tanh of units j .. j + rows - 1, from that of what they lead to. */
static void hidden_back(panels p, int moves, int j, int rows, global const V *d, global const V *h,
                        global V *da) {
  for (int j1 = j + rows; j < j1; j += TM, h += TM * WIDE, da += TM * WIDE) {
    global const float *w = p.out_t + j * moves;
    for (int v0 = 0; v0 < WIDE; v0 += 2) {
      V acc[TM][2];
      EACH_OF_TILE(TM, 2) acc[r][v] = 0;
      TILE2(moves, w, d + v0)
      EACH_OF_TILE(TM, 2) {
        const V y = h[r * WIDE + v0 + v];
        da[r * WIDE + v0 + v] = acc[r][v] * (1 - y * y);
      }
    }
  }
}

/* sums[rows][cols, filled up to fours] (+)= a b^T over the samples, in their order. */
static void add_outer(global const V *a, int rows, global const V *b, int cols, int step,
                      int blocks, int add, global float *sums) {
  for (int r0 = 0; r0 < rows; r0 += HALF)
    for (int c0 = 0; c0 < cols; c0 += 4) {
      V acc[HALF][4];
      EACH_OF_TILE(HALF, 4) acc[r][v] = 0;
      global const V *ar = AT_ROW(a, r0), *bc = AT_ROW(b, c0);
      for (int k = 0; k < blocks; k++, ar += step, bc += step)
#pragma unroll 1
        for (int n = 0; n < WIDE; n++) {
          V av[HALF];
#pragma unroll
          for (int r = 0; r < HALF; r++) av[r] = AT_ROW(ar, r)[n];
#pragma unroll
          for (int v = 0; v < 4; v++) {
            const V bv = AT_ROW(bc, v)[n];
#pragma unroll
            for (int r = 0; r < HALF; r++) acc[r][v] = fma(av[r], bv, acc[r][v]);
          }
        }
#pragma unroll
      for (int r = 0; r < HALF; r++) {
        global float *to = sums + (r0 + r) * up(cols, 4) + c0;
        const float4 sum = lanes_sum4(acc[r][0], acc[r][1], acc[r][2], acc[r][3]);
        vstore4(add ? vload4(0, to) + sum : sum, 0, to);
      }
    }
}

/* Sums of a network's gradients: in [H][keeps + 1], out [H][moves], in fours; and its bias. */
static int sums_room(shape z) { return (z.add ? 1 : 2) * (up(z.H, TM) * (z.D + 7) + z.D); }
static global float *sums_of(global float *packed, shape z, int L, int g, int l, int net) {
  global float *at = packed + (size_t)L * packed_room(z) + ((size_t)g * L + l) * sums_room(z);
  return at + net * (up(z.H, TM) * (z.D + 7) + z.D);
}

static void add_bias(way a, int net, int moves, int blocks, int add, global float *sums) {
  for (int m = 0; m < moves; m++) {
    global const V *d = AT_ROW(net ? a.s : a.t, m);
    V sum = 0;
    for (int k = 0; k < blocks; k++, d += a.step)
      for (int v = 0; v < WIDE; v++) sum += d[v];
    sums[m] = (add ? sums[m] : 0) + lanes_sum(sum);
  }
}

/* Back through one network: what comes through to its input, and its sums. */
static void net_back(panels p, split q, int net, int stored, way a, int blocks, int add,
                     int add_through, global float *sums) {
  const int C = up(q.keeps + 1, 4), M = up(q.moves, 4);
  global const V *d = net ? a.s : a.t;
  for (int j = 0; j < p.H; j += PART) {
    const int cols = min((int)PART, p.H - j), forgotten = !net && stored;
    global V *h = net ? AT_ROW(a.hs, j) : forgotten ? a.ht : AT_ROW(a.ht, j);
    for (int k = 0, at = 0; k < blocks; k++, at += a.step) {
      if (forgotten) hidden(p, q.keeps, j, cols, a.kept + at, h + at);
      hidden_back(p, q.moves, j, cols, d + at, h + at, a.da + at);
      add_rows(p.in_t, q.keeps, p.H, j, cols, add_through || j > 0, 0, a.da + at, a.through + at);
    }
    add_outer(a.da, cols, a.kept, q.keeps + 1, a.step, blocks, add, sums + j * C);
    add_outer(h, cols, d, q.moves, a.step, blocks, add, sums + p.H * C + j * M);
  }
  add_bias(a, net, q.moves, blocks, add, sums + p.H * (C + M));
}

/* s and t as their networks give them become their gradients, X the coupling's input, DX what
 * reaches it directly.  With what forward stored X is the input already; else it is rebuilt. */
static void move_back(shape z, split q, way a, float dlogdet, int left, int stored) {
  for (int m = 0; m < q.moves; m++)
    for (int v = 0; v < WIDE; v++) {
      global V *x = AT_ROW(a.X, q.moved[m]) + v, *dx = AT_ROW(a.DX, q.moved[m]) + v;
      global V *s = AT_ROW(a.s, m) + v, *t = AT_ROW(a.t, m) + v;
      const V h = z.add ? (V)0 : *s, log_scale = bounded_v(h, z.s_max), scale = exp(log_scale);
      const V xs = stored ? *x * scale : *x - *t; /* x exp(s) */
      const V dl = lanes_first((V)dlogdet, left - v * LANES), d = *dx;
      if (!stored) *x = xs * exp(-log_scale);
      *dx = d * scale;
      *s = (d * xs + dl) * bounded_slope_v(h, z.s_max);
      *t = d;
    }
}

/* Outputs of a network, its hidden units kept. */
static void net_again(panels p, split q, way a, int blocks, global V *h, global V *out) {
  for (int j = 0; j < p.H; j += PART) {
    const int cols = min((int)PART, p.H - j);
    for (int k = 0, at = 0; k < blocks; k++, at += a.step) {
      hidden(p, q.keeps, j, cols, a.kept + at, AT_ROW(h, j) + at);
      add_rows(p.out, q.moves, p.H, j, cols, j > 0, p.bias, AT_ROW(h, j) + at, out + at);
    }
  }
}

#define BWD                                                                                        \
  CLF_IN(y), CLF_IN(dy), CLF_IN(b), CLF_IN(w), CLF_IN(acts), CLF_OUT(x), CLF_OUT(dx), CLF_OUT(dw), \
      const mlp_coupling_bwd_args p, CLF_POOL

/* Adds the items' sums, in their order, of units j0 .. j1 - 1 of a network to dw. */
static void add_sums(global float *packed, shape z, int L, int items, int l, int net, int j0,
                     int j1, global float *dw) {
  split q;
  split_of(&q, packed, z, l);
  const nets A = nets_of(dw, z);
  global float *in = (global float *)(net ? A.S1 : A.T1),
               *out = (global float *)(net ? A.S2 : A.T2);
  const int C = up(q.keeps + 1, 4), M = up(q.moves, 4), H = up(z.H, TM), next = L * sums_room(z);
  global const float *first = sums_of(packed, z, L, 0, l, net);
  float of[4];
  for (int j = j0; j < j1; j++)
    for (int c = 0; c < C + M; c += 4) {
      global const float *at = first + (c < C ? j * C + c : H * C + j * M + c - C);
      float4 sum = 0;
      for (int g = 0; g < items; g++, at += next) sum += vload4(0, at);
      vstore4(sum, 0, of);
      for (int i = 0; i < 4; i++)
        if (c < C && c + i <= q.keeps)
          in[j * (z.D + 1) + (c + i < q.keeps ? q.kept[c + i] : z.D)] += of[i];
        else if (c >= C && c - C + i < q.moves)
          out[q.moved[c - C + i] * (z.H + 1) + j] += of[i];
    }
  for (int m = 0; m < q.moves && j0 == 0; m++) {
    global const float *at = first + H * (C + M) + m;
    float sum = 0;
    for (int g = 0; g < items; g++, at += next) sum += *at;
    out[q.moved[m] * (z.H + 1) + z.H] += sum;
  }
}

/* The sums of a lone item; and of all items, those of (part, l, net). */
#define ADD_ALL                                                                                    \
  for (int l = 0; l < p.b.dim[0]; l++)                                                             \
    for (int net = 0; net < (z.add ? 1 : 2); net++)                                                \
  add_sums(PACKED, z, p.b.dim[0], 1, l, net, 0, z.H, PTR(dw, l, 0))
#define ADD_PART                                                                                   \
  {                                                                                                \
    const int j = get_global_id(0) * PART, l = get_global_id(1) % p.b.dim[0];                      \
    add_sums(PACKED, z, p.b.dim[0], ITEMS, l, get_global_id(1) / p.b.dim[0], j,                    \
             min(j + PART, z.H), PTR(dw, l, 0));                                                   \
  }

/* Blocks k0 .. of an item back through coupling l. */
static void back(BWD, int l, int k0, int first, int end, int blocks) {
  const shape z = SHAPE(y);
  const int stored = p.acts.dim[0] > 0, L = p.b.dim[0], wide = WIDE * LANES;
  split q;
  split_of(&q, PACKED, z, l);
  way a;
  way_of(&a, MINE, z, !stored, end - first, k0 - first, 0);
  global float *sums = sums_of(PACKED, z, L, get_global_id(0), l, 0);
  for (int k = 0, n0 = k0 * wide; k < blocks; k++, n0 += wide) {
    way o;
    way_of(&o, MINE, z, !stored, end - first, k0 - first + k, k);
    for (int i = 0; i < z.D; i++) {
      if (stored)
        load_row(&AT(acts, l, i, n0, 0), p.acts.stride[2], z.N - n0, AT_ROW(o.X, i));
      else if (l == L - 1)
        load_row(PTR(y, n0, i), p.y.stride[0], z.N - n0, AT_ROW(o.X, i));
      if (l == L - 1) load_row(PTR(dy, n0, i), p.dy.stride[0], z.N - n0, AT_ROW(o.DX, i));
    }
    keep_with_ones(q, o);
  }
  panels T, S;
  panels_of(&T, PACKED, z, q, l, 0);
  panels_of(&S, PACKED, z, q, l, 1);
  if (!stored) net_again(T, q, a, blocks, a.ht, a.t);
  if (!z.add) net_again(S, q, a, blocks, a.hs, a.s);
  for (int k = 0; k < blocks; k++) {
    way o;
    way_of(&o, MINE, z, !stored, end - first, k0 - first + k, k);
    move_back(z, q, o, p.dlogdet, z.N - (k0 + k) * wide, stored);
  }
  net_back(T, q, 0, stored, a, blocks, k0 > first, 0, sums);
  if (!z.add)
    net_back(S, q, 1, stored, a, blocks, k0 > first, 1,
             sums_of(PACKED, z, L, get_global_id(0), l, 1));
  for (int k = 0; k < blocks; k++) {
    way o;
    way_of(&o, MINE, z, !stored, end - first, k0 - first + k, k);
    pass_through(q, o);
  }
}

kernel BY_LANES void mlp_coupling_bwd_pack(BWD) {
  const shape z = SHAPE(y);
  PACK_ONE(1);
}

kernel BY_LANES void mlp_coupling_bwd(BWD) {
  const shape z = SHAPE(y);
  const int first = get_global_id(0) * e.z, end = min(first + e.z, e.y), L = p.b.dim[0];
  if (ITEMS == 1) PACK_ALL(1);
  for (int l = L - 1; l >= 0; l--)
    for (int k = first; k < end; k += e.w)
      back(y_, dy_, b_, w_, acts_, x_, dx_, dw_, p, pool, e, l, k, first, end, min(e.w, end - k));
  for (int k = first; k < end; k++) {
    const int n0 = k * WIDE * LANES;
    way o;
    way_of(&o, MINE, z, p.acts.dim[0] == 0, end - first, k - first, 0);
    for (int i = 0; i < z.D; i++) {
      store_row(AT_ROW(o.DX, i), PTR(dx, n0, i), p.dx.stride[0], z.N - n0);
      if (p.x.dim[0] > 0) store_row(AT_ROW(o.X, i), PTR(x, n0, i), p.x.stride[0], z.N - n0);
    }
  }
  if (ITEMS == 1) ADD_ALL;
}

/* Item (part, l, net). */
kernel BY_LANES void mlp_coupling_bwd_add(BWD) {
  const shape z = SHAPE(y);
  ADD_PART;
}
#endif
