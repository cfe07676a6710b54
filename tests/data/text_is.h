/* SPDX-License-Identifier: MIT */
/* text_is.h: a text as the file d.csv, and what it must be read as. */
#ifndef CLF_DATA_TEXT_IS_H
#define CLF_DATA_TEXT_IS_H
#include "tables.h"

extern const clf_table_options none;
/* Read with these options it is this table, with these notes. */
void is_with(const char *text, const clf_table_options *o, int64_t rows, int32_t cols,
             const double *at, const char *const *names, const char *notes);
void is(const char *text, int64_t rows, int32_t cols, const double *at, const char *const *names,
        const char *notes);
void fails_with(const char *text, const clf_table_options *o, clf_status status,
                const char *message);
#define FAILS_WITH(text, o, message) fails_with(text, o, CLF_EFORMAT, "d.csv: " message)
#define INDEX "column 1 has no name and counts the rows: it is left out"

#endif
