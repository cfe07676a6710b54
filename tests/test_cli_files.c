/* SPDX-License-Identifier: MIT */
/* test_cli_files.c: the files on a command line of `clflow`: no verb overwrites its input,
 * writes one file twice, or replaces a file of another kind.  Verbs and options come from the
 * program's own tables. */
#define _GNU_SOURCE
#include "../cli/common/cli.h"
#include "program.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const cli_verb *const verbs[] = {
#define CLI_X(name) &cli_##name,
    CLI_VERB_MAP(CLI_X)
#undef CLI_X
};
enum { VERBS = sizeof verbs / sizeof *verbs };

static int is_input(const cli_option *o) {
  return o->type == CLI_OPERAND || o->type == CLI_INPUT || o->type == CLI_DATA;
}
static int is_output(const cli_option *o) {
  return o->type == CLI_OUTPUT || o->type == CLI_OUTPUT_MODEL || o->type == CLI_OUTPUT_LOG;
}

/* ---- The tables ------------------------------------------------------------------------- */

static int has_force(const cli_verb *verb) {
  for (const cli_option *o = verb->options; o->name; o++)
    if (strcmp(o->name, "--force") == 0) return 1;
  return 0;
}

/* Hints of `clflow import` are words. */
static int is_hint(const cli_option *o) {
  static const char *const hints[] = {
#define CLF_HINT(id, value, help) "--" #id,
#include "clflow/import.def"
  };
  for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
    if (strcmp(o->name, hints[i]) == 0) return 1;
  return 0;
}

/* An option value is either one of these words or the name of a file. */
START_TEST(options_that_name_files) {
  static const char *const words[] = {"NAME",    "PRESET",  "TARGET",         "COLUMN", "I,J,...",
                                      "A,B,C,D", "A,B,...", "COLS|auto|none", "LIST",   "NAME=V,V",
                                      "FOLDER",  "DIR",     "A:B:..."};
  for (int v = 0; v < VERBS; v++) {
    int outputs = 0;
    for (const cli_option *o = verbs[v]->options; o->name; o++) {
      int known = o->type != CLI_TEXT || strcmp(o->name, "WORD") == 0 ||
                  (verbs[v] == &cli_import && is_hint(o));
      outputs += is_output(o);
      for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        known |= strcmp(o->arg ? o->arg : "", words[i]) == 0;
      ck_assert_msg(known, "%s %s: a word, or a file to read or to write?", verbs[v]->name,
                    o->name);
    }
    ck_assert_msg(!outputs == !has_force(verbs[v]),
                  "%s: has outputs and no --force, or --force "
                  "and no outputs",
                  verbs[v]->name);
  }
}
END_TEST

/* ---- Pairs ------------------------------------------------------------------------------ */

static const char *usual_value(const cli_option *o) {
  return o->type == CLI_TEXT ? "0,1,2,3" : o->type == CLI_COUNT ? "3" : NULL;
}

/* `clflow VERB` with everything required, and the files of these two options. */
static void make_command(const cli_verb *verb, const cli_option *a, const char *file_a,
                         const cli_option *b, const char *file_b, char *text, size_t size) {
  size_t used = (size_t)snprintf(text, size, "%s", verb->name);
  for (const cli_option *o = verb->options; o->name; o++) {
    char other[32];
    snprintf(other, sizeof other, "other%d", (int)(o - verb->options));
    const int before = cli_is_operand(o) && cli_is_operand(b) && o < b;
    if (o != a && o != b && !o->required && !before) continue;
    const char *value = o == a ? file_a : o == b ? file_b : usual_value(o) ? usual_value(o) : other;
    used += (size_t)snprintf(text + used, size - used, cli_is_operand(o) ? " %.0s%s" : " %s %s",
                             o->name, value);
    ck_assert_uint_lt(used, size);
  }
}

/* Refused, naming both options. */
static void refuses_pair(const cli_verb *verb, const cli_option *a, const char *file_a,
                         const cli_option *b, const char *file_b, const char *why) {
  char command[1024];
  make_command(verb, a, file_a, b, file_b, command, sizeof command);
  const int before = suite_entries(".");
  result r = run(command);
  expect_code(command, &r, 2);
  expect_text(command, "stderr", r.err, why);
  expect_text(command, "stderr", r.err, a->name);
  expect_text(command, "stderr", r.err, b->name);
  ck_assert_int_eq(suite_entries("."), before);
  release(r);
}

static void each_pair(const char *file_a, const char *file_b) {
  for (int v = 0; v < VERBS; v++)
    for (const cli_option *a = verbs[v]->options; a->name; a++) {
      if (!is_output(a)) continue;
      for (const cli_option *b = verbs[v]->options; b->name; b++) {
        if (is_input(b)) refuses_pair(verbs[v], a, file_a, b, file_b, "is the file that");
        if (is_output(b) && b > a)
          refuses_pair(verbs[v], a, file_a, b, file_b, "are the same file");
      }
    }
}

START_TEST(same_file) {
  write_text("there", "1,2\n");
  ck_assert_int_eq(mkdir("sub", 0777) | symlink("there", "soft") | link("there", "hard"), 0);
  ck_assert_int_eq(symlink("sub", "sublink") | symlink("../new", "sub/dangling"), 0);
  ck_assert_int_eq(symlink("sub/dangling", "dangling"), 0);
  char here[4096], whole[5000];
  ck_assert_ptr_nonnull(getcwd(here, sizeof here));
  snprintf(whole, sizeof whole, "%s/there", here);
  static const char *const pairs[][2] = {
      {"there", "there"},  {"there", "./there"},      {"there", "soft"}, {"hard", "there"},
      {"soft", "hard"},    {"sub/../there", "there"}, {"new", "new"},    {"./new", "sub//../new"},
      {"dangling", "new"}, {"sub/x", "sublink/x"}};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) each_pair(pairs[i][0], pairs[i][1]);
  each_pair("there", whole);
  char *text = read_file("there", NULL);
  ck_assert_str_eq(text, "1,2\n");
  free(text);
}
END_TEST

/* Words that may be files. */
START_TEST(words_that_name_files) {
  write_text("c.csv", "1\n2\n");
  write_text("of", "1: -> normal\n");
  refuses(2, "train --data moons --given c.csv --out ./c.csv",
          "--out ./c.csv is the file that --given c.csv reads");
  refuses(2, "sample m -n 2 --given c.csv --out c.csv",
          "--out c.csv is the file that --given c.csv reads");
  refuses(2, "train --data moons --flow @of --out of", "--out of is the file that --flow of reads");
  refuses(2, "train --data moons --flow @of --out m --log of",
          "--log of is the file that --flow of reads");
}
END_TEST

/* A sweep passes files on to its trainings: those of its options, and each value of --flow and
 * --vary. */
START_TEST(files_that_are_passed_on) {
  static const struct {
    const char *options, *says;
  } cases[] = {
      {"--valid w --out w", "--out w is the file that --valid w reads"},
      {"--init w --out ./w", "--out ./w is the file that --init w reads"},
      {"--flow nsf --flow @w --out w", "--out w is the file that --flow w reads"},
      {"--vary valid=v,w --out w", "--out w is the file that --valid w reads"},
      {"--vary lr=1,2 --vary init=v,\"w\" --out whard",
       "--out whard is the file that --init w reads"},
      {"--vary given=v.csv,w.csv --out w.csv", "--out w.csv is the file that --given w.csv reads"},
      {"--vary init=v,x.sweep/000.safetensors --out x", "writes files with such names"},
      {"--vary plot-curve=v,w --out x", "--vary does not take plot-curve: it draws one training"},
  };
  char command[256];
  write_text("w", "1,2\n3,4\n");
  write_text("w.csv", "1,2\n3,4\n");
  write_text("v.csv", "1,2\n3,4\n");
  ck_assert_int_eq(link("w", "whard") | mkdir("x.sweep", 0777), 0);
  write_text("x.sweep/000.safetensors", "1,2\n");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    snprintf(command, sizeof command, "sweep --force --data moons --steps 1 --device cpu %s",
             cases[i].options);
    refuses(2, command, cases[i].says);
  }
  char *const text = read_file("w", NULL);
  ck_assert_str_eq(text, "1,2\n3,4\n");
  free(text);
  suite_remove("x.sweep");
  unlink("whard");
}
END_TEST

/* A column of the data takes precedence over a file of that name, which can be given with its
 * folder. */
START_TEST(a_column_and_a_file_of_one_name) {
  static const char train[] =
      "train --device cpu --data t.csv --flow @given --epochs 1 --out c.safetensors ";
  char text[1024];
  write_text("t.csv", "a.csv,b\n1,2\n2,3.5\n3,1\n4,2.5\n5,3\n");
  write_text("a.csv", "1\n2\n");
  write_text("b", "1\n2\n");
  write_text("given", "1|1: -> normal(mlp(4x1))\n");
  snprintf(text, sizeof text, "%s--given a.csv", train);
  succeeds(text, "c.safetensors");
  succeeds("info c.safetensors", "b");
  snprintf(text, sizeof text, "%s--given b --force", train);
  succeeds(text, "c.safetensors");
  snprintf(text, sizeof text, "%s--given ./a.csv", train);
  refuses(1, text, "./a.csv has 2 rows, t.csv has 5");
  snprintf(text, sizeof text, "%s--given c", train);
  refuses(
      2, text,
      "it takes names or numbers of its columns, separated by commas, or a file, such as FILE.csv");
  snprintf(text, sizeof text, "%s--given b --drop b", train);
  refuses(2, text, "--given b: t.csv has no such column among those that --drop leaves; it takes");
}
END_TEST

/* Files that no option names. */
START_TEST(further_files) {
  write_text("m.previous", "1,2\n");
  refuses(2, "train --data m.previous --out m",
          "m.previous, which --out also writes, is the file that --data m.previous reads");
  refuses(2, "train --data moons --out m --log m.previous",
          "--log m.previous and m.previous, which --out also writes, are the same file");
  refuses(2, "train --data moons --out m --plot a.png --log ./a-curve.png",
          "--log ./a-curve.png and a-curve.png, which --plot also writes, are the same file");
  refuses(2, "export n.pt --pytorch n",
          "n.pt, which --pytorch also writes, is the file that MODEL n.pt reads");
  refuses(2, "export m --c x.py --pytorch ./x",
          "--c x.py and ./x.py, which --pytorch also writes, are the same file");
  refuses(2, "fit f.flow", "f.flow, which DATA also writes, is the file that DATA f.flow reads");
  refuses(2, "transform m --data d.csv --out - --logdet -",
          "--out and --logdet cannot both go to standard output");
}
END_TEST

/* Only text goes to standard output, and no file is called "-". */
START_TEST(standard_output) {
  static const char *const commands[] = {"train --data moons --out -",
                                         "sweep --data moons --out -",
                                         "fit moons --out -",
                                         "fit moons --out f.flow --report -",
                                         "import m --out -",
                                         "export m --c -",
                                         "export m --pytorch -",
                                         "train --data moons --out m2 --plot-curve -",
                                         "plot pairs m --data moons --out -"};
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    refuses(2, commands[i], "takes the name of a file; standard output takes only text");
}
END_TEST

/* ---- Folders ---------------------------------------------------------------------------- */

static void each_in_folder(const char *file, const char *folder) {
  for (int v = 0; v < VERBS; v++)
    for (const cli_option *a = verbs[v]->options; a->name; a++)
      for (const cli_option *b = verbs[v]->options; is_output(a) && b->name; b++)
        if (b->type == CLI_DATA) refuses_pair(verbs[v], a, file, b, folder, "is in the folder");
}

/* A sweep writes 000.txt and so on to its folder. */
START_TEST(folder_that_is_written) {
  static const char sweep[] = "sweep --seeds 1..2 --steps 1 --valid-split 0.5 --device cpu ";
  char command[512];
  ck_assert_int_eq(mkdir("w.sweep", 0777) | mkdir("shots", 0777), 0);
  write_text("w.sweep/001.txt", "1,2\n2,3\n3,5\n4,6\n");
  write_text("w.sweep/more.txt", "1,2\n2,3\n3,5\n4,6\n");
  ck_assert_int_eq(symlink("w.sweep/001.txt", "linked.txt") | symlink("w.sweep", "wlink"), 0);
  static const char *const refused[] = {
      "--data w.sweep/001.txt --out w --force", "--data linked.txt --out w --force",
      "--data moons --out v --folder wlink --test wlink/../w.sweep/001.txt --force",
      "--data moons --out w.sweep/000.safetensors --folder w.sweep --force"};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    snprintf(command, sizeof command, "%s%s", sweep, refused[i]);
    refuses(2, command, "writes files with such names; name another file or folder");
  }
  snprintf(command, sizeof command, "%s--data shots --out w --folder shots/new --force", sweep);
  refuses(2, command, "--folder shots/new is in the folder shots, which --data reads");
  snprintf(command, sizeof command, "%s--data w.sweep/more.txt --out w --force", sweep);
  succeeds(command, "model");
  char *text = read_file("w.sweep/more.txt", NULL);
  ck_assert_str_eq(text, "1,2\n2,3\n3,5\n4,6\n");
  free(text);
  suite_remove("w.sweep");
  unlink("linked.txt");
  unlink("wlink");
}
END_TEST

/* Part of an archive is in the file of the archive. */
START_TEST(archive_that_is_read) {
  write_text("a.npz", "PK");
  refuses(2, "train --data a.npz:x --out a.npz --force",
          "--out a.npz is the file that --data a.npz:x reads");
  refuses(2, "import m --check ./a.npz:x --out a.npz --force",
          "--out a.npz is the file that --check ./a.npz:x reads");
  refuses(2, "train --data moons --given a.npz:c --out a.npz --force",
          "--out a.npz is the file that --given a.npz:c reads");
}
END_TEST

START_TEST(folder_that_is_read) {
  ck_assert_int_eq(mkdir("pics", 0777) | mkdir("pics/a", 0777) | mkdir("pics/a/b", 0777), 0);
  ck_assert_int_eq(mkdir("far", 0777) | mkdir("far/away", 0777), 0);
  ck_assert_int_eq(symlink("../far", "pics/link") | symlink("..", "pics/a/up"), 0);
  write_text("one.png", "");
  ck_assert_int_eq(symlink("../one.png", "pics/one.png"), 0);
  static const char *const files[] = {"pics/x",     "pics/a/b/x", "far/x",
                                      "far/away/x", "one.png",    "pics/link/away/../x"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) each_in_folder(files[i], "pics");
  each_in_folder("pics/a/x", "./pics/");
  /* Only DATA can be a folder: elsewhere the verb says that it wants a file. */
  refuses(1, "sample pics -n 2 --out pics/x.csv", "pics: cannot be read: it is a folder");
  refuses(1, "train --data moons --flow @pics --out pics/x", "pics");
}
END_TEST

/* ---- What is allowed ------------------------------------------------------------------------- */

#define TRAIN "train --data moons:n=30 --epochs 1 --batch 10 --schedule constant "

START_TEST(what_is_allowed) {
  succeeds(TRAIN "--out own --log /dev/null", "model                own");
  succeeds(TRAIN "--out own --resume --epochs 2", "model                own");
  succeeds(TRAIN "--out moons", "model                moons");
  succeeds(TRAIN "--out cut", "");
  ck_assert_int_eq(link("cut", "cut.previous"), 0); /* as left by a kill in the middle of a save */
  succeeds(TRAIN "--out cut --resume --epochs 2", "model                cut");
  succeeds("log-prob moons --data moons:n=3 --out z.csv", "");
  succeeds("log-prob moons --data moons:n=3 --out z.csv", ""); /* a table replaces a table */
  result r = run_into("log-prob own --data data.csv --out -", "data.csv");
  expect_code("log-prob", &r, 2);
  expect_text("log-prob", "stderr", r.err,
              "standard output is the file that --data data.csv reads");
  release(r);
}
END_TEST

/* ---- Kinds ------------------------------------------------------------------------------ */

static void holds(const char *path, const char *wanted) {
  char *text = read_file(path, NULL);
  ck_assert_msg(strcmp(text, wanted) == 0, "%s holds \"%.40s\"", path, text);
  free(text);
}

START_TEST(other_kinds) {
  succeeds(TRAIN "--out k", "");
  succeeds("sample k -n 3 --out k.npy", "");
  write_text("notes", "mine\n");
  write_text("empty", "");
  succeeds(TRAIN "--out model.csv", "");
  ck_assert_int_eq(link("model.csv", "model.png") | link("notes", "notes.png"), 0);
  refuses(2, TRAIN "--out notes",
          "--out notes exists and is not a model of clflow; give another "
          "name, or --force to replace it");
  refuses(2, TRAIN "--out k.npy", "--out k.npy exists and is not a model of clflow");
  refuses(2, TRAIN "--out new --log k", "--log k exists and is not a log of `clflow train`");
  refuses(2, TRAIN "--out new --log notes", "--log notes exists and is not a log");
  refuses(2, TRAIN "--out new --plot model.png",
          "--plot model.png exists and is not a PNG picture");
  refuses(2, TRAIN "--out new --plot notes.png", "--plot notes.png exists and is not a PNG");
  refuses(2, "sample k -n 3 --out model.csv", "--out model.csv exists and is not a table of text");
  /* names that the user did not write out */
  ck_assert_int_eq(link("notes", "t.flow") | link("notes", "u.py") | link("notes", "v.pt"), 0);
  ck_assert_int_eq(link("notes", "w.report.html"), 0);
  write_text("t.csv", "1,2\n2,3\n");
  refuses(2, "fit t.csv", "DATA t.flow exists and is not a model of clflow");
  refuses(2, "fit t.csv -o w.flow", "DATA w.report.html exists and is not a page of HTML");
  refuses(2, "export k --pytorch u", "--pytorch u.py exists and is not a file of `clflow export`");
  refuses(2, "export k --pytorch v", "--pytorch v.pt exists and is not a file of `clflow export`");
  for (int i = 0; i < 2; i++) succeeds("export k --pytorch x", ""); /* replaces its own */
  holds("notes", "mine\n");
  succeeds(TRAIN "--out empty", "");
  succeeds(TRAIN "--out new --log log", "");
  succeeds(TRAIN "--out new --log log", "");
  succeeds(TRAIN "--out new --resume --epochs 2 --log log", "");
  succeeds("sample k -n 3 --out model.csv --force", "");
  succeeds("sample k -n 3 --out k.npy", "");
}
END_TEST

/* A model that is replaced by force, and an existing PATH.previous, are never lost. */
START_TEST(previous_is_not_lost) {
  write_text("p", "mine\n");
  for (int i = 0; i < 3; i++) succeeds(TRAIN "--out p --force", "");
  holds("p.previous", "mine\n");
  result r = run(TRAIN "--out p");
  expect_code("train", &r, 0);
  expect_text("train", "stderr", r.err,
              "p.previous is not a model of clflow and stays as it is; a file "
              "that --out replaces is not kept");
  release(r);
  holds("p.previous", "mine\n");
  succeeds("info p", "nvp");
  succeeds(TRAIN "--out q", "");
  succeeds(TRAIN "--out q", "");
  succeeds("info q.previous", "nvp");
}
END_TEST

static void no_files(void) {}

int main(int argc, char **argv) {
  const TTest *const tests[] = {options_that_name_files,
                                same_file,
                                words_that_name_files,
                                files_that_are_passed_on,
                                a_column_and_a_file_of_one_name,
                                further_files,
                                standard_output,
                                folder_that_is_read,
                                folder_that_is_written,
                                archive_that_is_read,
                                what_is_allowed,
                                other_kinds,
                                previous_is_not_lost};
  return program_main(argc, argv, "cli_files", no_files, tests, sizeof tests / sizeof *tests);
}
