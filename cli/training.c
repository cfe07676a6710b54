/* SPDX-License-Identifier: MIT */
/* training.c: a training under way: progress, log, checkpoints, and how it is stopped. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- Signals ------------------------------------------------------------- */

static volatile sig_atomic_t stop_wanted;

/* The first one asks, so that what was learnt is saved; the second kills. */
static void on_signal(int signal_number) {
  (void)signal_number;
  stop_wanted = 1;
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
}

static void catch_signal(int number) {
  struct sigaction action, before;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  /* Whoever started this with the signal ignored, as nohup does, meant it. */
  if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
    sigaction(number, &action, NULL);
}

/* ---- Log ----------------------------------------------------------------- */

static void log_line(FILE *log, json_t *json) {
  if (json) json_dumpf(json, log, JSON_COMPACT);
  if (json) fputc('\n', log);
  json_decref(json);
}

static void log_report(FILE *log, const clf_progress *p) {
  json_t *losses = json_array();
  for (int64_t i = 0; losses && i < p->count; i++)
    json_array_append_new(losses, cli_json_number((double)p->losses[i]));
  if (p->count > 0)
    log_line(log, json_pack("{s:I, s:O}", "first_step", (json_int_t)p->first, "losses", losses));
  json_decref(losses);
  if (p->epoch_done)
    log_line(log, json_pack("{s:I, s:I, s:o, s:o, s:b, s:o, s:o}", "epoch", (json_int_t)p->epoch,
                            "step", (json_int_t)p->step, "train", cli_json_number(p->train),
                            "valid", cli_json_number(p->valid), "best", p->best, "seconds",
                            cli_json_number(p->seconds), "samples_per_second",
                            cli_json_number(p->rate)));
  fflush(log);
}

/* ---- Progress ------------------------------------------------------------ */

static void format_progress(const clf_progress *p, char *line, size_t size) {
  char valid[48] = "", rate[16], time[24], left[32] = "";
  if (isfinite(p->valid))
    snprintf(valid, sizeof valid, "  valid %.4f%s", p->valid, p->best ? " *" : "");
  cli_format_large(p->rate, rate, sizeof rate);
  cli_format_seconds(p->left, time, sizeof time);
  if (p->step < p->steps) snprintf(left, sizeof left, "  %s left", time);
  snprintf(line, size, "epoch %" PRId64 "/%" PRId64 "  train %.4f%s  %s samples/s%s", p->epoch,
           p->epochs, p->train, valid, rate, left);
}

/* A line longer than the terminal is wide could not be redrawn in place. */
static void draw_live(const char *line) {
  struct winsize window;
  char fitting[256];
  snprintf(fitting, sizeof fitting, "%s", line);
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1 &&
      window.ws_col <= sizeof fitting)
    fitting[window.ws_col - 1] = '\0';
  cli_progress_draw(fitting);
}

static void show(cli_training *t, const clf_progress *p, double now) {
  const int live = isatty(STDERR_FILENO);
  const int last = p->epoch_done && p->epoch == p->epochs;
  if (!live && !p->epoch_done) return;
  if (!last && now - t->shown < (live ? 0.1 : 2.0)) return;
  char line[256];
  format_progress(p, line, sizeof line);
  if (live)
    draw_live(line);
  else
    fprintf(stderr, "%s\n", line);
  t->shown = now;
}

/* ---- The run ------------------------------------------------------------- */

static int report(const clf_progress *p, void *context) {
  cli_training *t = context;
  const double now = cli_clock();
  if (t->first_step < 0) t->first_step = p->first;
  t->step = p->step;
  t->epoch = p->epoch;
  t->epochs = p->epochs;
  if (t->log) log_report(t->log, p);
  if (p->epoch_done && t->train && t->kept < p->epochs) {
    t->train[t->kept] = p->train;
    t->valid[t->kept++] = p->valid;
  }
  show(t, p, now);
  return stop_wanted || (t->save_every > 0 && now - t->saved >= t->save_every);
}

clf_status cli_training_save(cli_training *t) {
  t->saved = cli_clock();
  return t->weights_only ? clf_flow_save(t->flow, t->out) : clf_trainer_save(t->trainer, t->out);
}

clf_status cli_training_run(cli_training *t) {
  catch_signal(SIGINT);
  catch_signal(SIGTERM);
  const double begin = cli_clock();
  t->saved = begin;
  t->shown = -INFINITY;
  t->first_step = -1;
  clf_status status;
  /* A checkpoint stops the run and goes on with it: a trainer may be saved between
   * two runs, and divided runs give the same bits as one. */
  for (;;) {
    status = clf_trainer_run(t->trainer, report, t);
    if (status != CLF_ESTOPPED || stop_wanted) break;
    if (cli_training_save(t) != CLF_OK)
      cli_say("no checkpoint, training goes on: %s", clf_errmsg());
  }
  t->seconds = cli_clock() - begin;
  cli_progress_clear();
  return status;
}
