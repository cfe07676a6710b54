/* SPDX-License-Identifier: MIT */
/* train_results.c: what `clflow train` prints and draws. */
#include "train.h"
#include "clflow/plot.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Evaluating many images takes minutes, so at most this many are evaluated. */
enum { MOST_IMAGES = 1000 };

/* ---- Before ------------------------------------------------------------------ */

static void print_list(const clf_arch *arch) {
  const int32_t dim = clf_arch_dim(arch), layers = clf_arch_layers(arch);
  if (cli_wanted.preset) printf("preset %s, ", cli_wanted.preset->name);
  printf("%d dimension%s, %d layer%s", dim, dim == 1 ? "" : "s", layers, layers == 1 ? "" : "s");
}

void cli_train_heading(const cli_session *s) {
  const clf_flow_spec *spec = clf_flow_get_spec(s->flow);
  printf("device               %s\n", cli_clean(clf_device_name(s->dev)));
  printf("flow                 %s", clf_flow_arch(s->flow) ? "" : clf_kind_name(spec->kind));
  if (spec->scales)
    printf(", images of %d x %d x %d%s%s, %d scale%s, width %d, %d block%s", spec->height,
           spec->width, spec->channels, cli_wanted.preset ? ", preset " : "",
           cli_wanted.preset ? cli_wanted.preset->name : "", spec->scales,
           spec->scales == 1 ? "" : "s", spec->hidden, spec->blocks, spec->blocks == 1 ? "" : "s");
  else if (spec->bins)
    printf(", %d bins from %.6g to %.6g", spec->bins, spec->xmin, spec->xmax);
  else if (clf_flow_arch(s->flow))
    print_list(clf_flow_arch(s->flow));
  else
    printf(", %d column%s, hidden %d, depth %d", spec->dim, spec->dim == 1 ? "" : "s", spec->hidden,
           spec->depth);
  printf("; %" PRId64 " weights\n", clf_flow_weight_count(s->flow));
  cli_flush();
}

void cli_train_memory(const clf_train_plan *plan) {
  char total[24], limit[24];
  cli_format_bytes(plan->total, total, sizeof total);
  cli_format_bytes(plan->limit, limit, sizeof limit);
  printf("memory               %s", total);
  if (plan->limit < UINT64_MAX) printf(" of %s", limit);
  printf(", batches of %d", plan->batch);
  if (plan->part < plan->batch)
    printf(" in parts of %d%s", plan->part,
           plan->batch_statistics && !cli_wanted.target
               ? "; batch normalisation has the statistics of each part"
               : "");
  putchar('\n');
  cli_flush();
}

static void print_bytes(const char *name, uint64_t bytes, const char *note) {
  char text[24];
  cli_format_bytes(bytes, text, sizeof text);
  printf("%-20s %s%s\n", name, text, note);
}

/* Prints whether activations are stored or recomputed, and what the other choice would need. */
static void print_activations(const clf_train_plan *plan) {
  const int reverse = plan->way == CLF_ACTIVATIONS_REVERSE;
  char other[24], note[64];
  cli_format_bytes(reverse ? plan->stored : plan->rebuilt, other, sizeof other);
  snprintf(note, sizeof note, reverse ? ", reverse (store: %s)" : ", store (reverse: %s)", other);
  print_bytes("activations", plan->activations, note);
}

int cli_train_plan(const cli_session *s) {
  clf_train_options options = cli_wanted.train;
  const int64_t rows = cli_row_count(s);
  clf_train_plan plan;
  if (options.batch > rows && !cli_wanted.target) options.batch = (int32_t)rows;
  if (clf_train_plan_of(s->flow, &options, s->data.rows, &plan) != CLF_OK)
    return cli_fail_library();
  clf_arch *arch;
  const int code = cli_arch_of(s->flow, cli_wanted.train.standardize, &arch);
  if (code) return code;
  cli_train_heading(s);
  printf("architecture         %s\n", clf_arch_text(arch));
  clf_arch_free(arch);
  if (cli_wanted.target)
    printf("target               %s\n", cli_clean(cli_wanted.target));
  else
    printf("data                 %" PRId64 " %s of %s\n", rows, s->images ? "images" : "rows",
           cli_clean(cli_common.data));
  print_bytes("parameters", plan.parameters, "");
  print_bytes("optimiser", plan.optimiser, "");
  print_activations(&plan);
  print_bytes("samples", plan.data, "");
  cli_train_memory(&plan);
  puts("dry run              nothing was trained or written");
  return CLI_OK;
}

/* ---- After ------------------------------------------------------------------- */

static const char *samples(const cli_session *s) { return s->images ? "images" : "samples"; }

/* Scores all samples, or of images the first MOST_IMAGES. */
static int score_data(const cli_session *s, clf_score *score) {
  const int64_t rows = cli_row_count(s), n = rows < MOST_IMAGES ? rows : MOST_IMAGES;
  const clf_status status =
      s->images     ? clf_evaluate_images_given(s->flow, s->images, s->given.at ? &s->given : NULL,
                                                NULL, 0, n, cli_wanted.train.seed, score)
      : s->given.at ? clf_evaluate_given(s->flow, s->data.at, s->given.at, rows, score)
                    : clf_evaluate(s->flow, s->data.at, rows, score);
  return status == CLF_OK ? CLI_OK : cli_fail_library();
}

/* Prints the number of samples with zero density, if there are any, and the score of the others. */
static void print_zeros(const cli_session *s, const cli_training *t, const clf_score *score) {
  if (!score->zeros) return;
  const int bits = t->bits > 0;
  printf("zero density         %" PRId64 " of %" PRId64 " %s", score->zeros, score->count,
         samples(s));
  if (score->zeros < score->count)
    printf("; without them %.6f %s", bits ? score->rest.bits_per_dim : score->rest.mean,
           bits ? "bits/dim" : "nats");
  putchar('\n');
}

static void print_bits(const cli_session *s, const clf_score *score, const char *note) {
  const int64_t rows = cli_row_count(s);
  printf("bits/dim             %.6f, over ", score->bits_per_dim);
  if (score->count < rows)
    printf("the first %" PRId64 " of %" PRId64 " %s%s\n", score->count, rows, samples(s), note);
  else
    printf("all %" PRId64 " %s%s\n", rows, samples(s), note);
}

int cli_train_recalibrate(cli_session *s, cli_training *t) {
  clf_score before;
  const int code = score_data(s, &before);
  if (code) return code;
  if (clf_trainer_recalibrate(t->trainer) != CLF_OK || cli_training_save(t) != CLF_OK)
    return cli_fail_library();
  print_bits(s, &before, ", before recalibration");
  return CLI_OK;
}

void cli_train_tell_done(const cli_session *s) {
  const clf_history h = clf_flow_history(s->flow);
  const int64_t steps = cli_train_steps(), epochs = cli_wanted.train.epochs;
  if (h.early)
    cli_say(
        "%s ended early, since %" PRId64
        " validations in a row were no better; --init %s starts a new training from its weights",
        cli_wanted.out, h.early, cli_wanted.out);
  if (h.early || (steps ? h.steps < steps : h.epochs < epochs)) return;
  cli_say("%s has had its %" PRId64 " %s; a larger --%s would go on", cli_wanted.out,
          steps ? steps : epochs, steps ? "steps" : "epochs", steps ? "steps" : "epochs");
}

void cli_train_tell_best(const cli_training *t) {
  const clf_history h = clf_flow_history(t->flow);
  const char *unit = t->bits > 0 ? "bits/dim" : "nats";
  const double sign = t->bits > 0 ? -t->bits : 1;
  if (!h.best_epoch || isnan(h.best_train)) return;
  cli_say("training diverged: mean log p %.4f %s in epoch %" PRId64 ", %.4f in epoch %" PRId64
          "; the model has the weights of epoch %" PRId64
          ": a smaller --lr, --clip or --s-max may help, or validation rows (--valid-split)",
          h.train / sign, unit, h.epochs, h.best_train / sign, h.best_epoch, h.best_epoch);
}

/* Mean log p of the rows under one Gaussian with independent columns fitted to them; NaN: there
 * are none, or no memory. */
static double gaussian_of(const clf_table *data) {
  const double half_log_2pie = 1.4189385332046727; /* the entropy of a standard normal */
  double *v = malloc(2 * (size_t)data->cols * sizeof *v), sum = 0;
  if (!v) return NAN;
  clf_table_moments(data, NULL, 0, v, v + data->cols);
  for (int32_t d = 0; d < data->cols; d++) sum -= half_log_2pie + log(v[data->cols + d]);
  free(v);
  return isfinite(sum) ? sum : NAN;
}

/* A trained flow is better than that Gaussian, apart from rounding and the first few batches. */
static void tell_worse_than_gaussian(const cli_session *s, const clf_score *score) {
  const double *mean, *std, gaussian = gaussian_of(&s->data);
  const int scaled = clf_flow_scaling(s->flow, &mean, &std);
  if (!(score->mean < gaussian - 0.1)) return;
  cli_say("the flow fits these rows worse than a Gaussian with independent columns, which has "
          "mean log p %.4f nats: %smore --%s or another --lr%s",
          gaussian, scaled ? "" : "--standardize may help, or ",
          cli_train_steps() ? "steps" : "epochs", scaled ? " may help" : "");
}

/* The best epoch is among the last twentieth, as is expected with a step size that falls to 0. */
static void tell_unfinished(const clf_history *h) {
  if (h->epochs < 20 || 20 * (h->epochs - h->best_epoch) >= h->epochs ||
      cli_train_has_cosine(&cli_wanted.train))
    return;
  cli_say("the validation loss was still falling at the end; --resume --%s %" PRId64 " continues",
          cli_train_steps() ? "steps" : "epochs",
          cli_train_steps() ? 2 * cli_train_steps() : 2 * h->epochs);
}

static void print_valid(const cli_training *t, const clf_history *h) {
  printf("held-out %s      %.6f %s, best ", t->bits > 0 ? "images" : "rows  ",
         t->bits > 0 ? -h->valid / t->bits : h->valid, t->bits > 0 ? "bits/dim" : "nats");
  if (t->by_steps)
    printf("at step %" PRId64 "\n", h->best_step);
  else
    printf("in epoch %" PRId64 "\n", h->best_epoch);
}

static int print_scores(const cli_session *s, const cli_training *t) {
  clf_score score;
  const int code = score_data(s, &score);
  if (code) return code;
  const clf_history history = clf_flow_history(s->flow);
  if (t->bits > 0)
    print_bits(s, &score, "");
  else
    printf("mean log-likelihood  %.6f nats, over all %" PRId64 " samples\n", score.mean,
           score.count);
  print_zeros(s, t, &score);
  if (isfinite(history.valid)) print_valid(t, &history);
  if (t->bits == 0) printf("bits/dim             %.6f\n", score.bits_per_dim);
  cli_train_tell_best(t);
  if (t->bits == 0) tell_worse_than_gaussian(s, &score);
  if (isfinite(history.valid)) tell_unfinished(&history);
  return CLI_OK;
}

/* Prints how well the flow covers its target, from new samples of the flow. */
static int print_weights(const cli_session *s, const cli_training *t) {
  enum { SAMPLES = 10000 };
  clf_importance_score score;
  const double log_z = clf_density_log_z(&cli_wanted.density);
  if (clf_importance(s->flow, &cli_wanted.density, t->seed, 0, SAMPLES, &score, NULL, NULL) !=
      CLF_OK)
    return cli_fail_library();
  printf("log Z                %.6f, standard error %.6f, by %d samples\n", score.log_z,
         score.log_z_error, SAMPLES);
  if (isfinite(log_z)) printf("exact log Z          %.6f\n", log_z);
  printf("lower bound          %.6f\n", score.bound);
  printf("effective sample     %.2f%%, top weight %.2f%%\n", 100 * score.ess, 100 * score.top);
  return CLI_OK;
}

int cli_train_results(cli_session *s, const cli_training *t) {
  const int code = cli_wanted.target ? print_weights(s, t) : print_scores(s, t);
  if (code) return code;
  char all[24], one[24];
  const int64_t steps = t->first_step < 0 ? 0 : t->step - t->first_step;
  cli_format_seconds(t->seconds, all, sizeof all);
  cli_format_seconds(t->seconds / (double)(steps > 0 ? steps : 1), one, sizeof one);
  printf("time                 %s, %" PRId64 " steps", all, steps);
  if (steps > 0) printf(" of %s", one);
  printf("\nmodel                %s\n", cli_clean(cli_wanted.out));
  return CLI_OK;
}

int cli_train_draw(const cli_session *s, cli_training *t) {
  if (cli_wanted.plot &&
      clf_plot_flow(s->flow, &s->data, cli_wanted.train.seed, cli_wanted.plot) != CLF_OK)
    return cli_fail_library();
  if (t->curve && t->kept == 0)
    cli_say("%s is not drawn, because no epoch was completed", t->curve);
  return cli_training_draw(t);
}
