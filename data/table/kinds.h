/* SPDX-License-Identifier: MIT */
/* kinds.h: values of columns as text.  Private. */
#ifndef CLF_DATA_KINDS_H
#define CLF_DATA_KINDS_H
#include "clflow/data.h"

/* The value of a text of n bytes in a column that is neither a number nor an integer; 0: it has
 * none. */
int clf__column_read(const clf_column *k, const char *s, size_t n, double *value);
/* The possible values of the column, for a message: "one of a, b, c", "a date as 2024-05-01". */
void clf__column_holds(const clf_column *k, char *text, size_t size);

/* The label of the nearest code, or the word of the nearest boolean, to a finite value. */
const char *clf__column_label_of(const clf_column *k, double v);
/* clf_column_text() for a complete description, in the locale of the thread, which must be C. */
int clf__value_text(const clf_column *k, double v, char *text, size_t size);

/* Whether a text is that word, in upper or lower case. */
int clf__is_word(const char *s, size_t n, const char *word);
/* The pair of words that contains the text: 0: yes and no, ...; -1: none.  *which: 1 for yes. */
int clf__boolean_pair(const char *s, size_t n, int *which);
/* The words for 0 and 1 of a pair, in the case of a text that is one of them; the caller frees
 * them. */
clf_status clf__boolean_words(int pair, const char *like, char ***words);

/* `count` plain descriptions. */
clf_status clf__columns_new(int32_t count, clf_column **columns);
void clf__columns_free(clf_column *columns, int32_t count);
/* Extends the range to include a value. */
void clf__column_sees(clf_column *k, double value);

#endif
