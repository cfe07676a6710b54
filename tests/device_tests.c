/* SPDX-License-Identifier: MIT */
/* device_tests.c: the tests of a device in one program, for machines to which they are taken:
 *   device_tests TEST [argument...]       such as  device_tests test_ops opencl:0/simt gemm */
#include <stdio.h>
#include <string.h>

/* The main() of each test, renamed as it is compiled for this program. */
#define TESTS(X) X(test_ops) X(test_golden) X(test_golden_images) X(test_identities)
#define X(name) int name##_main(int argc, char **argv);
TESTS(X)
#undef X

static const struct {
  const char *name;
  int (*main)(int argc, char **argv);
} tests[] = {
#define X(name) {#name, name##_main},
    TESTS(X)
#undef X
};

int main(int argc, char **argv) {
  for (size_t i = 0; argc > 1 && i < sizeof tests / sizeof *tests; i++)
    if (strcmp(argv[1], tests[i].name) == 0) return tests[i].main(argc - 1, argv + 1);
  fputs("usage: device_tests TEST [argument...]; the tests are", stderr);
  for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) fprintf(stderr, " %s", tests[i].name);
  fputs("\n", stderr);
  return 2;
}
