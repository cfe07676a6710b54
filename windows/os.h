/* SPDX-License-Identifier: MIT */
/* os.h: declarations shared by the files of this folder. Private to it. */
#ifndef CLF_WINDOWS_OS_H
#define CLF_WINDOWS_OS_H
#include <stddef.h>
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

/* Sets errno from the last Windows error and returns -1. */
int clf__os_fail(void);

/* Converts UTF-8 to UTF-16 and back; the result is malloc'ed, or NULL with errno. */
wchar_t *clf__os_wide(const char *text);
char *clf__os_utf8(const wchar_t *text);
/* Converts a file name for Windows, including long names and /dev/null. */
wchar_t *clf__os_path(const char *path);
/* Converts a file name for the caller (malloc'ed): with slashes, without the prefix of long
 * names. */
char *clf__os_portable(const wchar_t *path);

/* Opens a file or folder to query it, even if others have it open; INVALID_HANDLE_VALUE with
 * errno. */
HANDLE clf__os_look(const char *path, DWORD flags);
HANDLE clf__os_handle(int fd);
#endif
