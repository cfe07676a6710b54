/* SPDX-License-Identifier: MIT */
/* choose.c: chooses a device, and lists them. */
#define _POSIX_C_SOURCE 200809L
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend.h"
#include "choose.h"
#include "platform.h"
#include "probe.h"

/* ---- auto ------------------------------------------------------------------------------------ */

typedef struct notes { /* collects lines */
  char *text;
  size_t size;
} notes;

__attribute__((format(printf, 2, 3))) static void note(notes *to, const char *fmt, ...) {
  const size_t n = strlen(to->text);
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(to->text + n, to->size - n, fmt, ap);
  va_end(ap);
}

/* The first line of a message: build logs have many. */
static void first_line(const char *text, char *out, size_t size) {
  snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
}

/* Opens a device that passes the tests which are possible at this point; `info->why` says what
 * failed.  A driver that crashed or hung in the probe process is not loaded into this one. */
static clf_device *try_device(clf_device_info *info, clf__probe *p, int all) {
  clf_device *dev = NULL;
  const int other = strcmp(info->type, "cpu") != 0 || strcmp(info->name, "cpu") != 0;
  const char *why = other ? clf__probe_device(p, info->name, all) : NULL;
  const int tried = other && clf__verdicts_of(&p->v, info->name);
  clf_status s = why ? clf__fail(CLF_EDEVICE, "%s", why) : clf__open(info->name, &dev);
  if (!s && !tried && (all || !clf__late_kernels(dev))) s = clf__selftest(dev, NULL);
  info->passes = !s;
  if (!s) return dev;
  first_line(clf_errmsg(), info->why, sizeof info->why);
  clf_close(dev);
  return NULL;
}

/* Lists the devices, unless listing them crashes a process. */
static clf_status list_safely(const clf__verdicts *v, clf__cl_device **list, int *count) {
  if (v->known && *v->why) return clf__fail(CLF_ENODEV, "%s", v->why);
  return clf__cl_list(list, count);
}

static clf_device *first_that_passes(clf__cl_device *list, int first, int count, const char *family,
                                     clf__probe *p, notes *n) {
  clf_device *dev = NULL;
  for (int i = first; i < count && !dev; i++) {
    clf_device_info *info = &list[i].info;
    const size_t end = strlen(info->name);
    snprintf(info->name + end, sizeof info->name - end, "%s", family);
    const int known = clf__verdicts_of(&p->v, info->name) != NULL;
    dev = try_device(info, p, 0);
    if (!dev)
      note(n, "%s (%s) is passed over: %s%s\n", info->name, info->device, info->why,
           known ? " (`clflow devices` tries it again)" : "");
    if (dev && clf__late_kernels(dev) && clf__late_begin(dev, info->name, family, p)) {
      note(n, "%s (%s) is passed over: %s\n", info->name, info->device, clf_errmsg());
      clf_close(dev);
      dev = NULL;
    }
  }
  return dev;
}

clf_status clf__open_from(int first, const char *family, char *text, size_t size,
                          clf_device **out) {
  notes n = {text, size};
  clf__probe p;
  clf__cl_device *list = NULL;
  int count = 0;
  clf__late_lock();
  clf__probe_begin(&p, family, 0);
  if (list_safely(&p.v, &list, &count)) note(&n, "no OpenCL: %s\n", clf_errmsg());
  *out = first_that_passes(list, first, count, family, &p, &n);
  clf__probe_end(&p);
  clf__late_unlock();
  free(list);
  return *out ? CLF_OK : clf__open("cpu", out);
}

clf_status clf__open_auto(const char *family, clf_device **out) {
  char passed_over[sizeof(*out)->note] = "";
  CLF_TRY(clf__open_from(0, family, passed_over, sizeof passed_over, out));
  notes n = {(*out)->note, sizeof(*out)->note};
  note(&n, "%sauto takes %s\n", passed_over, (*out)->name);
  return CLF_OK;
}

/* ---- The list -------------------------------------------------------------------------------- */

/* cpu comes last: it is used if no other device passes.  Its `why` says so. */
static void test_all(clf_device_info *list, int count, clf__probe *p) {
  int chosen = -1;
  for (int i = 0; i < count; i++) {
    clf_device *dev = try_device(&list[i], p, 1);
    /* Saves what passed, for those who will use the device. */
    if (dev && clf__late_kernels(dev)) (void)clf__late_begin(dev, list[i].name, "", p);
    clf_close(dev);
    if (list[i].passes && chosen < 0) chosen = i;
  }
  if (chosen < 0) return;
  list[chosen].chosen = 1;
  if (chosen < count - 1)
    snprintf(list[chosen].why, sizeof list[chosen].why, "the %s that passes its self-test",
             count > 2 ? "best" : "one OpenCL device");
  else if (count > 1)
    snprintf(list[chosen].why, sizeof list[chosen].why, "no OpenCL device passes its self-test");
}

static clf_status list_all(int test, clf__probe *p, clf_device_info **out, int *count) {
  clf__cl_device *cl = NULL;
  int n = 0;
  const clf_status none = list_safely(&p->v, &cl, &n); /* no loader, no platform: only cpu */
  if (none) n = 0;
  clf_device_info *list = calloc((size_t)n + 1, sizeof *list);
  if (!list) {
    free(cl);
    return clf__fail(CLF_ENOMEM, "no memory for a list of %d devices", n + 1);
  }
  for (int i = 0; i < n; i++) list[i] = cl[i].info;
  free(cl);
  clf__cpu_info(&list[n]);
  if (none) first_line(clf_errmsg(), list[n].why, sizeof list[n].why);
  if (test) test_all(list, n + 1, p);
  *out = list;
  *count = n + 1;
  return CLF_OK;
}

clf_status clf_devices(int test, clf_device_info **out, int *count) {
  CLF_GIVEN("list, count", out, count);
  clf__probe p;
  clf__late_lock();
  clf__probe_begin(&p, "", 1);
  const clf_status s = list_all(test, &p, out, count);
  clf__probe_end(&p);
  clf__late_unlock();
  return s;
}
