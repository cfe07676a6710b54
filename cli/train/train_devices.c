/* SPDX-License-Identifier: MIT */
/* train_devices.c: `clflow train --devices`: one thread for each device except the first one.
 * They train one model together with the main thread, and only the main thread prints and
 * writes. */
#define _POSIX_C_SOURCE 200809L
#include "train.h"
#include "member_threads.h"
#include "ranks.h"
#include <stdlib.h>
#include <string.h>

static struct {
  clf_group *g; /* owned by rank 0; NULL: one device only */
  void *model;  /* with which each other member begins */
  size_t model_size;
  double *shares; /* or NULL */
  cli_member_threads threads;
} all;

/* ---- What is asked for ----------------------------------------------------------------------- */

/* The number of devices or ranks that train together; 0: one device only. */
static int members(void) { return cli_ranks() ? (int)cli_ranks_size() : cli_wanted.devices.count; }

/* "3:1" */
static int read_shares(void) {
  const char *at = cli_wanted.share;
  const int n = members();
  int found = 0;
  if (!at) return CLI_OK;
  all.shares = calloc((size_t)n, sizeof *all.shares);
  if (!all.shares) return cli_fail("out of memory for the shares of %d devices", n);
  for (; found < n; found++) {
    char *end;
    all.shares[found] = strtod(at, &end);
    if (end == at || !(all.shares[found] >= 0) || all.shares[found] > 1e6) break;
    at = end;
    if (*at != ':') {
      found++;
      break;
    }
    at++;
  }
  if (found == n && !*at) return CLI_OK;
  return cli_usage("--share \"%s\" must have a number from 0 to 1e6 for each of %d members, as "
                   "\"3:1\"",
                   cli_wanted.share, n);
}

int cli_devices_check(void) {
  const int n = cli_wanted.devices.count;
  if (members() < 2 && !n && cli_wanted.share)
    return cli_usage("--share needs --devices or several ranks");
  if (!n) return read_shares();
  if (cli_common.device && cli_train_given("--device"))
    return cli_usage("--device and --devices exclude each other");
  if (cli_wanted.folds) return cli_usage("--folds and --devices exclude each other");
  if (n > CLF_GROUP_THREADS)
    return cli_usage("--devices has %d devices; it may have %d", n, CLF_GROUP_THREADS);
  cli_common.device = cli_wanted.devices.at[0];
  return read_shares();
}

int cli_devices_set_grains(clf_train_options *o) {
  char text[16];
  const int n = members();
  if (n < 1 || cli_train_given("--grains")) return CLI_OK;
  if (cli_wanted.resume) return CLI_OK; /* the file contains the number */
  snprintf(text, sizeof text, "%d", (int)clf_train_grains_for(n));
  return clf_train_options_set(o, "grains", text) == CLF_OK ? CLI_OK : cli_fail_library();
}

int cli_devices_keep(const cli_session *s) {
  if (cli_wanted.devices.count < 2) return CLI_OK;
  return clf_flow_save_memory(s->flow, &all.model, &all.model_size) == CLF_OK ? CLI_OK
                                                                              : cli_fail_library();
}

/* ---- The others ----------------------------------------------------------------------------- */

static clf_status make(clf_flow *flow, clf_group *g, void **own) {
  clf_trainer *t;
  CLF_TRY(cli_train_create(flow, &t));
  *own = t;
  if (cli_wanted.resume) CLF_TRY(clf_trainer_resume(t, cli_wanted.out));
  return clf_trainer_set_group(t, g, all.shares);
}

/* Trains like the main thread until the main thread stops. */
static void train(clf_flow *flow, clf_group *g, void *own) {
  int32_t stop = 0;
  (void)flow;
  while (!stop && clf_trainer_run(own, NULL, NULL) == CLF_ESTOPPED)
    if (clf_group_broadcast(g, 0, &stop, sizeof stop) != CLF_OK) stop = 1;
}

static void unmake(void *own) { clf_trainer_free(own); }

/* ---- The main thread ------------------------------------------------------------------------ */

static void say_twice(void) {
  for (int i = 0; i < cli_wanted.devices.count; i++)
    for (int k = 0; k < i; k++)
      if (strcmp(cli_wanted.devices.at[i], cli_wanted.devices.at[k]) == 0) {
        cli_say("%s is in --devices twice: its members share it", cli_wanted.devices.at[i]);
        return;
      }
}

/* Reports what was done and how one device gives the same result. */
static void say_grains(const clf_trainer *t) {
  const int grains = (int)clf_trainer_grains(t);
  cli_say("%d %s share %d grains of each batch; for the same bits on one device: %s --device %s "
          "--grains %d",
          members(), cli_ranks() ? "ranks" : "devices", grains, cli_train_command(),
          cli_device_name(), grains);
  if (members() > grains)
    cli_say("%s without work: %d of %d, since the training began with %d grains",
            cli_ranks() ? "ranks" : "devices", members() - grains, members(), grains);
}

static int join_group(cli_training *t, clf_group *g) {
  clf_status s = clf_trainer_set_group(t->trainer, g, all.shares);
  s = clf_group_agree(g, s);
  if (s != CLF_OK) return cli_fail_library();
  if (!cli_is_mute()) say_grains(t->trainer);
  return CLI_OK;
}

/* Each rank is a member with the device that it opened. */
static int join_ranks(cli_training *t) {
  t->group = cli_ranks();
  const int code = cli_train_ranks_say(clf_flow_device(t->flow));
  return code ? code : join_group(t, t->group);
}

int cli_devices_start(cli_training *t) {
  static const cli_member_work work = {.make = make, .run = train, .unmake = unmake};
  const char *failed;
  if (cli_ranks()) return join_ranks(t);
  if (cli_wanted.devices.count < 2) return CLI_OK;
  all.threads.work = &work;
  all.threads.model = all.model;
  all.threads.size = all.model_size;
  if (cli_member_threads_start(&all.threads, &cli_wanted.devices, &all.g, &failed) != CLF_OK)
    return cli_fail_library();
  t->group = all.g;
  say_twice();
  if (failed) return cli_fail("no thread could be started for %s", failed);
  return join_group(t, all.g);
}

void cli_devices_end(void) {
  /* Members that still wait for this one get an error and end. */
  clf_group_free(all.g);
  cli_member_threads_join(&all.threads);
  free(all.model);
  free(all.shares);
}
