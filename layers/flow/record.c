/* SPDX-License-Identifier: MIT */
/* record.c: the record of how a flow was chosen: a text in its file. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include "flow_private.h"
#include "names.h"
#include "safetensors.h"

#define RECORD_KEY "clflow.fit"

clf_status clf_flow_set_record(clf_flow *f, const char *record) {
  CLF_GIVEN("flow", f);
  if (record && (!*record || clf__not_text(record, strlen(record), 1)))
    return clf__fail(CLF_EINVAL, "the record of a flow must be one line of UTF-8 text");
  char *copy = record ? strdup(record) : NULL;
  if (record && !copy) return clf__fail(CLF_ENOMEM, "no memory for the record of a flow");
  free(f->record);
  f->record = copy;
  return CLF_OK;
}

const char *clf_flow_record(const clf_flow *f) { return f ? f->record : NULL; }

clf_status clf__put_record(clf__st_writer *w, const clf_flow *f) {
  return f->record ? clf__st_put_meta(w, RECORD_KEY, "%s", f->record) : CLF_OK;
}

clf_status clf__get_record(const clf__st *st, clf_flow *f) {
  return clf_flow_set_record(f, clf__st_meta(st, RECORD_KEY));
}

clf_status clf_model_record(const char *path, char **record) {
  clf__st *st;
  CLF_GIVEN("path, record", path, record);
  *record = NULL;
  CLF_TRY(clf__st_open(path, &st));
  const char *text = clf__st_meta(st, RECORD_KEY);
  if (text) *record = strdup(text);
  const int failed = text && !*record;
  clf__st_close(st);
  return failed ? clf__fail(CLF_ENOMEM, "no memory for the record of a flow") : CLF_OK;
}
