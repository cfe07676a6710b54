/* SPDX-License-Identifier: MIT */
/* help.c: `clflow help` explains a verb or a topic and prints man pages and shell completion. */
#include "help.h"
#include "cli.h"
#include <string.h>

static struct {
  const char *word;
  int man, shell;
} o = {.shell = -1};

static cli_option options[] = {
    {"WORD", NULL, "a verb or a topic (default: list them)", CLI_TEXT, &o.word, NULL, 0, 0},
    CLI_SECTION("For packagers"),
    {"--man", NULL, "print the man page of the verb, or of the program, in mdoc", CLI_FLAG, &o.man,
     NULL, 0, 0},
    {"--completion", "bash|zsh|fish",
     "print a script that completes the command line in this shell", CLI_CHOICE, &o.shell, NULL, 0,
     0},
    CLI_OPTIONS_END,
};

static const cli_topic *topic_find(const char *name) {
  for (const cli_topic *t = cli_topics; t->name; t++)
    if (strcmp(t->name, name) == 0) return t;
  return NULL;
}

static int run(void) {
  const cli_verb *verb = o.word ? cli_verb_find(o.word) : NULL;
  const cli_topic *topic = o.word && !verb ? topic_find(o.word) : NULL;
  if (o.shell >= 0 && (o.word || o.man))
    return cli_usage("--completion takes no %s", o.word ? "word" : "--man");
  if (topic && o.man) return cli_usage("--man takes a verb; topics are part of clflow(1)");
  if (o.shell >= 0)
    cli_completion((cli_shell)o.shell);
  else if (o.word && !verb && !topic)
    return cli_verb_refuse(o.word);
  else if (o.man)
    cli_man(verb);
  else if (topic)
    cli_help_topic(topic);
  else if (verb)
    cli_help_verb(verb);
  else
    cli_help_program(stdout);
  return CLI_OK;
}

const cli_verb cli_help = {
    .name = "help",
    .usage = "[VERB | TOPIC]",
    .purpose = "Explain a verb or a topic.",
    .details = "In bash, `source <(clflow help --completion bash)` turns completion on.",
    .examples = "clflow help fit\n"
                "clflow help presets",
    .options = options,
    .run = run,
};
