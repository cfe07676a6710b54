/* SPDX-License-Identifier: MIT */
/* csv_dialect.c: detects the dialect of a text file from its first lines. */
#define _GNU_SOURCE
#include "csv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

/* ---- Sample lines ---------------------------------------------------------------------------- */

enum { LINES = 1000, BYTES = 1 << 20 /* beyond these, two lines are enough */ };

typedef struct line {
  char *s, *end;
  int64_t count; /* number of fields */
} line;

typedef struct sample {
  line *at;
  int n;
} sample;

static int is_blank(const clf__csv *r) {
  const char *p = r->line;
  while (p < r->close && clf__csv_is_blank(' ', *p)) p++;
  return p == r->close;
}

static void take_line(clf__csv *r, sample *s) {
  if (!r->first) r->first = r->number;
  if (!r->title) r->title = r->number + r->more;
  s->at[s->n++] = (line){r->line, r->close, 0};
}

/* The lines for this delimiter, which decides where quotes may hold line ends.  Lines that are
 * blank for any delimiter are not used. */
static void take_lines(clf__csv *r, char delim, sample *s) {
  const clf__csv_position here = clf__csv_tell(r);
  size_t bytes = 0;
  r->delim = delim;
  r->first = r->title = 0;
  for (s->n = 0; s->n < LINES && (bytes < BYTES || s->n < 2) && clf__csv_step(r);) {
    if (is_blank(r)) continue;
    take_line(r, s);
    bytes += (size_t)(r->close - r->line);
  }
  clf__csv_seek(r, here);
}

/* ---- The delimiter --------------------------------------------------------------------------- */

/* How well a delimiter fits the lines, by decreasing priority. */
typedef struct score {
  int whole;     /* if labels are read: the first line has the usual number, more than one */
  double share;  /* of numeric fields, over lines with the usual number of fields */
  int first;     /* the first line has that number, too */
  int plain;     /* no number needs a decimal comma */
  int several;   /* there is more than one field */
  int64_t usual; /* the most common number of fields */
} score;

static int is_number_here(const clf__csv *r, const clf__field *f, int *comma) {
  double v;
  const clf__field_kind k = clf__csv_kind(r, f, &v);
  *comma = k == CLF_FIELD_COMMA;
  return k == CLF_FIELD_NUMBER || (*comma && r->o->decimal != '.');
}

/* The most common number of fields; ties go to that of the first line. */
static int64_t usual_count(const sample *s) {
  int64_t usual = s->at[0].count;
  int maximum = 0;
  for (int i = 0; i < s->n; i++) {
    int same = 0;
    for (int j = i; j < s->n; j++) same += s->at[j].count == s->at[i].count;
    if (same > maximum) usual = s->at[i].count;
    if (same > maximum) maximum = same;
  }
  return usual;
}

static void count_fields(char delim, sample *s) {
  for (int i = 0; i < s->n; i++) s->at[i].count = clf__csv_count(delim, s->at[i].s, s->at[i].end);
}

static score rate(const clf__csv *r, char delim, sample *s) {
  count_fields(delim, s);
  score x = {.plain = 1, .usual = usual_count(s)};
  for (int i = 0; i < s->n; i++) {
    int64_t numbers = 0;
    if (s->at[i].count != x.usual) continue;
    for (char *p = s->at[i].s; p;) {
      clf__field f;
      int comma;
      p = clf__csv_take(delim, p, s->at[i].end, &f);
      numbers += !f.fault && is_number_here(r, &f, &comma);
      if (!f.fault && comma) x.plain = 0;
    }
    x.share += (double)numbers / (double)x.usual;
  }
  x.share /= s->n;
  x.first = s->at[0].count == x.usual;
  x.several = x.usual > 1;
  x.whole = r->o->kinds && x.first && x.several;
  return x;
}

static int beats(const score *a, const score *b) {
  if (a->whole != b->whole) return a->whole > b->whole;
  if (a->share != b->share) return a->share > b->share;
  if (a->plain != b->plain) return a->plain > b->plain;
  if (a->first != b->first) return a->first > b->first;
  return a->several > b->several;
}

static const char delimiters[] = "\t;,| "; /* in order of priority */

static int holds(const line *l, char ch) {
  int inside = 0;
  for (const char *p = l->s; p < l->end; p++) {
    inside ^= *p == '"';
    if (*p == ch && !inside) return 1;
  }
  return 0;
}

/* A single column below a line with delimiters: the delimiters are the error, not part of a
 * name. */
static char of_one_column(const sample *s, char best, char decimal) {
  for (const char *d = delimiters; *d && *d != ' '; d++)
    if (*d != best && *d != decimal && holds(&s->at[0], *d)) return *d;
  return best;
}

/* Commas and blanks are always tried: the only column of a file may have a name with blanks. */
static char find_delimiter(clf__csv *r, sample *s) {
  char best = 0;
  score top = {.share = -1};
  if (r->o->delimiter) return r->o->delimiter;
  for (const char *d = delimiters; *d; d++) {
    int there = *d == ',' || *d == ' ';
    take_lines(r, *d, s);
    for (int i = 0; i < s->n && !there; i++) there = holds(&s->at[i], *d);
    if (!there || *d == r->o->decimal) continue;
    const score x = rate(r, *d, s);
    if (best && !beats(&x, &top)) continue;
    best = *d;
    top = x;
  }
  if (top.usual > 1) return best;
  take_lines(r, best, s);
  return of_one_column(s, best, r->o->decimal);
}

static clf_status take_sample(clf__csv *r, sample *s) {
  *s = (sample){malloc(LINES * sizeof *s->at), 0};
  if (!s->at) return clf__fail(CLF_ENOMEM, "%s: no memory to judge its lines", r->path);
  take_lines(r, ' ', s);
  if (s->n == 0) return clf__fail(CLF_EFORMAT, "%s: the file is empty", r->path);
  take_lines(r, find_delimiter(r, s), s);
  count_fields(r->delim, s);
  return CLF_OK;
}

/* Refuses a single column of numbers whose thousands are separated: "1 000,2" would be read as the
 * fields 1 and 000,2. The first line may be a header, unless it has as many fields as the others.
 */
static clf_status refuse_thousands(const clf__csv *r, const sample *s) {
  const line *sure = NULL;
  if (r->o->delimiter) return CLF_OK;
  for (int i = 0; i < s->n; i++) {
    const clf__csv_groups g = clf__csv_groups_of(s->at[i].s, s->at[i].end);
    if (g == CLF_GROUPS_NONE && (i || s->at[0].count > 1)) return CLF_OK;
    if (g == CLF_GROUPS_SURE) sure = &s->at[i];
  }
  if (!sure) return CLF_OK;
  return clf__fail(
      CLF_EFORMAT,
      "%s: lines such as \"%s\" look like one number with a separator between "
      "thousands: remove the separators, or say --delimiter if they are several fields",
      r->path, clf__excerpt_of(sure->s, (size_t)(sure->end - sure->s)).s);
}

/* ---- The layout ------------------------------------------------------------------------------ */

static int ends_empty(const clf__csv *r, const line *l) {
  const char *p = l->end;
  while (p > l->s && p[-1] != r->delim && (p[-1] == ' ' || p[-1] == '\t')) p--;
  return p > l->s && p[-1] == r->delim;
}

/* Whether every line ends with a delimiter or has one field less, and some do. */
static int has_trailing(const clf__csv *r, const sample *s) {
  int some = 0;
  if (r->delim == ' ' || r->usual < 2 || s->n < 2) return 0;
  for (int i = 0; i < s->n; i++) {
    const int ends = s->at[i].count == r->usual && ends_empty(r, &s->at[i]);
    if (!ends && s->at[i].count != r->usual - 1) return 0;
    some |= ends;
  }
  return some;
}

/* The first fields of the lines after the first: whole numbers from 0 or 1 on, increasing by one
 * (*from is the first); or all text; or neither. */
typedef enum firsts { COUNTED, WORDS, OTHERS } firsts;

static firsts look_at_firsts(const clf__csv *r, const sample *s, int64_t *from) {
  int64_t counted = 0, words = 0, lines = 0;
  for (int i = 1; i < s->n; i++) {
    clf__field f;
    double v = 0;
    if (s->at[i].count != r->usual) continue;
    clf__csv_take(r->delim, s->at[i].s, s->at[i].end, &f);
    const clf__field_kind k = f.fault ? CLF_FIELD_EMPTY : clf__csv_kind(r, &f, &v);
    if (lines == 0) *from = v == 1;
    counted += k == CLF_FIELD_NUMBER && clf__csv_is_whole(&f) && v == (double)(*from + lines);
    words += k == CLF_FIELD_TEXT;
    lines++;
  }
  return lines && counted == lines ? COUNTED : lines && words == lines ? WORDS : OTHERS;
}

enum { COLUMNS = 1 << 20 /* with kinds: no flow has more */ };

static clf_status judge_layout(clf__csv *r, sample *s) {
  int64_t from;
  const int64_t first = s->at[0].count;
  r->usual = usual_count(s);
  r->trailing = has_trailing(r, s);
  r->row_names = !r->trailing && first == r->usual - 1 && r->o->header != CLF_HEADER_NO &&
                 look_at_firsts(r, s, &from) != OTHERS;
  const int64_t cols = r->trailing ? r->usual - 1 : r->row_names ? r->usual : first;
  const int32_t most = r->o->kinds ? COLUMNS : INT32_MAX;
  if (cols > most)
    return clf__fail(CLF_EFORMAT,
                     "%s: line %" PRId64 " has %" PRId64 " fields; at most %" PRId32
                     " are possible",
                     r->path, r->first, cols, most);
  r->cols = (int32_t)cols;
  return CLF_OK;
}

/* ---- The columns ----------------------------------------------------------------------------- */

/* What the lines after the first say about the columns. */
typedef struct columns {
  char *quoted;                   /* per column: some field is */
  char *wanted;                   /* per column: not left out by its number */
  int64_t whole, points, numbers; /* numbers without a point, with one, and all */
  int64_t commas;                 /* numbers with a decimal comma */
  int64_t padded;                 /* whole numbers of column 2 that begin with a zero */
} columns;

static void look_at_line(clf__csv *r, const line *l, columns *k) {
  int64_t c = 0;
  for (char *p = l->s; p && c < r->cols; c++) {
    clf__field f;
    int comma;
    p = clf__csv_take(r->delim, p, l->end, &f);
    if (f.fault) return;
    k->quoted[c] |= (char)f.quoted;
    if (!is_number_here(r, &f, &comma)) continue;
    k->commas += comma;
    r->measured |= c == 0 && strcspn(f.s, ".,") < f.n;
    k->padded += c == 1 && f.n > 1 && *f.s == '0' && clf__csv_is_whole(&f);
    r->numeric[c]++;
    k->numbers++;
    k->whole += clf__csv_is_whole(&f);
    k->points += memchr(f.s, '.', f.n) != NULL;
  }
}

/* The number given for a column by a word, or 0. */
static int64_t number_of(const char *word) {
  if (!*word || word[strspn(word, "0123456789")] || strlen(word) > 9) return 0;
  return strtol(word, NULL, 10);
}

static void choose_wanted(const clf__csv *r, columns *k) {
  const clf_table_options *o = r->o;
  int all = o->column_count == 0;
  for (int32_t i = 0; i < o->column_count; i++) all |= !number_of(o->columns[i]);
  memset(k->wanted, all, (size_t)r->cols);
  for (int32_t i = 0; i < o->column_count + o->drop_count; i++) {
    const int dropped = i >= o->column_count;
    const int64_t c = number_of(dropped ? o->drop[i - o->column_count] : o->columns[i]);
    if (c > 0 && c <= r->cols) k->wanted[c - 1] = !dropped;
  }
}

/* R quotes the names of rows, "1962.25", but no numbers. */
static int quotes_only_names(const clf__csv *r, const columns *k) {
  for (int32_t c = 1; c < r->cols; c++)
    if (k->quoted[c] && 2 * (int64_t)r->numeric[c] >= r->others) return 0;
  return k->quoted[0];
}

static clf_status look_at_columns(clf__csv *r, const sample *s, columns *k) {
  r->numeric = calloc((size_t)r->cols, sizeof *r->numeric);
  k->quoted = calloc((size_t)r->cols, 1);
  k->wanted = malloc((size_t)r->cols);
  if (!r->numeric || !k->quoted || !k->wanted)
    return clf__fail(CLF_ENOMEM, "%s: no memory for %" PRId32 " columns", r->path, r->cols);
  choose_wanted(r, k);
  for (int i = 1; i < s->n; i++) {
    if (s->at[i].count != r->usual && !(r->trailing && s->at[i].count == r->usual - 1)) continue;
    look_at_line(r, &s->at[i], k);
    r->others++;
  }
  r->measured &= !quotes_only_names(r, k);
  return CLF_OK;
}

/* ---- The header ------------------------------------------------------------------------------ */

/* Counts the fields of the first line, over columns with numbers below: numbers; numbers, or
 * similar fields, in unnecessary quotes above columns without quotes; names; and placeholders of
 * numbers. */
typedef struct tally {
  int64_t numbers, quoted, names, values;
} tally;

static void count_field(const clf__csv *r, const columns *k, const clf__field *f, int64_t c,
                        tally *t) {
  double v;
  const clf__field_kind kind = f->fault ? CLF_FIELD_TEXT : clf__csv_kind(r, f, &v);
  const int comma = kind == CLF_FIELD_COMMA && r->o->decimal != '.' && !k->points;
  const int value = kind != CLF_FIELD_TEXT || clf__csv_is_missing(f) || clf__csv_is_misspelt(f);
  if (value && f->n && f->quoted && !k->quoted[c] && !memchr(f->s, ',', f->n))
    t->quoted++;
  else if (kind == CLF_FIELD_NUMBER || comma)
    t->numbers++;
  else if (value)
    t->values++;
  else
    t->names++;
}

/* Counts all columns if none has numbers below.  A first column without a name is the index of a
 * table of labels, which is not evidence. */
static tally look_at_first(const clf__csv *r, const line *l, const columns *k) {
  tally all = {0}, evidence = {0};
  int64_t c = 0;
  for (char *p = l->s; p && c < r->cols; c++) {
    clf__field f;
    p = clf__csv_take(r->delim, p, l->end, &f);
    if (r->trailing && !p && c == r->cols) break;
    if (!k->wanted[c]) continue;
    count_field(r, k, &f, c, &all);
    if (r->o->kinds && c == 0 && f.n == 0) continue;
    if (2 * (int64_t)r->numeric[c] >= r->others) count_field(r, k, &f, c, &evidence);
  }
  return evidence.numbers + evidence.quoted + evidence.names + evidence.values ? evidence : all;
}

/* Whether the first line contains the names of all columns of a model, in this order. */
static int holds_names_of_model(const clf__csv *r, const line *l) {
  const clf_columns *const like = r->o->like;
  int32_t at = 0;
  if (!like || !like->names) return 0;
  for (char *p = l->s; p && at < like->count;) {
    clf__field f;
    p = clf__csv_take(r->delim, p, l->end, &f);
    if (f.fault) return 0;
    at += clf__csv_is_name(&f, like->names[at]);
  }
  return at == like->count;
}

/* Whether the first line contains a name that the caller gave. */
static int holds_given_name(const clf__csv *r, const line *l) {
  const clf_table_options *o = r->o;
  if (holds_names_of_model(r, l)) return 1;
  for (char *p = l->s; p;) {
    clf__field f;
    p = clf__csv_take(r->delim, p, l->end, &f);
    for (int32_t i = 0; i < o->column_count + o->drop_count; i++) {
      const char *const word = i < o->column_count ? o->columns[i] : o->drop[i - o->column_count];
      if (!number_of(word) && clf__csv_is_name(&f, word)) return 1;
    }
  }
  return 0;
}

/* Whether the fields from `skip` on are base, base + step, ... in whole numbers. */
static int counts(const clf__csv *r, const line *l, int64_t skip, double base) {
  int64_t c = 0;
  for (char *p = l->s; p && c < r->cols; c++) {
    clf__field f;
    double v;
    p = clf__csv_take(r->delim, p, l->end, &f);
    if (c < skip) continue;
    if (f.fault || clf__csv_kind(r, &f, &v) != CLF_FIELD_NUMBER || !clf__csv_is_whole(&f)) return 0;
    if (v != base + (double)(c - skip)) return 0;
  }
  return c > skip;
}

/* The index of a table without names, as pandas writes it: an empty field, then 0, 1, 2, ... */
static int is_pandas(const clf__csv *r, const sample *s) {
  clf__field f;
  int64_t from;
  clf__csv_take(r->delim, s->at[0].s, s->at[0].end, &f);
  return f.n == 0 && counts(r, &s->at[0], 1, 0) && look_at_firsts(r, s, &from) == COUNTED;
}

/* Whole numbers that rise or fall, above columns of numbers.  Above columns of text there may be
 * anything but a whole number. */
typedef struct scale {
  int numbers; /* 0: they are not all whole, or do not rise or fall */
  int by_one;
} scale;

static scale scale_of(const clf__csv *r, const line *l) {
  scale s = {.by_one = 1};
  double before = 0, turn = 0;
  int64_t c = 0;
  for (char *p = l->s; p && c < r->cols; c++) {
    clf__field f;
    double v;
    p = clf__csv_take(r->delim, p, l->end, &f);
    const int whole =
        !f.fault && clf__csv_kind(r, &f, &v) == CLF_FIELD_NUMBER && clf__csv_is_whole(&f);
    const int text = 2 * (int64_t)r->numeric[c] < r->others;
    if (text && !whole) continue;
    if (!whole) return (scale){0};
    if (s.numbers == 1) turn = v - before;
    if (s.numbers > 0 && !((v - before) * turn > 0)) return (scale){0};
    s.by_one &= s.numbers == 0 || v - before == 1;
    s.numbers++;
    before = v;
  }
  return s;
}

/* Years or wavelengths: a scale where no other number is whole, or many numbers that count by one
 * where the next line does not. */
static int has_scale(const clf__csv *r, const sample *s, const columns *k) {
  enum { LEAST = 10 /* lines below it; a first row of fewer may be so by chance */, MANY = 5 };
  const scale first = scale_of(r, &s->at[0]);
  if (r->others < LEAST || first.numbers < 3) return 0;
  return !k->whole || (first.numbers >= MANY && first.by_one && !scale_of(r, &s->at[1]).by_one);
}

static clf_status note_counted(clf__csv *r, const char *what) {
  return clf__table_note(&r->t, "line %" PRId64 " counts its columns; it %s", r->first, what);
}

/* A first line 0, 1, 2, ... or 1, 2, 3, ... may name the columns, as in pandas, or be a row.  It
 * is a row if the next line continues counting; a header if there are three columns or more and
 * no other number is written without a point; and refused if both are possible. */
static clf_status judge_counted(clf__csv *r, const sample *s, const columns *k) {
  const int base = counts(r, &s->at[0], 0, 0) ? 0 : 1;
  if (!counts(r, &s->at[0], 0, base) && has_scale(r, s, k)) {
    r->header = 1;
    return clf__table_note(&r->t,
                           "line %" PRId64 " alone %s; it is read as a header (--header no: as a "
                           "row)",
                           r->first, k->whole ? "counts by one" : "has whole numbers");
  }
  if (!counts(r, &s->at[0], 0, base) || r->others == 0) return CLF_OK;
  if (counts(r, &s->at[1], 0, base + r->cols)) return CLF_OK;
  if (r->cols == 1 && base == 1) return CLF_OK;
  if (k->whole == 0 && r->cols > 2) {
    r->header = 1;
    return note_counted(r, "is read as a header (--header no: as a row)");
  }
  if (k->whole && r->cols < 3)
    return note_counted(r, "is read as a row (--header yes: as a header)");
  return clf__fail(CLF_EFORMAT,
                   "%s: line %" PRId64 " counts its columns from %d: say --header yes if it names "
                   "them, --header no if it is a row",
                   r->path, r->first, base);
}

static clf_status judge_header(clf__csv *r, const sample *s, const columns *k) {
  const tally t = look_at_first(r, &s->at[0], k);
  r->all_numbers = t.numbers > 0 && !t.quoted && !t.names && !t.values;
  if (r->o->header != CLF_HEADER_AUTO || r->row_names || holds_given_name(r, &s->at[0])) {
    r->header = r->o->header != CLF_HEADER_NO;
    return CLF_OK;
  }
  if (t.numbers == 0) {
    r->header = t.names > 0 || t.quoted > 0;
    return CLF_OK;
  }
  r->header = is_pandas(r, s);
  if (r->header) return note_counted(r, "is read as a header");
  return t.names + t.values ? CLF_OK : judge_counted(r, s, k);
}

/* numpy.savetxt() writes a header as a comment: with as many words as there are columns.  Then a
 * row of numbers below it is no header, also where the caller said that there is one. */
static void judge_comment(clf__csv *r) {
  int64_t n = 0;
  if ((r->header && !r->all_numbers) || !r->said || r->o->header == CLF_HEADER_NO) return;
  for (char *p = r->said; p; n++) {
    clf__field f;
    double v;
    p = clf__csv_take(r->delim, p, r->said_end, &f);
    if (f.fault || clf__csv_kind(r, &f, &v) != CLF_FIELD_TEXT || clf__csv_is_misspelt(&f)) return;
    if (r->cols == 1 && memchr(f.s, ' ', f.n)) return; /* a sentence */
  }
  r->named_by_comment = n == r->cols;
  if (r->named_by_comment) r->header = 0;
}

/* ---- All --------------------------------------------------------------------------- */

static clf_status judge_all(clf__csv *r, sample *s, columns *k) {
  int64_t from;
  CLF_TRY(take_sample(r, s));
  CLF_TRY(refuse_thousands(r, s));
  CLF_TRY(judge_layout(r, s));
  CLF_TRY(look_at_columns(r, s, k));
  CLF_TRY(judge_header(r, s, k));
  if (!r->decimal && k->points > 1 && !k->commas) r->decimal = '.';
  if (!r->header) look_at_line(r, &s->at[0], k);
  if (!r->header && r->delim == ',' && r->cols == 2 && k->padded && k->whole == k->numbers)
    CLF_TRY(clf__table_note(&r->t, "column 2 has numbers that begin with 0; if ',' is the decimal "
                                   "sign, say --decimal ,"));
  judge_comment(r);
  const firsts f = look_at_firsts(r, s, &from);
  r->index_from = f == COUNTED ? from : -1;
  return CLF_OK;
}

clf_status clf__csv_judge(clf__csv *r) {
  sample s = {0};
  columns k = {0};
  const clf_status status = judge_all(r, &s, &k);
  free(s.at);
  free(k.quoted);
  free(k.wanted);
  return status;
}
