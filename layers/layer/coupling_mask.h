/* SPDX-License-Identifier: MIT */
/* coupling_mask.h: which columns a coupling transforms, and which its net reads.  Private. */
#ifndef CLF_COUPLING_MASK_H
#define CLF_COUPLING_MASK_H
#include "layer.h"

typedef struct clf__coupling_mask {
  int32_t transformed, identity; /* numbers of columns; they sum to D */
  int32_t *columns; /* (D) indices of the transformed columns, then of the identity columns; set by
                       derive */
  clf__slot mask;   /* (D) in files: 1 for transformed columns */
  clf__slot transformed_at, identity_at; /* the indices as arrays on the device */
  clf__slot keep; /* (1, D) 1 for identity columns, for nets that read the masked input */
} clf__coupling_mask;

/* From l->node, l->in and l->turn.  EINVAL: the coupling transforms no column, or leaves no
 * column for its net to read. */
clf_status clf__coupling_mask_make(clf__coupling_mask *m, const clf__layer *l, clf__slots *slots,
                                   const char *path);
void clf__coupling_mask_unmake(clf__coupling_mask *m);
/* Only the check of make. */
clf_status clf__coupling_mask_check(const clf__layer *l);

/* What a mask transforms in an image: channels first .. first + channels - 1 of all pixels, or
 * of the pixels of one colour of a checkerboard. */
typedef struct clf__region {
  int pixels;
  int32_t first, channels;
} clf__region;
/* 1: the mask of coupling l transforms such a region *r of an image; 0: only single columns. */
int clf__coupling_region(const clf__layer *l, clf__region *r);
/* The complement of r: the other channels, or the pixels of the other colour. */
clf__region clf__region_others(clf__region r, clf__shape s);
/* The channels of r in rows of images, as a view with all pixels. */
clf_tensor clf__region_of(clf__region r, clf__shape s, clf_tensor rows);
/* Copies channels of r from x to y unchanged.  Pixels of one colour are not copied: the
 * operations do that. */
clf_status clf__region_pass_on(const clf__pass *p, clf__region r, clf__shape s, clf_tensor x,
                               clf_tensor y);
/* Whether the net reads all columns, with zeros for the transformed ones: half a checkerboard is
 * not an image. */
int clf__coupling_reads_masked(const clf__layer *l);
/* Draws the mask and sets everything that follows from it. */
void clf__coupling_mask_draw(const clf__coupling_mask *m, const clf__layer *l, clf__host_random *r,
                             double *c);
clf_status clf__coupling_mask_derive(const clf__coupling_mask *m, const clf__layer *l, double *c);
/* The shape of the net's input if the layer's input is an image. */
clf__shape clf__coupling_image(const clf__coupling_mask *m, clf__shape in);

#endif
