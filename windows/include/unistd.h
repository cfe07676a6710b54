/* SPDX-License-Identifier: MIT */
/* unistd.h: calls on files, and properties of the machine. */
#pragma GCC system_header
#include_next <unistd.h>
#ifndef CLF_WINDOWS_UNISTD_H
#define CLF_WINDOWS_UNISTD_H
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#undef F_OK
#undef X_OK
#undef W_OK
#undef R_OK
enum { F_OK = 0, X_OK = 1, W_OK = 2, R_OK = 4 };

/* X_OK: whether it is a folder or a program, whose name may lack .exe. */
int clf__access(const char *path, int how);
int clf__unlink(const char *path);
int link(const char *from, const char *to);
int unlinkat(int folder, const char *name, int flags);
int clf__chdir(const char *path);
int clf__rmdir(const char *path);
char *clf__getcwd(char *path, size_t size);
int fsync(int fd);
static inline unsigned geteuid(void) { return 0; } /* equal to st_uid of any file */
ssize_t clf__fd_read(int fd, void *bytes, size_t n);
ssize_t clf__fd_write(int fd, const void *bytes, size_t n);
int pipe2(int fd[2], int flags);
int clf__isatty(int fd); /* 1 for a console, 0 for other devices such as NUL */
int clf__execv(
    const char *path,
    char *const *argv); /* always fails: a process cannot be replaced by another program */
#define access clf__access
#define unlink clf__unlink
#define chdir clf__chdir
#define rmdir clf__rmdir
#define getcwd clf__getcwd
#define read clf__fd_read
#define write clf__fd_write
#define isatty clf__isatty
#define execv clf__execv

enum { _SC_NPROCESSORS_ONLN, _SC_PHYS_PAGES, _SC_PAGESIZE };
long sysconf(int what);
#endif
