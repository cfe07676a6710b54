/* SPDX-License-Identifier: MIT */
/* file.h: reads whole files, and replaces files atomically.  Private. */
#ifndef CLF_DATA_FILE_H
#define CLF_DATA_FILE_H
#include "clflow/core.h"

/* Reads a whole file into memory, which the caller frees with free().  A NUL, not counted in *size,
 * follows the last byte.  Folders are refused.
 * Errors: EIO, ENOMEM. */
clf_status clf__file_read(const char *path, char **bytes, size_t *size);

/* Reads the first bytes, at most `room`; returns their number.  Errors: EIO. */
clf_status clf__file_head(const char *path, char *bytes, size_t room, size_t *size);

/* A file that is being written, to a temporary file in the same folder, until clf__file_commit()
 * renames that to `path`. */
typedef struct clf__file clf__file;

/* Errors: EIO (also if `path` is a folder), ENOMEM. */
clf_status clf__file_begin(const char *path, clf__file **f);

/* Appends n bytes.  After an error the caller must still abort the file.  Errors: EIO. */
clf_status clf__file_put(clf__file *f, const void *bytes, size_t n);

/* Keeps the replaced file under the name clf__file_kept_name(path), malloc'ed or NULL: at every
 * moment there is a complete file at `path`, and from the second write on another one.  An
 * existing file of that name is only replaced if it is empty or `expendable` says so (NULL:
 * always); otherwise it stays, and the replaced file is lost. */
void clf__file_keep(clf__file *f, int (*expendable)(const char *path));
char *clf__file_kept_name(const char *path);

/* Syncs the file, gives it the permissions of the file it replaces, renames it to `path` and
 * syncs the folder.  Frees f in any case; after an error the file at `path` is unchanged and the
 * temporary file is removed.  Errors: EIO. */
clf_status clf__file_commit(clf__file *f);

/* Removes the temporary file and frees f.  NULL is a no-op. */
void clf__file_abort(clf__file *f);

/* Fails unless a file can be created at `path`: its folder exists and is writable, and `path` is
 * not a folder.  Errors: EIO. */
clf_status clf__file_writable(const char *path);

#endif
