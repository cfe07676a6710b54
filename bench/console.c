/* SPDX-License-Identifier: MIT */
/* console.c: prints rows as they are measured, as a table on stdout. */
#include "bench.h"
#include <string.h>

void bench_print_head(const bench_report *r) {
  printf("clflow %s, %s, %d cores, %s\n", clf_version(), r->machine, r->cores, r->date);
  for (int i = 0; i < r->devices; i++) {
    const bench_device *d = &r->device[i];
    printf("%s: %.1f GFLOP/s, %.1f GB/s at best\n", clf_device_name(d->dev), d->gflops, d->gbytes);
  }
  printf("\n%-38s %-12s %9s %5s %9s %9s %5s %8s %5s %10s  %s\n", "workload", "device", "median",
         "+-%", "first", "GFLOP/s", "peak", "GB/s", "band", "memory", "notes");
  fflush(stdout);
}

/* Prints blanks where there is no number. */
static void print_number(const char *format, int width, double x) {
  if (x > 0)
    printf(format, x);
  else
    printf(" %*s", width, "");
}

void bench_print(const bench_report *r, const bench_row *rows) {
  for (const bench_row *row = rows; row < rows + r->devices; row++) {
    const bench_device *d = &r->device[row->device];
    char seconds[32], first[32], bytes[32];
    printf("%-38s %-12.12s ", row == rows ? row->w->name : "", d->asked);
    if (row->error[0]) {
      printf("failed: %s\n", row->error);
      continue;
    }
    bench_format_seconds(row->seconds, seconds, sizeof seconds);
    bench_format_seconds(row->first, first, sizeof first);
    bench_format_bytes(row->memory, bytes, sizeof bytes);
    printf("%9s %5.1f %9s", seconds, 50 * (row->high - row->low) / row->seconds, first);
    print_number(" %9.2f", 9, bench_gflops(row));
    print_number(" %4.1f%%", 5, bench_peak_percent(row, d));
    print_number(" %8.2f", 8, bench_gbytes(row));
    print_number(" %4.1f%%", 5, bench_bandwidth_percent(row, d));
    char notes[64];
    bench_notes(row, d, notes, sizeof notes);
    printf(" %10s %s\n", bytes, notes);
  }
  fflush(stdout);
}

void bench_print_foot(const bench_report *r) {
  static const char *const meanings[][2] = {
      {" dense",
       "GFLOP/s and peak are dense equivalents: they count work that kernels leave out, as "
       "masked weights and what Winograd's convolutions save"},
      {" busy", "other programs took processors, the device was slower than at its best, or the "
                "samples differ much"},
      {" above-peak", "faster than the measured peak, which was taken on a busy machine"},
      {" cache", "more than the memory's bandwidth: a cache holds the tensors"}};
  char text[1024], all[64];
  putchar('\n');
  for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
    for (const bench_row *row = r->row; row < r->row + r->rows; row++) {
      bench_notes(row, &r->device[row->device], all, sizeof all);
      if (row->error[0] || !strstr(all, meanings[i][0])) continue;
      printf("%-11s %s\n", meanings[i][0] + 1, meanings[i][1]);
      break;
    }
  bench_quiet_text(r, text, sizeof text);
  printf("machine     %s\n", text);
  fflush(stdout);
}
