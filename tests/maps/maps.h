/* SPDX-License-Identifier: MIT */
/* maps.h: maps of single elements, for the tests that hold for every map. */
#ifndef CLF_TEST_MAPS_H
#define CLF_TEST_MAPS_H
#include "backend.h"
#include "clflow/core.h"
#include "suite.h"

/* The tensors of a call: x, y, dx, dy [N,D], at [d], u, du [N,d,m], logdet, dl [N]. */
typedef struct maps_views {
  clf_tensor x, y, dx, dy, at, u, du, logdet, dl;
} maps_views;

typedef enum maps_what { MAPS_FWD, MAPS_INV, MAPS_BWD, MAPS_INV_BWD } maps_what;

/* A map with its parameters. */
typedef struct maps_case maps_case;
struct maps_case {
  const char *label, *golden; /* a set of maps.safetensors, or NULL */
  int d, m;                   /* columns, and parameters of each element */
  double lo, hi;              /* domain of x */
  double spread;              /* of the parameters */
  int refuses;                /* outside lo .. hi the density is 0 */
  int jumps; /* the slope is discontinuous, so its integral is exact to a step only */
  const void *own;
  clf_status (*call)(clf_device *dev, const maps_case *c, maps_what what, const maps_views *v);
};

extern const maps_case maps_rqs[], maps_affine[], maps_poly[];
extern const int maps_rqs_count, maps_affine_count, maps_poly_count;
#endif
