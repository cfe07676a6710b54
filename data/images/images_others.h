/* SPDX-License-Identifier: MIT */
/* images_others.h: counts files of a folder with other formats.  Private. */
#ifndef CLF_DATA_IMAGES_OTHERS_H
#define CLF_DATA_IMAGES_OTHERS_H
#include <stddef.h>
#include <stdint.h>

enum { CLF_OTHERS = 32 };

/* The number of files per suffix; suffixes that do not fit are only counted in `total`. */
typedef struct clf__others {
  int64_t total;
  int kinds;
  struct clf__other {
    char suffix[12]; /* ".webp", in lower case; "" for a name without one */
    int64_t count;
  } kind[CLF_OTHERS];
} clf__others;

void clf__others_add(clf__others *o, const char *path);

/* "d: 18 files of other kinds were left out (12 .webp, 5 .bmp, 1 .txt)"; 0 if there are none. */
int clf__others_say(const clf__others *o, const char *folder, char *text, size_t size);

#endif
