/* SPDX-License-Identifier: MIT */
/* arch.h: what the tests of architectures share. */
#ifndef CLF_TEST_ARCH_H
#define CLF_TEST_ARCH_H
#include "arch_private.h"
#include "clflow/clflow.h"
#include "suite.h"

/* Read from text, or the test fails. */
clf_arch *parsed(const char *text);
/* Reads the text and JSON that an architecture is written as: both are it again. */
void turns_around(const clf_arch *a);

void tests_of_text(Suite *s);
void tests_of_random(Suite *s);
void tests_of_refusals(Suite *s);
void tests_of_lists(Suite *s);
void tests_of_presets(Suite *s);
#endif
