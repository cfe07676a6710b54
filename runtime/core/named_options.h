/* SPDX-License-Identifier: MIT */
/* named_options.h: options structs whose members are set by name, from text.  Private. */
#ifndef CLF_NAMED_OPTIONS_H
#define CLF_NAMED_OPTIONS_H
#include <stddef.h>
#include <stdint.h>
#include "clflow/core.h"

typedef enum clf__named_type {
  CLF_NAMED_FLAG,   /* int, 0 or 1 */
  CLF_NAMED_INT32,  /* int32_t */
  CLF_NAMED_INT64,  /* int64_t */
  CLF_NAMED_SEED,   /* uint64_t */
  CLF_NAMED_REAL,   /* double, finite */
  CLF_NAMED_LETTER, /* char; "": 0 */
  CLF_NAMED_TEXT,   /* const char *, not copied; "": NULL */
  CLF_NAMED_CHOICE  /* an enum, one of its `words` from 0: "auto|yes|no" */
} clf__named_type;

/* A row of a table of members. */
typedef struct clf__named {
  const char *name;
  clf__named_type type;
  size_t place; /* offset in the struct, bytes */
  const char *words;
} clf__named;
#define CLF_NAMED(options, member, type, words)                                                    \
  { #member, CLF_NAMED_##type, offsetof(options, member), words }

/* Sets one of `count` members; `kind` is what messages call them, "fit".  Ranges are checked where
 * the options are used.  EINVAL: no such member (names the nearest), or the value is not of its
 * type; the options are then unchanged. */
clf_status clf__named_set(const char *kind, const clf__named *members, int count, void *options,
                          const char *name, const char *value);

/* EINVAL for an unknown option, with the nearest name.  Rows of `row` bytes begin with a name. */
clf_status clf__unknown_option(const char *kind, const void *rows, size_t row, int count,
                               const char *name);

/* Whole texts as numbers, in every locale; 0 if they are none or do not fit. */
int clf__read_whole(const char *text, int64_t *whole);
int clf__read_unsigned(const char *text, uint64_t *whole);
int clf__read_real(const char *text, double *real);
/* The index of a word of "auto|yes|no"; -1: none. */
int clf__word_index(const char *words, const char *word);

#endif
