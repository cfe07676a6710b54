/* SPDX-License-Identifier: MIT */
/* file.h: files read whole, and files written whole or not at all.  Private. */
#ifndef CLF_DATA_FILE_H
#define CLF_DATA_FILE_H
#include "clflow/core.h"

/* Reads a whole file into memory that is the caller's to free().  A NUL that
 * *size does not count follows the last byte.  Folders are refused.
 * Errors: EIO, ENOMEM. */
clf_status clf__file_read(const char *path, char **bytes, size_t *size);

/* Reads the first bytes, at most `room`, and says how many there were.  Errors: EIO. */
clf_status clf__file_head(const char *path, char *bytes, size_t room, size_t *size);

/* A file that is being written.  Its bytes go to a temporary file in the same
 * folder until clf__file_commit() puts that in the place of `path`. */
typedef struct clf__file clf__file;

/* Errors: EIO (also where `path` is a folder), ENOMEM. */
clf_status clf__file_begin(const char *path, clf__file **f);

/* Appends n bytes.  After a failure the file is still the caller's to abort.
 * Errors: EIO. */
clf_status clf__file_put(clf__file *f, const void *bytes, size_t n);

/* Asks that what the file replaces stays under the name clf__file_kept_name(path), malloc'ed or
 * NULL: at every moment there is a whole file at `path`, and from the second write on another. What
 * already has that name is only replaced if it is empty or `expendable` says so (NULL: always);
 * otherwise it stays, and nothing is kept. */
void clf__file_keep(clf__file *f, int (*expendable)(const char *path));
char *clf__file_kept_name(const char *path);

/* Syncs the file, gives it the permissions of the file it replaces, renames it
 * to `path` and syncs the folder.  Frees f whatever happens; on failure what was
 * at `path` is untouched and the temporary file is gone.  Errors: EIO. */
clf_status clf__file_commit(clf__file *f);

/* Removes the temporary file and frees f.  NULL is a no-op. */
void clf__file_abort(clf__file *f);

/* Fails unless a file can be created at `path`: its folder exists and can be
 * written, and `path` is no folder.  Errors: EIO. */
clf_status clf__file_writable(const char *path);

#endif
