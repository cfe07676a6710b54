/* SPDX-License-Identifier: MIT */
/* info.h: declarations shared by the files of `clflow info`. Private to them. */
#ifndef CLI_INFO_H
#define CLI_INFO_H
#include "cli.h"

/* Prints one line per column, since names may contain commas: "columns   x0: age (integer, 18 to
 * 90)", followed by the columns of the context. */
void cli_info_columns(const clf_flow *flow);
/* The same as JSON arrays: names (null without names), descriptions (null without them), and the
 * columns of the context. */
json_t *cli_info_names(const clf_flow *flow);
json_t *cli_info_kinds(const clf_flow *flow);
json_t *cli_info_context(const clf_flow *flow);

/* info_grid.c: the same for grids of discrete columns, and for limits of others. */
void cli_info_print_grid(const clf_flow *flow);
/* null for each continuous column, and null if all columns are continuous. */
json_t *cli_info_grid(const clf_flow *flow);
/* [least, most] for each column with limits, where null stands for none; null for each other
 * column, and null if no column has any. */
json_t *cli_info_limits(const clf_flow *flow);

#endif
