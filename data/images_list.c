/* SPDX-License-Identifier: MIT */
/* images_list.c: the names of the files in a folder, in order. */
#define _XOPEN_SOURCE 700
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "images.h"
#include "path.h"
#include "status.h"

typedef struct list {
  int deep;
  int (*wanted)(const char *name);
  char **path;
  int64_t count, room;
} list;

/* The folders from the first one down to where we are: a link to one of them would
 * be followed for ever. */
typedef struct above {
  const struct above *up;
  dev_t device;
  ino_t node;
} above;

static clf_status list_folder(list *l, const char *folder, const above *up);

static clf_status no_memory(const char *path) {
  return clf__fail(CLF_ENOMEM, "%s: no memory for its name", path);
}

/* Takes over `path`. */
static clf_status keep(list *l, char *path) {
  if (l->count == l->room) {
    const int64_t room = l->room ? 2 * l->room : 64;
    char **const more = realloc(l->path, (size_t)room * sizeof *more);
    if (!more) {
      const clf_status s = no_memory(path);
      free(path);
      return s;
    }
    l->path = more;
    l->room = room;
  }
  l->path[l->count++] = path;
  return CLF_OK;
}

static clf_status list_entry(list *l, const char *folder, const char *name, const above *up) {
  struct stat st;
  const size_t n = strlen(folder), m = strlen(name);
  char *const path = malloc(n + m + 2);
  if (!path) return no_memory(name);
  memcpy(path, folder, n);
  /* "photos/" is not to become "photos//a.png". */
  const size_t slash = n > 0 && clf__is_slash(folder[n - 1]) ? 0 : 1;
  if (slash) path[n] = '/';
  memcpy(path + n + slash, name, m + 1);
  /* A name that leads nowhere is kept: whoever reads it can say what is the matter. */
  if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
    const clf_status s = l->deep ? list_folder(l, path, up) : CLF_OK;
    free(path);
    return s;
  }
  if (l->wanted(name)) return keep(l, path);
  free(path);
  return CLF_OK;
}

static clf_status list_entries(list *l, const char *folder, DIR *d, const above *up) {
  for (;;) {
    errno = 0;
    const struct dirent *const e = readdir(d);
    if (!e && errno)
      return clf__fail(CLF_EIO, "%s: the folder cannot be read: %s", folder, strerror(errno));
    if (!e) return CLF_OK;
    if (e->d_name[0] != '.') CLF_TRY(list_entry(l, folder, e->d_name, up));
  }
}

static clf_status list_folder(list *l, const char *folder, const above *up) {
  struct stat st;
  DIR *const d = opendir(folder);
  if (!d || fstat(dirfd(d), &st)) {
    const clf_status s =
        clf__fail(CLF_EIO, "%s: the folder cannot be read: %s", folder, strerror(errno));
    if (d) closedir(d);
    return s;
  }
  const above here = {up, st.st_dev, st.st_ino};
  int again = 0;
  for (const above *a = up; a; a = a->up) again |= a->device == here.device && a->node == here.node;
  const clf_status s = again ? CLF_OK : list_entries(l, folder, d, &here);
  closedir(d);
  return s;
}

static int by_path(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

clf_status clf__list_files(const char *folder, int deep, int (*wanted)(const char *name),
                           char ***path, int64_t *count) {
  list l = {.deep = deep, .wanted = wanted};
  const clf_status s = list_folder(&l, folder, NULL);
  if (s != CLF_OK) {
    clf__list_free(l.path, l.count);
    return s;
  }
  if (l.count) qsort(l.path, (size_t)l.count, sizeof *l.path, by_path);
  *path = l.path;
  *count = l.count;
  return CLF_OK;
}

void clf__list_free(char **path, int64_t count) {
  for (int64_t i = 0; i < count; i++) free(path[i]);
  free(path);
}
