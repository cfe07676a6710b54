/* SPDX-License-Identifier: MIT */
/* names.c: converts text and file names between UTF-8 (clflow) and UTF-16 (Windows), and Windows
 * errors to errno. */
#include "os.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

int clf__os_fail(void) {
  static const struct {
    DWORD error;
    int number;
  } known[] = {{ERROR_FILE_NOT_FOUND, ENOENT},      {ERROR_PATH_NOT_FOUND, ENOENT},
               {ERROR_INVALID_NAME, ENOENT},        {ERROR_BAD_NETPATH, ENOENT},
               {ERROR_BAD_PATHNAME, ENOENT},        {ERROR_DIRECTORY, ENOTDIR},
               {ERROR_ACCESS_DENIED, EACCES},       {ERROR_SHARING_VIOLATION, EACCES},
               {ERROR_LOCK_VIOLATION, EACCES},      {ERROR_WRITE_PROTECT, EROFS},
               {ERROR_FILE_EXISTS, EEXIST},         {ERROR_ALREADY_EXISTS, EEXIST},
               {ERROR_DIR_NOT_EMPTY, ENOTEMPTY},    {ERROR_DISK_FULL, ENOSPC},
               {ERROR_HANDLE_DISK_FULL, ENOSPC},    {ERROR_NOT_ENOUGH_MEMORY, ENOMEM},
               {ERROR_OUTOFMEMORY, ENOMEM},         {ERROR_NOT_SAME_DEVICE, EXDEV},
               {ERROR_INVALID_PARAMETER, EINVAL},   {ERROR_FILENAME_EXCED_RANGE, ENAMETOOLONG},
               {ERROR_TOO_MANY_OPEN_FILES, EMFILE}, {ERROR_BAD_EXE_FORMAT, ENOEXEC},
               {ERROR_INVALID_HANDLE, EBADF},       {ERROR_NO_UNICODE_TRANSLATION, EILSEQ}};
  const DWORD error = GetLastError();
  errno = EIO;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].error == error) errno = known[i].number;
  return -1;
}

wchar_t *clf__os_wide(const char *text) {
  const int n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
  wchar_t *out = n ? malloc((size_t)n * sizeof *out) : NULL;
  if (out) MultiByteToWideChar(CP_UTF8, 0, text, -1, out, n);
  if (!n) clf__os_fail();
  return out;
}

char *clf__os_utf8(const wchar_t *text) {
  const int n = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
  char *out = n ? malloc((size_t)n) : NULL;
  if (out) WideCharToMultiByte(CP_UTF8, 0, text, -1, out, n, NULL, NULL);
  if (!n) clf__os_fail();
  return out;
}

/* Windows accepts names of more than 260 units with this prefix, but only complete ones: from
 * the drive on, with backslashes. */
static wchar_t *lengthen(const wchar_t *path) {
  const DWORD n = GetFullPathNameW(path, 0, NULL, NULL);
  wchar_t *out = malloc((n + 8) * sizeof *out);
  if (!out) return NULL;
  wcscpy(out, L"\\\\?\\");
  GetFullPathNameW(path, n + 1, out + 4, NULL);
  if (wcsncmp(out + 4, L"\\\\", 2) == 0) memmove(out, out + 4, (wcslen(out + 4) + 1) * sizeof *out);
  return out;
}

wchar_t *clf__os_path(const char *path) {
  enum { LONG = 240 }; /* the name of a folder must leave room for a file name */
  wchar_t *out = clf__os_wide(strcmp(path, "/dev/null") == 0 ? "NUL" : path);
  if (!out || wcslen(out) < LONG || wcsncmp(out, L"\\\\?\\", 4) == 0) return out;
  wchar_t *longer = lengthen(out);
  free(out);
  return longer;
}

char *clf__os_portable(const wchar_t *path) {
  if (wcsncmp(path, L"\\\\?\\UNC\\", 8) == 0)
    path += 6; /* keeps one backslash of two */
  else if (wcsncmp(path, L"\\\\?\\", 4) == 0)
    path += 4;
  char *out = clf__os_utf8(path);
  for (char *p = out; p && *p; p++)
    if (*p == '\\') *p = '/';
  return out;
}
