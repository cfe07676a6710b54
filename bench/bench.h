/* SPDX-License-Identifier: MIT */
/* bench.h: `clflow bench`: what is timed, how, and how it is reported.
 *
 * A workload is something that users wait for: a call of an operation, a training step,
 * samples, or a start of the program.  Within each workload all devices are measured alternately,
 * so that other work on the machine slows all of them equally. */
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

/* When a workload that was not named is run: always, without --quick, with --full. */
typedef enum bench_level { BENCH_QUICK, BENCH_USUAL, BENCH_FULL } bench_level;

typedef struct bench_run bench_run;

/* How a kind of workload is run on a device. `prepare` makes everything that is needed and
 * returns the seconds of the first use; `sample` returns the seconds of one use, averaged over
 * as many uses as a measurement needs; `finish` is also called after a failed `prepare`. */
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
  const void *what; /* description of the workload, used by its kind */
  double flops;     /* per use; 0: not counted */
  int dense;        /* 1: flops include work that kernels omit, such as masked weights */
  double bytes;     /* minimum memory traffic; 0: not counted */
  const char *unit; /* unit of `items`: "rows", "images"; or NULL */
  int64_t items;    /* per use */
  const char *flow; /* for --list: the architecture of a composed flow as text; or NULL */
} bench_workload;

struct bench_run {
  const bench_workload *w;
  clf_device *dev;
  const char *device; /* name as requested */
  double first;       /* seconds; set by `prepare` */
  void *state;        /* owned by the kind */
};

/* Tables of workloads, each terminated by one without a name: ops.c, steps.c, start.c. */
extern const bench_workload bench_ops[], bench_steps[], bench_starts[];

/* The options. */
typedef struct bench_choice {
  const char *ops, *steps; /* comma-separated globs; NULL: not given */
  bench_level level;
} bench_choice;
/* Returns the workloads in the order of the tables; free the list. A workload whose full name is
 * given is selected at any level. If only one of `ops` and `steps` is given, only its workloads
 * are selected. */
clf_status bench_choose(const bench_choice *choice, const bench_workload ***list, int *count);
const char *bench_group_name(bench_group group); /* "op", "step", "sample", "start" */

/* ---- Devices -------------------------------------------------------------------- */

typedef struct bench_device {
  const char *asked; /* "opencl:0" */
  clf_device *dev;
  clf_device_info info;       /* zeros if the list has no such device */
  double gflops, gbytes;      /* highest values measured so far, per second; 0: not measured */
  double before[2], after[2]; /* both at the beginning and at the end of the run */
  double lowest;              /* GFLOP/s, minimum of all calibrations */
  /* The buffers of a calibration, which runs some milliseconds of multiply-adds. */
  clf_arena arena;
  clf_tensor y;
  int rounds;
  uint64_t held; /* their size in bytes */
} bench_device;

/* Opens a device and finds its entry in the list of devices. */
clf_status bench_device_open(const char *name, const clf_device_info *list, int count,
                             bench_device *d);
/* Measures the peaks: multiply-adds in registers, and copies and sums of vectors of `mebibytes`
 * MiB. Called at the beginning and at the end of a run; the highest values are kept. */
clf_status bench_peaks(bench_device *d, int mebibytes);
/* Measures the present GFLOP/s in some milliseconds; 0 if that fails. */
double bench_calibrate(bench_device *d);
/* Closes everything except its clf_device. */
void bench_device_release(bench_device *d);

/* ---- How quiet the machine is (quiet.c) -------------------------------------------- */

typedef struct bench_watch {
  int known;
  double all, used, own;
} bench_watch;
bench_watch bench_watch_begin(void);
/* The fraction of all processor time that other programs used since the start of the watch; -1:
 * not known. */
double bench_watch_others(const bench_watch *watch);
double bench_load_average(void); /* over the last minute; -1: not known */

/* ---- Results -------------------------------------------------------------------- */

typedef struct bench_row {
  const bench_workload *w;
  int device;                /* index */
  int n;                     /* samples */
  double seconds, low, high; /* the median, the quartiles */
  double least, first;       /* the shortest time; the time of the first use */
  uint64_t memory, rss;      /* peak bytes on the device, and of the process */
  double others;      /* fraction of processor time that other programs used; -1: not known */
  double calibration; /* GFLOP/s of the device around this row; 0: not known */
  char error[256];    /* why the row has no result, or "" */
} bench_row;

double bench_gflops(const bench_row *row);
double bench_gbytes(const bench_row *row);
/* The percentage of the measured peak; 0 if one of the two is not known. */
double bench_peak_percent(const bench_row *row, const bench_device *d);
double bench_bandwidth_percent(const bench_row *row, const bench_device *d);

/* The factor, from 1 to 20, by which other work of the machine may have slowed the row, judged
 * by the processor time of other programs, by a calibration below `peak` and by the distance of
 * the quartiles. */
double bench_disturbance(const bench_row *row, double peak);
int bench_is_busy(const bench_row *row, const bench_device *d); /* disturbance of more than 1.25 */
/* Whether the row exceeds the device's peak: then the peak was measured while the device was
 * busy. */
int bench_is_above_peak(const bench_row *row, const bench_device *d);
/* Writes notes such as " dense busy", which docs/bench.md explains. */
void bench_notes(const bench_row *row, const bench_device *d, char *text, size_t size);

typedef struct bench_report {
  bench_device device[BENCH_DEVICES];
  int devices;
  bench_row *row; /* all devices of a workload, followed by those of the next */
  int rows;
  double seconds;                           /* measuring time for one workload on one device */
  char date[32], machine[128], kernel[128]; /* "2024-05-31T12:00:00Z"; processor; system */
  int cores;
  double load[2], others; /* load average before and after; of the whole run; -1: not known */
} bench_report;
/* Writes a sentence about how quiet the machine was. */
void bench_quiet_text(const bench_report *report, char *text, size_t size);

/* Sets date, machine, kernel and cores. */
void bench_describe(bench_report *report);
/* The peak memory of this process in bytes since bench_rss_anew(). */
uint64_t bench_rss(void);
void bench_rss_reset(void);

/* Measures one workload on all devices alternately and fills report->devices rows. A failure on
 * a device is reported in its row. */
void bench_measure(bench_report *report, const bench_workload *w, bench_row *rows);

/* ---- Telling --------------------------------------------------------------------- */

void bench_print_head(const bench_report *report);
void bench_print(const bench_report *report, const bench_row *rows);
void bench_print_foot(const bench_report *report);

typedef void (*bench_writer)(const bench_report *report, FILE *to);
void bench_csv(const bench_report *report, FILE *to);
void bench_json(const bench_report *report, FILE *to);
void bench_html(const bench_report *report, FILE *to);
/* Writes the file atomically: either completely or not at all. */
clf_status bench_save(const char *path, bench_writer writer, const bench_report *report);

/* page.css and page.js, embedded; terminated by one without a name. */
typedef struct bench_text {
  const char *name, *text;
} bench_text;
extern const bench_text bench_texts[];

/* ---- Charts (charts.c): one <svg> each -------------------------------------------- */

void bench_chart_speed(const bench_report *report, bench_group group, const char *stem, FILE *to);
void bench_chart_roofline(const bench_report *report, FILE *to);
/* Charts of operations, or of steps and samples. */
void bench_chart_first(const bench_report *report, int ops, FILE *to);
void bench_chart_start(const bench_report *report, FILE *to);

/* ---- Comparing -------------------------------------------------------------------- */

/* Reads a file written by bench_json(). Errors: EIO, or EFORMAT with what is missing. */
clf_status bench_baseline_read(const char *path, json_t **baseline);
/* Prints new / old for each row. Returns the number of rows that are slower by more than
 * `margin` (0.1: 10%) and by more than other work on the machine explains; writes the names of
 * these rows to `names` as far as there is room, and to `excused` the number of rows whose
 * slowdown that other work explains. */
int bench_baseline_compare(const json_t *baseline, const bench_report *report, double margin,
                           char *names, size_t size, int *excused);

/* ---- Helpers ---------------------------------------------------------------------- */

double bench_clock(void); /* seconds */
clf_status bench_fail(clf_status s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "1.25 ms"; "12.5 MiB"; "-" for 0. */
void bench_format_seconds(double seconds, char *text, size_t size);
void bench_format_bytes(uint64_t bytes, char *text, size_t size);
/* A uniform random number in -1 .. 1. */
float bench_random(uint64_t *state);
#endif
