/* SPDX-License-Identifier: MIT */
/* check.c: a device that checks another one.  "check:opencl" forwards every call to opencl,
 * repeats each operation on cpu64, and fails at the first result that differs.  It finds where a
 * program goes wrong, and it runs the self-test. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend.h"
#include "tally.h"

typedef struct checker {
  clf_device *ref;
  int owned; /* the inner device is closed together with the checker */
} checker;

static void check_close(clf_device *dev) {
  checker *c = dev->impl;
  if (c->owned) clf_close(dev->inner);
  clf_close(c->ref);
  free(c);
}

static clf_status start(clf_device *dev, clf_device *of, int owned) {
  checker *c = dev->impl = calloc(1, sizeof *c);
  if (!c) return clf__fail(CLF_ENOMEM, "no memory for a checking device");
  c->owned = owned;
  clf__wrapper_adopt(dev, "check", of);
  const clf_status s = clf__open("cpu64", &c->ref);
  if (s) free(c);
  if (!s) dev->tally = calloc(1, sizeof *dev->tally); /* works without it, too */
  return s;
}

static clf_status check_open(clf_device *dev, const char *which) {
  clf_device *of;
  if (!*which) /* CLFLOW_DEVICE may be this very name */
    return clf__fail(CLF_ENODEV, "check needs the device to check, such as check:opencl");
  CLF_TRY(clf_open(which, &of));
  const clf_status s = start(dev, of, 1);
  if (s) clf_close(of);
  return s;
}

clf_status clf__check_wrap(clf_device *of, clf_device **out) {
  clf_device *dev = calloc(1, sizeof *dev);
  if (!dev) return clf__fail(CLF_ENOMEM, "no memory for a checking device");
  dev->backend = &clf__check;
  const clf_status s = start(dev, of, 0);
  if (s)
    free(dev);
  else
    *out = dev;
  return s;
}

/* ---- One operation on both devices ----------------------------------------------------------- */

typedef struct both {
  const clf_op_info *info;
  _Alignas(16) char in[CLF_MAX_ARGS], ref[CLF_MAX_ARGS]; /* the call on either device */
  clf_arena copy;                                        /* of every tensor, dense, on ref */
  double *host;                                          /* room for the largest tensor, twice */
  size_t most;
  double magnitude; /* of the largest number that is read */
  double part;      /* the largest difference so far, in tolerances */
} both;

static clf_tensor *tensors(char *args) { return (clf_tensor *)(void *)args; }

/* Allocates dense copies of all tensors on the reference; a first run measures. */
static clf_status lay_out(both *b) {
  clf_tensor *d = tensors(b->in), *r = tensors(b->ref);
  for (int i = 0; b->info->modes[i]; i++) {
    if (!d[i].buf) continue;
    CLF_TRY(clf_new(&b->copy, d[i].dim, &r[i]));
    if (clf__count(&d[i]) > b->most) b->most = clf__count(&d[i]);
  }
  return CLF_OK;
}

static clf_status prepare(clf_device *dev, both *b) {
  checker *c = dev->impl;
  clf_tensor *d = tensors(b->in), *r = tensors(b->ref);
  b->copy.dev = c->ref;
  CLF_TRY(lay_out(b));
  CLF_TRY(clf_arena_init(&b->copy, c->ref, b->copy.used));
  CLF_TRY(lay_out(b));
  b->host = malloc(2 * b->most * sizeof *b->host);
  if (!b->host) return clf__fail(CLF_ENOMEM, "check: no memory for %zu numbers", 2 * b->most);
  for (int i = 0; b->info->modes[i]; i++) {
    if (!d[i].buf) continue;
    CLF_TRY(clf_read64(dev->inner, d[i], b->host));
    CLF_TRY(clf_write64(c->ref, r[i], b->host));
    for (size_t k = 0; k < clf__count(&d[i]) && b->info->modes[i] == 'r'; k++)
      if (isfinite(b->host[k])) b->magnitude = fmax(b->magnitude, fabs(b->host[k]));
  }
  return CLF_OK;
}

/* The tolerance grows with the largest element, because rounding grows with the terms of a sum;
 * and, for sums that cancel such as gradients that are zero, with the root of the number of
 * terms. */
static clf_status differs(both *b, clf_op op, int i, size_t n) {
  const double *got = b->host, *want = b->host + b->most;
  double largest = 0;
  for (size_t k = 0; k < n; k++)
    if (isfinite(want[k])) largest = fmax(largest, fabs(want[k]));
  const double terms = (double)b->most / (double)n;
  const double slack = 2e-5 * largest + 2e-7 * b->magnitude * sqrt(terms) + 1e-6;
  for (size_t k = 0; k < n; k++) {
    if (got[k] == want[k] || (isnan(got[k]) && isnan(want[k]))) continue;
    const double part = fabs(got[k] - want[k]) / (1e-3 * fabs(want[k]) + slack);
    if (!(part <= b->part)) b->part = isnan(part) ? INFINITY : part;
    if (part <= 1) continue;
    char call[384];
    clf__call_str(op, b->ref, call, sizeof call);
    return clf__fail(CLF_EMISMATCH, "%s: argument %d, element %zu is %g, the reference has %g",
                     call, i, k, got[k], want[k]);
  }
  return CLF_OK;
}

static clf_status compare(clf_device *dev, both *b, clf_op op) {
  checker *c = dev->impl;
  clf_tensor *d = tensors(b->in), *r = tensors(b->ref);
  for (int i = 0; b->info->modes[i]; i++) {
    if (!d[i].buf || !clf__writes(b->info->modes[i])) continue;
    CLF_TRY(clf_read64(dev->inner, d[i], b->host));
    CLF_TRY(clf_read64(c->ref, r[i], b->host + b->most));
    CLF_TRY(differs(b, op, i, clf__count(&d[i])));
  }
  return CLF_OK;
}

static clf_status check_run(clf_device *dev, clf_op op, const void *args) {
  checker *c = dev->impl;
  both b = {.info = &clf_ops[op]};
  clf__wrapper_args(op, args, b.in);
  memcpy(b.ref, args, b.info->args_size);
  clf_status s = prepare(dev, &b);
  if (!s) s = clf_dispatch(c->ref, op, b.ref);
  if (!s) s = clf_dispatch(dev->inner, op, b.in);
  if (!s) {
    s = compare(dev, &b, op);
    if (dev->tally && (!s || s == CLF_EMISMATCH)) clf__tally_check(dev->tally, op, b.in, b.part);
  }
  clf_arena_free(&b.copy);
  free(b.host);
  return s;
}

const clf_backend clf__check = {
    .name = "check",
    .open = check_open,
    .close = check_close,
    .alloc = clf__wrapper_alloc,
    .release = clf__wrapper_release,
    .write = clf__wrapper_write,
    .read = clf__wrapper_read,
    .run = check_run,
    .sync = clf__wrapper_sync,
};
