/* SPDX-License-Identifier: MIT */
/* test_cli_tables.c: how the program `clflow` reads tables: columns by name. */
#define _GNU_SOURCE
#include "program.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Helpers -------------------------------------------------------------------------------- */

/* It succeeds, with these texts on stdout and stderr; "" on stderr: nothing there. */
static void says(const char *command, const char *out, const char *err) {
  const result r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stdout", r.out, out);
  if (*err)
    expect_text(command, "stderr", r.err, err);
  else
    ck_assert_msg(!*r.err, "clflow %s said %s", command, r.err);
  release(r);
}

/* Two commands print the same, byte for byte. */
static void same_output(const char *a, const char *b) {
  const result x = run(a), y = run(b);
  expect_code(a, &x, 0);
  expect_code(b, &y, 0);
  ck_assert_str_eq(x.out, y.out);
  release(x);
  release(y);
}

/* ---- Columns by name ------------------------------------------------------------------------ */

#define PUT "columns are put in the model's order by name: a, b\n"
#define LEFT "left out because the model has no such column: id"

START_TEST(swapped_columns) {
  static const char *const verbs[] = {
      "eval m.safetensors --data %s", "log-prob m.safetensors --out - --data %s",
      "transform m.safetensors --out - --data %s", "jacobian m.safetensors --index 3 --data %s",
      "interpolate m.safetensors --index 0,1,2,3 --grid 2 --out - --data %s"};
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
    char straight[128], swapped[128], extra[128];
    snprintf(straight, sizeof straight, verbs[i], "ab.csv");
    snprintf(swapped, sizeof swapped, verbs[i], "ba.csv");
    snprintf(extra, sizeof extra, verbs[i], "id.csv");
    says(straight, "", "");
    says(swapped, "", "ba.csv: " PUT);
    same_output(straight, swapped);
    says(extra, "", "id.csv: " LEFT);
    same_output(straight, extra);
  }
  says("plot m.safetensors --data ba.csv --out p.png", "", "ba.csv: " PUT);
  unlink("p.png");
}
END_TEST

START_TEST(columns_of_another_name) {
#define SAYS(file, data)                                                                           \
  file ".csv does not match the model m.safetensors: no column is named \"b\"; the " data          \
       "; --by-position takes its columns in the file's order\n"
  refuses(1, "eval m.safetensors --data ac.csv", SAYS("ac", "columns are: a, c"));
  refuses(1, "log-prob m.safetensors --data ac.csv --out never.csv",
          SAYS("ac", "columns are: a, c"));
  refuses(1, "train --init m.safetensors --data ac.csv --out never.safetensors",
          SAYS("ac", "columns are: a, c"));
  refuses(1, "train --resume --data ac.csv --out m.safetensors", SAYS("ac", "columns are: a, c"));
  refuses(1, "eval m.safetensors --data one.csv", "no column is named \"a\"");
#undef SAYS
  same_output("log-prob m.safetensors --data ac.csv --by-position --out -",
              "log-prob m.safetensors --data ab.csv --out -");
  same_output("log-prob m.safetensors --data plain.csv --out -",
              "log-prob m.safetensors --data ab.csv --out -");
  refuses(1, "eval m.safetensors --data id.csv --by-position",
          "id.csv has 3 columns, the model m.safetensors takes 2\n");
}
END_TEST

START_TEST(names_of_outputs) {
  says("sample m.safetensors -n 1 --out -", "a,b\n", "");
  says("transform m.safetensors --data ba.csv --out z.csv", "", "ba.csv: " PUT);
  says("invert m.safetensors --data z.csv --out -", "a,b\n", "");
  says("interpolate m.safetensors --index 0,1,2,3 --grid 2 --data ab.csv --out -", "a,b\n", "");
  says("sample quoted.safetensors -n 1 --out -", "\"x, y\",\"1 \"\"b\"\"\"\n", "");
  says("sample quoted.safetensors -n 9 --out s.csv", "", "");
  says("eval quoted.safetensors --data s.csv", "samples              9\n", "");
  unlink("s.csv");
  unlink("z.csv");
}
END_TEST

/* Columns z1, z0 of `transform` are reordered; others are matched by position. */
START_TEST(names_of_latents) {
  write_text("z.csv", "z0,z1\n1,2\n0.5,3\n");
  write_text("zz.csv", "z1,z0\n2,1\n3,0.5\n");
  write_text("u.csv", "u,v\n1,2\n0.5,3\n");
  says("invert m.safetensors --data zz.csv --out -", "a,b\n",
       "zz.csv: columns are put in the model's order by name: z0, z1\n");
  same_output("invert m.safetensors --data z.csv --out -",
              "invert m.safetensors --data zz.csv --out -");
  same_output("invert m.safetensors --data z.csv --out -",
              "invert m.safetensors --data u.csv --out -");
  unlink("z.csv");
  unlink("zz.csv");
  unlink("u.csv");
}
END_TEST

START_TEST(names_in_trainings) {
  says("train --init m.safetensors --data ba.csv --epochs 1 --out i.safetensors", "",
       "ba.csv: " PUT);
  says("info i.safetensors",
       "columns   x0: a (number, 0.01 to 1.51)\n          x1: b (number, 50.25 to 54.25)\n", "");
  succeeds("train --init m.safetensors --data ac.csv --by-position --epochs 1 --out i.safetensors",
           "");
  says("info i.safetensors",
       "columns   x0: a (number, 0.01 to 1.51)\n          x1: b (number, 50.25 to 54.25)\n", "");
  says("train --resume --data ba.csv --epochs 3 --out r.safetensors", "", "ba.csv: " PUT);
  succeeds("train --init plain.safetensors --data ac.csv --epochs 1 --out i.safetensors", "");
  says("info i.safetensors",
       "columns   x0: a (number, 0.01 to 1.51)\n          x1: c (number, 50.25 to 54.25)\n", "");
  unlink("i.safetensors");
}
END_TEST

START_TEST(names_in_json) {
  static const char *const commands[] = {"info m.safetensors --json",
                                         "info plain.safetensors --json"};
  for (int i = 0; i < 2; i++) {
    const result r = run(commands[i]);
    expect_code(commands[i], &r, 0);
    json_t *info = json_loads(r.out, 0, NULL), *columns = json_object_get(info, "columns");
    if (i)
      ck_assert(json_is_null(columns));
    else
      ck_assert_str_eq(json_string_value(json_array_get(columns, 1)), "b");
    json_decref(info);
    release(r);
  }
}
END_TEST

/* ---- How a table is read -------------------------------------------------------------------- */

START_TEST(options_of_tables) {
  write_text("t.txt", "measured today\nid|a|day|b\n7|0,25|2026-01-31|50,5\n9|0,5|2026-02-01|51\n");
  write_text("plain2.csv", "0.25,50.5\n0.5,51\n");
#define OUT "log-prob m.safetensors --out - --data t.txt --skip 1 "
  says(OUT "--columns b,a", "logp\n",
       "t.txt: columns are put in the model's order by name: a, b\n");
  same_output(OUT "--columns a,b", "log-prob m.safetensors --out - --data plain2.csv");
  same_output(OUT "--columns 2,4", OUT "--drop id,day");
  same_output(OUT "--columns \"a\",b", OUT "--drop 1,3");
  says(OUT "--drop day", "logp\n", "t.txt: " LEFT "\n");
  says(OUT "--drop day", "logp\n",
       "t.txt: fields are separated by '|', and ',' is the decimal sign\n");
  refuses(1, OUT "--decimal .",
          "line 3, column 2 (\"a\"): \"0,25\" has a decimal comma, but "
          "--decimal is '.'\n");
  refuses(1, OUT "--delimiter ;",
          "t.txt does not match the model m.safetensors: no column is named ");
  refuses(1, OUT "--header no", "line 2, column 1: \"id\" is not a number");
  refuses(1, OUT "--columns a,c",
          "t.txt: no column is named \"c\"; the columns are: id, a, day, b\n");
  refuses(
      2, OUT "--columns a,,b",
      "--columns takes names or numbers of columns, separated by commas; one of them is empty\n");
  refuses(1, OUT "--columns a --drop b", "t.txt: --columns and --drop exclude each other\n");
  refuses(2, OUT "--delimiter ab", "--delimiter takes a character, tab or space, got \"ab\"\n");
  refuses(2, OUT "--header maybe", "--header takes one of auto|yes|no, got \"maybe\"\n");
  refuses(1, "eval m.safetensors --data moons --skip 1",
          "moons: --skip is for text; this is a "
          "synthetic set\n");
  refuses(2, "eval m.safetensors --data glyphs --header yes",
          "--header is for tables, glyphs holds images; leave it out\n");
#undef OUT
  unlink("t.txt");
  unlink("plain2.csv");
}
END_TEST

/* Standard input, in any format; and the file behind it must not be overwritten. */
START_TEST(standard_input) {
  POSIX_ONLY;
  program_input = "ba.csv";
  says("log-prob m.safetensors --data - --out -", "logp\n", "-: " PUT);
  same_output("log-prob m.safetensors --data - --out -",
              "log-prob m.safetensors --data ab.csv --out -");
  same_output("log-prob m.safetensors --data /dev/stdin --out -",
              "log-prob m.safetensors --data ab.csv --out -");
  refuses(2, "log-prob m.safetensors --data - --out ba.csv", "is the file that --data - reads");
  refuses(2, "log-prob m.safetensors --data /dev/stdin --out ba.csv",
          "is the file that --data /dev/stdin reads");
  succeeds("train --data - --discrete none --epochs 1 --schedule constant --out i.safetensors",
           "2 columns");
  succeeds("train --data - --epochs 2 --out i.safetensors --resume", "2 columns");
  refuses(1, "train --data - --skip 2 --columns 2,1 --epochs 3 --out i.safetensors --resume",
          "its training began with another value of part");
  program_input = "/dev/null";
  refuses(1, "log-prob m.safetensors --data - --out -", "-: the file is empty\n");
  unlink("i.safetensors");
  unlink("i.safetensors.previous");
}
END_TEST

/* A column that only counts the rows is used for training, but mentioned. */
START_TEST(columns_that_count) {
  write_text("id.txt", "id,a\n1,0.5\n2,0.25\n3,0.75\n4,0.5\n");
  says("train --data id.txt --epochs 1 --out i.safetensors", "bins from",
       "id.txt: column 1 (\"id\") counts the rows: it is left out (--columns keeps it)\n");
  says("info i.safetensors", "columns   x0: a (number, 0.25 to 0.75)\n", "");
  const char *const train = "train --data id.txt --columns id,a --epochs 1 --out i.safetensors";
  const result r = run(train);
  expect_code(train, &r, 0);
  expect_text(train, "stderr", r.err,
              "id.txt: column id counts the rows and is trained on; --drop id leaves it out\n");
  expect_text(train, "stdout", r.out, "2 columns");
  release(r);
  succeeds("log-prob i.safetensors --data id.txt --out -", "logp\n"); /* as in the model */
  unlink("id.txt");
  unlink("i.safetensors");
}
END_TEST

/* ---- All ------------------------------------------------------------------------------------ */

/* Forty rows below a header; `order` lists the columns: a, b and a constant. */
static void write_rows(const char *path, const char *header, const char *order) {
  char text[8192];
  size_t n = (size_t)snprintf(text, sizeof text, "%s", header);
  for (int i = 0; i < 40; i++)
    for (const char *c = order; *c; c++)
      n += (size_t)snprintf(text + n, sizeof text - n, "%g%c",
                            *c == 'a'   ? i % 7 * 0.25 + 0.01
                            : *c == 'b' ? 50.25 + i % 5 * 0.5 + i % 3
                                        : 7.5,
                            c[1] ? ',' : '\n');
  write_text(path, text);
}

static void set_up(void) {
  write_rows("ab.csv", "a,b\n", "ab");
  write_rows("ac.csv", "a,c\n", "ab");
  write_rows("ba.csv", "b,a\n", "ba");
  write_rows("id.csv", "b,id,a\n", "b7a");
  write_rows("plain.csv", "", "ab");
  write_rows("quoted.csv", "\"x, y\",\"1 \"\"b\"\"\"\n", "ab");
  write_rows("one.csv", "z\n", "a");
#define TRAIN "train --device cpu --epochs 1 --standardize --schedule constant "
  succeeds(TRAIN "--data ab.csv --out m.safetensors", "");
  succeeds(TRAIN "--data ab.csv --out r.safetensors", "");
  succeeds(TRAIN "--data plain.csv --out plain.safetensors", "");
  succeeds(TRAIN "--data quoted.csv --out quoted.safetensors", "");
}

int main(int argc, char **argv) {
  const TTest *const tests[] = {swapped_columns,   columns_of_another_name, names_of_outputs,
                                names_of_latents,  names_in_trainings,      names_in_json,
                                options_of_tables, standard_input,          columns_that_count};
  return program_main(argc, argv, "cli tables", set_up, tests, sizeof tests / sizeof *tests);
}
