/* SPDX-License-Identifier: MIT */
/* calls.c: the objects that the calls take, and the list of functions that were called. */
#include <stdio.h>
#include <string.h>
#include "arguments/calls.h"

enum { MOST = 256 };

static const char *called[MOST];
int calls;

void visit(const char *function) {
  for (int i = 0; i < calls; i++)
    if (strcmp(called[i], function) == 0) return;
  ck_assert_int_lt(calls, MOST);
  called[calls++] = function;
}

void refused(const char *function, const char *argument, clf_status s) {
  char want[128];
  snprintf(want, sizeof want, "%s: %s is NULL", function, argument);
  ck_assert_msg(s == CLF_EINVAL, "%s without %s returns %d (%s)", function, argument, (int)s,
                clf_errmsg());
  ck_assert_str_eq(clf_errmsg(), want);
}

int is_called(const char *name, size_t length) {
  for (int i = 0; i < calls; i++)
    if (strlen(called[i]) == length && strncmp(called[i], name, length) == 0) return 1;
  return 0;
}

/* ---- The objects ----------------------------------------------------------------------------- */

clf_device *dev;
clf_flow *flow;
clf_flow_spec spec;
clf_table table;
clf_trainer *trainer;
clf_images *images;
clf_train_options options;
double x[8], y[8];
uint8_t bytes[64];

void set_up(void) {
  spec = clf_flow_spec_default(CLF_NVP, 2);
  options = clf_train_options_default();
  WORKS(clf_open("cpu", &dev));
  WORKS(clf_flow_create(dev, &spec, &flow));
  WORKS(clf_table_read("moons:n=50", &table));
  WORKS(clf_trainer_create(flow, &table, &options, &trainer));
  WORKS(clf_images_open("glyphs:n=3,size=8", NULL, &images));
}

void tear_down(void) {
  clf_trainer_free(trainer);
  clf_images_free(images);
  clf_table_free(&table);
  clf_flow_free(flow);
  clf_close(dev);
}
