/* SPDX-License-Identifier: MIT */
/* status.c: the last error message of each thread. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "clflow/version.h"
#include "status.h"
#include "text.h"

static _Thread_local char message[16384]; /* large enough for a build log */

const char *clf_errmsg(void) { return message; }

const char *clf_strerror(clf_status status) {
  static const char *const text[] = {
#define CLF_X(name, words) words,
      CLF_STATUS_MAP(CLF_X)
#undef CLF_X
  };
  return (unsigned)status < sizeof text / sizeof *text ? text[status] : "unknown status";
}

clf_status(clf__fail)(clf_status s, const char *fmt,
                      ...) { /* parentheses: not the macro for the analyser */
  char fresh[sizeof message], clean[sizeof message]; /* an argument may be clf_errmsg() itself */
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(fresh, sizeof fresh, fmt, ap);
  va_end(ap);
  /* File names may contain anything; only the format string, or a message it quotes, may start a
   * new line. */
  clf__clean_message(clean, sizeof clean, fresh, message, strchr(fmt, '\n') != NULL);
  memcpy(message, clean, strlen(clean) + 1);
  return s;
}

clf_status clf_fail(clf_status s, const char *text) {
  return clf__fail(s, "%s", text ? text : clf_strerror(s));
}

static void (*listener)(const char *sentence, void *context);
static void *listener_context;

void clf_set_listener(void (*fn)(const char *sentence, void *context), void *context) {
  listener = fn;
  listener_context = context;
}

void clf__say(const char *fmt, ...) {
  char fresh[1024], sentence[1024];
  if (!listener) return;
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(fresh, sizeof fresh, fmt, ap);
  va_end(ap);
  clf__clean(sentence, sizeof sentence, fresh, strlen(fresh), 0);
  listener(sentence, listener_context);
}

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
const char *clf_version(void) {
  return TEXT(CLF_VERSION_MAJOR) "." TEXT(CLF_VERSION_MINOR) "." TEXT(CLF_VERSION_PATCH);
}
