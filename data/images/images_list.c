/* SPDX-License-Identifier: MIT */
/* images_list.c: the sorted names of the files in a folder and its subfolders. */
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

/* No data set nests folders this deep, but a loop of links that the file system hides may. */
enum { DEEPEST = 64 };

typedef struct names {
  char **at;
  int64_t count, room;
} names;

typedef struct slot {
  dev_t device;
  ino_t node;
  int used;
} slot;

/* The folders already read, in a hash table with open addressing. */
typedef struct seen {
  slot *at;
  size_t count, room; /* room: 0 or a power of two */
} seen;

typedef struct list {
  int deep;
  clf__wanted *wanted;
  void *context;
  names files;
  seen folders;
} list;

/* ---- Names ---------------------------------------------------------------- */

static clf_status no_memory(const char *path) {
  return clf__fail(CLF_ENOMEM, "%s: no memory for its name", path);
}

/* Takes ownership of `path`, also after an error. */
static clf_status keep(names *n, char *path) {
  if (n->count == n->room) {
    const int64_t room = n->room ? 2 * n->room : 64;
    char **const more = realloc(n->at, (size_t)room * sizeof *more);
    if (!more) {
      const clf_status s = no_memory(path);
      free(path);
      return s;
    }
    n->at = more;
    n->room = room;
  }
  n->at[n->count++] = path;
  return CLF_OK;
}

static int by_path(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(names *n) {
  if (n->count) qsort(n->at, (size_t)n->count, sizeof *n->at, by_path);
}

static char *join(const char *folder, const char *name) {
  const size_t n = strlen(folder), m = strlen(name);
  /* "photos/" must not become "photos//a.png" */
  const size_t slash = n > 0 && clf__is_slash(folder[n - 1]) ? 0 : 1;
  char *const path = malloc(n + slash + m + 1);
  if (!path) return NULL;
  memcpy(path, folder, n);
  if (slash) path[n] = '/';
  memcpy(path + n + slash, name, m + 1);
  return path;
}

/* ---- Folders already read -------------------------------------------------------------------- */

static slot *slot_of(const seen *s, dev_t device, ino_t node) {
  const uint64_t hash = ((uint64_t)node ^ (uint64_t)device << 32) * UINT64_C(0x9e3779b97f4a7c15);
  size_t i = (size_t)(hash >> 20) & (s->room - 1);
  while (s->at[i].used && (s->at[i].device != device || s->at[i].node != node))
    i = (i + 1) & (s->room - 1);
  return &s->at[i];
}

static clf_status make_room(seen *s, const char *folder) {
  if (2 * (s->count + 1) <= s->room) return CLF_OK;
  seen more = {.room = s->room ? 2 * s->room : 64, .count = s->count};
  more.at = calloc(more.room, sizeof *more.at);
  if (!more.at) return no_memory(folder);
  for (size_t i = 0; i < s->room; i++)
    if (s->at[i].used) *slot_of(&more, s->at[i].device, s->at[i].node) = s->at[i];
  free(s->at);
  *s = more;
  return CLF_OK;
}

/* Whether this is the first visit to the folder. */
static clf_status visit(seen *s, const char *folder, const struct stat *st, int *first) {
  CLF_TRY(make_room(s, folder));
  slot *const p = slot_of(s, st->st_dev, st->st_ino);
  *first = !p->used;
  s->count += (size_t)*first;
  *p = (slot){st->st_dev, st->st_ino, 1};
  return CLF_OK;
}

/* ---- One folder ------------------------------------------------------------------------------ */

static clf_status cannot_read(const char *folder) {
  return clf__fail(CLF_EIO, "%s: the folder cannot be read: %s", folder, strerror(errno));
}

static clf_status read_entries(DIR *d, const char *folder, names *n) {
  for (;;) {
    errno = 0;
    const struct dirent *const e = readdir(d);
    if (!e) return errno ? cannot_read(folder) : CLF_OK;
    if (e->d_name[0] == '.') continue;
    char *const path = join(folder, e->d_name);
    CLF_TRY(path ? keep(n, path) : no_memory(folder));
  }
}

/* The sorted entries of a folder; none if it was read before under another name. */
static clf_status read_folder(list *l, const char *folder, names *n) {
  struct stat st;
  int first = 0;
  DIR *const d = opendir(folder);
  if (!d) return cannot_read(folder);
  clf_status s =
      fstat(dirfd(d), &st) ? cannot_read(folder) : visit(&l->folders, folder, &st, &first);
  if (s == CLF_OK && first) s = read_entries(d, folder, n);
  closedir(d);
  sort(n);
  return s;
}

static clf_status list_folder(list *l, const char *folder, int depth);

/* Takes ownership of `path`. */
static clf_status list_entry(list *l, char *path, int depth) {
  struct stat st;
  /* A dangling link may be wanted: whoever reads it reports the error. */
  const int is_folder = !stat(path, &st) && S_ISDIR(st.st_mode);
  if (!is_folder && l->wanted(l->context, path)) return keep(&l->files, path);
  const clf_status s = is_folder && l->deep ? list_folder(l, path, depth + 1) : CLF_OK;
  free(path);
  return s;
}

/* Reads the whole folder before its subfolders, in order.  So which of several links to a folder
 * is followed does not depend on the file system, and one folder is open at a time. */
static clf_status list_folder(list *l, const char *folder, int depth) {
  names n = {0};
  if (depth > DEEPEST)
    return clf__fail(CLF_EIO, "%s: folders are nested more than %d deep; give one further down",
                     folder, DEEPEST);
  clf_status s = read_folder(l, folder, &n);
  for (int64_t i = 0; i < n.count; i++)
    if (s == CLF_OK)
      s = list_entry(l, n.at[i], depth);
    else
      free(n.at[i]);
  free(n.at);
  return s;
}

/* ---- All ------------------------------------------------------------------ */

clf_status clf__list_files(const char *folder, int deep, clf__wanted *wanted, void *context,
                           char ***path, int64_t *count) {
  list l = {.deep = deep, .wanted = wanted, .context = context};
  const clf_status s = list_folder(&l, folder, 0);
  free(l.folders.at);
  if (s != CLF_OK) {
    clf__list_free(l.files.at, l.files.count);
    return s;
  }
  sort(&l.files);
  *path = l.files.at;
  *count = l.files.count;
  return CLF_OK;
}

void clf__list_free(char **path, int64_t count) {
  for (int64_t i = 0; i < count; i++) free(path[i]);
  free(path);
}
