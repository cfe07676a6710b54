/* SPDX-License-Identifier: MIT */
/* images_others.h: files of a folder that are no images of a kind that is read.  Private. */
#ifndef CLF_DATA_IMAGES_OTHERS_H
#define CLF_DATA_IMAGES_OTHERS_H
#include <stddef.h>
#include <stdint.h>

enum { CLF_OTHERS = 32 };

/* How many there are of each suffix; those that do not fit are counted in `total` alone. */
typedef struct clf__others {
  int64_t total;
  int kinds;
  struct clf__other {
    char suffix[12]; /* ".webp", in small letters; "" of a name without one */
    int64_t count;
  } kind[CLF_OTHERS];
} clf__others;

void clf__others_add(clf__others *o, const char *path);

/* "d: 18 files of other kinds were left out (12 .webp, 5 .bmp, 1 .txt)"; 0 where there are none. */
int clf__others_say(const clf__others *o, const char *folder, char *text, size_t size);

#endif
