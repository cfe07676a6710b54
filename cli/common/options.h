/* SPDX-License-Identifier: MIT */
/* options.h: tables of options, from which the command-line parser, --help, the man pages and
 * shell completion are generated. Private to cli/. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H
#include "clflow/clflow.h"
#include <stdio.h>

/* The type of a value, and of the object at `to`. */
typedef enum cli_type {
  CLI_HEADING,      /* not an option: `help` is a heading of --help */
  CLI_OPERAND,      /* const char *: a file to read, without dashes */
  CLI_TEXT,         /* const char *: a word that is no file name */
  CLI_INPUT,        /* const char *: a file to read */
  CLI_FLOW,         /* const char *: text, or @ followed by a file name */
  CLI_CONTEXT,      /* const char *: names, values, or a file to read */
  CLI_DATA,         /* const char *: a file or folder to read, or a built-in set */
  CLI_OUTPUT,       /* const char *: a file to write, its format by the suffix */
  CLI_OUTPUT_MODEL, /* const char *: a model to write */
  CLI_OUTPUT_LOG,   /* const char *: a log to write */
  CLI_TEXTS,        /* cli_texts: words separated by commas, or repeated options */
  CLI_LIST,         /* cli_list: the option may be repeated; one word each */
  CLI_CHOICE,       /* int: the index of one of the words in `arg` */
  CLI_FLAG,         /* int: set to 1 */
  CLI_FLAG_OFF,     /* int: set to 0 */
  CLI_COUNT32,      /* int32_t, at least 1 */
  CLI_INDEX32,      /* int32_t, at least 0 */
  CLI_COUNT,        /* int64_t, at least 1 */
  CLI_INDEX,        /* int64_t, at least 0 */
  CLI_SEED,         /* uint64_t */
  CLI_MIB,          /* uint64_t, bytes; given in MiB, at least 1 */
  CLI_NUMBER,       /* double, finite, as are the next three */
  CLI_ABOVE_0,
  CLI_FROM_0,
  CLI_PART,     /* 0 <= p < 1 */
  CLI_PERCENT,  /* double, at least 0: "10%" or "10" means 0.1 */
  CLI_CHANNELS, /* int32_t, 1 or 3 */
  CLI_SIZE,     /* int32_t[2], height and width, at least 1 */
  CLI_GRID,     /* int32_t[2], rows and columns, at least 1 */
  CLI_CHAR      /* char: one ASCII character, or the words tab and space */
} cli_type;

enum { CLI_TEXTS_MOST = 16, CLI_TEXTS_SIZE = CLI_TEXTS_MOST * 65 };
typedef struct cli_texts {
  int count;
  char at[CLI_TEXTS_MOST][64];
} cli_texts;
/* The words, separated by commas; at most CLI_TEXTS_SIZE bytes. */
void cli_join_texts(const cli_texts *words, char *text, size_t size);

enum { CLI_LIST_MOST = 16 };
typedef struct cli_list {
  int count;
  const char *at[CLI_LIST_MOST];
} cli_list;

/* One row of a table defines an option completely: its parsing, its checks and its --help text. */
typedef struct cli_option {
  const char *name; /* "--batch", "-n"; for an operand its name in --help */
  const char *arg;  /* the value's name in --help; for a choice its words: "nvp|nice"; "[FILE]": may
                       be omitted, which means standard output */
  const char *help; /* begins with a verb; NULL: it works but is not shown */
  cli_type type;
  void *to;
  const char *initial; /* value before parsing; NULL leaves `to` unchanged */
  int required;
  int given; /* set by cli_parse() */
} cli_option;

/* An operand: a word without an option before it. */
static inline int cli_is_operand(const cli_option *o) { return *o->name && *o->name != '-'; }

typedef struct cli_verb {
  const char *name;
  const char *usage;   /* text after `clflow NAME` */
  const char *purpose; /* one sentence */
  /* Paragraphs below the options, one per line, or NULL; lines that begin with blanks are
   * verbatim. */
  const char *details;
  const char *examples; /* command lines, one per line */
  cli_option *options;  /* terminated by an option without a name */
  int (*run)(void);     /* returns the exit code */
  clf_missing missing;  /* how rows of a table that lack a value are treated without --missing */
  /* (optional) Files that the verb may write in addition to those named by its options: the i-th
   * one, and the option that causes it; NULL beyond the last one. The name is valid until the
   * next call. */
  const char *(*also_writes)(int i, const char **option);
  /* (optional) Values that the verb passes to another one, such as those of --vary: the i-th one,
   * and the option of the other verb whose value it is; NULL beyond the last one. The value is
   * valid until the next call. */
  const char *(*also_reads)(int i, const cli_option **option);
  /* (optional) The folder that it writes files to, and the option that names it; NULL: none.
   * writes_name() tells whether it may write a file of this name there. */
  const char *(*writes_to)(const char **option);
  int (*writes_name)(const char *name);
  int ranks; /* 1: several processes started by a launcher work on it together (ranks.h) */
  /* (optional) Options of this other verb are also accepted, unless this verb has one with the
   * same name, and stored in cli_passed. */
  const struct cli_verb *passes_to;
} cli_verb;

/* The options of the other verb in the order in which they were given, as words for its command
 * line: "--lr=1e-3", "--no-shuffle". */
enum { CLI_PASSED_MOST = 128 };
extern struct cli_passed {
  int count;
  char *at[CLI_PASSED_MOST]; /* never freed */
} cli_passed;

/* ---- values.c ------------------------------------------------------------------------------ */

/* Parses a word and stores it as the option's value; -1 if it is invalid. */
int cli_set_value(const cli_option *option, const char *text);
/* Refuses an invalid value without changing the option. */
int cli_check_value(const cli_option *option, const char *text);
/* Prints which values the option takes; returns CLI_USAGE. */
int cli_refuse_value(const cli_option *option, const char *text);

/* ---- options.c ----------------------------------------------------------------------------- */

/* Parses the command line and stores the values of the options. An invalid word is reported on
 * stderr and CLI_USAGE returned. */
int cli_parse(const cli_verb *verb, int argc, char **argv);

/* The verb whose options cli_parse() parsed. */
extern const cli_verb *cli_running;

int cli_is_word(cli_type type); /* whether the value is a const char * as typed */
/* The size in bytes of a value of this type at `to`. */
size_t cli_size(cli_type type);
/* Writes a value of the option's type as it would be typed. */
void cli_format(const cli_option *option, const void *value, char *text, size_t size);

/* The edit distance: letters to insert, delete or replace to turn `a` into `b`. */
int cli_distance(const char *a, const char *b);
/* Whether a word at this distance from `typed` is a plausible correction. */
int cli_is_near(const char *typed, int distance);

#endif
