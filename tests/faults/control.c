/* SPDX-License-Identifier: MIT */
/* control.c: see control.h. */
#include "control.h"
#include <dlfcn.h>
#include "suite.h"

clf_fault_arm_fn *arm;
clf_fault_above_fn *above;
clf_fault_answer_fn *answer;
clf_fault_count_fn *count_calls;
clf_fault_alive_fn *alive;

static void *symbol(void *layer, const char *name) {
  void *s = dlsym(layer, name);
  ck_assert_msg(s != NULL, "%s", name);
  return s;
}

void find_layer(void) {
  void *layer = dlopen(CLF_FAULT_LAYER, RTLD_NOW);
  ck_assert_msg(layer != NULL, "%s", dlerror());
  *(void **)&arm = symbol(layer, "clf_fault_arm");
  *(void **)&above = symbol(layer, "clf_fault_above");
  *(void **)&answer = symbol(layer, "clf_fault_answer");
  *(void **)&count_calls = symbol(layer, "clf_fault_count");
  *(void **)&alive = symbol(layer, "clf_fault_alive");
}

void disarm(long *calls, long *failed) {
  count_calls(calls, failed);
  arm("*", 0, 0, 0);
}
