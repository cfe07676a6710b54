/* SPDX-License-Identifier: MIT */
/* lists.h: shared by the tests of layers: lists given by the text of an architecture, on the device
 * of flows.h, with memory for ROWS rows. */
#ifndef CLF_LISTS_H
#define CLF_LISTS_H
#include "flows.h"
#include "layer.h"

enum { MOST_LAYERS = 8, ROWS = 40, GRADIENT_ROWS = 4 };

typedef struct list {
  clf_arch *arch;
  clf__arch_list nodes;
  clf__layer layer[MOST_LAYERS];
  clf__layer_memory memory[MOST_LAYERS];
  clf__slots slots;
  clf_arena arena;
  clf__vectors weights, gradients;
  clf_tensor x[MOST_LAYERS + 1], dx[MOST_LAYERS + 1], logdet, each;
  int count;
  int32_t dim;
} list;

/* Makes the list of an architecture, with initial weights of a fixed seed. */
void begin(list *s, const char *text);
void end(list *s);
/* Makes the layers of s->arch and their slots, without memory. */
clf_status make_layers(list *s);
/* Computes the constants that follow from others. */
clf_status derive(list *s);
/* The slot of this name, or NULL. */
clf__slot_entry *slot_of(list *s, const char *name);
/* Moves weights away from their initial values; variances stay positive, other states unchanged. */
void perturb(list *s);
/* n random numbers of a standard normal; the caller frees them. */
double *normals(uint64_t seed, size_t n);

/* ---- Passes ---------------------------------------------------------------------------------- */

clf__pass new_pass(const list *s, clf__mode mode);
clf_status prepare(const list *s, const clf__pass *p);
/* n rows: x and z are (n, dim), logdet is (n). */
void forward(list *s, clf__mode mode, const double *x, int32_t n, double *z, double *logdet);
void inverse(list *s, clf__mode mode, const double *z, int32_t n, double *x, double *logdet);
/* The gradient of sum over n of dz[n] . z[n] + dlogdet each[n] logdet[n], after a forward pass
 * with stored values; each NULL: 1.  With `inverted` the same for x after an inverse pass. */
void backward(list *s, clf__mode mode, int inverted, const double *dz, int32_t n, float dlogdet,
              const double *each, double *dx, double *g);
/* Compares all gradients of GRADIENT_ROWS rows with differences; `text` names the list in
 * messages. */
void expect_differences(list *s, const char *text, clf__mode mode, int inverted,
                        const double *each);

/* ---- The tests of each file ------------------------------------------------------------------ */

void tests_of_golden(TCase *tc);
void tests_of_identities(TCase *tc);
void tests_of_elementwise(TCase *tc);
void tests_of_statistics(TCase *tc);
void tests_of_refusals(TCase *tc);
void tests_of_derived(TCase *tc);

#endif
