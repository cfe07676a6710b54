/* SPDX-License-Identifier: MIT */
/* c_texts.h: the C files of text/, which the build embeds.  A function or type follows a line
 * with its name; it is valid C99 and C++11, with `real` as the type of numbers.  Private. */
#ifndef CLF_EXPORT_TEXT_H
#define CLF_EXPORT_TEXT_H

typedef struct clf__c_text {
  const char *name, *text;
} clf__c_text;

extern const clf__c_text clf__c_texts[]; /* ends with a NULL name */

#endif
