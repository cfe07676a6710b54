/* SPDX-License-Identifier: MIT */
/* dirent.h: folders with names in UTF-8; replaces MinGW-w64's. */
#pragma GCC system_header
#ifndef CLF_WINDOWS_DIRENT_H
#define CLF_WINDOWS_DIRENT_H

struct dirent {
  char d_name[3 * 260 + 1];
};
typedef struct clf__dir DIR;

DIR *opendir(const char *path);
struct dirent *readdir(DIR *d);
int closedir(DIR *d);
int dirfd(DIR *d);

int alphasort(const struct dirent **a, const struct dirent **b);
int scandir(const char *path, struct dirent ***list, int (*wanted)(const struct dirent *),
            int (*order)(const struct dirent **, const struct dirent **));
#endif
