/* SPDX-License-Identifier: MIT */
/* folder.c: the folder of a test, and the script that answers instead of the program. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "verdicts/folder.h"

char folder[] = "/tmp/clflow-verdicts-XXXXXX";

/* The absolute path of a file in the folder of the test, valid until the next call. */
const char *here(const char *name) {
  static char path[512];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

/* The script runs for each request, whose words are $verb and $rest. */
void write_program(const char *script) {
  char text[1024];
  snprintf(text, sizeof text, "#!/bin/sh\nwhile read verb rest; do\n%s\ndone\n", script);
  write_bytes("probe", text, strlen(text));
  ck_assert_int_eq(chmod("probe", 0700), 0);
  setenv("CLFLOW_PROBE", here("probe"), 1);
  setenv("CLFLOW_CACHE_DIR", "", 1);
}

void verdict_is(clf__probe *p, const char *name, int all, const char *why) {
  const char *got = clf__probe_device(p, name, all);
  if (why) ck_assert_str_eq(got, why);
  if (!why) ck_assert_msg(!got, "%s: %s", name, got);
}
