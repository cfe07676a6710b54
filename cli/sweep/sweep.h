/* SPDX-License-Identifier: MIT */
/* sweep.h: declarations shared by the files of `clflow sweep`. Private to them. */
#ifndef CLI_SWEEP_H
#define CLI_SWEEP_H
#include "cli.h"
#include <sys/types.h>

/* What the command line asks for. */
extern struct cli_sweep_wanted {
  const char *out, *folder, *seeds, *test;
  cli_list vary, flows;
  cli_texts devices;
  int32_t blend; /* 0: only the best member */
  int resume, json;
} cli_sweep_wanted;

/* sweep_options.c */
extern cli_option cli_sweep_options[];

enum { CLI_SWEEP_WORDS = CLI_LIST_MOST + 3, CLI_SWEEP_MEMBERS = 4096 };

typedef enum cli_member_state {
  CLI_MEMBER_WAITING,
  CLI_MEMBER_RUNNING,
  CLI_MEMBER_DONE,
  CLI_MEMBER_FAILED,
  CLI_MEMBER_STOPPED /* stopped by Ctrl-C; its checkpoint is saved */
} cli_member_state;

/* One training of the sweep. */
typedef struct cli_member {
  char *words[CLI_SWEEP_WORDS]; /* its own options, "--lr=1e-3"; NULL ends them */
  cli_member_state state;
  double valid, train; /* in the unit of logs; NaN: not known */
  int bits;            /* 1: these are bits/dim, and lower is better */
  int64_t steps;       /* steps after which the weights had this score */
  double seconds;
  char why[256]; /* reason of a failure */
} cli_member;

typedef struct cli_members {
  cli_member *at;
  int32_t count;
} cli_members;

/* sweep.c: why a sweep does not take this option of `clflow train`; NULL: it does. */
const char *cli_sweep_refuses(const char *option);

/* sweep_members.c: the i-th value of --flow and --vary, and the option of `clflow train` that it
 * is for; NULL beyond the last one. The value is valid until the next call. */
const char *cli_sweep_also_reads(int i, const cli_option **option);
/* sweep_members.c: makes every combination of --flow, --vary and --seeds, in this order; free
 * the members also after a failure. */
int cli_sweep_make(cli_members *s);
void cli_sweep_free(cli_members *s);
/* FOLDER/007SUFFIX; valid for four calls. */
const char *cli_sweep_file(int32_t member, const char *suffix);
/* Writes the options of a member, quoted for a shell. */
void cli_sweep_text(const cli_member *m, char *text, size_t size);
/* Whether `a` is better than `b` on validation rows; a member without a score is worse than any
 * other. */
int cli_sweep_is_better(const cli_member *a, const cli_member *b);

/* sweep_record.c: writes FOLDER/sweep.json, the state of the members, again after each change.
 * Reading it finds the members that are done; a record of another sweep is refused. */
int cli_sweep_write(const cli_members *s);
int cli_sweep_read(cli_members *s);
json_t *cli_sweep_json(const cli_members *s);

/* sweep_train.c: trains every member that is not done, each in its own process on one of the
 * devices, until cli_stop_wanted. Returns the exit code. */
int cli_sweep_train(cli_members *s);

/* sweep_process.c: starts the training of member i; at most `workers` run at a time on this host.
 */
int cli_sweep_start(int32_t i, cli_member *m, const char *device, int workers, pid_t *pid);
/* 1: the training has ended, and the member has its result. */
int cli_sweep_ended(int32_t i, cli_member *m, pid_t pid);

/* sweep_ranks.c: the same with one worker on each rank. */
int cli_sweep_train_ranks(cli_members *s);
/* Sends rank 0's state of each member to all ranks. */
int cli_sweep_divide(cli_members *s);

/* sweep_members.c */
int cli_sweep_count(const cli_members *s, cli_member_state state);
/* Draws the progress line, at most twice a second, or at once if `now` is set. */
void cli_sweep_show(const cli_members *s, int now);

/* sweep_result.c: prints a comparison of the members and writes the best one or a blend. */
int cli_sweep_finish(const cli_members *s);

#endif
