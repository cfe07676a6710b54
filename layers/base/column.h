/* SPDX-License-Identifier: MIT */
/* column.h: bases with independent columns, all with the same kind of density (columns.def):
 * shared by normal, classes, box, student, logistic and laplace.  Private. */
#ifndef CLF_COLUMN_H
#define CLF_COLUMN_H
#include "base.h"
#include "net.h"

/* Where the location, log-scale and degrees of freedom of a sample come from. */
typedef enum clf__column_source {
  CLF_COLUMN_FIXED,   /* 0 and 1, or the bounds of a box */
  CLF_COLUMN_TRAINED, /* trained, the same for all samples */
  CLF_COLUMN_OF_NET,  /* from a net of the context: all locations, then all log-scales */
  CLF_COLUMN_OF_CLASS /* trained per class; the context is the index of the class, or its one-hot
                         vector */
} clf__column_source;

/* The description of a base, for clf__column_make(). */
typedef struct clf__column_setup {
  int kind; /* CLF_COLUMN_normal, ... */
  clf__column_source source;
  double low, shape;           /* box: its bounds; student: its degrees of freedom */
  const char *loc, *log_scale; /* names of trained arrays, after the path */
  const struct clf__node *net; /* for CLF_COLUMN_OF_NET */
  int32_t classes;             /* for CLF_COLUMN_OF_CLASS */
} clf__column_setup;

clf_status clf__column_make(clf__base *b, clf__slots *slots, const char *path,
                            const clf__column_setup *s);

/* The other functions of such a base, apart from its name and `make`. */
void clf__column_unmake(clf__base *b);
void clf__column_draw(const clf__base *b, clf__host_random *r, double *c);
void clf__column_init(const clf__base *b, clf__host_random *r, double *w);
clf_status clf__column_plan(const clf__base *b, int32_t rows, int train, clf_arena *a,
                            clf__base_memory *k);
clf_status clf__column_finish(const clf__base *b, const clf__pass *p);
clf_status clf__column_logp(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                            clf_tensor z, clf_tensor logdet, clf_tensor logp);
clf_status clf__column_backward(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                                clf_tensor z, clf_tensor dz);
clf_status clf__column_sample(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                              uint64_t seed, int64_t first, clf_tensor z);
clf_status clf__column_sample_backward(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                                       uint64_t seed, int64_t first, clf_tensor z, clf_tensor dz);
clf_status clf__column_check_context(const clf__base *b, const double *c, int64_t row);
int32_t clf__column_outside(const clf__base *b, const double *z, double interval[2]);
#define CLF_COLUMN_BASE                                                                            \
  .unmake = clf__column_unmake, .draw = clf__column_draw, .init = clf__column_init,                \
  .plan = clf__column_plan, .finish = clf__column_finish, .logp = clf__column_logp,                \
  .backward = CLF_TRAINS(clf__column_backward), .sample = clf__column_sample,                      \
  .sample_backward = CLF_TRAINS(clf__column_sample_backward),                                      \
  .check_context = clf__column_check_context, .outside = clf__column_outside

/* The stream of latents that splits send early; discrete columns use -2, images -1. */
enum { CLF_STREAM_SENT = -3 };

/* Added to the seed of one piece of a base for that of the next. */
#define CLF_NEXT_SEED 0x9E3779B97F4A7C15u

/* Arguments of operations for a random stream: .seed_lo = ..., .first_hi = ... */
#define CLF_STREAM(seed, first)                                                                    \
  .seed_lo = (int)(uint32_t)(seed), .seed_hi = (int)(uint32_t)((uint64_t)(seed) >> 32),            \
  .first_lo = (int)(uint32_t)(first), .first_hi = (int)(uint32_t)((uint64_t)(first) >> 32)

#endif
