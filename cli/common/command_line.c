/* SPDX-License-Identifier: MIT */
/* command_line.c: what the command lines of all verbs have in common. */
#include "cli.h"
#include <math.h>

struct cli_common cli_common = {.hint = {.xmin = NAN, .xmax = NAN}, .table = {.missing = -1}};

const cli_verb *cli_running;
