/* SPDX-License-Identifier: MIT */
/* charts.c: charts as SVG, 560 wide so that letters keep their size on a narrow page. Colours
 * are classes of page.css: d0, d1, ... for the devices. */
#include "bench.h"
#include <math.h>
#include <string.h>

enum { WIDTH = 560 };

static void open_svg(FILE *to, int height, const char *what) {
  fprintf(to, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", WIDTH, height, what);
}
static void close_svg(FILE *to) { fputs("</svg>\n", to); }

static int is_of(const bench_row *row, bench_group group, const char *stem) {
  const size_t n = strlen(stem);
  return row->w->group == group &&
         (!n || (strncmp(row->w->name, stem, n) == 0 && row->w->name[n] == '/'));
}

/* Rows are ordered by workload, with all devices of a workload together. */
#define EACH_WORKLOAD(r, rows)                                                                     \
  for (const bench_row *rows = (r)->row; rows < (r)->row + (r)->rows; rows += (r)->devices)

static const char *behind_slash(const char *name) {
  const char *slash = strchr(name, '/');
  return slash ? slash + 1 : name;
}

/* ---- Speed: bars, longer is faster --------------------------------------------------- */

/* With several devices relative to the fastest one; with one device relative to the limit of its
 * peaks. */
static double share(const bench_report *r, const bench_row *rows, int d) {
  double minimum = 0;
  if (r->devices == 1) {
    const double peak = bench_peak_percent(rows, r->device),
                 band = bench_bandwidth_percent(rows, r->device);
    return fmin(fmax(peak, band) / 100, 1);
  }
  for (int i = 0; i < r->devices; i++)
    if (rows[i].seconds > 0 && (minimum == 0 || rows[i].seconds < minimum))
      minimum = rows[i].seconds;
  return minimum / rows[d].seconds;
}

static void describe(const bench_report *r, const bench_row *row, char *text, size_t size) {
  const bench_device *d = &r->device[row->device];
  char seconds[32], rate[64] = "";
  bench_format_seconds(row->seconds, seconds, sizeof seconds);
  const double peak = bench_peak_percent(row, d), band = bench_bandwidth_percent(row, d);
  if (row->w->flops > 0 && peak >= band)
    snprintf(rate, sizeof rate, " \302\267 %.3g%s GFLOP/s \302\267 %.0f%%", bench_gflops(row),
             row->w->dense ? "*" : "", peak);
  else if (row->w->bytes > 0)
    snprintf(rate, sizeof rate, " \302\267 %.3g GB/s \302\267 %.0f%%", bench_gbytes(row), band);
  else if (row->w->items)
    snprintf(rate, sizeof rate, " \302\267 %.4g %s/s", (double)row->w->items / row->seconds,
             row->w->unit);
  snprintf(text, size, "%s%s%s", seconds, rate,
           bench_is_busy(row, d)         ? " \302\267 busy"
           : bench_is_above_peak(row, d) ? " \302\267 above peak"
                                         : "");
}

static void bar(const bench_report *r, const bench_row *rows, int d, int y, FILE *to) {
  enum { LENGTH = 330 };
  char text[128];
  if (rows[d].error[0]) {
    fprintf(to, "<text class=\"soft\" x=\"0\" y=\"%d\">failed</text>\n", y + 10);
    return;
  }
  describe(r, &rows[d], text, sizeof text);
  const double length = fmax(share(r, rows, d) * LENGTH, 2);
  fprintf(to,
          "<rect class=\"track\" x=\"0\" y=\"%d\" width=\"%d\" height=\"12\" rx=\"3\"/>"
          "<rect class=\"d%d\" x=\"0\" y=\"%d\" width=\"%.1f\" height=\"12\" rx=\"3\"/>"
          "<text class=\"soft\" x=\"%d\" y=\"%d\">%s</text>\n",
          y, LENGTH, d, y, length, LENGTH + 8, y + 10, text);
}

void bench_chart_speed(const bench_report *r, bench_group group, const char *stem, FILE *to) {
  const int each = 28 + 16 * r->devices;
  int y = 0;
  EACH_WORKLOAD(r, rows) y += is_of(rows, group, stem) ? each : 0;
  open_svg(to, y, "speed of the devices");
  y = 0;
  EACH_WORKLOAD(r, rows) {
    if (!is_of(rows, group, stem)) continue;
    fprintf(to, "<text class=\"name\" x=\"0\" y=\"%d\">%s</text>\n", y + 13,
            behind_slash(rows->w->name));
    for (int d = 0; d < r->devices; d++) bar(r, rows, d, y + 20 + 16 * d, to);
    y += each;
  }
  close_svg(to);
}

/* ---- Axes --------------------------------------------------------------------------- */

/* A logarithmic axis of whole decades from `low` to `high`, drawn between from and to. */
typedef struct axis {
  double low, high;
  int from, to;
} axis;

static axis decades(double low, double high, int from, int to) {
  axis a = {floor(log10(low)), ceil(log10(high)), from, to};
  if (a.high <= a.low) a.high = a.low + 1;
  return a;
}
static double at(const axis *a, double x) {
  return a->from + (log10(x) - a->low) / (a->high - a->low) * (a->to - a->from);
}

static void grid(const axis *x, const axis *y, FILE *to) {
  for (double k = x->low; k <= x->high; k++)
    fprintf(to,
            "<path class=\"grid\" d=\"M%.1f %dV%d\"/>"
            "<text class=\"soft\" text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">%g</text>\n",
            at(x, pow(10, k)), y->to, y->from, at(x, pow(10, k)), y->from + 16, pow(10, k));
  for (double k = y->low; k <= y->high; k++)
    fprintf(to,
            "<path class=\"grid\" d=\"M%d %.1fH%d\"/>"
            "<text class=\"soft\" text-anchor=\"end\" x=\"%d\" y=\"%.1f\">%g</text>\n",
            x->from, at(y, pow(10, k)), x->to, x->from - 6, at(y, pow(10, k)) + 4, pow(10, k));
}

/* ---- Roofline ----------------------------------------------------------------------- */

static double intensity(const bench_row *row) { return row->w->flops / row->w->bytes; }
static int has_both(const bench_row *row) {
  return row->w->flops > 0 && row->w->bytes > 0 && row->seconds > 0;
}

static void roof(const bench_device *d, int i, const axis *x, const axis *y, FILE *to) {
  if (d->gflops <= 0 || d->gbytes <= 0) return;
  const double left = pow(10, x->low), right = pow(10, x->high), knee = d->gflops / d->gbytes;
  const double low = pow(10, y->low), begin = fmax(left, low / d->gbytes);
  fprintf(to, "<path class=\"roof s%d\" d=\"M%.1f %.1fL%.1f %.1fL%.1f %.1f\"/>\n", i, at(x, begin),
          at(y, begin * d->gbytes), at(x, knee), at(y, d->gflops), at(x, right), at(y, d->gflops));
}

void bench_chart_roofline(const bench_report *r, FILE *to) {
  enum { HEIGHT = 380 };
  double range[4] = {0.1, 1000, 1, 100}; /* limits of intensities; of GFLOP/s */
  for (const bench_row *row = r->row; row < r->row + r->rows; row++) {
    if (!has_both(row)) continue;
    range[0] = fmin(range[0], intensity(row));
    range[1] = fmax(range[1], intensity(row));
    range[2] = fmin(range[2], bench_gflops(row));
  }
  for (int i = 0; i < r->devices; i++) range[3] = fmax(range[3], r->device[i].gflops);
  const axis x = decades(range[0], range[1], 52, WIDTH - 14),
             y = decades(range[2], range[3], HEIGHT - 44, 12);
  open_svg(to, HEIGHT, "roofline");
  grid(&x, &y, to);
  fprintf(to,
          "<text class=\"soft\" text-anchor=\"middle\" x=\"%d\" y=\"%d\">flops per byte</text>"
          "<text class=\"soft\" transform=\"translate(12 %d) rotate(-90)\" "
          "text-anchor=\"middle\">GFLOP/s</text>\n",
          (x.from + x.to) / 2, HEIGHT - 8, (y.from + y.to) / 2);
  for (int i = 0; i < r->devices; i++) roof(&r->device[i], i, &x, &y, to);
  for (const bench_row *row = r->row; row < r->row + r->rows; row++) {
    char text[128];
    if (!has_both(row)) continue;
    describe(r, row, text, sizeof text);
    fprintf(to,
            "<circle class=\"point d%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\">"
            "<title>%s, %s: %s</title></circle>\n",
            row->device, at(&x, intensity(row)), at(&y, bench_gflops(row)), row->w->name,
            r->device[row->device].asked, text);
  }
  close_svg(to);
}

/* ---- First and steady ------------------------------------------------------------------ */

static int is_first(const bench_row *rows, int ops) {
  return ops ? rows->w->group == BENCH_OP
             : rows->w->group >= BENCH_STEP && rows->w->group <= BENCH_SAMPLE;
}

static void dumbbell(const bench_report *r, const bench_row *row, const axis *x, int y, FILE *to) {
  char first[32], seconds[32];
  bench_format_seconds(row->first, first, sizeof first);
  bench_format_seconds(row->seconds, seconds, sizeof seconds);
  fprintf(to,
          "<g><title>%s, %s: first %s, then %s</title>"
          "<path class=\"roof pale s%d\" d=\"M%.1f %dH%.1f\"/>"
          "<circle class=\"hollow s%d\" cx=\"%.1f\" cy=\"%d\" r=\"4\"/>"
          "<circle class=\"d%d\" cx=\"%.1f\" cy=\"%d\" r=\"5\"/></g>\n",
          row->w->name, r->device[row->device].asked, first, seconds, row->device,
          at(x, row->seconds * 1e3), y, at(x, row->first * 1e3), row->device,
          at(x, row->first * 1e3), y, row->device, at(x, row->seconds * 1e3), y);
}

void bench_chart_first(const bench_report *r, int ops, FILE *to) {
  enum { TOP = 6, LABELS = 210 };
  const int each = 10 + 12 * r->devices;
  int y = TOP;
  double low = 1e9, high = 0;
  EACH_WORKLOAD(r, rows) {
    if (!is_first(rows, ops)) continue;
    y += each;
    for (int d = 0; d < r->devices; d++) {
      if (rows[d].error[0]) continue;
      low = fmin(low, fmin(rows[d].seconds, rows[d].first) * 1e3);
      high = fmax(high, fmax(rows[d].seconds, rows[d].first) * 1e3);
    }
  }
  const axis x = decades(fmax(fmin(low, high), 1e-6), fmax(high, 1e-6), LABELS, WIDTH - 20),
             none = {0, -1, y, TOP};
  open_svg(to, y + 38, "first and steady time");
  grid(&x, &none, to);
  fprintf(to, "<text class=\"soft\" text-anchor=\"middle\" x=\"%d\" y=\"%d\">ms</text>\n",
          (x.from + x.to) / 2, y + 32);
  y = TOP;
  EACH_WORKLOAD(r, rows) {
    if (!is_first(rows, ops)) continue;
    fprintf(to, "<text x=\"0\" y=\"%d\">%.36s</text>\n", y + each / 2 + 4, rows->w->name);
    for (int d = 0; d < r->devices; d++)
      if (!rows[d].error[0]) dumbbell(r, &rows[d], &x, y + 10 + 12 * d, to);
    y += each;
  }
  close_svg(to);
}

/* ---- Starts ----------------------------------------------------------------------------- */

enum { FROM = 48, LENGTH = 400 };

static void start_bar(double seconds, double maximum, int d, int pale, const char *what, int y,
                      FILE *to) {
  char text[32];
  bench_format_seconds(seconds, text, sizeof text);
  const double length = fmax(seconds / maximum * LENGTH, 2);
  fprintf(to,
          "<text class=\"soft\" x=\"0\" y=\"%d\">%s</text>"
          "<rect class=\"d%d%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"14\" rx=\"3\"/>"
          "<text class=\"soft\" x=\"%.1f\" y=\"%d\">%s</text>\n",
          y + 11, what, d, pale ? " pale" : "", FROM, y, length, FROM + length + 6, y + 11, text);
}

void bench_chart_start(const bench_report *r, FILE *to) {
  enum { EACH = 66 };
  double maximum = 0;
  EACH_WORKLOAD(r, rows)
  for (int d = 0; d < r->devices; d++)
    if (rows->w->group == BENCH_START)
      maximum = fmax(maximum, fmax(rows[d].first, rows[d].seconds));
  open_svg(to, EACH * r->devices + 20, "start of the program");
  const double goal = FROM + 0.3 / maximum * LENGTH; /* a delay that nobody notices */
  if (maximum > 0.3)
    fprintf(to,
            "<path class=\"goal\" d=\"M%.1f 0V%d\"/>"
            "<text class=\"soft\" x=\"%.1f\" y=\"%d\">0.3 s</text>\n",
            goal, EACH * r->devices + 2, goal + 5, EACH * r->devices + 10);
  EACH_WORKLOAD(r, rows) {
    if (rows->w->group != BENCH_START) continue;
    for (int d = 0; d < r->devices; d++) {
      fprintf(to, "<text class=\"name\" x=\"0\" y=\"%d\">%s</text>\n", EACH * d + 13,
              r->device[d].asked);
      if (rows[d].error[0]) continue;
      start_bar(rows[d].first, maximum, d, 1, "cold", EACH * d + 20, to);
      start_bar(rows[d].seconds, maximum, d, 0, "warm", EACH * d + 38, to);
    }
  }
  close_svg(to);
}
