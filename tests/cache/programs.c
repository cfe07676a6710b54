/* SPDX-License-Identifier: MIT */
/* programs.c: programs that are read from the cache, replaced in it, or fail to build. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cache.h"
#include "machine.h"
#include "opencl.h"
#include "cache/folder.h"

static int untouched(const struct stat *a, const struct stat *b) {
  return a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_size == b->st_size;
}

static int compilings; /* announced */
static void listen(const char *sentence, void *context) {
  ck_assert_ptr_eq(context, &compilings);
  ck_assert_ptr_eq(strstr(sentence, "compiling "), sentence);
  compilings++;
}

/* Opens opencl:0 and computes with it; nothing may be printed. */
static void open_quietly(void) {
  compilings = 0;
  clf_set_listener(listen, &compilings);
  clf_device *d = opened("opencl:0");
  clf_arena a;
  clf_tensor t;
  float v[3];
  WORKS(clf_arena_init(&a, d, 16));
  WORKS(clf_new(&a, (int32_t[4]){3}, &t));
  WORKS(clf_do(d, fill, .y = t, .value = 2.5f));
  WORKS(clf_read(d, t, v));
  ck_assert_float_eq(v[2], 2.5f);
  clf_set_listener(NULL, NULL);
  clf_arena_free(&a);
  clf_close(d);
}

/* Finds the file of the only operation that was used, and that of the whole source, which is
 * larger. */
static void find_files(char operation[512], char whole[512]) {
  DIR *dir = opendir(cache);
  ck_assert_ptr_nonnull(dir);
  *operation = *whole = 0;
  for (struct dirent *e; (e = readdir(dir));) {
    char path[512];
    if (*e->d_name == '.') continue;
    snprintf(path, sizeof path, "%s/%s", cache, e->d_name);
    snprintf(status_of(path).st_size < 100000 ? operation : whole, 512, "%s", path);
  }
  closedir(dir);
  ck_assert(*operation && *whole);
}

/* A damaged file is written again with the same contents. */
static void is_replaced(const char *path) {
  char said[1024];
  size_t size;
  char *bytes = read_file(path, &size);
  const int entries = suite_entries(cache);
  for (int damage = 0; damage < 3; damage++) {
    bytes[size - 10] ^= 1;
    if (damage == 0) write_bytes(path, bytes, size);
    bytes[size - 10] ^= 1;
    if (damage == 1) write_bytes(path, bytes, size / 2);
    if (damage == 2) write_bytes(path, "garbage", 7);
    const struct stat damaged = status_of(path);
    captured(open_quietly, said, sizeof said);
    ck_assert_str_eq(said, "");
    ck_assert_int_eq(suite_entries(cache), entries);
    const struct stat now = status_of(path);
    ck_assert_msg(!untouched(&damaged, &now), "damaged file %d is not replaced", damage);
    ck_assert_int_eq(compilings, 1);
    open_quietly();
    ck_assert_int_eq(compilings, 0);
    const struct stat again = status_of(path);
    ck_assert_msg(untouched(&now, &again), "the replacement of damaged file %d is no good", damage);
  }
  free(bytes);
}

START_TEST(cache_of_programs) {
  if (!opencl_count()) return;
  char operation[512], whole[512], said[1024];
  use_cache("programs");
  captured(open_quietly, said, sizeof said);
  ck_assert_str_eq(said, "");
  ck_assert_int_eq(suite_entries(cache), 2);
  ck_assert_int_eq(compilings, 1);
  find_files(operation, whole);
  const struct stat first = status_of(operation), second = status_of(whole);
  open_quietly();
  ck_assert_int_eq(compilings, 0);
  const struct stat now = status_of(operation), then = status_of(whole);
  ck_assert_msg(untouched(&first, &now) && untouched(&second, &then),
                "a file is rewritten although it was good");
  is_replaced(operation);
  is_replaced(whole);
  clear_cache();
}
END_TEST

/* A file that is intact but holds no program: the program is built from source. */
START_TEST(cache_of_no_program) {
  if (!opencl_count()) return;
  char operation[512], whole[512];
  size_t size;
  use_cache("no-program");
  open_quietly();
  find_files(operation, whole);
  char *bytes = read_file(operation, &size);
  size_t key_size = 0, n = 0;
  int begin = 0;
  ck_assert_int_eq(sscanf(bytes, "clflow cache 1 %zu %zu %*x\n%n", &key_size, &n, &begin), 2);
  char *key = strndup(bytes + begin, key_size);
  clf__cache_put(key, "not a program", 13);
  ck_assert_int_eq(hits(key, "not a program"), 1);
  open_quietly();
  size_t now = 0;
  void *got = clf__cache_get(key, &now);
  ck_assert_ptr_nonnull(got);
  ck_assert_uint_gt(now, 13);
  free(got);
  free(key);
  free(bytes);
  clear_cache();
}
END_TEST

START_TEST(cache_that_cannot_be) {
  char path[512], file[128];
  snprintf(file, sizeof file, "%s/file", folder);
  write_bytes(file, "", 0);
  snprintf(path, sizeof path, "%s/below", file);
  const char *const dirs[] = {"", path, "/proc/no/such/folder"};
  for (int i = 0; i < 3; i++) {
    setenv("CLFLOW_CACHE_DIR", dirs[i], 1);
    clf__cache_put("key", "payload", 7);
    ck_assert_int_eq(hits("key", "payload"), 0);
    if (opencl_count()) open_quietly();
  }
  char *long_path = malloc(5001);
  memset(long_path, 'x', 5000);
  long_path[5000] = 0;
  setenv("CLFLOW_CACHE_DIR", long_path, 1);
  clf__cache_put("key", "payload", 7);
  ck_assert_int_eq(hits("key", "payload"), 0);
  free(long_path);
  unsetenv("CLFLOW_CACHE_DIR");
  remove(file);
}
END_TEST

/* ---- Builds that fail ----------------------------------------------------------------------- */

/* A family whose gemm tile has -1 rows stops the compiler where gemm.cl declares one. */
static const clf_traits odd = {
    .family = "odd", .lanes = 4, .tm = -1, .tn = 8, .group = 1, .wg = 64};

static void build_odd(void) {
  clf__cl_device *list;
  int count;
  WORKS(clf__cl_list(&list, &count));
  clf__cl *cl = calloc(1, sizeof *cl);
  cl->id = list[0].id;
  cl->traits = &odd;
  cl_int e;
  cl->context = clCreateContext(NULL, 1, &cl->id, NULL, NULL, &e);
  ck_assert_int_eq(e, CL_SUCCESS);
  setenv("CLFLOW_CACHE_DIR", "", 1);
  ck_assert_int_eq(clf__cl_build(cl, &list[0].info), CLF_EBUILD);
  unsetenv("CLFLOW_CACHE_DIR");
  clReleaseContext(cl->context);
  free(cl);
  free(list);
}

START_TEST(build_errors_name_file_and_line) {
  static const char begins[] = "the kernels do not build with -cl-std=CL1.2 -DLANES=4 "
                               "-DTM=-1 -DTN=8 -DGROUP=1 -DWG=64 -cl-opt-disable: CL_";
  char said[1024];
  if (!opencl_count()) return;
  captured(build_odd, said, sizeof said); /* drivers may count the errors on stderr */
  ck_assert_ptr_eq(strstr(clf_errmsg(), begins), clf_errmsg());
  const char *file = strstr(clf_errmsg(), "gemm.cl:");
  ck_assert_msg(file && isdigit((unsigned char)file[8]), "%s", clf_errmsg());
}
END_TEST

void tests_of_programs(TCase *tc) {
  tcase_add_test(tc, cache_of_programs);
  tcase_add_test(tc, cache_of_no_program);
  tcase_add_test(tc, cache_that_cannot_be);
  tcase_add_test(tc, build_errors_name_file_and_line);
}
