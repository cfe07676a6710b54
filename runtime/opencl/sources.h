/* SPDX-License-Identifier: MIT */
/* sources.h: kernel files and their headers, embedded by cmake/embed.cmake.  Private. */
#ifndef CLF_SOURCES_H
#define CLF_SOURCES_H
typedef struct clf_source {
  const char *name, *text; /* "gemm.cl", what it holds */
} clf_source;
extern const clf_source clf__sources[]; /* ends with a NULL name */
#endif
