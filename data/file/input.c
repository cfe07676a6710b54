/* SPDX-License-Identifier: MIT */
/* input.c: reads standard input, pipes and devices. */
#define _XOPEN_SOURCE 700
#include "input.h"

#include "clflow/data.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "status.h"
#include "unpack.h"

int clf_source_is_stream(const char *source) {
  static const char *const open_files[] = {"/dev/stdin", "/dev/fd/", "/proc/self/fd/"};
  struct stat st;
  if (!source) return 0;
  if (strcmp(source, "-") == 0) return 1;
  for (size_t i = 0; i < sizeof open_files / sizeof *open_files; i++)
    if (!strncmp(source, open_files[i], strlen(open_files[i]))) return 1;
  return !stat(source, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static clf_status fault(const char *source) {
  return clf__fail(CLF_EIO, "%s: cannot be read: %s", source, strerror(errno));
}

/* Whether the first bytes may be those of a supported format, or of text. */
static int may_be_numbers(const char *bytes, size_t n) {
  const int known = clf__is_gzip(bytes, n) || !memcmp(bytes, "\x93NUMPY", n < 6 ? n : 6) ||
                    !memcmp(bytes, "PK", n < 2 ? n : 2);
  return known || !memchr(bytes, 0, n);
}

static clf_status read_some(const char *source, int fd, char **bytes, size_t *room, size_t *n,
                            int *more) {
  const size_t maximum = (size_t)CLF_STREAM_MIB << 20;
  if (*n == *room) {
    char *const b = *room < maximum ? realloc(*bytes, 2 * *room + 1) : NULL;
    if (*room >= maximum)
      return clf__fail(CLF_EFORMAT, "%s: is longer than %d MiB; write it to a file and read that",
                       source, CLF_STREAM_MIB);
    if (!b) return clf__fail(CLF_ENOMEM, "%s: no memory for %zu bytes", source, 2 * *room);
    *bytes = b;
    *room *= 2;
  }
  const ssize_t got = read(fd, *bytes + *n, *room - *n);
  if (got < 0 && errno != EINTR) return fault(source);
  *more = got != 0;
  if (got > 0) *n += (size_t)got;
  return CLF_OK;
}

static clf_status read_all(const char *source, int fd, char **bytes, size_t *size) {
  enum { LOOK = 512 };
  size_t room = 1 << 16, n = 0;
  *bytes = malloc(room + 1);
  if (!*bytes) return clf__fail(CLF_ENOMEM, "%s: no memory to read it", source);
  for (int more = 1; more;) {
    CLF_TRY(read_some(source, fd, bytes, &room, &n, &more));
    if (n >= LOOK && !may_be_numbers(*bytes, LOOK)) break;
  }
  (*bytes)[n] = 0;
  *size = n;
  return CLF_OK;
}

clf_status clf__stream_read(const char *source, char **bytes, size_t *size) {
  const int standard = strcmp(source, "-") == 0;
  const int fd = standard ? STDIN_FILENO : open(source, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fault(source);
  *bytes = NULL;
  const clf_status s = read_all(source, fd, bytes, size);
  if (!standard) close(fd);
  if (s) free(*bytes);
  return s;
}
