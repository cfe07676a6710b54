/* SPDX-License-Identifier: MIT */
/* peak.cl: as many multiply-adds as a device can do.  A work-item has CHAINS vectors in registers:
 * enough that each product is ready before the same chain needs it. */
#include "lanes.clh"

#define CHAINS 12 /* ops.def launches a work-item for each 12 vectors */

kernel BY_LANES void fma_chain(CLF_OUT(y), const fma_chain_args p) {
  const int first = get_global_id(0) * CHAINS * LANES, left = p.y.dim[0] - first;
  const V a = p.a, b = p.b;
  V v[CHAINS];
#pragma unroll
  for (int k = 0; k < CHAINS; k++)
    v[k] = lanes_load(PTR(y, first + k * LANES, 0), p.y.stride[0], left - k * LANES);
  for (int r = 0; r < p.rounds; r++) {
#pragma unroll
    for (int k = 0; k < CHAINS; k++) v[k] = fma(a, v[k], b);
  }
#pragma unroll
  for (int k = 0; k < CHAINS; k++)
    lanes_store(v[k], PTR(y, first + k * LANES, 0), p.y.stride[0], left - k * LANES);
}
