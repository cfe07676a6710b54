/* SPDX-License-Identifier: MIT */
/* string.h: functions that MinGW-w64 lacks. */
#pragma GCC system_header
#include_next <string.h>
#ifndef CLF_WINDOWS_STRING_H
#define CLF_WINDOWS_STRING_H

char *strndup(const char *text, size_t n);
char *strsep(char **text, const char *ends);
const char *strsignal(int number); /* see sys/wait.h */
#endif
