/* SPDX-License-Identifier: MIT */
/* safetensors_header.c: parses the JSON header of a safetensors file in a single pass.
 *
 * A header is an object of objects of three fields each, and one of strings; any other JSON is
 * refused immediately.  So only requested values are stored: no tree is built, nothing nests, and
 * the memory is a small multiple of the header, whatever it contains. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "safetensors_format.h"
#include "status.h"

typedef struct reader {
  clf__st *st;
  char *p, *end; /* the rest of st->text; *end is 0 */
  int64_t entry_room, meta_room;
  int had_meta;
} reader;

/* ---- Tokens ----------------------------------------------------------------- */

static clf_status bad(const reader *r, const char *p, const char *what) {
  return clf__fail(CLF_EFORMAT, "%s: byte %td of its header is invalid: %s", r->st->path,
                   p - r->st->text + 1, what);
}

static void skip_blanks(reader *r) { r->p += strspn(r->p, " \t\r\n"); }

static int accept(reader *r, char c) {
  skip_blanks(r);
  if (*r->p != c) return 0;
  r->p++;
  return 1;
}

static clf_status expect(reader *r, char c) {
  char what[32];
  if (accept(r, c)) return CLF_OK;
  snprintf(what, sizeof what, "'%c' is missing", c);
  return bad(r, r->p, what);
}

/* ---- Strings ---------------------------------------------------------------- */

/* The bytes of the UTF-8 character at p, 0 if there is none: not overlong, not a surrogate, not
 * above U+10FFFF. */
static int utf8_length(const unsigned char *p) {
  static const struct {
    unsigned char first, last, next_min, next_max;
    int length;
  } forms[] = {
      {0x20, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
      {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
      {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    if (*p < forms[i].first || *p > forms[i].last) continue;
    if (forms[i].length == 1) return 1;
    if (p[1] < forms[i].next_min || p[1] > forms[i].next_max) return 0;
    for (int k = 2; k < forms[i].length; k++)
      if ((p[k] & 0xc0) != 0x80) return 0;
    return forms[i].length;
  }
  return 0;
}

static char *put_utf8(char *to, uint32_t c) {
  const int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  static const unsigned char first[] = {0, 0xc0, 0xe0, 0xf0};
  *to++ = (char)(first[more] | c >> (6 * more));
  for (int k = more - 1; k >= 0; k--) *to++ = (char)(0x80 | (c >> (6 * k) & 0x3f));
  return to;
}

/* Four hexadecimal digits. */
static int read_unit(reader *r, uint32_t *unit) {
  *unit = 0;
  for (int i = 0; i < 4; i++, r->p++) {
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *const at = *r->p ? strchr(digits, *r->p) : NULL;
    if (!at) return 0;
    *unit = *unit << 4 | (uint32_t)(at - digits) % 16;
  }
  return 1;
}

/* The character of a "\u", as UTF-8. */
static clf_status read_unicode(reader *r, char **to) {
  const char *const at = r->p;
  uint32_t c, low;
  if (!read_unit(r, &c)) return bad(r, at, "\\u without four hexadecimal digits");
  if (c == 0) return bad(r, at, "a string with a zero in it");
  if (c >= 0xd800 && c < 0xdc00) {
    if (r->p[0] != '\\' || r->p[1] != 'u') return bad(r, at, "half a character");
    r->p += 2;
    if (!read_unit(r, &low) || low < 0xdc00 || low > 0xdfff) return bad(r, at, "half a character");
    c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
  } else if (c >= 0xdc00 && c < 0xe000) {
    return bad(r, at, "half a character");
  }
  *to = put_utf8(*to, c);
  return CLF_OK;
}

/* The character after a backslash. */
static clf_status read_escape(reader *r, char **to) {
  static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
  const char *const at = *r->p ? strchr(names, *r->p) : NULL;
  if (*r->p == 'u') {
    r->p++;
    return read_unicode(r, to);
  }
  if (!at) return bad(r, r->p, "an unknown escape");
  r->p++;
  *(*to)++ = means[at - names];
  return CLF_OK;
}

/* A string in quotes, decoded in place and terminated by 0: it never becomes longer. */
static clf_status read_string(reader *r, const char **string) {
  CLF_TRY(expect(r, '"'));
  char *to = r->p;
  *string = to;
  while (*r->p != '"') {
    if (*r->p == '\\') {
      r->p++;
      CLF_TRY(read_escape(r, &to));
      continue;
    }
    const int n = utf8_length((const unsigned char *)r->p);
    if (n == 0)
      return bad(r, r->p,
                 r->p == r->end               ? "it ends within a string"
                 : (unsigned char)*r->p < ' ' ? "a control character in a string"
                                              : "a string that is not UTF-8");
    memmove(to, r->p, (size_t)n);
    to += n;
    r->p += n;
  }
  r->p++;
  *to = 0;
  return CLF_OK;
}

/* ---- Numbers ---------------------------------------------------------------- */

/* Whether an integer from 0 to 2^63 - 1 follows, in JSON's syntax. */
static int accept_count(reader *r, int64_t *value) {
  skip_blanks(r);
  const size_t digits = strspn(r->p, "0123456789");
  int64_t v = 0;
  if (digits == 0 || (digits > 1 && *r->p == '0') ||
      strchr(".eE", r->p[digits] ? r->p[digits] : ' '))
    return 0;
  for (size_t i = 0; i < digits; i++)
    if (__builtin_mul_overflow(v, (int64_t)10, &v) ||
        __builtin_add_overflow(v, (int64_t)(r->p[i] - '0'), &v))
      return 0;
  r->p += digits;
  *value = v;
  return 1;
}

/* ---- A tensor --------------------------------------------------------------- */

static clf_status bad_fields(const reader *r, const clf__st_entry *e) {
  return clf__fail(CLF_EFORMAT,
                   "%s: tensor \"%s\" must have dtype, shape and data_offsets and nothing else",
                   r->st->path, e->name);
}

static clf_status read_dtype(reader *r, clf__st_entry *e) {
  skip_blanks(r);
  if (*r->p == '"') return read_string(r, &e->dtype);
  return clf__fail(CLF_EFORMAT, "%s: the dtype of tensor \"%s\" is not a string", r->st->path,
                   e->name);
}

static clf_status read_dimension(reader *r, clf__st_entry *e) {
  const clf__st *const st = r->st;
  if (e->rank == CLF_ST_MAX_RANK)
    return clf__fail(CLF_EFORMAT, "%s: tensor \"%s\" has more than %d dimensions", st->path,
                     e->name, CLF_ST_MAX_RANK);
  int64_t *const dim = &e->dim[e->rank];
  if (!accept_count(r, dim))
    return clf__fail(CLF_EFORMAT,
                     "%s: dimension %d of tensor \"%s\" is not an integer from 0 to 2^63 - 1",
                     st->path, e->rank, e->name);
  if (*dim > 0 && e->count > INT64_MAX / *dim)
    return clf__fail(CLF_EFORMAT, "%s: tensor \"%s\" has more than 2^63 - 1 elements", st->path,
                     e->name);
  e->count *= *dim;
  e->rank++;
  return CLF_OK;
}

static clf_status read_shape(reader *r, clf__st_entry *e) {
  e->rank = 0;
  e->count = 1;
  for (int i = 0; i < CLF_ST_MAX_RANK; i++) e->dim[i] = 1;
  if (!accept(r, '['))
    return clf__fail(CLF_EFORMAT, "%s: the shape of tensor \"%s\" is not an array", r->st->path,
                     e->name);
  if (accept(r, ']')) return CLF_OK;
  do CLF_TRY(read_dimension(r, e));
  while (accept(r, ','));
  return expect(r, ']');
}

static clf_status read_offsets(reader *r, clf__st_entry *e) {
  if (accept(r, '[') && accept_count(r, &e->begin) && accept(r, ',') && accept_count(r, &e->end) &&
      accept(r, ']') && e->begin <= e->end)
    return CLF_OK;
  return clf__fail(CLF_EFORMAT,
                   "%s: the data_offsets of tensor \"%s\" are not two integers from 0 up, the "
                   "second not below the first",
                   r->st->path, e->name);
}

static clf_status read_tensor(reader *r, clf__st_entry *e) {
  static const struct {
    const char *name;
    clf_status (*read)(reader *r, clf__st_entry *e);
  } fields[] = {{"dtype", read_dtype}, {"shape", read_shape}, {"data_offsets", read_offsets}};
  enum { FIELDS = sizeof fields / sizeof *fields };
  unsigned seen = 0;
  if (!accept(r, '{')) return bad_fields(r, e);
  for (int more = 1; more; more = accept(r, ',')) {
    const char *name;
    size_t k = 0;
    skip_blanks(r);
    if (*r->p == '}' && !seen) return bad_fields(r, e);
    CLF_TRY(read_string(r, &name));
    while (k < FIELDS && strcmp(fields[k].name, name) != 0) k++;
    if (k == FIELDS || seen >> k & 1) return bad_fields(r, e);
    seen |= 1U << k;
    CLF_TRY(expect(r, ':'));
    CLF_TRY(fields[k].read(r, e));
  }
  CLF_TRY(expect(r, '}'));
  return seen == (1U << FIELDS) - 1 ? CLF_OK : bad_fields(r, e);
}

/* ---- The whole header ------------------------------------------------------------------------ */

/* Room for one more element of `size` bytes; NULL if memory runs out. */
static void *grow(void *at, int64_t count, int64_t *room, size_t size) {
  if (count < *room) return at;
  const int64_t more = *room ? 2 * *room : 32;
  void *const bigger = realloc(at, (size_t)more * size);
  if (bigger) *room = more;
  return bigger;
}

static clf_status no_memory(const reader *r) {
  return clf__fail(CLF_ENOMEM, "%s: no memory for its header of %zu bytes", r->st->path,
                   r->st->header);
}

static clf_status add_tensor(reader *r, const char *name) {
  clf__st *const st = r->st;
  clf__st_entry *const at = grow(st->entry, st->count, &r->entry_room, sizeof *at);
  if (!at) return no_memory(r);
  st->entry = at;
  at[st->count] = (clf__st_entry){.name = name};
  CLF_TRY(read_tensor(r, &at[st->count]));
  st->count++;
  return CLF_OK;
}

static clf_status add_metadata(reader *r, const char *key) {
  clf__st *const st = r->st;
  clf__st_pair *const at = grow(st->meta, st->metas, &r->meta_room, sizeof *at);
  if (!at) return no_memory(r);
  st->meta = at;
  at[st->metas] = (clf__st_pair){key, NULL};
  skip_blanks(r);
  if (*r->p != '"')
    return clf__fail(CLF_EFORMAT, "%s: metadata \"%s\" is not a string", st->path, key);
  CLF_TRY(read_string(r, &at[st->metas].value));
  st->metas++;
  return CLF_OK;
}

/* An object, calling `read` for each key. */
static clf_status read_object(reader *r, clf_status (*read)(reader *r, const char *key)) {
  CLF_TRY(expect(r, '{'));
  if (accept(r, '}')) return CLF_OK;
  do {
    const char *key;
    CLF_TRY(read_string(r, &key));
    CLF_TRY(expect(r, ':'));
    CLF_TRY(read(r, key));
  } while (accept(r, ','));
  return expect(r, '}');
}

static clf_status add(reader *r, const char *key) {
  if (strcmp(key, CLF_ST_META) != 0) return add_tensor(r, key);
  skip_blanks(r);
  if (*r->p != '{')
    return clf__fail(CLF_EFORMAT, "%s: its " CLF_ST_META " is not an object", r->st->path);
  if (r->had_meta) return bad(r, r->p, CLF_ST_META " is duplicate");
  r->had_meta = 1;
  return read_object(r, add_metadata);
}

static int by_key(const void *pa, const void *pb) {
  const clf__st_pair *const a = pa, *const b = pb;
  return strcmp(a->key, b->key);
}

static clf_status sort_metadata(const clf__st *st) {
  if (st->metas) qsort(st->meta, (size_t)st->metas, sizeof *st->meta, by_key);
  for (int64_t i = 1; i < st->metas; i++)
    if (strcmp(st->meta[i - 1].key, st->meta[i].key) == 0)
      return clf__fail(CLF_EFORMAT, "%s: metadata \"%s\" is duplicate", st->path, st->meta[i].key);
  return CLF_OK;
}

clf_status clf__st_read_header(clf__st *st) {
  reader r = {.st = st};
  st->text = malloc(st->header + 1);
  if (!st->text) return no_memory(&r);
  memcpy(st->text, st->bytes + 8, st->header);
  st->text[st->header] = 0;
  r.p = st->text;
  r.end = st->text + st->header;
  CLF_TRY(read_object(&r, add));
  skip_blanks(&r);
  if (r.p != r.end) return bad(&r, r.p, "something follows it");
  return sort_metadata(st);
}

const char *clf__st_meta(const clf__st *st, const char *key) {
  const clf__st_pair want = {key, NULL};
  const clf__st_pair *const hit =
      st->metas ? bsearch(&want, st->meta, (size_t)st->metas, sizeof want, by_key) : NULL;
  return hit ? hit->value : NULL;
}

int clf__st_meta_count(const clf__st *st) { return st->metas; }

const char *clf__st_meta_at(const clf__st *st, int i, const char **value) {
  *value = st->meta[i].value;
  return st->meta[i].key;
}
