/* SPDX-License-Identifier: MIT */
/* file_bytes.c: a whole file in memory. */
#include "cli.h"
#include <stdlib.h>

char *cli_file_read(const char *path, int64_t *size) {
  FILE *f = fopen(path, "rb");
  char *bytes = NULL;
  *size = 0;
  if (f && fseek(f, 0, SEEK_END) == 0 && (*size = ftell(f)) >= 0) {
    rewind(f);
    bytes = malloc((size_t)*size + 1);
    if (bytes && fread(bytes, 1, (size_t)*size, f) != (size_t)*size) {
      free(bytes);
      bytes = NULL;
    }
  }
  if (f) fclose(f);
  if (!bytes) *size = 0;
  return bytes;
}
