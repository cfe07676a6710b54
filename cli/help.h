/* SPDX-License-Identifier: MIT */
/* help.h: the help texts, man pages and shell completion, all expanded from the verbs' tables of
 * options.  Private to cli/. */
#ifndef CLI_HELP_H
#define CLI_HELP_H
#include "options.h"

/* ---- verbs.c ------------------------------------------------------------------------------- */

/* All verbs, in the order of `clflow --help`; NULL ends them. */
extern const cli_verb *const cli_verbs[];
/* The verb of that name, or NULL. */
const cli_verb *cli_verb_find(const char *name);
/* Prints that there is no such verb or option, with the nearest name; returns CLI_USAGE. */
int cli_verb_refuse(const char *name);

/* ---- topics.c ------------------------------------------------------------------------------ */

/* What several verbs take or do, explained once: `clflow help TOPIC`. */
typedef struct cli_topic {
  const char *name;     /* the word after `clflow help` */
  const char *purpose;  /* a line of the list of topics */
  const char *argument; /* the argument's name in option tables that it explains, or NULL */
  const char *text;     /* paragraphs, a line each; lines that begin with blanks are verbatim */
  /* (optional) The i-th row of the list below the text: its name, and what it is; 0 beyond the
   * last. */
  int (*row)(int i, const char **name, char *text, size_t size);
} cli_topic;
/* All topics; one without a name ends them. */
extern const cli_topic cli_topics[];

/* ---- help_text.c: for a terminal ------------------------------------------------------------ */

/* Columns of the terminal, or of COLUMNS, from 60 to 120; 80 where neither tells. */
int cli_help_width(void);
/* Prints words from column `at` on, wrapped; further lines begin at column `indent`. */
void cli_print_wrapped(const char *text, int at, int indent);
void cli_help_program(FILE *to);
void cli_help_verb(const cli_verb *verb);
void cli_help_topic(const cli_topic *topic);

/* ---- help_man.c, help_completion.c ----------------------------------------------------------- */

/* Prints a man page in mdoc, of a verb or, with NULL, of the program. */
void cli_man(const cli_verb *verb);
typedef enum cli_shell { CLI_BASH, CLI_ZSH, CLI_FISH } cli_shell;
/* Prints a script that completes `clflow ...` in that shell. */
void cli_completion(cli_shell shell);

#endif
