/* SPDX-License-Identifier: MIT */
/* call.c: the C text of a step: its row of calls.def with the words in braces replaced. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "writer.h"

void clf__out_format(clf__out *to, const char *fmt, ...) {
  char text[512];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  clf__out_text(to, text);
}

/* ---- Members of a call by their names -------------------------------------------------------- */

static const struct {
  const char *tensors, *params; /* "a b c ", "int ta int tb " */
} members[CLF_OP_COUNT] = {
#define CLF_T(mode, name) #name " "
#define CLF_P(type, name) #type " " #name " "
#define CLF_OP(file, name, tensors, params, rules, ...) {tensors, params},
#include "clflow/ops.def"
#undef CLF_OP
#undef CLF_P
#undef CLF_T
};

static int is_word(const char *at, const char *name, size_t n) {
  return strcspn(at, " ") == n && strncmp(at, name, n) == 0;
}

int clf__tensor_named(const clf__step *s, const char *name, size_t n) {
  const char *at = members[s->op].tensors;
  for (int i = 0; *at; i++, at += strcspn(at, " ") + 1)
    if (is_word(at, name, n)) return i;
  return -1;
}

int clf__param_named(const clf__step *s, const char *name, size_t n, double *v, int *is_int) {
  const char *at = members[s->op].params, *bytes = s->args + clf_ops[s->op].params_offset;
  for (; *at; bytes += 4) {
    const int integer = is_word(at, "int", 3);
    at += strcspn(at, " ") + 1;
    if (is_word(at, name, n)) {
      int32_t i;
      float f;
      memcpy(&i, bytes, sizeof i);
      memcpy(&f, bytes, sizeof f);
      *v = integer ? i : (double)f;
      if (is_int) *is_int = integer;
      return 1;
    }
    at += strcspn(at, " ") + 1;
  }
  return 0;
}

/* With the rest of a double beyond its float, if the call has it. */
double clf__param_of(const clf__step *s, const char *name) {
  char more[64];
  double v = 0, rest = 0, last = 0;
  clf__param_named(s, name, strlen(name), &v, NULL);
  snprintf(more, sizeof more, "%s_rest", name);
  clf__param_named(s, more, strlen(more), &rest, NULL);
  snprintf(more, sizeof more, "%s_last", name);
  clf__param_named(s, more, strlen(more), &last, NULL);
  return v + rest + last;
}

/* ---- Operands -------------------------------------------------------------------------------- */

clf_status clf__write_pointer(clf__writer *w, const clf__operand *o) {
  char text[48];
  int index;
  if (o->kind == CLF_OPERAND_NONE) {
    clf__out_text(&w->body, "0");
    return CLF_OK;
  }
  if (o->kind == CLF_OPERAND_CONSTANT) {
    CLF_TRY(clf__write_table(w, o->constant, (int64_t)clf__count(&o->t), 0, &index));
    snprintf(text, sizeof text, "t%d", index);
  } else {
    snprintf(text, sizeof text, "s + %lld", (long long)clf__recorded_at(w->trace, o->value));
  }
  clf__out_text(&w->body, text);
  return CLF_OK;
}

static clf_status unsupported(const clf__step *s, const char *what) {
  return clf__fail(CLF_ENOTSUP, "the operation %s has no C text for %s", clf_ops[s->op].name, what);
}

/* A matrix [inputs][outputs]; transposed unless the call has a tb that is 0. */
static clf_status write_matrix(clf__writer *w, const clf__step *s, const clf__operand *o) {
  const int32_t rows = o->t.dim[0], cols = o->t.dim[1];
  double tb;
  if (o->kind != CLF_OPERAND_CONSTANT) return unsupported(s, "a matrix that depends on the row");
  if (clf__param_named(s, "tb", 2, &tb, NULL) && tb == 0) return clf__write_pointer(w, o);
  clf__operand turned = *o;
  turned.constant = malloc(clf__count(&o->t) * sizeof(double));
  if (!turned.constant) return clf__fail(CLF_ENOMEM, "no memory for a matrix");
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < cols; c++) turned.constant[c * rows + r] = o->constant[r * cols + c];
  const clf_status status = clf__write_pointer(w, &turned);
  free(turned.constant);
  return status;
}

static clf_status write_ints(clf__writer *w, const clf__step *s, const clf__operand *o) {
  char text[16];
  int index;
  if (o->kind == CLF_OPERAND_NONE) return clf__write_pointer(w, o);
  if (o->kind != CLF_OPERAND_CONSTANT) return unsupported(s, "places that depend on the row");
  CLF_TRY(clf__write_table(w, o->constant, (int64_t)clf__count(&o->t), 1, &index));
  snprintf(text, sizeof text, "t%d", index);
  clf__out_text(&w->body, text);
  return CLF_OK;
}

static clf_status write_operand(clf__writer *w, const clf__step *s, int i, const char *suffix) {
  const clf__operand *o = &s->operand[i];
  switch (*suffix) {
  case '.': clf__out_int(&w->body, o->kind ? o->t.dim[suffix[1] - '0'] : 0); return CLF_OK;
  case '/': clf__out_int(&w->body, o->kind ? o->t.stride[suffix[1] - '0'] : 0); return CLF_OK;
  case '#': return write_ints(w, s, o);
  case '^': return write_matrix(w, s, o);
  default: return clf__write_pointer(w, o);
  }
}

/* ---- Texts ----------------------------------------------------------------------------------- */

static clf_status replace(clf__writer *w, const clf__step *s, const char *begin, size_t n) {
  char word[64];
  double v;
  int is_int = 0;
  snprintf(word, sizeof word, "%.*s", (int)n, begin);
  const size_t name = strcspn(word, ". /#^!");
  if (word[0] >= 'A' && word[0] <= 'Z') {
    char *argument = word + name + (word[name] == ' ');
    word[name] = 0;
    return clf__write_special(w, s, word, argument);
  }
  const int tensor = clf__tensor_named(s, word, name);
  if (tensor >= 0) return write_operand(w, s, tensor, word + name);
  if (!clf__param_named(s, word, name, &v, &is_int)) return unsupported(s, word);
  if (word[name] == '!') {
    word[name] = 0;
    v = clf__param_of(s, word);
  }
  if (is_int)
    clf__out_int(&w->body, (int64_t)v);
  else
    clf__write_number(w, &w->body, v);
  return CLF_OK;
}

static const char *text_of(const clf__step *s) {
#define CLF_CALL(name, when, text)                                                                 \
  if (s->op == CLF_OP_##name) {                                                                    \
    const clf_##name##_args *p = (const void *)s->args;                                            \
    (void)p;                                                                                       \
    if (when) return text;                                                                         \
  }
#define CLF_NO_CALL(name, why)
#include "calls.def"
  return NULL;
}

int clf__export_knows(clf_op op) {
  static const struct {
    clf_op op;
    int how;
  } known[] = {
#define CLF_CALL(name, when, text) {CLF_OP_##name, 1},
#define CLF_NO_CALL(name, why) {CLF_OP_##name, 2},
#include "calls.def"
  };
  int how = 0;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].op == op) how = known[i].how;
  return how;
}

/* Whether the text states the stride of dimension k, or the elements are contiguous, as a text
 * without a stride assumes. */
static int tells_layout(const char *text, const char *name, size_t n, const clf__operand *o) {
  int64_t dense = 1;
  for (int k = 3; k >= 0; k--) {
    char stride[72];
    snprintf(stride, sizeof stride, "{%.*s/%d}", (int)n, name, k);
    if (o->t.dim[k] > 1 && o->t.stride[k] != dense && !strstr(text, stride)) return 0;
    dense *= o->t.dim[k];
  }
  return 1;
}

/* Checks that the text can take every operand, and writes all that are needed. */
static clf_status check_operands(clf__writer *w, const clf__step *s, const char *text) {
  const char *name = members[s->op].tensors;
  for (int i = 0; *name; i++, name += strcspn(name, " ") + 1) {
    const clf__operand *o = &s->operand[i];
    const size_t n = strcspn(name, " ");
    char brace[72];
    snprintf(brace, sizeof brace, "{%.*s", (int)n, name);
    if (o->kind == CLF_OPERAND_VALUE && (o->t.dim[0] > 1 || !tells_layout(text, name, n, o)))
      return unsupported(s, "such a layout");
    if (o->writes && !strchr("{", text[0]) && !strstr(text, brace) &&
        w->trace->cell[w->trace->cell_of[clf__recorded_root(w->trace, o->value)]].needed)
      return unsupported(s, "all that it writes");
  }
  return CLF_OK;
}

static clf_status write_set(clf__writer *w, const clf__step *s) {
  const clf__operand *o = &s->operand[0];
  const int64_t n = o->t.dim[1], at = clf__recorded_at(w->trace, o->value);
  char text[96];
  int index, equal = 1;
  for (int64_t i = 1; i < n; i++) equal &= o->constant[i] == o->constant[0];
  if (n == 1) {
    snprintf(text, sizeof text, "  s[%lld] = ", (long long)at);
    clf__out_text(&w->body, text);
    clf__write_number(w, &w->body, o->constant[0]);
    clf__out_text(&w->body, ";\n");
  } else if (equal) {
    snprintf(text, sizeof text, "  fill(s + %lld, 1, 1, %lld, 1, ", (long long)at, (long long)n);
    clf__out_text(&w->body, text);
    clf__write_number(w, &w->body, o->constant[0]);
    clf__out_text(&w->body, ");\n");
  } else {
    CLF_TRY(clf__write_table(w, o->constant, n, 0, &index));
    snprintf(text, sizeof text, "  copy(s + %lld, 1, 1, t%d, 1, 1, %lld, 1);\n", (long long)at,
             index, (long long)n);
    clf__out_text(&w->body, text);
  }
  return CLF_OK;
}

clf_status clf__write_step(clf__writer *w, const clf__step *s) {
  if (s->op == CLF_STEP_SET) return write_set(w, s);
  const char *text = text_of(s);
  if (!text) return unsupported(s, "a flow of vectors");
  CLF_TRY(check_operands(w, s, text));
  const int64_t room = clf__room_of(s);
  if (room > w->room) w->room = room;
  if (*text != '{') clf__out_text(&w->body, "  ");
  while (*text) {
    const size_t plain = strcspn(text, "{");
    clf__out_bytes(&w->body, text, plain);
    text += plain;
    if (!*text) break;
    const size_t n = strcspn(text, "}");
    CLF_TRY(replace(w, s, text + 1, n - 1));
    text += n + 1;
  }
  clf__out_text(&w->body, "\n");
  return w->body.failed ? clf__fail(CLF_ENOMEM, "no memory for the text of a flow") : CLF_OK;
}
