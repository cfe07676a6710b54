/* SPDX-License-Identifier: MIT */
/* late.c: a device that `auto` chose before its driver had compiled all kernels.  Each algorithm of
 * an operation is tested before its first use, once for a driver and a build of the kernels; the
 * cache stores what passed.  When a test fails, the next device that `auto` would have chosen
 * replaces this one, with all data on it, unless the caller has results of it already. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend.h"
#include "cache.h"
#include "opencl.h"
#include "probe.h"

enum { WAYS = 32 }; /* of an operation: bits of a word */

typedef struct clf__late {
  char name[80], family[64]; /* "opencl:0/simt", "/simt" */
  char *devices;             /* the key of verdicts on devices */
  char *key;                 /* the key of the operations that passed */
  clf__prober *prober;       /* NULL, or a process that has the device open */
  uint32_t passed[CLF_OP_COUNT], failed[CLF_OP_COUNT];
  char why[CLF_PROBE_WHY + 64]; /* why the first test that failed did; empty: none failed */
  int busy;                     /* a test runs on the device itself */
  int stays;                    /* the caller has results of it */
} clf__late;

/* Several threads may need the same tests: the first runs them, the others find them done. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

void clf__late_lock(void) { pthread_mutex_lock(&one_at_a_time); }
void clf__late_unlock(void) { pthread_mutex_unlock(&one_at_a_time); }

/* ---- What passed, as lines "OPERATION WAY" --------------------------------------------------- */

static void read_passed(clf__late *l, const char *text) {
  char name[64];
  int algorithm, length;
  for (; sscanf(text, "%63s %d%n", name, &algorithm, &length) == 2; text += length)
    for (int op = 0; op < CLF_OP_COUNT; op++)
      if (algorithm >= 0 && algorithm < WAYS && strcmp(clf_ops[op].name, name) == 0)
        l->passed[op] |= 1u << algorithm;
}

static void recall(clf__late *l) {
  size_t size = 0;
  char *bytes = l->key ? clf__cache_get(l->key, &size) : NULL;
  char *text = bytes ? strndup(bytes, size) : NULL;
  if (text) read_passed(l, text);
  free(text);
  free(bytes);
}

/* Adds what other processes have found meanwhile. */
static void remember(clf__late *l) {
  enum { LINE = 72 };
  recall(l);
  char *text = malloc((size_t)CLF_OP_COUNT * WAYS * LINE), *end = text;
  for (int op = 0; op < CLF_OP_COUNT && text; op++)
    for (int algorithm = 0; algorithm < WAYS; algorithm++)
      if (l->passed[op] >> algorithm & 1)
        end += snprintf(end, LINE, "%.60s %d\n", clf_ops[op].name, algorithm);
  if (text && l->key && end > text) clf__cache_put(l->key, text, (size_t)(end - text));
  free(text);
}

/* Later starts do not take the device. */
static void remember_failure(const clf__late *l) {
  clf__verdicts v = {0};
  if (!l->devices) return;
  clf__verdicts_recall(l->devices, &v);
  v.known = 1;
  clf__verdicts_set(&v, l->name, l->why);
  clf__verdicts_remember(l->devices, &v);
}

/* ---- Begin and end --------------------------------------------------------------------------- */

int clf__late_kernels(const clf_device *dev) {
  return dev->backend == &clf__opencl && ((const clf__cl *)dev->impl)->on_demand.key != NULL;
}

static char *joined(const char *a, const char *b, const char *c) {
  const size_t size = strlen(a) + strlen(b) + strlen(c) + 32;
  char *text = malloc(size);
  if (text) snprintf(text, size, "%s\npassed %s\n%s", a, b, c);
  return text;
}

clf_status clf__late_begin(clf_device *dev, const char *name, const char *family,
                           clf__probe *probe) {
  clf__late *l = calloc(1, sizeof *l);
  if (!l) return clf__fail(CLF_ENOMEM, "no memory for a device");
  snprintf(l->name, sizeof l->name, "%s", name);
  snprintf(l->family, sizeof l->family, "%s", family);
  if (probe->key) l->devices = strdup(probe->key);
  if (probe->key) l->key = joined(probe->key, name, dev->tuned_key);
  if (probe->prober && strcmp(probe->opened, name) == 0) {
    l->prober = probe->prober;
    probe->prober = NULL;
    read_passed(l, clf__prober_passed(l->prober));
  }
  dev->late = l;
  if (l->prober && *clf__prober_passed(l->prober))
    remember(l);
  else
    recall(l);
  return CLF_OK;
}

void clf__late_end(clf__late *l) {
  if (!l) return;
  clf__prober_end(l->prober);
  free(l->devices);
  free(l->key);
  free(l);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static clf__answer ask(clf__late *l, clf_op op, int algorithm, char *why) {
  char request[128], doing[96];
  clf__answer is = CLF_PROBE_PASSED;
  if (!l->prober) {
    l->prober = clf__prober_start();
    if (!l->prober) return CLF_PROBE_UNKNOWN;
    snprintf(request, sizeof request, "open %s", l->name);
    is = clf__prober_ask(l->prober, request, "its self-test", why);
  }
  snprintf(request, sizeof request, "test %s %d", clf_ops[op].name, algorithm);
  snprintf(doing, sizeof doing, "the self-test of %s", clf_ops[op].name);
  if (is == CLF_PROBE_PASSED) is = clf__prober_ask(l->prober, request, doing, why);
  if (is == CLF_PROBE_PASSED) return is;
  clf__prober_end(l->prober); /* after an error a driver may do anything */
  l->prober = NULL;
  return is;
}

/* In this process, if there is no clflow-probe: a driver that crashes ends it. */
static clf__answer test_here(clf_device *dev, clf_op op, int algorithm, char *why) {
  dev->late->busy = 1;
  const clf_status s = clf__selftest_of(dev, op, algorithm, NULL);
  dev->late->busy = 0;
  if (!s) return CLF_PROBE_PASSED;
  snprintf(why, CLF_PROBE_WHY, "%.*s", (int)strcspn(clf_errmsg(), "\n"), clf_errmsg());
  return s == CLF_EMISMATCH ? CLF_PROBE_FAILED : CLF_PROBE_UNKNOWN;
}

static void test(clf_device *dev, clf_op op, int algorithm) {
  clf__late *l = dev->late;
  char why[CLF_PROBE_WHY] = "";
  recall(l); /* by another thread, or process */
  if (l->passed[op] >> algorithm & 1) return;
  clf__answer is = ask(l, op, algorithm, why);
  if (is == CLF_PROBE_UNKNOWN) is = ask(l, op, algorithm, why);
  if (is == CLF_PROBE_UNKNOWN) is = test_here(dev, op, algorithm, why);
  if (is == CLF_PROBE_PASSED) {
    l->passed[op] |= 1u << algorithm;
    remember(l);
    return;
  }
  l->failed[op] |= 1u << algorithm;
  if (!*l->why) snprintf(l->why, sizeof l->why, "%s", why);
  if (is == CLF_PROBE_FAILED) remember_failure(l);
}

clf_status clf__late_test(clf_device *dev, clf_op op, int algorithm) {
  clf__late *l = dev->late;
  if (l->busy) return CLF_OK;
  if (l->passed[op] >> algorithm & 1) return CLF_OK;
  if (!(l->failed[op] >> algorithm & 1)) {
    clf__late_lock();
    test(dev, op, algorithm);
    clf__late_unlock();
  }
  if (l->passed[op] >> algorithm & 1) return CLF_OK;
  return clf__fail(CLF_EDEVICE,
                   "%s computes %s wrongly, or cannot (%s): take another device, such as cpu, by "
                   "--device or CLFLOW_DEVICE",
                   dev->name, clf_ops[op].name, l->why);
}

/* ---- Another device in its place ------------------------------------------------------------- */

void clf__late_answered(clf_device *dev) {
  if (dev->late && !dev->late->busy) dev->late->stays = 1;
}

static clf_status move_on(clf_device *dev) {
  const clf__late *l = dev->late;
  clf_device *fresh = NULL;
  char was[sizeof dev->name], why[sizeof l->why], passed_over[sizeof dev->note] = "";
  snprintf(was, sizeof was, "%s", dev->name);
  snprintf(why, sizeof why, "%s", l->why);
  const int next = atoi(l->name + strlen("opencl:")) + 1;
  CLF_TRY(clf__open_from(next, l->family, passed_over, sizeof passed_over, &fresh));
  const clf_status s = clf__replace(dev, fresh);
  if (s) {
    clf_close(fresh);
    return s;
  }
  clf__say("%s fails its self-test (%s): `auto` continues with %s", was, why, dev->name);
  const size_t n = strlen(dev->note);
  snprintf(dev->note + n, sizeof dev->note - n,
           "%s fails its self-test: %s\n%sauto continues with %s\n", was, why, passed_over,
           dev->name);
  return CLF_OK;
}

int clf__late_moves_on(clf_device *dev) {
  clf__late *l = dev->late;
  char message[1024];
  if (l->busy || l->stays || !*l->why) return 0;
  snprintf(message, sizeof message, "%s", clf_errmsg());
  if (!move_on(dev)) return 1;
  l->stays = 1;
  clf__fail(CLF_EDEVICE, "%s", message);
  return 0;
}
