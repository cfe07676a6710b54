/* SPDX-License-Identifier: MIT */
/* presets.c: image flows by name. */
#include <string.h>
#include "clflow/train.h"
#include "status.h"

static const clf_preset presets[] = {
#define CLF_PRESET(name, height, width, channels, scales, features, blocks, scale_first, crop,     \
                   flip, batch, text)                                                              \
  {#name, text, height, width, channels, scales, features, blocks, scale_first, crop, flip, batch},
#include "clflow/presets.def"
#undef CLF_PRESET
};

int clf_preset_count(void) { return sizeof presets / sizeof *presets; }
const clf_preset *clf_preset_at(int i) {
  return i >= 0 && i < clf_preset_count() ? &presets[i] : NULL;
}

clf_status clf_preset_find(const char *name, const clf_preset **preset) {
  CLF_GIVEN("name, preset", name, preset);
  for (int i = 0; i < clf_preset_count(); i++)
    if (strcmp(presets[i].name, name) == 0) {
      *preset = &presets[i];
      return CLF_OK;
    }
  static const char refusal[] = "there is no preset \"%s\"; there are"
#define CLF_PRESET(name, ...) " " #name
#include "clflow/presets.def"
#undef CLF_PRESET
      ;
  return clf__fail(CLF_EINVAL, refusal, name);
}

clf_flow_spec clf_preset_spec(const clf_preset *p, int32_t height, int32_t width,
                              int32_t channels) {
  clf_flow_spec s = clf_flow_spec_default(CLF_REALNVP, 1);
  s.height = height;
  s.width = width;
  s.channels = channels;
  const double dim = (double)height * width * channels; /* beyond 2^63 too */
  s.dim = dim > 0 && dim <= INT32_MAX ? (int32_t)dim : 0;
  if (!p) return (clf_flow_spec){.kind = CLF_REALNVP}; /* no flow can be made of it */
  s.scales = p->scales;
  s.hidden = p->features;
  s.blocks = p->blocks;
  s.variant.scale_first = p->scale_first;
  return s;
}
