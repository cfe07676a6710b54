/* SPDX-License-Identifier: MIT */
/* program.h: the program `clflow`, run as a user runs it.  It is CLF_PROGRAM, or the first
 * argument of the test; the folder that it runs in is fresh and the current one. */
#ifndef CLF_PROGRAM_H
#define CLF_PROGRAM_H
#include <stddef.h>
#include <sys/types.h>
#include "suite.h"

/* Makes the folder, and by `files` what tests need in it; runs the tests; removes the folder. */
int program_main(int argc, char **argv, const char *name, void (*files)(void),
                 const TTest *const *tests, size_t count);

/* ---- Running ---------------------------------------------------------------------------- */

typedef struct result {
  int code; /* 128 + signal for a program that was killed */
  char *out, *err;
} result;

/* The file that is its standard input; /dev/null at first. */
extern const char *program_input;

/* Starts `clflow COMMAND`, split at blanks. */
pid_t start(const char *command);
/* The same of words that may hold anything, to NULL. */
pid_t start_words(const char *const *words);
result finish(pid_t pid);
result run(const char *command);
void release(result r);
/* The same, its stdout another file, such as /dev/full: `out` is empty. */
result run_into(const char *command, const char *out);
/* The same, its stderr another file, and `err`, malloc'ed, what came there. */
pid_t start_shown(const char *command, const char *err);
result finish_shown(pid_t pid, char *err);

/* ---- Files ------------------------------------------------------------------------------- */

void write_text(const char *path, const char *text);

/* ---- Expectations ------------------------------------------------------------------------ */

void expect_text(const char *command, const char *what, const char *text, const char *wanted);
void expect_code(const char *command, const result *r, int code);
/* It succeeds; `out` is somewhere on stdout. */
void succeeds(const char *command, const char *out);
/* It ends with `code`, prints nothing but messages, and leaves no file behind. */
void refuses(int code, const char *command, const char *err);
void same_files(const char *a, const char *b);

#endif
