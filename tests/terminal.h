/* SPDX-License-Identifier: MIT */
/* terminal.h: runs the program `clflow` with a terminal as stderr. */
#ifndef CLF_TERMINAL_H
#define CLF_TERMINAL_H
#include "program.h"

/* The terminal has `columns` columns; when `interrupt`, if not NULL, appears on it, the program
 * gets a SIGINT. */
result run_on_terminal(const char *command, int columns, const char *interrupt);

#endif
