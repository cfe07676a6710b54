/* SPDX-License-Identifier: MIT */
/* ranks.c: several processes that work on one command. */
#define _POSIX_C_SOURCE 200809L
#include "ranks.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"

static clf_group *group;
static int32_t on_host = 1;
static int
    ended; /* 1: a rank failed during the preparation, or the ranks do no further common work */
static int running; /* 1: the preparation is over */
static int divides; /* 1: rows are divided among ranks */

clf_group *cli_ranks(void) { return group; }
int32_t cli_ranks_own(void) { return group ? clf_group_rank(group) : 0; }
int32_t cli_ranks_size(void) { return group ? clf_group_size(group) : 1; }
int32_t cli_ranks_on_host(void) { return on_host; }

/* The host part of the name "rank 3 on node7". */
static const char *host_of(int32_t rank) {
  const char *const host = strstr(clf_group_member(group, rank), " on ");
  return host ? host : "";
}

static int meet(void) {
  const int32_t rank = clf_group_rank(group), size = clf_group_size(group);
  if (clf_group_barrier(group) != CLF_OK) return cli_fail_library();
  on_host = 0;
  for (int32_t r = 0; r < size; r++) on_host += strcmp(host_of(r), host_of(rank)) == 0;
  if (rank == 0) return CLI_OK;
  cli_mute(clf_group_member(group, rank));
  return freopen("/dev/null", "w", stdout) ? CLI_OK : cli_fail("/dev/null cannot be opened");
}

/* Divides the cores among those ranks of a host that are allowed to run on all of them. */
static void divide_cores(void) {
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  const int share = (int)(cores / on_host) > 0 ? (int)(cores / on_host) : 1;
  if (on_host > 1 && !getenv("CLFLOW_THREADS") && clf_threads() > share) clf_set_threads(share);
}

int cli_ranks_begin(int ask) {
  const int32_t launched = clf_group_launched();
  if (!ask && launched < 2) return CLI_OK;
  if (clf_group_mpi(&group) != CLF_OK) return cli_fail_library();
  const int code = meet();
  if (!code) divide_cores();
  return code;
}

int cli_ranks_agree(int code) {
  if (!group || ended) return code;
  int32_t *const all = malloc((size_t)clf_group_size(group) * sizeof *all), mine = code;
  if (!all) return cli_fail("out of memory for the codes of %d ranks", (int)clf_group_size(group));
  const clf_status s = clf_group_gather(group, &mine, sizeof mine, all);
  for (int32_t r = 0; r < clf_group_size(group) && !s; r++) ended |= all[r] != 0;
  const int first = !s && all[0];
  free(all);
  if (s || ended) cli_release_errors(!first);
  if (s) return cli_fail_library();
  return code ? code : ended ? CLI_FAILED : CLI_OK;
}

int cli_ranks_open(int code, int (*open)(void *context), void *context) {
  const int first = !group || clf_group_local_rank(group) == 0;
  code = cli_ranks_agree(code);
  if (!code && first) code = open(context);
  code = cli_ranks_agree(code);
  return code || first ? code : open(context);
}

int64_t cli_rows_begin(int64_t n, int64_t chunk, int64_t rank, int64_t size) {
  const int64_t row = (n + chunk - 1) / chunk * rank / size * chunk;
  return row < n ? row : n;
}

void cli_ranks_range(int64_t n, int64_t chunk, int64_t *first, int64_t *end) {
  const int64_t size = divides ? cli_ranks_size() : 1, own = divides ? cli_ranks_own() : 0;
  *first = cli_rows_begin(n, chunk, own, size);
  *end = cli_rows_begin(n, chunk, own + 1, size);
}

int cli_ranks_join(int code, void *rows, int64_t n, int64_t chunk, size_t bytes) {
  const int64_t size = divides ? cli_ranks_size() : 1;
  if (size < 2) return code;
  code = cli_ranks_agree(code);
  for (int64_t r = 0; r < size && !code; r++) {
    const int64_t at = cli_rows_begin(n, chunk, r, size);
    const int64_t m = cli_rows_begin(n, chunk, r + 1, size) - at;
    if (m && clf_group_broadcast(group, (int32_t)r, (char *)rows + (size_t)at * bytes,
                                 (size_t)m * bytes) != CLF_OK)
      code = cli_fail_library();
  }
  return code;
}

void cli_ranks_divide(void) { divides = 1; }
int cli_ranks_divided(void) { return divides && cli_ranks_size() > 1; }

void cli_ranks_finish(void) {
  if (group) cli_release_errors(0);
  divides = 0;
  ended = 1;
}

void cli_ranks_run(void) {
  if (group) cli_release_errors(0);
  running = 1;
}

int cli_ranks_end(int code) {
  if (!group) return code;
  if (!running) code = cli_ranks_agree(code);
  if (code && !ended && clf_group_barrier(group) != CLF_OK) clf_group_abort(group);
  clf_group_exit(group, code);
  group = NULL;
  return code;
}
