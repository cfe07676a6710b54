/* SPDX-License-Identifier: MIT */
/* data_rows.c: rows of the data, of which images come in chunks. */
#include "cli.h"
#include <stdlib.h>

int64_t cli_row_count(const cli_session *s) {
  return s->images ? clf_images_count(s->images) : s->data.rows;
}

int64_t cli_row_chunk(const cli_session *s) {
  if (!s->images) return s->data.rows;
  const int64_t rows = (1 << 21) / (int64_t)clf_flow_get_spec(s->flow)->dim;
  return rows < 1 ? 1 : rows;
}

static int make_room(cli_session *s) {
  if (s->room) return CLI_OK;
  const size_t room = (size_t)cli_row_chunk(s), dim = (size_t)clf_flow_get_spec(s->flow)->dim;
  s->bytes = malloc(room * dim);
  s->pixels = malloc(room * dim * sizeof *s->pixels);
  if (!s->bytes || !s->pixels) return cli_fail("out of memory for %zu images", room);
  s->room = (int64_t)room;
  return CLI_OK;
}

int cli_rows(cli_session *s, int64_t first, int64_t n, const double **x) {
  const int32_t dim = clf_flow_get_spec(s->flow)->dim;
  if (!s->images) {
    *x = s->data.at + first * dim;
    return CLI_OK;
  }
  const int code = make_room(s);
  if (code) return code;
  if (clf_images_get(s->images, NULL, first, n, NULL, s->bytes) != CLF_OK)
    return cli_fail_library();
  if (clf_check_levels(s->flow, s->bytes, n, first) != CLF_OK)
    return cli_fail("%s: %s", cli_common.data, clf_errmsg());
  *x = s->pixels;
  if (s->noise.at)
    for (int64_t i = 0; i < n * dim; i++) s->pixels[i] = s->bytes[i] + s->noise.at[first * dim + i];
  else
    clf_dequantize(s->bytes, n, dim, cli_common.images.seed, first, s->pixels);
  return CLI_OK;
}
