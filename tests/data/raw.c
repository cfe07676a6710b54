/* SPDX-License-Identifier: MIT */
/* raw.c: tables of other packages (excerpts in tests/tables), read without options except --id and
 * --drop. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tables.h"

enum { MOST_DROPPED = 8 };
static const struct raw {
  const char *file, *id;
  char *drop[MOST_DROPPED];
  int64_t rows, missing;
  const char *kinds; /* a letter for each column; after a category, the number of its labels */
  const char *first; /* the first row, written again */
} raws[] = {
    {"penguins.csv",
     NULL,
     {NULL},
     38,
     2,
     "c3 c3 n n i i c2 i",
     "Adelie,Torgersen,39.1,18.7,181,3750,male,2007"},
    {"penguins_raw.csv",
     NULL,
     {"Individual ID", "Comments", "Region", "Stage"},
     37,
     3,
     "c3 i c3 c3 b d n n i i c2 n n",
     "PAL0708,17,\"Adelie Penguin (Pygoscelis adeliae)\",Torgersen,Yes,2007-11-12,38.7,19,195,3450,"
     "FEMALE,9.18528,-25.06691"},
    {"stocks.csv", NULL, {NULL}, 40, 0, "c5 d n", "MSFT,Jan 1 2000,39.81"},
    {"seattle_weather.csv", NULL, {NULL}, 40, 0, "d n n n n c5", "2012/01/01,0,12.8,5,4.7,drizzle"},
    {"airports.csv",
     "iata",
     {"name", "city", "state", "country"},
     40,
     0,
     "n n",
     "00M,31.95376472,-89.23450472"},
    {"riots.csv",
     "first_name",
     {"last_name", "address", "neighborhood"},
     39,
     1,
     "i c2 c4 d c4 n n",
     "\"Cesar A.\",18,Male,Latino,1992-04-30,\"Officer-involved "
     "shooting\",-118.2739756,34.0592814"},
    {"pageviews.csv", NULL, {NULL}, 40, 0, "d n", "2013-02-11 21:00:00,8860.98238314701"},
    {"msleep.csv",
     "name",
     {"genus", "sleep_cycle", "conservation"},
     16,
     24,
     "c4 c10 n n n n n",
     NULL},
    {"mpg.csv",
     NULL,
     {NULL},
     40,
     0,
     "c3 c8 n i i c7 c3 i i c4 c5",
     "audi,a4,1.8,1999,4,\"auto(l5)\",f,18,29,p,compact"},
    {"epil.csv",
     NULL,
     {NULL},
     40,
     0,
     "i c2 i i i i i n n",
     "2,placebo,9,40,0,26,1,-0.957024484179707,0.369095944928055"},
    {"mtcars.csv",
     NULL,
     {NULL},
     32,
     0,
     "n i n i n n n i i i i",
     "21,6,160,110,3.9,2.62,16.46,0,1,4,4"},
    {"txhousing.csv", NULL, {NULL}, 39, 1, "c4 i i i i i i n n", NULL},
};

static clf_table read_raw(const struct raw *w) {
  char path[4096];
  clf_table t;
  clf_table_options o = {.kinds = 1, .missing = CLF_MISSING_DROP, .id = w->id, .drop = w->drop};
  while (o.drop_count < MOST_DROPPED && w->drop[o.drop_count]) o.drop_count++;
  snprintf(path, sizeof path, "%s/%s", CLF_TABLES, w->file);
  const clf_status s = clf_table_read_with(path, &o, &t);
  ck_assert_msg(s == CLF_OK, "%s", s ? clf_errmsg() : "");
  return t;
}

static void kinds_are(const struct raw *w, const clf_table *t) {
  char all[256] = "";
  for (int32_t c = 0; c < t->cols; c++) {
    const clf_column *const k = &t->columns[c];
    const size_t used = strlen(all);
    snprintf(all + used, sizeof all - used, "%s%c", c ? " " : "", *clf_column_kind_name(k->kind));
    if (k->kind == CLF_COLUMN_CATEGORY)
      snprintf(all + used + 1 + (c > 0), 8, "%d", (int)k->category_count);
  }
  ck_assert_msg(!strcmp(all, w->kinds), "%s: %s, not %s", w->file, all, w->kinds);
}

START_TEST(raw_tables) {
  const struct raw *const w = &raws[_i];
  clf_table t = read_raw(w);
  ck_assert_int_eq(t.rows, w->rows);
  ck_assert_int_eq(t.missing, w->missing);
  kinds_are(w, &t);
  for (int64_t i = 0; i < t.rows * t.cols; i++) ck_assert(isfinite(t.at[i]));
  char *line;
  ck_assert_int_eq(clf_table_line(&t, 0, &line), CLF_OK);
  if (w->first) ck_assert_str_eq(line, w->first);
  free(line);
  clf_table_free(&t);
}
END_TEST

void tests_of_raw(Suite *s) {
  TCase *c = tcase_create("raw");
  tcase_add_loop_test(c, raw_tables, 0, (int)SIZE(raws));
  suite_add_tcase(s, c);
}
