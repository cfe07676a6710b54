/* SPDX-License-Identifier: MIT */
/* fail.c: how functions of clflow_plot report errors. */
#include "fail.h"

#include <stdarg.h>
#include <stdio.h>

clf_status clf__plot_fail(clf_status s, const char *fmt, ...) {
  char text[1024];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  return clf_fail(s, text);
}
