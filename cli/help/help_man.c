/* SPDX-License-Identifier: MIT */
/* help_man.c: man pages, in the mdoc language of mandoc and groff. */
#include "help.h"
#include <ctype.h>
#include <string.h>

/* Prints text that mdoc takes literally: no escapes, and no macro at the beginning of a line. */
static void put_text(const char *text, int n) {
  if (n && (*text == '.' || *text == '\'')) fputs("\\&", stdout);
  for (int i = 0; i < n; i++) {
    switch (text[i]) {
    case '\\': fputs("\\e", stdout); break;
    case '-': fputs("\\-", stdout); break;
    case '^': fputs("\\(ha", stdout); break;
    case '~': fputs("\\(ti", stdout); break;
    case '`': fputs("\\(ga", stdout); break;
    case '\'': fputs("\\(aq", stdout); break;
    case '"': fputs("\\(dq", stdout); break;
    default: putchar(text[i]);
    }
  }
}

/* Prints words in lines of at most 80 columns, including escapes. */
static void put_line(const char *text, int n) {
  for (int begin = 0, end; begin < n; begin = end + 1) {
    end = begin;
    for (int i = begin; i <= n && i - begin <= 60; i++)
      if (i == n || text[i] == ' ') end = i;
    if (end == begin) /* one long word */
      for (end = begin; end < n && text[end] != ' ';) end++;
    put_text(text + begin, end - begin);
    putchar('\n');
  }
}

/* Prints one line for each sentence, which mdoc needs for correct spacing between sentences. */
static void put_paragraph(const char *text, int n) {
  int begin = 0;
  for (int i = 0; i < n; i++) {
    const int ends = (text[i] == '.' || text[i] == '?') && i + 2 < n && text[i + 1] == ' ' &&
                     isupper((unsigned char)text[i + 2]) && i > 0 &&
                     !isupper((unsigned char)text[i - 1]);
    if (!ends) continue;
    put_line(text + begin, i + 1 - begin);
    begin = i + 2;
  }
  put_line(text + begin, n - begin);
}

static void put_sentence(const char *text) { put_paragraph(text, (int)strlen(text)); }

/* Prints paragraphs as help_text.c does. open: whether a paragraph precedes. */
static void put_paragraphs(const char *text, int open) {
  int verbatim = 0;
  while (*text) {
    const int n = (int)strcspn(text, "\n");
    const int wants = *text == ' ';
    if (verbatim && !wants) puts(".Ed");
    if (wants && !verbatim) puts(".Bd -literal -offset indent -compact");
    if (!wants && n > 0 && open) puts(".Pp");
    if (wants)
      put_text(text + 2, n - 2), putchar('\n');
    else if (n > 0)
      put_paragraph(text, n);
    open = !wants;
    verbatim = wants;
    text += n + (text[n] == '\n');
  }
  if (verbatim) puts(".Ed");
}

/* "Fit a flow ..." as the description of a page: lower case, without the full stop. */
static void put_description(const char *purpose) {
  char text[256];
  snprintf(text, sizeof text, "%s", purpose);
  const size_t n = strlen(text);
  if (n && text[n - 1] == '.') text[n - 1] = '\0';
  text[0] = (char)tolower((unsigned char)text[0]);
  fputs(".Nd ", stdout);
  put_text(text, (int)strlen(text));
  putchar('\n');
}

static void put_item(const cli_option *o) {
  char text[1024];
  fputs(".It ", stdout);
  if (o->name[0] != '-') fputs("Ar ", stdout);
  if (strcmp(o->name, "--out") == 0) fputs("Fl o , ", stdout);
  if (o->name[0] == '-') fputs("Fl ", stdout);
  put_text(o->name + (o->name[0] == '-'), (int)strlen(o->name) - (o->name[0] == '-'));
  if (o->arg) fputs(" Ar ", stdout);
  if (o->arg) put_text(o->arg, (int)strlen(o->arg));
  putchar('\n');
  cli_option_text(o, text, sizeof text);
  put_sentence(text);
}

static void put_options(const cli_verb *verb) {
  int list = 0;
  for (const cli_option *o = verb->options; o->name; o++) {
    if (!o->help) continue;
    if (o->type == CLI_HEADING) {
      if (list) puts(".El");
      printf(".Ss ");
      put_text(o->help, (int)strlen(o->help));
      putchar('\n');
      list = 0;
      continue;
    }
    if (!list) puts(".Bl -tag -width Ds");
    list = 1;
    put_item(o);
  }
  if (list) puts(".El");
}

static void put_examples(const char *examples) {
  puts(".Sh EXAMPLES\n.Bd -literal");
  for (const char *e = examples; *e;) {
    const int n = (int)strcspn(e, "\n");
    put_text(e, n);
    putchar('\n');
    e += n + (e[n] == '\n');
  }
  puts(".Ed");
}

static void put_head(const char *verb) {
  char title[64], *c = title;
  snprintf(title, sizeof title, "clflow%s%s", verb ? "-" : "", verb ? verb : "");
  printf(".Dd %s\n.Dt ", CLF_MANUAL_DATE);
  for (; *c; c++) putchar(toupper((unsigned char)*c));
  printf(" 1\n.Os clflow %s\n.Sh NAME\n.Nm %s\n", clf_version(), title);
}

static void man_verb(const cli_verb *verb) {
  put_head(verb->name);
  put_description(verb->purpose);
  printf(".Sh SYNOPSIS\n.Nm clflow Cm %s\n", verb->name);
  put_sentence(verb->usage);
  puts(".Sh DESCRIPTION");
  put_sentence(verb->purpose);
  if (verb->details) put_paragraphs(verb->details, 1);
  if (verb->options->name) {
    puts(".Sh OPTIONS");
    put_options(verb);
  }
  puts(".Sh EXIT STATUS\n0 on success, 1 on failure, 2 on wrong usage.");
  put_examples(verb->examples);
  puts(".Sh SEE ALSO\n.Xr clflow 1");
}

static void put_topic(const cli_topic *t) {
  const char *name;
  char text[1024];
  printf(".Sh ");
  for (const char *c = t->name; *c; c++) putchar(toupper((unsigned char)*c));
  putchar('\n');
  put_paragraphs(t->text, 0);
  for (int i = 0; t->row && t->row(i, &name, text, sizeof text); i++) {
    if (i == 0) puts(".Bl -tag -width Ds");
    printf(".It Cm ");
    put_text(name, (int)strlen(name));
    putchar('\n');
    put_sentence(text);
  }
  if (t->row) puts(".El");
}

static void man_program(void) {
  put_head(NULL);
  puts(".Nd fit normalizing flows to data; compute densities, samples and maps with them");
  puts(".Sh SYNOPSIS\n.Nm\n.Ar verb\n.Op Ar options\n.Nm\n.Cm help\n.Op Ar verb | topic\n"
       ".Sh DESCRIPTION\nThe verbs, each with a page of its own:\n.Bl -tag -width Ds");
  for (const cli_verb *const *v = cli_verbs; *v; v++) {
    printf(".It Xr clflow-%s 1\n", (*v)->name);
    put_sentence((*v)->purpose);
  }
  puts(".El");
  for (const cli_topic *t = cli_topics; t->name; t++) put_topic(t);
  put_examples(cli_verbs[0]->examples);
}

void cli_man(const cli_verb *verb) {
  if (verb)
    man_verb(verb);
  else
    man_program();
}
