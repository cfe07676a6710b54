/* SPDX-License-Identifier: MIT */
/* verbs.c: the list of verbs. */
#include "cli.h"
#include "help.h"
#include <string.h>

const cli_verb *const cli_verbs[] = {
#define CLI_X(name) &cli_##name,
    CLI_VERB_MAP(CLI_X)
#undef CLI_X
        NULL};

const cli_verb *cli_verb_find(const char *name) {
  for (const cli_verb *const *v = cli_verbs; *v; v++)
    if (strcmp((*v)->name, name) == 0) return *v;
  return NULL;
}

int cli_verb_refuse(const char *name) {
  const char *nearest = cli_verbs[0]->name;
  for (const cli_verb *const *v = cli_verbs; *v; v++)
    if (cli_distance(name, (*v)->name) < cli_distance(name, nearest)) nearest = (*v)->name;
  const char *what = name[0] == '-' ? "option" : "verb";
  if (cli_is_near(name, cli_distance(name, nearest)))
    return cli_usage("there is no %s %s; did you mean %s?", what, name, nearest);
  return cli_usage("there is no %s %s; `clflow --help` lists the verbs", what, name);
}
