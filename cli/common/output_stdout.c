/* SPDX-License-Identifier: MIT */
/* output_stdout.c: prints files of text to standard output where the name is "-". */
#define _DEFAULT_SOURCE
#include "cli.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int print_file(const char *path) {
  char buffer[1 << 16];
  FILE *f = fopen(path, "rb");
  if (!f) return cli_fail("%s: %s", path, strerror(errno));
  for (size_t n; (n = fread(buffer, 1, sizeof buffer, f)) > 0;) fwrite(buffer, 1, n, stdout);
  fclose(f);
  return CLI_OK;
}

/* Writers replace a file with a rename, which needs a file name. */
int cli_write_text(const char *path, const char *suffix,
                   clf_status (*write)(const char *path, void *context), void *context) {
  if (!cli_is_stdout(path)) return write(path, context) == CLF_OK ? CLI_OK : cli_fail_library();
  const char *temp = getenv("TMPDIR");
  char folder[4000], name[4096];
  snprintf(folder, sizeof folder, "%s/clflow-XXXXXX", temp && *temp ? temp : "/tmp");
  if (!mkdtemp(folder)) return cli_fail("%s: %s", folder, strerror(errno));
  snprintf(name, sizeof name, "%s/text%s", folder, suffix);
  int code = write(name, context) == CLF_OK ? CLI_OK : cli_fail_library();
  if (!code) code = print_file(name);
  unlink(name);
  rmdir(folder);
  return code;
}

int cli_stdout_aside(int aside) {
  static int real = -1;
  fflush(stdout);
  if (aside) {
    real = dup(STDOUT_FILENO);
    return real < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ? cli_fail("%s", strerror(errno))
                                                              : CLI_OK;
  }
  if (real >= 0 && dup2(real, STDOUT_FILENO) < 0) return cli_fail("%s", strerror(errno));
  if (real >= 0) close(real);
  real = -1;
  return CLI_OK;
}
