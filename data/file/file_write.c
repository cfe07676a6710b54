/* SPDX-License-Identifier: MIT */
/* file_write.c: replaces files atomically. */
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clflow/data.h"
#include "file.h"
#include "path.h"
#include "status.h"
#include "temp.h"

struct clf__file {
  char *path;   /* as given by the caller, for messages */
  char *target; /* the file that is replaced: path with links resolved */
  char *folder; /* of target */
  clf__temp temp;
  int keep; /* 1: the replaced file is kept under another name */
  int (*expendable)(const char *path);
};

/* ---- Can a file be written? ------------------------------------------------------------------ */

static clf_status write_fault(const char *path, int error) {
  return clf__fail(CLF_EIO, "%s: cannot be written: %s", path, strerror(error));
}

/* The folder that holds `path`, malloc'ed. */
static char *folder_of(const char *path) {
  const size_t n = clf__folder_length(path);
  return n ? strndup(path, n) : strdup(".");
}

static clf_status folder_writable(const char *path, const char *folder) {
  struct stat st;
  if (stat(folder, &st)) {
    if (errno != ENOENT) return write_fault(path, errno);
    return clf__fail(CLF_EIO, "%s: cannot be written: the folder \"%s\" does not exist", path,
                     folder);
  }
  if (!S_ISDIR(st.st_mode))
    return clf__fail(CLF_EIO, "%s: cannot be written: \"%s\" is not a folder", path, folder);
  if (access(folder, W_OK | X_OK))
    return clf__fail(CLF_EIO, "%s: cannot be written: the folder \"%s\": %s", path, folder,
                     strerror(errno));
  return CLF_OK;
}

/* A rename would silently replace a device or a write-protected file, so these are refused. */
static clf_status target_writable(const char *path, const char *target) {
  struct stat st;
  const size_t n = strlen(target);
  if (!stat(target, &st)) {
    if (S_ISDIR(st.st_mode))
      return clf__fail(CLF_EIO, "%s: cannot be written: it is a folder", path);
    if (!S_ISREG(st.st_mode))
      return clf__fail(CLF_EIO, "%s: cannot be written: it is not a regular file", path);
    if (access(target, W_OK)) return write_fault(path, errno);
  } else if (n == 0 || clf__is_slash(target[n - 1])) {
    return clf__fail(CLF_EIO, "\"%s\" cannot be written: it does not name a file", path);
  }
  return CLF_OK;
}

/* Resolves links, so that the target of a link is replaced and not the link.  After an error the
 * caller still frees *target and *folder. */
static clf_status resolve(const char *path, char **target, char **folder) {
  *folder = NULL;
  *target = realpath(path, NULL);
  if (!*target) *target = strdup(path);
  if (*target) *folder = folder_of(*target);
  if (!*folder) return clf__fail(CLF_ENOMEM, "%s: no memory for its name", path);
  CLF_TRY(target_writable(path, *target));
  return folder_writable(path, *folder);
}

clf_status clf__file_writable(const char *path) {
  if (!path) return clf__fail(CLF_EINVAL, "the name of a file to write is empty");
  char *target, *folder;
  const clf_status s = resolve(path, &target, &folder);
  free(target);
  free(folder);
  return s;
}

/* ---- The file being written ------------------------------------------------------------------ */

static void file_free(clf__file *f) {
  free(f->path);
  free(f->target);
  free(f->folder);
  clf__temp_forget(&f->temp);
  free(f);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static clf_status open_temp(clf__file *f) {
  const int error = clf__temp_make(f->folder, 0666, &f->temp);
  if (error == ENOMEM && !f->temp.name)
    return clf__fail(CLF_ENOMEM, "%s: no memory for its name", f->path);
  return error ? write_fault(f->path, error) : CLF_OK;
}

clf_status clf__file_begin(const char *path, clf__file **f) {
  if (!path) return clf__fail(CLF_EINVAL, "the name of a file to write is empty");
  clf__file *const n = calloc(1, sizeof *n);
  if (n) n->path = strdup(path);
  if (!n || !n->path) {
    free(n);
    return clf__fail(CLF_ENOMEM, "%s: no memory for its name", path);
  }
  n->temp = (clf__temp){.fd = -1, .lock = -1, .watched = -1};
  clf_status s = resolve(path, &n->target, &n->folder);
  if (s == CLF_OK) {
    clf__temp_sweep(n->folder);
    s = open_temp(n);
  }
  if (s != CLF_OK) {
    file_free(n);
    return s;
  }
  *f = n;
  return CLF_OK;
}

clf_status clf__file_put(clf__file *f, const void *bytes, size_t n) {
  const char *p = bytes;
  while (n > 0) {
    const ssize_t put = write(f->temp.fd, p, n);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return clf__fail(CLF_EIO, "%s: write failed: %s", f->path, strerror(errno));
    p += put;
    n -= (size_t)put;
  }
  return CLF_OK;
}

/* Not every file system can sync a folder.  The file is complete by now, whether or not its new
 * name survives a power failure, so errors are not reported. */
static void sync_folder(const char *folder) {
  const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

void clf__file_keep(clf__file *f, int (*expendable)(const char *path)) {
  f->keep = 1;
  f->expendable = expendable;
}

/* Whether an existing file of this name may be lost. */
static int may_go(const clf__file *f, const char *kept) {
  struct stat st;
  if (!f->expendable || stat(kept, &st)) return 1;
  return st.st_size == 0 || f->expendable(kept);
}

/* Gives the file to be replaced a second name.  If the file system does not support that, or the
 * name is taken by a folder or another kind of file, nothing is kept: the new file is more
 * important. */
static void keep_old(const clf__file *f) {
  char *second = malloc(strlen(f->temp.name) + 2), *kept = clf__file_kept_name(f->target);
  if (second && kept && may_go(f, kept)) {
    sprintf(second, "%s~", f->temp.name);
    unlink(second);
    if (!link(f->target, second) && rename(second, kept)) unlink(second);
    unlink(second); /* rename() does nothing if both names are the same file already */
  }
  free(second);
  free(kept);
}

static int finish(clf__file *f) {
  struct stat st;
  if (!stat(f->target, &st) && fchmod(f->temp.fd, st.st_mode & 0777)) return errno;
  if (fsync(f->temp.fd)) return errno;
  /* some network file systems report a full disk only here */
  const int closed = close(f->temp.fd);
  f->temp.fd = -1;
  if (closed) return errno;
  if (f->keep) keep_old(f);
  return rename(f->temp.name, f->target) ? errno : 0;
}

clf_status clf__file_commit(clf__file *f) {
  const int error = finish(f);
  if (error) {
    const clf_status s = clf__fail(CLF_EIO, "%s: write failed: %s", f->path, strerror(error));
    clf__file_abort(f);
    return s;
  }
  sync_folder(f->folder);
  file_free(f);
  return CLF_OK;
}

clf_status clf_file_write(const char *path, const void *bytes, size_t n) {
  clf__file *f;
  CLF_GIVEN("path, bytes", path, n ? bytes : path);
  CLF_TRY(clf__file_begin(path, &f));
  const clf_status s = clf__file_put(f, bytes, n);
  if (s == CLF_OK) return clf__file_commit(f);
  clf__file_abort(f);
  return s;
}

char *clf__file_kept_name(const char *path) {
  char *name = malloc(strlen(path) + sizeof ".previous");
  if (name) sprintf(name, "%s.previous", path);
  return name;
}

void clf__file_abort(clf__file *f) {
  if (!f) return;
  if (f->temp.fd >= 0) close(f->temp.fd);
  unlink(f->temp.name);
  file_free(f);
}
