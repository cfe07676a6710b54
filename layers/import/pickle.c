/* SPDX-License-Identifier: MIT */
/* pickle.c: an inert unpickler for protocols 0 to 5. */
#include "pickle.h"
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "status.h"

/* ---- Memory -------------------------------------------------------------------------------- */

typedef struct block {
  struct block *before;
  size_t used, room;
} block;

struct clf__pickle {
  block *last;
  size_t left; /* bytes that values may still take */
};

/* The memory that the values of a file of this size may take: checkpoints need less than 16 bytes
 * for each byte of the file; small files may need more. */
static size_t allowance(size_t file) {
  enum { EACH = 32, FIXED = 16 << 20 };
  return file > (SIZE_MAX - FIXED) / EACH ? SIZE_MAX : EACH * file + FIXED;
}

/* Allocates memory aligned for any value; NULL if memory runs out or the allowance is used up:
 * lacks() tells which. */
static void *take(clf__pickle *p, size_t n) {
  n = (n + 15) / 16 * 16;
  if (n > p->left) {
    p->left = 0;
    return NULL;
  }
  p->left -= n;
  if (!p->last || p->last->room - p->last->used < n) {
    const size_t usual = 1 << 16, room = n > usual ? n : usual,
                 head = (sizeof(block) + 15) / 16 * 16;
    if (room > SIZE_MAX - head) return NULL;
    block *b = malloc(head + room);
    if (!b) return NULL;
    *b = (block){.before = p->last, .room = room};
    p->last = b;
  }
  void *at = (char *)p->last + (sizeof(block) + 15) / 16 * 16 + p->last->used;
  p->last->used += n;
  return at;
}

void clf__pickle_free(clf__pickle *p) {
  if (!p) return;
  for (block *b = p->last, *before; b; b = before) {
    before = b->before;
    free(b);
  }
  free(p);
}

/* ---- The machine --------------------------------------------------------------------------- */

typedef struct machine {
  clf__pickle *p;
  const unsigned char *bytes;
  size_t size, at, opcode; /* opcode: position of the current one */
  size_t file;             /* size of the whole file */
  clf__pk **stack;
  size_t depth, stack_room;
  size_t *marks;
  size_t mark_count, mark_room;
  clf__pk **memo;
  size_t memo_room, memo_next; /* memo_next: index of the next MEMOIZE */
} machine;

/* Both return a constant, so that compilers see that callers never go on without a result. */
static clf_status bad(const machine *m, const char *what) {
  clf__fail(CLF_EFORMAT, "the pickle is damaged at byte %zu: %s", m->opcode, what);
  return CLF_EFORMAT;
}
static clf_status lacks(const machine *m) {
  if (m->p && !m->p->left) {
    clf__fail(CLF_EFORMAT,
              "the pickle is damaged or malicious: at byte %zu its values take more memory than a "
              "file of %zu bytes may",
              m->opcode, m->file);
    return CLF_EFORMAT;
  }
  clf__fail(CLF_ENOMEM, "no memory for a pickle");
  return CLF_ENOMEM;
}

static clf_status need(const machine *m, uint64_t n) {
  return n <= m->size - m->at ? CLF_OK : bad(m, "it ends early");
}
static clf_status read_number(machine *m, int bytes, uint64_t *v) {
  CLF_TRY(need(m, (uint64_t)bytes));
  *v = 0;
  for (int i = 0; i < bytes; i++) *v |= (uint64_t)m->bytes[m->at + (size_t)i] << (8 * i);
  m->at += (size_t)bytes;
  return CLF_OK;
}
/* Reads up to the end of the line, which is skipped. */
static clf_status read_line(machine *m, const char **s, size_t *n) {
  const unsigned char *end = memchr(m->bytes + m->at, '\n', m->size - m->at);
  if (!end) return bad(m, "it ends early");
  *s = (const char *)m->bytes + m->at;
  *n = (size_t)(end - m->bytes) - m->at;
  m->at += *n + 1;
  return CLF_OK;
}

static clf_status make(machine *m, clf__pk_kind kind, clf__pk **v) {
  *v = take(m->p, sizeof **v);
  if (!*v) return lacks(m);
  **v = (clf__pk){.kind = kind};
  return CLF_OK;
}

/* Enlarges an array by at least one element. */
static clf_status grow(machine *m, void *array, size_t *room, size_t each) {
  void **at = array;
  const size_t more = *room ? 2 * *room : 64, added = (more - *room) * each;
  if (added > m->p->left) m->p->left = 0;
  m->p->left -= m->p->left ? added : 0;
  void *bigger = m->p->left && more <= SIZE_MAX / each ? realloc(*at, more * each) : NULL;
  if (!bigger) return lacks(m);
  *at = bigger;
  *room = more;
  return CLF_OK;
}

static clf_status push(machine *m, clf__pk *v) {
  if (m->depth == m->stack_room) CLF_TRY(grow(m, &m->stack, &m->stack_room, sizeof *m->stack));
  m->stack[m->depth++] = v;
  return CLF_OK;
}
/* Values below the last mark are out of reach until the mark is removed. */
static size_t floor_of(const machine *m) { return m->mark_count ? m->marks[m->mark_count - 1] : 0; }
static clf_status pop(machine *m, clf__pk **v) {
  if (m->depth <= floor_of(m)) return bad(m, "its stack is empty");
  *v = m->stack[--m->depth];
  return CLF_OK;
}
static clf_status top(const machine *m, clf__pk **v) {
  if (m->depth <= floor_of(m)) return bad(m, "its stack is empty");
  *v = m->stack[m->depth - 1];
  return CLF_OK;
}
static clf_status mark(machine *m) {
  if (m->mark_count == m->mark_room) CLF_TRY(grow(m, &m->marks, &m->mark_room, sizeof *m->marks));
  m->marks[m->mark_count++] = m->depth;
  return CLF_OK;
}
/* Removes the last mark and the values above it, which stay valid until the next push. */
static clf_status pop_mark(machine *m, clf__pk ***at, size_t *n) {
  if (!m->mark_count) return bad(m, "it has no mark");
  const size_t from = m->marks[--m->mark_count];
  *at = m->stack ? m->stack + from : NULL; /* an empty stack has no memory yet */
  *n = m->depth - from;
  m->depth = from;
  return CLF_OK;
}

/* ---- Values -------------------------------------------------------------------------------- */

static clf_status push_text(machine *m, clf__pk_kind kind, const char *s, size_t n) {
  clf__pk *v;
  CLF_TRY(make(m, kind, &v));
  char *copy = take(m->p, n + 1);
  if (!copy) return lacks(m);
  memcpy(copy, s, n);
  copy[n] = 0;
  v->text = copy;
  v->length = n;
  return push(m, v);
}
static clf_status push_sized(machine *m, clf__pk_kind kind, int bytes) {
  uint64_t n;
  CLF_TRY(read_number(m, bytes, &n));
  CLF_TRY(need(m, n));
  const char *s = (const char *)m->bytes + m->at;
  m->at += (size_t)n;
  return push_text(m, kind, s, (size_t)n);
}
static clf_status push_int(machine *m, clf__pk_kind kind, int64_t number) {
  clf__pk *v;
  CLF_TRY(make(m, kind, &v));
  v->number = number;
  return push(m, v);
}
static clf_status push_empty(machine *m, clf__pk_kind kind) {
  clf__pk *v;
  CLF_TRY(make(m, kind, &v));
  return push(m, v);
}

static clf_status append(machine *m, clf__pk *list, clf__pk **at, size_t n) {
  if ((uint64_t)list->count + n > (uint64_t)list->room) {
    const size_t room = 2 * ((size_t)list->count + n);
    clf__pk **bigger = take(m->p, room * sizeof *bigger);
    if (!bigger) return lacks(m);
    if (list->count) memcpy(bigger, list->at, (size_t)list->count * sizeof *bigger);
    list->at = bigger;
    list->room = (int64_t)room;
  }
  if (n) memcpy(list->at + list->count, at, n * sizeof *at);
  list->count += (int64_t)n;
  return CLF_OK;
}
static clf_status push_list(machine *m, clf__pk_kind kind, clf__pk **at, size_t n) {
  clf__pk *v, **copy = NULL;
  CLF_TRY(make(m, kind, &v));
  if (kind == CLF_PK_DICT && n % 2) return bad(m, "a dictionary has a key without a value");
  if (n) {
    copy = take(m->p, n * sizeof *copy);
    if (!copy) return lacks(m);
    memcpy(copy, at, n * sizeof *copy);
  }
  v->at = copy;
  v->count = v->room = (int64_t)n;
  return push(m, v);
}
static clf_status push_marked(machine *m, clf__pk_kind kind) {
  clf__pk **at;
  size_t n;
  CLF_TRY(pop_mark(m, &at, &n));
  return push_list(m, kind, at, n);
}
static clf_status push_tuple(machine *m, size_t n) {
  clf__pk *at[3];
  for (size_t i = n; i--;) CLF_TRY(pop(m, &at[i]));
  return push_list(m, CLF_PK_TUPLE, at, n);
}

/* The container for items of that kind: the value itself, or the items of an object. */
static clf_status container(machine *m, clf__pk *v, clf__pk_kind kind, clf__pk **c) {
  *c = v;
  if (v->kind == kind) return CLF_OK;
  if (v->kind != CLF_PK_OBJECT) return bad(m, "it fills something that holds no items");
  if (!v->items) CLF_TRY(make(m, kind, &v->items));
  *c = v->items;
  return v->items->kind == kind ? CLF_OK : bad(m, "it fills an object in two ways");
}
static clf_status fill_one(machine *m, clf__pk_kind kind) {
  clf__pk *at[2], *v, *c;
  const size_t n = kind == CLF_PK_DICT ? 2 : 1;
  for (size_t i = n; i--;) CLF_TRY(pop(m, &at[i]));
  CLF_TRY(top(m, &v));
  CLF_TRY(container(m, v, kind, &c));
  return append(m, c, at, n);
}
static clf_status fill_marked(machine *m, clf__pk_kind kind) {
  clf__pk **at, *v, *c;
  size_t n;
  CLF_TRY(pop_mark(m, &at, &n));
  if (kind == CLF_PK_DICT && n % 2) return bad(m, "a dictionary has a key without a value");
  CLF_TRY(top(m, &v));
  CLF_TRY(container(m, v, kind, &c));
  return append(m, c, at, n);
}

static clf_status push_object(machine *m, clf__pk *cls, clf__pk *args) {
  clf__pk *v;
  CLF_TRY(make(m, CLF_PK_OBJECT, &v));
  v->cls = cls;
  v->args = args;
  return push(m, v);
}
/* REDUCE and NEWOBJ take a callable and a tuple of arguments; NEWOBJ_EX also a dictionary. */
static clf_status object_of_stack(machine *m, int named) {
  clf__pk *cls, *args, *names;
  if (named) CLF_TRY(pop(m, &names));
  CLF_TRY(pop(m, &args));
  CLF_TRY(pop(m, &cls));
  return push_object(m, cls, args);
}
static clf_status object_of_marked(machine *m, clf__pk *cls) {
  clf__pk *args;
  CLF_TRY(push_marked(m, CLF_PK_TUPLE));
  CLF_TRY(pop(m, &args));
  return push_object(m, cls, args);
}
static clf_status build(machine *m) {
  clf__pk *state, *v;
  CLF_TRY(pop(m, &state));
  CLF_TRY(top(m, &v));
  if (v->kind != CLF_PK_OBJECT) return bad(m, "it gives a state to something that is no object");
  v->state = state;
  return CLF_OK;
}

static clf_status push_global(machine *m, const char *module, size_t m_n, const char *name,
                              size_t n) {
  char text[1024];
  if (m_n + n + 2 > sizeof text) return bad(m, "a name is too long");
  memcpy(text, module, m_n);
  text[m_n] = '.';
  memcpy(text + m_n + 1, name, n);
  return push_text(m, CLF_PK_GLOBAL, text, m_n + n + 1);
}
static clf_status global_of_lines(machine *m) {
  const char *module, *name;
  size_t m_n, n;
  CLF_TRY(read_line(m, &module, &m_n));
  CLF_TRY(read_line(m, &name, &n));
  return push_global(m, module, m_n, name, n);
}
static clf_status global_of_stack(machine *m) {
  clf__pk *module, *name;
  CLF_TRY(pop(m, &name));
  CLF_TRY(pop(m, &module));
  if (module->kind != CLF_PK_TEXT || name->kind != CLF_PK_TEXT)
    return bad(m, "a class has no name");
  return push_global(m, module->text, module->length, name->text, name->length);
}
static clf_status persistent(machine *m) {
  clf__pk *id;
  CLF_TRY(pop(m, &id));
  return push_list(m, CLF_PK_PERSISTENT, &id, 1);
}

/* ---- The memo ------------------------------------------------------------------------------ */

/* Python numbers its memo in the order of use, so an index beyond the bytes read so far is an
 * attempt to exhaust memory. */
static clf_status put(machine *m, uint64_t i) {
  clf__pk *v;
  CLF_TRY(top(m, &v));
  if (i > m->at) return bad(m, "an index of its memo is too large");
  while (i >= m->memo_room) {
    const size_t from = m->memo_room;
    CLF_TRY(grow(m, &m->memo, &m->memo_room, sizeof *m->memo));
    memset(m->memo + from, 0, (m->memo_room - from) * sizeof *m->memo);
  }
  m->memo[i] = v;
  if (i >= m->memo_next) m->memo_next = (size_t)i + 1;
  return CLF_OK;
}
static clf_status get(machine *m, uint64_t i) {
  if (i >= m->memo_room || !m->memo[i]) return bad(m, "its memo has no such entry");
  return push(m, m->memo[i]);
}
static clf_status memo_of_number(machine *m, int bytes, clf_status (*use)(machine *, uint64_t)) {
  uint64_t i;
  CLF_TRY(read_number(m, bytes, &i));
  return use(m, i);
}
static clf_status memo_of_line(machine *m, clf_status (*use)(machine *, uint64_t)) {
  const char *s;
  size_t n;
  uint64_t i = 0;
  CLF_TRY(read_line(m, &s, &n));
  for (size_t k = 0; k < n; k++) {
    if (s[k] < '0' || s[k] > '9' || i > UINT32_MAX) return bad(m, "an index is no number");
    i = 10 * i + (uint64_t)(s[k] - '0');
  }
  return use(m, i);
}

/* ---- Numbers ------------------------------------------------------------------------------- */

static clf_status push_real(machine *m, double real) {
  clf__pk *v;
  CLF_TRY(make(m, CLF_PK_REAL, &v));
  v->real = real;
  return push(m, v);
}
static clf_status real_of_bytes(machine *m) {
  uint64_t low;
  double real;
  CLF_TRY(read_number(m, 8, &low));
  uint64_t bits = 0;
  for (int i = 0; i < 8; i++) bits |= (low >> (8 * i) & 255) << (8 * (7 - i));
  memcpy(&real, &bits, sizeof real);
  return push_real(m, real);
}
/* LONG1 and LONG4: two's complement of any length; no size needs more than 64 bits. */
static clf_status long_of_bytes(machine *m, int bytes) {
  uint64_t n, v = 0;
  CLF_TRY(read_number(m, bytes, &n));
  CLF_TRY(need(m, n));
  const unsigned char *s = m->bytes + m->at;
  m->at += (size_t)n;
  if (n > 8) return push_real(m, s[n - 1] & 128 ? -1e300 : 1e300);
  for (uint64_t i = 0; i < n; i++) v |= (uint64_t)s[i] << (8 * i);
  if (n && n < 8 && s[n - 1] & 128) v |= UINT64_MAX << (8 * n);
  return push_int(m, CLF_PK_INT, (int64_t)v);
}
/* "12", "01" for True, "12L", "1.5": protocol 0. */
static clf_status number_of_line(machine *m, int real) {
  const char *s;
  size_t n;
  char text[64], *end;
  CLF_TRY(read_line(m, &s, &n));
  if (!n || n >= sizeof text) return bad(m, "a number is too long");
  memcpy(text, s, n);
  text[n] = 0;
  if (text[n - 1] == 'L') text[n - 1] = 0;
  if (!real && n == 2 && text[0] == '0') return push_int(m, CLF_PK_BOOL, text[1] == '1');
  if (real) return push_real(m, strtod(text, &end));
  return push_int(m, CLF_PK_INT, strtoll(text, &end, 10));
}
/* 'text' in quotes, or bare. */
static clf_status text_of_line(machine *m) {
  const char *s;
  size_t n;
  CLF_TRY(read_line(m, &s, &n));
  if (n >= 2 && (s[0] == '\'' || s[0] == '"') && s[n - 1] == s[0]) s++, n -= 2;
  return push_text(m, CLF_PK_TEXT, s, n);
}

/* ---- Opcodes ------------------------------------------------------------------------------- */

static clf_status step_values(machine *m, unsigned char code, int *known);
static clf_status step_stack(machine *m, unsigned char code, int *known);

static clf_status step(machine *m, int *done) {
  uint64_t skip;
  int known = 1;
  m->opcode = m->at;
  CLF_TRY(need(m, 1));
  const unsigned char code = m->bytes[m->at++];
  switch (code) {
  case '.': *done = 1; return CLF_OK;
  case 0x80: return read_number(m, 1, &skip); /* PROTO */
  case 0x95: return read_number(m, 8, &skip); /* FRAME */
  default: break;
  }
  CLF_TRY(step_values(m, code, &known));
  if (known) return CLF_OK;
  known = 1;
  CLF_TRY(step_stack(m, code, &known));
  if (known) return CLF_OK;
  return clf__fail(CLF_EFORMAT,
                   "the pickle has the opcode 0x%02x at byte %zu, which torch does not write", code,
                   m->opcode);
}

/* Opcodes that push values. */
static clf_status step_values(machine *m, unsigned char code, int *known) {
  uint64_t v;
  switch (code) {
  case 'N': return push_empty(m, CLF_PK_NONE);
  case 0x88: return push_int(m, CLF_PK_BOOL, 1);
  case 0x89: return push_int(m, CLF_PK_BOOL, 0);
  case 'J': CLF_TRY(read_number(m, 4, &v)); return push_int(m, CLF_PK_INT, (int32_t)(uint32_t)v);
  case 'K': CLF_TRY(read_number(m, 1, &v)); return push_int(m, CLF_PK_INT, (int64_t)v);
  case 'M': CLF_TRY(read_number(m, 2, &v)); return push_int(m, CLF_PK_INT, (int64_t)v);
  case 0x8a: return long_of_bytes(m, 1);
  case 0x8b: return long_of_bytes(m, 4);
  case 'G': return real_of_bytes(m);
  case 'I':
  case 'L': return number_of_line(m, 0);
  case 'F': return number_of_line(m, 1);
  case 'S':
  case 'V': return text_of_line(m);
  case 'T': return push_sized(m, CLF_PK_BYTES, 4);
  case 'U': return push_sized(m, CLF_PK_BYTES, 1);
  case 'B': return push_sized(m, CLF_PK_BYTES, 4);
  case 'C': return push_sized(m, CLF_PK_BYTES, 1);
  case 0x8e:
  case 0x96: return push_sized(m, CLF_PK_BYTES, 8);
  case 'X': return push_sized(m, CLF_PK_TEXT, 4);
  case 0x8c: return push_sized(m, CLF_PK_TEXT, 1);
  case 0x8d: return push_sized(m, CLF_PK_TEXT, 8);
  case ']':
  case 0x8f: return push_empty(m, CLF_PK_LIST);
  case '}': return push_empty(m, CLF_PK_DICT);
  case ')': return push_empty(m, CLF_PK_TUPLE);
  case 'c': return global_of_lines(m);
  default: *known = 0; return CLF_OK;
  }
}

static clf_status step_stack(machine *m, unsigned char code, int *known) {
  clf__pk *v, **at;
  size_t n;
  switch (code) {
  case '(': return mark(m);
  case '0': return m->mark_count && m->depth == floor_of(m) ? pop_mark(m, &at, &n) : pop(m, &v);
  case '1': return pop_mark(m, &at, &n);
  case '2': CLF_TRY(top(m, &v)); return push(m, v);
  case 't': return push_marked(m, CLF_PK_TUPLE);
  case 'l':
  case 0x91: return push_marked(m, CLF_PK_LIST);
  case 'd': return push_marked(m, CLF_PK_DICT);
  case 0x85: return push_tuple(m, 1);
  case 0x86: return push_tuple(m, 2);
  case 0x87: return push_tuple(m, 3);
  case 'a': return fill_one(m, CLF_PK_LIST);
  case 'e':
  case 0x90: return fill_marked(m, CLF_PK_LIST);
  case 's': return fill_one(m, CLF_PK_DICT);
  case 'u': return fill_marked(m, CLF_PK_DICT);
  case 'R':
  case 0x81: return object_of_stack(m, 0);
  case 0x92: return object_of_stack(m, 1);
  case 'b': return build(m);
  case 0x93: return global_of_stack(m);
  case 'i':
    CLF_TRY(global_of_lines(m));
    CLF_TRY(pop(m, &v));
    return object_of_marked(m, v);
  case 'Q': return persistent(m);
  case 'q': return memo_of_number(m, 1, put);
  case 'r': return memo_of_number(m, 4, put);
  case 'p': return memo_of_line(m, put);
  case 0x94: return put(m, m->memo_next);
  case 'h': return memo_of_number(m, 1, get);
  case 'j': return memo_of_number(m, 4, get);
  case 'g': return memo_of_line(m, get);
  default: *known = 0; return CLF_OK;
  }
}

clf_status clf__unpickle(const char *bytes, size_t size, size_t file, clf__pickle **out,
                         clf__pk **root, size_t *end) {
  machine m = {.p = calloc(1, sizeof *m.p),
               .bytes = (const unsigned char *)bytes,
               .size = size,
               .file = file};
  if (m.p) m.p->left = allowance(file);
  clf_status s = m.p ? CLF_OK : lacks(&m);
  for (int done = 0; !s && !done;) s = step(&m, &done);
  if (!s) s = pop(&m, root);
  if (!s && end) *end = m.at;
  free(m.stack);
  free(m.marks);
  free(m.memo);
  if (s)
    clf__pickle_free(m.p);
  else
    *out = m.p;
  return s;
}
