/* SPDX-License-Identifier: MIT */
/* scale.c: times messages between ranks, for the model of docs/scale.md.
 *   mpirun -n P clflow-scale NAME      prints a JSON object (rank 0)
 * "exchange": seconds in which two ranks send each other `bytes` bytes; "sum": seconds in which all
 * ranks add a gradient of `bytes` bytes, as each step of a training does.  Both are the minimum of
 * many times, since other work on the machine only adds to them. */
#define _POSIX_C_SOURCE 200809L
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/clflow.h"
#include "clock.h"
#include "members.h"

enum { MAX_BYTES = 1 << 25 };
#define SECONDS 1.0 /* for each size */

static clf_status exchange(clf_group *g, size_t bytes, void *a, void *b) {
  const int32_t rank = clf_group_rank(g), peer = 1 - rank;
  return rank > 1 ? CLF_OK : clf__group_exchange(g, peer, a, bytes, peer, b, bytes);
}

static clf_status sum(clf_group *g, size_t bytes, void *a, void *b) {
  const int32_t P = clf_group_size(g);
  int32_t first[65], grains = 1;
  void *root[1] = {a};
  (void)b;
  while (grains < P) grains *= 2;
  for (int32_t r = 0; r <= P; r++) first[r] = r * grains / P;
  const clf__split s = {.rows = grains, .grains = grains, .first = first};
  return clf__group_sum(g, &s, bytes / sizeof(float), 32, root, a);
}

typedef clf_status (*call)(clf_group *g, size_t bytes, void *a, void *b);

/* The minimum of up to TAKES times, within SECONDS by the clock of rank 0. */
static double shortest(clf_group *g, call f, size_t bytes, void *a, void *b) {
  enum { TAKES = 1000 };
  const double began = clf__now();
  double minimum = INFINITY;
  int32_t n = 0, more = 1;
  while (more) {
    if (clf_group_barrier(g) != CLF_OK) return -1;
    const double t = clf__now();
    if (f(g, bytes, a, b) != CLF_OK) return -1;
    minimum = fmin(minimum, clf__now() - t);
    n++;
    more = n < TAKES && (n < 5 || clf__now() - began < SECONDS);
    if (clf_group_broadcast(g, 0, &more, sizeof more) != CLF_OK) return -1;
  }
  return minimum;
}

static int measure(clf_group *g, const char *what, call f, json_t *to, void *a, void *b) {
  json_t *list = json_array();
  for (size_t bytes = 64; bytes <= MAX_BYTES; bytes *= 8) {
    memset(a, 0, bytes);
    const double seconds = shortest(g, f, bytes, a, b);
    if (seconds < 0) return 1;
    json_array_append_new(list, json_pack("[I, f]", (json_int_t)bytes, seconds));
  }
  return json_object_set_new(to, what, list);
}

int main(int argc, char **argv) {
  clf_group *g;
  void *a = malloc(MAX_BYTES), *b = malloc(MAX_BYTES);
  if (!a || !b || clf_group_mpi(&g) != CLF_OK) {
    fprintf(stderr, "clflow-scale: %s\n", clf_errmsg());
    return 1;
  }
  json_t *all =
      json_pack("{s:s, s:i}", "name", argc > 1 ? argv[1] : "", "ranks", (int)clf_group_size(g));
  int code = clf_group_size(g) > 64 || clf_group_barrier(g) != CLF_OK;
  if (!code) code = measure(g, "exchange", exchange, all, a, b);
  if (!code) code = measure(g, "sum", sum, all, a, b);
  if (code) fprintf(stderr, "clflow-scale: %s\n", clf_errmsg());
  if (!code && clf_group_rank(g) == 0) {
    json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(4));
    putchar('\n');
  }
  json_decref(all);
  free(a);
  free(b);
  clf_group_free(g);
  return code;
}
