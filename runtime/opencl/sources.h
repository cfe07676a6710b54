/* SPDX-License-Identifier: MIT */
/* sources.h: the kernel files, embedded by cmake/embed.cmake.  Private. */
#ifndef CLF_SOURCES_H
#define CLF_SOURCES_H
typedef struct clf_source {
  const char *name, *text; /* "gemm.cl" */
} clf_source;
extern const clf_source clf__sources[]; /* ends with a NULL name; clflow.clh and ops.def first */
#endif
