/* SPDX-License-Identifier: MIT */
/* options.c: parses the command line by a verb's table of options. */
#include "../../runtime/core/distance.h"
#include "cli.h"
#include <stdlib.h>
#include <string.h>

/* ---- Names --------------------------------------------------------------- */

int cli_distance(const char *a, const char *b) {
  const size_t n = strlen(b);
  return n > CLF_DISTANCE_MOST ? CLF_DISTANCE_MOST : clf__distance(a, strlen(a), b, n);
}

int cli_is_near(const char *typed, int distance) {
  const int length = (int)strlen(typed + strspn(typed, "-"));
  return distance <= (length < 4 ? 1 : length / 2);
}

/* The option whose name is the first `length` characters of `word`. */
static cli_option *find(const cli_verb *verb, const char *word, size_t length) {
  if (length == 2 && strncmp(word, "-o", 2) == 0) word = "--out", length = strlen(word);
  for (cli_option *o = verb->options; o->name; o++)
    if (o->name[0] == '-' && strlen(o->name) == length && strncmp(o->name, word, length) == 0)
      return o;
  return NULL;
}

static int refuse_option(const cli_verb *verb, const char *word, size_t length) {
  char typed[64];
  snprintf(typed, sizeof typed, "%.*s", (int)length, word);
  const char *nearest = NULL;
  int minimum = 0;
  for (const cli_option *o = verb->options; o->name; o++) {
    const int distance = cli_distance(typed, o->name);
    if (o->name[0] != '-' || !o->help || (nearest && distance >= minimum)) continue;
    nearest = o->name;
    minimum = distance;
  }
  if (nearest && cli_is_near(typed, minimum))
    return cli_usage("there is no option %s; did you mean %s?", typed, nearest);
  return cli_usage("there is no option %s; `clflow %s --help` lists them", typed, verb->name);
}

/* ---- The command line ---------------------------------------------------- */

static int set_operand(const cli_verb *verb, const char *word) {
  for (cli_option *o = verb->options; o->name; o++) {
    if (!cli_is_operand(o) || o->given) continue;
    o->given = 1;
    return cli_set_value(o, word) ? cli_refuse_value(o, word) : CLI_OK;
  }
  return cli_usage("unexpected argument \"%s\"; `clflow %s --help` lists the arguments", word,
                   verb->name);
}

struct cli_passed cli_passed;

static int pass(const cli_option *o, const char *value) {
  const int is_flag = o->type == CLI_FLAG || o->type == CLI_FLAG_OFF;
  const size_t size = strlen(o->name) + strlen(value) + 2;
  if (cli_passed.count == CLI_PASSED_MOST)
    return cli_usage("more than %d options are given", CLI_PASSED_MOST);
  char *const word = malloc(size);
  if (!word) return cli_fail("out of memory for the command line");
  snprintf(word, size, is_flag ? "%s" : "%s=%s", o->name, value);
  cli_passed.at[cli_passed.count++] = word;
  return CLI_OK;
}

/* Handles argv[*i], and also the next word if that is the option's value. */
static int set_option(const cli_verb *verb, int argc, char **argv, int *i) {
  const char *word = argv[*i];
  const size_t length = strncmp(word, "--", 2) == 0 ? strcspn(word, "=") : strlen(word);
  cli_option *o = find(verb, word, length);
  const int passed = !o && verb->passes_to;
  if (passed) o = find(verb->passes_to, word, length);
  if (!o) return refuse_option(verb, word, length);
  const char *value = word[length] == '=' ? word + length + 1 : NULL;
  if (o->type == CLI_FLAG || o->type == CLI_FLAG_OFF) {
    if (value) return cli_usage("%s takes no value, got \"%s\"", o->name, value);
    value = "";
  } else if (!value) {
    const char *const next = *i + 1 < argc ? argv[*i + 1] : NULL;
    const int there = next && !find(verb, next, strlen(next)) &&
                      !(verb->passes_to && find(verb->passes_to, next, strlen(next)));
    if (!there && *o->arg != '[')
      return cli_usage("%s needs a value: %s %s", o->name, o->name, o->arg);
    value = there ? argv[++*i] : "-"; /* without a value: standard output */
  }
  o->given = 1;
  if (cli_set_value(o, value)) return cli_refuse_value(o, value);
  return passed ? pass(o, value) : CLI_OK;
}

static int set_initial(const cli_verb *verb) {
  for (cli_option *o = verb->options; o->name; o++)
    if (o->initial && cli_set_value(o, o->initial)) return cli_refuse_value(o, o->initial);
  return CLI_OK;
}

int cli_parse(const cli_verb *verb, int argc, char **argv) {
  cli_running = verb;
  const int bad = verb->passes_to ? set_initial(verb->passes_to) : CLI_OK;
  if (bad || set_initial(verb)) return CLI_USAGE;
  int only_operands = 0;
  for (int i = 0; i < argc; i++) {
    if (!only_operands && strcmp(argv[i], "--") == 0) {
      only_operands = 1;
      continue;
    }
    const int dashed = argv[i][0] == '-' && argv[i][1] != '\0' && !only_operands;
    const int code = dashed ? set_option(verb, argc, argv, &i) : set_operand(verb, argv[i]);
    if (code) return code;
  }
  for (const cli_option *o = verb->options; o->name; o++)
    if (o->required && !o->given)
      return cli_usage("%s is missing; usage: clflow %s %s", o->name, verb->name, verb->usage);
  return CLI_OK;
}
