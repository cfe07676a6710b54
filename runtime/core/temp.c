/* SPDX-License-Identifier: MIT */
/* temp.c: temporary files.  They are locked while they are written, and removed when a signal
 * ends the process, or by the next writer in the folder if the process was killed. */
#define _XOPEN_SOURCE 700
#if defined(__linux__) || defined(__APPLE__)
#define _DEFAULT_SOURCE /* flock() */
#define _DARWIN_C_SOURCE
#define HAS_LOCKS 1
#else
#define HAS_LOCKS 0
#endif
#include "temp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#if HAS_LOCKS
#include <sys/file.h>
#endif

#include "clflow/data.h"

/* ---- Locks ----------------------------------------------------------------------------------- */

/* A lock ends with its process, and is visible in other containers and, on most network file
 * systems, on other machines, where a process number means nothing. */
typedef enum lock_state { LOCKED_BY_US, LOCKED_BY_OTHERS, NO_LOCKS } lock_state;

#if HAS_LOCKS
static lock_state lock(int fd) {
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return LOCKED_BY_US;
  return errno == EWOULDBLOCK ? LOCKED_BY_OTHERS : NO_LOCKS;
}
/* Closing `fd` may report a full disk, so the lock needs its own descriptor. */
static int second_descriptor(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 0); }
static int open_in(int folder, const char *name) {
  return openat(folder, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}
#else
static lock_state lock(int fd) { return (void)fd, NO_LOCKS; }
static int second_descriptor(int fd) { return (void)fd, -1; }
static int open_in(int folder, const char *name) { return (void)folder, (void)name, -1; }
#endif

static int is_own(const struct stat *st) { return st->st_uid == geteuid(); }

/* ---- Signals --------------------------------------------------------------------------------- */

/* The names are stored here because a thread may free other memory while a signal of another one
 * is handled.  Longer names, and more files than this, are removed by the sweep. */
enum { WATCHED = 16, LONGEST = 4096, FREE = 0, BUSY, LIVE };
static struct {
  atomic_int state;
  pid_t process; /* a forked child removes nothing */
  char name[LONGEST];
} watch[WATCHED];

static int watch_over(const char *name) {
  const size_t n = strlen(name) + 1;
  for (int i = 0; i < WATCHED && n <= LONGEST; i++) {
    int is = FREE;
    if (!atomic_compare_exchange_strong(&watch[i].state, &is, BUSY)) continue;
    memcpy(watch[i].name, name, n);
    watch[i].process = getpid();
    atomic_store(&watch[i].state, LIVE);
    return i;
  }
  return -1;
}

void clf_discard_unfinished(void) {
  const int error = errno;
  for (int i = 0; i < WATCHED; i++)
    if (atomic_load(&watch[i].state) == LIVE && watch[i].process == getpid()) unlink(watch[i].name);
  errno = error;
}

/* ---- Creating a file ------------------------------------------------------------------------- */

/* 1: the new file is locked, or locks are not available; 0: a sweep is about to remove it as
 * left over. */
static int keep_from_sweeps(clf__temp *t) {
  struct stat st;
  const lock_state is = lock(t->fd);
  if (is == NO_LOCKS) return 1;
  if (is == LOCKED_BY_OTHERS || fstat(t->fd, &st) || st.st_nlink == 0) return 0;
  t->lock = second_descriptor(t->fd);
  return 1;
}

/* A name that exists was left by a killed process, or belongs to another machine: try the next
 * number. */
int clf__temp_make(const char *folder, unsigned mode, clf__temp *t) {
  static atomic_uint counter;
  const size_t room = strlen(folder) + 64;
  *t = (clf__temp){.name = malloc(room), .fd = -1, .lock = -1, .watched = -1};
  if (!t->name) return ENOMEM;
  for (int tries = 0; tries < 1000; tries++) {
    snprintf(t->name, room, "%s/.clflow-%ld-%u.tmp", folder, (long)getpid(),
             atomic_fetch_add(&counter, 1u));
    t->fd = open(t->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (t->fd >= 0 && keep_from_sweeps(t)) {
      t->watched = watch_over(t->name);
      return 0;
    }
    if (t->fd >= 0) {
      close(t->fd);
      t->fd = -1;
      errno = EEXIST;
    }
    if (errno != EEXIST) break;
  }
  return errno;
}

void clf__temp_forget(clf__temp *t) {
  if (t->lock >= 0) close(t->lock);
  if (t->watched >= 0) atomic_store(&watch[t->watched].state, FREE);
  free(t->name);
  *t = (clf__temp){.fd = -1, .lock = -1, .watched = -1};
}

/* ---- Sweeping -------------------------------------------------------------------------------- */

/* The process number in the name of our temporary files, or 0. */
static long process_of(const char *name) {
  long pid = 0;
  unsigned number;
  int end = 0;
  if (sscanf(name, ".clflow-%ld-%u.tmp%n", &pid, &number, &end) != 2 || !end || pid <= 0) return 0;
  /* "~" marks the second name of a file that is about to be replaced */
  return strcmp(name + end, "") == 0 || strcmp(name + end, "~") == 0 ? pid : 0;
}

/* Whether the process is a zombie: killed, but not yet waited for, which may take long in
 * containers. */
static int is_zombie(long pid) {
  char path[64], line[256] = "";
  snprintf(path, sizeof path, "/proc/%ld/stat", pid);
  FILE *f = fopen(path, "r");
  const char *const got = f ? fgets(line, sizeof line, f) : NULL;
  if (f) fclose(f);
  const char *const name_ends = got ? strrchr(line, ')') : NULL;
  return name_ends && name_ends[1] == ' ' && name_ends[2] == 'Z';
}

static int is_dead(long pid) {
  errno = 0;
  if (kill((pid_t)pid, 0) != 0) return errno == ESRCH;
  return is_zombie(pid);
}

/* Whether a file is left over: nobody has locked it, and its process has ended.  If one of the
 * two is unknown: its process seems to have ended, or another one may have its number by now,
 * and it was not written for an hour. */
static int is_left_over(int fd, long pid, const struct stat *st) {
  enum { OLD = 3600 }; /* seconds */
  const lock_state is = fd < 0 ? NO_LOCKS : lock(fd);
  const int old = difftime(time(NULL), st->st_mtime) > OLD;
  if (is == LOCKED_BY_OTHERS) return 0;
  return is == LOCKED_BY_US ? is_dead(pid) || old : is_dead(pid) && old;
}

static void sweep_one(int folder, const char *name) {
  struct stat st;
  const long pid = process_of(name);
  if (!pid || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW)) return;
  if (!S_ISREG(st.st_mode) || !is_own(&st)) return;
  const int fd = open_in(folder, name);
  if (is_left_over(fd, pid, &st)) unlinkat(folder, name, 0);
  if (fd >= 0) close(fd);
}

void clf__temp_sweep(const char *folder) {
  DIR *d = opendir(folder);
  if (!d) return;
  for (const struct dirent *e = readdir(d); e; e = readdir(d)) sweep_one(dirfd(d), e->d_name);
  closedir(d);
}
