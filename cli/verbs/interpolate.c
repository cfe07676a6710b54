/* SPDX-License-Identifier: MIT */
/* interpolate.c: `clflow interpolate` draws the manifold that four examples span in latent
 * space. */
#include "cli.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static struct {
  const char *out, *rows, *index;
  int32_t grid[2];
  double angle;
} o;

static cli_option options[] = {
    CLI_OPERAND_MODEL,
    CLI_OPTION_DATA("choose from these rows"),
    CLI_OPTION("--rows", "A,B,C,D",
               "take these rows as the four examples, counted from 1 (required)", CLI_TEXT, &o.rows,
               NULL),
    CLI_OPTION_OLD("--index", "A,B,C,D", CLI_TEXT, &o.index),
    {"--out", "FILE",
     "write the grid: images as .png, or .npy for bytes; rows as .csv, .npy, or - for standard "
     "output",
     CLI_OUTPUT, &o.out, NULL, 1, 0},
    {"--grid", "RxC", "set the steps of p and q, down and across", CLI_GRID, o.grid, "8x8", 0, 0},
    {"--angle", "A",
     "let p and q run over this many degrees, at most 360; below 360 both ends are drawn",
     CLI_ABOVE_0, &o.angle, "360", 0, 0},
    CLI_OPTION_GIVEN_ROWS,
    CLI_OPTION_FORCE,
    CLI_OPTIONS_TABLE,
    CLI_OPTIONS_IMAGE_DATA,
    CLI_OPTION_OLD("--noise-seed", "S", CLI_SEED, &cli_common.images.seed),
    CLI_OPTIONS_MODEL,
    CLI_OPTIONS_END,
};

/* A full circle ends where it begins, so its last step is left out. */
static double angle_at(int32_t i, int32_t steps) {
  const double pi = 3.14159265358979323846;
  const int32_t parts = o.angle < 360 ? steps - 1 : steps;
  return parts > 0 ? o.angle / 180 * pi * i / parts : 0;
}

/* The sum of four rows at v (4, cols), times w. */
static void add_up(const double *v, int64_t cols, const double w[4], double *out) {
  for (int64_t e = 0; e < cols; e++)
    out[e] = w[0] * v[e] + w[1] * v[cols + e] + w[2] * v[2 * cols + e] + w[3] * v[3 * cols + e];
}

/* Computes a cell of the grid from the latents (4, D) of the examples by equation 19 of Dinh et
 * al. 2017, and its context from theirs (4, C), with the squares of the same factors, which sum to
 * 1. Without a context, `c` is NULL. */
static void blend(const double *z, int64_t dim, const double *given, int64_t context, double p,
                  double q, double *out, double *c) {
  const double w[4] = {cos(p) * cos(q), cos(p) * sin(q), sin(p) * cos(q), sin(p) * sin(q)};
  const double squares[4] = {w[0] * w[0], w[1] * w[1], w[2] * w[2], w[3] * w[3]};
  add_up(z, dim, w, out);
  if (c) add_up(given, context, squares, c);
}

static int put(const cli_session *s, clf_table *made, cli_grid grid) {
  const clf_flow_spec *spec = clf_flow_get_spec(s->flow);
  if (!cli_makes_images(s) || !cli_wants_bytes(o.out, s->flow))
    return cli_put_samples(o.out, s->flow, made);
  uint8_t *images = malloc((size_t)made->rows * (size_t)spec->dim);
  if (!images) return cli_fail("out of memory for %" PRId64 " images", made->rows);
  cli_bytes_of(spec, made->at, made->rows, images);
  const int code = cli_put_bytes(o.out, s->flow, images, made->rows, grid);
  free(images);
  return code;
}

/* Computes the latents of the grid, and their contexts if the flow takes some. */
static int fill_grid(const cli_session *s, const cli_indices *list, const cli_examples *e,
                     cli_grid grid, clf_table *latents, clf_table *given) {
  const int64_t dim = latents->cols, C = given->cols;
  clf_table corners = {0};
  int code = clf_table_new(4, (int32_t)dim, &corners) == CLF_OK ? CLI_OK : cli_fail_library();
  if (!code) code = cli_examples_transform(s, list, e, corners.at);
  for (int64_t cell = 0; cell < latents->rows && !code; cell++)
    blend(corners.at, dim, e->given, C, angle_at((int32_t)(cell / grid.cols), grid.rows),
          angle_at((int32_t)(cell % grid.cols), grid.cols), latents->at + cell * dim,
          given->at ? given->at + cell * C : NULL);
  clf_table_free(&corners);
  return code;
}

/* Maps the latents of the grid to `made`. */
static int span(const cli_session *s, const cli_indices *list, const cli_examples *e, cli_grid grid,
                clf_table *made) {
  clf_table latents = {0}, given = {0};
  const int32_t dim = clf_flow_get_spec(s->flow)->dim;
  const int64_t cells = (int64_t)grid.rows * grid.cols;
  int code = CLI_OK;
  if (clf_table_new(cells, dim, &latents) != CLF_OK ||
      (e->given && clf_table_new(cells, s->given.cols, &given) != CLF_OK) ||
      clf_table_new(cells, dim, made) != CLF_OK)
    code = cli_fail_library();
  if (!code) code = fill_grid(s, list, e, grid, &latents, &given);
  if (!code) code = cli_decode(s, latents.at, given.at, cells, made->at);
  clf_table_free(&latents);
  clf_table_free(&given);
  return code;
}

static int draw(const cli_session *s, const cli_indices *list, const cli_examples *e,
                cli_grid grid) {
  if (cli_has_suffix(o.out, ".png")) {
    if (!cli_makes_images(s))
      return cli_fail("a picture shows images, the model %s makes columns; write .csv or .npy",
                      cli_common.model);
    const int code = cli_check_grid(clf_flow_get_spec(s->flow), grid);
    if (code) return code;
  }
  clf_table made = {0};
  int code = span(s, list, e, grid, &made);
  if (!code) code = put(s, &made, grid);
  clf_table_free(&made);
  return code;
}

static int run(void) {
  cli_indices list;
  int code = cli_parse_rows(o.rows, o.index, &list);
  if (code) return code;
  if (list.count == 0)
    return cli_usage("--rows is missing; usage: clflow interpolate %s", cli_interpolate.usage);
  if (list.count != 4)
    return cli_usage("--%s takes four rows A,B,C,D, got %d: %s", o.rows ? "rows" : "index",
                     list.count, o.rows ? o.rows : o.index);
  if (o.angle > 360) return cli_usage("--angle takes degrees to 360, got %g", o.angle);
  code = cli_check_images(o.out);
  if (code) return code;
  cli_session s;
  cli_examples e = {0};
  code = cli_session_open(&s);
  if (!code) code = cli_examples_take(&s, &list, &e);
  if (!code) code = draw(&s, &list, &e, (cli_grid){.rows = o.grid[0], .cols = o.grid[1]});
  cli_examples_free(&e);
  cli_session_close(&s);
  return code;
}

const cli_verb cli_interpolate = {
    .name = "interpolate",
    .usage = "MODEL --data DATA --rows A,B,C,D --out FILE [options]",
    .purpose = "Map a surface through the latents of four examples back to x.",
    .details = "With z1 to z4 the latents of the examples, row i and column j of the grid show\n  "
               "cos p (cos q z1 + sin q z2) + sin p (cos q z3 + sin q z4), p = 2 pi i / R, q = 2 "
               "pi j / C\nWith --angle 90 the examples are the corners of the grid.",
    .examples = "clflow interpolate digits.safetensors --data t10k-images-idx3-ubyte.gz \\\n    "
                "--rows 1,2,3,4 --angle 90 --out manifold.png",
    .options = options,
    .run = run,
};
