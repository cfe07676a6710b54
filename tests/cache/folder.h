/* SPDX-License-Identifier: MIT */
/* folder.h: shared by the tests of the cache: the folder that it is in, and its files. */
#ifndef CLF_FOLDER_H
#define CLF_FOLDER_H
#include <stddef.h>
#include <sys/stat.h>
#include "suite.h"

extern char folder[];   /* of the tests; removed at their end */
extern char cache[128]; /* the cache of one test, in that folder */

/* Sets CLFLOW_CACHE_DIR to a folder of this name. */
void use_cache(const char *name);
/* Removes the files and the folder, and unsets the variable. */
void clear_cache(void);
/* Writes the path of the last file in the cache, and returns how many there are. */
int cache_files(char *path, size_t size);
/* Whether the cache has the key; then with these contents. */
int hits(const char *key, const char *bytes);
struct stat status_of(const char *path);

/* ---- The tests of each file ------------------------------------------------------------------ */

void tests_of_entries(TCase *tc);
void tests_of_programs(TCase *tc);
void tests_of_sources(TCase *tc);
void tests_of_others(TCase *tc);

#endif
