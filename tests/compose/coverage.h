/* SPDX-License-Identifier: MIT */
/* coverage.h: counts which rows and members of arch.def were drawn. */
#ifndef CLF_COMPOSE_COVERAGE_H
#define CLF_COMPOSE_COVERAGE_H
#include "arch_private.h"

/* Counts the nodes and words of an architecture that was made. */
void coverage_add(const clf_arch *arch);

/* Prints how often each node was drawn: in all, inverted, in flows with a context. */
void coverage_print(void);

/* A line for each node, word, inverse or node with a context that was never drawn; "": none. */
const char *coverage_missing(void);

#endif
