/* SPDX-License-Identifier: MIT */
/* ops.h: shared by the tests of operations on images: the device, and tensors on it. */
#ifndef CLF_IMAGE_OPS_H
#define CLF_IMAGE_OPS_H
#include "backend.h"
#include "suite.h"

#define SIZE(array) ((int)(sizeof(array) / sizeof *(array)))

enum { DEVICES = 7 };
extern const char *const devices[DEVICES];
extern clf_device *dev;
extern clf_arena arena;
extern int exact; /* the device computes in double */

static const double lambda = -0.75; /* dL / dlogdet, a float */

/* Opens the device.  0: it is an OpenCL device, and there is none. */
int begin(const char *where);
void end(void);

/* A tensor with these values; NULL: without values. */
clf_tensor put(int n, int c, int h, int w, const double *at);
clf_tensor zeros(int n);
/* Its first element. */
double first(clf_tensor t);
/* Values are within `tol`; 0: equal to the bit. */
void expect(const char *what, clf_tensor t, const double *want, double tol);
/* A number of -1 .. 1. */
double noise(void);
void fill_noise(double *v, int n);

/* ---- The tests of each file ------------------------------------------------------------------ */

void tests_of_latents(TCase *tc);
void tests_of_couplings(TCase *tc);
void tests_of_pixels(TCase *tc);

#endif
