/* SPDX-License-Identifier: MIT */
/* sweep_members.c: the trainings of a sweep: every combination of the varied options. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sweep.h"
#include "train.h"

/* ---- Seeds --------------------------------------------------------------------------------- */

typedef struct seeds {
  uint64_t at[CLI_SWEEP_MEMBERS];
  int32_t count;
} seeds;

/* Reads a number and moves *text past it. */
static int read_seed(const char **text, uint64_t *seed) {
  char *end;
  if (**text < '0' || **text > '9') return -1;
  errno = 0;
  *seed = strtoull(*text, &end, 10);
  *text = end;
  return errno ? -1 : 0;
}

/* "1..8", or "3". */
static int read_range(const char **text, seeds *s) {
  uint64_t first, last;
  if (read_seed(text, &first)) return -1;
  last = first;
  if (strncmp(*text, "..", 2) == 0) {
    *text += 2;
    if (read_seed(text, &last) || last < first) return -1;
  }
  if (last - first >= (uint64_t)(CLI_SWEEP_MEMBERS - s->count)) return -1;
  for (uint64_t i = 0; i <= last - first; i++) s->at[s->count++] = first + i;
  return 0;
}

static int read_seeds(seeds *s) {
  const char *text = cli_sweep_wanted.seeds;
  for (;;) {
    if (read_range(&text, s) || (*text && *text != ','))
      return cli_usage("--seeds takes numbers and ranges, separated by commas, such as 1..8 or "
                       "1,5,9..12, at most "
                       "%d in all; got \"%s\"",
                       CLI_SWEEP_MEMBERS, cli_sweep_wanted.seeds);
    if (!*text) return CLI_OK;
    text++;
  }
}

/* ---- Options that vary --------------------------------------------------------------------- */

/* An option of `clflow train` with its values, from one --vary. */
typedef struct axis {
  char option[64];
  cli_words values;
} axis;

enum { AXES = CLI_LIST_MOST };

static const cli_option *find_option(const char *name) {
  const cli_option *o = cli_train.options;
  while (o->name && strcmp(o->name, name) != 0) o++;
  return o->name ? o : NULL;
}

static int refuse_axis(const char *option) {
  static const char *const own[] = {"--flow", "--out", "--device", "--devices", "--data", "--test"};
  const char *const why = cli_sweep_refuses(option);
  if (why) return cli_usage("--vary does not take %s: %s", option + 2, why);
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (strcmp(option, own[i]) == 0)
      return cli_usage("--vary does not take %s: %s", option + 2,
                       i == 0 ? "give --flow several times"
                              : "each member has its own, or all share it");
  const cli_option *const o = find_option(option);
  if (!o) return cli_usage("--vary %s: `clflow train` has no option %s", option + 2, option);
  if (o->type == CLI_FLAG || o->type == CLI_FLAG_OFF)
    return cli_usage("--vary %s: %s is on or off and takes no values", option + 2, option);
  if (cli_train_given(option))
    return cli_usage("--vary %s and %s exclude each other", option + 2, option);
  return CLI_OK;
}

/* The list in "lr=1e-3,3e-4"; NULL: the text has another form. */
static const char *list_in(const char *text) {
  const size_t n = strcspn(text, "=");
  const char *const list = text[n] ? text + n + 1 : text + n;
  const int is_list = n > 0 && n + 3 <= sizeof((axis *)0)->option && *list && *list != ',' &&
                      !strstr(list, ",,") && list[strlen(list) - 1] != ',';
  return is_list ? list : NULL;
}

/* "lr=1e-3,3e-4" */
static int read_axis(const char *text, axis *a) {
  const size_t n = strcspn(text, "=");
  const char *const list = list_in(text);
  if (!list)
    return cli_usage("--vary takes NAME=VALUE,VALUE,..., such as lr=1e-3,3e-4; got \"%s\"", text);
  snprintf(a->option, sizeof a->option, "--%.*s", (int)n, text);
  int code = refuse_axis(a->option);
  if (!code) code = cli_words_split("--vary", list, &a->values);
  for (int32_t i = 0; i < a->values.count && !code; i++)
    code = cli_check_value(find_option(a->option), a->values.at[i]);
  return code;
}

/* The values of --vary that the command line lists, before they are checked. */
const char *cli_sweep_also_reads(int i, const cli_option **option) {
  static cli_words values;
  char name[64];
  if (i < cli_sweep_wanted.flows.count) {
    *option = find_option("--flow");
    return cli_sweep_wanted.flows.at[i];
  }
  i -= cli_sweep_wanted.flows.count;
  for (int k = 0; k < cli_sweep_wanted.vary.count; k++) {
    const char *const text = cli_sweep_wanted.vary.at[k], *const list = list_in(text);
    cli_words_free(&values);
    values = (cli_words){0};
    snprintf(name, sizeof name, "--%.*s", (int)strcspn(text, "="), text);
    *option = find_option(name);
    if (!list || !*option || cli_words_split("--vary", list, &values)) return NULL;
    if (i < values.count) return values.at[i];
    i -= values.count;
  }
  return NULL;
}

/* ---- Members ------------------------------------------------------------------------------- */

static int add_word(cli_member *m, const char *option, const char *value) {
  const size_t size = strlen(option) + strlen(value) + 2;
  int n = 0;
  while (m->words[n]) n++;
  m->words[n] = malloc(size);
  if (!m->words[n]) return cli_fail("out of memory for a sweep");
  snprintf(m->words[n], size, "%s=%s", option, value);
  return CLI_OK;
}

/* Sets the options of member `index`; the last axis is the seeds. */
static int fill_member(const axis *axes, int count, const seeds *s, int32_t index, cli_member *m) {
  char seed[24];
  const char *value[AXES];
  const int32_t own = index % s->count;
  *m = (cli_member){.valid = NAN, .train = NAN};
  index /= s->count;
  for (int i = count - 1; i >= 0; i--) {
    value[i] = axes[i].values.at[index % axes[i].values.count];
    index /= axes[i].values.count;
  }
  const cli_list *const flows = &cli_sweep_wanted.flows;
  int code = flows->count ? add_word(m, "--flow", flows->at[index % flows->count]) : CLI_OK;
  for (int i = 0; i < count && !code; i++) code = add_word(m, axes[i].option, value[i]);
  snprintf(seed, sizeof seed, "%" PRIu64, s->at[own]);
  return code ? code : add_word(m, "--seed", seed);
}

static int fill(const axis *axes, int count, const seeds *s, cli_members *sweep) {
  int64_t all =
      (int64_t)s->count * (cli_sweep_wanted.flows.count ? cli_sweep_wanted.flows.count : 1);
  for (int i = 0; i < count && all <= CLI_SWEEP_MEMBERS; i++) all *= axes[i].values.count;
  if (all > CLI_SWEEP_MEMBERS)
    return cli_usage("this sweep has more than %d trainings; vary fewer options at once",
                     CLI_SWEEP_MEMBERS);
  sweep->at = calloc((size_t)all, sizeof *sweep->at);
  if (!sweep->at) return cli_fail("out of memory for %" PRId64 " trainings", all);
  int code = CLI_OK;
  while (sweep->count < all && !code) {
    code = fill_member(axes, count, s, sweep->count, &sweep->at[sweep->count]);
    sweep->count++;
  }
  return code;
}

int cli_sweep_make(cli_members *sweep) {
  static axis axes[AXES];
  static seeds all;
  int count = 0, code = read_seeds(&all);
  for (; count < cli_sweep_wanted.vary.count && !code; count++)
    code = read_axis(cli_sweep_wanted.vary.at[count], &axes[count]);
  if (!code) code = fill(axes, count, &all, sweep);
  for (int i = 0; i < count; i++) cli_words_free(&axes[i].values);
  return code;
}

void cli_sweep_free(cli_members *s) {
  for (int32_t i = 0; i < s->count; i++)
    for (char **word = s->at[i].words; *word; word++) free(*word);
  free(s->at);
}

const char *cli_sweep_file(int32_t member, const char *suffix) {
  enum { TURNS = 4 };
  static char name[TURNS][4096];
  static int turn;
  turn = (turn + 1) % TURNS;
  snprintf(name[turn], sizeof name[turn], "%s/%03d%s", cli_sweep_wanted.folder, (int)member,
           suffix);
  return name[turn];
}

void cli_sweep_text(const cli_member *m, char *text, size_t size) {
  *text = '\0';
  for (char *const *word = m->words; *word; word++) cli_append_word(' ', *word, text, size);
  if (*text) memmove(text, text + 1, strlen(text));
}

int cli_sweep_count(const cli_members *s, cli_member_state state) {
  int n = 0;
  for (int32_t i = 0; i < s->count; i++) n += s->at[i].state == state;
  return n;
}

void cli_sweep_show(const cli_members *s, int now) {
  static double shown;
  char line[256], valid[64] = "";
  const cli_member *best = NULL;
  const int live = isatty(STDERR_FILENO);
  if (cli_is_mute() || (!now && (!live || cli_clock() - shown < 0.5))) return;
  for (int32_t i = 0; i < s->count; i++)
    if (s->at[i].state == CLI_MEMBER_DONE && (!best || cli_sweep_is_better(&s->at[i], best)))
      best = &s->at[i];
  if (best)
    snprintf(valid, sizeof valid, "  best %03d: valid %.4f%s", (int)(best - s->at), best->valid,
             best->bits ? " bits/dim" : "");
  snprintf(line, sizeof line, "%d of %d trained, %d running, %d failed%s",
           cli_sweep_count(s, CLI_MEMBER_DONE), (int)s->count,
           cli_sweep_count(s, CLI_MEMBER_RUNNING), cli_sweep_count(s, CLI_MEMBER_FAILED), valid);
  if (live)
    cli_progress_draw(line);
  else
    fprintf(stderr, "%s\n", line);
  shown = cli_clock();
}

int cli_sweep_is_better(const cli_member *a, const cli_member *b) {
  if (isnan(a->valid) || isnan(b->valid)) return !isnan(a->valid) && isnan(b->valid);
  return a->bits ? a->valid < b->valid : a->valid > b->valid;
}
