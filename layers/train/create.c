/* SPDX-License-Identifier: MIT */
/* create.c: creates a trainer: checks the data, plans memory, and places both on the device. */
#include <math.h>
#include <stdlib.h>
#include "options.h"
#include "trainer.h"

/* With grains, layers are fitted to a whole batch. */
static int32_t rows_at_once(const clf_trainer *t) {
  return t->grains.count && clf__flow_fits(t->f) ? t->take : t->plan.part;
}

static clf_status lay_out(clf_trainer *t) {
  clf_arena *a = &t->arena;
  const int32_t *P = t->f->w.dim;
  CLF_TRY(t->source->ops->lay_out(t->source, a, rows_at_once(t)));
  CLF_TRY(clf_new(a, P, &t->best));
  CLF_TRY(clf_new(a, (int32_t[4]){CLF_RING_ALL}, &t->ring));
  CLF_TRY(clf_new(a, (int32_t[4]){1}, &t->micro_loss));
  CLF_TRY(clf_new(a, (int32_t[4]){2}, &t->trip));
  if (clf__trainer_has_pieces(t)) CLF_TRY(clf_new(a, (int32_t[4]){CLF_PIECES}, &t->squares));
  CLF_TRY(clf_new(a, P, &t->m));
  CLF_TRY(clf_new(a, P, &t->v));
  for (int i = 0; i < CLF_SNAPSHOTS; i++) {
    CLF_TRY(clf_new(a, P, &t->snapshot[i].w));
    CLF_TRY(clf_new(a, P, &t->snapshot[i].m));
    CLF_TRY(clf_new(a, P, &t->snapshot[i].v));
    if (clf__trainer_averages(t)) CLF_TRY(clf_new(a, P, &t->snapshot[i].mean));
  }
  if (!clf__trainer_averages(t)) return CLF_OK;
  CLF_TRY(clf_new(a, P, &t->mean));
  return clf_new(a, P, &t->aside);
}

/* The plan knows the memory of the device, but not what other programs use. */
static clf_status reserve(clf_trainer *t) {
  clf_status s;
  do s = clf__flow_reserve(t->f, t->plan.part, clf__trainer_mode(t, 0));
  while (s == CLF_ENOMEM && clf__trainer_shrink(t));
  return s;
}

/* Number of rows for layers that are fitted to more than a batch: 2^20 elements, at least 4096
 * rows, at most all. */
static clf_status fit_rows(clf_trainer *t) {
  clf_flow *f = t->f;
  const int64_t rows = t->source->rows, maximum = (1 << 20) / f->spec.dim;
  int32_t n = (int32_t)(maximum < 4096 ? 4096 : maximum);
  if (!(f->traits & CLF_FITS_ROWS) || !clf__source_data(t->source)) return CLF_OK;
  if (n > rows) n = (int32_t)rows;
  const clf_tensor x = clf__source_spread(t->source, n);
  CLF_TRY(clf__flow_reserve(f, n, CLF_VALUES));
  f->ws.each = t->source->each;
  if (f->context) CLF_TRY(clf_do(t->dev, copy, .x = t->source->c, .y = clf__rows(f->ws.c, n)));
  CLF_TRY(clf__flow_embed(f, n, CLF_EVAL));
  CLF_TRY(clf__flow_fit(f, x));
  clf__flow_drop_workspace(f); /* it is larger than that of a batch */
  return CLF_OK;
}

/* Vectors like the weights, which files have in the order of the weights. */
static clf_status sort(const clf_trainer *t) {
  const clf_tensor like[] = {t->best, t->m, t->v, t->mean};
  for (int i = 0; i < 4; i++)
    if (like[i].buf) CLF_TRY(clf__flow_sort(t->f, like[i], 0));
  for (int i = 0; i < CLF_SNAPSHOTS; i++) CLF_TRY(clf__flow_sort(t->f, t->snapshot[i].w, 0));
  return CLF_OK;
}

static clf_status place(clf_trainer *t) {
  t->arena.dev = t->dev;
  CLF_TRY(lay_out(t)); /* measures */
  CLF_TRY(clf_arena_init(&t->arena, t->dev, t->arena.used));
  CLF_TRY(lay_out(t));
  CLF_TRY(sort(t));
  if (t->source->ops->start) CLF_TRY(t->source->ops->start(t->source));
  if (t->source->ops->fill) CLF_TRY(t->source->ops->fill(t->source));
  CLF_TRY(clf_do(t->dev, fill, .y = t->ring, .value = 0));
  CLF_TRY(clf_do(t->dev, fill, .y = t->m, .value = 0));
  CLF_TRY(clf_do(t->dev, fill, .y = t->v, .value = 0));
  if (t->mean.buf) CLF_TRY(clf_do(t->dev, fill, .y = t->mean, .value = 0));
  CLF_TRY(fit_rows(t));
  CLF_TRY(clf__flow_need_gradient(t->f));
  CLF_TRY(clf__grains_make(t));
  CLF_TRY(reserve(t));
  CLF_TRY(clf__trainer_snapshot(t));
  return clf__trainer_copy_first(t);
}

/* The training data: a table, images, or a density. */
typedef struct samples {
  const clf_train_data *rows;
  const clf_image_data *images;
  const clf_density *density;
} samples;

static clf_status open_source(clf_trainer *t, const samples *data) {
  if (data->density) return clf__source_of_density(t->f, data->density, &t->o, &t->source);
  if (data->rows) return clf__source_of_table(t->f, data->rows, &t->o, &t->source);
  return clf__source_of_images(t->f, data->images, &t->o, &t->source);
}

static clf_status set_up(clf_trainer *t, const samples *data) {
  char *const *const names = data->rows ? data->rows->x->names : NULL;
  CLF_TRY(open_source(t, data));
  if (clf__option_whole(&t->o, CLF_OPTION_patience) && !t->source->held_out)
    return clf__fail(CLF_EINVAL, "patience needs validation rows, and there are none: reserve some "
                                 "(valid_split), or pass them");
  t->take = t->o.batch < t->source->rows ? t->o.batch : (int32_t)t->source->rows;
  t->grains.count = (int32_t)clf__option_whole(&t->o, CLF_OPTION_grains);
  t->f->in_grains = t->grains.count > 1;
  clf_train_options o = t->o;
  o.batch = t->take;
  if (data->density) o.activations = CLF_ACTIVATIONS_STORE;
  CLF_TRY(clf_train_plan_of(t->f, &o, t->source->resident, &t->plan));
  t->norms = t->o.clip > 0 || (t->f->traits & CLF_TAKES_PIXELS) || clf__trainer_inverts(t, 0) ||
             clf__trainer_has_pieces(t);
  t->many = clf__trainer_takes_many(t);
  CLF_TRY(place(t));
  const clf_column *kinds = data->rows ? data->rows->x->columns : NULL;
  const int unnamed = names && !t->f->columns;
  if (unnamed) CLF_TRY(clf_flow_set_columns(t->f, names));
  if (kinds && (unnamed || !t->f->kinds)) CLF_TRY(clf_flow_set_kinds(t->f, kinds));
  const clf_table *given = data->rows     ? data->rows->given
                           : data->images ? data->images->given
                                          : NULL;
  if (!given || !given->names || t->f->c_columns) return CLF_OK;
  return clf_flow_set_context_columns(t->f, given->names);
}

/* Replaces the flow's scaling by that of the data, and restores it after an error. */
static clf_status set_up_or_undo(clf_trainer *t, const samples *data) {
  clf_flow *f = t->f;
  if (!t->o.standardize) return set_up(t, data);
  double *old[2] = {f->mean, f->std};
  f->mean = f->std = NULL;
  const clf_status s = set_up(t, data);
  double *unused[2] = {s ? f->mean : old[0], s ? f->std : old[1]};
  if (s) {
    f->mean = old[0];
    f->std = old[1];
  }
  free(unused[0]);
  free(unused[1]);
  return s;
}

static clf_status create(clf_flow *f, const samples *data, const clf_train_options *options,
                         clf_trainer **out) {
  CLF_TRY(clf__check_train_options(options));
  clf_trainer *t = calloc(1, sizeof *t);
  if (!t) return clf__fail(CLF_ENOMEM, "no memory for a trainer");
  t->f = f;
  t->dev = f->dev;
  t->o = *options;
  clf__options_normalise(&t->o);
  t->stored_from = INT64_MAX;
  t->best_mean = t->last_mean = t->ceiling = NAN;
  t->snapshot[0].step = t->snapshot[1].step = -1;
  clf__trainer_drop_copies(t);
  t->copy.every = 2;
  const clf_status s = set_up_or_undo(t, data);
  if (s)
    clf_trainer_free(t);
  else
    *out = t;
  return s;
}

clf_status clf_trainer_create(clf_flow *f, const clf_table *data, const clf_train_options *options,
                              clf_trainer **out) {
  CLF_GIVEN("flow, data, options, trainer", f, data, options, out);
  return create(f, &(samples){.rows = &(clf_train_data){.x = data}}, options, out);
}

clf_status clf_trainer_create_with(clf_flow *f, const clf_train_data *data,
                                   const clf_train_options *options, clf_trainer **out) {
  CLF_GIVEN("flow, data, options, trainer", f, data, options, out);
  if (!data->x) return clf__fail(CLF_EINVAL, "the training data have no rows: x is NULL");
  return create(f, &(samples){.rows = data}, options, out);
}

clf_status clf_trainer_create_images_with(clf_flow *f, const clf_image_data *data,
                                          const clf_train_options *options, clf_trainer **out) {
  CLF_GIVEN("flow, data, options, trainer", f, data, options, out);
  if (!data->images)
    return clf__fail(CLF_EINVAL, "the training data have no images: images is NULL");
  if (!(f->traits & CLF_TAKES_PIXELS))
    return clf__fail(CLF_EINVAL, "the flow takes rows of numbers: it learns from a table, not from "
                                 "images");
  if (options->standardize)
    return clf__fail(CLF_EINVAL, "standardize is for tables; pixels have their own scale");
  if (data->valid && options->valid_split > 0)
    return clf__fail(CLF_EINVAL, "valid_split is %g, but validation images are given; it must be 0",
                     options->valid_split);
  return create(f, &(samples){.images = data}, options, out);
}

clf_status clf_trainer_create_images(clf_flow *f, const clf_images *images, const clf_images *valid,
                                     const clf_train_options *options, clf_trainer **out) {
  CLF_GIVEN("flow, images, options, trainer", f, images, options, out);
  const clf_image_data data = {.images = images, .valid = valid};
  return clf_trainer_create_images_with(f, &data, options, out);
}

clf_status clf_trainer_create_density(clf_flow *f, const clf_density *density,
                                      const clf_train_options *options, clf_trainer **out) {
  CLF_GIVEN("flow, density, options, trainer", f, density, options, out);
  return create(f, &(samples){.density = density}, options, out);
}

clf_train_plan clf_trainer_plan(const clf_trainer *t) { return t ? t->plan : (clf_train_plan){0}; }

void clf_trainer_free(clf_trainer *t) {
  if (!t) return;
  clf__source_free(t->source);
  clf__trainer_copy_free(t);
  clf__grains_free(t);
  clf__membership_free(t);
  clf_arena_free(&t->arena);
  free(t);
}
