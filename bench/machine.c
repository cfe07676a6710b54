/* SPDX-License-Identifier: MIT */
/* machine.c: describes the machine on which the numbers were measured, and the memory of this
 * process. */
#define _POSIX_C_SOURCE 200809L
#include "bench.h"
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* The rest of the first line of a file of /proc that begins with `begin`, or "". */
static void line_of(const char *path, const char *begin, char *text, size_t size) {
  char line[512];
  FILE *f = fopen(path, "r");
  *text = '\0';
  while (f && !*text && fgets(line, sizeof line, f)) {
    if (strncmp(line, begin, strlen(begin)) != 0) continue;
    const char *rest = strchr(line, ':');
    rest = rest ? rest + 1 + strspn(rest + 1, " \t") : line;
    snprintf(text, size, "%.*s", (int)strcspn(rest, "\n"), rest);
  }
  if (f) fclose(f);
}

void bench_describe(bench_report *report) {
  const time_t now = time(NULL);
  struct tm utc;
  struct utsname u;
  strftime(report->date, sizeof report->date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
  line_of("/proc/cpuinfo", "model name", report->machine, sizeof report->machine);
  report->cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
  if (uname(&u) != 0) return;
  snprintf(report->kernel, sizeof report->kernel, "%.40s %.60s %.20s", u.sysname, u.release,
           u.machine);
  if (!report->machine[0]) snprintf(report->machine, sizeof report->machine, "%.40s", u.machine);
}

void bench_rss_reset(void) {
  FILE *f = fopen("/proc/self/clear_refs", "w"); /* 5 resets VmHWM to the present size */
  if (!f) return;
  fputs("5", f);
  fclose(f);
}

uint64_t bench_rss(void) {
  char text[64];
  unsigned long long kib = 0;
  line_of("/proc/self/status", "VmHWM", text, sizeof text);
  if (sscanf(text, "%llu", &kib) == 1) return kib * 1024;
  struct rusage used;
  return getrusage(RUSAGE_SELF, &used) == 0 ? (uint64_t)used.ru_maxrss * 1024 : 0;
}
