/* SPDX-License-Identifier: MIT */
/* sweep.h: what the files of `clflow sweep` share.  Private to them. */
#ifndef CLI_SWEEP_H
#define CLI_SWEEP_H
#include "cli.h"
#include <sys/types.h>

/* What the command line asks for. */
extern struct cli_sweep_wanted {
  const char *out, *folder, *seeds, *test;
  cli_list vary, flows;
  cli_texts devices;
  int32_t blend; /* 0: the best member alone */
  int resume, json;
} cli_sweep_wanted;

enum { CLI_SWEEP_WORDS = CLI_LIST_MOST + 3, CLI_SWEEP_MEMBERS = 4096 };

typedef enum cli_member_state {
  CLI_MEMBER_WAITING,
  CLI_MEMBER_RUNNING,
  CLI_MEMBER_DONE,
  CLI_MEMBER_FAILED,
  CLI_MEMBER_STOPPED /* by Ctrl-C; its checkpoint is saved */
} cli_member_state;

/* One training of the sweep. */
typedef struct cli_member {
  char *words[CLI_SWEEP_WORDS]; /* the options that tell it from the others, "--lr=1e-3"; to NULL */
  cli_member_state state;
  double valid, train; /* as logs have them; NaN: not known */
  int bits;            /* 1: these are bits/dim, and less is better */
  int64_t steps;       /* after which its weights were these */
  double seconds;
  char why[256]; /* what failed */
} cli_member;

typedef struct cli_members {
  cli_member *at;
  int32_t count;
} cli_members;

/* sweep_members.c: every combination of --flow, --vary and --seeds, in this order; to be freed also
 * after a failure. */
int cli_sweep_make(cli_members *s);
void cli_sweep_free(cli_members *s);
/* FOLDER/007SUFFIX, good for four calls. */
const char *cli_sweep_file(int32_t member, const char *suffix);
/* The words of a member as a shell takes them. */
void cli_sweep_text(const cli_member *m, char *text, size_t size);
/* Whether `a` is better on validation rows than `b`; members without a score are worse than all. */
int cli_sweep_is_better(const cli_member *a, const cli_member *b);

/* sweep_record.c: FOLDER/sweep.json, what is known of the members, rewritten whole after each.
 * Reading it finds the members that are done; it refuses a record of another sweep. */
int cli_sweep_write(const cli_members *s);
int cli_sweep_read(cli_members *s);
json_t *cli_sweep_json(const cli_members *s);

/* sweep_train.c: trains every member that is not done, each in a process of its own on one of the
 * devices, until cli_stop_wanted.  The exit code. */
int cli_sweep_train(cli_members *s);
/* Starts the training of member i; there are `workers` at a time on this host. */
int cli_sweep_start(int32_t i, cli_member *m, const char *device, int workers, pid_t *pid);
/* 1: the training has ended, and the member says how. */
int cli_sweep_ended(int32_t i, cli_member *m, pid_t pid);

/* sweep_ranks.c: the same with one worker on each rank. */
int cli_sweep_train_ranks(cli_members *s);
/* Rank 0's state of each member, on all ranks. */
int cli_sweep_share(cli_members *s);

/* sweep_members.c */
int cli_sweep_count(const cli_members *s, cli_member_state state);
/* The line of progress, at most twice a second; with `now` at once. */
void cli_sweep_show(const cli_members *s, int now);

/* sweep_result.c: prints how the members compare, and writes the best or a blend. */
int cli_sweep_finish(const cli_members *s);

#endif
