/* SPDX-License-Identifier: MIT */
/* cache.h: compiled programs and tuned choices on disk.  Private.
 *
 * A file is named by a hash of its key and contains the whole key, so a collision is not a hit. Its
 * binary has a checksum, so a damaged file is not one either.  Nothing here makes a caller fail:
 * without a cache things are only slower.
 *
 * The folder is CLFLOW_CACHE_DIR (set but empty: no cache); else clflow below XDG_CACHE_HOME, else
 * .cache/clflow below HOME, else clflow below LOCALAPPDATA.  A folder that
 * belongs to neither this user nor root is not used, for reading or for writing. */
#ifndef CLF_CACHE_H
#define CLF_CACHE_H
#include <stddef.h>

/* 1 if files can be stored, so that it is worth producing what goes into one. */
int clf__cache_usable(void);

/* A malloc'ed copy of what was stored under `key`, or NULL. */
void *clf__cache_get(const char *key, size_t *size);
/* 0 if it could not be stored. */
int clf__cache_put(const char *key, const void *bytes, size_t size);

#endif
