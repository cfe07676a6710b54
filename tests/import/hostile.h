/* SPDX-License-Identifier: MIT */
/* hostile.h: the tests of hostile.c, for test_import. */
#ifndef CLF_HOSTILE_H
#define CLF_HOSTILE_H
#include "clflow/core.h"
#include "suite.h"

extern clf_device *hostile_device;
void hostile_add(TCase *t);

#endif
