/* SPDX-License-Identifier: MIT */
/* images_labels.c: the labels of a set's images as a table. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "images.h"
#include "names.h"
#include "status.h"

/* Labels in byte order, and which of them each image has, in the order in which they were found. */
typedef struct labels {
  char *name[CLF_CATEGORIES_MAX];
  int order[CLF_CATEGORIES_MAX]; /* name[order[k]] is the k-th in byte order */
  int count;
} labels;

/* The position of a label in byte order, or where it would be; *found: whether it is there. */
static int position_of(const labels *l, const char *text, int *found) {
  int low = 0, high = l->count;
  *found = 0;
  while (low < high && !*found) {
    const int middle = (low + high) / 2, d = strcmp(text, l->name[l->order[middle]]);
    *found = d == 0;
    if (d > 0)
      low = middle + 1;
    else
      high = middle;
  }
  return high;
}

/* The number of a label, which is added if it is new. */
static clf_status number_of(const clf_images *m, labels *l, const char *text, double *number) {
  int found;
  const int at = position_of(l, text, &found);
  if (!found) {
    if (l->count == CLF_CATEGORIES_MAX)
      return clf__fail(CLF_EINVAL, "%s: its images have more than %d labels", m->name,
                       CLF_CATEGORIES_MAX);
    if (!(l->name[l->count] = strdup(text)))
      return clf__fail(CLF_ENOMEM, "%s: no memory for its labels", m->name);
    memmove(l->order + at + 1, l->order + at, (size_t)(l->count - at) * sizeof *l->order);
    l->order[at] = l->count++;
  }
  *number = l->order[at];
  return CLF_OK;
}

/* The numbers of all labels, in the order in which they were found. */
static clf_status read_labels(const clf_images *m, labels *l, double *number) {
  int64_t skipped = 0;
  char text[CLF_LABEL];
  for (int64_t i = 0; i < m->total; i++) {
    if (skipped < m->skipped && m->fault[skipped].at == i) {
      skipped++;
      continue;
    }
    if (!m->source.label(m->source.state, i, text))
      return clf__fail(CLF_EINVAL,
                       "%s: %s is not in a subfolder; put each image into the subfolder named "
                       "after its label",
                       m->name, m->source.name(m->source.state, i));
    const char *const why = clf__not_text(text, strlen(text), 0);
    if (why)
      return clf__fail(
          CLF_EINVAL,
          "%s: the subfolder of %s, which names the label of its images, has %s in its "
          "name; rename it",
          m->name, m->source.name(m->source.state, i), why);
    CLF_TRY(number_of(m, l, text, &number[i - skipped]));
  }
  return CLF_OK;
}

/* Moves the names, in byte order, to the table's column, and renumbers its rows. */
static clf_status describe(labels *l, clf_table *t) {
  int rank[CLF_CATEGORIES_MAX];
  t->names = calloc(1, sizeof *t->names);
  t->columns = calloc(1, sizeof *t->columns);
  char **const categories = calloc((size_t)l->count, sizeof *categories);
  if (t->names) *t->names = strdup("class");
  if (!t->names || !t->columns || !categories || !*t->names) {
    free(categories);
    return clf__fail(CLF_ENOMEM, "no memory for %d labels", l->count);
  }
  for (int k = 0; k < l->count; k++) {
    rank[l->order[k]] = k;
    categories[k] = l->name[l->order[k]];
    l->name[l->order[k]] = NULL;
  }
  for (int64_t i = 0; i < t->rows; i++) t->at[i] = rank[(int)t->at[i]];
  *t->columns = (clf_column){.kind = CLF_COLUMN_CATEGORY,
                             .category_count = l->count,
                             .categories = categories,
                             .smallest = 0,
                             .largest = l->count - 1};
  return CLF_OK;
}

clf_status clf_images_labels(const clf_images *m, clf_table *t) {
  CLF_GIVEN("images, labels", m, t);
  if (!m->ready)
    return clf__fail(CLF_EINVAL, "%s: labels are asked for before all images are decoded", m->name);
  if (!m->source.label)
    return clf__fail(CLF_EINVAL,
                     "%s: its images have no labels; these sources have: a folder of subfolders, "
                     "CIFAR-10, glyphs, and IDX images with the IDX labels in the same folder",
                     m->name);
  CLF_TRY(clf_table_new(m->count, 1, t));
  labels *const l = calloc(1, sizeof *l);
  clf_status s =
      l ? read_labels(m, l, t->at) : clf__fail(CLF_ENOMEM, "%s: no memory for its labels", m->name);
  if (!s) s = describe(l, t);
  for (int k = 0; l && k < l->count; k++) free(l->name[k]);
  free(l);
  if (s) clf_table_free(t);
  return s;
}
