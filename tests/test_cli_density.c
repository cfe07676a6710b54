/* SPDX-License-Identifier: MIT */
/* test_cli_density.c: given log-densities: `clflow importance`. */
#define _GNU_SOURCE
#include "program.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/data.h"

#define I "importance m.safetensors "

static void files(void) {
  release(run("train --device cpu --data moons:n=200 --epochs 30 --hidden 8 --out m.safetensors"));
}

static json_t *json_of(const char *command) {
  const result r = run(command);
  expect_code(command, &r, 0);
  json_t *json = json_loads(r.out, 0, NULL);
  ck_assert_ptr_nonnull(json);
  release(r);
  return json;
}
static double number(const json_t *json, const char *key) {
  return json_number_value(json_object_get(json, key));
}

START_TEST(weights_of_a_target) {
  json_t *j = json_of(I "--device cpu --target mixture:modes=2,radius=1,std=0.9 -n 20000 --json");
  const double error = number(j, "log_z_std_error");
  ck_assert_msg(error > 0 && error < 0.3, "log Z +- %g", error);
  ck_assert(number(j, "n") == 20000 && number(j, "log_z_exact") == 0);
  ck_assert(number(j, "ess") > 0 && number(j, "ess") < 1 && number(j, "top_weight_share") < 1);
  ck_assert(number(j, "bound") < number(j, "log_z"));
  json_decref(j);
  succeeds(I "--target normal -n 100", "effective sample size  ");
  succeeds(I "--target normal -n 100", "exact log Z            0.000000\n");
}
END_TEST

/* The samples of `clflow sample`, with log p~ - log q. */
START_TEST(weights_beside_samples) {
  clf_table s, w, q;
  succeeds(I "--target normal:std=2 -n 50 --seed 4 --first 3 --out w.csv", "samples ");
  succeeds("sample m.safetensors -n 50 --seed 4 --first 3 --out s.csv", "");
  succeeds("log-prob m.safetensors --data s.csv --out q.csv", "");
  WORKS(clf_table_read("w.csv", &w));
  WORKS(clf_table_read("s.csv", &s));
  WORKS(clf_table_read("q.csv", &q));
  ck_assert_int_eq(w.cols, 3);
  ck_assert_str_eq(w.names[2], "log_weight");
  for (int64_t i = 0; i < 50; i++) {
    const double *x = s.at + 2 * i;
    const double logp = -(x[0] * x[0] + x[1] * x[1]) / 8 - 2 * log(2) - log(2 * acos(-1));
    ck_assert(w.at[3 * i] == x[0] && w.at[3 * i + 1] == x[1]);
    ck_assert_double_eq_tol(w.at[3 * i + 2], logp - q.at[i], 1e-5);
  }
  clf_table_free(&w);
  clf_table_free(&s);
  clf_table_free(&q);
}
END_TEST

/* log p~ by another program: the flow's own density, so every weight is 1. */
START_TEST(values_of_a_file) {
  succeeds("sample m.safetensors -n 40 --seed 2 --out s.npy", "");
  succeeds("log-prob m.safetensors --data s.npy --out q.npy", "");
  json_t *j = json_of(I "--values q.npy --seed 2 --json");
  ck_assert(number(j, "n") == 40);
  ck_assert_double_eq_tol(number(j, "log_z"), 0, 1e-5);
  ck_assert_double_eq_tol(number(j, "ess"), 1, 1e-5);
  ck_assert(json_is_null(json_object_get(j, "log_z_exact")));
  json_decref(j);
  refuses(1, I "--values q.npy -n 41", "-n is 41, but q.npy has 40 rows");
  /* a density of 0 at every fourth sample */
  clf_table q;
  WORKS(clf_table_read("q.npy", &q));
  for (int64_t i = 0; i < q.rows; i += 4) q.at[i] = -INFINITY;
  for (int i = 0; i < 2; i++) {
    WORKS(clf_table_write(i ? "0.npy" : "0.csv", &q));
    j = json_of(i ? I "--values 0.npy --seed 2 --json" : I "--values 0.csv --seed 2 --json");
    ck_assert(number(j, "n") == 40 && number(j, "zero_weight") == 10);
    ck_assert_double_eq_tol(number(j, "log_z"), log(0.75), 1e-5);
    json_decref(j);
  }
  q.at[1] = INFINITY;
  WORKS(clf_table_write("0.npy", &q));
  refuses(1, I "--values 0.npy", "0.npy: row 2, column 1 (from 1): inf is not a finite number");
  write_text("0.csv", "0\n-1\nnan\n");
  refuses(1, I "--values 0.csv", "\"nan\" is not a finite number");
  clf_table_free(&q);
  remove("0.npy");
  remove("0.csv");
  refuses(1, I "--values s.npy",
          "s.npy has 2 columns; log-densities of samples are a single column");
  remove("s.npy");
  remove("q.npy");
}
END_TEST

START_TEST(what_is_refused) {
  refuses(2, I "-n 5", "--target is missing; usage: clflow importance MODEL");
  refuses(2, I "--target normal --values q.npy", "--target and --values exclude each other");
  refuses(2, I "--target nromal", "--target: there is no target \"nromal\"; there are normal, ");
  refuses(1, I "--target normal:dim=3", "the density has 3 dimensions, the flow has 2");
  refuses(2, I "--target normal --out never.txt2", "never.txt2");
}
END_TEST

/* ---- Training -------------------------------------------------------------------------------- */

#define T "train --device cpu --target banana:bend=0.3 --hidden 8 --samples 1280 --batch 128 "

START_TEST(trains_against_a_target) {
  result r = run(T "--epochs 12 --out t.safetensors");
  expect_code("train", &r, 0);
  expect_text("train", "stderr", r.err, "epoch 12/12  bound -0.");
  expect_text("train", "stdout", r.out, "exact log Z          0.000000\n");
  const char *ess = strstr(r.out, "effective sample     ");
  ck_assert_msg(ess && atof(ess + 21) > 90, "%s", r.out);
  release(r);
  succeeds("info t.safetensors", "--clip 10 --samples 1280\n");
  succeeds("info t.safetensors", " nats, mean lower bound of log Z (ELBO)\n");
  succeeds("info t.safetensors --json", "\"lower_bound\": true");
  /* In two runs, the second of which uses the options in the file */
  succeeds(T "--epochs 5 --out u.safetensors", "model                u.safetensors\n");
  succeeds("train --device cpu --target banana:bend=0.3 --resume --epochs 12 --out u.safetensors",
           "exact log Z");
  same_files("t.safetensors", "u.safetensors");
  refuses(1, "train --device cpu --target banana --resume --epochs 13 --out u.safetensors",
          "its training began with another value of the data");
  succeeds(T "--dry-run", "target               banana:bend=0.3\n");
  write_text("flow", "3: coupling(rq(), mlp(8x1)) -> normal\n");
  succeeds("train --device cpu --target funnel:dim=3 --samples 200 --epochs 1 --flow @flow --out "
           "v.safetensors",
           "flow                 3 dimensions, 1 layer; ");
  refuses(1, "train --device cpu --target banana --init v.safetensors --out never.safetensors",
          "the density has 2 dimensions, the flow has 3");
}
END_TEST

START_TEST(trainings_that_are_refused) {
  refuses(2, T "--data moons --out never.safetensors", "--data is for data; --target has none");
  refuses(2, T "--standardize --out never.safetensors", "--standardize is for data");
  refuses(2, T "--plot never.png --out never.safetensors", "--plot is for data");
  refuses(2, "train --data moons --samples 9 --out never.safetensors",
          "--samples is for --target; data have their own rows");
  refuses(2, "train --target baana --out never.safetensors", "there is no target \"baana\"");
  write_text("mixed", "2: -> mixture(2)\n");
  refuses(1, "train --device cpu --target banana --flow @mixed --out never.safetensors",
          "training against a log-density needs gradients through the base's samples");
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const all[] = {weights_of_a_target,     weights_beside_samples,     values_of_a_file,
                              trains_against_a_target, trainings_that_are_refused, what_is_refused};
  return program_main(argc, argv, "cli density", files, all, sizeof all / sizeof *all);
}
