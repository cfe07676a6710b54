/* SPDX-License-Identifier: MIT */
/* test_cli_fit.c: `clflow fit`: what it writes and replaces, and messages about bad tables. */
#define _GNU_SOURCE
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "clflow/data.h"
#include "program.h"

/* Birds of two kinds: labels, an id, a missing value, a date, whole numbers, a column that counts
 * the rows, and one that never changes. */
static void write_birds(void) {
  FILE *f = fopen("birds.csv", "w");
  uint32_t s = 1;
  fputs("index,ring,kind,sex,caught,eggs,site,wing\n", f);
  for (int i = 0; i < 120; i++) {
    const double u = (s = s * 1664525u + 1013904223u) / 4294967296.0;
    const double v = (s = s * 1664525u + 1013904223u) / 4294967296.0;
    const int tern = i % 3 == 0;
    char wing[32];
    snprintf(wing, sizeof wing, "%.3f", (tern ? 27 : 36) + 2 * u + v);
    fprintf(f, "%d,R%04d,%s,%s,2021-05-%02d,%d,Sylt,%s\n", i + 1, 7 * i, tern ? "tern" : "gull",
            v < 0.5 ? "f" : "m", 1 + (int)(28 * u), 1 + (int)(3 * v), i == 5 ? "NA" : wing);
  }
  fclose(f);
}

static void files(void) {
  write_birds();
  write_text("nine.csv", "a,b\n1,2\n2,1\n3,4\n4,3\n5,6\n6,5\n7,8\n8,7\n9,1\n");
  write_text("notes.csv", "a,note\n1,x\n2,y\n3,z\n4,u\n5,v\n6,w\n7,p\n8,q\n9,r\n10,x\n");
  write_text("flat.csv", "a,b\n1,2\n1,2\n1,2\n1,2\n1,2\n1,2\n1,2\n1,2\n1,2\n1,2\n1,2\n1,2\n");
}

static json_t *record_of(const char *command) {
  const result r = run(command);
  expect_code(command, &r, 0);
  json_t *record = json_loads(r.out, 0, NULL);
  ck_assert_msg(record != NULL, "%s", r.out);
  release(r);
  return record;
}

static int is_there(const char *path) { return access(path, F_OK) == 0; }

/* With no option: samples of the model are rows like those of the table. */
START_TEST(raw_table) {
  succeeds("fit birds.csv --time 2", "model:  birds.flow\nreport: birds.report.html\n");
  ck_assert(is_there("birds.flow") && is_there("birds.report.html"));
  succeeds("sample birds.flow -n 400 --seed 3 --out s.csv", "");
  const result r = run("info birds.flow");
  ck_assert_msg(strstr(r.out, "\nlimits    x4: samples at least 0\n") != NULL, "%s", r.out);
  release(r);
  succeeds("sample birds.flow -n 9 --beyond-limits --out b.csv", "");
  char *text = read_file("s.csv", NULL);
  ck_assert_msg(strncmp(text, "kind,sex,caught,eggs,wing\n", 26) == 0, "%.200s", text);
  int rows = 0, terns = 0;
  double sum[2] = {0};
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), rows++) {
    char kind[8], sex;
    int day, eggs;
    double wing;
    if (!rows) continue;
    ck_assert_msg(sscanf(line, "%7[a-z],%c,2021-05-%d,%d,%lf", kind, &sex, &day, &eggs, &wing) == 5,
                  "%s", line);
    terns += strcmp(kind, "tern") == 0;
    ck_assert(strcmp(kind, "tern") == 0 || strcmp(kind, "gull") == 0);
    ck_assert((sex == 'f' || sex == 'm') && day >= 1 && day <= 28 && eggs >= 1 && eggs <= 3);
    sum[*kind == 'g'] += wing;
  }
  ck_assert_int_eq(rows, 401);
  ck_assert_msg(terns > 40 && terns < 250, "%d terns of 400", terns);
  ck_assert_double_eq_tol(sum[0] / terns, 28.5, 3.5);
  ck_assert_double_eq_tol(sum[1] / (400 - terns), 37.5, 3.5);
  free(text);
}
END_TEST

START_TEST(given_labels) {
  succeeds("fit birds.csv --drop index,ring,caught --given kind --time 1 --out g.flow",
           "next:   clflow sample g.flow --given kind=VALUE -n 1000 --out samples.csv\n");
  succeeds("sample g.flow -n 20 --given kind=tern --out t.csv", "");
  clf_table t;
  WORKS(clf_table_read_with("t.csv", &(clf_table_options){.kinds = 1}, &t));
  double sum = 0;
  for (int64_t i = 0; i < t.rows; i++) sum += t.at[i * t.cols + t.cols - 1];
  ck_assert_double_eq_tol(sum / (double)t.rows, 28.5, 1);
  clf_table_free(&t);
  succeeds("info g.flow", "trained   by `clflow fit`\n");
  refuses(2, "sample g.flow -n 20 --given kind=swan --out u.csv", "swan");
  refuses(2, "sample g.flow -n 20 --given kind=tern,kind=gull --out u.csv",
          "--given sets column 1 twice");
}
END_TEST

/* Separate files for validation and test rows. */
START_TEST(files_for_choice_and_test) {
  succeeds("sample g.flow -n 30 --given kind=gull --out v.csv", "");
  json_t *r = record_of("fit moons:n=400 --valid moons:n=100,seed=2 --test moons:n=50,seed=3 "
                        "--quick --time 1 --out f.flow --json");
  const json_t *rows = json_object_get(r, "rows");
  ck_assert_int_eq(json_integer_value(json_object_get(rows, "train")), 400);
  ck_assert_int_eq(json_integer_value(json_object_get(rows, "valid")), 100);
  ck_assert_int_eq(json_integer_value(json_object_get(rows, "test")), 50);
  json_t *e = record_of("eval f.flow --data moons:n=50,seed=3 --json");
  const double test = json_number_value(json_object_get(json_object_get(r, "result"), "test"));
  ck_assert_double_eq_tol(json_number_value(json_object_get(e, "mean")), test, 1e-5);
  json_decref(r);
  json_decref(e);
}
END_TEST

START_TEST(names_and_what_is_replaced) {
  succeeds("fit birds.csv --id ring --quick --time 0.5", "birds.flow"); /* its own pair */
  succeeds("train --data moons:n=50 --epochs 1 --out moons.flow", "");
  ck_assert_int_eq(mkdir("sub", 0777), 0);
  succeeds("fit birds.csv --id ring --quick --time 0.5 --out sub/b.flow",
           "model:  sub/b.flow\nreport: sub/b.report.html\n");
  ck_assert(is_there("sub/b.report.html"));
  refuses(2, "fit moons:n=200 --time 0.5",
          "moons.flow is a model that `clflow fit` did not write; give another name by --out, or "
          "--force to replace it");
  succeeds("fit moons:n=200 --quick --time 0.5 --force", "moons.flow");
  write_text("other.report.html", "plain text\n");
  refuses(2, "fit moons:n=200 --time 0.5 --out other.flow",
          "other.report.html exists and is not a page of HTML");
  write_text("other.report.html", "<html><p>mine</p></html>\n");
  refuses(
      2, "fit moons:n=200 --time 0.5 --out other.flow",
      "other.report.html is not a report of clflow; give another name by --report, or --force to "
      "replace it");
  refuses(2, "fit - --time 0.5", "--out is missing: - gives no name for the model");
  refuses(2, "fit birds.csv --out birds.csv", "is the file that DATA");
  refuses(1, "fit birds.csv --out no/where.flow", "no");
  ck_assert(!is_there("other.flow"));
}
END_TEST

START_TEST(repeats) {
  succeeds("fit moons:n=500 --time 0.7 --seed 5 --out one.flow", "one.flow");
  json_t *first = record_of("fit moons:n=500 --repeat one.flow --out two.flow --json");
  succeeds("compare one.flow two.flow --data moons:n=500 --json", "");
  clf_table a, b;
  succeeds("sample one.flow -n 20 --out a.npy", "");
  succeeds("sample two.flow -n 20 --out b.npy", "");
  WORKS(clf_table_read("a.npy", &a));
  WORKS(clf_table_read("b.npy", &b));
  ck_assert_mem_eq(a.at, b.at, 40 * sizeof(double));
  clf_table_free(&a);
  clf_table_free(&b);
  json_decref(first);
  refuses(1, "fit moons:n=501 --repeat one.flow --out three.flow",
          "the record to repeat is of other data: moons:n=501 has other values");
  succeeds("train --data moons:n=50 --epochs 1 --out plain.flow", "");
  refuses(1, "fit moons:n=500 --repeat plain.flow --out three.flow",
          "plain.flow has no record of a fit");
}
END_TEST

/* Until the first candidate is done, after which a fit has something to write. */
static void wait_for_candidate(const char *messages) {
  for (int i = 0, done = 0; i < 600 && !done; i++) {
    char *text = read_file(messages, NULL);
    done = strstr(text, "nats on validation rows") != NULL;
    free(text);
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
  }
}

/* Once there is a candidate, Ctrl-C ends the search with it; as with `train`, the exit code says
 * that the search was not finished. */
START_TEST(interrupted) {
  write_text("messages", "");
  const pid_t pid = start_shown("fit moons:n=2000 --time 600 --out stop.flow", "messages");
  wait_for_candidate("messages");
  ck_assert_int_eq(suite_kill(pid, SIGINT), 0);
  result r = finish_shown(pid, NULL);
  r.err = read_file("messages", NULL);
  expect_code("fit", &r, 1);
  expect_text("fit", "stderr", r.err, "; the best so far is written");
  expect_text("fit", "stdout", r.out, "model:  stop.flow");
  release(r);
  succeeds("eval stop.flow --data moons:n=100", "mean log-likelihood");
}
END_TEST

/* A time limit only for the baselines. */
START_TEST(no_time) {
  const char *command = "fit meters:n=20000 --time 0.01 --out short.flow";
  const result r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stderr", r.err, "and the budget of 0.01 s has no time for 50");
  expect_text(command, "stdout", r.out, "chosen: ");
  release(r);
}
END_TEST

START_TEST(bad_tables) {
  refuses(1, "fit nine.csv --time 1",
          "there are 8 rows to train and validate on; at least 10 are needed");
  refuses(1, "fit flat.csv --time 1", "all rows are equal: there is no density to fit");
  refuses(2, "fit birds.csv --id ring --given kind,sex,caught,eggs,site,wing", "takes all columns");
  refuses(1, "fit birds.csv --id kind --drop ring --time 1", "occurs twice");
  refuses(1, "fit notes.csv --columns a,note --time 1", "--drop note leaves the column out");
  refuses(2, "fit birds.csv --time 0", "--time");
  refuses(2, "fit birds.csv --id ring --weights none", "--weights none");
  refuses(1, "fit none.csv", "none.csv");
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const tests[] = {raw_table,
                                given_labels,
                                files_for_choice_and_test,
                                names_and_what_is_replaced,
                                repeats,
                                no_time,
                                interrupted,
                                bad_tables};
  return program_main(argc, argv, "cli_fit", files, tests, sizeof tests / sizeof *tests);
}
