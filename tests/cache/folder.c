/* SPDX-License-Identifier: MIT */
/* folder.c: folders of the cache, and its files. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cache.h"
#include "cache/folder.h"

char folder[] = "/tmp/clflow-cache-XXXXXX";
char cache[128];

/* Writes the path of the last file in the cache, and returns how many there are. */
int cache_files(char *path, size_t size) {
  int n = 0;
  DIR *dir = opendir(cache);
  for (struct dirent *e; dir && (e = readdir(dir));) {
    if (*e->d_name == '.') continue;
    n++;
    snprintf(path, size, "%s/%s", cache, e->d_name);
  }
  if (dir) closedir(dir);
  return n;
}

void use_cache(const char *name) {
  snprintf(cache, sizeof cache, "%s/%s", folder, name);
  setenv("CLFLOW_CACHE_DIR", cache, 1);
}
void clear_cache(void) {
  char path[512];
  while (cache_files(path, sizeof path)) ck_assert_int_eq(remove(path), 0);
  rmdir(cache);
  unsetenv("CLFLOW_CACHE_DIR");
}

int hits(const char *key, const char *bytes) {
  size_t size = 0;
  char *got = clf__cache_get(key, &size);
  if (!got) return 0;
  ck_assert_uint_eq(size, strlen(bytes));
  ck_assert_int_eq(memcmp(got, bytes, size), 0);
  free(got);
  return 1;
}

struct stat status_of(const char *path) {
  struct stat st;
  ck_assert_int_eq(stat(path, &st), 0);
  return st;
}
