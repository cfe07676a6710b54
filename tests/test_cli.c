/* SPDX-License-Identifier: MIT */
/* test_cli.c: the program `clflow`: exit codes, output and files. */
#define _GNU_SOURCE
#include "program.h"
#include "cli.h"
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* A .npy file of format 1 with this header and `size` bytes of data. */
static void write_npy(const char *path, const char *type, const char *shape, const void *data,
                      size_t size) {
  char bytes[512] = "\x93NUMPY\x01", header[119];
  snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type,
           shape);
  snprintf(bytes + 10, sizeof bytes - 10, "%-117s\n", header);
  bytes[8] = 118;
  memcpy(bytes + 128, data, size);
  write_bytes(path, bytes, 128 + size);
}

static json_t *json_of(const char *command) {
  result r = run(command);
  expect_code(command, &r, 0);
  json_error_t error;
  json_t *json = json_loads(r.out, JSON_DECODE_ANY, &error);
  ck_assert_msg(json != NULL, "clflow %s: %s:\n%s", command, error.text, r.out);
  release(r);
  return json;
}

static json_int_t integer_at(const json_t *object, const char *key) {
  ck_assert_msg(json_is_integer(json_object_get(object, key)), "%s is no integer", key);
  return json_integer_value(json_object_get(object, key));
}

static double real_at(const json_t *object, const char *key) {
  ck_assert_msg(json_is_real(json_object_get(object, key)), "%s is no real number", key);
  return json_real_value(json_object_get(object, key));
}

static int lines(const char *text) {
  int count = 0;
  for (; *text; text++) count += *text == '\n';
  return count;
}

static void is_png(const char *path) {
  size_t size;
  char *bytes = read_file(path, &size);
  ck_assert_uint_gt(size, 100);
  ck_assert_mem_eq(bytes, "\x89PNG\r\n\x1a\n", 8);
  free(bytes);
}

/* ---- The program ------------------------------------------------------------- */

static const char *const verbs[] = {
#define CLI_X(name) #name,
    CLI_VERB_MAP(CLI_X)
#undef CLI_X
};

/* `clflow --help` has one line for each verb and no other, and each verb has a help. */
START_TEST(test_help) {
  enum { VERBS = sizeof verbs / sizeof *verbs };
  result r = run("--help");
  ck_assert_int_eq(r.code, 0);
  for (int i = 0; i < VERBS; i++) {
    char name[32], command[64], usage[64];
    snprintf(name, sizeof name, "%s", verbs[i]);
    for (char *c = name; *c; c++)
      if (*c == '_') *c = '-';
    snprintf(command, sizeof command, "\n  %-11s  ", name);
    expect_text("--help", "stdout", r.out, command);
    snprintf(command, sizeof command, "%s --help", name);
    snprintf(usage, sizeof usage, "usage: clflow %s ", name);
    succeeds(command, usage);
    succeeds(command, "\nExamples:\n  clflow ");
  }
  const char *list = strstr(r.out, "\n\n  fit ");
  ck_assert_ptr_nonnull(list);
  const char *end = strstr(list + 2, "\n\n");
  ck_assert_ptr_nonnull(end);
  ck_assert_int_eq(lines(list + 2) - lines(end + 1), VERBS);
  release(r);
  succeeds("--version", "clflow 0.");
  succeeds("-V", "clflow 0.");
  succeeds("train --help",
           "  --batch N               use this many rows in a step (default 256; 64 for");
  succeeds("train -h",
           "\n  -o, --out FILE          write the model to this file, as safetensors\n");
  succeeds("help train", "usage: clflow train ");
  succeeds("help data", "\n  pinwheel              2 columns\n  meters                a household");
  succeeds("help targets", "\n  funnel                x0 ~ N(0, scale^2)");
  succeeds("help environment", "\n  CLFLOW_DEVICE         device to use");
  succeeds("help --man eval", "\n.Dt CLFLOW-EVAL 1\n");
  refuses(2, "help evla", "clflow: help: there is no verb evla; did you mean eval?");
  refuses(2, "help --man data", "--man takes a verb; topics are part of clflow(1)");
  refuses(2, "help eval --completion zsh", "--completion takes no word");
}
END_TEST

/* "-" prints text files, and nothing else is printed there; other files need a name. */
START_TEST(test_stdout) {
  const struct {
    const char *command, *begin;
  } prints[] = {
      {"report m.safetensors --data moons:n=60 -o -", "<!doctype html>\n"},
      {"train --data moons:n=60 --epochs 1 -o log.safetensors --log -", "{\"first_step\":0,"},
      {"bench --device cpu --quick --ops gemm* --time 0.01 --json", "{\n \"clflow_bench\""},
      {"bench --device cpu --quick --ops gemm* --time 0.01 --csv -", "name,group,"},
  };
  for (size_t i = 0; i < sizeof prints / sizeof *prints; i++) {
    result r = run(prints[i].command);
    expect_code(prints[i].command, &r, 0);
    ck_assert_msg(strncmp(r.out, prints[i].begin, strlen(prints[i].begin)) == 0, "%s: %.60s",
                  prints[i].command, r.out);
    release(r);
  }
  const char *why = "--out takes the name of a file; standard output takes only text";
  refuses(2, "train --data moons -o -", why);
  refuses(2, "fit moons -o -", why);
  refuses(2, "plot m.safetensors -o -", why);
}
END_TEST

START_TEST(test_words) {
  result r = run("");
  ck_assert_int_eq(r.code, 2);
  expect_text("", "stderr", r.err, "usage: clflow VERB");
  release(r);
  refuses(2, "trian", "clflow: there is no verb trian; did you mean train?");
  refuses(2, "xyzzy", "clflow: there is no verb xyzzy; `clflow --help` lists the verbs");
  refuses(2, "train --epoch 3",
          "clflow: train: there is no option --epoch; did you mean --epochs?");
  refuses(2, "train --epoch=3", "there is no option --epoch; did you mean --epochs?");
  refuses(2, "train --xyzzyx 3", "there is no option --xyzzyx; `clflow train --help` lists them");
  refuses(2, "train --data moons", "--out is missing; usage: clflow train --data DATA --out FILE");
  refuses(2, "train --out", "--out needs a value: --out FILE");
  refuses(2, "train --out --data moons", "--out needs a value");
  refuses(2, "eval --data moons", "MODEL is missing");
  refuses(2, "eval m.safetensors more --data moons", "unexpected argument \"more\"");
  refuses(2, "eval m.safetensors --json=yes --data moons", "--json takes no value, got \"yes\"");
}
END_TEST

START_TEST(test_numbers) {
#define TRAIN "train --data moons --out never.safetensors "
#define T "clflow: train: "
  refuses(2, TRAIN "--batch 0", T "--batch takes a whole number from 1, got \"0\"\n");
  refuses(2, TRAIN "--batch=-5", T "--batch takes a whole number from 1, got \"-5\"\n");
  refuses(2, TRAIN "--batch 1e3", T "--batch takes a whole number from 1, got \"1e3\"\n");
  refuses(2, TRAIN "--batch 2147483648",
          T "--batch takes a whole number from 1 to 2147483647, got \"2147483648\"\n");
  refuses(2, TRAIN "--epochs 99999999999999999999",
          T "--epochs takes a whole number from 1 to 9223372036854775807, got ");
  refuses(2, TRAIN "--lr nan", T "--lr takes a number above 0, got \"nan\"\n");
  refuses(2, TRAIN "--lr inf", T "--lr takes a number above 0, got \"inf\"\n");
  refuses(2, TRAIN "--lr 0", T "--lr takes a number above 0, got \"0\"\n");
  refuses(2, TRAIN "--lr 0.1x", T "--lr takes a number above 0, got \"0.1x\"\n");
  refuses(2, TRAIN "--lr=", T "--lr takes a number above 0, got \"\"\n");
  refuses(2, TRAIN "--valid-split 1",
          T "--valid-split takes a number from 0 and below 1, got \"1\"");
  refuses(2, TRAIN "--s-max -1", T "--s-max takes a number from 0, got \"-1\"\n");
  refuses(2, TRAIN "--xmin 1e999", T "--xmin takes a number, got \"1e999\"\n");
  refuses(2, TRAIN "--seed 18446744073709551616", T "--seed takes a whole number from 0 to 1844");
  refuses(2, TRAIN "--flow glof", T "there is no preset \"glof\"; there are tiny lecture ");
  refuses(2, TRAIN "--bins 5", T "--bins has no meaning for the preset nvp\n");
  refuses(2, "sample m.safetensors -n 0 --out -", "sample: -n takes a whole number from 1");
#undef T
#undef TRAIN
}
END_TEST

START_TEST(test_devices) {
  succeeds("devices --no-test", "self-test");
  json_t *list = json_of("devices --json --no-test");
  const json_t *cpu = NULL;
  for (size_t i = 0; i < json_array_size(list) && !cpu; i++) {
    const json_t *device = json_array_get(list, i);
    if (strcmp(json_string_value(json_object_get(device, "name")), "cpu") == 0) cpu = device;
  }
  ck_assert_msg(cpu != NULL, "cpu is not among the devices");
  ck_assert(json_is_null(json_object_get(cpu, "self_test")));
  ck_assert_int_ge(integer_at(cpu, "units"), 1);
  ck_assert_int_gt(integer_at(cpu, "memory"), 0);
  json_decref(list);
  refuses(1, "eval m.safetensors --data moons --device nothing", "nothing");
  refuses(1, "train --data moons --out never.safetensors --device opencl:99", "OpenCL");
}
END_TEST

/* ---- Data ---------------------------------------------------------------------- */

static void refuses_data(const char *file, const char *err) {
  char command[256];
  snprintf(command, sizeof command, "train --data %s --out never.safetensors", file);
  refuses(1, command, err);
  snprintf(command, sizeof command, "log-prob m.safetensors --data %s --out never.csv", file);
  refuses(1, command, err);
}

START_TEST(test_csv) {
  write_text("empty.csv", "");
  write_text("ragged.csv", "1,2\n3,4,5\n");
  write_text("word.csv", "x,y\n1,2\n3,four\n");
  write_text("nan.csv", "1,2\n3,4\n5,nan\n");
  write_text("inf.csv", "1,2\n-inf,4\n");
  refuses_data("empty.csv", "empty.csv: the file is empty");
  refuses_data("ragged.csv", "ragged.csv: line 2 has 3 fields, line 1 has 2");
  refuses_data("word.csv", "word.csv: line 3, column 2 (\"y\"): \"four\" is not a number");
  refuses(1, "train --data nan.csv --missing refuse --out never.safetensors",
          "nan.csv: line 3, column 2: \"nan\" marks a missing value; --missing drop leaves such "
          "rows out");
  refuses_data("inf.csv", "inf.csv: line 2, column 1: \"-inf\" is not a finite number");
  refuses_data("absent.csv", "absent.csv: cannot be read: No such file or directory");
  refuses_data("moon", "there are moons, circles, ");
  refuses_data("moons:n=0", "moons:n=0: n must be ");
}
END_TEST

START_TEST(test_npy) {
  const double rows[8] = {0.5, 1, 2, 3, 4, 5, 6, 7};
  const double bad[4] = {0.5, 1, __builtin_nan(""), 3};
  write_npy("good.npy", "<f8", "(4, 2)", rows, sizeof rows);
  write_npy("type.npy", "<U2", "(4, 2)", rows, sizeof rows);
  write_npy("shape.npy", "<i8", "(2, 2, 2)", rows, sizeof rows);
  write_npy("length.npy", "<f8", "(5, 2)", rows, sizeof rows);
  write_npy("nan.npy", "<f8", "(2, 2)", bad, sizeof bad);
  write_text("foreign.npy", "not numpy at all");
  succeeds("eval m.safetensors --data good.npy", "samples              4\n");
  refuses_data("type.npy", "type.npy: holds strings (dtype <U2); numbers to read");
  refuses_data("shape.npy", "shape.npy: the shape is (2, 2, 2); a table is (N, D) or (N,)");
  refuses_data("length.npy",
               "length.npy: shape (5, 2) of dtype <f8 takes 80 bytes, the file has 64");
  refuses_data("foreign.npy", "foreign.npy: this is not an NPY file");
  refuses(1, "train --data nan.npy --missing refuse --out never.safetensors",
          "nan.npy: row 2, column 1 (from 1): nan is not a finite number");
}
END_TEST

START_TEST(test_columns) {
  write_text("three.csv", "1,2,3\n4,5,6\n");
#define WANTED "three.csv has 3 columns, the model m.safetensors takes 2"
  refuses(1, "eval m.safetensors --data three.csv", WANTED);
  refuses(1, "invert m.safetensors --data three.csv --out never.csv", WANTED);
  refuses(1, "plot m.safetensors --data three.csv --out never.png", WANTED);
  refuses(1, "train --init m.safetensors --data three.csv --out never.safetensors", WANTED);
  refuses(1, "train --resume --data three.csv --out m.safetensors", WANTED);
#undef WANTED
  refuses(1, "train --flow piecewise --data moons --out never.safetensors",
          "--flow piecewise takes data of one column, moons has 2");
}
END_TEST

/* ---- Models -------------------------------------------------------------------- */

START_TEST(test_model_files) {
  size_t size;
  char *bytes = read_file("m.safetensors", &size);
  write_bytes("half.safetensors", bytes, size / 2);
  write_bytes("head.safetensors", bytes, 5);
  free(bytes);
  write_text("foreign.safetensors", "this is a letter and no model\n");
  write_text("nothing.safetensors", "");
  refuses(1, "info half.safetensors", "clflow: info: half.safetensors: ");
  refuses(1, "info head.safetensors", "clflow: info: head.safetensors: ");
  refuses(1, "info foreign.safetensors", "clflow: info: foreign.safetensors: ");
  refuses(1, "info nothing.safetensors", "clflow: info: nothing.safetensors: ");
  refuses(1, "sample absent.safetensors -n 1 --out never.csv",
          "absent.safetensors: cannot be read: No such file or directory");
  refuses(1, "train --init half.safetensors --data moons --out never.safetensors",
          "half.safetensors: ");
}
END_TEST

START_TEST(test_outputs) {
  refuses(1, "train --data moons --out nowhere/m.safetensors", "the folder nowhere: No such file");
  refuses(1, "train --data moons --out never.safetensors --log nowhere/l", "--log nowhere/l: ");
  refuses(2, "train --data moons --out never.safetensors --plot p.jpg",
          "--plot takes a file name that ends in .png, got \"p.jpg\"");
  refuses(1, "train --data moons --out .", "--out . is a folder; give the name of a file");
  refuses(1, "sample m.safetensors -n 5 --out nowhere/s.csv", "nowhere");
  refuses(1, "sample m.safetensors -n 5 --out nowhere/s.png", "nowhere");
  refuses(2, "sample m.safetensors -n 5 --out s.dat", "\"s.dat\" is no name for a table");
  refuses(2, "transform m.safetensors --data moons --out - --logdet -", "cannot both go to");
  refuses(1, "log-prob m.safetensors --data moons --out nowhere/l.npy", "nowhere");
  refuses(1, "plot m.safetensors --out nowhere/p.png", "nowhere");
}
END_TEST

START_TEST(test_info) {
  succeeds("info m.safetensors", "kind      nvp\ndim       2\nhidden    4\ndepth     2\n");
  succeeds("info m.safetensors", "trained   3 epochs, 12 steps\n");
  succeeds("info m.safetensors",
           "resume    yes: --epochs 3 --batch 50 --lr 0.02 --seed 7 --clip 10\n");
  json_t *info = json_of("info m.safetensors --json");
  const json_t *spec = json_object_get(info, "spec"), *tensors = json_object_get(info, "tensors");
  ck_assert_str_eq(json_string_value(json_object_get(spec, "kind")), "nvp");
  ck_assert_int_eq(integer_at(spec, "hidden"), 4);
  ck_assert_int_eq(integer_at(json_object_get(info, "history"), "steps"), 12);
  ck_assert(json_is_true(json_object_get(info, "resumable")));
  json_int_t weights = 0;
  for (size_t i = 0; i < json_array_size(tensors); i++) {
    const json_t *tensor = json_array_get(tensors, i), *shape = json_object_get(tensor, "shape");
    json_int_t count = json_integer_value(json_array_get(shape, 0));
    if (json_array_size(shape) == 2) count *= json_integer_value(json_array_get(shape, 1));
    if (json_is_true(json_object_get(tensor, "trainable"))) weights += count;
  }
  ck_assert_int_eq(integer_at(info, "weights"), weights);
  json_decref(info);
}
END_TEST

START_TEST(test_eval) {
  succeeds("eval m.safetensors --data moons:n=100", "samples              100\n");
  succeeds("eval m.safetensors --data moons:n=100", "\nbits/dim             ");
  json_t *score = json_of("eval m.safetensors --data moons:n=100 --json");
  ck_assert_int_eq(integer_at(score, "n"), 100);
  ck_assert_double_eq_tol(real_at(score, "bits_per_dim"), -real_at(score, "mean") / 2 / 0.69314718,
                          1e-6);
  ck_assert_double_gt(real_at(score, "std_error"), 0);
  result r = run("log-prob m.safetensors --data moons:n=100 --out -");
  ck_assert_int_eq(r.code, 0);
  ck_assert_int_eq(lines(r.out), 101);
  ck_assert_int_eq(strncmp(r.out, "logp\n", 5), 0);
  double sum = 0;
  for (char *line = strchr(r.out, '\n') + 1; *line; line = strchr(line, '\n') + 1)
    sum += strtod(line, NULL);
  ck_assert_double_eq_tol(sum / 100, real_at(score, "mean"), 1e-9);
  json_decref(score);
  release(r);
}
END_TEST

/* The standard error with few rows, where n and n - 1 differ. */
START_TEST(test_standard_error) {
  double sum = 0, square = 0;
  json_t *score = json_of("eval m.safetensors --data moons:n=4 --json");
  clf_table t;
  succeeds("log-prob m.safetensors --data moons:n=4 --out few.csv", "");
  WORKS(clf_table_read("few.csv", &t));
  ck_assert_int_eq(t.rows * t.cols, 4);
  for (int i = 0; i < 4; i++) sum += t.at[i];
  for (int i = 0; i < 4; i++) square += (t.at[i] - sum / 4) * (t.at[i] - sum / 4);
  ck_assert_double_eq_tol(real_at(score, "std_error"), sqrt(square / 3 / 4), 1e-6);
  clf_table_free(&t);
  json_decref(score);
}
END_TEST

START_TEST(test_round_trip) {
  write_text("two.csv", "0.5,0.25\n-1,0.75\n1.5,-0.5\n");
  succeeds("transform m.safetensors --data two.csv --out z.csv --logdet ld.csv", "");
  succeeds("invert m.safetensors --data z.csv --out x.csv --logdet back.csv", "");
  char *z = read_file("z.csv", NULL), *x = read_file("x.csv", NULL);
  char *ld = read_file("ld.csv", NULL), *back = read_file("back.csv", NULL);
  ck_assert_int_eq(strncmp(z, "z0,z1\n", 6), 0);
  ck_assert_int_eq(strncmp(x, "x0,x1\n", 6), 0);
  ck_assert_int_eq(strncmp(ld, "logdet\n", 7), 0);
  double x0, x1, forth, there;
  ck_assert_int_eq(sscanf(x, "x0,x1 %lf,%lf", &x0, &x1), 2);
  ck_assert_double_eq_tol(x0, 0.5, 1e-5);
  ck_assert_double_eq_tol(x1, 0.25, 1e-5);
  ck_assert_int_eq(sscanf(ld, "logdet %lf", &forth) + sscanf(back, "logdet %lf", &there), 2);
  ck_assert_double_eq_tol(forth, -there, 1e-5);
  free(z);
  free(x);
  free(ld);
  free(back);
}
END_TEST

START_TEST(test_sample) {
  succeeds("sample m.safetensors -n 10 --seed 3 --out all.csv", "");
  succeeds("sample m.safetensors -n 4 --first 6 --seed 3 --out - ", "x0,x1\n");
  result part = run("sample m.safetensors -n 4 --first 6 --seed 3 --out -");
  char *all = read_file("all.csv", NULL), *tail = all;
  for (int i = 0; i < 7; i++) tail = strchr(tail, '\n') + 1;
  ck_assert_str_eq(strchr(part.out, '\n') + 1, tail);
  free(all);
  release(part);
  succeeds("sample m.safetensors -n 10 --out s.npy", "");
  succeeds("sample m.safetensors -n 10 --out s.png", "");
  is_png("s.png");
}
END_TEST

/* Options reach the library: the file is what it writes for these numbers. */
START_TEST(test_sample_options) {
  static const struct {
    const char *options;
    uint64_t seed;
    int64_t first;
    double temperature;
  } calls[] = {
      {"", 1, 0, 1},
      {"--seed 4294967297", (UINT64_C(1) << 32) + 1, 0, 1},
      {"--seed 18446744073709551615", UINT64_MAX, 0, 1},
      {"--seed 2 --first 4294967299", 2, (INT64_C(1) << 32) + 3, 1},
      {"--temperature 0.5", 1, 0, 0.5},
      {"--temperature 2", 1, 0, 2},
      {"--temperature 1.25 --seed 8589934593 --first 7", (UINT64_C(1) << 33) + 1, 7, 1.25},
  };
  enum { N = 6, D = 2 };
  clf_device *dev;
  clf_flow *flow;
  WORKS(clf_open("cpu", &dev));
  WORKS(clf_flow_load(dev, "m.safetensors", NULL, &flow));
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    double z[N * D], x[N * D];
    char command[256];
    clf_table t;
    snprintf(command, sizeof command, "sample m.safetensors -n 6 --device cpu --out some.npy %s",
             calls[i].options);
    succeeds(command, "");
    WORKS(clf_sample_latents(flow, calls[i].seed, calls[i].first, N, calls[i].temperature, z));
    WORKS(clf_invert(flow, z, N, x, NULL));
    WORKS(clf_table_read("some.npy", &t));
    ck_assert_int_eq(t.rows * t.cols, N * D);
    for (int k = 0; k < N * D; k++)
      ck_assert_msg(t.at[k] == x[k], "%s: number %d is %.17g, not %.17g", command, k, t.at[k],
                    x[k]);
    clf_table_free(&t);
  }
  clf_flow_free(flow);
  clf_close(dev);
}
END_TEST

START_TEST(test_jacobian) {
  succeeds("jacobian m.safetensors --data moons:n=5 --row 5", "tensor([[");
  succeeds("jacobian m.safetensors --data moons:n=5 --row 5", "log |det J|, by elimination  ");
  json_t *j = json_of("jacobian m.safetensors --data moons:n=5 --row 5 --json");
  ck_assert_uint_eq(json_array_size(json_object_get(j, "jacobian")), 2);
  ck_assert_double_eq_tol(real_at(j, "difference"), 0, 1e-4);
  ck_assert_double_eq_tol(real_at(j, "log_det"), real_at(j, "log_abs_det"), 1e-4);
  json_decref(j);
  refuses(1, "jacobian m.safetensors --data moons:n=5 --row 6",
          "there is no row 6 in moons:n=5, which has 5 rows");
  refuses(1, "jacobian m.safetensors --data moons:n=5 --index 5", "there is no row 6 in moons:n=5");
}
END_TEST

START_TEST(test_plot) {
  succeeds("plot m.safetensors --data moons:n=200 --out p.png", "");
  is_png("p.png");
  succeeds("plot m.safetensors --out q.png --seed 4", "");
  is_png("q.png");
}
END_TEST

/* ---- Training -------------------------------------------------------------------- */

/* The log of 4 epochs of 3 steps, with validation rows. */
static void check_log(char *log) {
  int epochs = 0, losses = 0;
  char *save = NULL;
  for (char *line = strtok_r(log, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
    json_t *object = json_loads(line, 0, NULL);
    ck_assert_msg(object != NULL, "no JSON: %s", line);
    const json_t *list = json_object_get(object, "losses");
    if (list) {
      ck_assert_int_eq(integer_at(object, "first_step"), losses);
      losses += (int)json_array_size(list);
    } else {
      ck_assert_int_eq(integer_at(object, "epoch"), ++epochs);
      ck_assert_int_eq(integer_at(object, "step"), 3 * epochs);
      ck_assert(json_is_real(json_object_get(object, "valid")));
    }
    json_decref(object);
  }
  ck_assert_int_eq(epochs, 4);
  ck_assert_int_eq(losses, 12);
}

START_TEST(test_train) {
  const char *command = "train --data moons:n=200 --out t.safetensors --epochs 4 --batch 50 "
                        "--valid-split 0.25 --standardize --log t.jsonl --plot t.png "
                        "--plot-curve c.png";
  result r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stdout", r.out, "device               cpu");
  expect_text(command, "stdout", r.out, "\nheld-out rows        ");
  expect_text(command, "stdout", r.out, " steps of ");
  expect_text(command, "stdout", r.out, "model                t.safetensors\n");
  expect_text(command, "stderr", r.err, "epoch 1/4  train ");
  expect_text(command, "stderr", r.err, "epoch 4/4  train ");
  release(r);
  is_png("t.png");
  is_png("c.png");
  char *log = read_file("t.jsonl", NULL);
  check_log(log);
  free(log);
  json_t *info = json_of("info t.safetensors --json");
  ck_assert_uint_eq(json_array_size(json_object_get(json_object_get(info, "scaling"), "mean")), 2);
  ck_assert_int_ge(integer_at(json_object_get(info, "history"), "best_epoch"), 1);
  json_decref(info);
}
END_TEST

START_TEST(test_piecewise) {
  char text[4096] = "x\n";
  for (int i = 0; i < 200; i++)
    snprintf(text + strlen(text), sizeof text - strlen(text), "%d\n", i * i % 97);
  write_text("one.csv", text);
  succeeds("train --data one.csv --discrete none --out p.safetensors --epochs 2 --bins 8",
           "8 bins from -");
  succeeds("info p.safetensors", "\ntails     none\n");
  json_t *info = json_of("info p.safetensors --json");
  ck_assert_double_eq_tol(real_at(json_object_get(info, "spec"), "xmin"), 0, 1e-4);
  ck_assert_double_lt(real_at(json_object_get(info, "spec"), "xmin"), 0);
  ck_assert_double_eq_tol(real_at(json_object_get(info, "spec"), "xmax"), 96, 1e-4);
  ck_assert_double_gt(real_at(json_object_get(info, "spec"), "xmax"), 96);
  json_decref(info);
  succeeds(
      "train --data one.csv --out q.safetensors --epochs 1 --xmin -1 --xmax 100 --tails linear",
      "100 bins from -1 to 100");
  succeeds("info q.safetensors", "interval  -1 to 100\ntails     linear\n");
  succeeds("eval p.safetensors --data one.csv", "samples              200\n");
  refuses(2, "train --data one.csv --out never.safetensors --hidden 3",
          "--hidden has no meaning for the preset piecewise");
  refuses(2, "eval p.safetensors --data one.csv --xmin 0", "--xmin and --xmax go together");
  refuses(2, "eval p.safetensors --data one.csv --xmin 3 --xmax 1",
          "--xmin 3 must be below --xmax 1");
}
END_TEST

/* Rows of zero density are output, counted and, on request, refused. */
START_TEST(test_zero_density) {
  write_text("fit.csv", "x\n0\n1\n2\n3\n4\n");
  write_text("beyond.csv", "x\n1\n-7\n2\n3\n4.5\n");
  write_text("inside.csv", "x\n1\n2\n3\n");
  write_text("far.csv", "x\n-7\n9\n");
#define OUTSIDE(row, x) "the data: row " row ", column 1 (\"x\") is " x ", outside the interval -"
  succeeds("train --data fit.csv --out z.safetensors --epochs 1 --bins 2", "over all 5 samples\n");
  result r = run("log-prob z.safetensors --data beyond.csv --out -");
  expect_code("log-prob", &r, 0);
  expect_text("log-prob", "stdout", r.out, "\n-inf\n");
  expect_text("log-prob", "stderr", r.err,
              "log-prob: log p is -inf at 2 of 5 rows, where the density is zero\n");
  release(r);
  succeeds("eval z.safetensors --data beyond.csv", "samples              5\n"
                                                   "mean log-likelihood  -inf nats\n"
                                                   "bits/dim             inf\n"
                                                   "zero density         2 of 5 samples\n"
                                                   "without them:\n"
                                                   "mean log-likelihood  -");
  json_t *all = json_of("eval z.safetensors --data beyond.csv --json");
  json_t *inside = json_of("eval z.safetensors --data inside.csv --json");
  const json_t *rest = json_object_get(all, "without_zero_density");
  ck_assert(json_is_null(json_object_get(all, "mean")));
  ck_assert(json_is_null(json_object_get(all, "std_error")));
  ck_assert(json_is_null(json_object_get(all, "bits_per_dim")));
  ck_assert_int_eq(integer_at(all, "n"), 5);
  ck_assert_int_eq(integer_at(all, "zero_density"), 2);
  ck_assert_int_eq(integer_at(rest, "n"), 3);
  ck_assert_int_eq(integer_at(inside, "zero_density"), 0);
  ck_assert_double_eq(real_at(rest, "mean"), real_at(inside, "mean"));
  ck_assert_double_eq(real_at(rest, "std_error"), real_at(inside, "std_error"));
  ck_assert_double_eq(real_at(rest, "bits_per_dim"), real_at(inside, "bits_per_dim"));
  json_decref(all);
  json_decref(inside);
  succeeds("eval z.safetensors --data far.csv", "zero density         2 of 2 samples\n");
  json_t *none = json_of("eval z.safetensors --data far.csv --json");
  rest = json_object_get(none, "without_zero_density");
  ck_assert_int_eq(integer_at(rest, "n"), 0);
  ck_assert(json_is_null(json_object_get(rest, "mean")));
  json_decref(none);
  succeeds("eval z.safetensors --data inside.csv --strict", "samples              3\n");
  refuses(1, "eval z.safetensors --data beyond.csv --strict", OUTSIDE("2", "-7"));
  refuses(1, "log-prob z.safetensors --data beyond.csv --strict --out never.csv",
          OUTSIDE("2", "-7"));
  refuses(1, "transform z.safetensors --data beyond.csv --out never.csv", OUTSIDE("2", "-7"));
  refuses(1, "jacobian z.safetensors --data beyond.csv --index 4", OUTSIDE("5", "4.5"));
  refuses(1, "interpolate z.safetensors --data beyond.csv --index 0,2,4,1 --out never.csv",
          OUTSIDE("5", "4.5"));
  refuses(1, "train --init z.safetensors --data beyond.csv --out never.safetensors",
          "row 2 of the data is -7, outside the interval -");
  succeeds("plot z.safetensors --data beyond.csv --out z.png", "");
#undef OUTSIDE
}
END_TEST

START_TEST(test_init) {
  succeeds(
      "train --data moons:n=200 --init m.safetensors --out i.safetensors --epochs 1 --lr 0.001",
      "flow                 nvp, 2 columns, hidden 4, depth 2; ");
  refuses(2, "train --data moons --init m.safetensors --hidden 8 --out never.safetensors",
          "--hidden 8 does not agree with m.safetensors, which has 4; leave it out");
  refuses(2, "train --data moons --init m.safetensors --flow nice --out never.safetensors",
          "--flow nice does not agree with m.safetensors, which has nvp; leave it out");
  refuses(2, "train --data moons --init m.safetensors --resume --out i.safetensors",
          "--init and --resume exclude each other");
}
END_TEST

START_TEST(test_resume_refusals) {
  succeeds("train --data moons:n=200 --out w.safetensors --epochs 1 --weights-only", "");
  succeeds("info w.safetensors", "resume    no: the file holds weights only\n");
#define RESUME "train --resume --data moons:n=200 "
  refuses(1, RESUME "--out never.safetensors", "there is no never.safetensors to resume");
  refuses(1, RESUME "--out w.safetensors", "clflow: train: w.safetensors: ");
  refuses(2, RESUME "--out m.safetensors --batch 10",
          "--batch 10 does not agree with m.safetensors, which has 50; leave it out");
  refuses(2, RESUME "--out m.safetensors --no-shuffle", "--no-shuffle does not agree with");
  refuses(2, RESUME "--out m.safetensors --depth 9", "--depth 9 does not agree with");
  refuses(2, RESUME "--out m.safetensors --epochs 2",
          "--epochs 2 is less than the 3 of the training in m.safetensors");
#undef RESUME
}
END_TEST

START_TEST(test_extend) {
#define SMALL                                                                                      \
  "train --data moons:n=200 --seed 5 --batch 30 --valid-split 0.2 --schedule constant --warmup 0 "
  succeeds(SMALL "--epochs 6 --out whole.safetensors", "");
  succeeds(SMALL "--epochs 2 --out parts.safetensors", "");
  succeeds("train --data moons:n=200 --resume --epochs 6 --out parts.safetensors", "");
  succeeds(SMALL "--epochs 6 --save-every 1e-9 --out often.safetensors", "");
  succeeds("sample whole.safetensors -n 50 --out whole.csv", "");
  succeeds("sample parts.safetensors -n 50 --out parts.csv", "");
  same_files("whole.csv", "parts.csv");
  same_files("whole.safetensors", "parts.safetensors");
  same_files("whole.safetensors", "often.safetensors");
#undef SMALL
}
END_TEST

/* Choices go to a folder that no other test reads. */
START_TEST(test_tune) {
  char *before = suite_setenv("CLFLOW_CACHE_DIR", "tuned");
  write_text("shapes", "# of a flow\ngemm\t70 40 30 ta\nconv 2 4 5 3 8 3\n\n");
  succeeds("tune --shapes shapes", "gemm(r[30,70,1,1] r[30,40,1,1] - u[70,40,1,1]), 1 call\n");
  succeeds("tune --flow realnvp --preset tiny --size 8x8 --batch 4",
           " shapes run faster with another algorithm");
  succeeds("tune --flow nvp --dim 9 --hidden 600 --depth 2 --batch 20",
           "nothing to choose: none of these operations has several algorithms on this device");
  succeeds("tune --flow 4:(coupling(add,mlp(300x2)),lu)*2->normal --batch 64", "");
  succeeds("tune --flow 4x4x2:pixels,squeeze,glowstep(width=8)->normal --batch 8", "");
  succeeds("tune --flow maf(hidden=200) --dim 3 --batch 64", "");
  refuses(2, "tune --flow maf(hidden=200 --dim 3", "the parenthesis is not closed");
  refuses(2, "tune --flow tiny", "tiny is one of realnvp's presets: --flow realnvp --preset tiny");
  refuses(2, "tune --flow noves", "there is no preset");
  refuses(2, "tune --flow 4:lou->normal", "lou");
  succeeds("tune --flow piecewise --dim 1 --batch 20",
           "nothing to choose: none of these operations has several algorithms on this device");
  /* The rest of a long line is not a separate line. */
  char text[1024];
  snprintf(text, sizeof text, "# %600d\ngemm 3 4 5 %400s\n", 1, "");
  write_text("shapes", text);
  refuses(1, "tune --shapes shapes", "shapes, line 2: \"gemm 3 4 5 ");
  write_text("shapes", "gemm 70 40\n");
  refuses(1, "tune --shapes shapes",
          "shapes, line 1: \"gemm 70 40\" is neither \"gemm M N K [ta] [tb]\" nor \"conv N H W "
          "CIN COUT K\"");
  write_text("shapes", "gemm 70 40 30 tc\n");
  refuses(1, "tune --shapes shapes", "shapes, line 1: \"gemm 70 40 30 tc\" is neither");
  write_text("shapes", "gemm 70 40 4294967297\n"); /* not taken for 1 */
  refuses(1, "tune --shapes shapes", "shapes, line 1: \"gemm 70 40 4294967297\" is neither");
  write_text("shapes", "conv 1 8 8 4 4 3 3\n");
  refuses(1, "tune --shapes shapes", "shapes, line 1: \"conv 1 8 8 4 4 3 3\" is neither");
  refuses(1, "tune --shapes none", "none cannot be opened");
  refuses(2, "tune model --shapes none", "--shapes stands in place of a model: give one of them");
  refuses(1, "tune --device cpu64", "cpu64 has no choice of algorithms");
  suite_putenv_back("CLFLOW_CACHE_DIR", before);
}
END_TEST

static int is_empty(const char *path) {
  struct stat at;
  return stat(path, &at) != 0 || at.st_size == 0;
}

START_TEST(test_interrupt) {
  POSIX_ONLY;
#define LONG "train --data moons:n=500 --batch 20 --hidden 16 --epochs 400 --seed 9 "
  succeeds(LONG "--out straight.safetensors", "");
  write_text("cut.jsonl", "");
  const pid_t pid = start(LONG "--out cut.safetensors --log cut.jsonl");
  for (int tries = 0; is_empty("cut.jsonl") && tries < 60000; tries++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  kill(pid, SIGINT);
  result r = finish(pid);
  expect_code("train, interrupted", &r, 1);
  expect_text("train, interrupted", "stderr", r.err, "clflow: train: stopped in epoch ");
  expect_text("train, interrupted", "stderr", r.err,
              "to go on: clflow train --data moons:n=500 --out cut.safetensors --resume\n");
  release(r);
  succeeds("info cut.safetensors", "resume    yes: --epochs 400 --batch 20 ");
  succeeds("train --data moons:n=500 --out cut.safetensors --resume", "");
  succeeds("sample straight.safetensors -n 100 --out straight.csv", "");
  succeeds("sample cut.safetensors -n 100 --out cut.csv", "");
  same_files("straight.csv", "cut.csv");
  same_files("straight.safetensors", "cut.safetensors");
#undef LONG
}
END_TEST

START_TEST(test_not_finite) {
  const char *command =
      "train --data moons:n=200 --out nan.safetensors --lr 1000 --clip 0 --s-max 0";
  result r = run(command);
  expect_code(command, &r, 1);
  expect_text(command, "stderr", r.err, "clflow: train: nan.safetensors is not written: no step");
  release(r);
  refuses(1, "info nan.safetensors", "nan.safetensors: cannot be read: No such file or directory");
}
END_TEST

/* ---- All of them ------------------------------------------------------------------- */

static void set_up(void) {
  succeeds("train --preset lecture --clip 10 --s-max 3 --data moons:n=200 --hidden 4 --depth 2 "
           "--epochs 3 "
           "--batch 50 --lr 0.02 --seed 7 "
           "--out m.safetensors",
           "mean log-likelihood  ");
}

/* Agreement is reported, too. */
START_TEST(wrapping_devices) {
  result r = run("eval m.safetensors --data moons:n=50 --device check:cpu");
  expect_code("eval", &r, 0);
  expect_text("eval", "stderr", r.err, "check: mlp_coupling_fwd ");
  expect_text("eval", "stderr", r.err, " operations agree with cpu64\n");
  release(r);
  r = run("sample m.safetensors -n 5 --out - --device trace:cpu");
  expect_code("sample", &r, 0);
  expect_text("sample", "stderr", r.err, "trace: mlp_coupling_inv                 1 ");
  expect_text("sample", "stderr", r.err, "trace: in all  ");
  release(r);
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const tests[] = {
      test_help,           test_stdout,       test_words,      test_numbers,
      test_devices,        test_csv,          test_npy,        test_columns,
      test_model_files,    test_outputs,      test_info,       test_eval,
      test_standard_error, test_round_trip,   test_sample,     test_sample_options,
      test_jacobian,       test_plot,         test_train,      test_tune,
      test_piecewise,      test_zero_density, test_init,       test_resume_refusals,
      test_extend,         test_interrupt,    test_not_finite, wrapping_devices};
  return program_main(argc, argv, "cli", set_up, tests, sizeof tests / sizeof *tests);
}
