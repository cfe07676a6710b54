/* SPDX-License-Identifier: MIT */
/* probe.c: tests devices once, by the program clflow-probe (prober.c); verdicts.c stores the
 * results. */
#define _POSIX_C_SOURCE 200809L
#include "probe.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "memory_limit.h"

static clf__answer ask(clf__probe *p, const char *request, const char *doing, char *why) {
  if (!p->prober) p->prober = clf__prober_start();
  if (!p->prober) return CLF_PROBE_UNKNOWN;
  const clf__answer is = clf__prober_ask(p->prober, request, doing, why);
  if (is == CLF_PROBE_PASSED) return is;
  clf__prober_end(p->prober); /* after an error a driver may do anything */
  p->prober = NULL;
  *p->opened = 0;
  return is;
}

/* Tries once more if somebody ended the program. */
static clf__answer list_devices(clf__probe *p, char *why) {
  const clf__answer is = ask(p, "list", "listing the devices", why);
  return is == CLF_PROBE_UNKNOWN ? ask(p, "list", "listing the devices", why) : is;
}

void clf__probe_begin(clf__probe *p, const char *family, int fresh) {
  *p = (clf__probe){.fresh = fresh};
  if (clf__limit_allows_drivers()) {
    p->v.known = 1;
    snprintf(p->v.why, sizeof p->v.why, "%s", clf_errmsg());
    return;
  }
  p->key = clf__verdicts_key(family);
  if (p->key && !fresh) clf__verdicts_recall(p->key, &p->v);
  if (p->v.known) return;
  p->v.known = list_devices(p, p->v.why) != CLF_PROBE_UNKNOWN;
  if (p->key && p->v.known) clf__verdicts_remember(p->key, &p->v);
}

static clf__answer try_out(clf__probe *p, const char *name, int all, char *why) {
  char request[96];
  snprintf(request, sizeof request, "open %s", name);
  const clf__answer is = ask(p, request, "its self-test", why);
  if (is != CLF_PROBE_PASSED) return is;
  snprintf(p->opened, sizeof p->opened, "%s", name);
  return all ? ask(p, "all", "its self-test", why) : is;
}

const char *clf__probe_device(clf__probe *p, const char *name, int all) {
  char why[CLF_PROBE_WHY] = "";
  const char *known = p->fresh ? NULL : clf__verdicts_of(&p->v, name);
  if (!p->v.known) return NULL;
  if (!known) {
    clf__answer is = try_out(p, name, all, why);
    if (is == CLF_PROBE_UNKNOWN) is = try_out(p, name, all, why);
    if (is == CLF_PROBE_UNKNOWN) return NULL;
    clf__verdicts_set(&p->v, name, why);
    if (p->key) clf__verdicts_remember(p->key, &p->v);
    known = clf__verdicts_of(&p->v, name);
  }
  return known && *known ? known : NULL;
}

void clf__probe_end(clf__probe *p) {
  clf__prober_end(p->prober);
  free(p->key);
  p->prober = NULL;
  p->key = NULL;
}
