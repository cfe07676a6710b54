/* SPDX-License-Identifier: MIT */
/* sample.c: `clflow sample`: draws from a model. */
#include "cli.h"
#include "clflow/plot.h"

static struct {
  int64_t count, first;
  uint64_t seed;
  const char *out;
} o;

static cli_option options[] = {
    CLI_OPERAND_MODEL,
    {"-n", "N", "how many samples", CLI_COUNT, &o.count, NULL, 1, 0},
    {"--out", "FILE",
     "columns x0, x1, ...: .csv, .npy, - to print CSV, or .png for a picture of one or two columns",
     CLI_TEXT, &o.out, NULL, 1, 0},
    {"--seed", "S", "of the stream of samples", CLI_SEED, &o.seed, "1", 0, 0},
    {"--first", "I", "index of the first one in that stream", CLI_INDEX, &o.first, "0", 0, 0},
    CLI_OPTIONS_MODEL,
    CLI_OPTIONS_END,
};

static int put(clf_table *samples, int picture) {
  if (!picture) return cli_put_table(o.out, samples, "x", 1);
  char title[96];
  snprintf(title, sizeof title, "%lld samples, seed %llu", (long long)o.count,
           (unsigned long long)o.seed);
  return clf_plot_table(samples, title, o.out) == CLF_OK ? CLI_OK : cli_fail_library();
}

static int draw(cli_session *s, int picture) {
  const int32_t dim = clf_flow_get_spec(s->flow)->dim;
  if (picture && dim > 2)
    return cli_fail("a picture shows one or two columns, the model %s has %d; write .csv or .npy",
                    cli_common.model, dim);
  clf_table samples;
  if (clf_table_new(o.count, dim, &samples) != CLF_OK) return cli_fail_library();
  int code = CLI_OK;
  if (clf_sample(s->flow, o.seed, o.first, o.count, samples.at) != CLF_OK)
    code = cli_fail_library();
  if (!code) code = put(&samples, picture);
  clf_table_free(&samples);
  return code;
}

static int run(void) {
  const int picture = cli_has_suffix(o.out, ".png");
  int code = picture ? cli_check_file("--out", o.out, ".png") : cli_check_table(o.out);
  if (code) return code;
  cli_session s;
  code = cli_session_open(&s);
  if (!code) code = draw(&s, picture);
  cli_session_close(&s);
  return code;
}

const cli_verb cli_sample = {
    .name = "sample",
    .usage = "MODEL -n N --out FILE [options]",
    .purpose = "Draws samples from a model.",
    .details =
        "Sample I of a stream depends on the seed and on I alone, so that parts drawn apart\n"
        "with --first make up the whole.",
    .example = "clflow sample moons.safetensors -n 1000 --out samples.csv",
    .options = options,
    .run = run,
};
