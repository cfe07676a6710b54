/* SPDX-License-Identifier: MIT */
/* abi.c: sizes of the public structs and offsets of their members, as they were compiled. */
#include <stddef.h>
#include <string.h>
#include "clflow/clflow.h"

static const struct {
  const char *name;
  size_t bytes;
} layouts[] = {
#define CLF_ABI_STRUCT(type) {#type, sizeof(type)},
#define CLF_ABI_MEMBER(type, member) {#type "." #member, offsetof(type, member)},
#include "abi.def"
};

int64_t clf_abi(const char *name) {
  for (size_t i = 0; name && i < sizeof layouts / sizeof layouts[0]; i++)
    if (strcmp(layouts[i].name, name) == 0) return (int64_t)layouts[i].bytes;
  return -1;
}
