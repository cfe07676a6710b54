/* SPDX-License-Identifier: MIT */
/* file.c: files read whole, and files written whole or not at all. */
#define _XOPEN_SOURCE 700
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "status.h"

struct clf__file {
  char *path;   /* as the caller gave it, for messages */
  char *target; /* what the temporary file replaces: path, links resolved */
  char *folder; /* of target */
  char *temp;
  int fd;
};

/* ---- Reading ------------------------------------------------------------- */

static clf_status read_fault(const char *path, int error) {
  return clf__fail(CLF_EIO, "%s: cannot be read: %s", path, strerror(error));
}

/* Reads at most *n bytes: a file that grows meanwhile gives what it had. */
static int read_all(int fd, char *bytes, size_t *n) {
  size_t have = 0;
  while (have < *n) {
    const ssize_t got = read(fd, bytes + have, *n - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) break;
    have += (size_t)got;
  }
  *n = have;
  return 0;
}

static clf_status read_open(const char *path, int fd, size_t n, char **bytes, size_t *size) {
  char *const b = malloc(n + 1);
  if (!b) return clf__fail(CLF_ENOMEM, "%s: no memory for its %zu bytes", path, n);
  const int error = read_all(fd, b, &n);
  if (error) {
    free(b);
    return read_fault(path, error);
  }
  b[n] = 0;
  *bytes = b;
  *size = n;
  return CLF_OK;
}

/* Opens a regular file and says how long it is. */
static clf_status open_regular(const char *path, int *fd, size_t *size) {
  struct stat st;
  if (!path) return clf__fail(CLF_EINVAL, "a file to read has no name");
  /* Asked before open(), which would wait for a writer of a pipe. */
  if (stat(path, &st)) return read_fault(path, errno);
  if (S_ISDIR(st.st_mode)) return clf__fail(CLF_EIO, "%s: cannot be read: it is a folder", path);
  if (!S_ISREG(st.st_mode))
    return clf__fail(CLF_EIO, "%s: cannot be read: it is not a regular file", path);
  if ((uintmax_t)st.st_size >= SIZE_MAX)
    return clf__fail(CLF_ENOMEM, "%s: the file does not fit into memory", path);
  *fd = open(path, O_RDONLY | O_CLOEXEC);
  if (*fd < 0) return read_fault(path, errno);
  *size = (size_t)st.st_size;
  return CLF_OK;
}

clf_status clf__file_read(const char *path, char **bytes, size_t *size) {
  int fd;
  size_t n;
  CLF_TRY(open_regular(path, &fd, &n));
  const clf_status s = read_open(path, fd, n, bytes, size);
  close(fd);
  return s;
}

clf_status clf__file_head(const char *path, char *bytes, size_t room, size_t *size) {
  int fd;
  size_t n;
  CLF_TRY(open_regular(path, &fd, &n));
  if (n > room) n = room;
  const int error = read_all(fd, bytes, &n);
  close(fd);
  if (error) return read_fault(path, error);
  *size = n;
  return CLF_OK;
}

/* ---- Whether a file can be written --------------------------------------- */

static clf_status write_fault(const char *path, int error) {
  return clf__fail(CLF_EIO, "%s: cannot be written: %s", path, strerror(error));
}

/* The folder that holds `path`, malloc'ed. */
static char *folder_of(const char *path) {
  const char *const slash = strrchr(path, '/');
  if (!slash) return strdup(".");
  return strndup(path, slash == path ? 1 : (size_t)(slash - path));
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

/* A rename would replace a device or a write-protected file without a word, so
 * these are refused here. */
static clf_status target_writable(const char *path, const char *target) {
  struct stat st;
  const char *const slash = strrchr(target, '/');
  if (!stat(target, &st)) {
    if (S_ISDIR(st.st_mode))
      return clf__fail(CLF_EIO, "%s: cannot be written: it is a folder", path);
    if (!S_ISREG(st.st_mode))
      return clf__fail(CLF_EIO, "%s: cannot be written: it is not a regular file", path);
    if (access(target, W_OK)) return write_fault(path, errno);
  } else if (!*target || (slash && !slash[1])) {
    return clf__fail(CLF_EIO, "\"%s\" cannot be written: it names no file", path);
  }
  return CLF_OK;
}

/* Resolves links, so that what they point to is replaced and not the link.  On
 * failure *target and *folder are still the caller's to free. */
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
  if (!path) return clf__fail(CLF_EINVAL, "a file to write has no name");
  char *target, *folder;
  const clf_status s = resolve(path, &target, &folder);
  free(target);
  free(folder);
  return s;
}

/* ---- Writing ------------------------------------------------------------- */

static void file_free(clf__file *f) {
  free(f->path);
  free(f->target);
  free(f->folder);
  free(f->temp);
  free(f);
}

/* A name that is taken is left over from a process that was killed, or belongs
 * to one of another machine: the next number is tried. */
static clf_status open_temp(clf__file *f) {
  static atomic_uint counter;
  const size_t room = strlen(f->folder) + 64;
  f->temp = malloc(room);
  if (!f->temp) return clf__fail(CLF_ENOMEM, "%s: no memory for its name", f->path);
  for (int tries = 0; tries < 1000; tries++) {
    snprintf(f->temp, room, "%s/.clflow-%ld-%u.tmp", f->folder, (long)getpid(),
             atomic_fetch_add(&counter, 1u));
    f->fd = open(f->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (f->fd >= 0) return CLF_OK;
    if (errno != EEXIST) break;
  }
  return write_fault(f->path, errno);
}

clf_status clf__file_begin(const char *path, clf__file **f) {
  if (!path) return clf__fail(CLF_EINVAL, "a file to write has no name");
  clf__file *const n = calloc(1, sizeof *n);
  if (n) n->path = strdup(path);
  if (!n || !n->path) {
    free(n);
    return clf__fail(CLF_ENOMEM, "%s: no memory for its name", path);
  }
  clf_status s = resolve(path, &n->target, &n->folder);
  if (s == CLF_OK) s = open_temp(n);
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
    const ssize_t put = write(f->fd, p, n);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return clf__fail(CLF_EIO, "%s: write failed: %s", f->path, strerror(errno));
    p += put;
    n -= (size_t)put;
  }
  return CLF_OK;
}

/* Not every file system can sync a folder, and by now the file is whole whether
 * its new name outlives a power cut or not: failure is not reported. */
static void sync_folder(const char *folder) {
  const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

static int finish(clf__file *f) {
  struct stat st;
  if (!stat(f->target, &st) && fchmod(f->fd, st.st_mode & 0777)) return errno;
  if (fsync(f->fd)) return errno;
  /* Some network file systems report a full disk here and not before. */
  const int closed = close(f->fd);
  f->fd = -1;
  if (closed) return errno;
  return rename(f->temp, f->target) ? errno : 0;
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

void clf__file_abort(clf__file *f) {
  if (!f) return;
  if (f->fd >= 0) close(f->fd);
  unlink(f->temp);
  file_free(f);
}
