/* SPDX-License-Identifier: MIT */
/* mlp_coupling.cl: L couplings with one-hidden-layer networks: what all kernels share.  Those
 * with vectors are in mlp_coupling_lanes*.cl, those with one lane in mlp_coupling_items*.cl. */

typedef struct { /* of the layer */
  int N, D, H, add;
  float s_max;
} shape;

typedef struct { /* row l of w; S1, S2 are of no use to additive couplings */
  global const float *S1, *S2, *T1, *T2;
} nets;
INLINE nets nets_of(global const float *first, shape z) {
  const int one = z.H * (z.D + 1), two = z.D * (z.H + 1);
  global const float *T1 = z.add ? first : first + one + two;
  nets A = {first, first + one, T1, T1 + one};
  return A;
}
