/* SPDX-License-Identifier: MIT */
/* test_cli_report.c: `clflow report` and the plots of `clflow plot`. */
#define _GNU_SOURCE
#include "program.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CPU " --device cpu "

static void files(void) {
#define TRAIN "train --device cpu --epochs 2 --data "
  release(run(TRAIN "moons:n=600 --valid-split 0.25 --out held.safetensors"));
  release(run(TRAIN "moons:n=600 --valid-split 0 --out all.safetensors"));
  write_text("given.csv", "a,b,k\n0,0,1\n1,-1,0\n2,0.5,1\n-1,3,0\n0.25,0.5,1\n-2,-2,1\n1,1,0\n");
  release(
      run(TRAIN
          "given.csv --valid-split 0 --given k --flow 2|1:coupling(affine,mlp(4x1))->normal --out "
          "given.safetensors"));
}

static void contains(const char *path, const char *text) {
  size_t size;
  char *page = read_file(path, &size);
  ck_assert_msg(strstr(page, text), "%s lacks: %s", path, text);
  free(page);
}

/* The model's file determines which rows are judged. */
START_TEST(rows_that_are_judged) {
  succeeds("report held.safetensors --data moons:n=600" CPU, " the 150 validation rows.");
  contains("held.report.html", "450 training rows, 150 validation rows, 2 columns");
  contains("held.report.html", "Training was judged by the validation rows");
  succeeds("report all.safetensors --data moons:n=600" CPU "--out a.html",
           " the 600 training rows.");
  contains("a.html", "The model was trained on these rows");
  succeeds("report held.safetensors --data moons:n=500,seed=7" CPU "--out b.html",
           " the 500 rows.");
  contains("b.html", "Nothing is known of how these rows were used");
  contains("b.html", "clflow report held.safetensors --data moons:n=500,seed=7 --seed 1");
}
END_TEST

/* Rows are numbered as in the file, including those with missing values. */
START_TEST(numbers_of_rows) {
  char rows[4000] = "a,b\n,1\n";
  for (int i = 0; i < 60; i++) {
    const size_t n = strlen(rows);
    snprintf(rows + n, sizeof rows - n, "%d.5,%d.25\n", i % 7, i % 5);
  }
  strcat(rows, "99.5,99.5\n");
  write_text("gaps.csv", rows);
  release(run(TRAIN "gaps.csv --valid-split 0 --out gaps.safetensors"));
  succeeds("report gaps.safetensors --data gaps.csv" CPU "--out g.html", "the 61 training rows");
  contains("g.html", "row 62 <");
}
END_TEST

START_TEST(contexts) {
  succeeds("report given.safetensors --data given.csv" CPU "--out c.html", "the 7 ");
  contains("c.html", "given 1 column");
  contains("c.html", ">b</text>");
  release(run("report given.safetensors --data given.csv --device cpu --given k=1 --out d.html"));
  contains("d.html", "--given k=1 --seed 1");
}
END_TEST

START_TEST(the_same_command_gives_the_same_page) {
  succeeds("report held.safetensors --data moons:n=600" CPU "--out e.html", "");
  succeeds("report held.safetensors --data moons:n=600" CPU "--out f.html", "");
  same_files("e.html", "f.html");
  suite_remove("f.html");
}
END_TEST

START_TEST(pictures) {
  static const char *const names[] = {"marginals", "pairs", "pit", "rank"};
  char command[160];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    size_t size;
    snprintf(command, sizeof command,
             "plot %s held.safetensors --data moons:n=600" CPU "--out p.png", names[i]);
    succeeds(command, "");
    char *png = read_file("p.png", &size);
    ck_assert_uint_gt(size, 5000);
    ck_assert_int_eq(memcmp(png, "\x89PNG", 4), 0);
    free(png);
  }
  succeeds("plot pairs held.safetensors --data moons:n=600 --pairs 2,1" CPU "--out q.png", "");
}
END_TEST

START_TEST(what_is_refused) {
#define HELD "held.safetensors --data moons:n=600" CPU
  refuses(2, "report " HELD "--out never.txt", "--out takes a file name that ends in .html");
  refuses(1, "report " HELD "--out nowhere/never.html", "nowhere");
  refuses(2, "report " HELD "--pairs 1 --out never.html", "--pairs needs two columns or more");
  refuses(2, "report " HELD "--pairs 1,x --out never.html",
          "--pairs takes columns of the model by name or by number from 1 to 2, separated by "
          "commas; got \"x\"");
  write_text("mine.html", "not a page");
  refuses(2, "report " HELD "--out mine.html", "mine.html exists and is not a page of HTML");
  refuses(2, "plot pits " HELD "--out never.png",
          "there is no picture pits; there are marginals, pairs, pit, rank, curves and candidates");
  refuses(2, "plot pit held.safetensors --out never.png", "--data is missing");
  refuses(2, "plot --out never.png", "MODEL is missing");
  refuses(2, "plot pit " HELD "--pairs 1,2 --out never.png", "--pairs is for the picture pairs");
  refuses(1, "plot curves " HELD "--out never.png",
          "the model's record holds no training curve; `clflow fit` writes one");
  refuses(1, "report glyphs.safetensors --data glyphs --out never.html", "glyphs.safetensors");
}
END_TEST

/* An existing file with the default name that is not a report is not replaced. */
START_TEST(the_default_name) {
  suite_remove("held.report.html");
  write_text("held.report.html", "mine");
  refuses(2, "report held.safetensors --data moons:n=600" CPU,
          "held.report.html exists and is not a page of HTML");
  suite_remove("held.report.html");
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const tests[] = {rows_that_are_judged,
                                numbers_of_rows,
                                contexts,
                                the_same_command_gives_the_same_page,
                                pictures,
                                what_is_refused,
                                the_default_name};
  return program_main(argc, argv, "cli_report", files, tests, sizeof tests / sizeof *tests);
}
