/* SPDX-License-Identifier: MIT */
/* cache.c: compiled programs and tuned choices on disk.
 *
 * A file is a magic line with the lengths of key and binary and the CRC-32 of the binary, as text,
 * then both.  It is written under another name and renamed, so a reader never sees half of one.
 *
 * What is read here runs in this process, so it must come from somebody who could run code in it
 * anyway.  A folder that belongs to another user is not used at all.  A file is read only if this
 * user or root owns it and nobody else may write it. */
#define _POSIX_C_SOURCE 200809L
#include "cache.h"
#include "crc.h"
#include "hash.h"
#include "path.h"
#include "temp.h"
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
  mkdir(path, 0700);
}

static int is_trusted(const struct stat *st) { return st->st_uid == geteuid() || st->st_uid == 0; }

/* The folder if it may be used; with `make` it is created. */
static int usable_folder(char *out, int make) {
  struct stat st;
  if (!folder(out)) return 0;
  if (make) make_folders(out);
  return !stat(out, &st) && S_ISDIR(st.st_mode) && is_trusted(&st);
}

int clf__cache_usable(void) {
  char path[PATH];
  return usable_folder(path, 1) && access(path, W_OK | X_OK) == 0;
}

/* The file of a key, in a folder. */
static void add_file_name(const char *key, char *path) {
  const uint64_t h = clf__hash_text(key); /* only the name: the key itself is compared */
  const size_t n = strlen(path);
  snprintf(path + n, PATH - n, "/%016llx.bin", (unsigned long long)h);
}

static unsigned long checksum(const void *bytes, size_t size) { return clf__crc32(0, bytes, size); }

/* The binary of an open cache file, if the file is complete and has this key. */
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

/* Opens a file that nobody but this user or root can have written. */
static FILE *open_trusted(const char *path) {
  struct stat st;
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return NULL;
  const int ok = !fstat(fd, &st) && S_ISREG(st.st_mode) && is_trusted(&st) &&
                 !(st.st_mode & (S_IWGRP | S_IWOTH));
  FILE *f = ok ? fdopen(fd, "rb") : NULL;
  if (!f) close(fd);
  return f;
}

void *clf__cache_get(const char *key, size_t *size) {
  char path[PATH];
  if (!usable_folder(path, 0)) return NULL;
  add_file_name(key, path);
  FILE *f = open_trusted(path);
  if (!f) return NULL;
  void *bytes = payload(f, key, size);
  fclose(f);
  return bytes;
}

/* A full disk shows here, or when the file is closed. */
static int write_all(FILE *f, const char *key, const void *bytes, size_t size) {
  fprintf(f, format, strlen(key), size, checksum(bytes, size));
  fputc('\n', f);
  fwrite(key, 1, strlen(key), f);
  fwrite(bytes, 1, size, f);
  const int bad = ferror(f);
  return !(fclose(f) | bad);
}

int clf__cache_put(const char *key, const void *bytes, size_t size) {
  char path[PATH];
  clf__temp temp;
  int kept = 0;
  if (!usable_folder(path, 1)) return 0;
  if (!clf__temp_make(path, 0600, &temp)) {
    add_file_name(key, path);
    FILE *f = fdopen(temp.fd, "wb");
    if (!f) close(temp.fd);
    kept = f && write_all(f, key, bytes, size) && !rename(temp.name, path);
    if (!kept) unlink(temp.name);
  }
  clf__temp_forget(&temp);
  return kept;
}
