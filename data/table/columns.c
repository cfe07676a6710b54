/* SPDX-License-Identifier: MIT */
/* columns.c: selects columns of a file, and checks the options for reading. */
#include "columns.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "status.h"

/* ---- Choosing ----------------------------------------------------------------------- */

/* The index of a name or, if no column has that name, of a number from 1. */
static int32_t find(char *const *names, int32_t cols, const char *word) {
  for (int32_t c = 0; names && c < cols; c++)
    if (strcmp(names[c], word) == 0) return c;
  if (!*word || word[strspn(word, "0123456789")] || strlen(word) > 9) return -1;
  const int64_t number = strtol(word, NULL, 10);
  return number >= 1 && number <= cols ? (int32_t)number - 1 : -1;
}

static clf_status not_found(const char *path, const char *option, const char *word,
                            char *const *names, int32_t cols) {
  const int number = *word && !word[strspn(word, "0123456789")];
  if (names && !number) return clf__column_missing(path, word, names, cols);
  return clf__fail(CLF_EINVAL,
                   "%s: %s: there is no column \"%s\"; there %s %" PRId32 ", counted from 1%s",
                   path, option, clf__excerpt_of(word, strlen(word)).s, cols == 1 ? "is" : "are",
                   cols, names ? "" : ", without names");
}

clf_status clf__columns_find(const char *path, const char *option, const char *word,
                             char *const *names, int32_t cols, int32_t *column) {
  *column = find(names, cols, word);
  return *column < 0 ? not_found(path, option, word, names, cols) : CLF_OK;
}

/* Marks the columns of a list, each once; `at` receives the index for each word. */
static clf_status mark(const char *path, const char *option, char *const *words, int32_t n,
                       char *const *names, int32_t cols, char *taken, int32_t *at) {
  for (int32_t i = 0; i < n; i++) {
    const char *const word = words[i] ? words[i] : "";
    const int32_t c = find(names, cols, word);
    if (c < 0) return not_found(path, option, word, names, cols);
    if (taken[c])
      return clf__fail(CLF_EINVAL, "%s: %s: column \"%s\" is given twice", path, option,
                       clf__excerpt_of(word, strlen(word)).s);
    taken[c] = 1;
    if (at) at[i] = c;
  }
  return CLF_OK;
}

static clf_status choose(const char *path, const clf_table_options *o, char *const *names,
                         int32_t cols, char *taken, int32_t *from, int32_t *count) {
  *count = o->column_count;
  if (o->column_count)
    return mark(path, "--columns", o->columns, o->column_count, names, cols, taken, from);
  CLF_TRY(mark(path, "--drop", o->drop, o->drop_count, names, cols, taken, NULL));
  for (int32_t c = 0; c < cols; c++)
    if (!taken[c]) from[(*count)++] = c;
  return *count ? CLF_OK : clf__fail(CLF_EINVAL, "%s: --drop leaves no column", path);
}

clf_status clf__columns_choose(const char *path, const clf_table_options *o, char *const *names,
                               int32_t cols, int32_t **from, int32_t *count) {
  char *const taken = calloc((size_t)cols, 1);
  const int32_t room = o->column_count > cols ? o->column_count : cols;
  int32_t *const list = malloc((size_t)room * sizeof *list);
  clf_status s = taken && list
                     ? choose(path, o, names, cols, taken, list, count)
                     : clf__fail(CLF_ENOMEM, "%s: no memory for %" PRId32 " columns", path, cols);
  free(taken);
  if (s)
    free(list);
  else
    *from = list;
  return s;
}

/* ---- Options ------------------------------------------------------------------------ */

static int is_mark(char ch) {
  return ch > ' ' && ch < 0x7f && strchr("!#$%&'*/:;<=>?@\\^_`|~,", ch);
}

clf_status clf__options_check(const char *path, const clf_table_options *o) {
  if (o->header < CLF_HEADER_AUTO || o->header > CLF_HEADER_NO)
    return clf__fail(CLF_EINVAL, "%s: header %d is not auto, yes or no", path, (int)o->header);
  if (o->delimiter && o->delimiter != '\t' && o->delimiter != ' ' && !is_mark(o->delimiter))
    return clf__fail(CLF_EINVAL, "%s: '%c' cannot separate fields (--delimiter)", path,
                     o->delimiter > ' ' && o->delimiter < 0x7f ? o->delimiter : '?');
  if (o->decimal && o->decimal != '.' && o->decimal != ',')
    return clf__fail(CLF_EINVAL, "%s: a decimal sign is '.' or ',' (--decimal)", path);
  if (o->comment && (!is_mark(o->comment) || o->comment == ',' || o->comment == o->delimiter))
    return clf__fail(CLF_EINVAL, "%s: '%c' cannot begin a comment (--comment)", path,
                     o->comment > ' ' && o->comment < 0x7f ? o->comment : '?');
  if (o->skip < 0) return clf__fail(CLF_EINVAL, "%s: skip is %" PRId64 " lines", path, o->skip);
  if (o->column_count < 0 || o->drop_count < 0 || (o->column_count && !o->columns) ||
      (o->drop_count && !o->drop))
    return clf__fail(CLF_EINVAL, "%s: a list of columns is missing", path);
  if (o->column_count && o->drop_count)
    return clf__fail(CLF_EINVAL, "%s: --columns and --drop exclude each other", path);
  if ((unsigned)o->missing > CLF_MISSING_DROP)
    return clf__fail(CLF_EINVAL, "%s: missing %d is not refuse, keep or drop", path,
                     (int)o->missing);
  if (o->like && (o->like->count < 1 || (!o->like->names && !o->like->at)))
    return clf__fail(CLF_EINVAL, "%s: the columns to read it like are missing", path);
  return CLF_OK;
}

clf_status clf__options_check_no_text(const char *path, const clf_table_options *o,
                                      const char *what) {
  const char *const given = o->header      ? "--header"
                            : o->delimiter ? "--delimiter"
                            : o->decimal   ? "--decimal"
                            : o->comment   ? "--comment"
                            : o->skip      ? "--skip"
                            : o->id        ? "--id"
                                           : NULL;
  if (!given) return CLF_OK;
  return clf__fail(CLF_EINVAL, "%s: %s is for text; this is %s", path, given, what);
}
