/* SPDX-License-Identifier: MIT */
/* mlp_coupling_lanes.cl: couplings with vectors, forward and inverse.  The blocks of a work-item go
 * through all couplings, e.at_once of them together: mlp_coupling_lanes.clh has the picture. */
#include "mlp_coupling_lanes.clh"

#if LANES > 1
/* Rows of block k; the hidden units are those of whichever block is next. */
typedef struct {
  global V *X, *in, *s, *t, *logdet, *h;
} mlp_rows;
static void mlp_rows_of(mlp_rows *a, global V *mine, mlp_shape z, int k) {
  a->h = mine;
  a->X = MLP_ROW(mine, MLP_UNITS + k * (4 * z.D + 2 * TM + 1));
  a->in = MLP_ROW(a->X, z.D);
  a->s = MLP_ROW(a->in, z.D);
  a->t = MLP_ROW(a->s, z.D + TM);
  a->logdet = MLP_ROW(a->t, z.D + TM);
}

/* The transformed rows of a block, from s and t. */
static void mlp_transform(mlp_shape z, mlp_dims q, mlp_rows a, int inverse) {
  for (int m = 0; m < q.transformed; m++)
    for (int v = 0; v < MLP_BLOCK; v++) {
      global V *x = MLP_ROW(a.X, q.transformed_dim[m]) + v;
      const V s = z.add ? (V)0 : bounded_v(MLP_ROW(a.s, m)[v], z.s_max), t = MLP_ROW(a.t, m)[v];
      *x = inverse ? (*x - t) * exp(-s) : *x * exp(s) + t;
      a.logdet[v] += inverse ? -s : s;
    }
}

/* `count` blocks through coupling l. */
static void mlp_through(global float *packed, mlp_shape z, int l, int inverse, global V *mine,
                        int count) {
  mlp_dims q;
  mlp_dims_of(&q, packed, z, l);
  for (int k = 0; k < count; k++) {
    mlp_rows a;
    mlp_rows_of(&a, mine, z, k);
    mlp_gather(q, a.X, a.in);
  }
  for (int net = 0; net < (z.add ? 1 : 2); net++) {
    mlp_panels p;
    mlp_panels_of(&p, packed, z, q, l, net);
    for (int j = 0; j < p.H; j += MLP_UNITS) {
      const int cols = min((int)MLP_UNITS, p.H - j);
      for (int k = 0; k < count; k++) {
        mlp_rows a;
        mlp_rows_of(&a, mine, z, k);
        mlp_hidden(p, q.identity, j, cols, a.in, a.h);
        mlp_add_rows(p.out, q.transformed, p.H, j, cols, j > 0, p.bias, a.h, net ? a.s : a.t);
      }
    }
  }
  for (int k = 0; k < count; k++) {
    mlp_rows a;
    mlp_rows_of(&a, mine, z, k);
    mlp_transform(z, q, a, inverse);
  }
}

/* `count` blocks from block k0 on: their samples to rows, and these and their log-dets back. */
static void mlp_begin(global const float *x, clf_view t, mlp_shape z, global V *mine, int k0,
                      int count) {
  for (int k = 0; k < count; k++) {
    mlp_rows a;
    mlp_rows_of(&a, mine, z, k);
    mlp_load(x, t, z, (k0 + k) * MLP_BLOCK * LANES, a.X);
    for (int v = 0; v < MLP_BLOCK; v++) a.logdet[v] = 0;
  }
}
static void mlp_finish(global float *y, clf_view t, global float *logdet, clf_view logdet_view,
                       mlp_shape z, global V *mine, int k0, int count) {
  const int stride = logdet_view.stride[0];
  for (int k = 0; k < count; k++) {
    mlp_rows a;
    mlp_rows_of(&a, mine, z, k);
    mlp_store(a.X, z, (k0 + k) * MLP_BLOCK * LANES, y, t);
    for (int v = 0; v < MLP_BLOCK; v++) {
      const int n = ((k0 + k) * MLP_BLOCK + v) * LANES;
      global float *at = logdet + logdet_view.offset + n * stride;
      lanes_store(lanes_load(at, stride, z.N - n) + a.logdet[v], at, stride, z.N - n);
    }
  }
}

/* A work-item for each coupling. */
kernel BY_LANES void mlp_coupling_fwd_pack(CLF_IN(x), CLF_IN(b), CLF_IN(w), CLF_OUT(acts),
                                           CLF_OUT(y), CLF_OUT(logdet),
                                           const mlp_coupling_fwd_args p,
                                           CLF_SCRATCH(mlp_lanes_plan)) {
  mlp_lanes m;
  mlp_lanes_of(&m, scratch, e);
  mlp_pack(b_, p.b, w_, p.w, mlp_shape_of(p.x, p.hidden, p.add, p.s_max), 0, m.packed,
           get_global_id(0));
}
kernel BY_LANES void mlp_coupling_inv_pack(CLF_IN(y), CLF_IN(b), CLF_IN(w), CLF_OUT(x),
                                           CLF_OUT(logdet), const mlp_coupling_inv_args p,
                                           CLF_SCRATCH(mlp_lanes_plan)) {
  mlp_lanes m;
  mlp_lanes_of(&m, scratch, e);
  mlp_pack(b_, p.b, w_, p.w, mlp_shape_of(p.y, p.hidden, p.add, p.s_max), 0, m.packed,
           get_global_id(0));
}

kernel BY_LANES void mlp_coupling_fwd(CLF_IN(x), CLF_IN(b), CLF_IN(w), CLF_OUT(acts), CLF_OUT(y),
                                      CLF_OUT(logdet), const mlp_coupling_fwd_args p,
                                      CLF_SCRATCH(mlp_lanes_plan)) {
  const mlp_shape z = mlp_shape_of(p.x, p.hidden, p.add, p.s_max);
  const int L = p.b.dim[0];
  mlp_lanes m;
  mlp_lanes_of(&m, scratch, e);
  for (int l = 0; l < L && m.items == 1; l++) mlp_pack(b_, p.b, w_, p.w, z, 0, m.packed, l);
  for (int k0 = m.first; k0 < m.end; k0 += e.at_once) {
    const int count = min(e.at_once, m.end - k0);
    mlp_begin(x_, p.x, z, m.mine, k0, count);
    for (int l = 0; l < L; l++) {
      for (int k = 0; k < count && p.acts.dim[0] > 0; k++) {
        const int n0 = (k0 + k) * MLP_BLOCK * LANES;
        mlp_rows a;
        mlp_rows_of(&a, m.mine, z, k);
        for (int i = 0; i < z.D; i++)
          mlp_store_row(MLP_ROW(a.X, i), &AT(acts, l, i, n0, 0), p.acts.stride[2], z.N - n0);
      }
      mlp_through(m.packed, z, l, 0, m.mine, count);
    }
    mlp_finish(y_, p.y, logdet_, p.logdet, z, m.mine, k0, count);
  }
}

kernel BY_LANES void mlp_coupling_inv(CLF_IN(y), CLF_IN(b), CLF_IN(w), CLF_OUT(x), CLF_OUT(logdet),
                                      const mlp_coupling_inv_args p, CLF_SCRATCH(mlp_lanes_plan)) {
  const mlp_shape z = mlp_shape_of(p.y, p.hidden, p.add, p.s_max);
  const int L = p.b.dim[0];
  mlp_lanes m;
  mlp_lanes_of(&m, scratch, e);
  for (int l = 0; l < L && m.items == 1; l++) mlp_pack(b_, p.b, w_, p.w, z, 0, m.packed, l);
  for (int k0 = m.first; k0 < m.end; k0 += e.at_once) {
    const int count = min(e.at_once, m.end - k0);
    mlp_begin(y_, p.y, z, m.mine, k0, count);
    for (int l = L - 1; l >= 0; l--) mlp_through(m.packed, z, l, 1, m.mine, count);
    mlp_finish(x_, p.x, logdet_, p.logdet, z, m.mine, k0, count);
  }
}
#endif
