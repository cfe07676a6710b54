/* SPDX-License-Identifier: MIT */
/* html.c: a report as one self-contained page that includes its style and script. */
#include "bench.h"
#include <string.h>

static void put_text(const char *text, FILE *to) {
  for (; *text; text++) switch (*text) {
    case '<': fputs("&lt;", to); break;
    case '>': fputs("&gt;", to); break;
    case '&': fputs("&amp;", to); break;
    case '"': fputs("&quot;", to); break;
    default: fputc(*text, to);
    }
}

static const char *embedded(const char *name) {
  for (const bench_text *t = bench_texts; t->name; t++)
    if (strcmp(t->name, name) == 0) return t->text;
  return "";
}

static int has(const bench_report *r, bench_group group, const char *stem) {
  for (const bench_row *row = r->row; row < r->row + r->rows; row++)
    if (row->w->group == group && strncmp(row->w->name, stem, strlen(stem)) == 0) return 1;
  return 0;
}

/* ---- Head ---------------------------------------------------------------------------------- */

static void put_device(const bench_report *r, int i, FILE *to) {
  const bench_device *d = &r->device[i];
  fprintf(to, "<div class=\"card\"><b><i class=\"d%d\"></i>", i);
  put_text(clf_device_name(d->dev), to);
  fputs("</b><small>", to);
  put_text(d->info.platform, to);
  fputs(" &middot; driver ", to);
  put_text(d->info.driver[0] ? d->info.driver : "unknown", to);
  fprintf(to,
          " &middot; %d units</small><div class=\"figures\"><span>%.0f <em>GFLOP/s at best</em>"
          "</span><span>%.1f <em>GB/s at best</em></span></div></div>\n",
          (int)d->info.units, d->gflops, d->gbytes);
}

static void put_head(const bench_report *r, FILE *to) {
  fprintf(to,
          "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<title>clflow bench, %s</title>\n<style>\n%s</style></head>\n<body>\n"
          "<h1>clflow bench</h1>\n<p>clflow %s &middot; ",
          r->date, embedded("page.css"), clf_version());
  put_text(r->machine, to);
  fprintf(to, ", %d cores &middot; ", r->cores);
  put_text(r->kernel, to);
  fprintf(to, " &middot; %s</p>\n<div class=\"devices\">\n", r->date);
  for (int i = 0; i < r->devices; i++) put_device(r, i, to);
  char text[1024];
  bench_quiet_text(r, text, sizeof text);
  fputs("</div>\n<p>How quiet the machine was: ", to);
  put_text(text, to);
  fputs(".</p>\n<p>* dense equivalent: GFLOP/s and the part of the peak count work that kernels "
        "leave "
        "out, as masked weights and what Winograd's convolutions save. Busy: the machine did other "
        "work, or the samples differ much. Above peak: the peak was measured while the machine was "
        "busy.</p>\n",
        to);
}

static void put_legend(const bench_report *r, FILE *to) {
  fputs("<div class=\"legend\">", to);
  for (int i = 0; i < r->devices; i++) {
    fprintf(to, "<span><i class=\"d%d\"></i>", i);
    put_text(r->device[i].asked, to);
    fputs("</span>", to);
  }
  fputs("</div>\n", to);
}

/* ---- Charts -------------------------------------------------------------------------------- */

static void begin_figure(const char *title, FILE *to) {
  fprintf(to, "<figure class=\"chart\"><h3>%s</h3>\n", title);
}
static void end_figure(FILE *to) { fputs("</figure>\n", to); }

static void put_section(const char *title, const char *text, const bench_report *r, FILE *to) {
  fprintf(to, "<h2>%s</h2>\n<p>%s</p>\n", title, text);
  put_legend(r, to);
  fputs("<div class=\"charts\">\n", to);
}

static const char *bars_text(const bench_report *r) {
  return r->devices > 1
             ? "Longer is faster: the fastest device of each row fills the width. Percentages are "
               "of the device's own measured peak: of multiply-adds, or of memory where that is "
               "what holds it up."
             : "Longer is better: the part reached of the device's measured peak, of multiply-adds "
               "or of memory.";
}

static int has_flows(const bench_report *r) {
  return has(r, BENCH_STEP, "") || has(r, BENCH_DENSITY, "") || has(r, BENCH_SAMPLE, "");
}

static void put_flows(const bench_report *r, FILE *to) {
  if (!has_flows(r) && !has(r, BENCH_START, "")) return;
  put_section("Flows", bars_text(r), r, to);
  static const char *const titles[] = {[BENCH_STEP] = "A training step",
                                       [BENCH_DENSITY] = "Log-densities",
                                       [BENCH_SAMPLE] = "Sampling"};
  for (bench_group g = BENCH_STEP; g <= BENCH_SAMPLE; g++) {
    if (!has(r, g, "")) continue;
    begin_figure(titles[g], to);
    bench_chart_speed(r, g, "", to);
    end_figure(to);
  }
  if (has(r, BENCH_START, "")) {
    begin_figure(
        "From the start of <code>clflow sample</code> to its end: caches empty, and filled", to);
    bench_chart_start(r, to);
    end_figure(to);
  }
  if (has_flows(r)) {
    begin_figure("The first time (rings) and every other (dots)", to);
    bench_chart_first(r, 0, to);
    end_figure(to);
  }
  fputs("</div>\n", to);
}

static void put_stems(const bench_report *r, FILE *to) {
  static const char *const stems[][2] = {
      {"gemm", "Matrix products, M x N x K"},
      {"conv", "Convolutions, N x H x W x Ci - Co"},
      {"coupling", "Fused couplings, D - H - L - batch"},
      {"norm", "Batch and weight normalisation"},
      {"reduce", "Sums"},
      {"elementwise", "Elementwise"},
      {"random", "Random numbers"},
  };
  for (size_t i = 0; i < sizeof stems / sizeof *stems; i++) {
    char begin[32];
    snprintf(begin, sizeof begin, "%s/", stems[i][0]);
    if (!has(r, BENCH_OP, begin)) continue;
    begin_figure(stems[i][1], to);
    bench_chart_speed(r, BENCH_OP, stems[i][0], to);
    end_figure(to);
  }
}

static void put_ops(const bench_report *r, FILE *to) {
  if (!has(r, BENCH_OP, "")) return;
  put_section("Operations", bars_text(r), r, to);
  begin_figure("Roofline: what each call reaches, and the device's measured limits", to);
  bench_chart_roofline(r, to);
  end_figure(to);
  put_stems(r, to);
  begin_figure("The first call (rings) and every other (dots)", to);
  bench_chart_first(r, 1, to);
  end_figure(to);
  fputs("</div>\n", to);
}

/* ---- Table --------------------------------------------------------------------------------- */

static void cell(double sort, const char *text, FILE *to) {
  fprintf(to, "<td data-v=\"%.9g\">%s</td>", sort, text);
}
static void number(const char *format, double x, FILE *to) {
  char text[32] = "";
  if (x > 0) snprintf(text, sizeof text, format, x);
  cell(x, text, to);
}

static void put_row(const bench_report *r, const bench_row *row, FILE *to) {
  const bench_device *d = &r->device[row->device];
  char text[64];
  fprintf(to, "<tr><td>%s</td><td>", row->w->name);
  put_text(d->asked, to);
  fputs("</td>", to);
  bench_format_seconds(row->seconds, text, sizeof text);
  cell(row->seconds, text, to);
  number("%.1f%%", row->seconds > 0 ? 50 * (row->high - row->low) / row->seconds : 0, to);
  number("%.0f", row->n, to);
  bench_format_seconds(row->first, text, sizeof text);
  cell(row->first, text, to);
  number("%.2f", bench_gflops(row), to);
  number("%.1f%%", bench_peak_percent(row, d), to);
  number("%.2f", bench_gbytes(row), to);
  number("%.1f%%", bench_bandwidth_percent(row, d), to);
  bench_format_bytes(row->memory, text, sizeof text);
  cell((double)row->memory, text, to);
  bench_format_bytes(row->rss, text, sizeof text);
  cell((double)row->rss, text, to);
  bench_notes(row, d, text, sizeof text);
  fprintf(to, "<td>%s</td>", row->error[0] ? "failed" : text);
  fputs("</tr>\n", to);
}

static void put_table(const bench_report *r, FILE *to) {
  static const char *const titles[] = {
      "workload", "device", "median",    "\302\261",      "n",       "first", "GFLOP/s",
      "peak",     "GB/s",   "bandwidth", "device memory", "process", "notes"};
  fputs("<h2>All numbers</h2>\n<p>A click on a heading sorts.</p>\n<div class=\"scroll\"><table>"
        "<thead><tr>",
        to);
  for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) fprintf(to, "<th>%s</th>", titles[i]);
  fputs("</tr></thead>\n<tbody>\n", to);
  for (const bench_row *row = r->row; row < r->row + r->rows; row++) put_row(r, row, to);
  fputs("</tbody></table></div>\n", to);
}

void bench_html(const bench_report *r, FILE *to) {
  put_head(r, to);
  put_flows(r, to);
  put_ops(r, to);
  put_table(r, to);
  fprintf(to, "<script>\n%s</script>\n</body></html>\n", embedded("page.js"));
}
