/* SPDX-License-Identifier: MIT */
/* images.h: shared by the tests of the program with images: the set and the model that most of them
 * read, and numbers in what is printed and written. */
#ifndef CLF_CLI_IMAGES_H
#define CLF_CLI_IMAGES_H
#include <stdint.h>
#include "clflow/clflow.h"
#include "suite.h"

/* A set of N images of D pixels, and the training of m.safetensors on it. */
#define DATA "glyphs:n=64,size=8"
#define SMALL "train --preset tiny --width 4 --blocks 1 --data " DATA " --epochs 2 --seed 3 "
enum { N = 64, D = 64 };

/* The number after `label` in the output of a command. */
double number_of(const char *command, const char *label);
double bits_of(const char *command);
/* The caller releases it with clf_table_free(). */
clf_table table_of(const char *path);
/* Writes noise u of n images in the shape (n, 8, 8, 1). */
void write_noise(const char *path, int64_t n, double u);

/* ---- The tests of each file ------------------------------------------------------------------ */

void tests_of_training(TCase *tc);
void tests_of_scores(TCase *tc);
void tests_of_refusals(TCase *tc);
void tests_of_labels(TCase *tc);

#endif
