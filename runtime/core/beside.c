/* SPDX-License-Identifier: MIT */
/* beside.c: where the other files of clflow's installation are: the program clflow-probe, and the
 * modules for MPI.
 *
 * They are looked for where clflow itself is installed and nowhere else: not in the current folder,
 * and not along PATH.  So the path of this library, or of the program that contains it, must be
 * known for certain; where it is not, nothing is found. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "beside.h"
#include "path.h"

enum { PATH = CLF_BESIDE_PATH };

/* The file that the kernel mapped at `address`: an absolute path, whatever the program was called
 * by and wherever it has moved since.  dladdr() repeats what the caller wrote: for a program found
 * along PATH that is a name without a folder. */
static int mapped_file(uintptr_t address, char *out) {
  char line[PATH + 128];
  int found = 0;
  FILE *f = fopen("/proc/self/maps", "r");
  while (f && !found && fgets(line, sizeof line, f)) {
    unsigned long long begin, end;
    int at = 0;
    const int n = sscanf(line, "%llx-%llx %*s %*s %*s %*s %n", &begin, &end, &at);
    if (n != 2 || !at || address < begin || address >= end) continue;
    line[strcspn(line, "\n")] = 0;
    found = snprintf(out, PATH, "%s", line + at) < PATH && clf__is_absolute(out);
  }
  if (f) fclose(f);
  return found;
}

static int own_file(char *out) {
  const uintptr_t here = (uintptr_t)clf__beside;
  Dl_info info;
  if (mapped_file(here, out)) return 1;
  return dladdr((const void *)here, &info) && info.dli_fname && clf__is_absolute(info.dli_fname) &&
         snprintf(out, PATH, "%s", info.dli_fname) < PATH;
}

/* Whether a file may be run or loaded on behalf of `own`: it belongs to root, to this user or to
 * the owner of `own`, and not everybody may write it.  Others could have put it into a folder such
 * as /tmp. */
static int is_trusted(const char *file, const char *own, int mode) {
  struct stat st, of_own;
  if (stat(file, &st) || stat(own, &of_own) || access(file, mode)) return 0;
  return S_ISREG(st.st_mode) && !(st.st_mode & S_IWOTH) &&
         (st.st_uid == 0 || st.st_uid == geteuid() || st.st_uid == of_own.st_uid);
}

int clf__beside(const char *name, int mode, char out[CLF_BESIDE_PATH]) {
  static const char *const folders[] = {"", CLF_LIBEXEC_FROM_LIB "/", CLF_LIBEXEC_FROM_BIN "/"};
  char own[PATH];
  if (!own_file(own)) return 0;
  const int folder = (int)clf__folder_length(own);
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
    if (snprintf(out, PATH, "%.*s/%s%s", folder, own, folders[i], name) < PATH &&
        is_trusted(out, own, mode))
      return 1;
  return 0;
}
