/* SPDX-License-Identifier: MIT */
/* cache.c: compiled programs and tuned choices on disk.
 *
 * A file is: a magic line, the lengths of key and binary and the binary's CRC-32
 * in text, then both.  It is written beside and renamed, so that a reader never
 * sees half of one. */
#define _POSIX_C_SOURCE 200809L
#include "cache.h"
#include "hash.h"
#include "path.h"
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static const char format[] = "clflow cache 1 %zu %zu %lx"; /* and the line's end */
enum { PATH = 1024 };

/* CLFLOW_CACHE_DIR; clflow below XDG_CACHE_HOME; .cache/clflow below HOME; clflow below
 * LOCALAPPDATA, which is Windows' own. */
static int folder(char *out) {
  const char *own = getenv("CLFLOW_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME");
  const char *home = getenv("HOME"), *local = getenv("LOCALAPPDATA");
  int n = -1;
  if (own)
    n = *own ? snprintf(out, PATH, "%s", own) : -1; /* set but empty: no cache */
  else if (xdg && *xdg)
    n = snprintf(out, PATH, "%s/clflow", xdg);
  else if (home && *home)
    n = snprintf(out, PATH, "%s/.cache/clflow", home);
  else if (local && *local)
    n = snprintf(out, PATH, "%s/clflow", local);
  return n > 0 && n < PATH - 64;
}

static void make_folders(char *path) {
  for (char *p = path + 1; *p; p++)
    if (clf__is_slash(*p)) {
      const char slash = *p;
      *p = 0;
      mkdir(path, 0777);
      *p = slash;
    }
  mkdir(path, 0777);
}

int clf__cache_usable(void) {
  char path[PATH];
  if (!folder(path)) return 0;
  make_folders(path);
  return access(path, W_OK | X_OK) == 0;
}

static int file_of(const char *key, char *out) {
  if (!folder(out)) return 0;
  const uint64_t h = clf__hash_text(key); /* only a name: the key itself is compared */
  const size_t n = strlen(out);
  snprintf(out + n, PATH - n, "/%016llx.bin", (unsigned long long)h);
  return 1;
}

static unsigned long checksum(const void *bytes, size_t size) {
  return crc32_z(crc32_z(0, NULL, 0), bytes, size);
}

/* The payload of an open cache file if it is whole and of this key. */
static void *payload(FILE *f, const char *key, size_t *size) {
  size_t key_size = 0, n = 0;
  unsigned long crc = 0;
  struct stat st;
  if (fscanf(f, format, &key_size, &n, &crc) != 3 || fgetc(f) != '\n' || key_size != strlen(key))
    return NULL;
  const long begin = ftell(f);
  if (fstat(fileno(f), &st) || n == 0 || n > (size_t)st.st_size ||
      (size_t)begin + key_size + n != (size_t)st.st_size)
    return NULL;
  char *bytes = malloc(key_size + n);
  if (!bytes) return NULL;
  if (fread(bytes, 1, key_size + n, f) == key_size + n && memcmp(bytes, key, key_size) == 0 &&
      checksum(bytes + key_size, n) == crc) {
    memmove(bytes, bytes + key_size, n);
    *size = n;
    return bytes;
  }
  free(bytes);
  return NULL;
}

void *clf__cache_get(const char *key, size_t *size) {
  char path[PATH];
  FILE *f = file_of(key, path) ? fopen(path, "rb") : NULL;
  if (!f) return NULL;
  void *bytes = payload(f, key, size);
  fclose(f);
  return bytes;
}

int clf__cache_put(const char *key, const void *bytes, size_t size) {
  char path[PATH], beside[PATH + 32];
  if (!folder(path)) return 0;
  make_folders(path);
  file_of(key, path);
  snprintf(beside, sizeof beside, "%s.%ld", path, (long)getpid());
  FILE *f = fopen(beside, "wb");
  if (!f) return 0;
  fprintf(f, format, strlen(key), size, checksum(bytes, size));
  fputc('\n', f);
  fwrite(key, 1, strlen(key), f);
  fwrite(bytes, 1, size, f);
  const int bad = ferror(f); /* a full disk shows here or as it is closed */
  if (!(fclose(f) | bad) && !rename(beside, path)) return 1;
  remove(beside);
  return 0;
}
