/* SPDX-License-Identifier: MIT */
/* ops.c: the table of operations, and the checks of a call before it runs. */
#include <stdio.h>
#include <string.h>
#include "backend.h"

/* ---- Rules: the last column of ops.def as functions ------------------------------------------ */

#ifdef CLF_SMALL /* flows call operations as they should */
#define CLF_OP(file, name, tensors, params, rules, ...)                                            \
  static clf_status name##_rules(const void *args) { return (void)args, CLF_OK; }
#include "clflow/ops.def"
#undef CLF_OP
#else
static clf_status same(const char *op, const char *names, const clf_tensor *x,
                       const clf_tensor *y) {
  for (int i = 0; i < 4; i++)
    if (x->dim[i] != y->dim[i])
      return clf__fail(CLF_ESHAPE, "%s: dimension %d of %s is %d and %d", op, i, names,
                       (int)x->dim[i], (int)y->dim[i]);
  return CLF_OK;
}

static clf_status rank(const char *op, const char *name, const clf_tensor *x, int n) {
  for (int i = n; i < 4; i++)
    if (x->dim[i] != 1)
      return clf__fail(CLF_ESHAPE, "%s: dimension %d of %s is %d; %s has %d dimension%s", op, i,
                       name, (int)x->dim[i], name, n, n == 1 ? "" : "s");
  return CLF_OK;
}

#define CLF_EQ(x, y)                                                                               \
  if ((x) != (y))                                                                                  \
    return clf__fail(CLF_ESHAPE, "%s: %s is %d, but %s is %d", op, #x, (int)(x), #y, (int)(y));
#define CLF_MINIMUM(x, y)                                                                          \
  if ((x) < (y))                                                                                   \
    return clf__fail(CLF_ESHAPE, "%s: %s is %d, below %s = %d", op, #x, (int)(x), #y, (int)(y));
#define CLF_MAXIMUM(x, y)                                                                          \
  if ((x) > (y)) return clf__fail(CLF_ESHAPE, "%s: %s is %d, above %d", op, #x, (int)(x), (int)(y));
#define CLF_SAME(x, y) CLF_TRY(same(op, #x " and " #y, &p->x, &p->y));
#define CLF_RANK(x, n) CLF_TRY(rank(op, #x, &p->x, n));
#define CLF_OP(file, name, tensors, params, rules, ...)                                            \
  static clf_status name##_rules(const void *args) {                                               \
    const char *op = #name;                                                                        \
    const clf_##name##_args *p = args;                                                             \
    rules return CLF_OK;                                                                           \
  }
#include "clflow/ops.def"
#undef CLF_OP
#undef CLF_EQ
#undef CLF_MINIMUM
#undef CLF_MAXIMUM
#undef CLF_SAME
#undef CLF_RANK
#endif

/* ---- The table ------------------------------------------------------------------------------- */

#define CLF_T(mode, name) #mode
#define CLF_P(type, name) type name;
#define CLF_OP(file, name, tensors, params, rules, ...)                                            \
  struct clf__##name##_params {                                                                    \
    params                                                                                         \
  };                                                                                               \
  _Static_assert(sizeof(clf_##name##_args) <= CLF_MAX_ARGS &&                                      \
                     sizeof(tensors) - 1 <= CLF_MAX_TENSORS,                                       \
                 #name " is too wide");
#include "clflow/ops.def"
#undef CLF_OP
#define CLF_OP(file, name, tensors, params, rules, ...)                                            \
  {#name,                                                                                          \
   #file,                                                                                          \
   tensors,                                                                                        \
   sizeof(clf_##name##_args),                                                                      \
   (sizeof(tensors) - 1) * sizeof(clf_tensor),                                                     \
   sizeof(struct clf__##name##_params),                                                            \
   name##_rules},
const clf_op_info clf_ops[CLF_OP_COUNT] = {
#include "clflow/ops.def"
};
#undef CLF_OP
#undef CLF_P
#undef CLF_T

void clf__call_str(clf_op op, const void *args, char *out, size_t size) {
  const clf_tensor *t = args;
  size_t n = (size_t)snprintf(out, size, "%s(", clf_ops[op].name);
  for (const char *m = clf_ops[op].modes; *m && n < size; m++, t++) {
    const char *gap = t == args ? "" : " ";
    if (!t->buf)
      n += (size_t)snprintf(out + n, size - n, "%s-", gap);
    else
      n += (size_t)snprintf(out + n, size - n, "%s%c[%d,%d,%d,%d]", gap, *m, (int)t->dim[0],
                            (int)t->dim[1], (int)t->dim[2], (int)t->dim[3]);
  }
  if (n < size) snprintf(out + n, size - n, ")");
}

/* ---- Dispatch -------------------------------------------------------------------------------- */

/* An axis in the search below: lo .. hi steps of `stride`. */
typedef struct axis {
  int64_t stride, lo, hi;
} axis;

/* The axes of t, sorted by decreasing stride; axes with the same stride are merged. */
static int add_axes(const clf_tensor *t, int sign, axis *at, int n) {
  for (int d = 0; d < 4; d++) {
    const int64_t s = t->stride[d], steps = t->dim[d] - 1;
    int i = 0;
    if (!s || !steps) continue;
    while (i < n && at[i].stride > s) i++;
    if (i == n || at[i].stride != s) {
      memmove(&at[i + 1], &at[i], (size_t)(n++ - i) * sizeof *at);
      at[i] = (axis){.stride = s};
    }
    if (sign > 0)
      at[i].hi += steps;
    else
      at[i].lo -= steps;
  }
  return n;
}

static int64_t div_down(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* Whether some numbers of steps along the axes sum to `gap`.  Since strides are mostly nested,
 * few numbers of steps are possible; after `budget` attempts the answer is yes. */
static int reaches(const axis *at, int n, int64_t gap, int *budget) {
  if (n == 0) return gap == 0;
  int64_t lo = 0, hi = 0; /* the range of the inner axes */
  for (int i = 1; i < n; i++) {
    lo += at[i].lo * at[i].stride;
    hi += at[i].hi * at[i].stride;
  }
  int64_t k = -div_down(hi - gap, at->stride), maximum = div_down(gap - lo, at->stride);
  if (k < at->lo) k = at->lo;
  if (maximum > at->hi) maximum = at->hi;
  for (; k <= maximum; k++)
    if (--*budget < 0 || reaches(at + 1, n - 1, gap - k * at->stride, budget)) return 1;
  return 0;
}

/* Whether a ends before b begins.  This is true for most views of a buffer, and the full search
 * is more expensive than a small operation. */
static int before(const clf_tensor *a, const clf_tensor *b) {
  return (uint64_t)a->offset + clf__span(a) <= (uint64_t)b->offset;
}

/* Whether two views share an element: some steps from a's offset reach an element of b. */
static int overlap(const clf_tensor *a, const clf_tensor *b) {
  if (a->buf != b->buf || before(a, b) || before(b, a)) return 0;
  axis at[8];
  int budget = 1000;
  const int n = add_axes(b, -1, at, add_axes(a, 1, at, 0));
  return reaches(at, n, (int64_t)b->offset - a->offset, &budget);
}

clf_status clf__check_view(const char *op, int i, const clf_tensor *t) {
  if (t->buf->lost)
    return clf__fail(CLF_EDEVICE, "%s: argument %d was lost with its device, which failed", op, i);
  for (int d = 0; d < 4; d++)
    if (t->dim[d] < 1 || t->stride[d] < 0)
      return clf__fail(CLF_ESHAPE, "%s: dimension %d of argument %d is %d, its stride %d", op, d, i,
                       (int)t->dim[d], (int)t->stride[d]);
  uint64_t end = (uint64_t)t->offset + 1; /* 64 bits even if size_t has 32 */
  for (int d = 0; d < 4; d++) end += (uint64_t)(t->dim[d] - 1) * (uint64_t)t->stride[d];
  if (t->offset < 0 || end > t->buf->size)
    return clf__fail(CLF_ESHAPE, "%s: argument %d reaches to element %llu of a buffer of %zu", op,
                     i, (unsigned long long)end, t->buf->size);
  return CLF_OK;
}

static clf_status check_call(clf_device *dev, const clf_op_info *info, const clf_tensor *t) {
  for (int i = 0; info->modes[i]; i++) {
    if (!t[i].buf && clf__may_lack(info->modes[i])) continue;
    if (!t[i].buf || t[i].buf->dev != dev)
      return clf__fail(CLF_EINVAL, "%s: argument %d %s %s", info->name, i,
                       t[i].buf ? "is not on" : "is missing on", dev->name);
    CLF_TRY(clf__check_view(info->name, i, &t[i]));
  }
  for (int i = 0; info->modes[i]; i++) {
    if (!t[i].buf || !clf__writes(info->modes[i])) continue;
    clf__count_write(t[i].buf);
    for (int k = 0; info->modes[k]; k++)
      if (k != i && t[k].buf && overlap(&t[i], &t[k]))
        return clf__fail(CLF_EINVAL, "%s: argument %d, which is written, overlaps argument %d",
                         info->name, i, k);
  }
  return CLF_OK;
}

clf_status clf_dispatch(clf_device *dev, clf_op op, const void *args) {
  if ((unsigned)op >= CLF_OP_COUNT)
    return clf__fail(CLF_EINVAL, "there is no operation %d", (int)op);
  CLF_GIVEN("dev, args", dev, args);
  CLF_TRY(check_call(dev, &clf_ops[op], args));
  CLF_TRY(clf_ops[op].rules(args));
  clf_status s = dev->backend->run(dev, op, args);
  while (s && dev->late && clf__late_moves_on(dev)) s = dev->backend->run(dev, op, args);
  return s;
}
