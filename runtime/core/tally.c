/* SPDX-License-Identifier: MIT */
/* tally.c: the tables of check: and trace:. */
#include "tally.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void clf__tally_check(struct clf__tally *t, clf_op op, const void *args, double part) {
  clf__tally_row *r = &t->row[op];
  if (r->calls == 0 || part > r->amount) {
    r->amount = part;
    clf__call_str(op, args, r->at, sizeof r->at);
  }
  r->calls++;
  t->disagree += !(part <= 1);
}

void clf__tally_trace(struct clf__tally *t, int row, double seconds) {
  t->row[row].calls++;
  t->row[row].amount += seconds;
}

void clf__tally_free(struct clf__tally *t) {
  if (t) free(t->text);
  free(t);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

static const char *name_of(int row) {
  return row == CLF_TALLY_WRITES  ? "writes to the device"
         : row == CLF_TALLY_READS ? "reads from it"
                                  : clf_ops[row].name;
}

/* Sorts the rows that have calls, the largest amount first; returns their number. */
static int sort(const struct clf__tally *t, int order[CLF_TALLY_ROWS]) {
  int count = 0;
  for (int i = 0; i < CLF_TALLY_ROWS; i++) {
    if (!t->row[i].calls) continue;
    int k = count++;
    for (; k > 0 && t->row[order[k - 1]].amount < t->row[i].amount; k--) order[k] = order[k - 1];
    order[k] = i;
  }
  return count;
}

enum { LINE = 400 };

static char *begin(struct clf__tally *t, int lines) {
  free(t->text);
  t->text = malloc((size_t)lines * LINE);
  if (t->text) *t->text = '\0';
  return t->text;
}

static void add(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(char *text, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  vsnprintf(text + strlen(text), LINE, format, ap);
  va_end(ap);
}

const char *clf__tally_checked(struct clf__tally *t) {
  int order[CLF_TALLY_ROWS];
  long calls = 0;
  const int count = sort(t, order);
  char *text = begin(t, count + 2);
  if (!text || !count) return text;
  add(text, "check: %-24s %9s %11s  %s\n", "operation", "calls", "difference",
      "of its tolerance at most, in the call");
  for (int i = 0; i < count; i++) {
    const clf__tally_row *r = &t->row[order[i]];
    calls += r->calls;
    add(text, "check: %-24s %9ld %11.3g  %s\n", name_of(order[i]), r->calls, r->amount, r->at);
  }
  if (t->disagree)
    add(text, "check: %ld of %ld calls of %d operations do not agree with cpu64\n", t->disagree,
        calls, count);
  else
    add(text, "check: all %ld calls of %d operations agree with cpu64\n", calls, count);
  return text;
}

const char *clf__tally_traced(struct clf__tally *t) {
  int order[CLF_TALLY_ROWS];
  long calls = 0;
  double all = 0;
  const int count = sort(t, order);
  char *text = begin(t, count + 2);
  if (!text || !count) return text;
  for (int i = 0; i < count; i++) {
    calls += t->row[order[i]].calls;
    all += t->row[order[i]].amount;
  }
  add(text, "trace: %-24s %9s %13s %7s\n", "operation", "calls", "ms", "share");
  for (int i = 0; i < count; i++) {
    const clf__tally_row *r = &t->row[order[i]];
    add(text, "trace: %-24s %9ld %13.3f %6.1f%%\n", name_of(order[i]), r->calls, 1e3 * r->amount,
        all > 0 ? 100 * r->amount / all : 0);
  }
  add(text, "trace: %-24s %9ld %13.3f\n", "in all", calls, 1e3 * all);
  return text;
}
