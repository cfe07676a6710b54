/* SPDX-License-Identifier: MIT */
/* help_text.c: help for people at a terminal. */
#define _DEFAULT_SOURCE
#include "help.h"
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { INDENT = 26 };

int cli_help_width(void) {
  struct winsize window;
  const char *columns = getenv("COLUMNS");
  int width = columns ? atoi(columns) : 0;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col) width = window.ws_col;
  if (width < 1) return 80;
  return width < 60 ? 60 : width > 120 ? 120 : width;
}

void cli_print_wrapped(const char *text, int at, int indent) {
  const int width = cli_help_width();
  for (int first = 1; *text; first = 0) {
    const int n = (int)strcspn(text, " ");
    if (!first && at + 1 + n > width) {
      printf("\n%*s", indent, "");
      at = indent;
    } else if (!first) {
      putchar(' ');
      at++;
    }
    printf("%.*s", n, text);
    at += n;
    text += n;
    text += strspn(text, " ");
  }
  putchar('\n');
}

/* Each line of `text` is a paragraph that is wrapped, or verbatim if it begins with a blank. */
static void print_paragraphs(const char *text) {
  while (*text) {
    const int n = (int)strcspn(text, "\n");
    char line[2048];
    snprintf(line, sizeof line, "%.*s", n, text);
    if (n == 0 || *line == ' ')
      puts(line);
    else
      cli_print_wrapped(line, 0, 0);
    text += n + (text[n] == '\n');
  }
}

static void print_row(const char *name, int width, const char *text) {
  const int used = printf("  %-*s  ", width, name);
  cli_print_wrapped(text, used, width + 4);
}

void cli_help_program(FILE *to) {
  fputs("usage: clflow VERB [options]\n\n"
        "Fit normalizing flows to data; compute densities, samples and maps with them.\n\n",
        to);
  for (const cli_verb *const *v = cli_verbs; *v; v++)
    fprintf(to, "  %-11s  %s\n", (*v)->name, (*v)->purpose);
  fputs("\n`clflow VERB --help` or `clflow help VERB` explains a verb; `clflow help TOPIC` "
        "explains\n",
        to);
  for (const cli_topic *t = cli_topics; t->name; t++)
    fprintf(to, "  %-11s  %s\n", t->name, t->purpose);
  fputs("\nBegin with `clflow fit TABLE.csv`. -V, --version prints the version.\n", to);
}

void cli_option_text(const cli_option *o, char *text, size_t size) {
  if (o->initial)
    snprintf(text, size, "%s (default %s)", o->help, o->initial);
  else
    snprintf(text, size, "%s%s", o->help, o->required ? " (required)" : "");
}

static void print_option(const cli_option *o) {
  if (!o->help) return;
  if (o->type == CLI_HEADING) {
    printf("\n%s:\n", o->help);
    return;
  }
  char text[1024];
  const char *also = strcmp(o->name, "--out") == 0 ? "-o, " : "";
  cli_option_text(o, text, sizeof text);
  const int used = printf("  %s%s%s%s", also, o->name, o->arg ? " " : "", o->arg ? o->arg : "");
  if (used + 2 > INDENT)
    printf("\n%*s", INDENT, "");
  else
    printf("%*s", INDENT - used, "");
  cli_print_wrapped(text, INDENT, INDENT);
}

/* Names the topics that explain the arguments of the options. */
static void print_topics(const cli_verb *verb) {
  char text[512] = "";
  for (const cli_topic *t = cli_topics; t->name; t++) {
    int takes = 0;
    for (const cli_option *o = verb->options; o->name; o++)
      takes |= o->help && t->argument &&
               (o->arg ? strcmp(o->arg, t->argument) == 0 : strcmp(o->name, t->argument) == 0);
    const size_t n = strlen(text);
    if (takes)
      snprintf(text + n, sizeof text - n, "%s`clflow help %s` explains %s", n ? "; " : "", t->name,
               t->argument);
  }
  if (!*text) return;
  putchar('\n');
  strncat(text, ".", sizeof text - strlen(text) - 1);
  cli_print_wrapped(text, 0, 0);
}

void cli_help_verb(const cli_verb *verb) {
  cli_print_wrapped(verb->usage, printf("usage: clflow %s ", verb->name), 7);
  putchar('\n');
  cli_print_wrapped(verb->purpose, 0, 0);
  puts("\nExamples:");
  for (const char *e = verb->examples; *e;) {
    const int n = (int)strcspn(e, "\n");
    printf("  %.*s\n", n, e);
    e += n + (e[n] == '\n');
  }
  if (verb->options->name && verb->options->type != CLI_HEADING) puts("\nOptions:");
  for (const cli_option *o = verb->options; o->name; o++) print_option(o);
  if (verb->details) {
    putchar('\n');
    print_paragraphs(verb->details);
  }
  print_topics(verb);
}

void cli_help_topic(const cli_topic *topic) {
  const char *name;
  char text[1024];
  print_paragraphs(topic->text);
  for (int i = 0; topic->row && topic->row(i, &name, text, sizeof text); i++) {
    if (i == 0) putchar('\n');
    print_row(name, 20, text);
  }
}
