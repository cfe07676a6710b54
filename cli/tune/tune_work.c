/* SPDX-License-Identifier: MIT */
/* tune_work.c: the work for which `clflow tune` measures. */
#include "tune.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- A flow -------------------------------------------------------------------------- */

/* Makes image rows, or values in the middle of the flow's input range. */
static clf_status make_rows(const clf_flow_spec *spec, int32_t rows, clf_table *t) {
  const int images = spec->height > 0;
  uint32_t state = 1;
  CLF_TRY(clf_table_new(rows, spec->dim, t));
  for (int64_t i = 0; i < t->rows * t->cols; i++) {
    state = state * 1664525u + 1013904223u;
    t->at[i] = images ? (double)((state >> 8) % (uint32_t)spec->levels) + 0.5 : state * 0x1p-32;
  }
  return CLF_OK;
}

/* The weights are discarded, so the step size may be zero. */
static clf_status work_with(clf_flow *flow, const clf_table *rows) {
  const int images = clf_flow_get_spec(flow)->height > 0;
  clf_train_options options = images ? clf_train_options_images() : clf_train_options_default();
  clf_trainer *trainer = NULL;
  options.epochs = 1;
  options.batch = (int32_t)rows->rows;
  clf_status s = clf_trainer_create(flow, rows, &options, &trainer);
  if (!s) s = clf_trainer_run(trainer, NULL, NULL);
  clf_trainer_free(trainer);
  double *x = malloc((size_t)rows->rows * (size_t)rows->cols * sizeof *x);
  if (!s && !x) s = clf_fail(CLF_ENOMEM, "out of memory for samples");
  if (!s) s = clf_sample(flow, 1, 0, rows->rows, x);
  free(x);
  return s;
}

clf_status cli_tune_flow(clf_device *dev, void *context) {
  (void)context;
  clf_flow *flow = NULL;
  clf_table rows = {0};
  cli_common.hint.height = cli_tuning.spec.height; /* a state_dict does not contain it */
  cli_common.hint.width = cli_tuning.spec.width;
  clf_status s = cli_common.model ? clf_flow_load(dev, cli_common.model, &cli_common.hint, &flow)
                                  : cli_tune_new_flow(dev, &flow);
  if (!s && !cli_tuning.batch) {
    clf_train_options file;
    const int images = clf_flow_get_spec(flow)->height > 0;
    cli_tuning.batch = cli_common.model && !clf_train_options_load(cli_common.model, &file)
                           ? file.batch
                       : images ? clf_train_options_images().batch
                                : clf_train_options_default().batch;
  }
  if (!s) s = make_rows(clf_flow_get_spec(flow), cli_tuning.batch, &rows);
  if (!s) s = work_with(flow, &rows);
  clf_table_free(&rows);
  clf_flow_free(flow);
  return s;
}

/* ---- A file of shapes ------------------------------------------------------------------- */

typedef struct shapes {
  clf_device *dev;
  clf_arena arena; /* first measures, then contains the tensors of a line */
} shapes;

static clf_status matrix(shapes *s, int32_t rows, int32_t cols, clf_tensor *t) {
  CLF_TRY(clf_new(&s->arena, (int32_t[4]){rows, cols}, t));
  return s->arena.buf ? clf_do(s->dev, fill, .y = *t) : CLF_OK;
}

/* Makes an image tensor with channels last, as in image flows. */
static clf_status image(shapes *s, int32_t n, int32_t c, int32_t h, int32_t w, clf_tensor *t) {
  CLF_TRY(clf_new(&s->arena, (int32_t[4]){n, h, w, c}, t));
  if (s->arena.buf) CLF_TRY(clf_do(s->dev, fill, .y = *t));
  *t = (clf_tensor){t->buf, t->offset, {n, c, h, w}, {c * h * w, 1, c * w, c}};
  return CLF_OK;
}

static clf_status gemm(shapes *s, const int32_t *at, int ta, int tb) {
  const int32_t M = at[0], N = at[1], K = at[2];
  clf_tensor a, b, c;
  CLF_TRY(ta ? matrix(s, K, M, &a) : matrix(s, M, K, &a));
  CLF_TRY(tb ? matrix(s, N, K, &b) : matrix(s, K, N, &b));
  CLF_TRY(matrix(s, M, N, &c));
  if (!s->arena.buf) return CLF_OK;
  return clf_do(s->dev, gemm, .a = a, .b = b, .c = c, .ta = ta, .tb = tb, .alpha = 1);
}

static clf_status conv(shapes *s, const int32_t *at) {
  const int32_t n = at[0], h = at[1], w = at[2], ci = at[3], co = at[4], k = at[5];
  clf_tensor x, y, weights;
  CLF_TRY(image(s, n, ci, h, w, &x));
  CLF_TRY(image(s, n, co, h, w, &y));
  CLF_TRY(clf_new(&s->arena, (int32_t[4]){co, ci, k, k}, &weights));
  if (!s->arena.buf) return CLF_OK;
  CLF_TRY(clf_do(s->dev, fill, .y = weights));
  CLF_TRY(clf_do(s->dev, conv_fwd, .x = x, .w = weights, .y = y));
  CLF_TRY(clf_do(s->dev, conv_bwd_data, .dy = y, .w = weights, .dx = x));
  return clf_do(s->dev, conv_bwd_weights, .x = x, .dy = y, .dw = weights);
}

static clf_status refuse_nul(int line) {
  char why[320];
  snprintf(why, sizeof why, "%.200s, line %d holds a NUL byte; shapes are lines of text",
           cli_tuning.shapes, line);
  return clf_fail(CLF_EFORMAT, why);
}

static clf_status refuse(int line, const char *text) {
  char why[256];
  snprintf(why, sizeof why,
           "%s, line %d: \"%.80s\" is neither \"gemm M N K [ta] [tb]\" nor \"conv N H W CIN COUT "
           "K\"",
           cli_tuning.shapes, line, text);
  return clf_fail(CLF_EFORMAT, why);
}

/* Reads the flags after the numbers as 1s and 0s; returns 0 if there is more text. */
static int read_flags(const char *text, int *ta, int *tb) {
  char word[2][8] = {"", ""}, more[2];
  if (sscanf(text, "%7s %7s %1s", word[0], word[1], more) > 2) return 0;
  for (int i = 0; i < 2; i++) {
    *ta |= strcmp(word[i], "ta") == 0;
    *tb |= strcmp(word[i], "tb") == 0;
    if (*word[i] && strcmp(word[i], "ta") != 0 && strcmp(word[i], "tb") != 0) return 0;
  }
  return 1;
}

/* Reads `count` sizes that follow `word`; returns the text after them, or NULL. */
static const char *read_sizes(const char *text, const char *word, int count, int32_t *at) {
  const size_t n = strlen(word);
  if (strncmp(text, word, n) != 0 || !strchr(" \t", text[n])) return NULL;
  text += n;
  for (int i = 0; i < count; i++) {
    char *end;
    errno = 0;
    const long v = strtol(text, &end, 10);
    if (end == text || errno || v < 1 || v > INT32_MAX) return NULL;
    at[i] = (int32_t)v;
    text = end;
  }
  return text;
}

/* Makes the calls of one line; with an arena that measures, only finds their memory. */
static clf_status run_line(shapes *s, int line, const char *text) {
  int32_t at[6];
  int ta = 0, tb = 0;
  const char *rest = read_sizes(text, "gemm", 3, at);
  if (rest && read_flags(rest, &ta, &tb)) return gemm(s, at, ta, tb);
  rest = read_sizes(text, "conv", 6, at);
  if (rest && !rest[strspn(rest, " \t")]) return conv(s, at);
  return refuse(line, text);
}

enum { LINE = 256 };

/* Reads the next line up to the buffer's size. A longer line must be a comment; otherwise it is
 * refused. So is a NUL, where reading ends: a device of zeros has no line end. */
static int read_line(FILE *f, char text[LINE], int *has_nul) {
  int n = 0, c = fgetc(f);
  const int there = c != EOF;
  for (; c > 0 && c != '\n'; c = fgetc(f))
    if (n < LINE - 1) text[n++] = (char)c;
  text[n] = 0;
  *has_nul = c == 0;
  return there;
}

static clf_status run_file(clf_device *dev, FILE *f) {
  char text[LINE];
  int has_nul;
  for (int line = 1; read_line(f, text, &has_nul); line++) {
    if (has_nul) return refuse_nul(line);
    if (strlen(text) == LINE - 1 && !strchr(text, '#')) return refuse(line, text);
    text[strcspn(text, "#\r")] = 0;
    if (!text[strspn(text, " \t")]) continue;
    shapes s = {.dev = dev, .arena = {.dev = dev}};
    CLF_TRY(run_line(&s, line, text));
    CLF_TRY(clf_arena_init(&s.arena, dev, s.arena.used));
    const clf_status status = run_line(&s, line, text);
    clf_arena_free(&s.arena);
    CLF_TRY(status);
  }
  if (!ferror(f)) return CLF_OK;
  snprintf(text, sizeof text, "%.200s cannot be read", cli_tuning.shapes);
  return clf_fail(CLF_EIO, text);
}

clf_status cli_tune_shapes(clf_device *dev, void *context) {
  (void)context;
  char why[256];
  FILE *f = fopen(cli_tuning.shapes, "r");
  snprintf(why, sizeof why, "%.200s cannot be opened", cli_tuning.shapes);
  if (!f) return clf_fail(CLF_EIO, why);
  const clf_status s = run_file(dev, f);
  fclose(f);
  return s;
}
