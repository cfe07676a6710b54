/* SPDX-License-Identifier: MIT */
/* test_data_faults.c: reading of tables and images, and advice about them, when the n-th
 * allocation fails, or that and all later ones: the call reports it, or gives the same result as
 * without, remarks included, and nothing leaks (checked by the leak sanitizer). */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <png.h>
#include "clflow/clflow.h"
#include "faults/hooks.h"
#include "suite.h"

/* What a job found, as text. */
typedef struct finding {
  char text[8192];
  size_t used;
} finding;

static void add(finding *f, const char *what, double number) {
  f->used += (size_t)snprintf(f->text + f->used, sizeof f->text - f->used, "%s %.17g\n",
                              what ? what : "-", number);
  if (f->used >= sizeof f->text) abort();
}

/* ---- The jobs ---------------------------------------------------------------------------- */

/* A plain column, one on a grid, one of two values, a copy of the first, one of a single value and
 * one with an outlier. */
static clf_table unusual;
static void make_unusual(void) {
  WORKS(clf_table_new(600, 6, &unusual));
  for (int64_t i = 0; i < unusual.rows; i++) {
    double *const x = unusual.at + i * unusual.cols;
    x[0] = 1e4 + 10 * sin(0.7 * (double)i), x[1] = (double)(i * i % 30) / 4;
    x[2] = i % 7 == 0, x[3] = x[0], x[4] = 3, x[5] = i ? cos((double)i) : 1e9;
  }
}

static clf_status advise(finding *f) {
  clf_advice *list = NULL;
  int count = 0;
  CLF_TRY(clf_table_advise(&unusual, 0, NULL, &list, &count));
  for (int i = 0; i < count; i++) add(f, list[i].sentence, list[i].kind);
  free(list);
  return CLF_OK;
}

static void add_table(finding *f, const clf_table *t) {
  for (int32_t d = 0; d < t->cols; d++) add(f, t->names ? t->names[d] : NULL, t->cols);
  for (int64_t i = 0; i < t->rows * t->cols; i++) add(f, "", t->at[i]);
  add(f, t->notes, 0);
}

static clf_status read_table(finding *f) {
  clf_table t;
  CLF_TRY(clf_table_read("t.csv", &t));
  add_table(f, &t);
  clf_table_free(&t);
  return CLF_OK;
}

static clf_status match_table(finding *f) {
  clf_table t;
  CLF_TRY(clf_table_read("named.csv", &t));
  const clf_status s = clf_table_match(&t, (char *[]){"z", "x"}, 2);
  if (!s) add_table(f, &t);
  clf_table_free(&t);
  return s;
}

static clf_status read_images(finding *f) {
  clf_images *m = NULL;
  uint8_t pixels[3 * 4];
  CLF_TRY(clf_images_open("d", NULL, &m));
  clf_status s = clf_images_wait(m);
  if (!s) s = clf_images_get(m, NULL, 0, clf_images_count(m), NULL, pixels);
  for (int64_t i = 0; !s && i < 4 * clf_images_count(m); i++) add(f, "", pixels[i]);
  for (int i = 0; !s && clf_images_note(m, i); i++) add(f, clf_images_note(m, i), i);
  clf_images_free(m);
  return s;
}

static const struct {
  const char *name;
  clf_status (*run)(finding *f);
  const char *remark; /* among others */
} jobs[] = {{"advice", advise, "column 6 has a value far from all others"},
            {"table", read_table, "decimal"},
            {"match", match_table, "left out because the model has no such column: y"},
            {"images", read_images, "d: 3 images of 16 bits have no sample above 900"}};
enum { JOBS = sizeof jobs / sizeof *jobs };

/* ---- Failures ---------------------------------------------------------------------------- */

START_TEST(memory_runs_out) {
  finding whole = {.used = 0};
  WORKS(jobs[_i].run(&whole));
  ck_assert_msg(strstr(whole.text, jobs[_i].remark) != NULL, "%s", whole.text);
  for (int rest = 0; rest < 2; rest++)
    for (long n = 1;; n++) {
      finding now = {.used = 0};
      fault_memory = (fault_hook){.n = n, .from_then_on = rest};
      const clf_status s = jobs[_i].run(&now);
      const int failed = fault_memory.calls >= n;
      fault_memory = (fault_hook){0};
      if (s) {
        ck_assert_msg(failed && s == CLF_ENOMEM, "%s, allocation %ld%s: %s", jobs[_i].name, n,
                      rest ? "+" : "", clf_errmsg());
        ck_assert_uint_gt(strlen(clf_errmsg()), 10);
      } else {
        ck_assert_msg(strcmp(now.text, whole.text) == 0, "%s, allocation %ld%s:\n%s\nnot\n%s",
                      jobs[_i].name, n, rest ? "+" : "", now.text, whole.text);
      }
      if (!failed) break;
    }
}
END_TEST

/* ---- All --------------------------------------------------------------------------------- */

/* A grey image of 16 bits and 2 x 2 pixels. */
static void put_deep(const char *path, uint16_t value) {
  png_image image = {.version = PNG_IMAGE_VERSION, .width = 2, .height = 2};
  const uint16_t samples[4] = {0, value, value, 1};
  image.format = PNG_FORMAT_LINEAR_Y;
  if (!png_image_write_to_file(&image, path, 0, samples, 0, NULL)) abort();
}

static char folder[] = "/tmp/clflow-data-faults-XXXXXX";
static void set_up(void) {
  static const char table[] = "# x y z\n1,5;2;3\n4;5,5;6\n";
  static const char named[] = "x,y,z\n1,2,3\n";
  ck_assert_ptr_nonnull(mkdtemp(folder));
  ck_assert_int_eq(chdir(folder) | mkdir("d", 0777), 0);
  write_bytes("t.csv", table, sizeof table - 1);
  write_bytes("named.csv", named, sizeof named - 1);
  put_deep("d/a.png", 900);
  put_deep("d/b.png", 900);
  put_deep("d/c.png", 800);
  write_bytes("d/notes.txt", "a", 1);
  make_unusual();
}
static void tear_down(void) {
  clf_table_free(&unusual);
  ck_assert_int_eq(chdir("/"), 0);
  suite_remove(folder);
}

int main(void) {
  Suite *const s = suite_create("data_faults");
  TCase *const c = tcase_create("memory");
  tcase_set_timeout(c, 60);
  tcase_add_unchecked_fixture(c, set_up, tear_down);
  tcase_add_loop_test(c, memory_runs_out, 0, JOBS);
  suite_add_tcase(s, c);
  return suite_run(s);
}
