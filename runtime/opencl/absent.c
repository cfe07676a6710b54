/* SPDX-License-Identifier: MIT */
/* absent.c: what stands for OpenCL in a build without it (CLF_OPENCL=OFF): there is cpu alone. */
#ifdef CLF_NO_OPENCL
#include <stdio.h>
#include <stdlib.h>
#include "backend.h"
#include "choose.h"
#include "clflow/opencl.h"
#include "platform.h"

static clf_status absent(clf_status s) {
  return clf__fail(s, "this clflow was built without OpenCL (CLF_OPENCL=OFF)");
}

static clf_status no_open(clf_device *dev, const char *which) {
  (void)dev, (void)which;
  return absent(CLF_ENODEV);
}
const clf_backend clf__opencl = {.name = "opencl", .open = no_open};

clf_status clf_open_cl(void *context, void *queue, clf_device **dev) {
  CLF_GIVEN("context, queue, dev", context, queue, dev);
  return absent(CLF_ENOTSUP);
}
clf_status clf_wrap_cl(clf_device *dev, void *mem, clf_arena *arena) {
  CLF_GIVEN("dev, mem, arena", dev, mem, arena);
  return absent(CLF_ENOTSUP);
}

clf_status clf__open_auto(const char *family, clf_device **out) {
  (void)family;
  CLF_TRY(clf__open("cpu", out));
  snprintf((*out)->note, sizeof(*out)->note, "auto takes %s\n", (*out)->name);
  return CLF_OK;
}

clf_status clf_devices(int test, clf_device_info **list, int *count) {
  CLF_GIVEN("list, count", list, count);
  *list = calloc(1, sizeof **list);
  if (!*list) return clf__fail(CLF_ENOMEM, "no memory for a list of a device");
  *count = 1;
  clf__cpu_info(*list);
  (*list)->chosen = test != 0;
  snprintf((*list)->why, sizeof(*list)->why, "this clflow was built without OpenCL");
  return CLF_OK;
}

/* Nothing is compiled late. */
int clf__late_kernels(const clf_device *dev) { return (void)dev, 0; }
int clf__late_moves_on(clf_device *dev) { return (void)dev, 0; }
void clf__late_answered(clf_device *dev) { (void)dev; }
void clf__late_end(struct clf__late *late) { (void)late; }
#else
typedef int clf__opencl_is_there; /* a file must not be empty */
#endif
