/* SPDX-License-Identifier: MIT */
/* recorder.c: a device that records the operations that run on it. */
#include "recorder.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The state of an element that is not a value. */
enum { CONSTANT = -1 };

typedef struct memory { /* the states of the elements of a buffer */
  const clf_buffer *of;
  int32_t *state; /* a value, or CONSTANT */
} memory;

typedef struct recorder {
  clf__recorded *to; /* NULL: not recording */
  memory *at;
  int count;
  clf_status status;
} recorder;

static clf_status no_memory(void) {
  return clf__fail(CLF_ENOMEM, "no memory to record what a flow computes");
}

static clf_status memory_of(recorder *r, const clf_buffer *b, int *index) {
  for (*index = 0; *index < r->count; ++*index)
    if (r->at[*index].of == b) return CLF_OK;
  memory *more = realloc(r->at, ((size_t)r->count + 1) * sizeof *more);
  if (!more) return no_memory();
  r->at = more;
  more[r->count] = (memory){b, malloc(b->size * sizeof(int32_t) + 1)};
  if (!more[r->count].state) return no_memory();
  memset(more[r->count++].state, 0xff, b->size * sizeof(int32_t)); /* CONSTANT */
  return CLF_OK;
}

static void forget_memory(recorder *r) {
  for (int i = 0; i < r->count; i++) free(r->at[i].state);
  free(r->at);
  r->at = NULL;
  r->count = 0;
}

/* ---- Elements -------------------------------------------------------------------------------- */

/* Element i of a tensor, counted row-major, as an element of its buffer. */
static int64_t element_of(const clf_tensor *t, int64_t i) {
  int64_t at = t->offset;
  for (int d = 3; d >= 0; d--) {
    at += i % t->dim[d] * t->stride[d];
    i /= t->dim[d];
  }
  return at;
}

int32_t clf__recorded_root(clf__recorded *t, int32_t v) {
  while (t->value[v].parent != v) v = t->value[v].parent = t->value[t->value[v].parent].parent;
  return v;
}

static void join(clf__recorded *t, int32_t a, int32_t b) {
  a = clf__recorded_root(t, a);
  b = clf__recorded_root(t, b);
  t->value[a > b ? a : b].parent = a > b ? b : a;
}

static clf_status new_value(clf__recorded *t, int buffer, int64_t element, int32_t *out) {
  if (t->values == t->value_room) {
    if (t->values > INT32_MAX / 4) return clf__fail(CLF_ENOTSUP, "the flow is too large to export");
    const int32_t room = 2 * t->value_room + 1024;
    clf__value *more = realloc(t->value, (size_t)room * sizeof *more);
    if (!more) return no_memory();
    t->value = more;
    t->value_room = room;
  }
  *out = t->values++;
  t->value[*out] = (clf__value){*out, buffer, element};
  return CLF_OK;
}

/* Every element becomes a new value. */
static clf_status write_values(recorder *r, const clf_tensor *t) {
  int b;
  CLF_TRY(memory_of(r, t->buf, &b));
  for (int64_t i = 0; i < (int64_t)clf__count(t); i++) {
    const int64_t e = element_of(t, i);
    CLF_TRY(new_value(r->to, b, e, &r->at[b].state[e]));
  }
  return CLF_OK;
}

static clf_status write_constants(recorder *r, const clf_tensor *t) {
  int b;
  CLF_TRY(memory_of(r, t->buf, &b));
  for (int64_t i = 0; i < (int64_t)clf__count(t); i++) r->at[b].state[element_of(t, i)] = CONSTANT;
  return CLF_OK;
}

/* The number of elements that are values. */
static clf_status count_values(recorder *r, const clf_tensor *t, int64_t *n) {
  int b;
  CLF_TRY(memory_of(r, t->buf, &b));
  *n = 0;
  for (int64_t i = 0; i < (int64_t)clf__count(t); i++)
    *n += r->at[b].state[element_of(t, i)] != CONSTANT;
  return CLF_OK;
}

/* Joins them to one cell. */
static clf_status join_values(recorder *r, const clf_tensor *t, int32_t *first) {
  int b;
  CLF_TRY(memory_of(r, t->buf, &b));
  *first = r->at[b].state[t->offset];
  for (int64_t i = 1; i < (int64_t)clf__count(t); i++)
    join(r->to, *first, r->at[b].state[element_of(t, i)]);
  return CLF_OK;
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static clf_status new_step(clf__recorded *t, int op, clf__step **out) {
  if (t->steps == t->step_room) {
    const int32_t room = 2 * t->step_room + 64;
    clf__step *more = realloc(t->step, (size_t)room * sizeof *more);
    if (!more) return no_memory();
    t->step = more;
    t->step_room = room;
  }
  *out = &t->step[t->steps++];
  **out = (clf__step){.op = op};
  return CLF_OK;
}

/* The elements of a tensor as a dense, malloc'ed array. */
static clf_status numbers_of(clf_device *dev, clf_tensor t, double **out) {
  t.buf = t.buf->handle;
  *out = malloc(clf__count(&t) * sizeof **out);
  if (!*out) return no_memory();
  return clf_read64(dev->inner, t, *out);
}

static void make_dense(clf_tensor *t) {
  t->stride[3] = 1;
  for (int d = 2; d >= 0; d--) t->stride[d] = t->stride[d + 1] * t->dim[d + 1];
}

/* Constants among the elements of an operand that also has values, or is updated, are written to
 * memory just before, one contiguous run after the other.  Elements that were never set are 0. */
static clf_status set_run(clf_device *dev, clf_tensor run) {
  recorder *r = dev->impl;
  clf__step *s = NULL;
  CLF_TRY(new_step(r->to, CLF_STEP_SET, &s));
  clf__operand *o = &s->operand[0];
  *o = (clf__operand){.kind = CLF_OPERAND_VALUE, .writes = 1, .t = run};
  CLF_TRY(numbers_of(dev, run, &o->constant));
  for (int64_t i = 0; i < run.dim[1]; i++)
    if (isnan(o->constant[i])) o->constant[i] = 0;
  CLF_TRY(write_values(r, &run));
  return join_values(r, &run, &o->value);
}
static clf_status set_constants(clf_device *dev, const clf_tensor *t) {
  recorder *r = dev->impl;
  int b;
  CLF_TRY(memory_of(r, t->buf, &b));
  clf_tensor run = {.buf = t->buf, .dim = {1, 0, 1, 1}, .stride = {1, 1, 1, 1}};
  for (int64_t i = 0; i <= (int64_t)clf__count(t); i++) {
    const int64_t e = i < (int64_t)clf__count(t) ? element_of(t, i) : -1;
    const int is = e >= 0 && r->at[b].state[e] == CONSTANT;
    if (run.dim[1] && (!is || e != run.offset + run.dim[1])) {
      CLF_TRY(set_run(dev, run));
      run.dim[1] = 0;
    }
    if (is && !run.dim[1]) run.offset = (int32_t)e;
    run.dim[1] += is;
  }
  return CLF_OK;
}

/* ---- Operations ------------------------------------------------------------------------------ */

static int draws(clf_op op) {
  switch (op) {
  case CLF_OP_random_bits:
  case CLF_OP_random_uniform:
  case CLF_OP_random_normal:
  case CLF_OP_column_noise:
  case CLF_OP_mixture_pick: return 1;
  default: return 0;
  }
}

/* Whether an operation ignores the old elements of what it updates, as some do for a factor of 0.
 */
static int overwrites(clf_op op, const void *args) {
  switch (op) {
#define FACTOR(name, factor)                                                                       \
  case CLF_OP_##name: return ((const clf_##name##_args *)args)->factor == 0;
    FACTOR(gemm, beta)
    FACTOR(masked_fwd, beta)
    FACTOR(masked_bwd, beta)
    FACTOR(mask_apply, beta)
    FACTOR(axpby, b)
    FACTOR(columns_take, beta)
    FACTOR(column_logp, beta)
    FACTOR(mixture_combine, beta)
    FACTOR(sum_rows, beta)
    FACTOR(sum_squares, beta)
#undef FACTOR
  default: return 0;
  }
}

static int reads(clf_op op, const void *args, char mode) {
  return clf__updates(mode) ? !overwrites(op, args) : !clf__writes(mode);
}

static clf_status depends(recorder *r, clf_op op, const void *args, int *does) {
  const clf_tensor *t = args;
  const char *mode = clf_ops[op].modes;
  *does = draws(op);
  for (int i = 0; mode[i] && !*does; i++) {
    int64_t n = 0;
    if (t[i].buf && reads(op, args, mode[i])) CLF_TRY(count_values(r, &t[i], &n));
    *does = n > 0;
  }
  return CLF_OK;
}

/* The operands that an operation reads: constants with their numbers, values as before it runs. */
static clf_status note_read(clf_device *dev, clf__operand *o) {
  recorder *r = dev->impl;
  int64_t values;
  CLF_TRY(count_values(r, &o->t, &values));
  if (!values && !o->writes) {
    o->kind = CLF_OPERAND_CONSTANT;
    CLF_TRY(numbers_of(dev, o->t, &o->constant));
    make_dense(&o->t);
    o->t.offset = 0;
    return CLF_OK;
  }
  o->kind = CLF_OPERAND_VALUE;
  return CLF_OK;
}

static clf_status prepare_operands(clf_device *dev, clf_op op, const void *args) {
  recorder *r = dev->impl;
  const clf_tensor *t = args;
  const char *mode = clf_ops[op].modes;
  for (int i = 0; mode[i]; i++) {
    int64_t values = 0;
    if (!t[i].buf || !reads(op, args, mode[i])) continue;
    CLF_TRY(count_values(r, &t[i], &values));
    if (values < (int64_t)clf__count(&t[i]) && (values || clf__writes(mode[i])))
      CLF_TRY(set_constants(dev, &t[i]));
  }
  return CLF_OK;
}

static clf_status record_reads(clf_device *dev, clf_op op, const void *args, clf__step *s) {
  recorder *r = dev->impl;
  const clf_tensor *t = args;
  const char *mode = clf_ops[op].modes;
  s->args = malloc(clf_ops[op].args_size);
  if (!s->args) return no_memory();
  memcpy(s->args, args, clf_ops[op].args_size);
  for (int i = 0; mode[i]; i++) {
    clf__operand *o = &s->operand[i];
    if (!t[i].buf) continue;
    *o = (clf__operand){
        .t = t[i], .reads = reads(op, args, mode[i]), .writes = clf__writes(mode[i])};
    if (o->reads) CLF_TRY(note_read(dev, o));
    if (o->reads && o->kind == CLF_OPERAND_VALUE) CLF_TRY(join_values(r, &o->t, &o->value));
  }
  return CLF_OK;
}

static clf_status record_writes(recorder *r, clf__step *s) {
  for (int i = 0; clf_ops[s->op].modes[i]; i++) {
    clf__operand *o = &s->operand[i];
    if (!o->writes || o->reads) continue;
    o->kind = CLF_OPERAND_VALUE;
    CLF_TRY(write_values(r, &o->t));
    CLF_TRY(join_values(r, &o->t, &o->value));
  }
  return CLF_OK;
}

static clf_status run_inside(clf_device *dev, clf_op op, const void *args) {
  _Alignas(16) char in[CLF_MAX_ARGS];
  clf__wrapper_args(op, args, in);
  return clf_dispatch(dev->inner, op, in);
}

static clf_status record(clf_device *dev, clf_op op, const void *args) {
  recorder *r = dev->impl;
  const clf_tensor *t = args;
  clf__step *s = NULL;
  int does;
  CLF_TRY(depends(r, op, args, &does));
  if (!does) { /* it has only constants: computed once, now */
    CLF_TRY(run_inside(dev, op, args));
    for (int i = 0; clf_ops[op].modes[i]; i++)
      if (t[i].buf && clf__writes(clf_ops[op].modes[i])) CLF_TRY(write_constants(r, &t[i]));
    return CLF_OK;
  }
  CLF_TRY(prepare_operands(dev, op, args));
  CLF_TRY(new_step(r->to, op, &s));
  CLF_TRY(record_reads(dev, op, args, s));
  CLF_TRY(run_inside(dev, op, args));
  return record_writes(r, s);
}

/* ---- The device ------------------------------------------------------------------------------ */

static void recorder_close(clf_device *dev) {
  recorder *r = dev->impl;
  forget_memory(r);
  free(r);
  clf_close(dev->inner);
}

static clf_status recorder_run(clf_device *dev, clf_op op, const void *args) {
  recorder *r = dev->impl;
  if (!r->to) return run_inside(dev, op, args);
  return record(dev, op, args);
}

static const clf_backend backend = {
    .name = "recorder",
    .close = recorder_close,
    .alloc = clf__wrapper_alloc,
    .release = clf__wrapper_release,
    .write = clf__wrapper_write,
    .read = clf__wrapper_read,
    .run = recorder_run,
    .sync = clf__wrapper_sync,
};

clf_status clf__recorder_open(clf_device **out) {
  clf_device *inner;
  CLF_TRY(clf__open("cpu64", &inner));
  clf_device *dev = calloc(1, sizeof *dev);
  recorder *r = calloc(1, sizeof *r);
  if (!dev || !r) {
    free(dev);
    free(r);
    clf_close(inner);
    return no_memory();
  }
  dev->backend = &backend;
  dev->impl = r;
  clf__wrapper_adopt(dev, "recorder", inner);
  *out = dev;
  return CLF_OK;
}

void clf__recorder_begin(clf_device *dev, clf__recorded *to) {
  recorder *r = dev->impl;
  forget_memory(r);
  r->to = to;
}
void clf__recorder_end(clf_device *dev) {
  recorder *r = dev->impl;
  r->to = NULL;
  forget_memory(r);
}

clf_status clf__recorder_input(clf_device *dev, clf_tensor t, int32_t *value) {
  CLF_TRY(write_values(dev->impl, &t));
  return join_values(dev->impl, &t, value);
}

clf_status clf__recorder_output(clf_device *dev, clf_tensor t, int32_t *value) {
  recorder *r = dev->impl;
  int64_t values;
  CLF_TRY(count_values(r, &t, &values));
  if (values < (int64_t)clf__count(&t)) CLF_TRY(set_constants(dev, &t));
  return join_values(r, &t, value);
}

void clf__recorded_free(clf__recorded *t) {
  for (int32_t i = 0; i < t->steps; i++) {
    for (int k = 0; k < CLF_MAX_TENSORS; k++) free(t->step[i].operand[k].constant);
    free(t->step[i].args);
  }
  free(t->step);
  free(t->value);
  free(t->cell);
  free(t->cell_of);
  *t = (clf__recorded){0};
}
