/* SPDX-License-Identifier: MIT */
/* csv.h: text as lines, fields and numbers, and the dialect of a file.  Private to this
 * folder. */
#ifndef CLF_DATA_CSV_H
#define CLF_DATA_CSV_H
#include <locale.h>
#include "names.h"
#include "table.h"

typedef struct clf__csv {
  const char *path;
  const clf_table_options *o;
  locale_t c;
  char *next, *end;    /* the rest of the text; a NUL is at `end` */
  char *line, *close;  /* the current line, without its end and comment */
  int64_t number;      /* of the current line in the file, from 1 */
  int64_t more;        /* lines of the file that the current one continues over, in quotes */
  char delim, comment; /* a delimiter ' ' is any run of blanks */

  /* The format of numbers.  Unless the caller chose, `decimal` is 0 until the first number with
   * a comma; then it becomes ',' unless a number with a point came before. */
  char decimal;
  int64_t point_line;               /* of the first number with a point; 0: none */
  int64_t comma_line, comma_column; /* of the first number with a decimal comma; 0: none */
  clf__excerpt comma_text;
  int comma_is_clear; /* some number with a comma does not look like 1,234 */

  /* The layout of columns. */
  int64_t first;      /* number of the first line that is not a comment; 0: unknown yet */
  int64_t title;      /* number of the last line of the file that belongs to it */
  int32_t cols;       /* of the file */
  int32_t *numeric;   /* per column: how many of the examined lines have a number there */
  int64_t others;     /* examined lines with the same number of fields, without the first */
  int64_t usual;      /* the number of fields of most lines */
  int header;         /* 1: the first line names the columns */
  int all_numbers;    /* the first line has only numbers */
  int trailing;       /* lines end with a delimiter without a field after it */
  int row_names;      /* the header has no name for the first column, as in files of R */
  int32_t odd;        /* the first column, from 1, whose name begins like a number; 0: none */
  char **names;       /* cols names as in the file, "" for missing ones; or NULL */
  int32_t *to;        /* per column of the file: its index in the table; -1: left out */
  int32_t *from;      /* per column of the table: its index in the file */
  int64_t index_from; /* -1, or column 1 is left out because it counts the rows from this number */
  const char *left_out;  /* the role of column 1 if it is left out: it counts or names the rows */
  int named_index;       /* it has a name, such as "id" */
  int measured;          /* column 1 has numbers with a point, so it is no index */
  int64_t inner;         /* comment lines after the first row */
  char *said, *said_end; /* the last comment line before the first line; NULL: none */
  int64_t said_line;     /* its number */
  int named_by_comment;  /* it names the columns */

  /* Kinds of columns. */
  int32_t id;      /* the column of the file that names the rows; -1: none */
  int32_t *like;   /* per column of the table: its index in o->like; NULL: kinds are detected */
  char *fractions; /* per column of the table: some numbers are not whole; or NULL */
  int64_t at_row;  /* rows read so far, including those left out */
  int64_t *lacks;  /* per column of the table: rows without a value there; or NULL */
  int64_t *alone;  /* the same, counting rows with values in all other columns */

  clf_table t;    /* what has been read so far */
  int64_t cap;    /* capacity of t.at, numbers */
  int64_t id_cap; /* capacity of t.ids, texts */
} clf__csv;

/* ---- csv_lines.c --------------------------------------------------------------------- */

/* Advances to the next line that is neither blank nor a comment; 0 at the end of the text.  A
 * quoted field may hold line ends: then the current line is several lines of the file.  It may
 * contain anything: see clf__not_text(). */
int clf__csv_step(clf__csv *r);
static inline int clf__csv_ends_line(char ch) { return ch == '\n' || ch == '\r'; }
/* The next part of the current line, from p up to one of its line ends, or to its own end; returns
 * where the part after it begins, or NULL. */
char *clf__csv_part(const clf__csv *r, char *p, size_t *n);
/* A position between lines, to which a function returns that has read ahead. */
typedef struct clf__csv_position {
  char *next;
  int64_t number, more;
} clf__csv_position;
static inline clf__csv_position clf__csv_tell(const clf__csv *r) {
  return (clf__csv_position){r->next, r->number, r->more};
}
static inline void clf__csv_seek(clf__csv *r, clf__csv_position to) {
  r->next = to.next;
  r->number = to.number;
  r->more = to.more;
}

/* ---- csv_fields.c -------------------------------------------------------------------- */

typedef struct clf__field {
  char *s; /* without surrounding blanks and without quotes */
  size_t n;
  int quoted;
  const char *fault; /* what is wrong with its quotes, or NULL */
} clf__field;

/* Blanks may surround fields. */
static inline int clf__csv_is_blank(char delim, char ch) {
  return ch == ' ' || (ch == '\t' && delim != '\t');
}
/* Takes the field at p and returns the start of the next one: NULL after the last field, `end`
 * itself after a trailing delimiter, which an empty field follows. */
char *clf__csv_take(char delim, char *p, char *end, clf__field *f);
int64_t clf__csv_count(char delim, char *p, char *end);

/* The type of a field.  A comma number has a decimal comma. */
typedef enum clf__field_kind {
  CLF_FIELD_NUMBER,
  CLF_FIELD_COMMA,
  CLF_FIELD_TEXT,
  CLF_FIELD_EMPTY,
  CLF_FIELD_NOT_FINITE,
  CLF_FIELD_TOO_LARGE,
  CLF_FIELD_HEX
} clf__field_kind;
clf__field_kind clf__csv_kind(const clf__csv *r, const clf__field *f, double *v);
static inline int clf__is_number(clf__field_kind k) {
  return k == CLF_FIELD_NUMBER || k == CLF_FIELD_COMMA;
}
static inline int clf__csv_is_digit(char ch) { return ch >= '0' && ch <= '9'; }
/* The bytes of a separator of thousands at p: a blank, an apostrophe; 0: there is none. */
size_t clf__csv_separator(const char *p, size_t left);

/* csv_thousands.c: whether a line is one number, and whether thousands are separated in it: maybe
 * ("1 234"), or almost surely ("1 000", "1'234", "1 234,5"). */
typedef enum clf__csv_groups {
  CLF_GROUPS_NONE, /* it is no number */
  CLF_GROUPS_ONE,
  CLF_GROUPS_MAYBE,
  CLF_GROUPS_SURE
} clf__csv_groups;
clf__csv_groups clf__csv_groups_of(const char *p, const char *end);

/* A number without point, comma and exponent. */
int clf__csv_is_whole(const clf__field *f);

/* The text of a field, with "" in quotes as "; NULL if memory runs out. */
char *clf__csv_unquoted(const clf__field *f);
/* The same as the name of a column, where each line end becomes a blank. */
char *clf__csv_name(const clf__field *f);
int clf__csv_is_name(const clf__field *f, const char *name);
/* The same as a label, which becomes part of the names of columns: tabs become blanks too. */
char *clf__csv_label(const clf__field *f);

/* Text in place of a number rather than a name: "NA", "50%", "1,234", "O.5". */
int clf__csv_is_missing(const clf__field *f);
int clf__csv_is_misspelt(const clf__field *f);
/* The bytes of a field before a blank and a '#', which may begin a comment; all if there is none.
 */
size_t clf__csv_before_comment(const clf__field *f);
#define CLF_CSV_MINUS "\xe2\x88\x92" /* U+2212 */
int clf__csv_is_date(const clf__field *f);

/* ---- csv_dialect.c ------------------------------------------------------------------- */

/* Detects delimiter, layout and header from the first lines; does not change r->next.  Errors:
 * EFORMAT, ENOMEM. */
clf_status clf__csv_judge(clf__csv *r);

/* ---- csv_numbers.c ------------------------------------------------------------------- */

/* Reads a number, which must have the format of the other numbers of the file.  Errors: EFORMAT. */
clf_status clf__csv_take_number(clf__csv *r, int64_t c, const clf__field *f, double *v);

/* ---- csv_columns.c ------------------------------------------------------------------- */

/* Selects the columns of the table, r->to and r->from, and their names; and the id column.
 * Errors: EFORMAT, EINVAL, ESHAPE (a column of o->like is missing), ENOMEM. */
clf_status clf__csv_choose_columns(clf__csv *r);
/* The name of a column of the file, or "column N", for lists in messages. */
clf__excerpt clf__csv_column_name(const clf__csv *r, int64_t column);
/* The names of the columns c of the file with marked[c]. */
clf__name_list clf__csv_list(const clf__csv *r, const char *marked);
/* Takes the columns c of the file with out[c] out of the table, unless no column would be left,
 * and adds the note "left out, WHY: LIST" unless `list` is NULL.  Errors: ENOMEM. */
clf_status clf__csv_take_out(clf__csv *r, const char *out, const char *why, clf__name_list *list);

/* ---- csv_counters.c ------------------------------------------------------------------ */

/* Whether the first column is left out because it only counts or names the rows: it has no name,
 * or a typical one, and the caller selected no columns.  If labels are read, an empty name is
 * enough unless its numbers have points: programs write row names so, and numbers of the rows
 * that they kept.  Errors: ENOMEM. */
clf_status clf__csv_has_index(clf__csv *r, int *has);
/* Takes out columns after the first that only count the rows and have a typical name, unless the
 * caller selected columns: files of R have row names first and their own counter after them.
 * Errors: ENOMEM. */
clf_status clf__csv_take_counters(clf__csv *r);

/* ---- csv_kinds.c --------------------------------------------------------------------- */

/* Describes the table's columns, using all lines if some of them contain text.
 * Errors: EFORMAT for a column of no possible kind, ENOMEM. */
clf_status clf__csv_find_kinds(clf__csv *r);
/* The value of a field of table column c that is not missing.  Errors: EFORMAT. */
clf_status clf__csv_take_value(clf__csv *r, int64_t column, int32_t c, const clf__field *f,
                               double *v);
/* Whether a field is one of the labels of table column c. */
int clf__csv_is_label(const clf__csv *r, int32_t c, const clf__field *f);
/* Makes columns integers if all their numbers are whole; adds notes on text columns.  Errors:
 * ENOMEM. */
clf_status clf__csv_end_kinds(clf__csv *r);

/* ---- csv_row_names.c ----------------------------------------------------------------- */

/* Of the columns c of the file with texts[c], takes those out of the table that have another text
 * in every row, unless no column would be left.  The first one becomes the id if there is none
 * yet.  Adds notes.  Errors: ENOMEM. */
clf_status clf__csv_take_row_names(clf__csv *r, const char *texts);

/* ---- csv_missing.c ------------------------------------------------------------------- */

clf_status clf__csv_begin_missing(clf__csv *r);
/* Whether a field of table column c has no value, if that is allowed. */
int clf__csv_lacks(const clf__csv *r, int32_t c, const clf__field *f);
/* Counts a row by its missing values, NaN; returns whether it is kept. */
int clf__csv_count_missing(clf__csv *r, const double *row);
/* Adds a note on rows with missing values, with the columns to leave out if many rows lack values.
 * `first` is the position before the first row.  Errors: EFORMAT if no row is left, ENOMEM. */
clf_status clf__csv_note_missing(clf__csv *r, clf__csv_position first);

/* ---- csv_refuse.c: refusals, which name line, column and remedy ------------------------- */

/* Refuses column c, from 0: `what` follows the text of the field, if that is given. */
clf_status clf__csv_refuse(const clf__csv *r, int64_t c, const clf__field *f, const char *what);
/* Refuses column c of the file as a whole: "PATH: column 3 ("name"): " followed by the message. */
clf_status clf__csv_refuse_column(const clf__csv *r, int64_t c, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A column as an argument of --drop: its number if its name would need quotes. */
int clf__csv_column_word(const clf__csv *r, int64_t c, char *text, size_t size);
/* Refuses a field of that type. */
clf_status clf__csv_refuse_kind(const clf__csv *r, int64_t c, const clf__field *f,
                                clf__field_kind kind);
/* Refuses the current line, which has n fields. */
clf_status clf__csv_refuse_count(const clf__csv *r, int64_t n, int64_t want);

#endif
