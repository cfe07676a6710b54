/* SPDX-License-Identifier: MIT */
/* coupling.cl: affine and additive couplings.  A group shares the elements of one
 * sample and adds up its log-det in a fixed order. */
#define KEPT(b) (AT(b, 0, c, h, w) != 0)

kernel BY_SAMPLE void mask_apply(CLF_IN(x), CLF_IN(b), CLF_OUT(y), const mask_apply_args p) {
  FOR_SAMPLE(x) {
    UNPACK(x);
    const float kept = KEPT(b) ? AT(x, n, c, h, w) : 0;
    AT(y, n, c, h, w) = p.beta != 0 ? kept + p.beta * AT(y, n, c, h, w) : kept;
  }
}

kernel BY_SAMPLE void affine_fwd(CLF_IN(x), CLF_IN(h), CLF_IN(t), CLF_IN(b), CLF_OUT(y),
                                 CLF_OUT(logdet), const affine_fwd_args p) {
  GROUP_MEMORY(part);
  float sum = 0;
  FOR_SAMPLE(x) {
    UNPACK(x);
    const int kept = KEPT(b);
    const float x = AT(x, n, c, h, w), s = bounded(AT(h, n, c, h, w), p.s_max);
    AT(y, n, c, h, w) = kept ? x : x * exp(s) + AT(t, n, c, h, w);
    sum += kept ? 0 : s;
  }
  sum = GROUP_SUM(part, sum);
  if (get_local_id(0) == 0) AT(logdet, n, 0, 0, 0) += sum;
}

kernel BY_SAMPLE void affine_inv(CLF_IN(y), CLF_IN(h), CLF_IN(t), CLF_IN(b), CLF_OUT(x),
                                 CLF_OUT(logdet), const affine_inv_args p) {
  GROUP_MEMORY(part);
  float sum = 0;
  FOR_SAMPLE(y) {
    UNPACK(y);
    const int kept = KEPT(b);
    const float y = AT(y, n, c, h, w), s = bounded(AT(h, n, c, h, w), p.s_max);
    AT(x, n, c, h, w) = kept ? y : (y - AT(t, n, c, h, w)) * exp(-s);
    sum += kept ? 0 : s;
  }
  sum = GROUP_SUM(part, sum);
  if (get_local_id(0) == 0) AT(logdet, n, 0, 0, 0) -= sum;
}

kernel BY_SAMPLE void affine_bwd(CLF_IN(x), CLF_IN(h), CLF_IN(b), CLF_IN(dy), CLF_IN(dl),
                                 CLF_OUT(dx), CLF_OUT(dh), CLF_OUT(dt), const affine_bwd_args p) {
  FOR_SAMPLE(x) {
    UNPACK(x);
    const int kept = KEPT(b);
    const float dy = AT(dy, n, c, h, w), out = AT(h, n, c, h, w);
    const float s = kept ? 0 : bounded(out, p.s_max);
    const float dx = dy * exp(s), ds = dx * AT(x, n, c, h, w) + DLOGDET(n);
    AT(dx, n, c, h, w) = dx;
    AT(dt, n, c, h, w) = kept ? 0 : dy;
    AT(dh, n, c, h, w) = kept ? 0 : ds * bounded_slope(out, p.s_max);
  }
}

kernel BY_SAMPLE void additive(CLF_IN(x), CLF_IN(t), CLF_IN(b), CLF_OUT(y), const additive_args p) {
  FOR_SAMPLE(x) {
    UNPACK(x);
    AT(y, n, c, h, w) = AT(x, n, c, h, w) + (KEPT(b) ? 0 : p.sign * AT(t, n, c, h, w));
  }
}

kernel BY_SAMPLE void additive_bwd(CLF_IN(b), CLF_IN(dy), CLF_OUT(dt), const additive_bwd_args p) {
  FOR_SAMPLE(dy) {
    UNPACK(dy);
    AT(dt, n, c, h, w) = KEPT(b) ? 0 : p.sign * AT(dy, n, c, h, w);
  }
}
#undef KEPT
