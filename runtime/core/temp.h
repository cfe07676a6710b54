/* SPDX-License-Identifier: MIT */
/* temp.h: temporary files, which are renamed when they are complete.  Private. */
#ifndef CLF_TEMP_H
#define CLF_TEMP_H

typedef struct clf__temp {
  char *name;  /* FOLDER/.clflow-PID-NUMBER.tmp; NULL before it is created */
  int fd;      /* for writing, or -1 */
  int lock;    /* a second descriptor that holds the lock after close(fd), or -1 */
  int watched; /* index in the list of clf_discard_unfinished(), or -1 */
} clf__temp;

/* Creates a new temporary file in the folder, with these permissions (less the umask).  Existing
 * files of that name are not opened, links are not followed, and no other thread or process gets
 * the same name.  Returns 0 or an errno; after an error there is no file, but clf__temp_forget()
 * must still be called. */
int clf__temp_make(const char *folder, unsigned mode, clf__temp *t);
/* Removes it from the list and frees the name, after the file was renamed or removed. */
void clf__temp_forget(clf__temp *t);
/* Removes the temporary files in the folder that killed processes of this user left. */
void clf__temp_sweep(const char *folder);

#endif
