/* SPDX-License-Identifier: MIT */
/* sweep.c: `clflow sweep` runs several trainings with different seeds, options or architectures. */
#define _POSIX_C_SOURCE 200809L
#include "sweep.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "ranks.h"
#include "train.h"

/* ---- Checks -------------------------------------------------------------------------------- */

/* Training options that have no meaning for a sweep. */
static const struct {
  const char *option, *why;
} refused[] = {{"--seed", "--seeds lists the seeds"},
               {"--log", "each training has a log of its own in --folder"},
               {"--plot", "it draws one training"},
               {"--plot-curve", "it draws one training"},
               {"--folds", "its models are trained on all rows, so that none can be chosen"},
               {"--dry-run", "it plans one training"},
               {"--weights-only", "--resume and --blend need whole files"},
               {"--target", "a log-density has no validation rows to choose by"}};

const char *cli_sweep_refuses(const char *option) {
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    if (strcmp(option, refused[i].option) == 0) return refused[i].why;
  return NULL;
}

static int check_passed(void) {
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    if (cli_train_given(refused[i].option))
      return cli_usage("sweep does not take %s: %s", refused[i].option, refused[i].why);
  return CLI_OK;
}

static int check_data(void) {
  if (!cli_common.data)
    return cli_usage("--data is missing; usage: clflow sweep %s", cli_sweep.usage);
  if (clf_source_is_stream(cli_common.data))
    return cli_usage("--data %s: a sweep reads its data for each training; give a file",
                     cli_common.data);
  if (clf_is_image_source(cli_common.data) && !cli_wanted.valid &&
      !cli_train_given("--valid-split"))
    return cli_usage("a sweep chooses by validation images: give --valid-split or --valid");
  if (clf_is_image_source(cli_common.data) && (cli_sweep_wanted.blend || cli_sweep_wanted.test))
    return cli_usage("%s goes with tables, and %s holds images",
                     cli_sweep_wanted.blend ? "--blend" : "--test", cli_common.data);
  if (cli_sweep_wanted.devices.count && cli_ranks_size() > 1)
    return cli_usage("--devices is for one process: each rank trains on its --device, such as "
                     "opencl:local");
  if (cli_sweep_wanted.test && cli_wanted.weights)
    return cli_usage("--test and --weights exclude each other: `clflow train --test` weighs rows");
  return CLI_OK;
}

/* What cannot be read is refused before the trainings. */
static int check_test(void) {
  cli_session s = {0};
  if (!cli_sweep_wanted.test) return CLI_OK;
  const int code = cli_table_open(&s, cli_sweep_wanted.test);
  cli_apart_close(&s);
  return code;
}

static const char *folder_name(void) {
  static char name[4096];
  if (cli_sweep_wanted.folder || !cli_sweep_wanted.out) return cli_sweep_wanted.folder;
  const int n = snprintf(name, sizeof name - 64, "%s.sweep", cli_sweep_wanted.out);
  return n < (int)sizeof name - 64 ? name : NULL;
}

static const char *writes_to(const char **option) {
  *option = cli_sweep_wanted.folder ? "--folder" : "--out";
  return folder_name();
}

/* "sweep.json", or a file of a training such as "012.txt"; each may have ".previous" added. */
static int writes_name(const char *name) {
  static const char *const ends[] = {".safetensors", ".jsonl", ".txt"};
  const size_t digits = strspn(name, "0123456789");
  if (strncmp(name, "sweep.json", strlen("sweep.json")) == 0) return 1;
  for (size_t i = 0; digits >= 3 && i < sizeof ends / sizeof *ends; i++)
    if (strncmp(name + digits, ends[i], strlen(ends[i])) == 0) return 1;
  return 0;
}

static int check_outputs(void) {
  if (!cli_sweep_wanted.out)
    return cli_usage("--out is missing; usage: clflow sweep %s", cli_sweep.usage);
  cli_sweep_wanted.folder = folder_name();
  if (!cli_sweep_wanted.folder) return cli_usage("the name after --out is too long");
  const int code = cli_check_file("--out", cli_sweep_wanted.out, NULL);
  if (code) return code;
  if (mkdir(cli_sweep_wanted.folder, 0777) == 0 || errno == EEXIST) return CLI_OK;
  return cli_fail("--folder %s: %s", cli_sweep_wanted.folder, strerror(errno));
}

static int run(void) {
  cli_members s = {0};
  const int first = cli_ranks_own() == 0; /* the only rank that opens files of the sweep */
  int code = check_passed();
  if (!code) code = check_data();
  if (!code) code = cli_sweep_make(&s);
  if (!code && first) code = check_test();
  if (!code && first) code = check_outputs();
  if (!code && first) code = cli_sweep_read(&s);
  code = cli_ranks_agree(code);
  cli_ranks_run();
  if (!code) code = cli_sweep_divide(&s);
  if (!code) code = cli_sweep_train(&s);
  if (!code && first) code = cli_sweep_finish(&s);
  cli_sweep_free(&s);
  return code;
}

const cli_verb cli_sweep = {
    .name = "sweep",
    .usage = "--data DATA --out FILE [--seeds LIST] [--vary NAME=V,V] [--flow FLOW] [options]",
    .purpose = "Run many trainings and keep the best by validation.",
    .details =
        "All other options are those of `clflow train`; they hold for every training. All "
        "trainings "
        "have the same validation rows (--split-seed). A training that fails does not end the "
        "sweep. Ctrl-C saves the trainings under way, and --resume continues them.",
    .examples = "clflow sweep --data moons --seeds 1..4 --out best.safetensors\n"
                "clflow sweep --data moons --flow nsf --flow maf --vary lr=1e-3,3e-3 --blend 3 "
                "--out best.safetensors",
    .options = cli_sweep_options,
    .run = run,
    .missing = CLF_MISSING_DROP,
    .passes_to = &cli_train,
    .also_reads = cli_sweep_also_reads,
    .writes_to = writes_to,
    .writes_name = writes_name,
    .ranks = 1,
};
