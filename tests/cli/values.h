/* SPDX-License-Identifier: MIT */
/* values.h: shared by the tests of the program: values in what it printed and wrote. */
#ifndef CLF_VALUES_H
#define CLF_VALUES_H
#include <jansson.h>
#include <stddef.h>
#include "suite.h"

/* A .npy file of format 1 with this header and `size` bytes of data. */
void write_npy(const char *path, const char *type, const char *shape, const void *data,
               size_t size);
/* What a command that succeeds prints as JSON; the caller releases it with json_decref(). */
json_t *json_of(const char *command);
/* A member of an object, which must have this type. */
json_int_t integer_at(const json_t *object, const char *key);
double real_at(const json_t *object, const char *key);
/* Number of lines. */
int lines(const char *text);
/* The file is a PNG picture. */
void is_png(const char *path);

/* ---- The tests of each file ------------------------------------------------------------------ */

void tests_of_verbs(TCase *tc);
void tests_of_files(TCase *tc);
void tests_of_results(TCase *tc);
void tests_of_training(TCase *tc);

#endif
