/* SPDX-License-Identifier: MIT */
/* cache.c: the worst files of the cache and of the bench, as if another program had written them.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "backend.h"
#include "bench.h"
#include "cache.h"
#include "hash.h"
#include "limits.h"
#include "probe.h"

enum { MILLION = 1000000 };

/* ---- The cache ---------------------------------------------------------------- */

static const char key[] = "the key";
static char path[64];

/* The path of a file of the cache, which is in this folder. */
static void find_path(const char *of) {
  ck_assert_int_eq(setenv("CLFLOW_CACHE_DIR", ".", 1), 0);
  snprintf(path, sizeof path, "./%016llx.bin", (unsigned long long)clf__hash_text(of));
}

static void keep(const char *of, limit_bytes *b) {
  find_path(of);
  ck_assert(clf__cache_put(of, b->at, b->size));
  b->size = 0;
  limit_write(b, "unused");
  unlink("unused");
}

static clf_status read_kept(void) {
  size_t n;
  void *const got = clf__cache_get(key, &n);
  free(got);
  return got ? CLF_OK : clf_fail(CLF_EFORMAT, "not taken");
}

static void zeros(void) {
  limit_bytes b = {0};
  limit_add(&b, NULL, MILLION);
  keep(key, &b);
}

static void cache_claims(void) {
  limit_bytes b = {0};
  find_path(key);
  limit_repeat(&b, "clflow cache 1 7 18446744073709551609 0\nthe key", 1);
  limit_write(&b, path);
}

static clf_device *device(void) {
  static clf_device *dev;
  if (!dev) WORKS(clf_open("cpu", &dev));
  return dev;
}

static clf_status read_choices(void) {
  clf_device dev = *device();
  dev.tuned = NULL;
  dev.tuned_count = 0;
  const clf_status s = clf__tuned_load(&dev, (const char *const[]){"limits"}, 1);
  free(dev.tuned);
  free(dev.tuned_key);
  return s;
}

static void choices(void) {
  limit_bytes b = {0};
  const struct clf_traits *traits;
  char line[64];
  device();
  snprintf(line, sizeof line, "gemm 1 %s\n",
           device()->backend->algorithms(device(), CLF_OP_gemm, &traits)[0].name);
  limit_repeat(&b, line, MILLION / strlen(line));
  keep("tuned choices 1\nlimits", &b);
}

static clf_status read_verdicts(void) {
  static clf__verdicts v;
  clf__verdicts_recall("limits", &v);
  return CLF_OK;
}

static void verdicts(void) {
  limit_bytes b = {0};
  limit_repeat(&b, "\t\n", 1);
  limit_repeat(&b, "a\t\n", MILLION / 3);
  keep("limits", &b);
}

/* ---- Reports of the bench ------------------------------------------------------- */

static clf_status read_report(void) {
  json_t *j = NULL;
  const clf_status s = bench_baseline_read("a.json", &j);
  json_decref(j);
  return s;
}

static void report_of(const char *text, size_t times, const char *end) {
  limit_bytes b = {0};
  limit_repeat(&b, "[", 1);
  limit_repeat(&b, text, times);
  limit_repeat(&b, end, 1);
  limit_write(&b, "a.json");
}
static void objects(void) { report_of("{},", 80000, "0]"); }
static void arrays(void) { report_of("[],", 100000, "0]"); }
static void numbers(void) { report_of("0,", 250000, "0]"); }
static void strings(void) { report_of("\"\",", 200000, "0]"); }
static void keys(void) { report_of("{\"\":{\"\":{}}},", 20000, "0]"); }
static void long_string(void) {
  limit_bytes b = {0};
  limit_repeat(&b, "[\"", 1);
  limit_repeat(&b, "a", 10 * MILLION);
  limit_repeat(&b, "\"]", 1);
  limit_write(&b, "a.json");
}
static void too_many(void) { report_of("{},", MILLION, "0]"); }

#define KEPT(format, what, build, read, refused)                                                   \
  { format, what, build, path, read, refused }
#define REPORT(what, build, refused)                                                               \
  { "bench report", what, build, "a.json", read_report, refused }
static const limit_case cases[] = {
    KEPT("kernel cache", "a program", zeros, read_kept, NULL),
    KEPT("kernel cache", "a size that is not there", cache_claims, read_kept, "not taken"),
    KEPT("tuned choices", "short lines", choices, read_choices, NULL),
    KEPT("verdicts", "many devices", verdicts, read_verdicts, NULL),
    REPORT("empty objects", objects, "is not a file that"),
    REPORT("empty arrays", arrays, "is not a file that"),
    REPORT("numbers", numbers, "is not a file that"),
    REPORT("empty strings", strings, "is not a file that"),
    REPORT("objects in objects", keys, "is not a file that"),
    REPORT("one string", long_string, "is not a file that"),
    REPORT("more than there is room for", too_many, "would take"),
};
const limit_list limits_of_cache = {cases, sizeof cases / sizeof *cases};
