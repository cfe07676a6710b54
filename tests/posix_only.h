/* SPDX-License-Identifier: MIT */
/* posix_only.h: tests of features that Windows lacks are empty there. */
#ifndef CLF_POSIX_ONLY_H
#define CLF_POSIX_ONLY_H

#ifndef _WIN32
#define POSIX_ONLY (void)0
#else
/* The rest of the test is skipped: it needs limits on files, named pipes, links or other users. */
#define POSIX_ONLY return
#include <sys/types.h>
#include <sys/utime.h>
struct rlimit {
  long rlim_cur, rlim_max;
};
enum { RLIMIT_FSIZE, SIGXFSZ };
static inline int getrlimit(int what, struct rlimit *l) { return (void)what, (void)l, -1; }
static inline int setrlimit(int what, const struct rlimit *l) { return (void)what, (void)l, -1; }
static inline int mkfifo(const char *path, unsigned mode) { return (void)path, (void)mode, -1; }
static inline int symlink(const char *to, const char *path) { return (void)to, (void)path, -1; }
static inline int chown(const char *path, int user, int group) {
  return (void)path, (void)user, (void)group, -1;
}
static inline int getuid(void) { return 1; }
static inline int geteuid(void) { return 1; }
static inline int seteuid(int id) { return (void)id, -1; }
static inline int setreuid(int id, int effective) { return (void)id, (void)effective, -1; }

/* Features that MinGW-w64's library lacks. */
#define utime(path, times) utime(path, &(struct utimbuf){(times)->actime, (times)->modtime})
void *memmem(const void *in, size_t n, const void *what, size_t m);
#endif

#endif
