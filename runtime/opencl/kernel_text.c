/* SPDX-License-Identifier: MIT */
/* kernel_text.c: the kernel files as one text, and what of it one operation needs.
 *
 * A #line before each file makes a build log name the .cl file and its line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "opencl.h"
#include "sources.h"

char *clf__cl_program(void) {
  size_t size = 1;
  for (const clf_source *s = clf__sources; s->name; s++) size += strlen(s->text) + 128;
  char *text = malloc(size), *end = text;
  if (!text) return NULL;
  for (const clf_source *s = clf__sources; s->name; s++)
    end += sprintf(end, "#line 1 \"%s\"\n%s\n", s->name, s->text);
  return text;
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

/* The end of a kernel, behind the brace that closes its body. */
static char *end_of_kernel(char *at) {
  for (int depth = 0; *at;) {
    char *next = past_comment(at);
    if (next != at) {
      at = next;
      continue;
    }
    depth += (*at == '{') - (*at == '}');
    if (*at++ == '}' && depth == 0) break;
  }
  return at;
}

/* Blanks a kernel; the lines around it keep their numbers. */
static void drop_kernel(char *line) {
  for (char *end = end_of_kernel(line); line < end; line++)
    if (*line != '\n') *line = ' ';
}

/* The operation of the kernel that is defined in a line "kernel BY_LANES void name(", else -1. */
static int defined_in(const char *line) {
  char name[64];
  int length = 0;
  if (sscanf(line, "kernel %*[A-Z_] void %63[a-z0-9_]%n(", name, &length) != 1 || !length)
    return -1;
  return clf__cl_owner(name, strlen(name));
}

void clf__cl_keep_only(char *text, int op) {
  for (char *line = text; line; line = strchr(line, '\n')) {
    line += *line == '\n';
    const int owner = defined_in(line);
    if (owner >= 0 && owner != op) drop_kernel(line);
  }
}
