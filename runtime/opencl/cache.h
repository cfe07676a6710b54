/* SPDX-License-Identifier: MIT */
/* cache.h: compiled programs and tuned choices on disk.  Private.
 *
 * A file is named by a hash of its key and holds the whole key, so that a
 * collision is no hit; its binary has a checksum, so that a damaged file is
 * none either.  Nothing here fails a caller: without a cache things are slower.
 *
 * The folder is CLFLOW_CACHE_DIR (set but empty: no cache); else clflow below XDG_CACHE_HOME, else
 * .cache/clflow below HOME, else clflow below LOCALAPPDATA.  One that belongs to another user than
 * this one or root is not used, neither for reading nor for writing. */
#ifndef CLF_CACHE_H
#define CLF_CACHE_H
#include <stddef.h>

/* 1 if there is a folder to keep files in, so that making one is worth the work. */
int clf__cache_usable(void);

/* A malloc'ed copy of what was stored under `key`, or NULL. */
void *clf__cache_get(const char *key, size_t *size);
/* 0 if it could not be stored. */
int clf__cache_put(const char *key, const void *bytes, size_t size);

#endif
