/* SPDX-License-Identifier: MIT */
/* probe_main.c: the program clflow-probe, which tests an OpenCL device in a process of its own.
 * prober.c starts it, and describes what it reads and prints.
 *
 *   list               lists the devices
 *   open DEVICE        opens one, and tests it if its driver has compiled all kernels by then
 *   all                tests all operations of the open device
 *   test OPERATION N   tests one of the algorithms of an operation, counted from 0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "opencl.h"

static clf_device *dev;

static void say_on(const char *sentence, void *unused) {
  static const char compiling[] = "compiling ";
  const size_t n = sizeof compiling - 1;
  const int also_tests = strncmp(sentence, compiling, n) == 0;
  (void)unused;
  printf("say %s%s\n", also_tests ? "compiling and testing " : "", sentence + (also_tests ? n : 0));
  fflush(stdout);
}

static clf_status list_devices(void) {
  clf__cl_device *list = NULL;
  int count = 0;
  const clf_status s = clf__cl_list(&list, &count);
  free(list);
  return s;
}

static void print_passed(clf_op op, int algorithm) {
  printf("passed %s %d\n", clf_ops[op].name, algorithm);
  fflush(stdout);
}

static clf_status open_device(const char *name) {
  clf_close(dev);
  dev = NULL;
  CLF_TRY(clf__open(name, &dev));
  return clf__late_kernels(dev) ? CLF_OK : clf__selftest(dev, print_passed);
}

static clf_status test_operation(const char *name, int algorithm) {
  for (int op = 0; op < CLF_OP_COUNT; op++)
    if (strcmp(clf_ops[op].name, name) == 0)
      return clf__selftest_of(dev, (clf_op)op, algorithm, NULL);
  return clf__fail(CLF_EINVAL, "there is no operation %s", name);
}

static clf_status answer(const char *request) {
  char name[128];
  int algorithm;
  if (strcmp(request, "list") == 0) return list_devices();
  if (sscanf(request, "open %127[^\n]", name) == 1) return open_device(name);
  if (!dev) return clf__fail(CLF_EINVAL, "no device is open");
  if (strcmp(request, "all") == 0) return clf__selftest(dev, print_passed);
  if (sscanf(request, "test %127s %d", name, &algorithm) == 2)
    return test_operation(name, algorithm);
  return clf__fail(CLF_EINVAL, "there is no request \"%s\"", request);
}

int main(int argc, char **argv) {
  char request[256];
  (void)argv;
  if (argc != 1) {
    fprintf(stderr, "clflow starts this program itself, and talks to it\n");
    return 2;
  }
  clf_set_listener(say_on, NULL);
  while (fgets(request, sizeof request, stdin)) {
    request[strcspn(request, "\r\n")] = 0;
    if (answer(request)) {
      const char *why = clf_errmsg();
      printf("why %.*s\n", (int)strcspn(why, "\n"), why);
    }
    printf("done\n");
    if (fflush(stdout)) return 1;
  }
  return 0;
}
