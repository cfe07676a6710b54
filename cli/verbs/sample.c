/* SPDX-License-Identifier: MIT */
/* sample.c: `clflow sample` draws samples from a model. */
#include "cli.h"
#include "members.h"
#include "ranks.h"
#include "clflow/plot.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct {
  int64_t count, first;
  uint64_t seed;
  const char *out;
  int32_t grid[2]; /* 0: not given */
  double temperature;
  int beyond;
} o;

static cli_option options[] = {
    CLI_OPERAND_MODEL,
    {"-n", "N", "draw this many samples (required, except for a picture of images)", CLI_COUNT,
     &o.count, NULL, 0, 0},
    {"--out", "FILE",
     "write the samples: .csv, .npy, or - for standard output; .png draws one or two columns; "
     "images: .png draws a grid, .npy has their bytes, of an imported model its numbers",
     CLI_OUTPUT, &o.out, NULL, 1, 0},
    {"--grid", "RxC",
     "set rows and columns of a picture of images (default 8x8, or almost square for N)", CLI_GRID,
     o.grid, NULL, 0, 0},
    {"--temperature", "T",
     "multiply the spread of the latent variables around the mean of the base by T", CLI_FROM_0,
     &o.temperature, "1", 0, 0},
    {"--beyond-limits", NULL,
     "leave samples as the density has them, beyond the limits of columns too; `clflow importance "
     "--values` needs such samples",
     CLI_FLAG, &o.beyond, NULL, 0, 0},
    CLI_OPTION_SEED(&o.seed, "the stream of samples"),
    {"--first", "I", "skip this many samples of the stream", CLI_INDEX, &o.first, "0", 0, 0},
    CLI_OPTION_GIVEN("set the context of a conditional model: NAME=VALUE,..., or FILE.csv or "
                     "FILE.npy, for each row of which -n samples are drawn"),
    CLI_OPTION_ORDER,
    CLI_OPTION_FORCE,
    CLI_OPTIONS_MODEL,
    CLI_SECTION("Several devices"),
    CLI_OPTION_DEVICES,
    CLI_OPTIONS_END,
};

/* What samples are drawn for: all rows of a context, -n each; and the number of the first one in
 * the stream. */
typedef struct task {
  const clf_table *given; /* NULL: the model takes no context */
  int64_t first;
} task;

/* Draws samples at a temperature, without a context. */
static clf_status draw_warm(clf_flow *flow, int64_t first, int64_t n, double *z, double *x) {
  const clf_status s = clf_sample_latents(flow, o.seed, first, n, o.temperature, z);
  return s ? s : clf_invert(flow, z, n, x, NULL);
}

/* The same given contexts. c: room for the context of each sample. */
static clf_status draw_warm_given(clf_flow *flow, const clf_table *given, int64_t first, int64_t n,
                                  double *z, double *c, double *x) {
  const int32_t C = given->cols;
  const clf_status s = clf_sample_latents_given(flow, given->at, given->rows, o.seed, o.count,
                                                first, n, o.temperature, z);
  for (int64_t i = 0; i < n; i++)
    memcpy(c + i * C, given->at + (first + i) / o.count * C, (size_t)C * sizeof *c);
  return s ? s : clf_invert_given(flow, z, c, n, x, NULL);
}

/* Draws samples of the stream from number `first` of the task on. */
static clf_status draw_some(clf_flow *flow, const void *context, int64_t first, int64_t n,
                            double *x) {
  const task *t = context;
  first += t->first;
  if (o.beyond) CLF_TRY(clf_flow_remove_limits(flow));
  if (o.temperature == 1)
    return t->given ? clf_sample_given_part(flow, t->given->at, t->given->rows, o.seed, o.count,
                                            first, n, x)
                    : clf_sample(flow, o.seed, first, n, x);
  const size_t dim = (size_t)clf_flow_get_spec(flow)->dim,
               C = t->given ? (size_t)t->given->cols : 0;
  double *z = malloc((size_t)n * (dim + C) * sizeof *z);
  if (!z) return clf_fail(CLF_ENOMEM, "out of memory for the latents of samples");
  const clf_status s = t->given
                           ? draw_warm_given(flow, t->given, first, n, z, z + (size_t)n * dim, x)
                           : draw_warm(flow, first, n, z, x);
  free(z);
  return s;
}

/* Draws samples first .. first + n of all requested ones. */
static int draw(const cli_session *s, int64_t first, int64_t n, double *x) {
  const int32_t dim = clf_flow_get_spec(s->flow)->dim;
  const task t = {s->given.at ? &s->given : NULL, first + o.first};
  return cli_members_compute(s->flow, n, dim, draw_some, &t, x) == CLF_OK ? CLI_OK
                                                                          : cli_fail_library();
}

/* Draws all n samples, divided among the ranks. */
static int draw_part(cli_session *s, int64_t n, int32_t dim, double *x) {
  int64_t first, end;
  const int64_t chunk = clf_flow_chunk(s->flow);
  cli_ranks_range(n, chunk, &first, &end);
  int code = cli_session_compare(s);
  if (!code && end > first) code = draw(s, first, end - first, x + first * dim);
  return cli_ranks_join(code, x, n, chunk, (size_t)dim * sizeof *x);
}

/* All samples: -n for each context. */
static int count_all(const cli_session *s, int64_t *all) {
  const int64_t contexts = s->given.at ? s->given.rows : 1;
  if (s->given.at && o.first)
    return cli_usage("--first has no meaning with a context; leave it out");
  if (o.count > INT64_MAX / contexts)
    return cli_usage("-n %" PRId64 " for each of %" PRId64 " contexts is too much", o.count,
                     contexts);
  *all = o.count * contexts;
  return CLI_OK;
}

/* ---- Images ------------------------------------------------------------------- */

/* The destination of image chunks: bytes or numbers. */
typedef struct target {
  uint8_t *bytes;
  double *x;
} target;

static int draw_images(cli_session *s, int64_t all, target to) {
  const clf_flow_spec *spec = clf_flow_get_spec(s->flow);
  const int64_t dim = spec->dim;
  double *chunk = to.x ? NULL : malloc((size_t)(CLI_CHUNK * dim) * sizeof *chunk);
  if (!to.x && !chunk) return cli_fail("out of memory for %d images", CLI_CHUNK);
  int code = cli_session_compare(s);
  int64_t begin, end;
  cli_ranks_range(all, CLI_CHUNK, &begin, &end);
  for (int64_t first = begin, n; first < end && !code; first += n) {
    n = end - first < CLI_CHUNK ? end - first : CLI_CHUNK;
    double *x = to.x ? to.x + first * dim : chunk;
    code = draw(s, first, n, x);
    if (!code && to.bytes) cli_bytes_of(spec, x, n, to.bytes + first * dim);
    if (!code && all > CLI_CHUNK) cli_show_progress("sampling", first + n - begin, end - begin);
  }
  free(chunk);
  if (to.bytes) code = cli_ranks_join(code, to.bytes, all, CLI_CHUNK, (size_t)dim);
  if (to.x) code = cli_ranks_join(code, to.x, all, CLI_CHUNK, (size_t)dim * sizeof *to.x);
  if (!code) cli_ranks_finish();
  return code;
}

static int put_pixels(cli_session *s) {
  clf_table samples;
  int64_t all = 0;
  int code = count_all(s, &all);
  if (code) return code;
  if (clf_table_new(all, clf_flow_get_spec(s->flow)->dim, &samples) != CLF_OK)
    return cli_fail_library();
  code = draw_images(s, all, (target){.x = samples.at});
  if (!code && cli_ranks_own() == 0) code = cli_put_samples(o.out, s->flow, &samples);
  clf_table_free(&samples);
  return code;
}

/* Several contexts have a row of the grid each, of -n samples or 8. */
static void arrange(const cli_session *s, cli_grid *grid) {
  const int64_t contexts = s->given.at ? s->given.rows : 1;
  const int64_t cells = (int64_t)grid->rows * grid->cols;
  if (contexts > 1 && !o.grid[0]) {
    if (!o.count) o.count = 8;
    grid->rows = contexts > INT32_MAX ? INT32_MAX : (int32_t)contexts;
    grid->cols = o.count > INT32_MAX ? INT32_MAX : (int32_t)o.count;
  }
  if (!o.count) o.count = cells > contexts ? cells / contexts : 1;
}

/* Of a grid that was asked for. */
static int check_cells(int64_t all) {
  const int64_t cells = (int64_t)o.grid[0] * o.grid[1];
  if (!o.grid[0] || all <= cells) return CLI_OK;
  return cli_usage("%" PRId64 " samples are more than the %" PRId64 " cells of --grid %dx%d", all,
                   cells, o.grid[0], o.grid[1]);
}

static int put_images(cli_session *s, cli_grid grid) {
  const clf_flow_spec *spec = clf_flow_get_spec(s->flow);
  int64_t all = 0;
  arrange(s, &grid);
  int code = cli_has_suffix(o.out, ".png") ? cli_check_grid(spec, grid) : CLI_OK;
  if (!code) code = count_all(s, &all);
  if (!code) code = check_cells(all);
  if (code) return code;
  uint8_t *bytes = calloc((size_t)all, (size_t)spec->dim);
  if (!bytes) return cli_fail("out of memory for %" PRId64 " images", all);
  code = draw_images(s, all, (target){.bytes = bytes});
  if (!code && cli_ranks_own() == 0) code = cli_put_bytes(o.out, s->flow, bytes, all, grid);
  free(bytes);
  return code;
}

/* ---- Columns ------------------------------------------------------------------- */

static int put_columns(const clf_flow *flow, clf_table *samples) {
  if (!cli_has_suffix(o.out, ".png")) return cli_put_samples(o.out, flow, samples);
  char title[96];
  snprintf(title, sizeof title, "%lld samples, seed %llu", (long long)o.count,
           (unsigned long long)o.seed);
  return clf_plot_table(samples, title, o.out) == CLF_OK ? CLI_OK : cli_fail_library();
}

static int draw_columns(cli_session *s) {
  const int32_t dim = clf_flow_get_spec(s->flow)->dim;
  if (o.grid[0])
    return cli_fail("--grid arranges images; the model %s makes columns", cli_common.model);
  if (!o.count)
    return cli_usage("-n is missing: the number of samples to draw from %s", cli_common.model);
  if (cli_has_suffix(o.out, ".png") && dim > 2)
    return cli_fail("a picture shows one or two columns, the model %s has %d; write .csv or .npy",
                    cli_common.model, dim);
  clf_table samples;
  int64_t all = 0;
  int code = count_all(s, &all);
  if (code) return code;
  if (clf_table_new(all, dim, &samples) != CLF_OK) return cli_fail_library();
  code = draw_part(s, all, dim, samples.at);
  if (!code) cli_ranks_finish();
  if (!code && cli_ranks_own() == 0) code = put_columns(s->flow, &samples);
  clf_table_free(&samples);
  return code;
}

/* ---- The verb --------------------------------------------------------------------- */

/* Checks that need no model. */
static int check(cli_grid *grid) {
  const int picture = cli_has_suffix(o.out, ".png"), code = cli_check_images(o.out);
  if (code) return code;
  if (!picture && !o.count) return cli_usage("-n is missing: the number of samples to write");
  if (!picture && o.grid[0])
    return cli_usage("--grid is for a picture, --out FILE.png, not %s", o.out);
  *grid = o.grid[0] ? (cli_grid){.rows = o.grid[0], .cols = o.grid[1]}
          : o.count ? cli_near_square(o.count)
                    : (cli_grid){.rows = 8, .cols = 8};
  const int64_t cells = (int64_t)grid->rows * grid->cols;
  if (!o.grid[0] || o.count <= cells) return CLI_OK;
  return cli_usage("-n %" PRId64 " is more than the %" PRId64 " cells of --grid %dx%d", o.count,
                   cells, grid->rows, grid->cols);
}

static int run(void) {
  cli_grid grid;
  cli_ranks_divide();
  int code = check(&grid);
  if (!code) code = cli_members_check();
  if (code) return code;
  cli_session s;
  code = cli_session_open(&s);
  if (!code) code = cli_given_take(&s);
  if (!code && !cli_makes_images(&s)) {
    code = draw_columns(&s);
  } else if (!code) {
    code = cli_wants_bytes(o.out, s.flow) ? put_images(&s, grid) : put_pixels(&s);
  }
  cli_session_close(&s);
  return code;
}

const cli_verb cli_sample = {
    .name = "sample",
    .usage = "MODEL -n N --out FILE [options]",
    .purpose = "Draw samples from a model.",
    .details = "Sample I of a stream depends only on the seed and on I, so samples drawn in pieces "
               "with --first make up the whole. A model of images needs no -n for a picture: the "
               "samples fill the grid. Several contexts have a row of the grid each.",
    .examples = "clflow sample wine.flow -n 1000 --out samples.csv\nclflow sample trips.flow -n "
                "100 --given hour=8,weekday=mon --out -\nclflow sample digits.safetensors --grid "
                "6x10 --out samples.png",
    .options = options,
    .run = run,
    .ranks = 1,
};
