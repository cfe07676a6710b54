/* SPDX-License-Identifier: MIT */
/* complete.c: `clflow complete` and `clflow compress` show what the coarse latents of images
 * contain (Dinh et al. 2017, appendix D). The fine latents are drawn at random or set to zero. */
#include "cli.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { COMPLETIONS = 6 };

static struct {
  const char *out, *rows, *index;
  uint64_t seed;
  double temperature; /* 0: the fine latents are zero */
  int64_t keep;       /* -1: every scale after another */
  int32_t samples;    /* 0: not given */
} o = {.keep = -1};

#define OPTIONS                                                                                    \
  CLI_OPERAND_MODEL, CLI_OPTION_DATA("choose from these images"),                                  \
      CLI_OPTION("--rows", "I,J,...",                                                              \
                 "use these images, counted from 1 (default: the first eight)", CLI_TEXT, &o.rows, \
                 NULL),                                                                            \
      CLI_OPTION_OLD("--index", "I,J,...", CLI_TEXT, &o.index),                                    \
      {"--out", "FILE.png", "write the picture, a row for each image", CLI_OUTPUT, &o.out, NULL,   \
       1,       0},                                                                                \
      CLI_OPTION("--keep", "K",                                                                    \
                 "keep the latents of scale K and of coarser scales; 0 keeps all (default: each "  \
                 "K, one after the other)",                                                        \
                 CLI_INDEX, &o.keep, NULL)
#define OPTIONS_IMAGES                                                                             \
  CLI_OPTION_GIVEN_ROWS, CLI_OPTION_FORCE, CLI_OPTIONS_IMAGES,                                     \
      CLI_OPTION_CHANNELS(&cli_common.images.channels)

static cli_option complete_options[] = {
    OPTIONS,
    CLI_OPTION("--samples", "N", "draw this many completions of each image with --keep (default 6)",
               CLI_COUNT32, &o.samples, NULL),
    CLI_OPTION("--temperature", "T", "multiply the spread of the latents that are drawn by T",
               CLI_FROM_0, &o.temperature, "1"),
    CLI_OPTION_SEED(&o.seed, "latents that are drawn"),
    OPTIONS_IMAGES,
    CLI_OPTIONS_NOISE_SEED,
    CLI_OPTIONS_TABLE,
    CLI_OPTIONS_MODEL,
    CLI_OPTIONS_END,
};

static cli_option compress_options[] = {
    OPTIONS,           OPTIONS_IMAGES,
    CLI_OPTIONS_NOISE, CLI_OPTION_OLD("--noise-seed", "S", CLI_SEED, &cli_common.images.seed),
    CLI_OPTIONS_TABLE, CLI_OPTIONS_MODEL,
    CLI_OPTIONS_END,
};

/* ---- Latents -------------------------------------------------------------------- */

/* The images made of each example, side by side: `made` of them. New random latents are drawn
 * for each image; where the kept scale changes from image to image, they are drawn once for all. */
typedef struct plan {
  const clf_flow_spec *spec;
  int32_t *scale; /* (D) the scale at which each latent leaves */
  int32_t scales;
  int32_t made;
} plan;

static int32_t kept_from(int32_t column) { return o.keep < 0 ? column : (int32_t)o.keep; }
static int32_t draw_of(int32_t column) { return o.keep < 0 ? 0 : column; }
static int32_t draws(const plan *p) { return o.keep < 0 ? 1 : p->made; }

/* Replaces the latents of the scales below `keep` by `fine`. */
static void replace(const plan *p, int32_t keep, const double *fine, double *z) {
  for (int32_t e = 0; e < p->spec->dim; e++)
    if (p->scale[e] < keep) z[e] = fine[e];
}

static int32_t latents_from(const plan *p, int32_t keep) {
  int32_t count = 0;
  for (int32_t e = 0; e < p->spec->dim; e++) count += p->scale[e] >= keep;
  return count;
}

/* Copies the latents of the examples (count, D) to those of the images to be made (count, made,
 * D). */
static void spread(const plan *p, int count, const double *z, const double *fine, double *out) {
  const int64_t dim = p->spec->dim;
  for (int64_t i = 0; i < count; i++)
    for (int32_t c = 0; c < p->made; c++, out += dim) {
      memcpy(out, z + i * dim, (size_t)dim * sizeof *out);
      replace(p, kept_from(c), fine + (i * draws(p) + draw_of(c)) * dim, out);
    }
}

/* Repeats the context of each example, (count, C), for its images, (count, made, C). */
static void spread_given(const plan *p, int count, const double *given, int32_t C, double *out) {
  for (int64_t i = 0; i < (int64_t)count * p->made * C; i++)
    out[i] = given[i / C / p->made * C + i % C];
}

/* Draws the latents that replace fine ones, (count, draws, D). */
static int draw_fine(const cli_session *s, const plan *p, int count, const double *given,
                     double *fine) {
  const int64_t n = draws(p), all = count * n;
  const clf_status status =
      given
          ? clf_sample_latents_given(s->flow, given, count, o.seed, n, 0, all, o.temperature, fine)
          : clf_sample_latents(s->flow, o.seed, 0, all, o.temperature, fine);
  return status == CLF_OK ? CLI_OK : cli_fail_library();
}

/* Sets `made` to the images (count * plan.made, D). */
static int make(const cli_session *s, const plan *p, const cli_indices *list, const cli_examples *e,
                clf_table *made) {
  const int count = list->count;
  const int32_t dim = p->spec->dim, C = s->given.cols;
  const int64_t all = (int64_t)count * p->made;
  clf_table z = {0}, fine = {0}, latents = {0}, given = {0};
  int code = CLI_OK;
  if (clf_table_new(count, dim, &z) != CLF_OK ||
      clf_table_new((int64_t)count * draws(p), dim, &fine) != CLF_OK ||
      clf_table_new(all, dim, &latents) != CLF_OK ||
      (e->given && clf_table_new(all, C, &given) != CLF_OK) ||
      clf_table_new(all, dim, made) != CLF_OK)
    code = cli_fail_library();
  if (!code) code = draw_fine(s, p, count, e->given, fine.at);
  if (!code) code = cli_examples_transform(s, list, e, z.at);
  if (!code) spread(p, count, z.at, fine.at, latents.at);
  if (!code && e->given) spread_given(p, count, e->given, C, given.at);
  if (!code) code = cli_decode(s, latents.at, given.at, all, made->at);
  clf_table_free(&z);
  clf_table_free(&fine);
  clf_table_free(&latents);
  clf_table_free(&given);
  return code;
}

/* ---- The picture ------------------------------------------------------------------ */

static void print_columns(const plan *p) {
  fputs("columns  original", stdout);
  for (int32_t c = 0; c < p->made; c++) {
    const int32_t keep = kept_from(c);
    if (c == 0 || o.keep < 0)
      printf(", %s%d of %d latents", c == 0 ? "kept " : "", latents_from(p, keep), p->spec->dim);
  }
  if (o.keep >= 0 && p->made > 1) printf(" (%d images)", p->made);
  putchar('\n');
}

static int put(const plan *p, int count, const double *x, const clf_table *made, cli_grid grid) {
  const int64_t dim = p->spec->dim;
  uint8_t *bytes = malloc((size_t)count * (size_t)(p->made + 1) * (size_t)dim), *to = bytes;
  if (!bytes) return cli_fail("out of memory for the bytes of %d images", count);
  for (int64_t i = 0; i < count; i++) {
    cli_bytes_of(p->spec, x + i * dim, 1, to);
    cli_bytes_of(p->spec, made->at + i * p->made * dim, p->made, to + dim);
    to += (p->made + 1) * dim;
  }
  const int code = cli_put_grid(o.out, p->spec, bytes, (int64_t)count * grid.cols, grid);
  free(bytes);
  if (!code) print_columns(p);
  return code;
}

/* Reads what is needed from the image model. Free p->scale. */
static int make_plan(const cli_session *s, plan *p) {
  p->spec = clf_flow_get_spec(s->flow);
  if (!cli_makes_images(s))
    return cli_fail("the model %s makes rows of numbers and has no scales; this is for models of "
                    "images",
                    cli_common.model);
  p->scale = calloc((size_t)p->spec->dim, sizeof *p->scale);
  if (!p->scale) return cli_fail("out of memory for the scales of %d latents", (int)p->spec->dim);
  if (clf_flow_latent_scales(s->flow, p->scale, &p->scales) != CLF_OK) return cli_fail_library();
  p->made = o.keep < 0 ? p->scales : o.samples;
  if (o.keep < p->scales) return CLI_OK;
  return cli_fail("--keep %" PRId64 " is beyond the model %s, which has scales 0 to %d", o.keep,
                  cli_common.model, (int)p->scales - 1);
}

static int draw_rows(const cli_session *s, const plan *p, const cli_indices *list,
                     const cli_examples *e) {
  const int count = list->count;
  const cli_grid grid = {.rows = count, .cols = p->made + 1, .apart = 1};
  int code = cli_check_grid(p->spec, grid);
  if (code) return code;
  clf_table made = {0};
  code = make(s, p, list, e, &made);
  if (!code) code = put(p, count, e->x, &made, grid);
  clf_table_free(&made);
  return code;
}

/* ---- The verbs --------------------------------------------------------------------- */

static int run(void) {
  cli_indices list = {.count = 0};
  int code = cli_parse_rows(o.rows, o.index, &list);
  if (!code) code = cli_check_file("--out", o.out, ".png");
  if (code) return code;
  cli_session s;
  plan p = {0};
  cli_examples e = {0};
  code = cli_session_open(&s);
  if (!code) code = make_plan(&s, &p);
  if (!code) code = cli_examples_take(&s, &list, &e);
  if (!code) code = draw_rows(&s, &p, &list, &e);
  free(p.scale);
  cli_examples_free(&e);
  cli_session_close(&s);
  return code;
}

static int run_complete(void) {
  if (o.samples && o.keep < 0)
    return cli_usage("--samples %d is for one --keep K; without it each K is shown once",
                     o.samples);
  if (!o.samples) o.samples = COMPLETIONS;
  return run();
}

static int run_compress(void) {
  o.samples = 1; /* all images would be equal */
  return run();
}

const cli_verb cli_complete = {
    .name = "complete",
    .usage = "MODEL --data DATA --out FILE.png [options]",
    .purpose = "Draw images again with new fine latents and the same coarse ones.",
    .details =
        "The columns of the picture: the image; the image from all its latents, which reproduces "
        "it; from the latents of scale 1 and coarser; of scale 2 and coarser; and so on. Each "
        "split of the flow ends a scale. With --keep K: the image, and N completions.",
    .examples =
        "clflow complete faces.safetensors --data faces --rows 4,6 --keep 2 --out faces.png",
    .options = complete_options,
    .run = run_complete,
};

const cli_verb cli_compress = {
    .name = "compress",
    .usage = "MODEL --data DATA --out FILE.png [options]",
    .purpose = "Draw images again without their fine latents.",
    .details = "The columns of the picture: the image; the image from all its latents, which "
               "reproduces it; from the latents of scale 1 and coarser, the others set to zero; of "
               "scale 2 and coarser; and so on. With --keep K: the image, and what is kept of it.",
    .examples = "clflow compress faces.safetensors --data faces --rows 4,6 --out faces.png",
    .options = compress_options,
    .run = run_compress,
};
