/* SPDX-License-Identifier: MIT */
/* help.h: the help texts, man pages and shell completion, all generated from the verbs' tables
 * of options. Private to cli/. */
#ifndef CLI_HELP_H
#define CLI_HELP_H
#include "options.h"

/* ---- verbs.c ------------------------------------------------------------------------------- */

/* All verbs in the order of `clflow --help`, terminated by NULL. */
extern const cli_verb *const cli_verbs[];
/* The verb with that name, or NULL. */
const cli_verb *cli_verb_find(const char *name);
/* Reports an unknown verb or option together with the nearest name; returns CLI_USAGE. */
int cli_verb_refuse(const char *name);

/* ---- topics.c ------------------------------------------------------------------------------ */

/* Something that several verbs have in common, explained once: `clflow help TOPIC`. */
typedef struct cli_topic {
  const char *name;     /* the word after `clflow help` */
  const char *purpose;  /* one line for the list of topics */
  const char *argument; /* the argument in option tables that this topic explains, or NULL */
  const char *text;     /* paragraphs, one per line; lines that begin with blanks are verbatim */
  /* (optional) The i-th row of the list below the text: its name and its description; returns 0
   * beyond the last row. */
  int (*row)(int i, const char **name, char *text, size_t size);
} cli_topic;
/* All topics, terminated by one without a name. */
extern const cli_topic cli_topics[];

/* ---- help_text.c: for a terminal ------------------------------------------------------------ */

/* The columns of the terminal, or of the variable COLUMNS, limited to 60 to 120; 80 if neither
 * is known. */
int cli_help_width(void);
/* Prints words from column `at` on and wraps them; further lines begin at column `indent`. */
void cli_print_wrapped(const char *text, int at, int indent);
/* What an option does, with its default. */
void cli_option_text(const cli_option *option, char *text, size_t size);
void cli_help_program(FILE *to);
void cli_help_verb(const cli_verb *verb);
void cli_help_topic(const cli_topic *topic);

/* ---- help_man.c, help_completion.c ----------------------------------------------------------- */

/* Prints a man page in mdoc format, of a verb or, with NULL, of the program. */
void cli_man(const cli_verb *verb);
typedef enum cli_shell { CLI_BASH, CLI_ZSH, CLI_FISH } cli_shell;
/* Prints a completion script for that shell. */
void cli_completion(cli_shell shell);

#endif
