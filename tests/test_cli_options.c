/* SPDX-License-Identifier: MIT */
/* test_cli_options.c: options of the program `clflow`, one per row: error messages, and output
 * where they are accepted. */
#define _GNU_SOURCE
#include "program.h"
#include "clflow/clflow.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRAIN "train --data moons --out never.safetensors "
#define IMAGES "train --data glyphs:n=9,size=8 --out never.safetensors "
#define FROM "train --data moons:n=40 --out never.safetensors --init m.safetensors "
#define RESUME "train --data moons:n=40 --out m.safetensors --resume "

/* ---- Refused -------------------------------------------------------------------------------- */

static const struct refusal {
  int code;
  const char *command, *says;
} refusals[] = {
    /* Words. */
    {2, "--hlep", "clflow: there is no option --hlep; `clflow --help` lists the verbs"},
    {2, "x", "clflow: there is no verb x; `clflow --help` lists the verbs"},
    {2, "train --q", "there is no option --q; `clflow train --help` lists them"},
    {2, "train -q", "there is no option -q; `clflow train --help` lists them"},
    {1, "info -", "clflow: info: -: cannot be read: "},
    {1, "info -- --help", "clflow: info: --help: cannot be read: "},
    /* Values. */
    {2, "train --data= --out never.safetensors", "--data takes a word, got an empty one\n"},
    {2, TRAIN "--batch=", "--batch takes a whole number from 1, got \"\"\n"},
    {2, TRAIN "--drops 9999999999", "--drops takes a whole number from 0 to 2147483647, got "},
    {2, "sample m.safetensors --out - -n 9223372036854775808",
     "-n takes a whole number from 1 to 9223372036854775807, got \"9223372036854775808\"\n"},
    {2, "sample m.safetensors --out - -n 1 --first 9223372036854775808",
     "--first takes a whole number from 0 to 9223372036854775807, got \"9223372036854775808\"\n"},
    {2, TRAIN "--valid-split -0.1",
     "--valid-split takes a number from 0 and below 1, got \"-0.1\""},
    {2, TRAIN "--lr x", "--lr takes a number above 0, got \"x\"\n"},
    {2, IMAGES "--size x8", "--size takes a size in pixels, "},
    {2, IMAGES "--size :8", "--size takes a size in pixels, "},
    {2, IMAGES "--size 8x0", "--size takes a size in pixels, "},
    {2, IMAGES "--size 3000000000", "--size takes a size in pixels, "},
    {2, IMAGES "--size 99999999999999999999", "--size takes a size in pixels, "},
    {2, "bench --margin x", "--margin takes a percentage from 0, got \"x\"\n"},
    {2, "bench --margin 5%%", "--margin takes a percentage from 0, got \"5%%\"\n"},
    {2, "bench --margin -5", "--margin takes a percentage from 0, got \"-5\"\n"},
    {2, "bench --margin inf", "--margin takes a percentage from 0, got \"inf\"\n"},
    {2, "bench --margin 1e999", "--margin takes a percentage from 0, got \"1e999\"\n"},
    {2, "bench --ops ,",
     "--ops takes up to 16 words of less than 64 letters, separated by commas, got"},
    {2,
     "bench --ops aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "--ops takes up to 16 words of less than 64 letters"},
    {2, "bench --ops a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q",
     "--ops takes up to 16 words of less than 64 letters"},
    {2, "bench --device cpu,cpu64,cpu/baseline,cpu,cpu,cpu,cpu,cpu,cpu,cpu,cpu,cpu,cpu",
     "devices are too many, at most "},
    /* Data. */
    {2, "transform m.safetensors --data moons --strict --out never.csv",
     "--strict is for images, moons is a table"},
    {2, "eval m.safetensors --data moons --channels 3", "--channels is for images, moons is a"},
    {2, "eval m.safetensors --data moons --noise u.npy", "--noise is for images, moons is a table"},
    {1, "eval i.safetensors --data glyphs:size=0", "glyphs:size=0: size must be "},
    {1, "eval i.safetensors --data one.csv", "one.csv has 1 column, the model i.safetensors takes"},
    {1, "eval i.safetensors --data glyphs:n=9,size=8,channels=3", "--channels converts them"},
    {1, "eval wide.safetensors --data glyphs:n=9,size=8", "--crop center brings them to it"},
    {2, "train --flow nvp --dry-run", "--data is missing; usage: clflow train --data DATA"},
    {2, "train --dry-run", "--data is missing; usage: clflow train --data DATA"},
    {2, TRAIN "--flow realnvp --size 3x5",
     "moons has 2 columns, which do not make images of 3 x 5"},
    {2, "train --data one.csv --flow realnvp --size 3x5 --out never.safetensors",
     "one.csv has 1 column, which do not make images of 3 x 5"},
    {2, "train --data one.csv --flow realnvp --out never.safetensors",
     "one.csv is a table of 1 column; pass --size HxW to read the columns as images"},
    {2, TRAIN "--flow realnvp --size 1x2 --channels 3",
     "moons has 2 columns, which do not make images"},
    {1, "train --data flat.csv --out never.safetensors",
     "the column of flat.csv is 3 in every row, so it has no density"},
    {1, "train --data flat.csv --standardize --out never.safetensors", "is 3 in every row"},
    {2, "invert i.safetensors --data glyphs --out -", "glyphs holds images; invert takes latent"},
    /* Models, and related options. */

    {2,
     "train --data glyphs:n=9,size=8 --init i.safetensors --compat paper --out never.safetensors",
     "--compat is for a new flow, i.safetensors is built already; leave it out\n"},
    {2, FROM "--s-max 2", "--s-max 2 does not agree with m.safetensors, which has 3; leave it out"},
    {2, RESUME "--seed 18446744073709551615",
     "--seed 18446744073709551615 does not agree with m.safetensors, which has 7; leave it out\n"},
    {2, RESUME "--valid-split 0.5",
     "--valid-split 0.5 does not agree with m.safetensors, which has"},
    {2, RESUME "--no-standardize",
     "--no-standardize does not agree with m.safetensors, which was trained"},
    {2, RESUME "--drops 3",
     "--drops 3 does not agree with m.safetensors, which has 0; leave it out"},
    {2, RESUME "--eps-form tf",
     "--eps-form tf does not agree with m.safetensors, which has textbook"},
    {2, TRAIN "--valid glyphs:n=9,size=8",
     "--valid glyphs:n=9,size=8: the data of moons are a table, these are images"},
    {2, IMAGES "--preset tiny --valid moons", "are images, these are a table"},
    {2, TRAIN "--test glyphs:n=9,size=8",
     "--test glyphs:n=9,size=8: the data of moons are a table"},
    {1, TRAIN "--valid one.csv", "--valid one.csv has 1 column, moons has 2"},
    {1, TRAIN "--valid moons --valid-split 0.2",
     "valid_split is 0.2, but validation rows are given; it must be 0"},
    {1, TRAIN "--valid-split 0 --patience 3", "patience needs validation rows, and there are none"},
    {2, TRAIN "--epochs 2 --steps 3", "--epochs and --steps exclude each other"},
    {2, TRAIN "--ema 1", "--ema"},
    {2, TRAIN "--schedule linear", "--schedule"},
    {2, TRAIN "--folds 1", "--folds 1: there must be at least 2"},
    {2, "train --data one.csv --folds 41 --out never.safetensors",
     "--folds 41: one.csv has only 40 rows"},
    {2, TRAIN "--folds 3 --valid moons", "--folds and --valid exclude each other"},
    {2, IMAGES "--preset tiny --folds 3", "--folds is for tables, "},
    {2, TRAIN "--preset lecture(hidden=3)", "pass the values of lecture as options"},
    {2, RESUME "--epochs 5", "falls along a cosine that ends with it"},
    {1, IMAGES "--preset tiny --valid glyphs:size=0", "glyphs:size=0: size must be "},
    {1, IMAGES "--preset tiny --valid glyphs:n=9,size=12",
     "is 12 x 12 pixels (height x width), not 8 x 8"},
    {2, "train --resume --dry-run --data moons", "--out is missing; usage: clflow train "},
    {2, "train --data wide.csv --plot p.png --plot-curve c.png --out never.safetensors",
     "--plot draws flows of one or two columns, this one has 3; leave it out\n"},
    {1, "sample three.safetensors -n 9 --out never.png",
     "a picture shows one or two columns, the model three.safetensors has 3; write .csv or .npy\n"},
    {1, TRAIN "--log m.safetensors/l", "--log m.safetensors/l: m.safetensors is not a folder\n"},
    {2, "complete i.safetensors --data glyphs:size=8 --out never.png --index 9999999999999999999",
     "--index takes whole numbers from 0, separated by commas; got \"9999999999999999999\"\n"},
    {2, "tune m.safetensors --shapes shapes", "--shapes and a model exclude each other"},
    {1, "tune --flow realnvp --preset tony", "there is no preset \"tony\"; there are"},
    {1, "tune --flow realnvp --preset maf",
     "preset maf is not one of realnvp's; give a model made of it\n"},
    {1, "tune none.safetensors", "none.safetensors: cannot be read: No such file"},

};

START_TEST(refused) {
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
    refuses(refusals[i].code, refusals[i].command, refusals[i].says);
}
END_TEST

/* ---- Taken ---------------------------------------------------------------------------------- */

static const char *const taken[][2] = {
    {"-h", "usage: clflow VERB [options]"},
    {"info -h", "usage: clflow info MODEL"},
    {"info -- m.safetensors", "kind      nvp\n"},
    {"info m.safetensors --device cpu", "kind      nvp\n"},
    {"train --data moons --dry-run --out /m.safetensors", "nothing was trained or written\n"},
    {"train --data moons --memory reverse --dry-run", ", reverse (store: "},
    {"train --data moons --memory auto --memory-limit 1 --batch 9000 --dry-run", "memory   "},
    {"train --flow realnvp --size 8 --channels 3 --width 2 --dry-run",
     " images of glyphs:size=8,channels=3\n"},
    {"train --flow realnvp --channels 3 --width 2 --dry-run", " of glyphs:size=16,channels=3\n"},
    {"train --preset tiny --size 8 --dry-run", " images of glyphs:size=8,channels=1\n"},
    {"train --data moons --flow realnvp --size 1x2 --scales 1 --dry-run", "images of 1 x 2 x 1, "},
    {"info m.safetensors --batch 2147483647", " in parts of "},
    {"train --data one.csv --standardize --epochs 1 --out p.safetensors", "flow                 "},
    {"info p.safetensors", " of the scaled data\ntails     none\n"},
    {"train --data one.csv --epochs 1 --tails linear --out q.safetensors", "bins from "},
    {"info q.safetensors --json", "\"tails\": \"linear\""},
    {"train --data moons:n=40 --epochs 1 --s-max 2 --no-shuffle --valid-split 0.2 --standardize "
     "--part 8 --seed 18446744073709551615 --out s.safetensors",
     "held-out rows"},
    {"info s.safetensors", "s-max     2\nseed      18446744073709551615\nscaling   (x0 - "},
    {"info s.safetensors", " --standardize --clip 10 --no-shuffle --part 8\n"},
    {"info s.safetensors", " nats, held-out rows\nbest      epoch 1, whose weights these are\n"},
    {"info s.safetensors --json", "\"seed\": \"18446744073709551615\""},
    {"info w.safetensors --batch 9", "memory    "},
    {"info i.safetensors --batch 9", " to train by batches of 9: parameters "},
    {"info v.safetensors",
     "affine    scale-first\nlogit     paper\nmask      odd\nnorm      none\n"},
    {"info v.safetensors --json", "\"mask\": \"odd\""},
    {"info v.safetensors --json --batch 9", "\"norm\": \"none\""},
    {"eval m.safetensors --data moons:n=1", "standard error       0.000000 nats\n"},
    {"interpolate m.safetensors --data moons:n=9 --index 0,1,2,3 --grid 1 --angle 90 --out i.npy",
     ""},
    {"jacobian nice.safetensors --data moons:n=9", "tensor([["},
    {"jacobian far.safetensors --data far.csv", "e-0"},
    {"train --data wide.csv --epochs 1 --plot w.png --out x.safetensors",
     "model                x."},
    {"complete i.safetensors --data glyphs:n=3,size=8 --out three.png", "columns  original, kept "},
    {"bench --list --full --steps step/realnvp*", "full"},
    {"bench --quick --time 0.001 --margin 5 --ops coupling/fwd/2-2-4*", "coupling/fwd/2-2-4"},
    {"tune m.safetensors --batch 8", "nothing to choose: "},
    {"tune m.safetensors", "nothing to choose: "},
    {"tune w.safetensors", "nothing to choose: "},
    {"tune --flow realnvp --size 4 --channels 3 --scales 1 --width 2 --blocks 1 --batch 2",
     " shapes run faster with another algorithm"},
};

START_TEST(are_taken) {
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) succeeds(taken[i][0], taken[i][1]);
}
END_TEST

/* ---- Files and folders ---------------------------------------------------------------------- */

/* stdout is on a full disk. */
START_TEST(full_disk) {
  /* Less than a buffer of stdio, whose error shows at the end */
  static const char *const commands[] = {"sample m.safetensors -n 50 --out -", "--help",
                                         "info m.safetensors --json"};
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    result r = run_into(commands[i], "/dev/full");
    expect_code(commands[i], &r, 1);
    expect_text(commands[i], "stderr", r.err, "standard output: No space left on device\n");
    release(r);
  }
  result r = run_into("train --data moons:n=9 --epochs 1 --log /dev/full --out l.safetensors",
                      "/dev/null");
  expect_code("train --log /dev/full", &r, 1);
  expect_text("train", "stderr", r.err,
              "--log /dev/full could not be written completely; the disk may");
  release(r);
}
END_TEST

/* More damaged files than a person wants to read about. */
START_TEST(many_damaged) {
  char name[32];
  ck_assert_int_eq(mkdir("folder", 0700), 0);
  for (int i = 0; i < 13; i++) {
    const uint8_t pixels[64] = {(uint8_t)i};
    snprintf(name, sizeof name, "folder/%02d.png", i);
    WORKS(clf_image_write_png(name, pixels, 8, 8, 1));
    if (i) ck_assert_int_eq(truncate(name, 40), 0);
  }
  result r = run("eval i.safetensors --data folder");
  expect_code("eval", &r, 0);
  expect_text("eval", "stderr", r.err, "left out: folder/10.png: ");
  expect_text("eval", "stderr", r.err, "left out: 2 more damaged files, 12 of 13 in all\n");
  ck_assert_ptr_null(strstr(r.err, "folder/11.png"));
  release(r);
  suite_remove("folder");
}
END_TEST

/* Nothing is left to do: it says so, and draws no curve. */
START_TEST(resumed_at_its_end) {
  static const char command[] = RESUME "--plot-curve c.png";
  result r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stderr", r.err,
              "m.safetensors has had its 2 epochs; a larger --epochs would go on\n");
  expect_text(command, "stderr", r.err, "c.png is not drawn, because no epoch was completed\n");
  expect_text(command, "stdout", r.out, ", 0 steps\n");
  release(r);
}
END_TEST

/* A row at which floats overflow: its step is skipped, reported and logged, and the row is left
 * out of the score. */
START_TEST(steps_left_out) {
  static const char command[] = "train --preset lecture --clip 10 --s-max 3 --data huge.csv "
                                "--drops 5 --batch 4 --epochs 1 --log d.jsonl --out d.safetensors";
  write_text("huge.csv", "1,2\n2,3\n3,1\n4,5\n5,1\n6,2\n7,4\n8,1\n1e20,0\n2,2\n");
  result r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stderr", r.err,
              " is not finite; that step is skipped, and training continues\n");
  expect_text(command, "stdout", r.out, "mean log-likelihood  -inf nats, over all 10 samples\n");
  expect_text(command, "stdout", r.out, "zero density         1 of 10 samples; without them -");
  char *log = read_file("d.jsonl", NULL);
  expect_text(command, "the log", log, "\"dropped\":\"step ");
  free(log);
  release(r);
}
END_TEST

/* Shapes that no tensor can have, each because of another option. */
START_TEST(shapes_that_are_too_large) {
  static const char *const lines[] = {"gemm 65536 1 65536",       "gemm 1 65536 65536",
                                      "gemm 65536 65536 1",       "gemm 65536 1 65536 ta",
                                      "gemm 1 65536 65536 tb",    "conv 65536 65536 1 1 1 1",
                                      "conv 1 65536 1 1 65536 1", "conv 1 1 1 65536 65536 1"};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    write_text("shapes", lines[i]);
    refuses(1, "tune --shapes shapes", ": one holds at most 2147483647 elements\n");
  }
  static const char *const neither[] = {"gemm 4 4 4 ta tb ta", "gemm 4 4 0",  "gemm 4 4 x",
                                        "gemm 4 4 3000000000", "gemmm 4 4 4", "conv 1 1 1 1 1 1 1"};
  for (size_t i = 0; i < sizeof neither / sizeof *neither; i++) {
    write_text("shapes", neither[i]);
    refuses(1, "tune --shapes shapes", "\" is neither \"gemm M N K [ta] [tb]\" nor \"conv N H W");
  }
  refuses(1, "tune --shapes .", "clflow: tune: . cannot be read");
}
END_TEST

/* Choices cannot be saved without a folder; saved choices are reported. */
START_TEST(tuned_choices) {
  write_text("shapes", "gemm 40 50 60\n");
  char *before = suite_setenv("CLFLOW_CACHE_DIR", "");
  result r = run("tune --shapes shapes");
  expect_code("tune", &r, 1);
  expect_text("tune", "stderr", r.err, "the choices could not be saved: there is no cache folder");
  release(r);
  suite_putenv_back("CLFLOW_CACHE_DIR", before);
}
END_TEST

/* ---- All ------------------------------------------------------------------------------------ */

static void makes(const char *command) { succeeds(command, ""); }

static void set_up(void) {
  char rows[4096] = "", far[4096] = "", wide[4096] = "";
  for (int i = 0; i < 40; i++) {
    snprintf(rows + strlen(rows), sizeof rows - strlen(rows), "%d\n", i * i % 37);
    snprintf(far + strlen(far), sizeof far - strlen(far), "%d,0.%d\n", 1000000 * (i % 7), i % 9);
    snprintf(wide + strlen(wide), sizeof wide - strlen(wide), "%d,%d,%d\n", i % 7, i % 5, i % 3);
  }
  write_text("one.csv", rows);
  write_text("far.csv", far);
  write_text("wide.csv", wide);
  write_text("flat.csv", "3\n3\n3\n3\n");
  makes("train --data moons:n=40 --epochs 2 --seed 7 --out m.safetensors");
  makes("train --data moons:n=40 --epochs 1 --weights-only --out w.safetensors");
  makes("train --data moons:n=40 --flow nice --epochs 1 --out nice.safetensors");
  makes("train --data far.csv --standardize --epochs 1 --out far.safetensors");
  makes("train --data wide.csv --epochs 1 --out three.safetensors");
#define SMALL "--preset tiny --width 2 --blocks 1 --epochs 1 --out "
  makes("train --data glyphs:n=9,size=8 " SMALL "i.safetensors");
  makes("train --data glyphs:n=9,size=8 --compat paper --norm none " SMALL "v.safetensors");
  makes("train --flow realnvp --data glyphs:n=9,size=8 --size 8x4 --crop center " SMALL
        "wide.safetensors");
#undef SMALL
}

int main(int argc, char **argv) {
  const TTest *const tests[] = {refused,
                                are_taken,
                                full_disk,
                                many_damaged,
                                resumed_at_its_end,
                                steps_left_out,
                                shapes_that_are_too_large,
                                tuned_choices};
  return program_main(argc, argv, "cli options", set_up, tests, sizeof tests / sizeof *tests);
}
