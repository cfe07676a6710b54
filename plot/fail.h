/* SPDX-License-Identifier: MIT */
/* fail.h: how functions of clflow_plot report errors.  Private. */
#ifndef CLF_PLOT_FAIL_H
#define CLF_PLOT_FAIL_H
#include "../runtime/core/given.h"

/* Uses clf_fail() to set clf_errmsg(), because the clf__ functions of libclflow are not visible
 * here. */
clf_status clf__plot_fail(clf_status s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
