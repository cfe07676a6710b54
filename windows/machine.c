/* SPDX-License-Identifier: MIT */
/* machine.c: the environment, the console and properties of the machine. */
#include <errno.h>
#include <io.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "os.h"
#include <psapi.h>

/* ---- The environment ------------------------------------------------------------------ */

/* Values that were returned are kept, each once, because callers do not free them. */
typedef struct value {
  struct value *next;
  char text[];
} value;
static value *values;
static SRWLOCK lock = SRWLOCK_INIT;

static char *keep(const char *text) {
  AcquireSRWLockExclusive(&lock);
  value *v = values;
  while (v && strcmp(v->text, text) != 0) v = v->next;
  if (!v && (v = malloc(sizeof *v + strlen(text) + 1))) {
    strcpy(v->text, text);
    v->next = values;
    values = v;
  }
  ReleaseSRWLockExclusive(&lock);
  return v ? v->text : NULL;
}

char *clf__getenv(const char *name) {
  wchar_t *wide = clf__os_wide(name), *found = NULL;
  SetLastError(ERROR_SUCCESS);
  DWORD room = wide ? GetEnvironmentVariableW(wide, NULL, 0) : 0;
  if (wide && (room || GetLastError() == ERROR_SUCCESS)) found = calloc(room + 1, sizeof *found);
  if (found) GetEnvironmentVariableW(wide, found, room + 1);
  char *text = found ? clf__os_utf8(found) : NULL, *kept = text ? keep(text) : NULL;
  free(text);
  free(found);
  free(wide);
  return kept;
}

/* Sets both Windows' variable, which children inherit, and C's, which libraries read. */
static int put(const char *name, const char *text) {
  wchar_t *wide = clf__os_wide(name), *as = text ? clf__os_wide(text) : NULL;
  wchar_t *line = wide ? calloc(wcslen(wide) + (as ? wcslen(as) : 0) + 2, sizeof *line) : NULL;
  int s = -1;
  if (line && (as || !text)) {
    wcscat(wcscat(wcscpy(line, wide), L"="), as ? as : L"");
    _wputenv(line);
    s = SetEnvironmentVariableW(wide, as) || !text ? 0 : clf__os_fail();
  }
  free(line);
  free(as);
  free(wide);
  return s;
}
int setenv(const char *name, const char *text, int again) {
  return again || !getenv(name) ? put(name, text) : 0;
}
int unsetenv(const char *name) { return put(name, NULL); }

/* ---- The console -------------------------------------------------------------------------- */

int clf__isatty(int fd) {
  DWORD mode;
  return GetConsoleMode(clf__os_handle(fd), &mode) != 0;
}

int ioctl(int fd, int what, struct winsize *size) {
  CONSOLE_SCREEN_BUFFER_INFO i;
  if (what != TIOCGWINSZ || !GetConsoleScreenBufferInfo(clf__os_handle(fd), &i))
    return clf__os_fail();
  size->ws_col = (unsigned short)(i.srWindow.Right - i.srWindow.Left + 1);
  size->ws_row = (unsigned short)(i.srWindow.Bottom - i.srWindow.Top + 1);
  return 0;
}

int sigaction(int number, const struct sigaction *action, struct sigaction *before) {
  void (*const was)(int) = signal(number, action ? action->sa_handler : SIG_DFL);
  if (was == SIG_ERR) return -1;
  if (!action) signal(number, was);
  if (before) *before = (struct sigaction){.sa_handler = was};
  return 0;
}

/* ---- What the machine has ------------------------------------------------------------------ */

long sysconf(int what) {
  SYSTEM_INFO machine;
  MEMORYSTATUSEX memory = {.dwLength = sizeof memory};
  GetSystemInfo(&machine);
  if (what == _SC_PAGESIZE) return (long)machine.dwPageSize;
  if (what == _SC_NPROCESSORS_ONLN) return (long)machine.dwNumberOfProcessors;
  return GlobalMemoryStatusEx(&memory) ? (long)(memory.ullTotalPhys / machine.dwPageSize) : -1;
}

int uname(struct utsname *u) {
  typedef LONG WINAPI version_fn(OSVERSIONINFOW *);
  OSVERSIONINFOW v = {.dwOSVersionInfoSize = sizeof v};
  /* GetVersionEx() returns the version for which a program was built and not the running one. */
  version_fn *version =
      (version_fn *)(uintptr_t)GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "RtlGetVersion");
  if (version) version(&v);
  snprintf(u->sysname, sizeof u->sysname, "Windows");
  snprintf(u->release, sizeof u->release, "%lu.%lu.%lu", v.dwMajorVersion, v.dwMinorVersion,
           v.dwBuildNumber);
  snprintf(u->machine, sizeof u->machine, "x86_64");
  return 0;
}

int getrusage(int who, struct rusage *used) {
  PROCESS_MEMORY_COUNTERS m;
  (void)who;
  if (!K32GetProcessMemoryInfo(GetCurrentProcess(), &m, sizeof m)) return clf__os_fail();
  used->ru_maxrss = (long)(m.PeakWorkingSetSize / 1024);
  return 0;
}
