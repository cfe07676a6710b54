/* SPDX-License-Identifier: MIT */
/* test_cli_names.c: names with characters that terminals, shells or JSON do not accept: none of
 * them reach a terminal, JSON stays valid, and commands to be pasted into a shell work. */
#define _GNU_SOURCE
#include "program.h"
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HOSTILE "a\x1b[31mb\nclflow: \xff\xc2\x9b.csv"
#define SHOWN "a\\x1b[31mb\\x0aclflow: \\xff\\xc2\\x9b.csv"

static void is_clean(const char *text) {
  for (const char *c = text; *c; c++)
    ck_assert_msg(*c == '\n' || ((unsigned char)*c >= ' ' && *c != 0x7f), "byte %02x in %s",
                  (unsigned char)*c, text);
  ck_assert_ptr_null(strstr(text, "\xc2\x9b"));
  ck_assert_ptr_null(strchr(text, '\xff'));
}

#define RUN(...) finish(start_words((const char *const[]){__VA_ARGS__, NULL}))

static void refused(result r, const char *err) {
  ck_assert_msg(r.code != 0, "%s", r.out);
  is_clean(r.err);
  is_clean(r.out);
  expect_text("", "stderr", r.err, err);
  release(r);
}

/* ---- Terminals ---------------------------------------------------------------------------- */

START_TEST(messages) {
  refused(RUN("eval", "m", "--data", HOSTILE), SHOWN);
  refused(RUN("eval", HOSTILE, "--data", "moons"), SHOWN);
  refused(RUN("train", "--data", "moons", "--out", "no/" HOSTILE), SHOWN);
  refused(RUN("train", "--data", "moons", "--out", "x", "--log", "no/" HOSTILE), SHOWN);
  refused(RUN("sample", "m", "-n", "3", "--out", "no/" HOSTILE), SHOWN);
  refused(RUN("sample", "m", "-n", HOSTILE, "--out", "x.csv"), SHOWN);
  refused(RUN("eval", "m", "--data", "moons", "--device", HOSTILE), SHOWN);
  refused(RUN("eval", "m", HOSTILE, "--data", "moons"), SHOWN);
  refused(RUN(HOSTILE), SHOWN);
  refused(RUN("eval", "--" HOSTILE), SHOWN);
  refused(RUN("tune", "--shapes", HOSTILE), SHOWN);
  refused(RUN("bench", "--baseline", HOSTILE), SHOWN);
  refused(RUN("bench", "--ops", HOSTILE), SHOWN);
  write_text(HOSTILE, "a,b\n1,2\n3,x\n");
  refused(RUN("eval", "m", "--data", HOSTILE), SHOWN);
  refused(RUN("train", "--data", "moons", "--out", HOSTILE), SHOWN);
  unlink(HOSTILE);
}
END_TEST

START_TEST(names_on_stdout) {
  result r = RUN("train", "--data", "moons:n=30", "--epochs", "1", "--out", HOSTILE);
  expect_code("train", &r, 0);
  expect_text("train", "stdout", r.out, "model                " SHOWN);
  is_clean(r.out);
  is_clean(r.err);
  release(r);
  unlink(HOSTILE);
}
END_TEST

/* A file's metadata appear in error messages. */
static void write_model(const char *path, const char *metadata) {
  char header[1024], file[1100];
  const int n = snprintf(header, sizeof header,
                         "{\"__metadata__\":{%s},\"w\":{\"dtype\":\"F32\","
                         "\"shape\":[1],\"data_offsets\":[0,4]}}",
                         metadata);
  memset(file, 0, sizeof file);
  file[0] = (char)(n & 255);
  file[1] = (char)(n >> 8);
  memcpy(file + 8, header, (size_t)n);
  write_bytes(path, file, 8 + (size_t)n + 4);
}

START_TEST(metadata) {
  static const char *const keys[] = {"clflow.format", "clflow.kind", "clflow.dim"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    char text[512];
    snprintf(text, sizeof text, "%s\"%s\":\"\\u001b[31m\\u009b\\nclflow: fine\"",
             i == 0   ? ""
             : i == 1 ? "\"clflow.format\":\"1\","
                      : "\"clflow.format\":\"1\",\"clflow.kind\":\"nvp\",",
             keys[i]);
    write_model("evil", text);
    refused(RUN("info", "evil"), "\\x1b[31m");
  }
}
END_TEST

/* ---- JSON --------------------------------------------------------------------------------- */

START_TEST(json_is_valid) {
  ck_assert_int_eq(link("m", "m\xff\x1b"), 0);
  write_text("d\xe4.csv", "1,2\n3,4\n");
  result r = RUN("eval", "m\xff\x1b", "--data", "d\xe4.csv", "--json");
  expect_code("eval", &r, 0);
  is_clean(r.out);
  json_error_t error;
  json_t *json = json_loads(r.out, 0, &error);
  ck_assert_msg(json != NULL, "%s", error.text);
  ck_assert_str_eq(json_string_value(json_object_get(json, "model")), "m\xef\xbf\xbd\x1b");
  ck_assert_str_eq(json_string_value(json_object_get(json, "data")), "d\xef\xbf\xbd.csv");
  json_decref(json);
  release(r);
}
END_TEST

/* The record of a fit in the model has the name of the table. */
START_TEST(a_fit_records_any_name) {
  result made = RUN("sample", "m", "-n", "60", "--out", HOSTILE);
  expect_code("sample", &made, 0);
  release(made);
  result r = RUN("fit", HOSTILE, "--time", "1", "--quick", "--json", "--out", "fitted");
  expect_code("fit", &r, 0);
  is_clean(r.err);
  json_t *json = json_loads(r.out, 0, NULL);
  ck_assert_str_eq(json_string_value(json_object_get(json, "data")),
                   "a\x1b[31mb\nclflow: \xef\xbf\xbd\xc2\x9b.csv");
  json_decref(json);
  release(r);
  r = RUN("report", "fitted", "--data", HOSTILE);
  expect_code("report", &r, 0);
  is_clean(r.out);
  release(r);
  unlink(HOSTILE);
}
END_TEST

/* ---- Shells ------------------------------------------------------------------------------- */

/* Waits until a training has logged a step. */
static void wait_for_steps(const char *log) {
  struct stat st;
  for (int i = 0; i < 60000 && (stat(log, &st) != 0 || st.st_size == 0); i++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* The command in the hint continues the training, in a shell. */
static void goes_on(const char *data, const char *out, const char *wanted) {
  static const char begin[] = "to continue: ";
  char from[256], to[256]; /* a file may be named like an option */
  snprintf(from, sizeof from, "--data=%s", data);
  snprintf(to, sizeof to, "--out=%s", out);
  pid_t pid = start_words(
      (const char *const[]){"train", from, "--epochs", "1000000", to, "--log", "l", NULL});
  wait_for_steps("l");
  suite_kill(pid, SIGINT);
  result r = finish(pid);
  expect_code("train", &r, 1);
  is_clean(r.err);
  expect_text("train", "stderr", r.err, wanted);
  char *hint = strstr(r.err, begin);
  ck_assert_ptr_nonnull(hint);
  hint += strlen(begin);
  hint[strcspn(hint, "\n")] = '\0';
  char script[4096];
  snprintf(script, sizeof script,
           "PATH=\"$PWD/bin:$PATH\"; { %s --log again & } 2>err; "
           "for i in $(seq 600); do [ -s again ] && break; sleep 0.1; done; kill -INT $!; wait $!; "
           "grep -q 'is saved' err",
           hint);
  const char *const file = "again.sh";
  char all[5000];
  snprintf(all, sizeof all, "set -m\n%s\n", script); /* otherwise a background job ignores SIGINT */
  write_text(file, all);
  ck_assert_msg(system("bash again.sh >/dev/null 2>&1") == 0, "%s", hint);
  unlink("l");
  unlink("again");
  release(r);
}

START_TEST(resume_hints) {
  char link_to[4096];
  ck_assert_ptr_nonnull(realpath(CLF_PROGRAM, link_to));
  ck_assert_int_eq(mkdir("bin", 0777) | symlink(link_to, "bin/clflow"), 0);
  static const char *const names[][2] = {{"my data $1.csv", "'my data $1.csv'"},
                                         {"a'b.csv", "'a'\\''b.csv'"},
                                         {"-x.csv", "--data=-x.csv "},
                                         {"~.csv", "'~.csv'"},
                                         {"=a.csv", "'=a.csv'"},
                                         {"a\x1b\n'\\.csv", "$'a\\033\\012\\047\\134.csv'"},
                                         {"\xff.csv", "$'\\377.csv'"},
                                         {"\xc3\xa4;&|*?.csv", "'\xc3\xa4;&|*?.csv'"},
                                         {"plain-1.csv", " plain-1.csv "}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    write_text(names[i][0], "1,2\n3,4\n2,5\n");
    goes_on(names[i][0], i % 2 ? "o'ut put" : "--force", names[i][1]);
    unlink("--force");
    unlink("o'ut put");
  }
}
END_TEST

/* So does a hint that repeats how the table is read. */
START_TEST(hints_repeat_how_data_are_read) {
  write_text("t.txt", "x\n'a b';c;d\n1,5;2;3\n2,5;3;4\n4,5;1;7\n");
  const pid_t pid = start_words((const char *const[]){
      "train",   "--data",    "t.txt", "--skip", "1", "--header", "yes", "--delimiter",
      ";",       "--decimal", ",",     "--drop", "2", "--device", "cpu", "--epochs",
      "1000000", "--out",     "t",     "--log",  "l", NULL});
  wait_for_steps("l");
  suite_kill(pid, SIGINT);
  result r = finish(pid);
  expect_code("train", &r, 1);
  expect_text(
      "train", "stderr", r.err,
      "to continue: clflow train --data t.txt --drop 2 --header yes --delimiter ';' --decimal , "
      "--skip 1 --device cpu --out t --resume\n");
  release(r);
}
END_TEST

static void make_model(void) {
  succeeds("train --data moons:n=50 --epochs 1 --batch 50 --depth 1 --out m", "");
}

int main(int argc, char **argv) {
  const TTest *const tests[] = {messages,
                                names_on_stdout,
                                metadata,
                                json_is_valid,
                                a_fit_records_any_name,
                                resume_hints,
                                hints_repeat_how_data_are_read};
  return program_main(argc, argv, "cli_names", make_model, tests, sizeof tests / sizeof *tests);
}
