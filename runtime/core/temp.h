/* SPDX-License-Identifier: MIT */
/* temp.h: temporary files, which are renamed once they are whole.  Private. */
#ifndef CLF_TEMP_H
#define CLF_TEMP_H

typedef struct clf__temp {
  char *name;  /* FOLDER/.clflow-PID-NUMBER.tmp; NULL until it is made */
  int fd;      /* to write to, or -1 */
  int lock;    /* another descriptor, which holds the lock beyond close(fd), or -1 */
  int watched; /* its place among those that clf_discard_unfinished() removes, or -1 */
} clf__temp;

/* Makes a file of this kind in the folder, with these permissions (less the umask).  It is always a
 * new one: what has the name already is not opened, no link is followed, and no other thread or
 * process gets the same name.  Returns 0 or an errno; then there is no file, but
 * clf__temp_forget() is still needed. */
int clf__temp_make(const char *folder, unsigned mode, clf__temp *t);
/* Ends the watch over it and frees the name: the file was renamed or removed. */
void clf__temp_forget(clf__temp *t);
/* Removes the temporary files in the folder that this user's processes left when they were killed.
 */
void clf__temp_sweep(const char *folder);

#endif
