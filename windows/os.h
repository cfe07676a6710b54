/* SPDX-License-Identifier: MIT */
/* os.h: what the files of this folder share.  Private to it. */
#ifndef CLF_WINDOWS_OS_H
#define CLF_WINDOWS_OS_H
#include <stddef.h>
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

/* Sets errno by what Windows said last, and is -1. */
int clf__os_fail(void);

/* UTF-8 as Windows has it, and back; malloc'ed, or NULL with errno. */
wchar_t *clf__os_wide(const char *text);
char *clf__os_utf8(const wchar_t *text);
/* A name for Windows: also one that is long, and /dev/null. */
wchar_t *clf__os_path(const char *path);
/* A name for the caller, malloc'ed: with slashes, without the prefix of long names. */
char *clf__os_portable(const wchar_t *path);

/* A file or folder to look at, whoever else has it open; INVALID_HANDLE_VALUE with errno. */
HANDLE clf__os_look(const char *path, DWORD flags);
HANDLE clf__os_handle(int fd);
#endif
