/* SPDX-License-Identifier: MIT */
/* files.h: declarations shared by the checks of a command line's files. Private to them. */
#ifndef CLI_FILES_H
#define CLI_FILES_H
#include "cli.h"
#include <sys/stat.h>

typedef enum cli_use_how { CLI_NO_FILE, CLI_READS, CLI_WRITES } cli_use_how;

/* A file that the command line names. */
typedef struct cli_use {
  const char *option, *path;
  cli_type type;
  cli_use_how how;
  int dash;      /* "-": standard input or output */
  int inherited; /* standard output or standard error, which no option names */
  int exists;    /* then st describes the file (links followed) */
  struct stat st;
  char *future; /* if the file does not exist: its name without links */
  char *copy;   /* owned copy of `path` if no option of the verb names it, else NULL */
} cli_use;

typedef struct cli_uses {
  int count, room;
  cli_use *at;
} cli_uses;

/* files_folder.c: refuses an output inside a folder that is read, at any depth and through
 * links. */
int cli_check_folder_use(const cli_use *out, const cli_use *folder);

/* files_kind.c: refuses an output that would replace a file of another kind, unless --force is
 * given. */
int cli_check_kind(const cli_use *out);

#endif
