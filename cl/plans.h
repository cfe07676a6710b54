/* SPDX-License-Identifier: MIT */
/* plans.h: the numbers that a host half computes for its kernels, a struct for each kind of kernel.
 * Read by C and by OpenCL C: members are int.  A kernel names its struct in CLF_SCRATCH(). */
#ifndef CLF_PLANS_H
#define CLF_PLANS_H

/* Sums in two launches: every band of `size` rows (or samples, or elements) is summed alone, then
 * the sums of the `count` bands are added in their order. */
typedef struct {
  int size, count;
} bands_plan;

/* The same for bands of rows of each image of a batch. */
typedef struct {
  int rows, count; /* rows of a band, bands of one image */
  int total;       /* bands of all images */
} image_bands_plan;

/* ---- gemm ----------------------------------------------------------------------------------- */

typedef struct {
  int rows; /* of b that a work-item packs */
} gemm_pack_plan;

typedef struct {
  int tiles; /* tiles of c, one below the other, that a work-item computes */
} gemm_plan;

/* Scratch memory: the packed panels of b, then `own` floats for each work-item. */
typedef struct {
  int depth; /* columns of a that are packed at a time */
  int tiles; /* tiles of rows in a block */
  int own, own_at;
} gemm_blocks_plan;

/* ---- Convolutions --------------------------------------------------------------------------- */

typedef struct {
  int at;    /* in scratch memory: with vectors the panels of weights (Winograd, few tiles: the rows
                of transformed tiles), with one lane the table of the normalisation */
  int tiles; /* Winograd: tiles of a block; unused elsewhere */
} conv_plan;

/* Gradients by weights. */
typedef struct {
  int band, bands; /* size of a band (rows; 1x1: pixels; Winograd: blocks of tiles), and how many */
  int at_once;     /* rows, pixels or tiles that are taken through everything together */
  int edges;       /* floats for what stands beyond the edges and for the normalisation */
} conv_weights_plan;

/* ---- Couplings with small nets (mlp_coupling) ----------------------------------------------- */

/* Work-items of several lanes: blocks of samples. */
typedef struct {
  int vectors; /* of scratch memory that a work-item has */
  int blocks;  /* of the whole batch */
  int each;    /* blocks of a work-item */
  int at_once; /* blocks that go through a coupling together */
} mlp_lanes_plan;

/* Work-items of one lane: a sample each. */
typedef struct {
  int samples;
  int first, end; /* couplings of this launch: first .. end - 1 */
} mlp_items_plan;

/* ---- Matrices of linear layers -------------------------------------------------------------- */

typedef struct {
  int items; /* work-items that sum the gradients of reflections */
  int pitch; /* floats of a row in scratch memory: whole vectors */
} linear_plan;

/* ---- The inverse of masked autoregressive layers -------------------------------------------- */

typedef struct {
  int weights; /* floats of packed weights, at the start of scratch memory */
  int rows;    /* rows of values that a work-item has */
  int blocks;  /* of LANES samples */
} made_plan;

#endif
