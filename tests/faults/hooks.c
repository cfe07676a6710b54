/* SPDX-License-Identifier: MIT */
/* hooks.c: hooks.h tells.  __real_NAME is the C library's function. */
#define _GNU_SOURCE
#include "hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

fault_hook fault_memory, fault_files;

static int due(fault_hook *h) {
  const long i = __atomic_add_fetch(&h->calls, 1, __ATOMIC_RELAXED);
  return h->n && (i == h->n || (i > h->n && h->from_then_on));
}

/* ---- Memory ----------------------------------------------------------------------------- */

#define MEMORY(type, name, parameters, arguments)                                                  \
  type __real_##name parameters;                                                                   \
  type __wrap_##name parameters;                                                                   \
  type __wrap_##name parameters {                                                                  \
    if (!due(&fault_memory)) return __real_##name arguments;                                       \
    errno = ENOMEM;                                                                                \
    return NULL;                                                                                   \
  }
MEMORY(void *, malloc, (size_t n), (n))
MEMORY(void *, calloc, (size_t n, size_t each), (n, each))
MEMORY(void *, realloc, (void *p, size_t n), (p, n))
MEMORY(void *, aligned_alloc, (size_t align, size_t n), (align, n))
MEMORY(char *, strdup, (const char *s), (s))
MEMORY(char *, strndup, (const char *s, size_t n), (s, n))

/* ---- Files ------------------------------------------------------------------------------ */

static void killed(void) { kill(getpid(), SIGKILL); }

/* Whether the call under way fails, errno set. */
static int file_fails(void) {
  if (!due(&fault_files)) return 0;
  if (fault_files.what == FAULT_KILL) killed();
  if (fault_files.what <= 0) return 0;
  errno = fault_files.what;
  return 1;
}
/* After the n-th call is done. */
static void done(void) {
  if (fault_files.what == FAULT_KILL_AFTER && fault_files.n == fault_files.calls) killed();
}

#define FILES(name, parameters, arguments)                                                         \
  int __real_##name parameters;                                                                    \
  int __wrap_##name parameters;                                                                    \
  int __wrap_##name parameters {                                                                   \
    if (file_fails()) return -1;                                                                   \
    const int r = __real_##name arguments;                                                         \
    done();                                                                                        \
    return r;                                                                                      \
  }
FILES(close, (int fd), (fd))
FILES(fsync, (int fd), (fd))
FILES(fchmod, (int fd, mode_t mode), (fd, mode))
FILES(rename, (const char *from, const char *to), (from, to))
FILES(link, (const char *from, const char *to), (from, to))

/* What cannot be removed stays behind, and nobody can help it: it does not fail. */
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path) {
  if (due(&fault_files) && fault_files.what == FAULT_KILL) killed();
  const int r = __real_unlink(path);
  done();
  return r;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...) {
  va_list ap;
  va_start(ap, flags);
  const unsigned mode = flags & O_CREAT ? va_arg(ap, unsigned) : 0;
  va_end(ap);
  if (file_fails()) return -1;
  const int fd = __real_open(path, flags, mode);
  done();
  return fd;
}

/* Half of what was asked for, where there is a half. */
#define TRANSFER(name, pointer)                                                                    \
  ssize_t __real_##name(int fd, pointer bytes, size_t n);                                          \
  ssize_t __wrap_##name(int fd, pointer bytes, size_t n);                                          \
  ssize_t __wrap_##name(int fd, pointer bytes, size_t n) {                                         \
    if (file_fails()) return -1;                                                                   \
    const int half = fault_files.what == FAULT_SHORT && fault_files.n && n > 1 &&                  \
                     fault_files.calls >= fault_files.n;                                           \
    const ssize_t r = __real_##name(fd, bytes, half ? n / 2 : n);                                  \
    done();                                                                                        \
    return r;                                                                                      \
  }
TRANSFER(read, void *)
TRANSFER(write, const void *)
