/* SPDX-License-Identifier: MIT */
/* synthetic.h: synthetic data sets with more than two columns.  Private.
 *
 * Each function writes n rows; a row depends only on the seed, its index and the noise. */
#ifndef CLF_DATA_SYNTHETIC_H
#define CLF_DATA_SYNTHETIC_H
#include <stdint.h>

#define CLF_METERS_COLUMNS 6
#define CLF_DETECTOR_COLUMNS 43

/* Similar to the UCI data set POWER, the electricity of a household: active and reactive power,
 * voltage, two meters in whole units that are mostly 0, and the hour.  `noise` is the width of
 * the uniform noise that makes the meters continuous. */
void clf__meters(uint64_t seed, uint64_t n, double noise, double *x);

/* The size of the UCI data set MINIBOONE, events of a detector: 43 columns of two classes that
 * depend on 8 hidden normal numbers and on each other, every third one skewed.  `noise` is the
 * standard deviation of the independent part of each column. */
void clf__detector(uint64_t seed, uint64_t n, double noise, double *x);

#endif
