/* SPDX-License-Identifier: MIT */
/* main.c: the program `clflow VERB ...`: finds the verb and runs it. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const cli_verb *const verbs[] = {
#define CLI_X(name) &cli_##name,
    CLI_VERB_MAP(CLI_X)
#undef CLI_X
};
enum { VERBS = sizeof verbs / sizeof *verbs };

static void print_usage(FILE *to) {
  fputs("usage: clflow VERB [options]\n\n"
        "Normalizing flows: fits them to data, and computes densities, samples and maps.\n\n",
        to);
  for (int i = 0; i < VERBS; i++) fprintf(to, "  %-11s  %s\n", verbs[i]->name, verbs[i]->purpose);
  fputs("\n  clflow VERB --help tells what a verb takes; clflow --version its version.\n"
        "  The program ends with 0, with 1 if it failed, with 2 if it was called wrongly.\n",
        to);
}

static const cli_verb *find_verb(const char *name) {
  for (int i = 0; i < VERBS; i++)
    if (strcmp(verbs[i]->name, name) == 0) return verbs[i];
  return NULL;
}

static int refuse_verb(const char *name) {
  const char *nearest = verbs[0]->name;
  for (int i = 1; i < VERBS; i++)
    if (cli_distance(name, verbs[i]->name) < cli_distance(name, nearest)) nearest = verbs[i]->name;
  const char *what = name[0] == '-' ? "option" : "verb";
  if (cli_is_near(name, cli_distance(name, nearest)))
    return cli_usage("there is no %s %s; did you mean %s?", what, name, nearest);
  return cli_usage("there is no %s %s; `clflow --help` lists the verbs", what, name);
}

static int is_help(const char *word) {
  return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int run(int argc, char **argv) {
  if (argc < 2) {
    print_usage(stderr);
    return CLI_USAGE;
  }
  if (is_help(argv[1])) {
    print_usage(stdout);
    return CLI_OK;
  }
  if (strcmp(argv[1], "--version") == 0) {
    printf("clflow %s\n", clf_version());
    return CLI_OK;
  }
  const cli_verb *verb = find_verb(argv[1]);
  if (!verb) return refuse_verb(argv[1]);
  cli_verb_name = verb->name;
  for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
    if (!is_help(argv[i])) continue;
    cli_help(verb);
    return CLI_OK;
  }
  int code = cli_parse(verb, argc - 2, argv + 2);
  if (!code) code = cli_check_files(verb);
  return code ? code : verb->run();
}

/* What takes seconds: once each, for another process may say the same. */
static void tell_waiting(const char *sentence, void *context) {
  static char last[1024];
  (void)context;
  if (strcmp(sentence, last) == 0) return;
  snprintf(last, sizeof last, "%s", sentence);
  cli_say("%s", sentence);
}

int main(int argc, char **argv) {
  cli_signals_begin();
  clf_set_listener(tell_waiting, NULL);
  int code = run(argc, argv);
  const int error = cli_flush(); /* a full disk shows here at the latest */
  if (error) {
    cli_say("standard output: %s", error > 0 ? strerror(error) : "it could not be written whole");
    if (code == CLI_OK) code = CLI_FAILED;
  }
  return code;
}
