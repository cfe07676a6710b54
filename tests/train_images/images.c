/* SPDX-License-Identifier: MIT */
/* images.c: see images.h. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "images.h"
#include "trainer.h"

char folder[] = "/tmp/test_train_images.XXXXXX";
const char *path_of(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s.safetensors", folder, name);
  return path;
}

clf_images *glyphs(const char *source) {
  clf_images *images;
  WORKS(clf_images_open(source, NULL, &images));
  WORKS(clf_images_wait(images));
  return images;
}

clf_flow_spec small_spec(int norm, uint64_t seed) {
  const clf_preset *tiny;
  WORKS(clf_preset_find("tiny", &tiny));
  clf_flow_spec s = clf_preset_spec(tiny, 8, 8, 1);
  s.hidden = 4;
  s.blocks = 1;
  s.seed = seed;
  s.variant.no_norm = !norm;
  return s;
}

clf_flow *small_flow(int norm) {
  const clf_flow_spec s = small_spec(norm, 5);
  clf_flow *f;
  WORKS(clf_flow_create(flows_dev, &s, &f));
  return f;
}

clf_train_options options_of(int64_t epochs, int32_t batch) {
  clf_train_options o = clf_train_options_images();
  o.epochs = epochs;
  o.batch = batch;
  o.seed = 11;
  return o;
}

double *weights_of(const clf_flow *f) {
  double *w = flows_array(clf__count(&f->w));
  WORKS(clf_read64(flows_dev, f->w, w));
  return w;
}

double distance(const clf_flow *a, const clf_flow *b) {
  double *x = weights_of(a), *y = weights_of(b), worst = 0;
  for (size_t i = 0; i < clf__count(&a->w); i++) worst = fmax(worst, fabs(x[i] - y[i]));
  free(x);
  free(y);
  return worst;
}
