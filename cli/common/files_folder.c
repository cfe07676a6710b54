/* SPDX-License-Identifier: MIT */
/* files_folder.c: finds out whether a file is inside a folder that is read, at any depth. */
#define _XOPEN_SOURCE 700
#include "../../runtime/core/path.h"
#include "files.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

typedef struct identity {
  dev_t device;
  ino_t node;
} identity;

typedef struct walk {
  int has_parent;
  identity parent, file; /* the output's folder, and the file that exists under the output's name */
  int has_file;
  identity *seen; /* visited folders: links may form a cycle */
  size_t count, room;
} walk;

static identity identity_of(const struct stat *st) { return (identity){st->st_dev, st->st_ino}; }
static int equal(identity a, identity b) { return a.device == b.device && a.node == b.node; }

/* 1: the folder is new and was noted; 0: it was visited before; -1: no memory. */
static int note(walk *w, identity folder) {
  for (size_t i = 0; i < w->count; i++)
    if (equal(w->seen[i], folder)) return 0;
  if (w->count == w->room) {
    const size_t room = w->room ? 2 * w->room : 64;
    identity *more = realloc(w->seen, room * sizeof *more);
    if (!more) return -1;
    w->seen = more;
    w->room = room;
  }
  w->seen[w->count++] = folder;
  return 1;
}

/* 1: the output is inside this folder; 0: it is not; -1: no memory. */
static int finds(walk *w, const char *folder, identity self);

static int look_at(walk *w, const char *folder, const char *name) {
  struct stat st;
  char *path = malloc(strlen(folder) + strlen(name) + 2);
  if (!path) return -1;
  sprintf(path, "%s/%s", folder, name);
  int found = 0;
  if (stat(path, &st) == 0) {
    if (w->has_file && equal(identity_of(&st), w->file))
      found = 1;
    else if (S_ISDIR(st.st_mode))
      found = finds(w, path, identity_of(&st));
  }
  free(path);
  return found;
}

static int finds(walk *w, const char *folder, identity self) {
  if (w->has_parent && equal(self, w->parent)) return 1;
  const int fresh = note(w, self);
  DIR *d = fresh > 0 ? opendir(folder) : NULL;
  if (!d) return fresh < 0 ? -1 : 0; /* the code that reads the folder reports the error */
  int found = 0;
  for (const struct dirent *e = readdir(d); e && !found; e = readdir(d))
    if (e->d_name[0] != '.') found = look_at(w, folder, e->d_name);
  closedir(d);
  return found;
}

int cli_check_folder_use(const cli_use *out, const cli_use *folder) {
  walk w = {.has_file = out->exists, .file = identity_of(&out->st)};
  if (out->dash || out->inherited) return CLI_OK; /* `clflow eval ... > here.txt` is harmless */
  struct stat st;
  char *real = out->future ? strdup(out->future) : realpath(out->path, NULL);
  const size_t n = real ? clf__folder_length(real) : 0;
  if (real) real[n] = '\0';
  w.has_parent = real && stat(n ? real : ".", &st) == 0;
  if (w.has_parent) w.parent = identity_of(&st);
  free(real);
  const int found = finds(&w, folder->path, identity_of(&folder->st));
  free(w.seen);
  if (found < 0) return cli_fail("out of memory for the folders below %s", folder->path);
  if (!found) return CLI_OK;
  return cli_usage("%s %s is in the folder %s, which %s reads; write to another folder",
                   out->option, out->path, folder->path, folder->option);
}
