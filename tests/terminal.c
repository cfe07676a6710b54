/* SPDX-License-Identifier: MIT */
/* terminal.c: runs the program `clflow` with a terminal as stderr. */
#define _GNU_SOURCE
#include "terminal.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Reads until the program closes its end; reading from the terminal then fails. */
static char *read_terminal(int fd, pid_t pid, const char *interrupt) {
  size_t n = 0, room = 1 << 20;
  char *text = calloc(room, 1);
  ck_assert_ptr_nonnull(text);
  for (ssize_t got; n + 1 < room && (got = read(fd, text + n, room - n - 1)) > 0; n += (size_t)got)
    if (interrupt && strstr(text, interrupt)) {
      suite_kill(pid, SIGINT);
      interrupt = NULL;
    }
  return text;
}

result run_on_terminal(const char *command, int columns, const char *interrupt) {
  const int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  const struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(grantpt(fd) | unlockpt(fd) | ioctl(fd, TIOCSWINSZ, &size), 0);
  const pid_t pid = start_shown(command, ptsname(fd));
  char *err = read_terminal(fd, pid, interrupt);
  close(fd);
  return finish_shown(pid, err);
}
