/* SPDX-License-Identifier: MIT */
/* handshake.c: whether the members of a group are about to do the same training: before the first
 * step each hears what all others have, and the first difference from rank 0 is named. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/version.h"
#include "hash.h"
#include "options.h"
#include "trainer.h"

typedef struct card {
  char version[32], device[192];
  uint64_t arch, family, choices, data, weights, shares;
  int64_t step;
  int32_t bits, way, part;
  clf_train_options o;
} card;

/* A wrapper's device is the one in it. */
static const clf_device *inner_of(const clf_device *dev) {
  while (dev->inner) dev = dev->inner;
  return dev;
}

/* What bits depend on: all that tuned choices do, but the number of threads of cpu, which is line
 * 4 of these. */
static uint64_t family_of(const clf_device *dev) {
  const int cpu = dev->backend == &clf__cpu || dev->backend == &clf__cpu64;
  uint64_t h = CLF_HASH_BEGIN;
  int line = 1;
  for (const char *c = dev->tuned_key; c && *c; c++) {
    line += *c == '\n';
    if (!cpu || line != 4) h = clf__hash(h, (unsigned char)*c);
  }
  return h;
}

static card card_of(const clf_trainer *t) {
  const clf_device *dev = inner_of(t->dev);
  card c;
  memset(&c, 0, sizeof c);
  snprintf(c.version, sizeof c.version, "%s", clf_version());
  snprintf(c.device, sizeof c.device, "%s", clf_device_name(t->dev));
  c.arch = clf__hash_text(clf_arch_text(t->f->arch));
  c.family = family_of(dev);
  for (int i = 0; i < dev->tuned_count; i++) {
    const uint64_t one[3] = {(uint64_t)dev->tuned[i].op, (uint64_t)dev->tuned[i].algorithm,
                             dev->tuned[i].key};
    c.choices ^= clf__hash_bytes(CLF_HASH_BEGIN, one, sizeof one);
  }
  c.data = t->source->sum;
  c.weights = clf__trainer_copy_sum(t);
  c.shares = clf__hash_bytes(CLF_HASH_BEGIN, t->group.first,
                             ((size_t)clf_group_size(t->group.g) + 1) * sizeof(int32_t));
  c.step = t->step;
  c.bits = t->dev->bits;
  c.way = t->plan.way;
  c.part = t->plan.part;
  c.o = t->o;
  return c;
}

/* "batch 128, not 256": the first option that differs; memory is each member's own. */
static int differs(const clf_train_options *a, const clf_train_options *b, char *text,
                   size_t size) {
  for (int i = 0; i < CLF_OPTIONS; i++) {
    const clf__option *d = &clf__options[i];
    char mine[48], theirs[48];
    if (i == CLF_OPTION_memory || d->resume == RESUME_PLAN || clf__option_equal(d, a, b)) continue;
    clf__option_text(d, a, mine, sizeof mine);
    clf__option_text(d, b, theirs, sizeof theirs);
    snprintf(text, size, "trains with %s %s, not %s", d->name, mine, theirs);
    return 1;
  }
  return 0;
}

/* What member c has that rank 0's differs from; 0: nothing. */
static int difference(const card *c, const card *zero, char *text, size_t size) {
  if (strcmp(c->version, zero->version) != 0)
    snprintf(text, size, "runs clflow %s, not %s", c->version, zero->version);
  else if (c->arch != zero->arch)
    snprintf(text, size, "has a flow of another architecture");
  else if (differs(&c->o, &zero->o, text, size))
    return 1;
  else if (c->way != zero->way)
    snprintf(text, size, "%s activations: set the option activations, and not to auto",
             c->way == CLF_ACTIVATIONS_REVERSE ? "recomputes" : "stores");
  else if (c->part != zero->part)
    snprintf(text, size, "computes %d rows at once, not %d", (int)c->part, (int)zero->part);
  else if (c->data != zero->data)
    snprintf(text, size, "has other data");
  else if (c->bits != zero->bits || c->family != zero->family)
    snprintf(text, size, "computes on %s, not on %s: they round differently", c->device,
             zero->device);
  else if (c->choices != zero->choices)
    snprintf(text, size, "has other tuned choices of algorithms: tune every host, or none");
  else if (c->shares != zero->shares)
    snprintf(text, size, "has other shares of the work");
  else if (c->step != zero->step)
    snprintf(text, size, "begins at step %lld, not %lld: resume all from the same checkpoint",
             (long long)c->step, (long long)zero->step);
  else if (c->weights != zero->weights)
    snprintf(text, size, "begins with other weights");
  else
    return 0;
  return 1;
}

static clf_status compare(const clf_group *g, const card *all) {
  char text[512];
  for (int32_t r = 1; r < clf_group_size(g); r++)
    if (difference(&all[r], &all[0], text, sizeof text))
      return clf__fail(CLF_EMISMATCH, "%s differs from %s: it %s", clf_group_member(g, r),
                       clf_group_member(g, 0), text);
  return CLF_OK;
}

clf_status clf__trainer_shake_hands(clf_trainer *t) {
  clf_group *g = t->group.g;
  if (!g) return CLF_OK;
  const card mine = card_of(t);
  void *all = NULL;
  if (t->step)
    clf__group_doing(g, "step %lld", (long long)t->step);
  else
    clf__group_doing(g, "the start of the training");
  CLF_TRY(clf__group_memory(g, (size_t)clf_group_size(g) * sizeof mine, &all));
  clf_status s = clf_group_gather(g, &mine, sizeof mine, all);
  if (!s) s = compare(g, all);
  free(all);
  return s;
}
