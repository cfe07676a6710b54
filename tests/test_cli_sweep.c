/* SPDX-License-Identifier: MIT */
/* test_cli_sweep.c: `clflow sweep`: what it trains, chooses, blends and survives. */
#define _POSIX_C_SOURCE 200809L
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "clflow/clflow.h"
#include "program.h"

#define CPU "--device cpu "
#define DATA "--data moons:n=400 "
enum { MEMBERS = 4 };

static void files(void) {}

/* ---- What is trained ------------------------------------------------------------------------ */

#define SWEEP DATA "--steps 100 --hidden 8 --depth 2 --seeds 3..4 --vary lr=1e-3,1e-2 "

static json_t *record(const char *folder) {
  char path[256];
  snprintf(path, sizeof path, "%s/sweep.json", folder);
  json_t *json = json_load_file(path, 0, NULL);
  ck_assert_ptr_nonnull(json);
  return json;
}

static const char *text_of(const json_t *member, const char *key) {
  return json_string_value(json_object_get(member, key));
}

static double valid_of(const json_t *record_, size_t i) {
  const json_t *members = json_object_get(record_, "members");
  return json_number_value(json_object_get(json_array_get(members, i), "valid"));
}

/* Each member is what `clflow train` makes of its options, and the best of them is the result. */
START_TEST(members_are_plain_trainings) {
  static const char *const lr[] = {"1e-3", "1e-3", "1e-2", "1e-2"};
  succeeds("sweep " CPU SWEEP "--out s.safetensors", "validation rows");
  json_t *const r = record("s.safetensors.sweep");
  int best = 0;
  ck_assert_uint_eq(json_array_size(json_object_get(r, "members")), MEMBERS);
  for (int i = 0; i < MEMBERS; i++) {
    char command[512], member[64];
    snprintf(command, sizeof command,
             "train " CPU DATA "--steps 100 --hidden 8 --depth 2 --lr %s --seed %d --split-seed 1 "
             "--out t.safetensors --force",
             lr[i], 3 + i % 2);
    snprintf(member, sizeof member, "s.safetensors.sweep/%03d.safetensors", i);
    succeeds(command, "");
    same_files(member, "t.safetensors");
    if (valid_of(r, (size_t)i) > valid_of(r, (size_t)best)) best = i;
  }
  char member[64];
  snprintf(member, sizeof member, "s.safetensors.sweep/%03d.safetensors", best);
  same_files(member, "s.safetensors");
  json_decref(r);
}
END_TEST

/* What devices do not decide: everything but times. */
static json_t *without_times(const char *folder) {
  json_t *const r = record(folder);
  json_t *member;
  size_t i;
  json_array_foreach(json_object_get(r, "members"), i, member) json_object_del(member, "seconds");
  return r;
}

START_TEST(any_number_of_devices_gives_the_same_bits) {
  succeeds("sweep " CPU SWEEP "--blend 2 --out one.safetensors", "a blend of the best 2");
  succeeds("sweep " SWEEP "--devices cpu,cpu,cpu --blend 2 --out three.safetensors",
           "a blend of the best 2");
  json_t *const one = without_times("one.safetensors.sweep"), *const three = without_times(
                                                                  "three.safetensors.sweep");
  ck_assert(json_equal(one, three));
  same_files("one.safetensors", "three.safetensors");
  json_decref(one);
  json_decref(three);
}
END_TEST

/* ---- The blend ------------------------------------------------------------------------------ */

enum { ROWS = 50 };

static void log_probs(const char *path, const double *x, double *logp) {
  clf_device *dev;
  clf_flow *flow;
  WORKS(clf_open("cpu64", &dev));
  WORKS(clf_flow_load(dev, path, NULL, &flow));
  WORKS(clf_log_prob(flow, x, ROWS, logp));
  clf_flow_free(flow);
  clf_close(dev);
}

/* log of the mean density of both kinds of flow, one of which has its scaling in its text. */
START_TEST(a_blend_is_the_mean_density) {
  double x[2 * ROWS], logp[3][ROWS], blend[ROWS];
  for (int i = 0; i < 2 * ROWS; i++) x[i] = sin(1.7 * i) + 0.3;
  succeeds("sweep " CPU DATA
           "--steps 60 --flow nvp --flow nsf(hidden=8,depth=2) --flow maf(hidden=8,depth=2) "
           "--blend 3 --out b.safetensors",
           "a blend of the best 3");
  for (int k = 0; k < 3; k++) {
    char member[64];
    snprintf(member, sizeof member, "b.safetensors.sweep/%03d.safetensors", k);
    log_probs(member, x, logp[k]);
  }
  log_probs("b.safetensors", x, blend);
  for (int i = 0; i < ROWS; i++) {
    const double most = fmax(logp[0][i], fmax(logp[1][i], logp[2][i]));
    double sum = 0;
    for (int k = 0; k < 3; k++) sum += exp(logp[k][i] - most) / 3;
    ck_assert_double_eq_tol(blend[i], most + log(sum), 1e-9 * (1 + fabs(blend[i])));
  }
}
END_TEST

START_TEST(flows_that_do_not_go_together_are_refused) {
  static const double zero[2] = {0, 0}, one[2] = {1, 1}, bad[2] = {1, -1};
  clf_device *dev;
  clf_arch *arch;
  clf_flow *two[2], *three[2], *blend;
  WORKS(clf_open("cpu", &dev));
  WORKS(clf_arch_parse("2: lu -> normal", &arch));
  for (int i = 0; i < 2; i++) WORKS(clf_flow_create_arch(dev, arch, (uint64_t)i, &two[i]));
  clf_arch_free(arch);
  WORKS(clf_arch_parse("3: lu -> normal", &arch));
  WORKS(clf_flow_create_arch(dev, arch, 1, &three[1]));
  clf_arch_free(arch);
  three[0] = two[0];
  ck_assert_int_eq(clf_flow_blend(two, NULL, 0, &blend), CLF_EINVAL);
  ck_assert_int_eq(clf_flow_blend(two, bad, 2, &blend), CLF_EINVAL);
  ck_assert_str_eq(clf_errmsg(), "weight 1 of a blend is -1; it must be above 0");
  ck_assert_int_eq(clf_flow_blend(three, NULL, 2, &blend), CLF_ESHAPE);
  WORKS(clf_flow_blend(two, one, 2, &blend));
  clf_flow_free(blend);
  WORKS(clf_flow_set_scaling(two[1], zero, one));
  ck_assert_int_eq(clf_flow_blend(two, NULL, 2, &blend), CLF_EINVAL);
  ck_assert_ptr_nonnull(strstr(clf_errmsg(), "scales its columns differently"));
  ck_assert_ptr_null(blend);
  clf_flow_free(two[0]);
  clf_flow_free(two[1]);
  clf_flow_free(three[1]);
  clf_close(dev);
}
END_TEST

/* ---- Failures and Ctrl-C --------------------------------------------------------------------- */

START_TEST(a_training_that_fails_ends_no_sweep) {
  const result r =
      run("sweep " CPU DATA
          "--steps 20 --flow nvp --flow nofl --test moons:n=100,seed=2 --out f.safetensors");
  expect_code("sweep", &r, 0);
  expect_text("sweep", "stdout", r.out, "failed: there is no preset \"nofl\"");
  expect_text("sweep", "stdout", r.out, "f.safetensors, member 000");
  expect_text("sweep", "stdout", r.out, "over all 100\n");
  release(r);
  json_t *const json = record("f.safetensors.sweep");
  ck_assert_str_eq(text_of(json_array_get(json_object_get(json, "members"), 1), "state"), "failed");
  json_decref(json);
  const result none = run("sweep " CPU DATA "--steps 20 --flow nofl --out n.safetensors");
  expect_code("sweep", &none, 1);
  expect_text("sweep", "stderr", none.err, "no training of this sweep succeeded");
  release(none);
  ck_assert_int_ne(access("n.safetensors", F_OK), 0);
}
END_TEST

#define LONG DATA "--steps 48000 --hidden 8 --depth 2 --seeds 1,2 --devices cpu,cpu "

static void wait_for(const char *path) {
  static const struct timespec tick = {0, 10000000};
  for (int i = 0; access(path, F_OK) != 0; i++) {
    ck_assert_int_lt(i, 2000);
    nanosleep(&tick, NULL);
  }
}

START_TEST(test_rows_are_checked_first) {
  refuses(1, "sweep --data moons:n=50 --steps 1 --out t.safetensors --test none.csv", "none.csv");
  write_text("wrong.csv", "a,b\n1,2\n3,x1\n4,2\n5,1\n");
  refuses(1, "sweep --data moons:n=50 --steps 1 --out t.safetensors --test wrong.csv", "\"x1\"");
}
END_TEST

/* A sweep that is killed leaves no training behind: each saves and ends, and --resume continues. */
static void killed_and_resumed(void) {
#ifdef __linux__
  static const struct timespec moment = {0, 50000000};
  const pid_t pid = start("sweep " LONG "--out killed.safetensors");
  wait_for("killed.safetensors.sweep/001.jsonl");
  nanosleep(&moment, NULL);
  ck_assert_int_eq(suite_kill(pid, SIGKILL), 0);
  release(finish(pid));
  wait_for("killed.safetensors.sweep/000.safetensors");
  wait_for("killed.safetensors.sweep/001.safetensors");
  succeeds("info killed.safetensors.sweep/000.safetensors", "resume    yes");
  succeeds("sweep " LONG "--resume --out killed.safetensors", "validation rows");
  same_files("killed.safetensors", "whole.safetensors");
#endif
}

START_TEST(a_sweep_that_was_stopped_goes_on) {
  static const struct timespec moment = {0, 50000000};
  succeeds("sweep " LONG "--out whole.safetensors", "validation rows");
  const pid_t pid = start("sweep " LONG "--out cut.safetensors");
  wait_for("cut.safetensors.sweep/001.jsonl");
  nanosleep(&moment, NULL);
  ck_assert_int_eq(suite_kill(pid, SIGINT), 0);
  const result r = finish(pid);
  expect_code("sweep", &r, 1);
  expect_text("sweep", "stderr", r.err, "stopped with 0 of 2 trainings done");
  release(r);
  refuses(2, "sweep " LONG "--out cut.safetensors",
          "cut.safetensors.sweep holds a sweep: --resume continues it, --force replaces it");
  refuses(2, "sweep " LONG "--lr 1e-3 --resume --out cut.safetensors",
          "is the record of another sweep");
  succeeds("sweep " LONG "--resume --out cut.safetensors", "validation rows");
  same_files("cut.safetensors.sweep/000.safetensors", "whole.safetensors.sweep/000.safetensors");
  same_files("cut.safetensors.sweep/001.safetensors", "whole.safetensors.sweep/001.safetensors");
  same_files("cut.safetensors", "whole.safetensors");
  struct stat before, after;
  ck_assert_int_eq(stat("cut.safetensors.sweep/000.safetensors", &before), 0);
  succeeds("sweep " LONG "--resume --out cut.safetensors", "validation rows");
  ck_assert_int_eq(stat("cut.safetensors.sweep/000.safetensors", &after), 0);
  ck_assert_int_eq((int)before.st_ino, (int)after.st_ino); /* not trained again */
  killed_and_resumed();
}
END_TEST

/* ---- Command lines that are refused ------------------------------------------------------------
 */

START_TEST(what_makes_no_sense_is_refused) {
  static const struct {
    const char *options, *says;
  } cases[] = {
      {"--data moons", "--out is missing"},
      {"--out x.safetensors", "--data is missing"},
      {"--data moons --out x.safetensors --seed 3", "--seeds lists the seeds"},
      {"--data moons --out x.safetensors --seeds 3..1", "--seeds takes numbers and ranges"},
      {"--data moons --out x.safetensors --seeds 1..9999", "at most 4096 in all"},
      {"--data moons --out x.safetensors --vary lr", "--vary takes NAME=VALUE"},
      {"--data moons --out x.safetensors --vary lr=1,,2", "--vary takes NAME=VALUE"},
      {"--data moons --out x.safetensors --vary lr=no", "--lr takes a number above 0, got \"no\""},
      {"--data moons --out x.safetensors --vary wings=2", "has no option --wings"},
      {"--data moons --out x.safetensors --vary seed=2", "--seeds lists the seeds"},
      {"--data moons --out x.safetensors --vary folds=2", "--vary does not take folds"},
      {"--data moons --out x.safetensors --vary devices=cpu", "--vary does not take devices"},
      {"--data moons --out x.safetensors --vary lr=1 --lr 2", "--vary lr and --lr exclude"},
      {"--data moons --out x.safetensors --vary no-shuffle=1", "is on or off"},
      {"--data moons --out x.safetensors --folds 3", "trained on all rows"},
      {"--data moons --out x.safetensors --wings 3", "there is no option --wings"},
      {"--data - --out x.safetensors", "reads its data for each training"},
      {"--data glyphs --out x.safetensors", "chooses by validation images"},
      {"--data moons --out x.safetensors --resume", "there is no sweep in x.safetensors.sweep"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char command[256];
    snprintf(command, sizeof command, "sweep " CPU "%s", cases[i].options);
    const result r = run(command);
    expect_code(command, &r, strstr(command, "--resume") ? 1 : 2);
    expect_text(command, "stderr", r.err, cases[i].says);
    ck_assert_str_eq(r.out, "");
    release(r);
  }
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const tests[] = {
      members_are_plain_trainings,         any_number_of_devices_gives_the_same_bits,
      a_blend_is_the_mean_density,         flows_that_do_not_go_together_are_refused,
      a_training_that_fails_ends_no_sweep, test_rows_are_checked_first,
      a_sweep_that_was_stopped_goes_on,    what_makes_no_sense_is_refused,
  };
  return program_main(argc, argv, "cli_sweep", files, tests, sizeof tests / sizeof *tests);
}
