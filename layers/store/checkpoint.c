/* SPDX-License-Identifier: MIT */
/* checkpoint.c: writes a flow to a file: parameters as tensors under the names of the lecture's
 * state_dict, and the rest as metadata, so that PyTorch can load it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "flow_private.h"
#include "safetensors.h"

/* In the precision of the device, so that nothing is lost. */
static clf_status put(clf__st_writer *w, clf_device *dev, const char *name, int rank,
                      clf_tensor t) {
  const int64_t dim[4] = {t.dim[0], t.dim[1], t.dim[2], t.dim[3]};
  double *host = malloc(clf__count(&t) * sizeof *host); /* large enough for either type */
  if (!host) return clf__fail(CLF_ENOMEM, "no memory for the tensor %s", name);
  float *narrow = (float *)(void *)host;
  const int wide = dev->bits == 64;
  clf_status s = wide ? clf_read64(dev, t, host) : clf_read(dev, t, narrow);
  if (!s)
    s = wide ? clf__st_put_f64(w, name, rank, dim, host)
             : clf__st_put_f32(w, name, rank, dim, narrow);
  free(host);
  return s;
}

clf_status clf__put_vector(clf__st_writer *w, clf_flow *f, const char *name, clf_tensor t) {
  return put(w, f->dev, name, 1, t);
}

static clf_status put_image_spec(clf__st_writer *w, const clf_flow_spec *s) {
  const clf_realnvp_variant *v = &s->variant;
  const struct {
    const char *key;
    int32_t value;
  } list[] = {{"clflow.height", s->height},
              {"clflow.width", s->width},
              {"clflow.channels", s->channels},
              {"clflow.scales", s->scales},
              {"clflow.hidden", s->hidden},
              {"clflow.blocks", s->blocks},
              {"clflow.levels", s->levels},
              {"clflow.variant.scale_first", v->scale_first},
              {"clflow.variant.odd_first", v->odd_first},
              {"clflow.variant.paper_logit", v->paper_logit},
              {"clflow.variant.no_norm", v->no_norm}};
  for (size_t i = 0; i < sizeof list / sizeof *list; i++)
    CLF_TRY(clf__st_put_meta(w, list[i].key, "%d", (int)list[i].value));
  CLF_TRY(clf__st_put_meta_real(w, "clflow.variant.bn_rho", v->bn_rho));
  return clf__st_put_meta_real(w, "clflow.alpha", s->alpha);
}

static clf_status put_arch(clf__st_writer *w, const clf_flow *f) {
  CLF_TRY(clf__st_put_meta(w, "clflow.format", "1"));
  CLF_TRY(clf__st_put_meta(w, "clflow.kind", "%s", clf_kind_name(CLF_COMPOSED)));
  CLF_TRY(clf__st_put_meta(w, "clflow.seed", "%llu", (unsigned long long)f->spec.seed));
  return clf__st_put_meta(w, "clflow.arch", "%s", clf_arch_json(f->arch));
}

static clf_status put_spec(clf__st_writer *w, const clf_flow_spec *s) {
  CLF_TRY(clf__st_put_meta(w, "clflow.format", "1"));
  CLF_TRY(clf__st_put_meta(w, "clflow.kind", "%s", clf_kind_name(s->kind)));
  CLF_TRY(clf__st_put_meta(w, "clflow.dim", "%d", (int)s->dim));
  CLF_TRY(clf__st_put_meta(w, "clflow.seed", "%llu", (unsigned long long)s->seed));
  if (s->kind == CLF_PIECEWISE) {
    CLF_TRY(clf__st_put_meta(w, "clflow.bins", "%d", (int)s->bins));
    CLF_TRY(clf__st_put_meta(w, "clflow.tails", "%d", (int)s->tails));
    CLF_TRY(clf__st_put_meta_real(w, "clflow.xmin", s->xmin));
    return clf__st_put_meta_real(w, "clflow.xmax", s->xmax);
  }
  if (s->kind == CLF_REALNVP) return put_image_spec(w, s);
  CLF_TRY(clf__st_put_meta(w, "clflow.hidden", "%d", (int)s->hidden));
  CLF_TRY(clf__st_put_meta(w, "clflow.depth", "%d", (int)s->depth));
  return clf__st_put_meta_real(w, "clflow.s_max", s->s_max);
}

/* "clflow.scaling.mean.0", or for the context "clflow.context.mean.0". */
static clf_status put_moments(clf__st_writer *w, const char *of, const double *mean,
                              const double *std, int32_t n) {
  char key[64];
  for (int32_t d = 0; mean && d < n; d++) {
    snprintf(key, sizeof key, "clflow.%s.mean.%d", of, (int)d);
    CLF_TRY(clf__st_put_meta_real(w, key, mean[d]));
    snprintf(key, sizeof key, "clflow.%s.std.%d", of, (int)d);
    CLF_TRY(clf__st_put_meta_real(w, key, std[d]));
  }
  return CLF_OK;
}

static clf_status put_scaling(clf__st_writer *w, const clf_flow *f) {
  CLF_TRY(put_moments(w, "scaling", f->mean, f->std, f->spec.dim));
  return put_moments(w, "context", f->c_mean, f->c_std, f->context);
}

/* Unknown numbers are left out: files do not contain NaN. */
static clf_status put_history(clf__st_writer *w, const clf_history *h) {
  CLF_TRY(clf__st_put_meta(w, "clflow.history.epochs", "%lld", (long long)h->epochs));
  CLF_TRY(clf__st_put_meta(w, "clflow.history.steps", "%lld", (long long)h->steps));
  CLF_TRY(clf__st_put_meta(w, "clflow.history.best_epoch", "%lld", (long long)h->best_epoch));
  if (h->best_step)
    CLF_TRY(clf__st_put_meta(w, "clflow.history.best_step", "%lld", (long long)h->best_step));
  if (h->averaged) CLF_TRY(clf__st_put_meta(w, "clflow.history.averaged", "1"));
  if (h->early) CLF_TRY(clf__st_put_meta(w, "clflow.history.early", "%lld", (long long)h->early));
  if (isfinite(h->train)) CLF_TRY(clf__st_put_meta_real(w, "clflow.history.train", h->train));
  if (isfinite(h->valid)) CLF_TRY(clf__st_put_meta_real(w, "clflow.history.valid", h->valid));
  if (isfinite(h->best_train))
    CLF_TRY(clf__st_put_meta_real(w, "clflow.history.best_train", h->best_train));
  return h->reverse ? clf__st_put_meta(w, "clflow.history.reverse", "1") : CLF_OK;
}

clf_status clf__put_flow(clf__st_writer *w, clf_flow *f) {
  CLF_TRY(clf__spec_has_kind(&f->spec) ? put_spec(w, &f->spec) : put_arch(w, f));
  CLF_TRY(put_scaling(w, f));
  CLF_TRY(clf__put_grid(w, f));
  CLF_TRY(clf__put_columns(w, f));
  CLF_TRY(clf__put_kinds(w, f));
  CLF_TRY(clf__put_observation(w, f));
  CLF_TRY(clf__put_image_order(w, f));
  CLF_TRY(clf__put_record(w, f));
  CLF_TRY(put_history(w, &f->history));
  for (int i = 0; i < f->param_count; i++) {
    const clf_param *p = &f->params[i];
    CLF_TRY(put(w, f->dev, p->name, p->rank, p->at));
  }
  return CLF_OK;
}

clf_status clf_flow_save(clf_flow *f, const char *path) {
  clf__st_writer *w;
  CLF_GIVEN("flow, path", f, path);
  CLF_TRY(clf__st_writer_new(&w));
  clf_status s = clf__put_flow(w, f);
  if (!s) s = clf__st_write(w, path, 0);
  clf__st_writer_free(w);
  return s;
}

clf_status clf_flow_save_memory(clf_flow *f, void **bytes, size_t *size) {
  clf__st_writer *w;
  CLF_GIVEN("flow, bytes, size", f, bytes, size);
  CLF_TRY(clf__st_writer_new(&w));
  clf_status s = clf__put_flow(w, f);
  if (!s) s = clf__st_write_memory(w, bytes, size);
  clf__st_writer_free(w);
  return s;
}
