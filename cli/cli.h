/* SPDX-License-Identifier: MIT */
/* cli.h: what the verbs of the program `clflow` share.  Private to cli/. */
#ifndef CLI_H
#define CLI_H
#include "common_options.h"
#include "output.h"
#include "pictures.h"
#include "session.h"
#include "training.h"

/* Exit codes of the program: 0 done, 1 failed, 2 called wrongly. */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* ---- files.c ----------------------------------------------------------- */

/* To be called before anything is opened: refuses an output that is also read, that lies in a
 * folder which is read, that is written twice, or that would replace a file of another kind
 * without --force.  CLI_OK, CLI_USAGE, or CLI_FAILED for lack of memory. */
int cli_check_files(const cli_verb *verb);

/* ---- arch.c ------------------------------------------------------------ */

/* The exit code for an architecture of the command line that was refused, and says why. */
int cli_arch_refused(clf_status s);
/* The kind of that name, or -1. */
int cli_kind_of(const char *word);
/* "nsf" or "nsf(hidden=64, tail=5)", the word of an option, into the preset's name and its values,
 * "" where it has none. */
enum { CLI_PRESET_NAME = 64, CLI_PRESET_VALUES = 512 };
int cli_preset_split(const char *option, const char *word, char name[CLI_PRESET_NAME],
                     char values[CLI_PRESET_VALUES]);
/* An architecture as text, or from a file of text or JSON: @FILE. */
int cli_arch_read(const char *given, clf_arch **arch);
/* That of a flow, whose scaling is a layer of it at the head; so it is if it will have one. */
int cli_arch_of(const clf_flow *flow, int standardize, clf_arch **arch);

/* ---- report.c ---------------------------------------------------------- */

/* The rows of a session as a report takes them: training, validation and test rows apart where the
 * model's file says which they are. */
typedef struct cli_report_rows {
  clf_report_source source;
  clf_table x[3], given[3]; /* of each part */
  int64_t *row[3];
  char **ids[3];
  int32_t *pairs;
  char command[4096];
} cli_report_rows;

/* `pairs`: names or numbers of columns by comma, or NULL; `part`: what each row served for, or
 * NULL: as the model's file says.  To be closed also after a failure. */
int cli_report_open(cli_session *s, const char *pairs, const uint8_t *part, uint64_t seed,
                    cli_report_rows *r);
void cli_report_close(cli_report_rows *r);

/* ---- Verbs, a file each ------------------------------------------------- */

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
