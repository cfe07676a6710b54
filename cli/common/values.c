/* SPDX-License-Identifier: MIT */
/* values.c: option values: how each type is parsed, refused and printed. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const char a_word[] = "a word";

static const struct {
  const char *wanted;
  size_t size;
} types[] = {
    [CLI_HEADING] = {"", 0},
    [CLI_OPERAND] = {a_word, sizeof(const char *)},
    [CLI_TEXT] = {a_word, sizeof(const char *)},
    [CLI_INPUT] = {a_word, sizeof(const char *)},
    [CLI_FLOW] = {a_word, sizeof(const char *)},
    [CLI_CONTEXT] = {a_word, sizeof(const char *)},
    [CLI_DATA] = {a_word, sizeof(const char *)},
    [CLI_OUTPUT] = {a_word, sizeof(const char *)},
    [CLI_OUTPUT_MODEL] = {a_word, sizeof(const char *)},
    [CLI_OUTPUT_LOG] = {a_word, sizeof(const char *)},
    [CLI_TEXTS] = {"up to 16 words of less than 64 letters, separated by commas",
                   sizeof(cli_texts)},
    [CLI_LIST] = {"a word, at most 16 times", sizeof(cli_list)},
    [CLI_CHOICE] = {"one of", sizeof(int)},
    [CLI_FLAG] = {"no value", sizeof(int)},
    [CLI_FLAG_OFF] = {"no value", sizeof(int)},
    [CLI_COUNT32] = {"a whole number from 1", sizeof(int32_t)},
    [CLI_INDEX32] = {"a whole number from 0", sizeof(int32_t)},
    [CLI_COUNT] = {"a whole number from 1", sizeof(int64_t)},
    [CLI_INDEX] = {"a whole number from 0", sizeof(int64_t)},
    [CLI_SEED] = {"a whole number from 0 to 18446744073709551615", sizeof(uint64_t)},
    [CLI_MIB] = {"a whole number from 1", sizeof(uint64_t)},
    [CLI_NUMBER] = {"a number", sizeof(double)},
    [CLI_ABOVE_0] = {"a number above 0", sizeof(double)},
    [CLI_FROM_0] = {"a number from 0", sizeof(double)},
    [CLI_PART] = {"a number from 0 and below 1", sizeof(double)},
    [CLI_PERCENT] = {"a percentage from 0", sizeof(double)},
    [CLI_CHANNELS] = {"1 or 3", sizeof(int32_t)},
    [CLI_SIZE] = {"a size in pixels, HEIGHTxWIDTH or one number for both", 2 * sizeof(int32_t)},
    [CLI_GRID] = {"rows and columns, ROWSxCOLUMNS or one number for both", 2 * sizeof(int32_t)},
    [CLI_CHAR] = {"a character, tab or space", sizeof(char)},
};

int cli_is_word(cli_type type) { return types[type].wanted == a_word; }

size_t cli_size(cli_type type) { return types[type].size; }

/* Values are copied byte by byte, because the destination may be an enum. */
static int store(const cli_option *o, const void *value) {
  memcpy(o->to, value, types[o->type].size);
  return 0;
}

static int64_t most_whole(cli_type type) {
  return types[type].size == sizeof(int32_t) ? INT32_MAX : INT64_MAX;
}

static int set_whole(const cli_option *o, const char *text) {
  if (*text == '\0' || text[strspn(text, "0123456789")] != '\0') return -1;
  errno = 0;
  const uint64_t value = strtoull(text, NULL, 10);
  if (errno) return -1;
  if (o->type == CLI_SEED) return store(o, &value);
  if (o->type == CLI_MIB && value > 0 && value <= INT64_MAX) {
    const uint64_t maximum = UINT64_MAX >> 20, bytes = (value < maximum ? value : maximum) << 20;
    return store(o, &bytes);
  }
  const uint64_t low = o->type == CLI_INDEX || o->type == CLI_INDEX32 ? 0 : 1;
  if (value < low || value > (uint64_t)most_whole(o->type)) return -1;
  if (o->type == CLI_CHANNELS && value != 1 && value != 3) return -1;
  if (types[o->type].size == sizeof(int32_t)) return store(o, &(int32_t){(int32_t)value});
  return store(o, &(int64_t){(int64_t)value});
}

static int set_real(const cli_option *o, const char *text) {
  char *end;
  const double value = strtod(text, &end);
  /* strtod() would skip blanks, which nobody types on purpose. */
  if (end == text || *end != '\0' || !strchr("+-.0123456789", *text) || !isfinite(value)) return -1;
  if (o->type == CLI_ABOVE_0 && value <= 0) return -1;
  if (o->type == CLI_FROM_0 && value < 0) return -1;
  if (o->type == CLI_PART && (value < 0 || value >= 1)) return -1;
  return store(o, &value);
}

static int set_percent(const cli_option *o, const char *text) {
  char *end;
  const double value = strtod(text, &end);
  if (end == text || (*end && strcmp(end, "%") != 0)) return -1;
  if (!strchr("+.0123456789", *text) || !isfinite(value)) return -1;
  return store(o, &(double){value / 100});
}

/* Appends to the texts given before. */
static int set_texts(const cli_option *o, const char *text) {
  cli_texts *list = o->to;
  for (size_t n; text; text = text[n] ? text + n + 1 : NULL) {
    n = strcspn(text, ",");
    if (n == 0 || n >= sizeof *list->at || list->count == CLI_TEXTS_MOST) return -1;
    snprintf(list->at[list->count++], sizeof *list->at, "%.*s", (int)n, text);
  }
  return 0;
}

static int add_to_list(const cli_option *o, const char *text) {
  cli_list *list = o->to;
  if (!*text || list->count == CLI_LIST_MOST) return -1;
  list->at[list->count++] = text;
  return 0;
}

/* Parses "28x32", or "28" for both. */
static int set_size(const cli_option *o, const char *text) {
  int32_t size[2];
  for (int i = 0; i < 2; i++) {
    char *end;
    if (*text < '0' || *text > '9') return -1;
    errno = 0;
    const long value = strtol(text, &end, 10);
    if (errno || value < 1 || value > INT32_MAX) return -1;
    size[i] = (int32_t)value;
    if (i == 0 && *end == '\0') size[i = 1] = (int32_t)value;
    if (*end != (i == 0 ? 'x' : '\0')) return -1;
    text = end + 1;
  }
  return store(o, size);
}

static int set_char(const cli_option *o, const char *text) {
  if (strcmp(text, "tab") == 0 || strcmp(text, "\\t") == 0) return store(o, "\t");
  if (strcmp(text, "space") == 0) return store(o, " ");
  return *text && !text[1] && (*text == '\t' || (*text >= ' ' && *text < 0x7f)) ? store(o, text)
                                                                                : -1;
}

static int set_choice(const cli_option *o, const char *text) {
  const size_t length = strlen(text);
  int index = 0;
  for (const char *word = o->arg; word; index++) {
    const size_t n = strcspn(word, "|");
    if (n == length && strncmp(word, text, n) == 0) return store(o, &index);
    word = word[n] ? word + n + 1 : NULL;
  }
  return -1;
}

int cli_set_value(const cli_option *o, const char *text) {
  switch (o->type) {
  case CLI_HEADING: return 0;
  case CLI_OPERAND:
  case CLI_TEXT:
  case CLI_INPUT:
  case CLI_FLOW:
  case CLI_CONTEXT:
  case CLI_DATA:
  case CLI_OUTPUT:
  case CLI_OUTPUT_MODEL:
  case CLI_OUTPUT_LOG: return *text ? store(o, &text) : -1;
  case CLI_TEXTS: return set_texts(o, text);
  case CLI_LIST: return add_to_list(o, text);
  case CLI_CHOICE: return set_choice(o, text);
  case CLI_FLAG: return store(o, &(int){1});
  case CLI_FLAG_OFF: return store(o, &(int){0});
  case CLI_COUNT32:
  case CLI_INDEX32:
  case CLI_COUNT:
  case CLI_INDEX:
  case CLI_SEED:
  case CLI_MIB:
  case CLI_CHANNELS: return set_whole(o, text);
  case CLI_SIZE:
  case CLI_GRID: return set_size(o, text);
  case CLI_CHAR: return set_char(o, text);
  case CLI_NUMBER:
  case CLI_ABOVE_0:
  case CLI_FROM_0:
  case CLI_PART: return set_real(o, text);
  case CLI_PERCENT: return set_percent(o, text);
  }
  return -1;
}

int cli_refuse_value(const cli_option *o, const char *text) {
  const int digits = *text != '\0' && text[strspn(text, "0123456789")] == '\0';
  const int too_large = digits && text[strspn(text, "0")] != '\0';
  if (o->type == CLI_CHOICE)
    return cli_usage("%s takes one of %s, got \"%s\"", o->name, o->arg, text);
  if (types[o->type].wanted == a_word)
    return cli_usage("%s takes a word, got an empty one", o->name);
  if (too_large && (o->type == CLI_COUNT32 || o->type == CLI_INDEX32 || o->type == CLI_COUNT ||
                    o->type == CLI_INDEX || o->type == CLI_MIB))
    return cli_usage("%s takes %s to %" PRId64 ", got \"%s\"", o->name, types[o->type].wanted,
                     most_whole(o->type), text);
  return cli_usage("%s takes %s, got \"%s\"", o->name, types[o->type].wanted, text);
}

int cli_check_value(const cli_option *o, const char *text) {
  union {
    double real; /* for alignment */
    char bytes[sizeof(cli_texts)];
  } room = {0};
  cli_option copy = *o;
  copy.to = &room;
  return cli_set_value(&copy, text) ? cli_refuse_value(o, text) : CLI_OK;
}

static void format_choice(const char *words, int index, char *text, size_t size) {
  for (; index > 0; index--) words = strchr(words, '|') + 1;
  snprintf(text, size, "%.*s", (int)strcspn(words, "|"), words);
}

static void format_char(char ch, char *text, size_t size) {
  if (ch == '\t' || ch == ' ')
    snprintf(text, size, "%s", ch == ' ' ? "space" : "tab");
  else
    snprintf(text, size, "%c", ch);
}

void cli_join_texts(const cli_texts *words, char *text, size_t size) {
  size_t used = 0;
  *text = '\0';
  for (int i = 0; i < words->count && used < size; i++)
    used += (size_t)snprintf(text + used, size - used, "%s%s", i ? "," : "", words->at[i]);
}

void cli_format(const cli_option *o, const void *value, char *text, size_t size) {
  union {
    const char *word;
    char mark;
    int flag;
    int32_t i32, size[2];
    int64_t i64;
    uint64_t u64;
    double real;
    cli_texts texts;
    cli_list list;
  } v;
  memcpy(&v, value, types[o->type].size);
  switch (o->type) {
  case CLI_HEADING: snprintf(text, size, "%s", ""); break;
  case CLI_OPERAND:
  case CLI_TEXT:
  case CLI_INPUT:
  case CLI_FLOW:
  case CLI_CONTEXT:
  case CLI_DATA:
  case CLI_OUTPUT:
  case CLI_OUTPUT_MODEL:
  case CLI_OUTPUT_LOG: snprintf(text, size, "%s", v.word); break;
  case CLI_TEXTS: cli_join_texts(&v.texts, text, size); break;
  case CLI_LIST: snprintf(text, size, "%d words", v.list.count); break;
  case CLI_CHOICE: format_choice(o->arg, v.flag, text, size); break;
  case CLI_FLAG:
  case CLI_FLAG_OFF: snprintf(text, size, "%s", v.flag ? "yes" : "no"); break;
  case CLI_SIZE:
  case CLI_GRID: snprintf(text, size, "%" PRId32 "x%" PRId32, v.size[0], v.size[1]); break;
  case CLI_CHAR: format_char(v.mark, text, size); break;
  case CLI_COUNT32:
  case CLI_INDEX32:
  case CLI_CHANNELS: snprintf(text, size, "%" PRId32, v.i32); break;
  case CLI_COUNT:
  case CLI_INDEX: snprintf(text, size, "%" PRId64, v.i64); break;
  case CLI_SEED: snprintf(text, size, "%" PRIu64, v.u64); break;
  case CLI_MIB: snprintf(text, size, "%" PRIu64, v.u64 >> 20); break;
  case CLI_NUMBER:
  case CLI_ABOVE_0:
  case CLI_FROM_0:
  case CLI_PART: snprintf(text, size, "%.10g", v.real); break;
  case CLI_PERCENT: snprintf(text, size, "%.10g%%", 100 * v.real); break;
  }
}

/* ---- What --given says ----------------------------------------------------------------------- */

size_t cli_archive_length(const char *word) {
  for (const char *p = word; (p = strchr(p, ':')); p++)
    if (p - word > 4 && strncasecmp(p - 4, ".npz", 4) == 0 && p[1]) return (size_t)(p - word);
  return 0;
}

/* Decides by the name, so that a file without a suffix that has the name of a column is not
 * taken for it. */
int cli_given_is_file(const char *word) {
  static const char *const endings[] = {".csv", ".tsv", ".txt", ".npy", ".npz", ".gz"};
  int is = 0;
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
    is |= cli_has_suffix(word, endings[i]);
  return is || cli_archive_length(word) || (strchr(word, '/') && access(word, R_OK) == 0);
}
