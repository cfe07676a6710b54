/* SPDX-License-Identifier: MIT */
/* childless.c: a system that starts no more processes for clflow (LD_PRELOAD). */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <spawn.h>

__attribute__((visibility("default"))) int
posix_spawn(pid_t *pid, const char *program, const posix_spawn_file_actions_t *to,
            const posix_spawnattr_t *attributes, char *const argv[], char *const environment[]) {
  (void)pid, (void)program, (void)to, (void)attributes, (void)argv, (void)environment;
  return EAGAIN;
}
