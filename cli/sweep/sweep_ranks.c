/* SPDX-License-Identifier: MIT */
/* sweep_ranks.c: a sweep on several ranks.
 *
 * All ranks run the same rounds: each one reports what became of its training, and all of them
 * assign
 * the next trainings in the same way. Ranks train in separate folders because they need not share a
 * file system; rank 0 receives the files of each finished training and writes them to the sweep's
 * folder. */
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "ranks.h"
#include "sweep.h"

/* What a rank reports in each round. */
typedef struct report {
  int32_t ended;   /* the member whose training ended since the last round; -1: none */
  int32_t running; /* -1: none */
  int32_t stop;    /* rank 0 only: Ctrl-C was pressed */
  int32_t state, bits;
  int64_t steps;
  double valid, train, seconds;
  char why[256];
} report;

typedef struct ranks {
  int32_t own, size;
  int32_t running; /* the member that this rank trains, or -1 */
  pid_t pid;
  char folder[512]; /* folder of this rank */
  const char *kept; /* folder of the sweep, on rank 0 */
  report *all;      /* (size) */
  int asked;
} ranks;

/* ---- The folder of a rank -------------------------------------------------------------------- */

static int make_folder(ranks *r) {
  const char *const temp = getenv("TMPDIR");
  const int n = snprintf(r->folder, sizeof r->folder, "%s/clflow-sweep-XXXXXX",
                         temp && *temp ? temp : "/tmp");
  if (n >= (int)sizeof r->folder) return cli_fail("TMPDIR is too long");
  if (!mkdtemp(r->folder)) return cli_fail("%s: %s", r->folder, strerror(errno));
  r->kept = cli_sweep_wanted.folder;
  cli_sweep_wanted.folder = r->folder;
  return CLI_OK;
}

static int drop(const char *path, const struct stat *st, int what, struct FTW *at) {
  return (void)st, (void)what, (void)at, remove(path), 0;
}

static void remove_folder(ranks *r) {
  if (!*r->folder) return;
  nftw(r->folder, drop, 8, FTW_DEPTH | FTW_PHYS);
  cli_sweep_wanted.folder = r->kept;
}

/* ---- Files of a training that ended ---------------------------------------------------------- */

static int write_kept(const ranks *r, int32_t member, const char *suffix, const char *bytes,
                      int64_t size) {
  char path[4200];
  snprintf(path, sizeof path, "%s/%03d%s", r->kept, (int)member, suffix);
  return clf_file_write(path, bytes, (size_t)size) == CLF_OK ? CLI_OK : cli_fail_library();
}

/* Sends a file from rank `from` to rank 0; every rank takes part. */
static int send_file(const ranks *r, int32_t from, int32_t member, const char *suffix) {
  int64_t size = 0;
  char *bytes = r->own == from ? cli_file_read(cli_sweep_file(member, suffix), &size) : NULL;
  clf_status s = clf_group_broadcast(cli_ranks(), from, &size, sizeof size);
  if (!s && r->own != from && size > 0) bytes = malloc((size_t)size);
  const int short_of = size > 0 && !bytes;
  if (!s) s = clf_group_agree(cli_ranks(), short_of ? CLF_ENOMEM : CLF_OK);
  if (!s && size > 0) s = clf_group_broadcast(cli_ranks(), from, bytes, (size_t)size);
  int code = s ? cli_fail_library() : CLI_OK;
  if (!code && r->own == 0 && size > 0) code = write_kept(r, member, suffix, bytes, size);
  free(bytes);
  return code;
}

static int send_files(const ranks *r, int32_t from, int32_t member) {
  static const char *const suffixes[] = {".safetensors", ".jsonl", ".txt"};
  int code = CLI_OK;
  for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes && !code; i++)
    code = send_file(r, from, member, suffixes[i]);
  return code;
}

/* ---- A round --------------------------------------------------------------------------------- */

static report look(ranks *r, cli_members *s) {
  report mine = {.ended = -1, .stop = cli_stop_wanted};
  if (r->running >= 0 && cli_sweep_ended(r->running, &s->at[r->running], r->pid)) {
    const cli_member *const m = &s->at[r->running];
    mine = (report){r->running, -1,       cli_stop_wanted, (int32_t)m->state, m->bits,
                    m->steps,   m->valid, m->train,        m->seconds,        ""};
    snprintf(mine.why, sizeof mine.why, "%s", m->why);
    r->running = -1;
  }
  mine.running = r->running;
  return mine;
}

static void take(const report *from, cli_member *m) {
  m->state = (cli_member_state)from->state;
  m->bits = from->bits;
  m->steps = from->steps;
  m->valid = from->valid;
  m->train = from->train;
  m->seconds = from->seconds;
  snprintf(m->why, sizeof m->why, "%s", from->why);
}

/* Exchanges the reports; the result is the same on all ranks. 1: at least one training ended;
 * -1: failure. */
static int tell_all(ranks *r, cli_members *s) {
  const report mine = look(r, s);
  int any = 0;
  if (clf_group_gather(cli_ranks(), &mine, sizeof mine, r->all) != CLF_OK) {
    cli_fail_library();
    return -1;
  }
  for (int32_t i = 0; i < r->size; i++) {
    const report *const from = &r->all[i];
    if (from->ended < 0) continue;
    take(from, &s->at[from->ended]);
    if (from->state == CLI_MEMBER_FAILED)
      cli_say("training %03d failed on %s: %s", (int)from->ended, clf_group_member(cli_ranks(), i),
              from->why);
    if (send_files(r, i, from->ended)) return -1;
    any = 1;
  }
  return any;
}

/* Assigns the next members to the idle ranks, both in order. */
static int hand_out(ranks *r, cli_members *s, const char *device) {
  int32_t next = 0;
  int code = CLI_OK;
  for (int32_t i = 0; i < r->size && !r->all[0].stop && !code; i++) {
    if (r->all[i].running >= 0) continue;
    while (next < s->count && s->at[next].state != CLI_MEMBER_WAITING) next++;
    if (next == s->count) break;
    s->at[next].state = CLI_MEMBER_RUNNING;
    if (i != r->own) continue;
    code = cli_sweep_start(next, &s->at[next], device, (int)cli_ranks_on_host(), &r->pid);
    if (!code) r->running = next;
  }
  return code;
}

/* Writes the record to the sweep's folder. */
static int write_record(ranks *r, const cli_members *s) {
  if (r->own) return CLI_OK;
  cli_sweep_wanted.folder = r->kept;
  const int code = cli_sweep_write(s);
  cli_sweep_wanted.folder = r->folder;
  return code;
}

static int is_over(const ranks *r) {
  for (int32_t i = 0; i < r->size; i++)
    if (r->all[i].running >= 0) return 0;
  return 1;
}

/* Short trainings use short rounds, long ones rounds of up to 0.2 s. */
static int run_rounds(ranks *r, cli_members *s, const char *device) {
  long nap = 5000000;
  for (;;) {
    const int any = tell_all(r, s);
    int code = any < 0 ? CLI_FAILED : any ? write_record(r, s) : CLI_OK;
    if (!code && r->all[0].stop && r->running >= 0 && !r->asked++) kill(r->pid, SIGINT);
    const int over = is_over(r);
    if (!code) code = hand_out(r, s, device);
    if (code) return code;
    if (over && (r->all[0].stop || !cli_sweep_count(s, CLI_MEMBER_RUNNING))) return CLI_OK;
    cli_sweep_show(s, any);
    nap = any ? 5000000 : nap < 100000000 ? 2 * nap : 200000000;
    nanosleep(&(struct timespec){0, nap}, NULL);
  }
}

int cli_sweep_train_ranks(cli_members *s) {
  ranks r = {.own = cli_ranks_own(), .size = cli_ranks_size(), .running = -1};
  const char *const device = cli_device_name();
  r.all = calloc((size_t)r.size, sizeof *r.all);
  int code = r.all ? make_folder(&r) : cli_fail("out of memory for %d ranks", (int)r.size);
  if (clf_group_agree(cli_ranks(), code ? CLF_EIO : CLF_OK) != CLF_OK) code = CLI_FAILED;
  if (!code) code = run_rounds(&r, s, device);
  if (code && r.running >= 0) kill(r.pid, SIGTERM);
  cli_progress_clear();
  remove_folder(&r);
  free(r.all);
  return code;
}

int cli_sweep_divide(cli_members *s) {
  if (cli_ranks_size() < 2) return CLI_OK;
  report *const all = calloc((size_t)s->count, sizeof *all);
  if (!all) return cli_fail("out of memory for %d trainings", (int)s->count);
  for (int32_t i = 0; i < s->count; i++) {
    const cli_member *const m = &s->at[i];
    all[i] = (report){i,        -1,       0,        (int32_t)m->state, m->bits,
                      m->steps, m->valid, m->train, m->seconds,        ""};
  }
  const clf_status status =
      clf_group_broadcast(cli_ranks(), 0, all, (size_t)s->count * sizeof *all);
  for (int32_t i = 0; i < s->count && !status; i++) take(&all[i], &s->at[i]);
  free(all);
  return status ? cli_fail_library() : CLI_OK;
}
