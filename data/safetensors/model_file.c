/* SPDX-License-Identifier: MIT */
/* model_file.c: whether a file is a model of clflow, by its first bytes. */
#include <stdint.h>
#include <string.h>

#include "clflow/flow.h"
#include "file.h"
#include "safetensors_format.h"

/* The length of the JSON header, little-endian, and the header up to our first key, which is in
 * the metadata.  Programs that rewrite such a file keep the metadata first. */
int clf_is_model_file(const char *path) {
  static const char begin[] = "{\"" CLF_ST_META "\":{";
  char head[4096 + 1];
  size_t size, length = 0;
  if (!path || clf__file_head(path, head, sizeof head - 1, &size) != CLF_OK) return 0;
  if (size < 8 + strlen(begin)) return 0;
  for (int i = 7; i >= 0; i--) length = length << 8 | (unsigned char)head[i];
  head[size] = '\0';
  return length < CLF_ST_MAX_HEADER && strncmp(head + 8, begin, strlen(begin)) == 0 &&
         strstr(head + 8, "\"clflow.") != NULL;
}
