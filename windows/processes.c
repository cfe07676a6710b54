/* SPDX-License-Identifier: MIT */
/* processes.c: child processes: starting with pipes, reading, waiting and ending. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "os.h"

static char *no_variables[1]; /* a child inherits them; programs may walk the list */
char **clf__environ = no_variables;

/* ---- Those there are --------------------------------------------------------------------- */

enum { CHILDREN = 64 };
static struct {
  pid_t pid; /* 0: free */
  HANDLE process;
} children[CHILDREN];
static SRWLOCK lock = SRWLOCK_INIT;

/* Finds an entry by its number (0: a free entry) and replaces it. */
static HANDLE exchange(pid_t pid, pid_t new_pid, HANDLE process) {
  HANDLE was = NULL;
  AcquireSRWLockExclusive(&lock);
  int i = 0;
  while (i < CHILDREN && children[i].pid != pid) i++;
  if (i < CHILDREN) {
    was = pid ? children[i].process : process;
    children[i].pid = new_pid;
    children[i].process = process;
  }
  ReleaseSRWLockExclusive(&lock);
  return was;
}

/* ---- Starting one ---------------------------------------------------------------------------- */

int posix_spawn_file_actions_init(posix_spawn_file_actions_t *to) {
  for (int i = 0; i < 3; i++) to->of[i].fd = -1, to->of[i].path = NULL;
  return 0;
}
int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *to) { return (void)to, 0; }
int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *to, int ours, int fd) {
  to->of[fd].fd = ours;
  return 0;
}
int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *to, int fd, const char *path,
                                     int flags, unsigned mode) {
  (void)mode;
  to->of[fd].path = path;
  to->of[fd].flags = flags;
  return 0;
}

/* Quotes a word so that the child's C library parses it correctly: in quotes, with backslashes
 * doubled before a quote. `out` may be NULL. Returns the number of characters. */
static size_t quote(const char *word, char *out) {
  size_t n = 0, slashes = 0;
#define PUT(c) (out ? (void)(out[n] = (c)) : (void)0, n++)
  PUT('"');
  for (const char *p = word;; p++) {
    if (*p == '\\') {
      slashes++;
    } else {
      if (*p == '"' || !*p)
        for (; slashes; slashes--) PUT('\\');
      slashes = 0;
      if (!*p) break;
      if (*p == '"') PUT('\\');
    }
    PUT(*p);
  }
  PUT('"');
  PUT(' ');
#undef PUT
  return n;
}

static wchar_t *command_line(char *const *argv) {
  size_t n = 1;
  for (int i = 0; argv[i]; i++) n += quote(argv[i], NULL);
  char *line = malloc(n), *end = line;
  if (!line) return NULL;
  for (int i = 0; argv[i]; i++) end += quote(argv[i], end);
  *end = 0;
  wchar_t *wide = clf__os_wide(line);
  free(line);
  return wide;
}

static wchar_t *program_file(const char *program) {
  wchar_t own[MAX_PATH + 1];
  char exe[1024];
  if (strcmp(program, "/proc/self/exe") == 0)
    return GetModuleFileNameW(NULL, own, MAX_PATH + 1) ? wcsdup(own) : NULL;
  const int whole = access(program, F_OK) == 0;
  snprintf(exe, sizeof exe, "%s%s", program, whole ? "" : ".exe");
  return clf__os_path(exe);
}

/* A handle for the child's standard input, output or error, or NULL. */
static HANDLE inheritable(const posix_spawn_file_actions_t *to, int fd) {
  const char *path = to ? to->of[fd].path : NULL;
  const int opened = path ? open(path, to->of[fd].flags) : -1;
  const int ours = opened >= 0 ? opened : to && to->of[fd].fd >= 0 ? to->of[fd].fd : fd;
  const HANDLE self = GetCurrentProcess(), h = path && opened < 0 ? NULL : clf__os_handle(ours);
  HANDLE copy = NULL;
  if (!DuplicateHandle(self, h, self, &copy, 0, TRUE, DUPLICATE_SAME_ACCESS)) copy = NULL;
  if (opened >= 0) _close(opened);
  return copy;
}

/* Passes on only the handles in the list; an inherited end of another child's pipe would keep
 * that pipe open. */
static BOOL create(const wchar_t *file, wchar_t *line, DWORD how, STARTUPINFOEXW *s,
                   PROCESS_INFORMATION *p) {
  char list[256];
  SIZE_T size = sizeof list;
  HANDLE of[3];
  int n = 0;
  const HANDLE all[] = {s->StartupInfo.hStdInput, s->StartupInfo.hStdOutput,
                        s->StartupInfo.hStdError};
  for (int i = 0; i < 3; i++)
    if (all[i]) of[n++] = all[i];
  s->lpAttributeList = (LPPROC_THREAD_ATTRIBUTE_LIST)(void *)list;
  if (!InitializeProcThreadAttributeList(s->lpAttributeList, 1, 0, &size)) return FALSE;
  const BOOL ok =
      UpdateProcThreadAttribute(s->lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, of,
                                (size_t)n * sizeof *of, NULL, NULL) &&
      CreateProcessW(file, line, NULL, NULL, TRUE, EXTENDED_STARTUPINFO_PRESENT | how, NULL, NULL,
                     &s->StartupInfo, p);
  DeleteProcThreadAttributeList(s->lpAttributeList);
  return ok;
}

int posix_spawn(pid_t *pid, const char *program, const posix_spawn_file_actions_t *to,
                const posix_spawnattr_t *attributes, char *const *argv, char *const *environment) {
  (void)environment;
  const int apart = attributes && attributes->flags & POSIX_SPAWN_SETPGROUP;
  PROCESS_INFORMATION p;
  STARTUPINFOEXW s = {.StartupInfo = {.cb = sizeof s,
                                      .dwFlags = STARTF_USESTDHANDLES,
                                      .hStdInput = inheritable(to, 0),
                                      .hStdOutput = inheritable(to, 1),
                                      .hStdError = inheritable(to, 2)}};
  wchar_t *file = program_file(program), *line = command_line(argv);
  errno = ENOMEM;
  int e = 0;
  if (!file || !line ||
      (!create(file, line, apart ? CREATE_NEW_PROCESS_GROUP : 0, &s, &p) && clf__os_fail()))
    e = errno;
  free(file);
  free(line);
  const HANDLE given[] = {s.StartupInfo.hStdInput, s.StartupInfo.hStdOutput,
                          s.StartupInfo.hStdError};
  for (int i = 0; i < 3; i++)
    if (given[i]) CloseHandle(given[i]);
  if (e) return e;
  CloseHandle(p.hThread);
  *pid = (pid_t)p.dwProcessId;
  if (exchange(0, *pid, p.hProcess)) return 0;
  TerminateProcess(p.hProcess, 1);
  CloseHandle(p.hProcess);
  return EAGAIN;
}

int clf__execv(const char *path, char *const *argv) {
  return (void)path, (void)argv, errno = ENOSYS, -1;
}

/* ---- Listening to one ------------------------------------------------------------------------ */

int pipe2(int fd[2], int flags) { return _pipe(fd, 65536, O_BINARY | (flags & O_CLOEXEC)); }

/* A pipe of this kind cannot be waited for; it can only be polled. A closed one is ready to be
 * read. */
int poll(struct pollfd *p, nfds_t n, int timeout) {
  const ULONGLONG begin = GetTickCount64();
  const HANDLE h = clf__os_handle(p->fd);
  for (DWORD pause = 1;; pause = pause < 16 ? 2 * pause : 16) {
    DWORD bytes = 0;
    if (n != 1) return errno = EINVAL, -1;
    const int open_ = PeekNamedPipe(h, NULL, 0, NULL, &bytes, NULL) != 0;
    p->revents = (short)(bytes ? POLLIN : open_ ? 0 : POLLHUP);
    if (p->revents) return 1;
    if (timeout >= 0 && GetTickCount64() - begin >= (ULONGLONG)timeout) return 0;
    Sleep(pause);
  }
}

/* ---- Its end --------------------------------------------------------------------------------- */

#define KILLED 0xE0000009u /* the exit code that kill() sets */

int kill(pid_t pid, int number) {
  const DWORD rights = number ? PROCESS_TERMINATE : PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE;
  const HANDLE h = OpenProcess(rights, FALSE, (DWORD)pid);
  if (!h) return errno = GetLastError() == ERROR_ACCESS_DENIED ? EPERM : ESRCH, -1;
  int s = 0;
  if (number && !TerminateProcess(h, KILLED)) s = clf__os_fail();
  if (!number && WaitForSingleObject(h, 0) == WAIT_OBJECT_0) s = -1, errno = ESRCH;
  CloseHandle(h);
  return s;
}

pid_t waitpid(pid_t pid, int *status, int flags) {
  DWORD code = 0;
  const HANDLE h = exchange(pid, 0, NULL);
  if (!h) return errno = ECHILD, -1;
  if (WaitForSingleObject(h, flags & WNOHANG ? 0 : INFINITE) == WAIT_TIMEOUT) {
    exchange(0, pid, h); /* into the place that has just become free */
    return 0;
  }
  GetExitCodeProcess(h, &code);
  CloseHandle(h);
  *status = (int)code;
  return pid;
}

static const struct {
  DWORD code;
  int number;
} ends[] = {{EXCEPTION_ACCESS_VIOLATION, SIGSEGV},
            {EXCEPTION_IN_PAGE_ERROR, SIGSEGV},
            {EXCEPTION_STACK_OVERFLOW, SIGSEGV},
            {EXCEPTION_ILLEGAL_INSTRUCTION, SIGILL},
            {EXCEPTION_PRIV_INSTRUCTION, SIGILL},
            {EXCEPTION_INT_DIVIDE_BY_ZERO, SIGFPE},
            {EXCEPTION_INT_OVERFLOW, SIGFPE},
            {EXCEPTION_FLT_DIVIDE_BY_ZERO, SIGFPE},
            {CONTROL_C_EXIT, SIGINT},
            {KILLED, SIGKILL},
            {3, SIGABRT}}; /* the exit code of C's abort() */

int clf__signal_of(int status) {
  const DWORD code = (DWORD)status;
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
    if (ends[i].code == code) return ends[i].number;
  return code >= 0xC0000000u ? SIGABRT : 0; /* other exceptions, such as a damaged heap */
}

const char *strsignal(int number) {
  switch (number) {
  case SIGSEGV: return "access violation";
  case SIGILL: return "illegal instruction";
  case SIGFPE: return "arithmetic exception";
  case SIGINT: return "Ctrl-C";
  case SIGKILL: return "ended by another process";
  default: return "aborted";
  }
}

/* ---- Where it is ----------------------------------------------------------------------------- */

int dladdr(const void *address, Dl_info *info) {
  static _Thread_local char name[3 * MAX_PATH + 1];
  wchar_t wide[MAX_PATH + 1];
  HMODULE module;
  const DWORD how =
      GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
  if (!GetModuleHandleExW(how, address, &module)) return 0;
  const DWORD n = GetModuleFileNameW(module, wide, MAX_PATH + 1);
  char *path = n && n <= MAX_PATH ? clf__os_portable(wide) : NULL;
  const int ok = path && snprintf(name, sizeof name, "%s", path) < (int)sizeof name;
  free(path);
  info->dli_fname = name;
  return ok;
}
