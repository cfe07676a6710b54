/* SPDX-License-Identifier: MIT */
/* lu.h: W = L U, for the layers `lu` and `conv1x1`.  Private. */
#ifndef CLF_LU_H
#define CLF_LU_H
#include "linear.h"

clf_status clf__lu_make(clf__layer *l, clf__slots *slots, const char *path, int identity);
clf_status clf__lu_prepare(const clf__layer *l, const clf__pass *p);
clf_status clf__lu_finish(const clf__layer *l, const clf__pass *p);

#endif
