/* SPDX-License-Identifier: MIT */
/* rig.h: shared by the tests of nets: a net on its own on the device of flows.h, with weights,
 * memory and batches of rows. */
#ifndef CLF_RIG_H
#define CLF_RIG_H
#include "chain.h"
#include "flows.h"
#include "map.h"

typedef struct setting {
  const char *text; /* of the net */
  int32_t in, context, numbers;
  int32_t order[5]; /* of masked nets; all 0: ascending */
  int32_t passes;
} setting;

#define NET(net, inputs, contexts, m)                                                              \
  { .text = net, .in = inputs, .context = contexts, .numbers = m }
#define ORDERED(net, inputs, contexts, m, groups, ...)                                             \
  {                                                                                                \
    .text = net, .in = inputs, .context = contexts, .numbers = m, .order = {__VA_ARGS__},          \
    .passes = groups                                                                               \
  }

typedef struct rig {
  clf_arch *arch;
  clf__arch_list list;
  clf__net net;
  clf__map map; /* for masked nets that are inverted */
  clf__slots slots;
  clf_arena arena, work;
  clf__vectors w, g;
  clf__net_memory *memory;
  double *host_w, *host_c;
  int32_t order[8];
} rig;

/* Parses the text and describes the net, without making it. */
void describe(rig *r, const setting *s);
/* Makes the net with initial weights of this seed. */
void make(rig *r, const setting *s, uint64_t seed);
/* The same for a masked net that computes the parameters of a map. */
void make_with_map(rig *r, const setting *s, const char *map, uint64_t seed);
void drop(rig *r);
int is_masked(const setting *s);
/* Moves weights away from the initial ones; those that are masked stay zero. */
void randomise(rig *r, uint64_t seed);
/* Gives the net memory for `rows` rows; train: CLF_VALUES, CLF_STORED, ... */
void plan(rig *r, int32_t rows, int train);
/* The tensor of a slot among weights or gradients. */
clf_tensor tensor_of(const clf__vectors *v, const clf__slot_entry *e);

/* Nets of all kinds, for the tests that hold for each of them. */
enum { NETS = 19 };
extern const setting nets[NETS];

/* ---- A pass ---------------------------------------------------------------------------------- */

/* Rows on the device, and memory for the results. */
typedef struct batch {
  clf_arena arena;
  int32_t n;
  clf_tensor x, c, u, du, dx, dc;
} batch;

/* n rows without values; random_batch() also fills x, c and du. */
void new_batch(const rig *r, batch *b, int32_t n);
void random_batch(const rig *r, batch *b, int32_t n, uint64_t seed);
void put_random(clf_tensor t, uint64_t seed);
clf__pass pass_of(const rig *r, const batch *b, clf__mode mode);
void forward(rig *r, batch *b, clf__mode mode);
void backward(rig *r, batch *b, clf__mode mode);
/* The elements of t; the caller frees them. */
double *elements(clf_tensor t);

/* ---- The tests of each file ------------------------------------------------------------------ */

void tests_of_golden(TCase *tc);
void tests_of_gradients(TCase *tc);
void tests_of_masked(TCase *tc);
void tests_of_rest(TCase *tc);

#endif
