/* SPDX-License-Identifier: MIT */
/* start.c: the start of a program on Windows before its main(): arguments in UTF-8, output as
 * bytes, and a console that understands UTF-8 and colours. Also its end after a crash: at once
 * and with the exception's number, without a window, debugger or report. */
#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include "os.h"

int main(int argc, char **argv);
int wmain(int argc, wchar_t **wide);

static void prepare_console(void) {
  DWORD mode;
  const HANDLE screen = GetStdHandle(STD_ERROR_HANDLE);
  if (GetConsoleMode(screen, &mode))
    SetConsoleMode(screen, mode | ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
  SetConsoleOutputCP(CP_UTF8);
}

static LONG WINAPI end(EXCEPTION_POINTERS *e) {
  const DWORD code = e->ExceptionRecord->ExceptionCode;
  fprintf(stderr, "crashed: exception 0x%08lX\n", code);
  TerminateProcess(GetCurrentProcess(), code);
  return EXCEPTION_EXECUTE_HANDLER;
}

int wmain(int argc, wchar_t **wide) {
  char **argv = calloc((size_t)argc + 1, sizeof *argv);
  for (int i = 0; argv && i < argc; i++)
    if (!(argv[i] = clf__os_utf8(wide[i]))) return 1;
  if (!argv) return 1;
  for (int fd = 0; fd < 3; fd++) _setmode(fd, O_BINARY);
  setvbuf(stderr, NULL, _IONBF, 0);
  prepare_console();
  SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
  SetUnhandledExceptionFilter(end);
  return main(argc, argv);
}
