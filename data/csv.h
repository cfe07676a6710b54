/* SPDX-License-Identifier: MIT */
/* csv.h: text as lines, fields and numbers, and what is known of how a file writes them.
 * Private to the files csv*.c. */
#ifndef CLF_DATA_CSV_H
#define CLF_DATA_CSV_H
#include <locale.h>
#include "names.h"
#include "table.h"

typedef struct clf__csv {
  const char *path;
  const clf_table_options *o;
  locale_t c;
  char *next, *end;    /* what is left of the text; a NUL stands at end */
  char *line, *close;  /* the current line, without its end and a comment in it */
  int64_t number;      /* of the current line, from 1 */
  char delim, comment; /* a delimiter ' ' is any run of blanks */

  /* How numbers are written.  Without a choice of the caller `decimal` is 0 until a number with a
   * comma is met; then it is ',' unless a number with a point came before. */
  char decimal;
  int64_t point_line;               /* of the first number with a point; 0: none */
  int64_t comma_line, comma_column; /* of the first number with a decimal comma; 0: none */
  clf__excerpt comma_text;
  int comma_is_clear; /* a number with a comma that does not look like 1,234 */

  /* How the columns are laid out. */
  int64_t first;        /* number of the first line that is no comment; 0: not known yet */
  int32_t cols;         /* of the file */
  int32_t *numeric;     /* by column: how many of the lines judged hold a number there */
  int64_t others;       /* lines judged besides the first, of as many fields */
  int64_t usual;        /* the number of fields of most lines */
  int header;           /* 1: the first line names the columns */
  int trailing;         /* lines end with a delimiter that nothing follows */
  int row_names;        /* the header has no name for the first column, as R writes it */
  int32_t odd;          /* the first column, from 1, whose name begins as numbers do; 0: none */
  char **names;         /* cols names as in the file, "" where there is none; or NULL */
  int32_t *to;          /* by column of the file: its place in the table; -1: left out */
  int64_t index_from;   /* -1, or column 1 is left out as it counts the rows from this number */
  const char *left_out; /* what column 1 does to the rows if it is left out: counts or names them */
  int named_index;      /* it has a name, as "id" */
  int64_t inner;        /* comment lines below the first row */
  char *said, *said_end; /* the last comment line above the first line; NULL: none */
  int64_t said_line;     /* its number */
  int named_by_comment;  /* it names the columns */

  /* What columns hold. */
  int32_t id;      /* the column of the file that names the rows; -1: none */
  int32_t *like;   /* by column of the table: its place in o->like; NULL: kinds are judged */
  char *fractions; /* by column of the table: not all of its numbers are whole; or NULL */
  int64_t at_row;  /* rows read so far, with those that are left out */
  int64_t *lacks;  /* by column of the table: rows in which it has no value; or NULL */
  int64_t *alone;  /* the same, and all others have one */

  clf_table t;    /* what has been read so far */
  int64_t cap;    /* numbers that t.at has room for */
  int64_t id_cap; /* texts that t.ids has room for */
} clf__csv;

/* ---- csv_fields.c: lines and fields -------------------------------------------------- */

typedef struct clf__field {
  char *s; /* without blanks around it and without quotes */
  size_t n;
  int quoted;
  const char *fault; /* what is wrong with its quotes, or NULL */
} clf__field;

/* Steps to the next line that is neither blank nor a comment; 0 at the end of the text.  It may
 * hold anything: see clf__not_text(). */
int clf__csv_step(clf__csv *r);
/* Takes the field at p and returns where the next one begins: NULL after the last, `end` itself
 * after a trailing delimiter, which an empty field follows. */
char *clf__csv_take(char delim, char *p, char *end, clf__field *f);
int64_t clf__csv_count(char delim, char *p, char *end);

/* What a field is.  A comma number has a decimal comma. */
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
/* A number written without a point, comma or exponent. */
int clf__csv_is_whole(const clf__field *f);

/* The text of a field, "" in quotes read as "; NULL without memory. */
char *clf__csv_unquoted(const clf__field *f);

/* Text that stands where a number is meant rather than a name: "NA", "50%", "1,234", "O.5". */
int clf__csv_is_missing(const clf__field *f);
int clf__csv_is_misspelt(const clf__field *f);
int clf__csv_is_date(const clf__field *f);

/* ---- csv_dialect.c ------------------------------------------------------------------- */

/* Judges delimiter, layout and header from the lines at the beginning; r->next stays where it
 * is.  Errors: EFORMAT, ENOMEM. */
clf_status clf__csv_judge(clf__csv *r);

/* ---- csv.c --------------------------------------------------------------------------- */

/* A number, as the other numbers of the file are written.  Errors: EFORMAT. */
clf_status clf__csv_take_number(clf__csv *r, int64_t c, const clf__field *f, double *v);

/* ---- csv_columns.c ------------------------------------------------------------------- */

/* Which columns become the table's, r->to, and their names; which is the id.  Errors: EFORMAT,
 * EINVAL, ESHAPE (a column of o->like that is not there), ENOMEM. */
clf_status clf__csv_choose_columns(clf__csv *r);

/* ---- csv_kinds.c --------------------------------------------------------------------- */

/* Describes the table's columns, from all lines if some of them hold text.  Errors: EFORMAT for a
 * column that can be no kind, ENOMEM. */
clf_status clf__csv_find_kinds(clf__csv *r);
/* The value of a field of table column c that is not missing.  Errors: EFORMAT. */
clf_status clf__csv_take_value(clf__csv *r, int64_t column, int32_t c, const clf__field *f,
                               double *v);
/* Whether a field is one of the labels of table column c. */
int clf__csv_is_label(const clf__csv *r, int32_t c, const clf__field *f);
/* Numbers that were all whole are integers; says what text was read as.  Errors: ENOMEM. */
clf_status clf__csv_end_kinds(clf__csv *r);

/* ---- csv_missing.c ------------------------------------------------------------------- */

clf_status clf__csv_begin_missing(clf__csv *r);
/* Whether a field of table column c has no value, where that is allowed. */
int clf__csv_lacks(const clf__csv *r, int32_t c, const clf__field *f);
/* Counts a row of the table by what it lacks, NaN; whether it stays. */
int clf__csv_count_missing(clf__csv *r, const double *row);
/* Says how many rows lack values.  Errors: EFORMAT if none is left, ENOMEM. */
clf_status clf__csv_note_missing(clf__csv *r);

/* ---- csv_refuse.c: refusals, which name line, column and remedy ------------------------- */

/* Refuses column c, from 0: `what` follows the text of the field, if it is given. */
clf_status clf__csv_refuse(const clf__csv *r, int64_t c, const clf__field *f, const char *what);
/* Refuses a field of that kind. */
/* Refuses column c of the file as a whole: "PATH: column 3 ("name"): " and what follows. */
clf_status clf__csv_refuse_column(const clf__csv *r, int64_t c, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A column as it is typed after --drop: by its number where its name would need quotes. */
int clf__csv_column_word(const clf__csv *r, int64_t c, char *text, size_t size);
clf_status clf__csv_refuse_kind(const clf__csv *r, int64_t c, const clf__field *f,
                                clf__field_kind kind);
/* Refuses the current line, which has n fields. */
clf_status clf__csv_refuse_count(const clf__csv *r, int64_t n, int64_t want);

#endif
