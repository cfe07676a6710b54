/* SPDX-License-Identifier: MIT */
/* progress.c: the clock of a search, its reports, and the sentences of its record. */
#define _POSIX_C_SOURCE 200809L
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include "clock.h"
#include "fit_private.h"
#include "json_text.h"

/* Seconds, and the fraction of the time limit, by which a training may exceed its time. */
#define LATE 2.0
#define LATE_SHARE 0.25

double clf__fit_seconds(const clf__fit *f) { return clf__now() - f->began; }
double clf__fit_left(const clf__fit *f) { return f->o.seconds - clf__fit_seconds(f); }
int clf__fit_is_late(const clf__fit *f) {
  return !f->plan && clf__fit_left(f) < -(LATE + LATE_SHARE * f->o.seconds);
}

static clf_fit_progress state_of(const clf__fit *f) {
  const clf__fit_candidate *best = clf__fit_best(f);
  return (clf_fit_progress){.seconds = clf__fit_seconds(f),
                            .budget = f->o.seconds,
                            .best = best ? best->title : NULL,
                            .best_valid = best ? best->valid.mean : NAN,
                            .best_error = best ? best->valid.error : NAN,
                            .valid = NAN,
                            .valid_error = NAN};
}

static int send(clf__fit *f, const clf_fit_progress *p) {
  if (f->report && f->report(p, f->context)) f->stopped = 1;
  return f->stopped;
}

int clf__fit_report(clf__fit *f, const clf__fit_candidate *c, int64_t step) {
  clf_fit_progress p = state_of(f);
  p.name = c->title;
  p.step = step;
  p.steps = c->steps;
  return send(f, &p);
}

void clf__fit_report_end(clf__fit *f, const clf__fit_candidate *c) {
  clf_fit_progress p = state_of(f);
  if (f->silent) return;
  p.name = p.ended = c->title;
  p.valid = c->valid.mean;
  p.valid_error = c->valid.error;
  send(f, &p);
}

void clf__fit_say(clf__fit *f, const char *sentence) {
  clf_fit_progress p = state_of(f);
  p.note = sentence;
  send(f, &p);
}

clf_status clf__fit_note(clf__fit *f, const char *format, ...) {
  char sentence[1024];
  va_list ap;
  va_start(ap, format);
  vsnprintf(sentence, sizeof sentence, format, ap);
  va_end(ap);
  if (json_array_append_new(f->notes, clf__json_text(sentence)))
    return clf__fail(CLF_ENOMEM, "no memory for a note on the fit");
  clf__fit_say(f, sentence);
  return CLF_OK;
}
