/* SPDX-License-Identifier: MIT */
/* frame.c: the panels of a report: axes with numbers and names. */
#include "canvas.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double number_size = 10.5, name_size = 11.5;

double clf__frame_x(const clf__frame *f, double v) {
  const double at = f->x + (v - f->ax.range.lo) / (f->ax.range.hi - f->ax.range.lo) * f->w;
  return fmin(fmax(at, f->x - 1e4), f->x + 1e4);
}

double clf__frame_y(const clf__frame *f, double v) {
  const double at = f->y + f->h - (v - f->ay.range.lo) / (f->ay.range.hi - f->ay.range.lo) * f->h;
  return fmin(fmax(at, f->y - 1e4), f->y + 1e4);
}

/* ---- Tick positions -------------------------------------------------------------------------- */

static void label_ticks(const clf__axis *a, clf__ticks *t) {
  const int maximum = (int)(sizeof t->at / sizeof *t->at);
  const int every = (a->label_count + maximum - 1) / maximum;
  t->count = 0;
  t->base = 0;
  for (int i = 0; i < a->label_count; i += every) {
    t->at[t->count] = a->first + i * a->step;
    clf__text_clean(t->label[t->count++], sizeof t->label[0], a->labels[i]);
  }
}

static void find_ticks(const clf__axis *a, double want, clf__ticks *t) {
  if (a->labels)
    label_ticks(a, t);
  else if (a->unit > 0)
    clf__date_ticks(t, a->range, a->unit, want);
  else
    clf__ticks_find(t, a->range, want, 0);
  if (t->count < 3 && !a->labels && a->unit == 0) clf__ticks_find(t, a->range, 1.7 * want, 0);
}

/* The widest label. */
static double width_of(const clf__ticks *t) {
  double widest = 0;
  for (int i = 0; i < t->count; i++)
    widest = fmax(widest, clf__canvas_width_of(t->label[i], number_size));
  return widest;
}

/* The axis' name, and the offset of its numbers. */
static void full_name(const clf__axis *a, double base, char *dst, size_t size) {
  char number[40] = "";
  if (base != 0) clf__number(number, sizeof number, fabs(base), 15);
  snprintf(dst, size, "%s%s%s", a->name, base == 0 ? "" : base > 0 ? " − " : " + ", number);
}

/* ---- Drawing --------------------------------------------------------------------------- */

/* Labels that would touch the previous one are left out; at the ends they stay inside the box. */
static void x_numbers(const clf__frame *f, const clf__ticks *t, double left, double right) {
  double free_from = left;
  for (int i = 0; i < t->count; i++) {
    const double max = t->count > 1 ? f->w / t->count * 1.4 : f->w;
    const double wide = fmin(clf__canvas_width_of(t->label[i], number_size), max);
    double at = clf__frame_x(f, t->at[i]);
    if (at < f->x - 1 || at > f->x + f->w + 1) continue;
    at = fmin(fmax(at, left + wide / 2), right - wide / 2);
    if (at - wide / 2 < free_from - 0.01) continue;
    clf__canvas_text(
        f->canvas, at, f->y + f->h + 14, t->label[i],
        (clf__write){.size = number_size, .align = 0.5, .ink = CLF__INK_SOFT, .max = max});
    free_from = at + wide / 2 + 6;
  }
}

static void y_numbers(const clf__frame *f, const clf__ticks *t, double max) {
  for (int i = 0; i < t->count; i++) {
    const double y = clf__frame_y(f, t->at[i]);
    if (y < f->y - 1 || y > f->y + f->h + 1) continue;
    clf__canvas_line(f->canvas, (const double[]){f->x, y, f->x + f->w, y}, 2,
                     (clf__stroke){CLF__INK_FAINT, 1, 0, 0});
    clf__canvas_text(
        f->canvas, f->x - 5, y + 3.6, t->label[i],
        (clf__write){.size = number_size, .align = 1, .ink = CLF__INK_SOFT, .max = max});
  }
}

static void x_marks(const clf__frame *f, const clf__ticks *t) {
  const double bottom = f->y + f->h;
  for (int i = 0; i < t->count; i++) {
    const double x = clf__frame_x(f, t->at[i]);
    if (x < f->x - 1 || x > f->x + f->w + 1) continue;
    clf__canvas_line(f->canvas, (const double[]){x, bottom, x, bottom + 3}, 2,
                     (clf__stroke){CLF__INK_FRAME, 1, 0, 0});
  }
  clf__canvas_line(f->canvas, (const double[]){f->x, bottom, f->x + f->w, bottom}, 2,
                   (clf__stroke){CLF__INK_FRAME, 1, 0, 0});
}

clf__frame clf__frame_begin(clf__canvas *c, double x, double y, double w, double h,
                            const clf__axis *ax, const clf__axis *ay) {
  clf__frame f = {.canvas = c, .ax = *ax, .ay = *ay};
  clf__ticks tx = {0}, ty = {0};
  char name[160];
  const double below = (ax->hidden ? 4 : 20) + (ax->name ? 17 : 0), above = ay->name ? 20 : 6;
  f.y = y + above;
  f.h = h - above - below;
  if (!ay->hidden) find_ticks(ay, fmax(3, f.h / 32), &ty);
  const double room = fmin(width_of(&ty) + 9, 0.4 * w);
  f.x = x + (ay->hidden ? 4 : fmax(room, 22));
  f.w = x + w - f.x - 8;
  if (!ax->hidden) find_ticks(ax, fmax(2, f.w / 62), &tx);
  if (ay->name) {
    full_name(ay, ty.base, name, sizeof name);
    clf__canvas_text(c, x + 2, y + 11, name,
                     (clf__write){.size = name_size, .ink = CLF__INK_TEXT, .max = w - 4});
  }
  if (ax->name) {
    full_name(ax, tx.base, name, sizeof name);
    clf__canvas_text(
        c, f.x + f.w / 2, y + h - 5, name,
        (clf__write){.size = name_size, .align = 0.5, .ink = CLF__INK_TEXT, .max = f.w});
  }
  y_numbers(&f, &ty, room - 7);
  x_marks(&f, &tx);
  x_numbers(&f, &tx, f.x - 6, x + w);
  clf__canvas_clip(c, f.x, f.y, f.w, f.h);
  return f;
}

void clf__frame_end(clf__frame *f) { clf__canvas_unclip(f->canvas); }
