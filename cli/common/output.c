/* SPDX-License-Identifier: MIT */
/* output.c: messages, the progress line, numbers, tables and JSON. */
#define _POSIX_C_SOURCE 200809L
#include "../../runtime/core/hash.h"
#include "../../runtime/core/path.h"
#include "../../runtime/core/json_text.h"
#include "cli.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const char *cli_verb_name;
const char *cli_called;

/* ---- Messages ------------------------------------------------------------ */

static int progress_drawn;
static const char *mute; /* the name that a silenced process prints before its errors, or NULL */
static char withheld[4096];
static int withholds;

void cli_mute(const char *name) {
  mute = name;
  withholds = 1;
}

int cli_is_mute(void) { return mute != NULL; }

void cli_release_errors(int print) {
  if (print) fputs(withheld, stderr);
  *withheld = '\0';
  withholds = 0;
}

void cli_progress_draw(const char *line) {
  if (mute) return;
  fprintf(stderr, "\r%s\033[K", line);
  fflush(stderr);
  progress_drawn = 1;
}

void cli_progress_clear(void) {
  if (progress_drawn) fputs("\r\033[K", stderr);
  progress_drawn = 0;
}

/* The first error of a write to stdout; a later flush does not report it again. */
static int stdout_error;

int cli_flush(void) {
  errno = 0;
  if (fflush(stdout) != 0 && !stdout_error) stdout_error = errno;
  return ferror(stdout) ? (stdout_error ? stdout_error : -1) : 0;
}

static void say(const char *format, va_list args) {
  enum { LONGEST = 65536 }; /* large enough for a compiler's log, and for shell-quoted file names */
  static char text[LONGEST], clean[LONGEST];
  vsnprintf(text, sizeof text, format, args);
  clf__clean_message(clean, sizeof clean, text, clf_errmsg(), strchr(format, '\n') != NULL);
  cli_flush();
  cli_progress_clear();
  const char *const verb = cli_verb_name ? cli_verb_name : "", *const colon = *verb ? ": " : "";
  /* Messages of a group already begin with the name. */
  const int named = !mute || strncmp(clean, mute, strlen(mute)) == 0;
  const size_t used = strlen(withheld);
  char line[sizeof clean + 256];
  snprintf(line, sizeof line, "clflow: %s%s%s%s%s\n", verb, colon, named ? "" : mute,
           named ? "" : ": ", clean);
  if (mute && withholds)
    snprintf(withheld + used, sizeof withheld - used, "%.2000s", line);
  else
    fputs(line, stderr);
}

const char *cli_clean(const char *text) {
  enum { TURNS = 4 };
  static char clean[TURNS][8192];
  static int turn;
  turn = (turn + 1) % TURNS;
  clf__clean(clean[turn], sizeof clean[turn], text, strlen(text), 0);
  return clean[turn];
}

/* Whether a shell takes the word without quotes: at its front ~ stands for a home, and in zsh = for
 * the path of a program. */
static int is_plain(const char *word) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "%+,-./:=@_~";
  return *word && *word != '~' && *word != '=' && !word[strspn(word, letters)];
}

/* Whether the word contains characters that a terminal does not show. */
static int is_hidden(const char *word) {
  const unsigned char *const p = (const unsigned char *)word;
  const size_t n = strlen(word);
  for (size_t i = 0; i < n;) {
    const int length = clf__utf8_length(p + i, n - i);
    if (!length || clf__is_control(p + i, length)) return 1;
    i += (size_t)length;
  }
  return 0;
}

/* Quotes a word for the shell; `to` needs 4 strlen(word) + 6 bytes. */
static void quote(const char *word, char *to) {
  const int octal = is_hidden(word);
  to += sprintf(to, octal ? "$'" : "'");
  for (; *word; word++) {
    const unsigned char c = (unsigned char)*word;
    if (octal && (c < ' ' || c >= 0x7f || c == '\'' || c == '\\'))
      to += sprintf(to, "\\%03o", (unsigned)c);
    else if (c == '\'')
      to += sprintf(to, "'\\''");
    else
      *to++ = *word;
  }
  strcpy(to, "'");
}

void cli_append_word(char before, const char *word, char *line, size_t size) {
  const size_t used = strlen(line);
  char *quoted = malloc(4 * strlen(word) + 8);
  if (quoted && !is_plain(word)) quote(word, quoted);
  snprintf(line + used, size - used, "%c%s", before, quoted && !is_plain(word) ? quoted : word);
  free(quoted);
}

void cli_say(const char *format, ...) {
  va_list args;
  if (mute) return;
  va_start(args, format);
  say(format, args);
  va_end(args);
}

void cli_say_once(const char *format, ...) {
  enum { REMEMBERED = 64 };
  static uint64_t before[REMEMBERED];
  static int count;
  char text[8192];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  const uint64_t hash = clf__hash_text(text);
  for (int i = 0; i < count; i++)
    if (before[i] == hash) return;
  if (count < REMEMBERED) before[count++] = hash;
  cli_say("%s", text);
}

int cli_fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  say(format, args);
  va_end(args);
  return CLI_FAILED;
}

int cli_usage(const char *format, ...) {
  va_list args;
  va_start(args, format);
  say(format, args);
  va_end(args);
  return CLI_USAGE;
}

int cli_fail_library(void) { return cli_fail("%s", clf_errmsg()); }

/* ---- Numbers ------------------------------------------------------------- */

double cli_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void cli_format_seconds(double seconds, char *text, size_t size) {
  const double whole = floor(seconds + 0.5);
  const int below = (int)fmod(whole, 3600);
  if (!isfinite(seconds) || seconds < 0)
    snprintf(text, size, "?");
  else if (seconds < 1e-3)
    snprintf(text, size, "%.3g us", 1e6 * seconds);
  else if (seconds < 1)
    snprintf(text, size, "%.3g ms", 1e3 * seconds);
  else if (seconds < 60)
    snprintf(text, size, "%.1f s", seconds);
  else if (whole < 3600)
    snprintf(text, size, "%d:%02d", below / 60, below % 60);
  else
    snprintf(text, size, "%.0f:%02d:%02d", floor(whole / 3600), below / 60, below % 60);
}

void cli_format_large(double number, char *text, size_t size) {
  static const char letters[] = " kMGT";
  size_t i = 0;
  for (; number >= 999.95 && letters[i + 1]; i++) number /= 1000;
  if (i == 0)
    snprintf(text, size, "%.0f", number);
  else
    snprintf(text, size, "%.1f%c", number, letters[i]);
}

void cli_format_bytes(uint64_t bytes, char *text, size_t size) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double number = (double)bytes;
  int i = 0;
  for (; number >= 1023.95 && i < 4; i++) number /= 1024;
  snprintf(text, size, i ? "%.1f %s" : "%.0f %s", number, units[i]);
}

/* ---- JSON ---------------------------------------------------------------- */

json_t *cli_json_number(double number) {
  return isfinite(number) ? json_real(number) : json_null();
}

json_t *cli_json_text(const char *text) { return clf__json_text(text); }

json_t *cli_json_unsigned(uint64_t number) {
  return number <= INT64_MAX ? json_integer((json_int_t)number) : json_sprintf("%" PRIu64, number);
}

json_t *cli_json_numbers(const double *at, int64_t count) {
  json_t *array = json_array();
  for (int64_t i = 0; array && i < count; i++) {
    if (json_array_append_new(array, cli_json_number(at[i]))) {
      json_decref(array);
      return NULL;
    }
  }
  return array;
}

int cli_json_print(json_t *json) {
  const size_t flags = JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_ENSURE_ASCII,
               n = json_dumpb(json, NULL, 0, flags);
  char *text =
      n > 0 ? malloc(n) : NULL; /* without memory, the text made by jansson may be incomplete */
  const int whole = text && json_dumpb(json, text, n, flags) == n;
  json_decref(json);
  if (whole) {
    fwrite(text, 1, n, stdout);
    putchar('\n');
  }
  free(text);
  return whole ? CLI_OK : cli_fail("out of memory for the JSON to print");
}

/* ---- Files --------------------------------------------------------------- */

int cli_is_stdout(const char *path) { return path && strcmp(path, "-") == 0; }

int cli_has_suffix(const char *path, const char *suffix) {
  const size_t n = strlen(path), m = strlen(suffix);
  return n > m && strcasecmp(path + n - m, suffix) == 0;
}

int cli_check_table(const char *path) {
  if (!path || mute || cli_is_stdout(path)) return CLI_OK;
  if (!cli_has_suffix(path, ".csv") && !cli_has_suffix(path, ".npy"))
    return cli_usage(
        "\"%s\" is not a name for a table: it must end in .csv or .npy, or be - to print", path);
  return clf_path_writable(path) == CLF_OK ? CLI_OK : cli_fail_library();
}

/* Files are moved into place with a rename, so the folder must be writable. */
static int check_folder(const char *option, const char *path) {
  const size_t n = clf__folder_length(path);
  char *folder = n ? strndup(path, n) : strdup(".");
  if (!folder) return cli_fail("out of memory");
  struct stat at;
  int code = CLI_OK;
  if (stat(folder, &at) != 0)
    code = cli_fail("%s %s: the folder %s: %s", option, path, folder, strerror(errno));
  else if (!S_ISDIR(at.st_mode))
    code = cli_fail("%s %s: %s is not a folder", option, path, folder);
  else if (access(folder, W_OK | X_OK) != 0)
    code = cli_fail("%s %s: the folder %s: %s", option, path, folder, strerror(errno));
  else if (stat(path, &at) == 0 && S_ISDIR(at.st_mode))
    code = cli_fail("%s %s is a folder; give the name of a file", option, path);
  else if (access(path, W_OK) != 0 && errno != ENOENT)
    code = cli_fail("%s %s: %s", option, path, strerror(errno));
  free(folder);
  return code;
}

/* Whether the suffix is that of a text file, which "-" prints to standard output. */
static int is_text(const char *suffix) {
  return suffix && (!strcmp(suffix, ".html") || !strcmp(suffix, ".json") ||
                    !strcmp(suffix, ".csv") || !strcmp(suffix, ".jsonl"));
}

int cli_check_file(const char *option, const char *path, const char *suffix) {
  if (!path || mute || (cli_is_stdout(path) && is_text(suffix))) return CLI_OK;
  if (cli_is_stdout(path))
    return cli_usage("%s takes the name of a file; standard output takes only text", option);
  if (suffix && !cli_has_suffix(path, suffix))
    return cli_usage("%s takes a file name that ends in %s, got \"%s\"", option, suffix, path);
  return check_folder(option, path);
}

/* The flow's column name, or else PREFIX0, PREFIX1, ... */
static const char *column_name(char *const *names, const char *prefix, int numbered, int32_t i,
                               char *text, size_t size) {
  if (names) return names[i];
  snprintf(text, size, numbered ? "%s%d" : "%s", prefix, i);
  return text;
}

static int name_columns(clf_table *t, char *const *names, const char *prefix, int numbered) {
  t->names = calloc((size_t)t->cols, sizeof *t->names);
  if (!t->names) return cli_fail("out of memory for the names of %d columns", t->cols);
  for (int32_t i = 0; i < t->cols; i++) {
    char name[32];
    t->names[i] = strdup(column_name(names, prefix, numbered, i, name, sizeof name));
    if (!t->names[i]) return cli_fail("out of memory for the names of %d columns", t->cols);
  }
  return CLI_OK;
}

static int print_table(const clf_table *t) {
  for (int64_t row = -1; row < t->rows; row++) {
    char *line;
    if (clf_table_line(t, row, &line) != CLF_OK) return cli_fail_library();
    puts(line);
    free(line);
  }
  return CLI_OK;
}

int cli_put_named(const char *path, const clf_table *t) {
  if (!cli_is_stdout(path)) return clf_table_write(path, t) == CLF_OK ? CLI_OK : cli_fail_library();
  return print_table(t);
}

void cli_lend_ids(const clf_table *from, clf_table *to) {
  to->ids = from ? from->ids : NULL;
  to->id_name = from ? from->id_name : NULL;
}

/* Describes all columns as plain numbers; a missing number is an empty field. */
static int describe_numbers(clf_table *t) {
  t->columns = calloc((size_t)t->cols, sizeof *t->columns);
  for (int32_t c = 0; t->columns && c < t->cols; c++) t->columns[c].decimals = -1;
  return t->columns ? CLI_OK : cli_fail("out of memory to describe %d columns", t->cols);
}

int cli_put_table(const char *path, clf_table *t, const char *prefix, int numbered) {
  int code = name_columns(t, NULL, prefix, numbered);
  if (!code) code = describe_numbers(t);
  return code ? code : cli_put_named(path, t);
}

static int put_rows(const char *path, const clf_flow *flow, clf_table *rows, char *const *names,
                    const char *prefix) {
  const clf_flow_spec *spec = clf_flow_get_spec(flow);
  if (!spec->height || !cli_has_suffix(path, ".npy")) {
    int code = name_columns(rows, names, prefix, 1);
    if (!code && !rows->columns) code = describe_numbers(rows);
    return code ? code : cli_put_named(path, rows);
  }
  const int32_t h = spec->height, w = spec->width, c = spec->channels;
  const int first = cli_image_order(flow) == CLF_ORDER_NCHW;
  const int64_t dim[] = {rows->rows, first ? c : h, first ? h : w, first ? w : c};
  if (first && clf_image_reorder(rows->at, rows->rows, h, w, c, CLF_ORDER_NCHW) != CLF_OK)
    return cli_fail_library();
  return clf_array_write_npy(path, rows->at, 4, dim) == CLF_OK ? CLI_OK : cli_fail_library();
}

/* An array has no labels, so labels become their codes; whole-number columns are rounded. */
static void round_values(clf_table *t) {
  for (int32_t c = 0; c < t->cols; c++) {
    const clf_column *const k = &t->columns[c];
    const int labels = k->kind == CLF_COLUMN_CATEGORY || k->kind == CLF_COLUMN_BOOLEAN;
    if (!labels && k->kind != CLF_COLUMN_INTEGER) continue;
    for (int64_t i = 0; i < t->rows; i++) {
      double *const v = &t->at[i * t->cols + c];
      *v = round(*v) + 0.0;
      if (labels) *v = fmin(fmax(*v, 0), k->category_count - 1);
    }
  }
}

int cli_describe_samples(const clf_flow *flow, clf_table *rows) {
  const clf_column *const kinds = clf_flow_kinds(flow);
  clf_columns copy;
  if (!kinds) return CLI_OK;
  if (clf_columns_copy(&(clf_columns){rows->cols, NULL, (clf_column *)(uintptr_t)kinds}, &copy) !=
      CLF_OK)
    return cli_fail_library();
  rows->columns = copy.at;
  round_values(rows);
  return CLI_OK;
}

int cli_put_samples(const char *path, const clf_flow *flow, clf_table *rows) {
  const int code = cli_describe_samples(flow, rows);
  if (code) return code;
  return put_rows(path, flow, rows, clf_flow_columns(flow), "x");
}

int cli_put_latents(const char *path, const clf_flow *flow, clf_table *rows) {
  return put_rows(path, flow, rows, NULL, "z");
}
