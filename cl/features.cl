/* SPDX-License-Identifier: MIT */
/* features.cl: angles as periodic features: a work-item for each angle of a sample.  Sums over
 * samples are of bands of rows first, [bands][2 d] in scratch memory. */
#include "clflow.clh"

kernel BY_ITEM void angles_fwd(CLF_IN(x), CLF_IN(scale), CLF_OUT(y), const angles_fwd_args p) {
  const int d = p.x.dim[1], n = get_global_id(0) / d, k = get_global_id(0) % d;
  if (n >= p.x.dim[0]) return;
  const float angle = *PTR(scale, k, 0) * *PTR(x, n, k);
  *PTR(y, n, k) = cos(angle);
  *PTR(y, n, d + k) = sin(angle);
}

kernel BY_ITEM void angles_bwd(CLF_IN(y), CLF_IN(scale), CLF_IN(dy), CLF_OUT(dx),
                               const angles_bwd_args p) {
  const int d = p.dx.dim[1], n = get_global_id(0) / d, k = get_global_id(0) % d;
  if (n >= p.dx.dim[0]) return;
  *PTR(dx, n, k) =
      *PTR(scale, k, 0) * (*PTR(y, n, k) * *PTR(dy, n, d + k) - *PTR(y, n, d + k) * *PTR(dy, n, k));
}

kernel BY_ITEM void angles_mix_fwd(CLF_IN(a), CLF_IN(w), CLF_OUT(y), const angles_mix_fwd_args p) {
  const int d = p.y.dim[1], n = get_global_id(0) / d, k = get_global_id(0) % d;
  if (n >= p.y.dim[0]) return;
  *PTR(y, n, k) = *PTR(w, k, 0) * *PTR(a, n, d + k) + *PTR(w, k, 1) * *PTR(a, n, k);
}

kernel BY_ITEM void angles_mix_bwd(CLF_IN(a), CLF_IN(w), CLF_IN(dy), CLF_OUT(da), CLF_OUT(dw),
                                   const angles_mix_bwd_args p, CLF_SCRATCH(bands_plan)) {
  const int d = p.dy.dim[1], band = get_global_id(0) / d, k = get_global_id(0) % d;
  if (band >= e.count) return;
  float by_sin = 0, by_cos = 0;
  for (int n = band * e.size; n < min((band + 1) * e.size, p.dy.dim[0]); n++) {
    const float dy = *PTR(dy, n, k);
    by_sin += *PTR(a, n, d + k) * dy;
    by_cos += *PTR(a, n, k) * dy;
    *PTR(da, n, k) = *PTR(w, k, 1) * dy;
    *PTR(da, n, d + k) = *PTR(w, k, 0) * dy;
  }
  scratch[(band * d + k) * 2] = by_sin;
  scratch[(band * d + k) * 2 + 1] = by_cos;
}

kernel BY_ITEM void angles_mix_bwd_add(CLF_IN(a), CLF_IN(w), CLF_IN(dy), CLF_OUT(da), CLF_OUT(dw),
                                       const angles_mix_bwd_args p, CLF_SCRATCH(bands_plan)) {
  const int d = p.dy.dim[1], i = get_global_id(0);
  if (i >= 2 * d) return;
  float sum = 0;
  for (int band = 0; band < e.count; band++) sum += scratch[band * 2 * d + i];
  *PTR(dw, i / 2, i % 2) += sum;
}
