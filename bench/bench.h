/* SPDX-License-Identifier: MIT */
/* bench.h: `clflow bench`: what is timed, how, and how it is told.
 *
 * A workload is one thing that people wait for: a call of an operation, a training step,
 * samples, a start of the program.  All devices take turns within each workload, so that
 * whatever else slows the machine slows all of them. */
#ifndef CLF_BENCH_H
#define CLF_BENCH_H
#include "clflow/clflow.h"
#include <jansson.h>
#include <stdio.h>

enum { BENCH_DEVICES = 8, BENCH_SAMPLES = 101 };

/* ---- Workloads ------------------------------------------------------------------ */

typedef enum bench_group {
  BENCH_OP,
  BENCH_STEP,
  BENCH_DENSITY,
  BENCH_SAMPLE,
  BENCH_START
} bench_group;

/* When a workload is run without being named: always, without --quick, with --full. */
typedef enum bench_level { BENCH_QUICK, BENCH_USUAL, BENCH_FULL } bench_level;

typedef struct bench_run bench_run;

/* How a kind of workloads is run on a device.  `prepare` makes all that is needed and gives the
 * seconds of the first use; `sample` those of one use, over as many as it takes to measure
 * them; `finish` also follows a `prepare` that failed. */
typedef struct bench_kind {
  clf_status (*prepare)(bench_run *run);
  clf_status (*sample)(bench_run *run, double *seconds);
  void (*finish)(bench_run *run);
} bench_kind;

typedef struct bench_workload {
  const char *name; /* "gemm/512x512x512", "step/nvp-2-2-4-b100" */
  bench_group group;
  bench_level level;
  const bench_kind *kind;
  const void *what; /* the kind's own description */
  double flops;     /* that a use needs; 0: not counted */
  int dense;        /* 1: these count work that kernels leave out, as masked weights: equivalents */
  double bytes;     /* that it has to move to or from memory; 0: not counted */
  const char *unit; /* what `items` are: "rows", "images"; or NULL */
  int64_t items;    /* of a use */
  const char *flow; /* the architecture of a composed flow as text, for --list; or NULL */
} bench_workload;

struct bench_run {
  const bench_workload *w;
  clf_device *dev;
  const char *device; /* as it was asked for */
  double first;       /* seconds; set by `prepare` */
  void *state;        /* of the kind */
};

/* Tables of workloads, the last one without a name: ops.c, steps.c, start.c. */
extern const bench_workload bench_ops[], bench_steps[], bench_starts[];

/* What the options ask for. */
typedef struct bench_choice {
  const char *ops, *steps; /* globs, by comma; NULL: not given */
  bench_level level;
} bench_choice;
/* The workloads in the order of the tables, to be freed.  A name that is spelled out is taken
 * whatever its level, and where only one of `ops` and `steps` is given, it is all. */
clf_status bench_choose(const bench_choice *choice, const bench_workload ***list, int *count);
const char *bench_group_name(bench_group group); /* "op", "step", "sample", "start" */

/* ---- Devices -------------------------------------------------------------------- */

typedef struct bench_device {
  const char *asked; /* "opencl:0" */
  clf_device *dev;
  clf_device_info info;       /* zeros where the list has no such device */
  double gflops, gbytes;      /* the best measured so far, per second; 0: not measured */
  double before[2], after[2]; /* both as the run began and ended */
  double lowest;              /* GFLOP/s, of all calibrations */
  /* What a calibration runs: a few milliseconds of multiply-adds. */
  clf_arena arena;
  clf_tensor y;
  int rounds;
  uint64_t held; /* bytes of that */
} bench_device;

/* Opens it and finds what the list of devices says of it. */
clf_status bench_device_open(const char *name, const clf_device_info *list, int count,
                             bench_device *d);
/* Measures what it can do at best: multiply-adds in registers, and copies or sums of vectors of so
 * many MiB.  Called as a run begins and ends; the peaks are the best of all. */
clf_status bench_peaks(bench_device *d, int mebibytes);
/* GFLOP/s now, in some milliseconds; 0 if it cannot be measured. */
double bench_calibrate(bench_device *d);
/* Closes it, but for its clf_device. */
void bench_device_release(bench_device *d);

/* ---- How quiet the machine is (quiet.c) -------------------------------------------- */

typedef struct bench_watch {
  int known;
  double all, used, own;
} bench_watch;
bench_watch bench_watch_begin(void);
/* The part of all processors' time that other programs took since; -1: not known here. */
double bench_watch_others(const bench_watch *watch);
double bench_load_average(void); /* of the last minute; -1: not known here */

/* ---- Results -------------------------------------------------------------------- */

typedef struct bench_row {
  const bench_workload *w;
  int device;                /* index */
  int n;                     /* samples */
  double seconds, low, high; /* the median, the quartiles */
  double least, first;       /* the shortest; the first use */
  uint64_t memory, rss;      /* bytes: most on the device, most of the process */
  double others;             /* part of the processors that other programs took; -1: not known */
  double calibration;        /* GFLOP/s of the device around this row; 0: not known */
  char error[256];           /* why there is nothing, or "" */
} bench_row;

double bench_gflops(const bench_row *row);
double bench_gbytes(const bench_row *row);
/* Of the measured peak, in percent; 0 where one of the two is not known. */
double bench_peak_percent(const bench_row *row, const bench_device *d);
double bench_bandwidth_percent(const bench_row *row, const bench_device *d);

/* By what factor the machine's other work may have slowed the row, from 1 to 20, as far as it is
 * seen: the processors that others took, a calibration below `peak`, and quartiles far apart. */
double bench_disturbance(const bench_row *row, double peak);
int bench_is_busy(const bench_row *row, const bench_device *d); /* more than 1.25 */
/* Beyond what the device can do: the peak was measured while it was busy. */
int bench_is_above_peak(const bench_row *row, const bench_device *d);
/* " dense busy": docs/bench.md says what each word means. */
void bench_notes(const bench_row *row, const bench_device *d, char *text, size_t size);

typedef struct bench_report {
  bench_device device[BENCH_DEVICES];
  int devices;
  bench_row *row; /* all devices of a workload, then those of the next */
  int rows;
  double seconds;                           /* to measure a workload on one device */
  char date[32], machine[128], kernel[128]; /* "2024-05-31T12:00:00Z"; processor; system */
  int cores;
  double load[2], others; /* the load average before and after; of the whole run; -1: not known */
} bench_report;
/* A sentence on how quiet the machine was. */
void bench_quiet_text(const bench_report *report, char *text, size_t size);

/* Fills in date, machine, kernel and cores. */
void bench_describe(bench_report *report);
/* Bytes that this process had in memory at most since bench_rss_anew(). */
uint64_t bench_rss(void);
void bench_rss_anew(void);

/* Measures one workload on all devices alternately and fills report->devices rows.  What fails on
 * a device is told in its row. */
void bench_measure(bench_report *report, const bench_workload *w, bench_row *rows);

/* ---- Telling --------------------------------------------------------------------- */

void bench_print_head(const bench_report *report);
void bench_print(const bench_report *report, const bench_row *rows);
void bench_print_foot(const bench_report *report);

typedef void (*bench_writer)(const bench_report *report, FILE *to);
void bench_csv(const bench_report *report, FILE *to);
void bench_json(const bench_report *report, FILE *to);
void bench_html(const bench_report *report, FILE *to);
/* The file appears whole or not at all. */
clf_status bench_save(const char *path, bench_writer writer, const bench_report *report);

/* page.css and page.js, embedded; the last one has no name. */
typedef struct bench_text {
  const char *name, *text;
} bench_text;
extern const bench_text bench_texts[];

/* ---- Charts (charts.c): one <svg> each -------------------------------------------- */

void bench_chart_speed(const bench_report *report, bench_group group, const char *stem, FILE *to);
void bench_chart_roofline(const bench_report *report, FILE *to);
/* Of operations, or of steps and samples. */
void bench_chart_first(const bench_report *report, int ops, FILE *to);
void bench_chart_start(const bench_report *report, FILE *to);

/* ---- Comparing -------------------------------------------------------------------- */

/* Reads what bench_json() wrote.  EIO, or EFORMAT says what it lacks. */
clf_status bench_baseline_read(const char *path, json_t **baseline);
/* Prints new / old of each row; gives how many are slower by more than `margin` (0.1: 10%) and by
 * more than the machine's other work explains, and in `names` which, as far as there is room; in
 * `excused` how many are slower by no more than that explains. */
int bench_baseline_compare(const json_t *baseline, const bench_report *report, double margin,
                           char *names, size_t size, int *excused);

/* ---- Helpers ---------------------------------------------------------------------- */

double bench_clock(void); /* seconds */
clf_status bench_fail(clf_status s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "1.25 ms"; "12.5 MiB"; "-" for 0. */
void bench_format_seconds(double seconds, char *text, size_t size);
void bench_format_bytes(uint64_t bytes, char *text, size_t size);
/* Uniform in -1 .. 1. */
float bench_random(uint64_t *state);
#endif
