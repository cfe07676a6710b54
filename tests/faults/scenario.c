/* SPDX-License-Identifier: MIT */
/* scenario.c: see scenario.h. */
#include "scenario.h"
#include <stdlib.h>
#include <string.h>

typedef struct objects { /* everything that must be freed */
  clf_table table;
  clf_images *images;
  clf_flow *flow, *loaded;
  clf_trainer *trainer, *again;
  double *x;
} objects;

static clf_train_options options_of(what kind, int64_t epochs) {
  clf_train_options o = kind == IMAGES ? clf_train_options_images() : clf_train_options_default();
  o.epochs = epochs;
  o.batch = 12;
  o.valid_split = 0.25;
  o.standardize = kind == VECTORS;
  return o;
}

static clf_status make(clf_device *dev, what kind, objects *o) {
  static const clf_kind kinds[] = {CLF_NVP, CLF_PIECEWISE, CLF_REALNVP};
  clf_flow_spec spec = clf_flow_spec_default(kinds[kind], kind == INTERVAL ? 1 : 2);
  if (kind == IMAGES) {
    const clf_preset *tiny;
    int32_t h, w, c;
    CLF_TRY(clf_images_open("glyphs:n=24,size=4", NULL, &o->images));
    CLF_TRY(clf_images_wait(o->images));
    CLF_TRY(clf_preset_find("tiny", &tiny));
    clf_images_shape(o->images, &h, &w, &c);
    spec = clf_preset_spec(tiny, h, w, c);
    spec.hidden = 2;
    spec.scales = 1;
  } else {
    CLF_TRY(clf_table_read("moons:n=32", &o->table));
    spec.depth = 2;
    spec.hidden = 3;
    spec.bins = 4;
    spec.xmin = -4;
    spec.xmax = 4;
    spec.tails = 1;
    if (kind == INTERVAL) o->table.cols = 1; /* the first 32 numbers as 32 rows */
  }
  return clf_flow_create(dev, &spec, &o->flow);
}

static clf_status trainer_of(clf_flow *flow, what kind, int64_t epochs, const objects *o,
                             clf_trainer **out) {
  const clf_train_options t = options_of(kind, epochs);
  if (kind == IMAGES) return clf_trainer_create_images(flow, o->images, NULL, &t, out);
  return clf_trainer_create(flow, &o->table, &t, out);
}

static clf_status run(clf_device *dev, what kind, const char *path, objects *o, double *sum) {
  CLF_TRY(make(dev, kind, o));
  CLF_TRY(trainer_of(o->flow, kind, 2, o, &o->trainer));
  CLF_TRY(clf_trainer_run(o->trainer, NULL, NULL));
  CLF_TRY(clf_trainer_save(o->trainer, path));
  CLF_TRY(clf_flow_load(dev, path, NULL, &o->loaded));
  CLF_TRY(trainer_of(o->loaded, kind, 3, o, &o->again));
  CLF_TRY(clf_trainer_resume(o->again, path));
  CLF_TRY(clf_trainer_run(o->again, NULL, NULL));
  CLF_TRY(clf_trainer_save(o->again, path));
  const int32_t dim = clf_flow_get_spec(o->loaded)->dim;
  o->x = calloc((size_t)dim * SAMPLES, sizeof *o->x);
  if (!o->x) return clf_fail(CLF_ENOMEM, "no memory for the samples");
  CLF_TRY(clf_sample(o->loaded, 1, 0, SAMPLES, o->x));
  *sum = 0;
  for (int i = 0; i < dim * SAMPLES; i++) *sum += o->x[i];
  return CLF_OK;
}

clf_status scenario(clf_device *dev, what kind, const char *path, double *sum) {
  objects o;
  memset(&o, 0, sizeof o);
  const clf_status s = run(dev, kind, path, &o, sum);
  clf_trainer_free(o.again);
  clf_trainer_free(o.trainer);
  clf_flow_free(o.loaded);
  clf_flow_free(o.flow);
  clf_images_free(o.images);
  clf_table_free(&o.table);
  free(o.x);
  return s;
}
