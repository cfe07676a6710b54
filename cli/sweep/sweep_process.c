/* SPDX-License-Identifier: MIT */
/* sweep_process.c: runs a training of a sweep in its own process: `clflow train` as a user would
 * start it. A crash affects no other training, and the bits of a member do not depend on which
 * device trains which member. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "sweep.h"
#include "train.h"

extern char **environ;

#define SPLIT_SEED "--split-seed=1"

/* ---- The command line of a training -------------------------------------------------------- */

/* Whether an option defines the flow; a checkpoint already has a flow. */
static int makes_flow(const char *word) {
  static const char *const names[] = {"--flow=", "--preset=", "--compat=", "--init="};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strncmp(word, names[i], strlen(names[i])) == 0) return 1;
  return 0;
}

typedef struct command {
  const char *argv[CLI_PASSED_MOST + CLI_SWEEP_WORDS + 16];
  int count;
  char device[96], out[4200], log[4200], parent[32];
} command;

static void add(command *c, const char *word) { c->argv[c->count++] = word; }

static void build(command *c, int32_t i, const cli_member *m, const char *device) {
  snprintf(c->device, sizeof c->device, "--device=%s", device);
  snprintf(c->out, sizeof c->out, "--out=%s", cli_sweep_file(i, ".safetensors"));
  snprintf(c->log, sizeof c->log, "--log=%s", cli_sweep_file(i, ".jsonl"));
  snprintf(c->parent, sizeof c->parent, "--parent=%lld", (long long)getpid());
  const int goes_on = cli_sweep_wanted.resume && access(c->out + strlen("--out="), F_OK) == 0;
  c->count = 0;
  add(c, "clflow");
  add(c, "train");
  for (int k = 0; k < cli_passed.count; k++)
    if (!goes_on || !makes_flow(cli_passed.at[k])) add(c, cli_passed.at[k]);
  for (char *const *word = m->words; *word; word++)
    if (!goes_on || !makes_flow(*word)) add(c, *word);
  if (!cli_train_given("--split-seed") && !cli_wanted.valid) add(c, SPLIT_SEED);
  add(c, c->device);
  add(c, c->out);
  add(c, c->log);
  add(c, c->parent);
  add(c, goes_on ? "--resume" : "--force");
  c->argv[c->count] = NULL;
}

/* ---- Processes ----------------------------------------------------------------------------- */

/* A child is not a rank of the job to which this program belongs, and it shares the cores with
 * the other children. */
static char **child_environment(int workers, char *threads, size_t size) {
  static const char *const launchers[] = {"OMPI_", "PMIX_", "PMI_", "SLURM_", "MPI_"};
  int n = 0, count = 0;
  while (environ[n]) n++;
  char **list = calloc((size_t)n + 2, sizeof *list);
  for (int i = 0; list && i < n; i++) {
    int own = 0;
    for (size_t k = 0; k < sizeof launchers / sizeof *launchers; k++)
      own |= strncmp(environ[i], launchers[k], strlen(launchers[k])) == 0;
    if (!own) list[count++] = environ[i];
  }
  if (list && workers > 1 && !getenv("CLFLOW_THREADS")) {
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    snprintf(threads, size, "CLFLOW_THREADS=%ld", cores > workers ? cores / workers : 1);
    list[count] = threads;
  }
  return list;
}

/* The path of this program; windows/processes.c knows this name too. */
static const char *own_program(void) {
#if defined(__linux__) || defined(_WIN32)
  return "/proc/self/exe";
#else
  return cli_called;
#endif
}

/* Starts a child in its own process group, so that the terminal's Ctrl-C does not reach it; this
 * program asks it once to stop. */
static int spawn(const command *c, const char *messages, int workers, pid_t *pid) {
  char threads[48];
  posix_spawn_file_actions_t to;
  posix_spawnattr_t attributes;
  char **environment = child_environment(workers, threads, sizeof threads);
  const int file = open(messages, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (!environment || file < 0) {
    free(environment);
    if (file >= 0) close(file);
    return file < 0 ? errno : ENOMEM;
  }
  posix_spawn_file_actions_init(&to);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&to, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&to, file, 1);
  posix_spawn_file_actions_adddup2(&to, file, 2);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  const int e = posix_spawn(pid, own_program(), &to, &attributes, (char *const *)(uintptr_t)c->argv,
                            environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&to);
  close(file);
  free(environment);
  return e;
}

/* ---- What a training says ------------------------------------------------------------------ */

/* Reads the last sentence that the training printed. */
static void read_reason(int32_t i, cli_member *m) {
  static const char prefix[] = "clflow: train: ";
  char line[1024];
  FILE *f = fopen(cli_sweep_file(i, ".txt"), "r");
  snprintf(m->why, sizeof m->why, "it failed without a message");
  while (f && fgets(line, sizeof line, f)) {
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, prefix, strlen(prefix)) != 0) continue;
    snprintf(m->why, sizeof m->why, "%.*s", (int)sizeof m->why - 1, line + strlen(prefix));
  }
  if (f) fclose(f);
}

static void take_line(const json_t *line, cli_member *m) {
  const json_t *bits = json_object_get(line, "valid_bits_per_dim");
  const json_t *valid = bits ? bits : json_object_get(line, "valid");
  const json_t *seconds = json_object_get(line, "seconds");
  if (seconds) m->seconds = json_number_value(seconds);
  if (!json_is_number(valid) || !json_is_true(json_object_get(line, "best"))) return;
  m->bits = bits != NULL;
  m->valid = json_number_value(valid);
  m->train = json_number_value(json_object_get(line, bits ? "train_bits_per_dim" : "train"));
  m->steps = json_integer_value(json_object_get(line, "step"));
}

/* Reads from the log the score of the weights in the member's file: those of the best
 * validation. */
static int read_log(int32_t i, cli_member *m) {
  FILE *f = fopen(cli_sweep_file(i, ".jsonl"), "r");
  for (json_t *line; f && (line = json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL)); json_decref(line))
    take_line(line, m);
  if (f) fclose(f);
  return isnan(m->valid) ? -1 : 0;
}

static void ended(int32_t i, cli_member *m, int status) {
  const int stopped = cli_stop_wanted && WIFEXITED(status) && WEXITSTATUS(status) == CLI_FAILED;
  m->state = CLI_MEMBER_FAILED;
  if (WIFSIGNALED(status)) {
    snprintf(m->why, sizeof m->why, "signal %d ended it", WTERMSIG(status));
  } else if (stopped) {
    m->state = CLI_MEMBER_STOPPED;
  } else if (WEXITSTATUS(status) != CLI_OK) {
    read_reason(i, m);
  } else if (read_log(i, m)) {
    snprintf(m->why, sizeof m->why,
             "it has no validation rows, by which a sweep chooses; give --valid-split or --valid");
  } else {
    m->state = CLI_MEMBER_DONE;
  }
}

int cli_sweep_start(int32_t i, cli_member *m, const char *device, int workers, pid_t *pid) {
  static command c;
  build(&c, i, m, device);
  const int e = spawn(&c, cli_sweep_file(i, ".txt"), workers, pid);
  if (e) return cli_fail("a training cannot be started: %s", strerror(e));
  m->state = CLI_MEMBER_RUNNING;
  return CLI_OK;
}

int cli_sweep_ended(int32_t i, cli_member *m, pid_t pid) {
  int status;
  if (waitpid(pid, &status, WNOHANG) != pid) return 0;
  ended(i, m, status);
  return 1;
}
