/* SPDX-License-Identifier: MIT */
/* status.c: the last error of each thread, in words. */
#include <stdarg.h>
#include <stdio.h>
#include "clflow/version.h"
#include "status.h"

static _Thread_local char message[16384]; /* a build log fits */

const char *clf_errmsg(void) { return message; }

const char *clf_strerror(clf_status status) {
  static const char *const text[] = {
#define CLF_X(name, words) words,
      CLF_STATUS_MAP(CLF_X)
#undef CLF_X
  };
  return (unsigned)status < sizeof text / sizeof *text ? text[status] : "unknown status";
}

clf_status(clf__fail)(clf_status s, const char *fmt, ...) { /* not the analyser's macro */
  char fresh[sizeof message]; /* an argument may be clf_errmsg() itself */
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(fresh, sizeof fresh, fmt, ap);
  va_end(ap);
  snprintf(message, sizeof message, "%s", fresh);
  return s;
}

clf_status clf_fail(clf_status s, const char *text) { return clf__fail(s, "%s", text); }

static void (*listener)(const char *sentence, void *context);
static void *listener_context;

void clf_set_listener(void (*fn)(const char *sentence, void *context), void *context) {
  listener = fn;
  listener_context = context;
}

void clf__say(const char *fmt, ...) {
  char sentence[1024];
  if (!listener) return;
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(sentence, sizeof sentence, fmt, ap);
  va_end(ap);
  listener(sentence, listener_context);
}

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
const char *clf_version(void) {
  return TEXT(CLF_VERSION_MAJOR) "." TEXT(CLF_VERSION_MINOR) "." TEXT(CLF_VERSION_PATCH);
}
