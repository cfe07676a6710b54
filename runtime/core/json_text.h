/* SPDX-License-Identifier: MIT */
/* json_text.h: text of any origin as a JSON string.  Names of files need not be UTF-8, and a
 * sentence that was cut may end within a character.  Private. */
#ifndef CLF_JSON_TEXT_H
#define CLF_JSON_TEXT_H
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "text.h"

/* U+FFFD stands for invalid bytes.  NULL: no memory. */
static inline json_t *clf__json_text(const char *text) {
  const size_t size = 3 * strlen(text) + 1;
  char *const repaired = malloc(size);
  if (!repaired) return NULL;
  clf__to_utf8(repaired, size, text);
  json_t *const string = json_string(repaired);
  free(repaired);
  return string;
}
#endif
