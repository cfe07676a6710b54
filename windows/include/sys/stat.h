/* SPDX-License-Identifier: MIT */
/* sys/stat.h: properties of a file, with the numbers that identify it. */
#pragma GCC system_header
#include_next <sys/stat.h>
#ifndef CLF_WINDOWS_STAT_H
#define CLF_WINDOWS_STAT_H
#include <stdint.h>
#include <time.h>

#undef stat
#undef fstat
#define stat clf__stat
#define fstat clf__fstat
#define chmod clf__chmod
#define mkdir clf__mkdir
#define dev_t uint64_t
#define ino_t uint64_t
#define mode_t unsigned
struct clf__stat {
  uint64_t st_dev, st_ino;
  int64_t st_size;
  struct timespec st_mtim;
  unsigned st_mode, st_nlink;
  unsigned st_uid; /* 0: on Windows, users are separated by the permissions of their folders */
};
#define st_mtime st_mtim.tv_sec
int clf__stat(const char *path, struct clf__stat *st);
int clf__fstat(int fd, struct clf__stat *st);
int lstat(const char *path, struct clf__stat *st);
#define S_ISLNK(mode) 0
#define S_IWGRP 0
#define S_IWOTH 0
enum { AT_SYMLINK_NOFOLLOW = 1 };
int fstatat(int folder, const char *name, struct clf__stat *st, int flags);

/* Permissions are inherited from the folder; only the write permission belongs to the file. */
int clf__mkdir(const char *path, mode_t mode);
int clf__chmod(const char *path, mode_t mode);
int fchmod(int fd, mode_t mode);
#endif
