/* SPDX-License-Identifier: MIT */
/* csv_kinds.c: detects the kinds of columns in a text: numbers, labels, booleans, dates. */
#define _GNU_SOURCE
#include "csv.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dates.h"
#include "hash.h"
#include "kinds.h"
#include "status.h"

/* ---- Statistics of a column of text ---------------------------------------------------------- */

/* A table may have as many columns as half of its bytes, so a guess is made for a column that has
 * a value, and its table of labels grows. */
typedef struct guess {
  int64_t numbers, texts; /* fields that are not missing */
  int64_t misspelt;       /* texts that are meant as numbers */
  int pairs;              /* bits of the pairs of words that all texts belong to */
  char *word;             /* the first of these texts as written */
  clf__dates dates;
  int32_t count;  /* distinct fields */
  int32_t room;   /* for labels: 0, 4, 16, 64 or CLF_CATEGORIES_MAX */
  int too_many;   /* there are more than CLF_CATEGORIES_MAX */
  int too_long;   /* some field has more than CLF_NAME_LONGEST bytes */
  int refused;    /* cannot be labels */
  char **labels;  /* (room) */
  int16_t *slots; /* (4 room) index in labels plus 1; 0: free */
} guess;

static guess *new_guess(void) {
  guess *const g = calloc(1, sizeof *g);
  if (g) g->pairs = ~0;
  return g;
}

static void free_guess(guess *g) {
  if (!g) return;
  clf__names_free(g->labels, g->count);
  free(g->slots);
  free(g->word);
  free(g);
}

/* The slot of a text, or the free one where it would be. */
static int16_t *slot_of(const guess *g, const char *text) {
  const uint64_t slots = 4 * (uint64_t)g->room;
  uint64_t at = clf__hash_text(text) % slots;
  while (g->slots[at] && strcmp(g->labels[g->slots[at] - 1], text) != 0) at = (at + 1) % slots;
  return &g->slots[at];
}

static clf_status grow(guess *g) {
  const int32_t room = g->room ? 4 * g->room : 4;
  char **const labels = realloc(g->labels, (size_t)room * sizeof *labels);
  if (labels) g->labels = labels;
  int16_t *const slots = calloc(4 * (size_t)room, sizeof *slots);
  if (!labels || !slots) {
    free(slots);
    return clf__fail(CLF_ENOMEM, "no memory for the labels of a column");
  }
  free(g->slots);
  g->slots = slots;
  g->room = room;
  for (int32_t i = 0; i < g->count; i++) *slot_of(g, labels[i]) = (int16_t)(i + 1);
  return CLF_OK;
}

/* Takes ownership of the text, which is freed unless it is new. */
static clf_status add_label(guess *g, char *text) {
  const clf_status s = g->count == g->room && g->room < CLF_CATEGORIES_MAX ? grow(g) : CLF_OK;
  int16_t *const slot = s ? NULL : slot_of(g, text);
  if (s || *slot || g->count == CLF_CATEGORIES_MAX) {
    g->too_many |= !s && !*slot;
    free(text);
    return s;
  }
  g->labels[g->count++] = text;
  *slot = (int16_t)g->count;
  return CLF_OK;
}

/* "50%" and "1,234" are misspelt numbers; "25-34" and "75+" are labels. */
static int is_misspelt(const clf__field *f) {
  const size_t n = clf__csv_before_comment(f);
  if (!clf__csv_is_misspelt(f) || f->s[n - 1] == '+') return 0;
  for (size_t i = 1; i < n; i++)
    if ((f->s[i] == '-' || f->s[i] == '+') && !strchr("eEdD(", f->s[i - 1])) return 0;
  return 1;
}

static clf_status see_text(guess *g, const clf__field *f, const char *text) {
  int which;
  const int pair = clf__boolean_pair(f->s, f->n, &which);
  g->texts++;
  g->misspelt += is_misspelt(f);
  g->pairs &= pair < 0 ? 0 : 1 << pair;
  clf__dates_show(&g->dates, f->s, f->n);
  if (!g->pairs || g->word) return CLF_OK;
  g->word = strdup(text);
  return g->word ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for the words of a boolean");
}

static clf_status see(const clf__csv *r, guess **to, const clf__field *f) {
  double v;
  if (f->n == 0 || clf__csv_is_missing(f)) return CLF_OK;
  if (!*to) *to = new_guess();
  guess *const g = *to;
  if (!g) return clf__fail(CLF_ENOMEM, "%s: no memory for its labels", r->path);
  char *const text = clf__csv_label(f);
  if (!text) return clf__fail(CLF_ENOMEM, "%s: no memory for its labels", r->path);
  g->too_long |= strlen(text) > CLF_NAME_LONGEST;
  clf_status s = CLF_OK;
  if (clf__csv_kind(r, f, &v) == CLF_FIELD_TEXT)
    s = see_text(g, f, text);
  else
    g->numbers++;
  const clf_status added = add_label(g, text);
  return s ? s : added;
}

/* ---- The kind of the column ------------------------------------------------------------------ */

static int by_text(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static clf_status make_category(clf_column *k, guess *g) {
  qsort(g->labels, (size_t)g->count, sizeof *g->labels, by_text);
  k->kind = CLF_COLUMN_CATEGORY;
  k->category_count = g->count;
  k->categories = clf__names_copy(g->labels, g->count);
  return k->categories ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for the labels of a column");
}

static clf_status make_boolean(clf_column *k, const guess *g) {
  int pair = 0;
  while (!(g->pairs >> pair & 1)) pair++;
  k->kind = CLF_COLUMN_BOOLEAN;
  CLF_TRY(clf__boolean_words(pair, g->word, &k->categories));
  k->category_count = 2;
  return CLF_OK;
}

static clf_status make_date(const clf__csv *r, int64_t column, clf_column *k, const guess *g) {
  char form[CLF_DATE_FORM], word[64];
  if (!clf__dates_form(&g->dates, form)) {
    clf__csv_column_word(r, column, word, sizeof word);
    return clf__csv_refuse_column(
        r, column,
        "the order of days and months in dates such as \"%s\" is ambiguous; write them as "
        "2024-05-31, or leave the column out: --drop %s",
        clf__excerpt_of(g->labels[0], strlen(g->labels[0])).s, word);
  }
  k->kind = clf__date_is_time(form) ? CLF_COLUMN_TIME : CLF_COLUMN_DATE;
  k->form = strdup(form);
  k->unit = strdup(clf__date_unit(form));
  return k->form && k->unit ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory to describe a column");
}

/* Whether in the examined lines less than half of the rows have numbers there. */
static int may_be_text(const clf__csv *r, int64_t c) {
  return r->to[c] >= 0 && 2 * (int64_t)r->numeric[c] < r->others + !r->header;
}

static char *many_texts(const guess *g, char *text, size_t size) {
  snprintf(text, size, g->too_many ? "more than %d" : "%d", (int)g->count);
  return text;
}

static int is_refused(const clf__csv *r, guess *const *guesses, int64_t c) {
  return guesses[c] && guesses[c]->refused && r->to[c] >= 0;
}

/* "name (19 in 19 rows)": the columns whose texts are not labels, because some are too long or
 * for their number. */
static clf__name_list list_texts(const clf__csv *r, guess *const *guesses, int too_long) {
  clf__name_list list = {.used = 0};
  for (int32_t c = 0; c < r->cols; c++) {
    char text[160], many[32];
    const guess *const g = guesses[c];
    if (!is_refused(r, guesses, c) || g->too_long != too_long) continue;
    const int n =
        snprintf(text, sizeof text, "%s (%s in %" PRId64 " rows)", clf__csv_column_name(r, c).s,
                 many_texts(g, many, sizeof many), g->numbers + g->texts);
    clf__name_list_add(&list, text, (size_t)n);
  }
  return list;
}

/* Takes out the columns that cannot be modelled, if others are left: those without a value, which
 * would leave no row in the table, and texts that name the rows or are not labels. */
static clf_status take_out(clf__csv *r, guess *const *guesses, char *out) {
  for (int64_t c = 0; c < r->cols; c++) out[c] = may_be_text(r, c) && !guesses[c];
  clf__name_list list = clf__csv_list(r, out);
  if (r->o->missing == CLF_MISSING_DROP)
    CLF_TRY(clf__csv_take_out(r, out, "as no row has a value there", &list));
  for (int64_t c = 0; c < r->cols; c++) out[c] = (char)is_refused(r, guesses, c);
  CLF_TRY(clf__csv_take_row_names(r, out));
  for (int too_long = 0; too_long < 2; too_long++) {
    for (int64_t c = 0; c < r->cols; c++)
      out[c] = is_refused(r, guesses, c) && guesses[c]->too_long == too_long;
    list = list_texts(r, guesses, too_long);
    CLF_TRY(clf__csv_take_out(r, out,
                              too_long ? "with texts too long to be categories"
                                       : "with too many different texts to be categories",
                              &list));
  }
  return CLF_OK;
}

static clf_status take_out_unless_selected(clf__csv *r, guess *const *guesses) {
  if (r->o->column_count) return CLF_OK;
  char *const out = malloc((size_t)r->cols);
  if (!out) return clf__fail(CLF_ENOMEM, "%s: no memory for its columns", r->path);
  const clf_status s = take_out(r, guesses, out);
  free(out);
  return s;
}

/* Refuses the first column whose texts are not labels, and says how to leave out all such
 * columns. */
static clf_status refuse_texts(const clf__csv *r, guess *const *guesses) {
  char word[64], drop[256] = "";
  int64_t first = -1;
  size_t n = 0;
  for (int64_t c = 0; c < r->cols; c++) {
    if (!is_refused(r, guesses, c) || n + sizeof word > sizeof drop) continue;
    clf__csv_column_word(r, c, word, sizeof word);
    n += (size_t)snprintf(drop + n, sizeof drop - n, "%s%s", first < 0 ? "" : ",", word);
    if (first < 0) first = c;
  }
  if (first < 0) return CLF_OK;
  const guess *const g = guesses[first];
  const char *const what = strchr(drop, ',') ? "all such columns" : "the column";
  char many[32];
  if (g->too_long)
    return clf__csv_refuse_column(
        r, first, "texts of more than %d bytes are not categories; --drop %s leaves %s out",
        CLF_NAME_LONGEST, drop, what);
  return clf__csv_refuse_column(
      r, first,
      "%s different texts in %" PRId64 " rows are not categories; --drop %s leaves %s out",
      many_texts(g, many, sizeof many), g->numbers + g->texts, drop, what);
}

/* Labels repeat, except in tables with few rows. */
static clf_status decide(const clf__csv *r, int64_t column, guess *g, clf_column *k) {
  enum { FEW = 8 };
  const int64_t all = g->numbers + g->texts;
  if (g->texts == 0 || g->numbers > g->texts)
    return CLF_OK; /* fields that are not numbers are refused */
  if (g->numbers == 0 && g->pairs) return make_boolean(k, g);
  if (g->numbers == 0 && g->dates.forms) return make_date(r, column, k, g);
  if (2 * g->misspelt > g->texts) return CLF_OK;
  g->refused = g->too_many || g->too_long || (g->count > FEW && 2 * g->count > all);
  return g->refused ? CLF_OK : make_category(k, g);
}

/* ---- All columns ----------------------------------------------------------------------------- */

static clf_status see_line(const clf__csv *r, guess **guesses) {
  char *p = r->line;
  for (int64_t c = 0; p && c < r->cols; c++) {
    clf__field f;
    p = clf__csv_take(r->delim, p, r->close, &f);
    if (f.fault) return CLF_OK; /* refused when it is read */
    if (may_be_text(r, c)) CLF_TRY(see(r, &guesses[c], &f));
  }
  return CLF_OK;
}

static clf_status see_all(clf__csv *r, guess **guesses) {
  const clf__csv_position here = clf__csv_tell(r);
  clf_status s = CLF_OK;
  while (!s && clf__csv_step(r)) s = see_line(r, guesses);
  for (int64_t c = 0; !s && c < r->cols; c++)
    if (guesses[c]) s = decide(r, c, guesses[c], &r->t.columns[r->to[c]]);
  clf__csv_seek(r, here);
  if (!s) s = take_out_unless_selected(r, guesses);
  return s ? s : refuse_texts(r, guesses);
}

static clf_status judge_kinds(clf__csv *r) {
  CLF_TRY(clf__csv_take_counters(r));
  guess **const guesses = calloc((size_t)r->cols, sizeof *guesses);
  clf_status s = guesses ? CLF_OK : clf__fail(CLF_ENOMEM, "%s: no memory for its labels", r->path);
  int some = 0;
  for (int64_t c = 0; c < r->cols && !some; c++) some = may_be_text(r, c);
  if (!s && some) s = see_all(r, guesses);
  for (int64_t c = 0; guesses && c < r->cols; c++) free_guess(guesses[c]);
  free(guesses);
  return s;
}

static clf_status copy_kinds(clf__csv *r) {
  const clf_column *const from = r->o->like->at;
  for (int32_t c = 0; from && c < r->t.cols; c++) {
    CLF_TRY(clf_column_check(&from[r->like[c]]));
    CLF_TRY(clf_column_copy(&from[r->like[c]], &r->t.columns[c]));
    r->t.columns[c].smallest = r->t.columns[c].largest = NAN;
  }
  return CLF_OK;
}

clf_status clf__csv_find_kinds(clf__csv *r) {
  if (!r->o->kinds) return CLF_OK;
  CLF_TRY(clf__columns_new(r->t.cols, &r->t.columns));
  r->fractions = calloc((size_t)r->t.cols, 1);
  if (!r->fractions) return clf__fail(CLF_ENOMEM, "%s: no memory for its columns", r->path);
  CLF_TRY(r->like ? copy_kinds(r) : judge_kinds(r));
  for (int32_t c = 0; c < r->t.cols; c++) r->t.columns[c].decimals = 0;
  return CLF_OK;
}

/* ---- Values ----------------------------------------------------------------------------- */

/* Whether the text of a field differs from it as a label. */
static int differs(const clf__field *f) {
  for (size_t i = 0; i < f->n; i++)
    if (f->s[i] == '"' || f->s[i] == '\t' || clf__csv_ends_line(f->s[i])) return 1;
  return 0;
}

static int read_text(const clf_column *k, const clf__field *f, double *v) {
  if (!differs(f)) return clf__column_read(k, f->s, f->n, v);
  char *const text = clf__csv_label(f);
  const int is = text && clf__column_read(k, text, strlen(text), v);
  free(text);
  return is;
}

int clf__csv_is_label(const clf__csv *r, int32_t c, const clf__field *f) {
  double v;
  return r->t.columns && r->t.columns[c].kind == CLF_COLUMN_CATEGORY &&
         read_text(&r->t.columns[c], f, &v);
}

static clf_status refuse_value(const clf__csv *r, int64_t column, const clf_column *k,
                               const clf__field *f) {
  char what[448];
  double v;
  const int lacks = f->n == 0 || clf__csv_is_missing(f);
  if (lacks) return clf__csv_refuse_kind(r, column, f, clf__csv_kind(r, f, &v));
  strcpy(what, "is not ");
  clf__column_holds(k, what + strlen(what), sizeof what - strlen(what));
  if (r->like)
    snprintf(what + strlen(what), sizeof what - strlen(what), ", which the model was trained on");
  return clf__csv_refuse(r, column, f, what);
}

/* Digits after the point; -1 with an exponent. */
static int32_t decimals_of(const clf__field *f) {
  const char *point = NULL;
  for (size_t i = 0; i < f->n; i++) {
    if (f->s[i] == 'e' || f->s[i] == 'E') return -1;
    if (f->s[i] == '.' || f->s[i] == ',') point = f->s + i;
  }
  return point ? (int32_t)(f->s + f->n - point) - 1 : 0;
}

clf_status clf__csv_take_value(clf__csv *r, int64_t column, int32_t c, const clf__field *f,
                               double *v) {
  clf_column *const k = &r->t.columns[c];
  if (k->kind > CLF_COLUMN_INTEGER) {
    if (!read_text(k, f, v))
      return refuse_value(r, column, r->like ? &r->o->like->at[r->like[c]] : k, f);
  } else {
    CLF_TRY(clf__csv_take_number(r, column, f, v));
    const int32_t decimals = decimals_of(f);
    if (decimals < 0 || k->decimals < 0)
      k->decimals = -1;
    else if (decimals > k->decimals)
      k->decimals = decimals;
    if (*v != round(*v) || fabs(*v) > 9007199254740992.0) r->fractions[c] = 1;
  }
  clf__column_sees(k, *v);
  return CLF_OK;
}

/* Removes labels that no remaining row has, preserving their order. */
static void compact(clf_table *t, int32_t c) {
  clf_column *const k = &t->columns[c];
  int32_t to[CLF_CATEGORIES_MAX] = {0}, left = 0;
  for (int64_t i = 0; i < t->rows; i++)
    if (!isnan(t->at[i * t->cols + c])) to[(int)t->at[i * t->cols + c]] = 1;
  for (int32_t i = 0; i < k->category_count; i++) {
    if (!to[i]) {
      free(k->categories[i]);
      continue;
    }
    k->categories[left] = k->categories[i];
    to[i] = left++;
  }
  k->category_count = left;
  k->smallest = k->largest = NAN;
  for (int64_t i = 0; i < t->rows; i++) {
    double *const v = &t->at[i * t->cols + c];
    if (isnan(*v)) continue;
    *v = to[(int)*v];
    clf__column_sees(k, *v);
  }
}

/* Ranges of the rows that were kept. */
static void end_ranges(clf_table *t) {
  for (int32_t c = 0; c < t->cols; c++) {
    clf_column *const k = &t->columns[c];
    if (k->kind == CLF_COLUMN_CATEGORY) {
      compact(t, c);
      continue;
    }
    k->smallest = k->largest = NAN;
    for (int64_t i = 0; i < t->rows; i++)
      if (!isnan(t->at[i * t->cols + c])) clf__column_sees(k, t->at[i * t->cols + c]);
  }
}

/* "species (3 labels), sex (boolean), day (date as 2024-05-01)" */
static clf_status note_kinds(clf__csv *r) {
  clf__name_list list = {.used = 0};
  for (int32_t c = 0; c < r->t.cols; c++) {
    char text[192], example[CLF_DATE_TEXT], what[CLF_DATE_TEXT + 16];
    const clf_column *const k = &r->t.columns[c];
    if (k->kind <= CLF_COLUMN_INTEGER) continue;
    if (k->kind == CLF_COLUMN_CATEGORY)
      snprintf(what, sizeof what, "%" PRId32 " label%s", k->category_count,
               k->category_count == 1 ? "" : "s");
    else if (k->kind == CLF_COLUMN_BOOLEAN)
      snprintf(what, sizeof what, "boolean");
    else
      clf__date_text(k->form, isnan(k->smallest) ? 0 : k->smallest, example),
          snprintf(what, sizeof what, "%s as %s", clf_column_kind_name(k->kind), example);
    const clf__excerpt name = clf__csv_column_name(r, r->from[c]);
    const int n = snprintf(text, sizeof text, "%s (%s)", name.s, what);
    clf__name_list_add(&list, text, (size_t)n);
  }
  return list.used ? clf__table_note(&r->t, "read as numbers: %s", clf__name_list_text(&list))
                   : CLF_OK;
}

clf_status clf__csv_end_kinds(clf__csv *r) {
  if (!r->t.columns || r->like) return CLF_OK;
  for (int32_t c = 0; c < r->t.cols; c++)
    if (r->t.columns[c].kind == CLF_COLUMN_NUMBER && !r->fractions[c])
      r->t.columns[c].kind = CLF_COLUMN_INTEGER;
  if (r->t.missing && r->o->missing == CLF_MISSING_DROP) end_ranges(&r->t);
  return note_kinds(r);
}
