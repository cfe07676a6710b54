/* SPDX-License-Identifier: MIT */
/* data.h: tables of numbers from files and synthetic data sets.
 *
 * A table holds one sample per row, in double, on the host; no device is needed.  Errors name the
 * file, and the line and column if there is one. */
#ifndef CLFLOW_DATA_H
#define CLFLOW_DATA_H
#include "clflow/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Room for later members of a struct that callers fill in; 0. */
typedef union clf_more {
  double real;    /* a number */
  int64_t whole;  /* a count or a choice */
  const void *at; /* a list or a text */
} clf_more;

/* What the numbers of a column represent (docs/tables.md). */
typedef enum clf_column_kind {
#define CLF_COLUMN_KIND(ID, name, what) CLF_COLUMN_##ID,
#include "clflow/kinds.def"
  CLF_COLUMN_KINDS
} clf_column_kind;

/* Describes a column; all zero: a plain number. */
typedef struct clf_column {
  clf_column_kind kind;   /* what its numbers stand for */
  int32_t category_count; /* labels of a category, 2 for a boolean with words, else 0 */
  char **categories; /* of a category: its labels in byte order, the value k stands for label k; of
                        a boolean: the words for 0 and 1; NULL for the other kinds */
  char *form;        /* of a date or time: its format as for strftime(), "%Y-%m-%d"; or NULL */
  char *unit;        /* of a date or time: "days since 1970-01-01"; or NULL */
  double smallest, largest; /* of the values that were read; NaN: unknown */
  int32_t decimals; /* of a number: the maximum number of decimals that were read; -1: unknown, or
                       some values had an exponent */
} clf_column;

/* Names and descriptions of columns, without numbers; both NULL if count is 0. */
typedef struct clf_columns {
  int32_t count;  /* number of columns */
  char **names;   /* (count); NULL: none */
  clf_column *at; /* (count); NULL: plain numbers */
} clf_columns;

/* A table of numbers in memory. */
typedef struct clf_table {
  int64_t rows; /* samples */
  int32_t cols; /* numbers of each */
  double *at;   /* (rows, cols), row-major; NaN for a missing value, if those are allowed */
  char **names; /* cols names, from a CSV header; NULL: no header */
  char *notes;  /* one sentence per line on how the source was read and matched; NULL: none */
  clf_column *columns; /* cols descriptions; NULL: all are plain numbers */
  char **ids;          /* one text per row, from the column clf_table_options.id; or NULL */
  char *id_name;       /* the name of that column, or NULL */
  int64_t *numbers;    /* row number in the source, from 1, if rows were left out; else NULL */
  int64_t missing;     /* number of rows with missing values, whether left out or kept with NaN */
} clf_table;

/* A table of zeros without names.  Errors: ENOMEM, EINVAL (rows or cols < 1). */
CLF_API clf_status clf_table_new(int64_t rows, int32_t cols, clf_table *t);
/* Frees the contents of the table and zeroes it. */
CLF_API void clf_table_free(clf_table *t);

/* ---- Reading ----------------------------------------------------------- */

/* Whether the first line of a text names the columns. */
typedef enum clf_header {
  CLF_HEADER_AUTO,
  CLF_HEADER_YES, /* the first line that is not a comment names the columns */
  CLF_HEADER_NO
} clf_header;

/* How to treat rows with missing values.  A value is missing if the field is empty or is NA,
 * N/A, NaN, null, None, ?, - or . in upper or lower case; in an array, if it is NaN. */
typedef enum clf_missing {
  CLF_MISSING_REFUSE,
  CLF_MISSING_KEEP, /* keep the rows, with NaN */
  CLF_MISSING_DROP  /* leave the rows out; clf_table.missing counts them */
} clf_missing;

/* The order of the numbers of images in an array of four dimensions. */
typedef enum clf_image_order {
  CLF_ORDER_AUTO, /* the one that the shape fits; NHWC if it fits both */
  CLF_ORDER_NHWC, /* (N, H, W, C): the channel is the fastest index, as in rows of flows */
  CLF_ORDER_NCHW  /* (N, C, H, W), as in PyTorch */
} clf_image_order;

/* Finds the order of an array of images by its shape: (N, H, W, C), (N, C, H, W), or (N, H, W) if C
 * is 1.  The shape decides; `usual` does where it fits both orders, as (N, 3, 3, 3) does.
 * what: its name in the message.  dim: `rank` dimensions.  channels: C; 0: any number.
 * Errors: ESHAPE names the shape and those that fit; EINVAL (height or width < 1). */
CLF_API clf_status clf_image_order_find(const char *what, int rank, const int64_t *dim,
                                        int32_t height, int32_t width, int32_t channels,
                                        clf_image_order usual, clf_image_order *found);
/* Reorders the numbers of n images in place, from the other order to this one.  Errors: EINVAL (no
 * shape of images, or AUTO), ENOMEM. */
CLF_API clf_status clf_image_reorder(double *at, int64_t n, int32_t height, int32_t width,
                                     int32_t channels, clf_image_order to);

/* How to read a source; members that are zero are detected automatically.  Messages call a
 * member by its command-line option, --header for `header`. */
typedef struct clf_table_options {
  /* For text files. */
  clf_header header;
  char delimiter; /* between fields; ' ': any run of blanks; 0: detect */
  char decimal;   /* '.' or ','; 0: detect */
  char comment;   /* starts a comment anywhere in a line; 0: '#' at the start of a line only */
  int64_t skip;   /* number of lines to skip at the beginning */
  /* For all sources: the columns to read, in this order, or to leave out.  A column is given by
   * its name or, if no column has that name, by its number, from 1. */
  char *const *columns;
  int32_t column_count; /* 0: all */
  char *const *drop;    /* columns to leave out */
  int32_t drop_count;   /* number of these */
  /* Kinds of columns.  1: labels, booleans, dates and times become numbers, and the table gets
   * descriptions of its columns.  0: text that is not a number is refused, as it always is in
   * arrays. */
  int kinds;
  const clf_columns
      *like; /* reads the columns with these names (those of a model) as described here and leaves
                out the others; implies `kinds`.  If names are missing here or in the source,
                columns are matched by position if their number agrees.  NULL: detect */
  const char *id;      /* the column whose texts become clf_table.ids; NULL: with `kinds`, a column
                          of texts of which no two are equal, else none */
  clf_missing missing; /* what happens to rows that lack a value */
  /* For arrays: the shape of the images that rows are, or 0.  An array of more than two dimensions
   * must then have it, in one of the orders; rows get the channel as the fastest index. */
  int32_t height, width, channels; /* channels 0: any number */
  clf_image_order order;           /* of an array whose shape fits both orders */
  clf_more more[6];                /* further options, by name; 0 */
} clf_table_options;

/* Sets an option by its name, the member's, from text: "yes" of `header`, "drop" of `missing`,
 * ";" of `delimiter`, "1" of `kinds`.  The text of `id` itself is used, until the table is read;
 * columns, drop and like are set in the struct.  EINVAL: there is no such option (names the
 * nearest), or the value is of another type; the options are then unchanged. */
CLF_API clf_status clf_table_options_set(clf_table_options *options, const char *name,
                                         const char *value);

/* Reads a file (.csv, .tsv, .txt, .npy, .npz, by suffix), standard input ("-") or a pipe (by its
 * first bytes), or generates a synthetic data set.
 *
 * Text has one sample per line, in UTF-8, independent of the locale.  Lines end with LF, CR LF or
 * CR; blank lines and lines that start with '#' are skipped; fields may be in double quotes, and
 * hold line ends there.  The dialect is detected from the first 1000 lines:
 *   - the delimiter is the one of tab ; , | and blanks for which most fields are numbers and lines
 *     have equal length;
 *   - ',' is the decimal mark if numbers have a comma and none has a point;
 *   - the first line is a header if it has names above numbers.  A line of numbers with one field
 *     that is not a number ("NA", "50%", "O.5", empty) is a row, and refused.  A line that counts
 *     the columns, 0,1,2 or 1,2,3, is a header above numbers with points, and refused above whole
 *     numbers, where it may be a row.  Other whole numbers that rise or fall, such as years, are a
 *     header above ten lines or more if all other numbers have points, or if five or more count by
 *     one and the next line does not.  A line that has all names of the model in their order is a
 *     header;
 *   - a comment above the numbers names the columns if it has as many words as there are columns;
 *   - a column of numbers such as "1 000,2" is refused: the blank may separate thousands or fields;
 *   - a delimiter at the end of every line does not start a column;
 *   - a first column without a name that counts the rows, as pandas writes it, is left out.
 * The table's notes mention what was not obvious.  Refused are empty files, lines of another
 * length, fields that are not numbers, NaN, infinities, and duplicate names or ids; the message
 * names line, column and remedy.  The options `kinds` and `missing` change what fields may hold.
 * NPY: format 1 to 3, shape (N, D) or (N), float, integer or boolean of any byte order, C or
 * Fortran order; the file must have the length that its header gives.  Floats may have up to 4
 * dimensions, such as (N, H, W, C): all but the first form a row, in row-major order, or as the
 * options' shape of images says.  (Bytes of 3 or 4 dimensions are images, for clf_images_open().)
 * NPZ: as numpy.savez() and savez_compressed() write it; a file with several arrays needs a name,
 * "d.npz:x".  Text and NPY may be compressed by gzip, "d.csv.gz".  Data that unpack to more than 16
 * MiB and more than 100 times their size are refused, and so are streams of more than 1 GiB.
 *
 * A synthetic data set is NAME[:key=value,...].  clf_synthetic() lists the names; the keys are n
 * (samples, default 10000), noise (default depends on the set) and seed (default 1):
 * "moons:n=2000,noise=0.1".
 * Errors: EIO, EFORMAT, EINVAL (an unknown source or column, an option out of range), ESHAPE (the
 * source lacks a column of options->like), ENOMEM. */
CLF_API clf_status clf_table_read_with(const char *source, const clf_table_options *options,
                                       clf_table *t);
/* 1 for "-", a pipe, a device or an open descriptor, which can be read only once; else 0. */
CLF_API int clf_source_is_stream(const char *source);
/* clf_table_read_with() with default options. */
CLF_API clf_status clf_table_read(const char *source, clf_table *t);

/* ---- Kinds of columns --------------------------------------------------- */

enum { CLF_CATEGORIES_MAX = 256 }; /* per column */

CLF_API const char *clf_column_kind_name(clf_column_kind kind); /* "number", "integer", ... */

/* The value of a text: the code of a label, the days of a date, a number.  EINVAL says what the
 * column holds; the code of a label is not its text. */
CLF_API clf_status clf_column_value(const clf_column *column, const char *text, double *value);
/* The text of a value, in the column's own format: the label of the nearest code, an integer
 * without decimals, a date in the format of the table; "" for NaN.  Writes at most `size` bytes
 * including the NUL; returns the length of the whole text.  Labels have up to 1024 bytes, other
 * texts fewer than 64. */
CLF_API size_t clf_column_text(const clf_column *column, double value, char *text, size_t size);

/* Checks a description: 1 to CLF_CATEGORIES_MAX labels in order, a format that dates may have.
 * Errors: EINVAL. */
CLF_API clf_status clf_column_check(const clf_column *column);
/* Deep copies.  Errors: ENOMEM. */
CLF_API clf_status clf_column_copy(const clf_column *column, clf_column *copy);
CLF_API void clf_column_free(clf_column *column); /* frees the members only */
CLF_API clf_status clf_columns_copy(const clf_columns *columns, clf_columns *copy);
CLF_API void clf_columns_free(clf_columns *columns);

/* Leaves out the columns that have the same value in every row, which have no density, and adds a
 * note that names them.  A table of such columns alone stays as it is.  Errors: ENOMEM. */
CLF_API clf_status clf_table_drop_constant(clf_table *t);

/* One-hot encoding: replaces each category of a table by one column per label, "class=setosa",
 * which is 1 in rows with this label and 0 in others, and NaN if the label is missing.  Flows
 * take contexts in this form.  All columns are plain numbers afterwards.  Errors: EINVAL (a
 * category needs a name), ENOMEM. */
CLF_API clf_status clf_table_one_hot(clf_table *t);
/* The number of columns after one-hot encoding; and those columns with their names. */
CLF_API int32_t clf_columns_one_hot_count(const clf_column *columns, int32_t count);
CLF_API clf_status clf_columns_one_hot(const clf_columns *columns, clf_columns *expanded);

/* A row of a table as a line of CSV, without line end; row -1: the names.  The id comes first,
 * if the table has ids.  The caller frees it.  Errors: EINVAL (no such row, no names), ENOMEM. */
CLF_API clf_status clf_table_line(const clf_table *t, int64_t row, char **line);

/* Writes .npy (float64), or .csv with 17 significant digits and, if the table has names, a
 * header.  Ids come first; values are written as their columns describe them, and missing ones
 * as empty fields.  The file is replaced atomically: written under a temporary name, synced and
 * renamed.  Errors: EIO, EINVAL (another suffix). */
CLF_API clf_status clf_table_write(const char *path, const clf_table *t);

/* Checks that `path` can be written, before long work begins: EIO if its folder does not exist
 * or is not writable, or if `path` is a folder itself. */
CLF_API clf_status clf_path_writable(const char *path);

/* Writes these bytes to a file, which is replaced atomically as by clf_table_write().
 * Errors: EIO, EINVAL (no path). */
CLF_API clf_status clf_file_write(const char *path, const void *bytes, size_t n);
/* Reorders the columns of a table to match `count` names (those of a flow, clf_flow_columns())
 * and leaves out the others; the table's notes say so.  If the table has no names or `names` is
 * NULL, columns go by position and nothing changes.
 * Errors: EINVAL names a missing column and the nearest existing names, or two columns with the
 * same name; ENOMEM.  The table is then unchanged. */
CLF_API clf_status clf_table_match(clf_table *t, char *const *names, int32_t count);

/* Converts the columns of a table to the kinds of a model, t->cols of them (clf_flow_kinds()):
 * labels are matched by text and get the codes of the model.  Without descriptions, in the table
 * or as NULL here, nothing changes.
 * Errors: EINVAL names a label that the model does not have, or a column of another kind;
 * ENOMEM.  The table is then unchanged. */
CLF_API clf_status clf_table_match_kinds(clf_table *t, const clf_column *kinds);

/* Removes the temporary files of this process that are not finished; the files at their paths
 * stay unchanged.  May be called in a handler of a signal that ends the process.  A process that
 * is killed without this leaves a temporary file, which the next writer in the same folder
 * removes. */
CLF_API void clf_discard_unfinished(void);

/* Mean and standard deviation (divisor N) of each column over the rows in `index`, or over all
 * rows if it is NULL; two passes in double. */
CLF_API void clf_table_moments(const clf_table *t, const int64_t *index, int64_t count,
                               double *mean, double *std);

/* CRC-32 of the numbers of a table and its context (NULL: none), independent of column names.
 * Models use it to recognise their training rows.  0 for NULL. */
CLF_API uint32_t clf_table_checksum(const clf_table *x, const clf_table *given);

/* ---- Can a flow learn this table? ------------------------------------------------------------ */

/* Equally spaced values first, first + step, ..., last: counts, classes, or rounded numbers.  Or,
 * with step 0, the limits of a continuous column; -DBL_MAX and DBL_MAX stand for none. */
typedef struct clf_column_grid {
  double step;        /* 0: not on a grid */
  double first, last; /* smallest and largest value; equal with step 0: there are no limits */
} clf_column_grid;

/* The grid that contains all values of a column (from 0) to within a thousandth of a step; step
 * 0 if there is none with up to 2^20 steps, or if the column is constant.  Errors: EINVAL,
 * ENOMEM. */
CLF_API clf_status clf_table_grid(const clf_table *t, int32_t column, clf_column_grid *grid);
/* The grid of a discrete column, whose density would be unbounded without added noise: step 1
 * over the codes of a category or boolean; else the grid of all values, if more than half of the
 * rows share their value with another row.  Otherwise, and for constant columns, step 0. */
CLF_API clf_status clf_table_discrete(const clf_table *t, int32_t column, clf_column_grid *grid);

/* What keeps a flow from learning a table. */
typedef enum clf_advice_kind {
  CLF_ADVICE_CONSTANT,   /* the same value in every row: leave the column out */
  CLF_ADVICE_SCALE,      /* far from mean 0 and standard deviation 1: standardise */
  CLF_ADVICE_DISCRETE,   /* few values on a grid: give the flow its grid (clf_flow_set_grid()) */
  CLF_ADVICE_FEW_VALUES, /* few values, not on a grid: leave the column out, or number the values */
  CLF_ADVICE_POINT_MASS, /* one value in more than a quarter of the rows: model these rows
                            separately */
  CLF_ADVICE_OUTLIER,    /* values far from all others, which determine the scale: inspect them */
  CLF_ADVICE_COLLINEAR,  /* a linear combination of other columns: leave the column out */
  CLF_ADVICE_KINDS
} clf_advice_kind;

/* One thing that makes a table hard to learn. */
typedef struct clf_advice {
  clf_advice_kind kind; /* what it is */
  char sentence[768];   /* the problem, with the columns and the row (from 1) and figures */
} clf_advice;

/* Finds what would keep a flow from learning the density of a table: at most one entry per kind,
 * in an array that the caller frees with free().  `scaled`: columns will be standardised, so
 * their scale does not matter.  `grid`: one per column, or NULL: columns with a step are no
 * longer discrete, nor is one of their values a point mass if the step is at least 1/20 of the
 * column's deviation.  Means, deviations and outliers are of all rows.  Distinct values are counted
 * in up to 20000 evenly spaced rows (2000 in wide tables).  Linear combinations are searched
 * among up to 1000 columns, in as many rows as take well below a second.  Errors: EINVAL,
 * ENOMEM. */
CLF_API clf_status clf_table_advise(const clf_table *t, int scaled, const clf_column_grid *grid,
                                    clf_advice **advice, int *count);

/* ---- Synthetic data sets --------------------------------------------------------------------- */

/* The names of the synthetic data sets, NULL-terminated.  Two columns: moons, circles,
 * checkerboard, spirals, gaussians and pinwheel.  meters: electricity readings of a household, 6
 * columns; `noise` is the width of uniform noise on two meters that show whole units.  detector:
 * 43 columns that depend on 8 hidden numbers and on each other, every third one skewed. */
CLF_API const char *const *clf_synthetic(void);

#ifdef __cplusplus
}
#endif
#endif
