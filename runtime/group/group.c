/* SPDX-License-Identifier: MIT */
/* group.c: barriers, gathers and broadcasts of a group over a transport, with deadlines. An error
 * names a rank, and every later call returns it. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "members.h"

/* ---- Deadlines ----------------------------------------------------------------------------- */

enum { USUAL_SECONDS = 60 };
#define STEPS_WAITED 10    /* of the slowest */
#define COMPILES_WAITED 10 /* before the first step, which may still compile kernels */

static clf_status read_base(double *seconds) {
  const char *text = getenv("CLFLOW_GROUP_DEADLINE");
  char *end;
  *seconds = USUAL_SECONDS;
  if (!text || !*text) return CLF_OK;
  *seconds = strtod(text, &end);
  if (*end == 0 && *seconds > 0 && *seconds <= 1e6) return CLF_OK;
  return clf__fail(CLF_EINVAL,
                   "CLFLOW_GROUP_DEADLINE is \"%.40s\"; it must be a number of seconds above 0 and "
                   "up to 1e6",
                   text);
}

double clf__group_deadline(const clf_group *g) {
  const double seconds =
      g->started ? g->base + STEPS_WAITED * g->slowest : COMPILES_WAITED * g->base;
  return clf__now() + seconds;
}

void clf__group_took(clf_group *g, double seconds) {
  g->started = 1;
  if (seconds > g->slowest) g->slowest = seconds;
}

void clf__group_doing(clf_group *g, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(g->doing, sizeof g->doing, format, args);
  va_end(args);
}

void clf__group_note(clf_group *g, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(g->after, sizeof g->after, format, args);
  va_end(args);
}

/* ---- Members ------------------------------------------------------------------------------- */

int32_t clf_group_rank(const clf_group *g) { return g ? g->t->rank : 0; }
int32_t clf_group_size(const clf_group *g) { return g ? g->t->size : 0; }
int32_t clf_group_local_rank(const clf_group *g) { return g ? g->t->local_rank : 0; }
const char *clf_group_member(const clf_group *g, int32_t rank) {
  return g && rank >= 0 && rank < g->t->size ? g->name[rank] : NULL;
}

void clf_group_free(clf_group *g) {
  if (!g) return;
  g->t->free(g->t);
  free(g->name);
  free(g->scratch);
  free(g);
}

void clf_group_exit(clf_group *g, int code) {
  if (!g) return;
  fflush(NULL);
  g->t->code = code;
  g->t->patience = g->base;
  clf_group_free(g);
}

/* Makes the members' names from their hosts: "rank 3 on node7". */
static clf_status meet(clf_group *g) {
  const size_t size = sizeof g->t->host;
  void *memory = NULL;
  CLF_TRY(clf__group_memory(g, (size_t)g->t->size * size, &memory));
  char *host = memory;
  const clf_status s = clf_group_gather(g, g->t->host, size, host);
  for (int32_t r = 0; r < g->t->size && !s; r++) {
    host[(size_t)(r + 1) * size - 1] = 0;
    snprintf(g->name[r], sizeof *g->name, "rank %d on %s", (int)r, host + (size_t)r * size);
  }
  free(host);
  return s;
}

clf_status clf__group_begin(clf_group *g) {
  if (g->broken) return clf__fail(g->broken, "%s", g->why);
  if (g->met) return CLF_OK;
  g->met = 1;
  return meet(g);
}

static clf_status set_up(clf_group *g) {
  CLF_TRY(read_base(&g->base));
  for (int32_t r = 0; r < g->t->size; r++) snprintf(g->name[r], sizeof *g->name, "rank %d", (int)r);
  clf__group_doing(g, "the start");
  return CLF_OK;
}

clf_status clf_group_wrap(clf_transport *t, clf_group **group) {
  clf_group *g = calloc(1, sizeof *g);
  char(*name)[96] = calloc((size_t)t->size, sizeof *name);
  if (!g || !name) {
    t->free(t);
    free(name);
    free(g);
    return clf__fail(CLF_ENOMEM, "no memory for a group of %d", (int)t->size);
  }
  g->t = t;
  g->name = name;
  const clf_status s = set_up(g);
  if (s)
    clf_group_free(g);
  else
    *group = g;
  return s;
}

/* ---- Exchanges ----------------------------------------------------------------------------- */

/* The message says what failed, or names the peer; this adds which member it is, and in which
 * step. */
static clf_status break_off(clf_group *g, clf_status s) {
  const char *own = g->name[g->t->rank];
  g->broken = s;
  snprintf(g->why, sizeof g->why, "%s, at %s: %s", own, g->doing, clf_errmsg());
  g->t->give_up(g->t, g->why);
  snprintf(g->why, sizeof g->why, "%s, at %s: %s%s", own, g->doing, clf_errmsg(), g->after);
  return clf__fail(s, "%s", g->why);
}

static const char *host_in(const char *name) {
  const char *host = strstr(name, " on ");
  return host ? host : "";
}

/* The message of a transport begins with the rank of a member; its host is added if it differs from
 * this member's. */
static clf_status name_peer(const clf_group *g, clf_status s) {
  char text[512];
  int rank = 0, end = 0;
  snprintf(text, sizeof text, "%s", clf_errmsg());
  if (sscanf(text, "rank %d%n", &rank, &end) != 1 || rank < 0 || rank >= g->t->size) return s;
  if (strcmp(host_in(g->name[rank]), host_in(g->name[g->t->rank])) == 0) return s;
  return clf__fail(s, "%s%s", g->name[rank], text + end);
}

clf_status clf__group_exchange(clf_group *g, int32_t to, const void *out, size_t n_out,
                               int32_t from, void *in, size_t n_in) {
  if (g->broken) return clf__fail(g->broken, "%s", g->why);
  const clf_status s = g->t->exchange(g->t, to, out, n_out, from, in, n_in, clf__group_deadline(g));
  return s ? break_off(g, name_peer(g, s)) : CLF_OK;
}

static clf_status no_memory(size_t bytes) {
  return clf__fail(CLF_ENOMEM, "no memory for %zu bytes that members send each other", bytes);
}

clf_status clf__group_scratch(clf_group *g, size_t bytes, void **at) {
  if (bytes > g->scratch_size) {
    void *more = realloc(g->scratch, bytes);
    if (!more) return break_off(g, no_memory(bytes));
    g->scratch = more;
    g->scratch_size = bytes;
  }
  *at = g->scratch;
  return CLF_OK;
}

clf_status clf__group_memory(clf_group *g, size_t bytes, void **at) {
  if (g->broken) return clf__fail(g->broken, "%s", g->why);
  *at = calloc(1, bytes);
  return *at ? CLF_OK : break_off(g, no_memory(bytes));
}

/* Bruck et al. 1997: after the round with distance d, this rank has the blocks of 2 d ranks,
 * beginning with its own; at the end the blocks are rotated into the order of ranks. */
clf_status clf_group_gather(clf_group *g, const void *in, size_t bytes, void *out) {
  CLF_GIVEN("group, in, out", g, in, out);
  const int32_t P = g->t->size, rank = g->t->rank;
  void *memory = NULL;
  char *to = out;
  if (bytes > PTRDIFF_MAX / (size_t)P)
    return clf__fail(CLF_EINVAL, "%zu bytes of each member are more than memory can hold", bytes);
  CLF_TRY(clf__group_begin(g));
  CLF_TRY(clf__group_scratch(g, (size_t)P * bytes + 1, &memory));
  char *turned = memory;
  memcpy(turned, in, bytes);
  for (int32_t d = 1; d < P; d *= 2) {
    const size_t n = (size_t)(P - d < d ? P - d : d) * bytes;
    CLF_TRY(clf__group_exchange(g, (rank + P - d) % P, turned, n, (rank + d) % P,
                                turned + (size_t)d * bytes, n));
  }
  for (int32_t i = 0; i < P; i++)
    memcpy(to + (size_t)((rank + i) % P) * bytes, turned + (size_t)i * bytes, bytes);
  return CLF_OK;
}

void clf_group_abort(clf_group *g) {
  if (g && g->t->abort) g->t->abort(g->t, NULL);
}

clf_status clf_group_gather_parts(clf_group *g, void *all, const int64_t *first) {
  CLF_GIVEN("group, all, first", g, all, first);
  const int32_t P = g->t->size, rank = g->t->rank;
  char *at = all;
  for (int32_t r = 0; r < P; r++)
    if (first[0] != 0 || first[r + 1] < first[r])
      return clf__fail(CLF_EINVAL, "first[%d] is %lld after %lld; the bytes begin at 0 and ascend",
                       (int)r + 1, (long long)first[r + 1], (long long)first[r]);
  CLF_TRY(clf__group_begin(g));
  for (int32_t d = 1; d < P; d++) {
    const int32_t to = (rank + d) % P, from = (rank + P - d) % P;
    CLF_TRY(clf__group_exchange(g, to, at + first[rank], (size_t)(first[rank + 1] - first[rank]),
                                from, at + first[from], (size_t)(first[from + 1] - first[from])));
  }
  return CLF_OK;
}

clf_status clf_group_barrier(clf_group *g) {
  CLF_GIVEN("group", g);
  char in = 0, out[CLF_GROUP_MOST];
  return clf_group_gather(g, &in, 1, out);
}

/* Broadcasts along a binomial tree: after the round with distance d, 2 d ranks have the data,
 * beginning with the root. */
clf_status clf_group_broadcast(clf_group *g, int32_t root, void *data, size_t bytes) {
  CLF_GIVEN("group, data", g, data);
  const int32_t P = g->t->size;
  if (root < 0 || root >= P)
    return clf__fail(CLF_EINVAL, "root is %d; it must be a rank from 0 to %d", (int)root,
                     (int)P - 1);
  const int32_t place = (g->t->rank + P - root) % P;
  CLF_TRY(clf__group_begin(g));
  for (int32_t d = 1; d < P; d *= 2) {
    const int32_t to = place < d && place + d < P ? (place + d + root) % P : -1;
    const int32_t from = place >= d && place < 2 * d ? (place - d + root) % P : -1;
    if (to >= 0 || from >= 0)
      CLF_TRY(
          clf__group_exchange(g, to, data, to < 0 ? 0 : bytes, from, data, from < 0 ? 0 : bytes));
  }
  return CLF_OK;
}

clf_status clf_group_agree(clf_group *g, clf_status status) {
  typedef struct report {
    int32_t status;
    char text[508];
  } report;
  CLF_GIVEN("group", g);
  report mine = {.status = (int32_t)status};
  if (status) snprintf(mine.text, sizeof mine.text, "%s", clf_errmsg());
  if (g->broken) return clf__fail(status ? status : g->broken, "%s", status ? mine.text : g->why);
  void *memory = NULL;
  CLF_TRY(clf__group_memory(g, (size_t)g->t->size * sizeof(report), &memory));
  const report *all = memory;
  clf_status s = clf_group_gather(g, &mine, sizeof mine, memory);
  for (int32_t r = 0; r < g->t->size && !s; r++) {
    if (!all[r].status) continue;
    s = r == g->t->rank
            ? clf__fail(status, "%s", mine.text)
            : clf__fail((clf_status)all[r].status, "%s: %.507s", g->name[r], all[r].text);
  }
  free(memory);
  return s;
}
