/* SPDX-License-Identifier: MIT */
/* options.h: tables of options, from which the command line, --help, the man pages and shell
 * completion expand.  Private to cli/. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H
#include "clflow/clflow.h"
#include <stdio.h>

typedef enum cli_type {              /* of a value, and of what `to` points at */
                        CLI_HEADING, /* no option: `help` is a heading of --help */
                        CLI_OPERAND, /* const char *: a file to read, a word without dashes */
                        CLI_TEXT,    /* const char *: a word that names no file */
                        CLI_INPUT,   /* const char *: a file to read */
                        CLI_FLOW,    /* const char *: text, or @ and a file to read */
                        CLI_CONTEXT, /* const char *: names, values, or a file to read */
                        CLI_DATA,    /* const char *: a file or folder to read, or a set's name */
                        CLI_OUTPUT,  /* const char *: a file to write, its kind by its suffix */
                        CLI_OUTPUT_MODEL, /* const char *: a model to write */
                        CLI_OUTPUT_LOG,   /* const char *: a log to write */
                        CLI_TEXTS,        /* cli_texts: words by comma, and by giving it again */
                        CLI_LIST,         /* cli_list: a word each time that it is given */
                        CLI_CHOICE,       /* int: which of the words in `arg`, from 0 */
                        CLI_FLAG,         /* int: becomes 1 */
                        CLI_FLAG_OFF,     /* int: becomes 0 */
                        CLI_COUNT32,      /* int32_t from 1 */
                        CLI_INDEX32,      /* int32_t from 0 */
                        CLI_COUNT,        /* int64_t from 1 */
                        CLI_INDEX,        /* int64_t from 0 */
                        CLI_SEED,         /* uint64_t */
                        CLI_MIB,          /* uint64_t, bytes; typed in MiB from 1 */
                        CLI_NUMBER,       /* double, finite, as those below */
                        CLI_ABOVE_0,
                        CLI_FROM_0,
                        CLI_PART,     /* 0 <= p < 1 */
                        CLI_PERCENT,  /* double from 0: "10%" or "10" is 0.1 */
                        CLI_CHANNELS, /* int32_t, 1 or 3 */
                        CLI_SIZE,     /* int32_t[2], height and width, from 1 */
                        CLI_GRID,     /* int32_t[2], rows and columns, from 1 */
                        CLI_CHAR      /* char: one of ASCII, or the words tab and space */
} cli_type;

enum { CLI_TEXTS_MOST = 16 };
typedef struct cli_texts {
  int count;
  char at[CLI_TEXTS_MOST][64];
} cli_texts;

enum { CLI_LIST_MOST = 16 };
typedef struct cli_list {
  int count;
  const char *at[CLI_LIST_MOST];
} cli_list;

/* One row is all there is to an option: parsing, checks and --help come of it. */
typedef struct cli_option {
  const char *name; /* "--batch", "-n"; of an operand what --help calls it */
  const char *arg;  /* what --help calls the value; of a choice its words: "nvp|nice"; "[FILE]" may
                     * be left out and is standard output then */
  const char *help; /* verb first; NULL: an old name that works but is not shown */
  cli_type type;
  void *to;
  const char *initial; /* as if given first; NULL leaves `to` as it is */
  int required;
  int given; /* set by cli_parse() */
} cli_option;

/* A word without an option before it. */
static inline int cli_is_operand(const cli_option *o) { return *o->name && *o->name != '-'; }

typedef struct cli_verb {
  const char *name;
  const char *usage;   /* what follows `clflow NAME` */
  const char *purpose; /* a sentence */
  /* Paragraphs below the options, a line each, or NULL; lines that begin with blanks are verbatim.
   */
  const char *details;
  const char *examples; /* command lines, a line each */
  cli_option *options;  /* the last one has no name */
  int (*run)(void);     /* gives the exit code */
  clf_missing missing;  /* what it does with rows of a table that lack a value, without --missing */
  /* (optional) Files that it may write in addition to those its options name: the i-th, and the
   * option that it comes of; NULL beyond the last.  The name is good until the next call. */
  const char *(*also_writes)(int i, const char **option);
  int ranks; /* 1: several processes that a launcher started work on it together (ranks.h) */
  /* (optional) Options of this verb are taken too, unless there is one of that name here, and kept
   * in cli_passed. */
  const struct cli_verb *passes_to;
} cli_verb;

/* The options of the other verb, in the order in which they were given, as words that it takes:
 * "--lr=1e-3", "--no-shuffle". */
enum { CLI_PASSED_MOST = 128 };
extern struct cli_passed {
  int count;
  char *at[CLI_PASSED_MOST]; /* never freed */
} cli_passed;

/* ---- values.c ------------------------------------------------------------------------------ */

/* Stores a word as the option's value; -1 if it is none. */
int cli_set_value(const cli_option *option, const char *text);
/* Refuses a value that the option would not take, and leaves the option as it is. */
int cli_check_value(const cli_option *option, const char *text);
/* Prints what the option takes instead; returns CLI_USAGE. */
int cli_refuse_value(const cli_option *option, const char *text);

/* ---- options.c ----------------------------------------------------------------------------- */

/* Fills what the options point at; a word it cannot take is named on stderr and
 * CLI_USAGE returned. */
int cli_parse(const cli_verb *verb, int argc, char **argv);

/* The verb whose options cli_parse() took. */
extern const cli_verb *cli_running;

int cli_is_word(cli_type type); /* whether the value is a const char * as typed */
/* Bytes that a value of this type takes where `to` points. */
size_t cli_size(cli_type type);
/* A value of the option's type as it would be typed. */
void cli_format(const cli_option *option, const void *value, char *text, size_t size);

/* Letters to insert, delete or replace to make `b` of `a`. */
int cli_distance(const char *a, const char *b);
/* Whether a word so far from `typed` may be what was meant. */
int cli_is_near(const char *typed, int distance);

#endif
