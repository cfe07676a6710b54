/* SPDX-License-Identifier: MIT */
/* tables.h: shared by the tests of tables and their files. */
#ifndef CLF_DATA_TABLES_H
#define CLF_DATA_TABLES_H
#include "clflow/data.h"
#include "suite.h"

#define SIZE(array) (sizeof(array) / sizeof *(array))

/* The tests of a file. */
void tests_of_csv(Suite *s);
void tests_of_lines(Suite *s);
void tests_of_match(Suite *s);
void tests_of_streams(Suite *s);
void tests_of_dialect(Suite *s);
void tests_of_headers(Suite *s);
void tests_of_writing(Suite *s);
void tests_of_npy(Suite *s);
void tests_of_synthetic(Suite *s);
void tests_of_tables(Suite *s);
void tests_of_advice(Suite *s);
void tests_of_treatments(Suite *s);
void tests_of_files(Suite *s);
void tests_of_text(Suite *s);
void tests_of_kinds(Suite *s);
void tests_of_missing(Suite *s);
void tests_of_model_columns(Suite *s);
void tests_of_raw(Suite *s);

void expect(clf_status got, clf_status want, const char *message);
/* The same bits. */
void expect_table(const clf_table *t, int64_t rows, int32_t cols, const double *at);
/* A CSV file of this text is this table; `names`, if not NULL, are those of its columns. */
void csv_is(const char *text, int64_t rows, int32_t cols, const double *at,
            const char *const *names);
/* It is refused. */
void csv_fails(const char *text, size_t n, const char *message);
#define CSV_FAILS(text, message) csv_fails(text, sizeof(text) - 1, "d.csv: " message)
void file_is(const char *path, const char *bytes, size_t n);

#endif
