/* SPDX-License-Identifier: MIT */
/* tables.c: constants as C text. */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "writer.h"

/* ---- Numbers --------------------------------------------------------------------------------- */

static void write_digits(char *text, size_t size, int digits, double v) {
  snprintf(text, size, "%.*g", digits, v);
  const char *point = localeconv()->decimal_point;
  char *at = strstr(text, point);
  if (!at || strcmp(point, ".") == 0) return;
  *at = '.';
  memmove(at + 1, at + strlen(point), strlen(at + strlen(point)) + 1);
}

/* The fewest digits that read as the same number: at most 17, for a float 9. */
void clf__write_number(const clf__writer *w, clf__out *to, double v) {
  char text[40];
  const int maximum = w->single ? 9 : 17;
  if (w->single) v = (double)(float)v;
  if (!isfinite(v)) {
    clf__out_text(to, isnan(v) ? "NAN" : v > 0 ? "INFINITY" : "-INFINITY");
    return;
  }
  for (int digits = 1; digits <= maximum; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, v);
    const double back = strtod(text, NULL); /* in the locale that wrote it */
    if (w->single ? (float)back == (float)v : back == v) {
      write_digits(text, sizeof text, digits, v);
      break;
    }
  }
  if (w->single && strpbrk(text, ".e")) strcat(text, "f");
  clf__out_text(to, text);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

static int find(const clf__writer *w, const double *v, int64_t n, int ints) {
  for (int i = 0; i < w->tables; i++)
    if (w->table[i].ints == ints && w->table[i].n == n &&
        memcmp(w->table[i].at, v, (size_t)n * sizeof *v) == 0)
      return i;
  return -1;
}

static clf_status keep(clf__writer *w, const double *v, int64_t n, int ints) {
  if (w->tables == w->table_room) {
    const int room = 2 * w->table_room + 64;
    clf__table *more = realloc(w->table, (size_t)room * sizeof *more);
    if (!more) return clf__fail(CLF_ENOMEM, "no memory for %d tables of constants", room);
    w->table = more;
    w->table_room = room;
  }
  double *copy = malloc((size_t)n * sizeof *copy + 1);
  if (!copy) return clf__fail(CLF_ENOMEM, "no memory for a table of constants");
  memcpy(copy, v, (size_t)n * sizeof *copy);
  clf__table *const t = &w->table[w->tables++];
  t->ints = ints;
  t->n = n;
  t->at = copy;
  return CLF_OK;
}

static void write_elements(clf__writer *w, const double *v, int64_t n, int ints) {
  clf__out *o = &w->constants;
  size_t line = o->n;
  for (int64_t i = 0; i < n; i++) {
    const int begins = o->n - line > 90;
    clf__out_text(o, i == 0 ? "" : begins ? ",\n  " : ", ");
    if (begins) line = o->n;
    if (ints)
      clf__out_int(o, (int64_t)v[i]);
    else
      clf__write_number(w, o, v[i]);
  }
}

clf_status clf__write_table(clf__writer *w, const double *v, int64_t n, int ints, int *index) {
  char text[96];
  *index = find(w, v, n, ints);
  if (*index >= 0) return CLF_OK;
  *index = w->tables;
  CLF_TRY(keep(w, v, n, ints));
  snprintf(text, sizeof text, "static const %s t%d[%lld] = {\n  ", ints ? "int" : "real", *index,
           (long long)n);
  clf__out_text(&w->constants, text);
  write_elements(w, v, n, ints);
  clf__out_text(&w->constants, "};\n");
  return CLF_OK;
}

/* ---- Structs --------------------------------------------------------------------------------- */

clf_status clf__write_struct(clf__writer *w, const char *type, const char *text, int *index) {
  clf__out line = {0};
  clf__out_text(&line, type);
  clf__out_text(&line, " = {");
  clf__out_text(&line, text);
  clf__out_text(&line, "};\n");
  if (line.failed) return clf__fail(CLF_ENOMEM, "no memory for a constant");
  const char *at = w->structs.s;
  for (*index = 0; at && *at; ++*index, at = strchr(at, '\n') + 1)
    if (strncmp(at, line.s, line.n) == 0) break;
  if (!at || !*at) {
    char name[64];
    snprintf(name, sizeof name, "static const %s p%d = {", type, *index);
    clf__out_text(&w->structs, line.s);
    clf__out_text(&w->constants, name);
    clf__out_text(&w->constants, text);
    clf__out_text(&w->constants, "};\n");
    w->struct_count++;
  }
  free(line.s);
  return CLF_OK;
}

void clf__writer_free(clf__writer *w) {
  for (int i = 0; i < w->tables; i++) free(w->table[i].at);
  free(w->table);
  free(w->body.s);
  free(w->constants.s);
  free(w->structs.s);
  *w = (clf__writer){0};
}
