/* SPDX-License-Identifier: MIT */
/* test_train_options.c: the table of training options, and its copy in docs/training.md.
 *   test_train_options --renew      writes the copy */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "options.h"
#include "suite.h"
#include "trainer.h"

#define PAGE CLF_DOCS "/training.md"
#define BEGIN "<!-- options: written by test_train_options --renew -->\n"
#define END "<!-- end -->\n"

/* ---- The page ------------------------------------------------------------------------------ */

/* also called outside of a test */
static char *page_now(void) {
  enum { MOST = 1 << 20 };
  FILE *file = fopen(PAGE, "rb");
  char *text = calloc(1, MOST);
  if (file && text && fread(text, 1, MOST - 1, file) == 0) text[0] = 0;
  if (file) fclose(file);
  return text;
}

/* Appends a cell to a table whose columns are separated by `|`. */
static void cell(FILE *out, const char *text) {
  fputs(" ", out);
  for (; *text; text++) fprintf(out, *text == '|' ? "\\|" : "%c", *text);
  fputs(" |", out);
}

static char *table_text(void) {
  char *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  fputs("| option | name | range | default | tables | images | meaning |\n"
        "|---|---|---|---|---|---|---|\n",
        out);
  for (int i = 0; i < clf_train_option_count(); i++) {
    const clf_train_option o = clf_train_option_at(i);
    char code[80];
    fputs("|", out);
    snprintf(code, sizeof code, "`%s`", o.option);
    cell(out, code);
    cell(out, o.name);
    cell(out, o.range);
    cell(out, o.standard);
    cell(out, o.tables);
    cell(out, o.images);
    cell(out, o.help);
    fputs("\n", out);
  }
  fclose(out);
  return text;
}

/* The page with the table between its marks. */
static char *page_text(const char *page) {
  const char *begin = strstr(page, BEGIN), *end = strstr(page, END);
  char *table = table_text(), *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  if (begin && end) fprintf(out, "%.*s%s%s%s", (int)(begin - page), page, BEGIN, table, end);
  fclose(out);
  free(table);
  return text;
}

static int renew(void) {
  char *page = page_now(), *text = page_text(page);
  FILE *file = fopen(PAGE, "wb");
  const int bad = !file || fputs(text, file) < 0 || fclose(file) != 0;
  free(page);
  free(text);
  return bad;
}

START_TEST(the_page_has_the_table) {
  char *page = page_now(), *text = page_text(page);
  ck_assert_msg(strcmp(page, text) == 0, "test_train_options --renew writes " PAGE);
  free(page);
  free(text);
}
END_TEST

/* ---- The table ----------------------------------------------------------------------------- */

/* Each option changes its own bytes of the struct only. */
START_TEST(options_do_not_overlap) {
  for (int i = 0; i < CLF_OPTIONS; i++) {
    clf_train_options o = clf_train_options_default();
    const clf_train_options usual = o;
    const clf__option *d = &clf__options[i];
    const char *other = d->type == OPTION_SHARE        ? "0.25"
                        : d->type == OPTION_FLAG_ON    ? "0"
                        : d->limit > 0 && d->limit < 7 ? "1"
                                                       : "7";
    WORKS(clf_train_options_set(&o, d->name, other));
    char value[64];
    clf_train_options again = usual;
    WORKS(clf_train_options_get(&o, d->name, value, sizeof value));
    WORKS(clf_train_options_set(&again, d->name, value));
    ck_assert_msg(clf__option_equal(d, &again, &o), "%s is read as %s", d->name, value);
    for (int k = 0; k < CLF_OPTIONS; k++)
      ck_assert_msg(clf__option_equal(&clf__options[k], &o, &usual) == (k != i), "%s changes %s",
                    d->name, clf__options[k].name);
  }
}
END_TEST

START_TEST(reading_an_option_refuses_what_is_none) {
  char value[64] = "as it was";
  const clf_train_options o = clf_train_options_tables();
  WORKS(clf_train_options_get(&o, "schedule", value, sizeof value));
  ck_assert_str_eq(value, "cosine");
  ck_assert_int_eq(clf_train_options_get(&o, "schedul", value, sizeof value), CLF_EINVAL);
  ck_assert_str_eq(clf_errmsg(),
                   "there is no training option \"schedul\" (did you mean \"schedule\"?)");
  ck_assert_int_eq(clf_train_options_get(&o, "schedule", value, 6), CLF_EINVAL);
  ck_assert_str_eq(clf_errmsg(), "6 bytes are too few for the value of schedule, cosine");
  ck_assert_str_eq(value, "cosine");
}
END_TEST

/* Those of the lecture and of the reference implementation. */
START_TEST(defaults) {
  const clf_train_options o = clf_train_options_default(), i = clf_train_options_images();
  ck_assert(o.epochs == 100 && o.batch == 100 && o.lr == 1e-2 && o.beta1 == 0.9);
  ck_assert(o.beta2 == 0.999 && o.eps == 1e-8 && o.shuffle == 1 && o.clip == 0 && o.drops == 0);
  ck_assert(i.epochs == 100 && i.batch == 64 && i.lr == 1e-3 && i.eps_hat == 1 && i.l2 == 5e-5);
  ck_assert(i.clip == 100 && i.drops == 3 && i.shuffle == 1 && i.valid_split == 0);
  for (size_t k = 0; k < sizeof o.more / sizeof *o.more; k++)
    ck_assert(o.more[k].whole == 0 && i.more[k].whole == 0); /* as in files without them */
  WORKS(clf__check_train_options(&o));
  WORKS(clf__check_train_options(&i));
  const clf_train_options t = clf_train_options_tables();
  ck_assert(t.batch == 256 && t.lr == 2e-3 && t.valid_split == 0.1 && t.standardize == 1);
  ck_assert(t.clip == 10 && t.l2 == 0 && t.drops == 0 && t.beta2 == 0.999);
  ck_assert_int_eq(clf__option_whole(&t, CLF_OPTION_steps), 4000);
  ck_assert_int_eq(clf__option_whole(&t, CLF_OPTION_valid_every), 50);
  ck_assert_int_eq(clf__option_whole(&t, CLF_OPTION_warmup), 100);
  ck_assert_int_eq(clf__option_whole(&t, CLF_OPTION_schedule), 1);
  WORKS(clf__check_train_options(&t));
}
END_TEST

static const struct {
  const char *name, *value, *says;
} refused[] = {
    {"lrr", "1", "there is no training option \"lrr\" (did you mean \"lr\"?)"},
    {"weight-decay", "1", "(did you mean \"weight_decay\"?)"},
    {"", "1", "there is no training option \"\""},
    {"something_else_altogether", "1", "there is no training option \"something_else_altogether\""},
    {"lr", "", "lr is \"\"; it must be above 0 and below 1e6"},
    {"lr", "0", "lr is 0; it must be above 0 and below 1e6"},
    {"lr", "1e6", "lr is 1e+06; it must be above 0 and below 1e6"},
    {"lr", "nan", "lr is \"nan\"; it must be above 0"},
    {"lr", "0x1p-3", "lr is \"0x1p-3\"; it must be above 0"},
    {"lr", "0,5", "lr is \"0,5\"; it must be above 0"},
    {"lr", "1e-60", "lr is 1e-60; it must be above 0"}, /* 0 in float */
    {"eps", "1e300", "eps is 1e+300; it must be above 0"},
    {"epochs", "0", "epochs is 0; it must be 1 to 2147483647"},
    {"epochs", "2147483648", "epochs is 2147483648; it must be 1 to 2147483647"},
    {"batch", "3000000000", "batch is \"3000000000\"; it must be at least 1"},
    {"batch", "12x", "batch is \"12x\"; it must be at least 1"},
    {"seed", "-1", "seed is \"-1\"; it must be 0 or above"},
    {"seed", "18446744073709551616", "seed is \"18446744073709551616\""},
    {"shuffle", "2", "shuffle is \"2\"; it must be 0 or 1"},
    {"drops", "33", "drops is 33; it must be 0 to 32"},
    {"beta1", "1", "beta1 is 1; it must be 0 to below 1"},
    {"schedule", "linear",
     "schedule is \"linear\"; it must be 0 (constant), 1 (cosine) or 2 (plateau)"},
    {"schedule", "3", "schedule is 3; it must be 0 (constant), 1 (cosine) or 2 (plateau)"},
    {"ema", "1", "ema is 1; it must be 0 to below 1"},
    {"patience", "-1", "patience is -1; it must be 0 to 2147483647"},
    {"plateau_factor", "2", "plateau_factor is 2; it must be 0 to below 1"},
    {"plateau_patience", "often", "plateau_patience is \"often\"; it must be 0 to 2147483647"},
    {"steps", "-3", "steps is -3; it must be 0 to 2147483647"},
    {"valid_every", "1.5", "valid_every is \"1.5\"; it must be 0 to 2147483647"},
    {"activations", "keep", "it must be 0 (store), 1 (reverse) or 2 (auto)"},
    {"warmup", "-1", "warmup is -1; it must be 0 to 2147483647"},
    {"weight_decay", "-1", "weight_decay is -1; it must be 0 or above"},
};

START_TEST(values_that_are_refused) {
  clf_train_options o = clf_train_options_images();
  const clf_train_options before = o;
  ck_assert_int_eq(clf_train_options_set(&o, refused[_i].name, refused[_i].value), CLF_EINVAL);
  ck_assert_msg(strstr(clf_errmsg(), refused[_i].says), "%s", clf_errmsg());
  ck_assert(memcmp(&o, &before, sizeof o) == 0);
}
END_TEST

START_TEST(values_that_are_taken) {
  clf_train_options o = clf_train_options_default();
  char text[512];
  WORKS(clf_train_options_set(&o, "lr", "2.5e-3"));
  WORKS(clf_train_options_set(&o, "seed", "18446744073709551615"));
  WORKS(clf_train_options_set(&o, "shuffle", "0"));
  WORKS(clf_train_options_set(&o, "flip", "1"));
  WORKS(clf_train_options_set(&o, "eps_hat", "tf"));
  WORKS(clf_train_options_set(&o, "activations", "2"));
  WORKS(clf_train_options_set(&o, "schedule", "cosine"));
  WORKS(clf_train_options_set(&o, "warmup", "50"));
  WORKS(clf_train_options_set(&o, "weight_decay", "0.01"));
  WORKS(clf_train_options_set(&o, "memory", "1048576")); /* bytes; depends on the machine */
  ck_assert(o.lr == 2.5e-3 && o.seed == UINT64_MAX && o.eps_hat == 1 && o.memory == 1 << 20);
  clf_train_options_text(&o, text, sizeof text);
  ck_assert_str_eq(text, "--epochs 100 --batch 100 --lr 0.0025 --schedule cosine --seed "
                         "18446744073709551615 --weight-decay 0.01 --warmup 50 --no-shuffle --flip "
                         "--eps-form tf --memory auto");
  clf_train_options_text(&o, text, 12);
  ck_assert_str_eq(text, "--epochs 10");
  const clf_train_options tables = clf_train_options_tables();
  clf_train_options_text(&tables, text, sizeof text);
  ck_assert_str_eq(
      text, "--steps 4000 --batch 256 --lr 0.002 --schedule cosine --valid-split 0.1 --seed 0 "
            "--standardize --valid-every 50 --clip 10 --warmup 100");
  REFUSED(clf_train_options_set(NULL, "lr", "1"), CLF_EINVAL,
          "clf_train_options_set: options is NULL");
}
END_TEST

static TCase *tests(void) {
  TCase *tc = tcase_create("train_options");
  tcase_add_test(tc, the_page_has_the_table);
  tcase_add_test(tc, options_do_not_overlap);
  tcase_add_test(tc, reading_an_option_refuses_what_is_none);
  tcase_add_test(tc, defaults);
  tcase_add_loop_test(tc, values_that_are_refused, 0, sizeof refused / sizeof *refused);
  tcase_add_test(tc, values_that_are_taken);
  return tc;
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "--renew") == 0) return renew();
  Suite *suite = suite_create("train_options");
  suite_add_tcase(suite, tests());
  return suite_run(suite);
}
