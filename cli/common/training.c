/* SPDX-License-Identifier: MIT */
/* training.c: runs a training: progress line, log, checkpoints and stopping. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include "clflow/plot.h"
#include "ranks.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- Log ----------------------------------------------------------------- */

static void log_line(FILE *log, json_t *json) {
  if (json) json_dumpf(json, log, JSON_COMPACT);
  if (json) fputc('\n', log);
  json_decref(json);
}

void cli_training_log(const cli_training *t, json_t *json) {
  if (!t->log) {
    json_decref(json);
    return;
  }
  log_line(t->log, json);
  fflush(t->log);
}

/* Mean log p in the unit of messages: bits/dim for images. */
static double told(const cli_training *t, double logp) {
  return t->bits > 0 ? -logp / t->bits : logp;
}

static json_t *losses_json(const cli_training *t, const clf_progress *p) {
  json_t *losses = json_array();
  for (int64_t i = 0; losses && i < p->count; i++)
    json_array_append_new(losses,
                          cli_json_number((double)p->losses[i] / (t->bits > 0 ? t->bits : 1)));
  return losses;
}

static json_t *epoch_json(const cli_training *t, const clf_progress *p) {
  json_t *epoch =
      json_pack("{s:I, s:I, s:o, s:o, s:b, s:o, s:o}", "epoch", (json_int_t)p->epoch, "step",
                (json_int_t)p->step, t->bits > 0 ? "train_bits_per_dim" : "train",
                cli_json_number(told(t, p->train)), t->bits > 0 ? "valid_bits_per_dim" : "valid",
                cli_json_number(told(t, p->valid)), "best", p->best, "seconds",
                cli_json_number(p->seconds), "samples_per_second", cli_json_number(p->rate));
  if (epoch && t->bits > 0) json_object_set_new(epoch, "grad_norm", cli_json_number(p->grad_norm));
  if (epoch) json_object_set_new(epoch, "lr", cli_json_number(p->lr));
  if (epoch && p->averaged) json_object_set_new(epoch, "averaged", json_true());
  return epoch;
}

static void log_report(const cli_training *t, const clf_progress *p) {
  if (p->dropped)
    log_line(t->log, json_pack("{s:I, s:o}", "step", (json_int_t)p->step, "dropped",
                               cli_json_text(p->dropped)));
  if (p->stored)
    log_line(t->log, json_pack("{s:I, s:o}", "step", (json_int_t)p->step, "stored",
                               cli_json_text(p->stored)));
  if (p->recovered)
    log_line(t->log, json_pack("{s:I, s:o}", "step", (json_int_t)p->step, "recovered",
                               cli_json_text(p->recovered)));
  if (p->unbounded)
    log_line(t->log, json_pack("{s:I, s:o}", "step", (json_int_t)p->step, "unbounded",
                               cli_json_text(p->unbounded)));
  if (p->count > 0)
    log_line(t->log, json_pack("{s:I, s:o}", "first_step", (json_int_t)p->first,
                               t->bits > 0 ? "bits_per_dim" : "losses", losses_json(t, p)));
  if (p->epoch_done) log_line(t->log, epoch_json(t, p));
  if (p->ended)
    log_line(t->log, json_pack("{s:I, s:o}", "step", (json_int_t)p->step, "ended",
                               cli_json_text(p->ended)));
  fflush(t->log);
}

/* ---- Progress ------------------------------------------------------------ */

static void format_progress(const cli_training *t, const clf_progress *p, int live, char *line,
                            size_t size) {
  char within[48] = "", valid[48] = "", norm[32] = "", rate[16], time[24], left[32] = "";
  const char *unit = t->bits > 0 ? " bits/dim" : "";
  if (!live && !t->by_steps && !p->epoch_done)
    snprintf(within, sizeof within, ", step %" PRId64 "/%" PRId64, p->step, p->steps);
  if (!isnan(p->valid))
    snprintf(valid, sizeof valid, "  valid %.4f%s", told(t, p->valid), p->best ? " *" : "");
  if (t->bits > 0 && isfinite(p->grad_norm))
    snprintf(norm, sizeof norm, "  gradient %.3g", p->grad_norm);
  cli_format_large(p->rate, rate, sizeof rate);
  cli_format_seconds(p->left, time, sizeof time);
  if (p->step < p->steps) snprintf(left, sizeof left, "  %s left", time);
  snprintf(line, size, "%s%s %" PRId64 "/%" PRId64 "%s  %s %.4f%s%s%s  %s samples/s%s",
           t->label ? t->label : "", t->by_steps ? "step" : "epoch",
           t->by_steps ? p->step : p->epoch, t->by_steps ? p->steps : p->epochs, within,
           t->bound ? "bound" : "train", told(t, p->train), valid, unit, norm, rate, left);
}

/* A line that is longer than the terminal is wide could not be redrawn. */
static void draw_live(const char *line) {
  struct winsize window;
  char fitting[256];
  snprintf(fitting, sizeof fitting, "%s", line);
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1 &&
      window.ws_col <= sizeof fitting)
    fitting[window.ws_col - 1] = '\0';
  cli_progress_draw(fitting);
}

/* Seconds between two lines: redrawn, or, in a file, for whole epochs and within a long one. */
#define LIVE 0.1
#define EPOCHS_APART 2.0
#define WITHIN_EPOCH 30.0

static int is_due(const cli_training *t, const clf_progress *p, int live, double now) {
  if (p->epoch_done && p->step == p->steps) return 1;
  if (live) return now - t->shown >= LIVE;
  if (p->epoch_done) return now - t->shown >= EPOCHS_APART;
  return now - fmax(t->shown, t->begun) >= WITHIN_EPOCH;
}

static void show(cli_training *t, const clf_progress *p, double now) {
  const int live = isatty(STDERR_FILENO);
  if (cli_is_mute() || !is_due(t, p, live, now)) return;
  char line[256];
  format_progress(t, p, live, line, sizeof line);
  if (live)
    draw_live(line);
  else
    fprintf(stderr, "%s\n", line);
  t->shown = now;
}

/* ---- Pictures ------------------------------------------------------------ */

const cli_grid cli_training_grid = {.rows = 8, .cols = 8};

/* Samples given the context of the first training images. */
static clf_status sample_given(const cli_training *t, int64_t n, double *x) {
  const clf_table *given = t->given;
  const size_t C = (size_t)given->cols;
  double *const c = malloc((size_t)n * C * sizeof *c);
  if (!c) return clf_fail(CLF_ENOMEM, "out of memory for the context of samples");
  for (int64_t i = 0; i < n; i++)
    memcpy(c + (size_t)i * C, given->at + (size_t)(i % given->rows) * C, C * sizeof *c);
  const clf_status s = clf_sample_given(t->flow, c, n, t->seed, 1, x);
  free(c);
  return s;
}

/* Uses the same latents each time, so that changes are visible. */
static clf_status sample(const cli_training *t, int64_t n, double *x) {
  clf_table z = {0};
  if (t->given) return sample_given(t, n, x);
  clf_status s = clf_table_new(n, clf_flow_get_spec(t->flow)->dim, &z);
  if (!s) s = clf_sample_latents(t->flow, t->seed, 0, n, 1, z.at);
  if (!s) s = clf_invert(t->flow, z.at, n, x, NULL);
  clf_table_free(&z);
  return s;
}

static int draw_samples(const cli_training *t) {
  const clf_flow_spec *spec = clf_flow_get_spec(t->flow);
  const int64_t n = cli_training_grid.rows * cli_training_grid.cols;
  clf_table x = {0};
  uint8_t *bytes = malloc((size_t)(n * spec->dim));
  int code = bytes ? CLI_OK : cli_fail("out of memory for %d samples", (int)n);
  if (!code && (clf_table_new(n, spec->dim, &x) != CLF_OK || sample(t, n, x.at) != CLF_OK))
    code = cli_fail_library();
  if (!code) {
    cli_bytes_of(spec, x.at, n, bytes);
    code = cli_put_grid(t->samples, spec, bytes, n, cli_training_grid);
  }
  clf_table_free(&x);
  free(bytes);
  return code;
}

static int draw_curve(const cli_training *t) {
  const double *valid = isnan(t->valid[0]) ? NULL : t->valid;
  const clf_status status = t->bits > 0 ? clf_plot_bits(t->train, valid, t->kept, t->curve)
                                        : clf_plot_training(t->train, valid, t->kept, t->curve);
  return status == CLF_OK ? CLI_OK : cli_fail_library();
}

int cli_training_draw(cli_training *t) {
  int code = t->samples ? draw_samples(t) : CLI_OK;
  if (!code && t->curve && t->kept) code = draw_curve(t);
  t->drawn = cli_clock();
  t->draw = 0;
  return code;
}

/* ---- The run ------------------------------------------------------------- */

/* Samples of an image flow are drawn with each checkpoint and after each tenth of the epochs,
 * but no more often than a person would look at them. */
static int draw_is_due(const cli_training *t, double now) {
  return t->samples && t->draw && now - t->drawn >= 20;
}

/* Appends a point to the curve. Without memory the curve ends there. */
static void keep_point(cli_training *t, const clf_progress *p) {
  if (t->kept == t->room) {
    const int64_t room = t->room ? 2 * t->room : 64;
    double *train = realloc(t->train, (size_t)room * sizeof *train);
    if (train) t->train = train;
    double *valid = realloc(t->valid, (size_t)room * sizeof *valid);
    if (valid) t->valid = valid;
    if (!train || !valid) return;
    t->room = room;
  }
  t->train[t->kept] = told(t, p->train);
  t->valid[t->kept++] = told(t, p->valid);
}

static int report(const clf_progress *p, void *context) {
  cli_training *t = context;
  const double now = cli_clock();
  if (t->first_step < 0) t->first_step = p->first;
  t->step = p->step;
  t->epoch = p->epoch;
  t->epochs = p->epochs;
  t->steps = p->steps;
  if (p->dropped) cli_say("%s", p->dropped);
  if (p->stored) cli_say("%s", p->stored);
  if (p->recovered) cli_say("%s", p->recovered);
  if (p->unbounded) cli_say("%s", p->unbounded);
  if (p->ended) cli_say("%s", p->ended);
  if (t->log) log_report(t, p);
  if (p->epoch_done && t->curve) keep_point(t, p);
  if (p->epoch_done && p->step * 10 / p->steps > t->tenths) {
    t->tenths = p->step * 10 / p->steps;
    t->draw = 1;
  }
  show(t, p, now);
  if (cli_ranks_own()) return 0;
  return cli_stop_wanted || (t->save_every > 0 && now - t->saved >= t->save_every) ||
         draw_is_due(t, now);
}

clf_status cli_training_save(cli_training *t) {
  if (cli_ranks_own()) return CLF_OK;
  t->saved = cli_clock();
  t->draw = 1;
  return t->weights_only ? clf_flow_save(t->flow, t->out) : clf_trainer_save(t->trainer, t->out);
}

/* Between two runs: saves a checkpoint or pictures, or both, if they are due. */
static void keep_up_to_date(cli_training *t) {
  if (cli_ranks_own()) return;
  const double now = cli_clock();
  if (t->save_every > 0 && now - t->saved >= t->save_every && cli_training_save(t) != CLF_OK)
    cli_say("training continues without a checkpoint: %s", clf_errmsg());
  if (draw_is_due(t, now) && cli_training_draw(t) != CLI_OK)
    cli_say("training continues without this picture");
}

/* Sends rank 0's decision to stop to all members. If they cannot be reached, the next run
 * reports it. */
static int tell_group(cli_training *t, int stop) {
  int32_t word = stop;
  return clf_group_broadcast(t->group, 0, &word, sizeof word) == CLF_OK ? word : 0;
}

clf_status cli_training_run(cli_training *t) {
  cli_signals_ask();
  t->begun = t->saved = t->drawn = cli_clock();
  t->shown = -INFINITY;
  t->first_step = -1;
  clf_status status;
  int stop;
  /* The run is interrupted for what is due and then continued: a trainer may be saved between
   * two runs, and several runs give the same bits as one. */
  for (;;) {
    status = clf_trainer_run(t->trainer, report, t);
    stop = cli_stop_wanted;
    if (status != CLF_ESTOPPED) break;
    if (t->group) stop = tell_group(t, stop);
    if (stop) break;
    keep_up_to_date(t);
  }
  t->seconds = cli_clock() - t->begun;
  cli_progress_clear();
  return status;
}
