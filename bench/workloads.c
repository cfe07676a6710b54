/* SPDX-License-Identifier: MIT */
/* workloads.c: selects the workloads that are run. */
#define _POSIX_C_SOURCE 200809L
#include "bench.h"
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

const char *bench_group_name(bench_group group) {
  static const char *const names[] = {"op", "step", "density", "sample", "start"};
  return names[group];
}

/* Copies the first glob of a comma-separated list and returns the start of the next one; NULL
 * after the last. */
static const char *next_glob(const char *at, char *glob, size_t size) {
  const size_t n = strcspn(at, ",");
  snprintf(glob, size, "%.*s", (int)n, at);
  return at[n] ? at + n + 1 : NULL;
}

/* A workload whose full name is given is selected at any level. */
static int is_wanted(const bench_workload *w, const char *globs, bench_level level) {
  char glob[128];
  while (globs) {
    globs = next_glob(globs, glob, sizeof glob);
    if (strcmp(glob, w->name) == 0) return 1;
    if (fnmatch(glob, w->name, 0) == 0 && w->level <= level) return 1;
  }
  return 0;
}

static int count_of(const bench_workload *table, const char *globs, bench_level level) {
  int count = 0;
  for (const bench_workload *w = table; w->name; w++) count += is_wanted(w, globs, level);
  return count;
}

/* A glob that matches nothing is an error. */
static clf_status check_globs(const char *option, const char *globs, bench_level level,
                              const bench_workload *a, const bench_workload *b) {
  char glob[128];
  while (globs) {
    globs = next_glob(globs, glob, sizeof glob);
    if (count_of(a, glob, level) + (b ? count_of(b, glob, level) : 0)) continue;
    if (count_of(a, glob, BENCH_FULL) + (b ? count_of(b, glob, BENCH_FULL) : 0))
      return bench_fail(CLF_EINVAL,
                        "%s %s: what this names takes long; --full, or a name in full, takes it",
                        option, glob);
    return bench_fail(CLF_EINVAL, "%s %s: there is no such workload; `clflow bench --list` has all",
                      option, glob);
  }
  return CLF_OK;
}

static void append(const bench_workload *table, const char *globs, bench_level level,
                   const bench_workload **list, int *count) {
  for (const bench_workload *w = table; w->name; w++)
    if (is_wanted(w, globs, level)) list[(*count)++] = w;
}

clf_status bench_choose(const bench_choice *c, const bench_workload ***list, int *count) {
  const int all = !c->ops && !c->steps;
  const char *ops = all ? "*" : c->ops, *steps = all ? "*" : c->steps;
  CLF_TRY(check_globs("--ops", ops, c->level, bench_ops, NULL));
  CLF_TRY(check_globs("--flows", steps, c->level, bench_steps, bench_starts));
  const int maximum = count_of(bench_ops, "*", BENCH_FULL) +
                      count_of(bench_steps, "*", BENCH_FULL) +
                      count_of(bench_starts, "*", BENCH_FULL);
  *count = 0;
  *list = calloc((size_t)maximum, sizeof **list);
  if (!*list) return bench_fail(CLF_ENOMEM, "no memory for a list of %d workloads", maximum);
  append(bench_ops, ops, c->level, *list, count);
  append(bench_steps, steps, c->level, *list, count);
  append(bench_starts, steps, c->level, *list, count);
  return CLF_OK;
}
