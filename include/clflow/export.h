/* SPDX-License-Identifier: MIT */
/* export.h: a trained flow as source code for programs that do not have clflow. */
#ifndef CLFLOW_EXPORT_H
#define CLFLOW_EXPORT_H
#include "clflow/flow.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Functions of an exported file; 0 stands for all that the flow has. */
enum {
  CLF_EXPORT_LOG_PROB = 1,
  CLF_EXPORT_TRANSFORM = 2, /* from data to latents */
  CLF_EXPORT_INVERSE = 4,   /* from latents to data */
  CLF_EXPORT_SAMPLE = 8
};

/* Writes a flow of vectors to `path` as one file of C99 that is also C++11 and calls libm alone.
 * It allocates nothing and has no writable data, so that its functions can run in any number of
 * threads; memory for a row is on the stack, NAME_memory bytes.  With name "density" and a flow of
 * D columns and a context of C numbers (without one, functions have no parameter c):
 *
 *   double density_log_prob(const double x[D], const double c[C]);     -INFINITY outside the
 * support double density_transform(const double x[D], const double c[C], double z[D]); double
 * density_inverse(const double z[D], const double c[C], double x[D]); void density_sample(uint64_t
 * seed, uint64_t i, const double c[C], double x[D]);
 *
 * The second and third return log |det| of the Jacobian matrix.  Data are in their own units:
 * standardisation, bounds and grids are part of the file.  Sample i of a seed is row i of
 * clf_sample() to rounding; latents are those of clf_transform().  What clf_log_prob() refuses
 * (numbers that are not finite) has the log-density -INFINITY here.  The file begins with
 * declarations; with NAME_DECLARATIONS_ONLY defined it has nothing else and serves as a header.
 *
 * use_float: numbers are float.  `what` is a sum of CLF_EXPORT_*, or 0.
 * Errors: EINVAL if `name` is no C identifier or `what` has other bits; ENOTSUP for images, and for
 * latents of a blend, which has none; EIO, ENOMEM.  After an error nothing was written. */
CLF_API clf_status clf_export_c(clf_flow *flow, const char *path, const char *name, unsigned what,
                                int use_float);

/* Writes a flow of vectors for PyTorch: NAME.pt, a state_dict for torch.load(weights_only=True),
 * and NAME.py, a module of plain torch with log_prob, transform, inverse and sample, which loads
 * it.  Every composition of vectors has a module; transform and inverse of one that ends in a blend
 * raise ValueError.  A default context is part of the file.  Grids of discrete columns are left
 * out: values are those of the density itself.  Errors: EINVAL if NAME, without its folders, is no
 * name of a Python module; ENOTSUP for flows of images; EIO, ENOMEM.
 */
CLF_API clf_status clf_export_pytorch(clf_flow *flow, const char *name);

#ifdef __cplusplus
}
#endif
#endif
