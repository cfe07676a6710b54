/* SPDX-License-Identifier: MIT */
/* places.c: where the latents of a flow with splits come from: the data column whose place each
 * one has, and the scale at which it left. */
#include <stdlib.h>
#include <string.h>
#include "flow_private.h"

/* Tracks the columns of the data through all layers.  place[j] (D): the column of latent j, with
 * latents in the order in which they leave; scale[j] (D), unless NULL: the number of splits that
 * it passed. */
static clf_status trace(const clf_flow *f, int32_t *place, int32_t *scale) {
  const int32_t D = f->spec.dim;
  int32_t at = 0, splits = 0;
  int32_t *const here = malloc((size_t)D * sizeof *here);
  if (!here) return clf__fail(CLF_ENOMEM, "no memory for the columns of %d latents", (int)D);
  clf_status s = CLF_OK;
  for (int32_t d = 0; d < D; d++) here[d] = d;
  for (int i = 0; i < f->layers && !s; i++) {
    const clf__layer *l = &f->layer[i];
    if (l->ops->trace) s = l->ops->trace(l, here, place + at);
    for (int32_t j = 0; j < l->to_z && scale; j++) scale[at + j] = splits;
    at += l->to_z;
    splits += l->to_z > 0;
  }
  memcpy(place + at, here, (size_t)(D - at) * sizeof *here);
  for (int32_t j = at; j < D && scale; j++) scale[j] = splits;
  free(here);
  return s;
}

clf_status clf__places_make(clf_flow *f) {
  int places = 0, splits = 0;
  for (int i = 0; i < f->layers; i++) {
    splits += f->layer[i].to_z > 0;
    places += f->layer[i].to_z > 0 && f->layer[i].traits & CLF_PLACES_LATENTS;
  }
  if (!places) return CLF_OK;
  if (places < splits)
    return clf__fail(CLF_EINVAL, "%d of %d splits have place=1: all of a flow have it, or none",
                     places, splits);
  if (!f->base.ops->standard)
    return clf__fail(CLF_EINVAL, "split(place=1) is for flows that end in a standard normal");
  const int32_t D = f->spec.dim;
  clf__slots_add(&f->slots, &f->place_from, CLF_CONSTANT, 0, 0, 1, &D, NULL);
  clf__slots_add(&f->slots, &f->place_to, CLF_CONSTANT, 0, 0, 1, &D, NULL);
  return CLF_OK;
}

clf_status clf__places_derive(const clf_flow *f, double *c) {
  const size_t D = (size_t)f->spec.dim;
  if (!f->place_to.rank) return CLF_OK;
  int32_t *const place = malloc(D * sizeof *place);
  if (!place) return clf__fail(CLF_ENOMEM, "no memory for the places of %zu latents", D);
  const clf_status s = trace(f, place, NULL);
  for (size_t j = 0; j < D && !s; j++) {
    c[f->place_from.at + place[j]] = (double)j;
    c[f->place_to.at + (int64_t)j] = place[j];
  }
  free(place);
  return s;
}

/* ---- Public functions ------------------------------------------------------------------------ */

clf_status clf_flow_latent_scales(const clf_flow *f, int32_t *scales, int32_t *count) {
  CLF_GIVEN("flow, scales, count", f, scales, count);
  const size_t D = (size_t)f->spec.dim;
  int32_t *const place = malloc(2 * D * sizeof *place);
  if (!place) return clf__fail(CLF_ENOMEM, "no memory for the scales of %zu latents", D);
  int32_t *const scale = place + D;
  const clf_status s = trace(f, place, scale);
  *count = s ? 0 : scale[D - 1] + 1;
  for (size_t j = 0; j < D && !s; j++) scales[f->place_to.rank ? (size_t)place[j] : j] = scale[j];
  free(place);
  return s;
}
