/* SPDX-License-Identifier: MIT */
/* arch.h: shared by the tests of architectures. */
#ifndef CLF_TEST_ARCH_H
#define CLF_TEST_ARCH_H
#include "arch_private.h"
#include "clflow/clflow.h"
#include "suite.h"

/* Parses a text, which must be valid. */
clf_arch *parsed(const char *text);
/* Writes an architecture as text and as JSON, and expects the same one when either is read. */
void turns_around(const clf_arch *a);

void tests_of_text(Suite *s);
void tests_of_random(Suite *s);
void tests_of_refusals(Suite *s);
void tests_of_lists(Suite *s);
void tests_of_presets(Suite *s);
#endif
