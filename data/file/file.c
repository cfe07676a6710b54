/* SPDX-License-Identifier: MIT */
/* file.c: reads whole files. */
#define _XOPEN_SOURCE 700
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "status.h"

static clf_status read_fault(const char *path, int error) {
  return clf__fail(CLF_EIO, "%s: cannot be read: %s", path, strerror(error));
}

/* Reads at most *n bytes, even if the file grows meanwhile. */
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

/* Opens a regular file and determines its length. */
static clf_status open_regular(const char *path, int *fd, size_t *size) {
  struct stat st;
  if (!path) return clf__fail(CLF_EINVAL, "the name of a file to read is empty");
  /* Before open(), which would wait for a writer of a pipe. */
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
