/* SPDX-License-Identifier: MIT */
/* synthetic.h: synthetic sets of more than two columns.  Private.
 *
 * Each function writes n rows; only the seed, the row's number and the noise decide a row. */
#ifndef CLF_DATA_SYNTHETIC_H
#define CLF_DATA_SYNTHETIC_H
#include <stdint.h>

#define CLF_METERS_COLUMNS 6
#define CLF_DETECTOR_COLUMNS 43

/* Like the UCI set POWER, a household's electricity: active and reactive power, voltage, two meters
 * of whole units that are mostly at 0, and the hour.  `noise` is the width of the uniform noise
 * that makes the meters continuous. */
void clf__meters(uint64_t seed, uint64_t n, double noise, double *x);

/* The size of the UCI set MINIBOONE, events of a detector: 43 columns of two classes that depend on
 * 8 hidden normal numbers and on each other, every third one skewed.  `noise` is the standard
 * deviation of what is each column's own. */
void clf__detector(uint64_t seed, uint64_t n, double noise, double *x);

#endif
