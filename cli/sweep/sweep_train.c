/* SPDX-License-Identifier: MIT */
/* sweep_train.c: divides the trainings of a sweep among devices. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "ranks.h"
#include "sweep.h"
#include "train.h"

/* ---- Workers ------------------------------------------------------------------------------- */

/* A device of this process; it trains one member after another. */
typedef struct worker {
  const char *device;
  int32_t member; /* -1: none */
  pid_t pid;
} worker;

/* Collects trainings that ended. Returns 1 if there was at least one. */
static int collect(worker *all, int workers, cli_members *s) {
  int any = 0;
  for (worker *w = all; w < all + workers; w++) {
    if (w->member < 0 || !cli_sweep_ended(w->member, &s->at[w->member], w->pid)) continue;
    if (s->at[w->member].state == CLI_MEMBER_FAILED)
      cli_say("training %03d failed: %s", (int)w->member, s->at[w->member].why);
    w->member = -1;
    any = 1;
  }
  return any;
}

static int hand_out(worker *all, int workers, cli_members *s) {
  int32_t next = 0;
  for (worker *w = all; w < all + workers && !cli_stop_wanted; w++) {
    if (w->member >= 0) continue;
    while (next < s->count && s->at[next].state != CLI_MEMBER_WAITING) next++;
    if (next == s->count) return CLI_OK;
    const int code = cli_sweep_start(next, &s->at[next], w->device, workers, &w->pid);
    if (code) return code;
    w->member = next;
  }
  return CLI_OK;
}

static void ask_to_stop(const worker *all, int workers) {
  for (const worker *w = all; w < all + workers; w++)
    if (w->member >= 0) kill(w->pid, SIGINT);
}

static int is_idle(const worker *all, int workers) {
  for (const worker *w = all; w < all + workers; w++)
    if (w->member >= 0) return 0;
  return 1;
}

static int run_workers(worker *all, int workers, cli_members *s) {
  static const struct timespec tick = {0, 20000000};
  int asked = 0, code = hand_out(all, workers, s);
  while (!is_idle(all, workers)) {
    if ((cli_stop_wanted || code) && !asked++) ask_to_stop(all, workers);
    nanosleep(&tick, NULL);
    const int any = collect(all, workers, s);
    if (any && !code) code = cli_sweep_write(s);
    if (any && !code && !asked) code = hand_out(all, workers, s);
    cli_sweep_show(s, any);
  }
  cli_progress_clear();
  return code;
}

static int train_here(cli_members *s) {
  static worker all[CLI_TEXTS_MOST];
  const cli_texts *const devices = &cli_sweep_wanted.devices;
  const int workers = devices->count ? devices->count : 1;
  for (int i = 0; i < workers; i++)
    all[i] = (worker){devices->count ? devices->at[i] : cli_device_name(), -1, 0};
  return run_workers(all, workers, s);
}

int cli_sweep_train(cli_members *s) {
  cli_signals_ask();
  int code = cli_ranks_own() ? CLI_OK : cli_sweep_write(s);
  if (!code) code = cli_ranks_size() > 1 ? cli_sweep_train_ranks(s) : train_here(s);
  cli_signals_begin();
  const int done = cli_sweep_count(s, CLI_MEMBER_DONE) + cli_sweep_count(s, CLI_MEMBER_FAILED);
  if (!code && done < s->count)
    return cli_fail(
        "stopped with %d of %d trainings done; the same command with --resume continues",
        cli_sweep_count(s, CLI_MEMBER_DONE), (int)s->count);
  return code;
}
