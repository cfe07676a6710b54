/* SPDX-License-Identifier: MIT */
/* soak.c: one process trains, saves, loads, evaluates and samples over and over; what it holds
 * must not grow.  Prints a line a minute, and fails if after a warm-up of a fifth of the time
 * the resident memory grows by more than 1 % over the rest, or the device's by a byte.
 *   soak DEVICE MINUTES FILE        FILE is written again and again */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "faults/scenario.h"

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Of the process, in MiB. */
static double resident(void) {
  long pages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (!f || fscanf(f, "%*s %ld", &pages) != 1) exit(1);
  fclose(f);
  return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

/* Sums of a line by least squares through the resident memory over time. */
typedef struct line {
  double n, t, y, tt, ty;
} line;

static void add(line *l, double t, double y) {
  l->n++;
  l->t += t;
  l->y += y;
  l->tt += t * t;
  l->ty += t * y;
}

static double slope(const line *l) {
  return (l->n * l->ty - l->t * l->y) / (l->n * l->tt - l->t * l->t);
}

typedef struct soak {
  clf_device *dev;
  const char *path;
  double end, warm, told; /* seconds since the begin; when the last line was printed */
  long rounds;
  line memory;          /* since it was warm */
  uint64_t device_warm; /* bytes on the device then */
} soak;

/* All of it once: vectors, an interval, images.  The same numbers as the first time. */
static int one_round(soak *s) {
  static double first[3];
  for (int kind = VECTORS; kind <= IMAGES; kind++) {
    double sum;
    if (scenario(s->dev, (what)kind, s->path, &sum)) {
      fprintf(stderr, "round %ld: %s\n", s->rounds, clf_errmsg());
      return 0;
    }
    if (s->rounds == 0) first[kind] = sum;
    if (sum != first[kind]) {
      fprintf(stderr, "round %ld: %.17g, not %.17g\n", s->rounds, sum, first[kind]);
      return 0;
    }
  }
  s->rounds++;
  return 1;
}

static void tell_state(soak *s, double now) {
  if (now - s->told < 60 && now < s->end) return;
  s->told = now;
  printf("%6.1f min %9ld rounds  resident %8.2f MiB  on the device %8.3f MiB\n", now / 60,
         s->rounds, resident(), (double)clf_memory_taken(s->dev, 0).now / 1048576);
  fflush(stdout);
}

static int flat(const soak *s) {
  const double grown = slope(&s->memory) * (s->end - s->warm);
  const double share = 100 * grown / (s->memory.y / s->memory.n);
  const uint64_t device = clf_memory_taken(s->dev, 0).now;
  printf("resident memory grew by %.3f %%, the device's by %lld bytes\n", share,
         (long long)(device - s->device_warm));
  return share <= 1 && device == s->device_warm;
}

int main(int argc, char **argv) {
  if (argc != 4 || atof(argv[2]) <= 0) {
    fprintf(stderr, "usage: soak DEVICE MINUTES FILE\n");
    return 2;
  }
  soak s = {.path = argv[3], .end = 60 * atof(argv[2])};
  const double begin = seconds();
  if (clf_open(argv[1], &s.dev)) {
    fprintf(stderr, "%s\n", clf_errmsg());
    return 1;
  }
  s.warm = s.end / 5;
  int good = 1;
  for (double now = 0; good && now < s.end; now = seconds() - begin) {
    good = one_round(&s);
    if (now < s.warm)
      s.device_warm = clf_memory_taken(s.dev, 0).now;
    else
      add(&s.memory, now, resident());
    tell_state(&s, seconds() - begin);
  }
  good = good && flat(&s);
  clf_close(s.dev);
  return !good;
}
