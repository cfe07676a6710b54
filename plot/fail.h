/* SPDX-License-Identifier: MIT */
/* fail.h: how a function of clflow_plot fails.  Private. */
#ifndef CLF_PLOT_FAIL_H
#define CLF_PLOT_FAIL_H
#include "../runtime/core/given.h"

/* As clf_fail(), which is how the sentence reaches clf_errmsg(): the clf__ functions of
 * libclflow cannot be seen from here. */
clf_status clf__plot_fail(clf_status s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
