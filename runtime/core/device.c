/* SPDX-License-Identifier: MIT */
/* device.c: opens devices by name. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend.h"
#include "choose.h"
#include "tally.h"

static const clf_backend *const backends[] = {&clf__cpu,
#ifndef CLF_ONE_VARIANT
                                              &clf__cpu64, &clf__check,
#endif
                                              &clf__opencl, &clf__trace};

clf_status clf__open(const char *name, clf_device **out) {
  const size_t stem = strcspn(name, ":/");
  for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
    const clf_backend *b = backends[i];
    if (strlen(b->name) != stem || strncmp(b->name, name, stem) != 0) continue;
    clf_device *dev = calloc(1, sizeof *dev);
    if (!dev) return clf__fail(CLF_ENOMEM, "no memory for a device");
    dev->backend = b;
    dev->bits = 32;
    dev->asked = strdup(name);
    clf_status s = dev->asked ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for a device");
    if (!s) s = b->open(dev, name[stem] == ':' ? name + stem + 1 : name + stem);
    if (!s) {
      *out = dev;
      return CLF_OK;
    }
    free(dev->asked);
    free(dev);
    return s;
  }
  return clf__fail(CLF_ENODEV,
                   "no device is called \"%s\"; there are auto, cpu, cpu64, opencl, opencl:N, "
                   "opencl:gpu, opencl:NAME, check:DEVICE and trace:DEVICE",
                   name);
}

/* The number of wrapping devices in a name. */
static int wrappers_in(const char *name) {
  int n = 0;
  for (size_t stem; (stem = strcspn(name, ":")) > 0 && name[stem]; name += stem + 1)
    n += stem == 5 && (strncmp(name, "check", 5) == 0 || strncmp(name, "trace", 5) == 0);
  return n;
}

clf_status clf_open(const char *name, clf_device **out) {
  enum { MOST = 4 }; /* each wrapper opens the next one on the stack */
  CLF_GIVEN("dev", out);
  if (!name || !*name) name = getenv("CLFLOW_DEVICE");
  if (!name || !*name) name = "auto";
  if (wrappers_in(name) > MOST)
    return clf__fail(CLF_ENODEV,
                     "the device \"%.40s...\" has more than %d of check: and trace:", name, MOST);
  if (strncmp(name, "auto", 4) == 0 && (name[4] == 0 || name[4] == '/'))
    return clf__open_auto(name + 4, out);
  return clf__open(name, out);
}

void clf_close(clf_device *dev) {
  if (!dev) return;
  dev->backend->close(dev);
  clf__tally_free(dev->tally);
  free(dev->stage);
  free(dev->tuned);
  free(dev->tuned_key);
  free(dev->asked);
  clf__late_end(dev->late);
  free(dev);
}

const char *clf_device_name(const clf_device *dev) { return dev ? dev->name : NULL; }
const char *clf_device_note(const clf_device *dev) { return dev ? dev->note : NULL; }
const char *clf_device_report(clf_device *dev) {
  for (; dev; dev = dev->inner) {
    if (dev->backend != &clf__check || !dev->tally) continue;
    const char *text = clf__tally_checked(dev->tally);
    return text ? text : "";
  }
  return "";
}
clf_memory clf_memory_taken(clf_device *dev, int anew) {
  clf_device *of = dev;
  if (!dev) return (clf_memory){0};
  while (of->inner) of = of->inner;
  if (anew) of->taken.most = of->taken.now;
  return of->taken;
}
clf_status clf_sync(clf_device *dev) {
  CLF_GIVEN("dev", dev);
  return dev->backend->sync(dev);
}
