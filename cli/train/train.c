/* SPDX-License-Identifier: MIT */
/* train.c: `clflow train` fits a model to data and writes its file. */
#define _POSIX_C_SOURCE 200809L
#include "train.h"
#include "../../runtime/core/status.h"
#include "ranks.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static int check_outputs(void) {
  if (!cli_wanted.out && (!cli_wanted.dry_run || cli_wanted.resume))
    return cli_usage("--out is missing; usage: clflow train %s", CLI_TRAIN_USAGE);
  if (cli_wanted.resume && cli_wanted.init)
    return cli_usage("--init and --resume exclude each other: both say where to begin");
  if (cli_wanted.resume && access(cli_wanted.out, F_OK) != 0)
    return cli_fail("there is no %s to resume; without --resume a new training begins",
                    cli_wanted.out);
  int code = cli_devices_check();
  if (!code) code = cli_check_file("--out", cli_wanted.out, NULL);
  if (!code && !cli_is_stdout(cli_wanted.log)) code = cli_check_file("--log", cli_wanted.log, NULL);
  if (!code) code = cli_check_file("--plot", cli_wanted.plot, ".png");
  if (!code) code = cli_check_file("--plot-curve", cli_wanted.curve, ".png");
  return code;
}

static int prepare(cli_session *s, cli_training *t) {
  int code = cli_train_prepare(s);
  if (!code) code = cli_folds_check(s);
  if (!code) code = cli_train_advise(s);
  if (!code) code = cli_devices_set_grains(&cli_wanted.train);
  if (code || cli_wanted.dry_run) return code;
  code = cli_train_open_apart(s);
  if (!code) code = cli_train_keep_beginning(s);
  if (!code) code = cli_devices_keep(s);
  if (code) return code;
  clf_train_options all = cli_wanted.train;
  if (cli_wanted.folds) clf_train_options_set(&all, "patience", "0");
  const clf_train_options *o = &all;
  if (cli_train_create_first(s, o, &t->trainer) != CLF_OK) return cli_fail_library();
  if (cli_wanted.resume && clf_trainer_resume(t->trainer, cli_wanted.out) != CLF_OK)
    return cli_fail_library();
  const clf_flow_spec *spec = clf_flow_get_spec(s->flow);
  t->flow = s->flow;
  t->bits = spec->height ? spec->dim * log(2) : 0;
  t->given = s->given.at ? &s->given : NULL;
  t->bound = cli_wanted.target != NULL;
  t->seed = o->seed;
  t->out = cli_wanted.out;
  t->weights_only = cli_wanted.weights_only;
  t->save_every = cli_wanted.save_every;
  t->by_steps = cli_train_steps() > 0;
  return CLI_OK;
}

/* ---- How it ends ------------------------------------------------------------- */

static int end_stopped(cli_training *t) {
  if (cli_training_save(t) != CLF_OK) return cli_fail_library();
  if (t->by_steps)
    cli_fail("stopped after step %" PRId64 " of %" PRId64 "; %s is saved", t->step, t->steps,
             cli_wanted.out);
  else
    cli_fail("stopped in epoch %" PRId64 " of %" PRId64 ", after %" PRId64 " steps; %s is saved",
             t->epoch, t->epochs, t->step, cli_wanted.out);
  cli_train_tell_best(t);
  if (!cli_wanted.weights_only) cli_train_say_continue();
  return CLI_FAILED;
}

/* The trainer's moments are useless after this failure; the weights named by the message are
 * not. */
static int end_not_finite(cli_training *t) {
  const clf_history history = clf_flow_history(t->flow);
  cli_fail_library();
  if (history.steps == 0)
    return cli_fail("%s is not written: no step of this training was good", cli_wanted.out);
  if (clf_flow_save(t->flow, cli_wanted.out) != CLF_OK) return cli_fail_library();
  if (history.best_epoch)
    return cli_fail("%s holds the weights of epoch %" PRId64, cli_wanted.out, history.best_epoch);
  return cli_fail("%s holds the last weights whose loss was finite", cli_wanted.out);
}

/* Since the last step failed, the device or memory may be available again. */
static int end_device_failed(cli_training *t) {
  cli_fail_library();
  if (cli_training_save(t) != CLF_OK) return CLI_FAILED;
  return cli_fail("%s is saved, as of step %" PRId64, cli_wanted.out, t->step);
}

static int train(cli_session *s, cli_training *t) {
  if (cli_wanted.resume) cli_train_tell_done(s);
  cli_train_heading(s);
  const clf_train_plan plan = clf_trainer_plan(t->trainer);
  if (t->bits > 0) cli_train_memory(&plan);
  const clf_status status = cli_training_run(t);
  if (cli_ranks_own()) return cli_train_ranks_ended(status);
  if (status == CLF_ESTOPPED) return end_stopped(t);
  if (status == CLF_ENUM) return end_not_finite(t);
  if (clf__device_failed(status)) return end_device_failed(t);
  if (status != CLF_OK || cli_training_save(t) != CLF_OK) return cli_fail_library();
  int code = cli_wanted.recalibrate ? cli_train_recalibrate(s, t) : CLI_OK;
  if (!code) code = cli_train_results(s, t);
  if (!code) code = cli_train_score_test(t);
  if (!code) code = cli_train_draw(s, t);
  return code;
}

static int run(void) {
  cli_signals_follow(cli_wanted.parent);
  const int first = cli_ranks_own() == 0;
  int code = cli_train_ranks_check();
  if (!code) code = first ? check_outputs() : cli_devices_check();
  code = cli_ranks_agree(code);
  if (!code) code = cli_train_ranks_begin();
  if (code) return code;
  cli_session s = {0};
  cli_training t = {0};
  code = prepare(&s, &t);
  if (!code && cli_wanted.dry_run) {
    code = cli_train_plan(&s);
  } else if (!code) {
    code = first ? cli_train_open_outputs(&t) : CLI_OK;
    code = cli_ranks_agree(code);
    cli_ranks_run();
    if (!code) code = cli_train_folds(&s, &t);
    if (!code) code = cli_devices_start(&t);
    if (!code) code = train(&s, &t);
  }
  const int log_code = cli_train_close_log(&t);
  clf_trainer_free(t.trainer);
  cli_devices_end();
  cli_train_ranks_end();
  free(t.train);
  free(t.valid);
  cli_train_free_rows();
  clf_density_free(&cli_wanted.density);
  cli_session_close(&s);
  clf_arch_free(cli_wanted.arch);
  return code ? code : log_code;
}

const cli_verb cli_train = {
    .name = "train",
    .usage = CLI_TRAIN_USAGE,
    .purpose = "Fit a flow to data by maximum likelihood, or to a log-density.",
    .details = "Ctrl-C saves and stops with exit code 1, and --resume continues; a second Ctrl-C "
               "ends the program at once. The same seed on the same device gives the same bits, "
               "interrupted or not. --preset lecture trains the lecture's flow with plain Adam.",
    .examples = "clflow train --data moons --epochs 50 --out moons.safetensors\nclflow train "
                "--data wine.csv --preset nsf --steps 8000 -o wine.safetensors\nclflow train "
                "--data faces/ --preset tiny --size 32 -o faces.safetensors --plot faces.png",
    .options = cli_train_options,
    .run = run,
    .missing = CLF_MISSING_DROP,
    .also_writes = cli_train_also_writes,
    .ranks = 1,
};
