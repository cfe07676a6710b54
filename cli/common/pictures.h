/* SPDX-License-Identifier: MIT */
/* pictures.h: pictures of images.  Private to cli/. */
#ifndef CLI_PICTURES_H
#define CLI_PICTURES_H
#include "session.h"

/* The cells of a picture, vertically and horizontally; the first `apart` columns are set apart
 * from the others. */
typedef struct cli_grid {
  int32_t rows, cols, apart;
} cli_grid;

enum { CLI_INDICES = 256, CLI_CHUNK = 64 /* images made in one call */ };
typedef struct cli_indices {
  int count;
  int64_t at[CLI_INDICES]; /* from 0 */
} cli_indices;

/* Parses the rows of --rows, "1,4,6", or of the old --index, "0,3,5"; either may be NULL.
 * Without both the list is empty. */
int cli_parse_rows(const char *rows, const char *index, cli_indices *list);
cli_grid cli_near_square(int64_t count);

int cli_makes_images(const cli_session *s);

/* Rows of the data as the flow takes them, and their contexts. */
typedef struct cli_examples {
  double *x;     /* (count, D) */
  double *given; /* (count, C); NULL: the flow takes no context */
} cli_examples;
/* Reads these rows; an empty list becomes the first eight. Free the examples also after a failure.
 */
int cli_examples_take(cli_session *s, cli_indices *list, cli_examples *e);
void cli_examples_free(cli_examples *e);
/* Computes the latents of the examples, (count, D). */
int cli_examples_transform(const cli_session *s, const cli_indices *list, const cli_examples *e,
                           double *z);

/* x = f^-1(z) in chunks of images, with a progress line on stderr. given: (n, C), or NULL. */
int cli_decode(const cli_session *s, const double *z, const double *given, int64_t n, double *x);
void cli_show_progress(const char *what, int64_t done, int64_t total);

/* Converts continuous pixels to bytes below spec->levels. */
void cli_bytes_of(const clf_flow_spec *spec, const double *x, int64_t n, uint8_t *bytes);

/* Refuses a picture that is too large. */
int cli_check_grid(const clf_flow_spec *spec, cli_grid grid);
/* Writes at most rows * cols images as a PNG; values are scaled to 0 to 255 and small images
 * magnified. */
int cli_put_grid(const char *path, const clf_flow_spec *spec, const uint8_t *bytes, int64_t n,
                 cli_grid grid);
/* Whether a file of images has bytes: .png, and .npy unless the flow has an order of images, whose
 * numbers need not be pixels. */
int cli_wants_bytes(const char *path, const clf_flow *flow);
/* Like cli_put_grid(), but also writes .npy, in which bytes stay below the flow's levels, and whose
 * order is cli_image_order()'s. */
int cli_put_bytes(const char *path, const clf_flow *flow, const uint8_t *bytes, int64_t n,
                  cli_grid grid);
/* Like cli_check_table(), but for a .png too. */
int cli_check_images(const char *path);

#endif
