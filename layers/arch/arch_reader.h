/* SPDX-License-Identifier: MIT */
/* arch_reader.h: the reader of architectures as text: position and messages (arch_reader.c),
 * values of members (arch_values.c), and nodes (arch_parse.c).  Private. */
#ifndef CLF_ARCH_READER_H
#define CLF_ARCH_READER_H
#include "arch_private.h"

typedef struct clf__reader {
  clf_arch *arch;
  const char *text, *p; /* the whole text, and the current position */
  int depth;            /* of open parentheses and macros */
} clf__reader;

/* ---- Messages: EINVAL with the position in the text ------------------------------------------ */

/* "character 12", or "line 3, character 5" in text with several lines. */
const char *clf__text_position(const clf__reader *r, const char *at, char *to, size_t size);
/* "expected WHAT, found ..." */
clf_status clf__text_expected(const clf__reader *r, const char *at, const char *what);
/* Adds the position `at` to an EINVAL message of another file; other errors are passed on. */
clf_status clf__text_refuse(const clf__reader *r, const char *at, clf_status s);

/* The name that is nearest to what was typed. */
typedef struct clf__nearest {
  char typed[64];
  const char *name;
  int distance;
} clf__nearest;
clf__nearest clf__nearest_to(const char *typed, size_t n);
void clf__nearest_offer(clf__nearest *x, const char *name);
void clf__nearest_offer_group(clf__nearest *x, clf__node_group group);
/* "there is no WHAT ...; did you mean ...?" */
clf_status clf__text_unknown(const clf__reader *r, const char *at, const char *what,
                             const clf__nearest *x);

/* ---- Tokens ---------------------------------------------------------------------------------- */

static inline int clf__is_digit(char c) { return c >= '0' && c <= '9'; }

/* Skips blanks, line ends, and comments from '#' to the end of the line. */
void clf__text_skip(clf__reader *r);
/* Whether the token comes next; if so it is skipped. */
int clf__text_accept(clf__reader *r, const char *token);
clf_status clf__text_expect(clf__reader *r, const char *token);
/* Enters and leaves parentheses. */
clf_status clf__text_enter(clf__reader *r);
void clf__text_leave(clf__reader *r);

int clf__text_is_word(const char *p, const char *word);
/* Length of a decimal number at p, 0 if there is none. */
size_t clf__text_number_length(const char *p);
int clf__text_is_pi(const char *p);
clf_status clf__text_real(clf__reader *r, double *v);
/* Reads a whole number from low to high; `what` describes it. */
clf_status clf__text_whole(clf__reader *r, int32_t low, int32_t high, const char *what, int32_t *v);

/* A list that grows in the architecture's memory; append returns NULL if memory runs out. */
typedef struct clf__text_list {
  void *at;
  int32_t n, room;
} clf__text_list;
void *clf__text_append(clf__reader *r, clf__text_list *l, size_t size);

/* ---- Values and nodes ------------------------------------------------------------------------ */

clf_status clf__text_in_range(clf__reader *r, const char *at, const clf__node *node,
                              const clf__member *m, double v);
/* "0-2+5+7-": ascending, so that no dimension occurs twice. */
clf_status clf__text_ranges(clf__reader *r, clf__ranges *out);
/* Reads member `index` of the node. */
clf_status clf__text_value(clf__reader *r, clf__node *node, int index);
clf_status clf__text_node(clf__reader *r, clf__node_group group, clf__node **out);

#endif
