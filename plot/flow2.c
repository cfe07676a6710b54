/* SPDX-License-Identifier: MIT */
/* flow2.c: a two-dimensional flow: density, data, samples, and the latent grid. */
#include "flows.h"
#include "fail.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SIDE 256   /* density points along each axis */
#define LINES 13   /* grid lines in each direction, half a unit apart */
#define ALONG 401  /* points of a grid line */
#define REACH 3.0  /* the grid spans -REACH .. REACH */
#define DRAWN 5000 /* samples, if there are no data */

typedef struct picture {
  const clf__scene *s;
  clf__chart *c;
  clf__range x, y;
  int64_t samples;
  double *xy;    /* samples (samples, 2) */
  double *at;    /* scratch: positions, then mapped positions */
  double *value; /* scratch: log-density, or positions before mapping */
  float *shade;  /* (SIDE, SIDE) */
} picture;

static const char *const axis_names[2] = {"x₁", "x₂"};

static void finish(const picture *g, const clf__panel *p, const char *title, const char *note) {
  clf__panel_end(p, &(clf__labels){.title = title,
                                   .note = note,
                                   .x = clf__column(g->s->data, 0, axis_names[0]),
                                   .y = clf__column(g->s->data, 1, axis_names[1])});
}

static clf_status log_density(const picture *g) {
  for (int j = 0; j < SIDE; j++)
    for (int i = 0; i < SIDE; i++) {
      double *at = g->at + 2 * ((size_t)j * SIDE + (size_t)i);
      at[0] = g->x.lo + (g->x.hi - g->x.lo) * (i + 0.5) / SIDE;
      at[1] = g->y.lo + (g->y.hi - g->y.lo) * (j + 0.5) / SIDE;
    }
  return clf_log_prob(g->s->flow, g->at, (int64_t)SIDE * SIDE, g->value);
}

/* The colour map extends to the highest density in view, but at most to two and a half times the
 * 99.5 % quantile, so that a peak does not dominate.  In logarithms, ten nats. */
static clf_status density(const picture *g, int col, int logarithm) {
  const double q[2] = {0.995, 1};
  const int n = SIDE * SIDE;
  double top[2];
  char lo[40], number[36], hi[40];
  CLF_TRY(clf__quantiles(g->value, n, 1, q, 2, top));
  if (isnan(top[1])) top[0] = top[1] = 0;
  const double maximum = top[1] - top[0] < 12 ? fmin(top[1], top[0] + log(2.5)) : top[1];
  const double high = logarithm ? maximum : fmax(exp(maximum), DBL_MIN);
  const clf__range scale = {logarithm ? high - 10 : 0, high};
  for (int i = 0; i < n; i++) g->shade[i] = (float)(logarithm ? g->value[i] : exp(g->value[i]));
  const clf__panel p = clf__panel_begin(g->c, 0, col, g->x, g->y);
  clf__panel_heat(&p, g->shade, SIDE, SIDE, scale);
  finish(g, &p, logarithm ? "Log-density" : "Density", NULL);
  clf__number(number, sizeof number, scale.lo, 3);
  snprintf(lo, sizeof lo, logarithm ? "≤ %s" : "%s", number);
  clf__number(number, sizeof number, scale.hi, logarithm ? 3 : 2);
  snprintf(hi, sizeof hi, top[1] > maximum ? "≥ %s" : "%s", number);
  clf__panel_colorbar(&p, lo, hi);
  return CLF_OK;
}

static void dots(const picture *g, int row, int col, const char *title, const double *xy, int64_t n,
                 clf__rgb color) {
  char all[40], some[40], note[100];
  clf__count(all, sizeof all, n);
  clf__count(some, sizeof some, CLF__DOTS);
  if (n > CLF__DOTS)
    snprintf(note, sizeof note, "%s of %s points", some, all);
  else
    snprintf(note, sizeof note, "%s point%s", all, n == 1 ? "" : "s");
  const clf__panel p = clf__panel_begin(g->c, row, col, g->x, g->y);
  clf__panel_dots(&p, xy, n, color, 1);
  finish(g, &p, title, note);
}

/* Points of all lines along which coordinate `fixed` is constant, line by line. */
static void grid_lines(double *z, int fixed) {
  for (int k = 0; k < LINES; k++)
    for (int i = 0; i < ALONG; i++) {
      double *at = z + 2 * (k * ALONG + i);
      at[fixed] = REACH * (2.0 * k / (LINES - 1) - 1);
      at[1 - fixed] = REACH * (2.0 * i / (ALONG - 1) - 1);
    }
}

/* Lines fade away from the centre, like the probability they represent. */
static void warped(const picture *g, const clf__panel *p, clf__rgb color) {
  double x[ALONG], y[ALONG];
  for (int k = 0; k < LINES; k++) {
    const double z = REACH * (2.0 * k / (LINES - 1) - 1);
    for (int i = 0; i < ALONG; i++) {
      x[i] = g->at[2 * (k * ALONG + i)];
      y[i] = g->at[2 * (k * ALONG + i) + 1];
    }
    clf__panel_line(p, x, y, ALONG, (clf__pen){color, 0.3 + 0.65 * exp(-z * z / 4), 1.1});
  }
}

static clf_status grid(const picture *g) {
  const clf__rgb color[2] = {clf__rgb_model, clf__rgb_second};
  const clf_table *data = g->s->data;
  const clf__panel p = clf__panel_begin(g->c, 1, 1, g->x, g->y);
  clf_status s = CLF_OK;
  if (data) clf__panel_dots(&p, data->at, data->rows, clf__rgb_data, 0.45);
  for (int fixed = 0; fixed < 2 && !s; fixed++) {
    grid_lines(g->value, fixed);
    s = clf__apply(g->s->flow, clf_invert, 2, g->value, LINES * ALONG, g->at, NULL);
    if (!s) warped(g, &p, color[fixed]);
  }
  finish(g, &p, "Latent grid", NULL);
  const clf__key keys[2] = {{"z₁ constant", color[0], CLF__KEY_LINE},
                            {"z₂ constant", color[1], CLF__KEY_LINE}};
  clf__panel_legend(&p, keys, 2);
  return s;
}

static clf_status panels(const picture *g) {
  const clf_table *data = g->s->data;
  CLF_TRY(log_density(g));
  CLF_TRY(density(g, 0, 0));
  if (data)
    dots(g, 0, 1, "Data", data->at, data->rows, clf__rgb_data);
  else
    CLF_TRY(density(g, 1, 1));
  dots(g, 1, 0, "Samples", g->xy, g->samples, clf__rgb_model);
  return grid(g);
}

static clf_status look(picture *g) {
  const clf_table *data = g->s->data;
  const double *xy = data ? data->at : g->xy;
  const int64_t n = data ? data->rows : g->samples;
  CLF_TRY(clf_sample(g->s->flow, g->s->seed, 0, g->samples, g->xy));
  CLF_TRY(clf__view(xy, n, 2, &g->x));
  CLF_TRY(clf__view(xy + 1, n, 2, &g->y));
  clf__view_equal(&g->x, &g->y, 1, 1);
  return CLF_OK;
}

clf_status clf__draw_flow2(const clf__scene *s, clf__chart *c) {
  const double share[2] = {1, 1}, width = 800;
  const int64_t rows = s->data ? s->data->rows : DRAWN;
  picture g = {.s = s, .c = c, .samples = rows < CLF__DOTS ? rows : CLF__DOTS};
  g.xy = malloc((size_t)g.samples * 2 * sizeof *g.xy);
  g.at = malloc((size_t)SIDE * SIDE * 2 * sizeof *g.at);
  g.value = malloc((size_t)SIDE * SIDE * sizeof *g.value);
  g.shade = malloc((size_t)SIDE * SIDE * sizeof *g.shade);
  clf_status r =
      g.xy && g.at && g.value && g.shade
          ? look(&g)
          : clf__plot_fail(CLF_ENOMEM, "no memory for a density of %d x %d points", SIDE, SIDE);
  if (!r) r = clf__chart_begin(c, width, clf__chart_square(width, 2, 2), 2, 2, share);
  if (!r) {
    r = panels(&g);
    if (r) clf__chart_end(c);
  }
  free(g.xy);
  free(g.at);
  free(g.value);
  free(g.shade);
  return r;
}
