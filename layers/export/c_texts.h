/* SPDX-License-Identifier: MIT */
/* c_texts.h: the C files of text/, which the build embeds.  A function or type begins behind a line
 * that has its name, and is written for both C99 and C++11 in numbers `real`.  Private. */
#ifndef CLF_EXPORT_TEXT_H
#define CLF_EXPORT_TEXT_H

typedef struct clf__c_text {
  const char *name, *text;
} clf__c_text;

extern const clf__c_text clf__c_texts[]; /* ends with a NULL name */

#endif
