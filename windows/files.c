/* SPDX-License-Identifier: MIT */
/* files.c: files with names in UTF-8, always as bytes. All are opened so that others may read,
 * write and remove them at the same time, as on POSIX. */
#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "os.h"

enum { SHARED = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE };

HANDLE clf__os_handle(int fd) { return (HANDLE)_get_osfhandle(fd); }

/* ---- Open, read, write --------------------------------------------------------------- */

static int is_folder(const wchar_t *name) {
  const DWORD is = GetFileAttributesW(name);
  return is != INVALID_FILE_ATTRIBUTES && is & FILE_ATTRIBUTE_DIRECTORY;
}

/* Whether a component of the name before the last one is a file. Shortens the name. */
static int through_a_file(wchar_t *name) {
  for (size_t n = wcslen(name); n > 0; n--) {
    if (name[n] != L'/' && name[n] != L'\\') continue;
    name[n] = 0;
    if (GetFileAttributesW(name) != INVALID_FILE_ATTRIBUTES) return !is_folder(name);
  }
  return 0;
}

static HANDLE create(const char *path, DWORD access, DWORD disposition, DWORD flags) {
  wchar_t *name = clf__os_path(path);
  if (!name) return INVALID_HANDLE_VALUE;
  const HANDLE h = CreateFileW(name, access, SHARED, NULL, disposition, flags, NULL);
  if (h == INVALID_HANDLE_VALUE) {
    clf__os_fail();
    if (errno == EACCES && is_folder(name)) errno = EISDIR;
    if (errno == ENOENT && through_a_file(name)) errno = ENOTDIR;
  }
  free(name);
  return h;
}

HANDLE clf__os_look(const char *path, DWORD flags) {
  return create(path, FILE_READ_ATTRIBUTES, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | flags);
}

static DWORD disposition(int flags) {
  if (flags & O_CREAT)
    return flags & O_EXCL ? CREATE_NEW : flags & O_TRUNC ? CREATE_ALWAYS : OPEN_ALWAYS;
  return flags & O_TRUNC ? TRUNCATE_EXISTING : OPEN_EXISTING;
}

int clf__file_open(const char *path, int flags, ...) {
  static const DWORD access[] = {GENERIC_READ, GENERIC_WRITE, GENERIC_READ | GENERIC_WRITE};
  if (flags & O_DIRECTORY) return errno = EISDIR, -1;
  const HANDLE h =
      create(path, access[flags & (O_WRONLY | O_RDWR)], disposition(flags), FILE_ATTRIBUTE_NORMAL);
  if (h == INVALID_HANDLE_VALUE) return -1;
  const int fd = _open_osfhandle((intptr_t)h, (flags & (O_APPEND | O_CLOEXEC)) | O_BINARY);
  if (fd < 0) CloseHandle(h);
  return fd;
}

/* msvcrt counts with 32 bits; callers continue after a partial transfer. */
static unsigned part(size_t n) { return n < 1u << 30 ? (unsigned)n : 1u << 30; }
ssize_t clf__fd_read(int fd, void *bytes, size_t n) { return _read(fd, bytes, part(n)); }
ssize_t clf__fd_write(int fd, const void *bytes, size_t n) { return _write(fd, bytes, part(n)); }

int fsync(int fd) { return _commit(fd); } /* FlushFileBuffers */

FILE *clf__fopen(const char *path, const char *mode) {
  const int both = strchr(mode, '+') != NULL;
  const int how = both ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY;
  const int make = *mode == 'w' ? O_CREAT | O_TRUNC : *mode == 'a' ? O_CREAT | O_APPEND : 0;
  const int fd = open(path, how | make | O_CLOEXEC);
  const char as[] = {*mode, 'b', both ? '+' : '\0', '\0'};
  FILE *f = fd < 0 ? NULL : _fdopen(fd, as);
  if (!f && fd >= 0) _close(fd);
  return f;
}

/* msvcrt's own function uses the root of the drive, which is not writable. */
FILE *clf__tmpfile(void) {
  wchar_t folder[MAX_PATH + 1], name[MAX_PATH + 1];
  if (!GetTempPathW(MAX_PATH + 1, folder) || !GetTempFileNameW(folder, L"clf", 0, name))
    return clf__os_fail(), NULL;
  return _wfopen(name, L"w+bTD"); /* D: removed when it is closed */
}

/* ---- Names ------------------------------------------------------------------------------- */

/* Calls with two names, and with one. */
static int with_two(BOOL (*call)(const wchar_t *, const wchar_t *), const char *a, const char *b) {
  wchar_t *x = clf__os_path(a), *y = clf__os_path(b);
  const int s = !x || !y ? -1 : call(x, y) ? 0 : clf__os_fail();
  free(x);
  free(y);
  return s;
}
static int with_one(BOOL(WINAPI *call)(const wchar_t *), const char *path) {
  wchar_t *name = clf__os_path(path);
  const int s = !name ? -1 : call(name) ? 0 : clf__os_fail();
  free(name);
  return s;
}

/* A file that is open elsewhere cannot be replaced; a reader such as a virus scanner usually
 * closes it after a moment. */
static BOOL replace(const wchar_t *from, const wchar_t *to) {
  enum { TRIES = 50, PAUSE = 10 }; /* half a second */
  const int folder = is_folder(to);
  for (int i = 0;; i++) {
    if (MoveFileExW(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) return TRUE;
    const DWORD error = GetLastError();
    if (i == TRIES || folder || (error != ERROR_SHARING_VIOLATION && error != ERROR_ACCESS_DENIED))
      return FALSE;
    Sleep(PAUSE);
  }
}
int clf__rename(const char *from, const char *to) {
  struct stat st;
  const int s = with_two(replace, from, to);
  if (s && errno == EACCES && !stat(to, &st) && S_ISDIR(st.st_mode)) errno = EISDIR;
  return s;
}

static BOOL second_name(const wchar_t *from, const wchar_t *to) {
  return CreateHardLinkW(to, from, NULL);
}
int link(const char *from, const char *to) { return with_two(second_name, from, to); }

int clf__unlink(const char *path) { return with_one(DeleteFileW, path); }
int clf__rmdir(const char *path) { return with_one(RemoveDirectoryW, path); }
int clf__chdir(const char *path) { return with_one(SetCurrentDirectoryW, path); }

int clf__remove(const char *path) {
  struct stat st;
  if (stat(path, &st)) return -1;
  return S_ISDIR(st.st_mode) ? rmdir(path) : unlink(path);
}

/* The name of an open file, of any length. */
static char *name_of(HANDLE h) {
  wchar_t *name = malloc(32768 * sizeof *name); /* the longest name on Windows */
  char *out = NULL;
  if (name && GetFinalPathNameByHandleW(h, name, 32768, FILE_NAME_NORMALIZED))
    out = clf__os_portable(name);
  else if (name)
    clf__os_fail();
  free(name);
  return out;
}

char *realpath(const char *path, char *into) {
  const HANDLE h = clf__os_look(path, 0);
  if (h == INVALID_HANDLE_VALUE) return NULL;
  char *name = name_of(h);
  CloseHandle(h);
  if (!name || !into) return name;
  const int fits = strlen(name) < PATH_MAX;
  if (fits) strcpy(into, name);
  free(name);
  return fits ? into : (errno = ENAMETOOLONG, NULL);
}

char *clf__getcwd(char *path, size_t size) {
  wchar_t here[MAX_PATH + 1];
  char *name = GetCurrentDirectoryW(MAX_PATH + 1, here) ? clf__os_portable(here) : NULL;
  const int fits = name && strlen(name) < size;
  if (fits) strcpy(path, name);
  free(name);
  return fits ? path : (errno = ERANGE, NULL);
}

/* ---- What a file is ------------------------------------------------------------------------ */

static int describe(HANDLE h, struct stat *st) {
  BY_HANDLE_FILE_INFORMATION i;
  *st = (struct stat){.st_nlink = 1};
  const DWORD type = GetFileType(h);
  if (type != FILE_TYPE_DISK) {
    st->st_mode = (type == FILE_TYPE_PIPE ? S_IFIFO : S_IFCHR) | 0666;
    return 0;
  }
  if (!GetFileInformationByHandle(h, &i)) return clf__os_fail();
  const int folder = (i.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
  const int fixed = !folder && i.dwFileAttributes & FILE_ATTRIBUTE_READONLY;
  const uint64_t time = (uint64_t)i.ftLastWriteTime.dwHighDateTime << 32 |
                        i.ftLastWriteTime.dwLowDateTime; /* 100 ns since 1601 */
  st->st_dev = i.dwVolumeSerialNumber;
  st->st_ino = (uint64_t)i.nFileIndexHigh << 32 | i.nFileIndexLow;
  st->st_size = (int64_t)i.nFileSizeHigh << 32 | i.nFileSizeLow;
  st->st_mtim.tv_sec = (int64_t)(time / 10000000) - 11644473600;
  st->st_mtim.tv_nsec = (long)(time % 10000000) * 100;
  st->st_mode = (folder ? S_IFDIR | 0111 : S_IFREG) | (fixed ? 0444 : 0666);
  st->st_nlink = i.nNumberOfLinks;
  return 0;
}

static int describe_name(const char *path, DWORD flags, struct stat *st) {
  const HANDLE h = clf__os_look(path, flags);
  if (h == INVALID_HANDLE_VALUE) return -1;
  const int s = describe(h, st);
  CloseHandle(h);
  return s;
}
int clf__stat(const char *path, struct stat *st) { return describe_name(path, 0, st); }
int lstat(const char *path, struct stat *st) {
  return describe_name(path, FILE_FLAG_OPEN_REPARSE_POINT, st);
}

int clf__fstat(int fd, struct stat *st) {
  const HANDLE h = clf__os_handle(fd);
  return h == INVALID_HANDLE_VALUE ? -1 : describe(h, st);
}

/* Whether a folder is writable can only be found out by writing to it. */
int clf__access(const char *path, int how) {
  struct stat st;
  if (stat(path, &st)) {
    char exe[1024];
    const int n = how & X_OK ? snprintf(exe, sizeof exe, "%s.exe", path) : -1;
    return n > 0 && n < (int)sizeof exe ? stat(exe, &st) : -1;
  }
  if (S_ISDIR(st.st_mode) || !(how & W_OK)) return 0;
  if (!(st.st_mode & 0222)) return errno = EACCES, -1;
  const HANDLE h = create(path, GENERIC_WRITE, OPEN_EXISTING, 0);
  return h == INVALID_HANDLE_VALUE ? -1 : (CloseHandle(h), 0);
}

static BOOL WINAPI make_folder(const wchar_t *path) { return CreateDirectoryW(path, NULL); }
int clf__mkdir(const char *path, mode_t mode) { return (void)mode, with_one(make_folder, path); }

int fchmod(int fd, mode_t mode) { return (void)fd, (void)mode, 0; }
int clf__chmod(const char *path, mode_t mode) {
  wchar_t *name = clf__os_path(path);
  const DWORD as = mode & 0222 ? FILE_ATTRIBUTE_NORMAL : FILE_ATTRIBUTE_READONLY;
  const int s = !name ? -1 : SetFileAttributesW(name, as) ? 0 : clf__os_fail();
  free(name);
  return s;
}

/* ---- From an open folder ----------------------------------------------------------------- */

static char *below(int folder, const char *name) {
  char *above = name_of(clf__os_handle(folder));
  char *path = above ? malloc(strlen(above) + strlen(name) + 2) : NULL;
  if (path) sprintf(path, "%s/%s", above, name);
  free(above);
  return path;
}
int fstatat(int folder, const char *name, struct stat *st, int flags) {
  char *path = below(folder, name);
  const DWORD how = flags & AT_SYMLINK_NOFOLLOW ? FILE_FLAG_OPEN_REPARSE_POINT : 0;
  const int s = path ? describe_name(path, how, st) : -1;
  free(path);
  return s;
}
int unlinkat(int folder, const char *name, int flags) {
  char *path = below(folder, name);
  const int s = path ? unlink(path) : -1;
  free(path);
  return (void)flags, s;
}
