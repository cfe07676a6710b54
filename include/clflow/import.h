/* SPDX-License-Identifier: MIT */
/* import.h: flows that Python trained: checkpoints of nflows, glasflow, sbi, zuko, normflows and
 * FrEIA as flows of this library.
 *
 * A file is what torch.save() wrote (a state_dict, a module or a posterior of sbi), or safetensors.
 * It is read without Python, and nothing in it is executed.  docs/import.md says what can be
 * opened. */
#ifndef CLFLOW_IMPORT_H
#define CLFLOW_IMPORT_H
#include "clflow/flow.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a flow of a checkpoint.
 *
 * `hints` (may be NULL) say what the file does not: "like=nflows, tail=3, act=tanh"; the names are
 * those that clf_import_hint() lists.  A module holds all of its hyperparameters; a state_dict
 * does not.  What neither the file nor a hint says takes the default of the library that the file
 * comes from; with the hint "strict" it is refused.  A hint that the flow does not need is refused,
 * too.
 *
 * `report` (may be NULL) becomes text to be freed by free(): a line for each default that was
 * taken and each thing that was left out.
 *
 * A posterior of sbi becomes its estimator with z-scores, and a density of zero outside a
 * BoxUniform prior: log p is that of posterior.log_prob(theta, x, norm_posterior=False).
 *
 * Errors: EIO; EFORMAT and ENOTSUP say what the file is, or which module is not supported, and what
 * is; EINVAL names a hint that is missing, superfluous or makes no sense; ENUM (a weight that is
 * not finite); ENOMEM. */
CLF_API clf_status clf_import(clf_device *dev, const char *path, const char *hints, clf_flow **flow,
                              char **report);
/* The same of a file's bytes. */
CLF_API clf_status clf_import_memory(clf_device *dev, const void *bytes, size_t size,
                                     const char *hints, clf_flow **flow, char **report);

/* The hints, in the order of their table: name, value ("B", or words as "add|glu"; NULL: a word
 * without a value) and a sentence.  Returns 0 beyond the last. */
typedef struct clf_import_hint_info {
  const char *name, *value, *help; /* text that lives as long as the program */
} clf_import_hint_info;
CLF_API int clf_import_hint(int i, clf_import_hint_info *hint);

#ifdef __cplusplus
}
#endif
#endif
