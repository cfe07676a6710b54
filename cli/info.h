/* SPDX-License-Identifier: MIT */
/* info.h: what the files of `clflow info` share.  Private to them. */
#ifndef CLI_INFO_H
#define CLI_INFO_H
#include "cli.h"

/* A line each, since names may hold commas: "columns   x0: age (integer, 18 to 90)", and those that
 * the context is made of. */
void cli_info_columns(const clf_flow *flow);
/* The same as arrays: names, null without; descriptions, null without; the context's. */
json_t *cli_info_names(const clf_flow *flow);
json_t *cli_info_kinds(const clf_flow *flow);
json_t *cli_info_context(const clf_flow *flow);

#endif
