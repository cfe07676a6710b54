/* SPDX-License-Identifier: MIT */
/* image_order.c: the order of image arrays that a flow's interfaces prefer, which its file carries.
 */
#include <string.h>
#include "flow_private.h"
#include "safetensors.h"

#define ORDER_KEY "clflow.order"
static const char *const words[] = {[CLF_ORDER_NHWC] = "NHWC", [CLF_ORDER_NCHW] = "NCHW"};
enum { ORDERS = sizeof words / sizeof *words };

clf_status clf_flow_set_image_order(clf_flow *f, clf_image_order order) {
  CLF_GIVEN("flow", f);
  if ((unsigned)order >= ORDERS)
    return clf__fail(CLF_EINVAL, "there is no order %d of images", (int)order);
  if (order != CLF_ORDER_AUTO && !f->spec.height)
    return clf__fail(CLF_EINVAL, "the flow takes rows of numbers, which have no order of images");
  f->order = order;
  return CLF_OK;
}

clf_image_order clf_flow_image_order(const clf_flow *f) { return f ? f->order : CLF_ORDER_AUTO; }

clf_status clf__put_image_order(clf__st_writer *w, const clf_flow *f) {
  return f->order ? clf__st_put_meta(w, ORDER_KEY, "%s", words[f->order]) : CLF_OK;
}

static clf_status read_order(const clf__st *st, clf_image_order *order) {
  const char *const word = clf__st_meta(st, ORDER_KEY);
  *order = CLF_ORDER_AUTO;
  for (int k = CLF_ORDER_NHWC; word && k < ORDERS; k++)
    if (!strcmp(word, words[k])) *order = (clf_image_order)k;
  if (!word || *order) return CLF_OK;
  return clf__fail(CLF_EFORMAT, "its metadata " ORDER_KEY " is \"%.40s\"; it is NHWC or NCHW",
                   word);
}

clf_status clf__get_image_order(const clf__st *st, clf_flow *f) {
  clf_image_order order;
  CLF_TRY(read_order(st, &order));
  return clf_flow_set_image_order(f, order);
}

/* Of a realnvp flow, and of an architecture. */
static clf_status read_shape(const clf__st *st, int32_t shape[3]) {
  static const char *const keys[] = {"clflow.height", "clflow.width", "clflow.channels"};
  const char *const json = clf__st_meta(st, "clflow.arch");
  for (int k = 0; k < 3; k++) {
    int64_t v = 0;
    if (clf__st_meta(st, keys[k])) CLF_TRY(clf__st_meta_int(st, keys[k], &v));
    shape[k] = v > 0 && v <= INT32_MAX ? (int32_t)v : 0;
  }
  if (!json) return CLF_OK;
  clf_arch *arch;
  CLF_TRY(clf_arch_from_json(json, &arch));
  clf_arch_shape(arch, &shape[0], &shape[1], &shape[2]);
  clf_arch_free(arch);
  return CLF_OK;
}

clf_status clf_model_images(const char *path, int32_t shape[3], clf_image_order *order) {
  clf__st *st;
  CLF_GIVEN("path, shape, order", path, shape, order);
  CLF_TRY(clf__st_open(path, &st));
  clf_status s = read_shape(st, shape);
  if (!s) s = read_order(st, order);
  clf__st_close(st);
  return clf__in_file(s, path);
}
