/* SPDX-License-Identifier: MIT */
/* folder.h: shared by the tests of verdicts: the folder of a test, which is the current one, and a
 * script that answers instead of the program that tests drivers. */
#ifndef CLF_VERDICTS_FOLDER_H
#define CLF_VERDICTS_FOLDER_H
#include "probe.h"
#include "suite.h"

extern char folder[]; /* of the test; removed at its end */
/* The absolute path of a file in the folder, valid until the next call. */
const char *here(const char *name);
/* Writes the program: the script runs for each request, whose words are $verb and $rest. */
void write_program(const char *script);
/* The verdict about a device; NULL: unknown. */
void verdict_is(clf__probe *p, const char *name, int all, const char *why);
/* Prints where this program would find the probe. */
int print_where(void);

/* ---- The tests of each file ------------------------------------------------------------------ */

void tests_of_finding(TCase *c);
void tests_of_key(TCase *c);

#endif
