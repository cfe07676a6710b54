/* SPDX-License-Identifier: MIT */
/* data.h: tables of numbers: files, synthetic sets.
 *
 * A table holds one sample a row, in double, on the host.  Nothing here needs
 * a device.  Every function refuses what it cannot take with a sentence that
 * names the file, and the line and column where there is one. */
#ifndef CLFLOW_DATA_H
#define CLFLOW_DATA_H
#include "clflow/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the numbers of a column stand for (docs/tables.md). */
typedef enum clf_column_kind {
#define CLF_COLUMN_KIND(ID, name, what) CLF_COLUMN_##ID,
#include "clflow/kinds.def"
  CLF_COLUMN_KINDS
} clf_column_kind;

/* One column apart from its numbers; zero is a plain number of which nothing else is known. */
typedef struct clf_column {
  clf_column_kind kind;
  int32_t category_count;
  char **categories; /* of a category its labels in byte order: the value k stands for the k-th;
                        of a boolean the words of 0 and 1; NULL for the other kinds */
  char *form; /* of a date or time how it is written, as for strftime(): "%Y-%m-%d"; or NULL */
  char *unit; /* of a date or time: "days since 1970-01-01"; or NULL */
  double smallest, largest; /* of the values that were read; NaN: not known */
  int32_t decimals;         /* of a number the most digits after the point that were read; -1: not
                               known, or some were written with an exponent */
} clf_column;

/* Names and descriptions of columns without their numbers; both NULL where count is 0. */
typedef struct clf_columns {
  int32_t count;
  char **names;
  clf_column *at;
} clf_columns;

typedef struct clf_table {
  int64_t rows;
  int32_t cols;
  double *at;   /* (rows, cols), row-major; NaN where a value is missing, if that was allowed */
  char **names; /* cols names, from a CSV header; NULL without one */
  char *notes;  /* sentences, a line each, on how it was read and matched; NULL: nothing to say */
  clf_column *columns; /* cols descriptions; NULL: all are plain numbers */
  char **ids;          /* a text for each row, from the column of clf_table_options.id; or NULL */
  char *id_name;       /* the name of that column, or NULL */
  int64_t *numbers;    /* of each row in the source, from 1, where rows were left out; else NULL */
  int64_t missing;     /* rows with missing values: left out, or kept with NaN */
} clf_table;

/* A table of zeros without names.  Errors: ENOMEM, EINVAL (rows or cols < 1). */
CLF_API clf_status clf_table_new(int64_t rows, int32_t cols, clf_table *t);
/* Frees what the table holds and zeroes it. */
CLF_API void clf_table_free(clf_table *t);

/* ---- Reading ----------------------------------------------------------- */

typedef enum clf_header {
  CLF_HEADER_AUTO,
  CLF_HEADER_YES, /* the first line that is no comment names the columns */
  CLF_HEADER_NO
} clf_header;

/* What is done with rows in which a value is missing: an empty field, or NA, N/A, NaN, null, None,
 * ?, - or . as a whole field, in any case; NaN in an array. */
typedef enum clf_missing {
  CLF_MISSING_REFUSE,
  CLF_MISSING_KEEP, /* as NaN */
  CLF_MISSING_DROP  /* the rows are left out; clf_table.missing counts them */
} clf_missing;

/* How a source is read; zero judges all of it.  Messages call a member by the option of the
 * program that sets it, --header for `header`. */
typedef struct clf_table_options {
  /* Of text. */
  clf_header header;
  char delimiter; /* between fields; ' ': any run of blanks; 0: judged */
  char decimal;   /* '.' or ','; 0: judged */
  char comment;   /* begins a comment, anywhere in a line; 0: '#' at its beginning only */
  int64_t skip;   /* lines at the beginning to pass over */
  /* Of every source: columns to read, in this order, or to leave out.  A column is named by its
   * name, or where none has that name by its number, from 1. */
  char *const *columns;
  int32_t column_count;
  char *const *drop;
  int32_t drop_count;
  /* Kinds of columns: 1 reads labels, booleans, dates and times as numbers, and gives the table
   * descriptions of its columns; 0 refuses text that is no number, as do arrays always. */
  int kinds;
  const clf_columns *like; /* reads columns of these names as they are described here, those of a
                              model, and leaves out the others; implies `kinds`.  Without names,
                              here or in the source, all columns by position if there are as many.
                              NULL: judged */
  const char *id;          /* column whose texts become clf_table.ids; NULL: none */
  clf_missing missing;
} clf_table_options;

/* Reads a file (.csv, .tsv, .txt, .npy, .npz, by suffix), standard input ("-") or a pipe (by its
 * first bytes), or draws a synthetic set.
 *
 * Text: one sample a line, in UTF-8, whatever the locale.  Lines end with LF, CR LF or CR; blank
 * lines and lines that begin with '#' are left out; fields may be in double quotes.  How it is
 * written is judged from the first 1000 lines:
 *   - the delimiter, among tab ; , | and blanks, is the one that makes most fields numbers, and
 *     lines of equal length;
 *   - ',' is the decimal sign if numbers have a comma and none has a point;
 *   - the first line is a header if it has names above numbers.  A line of numbers with a field
 *     that is none ("NA", "50%", "O.5", an empty one) is a row, and refused.  A line that counts
 *     its columns, 0,1,2 or 1,2,3, is a header above numbers with points, and refused above whole
 *     numbers, where it may be a row;
 *   - a comment above the numbers names the columns if it has as many words;
 *   - a delimiter that ends every line is no column;
 *   - a first column without a name that counts the rows, as pandas writes it, is left out.
 * The table's notes say what of this was not plain.  Refused: an empty file, a line of another
 * length, a field that is no number, NaN and infinities, a name or an id given twice; the message
 * names line, column and remedy.  Options change what a field may hold: kinds, missing.  NPY:
 * format 1 to 3, shape (N, D) or (N), float, integer or boolean of any byte order, C or Fortran
 * order; the file's length must be what the header says.  Floats may have up to 4 dimensions, such
 * as (N, H, W, C): all but the first make a row, in row-major order. (Bytes of 3 or 4 dimensions
 * are images, for clf_images_open().) NPZ, as numpy.savez() and savez_compressed() write it: its
 * array, or of several the one that is named, "d.npz:x". Text and NPY may be packed by gzip,
 * "d.csv.gz".  What unpacks to more than 16 MiB and to more than 100 times its size is refused, as
 * is a stream of more than 1 GiB.
 *
 * A synthetic set is NAME[:key=value,...] with NAME one of those that
 * clf_synthetic() lists, keys n (samples, default 10000), noise (default the
 * set's own) and seed (default 1): "moons:n=2000,noise=0.1".
 * Errors: EIO, EFORMAT, EINVAL (a source or column that does not exist, an option out of range),
 * ESHAPE (a column of options->like that the source lacks), ENOMEM. */
CLF_API clf_status clf_table_read_with(const char *source, const clf_table_options *options,
                                       clf_table *t);
/* 1 for "-", a pipe, a device or an open descriptor, which can be read once; 0 for all else. */
CLF_API int clf_source_is_stream(const char *source);
/* The same with everything judged. */
CLF_API clf_status clf_table_read(const char *source, clf_table *t);

/* ---- Kinds of columns --------------------------------------------------- */

enum { CLF_CATEGORIES_MAX = 256 }; /* of a column */

CLF_API const char *clf_column_kind_name(clf_column_kind kind); /* "number", "integer", ... */

/* The value that a text stands for: the code of a label, the days of a date, a number.  A category
 * also takes its code as a number, unless that is a label itself.  Errors: EINVAL says what the
 * column holds. */
CLF_API clf_status clf_column_value(const clf_column *column, const char *text, double *value);
/* The text of a value, in the column's own form: the label of the nearest code, an integer without
 * decimals, a date as the table had it; "" for NaN.  At most `size` bytes with the NUL; returns the
 * length of the whole text.  Labels may be up to 1024 bytes long, other texts are below 64. */
CLF_API size_t clf_column_text(const clf_column *column, double value, char *text, size_t size);

/* Whether a description makes sense: 1 to CLF_CATEGORIES_MAX labels in order, a form that dates may
 * have.  Errors: EINVAL. */
CLF_API clf_status clf_column_check(const clf_column *column);
/* Copies that own what they point to.  Errors: ENOMEM. */
CLF_API clf_status clf_column_copy(const clf_column *column, clf_column *copy);
CLF_API void clf_column_free(clf_column *column); /* what it points to */
CLF_API clf_status clf_columns_copy(const clf_columns *columns, clf_columns *copy);
CLF_API void clf_columns_free(clf_columns *columns);

/* Replaces each category of a table by a column for each of its labels, "class=setosa", that is 1
 * in rows of this label and 0 in others, NaN where the label is missing: as a context is given to a
 * flow.  All columns are plain numbers then.  Errors: EINVAL (a category needs a name), ENOMEM. */
CLF_API clf_status clf_table_one_hot(clf_table *t);
/* Columns that this makes of descriptions; their number, or with their names too. */
CLF_API int32_t clf_columns_one_hot_count(const clf_column *columns, int32_t count);
CLF_API clf_status clf_columns_one_hot(const clf_columns *columns, clf_columns *expanded);

/* A row of a table as a line of CSV, without its end; row -1: the names.  The id comes first, if
 * the table has ids.  To be freed by the caller.  Errors: EINVAL (no such row, no names), ENOMEM.
 */
CLF_API clf_status clf_table_line(const clf_table *t, int64_t row, char **line);

/* Writes .npy (float64), or .csv with 17 significant digits and, if the table has
 * names, a header; ids come first, values are written as their columns describe them, a missing one
 * is an empty field.  The file appears whole or not at all: it is written beside,
 * synced and renamed.  Errors: EIO, EINVAL (another suffix). */
CLF_API clf_status clf_table_write(const char *path, const clf_table *t);

/* EIO if the folder of `path` does not exist or cannot be written, or if `path` is
 * a folder itself: to be asked before long work begins. */
CLF_API clf_status clf_path_writable(const char *path);

/* Writes a file of these bytes, which appears whole or not at all as clf_table_write()'s does.
 * Errors: EIO, EINVAL (no path). */
CLF_API clf_status clf_file_write(const char *path, const void *bytes, size_t n);
/* Brings the columns of a table into the order of `count` names (those of a flow,
 * clf_flow_columns()) and leaves the others out; the table's notes say so.  Without names, in the
 * table or as NULL here, columns go by position: nothing changes. Errors: EINVAL names a column
 * that the table lacks and the nearest names it has, or the two columns that share a name; ENOMEM.
 * The table is then as it was. */
CLF_API clf_status clf_table_match(clf_table *t, char *const *names, int32_t count);

/* Gives the columns of a table the kinds of a model's, t->cols of them (clf_flow_kinds()): labels
 * are matched by their text and get the model's codes.  Nothing changes without descriptions, in
 * the table or as NULL here.  Errors: EINVAL names a label that the model does not have, or a
 * column of another kind; ENOMEM.  The table is then as it was. */
CLF_API clf_status clf_table_match_kinds(clf_table *t, const clf_column *kinds);

/* Removes the temporary files of this process whose writing is not finished.  For a handler of a
 * signal that ends the process, where it may be called; what was at their paths stays as it was. A
 * process that is killed without that leaves one, which the next writer in the same folder removes.
 */
CLF_API void clf_discard_unfinished(void);

/* Mean and standard deviation (divisor N) of each column over the rows listed,
 * or over all rows if `index` is NULL; two passes in double. */
CLF_API void clf_table_moments(const clf_table *t, const int64_t *index, int64_t count,
                               double *mean, double *std);

/* CRC-32 of the numbers of a table and of its context (NULL: none), whatever the columns are
 * called: by which a model recognises the rows that it was trained on.  0 of NULL. */
CLF_API uint32_t clf_table_checksum(const clf_table *x, const clf_table *given);

/* ---- Whether a flow can learn a table ------------------------------------------------- */

/* Values first, first + step, ..., last: of counts, classes, or numbers that were rounded. */
typedef struct clf_column_grid {
  double step; /* 0: no grid */
  double first, last;
} clf_column_grid;

/* The grid on which all values of a column (from 0) lie to within a thousandth of a step; step 0
 * if there is none of up to 2^20 steps, as in a constant column.  Errors: EINVAL, ENOMEM. */
CLF_API clf_status clf_table_grid(const clf_table *t, int32_t column, clf_column_grid *grid);
/* The grid of a column whose density has no bound unless noise is added: step 1 over the codes of a
 * category or a boolean; else the grid on which all values lie, if more than half of the rows have
 * a value that another row has too.  Step 0 otherwise, and of a column with one value. */
CLF_API clf_status clf_table_discrete(const clf_table *t, int32_t column, clf_column_grid *grid);

typedef enum clf_advice_kind {
  CLF_ADVICE_CONSTANT,   /* a column with the same value in every row: leave it out */
  CLF_ADVICE_SCALE,      /* far from mean 0 and deviation 1: standardise */
  CLF_ADVICE_DISCRETE,   /* few values on a grid: give the flow its grid (clf_flow_set_grid()) */
  CLF_ADVICE_FEW_VALUES, /* few values on no grid: leave it out, or number them */
  CLF_ADVICE_POINT_MASS, /* one value in more than a quarter of the rows: model these apart */
  CLF_ADVICE_OUTLIER,    /* values far from all others, which determine the scale: look at them */
  CLF_ADVICE_COLLINEAR,  /* a linear combination of other columns: leave it out */
  CLF_ADVICE_KINDS
} clf_advice_kind;

typedef struct clf_advice {
  clf_advice_kind kind;
  char sentence[768]; /* what is wrong, with the columns (from 1), the row (from 0) and figures */
} clf_advice;

/* What in a table will keep a flow from learning its density: at most one entry of each kind, in an
 * array that is the caller's to free().  `scaled`: the columns will be standardised, so their scale
 * does not matter; `grid`: of each column, or NULL: those with a step are not discrete any more.
 * Means, deviations and outliers are those of all rows.  Distinct values are counted in up to 20000
 * evenly spaced rows (2000 of wide tables), and linear combinations are looked for, among up to
 * 1000 columns, in as many rows as take well below a second.  Errors: EINVAL, ENOMEM. */
CLF_API clf_status clf_table_advise(const clf_table *t, int scaled, const clf_column_grid *grid,
                                    clf_advice **advice, int *count);

/* ---- Synthetic sets -------------------------------------------------------------------- */

/* The names of the synthetic sets, NULL-terminated: of two columns moons, circles, checkerboard,
 * spirals, gaussians and pinwheel; meters, a household's electricity in 6 columns, of which noise
 * is the width of uniform noise on two meters of whole units; detector, 43 columns that depend on 8
 * hidden numbers and on each other, every third one skewed. */
CLF_API const char *const *clf_synthetic(void);

#ifdef __cplusplus
}
#endif
#endif
