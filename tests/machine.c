/* SPDX-License-Identifier: MIT */
/* machine.c: see machine.h. */
#define _XOPEN_SOURCE 700
#include "machine.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "suite.h"

clf_device *opened(const char *name) {
  clf_device *dev = NULL;
  const clf_status s = clf_open(name, &dev);
  ck_assert_msg(!s, "%s: %s", name ? name : "NULL", clf_errmsg());
  return dev;
}

clf_device_info *found;
static int found_count;

void list_devices(void) { WORKS(clf_devices(0, &found, &found_count)); }
void free_list(void) { free(found); }

int opencl_count(void) { return found_count - 1; }

int first_of_type(const char *type) {
  int i = 0;
  while (i < opencl_count() && strcmp(found[i].type, type) != 0) i++;
  return i < opencl_count() ? i : -1;
}

clf_device *open_ith(int i) {
  static const char *const everywhere[EVERYWHERE] = {"cpu", "cpu64", "opencl", "cpu/baseline"};
  return strcmp(everywhere[i], "opencl") == 0 && !opencl_count() ? NULL : opened(everywhere[i]);
}

void captured(void (*f)(void), char *out, size_t size) {
  FILE *file = tmpfile();
  ck_assert_ptr_nonnull(file);
  fflush(stderr);
  const int before = dup(2);
  dup2(fileno(file), 2);
  f();
  fflush(stderr);
  dup2(before, 2);
  close(before);
  rewind(file);
  out[fread(out, 1, size - 1, file)] = 0;
  fclose(file);
}
