/* SPDX-License-Identifier: MIT */
/* npy.h: the header of a file as numpy.save() writes it: shape, order and type.  Private. */
#ifndef CLF_DATA_NPY_H
#define CLF_DATA_NPY_H
#include "file.h"

#define CLF_NPY_DIMS 4

/* The header is a Python dictionary:
 *   {'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), } */
typedef struct clf__npy {
  const char *path;
  const char *p, *end; /* what is left of it to parse */
  char descr[16];      /* cut if longer: no type that is read is */
  int list;            /* descr is a list: rows of named fields */
  int fortran;
  char shape[64];             /* as it stands, for messages */
  int dims;                   /* CLF_NPY_DIMS + 1 for any more than these */
  uint64_t dim[CLF_NPY_DIMS]; /* the first of them */
  int seen[3];                /* by key */
  size_t data, have;          /* where the numbers begin, and the bytes from there on */
} clf__npy;

typedef struct clf__npy_type {
  char kind; /* b, i, u or f */
  int size;  /* bytes */
  int big;   /* the first byte is the highest */
} clf__npy_type;

/* Reads the header in front of a file's bytes, which may be its first only: then h->have
 * counts these.  Errors: EFORMAT. */
clf_status clf__npy_open(const char *path, const char *bytes, size_t size, clf__npy *h);

/* Errors: EFORMAT says what the file holds in place of numbers. */
clf_status clf__npy_type_of(const clf__npy *h, clf__npy_type *d);

/* Whether the shape, at most CLF_NPY_DIMS dimensions without a zero, takes the bytes there
 * are; to be asked before memory is.  Errors: EFORMAT. */
clf_status clf__npy_fits(const clf__npy *h, clf__npy_type d);

/* Where among the numbers of the file the k-th in row-major order lies. */
size_t clf__npy_place(const clf__npy *h, size_t k);

double clf__npy_number(clf__npy_type d, const unsigned char *p);

/* Writes a header of version 1.0 for at most CLF_NPY_DIMS dimensions; the numbers begin at
 * byte 128, which blanks fill up to.  Errors: EIO. */
clf_status clf__npy_put_header(clf__file *f, const char *descr, int rank, const int64_t *dim);

#endif
