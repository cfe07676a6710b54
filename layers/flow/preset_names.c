/* SPDX-License-Identifier: MIT */
/* preset_names.c: the names of tensors in files of the presets with a kind: those of the
 * lecture's and the paper's state_dict, if they differ from names by index in the list. */
#include <stdio.h>
#include <string.h>
#include "flow_private.h"

enum { LONGEST = sizeof((clf__slot_entry *)0)->name };

/* Replaces what follows "layers.I" in names of a layer's arrays by another text after `layer`;
 * names without a row do not change. */
typedef struct renaming {
  const char *ours, *theirs;
} renaming;

/* For realnvp's couplings and the normalisations after them; checkerboard and channel couplings
 * have different names for the scale. */
static const renaming of_coupling[] = {
    {".net.bn_in.", ".bn_in."}, {".running_mean", ".bn_out.mean"}, {".running_var", ".bn_out.var"}};
static const renaming of_board[] = {{".net.bn_in.", ".bn_in."},
                                    {".scale_shift", ".scale_shift"},
                                    {".scale", ".rescaling_scale"},
                                    {".running_mean", ".bn_out.mean"},
                                    {".running_var", ".bn_out.var"}};
/* For layers that occur once in a flow of the lecture. */
static const renaming of_single[] = {
    {".alpha", "alpha"}, {".xi", "xi"}, {".log_scale", "log_scale"}};

static void rename_part(char name[LONGEST], size_t n, const char *layer, const renaming *list,
                        size_t count) {
  const char *const tail = name + n;
  char to[2 * LONGEST];
  size_t i = 0;
  while (i < count && strncmp(tail, list[i].ours, strlen(list[i].ours)) != 0) i++;
  if (i < count)
    snprintf(to, sizeof to, "%s%s%s", layer, list[i].theirs, tail + strlen(list[i].ours));
  else
    snprintf(to, sizeof to, "%s%s", layer, tail);
  snprintf(name, LONGEST, "%.*s", LONGEST - 1, to);
}

/* Renames the arrays of layer l. */
static void rename_parts(clf_flow *f, const clf__layer *l, const char *layer, const renaming *list,
                         size_t count) {
  char prefix[LONGEST];
  const int n = snprintf(prefix, sizeof prefix, "layers.%d", l->index);
  for (int i = 0; i < f->slots.count; i++) {
    char *const name = f->slots.list[i].name;
    if (strncmp(name, prefix, (size_t)n) == 0 && name[n] == '.')
      rename_part(name, (size_t)n, layer, list, count);
  }
}
#define RENAME(f, l, layer, list) rename_parts(f, l, layer, list, sizeof(list) / sizeof *(list))

/* "scale1.coupling4": the channel couplings of a scale are numbered from 4, also in messages. */
static void name_image_layers(clf_flow *f) {
  int scale = 0, at = 0, board = 0;
  char name[LONGEST] = "";
  for (int i = 0; i < f->layers; i++) {
    clf__layer *l = &f->layer[i];
    const int is_coupling = l->node->type->id == CLF__ARCH_coupling;
    if (is_coupling) {
      board = ((const clf__arch_coupling *)l->node)->mask == CLF__MASK_CHECKER;
      snprintf(name, sizeof name, "scale%d.coupling%d", scale, at++ + !board);
    }
    if (is_coupling || l->node->type->id == CLF__ARCH_batchnorm) {
      if (board)
        RENAME(f, l, name, of_board);
      else
        RENAME(f, l, name, of_coupling);
      snprintf(l->label, sizeof l->label, "%s", name);
    }
    if (l->to_z) scale++, at = 0;
  }
}

void clf__preset_names(clf_flow *f) {
  if (f->spec.kind == CLF_REALNVP) name_image_layers(f);
  for (int i = 0; i < f->layers && clf__spec_has_kind(&f->spec); i++) {
    const clf__layer *l = &f->layer[i];
    if (l->ops == &clf__layer_piecewise || l->ops == &clf__layer_scale) RENAME(f, l, "", of_single);
  }
}
