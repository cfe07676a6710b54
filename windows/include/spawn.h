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

/* A child in a group of its own gets no Ctrl-C. Signals are not inherited, so those that are set
 * have no effect. */
typedef struct posix_spawnattr {
  short flags;
} posix_spawnattr_t;
enum { POSIX_SPAWN_SETPGROUP = 2, POSIX_SPAWN_SETSIGDEF = 4 };
static inline int posix_spawnattr_init(posix_spawnattr_t *a) { return a->flags = 0; }
static inline int posix_spawnattr_destroy(posix_spawnattr_t *a) { return a->flags = 0; }
static inline int posix_spawnattr_setflags(posix_spawnattr_t *a, short f) {
  return a->flags = f, 0;
}
static inline int posix_spawnattr_setpgroup(posix_spawnattr_t *a, pid_t group) {
  return (void)a, (void)group, 0; /* the flag says it: always a new group */
}
static inline int posix_spawnattr_setsigdefault(posix_spawnattr_t *a, const sigset_t *s) {
  return (void)a, (void)s, 0;
}

/* program: the name may lack .exe; /proc/self/exe is this program. environment is ignored. */
int posix_spawn(pid_t *pid, const char *program, const posix_spawn_file_actions_t *to,
                const posix_spawnattr_t *attributes, char *const *argv, char *const *environment);
#endif
