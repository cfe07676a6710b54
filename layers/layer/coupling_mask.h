/* SPDX-License-Identifier: MIT */
/* coupling_mask.h: which columns a coupling transforms, which its net reads.  Private. */
#ifndef CLF_COUPLING_MASK_H
#define CLF_COUPLING_MASK_H
#include "layer.h"

typedef struct clf__coupling_mask {
  int32_t transformed, kept; /* columns; D together */
  int32_t *columns;          /* (D) the transformed ones, then the kept ones; after derive */
  clf__part mask;            /* (D) in files: 1 where transformed */
  clf__part transformed_at, kept_at; /* the columns as numbers */
  clf__part keep;                    /* (1, D) 1 where kept, of nets that read the masked input */
} clf__coupling_mask;

/* From l->node, l->in and l->turn.  EINVAL: a coupling that transforms nothing, or leaves its net
 * nothing to read. */
clf_status clf__coupling_mask_make(clf__coupling_mask *m, const clf__layer *l, clf__parts *parts,
                                   const char *path);
void clf__coupling_mask_unmake(clf__coupling_mask *m);
/* The check of make alone. */
clf_status clf__coupling_mask_check(const clf__layer *l);

/* What a mask transforms of an image: channels first .. first + channels - 1 of all pixels, or of
 * those of one colour of a checkerboard. */
typedef struct clf__region {
  int pixels;
  int32_t first, channels;
} clf__region;
/* 1: the mask of coupling l transforms such a part of an image, *r; 0: only single columns. */
int clf__coupling_region(const clf__layer *l, clf__region *r);
/* What is not in r: the other channels, or the pixels of the other colour. */
clf__region clf__region_others(clf__region r, clf__shape s);
/* Its channels of rows of images, as a view with all pixels. */
clf_tensor clf__region_of(clf__region r, clf__shape s, clf_tensor rows);
/* Channels of r go from x to y as they are; pixels of one colour do not, since operations take them
 * along. */
clf_status clf__region_pass_on(const clf__pass *p, clf__region r, clf__shape s, clf_tensor x,
                               clf_tensor y);
/* Whether the net reads all columns, the transformed ones as 0: a half of a chessboard is no image.
 */
int clf__coupling_reads_masked(const clf__layer *l);
/* The mask, and all that follows from it. */
void clf__coupling_mask_draw(const clf__coupling_mask *m, const clf__layer *l, clf__host_random *r,
                             double *c);
clf_status clf__coupling_mask_derive(const clf__coupling_mask *m, const clf__layer *l, double *c);
/* The shape of what the net reads, where the layer's input is an image. */
clf__shape clf__coupling_image(const clf__coupling_mask *m, clf__shape in);

#endif
