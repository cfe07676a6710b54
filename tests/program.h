/* SPDX-License-Identifier: MIT */
/* program.h: runs the program `clflow` as a user does.  It is CLF_PROGRAM, or the first argument
 * of the test; it runs in a new folder, which is the current one. */
#ifndef CLF_PROGRAM_H
#define CLF_PROGRAM_H
#include <stddef.h>
#include <sys/types.h>
#include "suite.h"

/* Creates the folder, and with `files` its contents; runs the tests; removes the folder. */
int program_main(int argc, char **argv, const char *name, void (*files)(void),
                 const TTest *const *tests, size_t count);
/* The same with the tests that add() adds. */
int program_main_with(int argc, char **argv, const char *name, void (*files)(void),
                      void (*add)(TCase *tc));

/* ---- Running ---------------------------------------------------------------------------- */

typedef struct result {
  int code; /* 128 + signal if the program was killed */
  char *out, *err;
} result;

/* The file for its standard input; /dev/null by default. */
extern const char *program_input;

/* Starts `clflow COMMAND`, split at blanks. */
pid_t start(const char *command);
/* The same with a NULL-terminated list of arguments. */
pid_t start_words(const char *const *words);
result finish(pid_t pid);
result run(const char *command);
void release(result r);
/* The same with stdout to another file, such as /dev/full: `out` is empty. */
result run_into(const char *command, const char *out);
/* The same with stderr to another file; `err`, malloc'ed, is its contents. */
pid_t start_shown(const char *command, const char *err);
result finish_shown(pid_t pid, char *err);

/* ---- Files ------------------------------------------------------------------------------- */

void write_text(const char *path, const char *text);

/* ---- Expectations ------------------------------------------------------------------------ */

void expect_text(const char *command, const char *what, const char *text, const char *wanted);
void expect_code(const char *command, const result *r, int code);
/* The command succeeds, and stdout contains `out`. */
void succeeds(const char *command, const char *out);
/* It exits with `code`, prints nothing but messages, and leaves no file behind. */
void refuses(int code, const char *command, const char *err);
void same_files(const char *a, const char *b);

#endif
