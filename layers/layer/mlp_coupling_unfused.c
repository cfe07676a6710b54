/* SPDX-License-Identifier: MIT */
/* mlp_coupling_unfused.c: couplings as matrix products, for nets so large that this is faster
 * than one launch.  Forward stores each coupling's input, or backward rebuilds it from the
 * output; backward recomputes hidden units. */
#include "mlp_coupling.h"

/* Tensors of clf__layer_memory: the couplings' inputs (L, rows, D), or two of them used
 * alternately; masked input, hidden units and outputs of the nets; their gradients, and two
 * tensors for dx (2, rows, D). */
enum { XS, XB, HS, HT, S, T, DXB, DS, DT, RAW, DA, DX2 };

clf_status clf__unfused_plan(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                             clf__layer_memory *k) {
  const int32_t D = l->spec.dim, H = l->spec.hidden, L = l->count;
  CLF_TRY(clf_new(a, (int32_t[4]){train == CLF_STORED ? L : 2, rows, D}, &k->t[XS]));
  for (int i = XB; i <= (train ? DA : T); i++) {
    const int wide = i == HS || i == HT || i == RAW || i == DA;
    CLF_TRY(clf_new(a, (int32_t[4]){rows, wide ? H : D}, &k->t[i]));
  }
  return train ? clf_new(a, (int32_t[4]){2, rows, D}, &k->t[DX2]) : CLF_OK;
}

/* Rows 0 .. n - 1 of matrix i of a stack. */
static clf_tensor layer_of(clf_tensor stack, int i, int32_t n) {
  return clf__matrix((clf_tensor){.buf = stack.buf, .offset = stack.offset},
                     (int64_t)i * stack.stride[0], n, stack.dim[2], stack.stride[1]);
}
static const clf__mlp_own *own_of(const clf__layer *l, int i) { return l[i].own; }
static clf_tensor mask_of(const clf__layer *l, const clf__pass *p, int i) {
  return clf__weight(p, &own_of(l, i)->b);
}

/* The weights of coupling i's nets, or their gradients. */
typedef struct networks_of {
  clf_tensor S1, s1, S2, s2, T1, t1, T2,
      t2; /* matrices and biases; additive couplings have no S and s */
} networks_of;
static networks_of nets_of(const clf__layer *l, int i, const clf__vectors *v) {
  const clf__mlp_own *o = own_of(l, i);
  return (networks_of){clf__slot_tensor(v, &o->S1), clf__slot_tensor(v, &o->s1),
                       clf__slot_tensor(v, &o->S2), clf__slot_tensor(v, &o->s2),
                       clf__slot_tensor(v, &o->T1), clf__slot_tensor(v, &o->t1),
                       clf__slot_tensor(v, &o->T2), clf__slot_tensor(v, &o->t2)};
}

/* out = A2 tanh(A1 x + a1) + a2 */
static clf_status network(clf_device *dev, clf_tensor A1, clf_tensor a1, clf_tensor A2,
                          clf_tensor a2, clf_tensor x, clf_tensor h, clf_tensor out) {
  CLF_TRY(clf_do(dev, gemm, .a = x, .b = A1, .bias = a1, .c = h, .tb = 1, .act = CLF_ACT_tanh,
                 .alpha = 1));
  return clf_do(dev, gemm, .a = h, .b = A2, .bias = a2, .c = out, .tb = 1, .alpha = 1);
}

/* Both nets of coupling i at x, into S and T of k. */
static clf_status run_nets(const clf__layer *l, const clf__pass *p, const clf__layer_memory *k,
                           int i, clf_tensor x) {
  const int32_t n = x.dim[0];
  const networks_of A = nets_of(l, i, &p->weights);
  const clf_tensor xb = clf__rows(k->t[XB], n);
  CLF_TRY(clf_do(p->dev, mask_apply, .x = x, .b = mask_of(l, p, i), .y = xb));
  if (!clf__mlp_adds(l))
    CLF_TRY(
        network(p->dev, A.S1, A.s1, A.S2, A.s2, xb, clf__rows(k->t[HS], n), clf__rows(k->t[S], n)));
  return network(p->dev, A.T1, A.t1, A.T2, A.t2, xb, clf__rows(k->t[HT], n), clf__rows(k->t[T], n));
}

clf_status clf__unfused_forward(const clf__layer *l, const clf__pass *p, const clf__layer_memory *k,
                                clf_tensor x, clf_tensor y, clf_tensor logdet) {
  const int32_t n = x.dim[0], L = l->count;
  const int all = p->mode && !k->rebuilt.buf;
  const clf_tensor s = clf__rows(k->t[S], n), t = clf__rows(k->t[T], n);
  CLF_TRY(clf_do(p->dev, copy, .x = x, .y = layer_of(k->t[XS], 0, n)));
  for (int i = 0; i < L; i++) {
    const clf_tensor in = layer_of(k->t[XS], all ? i : i % 2, n);
    const clf_tensor out = i == L - 1 ? y : layer_of(k->t[XS], all ? i + 1 : (i + 1) % 2, n);
    CLF_TRY(run_nets(l, p, k, i, in));
    if (clf__mlp_adds(l))
      CLF_TRY(
          clf_do(p->dev, additive, .x = in, .t = t, .b = mask_of(l, p, i), .y = out, .sign = 1));
    else
      CLF_TRY(clf_do(p->dev, affine_fwd, .x = in, .h = s, .t = t, .b = mask_of(l, p, i), .y = out,
                     .logdet = logdet, .s_max = (float)l->spec.s_max));
  }
  return CLF_OK;
}

clf_status clf__unfused_inverse(const clf__layer *l, const clf__pass *p, const clf__layer_memory *k,
                                clf_tensor y, clf_tensor x, clf_tensor logdet) {
  const int32_t n = y.dim[0];
  const clf_tensor s = clf__rows(k->t[S], n), t = clf__rows(k->t[T], n);
  for (int i = l->count - 1; i >= 0; i--) {
    const clf_tensor in = i == l->count - 1 ? y : layer_of(k->t[XS], i % 2, n);
    const clf_tensor out = i == 0 ? x : layer_of(k->t[XS], (i + 1) % 2, n);
    CLF_TRY(run_nets(l, p, k, i, in));
    if (clf__mlp_adds(l))
      CLF_TRY(
          clf_do(p->dev, additive, .x = in, .t = t, .b = mask_of(l, p, i), .y = out, .sign = -1));
    else
      CLF_TRY(clf_do(p->dev, affine_inv, .y = in, .h = s, .t = t, .b = mask_of(l, p, i), .x = out,
                     .logdet = logdet, .s_max = (float)l->spec.s_max));
  }
  return CLF_OK;
}

/* Backward through one net: dA2 += dout^T h, da = (dout A2) (1 - h^2), dA1 += da^T x, and the
 * biases likewise.  `raw` holds dout A2. */
static clf_status network_back(clf_device *dev, clf_tensor A2, clf_tensor dA1, clf_tensor da1,
                               clf_tensor dA2, clf_tensor da2, clf_tensor x, clf_tensor h,
                               clf_tensor dout, clf_tensor raw, clf_tensor da) {
  CLF_TRY(clf_do(dev, gemm, .a = dout, .b = h, .c = dA2, .ta = 1, .alpha = 1, .beta = 1));
  CLF_TRY(clf_do(dev, sum_rows, .x = dout, .y = da2, .beta = 1));
  CLF_TRY(clf_do(dev, gemm, .a = dout, .b = A2, .c = raw, .alpha = 1));
  CLF_TRY(clf_do(dev, act_bwd, .y = h, .dy = raw, .dx = da, .act = CLF_ACT_tanh));
  CLF_TRY(clf_do(dev, gemm, .a = da, .b = x, .c = dA1, .ta = 1, .alpha = 1, .beta = 1));
  return clf_do(dev, sum_rows, .x = da, .y = da1, .beta = 1);
}

/* The input of coupling i from its output y.  The outputs of its nets are available, since the
 * nets read the identity dimensions, which are equal in both. */
static clf_status rebuild(const clf__layer *l, const clf__pass *p, const clf__layer_memory *k,
                          int i, clf_tensor y, clf_tensor in) {
  const int32_t n = y.dim[0];
  const clf_tensor s = clf__rows(k->t[S], n), t = clf__rows(k->t[T], n), b = mask_of(l, p, i);
  if (clf__mlp_adds(l))
    return clf_do(p->dev, additive, .x = y, .t = t, .b = b, .y = in, .sign = -1);
  return clf_do(p->dev, affine_inv, .y = y, .h = s, .t = t, .b = b, .x = in,
                .logdet = clf__rows(k->unused, n), .s_max = (float)l->spec.s_max);
}

/* From DS and DT, the gradients by the outputs of the nets of coupling i: adds to the gradients
 * of their weights, and to dx, which has the direct part already. */
static clf_status backward_nets(const clf__layer *l, const clf__pass *p, const clf__layer_memory *k,
                                int i, clf_tensor dx) {
  const int32_t n = dx.dim[0];
  const int scales = !clf__mlp_adds(l);
  const networks_of A = nets_of(l, i, &p->weights), G = nets_of(l, i, &p->gradients);
  clf_tensor v[CLF_KEPT];
  for (int j = XB; j <= DA; j++) v[j] = clf__rows(k->t[j], n);
  if (scales) {
    CLF_TRY(network_back(p->dev, A.S2, G.S1, G.s1, G.S2, G.s2, v[XB], v[HS], v[DS], v[RAW], v[DA]));
    CLF_TRY(clf_do(p->dev, gemm, .a = v[DA], .b = A.S1, .c = v[DXB], .alpha = 1));
  }
  CLF_TRY(network_back(p->dev, A.T2, G.T1, G.t1, G.T2, G.t2, v[XB], v[HT], v[DT], v[RAW], v[DA]));
  CLF_TRY(
      clf_do(p->dev, gemm, .a = v[DA], .b = A.T1, .c = v[DXB], .alpha = 1, .beta = scales ? 1 : 0));
  return clf_do(p->dev, mask_apply, .x = v[DXB], .b = mask_of(l, p, i), .y = dx, .beta = 1);
}

/* dL/dx of coupling i from dL/dy: directly, and through the nets.  `in` is its input; or, with
 * an output y, where the rebuilt input is written. */
static clf_status coupling_back(const clf__layer *l, const clf__pass *p, const clf__layer_memory *k,
                                int i, clf_tensor in, const clf_tensor *y, clf_tensor dy,
                                clf_tensor dx) {
  const int32_t n = dy.dim[0];
  const clf_tensor b = mask_of(l, p, i), ds = clf__rows(k->t[DS], n), dt = clf__rows(k->t[DT], n);
  CLF_TRY(run_nets(l, p, k, i, y ? *y : in));
  if (y) CLF_TRY(rebuild(l, p, k, i, *y, in));
  if (!clf__mlp_adds(l)) {
    CLF_TRY(clf_do(p->dev, affine_bwd, .x = in, .h = clf__rows(k->t[S], n), .b = b, .dy = dy,
                   .dx = dx, .dh = ds, .dt = dt, .s_max = (float)l->spec.s_max, .dl = p->each,
                   .dlogdet = p->dlogdet));
  } else {
    CLF_TRY(clf_do(p->dev, copy, .x = dy, .y = dx));
    CLF_TRY(clf_do(p->dev, additive_bwd, .b = b, .dy = dy, .dt = dt, .sign = 1));
  }
  return backward_nets(l, p, k, i, dx);
}

clf_status clf__unfused_backward(const clf__layer *l, const clf__pass *p,
                                 const clf__layer_memory *k, clf_tensor y, clf_tensor dy,
                                 clf_tensor dx) {
  const int32_t n = y.dim[0], L = l->count;
  const int recompute = k->rebuilt.buf != NULL;
  if (recompute) CLF_TRY(clf_do(p->dev, fill, .y = clf__rows(k->unused, n), .value = 0));
  for (int i = L - 1; i >= 0; i--) { /* gradients alternate between two tensors */
    const clf_tensor from = i == L - 1 ? dy : layer_of(k->t[DX2], (i + 1) % 2, n);
    const clf_tensor in = recompute && i == 0 ? clf__rows(k->rebuilt, n)
                                              : layer_of(k->t[XS], recompute ? i % 2 : i, n);
    CLF_TRY(coupling_back(l, p, k, i, in, recompute ? &y : NULL, from,
                          i == 0 ? dx : layer_of(k->t[DX2], i % 2, n)));
    y = in;
  }
  return CLF_OK;
}

/* ---- Through the inverse --------------------------------------------------------------------- */

/* x = (y - t) exp(-s) has dL/dt = -e and dL/ds = -e x exp(s) - dL/dlogdet, where e = dx exp(-s)
 * is dL/dy: what affine_bwd computes from -e in place of dL/dy. */
static clf_status affine_inverse_back(const clf__layer *l, const clf__pass *p,
                                      const clf__layer_memory *k, clf_tensor b, clf_tensor in,
                                      clf_tensor dx, clf_tensor dy) {
  const int32_t n = dx.dim[0];
  const clf_tensor s = clf__rows(k->t[S], n), none = clf__rows(k->t[T], n);
  const clf_tensor minus = clf__rows(k->t[DXB], n), ds = clf__rows(k->t[DS], n);
  const clf_tensor logdet = clf__vector(k->t[DS], 0, n, 1);
  CLF_TRY(clf_do(p->dev, fill, .y = none, .value = 0));
  CLF_TRY(clf_do(p->dev, fill, .y = logdet, .value = 0));
  CLF_TRY(clf_do(p->dev, affine_inv, .y = dx, .h = s, .t = none, .b = b, .x = dy, .logdet = logdet,
                 .s_max = (float)l->spec.s_max));
  CLF_TRY(clf_do(p->dev, axpby, .x = dy, .y = minus, .a = -1));
  return clf_do(p->dev, affine_bwd, .x = in, .h = s, .b = b, .dy = minus, .dx = none, .dh = ds,
                .dt = clf__rows(k->t[DT], n), .s_max = (float)l->spec.s_max, .dl = p->each,
                .dlogdet = -p->dlogdet);
}

/* dL/dy of coupling i, whose input is `in`, from dL/dx. */
static clf_status inverse_back(const clf__layer *l, const clf__pass *p, const clf__layer_memory *k,
                               int i, clf_tensor in, clf_tensor dx, clf_tensor dy) {
  const clf_tensor b = mask_of(l, p, i), dt = clf__rows(k->t[DT], dx.dim[0]);
  CLF_TRY(run_nets(l, p, k, i, in));
  if (!clf__mlp_adds(l)) {
    CLF_TRY(affine_inverse_back(l, p, k, b, in, dx, dy));
  } else {
    CLF_TRY(clf_do(p->dev, copy, .x = dx, .y = dy));
    CLF_TRY(clf_do(p->dev, additive_bwd, .b = b, .dy = dx, .dt = dt, .sign = -1));
  }
  return backward_nets(l, p, k, i, dy);
}

clf_status clf__unfused_backward_inverse(const clf__layer *l, const clf__pass *p,
                                         const clf__layer_memory *k, clf_tensor x, clf_tensor dx,
                                         clf_tensor dy) {
  const int32_t n = x.dim[0], L = l->count;
  const clf_tensor unused = clf__vector(k->t[DS], 0, n, 1);
  clf__pass keep = *p;
  keep.mode = CLF_KEEP; /* stores the input of every coupling */
  CLF_TRY(clf_do(p->dev, fill, .y = unused, .value = 0));
  CLF_TRY(clf__unfused_forward(l, &keep, k, x, layer_of(k->t[DX2], 0, n), unused));
  for (int i = 0; i < L; i++) {
    const clf_tensor from = i ? layer_of(k->t[DX2], i % 2, n) : dx;
    const clf_tensor to = i == L - 1 ? dy : layer_of(k->t[DX2], (i + 1) % 2, n);
    CLF_TRY(inverse_back(l, p, k, i, layer_of(k->t[XS], i, n), from, to));
  }
  return CLF_OK;
}
