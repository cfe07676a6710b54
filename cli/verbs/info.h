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

#endif
