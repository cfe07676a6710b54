/* SPDX-License-Identifier: MIT */
/* flow1.c: a one-dimensional flow: its density, its map and the map's derivative. */
#include "flows.h"
#include "fail.h"

#include <math.h>
#include <stdlib.h>

#define POINTS 1201

typedef struct curves {
  double x[POINTS], p[POINTS], f[POINTS], slope[POINTS];
} curves;

/* Without data the plot covers the interval of the flow, if it has one (there may be no samples
 * beyond), or else samples. */
static clf_status view_of(const clf__scene *s, clf__range *view) {
  if (s->data) return clf__view(s->data->at, s->data->rows, 1, view);
  double interval[2];
  if (clf_flow_interval(s->flow, interval)) {
    const double a = interval[0], b = interval[1];
    *view = (clf__range){a - 0.05 * (b - a), b + 0.05 * (b - a)};
    return CLF_OK;
  }
  double x[2000];
  CLF_TRY(clf_sample(s->flow, s->seed, 0, 2000, x));
  return clf__view(x, 2000, 1, view);
}

static clf_status sweep(clf_flow *flow, clf__range view, curves *at) {
  for (int i = 0; i < POINTS; i++) at->x[i] = view.lo + (view.hi - view.lo) * i / (POINTS - 1);
  CLF_TRY(clf_log_prob(flow, at->x, POINTS, at->p));
  CLF_TRY(clf__apply(flow, clf_transform, 1, at->x, POINTS, at->f, at->slope));
  for (int i = 0; i < POINTS; i++) {
    at->p[i] = exp(at->p[i]);
    at->slope[i] = exp(at->slope[i]);
  }
  return CLF_OK;
}

/* From zero to slightly above nearly all of v, and above `floor`: a spike is cut off so that it
 * does not flatten everything else. */
static clf_status height_of(const double *v, double floor, clf__range *r) {
  const double q = 0.995;
  double top;
  CLF_TRY(clf__quantiles(v, POINTS, 1, &q, 1, &top));
  top = isnan(top) ? floor : fmax(top, floor);
  *r = (clf__range){0, top > 0 ? 1.1 * top : 1};
  return CLF_OK;
}

static clf_status density(const clf__scene *s, clf__chart *c, clf__range view, const curves *at) {
  clf__hist hist = {0};
  clf__range high;
  if (s->data) CLF_TRY(clf__histogram(s->data->at, s->data->rows, view, &hist));
  CLF_TRY(height_of(at->p, hist.top, &high));
  const clf__panel p = clf__panel_begin(c, 0, 0, view, high);
  clf__panel_rules(&p);
  if (s->data) clf__panel_bars(&p, hist.over, hist.height, hist.bins, clf__rgb_bars);
  clf__panel_line(&p, at->x, at->p, POINTS, (clf__pen){clf__rgb_model, 1, 2});
  clf__panel_end(&p, &(clf__labels){.title = "Density", .y = "p(x)"});
  const clf__key keys[2] = {{"model", clf__rgb_model, CLF__KEY_LINE},
                            {"data", clf__rgb_bars, CLF__KEY_BAR}};
  if (s->data) clf__panel_legend(&p, keys, 2);
  return CLF_OK;
}

static clf_status maps(const clf__scene *s, clf__chart *c, clf__range view, const curves *at) {
  const double q[2] = {0, 1};
  double f[2];
  clf__range high;
  CLF_TRY(clf__quantiles(at->f, POINTS, 1, q, 2, f));
  if (isnan(f[0])) f[0] = f[1] = 0;
  clf__range z = clf__range_open((clf__range){f[0], f[1]});
  const double margin = 0.08 * (z.hi - z.lo);
  z = (clf__range){z.lo - margin, z.hi + margin};
  const clf__panel map = clf__panel_begin(c, 1, 0, view, z);
  clf__panel_rules(&map);
  clf__panel_line(&map, at->x, at->f, POINTS, (clf__pen){clf__rgb_model, 1, 2});
  clf__panel_end(&map, &(clf__labels){.title = "Map to the latent space", .y = "z = f(x)"});
  CLF_TRY(height_of(at->slope, 0, &high));
  const clf__panel slope = clf__panel_begin(c, 2, 0, view, high);
  clf__panel_rules(&slope);
  clf__panel_line(&slope, at->x, at->slope, POINTS, (clf__pen){clf__rgb_second, 1, 2});
  clf__panel_end(
      &slope,
      &(clf__labels){.title = "Its derivative", .y = "dz/dx", .x = clf__column(s->data, 0, "x")});
  return CLF_OK;
}

clf_status clf__draw_flow1(const clf__scene *s, clf__chart *c) {
  const double share[3] = {2, 1.25, 1};
  clf__range view;
  CLF_TRY(view_of(s, &view));
  curves *at = malloc(sizeof *at);
  if (!at) return clf__plot_fail(CLF_ENOMEM, "no memory for curves of %d points", POINTS);
  clf_status r = sweep(s->flow, view, at);
  if (!r) r = clf__chart_begin(c, 800, 860, 3, 1, share);
  if (!r) {
    r = density(s, c, view, at);
    if (!r) r = maps(s, c, view, at);
    if (r) clf__chart_end(c);
  }
  free(at);
  return r;
}
