/* SPDX-License-Identifier: MIT */
/* members.h: private members of a group, and sums over its members. */
#ifndef CLF_MEMBERS_H
#define CLF_MEMBERS_H
#include "transport.h"

struct clf_group {
  clf_transport *t;
  char (*name)[96];  /* of each member: "rank 3 on node7"; before the first call "rank 3" */
  int met;           /* 1: the first call was made */
  double base;       /* seconds of a deadline, without those that follow from steps */
  double slowest;    /* seconds of the slowest step so far */
  int started;       /* 1: a step is done, so that all kernels are compiled */
  clf_status broken; /* the first error, which every later call returns */
  char why[1024];
  char doing[96];  /* what members are doing, for messages: "step 7" */
  char after[352]; /* the end of messages about members that do not answer, or empty */
  void *scratch;   /* memory for what peers send */
  size_t scratch_size;
};

/* Sets what messages say that this member is doing. */
void clf__group_doing(clf_group *g, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Sets the end of messages about members that do not answer: the last checkpoint. */
void clf__group_note(clf_group *g, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Notes how long a step took, on which deadlines depend. */
void clf__group_took(clf_group *g, double seconds);
/* Begins a call of the group. */
clf_status clf__group_begin(clf_group *g);
/* The deadline of a call that begins now. */
double clf__group_deadline(const clf_group *g);
/* Exchanges bytes like the transport; an error says which member waited and where, and stays. */
clf_status clf__group_exchange(clf_group *g, int32_t to, const void *out, size_t n_out,
                               int32_t from, void *in, size_t n_in);
/* For a call of the group: at least this many bytes of memory, valid until the next call; and bytes
 * that are 0, which the caller frees.  Without memory this member can send nothing, so the group is
 * broken and the others hear of it. */
clf_status clf__group_scratch(clf_group *g, size_t bytes, void **at);
clf_status clf__group_memory(clf_group *g, size_t bytes, void **at);

/* ---- tree.c: the order in which grains are added ------------------------------------------- */

/* A batch of `rows` rows is cut into `grains` pieces, a power of two: piece i has the rows floor(i
 * rows / grains) up to floor((i + 1) rows / grains). Their results are added in the perfect binary
 * tree over the pieces, neighbours first; a subtree without rows is skipped. The member of rank r
 * computes the pieces first[r] .. first[r + 1] - 1. */
typedef struct clf__split {
  int64_t rows;
  int32_t grains;
  const int32_t *first;
} clf__split;

/* Level 0 has the grains; node i of level l has the grains i 2^l .. (i + 1) 2^l - 1. */
typedef struct clf__subtree {
  int32_t level, index;
} clf__subtree;

enum { CLF_LEVELS = 12, CLF_GRAINS_MOST = 1 << CLF_LEVELS, CLF_ROOTS = 2 * CLF_LEVELS + 1 };

int64_t clf__grain_begin(const clf__split *s, int32_t grain);

/* A stack of partial sums, the lowest grains first. Nodes are pushed in order; each is added to
 * those before it as far as the tree allows. */
typedef struct clf__stack {
  clf__subtree node[CLF_ROOTS];
  int count;
} clf__stack;
/* Whether the sum on top of the stack is to be added to `*node` next, which then becomes the sum of
 * both (1).  0: nothing more is to be added; `*node` belongs on top of the stack. */
int clf__tree_joins(const clf__split *s, clf__stack *stack, clf__subtree *node);
/* The partial sums that remain after the grains first .. end - 1. */
void clf__tree_roots(const clf__split *s, int32_t first, int32_t end, clf__stack *stack);

/* ---- sum.c ----------------------------------------------------------------------------------- */

/* total = the sum over all grains: of n numbers, float or double by `bits`.  root[i] is what this
 * member's grains left in place i of their stack; it is overwritten.  `total` may be root[0]. Every
 * member gets the same bits, however the grains are divided. */
clf_status clf__group_sum(clf_group *g, const clf__split *s, size_t n, int bits, void *const root[],
                          void *total);

/* The same in two steps. After the first one each member has the sum of its own slice of `total`,
 * at the same place as in the whole; the second one gives every member the slices of all. */
typedef struct clf__elements {
  size_t begin, end; /* elements begin .. end - 1 */
} clf__elements;
clf__elements clf__group_slice_of(const clf_group *g, size_t n, int32_t rank);
clf_status clf__group_scatter_sum(clf_group *g, const clf__split *s, size_t n, int bits,
                                  void *const root[], void *total);
clf_status clf__group_collect(clf_group *g, size_t n, int bits, void *vector);

/* A vector of at least CLF_LONG elements has CLF_PIECES pieces of equal size, a multiple of
 * CLF_PIECE_OF, but for the last one; slices of up to CLF_PIECES members are whole pieces. Returns
 * where piece i begins. */
enum { CLF_PIECES = 64, CLF_PIECE_OF = 16, CLF_LONG = 1 << 18 };
size_t clf__group_piece(size_t n, int32_t i);

#endif
