/* SPDX-License-Identifier: MIT */
/* kernels.c: the program that a device would be given, for scripts/offline-compile.
 *   kernels             prints all kernels' source
 *   kernels --families  prints for each family of kernels its name, lanes and build options */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "opencl.h"

static int families(void) {
  for (int i = 0; i < clf__family_count; i++) {
    char options[128];
    clf__cl_options(&clf__families[i], options, sizeof options);
    printf("%s %d %s\n", clf__families[i].family, clf__families[i].lanes, options);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--families") == 0) return families();
  char *text = argc == 1 ? clf__cl_program(-1) : NULL;
  if (!text) {
    fprintf(stderr, "usage: kernels [--families]\n");
    return 2;
  }
  const int failed = fputs(text, stdout) < 0;
  free(text);
  return failed;
}
