/* SPDX-License-Identifier: MIT */
/* probe_main.c: the program clflow-probe, which tries out an OpenCL device in a process of its
 * own; probe.c starts it and says what it prints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "platform.h"

static void say_on(const char *sentence, void *unused) {
  (void)unused;
  printf("say %s\n", sentence);
  fflush(stdout);
}

static void print_why(void) {
  const char *why = clf_errmsg();
  printf("why %.*s\n", (int)strcspn(why, "\n"), why);
}

static void list_devices(void) {
  clf__cl_device *list = NULL;
  int count = 0;
  if (clf__cl_list(&list, &count)) print_why();
  for (int i = 0; i < count; i++) printf("device %s\n", list[i].info.name);
  free(list);
}

static void test_device(const char *name) {
  clf_device *dev = NULL;
  clf_set_listener(say_on, NULL);
  clf_status s = clf__open(name, &dev);
  if (!s) s = clf__selftest(dev);
  if (s) print_why();
  clf_close(dev);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "clflow starts this program itself: clflow-probe list | DEVICE\n");
    return 2;
  }
  if (strcmp(argv[1], "list") == 0)
    list_devices();
  else
    test_device(argv[1]);
  printf("done\n");
  return fflush(stdout) != 0;
}
