/* SPDX-License-Identifier: MIT */
/* libraries.c: libraries that are loaded at run time. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "os.h"

static _Thread_local char text[64];
static _Thread_local int failed;

void *dlopen(const char *name, int how) {
  (void)how;
  wchar_t *wide = clf__os_wide(name);
  const HMODULE library = wide ? LoadLibraryW(wide) : NULL;
  failed = !library;
  if (failed) snprintf(text, sizeof text, "Windows' error %lu", GetLastError());
  free(wide);
  return library;
}
void *dlsym(void *library, const char *name) {
  return (void *)(uintptr_t)GetProcAddress(library, name);
}
int dlclose(void *library) { return FreeLibrary(library) ? 0 : -1; }
char *dlerror(void) {
  char *const why = failed ? text : NULL;
  failed = 0;
  return why;
}
