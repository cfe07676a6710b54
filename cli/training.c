/* SPDX-License-Identifier: MIT */
/* training.c: a training under way: progress, log, checkpoints, and how it is stopped. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include "clflow/plot.h"
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
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

/* Mean log p as it is told: of images in bits/dim. */
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
  return epoch;
}

static void log_report(const cli_training *t, const clf_progress *p) {
  if (p->dropped)
    log_line(t->log, json_pack("{s:I, s:s}", "step", (json_int_t)p->step, "dropped", p->dropped));
  if (p->count > 0)
    log_line(t->log, json_pack("{s:I, s:o}", "first_step", (json_int_t)p->first,
                               t->bits > 0 ? "bits_per_dim" : "losses", losses_json(t, p)));
  if (p->epoch_done) log_line(t->log, epoch_json(t, p));
  fflush(t->log);
}

/* ---- Progress ------------------------------------------------------------ */

static void format_progress(const cli_training *t, const clf_progress *p, char *line, size_t size) {
  char valid[48] = "", norm[32] = "", rate[16], time[24], left[32] = "";
  const char *unit = t->bits > 0 ? " bits/dim" : "";
  if (isfinite(p->valid))
    snprintf(valid, sizeof valid, "  valid %.4f%s", told(t, p->valid), p->best ? " *" : "");
  if (t->bits > 0 && isfinite(p->grad_norm))
    snprintf(norm, sizeof norm, "  gradient %.3g", p->grad_norm);
  cli_format_large(p->rate, rate, sizeof rate);
  cli_format_seconds(p->left, time, sizeof time);
  if (p->step < p->steps) snprintf(left, sizeof left, "  %s left", time);
  snprintf(line, size, "epoch %" PRId64 "/%" PRId64 "  train %.4f%s%s%s  %s samples/s%s", p->epoch,
           p->epochs, told(t, p->train), valid, unit, norm, rate, left);
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
  format_progress(t, p, line, sizeof line);
  if (live)
    draw_live(line);
  else
    fprintf(stderr, "%s\n", line);
  t->shown = now;
}

/* ---- Pictures ------------------------------------------------------------ */

enum { GRID = 8, GAP = 2 }; /* images a side, and pixels of ground around each */

static void put_tile(uint8_t *grid, int64_t stride, const double *x, const clf_flow_spec *spec) {
  for (int32_t row = 0; row < spec->height; row++)
    for (int32_t i = 0; i < spec->width * spec->channels; i++) {
      const double byte = floor(x[row * spec->width * spec->channels + i] * 256 / spec->levels);
      grid[row * stride + i] = (uint8_t)fmin(fmax(byte, 0), 255);
    }
}

static clf_status write_grid(const clf_flow_spec *spec, const double *x, const char *path) {
  const int32_t width = GAP + GRID * (spec->width + GAP), C = spec->channels;
  const int32_t height = GAP + GRID * (spec->height + GAP);
  uint8_t *grid = malloc((size_t)width * (size_t)height * (size_t)C);
  if (!grid) return CLF_ENOMEM;
  memset(grid, 255, (size_t)width * (size_t)height * (size_t)C);
  for (int i = 0; i < GRID * GRID; i++) {
    const int64_t top = GAP + i / GRID * (spec->height + GAP);
    const int64_t left = GAP + i % GRID * (spec->width + GAP);
    put_tile(grid + (top * width + left) * C, (int64_t)width * C, x + (int64_t)i * spec->dim, spec);
  }
  const clf_status status = clf_image_write_png(path, grid, height, width, C);
  free(grid);
  return status;
}

/* The same latents each time, so that one sees them change. */
static clf_status draw_samples(const cli_training *t) {
  const clf_flow_spec *spec = clf_flow_get_spec(t->flow);
  const int64_t n = GRID * GRID;
  double *z = malloc((size_t)(n * spec->dim) * sizeof *z);
  double *x = malloc((size_t)(n * spec->dim) * sizeof *x);
  clf_status status = z && x ? CLF_OK : CLF_ENOMEM;
  if (!status) status = clf_sample_latents(t->flow, t->seed, 0, n, 1, z);
  if (!status) status = clf_invert(t->flow, z, n, x, NULL);
  if (!status) status = write_grid(spec, x, t->samples);
  free(z);
  free(x);
  return status;
}

clf_status cli_training_draw(cli_training *t) {
  clf_status status = t->samples ? draw_samples(t) : CLF_OK;
  const double *valid = t->kept && isfinite(t->valid[0]) ? t->valid : NULL;
  if (!status && t->curve && t->kept)
    status = t->bits > 0 ? clf_plot_bits(t->train, valid, t->kept, t->curve)
                         : clf_plot_training(t->train, valid, t->kept, t->curve);
  t->drawn = cli_clock();
  t->draw = 0;
  return status;
}

/* ---- The run ------------------------------------------------------------- */

/* Samples of an image flow are drawn with each checkpoint and each tenth of the epochs, but no
 * more often than a person would look. */
static int draw_is_due(const cli_training *t, double now) {
  return t->samples && t->draw && now - t->drawn >= 20;
}

static int report(const clf_progress *p, void *context) {
  cli_training *t = context;
  const double now = cli_clock();
  if (t->first_step < 0) t->first_step = p->first;
  t->step = p->step;
  t->epoch = p->epoch;
  t->epochs = p->epochs;
  if (p->dropped) cli_say("%s", p->dropped);
  if (t->log) log_report(t, p);
  if (p->epoch_done && t->train && t->kept < p->epochs) {
    t->train[t->kept] = told(t, p->train);
    t->valid[t->kept++] = told(t, p->valid);
  }
  if (p->epoch_done && p->epoch * 10 / p->epochs > (p->epoch - 1) * 10 / p->epochs) t->draw = 1;
  show(t, p, now);
  return stop_wanted || (t->save_every > 0 && now - t->saved >= t->save_every) ||
         draw_is_due(t, now);
}

clf_status cli_training_save(cli_training *t) {
  t->saved = cli_clock();
  t->draw = 1;
  return t->weights_only ? clf_flow_save(t->flow, t->out) : clf_trainer_save(t->trainer, t->out);
}

/* Between two runs: a checkpoint, or pictures, or both. */
static void keep_up_to_date(cli_training *t) {
  const double now = cli_clock();
  if (t->save_every > 0 && now - t->saved >= t->save_every && cli_training_save(t) != CLF_OK)
    cli_say("no checkpoint, training goes on: %s", clf_errmsg());
  if (draw_is_due(t, now) && cli_training_draw(t) != CLF_OK)
    cli_say("no picture, training goes on: %s", clf_errmsg());
}

clf_status cli_training_run(cli_training *t) {
  catch_signal(SIGINT);
  catch_signal(SIGTERM);
  const double begin = cli_clock();
  t->saved = t->drawn = begin;
  t->shown = -INFINITY;
  t->first_step = -1;
  clf_status status;
  /* What is due stops the run, which then goes on: a trainer may be saved between
   * two runs, and divided runs give the same bits as one. */
  for (;;) {
    status = clf_trainer_run(t->trainer, report, t);
    if (status != CLF_ESTOPPED || stop_wanted) break;
    keep_up_to_date(t);
  }
  t->seconds = cli_clock() - begin;
  cli_progress_clear();
  return status;
}
