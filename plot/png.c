/* SPDX-License-Identifier: MIT */
/* png.c: writes plots as files, which are replaced atomically. */
#define _POSIX_C_SOURCE 200809L
#include "../runtime/core/path.h"
#include "chart.h"
#include "clflow/data.h"
#include "fail.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct bytes {
  unsigned char *at;
  size_t used, cap;
} bytes;

static cairo_status_t append(void *closure, const unsigned char *data, unsigned int n) {
  bytes *b = closure;
  if (b->cap - b->used < n) {
    const size_t cap = 2 * b->cap + n;
    unsigned char *at = realloc(b->at, cap);
    if (!at) return CAIRO_STATUS_NO_MEMORY;
    b->at = at;
    b->cap = cap;
  }
  memcpy(b->at + b->used, data, n);
  b->used += n;
  return CAIRO_STATUS_SUCCESS;
}

static clf_status cannot(const char *path, const char *why) {
  return clf__plot_fail(CLF_EIO, "%s: cannot be written: %s", path, why);
}

/* Everything before the last slash; "." or "/" if that is empty. */
static clf_status folder_of(const char *path, char *folder, size_t size) {
  const size_t n = clf__folder_length(path);
  if (n + 2 > size) return cannot(path, "its name is too long");
  memcpy(folder, n ? path : ".", n ? n : 1);
  folder[n ? n : 1] = 0;
  return CLF_OK;
}

clf_status clf__chart_writable(const char *path) {
  char folder[PATH_MAX];
  struct stat at;
  const size_t n = strlen(path);
  if (n < 4 || strcasecmp(path + n - 4, ".png") != 0)
    return clf__plot_fail(CLF_EINVAL, "%s: pictures are PNG; give a name that ends in .png", path);
  CLF_TRY(folder_of(path, folder, sizeof folder));
  if (stat(folder, &at) != 0 && (errno == ENOENT || errno == ENOTDIR))
    return clf__plot_fail(CLF_EIO, "%s: cannot be written: the folder \"%s\" does not exist", path,
                          folder);
  if (access(folder, W_OK | X_OK) != 0)
    return clf__plot_fail(CLF_EIO, "%s: cannot be written: the folder \"%s\": %s", path, folder,
                          strerror(errno));
  if (stat(path, &at) == 0 && S_ISDIR(at.st_mode)) return cannot(path, "it is a folder");
  return CLF_OK;
}

clf_status clf__chart_save(clf__chart *c, const char *path) {
  bytes b = {0};
  cairo_status_t drawn = cairo_status(c->cr);
  if (!drawn) drawn = cairo_surface_write_to_png_stream(c->surface, append, &b);
  clf_status s = CLF_OK;
  if (drawn)
    s = clf__plot_fail(drawn == CAIRO_STATUS_NO_MEMORY ? CLF_ENOMEM : CLF_EIO,
                       "%s: cannot be drawn: %s", path, cairo_status_to_string(drawn));
  else
    s = clf_file_write(path, b.at, b.used);
  free(b.at);
  return s;
}
