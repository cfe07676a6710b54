/* SPDX-License-Identifier: MIT */
/* images_raw.c: images in memory as bytes, with pixels in any order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "images.h"
#include "status.h"

typedef struct raw {
  clf__raw r;
  clf__picture shape;
  char path[]; /* the name of the source */
} raw;

static const char *raw_name(const void *state, int64_t i) {
  const raw *const w = state;
  (void)i; /* all have one shape, so no message is about a single image */
  return w->path;
}

static clf_status raw_picture(const void *state, int64_t i, clf__picture *p) {
  const raw *const w = state;
  const uint8_t *const from = w->r.bytes + w->r.first + (size_t)i * w->r.record;
  *p = w->shape;
  CLF_TRY(clf__picture_new(w->path, p));
  uint8_t *to = p->at;
  for (size_t y = 0; y < (size_t)p->height; y++)
    for (size_t x = 0; x < (size_t)p->width; x++)
      for (size_t c = 0; c < (size_t)p->channels; c++)
        *to++ = from[y * w->r.stride[0] + x * w->r.stride[1] + c * w->r.stride[2]];
  return CLF_OK;
}

static int raw_label(const void *state, int64_t i, char text[CLF_LABEL]) {
  const raw *const w = state;
  const int label = w->r.label[i];
  if (w->r.label_name)
    snprintf(text, CLF_LABEL, "%s", w->r.label_name[label]);
  else
    snprintf(text, CLF_LABEL, "%d", label);
  return 1;
}

static void raw_release(void *state) {
  raw *const w = state;
  free(w->r.bytes);
  w->r.bytes = NULL;
}

static void raw_free(void *state) {
  raw *const w = state;
  free(w->r.bytes);
  free(w->r.label);
  free(w);
}

/* Whether the bytes are images in the order in which a set stores them. */
static int is_plain(const clf__raw *r, const clf__picture *shape) {
  const size_t c = (size_t)shape->channels, row = (size_t)shape->width * c;
  return r->record == (size_t)shape->height * row && r->stride[0] == row && r->stride[1] == c &&
         r->stride[2] == 1;
}

clf_status clf__raw_open(const char *path, const clf__raw *r, int64_t count, clf__picture shape,
                         clf__source *s) {
  const size_t length = strlen(path) + 1;
  raw *const w = malloc(sizeof *w + length);
  if (!w) {
    free(r->bytes);
    free(r->label);
    return clf__fail(CLF_ENOMEM, "%s: no memory for its name", path);
  }
  w->r = *r;
  w->shape = shape;
  memcpy(w->path, path, length);
  *s = (clf__source){.count = count,
                     .shape = shape,
                     .state = w,
                     .picture = raw_picture,
                     .name = raw_name,
                     .whole = is_plain(r, &shape) ? r->bytes + r->first : NULL,
                     .label = r->label ? raw_label : NULL,
                     .release = raw_release,
                     .free = raw_free};
  return CLF_OK;
}
