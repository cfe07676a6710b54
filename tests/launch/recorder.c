/* SPDX-License-Identifier: MIT */
/* recorder.c: a recorder in place of the OpenCL queue, and the kernels that the sources define. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "platform.h"
#include "sources.h"
#include "suite.h"
#include "launch/recorder.h"

const clf_algorithm *const algorithms[CLF_OP_COUNT] = {
#define CLF_OP(file, name, tensors, params, rules, ...) [CLF_OP_##name] = clf__launches_##name,
#include "clflow/ops.def"
#undef CLF_OP
};

/* ---- Kernels, as the sources define them ----------------------------------------------------- */

/* The work-group of a kernel in the sources, and its work-items in x and y. */
static size_t one(const clf_traits *t) { return (void)t, 1; }
static size_t eight(const clf_traits *t) { return (void)t, 8; }
static size_t wg(const clf_traits *t) { return (size_t)t->wg; }
static size_t group(const clf_traits *t) { return (size_t)t->group; }
static size_t wg_of_lanes(const clf_traits *t) { return t->lanes > 1 ? 1 : (size_t)t->wg; }
static size_t side_of_tile(const clf_traits *t) { return t->lanes > 1 ? 1 : (size_t)t->tn / 4; }
static const group_size group_sizes[] = {
    {"SINGLE", one, one},
    {"BY_ITEM", wg, one},
    {"BY_SAMPLE", group, one},
    {"BY_LANES", wg_of_lanes, one},
    {"BY_PIXELS", wg_of_lanes, one},
    {"BY_TILE", side_of_tile, side_of_tile},
    {"BY_SMALL_TILE", eight, eight},
};
enum { GROUP_SIZES = sizeof group_sizes / sizeof *group_sizes };

kernel kernels[CLF_OP_COUNT * 6];
int kernel_count;

/* `line` begins "kernel GROUP void NAME(", the name perhaps on the next line. */
static void add_kernel(const char *line, int lanes) {
  kernel k = {.lanes = lanes};
  const char *attribute = line + strlen("kernel ");
  for (int i = 0; i < GROUP_SIZES; i++) {
    const size_t length = strlen(group_sizes[i].attribute);
    if (strncmp(attribute, group_sizes[i].attribute, length) == 0 && attribute[length] == ' ')
      k.size = &group_sizes[i];
  }
  ck_assert_msg(k.size != NULL, "this does not give the size of a work-group: %.60s", line);
  const char *end = strstr(line, "void"), *name = end + 4 + strspn(end + 4, " \n");
  int n = 0;
  while (isalnum((unsigned char)name[n]) || name[n] == '_') n++;
  snprintf(k.name, sizeof k.name, "%.*s", n, name);
  ck_assert_int_lt(kernel_count, (int)(sizeof kernels / sizeof *kernels));
  kernels[kernel_count++] = k;
}

/* The only conditions around kernels are #if LANES > 1, #else, and #if LANES == 1. */
static void read_kernels(const char *text) {
  int lanes = 3, depth = 0;
  for (const char *line = text; line; line = strchr(line, '\n')) {
    line += *line == '\n';
    if (strncmp(line, "#if", 3) == 0) {
      depth++;
      if (strncmp(line, "#if LANES > 1\n", 14) == 0)
        lanes = 2;
      else if (strncmp(line, "#if LANES == 1\n", 15) == 0)
        lanes = 1;
      else
        ck_assert_msg(strncmp(line, "#if LANES", 9) != 0, "unknown condition: %.40s", line);
    }
    if (strncmp(line, "#else", 5) == 0 && depth == 1 && lanes == 2) lanes = 1;
    if (strncmp(line, "#endif", 6) == 0 && --depth == 0) lanes = 3;
    if (strncmp(line, "kernel ", 7) == 0) add_kernel(line, lanes);
  }
}

void read_sources(void) {
  kernel_count = 0;
  for (const clf_source *s = clf__sources; s->name; s++)
    if (strcmp(s->name + strlen(s->name) - 3, ".cl") == 0) read_kernels(s->text);
}

static kernel *find_kernel(const char *name, int lanes) {
  for (int i = 0; i < kernel_count; i++)
    if (strcmp(kernels[i].name, name) == 0 && kernels[i].lanes & (lanes > 1 ? 2 : 1))
      return &kernels[i];
  return NULL;
}

/* ---- The recorder ---------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void record(recorder *r, const char *fmt, ...) {
  const size_t n = strlen(r->text);
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(r->text + n, sizeof r->text - n, fmt, ap);
  va_end(ap);
}

static clf_status reserve(clf_call *call, size_t floats) {
  recorder *r = call->impl;
  if (floats > r->scratch) r->scratch = floats;
  record(r, "[%zu] ", floats);
  r->reserves++;
  return r->reserves == r->refuse_reserve ? clf__fail(CLF_ENOMEM, "reserve %d", r->reserves)
                                          : CLF_OK;
}

static void check_name(clf_op op, const char *name) {
  const size_t n = strlen(clf_ops[op].name);
  ck_assert_msg(strncmp(name, clf_ops[op].name, n) == 0 && (!name[n] || name[n] == '_'),
                "%s launches the kernel %s", clf_ops[op].name, name);
}

static void check_grid(const clf_call *call, const char *name, const clf_grid *g) {
  const kernel *k = find_kernel(name, call->traits->lanes);
  const size_t wanted[3] = {k->size->x(call->traits), k->size->y(call->traits), 1};
  size_t in_group = 1, all = 1;
  for (int i = 0; i < 3; i++) {
    ck_assert_msg(g->local[i] > 0 && g->global[i] > 0 && g->global[i] % g->local[i] == 0,
                  "%s on %s: axis %d has %zu work-items in groups of %zu", name,
                  call->traits->family, i, g->global[i], g->local[i]);
    ck_assert_msg(g->local[i] == wanted[i], "%s on %s: groups of %zu on axis %d, but it is %s",
                  name, call->traits->family, g->local[i], i, k->size->attribute);
    in_group *= g->local[i];
    all *= g->global[i];
  }
  ck_assert_msg(in_group <= 256, "%s on %s: a group of %zu work-items", name, call->traits->family,
                in_group);
  if (strcmp(k->size->attribute, "SINGLE") == 0)
    ck_assert_msg(all == 1, "%s on %s: %zu work-items", name, call->traits->family, all);
}

/* A plan is a struct of ints (cl/plans.h). */
static clf_status enqueue(clf_call *call, const char *name, clf_grid g, const void *plan,
                          size_t size) {
  recorder *r = call->impl;
  check_name(call->op, name);
  kernel *k = find_kernel(name, call->traits->lanes);
  ck_assert_msg(k != NULL, "%s.cl has no kernel %s for %s", clf_ops[call->op].file, name,
                call->traits->family);
  k->launched = 1;
  check_grid(call, name, &g);
  ck_assert_msg(!plan || r->scratch > 0, "%s is given scratch memory that was not reserved", name);
  record(r, "%s%s %zux%zux%zu/%zux%zux%zu", r->launches++ ? ", " : "", name, g.global[0],
         g.global[1], g.global[2], g.local[0], g.local[1], g.local[2]);
  const int *e = plan;
  for (size_t i = 0; i < size / sizeof *e; i++) record(r, "%s%d", i ? "," : " (", e[i]);
  if (plan) record(r, ")");
  return r->launches == r->refuse ? clf__fail(CLF_EDEVICE, "launch %d", r->launches) : CLF_OK;
}

static clf_status blas(clf_call *call, int *done) {
  recorder *r = call->impl;
  r->blas_calls++;
  *done = r->blas_does;
  return CLF_OK;
}

/* ---- Running a case ----------------------------------------------------------------------------
 */

static const clf_algorithm *algorithms_of(const clf_device *dev, clf_op op,
                                          const clf_traits **traits) {
  *traits = dev->impl;
  return algorithms[op];
}
static const clf_backend choosing = {.name = "recorder", .algorithms = algorithms_of};

/* Dense tensors; with `last`, channels last. */
static clf_status run_laid_out(recorder *r, clf_traits *traits, clf_op op, const void *args,
                               int last) {
  static const int order[2][4] = {{3, 2, 1, 0}, {1, 3, 2, 0}};
  static clf_buffer memory;
  _Alignas(16) char copy[CLF_MAX_ARGS];
  memcpy(copy, args, clf_ops[op].args_size);
  clf_tensor *t = (clf_tensor *)(void *)copy;
  for (int i = 0; clf_ops[op].modes[i]; i++) {
    if (!t[i].dim[0]) continue; /* left out */
    t[i].buf = &memory;
    int32_t n = 1;
    for (int k = 0; k < 4; k++) {
      const int d = order[last][k];
      if (!t[i].dim[d]) t[i].dim[d] = 1;
      t[i].stride[d] = n;
      n *= t[i].dim[d];
    }
  }
  ck_assert_msg(!clf_ops[op].rules(copy), "%s", clf_errmsg());
  clf_call call = {.op = op,
                   .args = copy,
                   .traits = traits,
                   .reserve = reserve,
                   .enqueue = enqueue,
                   .blas = traits->blas ? blas : NULL,
                   .impl = r};
  const clf_device dev = {.backend = &choosing, .impl = traits, .forced = r->forced};
  return clf__algorithm(&dev, op, copy)->launch(&call);
}

clf_traits *family(const char *name) {
  static clf_traits found[8];
  int i = 0;
  while (i < clf__family_count && strcmp(clf__families[i].family, name) != 0) i++;
  ck_assert_msg(i < clf__family_count, "there is no family %s", name);
  found[i] = clf__families[i];
  return &found[i];
}

clf_status run(recorder *r, clf_traits *traits, clf_op op, const void *args) {
  return run_laid_out(r, traits, op, args, 0);
}
clf_status run_case(recorder *r, clf_traits *traits, clf_op op, const clf_case *c) {
  return run_laid_out(r, traits, op, c->args, c->nhwc);
}
