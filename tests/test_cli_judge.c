/* SPDX-License-Identifier: MIT */
/* test_cli_judge.c: evaluation of rows and models: `clflow compare`, `eval` and `log-prob`. */
#define _GNU_SOURCE
#include "program.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/clflow.h"

/* Normal densities with known log p: of x0 and x1 with mean 0 or with the mean of the data. */
static const char *const rows = "a,b\n0,0\n1,-1\n2,0.5\n-1,3\n0.25,0.5\n-2,-2\n0.5,0.25\n1.5,1\n";

static void files(void) {
  write_text("rows.csv", rows);
  write_text("other.csv", "a,c\n0,0\n1,-1\n2,0.5\n-1,3\n");
  write_text("given.csv", "a,b,k\n0,0,1\n1,-1,0\n2,0.5,1\n-1,3,0\n0.25,0.5,1\n-2,-2,1\n");
#define TRAIN "train --device cpu64 --epochs 1 --lr 1e-9 --valid-split 0 "
  release(run(TRAIN "--data rows.csv --flow 2:->normal --out unit.safetensors"));
  release(run(TRAIN "--data rows.csv --flow 2:->normal --standardize --out own.safetensors"));
  release(run(TRAIN "--data other.csv --flow 2:->normal --out other.safetensors"));
  release(run(TRAIN "--data given.csv --given k --flow 2|1:coupling(affine,mlp(4x1))->normal --out "
                    "given.safetensors"));
  write_text("box", "2: -> box(-1.75, 2)\n");
  write_text("inside.csv", "a,b\n0,0\n1,-1\n1.75,0.5\n");
  release(run(TRAIN "--data inside.csv --flow @box --out box.safetensors"));
}

static json_t *json_of(const char *command) {
  const result r = run(command);
  expect_code(command, &r, 0);
  json_t *json = json_loads(r.out, 0, NULL);
  ck_assert_msg(json != NULL, "%s", r.out);
  release(r);
  return json;
}
static double number(const json_t *json, const char *key) {
  const json_t *const value = json_object_get(json, key);
  ck_assert_msg(json_is_number(value), "%s is no number", key);
  return json_number_value(value);
}
static const char *word(const json_t *json, const char *key) {
  const char *const value = json_string_value(json_object_get(json, key));
  return value ? value : "(none)";
}

/* ---- compare ---------------------------------------------------------------- */

#define CPU " --device cpu64 "

START_TEST(two_models) {
  clf_table t;
  WORKS(clf_table_read("rows.csv", &t));
  double mean[2], std[2], d[8], sum = 0, square = 0;
  clf_table_moments(&t, NULL, t.rows, mean, std);
  for (int i = 0; i < 8; i++) { /* log p under `unit` without that under `own` */
    d[i] = 0;
    for (int c = 0; c < 2; c++) {
      const double x = t.at[2 * i + c], z = (x - mean[c]) / std[c];
      d[i] += -x * x / 2 + z * z / 2 + log(std[c]);
    }
    sum += d[i];
  }
  for (int i = 0; i < 8; i++) square += (d[i] - sum / 8) * (d[i] - sum / 8);
  json_t *j = json_of("compare unit.safetensors own.safetensors --data rows.csv --json" CPU);
  const json_t *pair = json_array_get(json_object_get(j, "differences"), 0);
  ck_assert(number(j, "n") == 8 && number(j, "missing") == 0);
  ck_assert_str_eq(word(j, "best"), "B");
  ck_assert_str_eq(word(pair, "first"), "A");
  ck_assert_double_eq_tol(number(pair, "mean"), sum / 8, 1e-9);
  ck_assert_double_eq_tol(number(pair, "std_error"), sqrt(square / 7 / 8), 1e-9);
  int better = 0;
  for (int i = 0; i < 8; i++) better += d[i] > 0;
  ck_assert_int_eq((int)number(pair, "first_better"), better);
  ck_assert_int_eq((int)number(pair, "second_better"), 8 - better);
  json_decref(j);
  succeeds("compare unit.safetensors own.safetensors --data rows.csv --per-row d.csv" CPU,
           "no difference beyond 2 standard errors\n");
  clf_table_free(&t);
  WORKS(clf_table_read("d.csv", &t));
  ck_assert(t.cols == 3 && t.rows == 8);
  ck_assert_str_eq(t.names[2], "A_minus_B");
  for (int i = 0; i < 8; i++) {
    ck_assert_double_eq_tol(t.at[3 * i + 2], d[i], 1e-9);
    ck_assert_double_eq_tol(t.at[3 * i] - t.at[3 * i + 1], d[i], 1e-9);
  }
  clf_table_free(&t);
  remove("d.csv");
}
END_TEST

/* Compared with the best of three, or the first; and the same model twice. */
START_TEST(more_models) {
  const char *const three = "compare unit.safetensors own.safetensors unit.safetensors --data "
                            "rows.csv" CPU;
  char command[256];
  succeeds(three, "\nB - A                ");
  succeeds(three, "\nB - C                ");
  snprintf(command, sizeof command, "%s--against first", three);
  succeeds(command, "\nA - C                0.000000 nats a row\n");
  succeeds(command, "more likely          0 rows under A, 0 under C, 8 equal\n");
  refuses(2, "compare unit.safetensors --data rows.csv", "B is missing; usage: clflow compare A B");
}
END_TEST

START_TEST(rows_of_zero_density) {
  json_t *j = json_of("compare box.safetensors unit.safetensors --data rows.csv  "
                      "--json" CPU);
  const json_t *pair = json_array_get(json_object_get(j, "differences"), 0),
               *zeros = json_object_get(pair, "zero_density_first");
  ck_assert_int_eq((int)json_array_size(zeros), 2);
  ck_assert_int_eq((int)json_integer_value(json_array_get(zeros, 0)), 4);
  ck_assert_int_eq((int)json_integer_value(json_array_get(zeros, 1)), 6);
  ck_assert_int_eq((int)number(pair, "paired"), 6);
  ck_assert_str_eq(word(pair, "verdict"), "second");
  json_decref(j);
  succeeds("compare box.safetensors unit.safetensors --data rows.csv " CPU,
           "zero density         under A alone: rows 4, 6\n");
  succeeds("compare box.safetensors unit.safetensors --data rows.csv " CPU,
           "verdict              B is better: A gives zero density to rows that B does not\n");
  succeeds("compare box.safetensors box.safetensors --data rows.csv " CPU,
           "zero density         under both: rows 4, 6\n");
}
END_TEST

/* One model takes a context from the data, the other ignores its column. */
START_TEST(contexts) {
  json_t *j = json_of("compare unit.safetensors given.safetensors --data given.csv --json" CPU);
  ck_assert(number(j, "n") == 6);
  json_decref(j);
  succeeds("compare unit.safetensors given.safetensors --data rows.csv --given k=1" CPU,
           "rows                 8\n");
  refuses(2, "compare unit.safetensors own.safetensors --data rows.csv --given k=1",
          "--given: none of the models takes a context");
}
END_TEST

/* The data is read for each model; what is said about it is said once. */
START_TEST(notes) {
  const result r =
      run("compare unit.safetensors own.safetensors unit.safetensors --data given.csv" CPU);
  const char *const first = strstr(r.err, "left out because the model has no such column: k");
  expect_code("compare", &r, 0);
  ck_assert_msg(first && !strstr(first + 1, "left out"), "%s", r.err);
  release(r);
}
END_TEST

/* Columns in another order, one of them discrete in one model only. */
START_TEST(grids) {
  write_text("whole.csv", "n,x\n0,0.5\n1,0.25\n1,-1\n2,1.5\n0,0\n1,1\n");
  write_text("turned.csv", "x,n\n0.5,0\n0.25,1\n-1,1\n1.5,2\n0,0\n1,1\n");
  release(run(TRAIN "--data whole.csv --discrete n --flow 2:->normal --out grid.safetensors"));
  release(run(TRAIN "--data turned.csv --discrete none --flow 2:->normal --out plain.safetensors"));
  const result r = run("compare grid.safetensors plain.safetensors --data whole.csv" CPU);
  expect_code("compare", &r, 0);
  expect_text("compare", "stdout", r.out, "A - B                0.000000 nats a row\n");
  expect_text("compare", "stderr", r.err,
              "column 2 (\"n\") is discrete in grid.safetensors and continuous in "
              "plain.safetensors, whose density");
  release(r);
}
END_TEST

START_TEST(models_that_cannot_be_compared) {
  refuses(1, "compare unit.safetensors other.safetensors --data rows.csv",
          "rows.csv does not match the model other.safetensors");
  write_text("abc.csv", "a,b,c\n0,0,0\n1,-1,2\n");
  refuses(1, "compare unit.safetensors other.safetensors --data abc.csv",
          "other.safetensors models the column \"c\" and unit.safetensors does not");
  refuses(2, "compare unit.safetensors own.safetensors --data -",
          "--data -: the rows are read once for each model; save them to a file");
  refuses(2, "compare unit.safetensors own.safetensors --data rows.csv --json --per-row -",
          "--per-row - and --json cannot both go to standard output");
  refuses(2, "compare unit.safetensors own.safetensors --data rows.csv --per-row d.txt", "d.txt");
  refuses(2, "compare a b c d e f g h i --data rows.csv", "unexpected argument \"i\"");
  remove("abc.csv");
}
END_TEST

/* ---- log-prob --------------------------------------------------------------- */

/* The unit normal: log p is -|x|^2 / 2 - log(2 pi), and percentages are functions of |x|^2. */
START_TEST(ranks_and_percentages) {
  clf_table t, d;
  succeeds("log-prob unit.safetensors --data rows.csv --samples 40000 --with "
           "model,percentile,rank,data,row --out r.csv" CPU,
           "");
  WORKS(clf_table_read("r.csv", &t));
  WORKS(clf_table_read("rows.csv", &d));
  static const char *const names[] = {
      "row", "a", "b", "logp", "rank", "percentile", "model_percentile"};
  ck_assert(t.cols == 7 && t.rows == 8);
  for (int c = 0; c < 7; c++) ck_assert_str_eq(t.names[c], names[c]);
  for (int i = 0; i < 8; i++) {
    const double *at = t.at + 7 * i, *x = d.at + 2 * i;
    const double square = x[0] * x[0] + x[1] * x[1];
    int lower = 0, equal = 0;
    for (int k = 0; k < 8; k++) {
      const double other = d.at[2 * k] * d.at[2 * k] + d.at[2 * k + 1] * d.at[2 * k + 1];
      lower += other > square;
      equal += other == square;
    }
    ck_assert(at[0] == i + 1 && at[1] == x[0] && at[2] == x[1]);
    ck_assert_double_eq_tol(at[3], -square / 2 - log(2 * acos(-1)), 1e-9);
    ck_assert_int_eq((int)at[4], lower + 1);
    ck_assert_double_eq_tol(at[5], 100 * (lower + equal / 2.0) / 8, 1e-4);
    ck_assert_double_eq_tol(at[6], 100 * exp(-square / 2), 1); /* of chi-square of 2 degrees */
  }
  clf_table_free(&t);
  clf_table_free(&d);
  remove("r.csv");
}
END_TEST

START_TEST(strangest_rows) {
  const char *const lowest = "log-prob unit.safetensors --data rows.csv --lowest 2 --out -" CPU;
  char command[256];
  succeeds(lowest, "row,logp\n4,-6.83787706640934");
  succeeds(lowest, "\n6,-5.8378770664093");
  snprintf(command, sizeof command, "%s--with row,strange", lowest);
  succeeds(command, "row,logp,strange\n4,-6.8378770664093453,\"b 4.5\"\n"); /* 3^2 / 2 */
  succeeds(command, ",\"a 2.0; b 2.0\"\n");
  succeeds("log-prob box.safetensors --data rows.csv --lowest 1 --with row,strange --out -" CPU,
           "row,logp,strange\n4,-inf,\"b inf\"\n");
  snprintf(command, sizeof command, "%s--lowest 99 --with rank", lowest);
  succeeds(command, ",6\n-1.837877066409345"); /* among all rows the most likely one comes last */
}
END_TEST

/* Percentages under the model use each row's own context. */
START_TEST(strange_given_a_context) {
  succeeds("log-prob given.safetensors --data given.csv --with data,model,strange --out -" CPU,
           "a,b,k,logp,model_percentile,strange\n0,0,1,");
  succeeds("log-prob given.safetensors --data rows.csv --given k=1 --with data --out -" CPU,
           "a,b,k,logp\n0,0,1,");
}
END_TEST

/* Labels, ids and missing values are output as in the table. */
static const char *const people = "name,size,kind,height\n"
                                  "ann,1.5,oak,10\n"
                                  "\"bo, b\",2.5,elm,12\n"
                                  "cy,,oak,11\n"
                                  "di,0.5,elm,30\n"
                                  "ed,1,,12\n"
                                  "flo,2,oak,13\n";

START_TEST(rows_as_the_table_has_them) {
  const char *const log_prob = "log-prob trees.safetensors --data trees.csv --id name --out -" CPU;
  char command[256];
  write_text("trees.csv", people);
  result r =
      run("train --device cpu64 --epochs 1 --lr 1e-9 --valid-split 0 --data trees.csv --drop "
          "name --given kind --discrete none --flow 2|2:coupling(affine,mlp(4x1))->normal "
          "--out trees.safetensors");
  expect_code("train", &r, 0);
  release(r);
  snprintf(command, sizeof command, "%s --with data", log_prob);
  r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stdout", r.out, "name,size,height,kind,logp\nann,1.5,10,oak,-");
  expect_text(command, "stdout", r.out, "\n\"bo, b\",2.5,12,elm,-");
  expect_text(command, "stdout", r.out, "\ncy,,11,oak,\n");
  expect_text(command, "stdout", r.out, "\ned,1,12,,\nflo,");
  expect_text(command, "stderr", r.err, "log p is empty at 2 of 6 rows, which lack a value");
  release(r);
  snprintf(command, sizeof command, "%s --with rank,percentile", log_prob);
  succeeds(command, "\ncy,,,\n");
  succeeds("log-prob trees.safetensors --data trees.csv --missing drop --with row --out -" CPU,
           "\n4,-"); /* row 3 is left out */
  snprintf(command, sizeof command, "%s --lowest 1 --with strange", log_prob);
  succeeds(command, "name,logp,strange\ndi,-");
  succeeds("log-prob trees.safetensors --data trees.csv --out -" CPU, "\n\"\"\n");
  succeeds("transform trees.safetensors --data trees.csv --id name --out -" CPU, "\ncy,,\ndi,");
  succeeds("compare trees.safetensors trees.safetensors --data trees.csv --id name --per-row -" CPU,
           "name,logp_A,logp_B,A_minus_B\nann,");
  succeeds("compare trees.safetensors trees.safetensors --data trees.csv" CPU,
           "with missing values  2, left out\n");
  succeeds("eval trees.safetensors --data trees.csv" CPU, "with missing values  2, left out\n");
  json_t *j = json_of("log-prob trees.safetensors --data trees.csv --id name --with data,rank,"
                      "strange --json" CPU);
  const json_t *const all = json_object_get(j, "rows"), *const first = json_array_get(all, 0),
                      *const third = json_array_get(all, 2);
  ck_assert(number(j, "n") == 6 && number(j, "missing") == 2 && number(j, "zero_density") == 0);
  ck_assert_int_eq((int)json_array_size(all), 6);
  ck_assert_str_eq(word(first, "kind"), "oak");
  ck_assert_str_eq(word(first, "name"), "ann");
  ck_assert(number(first, "size") == 1.5 && number(first, "rank") > 0);
  ck_assert(json_is_null(json_object_get(third, "logp")) &&
            json_is_null(json_object_get(third, "rank")) &&
            json_is_null(json_object_get(third, "strange")));
  json_decref(j);
  refuses(2, "log-prob trees.safetensors --data trees.csv --out - --json",
          "--out - and --json cannot both go to standard output");
  refuses(2, "log-prob trees.safetensors --data trees.csv", "--out is missing; usage: clflow log-");
  refuses(2, "log-prob trees.safetensors --data trees.csv --out - --with id",
          "--with id needs --id COLUMN");
  refuses(2, "log-prob trees.safetensors --data trees.csv --id name --out n.npy",
          "--id writes texts, which a .npy cannot hold; write a .csv");
}
END_TEST

START_TEST(columns_that_are_refused) {
  refuses(2, "log-prob unit.safetensors --data rows.csv --out - --with logp",
          "--with takes any of row, ");
  refuses(2, "log-prob unit.safetensors --data rows.csv --out n.npy --with strange",
          "--with strange writes texts, which a .npy cannot hold; write a .csv");
  refuses(2, "log-prob unit.safetensors --data rows.csv --out n.npy --samples 9",
          "--samples is for --with model");
  refuses(2, "log-prob unit.safetensors --data rows.csv --out n.npy --lowest 0", "--lowest");
}
END_TEST

/* ---- eval ------------------------------------------------------------------------------------ */

static double mean_of(const json_t *json, const char *part) {
  const json_t *at = json_object_get(json_object_get(json, "parts"), part);
  return number(at, "mean");
}

/* Validation rows of a training are recognised, and no others. */
START_TEST(parts_of_a_training) {
  release(run("train --device cpu64 --data moons:n=400 --epochs 3 --hidden 8 --valid-split 0.25 "
              "--seed 5 --out v.safetensors"));
  json_t *info = json_of("info v.safetensors --json");
  json_t *j = json_of("eval v.safetensors --data moons:n=400 --json" CPU);
  const json_t *const parts = json_object_get(j, "parts"), *const history =
                                                               json_object_get(info, "history");
  ck_assert_int_eq((int)json_object_size(parts), 2);
  ck_assert(number(json_object_get(parts, "train"), "n") == 300);
  ck_assert(number(json_object_get(parts, "valid"), "n") == 100);
  ck_assert_double_eq_tol(0.75 * mean_of(j, "train") + 0.25 * mean_of(j, "valid"),
                          number(j, "mean"), 1e-9);
  ck_assert_double_eq_tol(mean_of(j, "valid"), number(history ? history : info, "valid"), 1e-6);
  ck_assert_str_eq(word(json_object_get(j, "calibration"), "rows"), "validation");
  json_decref(j);
  json_decref(info);
  j = json_of("eval v.safetensors --data moons:n=400,seed=2 --json" CPU);
  ck_assert_int_eq((int)json_object_size(json_object_get(j, "parts")), 0);
  json_decref(j);
  j = json_of("eval v.safetensors --data moons:n=400 --test moons:n=50,seed=3 --json" CPU);
  ck_assert(number(json_object_get(json_object_get(j, "parts"), "test"), "n") == 50);
  ck_assert_str_eq(word(json_object_get(j, "calibration"), "rows"), "test");
  json_decref(j);
  succeeds("eval v.safetensors --test moons:n=50,seed=3" CPU, "samples              50\n");
  refuses(2, "eval v.safetensors", "--data is missing; usage: clflow eval MODEL --data DATA");
}
END_TEST

/* A record has the seed and the shares; its checksum covers the rows without missing values. */
START_TEST(parts_of_a_fit) {
  enum { ROWS = 50, VALID = 5, TEST = 10 };
  clf_table t;
  clf_device *dev;
  clf_flow *flow;
  char record[512];
  uint8_t part[ROWS];
  double sum = 0;
  WORKS(clf_table_read("moons:n=50", &t));
  WORKS(clf_table_write("moons.npy", &t));
  WORKS(clf_open("cpu64", &dev));
  WORKS(clf_flow_load(dev, "unit.safetensors", NULL, &flow));
  snprintf(record, sizeof record,
           "{\"version\": 1, \"seed\": 9, \"checksum\": %u, \"rows\": {\"read\": %d, "
           "\"valid\": %d, \"test\": %d, \"folds\": 0, \"refit\": true}}",
           clf_table_checksum(&t, NULL), ROWS, VALID, TEST);
  WORKS(clf_flow_set_record(flow, record));
  WORKS(clf_flow_save(flow, "fit.safetensors"));
  WORKS(clf_split_rows(ROWS, 0.1, 0.2, 9, part));
  for (int i = 0; i < ROWS; i++) {
    const double *x = t.at + 2 * i;
    if (part[i] == CLF_ROW_TEST) sum -= (x[0] * x[0] + x[1] * x[1]) / 2 + log(2 * acos(-1));
  }
  json_t *j = json_of("eval fit.safetensors --data moons.npy --json" CPU);
  ck_assert_double_eq_tol(mean_of(j, "test"), sum / TEST, 1e-9);
  ck_assert(number(json_object_get(json_object_get(j, "parts"), "train"), "n") == 35);
  ck_assert_str_eq(word(json_object_get(j, "calibration"), "rows"), "test");
  ck_assert(json_is_true(json_object_get(j, "refit")));
  json_decref(j);
  succeeds("eval fit.safetensors --data moons.npy" CPU,
           "the model was trained again on all of them after it was chosen\n");
  t.at[0] += 1; /* other data */
  WORKS(clf_table_write("moons.npy", &t));
  j = json_of("eval fit.safetensors --data moons.npy --json" CPU);
  ck_assert_int_eq((int)json_object_size(json_object_get(j, "parts")), 0);
  json_decref(j);
  remove("moons.npy");
  clf_flow_free(flow);
  clf_close(dev);
  clf_table_free(&t);
}
END_TEST

START_TEST(against_samples) {
  succeeds("sample unit.safetensors -n 2000 --seed 8 --out s.csv" CPU, "");
  succeeds("eval unit.safetensors --data s.csv" CPU,
           "against samples      fits: log p and each column of 2000 rows are as in samples of the "
           "model\n");
  json_t *j = json_of("eval unit.safetensors --data rows.csv --json --samples 3000" CPU);
  const json_t *const c = json_object_get(j, "calibration");
  ck_assert(number(c, "n") == 8 && number(c, "samples") == 3000);
  ck_assert_int_eq((int)json_array_size(json_object_get(c, "columns")), 2);
  json_decref(j);
  j = json_of("eval unit.safetensors --data rows.csv --json --samples 0" CPU);
  ck_assert(json_is_null(json_object_get(j, "calibration")));
  json_decref(j);
  release(run("train --device cpu64 --data moons:n=2000 --epochs 1 --lr 1e-9 --valid-split 0 "
              "--flow 2:->normal --out zero.safetensors"));
  succeeds("eval zero.safetensors --data moons:n=2000" CPU,
           "against samples      does not fit: log p of 2000 training rows is not as in");
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const all[] = {two_models,
                              more_models,
                              rows_of_zero_density,
                              contexts,
                              notes,
                              grids,
                              models_that_cannot_be_compared,
                              ranks_and_percentages,
                              strangest_rows,
                              strange_given_a_context,
                              rows_as_the_table_has_them,
                              columns_that_are_refused,
                              parts_of_a_training,
                              parts_of_a_fit,
                              against_samples};
  return program_main(argc, argv, "cli judge", files, all, sizeof all / sizeof *all);
}
