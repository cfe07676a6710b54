/* SPDX-License-Identifier: MIT */
/* images.h: shared by the tests of training on images. */
#ifndef CLF_TRAIN_IMAGES_H
#define CLF_TRAIN_IMAGES_H
#include "clflow/clflow.h"
#include "flows.h"

extern char folder[];

/* The tests of a file. */
void tests_of_training(TCase *tc);
void tests_of_memory(TCase *tc);
void tests_of_drops(TCase *tc);
void tests_of_sizes(TCase *tc);
void tests_of_results(TCase *tc);
void tests_of_given(TCase *tc);

const char *path_of(const char *name);
clf_images *glyphs(const char *source);
clf_flow_spec small_spec(int norm, uint64_t seed);
clf_flow *small_flow(int norm);
clf_train_options options_of(int64_t epochs, int32_t batch);
double *weights_of(const clf_flow *f);
double distance(const clf_flow *a, const clf_flow *b);

#endif
