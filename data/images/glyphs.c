/* SPDX-License-Identifier: MIT */
/* glyphs.c: a synthetic set of images: one or two marks on a soft background.
 *
 * A mark is a signed distance, in units in which the image extends from -1 to 1: negative
 * inside, positive outside, so that a pixel is covered by 1/2 minus its distance in pixels,
 * clamped to 0 .. 1.  Image i depends only on the seed and i. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "images.h"
#include "keys.h"
#include "random.h"
#include "status.h"

static const double pi = 3.14159265358979323846;

typedef struct glyphs {
  uint64_t n, size, channels, seed;
} glyphs;

typedef struct point {
  double x, y;
} point;

/* The random numbers of one image, in sequence. */
typedef struct dice {
  uint64_t seed, k;
} dice;

static double roll(dice *d, double min, double max) {
  return min + (max - min) * clf__uniform(d->seed, d->k++);
}

/* ---- Distances ------------------------------------------------------------ */

static double to_segment(point p, point a, point b) {
  const double x = b.x - a.x, y = b.y - a.y;
  const double along = ((p.x - a.x) * x + (p.y - a.y) * y) / (x * x + y * y);
  const double t = fmin(fmax(along, 0), 1);
  return hypot(p.x - a.x - t * x, p.y - a.y - t * y);
}

static double to_box(point p, double w, double h) {
  const double x = fabs(p.x) - w, y = fabs(p.y) - h;
  return hypot(fmax(x, 0), fmax(y, 0)) + fmin(fmax(x, y), 0);
}

/* Strokes of a pen on a grid of 5 x 7 points: column and row of each point; a blank lifts the
 * pen. */
static const char *const letters[] = {
    "062046 1434", "40000646",      "40000646 0333", "400006 0333", "0006 4046 0343",
    "0006 400346", "000646",        "0600234046",    "06004640",    "0600404303",
    "0040 2026",   "400003434606",  "00064640",      "002640",      "0006234640",
    "0046 4006",   "00234023 2326", "00400646",      "36300444",    "004016"};
enum { LETTERS = sizeof letters / sizeof *letters };

static double to_letter(point p, const char *pen, double size) {
  const double unit = size / 3;
  double d = HUGE_VAL;
  point from = {0, 0};
  for (int down = 0; *pen; down = 1) {
    if (*pen == ' ') {
      pen++;
      down = 0;
    }
    const point at = {(pen[0] - '2') * unit, (pen[1] - '3') * unit};
    if (down) d = fmin(d, to_segment(p, from, at));
    from = at;
    pen += 2;
  }
  return d;
}

/* ---- Marks ---------------------------------------------------------------- */

typedef enum shape { STROKE, RING, ARC, FRAME, DISC, BOX, CROSS, TRIANGLE, LETTER } shape;

typedef struct mark {
  shape shape;
  const char *letter;
  point centre;
  double cosine, sine; /* of its rotation */
  double size, thick;  /* half of both */
  double aspect;       /* of a box; for an arc, the fraction that is drawn */
} mark;

static double distance_to(const mark *m, point at) {
  const double x = at.x - m->centre.x, y = at.y - m->centre.y, s = m->size;
  const point p = {m->cosine * x + m->sine * y, m->cosine * y - m->sine * x};
  const point left = {-s, 0}, right = {s, 0}, up = {0, -s}, down = {0, s};
  const point corner[] = {{0, -s}, {0.87 * s, 0.5 * s}, {-0.87 * s, 0.5 * s}};
  const double reach = m->aspect * pi; /* of an arc, in both directions */
  switch (m->shape) {
  case STROKE: return to_segment(p, left, right) - m->thick;
  case RING: return fabs(hypot(p.x, p.y) - s) - m->thick;
  case ARC:
    if (fabs(atan2(p.y, p.x)) < reach) return fabs(hypot(p.x, p.y) - s) - m->thick;
    return hypot(p.x - s * cos(reach), fabs(p.y) - s * sin(reach)) - m->thick;
  case FRAME: return fabs(to_box(p, s, s * m->aspect)) - m->thick;
  case DISC: return hypot(p.x, p.y) - 0.8 * s;
  case BOX: return to_box(p, 0.85 * s, 0.85 * s * m->aspect);
  case CROSS: return fmin(to_segment(p, left, right), to_segment(p, up, down)) - m->thick;
  case TRIANGLE:
    return fmin(fmin(to_segment(p, corner[0], corner[1]), to_segment(p, corner[1], corner[2])),
                to_segment(p, corner[2], corner[0])) -
           m->thick;
  case LETTER: return to_letter(p, m->letter, s) - m->thick;
  }
  return HUGE_VAL;
}

/* Every third mark is a letter, which is nearly upright. */
static mark roll_mark(dice *d, double min, double max) {
  mark m = {.shape = roll(d, 0, 3) < 1 ? LETTER : (shape)roll(d, STROKE, LETTER)};
  m.letter = letters[(int)roll(d, 0, LETTERS)];
  const double angle = m.shape == LETTER ? roll(d, -0.3, 0.3) : roll(d, -pi, pi);
  m.cosine = cos(angle);
  m.sine = sin(angle);
  m.size = roll(d, min, max);
  m.thick = roll(d, 0.08, 0.16) * (0.5 + m.size);
  m.aspect = roll(d, 0.45, 0.95);
  const double room = fmax(0.85 - m.size, 0);
  m.centre.x = roll(d, -room, room);
  m.centre.y = roll(d, -room, room);
  return m;
}

/* ---- Colours -------------------------------------------------------------- */

typedef struct colour {
  double rgb[3];
} colour;

/* From hue (as a fraction of a turn), saturation and value; grey uses only the value. */
static colour hsv(double hue, double saturation, double value, int grey) {
  colour c;
  for (int k = 0; k < 3; k++) {
    const double turn = 6 * (hue + (3 - k) / 3.0 - floor(hue + (3 - k) / 3.0));
    const double part = fmin(fmax(fabs(turn - 3) - 1, 0), 1);
    c.rgb[k] = value * (1 - (grey ? 0 : saturation) * (1 - part));
  }
  return c;
}

static void blend(colour *c, const colour *over, double part) {
  for (int k = 0; k < 3; k++) c->rgb[k] += part * (over->rgb[k] - c->rgb[k]);
}

/* ---- Images --------------------------------------------------------------- */

enum { MARKS = 2 };

typedef struct scene {
  colour ground[2]; /* at both ends of the gradient */
  point slope;      /* direction of the gradient */
  int marks;
  mark mark[MARKS];
  colour paint[MARKS];
} scene;

/* Background and paint differ in brightness; either one may be darker. */
static void roll_colours(dice *d, scene *s, int grey) {
  const double hue = roll(d, 0, 1), angle = roll(d, -pi, pi), step = roll(d, 0.05, 0.2);
  const int dark = roll(d, 0, 1) < 0.5;
  const double level = dark ? roll(d, 0.05, 0.25) : roll(d, 0.65, 0.8);
  const double strength = roll(d, 0.15, 0.6);
  s->ground[0] = hsv(hue, strength, level, grey);
  s->ground[1] = hsv(hue + roll(d, -0.1, 0.1), strength, level + step, grey);
  s->slope = (point){cos(angle), sin(angle)};
  for (int k = 0; k < MARKS; k++) {
    const double value = dark ? roll(d, 0.75, 1) : roll(d, 0.02, 0.35);
    s->paint[k] = hsv(hue + roll(d, 0.25, 0.75), roll(d, 0.4, 0.95), value, grey);
  }
}

/* Two marks are on opposite sides of the centre, so that both are visible. */
static void part(dice *d, mark m[2]) {
  const double angle = roll(d, -pi, pi), apart = roll(d, 0.35, 0.5);
  m[0].centre = (point){apart * cos(angle), apart * sin(angle)};
  m[1].centre = (point){-m[0].centre.x, -m[0].centre.y};
}

/* One mark, or two smaller ones. */
static scene roll_scene(const glyphs *g, uint64_t i) {
  dice d = {clf__mix(g->seed + clf__mix(i + CLF_RANDOM_STEP)), 0};
  scene s = {.marks = roll(&d, 0, 1) < 0.7 ? 1 : 2};
  roll_colours(&d, &s, g->channels == 1);
  for (int k = 0; k < s.marks; k++)
    s.mark[k] = s.marks == 1 ? roll_mark(&d, 0.4, 0.7) : roll_mark(&d, 0.28, 0.45);
  if (s.marks == 2) part(&d, s.mark);
  return s;
}

static colour shade(const scene *s, point at, double pixels) {
  const double along = 0.5 + 0.35 * (at.x * s->slope.x + at.y * s->slope.y);
  colour c = s->ground[0];
  blend(&c, &s->ground[1], along);
  for (int k = 0; k < s->marks; k++) {
    const double cover = 0.5 - distance_to(&s->mark[k], at) * pixels;
    blend(&c, &s->paint[k], fmin(fmax(cover, 0), 1));
  }
  return c;
}

static clf_status picture(const void *state, int64_t i, clf__picture *p) {
  const glyphs *const g = state;
  const scene s = roll_scene(g, (uint64_t)i);
  const int32_t size = (int32_t)g->size;
  *p = (clf__picture){size, size, (int32_t)g->channels, NULL};
  CLF_TRY(clf__picture_new("glyphs", p));
  uint8_t *to = p->at;
  for (int32_t y = 0; y < size; y++)
    for (int32_t x = 0; x < size; x++) {
      const point at = {(2 * x + 1.0) / size - 1, (2 * y + 1.0) / size - 1};
      const colour c = shade(&s, at, 0.5 * size);
      for (int32_t k = 0; k < p->channels; k++)
        *to++ = (uint8_t)(255 * fmin(fmax(c.rgb[k], 0), 1) + 0.5);
    }
  return CLF_OK;
}

static const char *name(const void *state, int64_t i) {
  (void)state;
  (void)i;
  return "glyphs";
}

/* The shape of its mark, or "pair". */
static int label(const void *state, int64_t i, char text[CLF_LABEL]) {
  static const char *const shapes[] = {"stroke", "ring",  "arc",      "frame", "disc",
                                       "box",    "cross", "triangle", "letter"};
  const scene s = roll_scene(state, (uint64_t)i);
  snprintf(text, CLF_LABEL, "%s", s.marks == 1 ? shapes[s.mark[0].shape] : "pair");
  return 1;
}

clf_status clf__glyphs_open(const char *source, clf__source *s) {
  glyphs g = {10000, 16, 1, 1};
  const clf__key keys[] = {
      {"n", "a whole number from 1 to 10000000", &g.n, 1, 10000000, NULL, 0},
      {"size", "a whole number from 4 to 256", &g.size, 4, 256, NULL, 0},
      {"channels", "1 or 3", &g.channels, 1, 3, NULL, 0},
      {"seed", "a whole number from 0 to 18446744073709551615", &g.seed, 0, UINT64_MAX, NULL, 0}};
  CLF_TRY(clf__keys_read(source, keys, sizeof keys / sizeof *keys));
  if (g.channels == 2)
    return clf__fail(CLF_EINVAL, "%s: channels must be 1 or 3, not \"2\"", source);
  glyphs *const state = malloc(sizeof *state);
  if (!state) return clf__fail(CLF_ENOMEM, "%s: no memory to draw it", source);
  *state = g;
  *s = (clf__source){.count = (int64_t)g.n,
                     .shape = {(int32_t)g.size, (int32_t)g.size, (int32_t)g.channels, NULL},
                     .state = state,
                     .picture = picture,
                     .name = name,
                     .label = label,
                     .free = free};
  return CLF_OK;
}
