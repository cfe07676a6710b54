/* SPDX-License-Identifier: MIT */
/* fit.c: the search for the best density of a table: from rows to a flow. */
#define _POSIX_C_SOURCE 200809L
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "fit_private.h"
#include "named_options.h"
#include "table.h"

clf_fit_options clf_fit_options_default(void) {
  return (clf_fit_options){.seconds = 60, .seed = 1, .valid = 0.1, .test = 0.1};
}

static const clf__named members[] = {
    CLF_NAMED(clf_fit_options, seconds, REAL, NULL), CLF_NAMED(clf_fit_options, seed, SEED, NULL),
    CLF_NAMED(clf_fit_options, valid, REAL, NULL),   CLF_NAMED(clf_fit_options, test, REAL, NULL),
    CLF_NAMED(clf_fit_options, refit, FLAG, NULL),   CLF_NAMED(clf_fit_options, quick, FLAG, NULL),
    CLF_NAMED(clf_fit_options, repeat, TEXT, NULL),
};

clf_status clf_fit_options_set(clf_fit_options *options, const char *name, const char *value) {
  CLF_GIVEN("options, name, value", options, name, value);
  return clf__named_set("fit", members, sizeof members / sizeof *members, options, name, value);
}

static clf_status check_options(const clf_fit_options *o) {
  if (!(o->seconds > 0 && o->seconds <= 1e7))
    return clf__fail(CLF_EINVAL, "the budget is %g s; it must be above 0 and at most 1e7",
                     o->seconds);
  if (!(o->valid > 0 && o->test >= 0 && o->valid + o->test < 1))
    return clf__fail(CLF_EINVAL,
                     "shares of %g for validation and %g for the test: the first must be above 0, "
                     "the second 0 or above, and their sum below 1",
                     o->valid, o->test);
  return CLF_OK;
}

static clf_status search(clf__fit *f) {
  CLF_TRY(clf__fit_divide(f));
  CLF_TRY(clf__fit_look(f));
  if (f->plan) return clf__fit_repeat(f);
  CLF_TRY(clf__fit_baselines(f));
  return f->stopped ? CLF_OK : clf__fit_flows(f);
}

/* Whoever gives the model away gives rows of the table away. */
static clf_status say_rows(clf__fit *f) {
  for (int i = 0; i < f->candidates; i++)
    if (f->candidate[i].weight > 0 && strcmp(f->candidate[i].title, CLF_FIT_KERNELS) == 0)
      return clf__fit_note(f, "the model contains rows of the table: %s are a part of it",
                           CLF_FIT_KERNELS);
  return CLF_OK;
}

static clf_status conclude(clf__fit *f, clf_flow **flow) {
  if (!f->candidates) return clf__fail(CLF_ESTOPPED, "stopped before anything was fitted");
  CLF_TRY(clf__fit_choose(f));
  CLF_TRY(say_rows(f));
  return clf__fit_result(f, flow);
}

static void free_all(clf__fit *f) {
  for (int i = 0; i < f->candidates; i++) clf__fit_candidate_free(&f->candidate[i]);
  clf__fit_divide_free(f);
  json_decref(f->plan);
  json_decref(f->notes);
  json_decref(f->columns);
  clf__fit_head_free(&f->head);
  clf_treatments_free(&f->treatments);
  free(f->grid);
  free(f->blended);
}

static clf_status begin(clf__fit *f) {
  f->began = clf__now();
  f->notes = json_array();
  f->columns = json_array();
  if (!f->notes || !f->columns) return clf__fail(CLF_ENOMEM, "no memory for the record of a fit");
  return f->o.repeat ? clf__fit_open_record(f) : CLF_OK;
}

clf_status clf_fit(clf_device *dev, const clf_fit_data *data, const clf_fit_options *options,
                   clf_fit_progress_fn report, void *context, clf_flow **flow) {
  CLF_GIVEN("dev, data, options, flow", dev, data, options, flow);
  *flow = NULL;
  if (!data->x || !data->x->at) return clf__fail(CLF_EINVAL, "the data have no rows: x is NULL");
  CLF_TRY(clf__table_has_rows(data->x));
  if (data->given) CLF_TRY(clf__table_has_rows(data->given));
  CLF_TRY(check_options(options));
  clf__fit f = {.dev = dev, .data = data, .o = *options, .report = report, .context = context};
  clf_status s = begin(&f);
  if (!s) s = clf__fit_check_data(&f);
  if (!s) s = search(&f);
  if (!s) s = conclude(&f, flow);
  if (!s && f.stopped)
    s = clf__fail(CLF_ESTOPPED, "stopped after %.1f s of %g", clf__fit_seconds(&f), f.o.seconds);
  free_all(&f);
  return s;
}
