/* SPDX-License-Identifier: MIT */
/* options.c: the options of training, from one table: defaults, checks, text. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "named_options.h"
#include "options.h"
#include "trainer.h"

/* ---- The table ---------------------------------------------------------------------------- */

const clf__option clf__options[CLF_OPTIONS] = {
#define CLF_TRAIN_OPTION(name, type, place, standard, tables, images, limit, files, resume, shown, \
                         option, arg, note, help)                                                  \
  {#name,                                                                                          \
   OPTION_##type,                                                                                  \
   offsetof(clf_train_options, place),                                                             \
   limit,                                                                                          \
   #limit,                                                                                         \
   FILES_##files,                                                                                  \
   RESUME_##resume,                                                                                \
   SHOWN_##shown,                                                                                  \
   option,                                                                                         \
   arg},
#include "clflow/train_options.def"
#undef CLF_TRAIN_OPTION
};

clf_train_options clf_train_options_default(void) {
  clf_train_options o;
  memset(&o, 0, sizeof o);
#define CLF_TRAIN_OPTION(name, type, place, standard, ...) o.place = standard;
#include "clflow/train_options.def"
#undef CLF_TRAIN_OPTION
  return o;
}

clf_train_options clf_train_options_tables(void) {
  clf_train_options o;
  memset(&o, 0, sizeof o);
#define CLF_TRAIN_OPTION(name, type, place, standard, tables, ...) o.place = tables;
#include "clflow/train_options.def"
#undef CLF_TRAIN_OPTION
  return o;
}

clf_train_options clf_train_options_images(void) {
  clf_train_options o;
  memset(&o, 0, sizeof o);
#define CLF_TRAIN_OPTION(name, type, place, standard, tables, images, ...) o.place = images;
#include "clflow/train_options.def"
#undef CLF_TRAIN_OPTION
  return o;
}

/* ---- Values ------------------------------------------------------------------------------- */

static int is_real(const clf__option *d) {
  return d->type == OPTION_ABOVE_0 || d->type == OPTION_FROM_0 || d->type == OPTION_SHARE;
}
static int is_flag(const clf__option *d) {
  return d->type == OPTION_FLAG || d->type == OPTION_FLAG_ON || d->type == OPTION_FLAG_BOTH;
}

static size_t size_of(const clf__option *d) {
  switch (d->type) {
  case OPTION_COUNT:
  case OPTION_INDEX: return sizeof(int64_t);
  case OPTION_COUNT32:
  case OPTION_INDEX32: return sizeof(int32_t);
  case OPTION_SEED:
  case OPTION_BYTES: return sizeof(uint64_t);
  case OPTION_ABOVE_0:
  case OPTION_FROM_0:
  case OPTION_SHARE: return sizeof(double);
  case OPTION_FLAG:
  case OPTION_FLAG_ON:
  case OPTION_FLAG_BOTH:
  case OPTION_CHOICE: break;
  }
  return sizeof(int);
}

/* The bytes of an option's value. */
typedef union value {
  double real;
  int64_t i64;
  uint64_t u64;
  int32_t i32;
  int word;
} value;

static value get(const clf__option *d, const clf_train_options *o) {
  value v = {0};
  memcpy(&v, (const char *)o + d->place, size_of(d));
  return v;
}
static void put(const clf__option *d, clf_train_options *o, value v) {
  memcpy((char *)o + d->place, &v, size_of(d));
}

/* The value of an option that is neither real nor unsigned. */
static int64_t whole_of(const clf__option *d, value v) {
  return size_of(d) == sizeof(int64_t)                            ? v.i64
         : d->type == OPTION_COUNT32 || d->type == OPTION_INDEX32 ? (int64_t)v.i32
                                                                  : (int64_t)v.word;
}
static value of_whole(const clf__option *d, int64_t whole) {
  value v = {0};
  if (size_of(d) == sizeof(int64_t))
    v.i64 = whole;
  else if (d->type == OPTION_COUNT32 || d->type == OPTION_INDEX32)
    v.i32 = (int32_t)whole;
  else
    v.word = (int)whole;
  return v;
}

int64_t clf__option_whole(const clf_train_options *o, int option) {
  return whole_of(&clf__options[option], get(&clf__options[option], o));
}
double clf__option_real(const clf_train_options *o, int option) {
  return get(&clf__options[option], o).real;
}

static int is_unsigned(const clf__option *d) {
  return d->type == OPTION_SEED || d->type == OPTION_BYTES;
}

static int64_t least_of(const clf__option *d) {
  return d->type == OPTION_COUNT || d->type == OPTION_COUNT32;
}
static int64_t most_of(const clf__option *d) {
  return d->limit > 0 ? (int64_t)d->limit : size_of(d) == sizeof(int64_t) ? INT64_MAX : INT32_MAX;
}

/* Devices use these numbers as float: they must be in range as float, too. */
static int real_in_range(const clf__option *d, double v) {
  const float on_device = (float)v;
  if (!isfinite(on_device)) return 0;
  if (d->type == OPTION_SHARE) return v >= 0 && on_device < 1;
  if (d->type == OPTION_FROM_0) return v >= 0 && (!(d->limit > 0) || v <= d->limit);
  return on_device > 0 && (!(d->limit > 0) || v < d->limit);
}

static int in_range(const clf__option *d, value v) {
  if (is_real(d)) return real_in_range(d, v.real);
  if (is_unsigned(d) || is_flag(d)) return 1;
  return whole_of(d, v) >= least_of(d) && whole_of(d, v) <= most_of(d);
}

/* ---- Ranges in words ------------------------------------------------------------------------- */

/* Word i of a choice. */
static void word_of(const clf__option *d, int i, char *text, size_t size) {
  const char *words = d->arg;
  for (; i > 0; i--) words = strchr(words, '|') + 1;
  snprintf(text, size, "%.*s", (int)strcspn(words, "|"), words);
}

/* "0 (store), 1 (reverse) or 2 (auto)" */
static void range_of_choice(const clf__option *d, char *text, size_t size) {
  size_t n = 0;
  for (int i = 0; i <= (int)d->limit && n < size; i++) {
    char word[32];
    word_of(d, i, word, sizeof word);
    n += (size_t)snprintf(text + n, size - n, "%s%d (%s)",
                          i == 0              ? ""
                          : i < (int)d->limit ? ", "
                                              : " or ",
                          i, word);
  }
}

static void range_of(const clf__option *d, char *text, size_t size) {
  if (d->type == OPTION_CHOICE)
    range_of_choice(d, text, size);
  else if (d->type == OPTION_SHARE)
    snprintf(text, size, "0 to below 1");
  else if (d->type == OPTION_ABOVE_0)
    snprintf(text, size, "above 0%s%s", d->limit > 0 ? " and below " : "",
             d->limit > 0 ? d->limit_text : "");
  else if (is_flag(d))
    snprintf(text, size, "0 or 1");
  else if (d->limit > 0)
    snprintf(text, size, "%lld to %s", (long long)least_of(d), d->limit_text);
  else
    snprintf(text, size, least_of(d) ? "at least 1" : "0 or above");
}

void clf__option_text(const clf__option *d, const clf_train_options *o, char *text, size_t size) {
  const value v = get(d, o);
  if (is_real(d))
    snprintf(text, size, "%.10g", v.real);
  else if (is_unsigned(d))
    snprintf(text, size, "%llu", (unsigned long long)v.u64);
  else if (d->type == OPTION_CHOICE && in_range(d, v))
    word_of(d, v.word, text, size);
  else
    snprintf(text, size, "%lld", (long long)whole_of(d, v));
}

/* ---- Checks ------------------------------------------------------------------------------- */

static clf_status check(const clf__option *d, const clf_train_options *o) {
  char range[96], got[48];
  const value v = get(d, o);
  if (in_range(d, v)) return CLF_OK;
  range_of(d, range, sizeof range);
  if (is_real(d))
    snprintf(got, sizeof got, "%g", v.real);
  else
    snprintf(got, sizeof got, "%lld", (long long)whole_of(d, v));
  return clf__fail(CLF_EINVAL, "%s is %s; it must be %s", d->name, got, range);
}

_Static_assert(CLF_DROPS / 2 == 32, "train_options.def has the limit of drops");

clf_status clf__check_train_options(const clf_train_options *o) {
  for (int i = 0; i < CLF_OPTIONS; i++) CLF_TRY(check(&clf__options[i], o));
  return CLF_OK;
}

void clf__options_normalise(clf_train_options *o) {
  for (int i = 0; i < CLF_OPTIONS; i++) {
    const clf__option *d = &clf__options[i];
    if (is_flag(d)) put(d, o, of_whole(d, whole_of(d, get(d, o)) != 0));
  }
}

int clf__option_equal(const clf__option *d, const clf_train_options *a,
                      const clf_train_options *b) {
  const value x = get(d, a), y = get(d, b);
  if (is_real(d)) return x.real == y.real;
  return is_unsigned(d) ? x.u64 == y.u64 : whole_of(d, x) == whole_of(d, y);
}

/* ---- Access by name -------------------------------------------------------------------------- */

static int read_word(const clf__option *d, const char *text, int64_t *whole) {
  *whole = d->type == OPTION_CHOICE ? clf__word_index(d->arg, text) : -1;
  return *whole >= 0 || clf__read_whole(text, whole);
}

static int read_value(const clf__option *d, const char *text, clf_train_options *o) {
  value v = {0};
  int64_t whole = 0;
  if (is_real(d)) {
    if (!clf__read_real(text, &v.real)) return 0;
  } else if (is_unsigned(d)) {
    if (!clf__read_unsigned(text, &v.u64)) return 0;
  } else {
    if (!read_word(d, text, &whole)) return 0;
    if (whole < INT32_MIN || (whole > INT32_MAX && size_of(d) < sizeof whole)) return 0;
    if (is_flag(d) && whole != 0 && whole != 1) return 0;
    v = of_whole(d, whole);
  }
  put(d, o, v);
  return 1;
}

/* The option with this name; NULL if there is none. */
static const clf__option *find(const char *name) {
  for (int i = 0; i < CLF_OPTIONS; i++)
    if (strcmp(clf__options[i].name, name) == 0) return &clf__options[i];
  return NULL;
}

clf_status clf_train_options_set(clf_train_options *options, const char *name, const char *text) {
  CLF_GIVEN("options, name, value", options, name, text);
  char range[96];
  const clf__option *d = find(name);
  if (!d)
    return clf__unknown_option("training", clf__options, sizeof *clf__options, CLF_OPTIONS, name);
  clf_train_options o = *options;
  if (!read_value(d, text, &o)) {
    range_of(d, range, sizeof range);
    return clf__fail(CLF_EINVAL, "%s is \"%s\"; it must be %s", name, text, range);
  }
  CLF_TRY(check(d, &o));
  *options = o;
  return CLF_OK;
}

clf_status clf_train_options_get(const clf_train_options *options, const char *name, char *text,
                                 size_t size) {
  CLF_GIVEN("options, name, value", options, name, text);
  char value_text[64];
  const clf__option *d = find(name);
  if (!d)
    return clf__unknown_option("training", clf__options, sizeof *clf__options, CLF_OPTIONS, name);
  if (is_real(d)) /* reads back to the same bits */
    snprintf(value_text, sizeof value_text, "%.17g", get(d, options).real);
  else
    clf__option_text(d, options, value_text, sizeof value_text);
  if (strlen(value_text) >= size)
    return clf__fail(CLF_EINVAL, "%zu bytes are too few for the value of %s, %s", size, name,
                     value_text);
  strcpy(text, value_text);
  return CLF_OK;
}

/* ---- Files -------------------------------------------------------------------------------- */

#define KEY "clflow.train."

static void key_of(const clf__option *d, char *key, size_t size) {
  snprintf(key, size, KEY "%s", d->name);
}

clf_status clf__put_options(clf__st_writer *w, const clf_train_options *o) {
  for (int i = 0; i < CLF_OPTIONS; i++) {
    const clf__option *d = &clf__options[i];
    const value v = get(d, o);
    char key[64];
    key_of(d, key, sizeof key);
    if (d->files == FILES_NEVER) continue;
    if (is_real(d))
      CLF_TRY(clf__st_put_meta_real(w, key, v.real));
    else if (is_unsigned(d))
      CLF_TRY(clf__st_put_meta(w, key, "%llu", (unsigned long long)v.u64));
    else
      CLF_TRY(clf__st_put_meta(w, key, "%lld", (long long)whole_of(d, v)));
  }
  return CLF_OK;
}

static clf_status get_option(const clf__st *st, const clf__option *d, clf_train_options *o) {
  value v = {0};
  char key[64];
  int64_t whole = 0;
  key_of(d, key, sizeof key);
  if (d->files == FILES_NEVER || (d->files == FILES_LATER && !clf__st_meta(st, key))) return CLF_OK;
  if (is_real(d))
    CLF_TRY(clf__st_meta_real(st, key, &v.real));
  else if (is_unsigned(d))
    CLF_TRY(clf__st_meta_uint(st, key, &v.u64));
  else
    CLF_TRY(clf__st_meta_int(st, key, &whole));
  const int fits =
      is_flag(d) ? whole == 0 || whole == 1 : whole >= least_of(d) && whole <= most_of(d);
  if (!is_real(d) && !is_unsigned(d)) {
    if (!fits) return clf__fail(CLF_EFORMAT, "its %s is %lld: out of range", key, (long long)whole);
    v = of_whole(d, whole);
  }
  if (!in_range(d, v))
    return clf__fail(CLF_EFORMAT, "its %s is %s: out of range", key, clf__st_meta(st, key));
  put(d, o, v);
  return CLF_OK;
}

clf_status clf__get_options(const clf__st *st, clf_train_options *o) {
  if (!clf__st_meta(st, KEY "step")) return clf__fail(CLF_EFORMAT, "it holds no training");
  *o = clf_train_options_default();
  for (int i = 0; i < CLF_OPTIONS; i++) CLF_TRY(get_option(st, &clf__options[i], o));
  return CLF_OK;
}

/* ---- Descriptions ---------------------------------------------------------------------------- */

int clf_train_option_count(void) { return CLF_OPTIONS; }

/* "--lr X"; "--no-shuffle"; "--flip, --no-flip" */
static void option_of(const clf__option *d, char *text, size_t size) {
  if (d->type == OPTION_FLAG_BOTH)
    snprintf(text, size, "--%s, --no-%s", d->option, d->option);
  else if (is_flag(d))
    snprintf(text, size, d->type == OPTION_FLAG_ON ? "--no-%s" : "--%s", d->option);
  else
    snprintf(text, size, "%s %s", d->option, d->arg);
}

static const char *const defaults[CLF_OPTIONS][4] = {
#define CLF_TRAIN_OPTION(name, type, place, standard, tables, images, limit, files, resume, shown, \
                         option, arg, note, help)                                                  \
  {#standard, #tables, #images, help},
#include "clflow/train_options.def"
#undef CLF_TRAIN_OPTION
};

clf_train_option clf_train_option_at(int i) {
  clf_train_option row = {0};
  if (i < 0 || i >= CLF_OPTIONS) return row;
  const clf__option *d = &clf__options[i];
  row = (clf_train_option){.name = d->name,
                           .standard = defaults[i][0],
                           .tables = defaults[i][1],
                           .images = defaults[i][2],
                           .help = defaults[i][3]};
  option_of(d, row.option, sizeof row.option);
  range_of(d, row.range, sizeof row.range);
  return row;
}

/* " --lr 0.02" */
static void append(const clf__option *d, const clf_train_options *o, char *text, size_t size) {
  const size_t n = strlen(text);
  char word[48];
  if (is_flag(d)) {
    snprintf(text + n, size - n, "%s%s%s", n ? " " : "", get(d, o).word ? "--" : "--no-",
             d->option);
    return;
  }
  clf__option_text(d, o, word, sizeof word);
  snprintf(text + n, size - n, "%s%s %s", n ? " " : "", d->option, word);
}

void clf_train_options_text(const clf_train_options *options, char *text, size_t size) {
  if (!text || !size) return;
  text[0] = 0;
  if (!options) return;
  const clf_train_options usual = clf_train_options_default();
  const int64_t steps = clf__option_whole(options, CLF_OPTION_steps); /* in place of epochs */
  for (int i = 0; i < CLF_OPTIONS; i++) {
    const clf__option *d = &clf__options[i];
    if (d->files == FILES_NEVER || (i == CLF_OPTION_epochs && steps)) continue;
    if (d->shown == SHOWN_ALWAYS || !clf__option_equal(d, options, &usual))
      append(d, options, text, size);
  }
}
