/* SPDX-License-Identifier: MIT */
/* folders.c: reading and creating folders. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <io.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "os.h"

struct clf__dir {
  HANDLE find;
  WIN32_FIND_DATAW next;
  int more; /* 1: next holds an entry */
  int fd;   /* of the open folder */
  struct dirent entry;
};

static int find_first(DIR *d, const char *path) {
  char *all = malloc(strlen(path) + 3);
  if (all) sprintf(all, "%s/*", path);
  wchar_t *name = all ? clf__os_path(all) : NULL;
  free(all);
  if (!name) return -1;
  d->find = FindFirstFileW(name, &d->next);
  free(name);
  return d->find == INVALID_HANDLE_VALUE ? clf__os_fail() : 0;
}

DIR *opendir(const char *path) {
  struct stat st;
  DIR *d = stat(path, &st) ? NULL : malloc(sizeof *d);
  if (!d) return NULL;
  *d = (DIR){.find = INVALID_HANDLE_VALUE, .more = 1};
  const HANDLE h = clf__os_look(path, 0);
  d->fd = h == INVALID_HANDLE_VALUE ? -1 : _open_osfhandle((intptr_t)h, O_RDONLY);
  errno = ENOTDIR;
  if (d->fd >= 0 && S_ISDIR(st.st_mode) && !find_first(d, path)) return d;
  const int why = errno;
  closedir(d);
  errno = why;
  return NULL;
}

struct dirent *readdir(DIR *d) {
  if (!d->more) return NULL;
  if (!WideCharToMultiByte(CP_UTF8, 0, d->next.cFileName, -1, d->entry.d_name,
                           sizeof d->entry.d_name, NULL, NULL))
    return clf__os_fail(), NULL;
  d->more = FindNextFileW(d->find, &d->next);
  return &d->entry;
}

int dirfd(DIR *d) { return d->fd; }

int closedir(DIR *d) {
  if (d->find != INVALID_HANDLE_VALUE) FindClose(d->find);
  if (d->fd >= 0) _close(d->fd);
  free(d);
  return 0;
}

int alphasort(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

typedef int compare(const void *, const void *);

int scandir(const char *path, struct dirent ***list, int (*wanted)(const struct dirent *),
            int (*order)(const struct dirent **, const struct dirent **)) {
  DIR *d = opendir(path);
  if (!d) return -1;
  int n = 0;
  *list = NULL;
  for (struct dirent *e; (e = readdir(d));) {
    if (wanted && !wanted(e)) continue;
    struct dirent **more = realloc(*list, (size_t)(n + 1) * sizeof *more),
                  *copy = malloc(sizeof *e);
    if (more) *list = more;
    if (!more || !copy) {
      free(copy);
      break;
    }
    *copy = *e;
    more[n++] = copy;
  }
  closedir(d);
  if (n) qsort(*list, (size_t)n, sizeof **list, (compare *)(uintptr_t)order);
  return n;
}

int nftw(const char *path,
         int (*visit)(const char *path, const struct stat *st, int type, struct FTW *at), int open_,
         int flags) {
  struct stat st;
  struct FTW at = {0};
  if (stat(path, &st)) return -1;
  if (!S_ISDIR(st.st_mode)) return visit(path, &st, FTW_F, &at);
  DIR *d = opendir(path);
  int s = d ? 0 : -1;
  for (struct dirent *e; !s && (e = readdir(d));) {
    char below[4096];
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    snprintf(below, sizeof below, "%s/%s", path, e->d_name);
    s = nftw(below, visit, open_, flags);
  }
  if (d) closedir(d);
  return s ? s : visit(path, &st, FTW_DP, &at);
}

char *mkdtemp(char *path) {
  static atomic_uint counter;
  char *tail = path + strlen(path) - 6;
  for (int tries = 0; tries < 1000; tries++) {
    const unsigned seed = GetTickCount() ^ GetCurrentProcessId() << 8;
    snprintf(tail, 7, "%06x", (seed + 7919 * atomic_fetch_add(&counter, 1u)) & 0xffffff);
    if (mkdir(path, 0700) == 0) return path;
    if (errno != EEXIST) break;
  }
  return NULL;
}
