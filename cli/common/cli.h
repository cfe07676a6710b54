/* SPDX-License-Identifier: MIT */
/* cli.h: declarations that the verbs of the program `clflow` share. Private to cli/. */
#ifndef CLI_H
#define CLI_H
#include "common_options.h"
#include "output.h"
#include "pictures.h"
#include "session.h"
#include "training.h"

/* Exit codes of the program: 0 success; 1 failure, or stopped early with its result saved; 2 wrong
 * usage. */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* ---- files.c ----------------------------------------------------------- */

/* Checks the files of the command line; call this before anything is opened. Refuses an output
 * that is also read, that is inside a folder which is read, that is written twice, or that would
 * replace a file of another kind without --force. Returns CLI_OK, CLI_USAGE, or CLI_FAILED for
 * lack of memory. */
int cli_check_files(const cli_verb *verb);

/* ---- arch.c ------------------------------------------------------------ */

/* Reports why an architecture of the command line was refused, and returns the exit code. */
int cli_arch_refused(clf_status s);
/* The kind with that name, or -1. */
int cli_kind_of(const char *word);
/* Splits an option such as "nsf" or "nsf(hidden=64, tail=5)" into the preset's name and its
 * values ("" if it has none). */
enum { CLI_PRESET_NAME = 64, CLI_PRESET_VALUES = 512 };
int cli_preset_split(const char *option, const char *word, char name[CLI_PRESET_NAME],
                     char values[CLI_PRESET_VALUES]);
/* Parses an architecture given as text, or as @FILE with a file of text or JSON. */
int cli_arch_read(const char *given, clf_arch **arch);
/* The architecture of a flow. Its scaling, if it has one or will have one (standardize), is the
 * first layer. */
int cli_arch_of(const clf_flow *flow, int standardize, clf_arch **arch);

/* ---- report.c ---------------------------------------------------------- */

/* The rows of a session as a report takes them, separated into training, validation and test
 * rows where the model's file says which they are. */
typedef struct cli_report_rows {
  clf_report_source source;
  clf_table x[3], given[3]; /* rows of each of the three sets */
  int64_t *row[3];
  char **ids[3];
  int32_t *pairs;
  char command[4096];
} cli_report_rows;

/* Makes the rows of a report. pairs: comma-separated names or numbers of columns, or NULL. role:
 * the set of each row; NULL: as the model's file says. Close the result also after a failure. */
int cli_report_open(cli_session *s, const char *pairs, const uint8_t *role, uint64_t seed,
                    cli_report_rows *r);
void cli_report_close(cli_report_rows *r);

/* ---- Verbs, one file each ----------------------------------------------- */

#define CLI_VERB_MAP(X)                                                                            \
  X(fit)                                                                                           \
  X(train)                                                                                         \
  X(sweep)                                                                                         \
  X(eval)                                                                                          \
  X(compare)                                                                                       \
  X(log_prob)                                                                                      \
  X(transform)                                                                                     \
  X(invert)                                                                                        \
  X(sample)                                                                                        \
  X(interpolate)                                                                                   \
  X(complete)                                                                                      \
  X(compress)                                                                                      \
  X(jacobian)                                                                                      \
  X(plot)                                                                                          \
  X(report) X(info) X(flows) X(devices) X(tune) X(bench) X(importance) X(import) X(export) X(help)
#define CLI_X(name) extern const cli_verb cli_##name;
CLI_VERB_MAP(CLI_X)
#undef CLI_X

#endif
