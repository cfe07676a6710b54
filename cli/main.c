/* SPDX-License-Identifier: MIT */
/* main.c: the program `clflow VERB ...` finds the verb and runs it. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include "help.h"
#include "ranks.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_help(const char *word) {
  return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int asks_for_mpi(int argc, char **argv) {
  for (int i = 2; i < argc; i++)
    if (strcmp(argv[i], "--mpi") == 0) return 1;
  return 0;
}

/* Whether several processes would write the same files. */
static int writes(const cli_verb *verb) {
  for (const cli_option *o = verb->options; o->name; o++)
    if (strcmp(o->name, "--out") == 0) return 1;
  return 0;
}

static int run(int argc, char **argv) {
  if (argc < 2) {
    cli_help_program(stderr);
    return CLI_USAGE;
  }
  if (is_help(argv[1])) {
    cli_help_program(stdout);
    return CLI_OK;
  }
  if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
    printf("clflow %s\n", clf_version());
    return CLI_OK;
  }
  const cli_verb *verb = cli_verb_find(argv[1]);
  if (!verb) return cli_verb_refuse(argv[1]);
  cli_verb_name = verb->name;
  for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
    if (!is_help(argv[i])) continue;
    cli_help_verb(verb);
    return CLI_OK;
  }
  if (!verb->ranks && writes(verb) && clf_group_launched() > 1)
    return cli_usage(
        "it runs in one process, and a launcher started %d; CLFLOW_MPI=none runs it in "
        "each of them",
        (int)clf_group_launched());
  int code = verb->ranks ? cli_ranks_begin(asks_for_mpi(argc, argv)) : CLI_OK;
  if (!code) code = cli_parse(verb, argc - 2, argv + 2);
  if (!code && cli_ranks_own() == 0) code = cli_check_files(verb);
  if (!code) code = verb->run();
  return cli_ranks_end(code);
}

/* Reports what takes seconds. Each sentence is printed once, because another process may report
 * the same. */
static void tell_waiting(const char *sentence, void *context) {
  static char last[1024];
  (void)context;
  if (strcmp(sentence, last) == 0) return;
  snprintf(last, sizeof last, "%s", sentence);
  cli_say("%s", sentence);
}

int main(int argc, char **argv) {
  cli_called = argv[0];
  cli_signals_begin();
  clf_set_listener(tell_waiting, NULL);
  int code = run(argc, argv);
  const int error = cli_flush(); /* a full disk is noticed here at the latest */
  if (error) {
    cli_say("standard output: %s",
            error > 0 ? strerror(error) : "it could not be written completely");
    if (code == CLI_OK) code = CLI_FAILED;
  }
  return code;
}
