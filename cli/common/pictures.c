/* SPDX-License-Identifier: MIT */
/* pictures.c: images made by a model, as a grid in a PNG file or as bytes. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Words of the command line --------------------------------------------- */

cli_grid cli_near_square(int64_t count) {
  int64_t cols = (int64_t)ceil(sqrt((double)count));
  if (cols > INT32_MAX) cols = INT32_MAX;
  const int64_t rows = (count + cols - 1) / cols;
  return (cli_grid){.rows = rows > INT32_MAX ? INT32_MAX : (int32_t)rows, .cols = (int32_t)cols};
}

/* Parses whole numbers from `first` on, separated by commas. */
static int parse_numbers(const char *option, int first, const char *text, cli_indices *list) {
  for (const char *at = text;; at++) {
    const size_t digits = strspn(at, "0123456789");
    const int64_t number = digits < 1 || digits > 18 ? -1 : strtoll(at, NULL, 10);
    if (number < first || (at[digits] && at[digits] != ','))
      return cli_usage("%s takes whole numbers from %d, separated by commas; got \"%s\"", option,
                       first, text);
    if (list->count == CLI_INDICES)
      return cli_usage("%s takes at most %d numbers", option, CLI_INDICES);
    list->at[list->count++] = number - first;
    at += digits;
    if (!*at) return CLI_OK;
  }
}

int cli_parse_rows(const char *rows, const char *index, cli_indices *list) {
  list->count = 0;
  if (rows && index) return cli_usage("--rows and --index exclude each other");
  if (rows) return parse_numbers("--rows", 1, rows, list);
  return index ? parse_numbers("--index", 0, index, list) : CLI_OK;
}

/* ---- Rows that are given ------------------------------------------------------ */

static int check_indices(cli_indices *list, int64_t rows) {
  if (list->count == 0)
    for (; list->count < 8 && list->count < rows; list->count++)
      list->at[list->count] = list->count;
  for (int i = 0; i < list->count; i++)
    if (list->at[i] >= rows)
      return cli_fail("there is no row %" PRId64 " in %s, which has %" PRId64 " rows",
                      list->at[i] + 1, cli_common.data, rows);
  return CLI_OK;
}

int cli_examples_take(cli_session *s, cli_indices *list, cli_examples *e) {
  const size_t dim = (size_t)clf_flow_get_spec(s->flow)->dim, C = (size_t)s->given.cols;
  int code = check_indices(list, cli_row_count(s));
  if (code) return code;
  e->x = malloc((size_t)list->count * dim * sizeof *e->x);
  if (s->given.at) e->given = malloc((size_t)list->count * C * sizeof *e->given);
  if (!e->x || (s->given.at && !e->given))
    return cli_fail("out of memory for %d samples", list->count);
  for (int i = 0; i < list->count && !code; i++) {
    const double *row, *c = NULL;
    code = cli_rows(s, list->at[i], 1, &row);
    if (!code) memcpy(e->x + (size_t)i * dim, row, dim * sizeof *row);
    if (!code) code = cli_given_rows(s, list->at[i], 1, &c);
    if (!code && c) memcpy(e->given + (size_t)i * C, c, C * sizeof *c);
  }
  return code;
}

void cli_examples_free(cli_examples *e) {
  free(e->x);
  free(e->given);
}

static clf_status transform(clf_flow *flow, const double *x, const double *c, int64_t n,
                            double *z) {
  return c ? clf_transform_given(flow, x, c, n, z, NULL) : clf_transform(flow, x, n, z, NULL);
}

/* If the rows are refused, they are mapped one by one, so that the message names the row at
 * fault by its number in the data. */
int cli_examples_transform(const cli_session *s, const cli_indices *list, const cli_examples *e,
                           double *z) {
  const int64_t dim = clf_flow_get_spec(s->flow)->dim, C = s->given.cols;
  clf_status status = transform(s->flow, e->x, e->given, list->count, z);
  if (status == CLF_ENUM) {
    status = CLF_OK;
    for (int i = 0; i < list->count && !status; i++) {
      clf_flow_set_first_row(s->flow, list->at[i]);
      status =
          transform(s->flow, e->x + i * dim, e->given ? e->given + i * C : NULL, 1, z + i * dim);
    }
  }
  return status == CLF_OK ? CLI_OK : cli_fail_library();
}

/* ---- Images that a model makes ------------------------------------------------ */

int cli_makes_images(const cli_session *s) { return clf_flow_get_spec(s->flow)->height > 0; }

void cli_show_progress(const char *what, int64_t done, int64_t total) {
  if (!isatty(STDERR_FILENO)) return;
  char line[96];
  snprintf(line, sizeof line, "%s: %" PRId64 " of %" PRId64 " images", what, done, total);
  if (done < total)
    cli_progress_draw(line);
  else
    cli_progress_clear();
}

int cli_decode(const cli_session *s, const double *z, const double *given, int64_t n, double *x) {
  const int64_t dim = clf_flow_get_spec(s->flow)->dim, C = s->given.cols,
                maximum = cli_makes_images(s) ? CLI_CHUNK : n;
  for (int64_t first = 0, rows; first < n; first += rows) {
    rows = n - first < maximum ? n - first : maximum;
    const double *const from = z + first * dim, *const c = given ? given + first * C : NULL;
    double *const to = x + first * dim;
    const clf_status status = c ? clf_invert_given(s->flow, from, c, rows, to, NULL)
                                : clf_invert(s->flow, from, rows, to, NULL);
    if (status != CLF_OK) return cli_fail_library();
    if (maximum < n) cli_show_progress("decoding", first + rows, n);
  }
  return CLI_OK;
}

void cli_bytes_of(const clf_flow_spec *spec, const double *x, int64_t n, uint8_t *bytes) {
  for (int64_t i = 0; i < n * spec->dim; i++)
    bytes[i] = (uint8_t)fmin(fmax(floor(x[i]), 0), spec->levels - 1);
}

/* ---- Grids --------------------------------------------------------------------- */

enum { GAP = 2, APART = 4 * GAP, WIDE = 512, HIGH = 1024, GROUND = 0x80, MOST_SIDE = 65536 };

/* The left edge of a column; there is a gap after the first `apart` columns. */
static int64_t left_of(const clf_flow_spec *spec, cli_grid g, int64_t times, int64_t col) {
  const int64_t off = g.apart > 0 && col >= g.apart ? APART : 0;
  return GAP + off + col * (spec->width * times + GAP);
}
static int64_t top_of(const clf_flow_spec *spec, int64_t times, int64_t row) {
  return GAP + row * (spec->height * times + GAP);
}

/* The factor by which small images are magnified until the picture is WIDE or HIGH. */
static int64_t magnified(const clf_flow_spec *spec, cli_grid g) {
  int64_t times = 1;
  while (left_of(spec, g, times, g.cols) < WIDE && top_of(spec, times, g.rows) < HIGH) times++;
  return times;
}

int cli_check_grid(const clf_flow_spec *spec, cli_grid g) {
  const int64_t times = magnified(spec, g);
  const int64_t width = left_of(spec, g, times, g.cols), height = top_of(spec, times, g.rows);
  if (width <= MOST_SIDE && height <= MOST_SIDE) return CLI_OK;
  return cli_fail("a grid of %d x %d images of %d x %d is %" PRId64 " pixels high and %" PRId64
                  " wide; a picture has at most %d a side: ask for fewer, or write .npy",
                  g.rows, g.cols, spec->height, spec->width, height, width, MOST_SIDE);
}

typedef struct canvas {
  uint8_t *at;
  int64_t width, channels, times;
} canvas;

static void draw_image(const canvas *to, const clf_flow_spec *spec, const uint8_t *bytes,
                       int64_t top, int64_t left) {
  const int64_t C = to->channels, times = to->times;
  for (int64_t y = 0; y < spec->height * times; y++)
    for (int64_t x = 0; x < spec->width * times; x++) {
      const uint8_t *from = bytes + (y / times * spec->width + x / times) * C;
      uint8_t *pixel = to->at + ((top + y) * to->width + left + x) * C;
      for (int64_t c = 0; c < C; c++)
        pixel[c] = (uint8_t)(spec->levels == 256 ? from[c] : from[c] * 255 / (spec->levels - 1));
    }
}

int cli_put_grid(const char *path, const clf_flow_spec *spec, const uint8_t *bytes, int64_t n,
                 cli_grid g) {
  const int64_t times = magnified(spec, g), height = top_of(spec, times, g.rows);
  canvas to = {
      .width = left_of(spec, g, times, g.cols), .channels = spec->channels, .times = times};
  const size_t size = (size_t)(height * to.width * to.channels);
  to.at = malloc(size);
  if (!to.at)
    return cli_fail("out of memory for a picture of %" PRId64 " x %" PRId64 " pixels", height,
                    to.width);
  memset(to.at, GROUND, size);
  for (int64_t i = 0; i < n; i++)
    draw_image(&to, spec, bytes + i * spec->dim, top_of(spec, times, i / g.cols),
               left_of(spec, g, times, i % g.cols));
  const clf_status status =
      clf_image_write_png(path, to.at, (int32_t)height, (int32_t)to.width, spec->channels);
  free(to.at);
  return status == CLF_OK ? CLI_OK : cli_fail_library();
}

/* ---- Files, by suffix ------------------------------------------------------------ */

int cli_check_images(const char *path) {
  return cli_has_suffix(path, ".png") ? cli_check_file("--out", path, ".png")
                                      : cli_check_table(path);
}

int cli_wants_bytes(const char *path, const clf_flow *flow) {
  return cli_has_suffix(path, ".png") ||
         (cli_has_suffix(path, ".npy") && !clf_flow_image_order(flow));
}

int cli_put_bytes(const char *path, const clf_flow *flow, const uint8_t *bytes, int64_t n,
                  cli_grid grid) {
  const clf_flow_spec *const spec = clf_flow_get_spec(flow);
  if (cli_has_suffix(path, ".png")) return cli_put_grid(path, spec, bytes, n, grid);
  if (clf_images_write_npy_in(path, bytes, n, spec->height, spec->width, spec->channels,
                              cli_image_order(flow)) != CLF_OK)
    return cli_fail_library();
  return CLI_OK;
}
