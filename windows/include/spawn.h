/* SPDX-License-Identifier: MIT */
/* spawn.h: starting programs. */
#pragma GCC system_header
#ifndef CLF_WINDOWS_SPAWN_H
#define CLF_WINDOWS_SPAWN_H
#include <signal.h>
#include <sys/types.h>

/* setenv() maintains no such array; a child inherits the environment. */
#undef environ
#define environ clf__environ

/* The child's standard input, output and error. */
typedef struct posix_spawn_file_actions {
  struct {
    int fd;           /* a descriptor of this process, or -1: */
    const char *path; /* a file opened for the child, or NULL: none */
    int flags;
  } of[3];
} posix_spawn_file_actions_t;
int posix_spawn_file_actions_init(posix_spawn_file_actions_t *to);
int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *to);
int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *to, int ours, int fd);
int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *to, int fd, const char *path,
                                     int flags, unsigned mode);

/* Signals are not inherited, so this has no effect. */
typedef struct posix_spawnattr {
  int unused;
} posix_spawnattr_t;
enum { POSIX_SPAWN_SETSIGDEF = 4 };
static inline int posix_spawnattr_init(posix_spawnattr_t *a) { return a->unused = 0; }
static inline int posix_spawnattr_destroy(posix_spawnattr_t *a) { return a->unused = 0; }
static inline int posix_spawnattr_setflags(posix_spawnattr_t *a, short f) {
  return (void)a, (void)f, 0;
}
static inline int posix_spawnattr_setsigdefault(posix_spawnattr_t *a, const sigset_t *s) {
  return (void)a, (void)s, 0;
}

/* program: the name may lack .exe; /proc/self/exe is this program. environment is ignored. */
int posix_spawn(pid_t *pid, const char *program, const posix_spawn_file_actions_t *to,
                const posix_spawnattr_t *attributes, char *const *argv, char *const *environment);
#endif
