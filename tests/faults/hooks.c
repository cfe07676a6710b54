/* SPDX-License-Identifier: MIT */
/* hooks.c: see hooks.h. __real_NAME is the function of the C library. */
#define _GNU_SOURCE
#include "hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

fault_hook fault_memory, fault_files;
_Thread_local int fault_spares;

static int due(fault_hook *h) {
  const long i = __atomic_add_fetch(&h->calls, 1, __ATOMIC_RELAXED);
  return h->n && (i == h->n || (i > h->n && h->from_then_on));
}

/* ---- Memory ----------------------------------------------------------------------------- */

#define MEMORY(type, name, parameters, arguments)                                                  \
  type __real_##name parameters;                                                                   \
  type __wrap_##name parameters;                                                                   \
  type __wrap_##name parameters {                                                                  \
    if (fault_spares || !due(&fault_memory)) return __real_##name arguments;                       \
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

/* ---- What fault_watch() looks at ---- */

enum { WATCHED = 1024 };
static struct {
  char dirty[WATCHED];  /* by descriptor: a file with bytes written after the last fsync() */
  char cached[WATCHED]; /* a file of clflow's cache */
  int renamed;          /* a folder has a name given after the last fsync() */
  const char *wrong;    /* the first */
} watched;

void fault_watch(void) { memset(&watched, 0, sizeof watched); }
const char *fault_unsafe(void) {
  if (watched.wrong) return watched.wrong;
  return watched.renamed ? "a folder was not synced after a file in it was renamed" : NULL;
}

static void is_wrong(const char *what) {
  if (!watched.wrong) watched.wrong = what;
}
/* Cache files need no fsync(), since a damaged one is written again. */
static int in_cache(const char *path) {
  const char *cache = getenv("CLFLOW_CACHE_DIR");
  return cache && *cache && strncmp(path, cache, strlen(cache)) == 0;
}
static void watch_open(const char *path, int flags, int fd) {
  if (!(flags & O_CLOEXEC)) is_wrong("a file was opened without O_CLOEXEC");
  if (fd >= 0 && fd < WATCHED) watched.cached[fd] = (char)in_cache(path);
}
static int is_of_kind(int fd, mode_t kind) {
  struct stat st;
  return fd >= 0 && fd < WATCHED && !fstat(fd, &st) && (st.st_mode & S_IFMT) == kind;
}
static void watch_write(int fd) {
  if (is_of_kind(fd, S_IFREG) && !watched.cached[fd]) watched.dirty[fd] = 1;
}
static void watch_fsync(int fd) {
  if (is_of_kind(fd, S_IFDIR))
    watched.renamed = 0;
  else if (fd >= 0 && fd < WATCHED)
    watched.dirty[fd] = 0;
}
static void watch_close(int fd) {
  if (fd >= 0 && fd < WATCHED && watched.dirty[fd])
    is_wrong("a file was closed before what was written to it was synced");
}
static void watch_rename(const char *to) {
  if (in_cache(to)) return;
  if (memchr(watched.dirty, 1, sizeof watched.dirty))
    is_wrong("a file was renamed before what was written to it was synced");
  watched.renamed = 1;
}

/* ---- Their failures ---- */

/* Whether the current call fails; sets errno. */
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

#define FILES(name, parameters, arguments, watch)                                                  \
  int __real_##name parameters;                                                                    \
  int __wrap_##name parameters;                                                                    \
  int __wrap_##name parameters {                                                                   \
    if (file_fails()) return -1;                                                                   \
    watch;                                                                                         \
    const int r = __real_##name arguments;                                                         \
    done();                                                                                        \
    return r;                                                                                      \
  }
FILES(close, (int fd), (fd), watch_close(fd))
FILES(fsync, (int fd), (fd), watch_fsync(fd))
FILES(fchmod, (int fd, mode_t mode), (fd, mode), (void)0)
FILES(rename, (const char *from, const char *to), (from, to), watch_rename(to))
FILES(link, (const char *from, const char *to), (from, to), (void)0)

/* unlink() does not fail here, since nothing could be done about it. */
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
  watch_open(path, flags, fd);
  done();
  return fd;
}

static int interrupted(void) {
  static int last;
  if (fault_files.what != FAULT_SIGNALS) return 0;
  last = !last;
  errno = EINTR;
  return last;
}

/* Half of the requested bytes, at least one. */
#define TRANSFER(name, pointer, watch)                                                             \
  ssize_t __real_##name(int fd, pointer bytes, size_t n);                                          \
  ssize_t __wrap_##name(int fd, pointer bytes, size_t n);                                          \
  ssize_t __wrap_##name(int fd, pointer bytes, size_t n) {                                         \
    if (file_fails() || interrupted()) return -1;                                                  \
    watch;                                                                                         \
    const int half = fault_files.what == FAULT_SHORT && fault_files.n && n > 1 &&                  \
                     fault_files.calls >= fault_files.n;                                           \
    const ssize_t r = __real_##name(fd, bytes, half ? n / 2 : n);                                  \
    done();                                                                                        \
    return r;                                                                                      \
  }
TRANSFER(read, void *, (void)0)
TRANSFER(write, const void *, watch_write(fd))
