/* SPDX-License-Identifier: MIT */
/* npy.h: the header of a file of numpy.save(): shape, order and type.  Private. */
#ifndef CLF_DATA_NPY_H
#define CLF_DATA_NPY_H
#include "file.h"

#define CLF_NPY_DIMS 4

/* The header is a Python dictionary:
 *   {'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), } */
typedef struct clf__npy {
  const char *path;
  const char *p, *end; /* the rest to parse */
  char descr[16];      /* truncated if longer, which no supported type is */
  int list;            /* descr is a list: rows of named fields */
  int fortran;
  char shape[64];             /* as written, for messages */
  int dims;                   /* CLF_NPY_DIMS + 1 for more than these */
  uint64_t dim[CLF_NPY_DIMS]; /* the first of them */
  int seen[3];                /* per key */
  size_t data, have;          /* where the numbers begin, and the number of bytes from there on */
} clf__npy;

typedef struct clf__npy_type {
  char kind; /* b, i, u or f */
  int size;  /* bytes */
  int big;   /* big-endian */
} clf__npy_type;

/* Reads the header at the start of a file's bytes, of which h->have counts those after the
 * header.  Errors: EFORMAT. */
clf_status clf__npy_open(const char *path, const char *bytes, size_t size, clf__npy *h);

/* EFORMAT says what the file contains instead of numbers. */
clf_status clf__npy_type_of(const clf__npy *h, clf__npy_type *d);

/* Whether the shape, with at most CLF_NPY_DIMS dimensions and no zero, matches the number of
 * bytes; call it before allocating memory.  Errors: EFORMAT. */
clf_status clf__npy_fits(const clf__npy *h, clf__npy_type d);

/* The index in the file of element k in row-major order. */
size_t clf__npy_offset(const clf__npy *h, size_t k);

double clf__npy_number(clf__npy_type d, const unsigned char *p);

/* Writes a header of version 1.0 for at most CLF_NPY_DIMS dimensions, padded with blanks; the
 * numbers begin at byte 128.  Errors: EIO. */
clf_status clf__npy_put_header(clf__file *f, const char *descr, int rank, const int64_t *dim);

#endif
