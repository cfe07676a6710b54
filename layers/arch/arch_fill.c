/* SPDX-License-Identifier: MIT */
/* arch_fill.c: replaces variables in text, as in macros and presets, by values. */
#include <ctype.h>
#include <string.h>
#include "arch_private.h"

size_t clf__name_length(const char *p) {
  size_t n = 0;
  if (!isalpha((unsigned char)*p) && *p != '_') return 0;
  while (isalnum((unsigned char)p[n]) || p[n] == '_' ||
         (p[n] == '-' && isalpha((unsigned char)p[n + 1])))
    n++;
  return n;
}

size_t clf__argument_length(const char *p) {
  size_t n = 0;
  int depth = 0;
  for (; p[n]; n++) {
    if (depth == 0 && (p[n] == ',' || p[n] == ')')) break;
    depth += (p[n] == '(') - (p[n] == ')');
  }
  return n;
}

static size_t blanks(const char *p) { return strspn(p, " \t\r\n"); }

int clf__parameters_read(const char *p, clf__parameter *to, int room) {
  int n = 0;
  for (p += blanks(p); *p; n++) {
    if (n == room) return -1;
    to[n] = (clf__parameter){.name = p, .name_n = clf__name_length(p)};
    p += to[n].name_n;
    p += blanks(p);
    if (!to[n].name_n || *p++ != '=') return -1;
    p += blanks(p);
    to[n].value = p;
    p += clf__argument_length(p);
    to[n].value_n = (size_t)(p - to[n].value);
    while (to[n].value_n && blanks(&to[n].value[to[n].value_n - 1])) to[n].value_n--;
    if (!to[n].value_n || *p == ')') return -1;
    if (*p != ',') continue;
    p++;
    p += blanks(p);
    if (!*p) return -1;
  }
  return n;
}

clf__parameter *clf__parameters_find(clf__parameter *all, int n, const char *name, size_t length) {
  for (int i = 0; i < n; i++)
    if (all[i].name_n == length && strncmp(all[i].name, name, length) == 0) return &all[i];
  return NULL;
}

void clf__parameters_fill(clf__out *o, const char *text, clf__parameter *all, int n) {
  while (*text) {
    const size_t plain = strcspn(text, "$");
    clf__out_bytes(o, text, plain);
    text += plain;
    if (!*text) return;
    const int braces = text[1] == '{';
    const char *const name = text + 1 + braces;
    const size_t length = clf__name_length(name);
    const clf__parameter *const p = clf__parameters_find(all, n, name, length);
    if (p && (!braces || name[length] == '}')) {
      clf__out_bytes(o, p->value, p->value_n);
      text = name + length + braces;
    } else {
      clf__out_bytes(o, text++, 1); /* an unknown name: the reader sees the text unchanged */
    }
  }
}
