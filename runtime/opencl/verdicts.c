/* SPDX-License-Identifier: MIT */
/* verdicts.c: stores what a probe found out, in the cache of programs, under everything that it
 * depends on: our kernels, the settings of the loader, the files by which it finds drivers, and
 * limits on memory. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "cache.h"
#include "clflow/version.h"
#include "hash.h"
#include "memory_limit.h"
#include "probe.h"
#include "sources.h"

typedef struct text {
  char *at;
  size_t size, room;
} text;

__attribute__((format(printf, 2, 3))) static void add(text *t, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  const int n = vsnprintf(t->at + t->size, t->room - t->size, fmt, ap);
  va_end(ap);
  if (n > 0) t->size += (size_t)n < t->room - t->size ? (size_t)n : t->room - t->size - 1;
}

static void add_file(text *t, const char *folder, const char *name) {
  char path[2048];
  struct stat st;
  snprintf(path, sizeof path, "%s%s%s", folder, *folder ? "/" : "", name);
  if (stat(path, &st)) return;
  add(t, "%s %lld %lld", path, (long long)st.st_size, (long long)st.st_mtime);
  FILE *f = S_ISREG(st.st_mode) ? fopen(path, "r") : NULL;
  char library[512] = "";
  if (f && fgets(library, sizeof library, f)) {
    library[strcspn(library, "\r\n")] = 0;
    add(t, " %s", library);
    if (*library == '/' && !stat(library, &st)) add(t, " %lld", (long long)st.st_mtime);
  }
  if (f) fclose(f);
  add(t, "\n");
}

static int no_dots(const struct dirent *d) { return d->d_name[0] != '.'; }

/* The settings and files that determine what the loader and the drivers do. */
static void add_drivers(text *t) {
  static const char *const settings[] = {"CLFLOW_OPENCL_LIBRARY",
                                         "OCL_ICD_VENDORS",
                                         "OCL_ICD_FILENAMES",
                                         "OPENCL_LAYERS",
                                         "POCL_DEVICES",
                                         "RUSTICL_ENABLE",
                                         "POCL_CACHE_DIR",
                                         "XDG_CACHE_HOME",
                                         "PATH",
                                         "HOME",
                                         "LD_LIBRARY_PATH"};
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
    const char *value = getenv(settings[i]);
    if (value) add(t, "%s=%s\n", settings[i], value);
  }
  const char *windows = getenv("SystemRoot"); /* each installed driver has a folder there */
  if (windows) add_file(t, windows, "System32/DriverStore/FileRepository");
  const char *where = getenv("OCL_ICD_VENDORS");
  if (!where || !*where) where = "/etc/OpenCL/vendors";
  struct dirent **list = NULL;
  const int n = scandir(where, &list, no_dots, alphasort);
  if (n < 0) add_file(t, "", where);
  for (int i = 0; i < n; i++) {
    add_file(t, where, list[i]->d_name);
    free(list[i]);
  }
  free(list);
}

char *clf__verdicts_key(const char *family) {
  text t = {.room = 65536};
  t.at = malloc(t.room);
  if (!t.at) return NULL;
  add(&t, "clflow probe 2, %s%s\n", clf_version(), family);
  for (const clf_source *s = clf__sources; s->name; s++)
    add(&t, "%s %016llx\n", s->name, (unsigned long long)clf__hash_text(s->text));
  add_drivers(&t);
  add(&t, "memory %llu\n", (unsigned long long)clf__memory_limit().bytes);
  return t.at;
}

/* Stored as lines "name TAB why", the first with an empty name for the list. */
void clf__verdicts_remember(const char *key, const clf__verdicts *v) {
  text t = {.room = sizeof *v + 64};
  t.at = malloc(t.room);
  if (!t.at) return;
  add(&t, "\t%s\n", v->why);
  for (int i = 0; i < v->count; i++) add(&t, "%s\t%s\n", v->at[i].name, v->at[i].why);
  clf__cache_put(key, t.at, t.size);
  free(t.at);
}

static void recall_line(clf__verdicts *v, char *line) {
  char *why = strchr(line, '\t');
  if (!why) return;
  *why++ = 0;
  if (!*line) {
    snprintf(v->why, sizeof v->why, "%s", why);
    v->known = v->recalled = 1;
  } else {
    clf__verdicts_set(v, line, why);
  }
}

void clf__verdicts_recall(const char *key, clf__verdicts *v) {
  size_t size = 0;
  char *bytes = clf__cache_get(key, &size), *rest = bytes;
  if (!bytes || bytes[size - 1] != '\n') {
    free(bytes);
    return;
  }
  bytes[size - 1] = 0;
  for (char *line; (line = strsep(&rest, "\n"));) recall_line(v, line);
  if (!v->known) *v = (clf__verdicts){0}; /* half of a list is ignored */
  free(bytes);
}

static int index_of(const clf__verdicts *v, const char *name) {
  int i = 0;
  while (i < v->count && strcmp(v->at[i].name, name) != 0) i++;
  return i;
}

void clf__verdicts_set(clf__verdicts *v, const char *name, const char *why) {
  char kept[sizeof v->at[0].name];
  snprintf(kept, sizeof kept, "%s", name);
  const int i = index_of(v, kept);
  if (i == CLF_PROBED) return; /* no room: it is tested at each start */
  if (i == v->count) v->count++;
  memcpy(v->at[i].name, kept, sizeof kept);
  snprintf(v->at[i].why, sizeof v->at[i].why, "%s", why);
}

const char *clf__verdicts_of(const clf__verdicts *v, const char *name) {
  const int i = index_of(v, name);
  return i < v->count ? v->at[i].why : NULL;
}
