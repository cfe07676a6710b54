/* SPDX-License-Identifier: MIT */
/* test_cli_kinds.c: everyday tables in the program `clflow`: labels, dates, booleans, missing
 * values and ids, in data and in contexts. */
#define _GNU_SOURCE
#include "clflow/data.h"
#include "program.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Helpers -------------------------------------------------------------------------------- */

static void says(const char *command, const char *out, const char *err) {
  const result r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stdout", r.out, out);
  expect_text(command, "stderr", r.err, err);
  release(r);
}

static char *output_of(const char *command) {
  const result r = run(command);
  expect_code(command, &r, 0);
  free(r.err);
  return r.out;
}

static void same_output(const char *a, const char *b) {
  char *const x = output_of(a), *const y = output_of(b);
  ck_assert_str_eq(x, y);
  free(x);
  free(y);
}

/* The k-th line of a text, from 0, without its end. */
static void line_is(const char *text, int k, const char *want) {
  char line[512];
  for (; k > 0; k--) {
    text = strchr(text, '\n');
    ck_assert_ptr_nonnull(text);
    text++;
  }
  snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
  ck_assert_str_eq(line, want);
}

static int lines_of(const char *text) {
  int n = 0;
  for (; *text; text++) n += *text == '\n';
  return n;
}

static clf_table read_table(const char *path, clf_missing missing) {
  clf_table t;
  const clf_table_options o = {.kinds = 1, .missing = missing};
  ck_assert_msg(clf_table_read_with(path, &o, &t) == CLF_OK, "%s", clf_errmsg());
  return t;
}

#define CPU "--device cpu "
#define TRAIN "train " CPU "--epochs 2 --standardize "

/* ---- Samples --------------------------------------------------------------------------------- */

/* Samples have the columns, kinds and labels of the training data. */
START_TEST(samples_look_like_the_data) {
  clf_table t = read_table("birds.csv", CLF_MISSING_DROP);
  free(output_of("sample " CPU "m.safetensors -n 200 --out s.csv"));
  clf_table s = read_table("s.csv", CLF_MISSING_REFUSE);
  ck_assert_int_eq(s.rows, 200);
  ck_assert_int_eq(s.cols, t.cols);
  for (int32_t c = 0; c < t.cols; c++) {
    const clf_column *const want = &t.columns[c], *const have = &s.columns[c];
    ck_assert_str_eq(s.names[c], t.names[c]);
    ck_assert_str_eq(clf_column_kind_name(have->kind), clf_column_kind_name(want->kind));
    ck_assert_int_eq(have->category_count, want->category_count);
    for (int32_t k = 0; k < want->category_count; k++)
      ck_assert_str_eq(have->categories[k], want->categories[k]);
    if (want->form) ck_assert_str_eq(have->form, want->form);
  }
  clf_table_free(&s);
  clf_table_free(&t);
}
END_TEST

/* A sample is the same as text and as an array of codes; and the output can be read again. */
START_TEST(samples_as_codes) {
  free(output_of("sample " CPU "m.safetensors -n 50 --out s.csv"));
  free(output_of("sample " CPU "m.safetensors -n 50 --out s.npy"));
  char *const text = output_of("sample " CPU "m.safetensors -n 50 --out -");
  char *const file = read_file("s.csv", NULL);
  ck_assert_str_eq(text, file);
  clf_table a = read_table("s.csv", CLF_MISSING_REFUSE),
            b = read_table("s.npy", CLF_MISSING_REFUSE);
  for (int64_t i = 0; i < a.rows; i++)
    for (int32_t c = 0; c < a.cols; c++) {
      const double x = a.at[i * a.cols + c], y = b.at[i * a.cols + c];
      if (c == 4) /* days: the text has whole ones */
        ck_assert(fabs(x - y) <= 0.5);
      else
        ck_assert_msg(fabs(x - y) <= 1e-12 * fabs(x), "row %d, column %d: %.17g, %.17g", (int)i, c,
                      x, y);
    }
  free(output_of("log-prob " CPU "m.safetensors --data s.csv --out l.csv"));
  clf_table l = read_table("l.csv", CLF_MISSING_REFUSE);
  ck_assert_int_eq(l.rows, 50);
  clf_table_free(&a);
  clf_table_free(&b);
  clf_table_free(&l);
  free(text);
  free(file);
}
END_TEST

/* Latents and back: each row of the data is reproduced, including labels. */
START_TEST(inverted_rows) {
  free(output_of("transform " CPU "m.safetensors --data birds.csv --missing drop --out z.npy"));
  free(output_of("invert " CPU "m.safetensors --data z.npy --out x.csv"));
  clf_table want = read_table("birds.csv", CLF_MISSING_DROP),
            have = read_table("x.csv", CLF_MISSING_REFUSE);
  ck_assert_int_eq(have.rows, 56);
  for (int64_t i = 0; i < want.rows; i++)
    for (int32_t c = 0; c < want.cols; c++) {
      const double x = want.at[i * want.cols + c], y = have.at[i * want.cols + c];
      ck_assert_msg(c == 2 ? fabs(x - y) < 1e-4 : x == y, "row %d, column %d: %g, not %g", (int)i,
                    c, y, x);
    }
  clf_table_free(&want);
  clf_table_free(&have);
}
END_TEST

/* ---- Sources -----------------------------------------------------------------------------------
 */

/* Separated by tabs, from standard input. */
START_TEST(other_sources) {
  char *const text = read_file("named.csv", NULL);
  for (char *p = text, inside = 0; *p; p++) {
    inside ^= *p == '"';
    if (*p == ',' && !inside) *p = '\t';
  }
  write_text("named.tsv", text);
  free(text);
  same_output("transform " CPU "t.safetensors --data named.csv --id tag --out -",
              "transform " CPU "t.safetensors --data named.tsv --id tag --out -");
  program_input = "named.tsv";
  same_output("transform " CPU "t.safetensors --data named.csv --id tag --out -",
              "transform " CPU "t.safetensors --data - --id tag --out -");
  program_input = "/dev/null";
}
END_TEST

/* ---- Missing values ----------------------------------------------------------------------------
 */

START_TEST(rows_that_lack_values) {
  says(TRAIN "--data birds.csv --out n.safetensors", "over all 56 samples",
       "train: birds.csv: 4 of 60 rows are left out because values are missing: bill 3, sex, adult "
       "2\n");
  refuses(1, TRAIN "--data birds.csv --missing refuse --out never.safetensors",
          "marks a missing value; --missing drop leaves such rows out");
  char *const kept = output_of("log-prob " CPU "m.safetensors --data birds.csv --out -");
  char *const dropped =
      output_of("log-prob " CPU "m.safetensors --data birds.csv --missing drop --out -");
  char *const z = output_of("transform " CPU "m.safetensors --data birds.csv --out -");
  ck_assert_int_eq(lines_of(kept), 61);
  ck_assert_int_eq(lines_of(dropped), 57);
  ck_assert_int_eq(lines_of(z), 61);
  line_is(z, 8, ",,,,,"); /* the eighth row lacks its bill */
  free(kept);
  free(dropped);
  free(z);
}
END_TEST

/* ---- Ids ----------------------------------------------------------------------------------------
 */

START_TEST(rows_with_ids) {
  char *const z = output_of("transform " CPU "t.safetensors --data named.csv --id tag --out -");
  ck_assert_int_eq(strncmp(z, "tag,z0,z1\n\"N 0, a\",", 19), 0);
  ck_assert_int_eq(lines_of(z), 41);
  free(z);
  same_output("log-prob " CPU
              "t.safetensors --data named.csv --out -", /* the model does not need the tag */
              "log-prob " CPU "t.safetensors --data named.csv --drop tag --out -");
  says(TRAIN "--data named.csv --out n.safetensors", "2 columns",
       "named.csv: column 1 has another text in every row: it names the rows, as --id tag does");
  write_text("twice.csv", "tag,a\nx,1.5\ny,2.5\nx,3.5\n");
  refuses(1, TRAIN "--data twice.csv --id tag --out never.safetensors",
          "the id \"x\" occurs twice; give a column that differs in every row");
  refuses(1, TRAIN "--data twice.csv --id name --out never.safetensors",
          "no column is named \"name\"");
}
END_TEST

/* ---- Contexts
 * ------------------------------------------------------------------------------------ */

#define FLOW "--flow nsf(depth=1,hidden=4) "

/* A label in the context equals columns that are 1 in its rows. */
START_TEST(labels_as_columns) {
  succeeds(TRAIN FLOW "--data columns.csv --given c=a,c=b,c=d,k --out b.safetensors", "");
  same_output("log-prob " CPU "a.safetensors --data labels.csv --out -",
              "log-prob " CPU "b.safetensors --data columns.csv --out -");
  same_output("sample " CPU "a.safetensors -n 3 --given c=b,k=2 --out -",
              "sample " CPU "b.safetensors -n 3 --given c=a=0,c=b=1,c=d=0,k=2 --out -");
  same_output("sample " CPU "a.safetensors -n 3 --given c=b,k=2 --out -",
              "sample " CPU "a.safetensors -n 3 --given k=2,c=b --out -");
  same_output("sample " CPU "a.safetensors -n 3 --given c=b,k=2 --out -",
              "sample " CPU "a.safetensors -n 3 --given b,2 --out -");
  write_text("given.csv", "k,c\n2,b\n");
  same_output("sample " CPU "a.safetensors -n 3 --given c=b,k=2 --out -",
              "sample " CPU "a.safetensors -n 3 --given given.csv --out -");
  succeeds("info " CPU "a.safetensors",
           "\ngiven     c (category: a, b, d)\n          k (integer, 0 to 2)\n");
}
END_TEST

/* Image flows are given a column "class", too. */
START_TEST(a_column_called_class) {
  char text[1024] = "x,y,class\n";
  for (int i = 0; i < 20; i++)
    sprintf(text + strlen(text), "%g,%g,%s\n", i % 7 + 0.123 * i, i * 0.37 + i % 3,
            i % 2 ? "a" : "b");
  write_text("class.csv", text);
  succeeds(TRAIN FLOW "--data class.csv --given class --out k.safetensors", "");
  char *const l = output_of("log-prob " CPU "k.safetensors --data class.csv --out -");
  ck_assert_int_eq(lines_of(l), 21);
  free(l);
}
END_TEST

START_TEST(contexts_that_are_refused) {
  refuses(2, "sample " CPU "a.safetensors -n 3 --given c=e,k=2 --out never.csv",
          "--given c=e: \"e\" is not one of a, b, d");
  refuses(2, "sample " CPU "a.safetensors -n 3 --given c=1,k=2 --out never.csv", /* a code */
          "--given c=1: \"1\" is not one of a, b, d");
  refuses(2, "sample " CPU "a.safetensors -n 3 --given c=a,k=x --out never.csv",
          "--given k=x: \"x\" is not a finite number");
  refuses(2, "sample " CPU "a.safetensors -n 3 --given c=a --out never.csv",
          "--given lacks a value for column 2 (k) of the context");
  refuses(2, "sample " CPU "a.safetensors -n 3 --given c=a,q=1 --out never.csv",
          "--given q=1: the context of a.safetensors has no such column");
  write_text("given.csv", "k,c\n2,e\n");
  refuses(1, "sample " CPU "a.safetensors -n 3 --given given.csv --out never.csv",
          "given.csv: line 2, column 2 (\"c\"): \"e\" is not one of a, b, d, which the model was "
          "trained on");
  write_text("given.csv", "k,d\n2,a\n");
  refuses(1, "sample " CPU "a.safetensors -n 3 --given given.csv --out never.csv",
          "given.csv: no column is named \"c\"");
  refuses(2, TRAIN FLOW "--data labels.csv --given x,y,c,k --out never.safetensors",
          "--given takes all columns of labels.csv; the flow needs one");
}
END_TEST

/* Rows correspond to those of another file, and are left out together. */
START_TEST(contexts_from_files) {
  char x[2048] = "x,y\n", c[2048] = "c\n";
  for (int i = 0; i < 20; i++) {
    sprintf(x + strlen(x), i == 3 ? ",%g\n" : "%g,%g\n", i % 7 + 0.123 * i, i * 0.37 + i % 3);
    strcat(c, i == 5 ? "NA\n" : i % 2 ? "a\n" : "b\n");
  }
  write_text("x.csv", x);
  write_text("c.csv", c);
  says(TRAIN FLOW "--data x.csv --given c.csv --out f.safetensors", "over all 18 samples",
       "x.csv: 2 of 20 rows are left out because values are missing\n");
  char *const l = output_of("log-prob " CPU "f.safetensors --data x.csv --given c.csv --out -");
  ck_assert_int_eq(lines_of(l), 21);
  free(l);
}
END_TEST

/* ---- Other tables than that of the training
 * --------------------------------------------------------- */

START_TEST(labels_by_their_text) {
  /* in another order of columns, with fewer labels, and a text column that the model does not
   * have */
  write_text("other.csv", "note,tagged,day,\"sex, adult\",bill,mass,species\n"
                          "one,TRUE,2024-03-01,male,40.2,3050,Chin-strap\n"
                          "two,1,2024-03-02,female,41.5,3100,Chin-strap\n");
  write_text("same.csv", "species,mass,bill,\"sex, adult\",day,tagged\n"
                         "Chin-strap,3050,40.2,male,2024-03-01,yes\n"
                         "Chin-strap,3100,41.5,female,2024-03-02,yes\n");
  same_output("log-prob " CPU "m.safetensors --data other.csv --out -",
              "log-prob " CPU "m.safetensors --data same.csv --out -");
  says("log-prob " CPU "m.safetensors --data other.csv --out -", "logp\n",
       "other.csv: left out because the model has no such column: note\n");
  succeeds("train " CPU "--init m.safetensors --data same.csv --epochs 1 --out i.safetensors", "");
  succeeds("info " CPU "i.safetensors", "(category: Adelie, Chin-strap, Gentoo \"g\")");
}
END_TEST

START_TEST(columns_of_another_kind) {
#define HEAD "species,mass,bill,\"sex, adult\",day,tagged\n"
  static const char *const bad[][2] = {
      {"King,3050,40.2,male,2024-03-01,yes\n",
       "d.csv: line 2, column 1 (\"species\"): \"King\" is not one of Adelie, Chin-strap, Gentoo "
       "\"g\", which the model was trained on"},
      {"Adelie,heavy,40.2,male,2024-03-01,yes\n",
       "d.csv: line 2, column 2 (\"mass\"): \"heavy\" is not a number; the model was trained on "
       "numbers "
       "in this column"},
      {"Adelie,3050,40.2,male,1,yes\n", "d.csv: line 2, column 5 (\"day\"): \"1\" is not a date, "
                                        "written as 2024-04-27, which the model "
                                        "was trained on"},
      {"Adelie,3050,40.2,male,2024-03-01,maybe\n",
       "d.csv: line 2, column 6 (\"tagged\"): \"maybe\" is not no or yes, which the model was "
       "trained "
       "on"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char text[512];
    snprintf(text, sizeof text, HEAD "%s", bad[i][0]);
    write_text("d.csv", text);
    refuses(1, "log-prob " CPU "m.safetensors --data d.csv --out never.csv", bad[i][1]);
  }
  write_text("d.csv", "mass,bill,\"sex, adult\",day,tagged\n3050,40.2,male,2024-03-01,yes\n");
  refuses(1, "log-prob " CPU "m.safetensors --data d.csv --out never.csv",
          "d.csv does not match the model m.safetensors: no column is named \"species\"");
  write_text("d.csv",
             HEAD "King,3050,40.2,male,2024-03-01,yes\nKing,3060,40.3,male,2024-03-02,no\n");
  refuses(1, "train " CPU "--init m.safetensors --data d.csv --epochs 1 --out never.safetensors",
          "d.csv does not match the model m.safetensors: column 1 (\"species\") has the label "
          "\"King\", which is not one of Adelie, Chin-strap, Gentoo \"g\"");
}
END_TEST

/* ---- What cannot be trained on
 * -------------------------------------------------------------------- */

START_TEST(tables_that_are_refused) {
  write_text("one.csv", "a,b\n1.5,x\n2.25,x\n3.5,x\n");
  refuses(1, TRAIN "--data one.csv --out never.safetensors",
          "one.csv: column 2 (\"b\") is \"x\" in every row, so there is nothing to fit; --drop 2 "
          "leaves "
          "it out");
  write_text("empty.csv", "a,b\n,x\nNA,y\n1,\n");
  refuses(
      1, TRAIN "--data empty.csv --out never.safetensors",
      "empty.csv: none of 3 rows has a value in every column; missing values: a 2, b 1; --drop a "
      "would keep 2 of them");
  write_text("w.csv", "a,b,w,l\n1.5,2,1,x\n2.25,3.5,-1,y\n3.5,1,1,x\n");
  refuses(1, TRAIN "--data w.csv --drop l --weights w --out never.safetensors", "-1");
  refuses(2, TRAIN "--data w.csv --weights l --out never.safetensors",
          "--weights l: the column holds category values, not numbers");
  write_text("names.csv", "a\nx\ny\n");
  refuses(2, TRAIN "--data w.csv --drop a,b,w --given l --out never.safetensors",
          "--given takes all columns");
}
END_TEST

/* ---- Tables of other packages ------------------------------------------------------- */

/* Everyday tables can be fitted with no option except --id or --drop, and samples of the model
 * are rows of that form. */
START_TEST(raw_tables_fit) {
  static const char *const raws[] = {
      "penguins.csv",
      "penguins_raw.csv --drop 7,17,4,6",
      "stocks.csv",
      "seattle_weather.csv",
      "airports.csv --id iata --drop name,city,state,country",
      "riots.csv --id first_name --drop last_name,address,neighborhood",
      "pageviews.csv",
      "msleep.csv --id name --drop genus,sleep_cycle,conservation",
      "mpg.csv",
      "epil.csv",
      "mtcars.csv",
      "txhousing.csv --drop year"};
  for (size_t i = 0; i < sizeof raws / sizeof *raws; i++) {
    char command[4096];
    snprintf(command, sizeof command, "fit %s/%s --quick --time 0.2 " CPU "--out r.flow --force",
             CLF_TABLES, raws[i]);
    succeeds(command, "chosen: ");
    free(output_of("sample " CPU "r.flow -n 20 --out r.csv"));
    free(output_of("log-prob " CPU "r.flow --data r.csv --out l.csv"));
    clf_table l = read_table("l.csv", CLF_MISSING_REFUSE);
    ck_assert_int_eq(l.rows, 20);
    clf_table_free(&l);
  }
}
END_TEST

/* ---- What a model says
 * ------------------------------------------------------------------------------ */

START_TEST(kinds_that_info_shows) {
  succeeds("info " CPU "m.safetensors",
           "columns   x0: species (category: Adelie, Chin-strap, Gentoo \"g\")\n"
           "          x1: mass (integer, 3000 to 4475)\n"
           "          x2: bill (number, 40 to 45.9)\n"
           "          x3: sex, adult (category: female, male)\n"
           "          x4: day (date, 2024-02-28 to 2024-04-27)\n"
           "          x5: tagged (boolean: no, yes)\n");
  char *const text = output_of("info " CPU "m.safetensors --json");
  json_t *const info = json_loads(text, 0, NULL);
  const json_t *const kinds = json_object_get(info, "kinds");
  ck_assert_int_eq((int)json_array_size(kinds), 6);
  const json_t *const day = json_array_get(kinds, 4), *const sex = json_array_get(kinds, 3);
  ck_assert_str_eq(json_string_value(json_object_get(day, "kind")), "date");
  ck_assert_str_eq(json_string_value(json_object_get(day, "unit")), "days since 1970-01-01");
  ck_assert_str_eq(json_string_value(json_array_get(json_object_get(sex, "labels"), 1)), "male");
  ck_assert(json_is_null(json_object_get(info, "given")));
  json_decref(info);
  free(text);
}
END_TEST

/* ---- All
 * ------------------------------------------------------------------------------------------- */

static void set_up(void) {
  static const char *const species[] = {"Adelie", "\"Gentoo \"\"g\"\"\"", "Chin-strap"};
  char birds[8192] = "species,mass,bill,\"sex, adult\",day,tagged\n", named[4096] = "tag,a,b\n",
       labels[4096] = "x,c,y,k\n", columns[4096] = "x,\"c=a\",\"c=b\",\"c=d\",y,k\n";
  for (int i = 0; i < 60; i++) {
    char bill[16];
    const int day = 27 + i; /* from 2024-02-01 */
    snprintf(bill, sizeof bill, "%.1f", 40 + i * 0.1);
    sprintf(birds + strlen(birds), "%s,%d,%s,%s,2024-%02d-%02d,%s\n", species[i % 3], 3000 + 25 * i,
            i % 20 == 7 ? "NA" : bill,
            i == 30 || i == 47 ? ""
            : i % 2            ? "female"
                               : "male",
            day < 29   ? 2
            : day < 60 ? 3
                       : 4,
            day < 29   ? day + 1
            : day < 60 ? day - 28
                       : day - 59,
            i % 2 ? "no" : "yes");
  }
  for (int i = 0; i < 40; i++) {
    const int c = i * i % 7 % 3;
    const double x = i % 7 + 0.123 * i, y = i * 0.37 + i % 3;
    sprintf(named + strlen(named), "\"N %d, a\",%g,%g\n", i, x, y);
    sprintf(labels + strlen(labels), "%g,%c,%g,%d\n", x, "abd"[c], y, i % 3);
    sprintf(columns + strlen(columns), "%g,%d,%d,%d,%g,%d\n", x, c == 0, c == 1, c == 2, y, i % 3);
  }
  write_text("birds.csv", birds);
  write_text("named.csv", named);
  write_text("labels.csv", labels);
  write_text("columns.csv", columns);
  succeeds(TRAIN "--data birds.csv --out m.safetensors", "");
  succeeds(TRAIN FLOW "--data labels.csv --given c,k --out a.safetensors", "");
  succeeds(TRAIN "--data named.csv --id tag --out t.safetensors", "2 columns");
}

int main(int argc, char **argv) {
  const TTest *const tests[] = {samples_look_like_the_data, other_sources,
                                samples_as_codes,           inverted_rows,
                                rows_that_lack_values,      rows_with_ids,
                                labels_as_columns,          a_column_called_class,
                                contexts_that_are_refused,  contexts_from_files,
                                labels_by_their_text,       columns_of_another_kind,
                                tables_that_are_refused,    raw_tables_fit,
                                kinds_that_info_shows};
  return program_main(argc, argv, "cli kinds", set_up, tests, sizeof tests / sizeof *tests);
}
