/* SPDX-License-Identifier: MIT */
/* safetensors_get.c: the values of tensors, checked. */
#include <inttypes.h>
#include <math.h>

#include "dtype.h"
#include "safetensors_format.h"
#include "status.h"

int clf__st_width(const char *dtype) {
  const clf__dtype *t = clf__dtype_find(dtype);
  return t != NULL ? t->width : 0;
}

static clf_status not_finite(const clf__st *st, const clf__st_entry *e, int64_t i, double x) {
  const char *what = isnan(x) ? "nan" : x > 0 ? "inf" : "-inf";
  return clf__fail(CLF_ENUM, "%s: tensor \"%s\" has %s at element %" PRId64, st->path, e->name,
                   what, i);
}

clf_status clf__st_check_dtype(const clf__st *st, const clf__st_entry *e) {
  if (clf__dtype_find(e->dtype) != NULL) return CLF_OK;
  return clf__fail(CLF_ENOTSUP,
                   "%s: tensor \"%s\" has dtype %s, which is not supported: write it as F32",
                   st->path, e->name, e->dtype);
}

static clf_status loader(const clf__st *st, const clf__st_entry *e, const clf__dtype **t,
                         const unsigned char **p) {
  CLF_TRY(clf__st_check_dtype(st, e));
  *t = clf__dtype_find(e->dtype);
  *p = (const unsigned char *)st->bytes + 8 + st->header + e->begin;
  return CLF_OK;
}

clf_status clf__st_get(const clf__st *st, const clf__st_entry *e, double *out) {
  const clf__dtype *t = NULL;
  const unsigned char *p = NULL;
  CLF_TRY(loader(st, e, &t, &p));
  for (int64_t i = 0; i < e->count; i++, p += t->width) {
    out[i] = t->load(p);
    if (!isfinite(out[i])) return not_finite(st, e, i, out[i]);
  }
  return CLF_OK;
}

clf_status clf__st_get_f32(const clf__st *st, const clf__st_entry *e, float *out) {
  const clf__dtype *t = NULL;
  const unsigned char *p = NULL;
  CLF_TRY(loader(st, e, &t, &p));
  for (int64_t i = 0; i < e->count; i++, p += t->width) {
    const double x = t->load(p);
    if (!isfinite(x)) return not_finite(st, e, i, x);
    out[i] = (float)x;
    if (!isfinite(out[i]))
      return clf__fail(CLF_ENUM,
                       "%s: tensor \"%s\" has a number too large for float at element %" PRId64,
                       st->path, e->name, i);
  }
  return CLF_OK;
}
