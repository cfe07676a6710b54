/* SPDX-License-Identifier: MIT */
/* options.h: the table of training options (clflow/train_options.def), for the library. */
#ifndef CLF_OPTIONS_H
#define CLF_OPTIONS_H
#include "clflow/train.h"
#include "safetensors.h"

typedef enum clf__option_type {
  OPTION_COUNT,
  OPTION_COUNT32,
  OPTION_INDEX,
  OPTION_INDEX32,
  OPTION_SEED,
  OPTION_BYTES,
  OPTION_ABOVE_0,
  OPTION_FROM_0,
  OPTION_SHARE,
  OPTION_FLAG,
  OPTION_FLAG_ON,
  OPTION_FLAG_BOTH,
  OPTION_CHOICE
} clf__option_type;

enum { FILES_ALWAYS, FILES_LATER, FILES_NEVER };
enum { RESUME_SAME, RESUME_PLAN, RESUME_FREE };
enum { SHOWN_ALWAYS, SHOWN_CHANGED };

typedef struct clf__option {
  const char *name;
  clf__option_type type;
  size_t place; /* offset in clf_train_options, bytes */
  double limit;
  const char *limit_text;
  int files, resume, shown;
  const char *option, *arg;
} clf__option;

enum {
#define CLF_TRAIN_OPTION(name, ...) CLF_OPTION_##name,
#include "clflow/train_options.def"
#undef CLF_TRAIN_OPTION
  CLF_OPTIONS
};
extern const clf__option clf__options[CLF_OPTIONS];

/* The value of option CLF_OPTION_..., which has an integer or a real type. */
int64_t clf__option_whole(const clf_train_options *o, int option);
double clf__option_real(const clf_train_options *o, int option);

/* The value as text: "0.01", "cosine". */
void clf__option_text(const clf__option *d, const clf_train_options *o, char *text, size_t size);
int clf__option_equal(const clf__option *d, const clf_train_options *a, const clf_train_options *b);
/* Makes flags 0 or 1, as in files. */
void clf__options_normalise(clf_train_options *o);

/* Writes them to a file, and reads them.  EFORMAT if it has no training, or an option out of
 * range. */
clf_status clf__put_options(clf__st_writer *w, const clf_train_options *o);
clf_status clf__get_options(const clf__st *st, clf_train_options *o);

#endif
