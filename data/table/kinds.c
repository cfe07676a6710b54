/* SPDX-License-Identifier: MIT */
/* kinds.c: kinds of columns: values as text and back, copies of descriptions. */
#define _GNU_SOURCE
#include "kinds.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dates.h"
#include "names.h"
#include "status.h"

static const struct kind {
  const char *name, *what;
} kinds[] = {
#define CLF_COLUMN_KIND(ID, name, what) {name, what},
#include "clflow/kinds.def"
};

const char *clf_column_kind_name(clf_column_kind kind) {
  return (unsigned)kind < CLF_COLUMN_KINDS ? kinds[kind].name : "";
}

/* ---- Booleans ----------------------------------------------------------------- */

static const char *const pairs[][2] = {{"no", "yes"}, {"false", "true"}, {"f", "t"}};
enum { PAIRS = sizeof pairs / sizeof *pairs };

int clf__is_word(const char *s, size_t n, const char *word) {
  return strlen(word) == n && strncasecmp(s, word, n) == 0;
}

int clf__boolean_pair(const char *s, size_t n, int *which) {
  for (int i = 0; i < PAIRS; i++)
    for (*which = 0; *which < 2; ++*which)
      if (clf__is_word(s, n, pairs[i][*which])) return i;
  return -1;
}

static char upper(char ch) { return (char)(ch >= 'a' && ch <= 'z' ? ch - 'a' + 'A' : ch); }

/* "false" in the case of "TRUE" or "True". */
static char *in_case(const char *word, const char *like) {
  char *const copy = strdup(word);
  for (char *p = copy; p && *p; p++) {
    const char *const model = p == copy || !like[1] ? like : like + 1;
    if (*model >= 'A' && *model <= 'Z') *p = upper(*p);
  }
  return copy;
}

clf_status clf__boolean_words(int pair, const char *like, char ***words) {
  char **w = calloc(2, sizeof *w);
  if (w) w[0] = in_case(pairs[pair][0], like);
  if (w) w[1] = in_case(pairs[pair][1], like);
  *words = w;
  if (w && w[0] && w[1]) return CLF_OK;
  clf__names_free(w, 2);
  *words = NULL;
  return clf__fail(CLF_ENOMEM, "no memory for the words of a boolean");
}

/* ---- Text to values -------------------------------------------------------------------------- */

/* strcmp() for a text without terminator; labels contain no NUL. */
static int compare(const char *s, size_t n, const char *label) {
  const int order = strncmp(s, label, n);
  return order ? order : label[n] ? -1 : 0;
}

static int find_label(const clf_column *k, const char *s, size_t n, double *value) {
  int32_t low = 0, high = k->category_count;
  while (low < high) {
    const int32_t mid = low + (high - low) / 2;
    const int order = compare(s, n, k->categories[mid]);
    if (order == 0) return *value = mid, 1;
    if (order < 0)
      high = mid;
    else
      low = mid + 1;
  }
  return 0;
}

/* Its own words, those of any known pair, 0 and 1. */
static int find_word(const clf_column *k, const char *s, size_t n, double *value) {
  int which;
  for (int i = 0; i < 2; i++)
    if (clf__is_word(s, n, k->categories[i]) || (n == 1 && *s == '0' + i)) return *value = i, 1;
  if (clf__boolean_pair(s, n, &which) < 0) return 0;
  *value = which;
  return 1;
}

int clf__column_read(const clf_column *k, const char *s, size_t n, double *value) {
  switch (k->kind) {
  case CLF_COLUMN_BOOLEAN: return find_word(k, s, n, value);
  case CLF_COLUMN_CATEGORY: return find_label(k, s, n, value);
  case CLF_COLUMN_DATE:
  case CLF_COLUMN_TIME: return clf__date_read(k->form, s, n, value);
  default: return 0;
  }
}

void clf__column_holds(const clf_column *k, char *text, size_t size) {
  clf__name_list list = {.used = 0};
  char example[CLF_DATE_TEXT];
  switch (k->kind) {
  case CLF_COLUMN_BOOLEAN:
    snprintf(text, size, "%s or %s", k->categories[0], k->categories[1]);
    break;
  case CLF_COLUMN_CATEGORY:
    for (int32_t i = 0; i < k->category_count; i++)
      clf__name_list_add(&list, k->categories[i], strlen(k->categories[i]));
    snprintf(text, size, "one of %s", clf__name_list_text(&list));
    break;
  case CLF_COLUMN_DATE:
  case CLF_COLUMN_TIME:
    clf__date_text(k->form, isfinite(k->largest) ? k->largest : 0, example);
    snprintf(text, size, "%s, written as %s", kinds[k->kind].what, example);
    break;
  default: snprintf(text, size, "%s", kinds[k->kind].what);
  }
}

static clf_status read_number(const char *text, double *value) {
  const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  char *end;
  if (!c) return clf__fail(CLF_ENOMEM, "no memory for a locale");
  const double v = strtod_l(text, &end, c);
  freelocale(c);
  if (!*text || *end || !isfinite(v))
    return clf__fail(CLF_EINVAL, "\"%s\" is not a finite number",
                     clf__excerpt_of(text, strlen(text)).s);
  *value = v;
  return CLF_OK;
}

clf_status clf_column_value(const clf_column *k, const char *text, double *value) {
  char holds[384];
  CLF_GIVEN("column, text, value", k, text, value);
  CLF_TRY(clf_column_check(k));
  if (k->kind <= CLF_COLUMN_INTEGER) return read_number(text, value);
  if (clf__column_read(k, text, strlen(text), value)) return CLF_OK;
  clf__column_holds(k, holds, sizeof holds);
  return clf__fail(CLF_EINVAL, "\"%s\" is not %s", clf__excerpt_of(text, strlen(text)).s, holds);
}

/* ---- Values to text -------------------------------------------------------------------------- */

/* At most the decimals that the column had, if they represent the number except for its last
 * bits, as for first + k step of a grid; else the fewest digits that are read as the same
 * number. */
static int number_text(const clf_column *k, double v, char *text, size_t size) {
  char fixed[48];
  if (k->decimals >= 0 && k->decimals <= 15 && fabs(v) < 1e15) {
    int n = snprintf(fixed, sizeof fixed, "%.*f", (int)k->decimals, v);
    while (k->decimals && fixed[n - 1] == '0') n--;
    n -= fixed[n - 1] == '.';
    fixed[n] = 0;
    if (fabs(strtod(fixed, NULL) - v) <= 1e-13 * fabs(v)) return snprintf(text, size, "%s", fixed);
  }
  for (int digits = 15; digits < 17; digits++) {
    snprintf(fixed, sizeof fixed, "%.*g", digits, v);
    if (strtod(fixed, NULL) == v) return snprintf(text, size, "%s", fixed);
  }
  return snprintf(text, size, "%.17g", v);
}

const char *clf__column_label_of(const clf_column *k, double v) {
  return k->categories[(int32_t)fmin(fmax(round(v), 0), k->category_count - 1)];
}

int clf__value_text(const clf_column *k, double v, char *text, size_t size) {
  char date[CLF_DATE_TEXT];
  if (isnan(v)) return snprintf(text, size, "%s", "");
  switch (isfinite(v) ? k->kind : CLF_COLUMN_NUMBER) {
  case CLF_COLUMN_BOOLEAN:
  case CLF_COLUMN_CATEGORY: return snprintf(text, size, "%s", clf__column_label_of(k, v));
  case CLF_COLUMN_DATE:
  case CLF_COLUMN_TIME: clf__date_text(k->form, v, date); return snprintf(text, size, "%s", date);
  case CLF_COLUMN_INTEGER:
    if (fabs(v) < 1e15) return snprintf(text, size, "%.0f", round(v) + 0.0);
    return snprintf(text, size, "%.17g", v);
  default: return number_text(k, v, text, size);
  }
}

/* Whether a description is complete for its kind. */
static int is_whole(const clf_column *k) {
  if ((unsigned)k->kind >= CLF_COLUMN_KINDS) return 0;
  if (k->kind == CLF_COLUMN_DATE || k->kind == CLF_COLUMN_TIME) return k->form != NULL;
  return k->kind <= CLF_COLUMN_INTEGER || (k->categories && k->category_count > 0);
}

size_t clf_column_text(const clf_column *k, double value, char *text, size_t size) {
  if (size) *text = 0;
  if (!k || !is_whole(k)) return 0;
  const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!c) return 0;
  const locale_t before = uselocale(c);
  const int n = clf__value_text(k, value, text, size);
  uselocale(before);
  freelocale(c);
  return n < 0 ? 0 : (size_t)n;
}

/* ---- Descriptions ---------------------------------------------------------------- */

static clf_status check_categories(const clf_column *k) {
  const int is_boolean = k->kind == CLF_COLUMN_BOOLEAN;
  if (is_boolean && (!k->categories || k->category_count != 2))
    return clf__fail(CLF_EINVAL, "a boolean has 2 labels, not %" PRId32, k->category_count);
  if (!k->categories || k->category_count < 1 || k->category_count > CLF_CATEGORIES_MAX)
    return clf__fail(CLF_EINVAL, "a category has 1 to %d labels, not %" PRId32, CLF_CATEGORIES_MAX,
                     k->category_count);
  for (int32_t i = 0; i < k->category_count; i++) {
    const char *const label = k->categories[i];
    const char *const why = !label || !*label ? "no character"
                            : strlen(label) > CLF_NAME_LONGEST
                                ? "more than 1024 bytes"
                                : clf__not_text(label, strlen(label), 0);
    if (why) return clf__fail(CLF_EINVAL, "label %" PRId32 " has %s", i + 1, why);
    if (i && !is_boolean && strcmp(k->categories[i - 1], label) >= 0)
      return clf__fail(CLF_EINVAL, "the labels of a category are not in byte order: \"%s\"",
                       clf__excerpt_of(label, strlen(label)).s);
  }
  return CLF_OK;
}

clf_status clf_column_check(const clf_column *k) {
  CLF_GIVEN("column", k);
  if ((unsigned)k->kind >= CLF_COLUMN_KINDS)
    return clf__fail(CLF_EINVAL, "there is no kind %d of columns", (int)k->kind);
  if (k->kind == CLF_COLUMN_BOOLEAN || k->kind == CLF_COLUMN_CATEGORY) return check_categories(k);
  if (k->kind != CLF_COLUMN_DATE && k->kind != CLF_COLUMN_TIME) return CLF_OK;
  if (!k->form || !clf__date_form_is_known(k->form) ||
      clf__date_is_time(k->form) != (k->kind == CLF_COLUMN_TIME))
    return clf__fail(CLF_EINVAL, "\"%s\" is not a format of %s", k->form ? k->form : "",
                     kinds[k->kind].what);
  return CLF_OK;
}

void clf__column_sees(clf_column *k, double value) {
  if (!(value >= k->smallest)) k->smallest = value;
  if (!(value <= k->largest)) k->largest = value;
}

clf_status clf__columns_new(int32_t count, clf_column **columns) {
  clf_column *const list = malloc((size_t)count * sizeof *list);
  if (!list) return clf__fail(CLF_ENOMEM, "no memory to describe %" PRId32 " columns", count);
  for (int32_t c = 0; c < count; c++)
    list[c] = (clf_column){.smallest = NAN, .largest = NAN, .decimals = -1};
  *columns = list;
  return CLF_OK;
}

void clf__columns_free(clf_column *columns, int32_t count) {
  for (int32_t c = 0; columns && c < count; c++) clf_column_free(&columns[c]);
  free(columns);
}

void clf_column_free(clf_column *k) {
  if (!k) return;
  clf__names_free(k->categories, k->category_count);
  free(k->form);
  free(k->unit);
  *k = (clf_column){0};
}

clf_status clf_column_copy(const clf_column *k, clf_column *copy) {
  CLF_GIVEN("column, copy", k, copy);
  clf_column to = *k;
  to.categories = k->categories ? clf__names_copy(k->categories, k->category_count) : NULL;
  to.form = k->form ? strdup(k->form) : NULL;
  to.unit = k->unit ? strdup(k->unit) : NULL;
  *copy = to;
  if ((!k->categories || to.categories) && (!k->form || to.form) && (!k->unit || to.unit))
    return CLF_OK;
  clf_column_free(copy);
  return clf__fail(CLF_ENOMEM, "no memory to describe a column");
}

void clf_columns_free(clf_columns *columns) {
  if (!columns) return;
  clf__names_free(columns->names, columns->count);
  clf__columns_free(columns->at, columns->count);
  *columns = (clf_columns){0};
}

clf_status clf_columns_copy(const clf_columns *from, clf_columns *copy) {
  CLF_GIVEN("columns, copy", from, copy);
  clf_columns to = {.count = from->count};
  clf_status s = CLF_OK;
  if (from->names) to.names = clf__names_copy(from->names, from->count);
  if (from->names && !to.names)
    s = clf__fail(CLF_ENOMEM, "no memory for the names of %" PRId32 " columns", from->count);
  if (!s && from->at) s = clf__columns_new(from->count, &to.at);
  for (int32_t c = 0; c < from->count && from->at && !s; c++)
    s = clf_column_copy(&from->at[c], &to.at[c]);
  if (s)
    clf_columns_free(&to);
  else
    *copy = to;
  return s;
}
