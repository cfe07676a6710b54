/* SPDX-License-Identifier: MIT */
/* path.h: splits file names into folder and file, on POSIX and on Windows. */
#ifndef CLF_PATH_H
#define CLF_PATH_H
#include <stddef.h>

static inline int clf__is_slash(char c) {
#ifdef _WIN32
  return c == '/' || c == '\\';
#else
  return c == '/';
#endif
}

/* The length of a drive name at the start of a path, as "C:". */
static inline size_t clf__drive_length(const char *path) {
#ifdef _WIN32
  return *path && path[1] == ':' ? 2 : 0;
#else
  (void)path;
  return 0;
#endif
}

/* Whether a path is absolute. */
static inline int clf__is_absolute(const char *path) {
#ifdef _WIN32
  return clf__drive_length(path) ? clf__is_slash(path[2])
                                 : clf__is_slash(path[0]) && clf__is_slash(path[1]);
#else
  return *path == '/';
#endif
}

/* The length of the folder in a file name: everything before the last slash, including it for
 * the root; 0 without a folder. */
static inline size_t clf__folder_length(const char *path) {
  const size_t drive = clf__drive_length(path);
  size_t last = 0; /* index after the last slash */
  for (size_t i = 0; path[i]; i++)
    if (clf__is_slash(path[i])) last = i + 1;
  return last == 0 ? drive : last == drive + 1 ? last : last - 1;
}

/* The name of a file without its folder. */
static inline const char *clf__file_name(const char *path) {
  const char *name = path + clf__drive_length(path);
  for (const char *p = name; *p; p++)
    if (clf__is_slash(*p)) name = p + 1;
  return name;
}
#endif
