/* SPDX-License-Identifier: MIT */
/* kernel_text.c: the kernel files as one program, or those that one operation needs.
 *
 * Every kernel file (.cl) includes the headers that it uses.  Here `#include` becomes the text of
 * the header where it comes first, and nothing afterwards.  Macros that a kernel file defines end
 * with the file, so each has its own; those of headers stay.  A #line before each piece makes a
 * build log name the file and its line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "opencl.h"
#include "sources.h"

/* ---- The kernels of one operation ------------------------------------------------------------ */

/* Asked of each line before sscanf(), which reads the text up to its end. */
static int begins_with(const char *line, const char *word) {
  return strncmp(line, word, strlen(word)) == 0;
}

int clf__cl_owner(const char *kernel, size_t length) {
  int best = -1;
  size_t longest = 0;
  for (int op = 0; op < CLF_OP_COUNT; op++) {
    const size_t n = strlen(clf_ops[op].name);
    if (n > length || n <= longest || strncmp(kernel, clf_ops[op].name, n) != 0) continue;
    if (n < length && kernel[n] != '_') continue;
    best = op;
    longest = n;
  }
  return best;
}

/* The end of a comment that begins at `at`, or `at`. */
static char *past_comment(char *at) {
  char *end = at[0] == '/' && at[1] == '*' ? strstr(at + 2, "*/") : NULL;
  return end ? end + 2 : at;
}

/* The end of a kernel or of a row of ops.def, behind what closes its first brace or parenthesis. */
static char *end_of(char *at, char opens, char closes) {
  for (int depth = 0; *at;) {
    char *next = past_comment(at);
    if (next != at) {
      at = next;
      continue;
    }
    depth += (*at == opens) - (*at == closes);
    if (*at++ == closes && depth == 0) break;
  }
  return at;
}

/* The lines after what is blanked keep their numbers. */
static void blank(char *at, const char *end) {
  for (; at < end; at++)
    if (*at != '\n') *at = ' ';
}

/* The operation of the kernel that is defined in a line "kernel BY_LANES void name(", else -1. */
static int defined_in(const char *line) {
  char name[64];
  int length = 0;
  if (!begins_with(line, "kernel ")) return -1;
  if (sscanf(line, "kernel %*[A-Z_] void %63[a-z0-9_]%n(", name, &length) != 1 || !length)
    return -1;
  return clf__cl_owner(name, strlen(name));
}

/* Blanks the rows of ops.def whose structs nothing names, which a preprocessor would expand. */
static void drop_rows(char *text) {
  for (char *line = text; line; line = strchr(line, '\n')) {
    char name[56], arguments[64];
    line += *line == '\n';
    if (!begins_with(line, "CLF_OP(")) continue;
    if (sscanf(line, "CLF_OP(%*[a-z0-9_], %55[a-z0-9_],", name) != 1) continue;
    snprintf(arguments, sizeof arguments, "%s_args", name);
    if (!strstr(text, arguments)) blank(line, end_of(line, '(', ')'));
  }
}

/* Whether a kernel file has a kernel of an operation. */
static int has_kernel_of(const char *text, int op) {
  for (const char *line = text; line; line = strchr(line, '\n')) {
    line += *line == '\n';
    if (defined_in(line) == op) return 1;
  }
  return 0;
}

/* Blanks the kernels of all other operations. */
static void keep_only(char *text, int op) {
  for (char *line = text; line; line = strchr(line, '\n')) {
    line += *line == '\n';
    const int owner = defined_in(line);
    if (owner >= 0 && owner != op) blank(line, end_of(line, '{', '}'));
  }
}

/* ---- One program ---------------------------------------------------------------------------- */

/* The text so far, in memory that is large enough for all of it; which sources are part of it. */
typedef struct program {
  char *end;
  char *added;
} program;

static int ends_with(const char *s, const char *end) {
  const size_t n = strlen(s), m = strlen(end);
  return n >= m && strcmp(s + n - m, end) == 0;
}

/* Where the name of a line's included file begins, and its length; NULL for any other line. */
static const char *included(const char *line, size_t *length) {
  static const char word[] = "#include \"";
  if (strncmp(line, word, sizeof word - 1) != 0) return NULL;
  line += sizeof word - 1;
  *length = strcspn(line, "\"\n");
  return line;
}

static int source_named(const char *name, size_t length) {
  int i = 0;
  while (clf__sources[i].name && (strlen(clf__sources[i].name) != length ||
                                  strncmp(clf__sources[i].name, name, length) != 0))
    i++;
  return i;
}

static void add_source(program *p, int i) { // NOLINT(misc-no-recursion): headers include headers
  const clf_source *s = &clf__sources[i];
  int number = 1;
  if (!s->name || p->added[i]) return;
  p->added[i] = 1;
  p->end += sprintf(p->end, "#line 1 \"%s\"\n", s->name);
  for (const char *line = s->text; *line; number++) {
    const size_t size = strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n');
    size_t length;
    const char *name = included(line, &length);
    if (name) {
      add_source(p, source_named(name, length));
      p->end += sprintf(p->end, "#line %d \"%s\"\n", number + 1, s->name);
    } else {
      memcpy(p->end, line, size);
      p->end += size;
    }
    line += size;
  }
  *p->end++ = '\n';
}

/* Ends the macros of a kernel file. */
static void end_macros(program *p, const char *text) {
  for (const char *line = text; line; line = strchr(line, '\n')) {
    char name[64];
    line += *line == '\n';
    if (sscanf(line, "#define %63[A-Za-z0-9_]", name) == 1)
      p->end += sprintf(p->end, "#undef %s\n", name);
  }
}

/* Room for the text, the #line of each piece, and the #undef of each macro, which is shorter than
 * its #define. */
static size_t program_size(int *sources) {
  size_t size = 1;
  int n = 0;
  for (; clf__sources[n].name; n++) {
    const char *line = clf__sources[n].text;
    size += 2 * strlen(line) + 128;
    for (; (line = strstr(line, "#include")); line++) size += 128;
  }
  *sources = n;
  return size;
}

char *clf__cl_program(int op) {
  int count;
  const size_t size = program_size(&count);
  char *text = malloc(size), *added = calloc((size_t)count + 1, 1);
  program p = {text, added};
  for (int i = 0; i < count && text && added; i++) {
    if (!ends_with(clf__sources[i].name, ".cl")) continue;
    if (op >= 0 && !has_kernel_of(clf__sources[i].text, op)) continue;
    add_source(&p, i);
    end_macros(&p, clf__sources[i].text);
  }
  if (text && added)
    *p.end = 0;
  else
    free(text), text = NULL;
  free(added);
  if (text && op >= 0) {
    keep_only(text, op);
    drop_rows(text);
  }
  return text;
}
