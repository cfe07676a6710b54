/* SPDX-License-Identifier: MIT */
/* train_devices.c: `clflow train --devices`: one thread for each device except the first one.
 * They train one model together with the main thread, and only the main thread prints and
 * writes. */
#define _POSIX_C_SOURCE 200809L
#include "train.h"
#include "ranks.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A group member other than rank 0. */
typedef struct helper {
  clf_group *g;
  const char *device;
  pthread_t thread;
  int started;
} helper;

static struct {
  int32_t size; /* 0: one device only */
  clf_group *g; /* owned by rank 0 */
  helper *others;
  void *model; /* the model with which each helper begins */
  size_t model_size;
  double *shares; /* or NULL */
} all;

/* ---- What is asked for -------------------------------------------------------------------------
 */

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
    return cli_usage("--share divides the work of --devices, or of ranks");
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

static clf_status make(const helper *h, clf_device **dev, clf_flow **flow, clf_trainer **t) {
  CLF_TRY(clf_open(h->device, dev));
  CLF_TRY(clf_flow_load_memory(*dev, all.model, all.model_size, NULL, flow));
  CLF_TRY(cli_train_create(*flow, t));
  return cli_wanted.resume ? clf_trainer_resume(*t, cli_wanted.out) : CLF_OK;
}

/* Trains like the main thread until the main thread stops. */
static void train(const helper *h, clf_trainer *t) {
  int32_t stop = 0;
  while (!stop && clf_trainer_run(t, NULL, NULL) == CLF_ESTOPPED)
    if (clf_group_broadcast(h->g, 0, &stop, sizeof stop) != CLF_OK) stop = 1;
}

static void *help(void *context) {
  const helper *h = context;
  clf_device *dev = NULL;
  clf_flow *flow = NULL;
  clf_trainer *t = NULL;
  clf_status s = make(h, &dev, &flow, &t);
  if (!s) s = clf_trainer_set_group(t, h->g, all.shares);
  if (clf_group_agree(h->g, s) == CLF_OK) train(h, t);
  clf_trainer_free(t);
  clf_flow_free(flow);
  clf_close(dev);
  clf_group_free(h->g);
  return NULL;
}

static int start_helpers(clf_group **members) {
  for (int r = 1; r < all.size; r++) {
    helper *h = &all.others[r - 1];
    *h = (helper){.g = members[r], .device = cli_wanted.devices.at[r]};
    members[r] = NULL;
    if (pthread_create(&h->thread, NULL, help, h) != 0) {
      clf_group_free(h->g);
      return cli_fail("no thread could be started for %s", h->device);
    }
    h->started = 1;
  }
  return CLI_OK;
}

/* ---- The main thread ------------------------------------------------------------------------ */

static void say_twice(void) {
  for (int i = 0; i < all.size; i++)
    for (int k = 0; k < i; k++)
      if (strcmp(cli_wanted.devices.at[i], cli_wanted.devices.at[k]) == 0) {
        cli_say("%s is in --devices twice: its members share it", cli_wanted.devices.at[i]);
        return;
      }
}

/* Reports what was done and how one device gives the same result. */
static void say_grains(const clf_trainer *t) {
  const int grains = (int)clf_trainer_grains(t);
  cli_say("%d %s share %d grains of each batch; the same bits on one device: %s --device %s "
          "--grains %d",
          members(), cli_ranks() ? "ranks" : "devices", grains, cli_train_command(),
          cli_device_name(), grains);
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
  const int n = cli_wanted.devices.count;
  if (cli_ranks()) return join_ranks(t);
  if (n < 2) return CLI_OK;
  clf_group **members = calloc((size_t)n, sizeof *members);
  all.others = calloc((size_t)n, sizeof *all.others);
  int code = members && all.others ? CLI_OK : cli_fail("out of memory for %d devices", n);
  if (!code && clf_group_threads(n, members) != CLF_OK) code = cli_fail_library();
  if (!code) {
    all.size = n;
    t->group = all.g = members[0];
    say_twice();
    code = start_helpers(members);
    for (int r = 1; r < n; r++) clf_group_free(members[r]);
  }
  free(members);
  if (!code) code = join_group(t, all.g);
  return code;
}

void cli_devices_end(void) {
  /* Members that still wait for this one get an error and end. */
  clf_group_free(all.g);
  for (int i = 0; i + 1 < all.size; i++)
    if (all.others[i].started) pthread_join(all.others[i].thread, NULL);
  free(all.others);
  free(all.model);
  free(all.shares);
}
