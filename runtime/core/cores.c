/* SPDX-License-Identifier: MIT */
/* cores.c: the number of cores available to this process. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "threads.h"
#ifdef __linux__
#include <sched.h>
#endif

#ifdef __linux__
/* Cores in the affinity mask of the calling thread; 0 if unknown. */
static int cores_of_mask(void) {
  int n = 0;
  for (int cpus = 1024; n == 0 && cpus <= 1 << 20; cpus *= 4) { /* EINVAL if the set is too small */
    cpu_set_t *set = CPU_ALLOC((size_t)cpus);
    const size_t size = CPU_ALLOC_SIZE((size_t)cpus);
    if (!set) return 0;
    if (sched_getaffinity(0, size, set) == 0) n = CPU_COUNT_S(size, set);
    CPU_FREE(set);
  }
  return n;
}

/* The limit of a control group in its file cpu.max: "QUOTA PERIOD", or "max PERIOD"; 0: no
 * limit. */
static int cores_of_file(const char *path) {
  double quota, period;
  FILE *f = fopen(path, "re");
  if (!f) return 0;
  const int limited = fscanf(f, "%lf %lf", &quota, &period) == 2 && quota > 0 && period > 0;
  fclose(f);
  if (!limited) return 0;
  const double cores = quota / period;
  return cores < 1 ? 1 : cores < CLF_THREADS_MAX ? (int)(cores + 0.5) : 0;
}

int clf__cores_of_groups(const char *list, const char *root) {
  char line[2048], path[2 * sizeof line];
  int minimum = 0;
  FILE *f = fopen(list, "re");
  while (f && fgets(line, sizeof line, f)) {
    if (strncmp(line, "0::/", 4) != 0) continue;
    line[strcspn(line, "\n")] = 0;
    for (char *end = line + strlen(line); end; end = strrchr(line + 3, '/')) {
      *end = 0;
      snprintf(path, sizeof path, "%.1024s%s/cpu.max", root, line + 3);
      const int n = cores_of_file(path);
      if (n && (!minimum || n < minimum)) minimum = n;
    }
  }
  if (f) fclose(f);
  return minimum;
}
#else
static int cores_of_mask(void) { return 0; }
int clf__cores_of_groups(const char *list, const char *root) { return (void)list, (void)root, 0; }
#endif

int clf__cores(void) {
  const int masked = cores_of_mask();
  const int granted = clf__cores_of_groups("/proc/self/cgroup", "/sys/fs/cgroup");
  long n = masked ? masked : sysconf(_SC_NPROCESSORS_ONLN);
  if (granted && granted < n) n = granted;
  return n < 1 ? 1 : n < CLF_THREADS_MAX ? (int)n : CLF_THREADS_MAX;
}
