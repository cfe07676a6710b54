/* SPDX-License-Identifier: MIT */
/* presets.c: named architectures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arch_private.h"
#include "clflow/train.h"
#include "names.h"
#include "status.h"

static const clf_preset presets[] = {
#define CLF_PRESET(name, height, width, channels, scales, features, blocks, scale_first, crop,     \
                   flip, batch, text)                                                              \
  {#name,       text, height, width, channels, scales, features, blocks,                           \
   scale_first, crop, flip,   batch, NULL,     NULL,   NULL},
#define CLF_PRESET_TEXT(title, flow, open, training, what)                                         \
  {.name = title, .text = what, .arch = flow, .values = open, .options = training},
#include "clflow/presets.def"
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
#define CLF_PRESET_TEXT(name, ...) " " name
#include "clflow/presets.def"
      ;
  return clf__fail(CLF_EINVAL, refusal, name);
}

clf_flow_spec clf_preset_spec(const clf_preset *p, int32_t height, int32_t width,
                              int32_t channels) {
  clf_flow_spec s = clf_flow_spec_default(CLF_REALNVP, 1);
  s.height = height;
  s.width = width;
  s.channels = channels;
  const double dim = (double)height * width * channels; /* even beyond 2^63 */
  s.dim = dim > 0 && dim <= INT32_MAX ? (int32_t)dim : 0;
  if (!p || p->arch) return (clf_flow_spec){.kind = CLF_REALNVP}; /* no flow can be made of it */
  s.scales = p->scales;
  s.hidden = p->features;
  s.blocks = p->blocks;
  s.variant.scale_first = p->scale_first;
  return s;
}

/* ---- Architectures --------------------------------------------------------------------------- */

enum { VALUES = 24 };

static clf_status not_values(const clf_preset *p, const char *values) {
  return clf__fail(CLF_EINVAL, "preset %s: \"%s\" is not a list of values, as \"dim=6, depth=3\"",
                   p->name, clf__excerpt_of(values, strlen(values)).s);
}

static clf_status no_such_value(const clf_preset *p, const clf__parameter *v,
                                const clf__parameter *all, int n) {
  char name[64], nearest[64] = "", candidate[64];
  snprintf(name, sizeof name, "%.*s", (int)(v->name_n < 63 ? v->name_n : 63), v->name);
  for (int i = 0; i < n; i++) {
    snprintf(candidate, sizeof candidate, "%.*s", (int)all[i].name_n, all[i].name);
    if (!*nearest || clf__name_distance(name, candidate) < clf__name_distance(name, nearest))
      memcpy(nearest, candidate, sizeof nearest);
  }
  return clf__fail(CLF_EINVAL, "preset %s has no value \"%s\"; did you mean \"%s\"?", p->name,
                   clf__excerpt_of(name, strlen(name)).s, nearest);
}

/* Variables that come from the data. */
static const char *const from_data[] = {"dim", "height", "width", "channels"};

static int is_open(const char *arch, const clf__parameter *v) {
  char name[24];
  for (size_t i = 0; i < sizeof from_data / sizeof *from_data; i++) {
    snprintf(name, sizeof name, i ? "${%s}" : "$%s", from_data[i]);
    if (strlen(from_data[i]) == v->name_n && strncmp(from_data[i], v->name, v->name_n) == 0)
      return strstr(arch, name) != NULL;
  }
  return 0;
}

/* Merges the preset's values with those of the caller, which take precedence; `context` is
 * separate, all zero if there is none. */
static clf_status merge(const clf_preset *p, const char *values, clf__parameter *all, int *n,
                        clf__parameter *context) {
  clf__parameter given[VALUES];
  *n = clf__parameters_read(p->values, all, VALUES / 2);
  const int count = clf__parameters_read(values, given, VALUES / 2);
  if (count < 0) return not_values(p, values);
  for (int i = 0; i < count; i++) {
    const clf__parameter *const v = &given[i];
    clf__parameter *const same = clf__parameters_find(all, *n, v->name, v->name_n);
    if (same && same->given)
      return clf__fail(CLF_EINVAL, "preset %s: %.*s is given twice", p->name, (int)v->name_n,
                       v->name);
    if (v->name_n == strlen("context") && strncmp(v->name, "context", v->name_n) == 0)
      *context = *v;
    else if (same)
      *same = *v, same->given = 1;
    else if (is_open(p->arch, v))
      all[*n] = *v, all[(*n)++].given = 1;
    else
      return no_such_value(p, v, all, *n);
  }
  return CLF_OK;
}

static clf_status missing(const clf_preset *p, clf__parameter *all, int n) {
  for (size_t i = 0; i < sizeof from_data / sizeof *from_data; i++) {
    const clf__parameter want = {.name = from_data[i], .name_n = strlen(from_data[i])};
    if (is_open(p->arch, &want) && !clf__parameters_find(all, n, want.name, want.name_n))
      return clf__fail(CLF_EINVAL, "preset %s needs a value for %s", p->name, want.name);
  }
  return CLF_OK;
}

/* "6|3: ...; context: standardize" */
static void add_context(clf__out *o, const char *text, const clf__parameter *context) {
  const size_t head = strcspn(text, ":");
  clf__out_bytes(o, text, context->name ? head : strlen(text));
  if (!context->name) return;
  clf__out_text(o, "|");
  clf__out_bytes(o, context->value, context->value_n);
  clf__out_text(o, text + head);
  clf__out_text(o, "; context: standardize");
}

static clf_status text_arch(const clf_preset *p, const char *values, clf_arch **arch) {
  clf__parameter all[VALUES], context = {0};
  int n;
  CLF_TRY(merge(p, values, all, &n, &context));
  CLF_TRY(missing(p, all, n));
  clf__out filled = {0}, whole = {0};
  clf__parameters_fill(&filled, p->arch, all, n);
  if (!filled.failed) add_context(&whole, filled.s, &context);
  const clf_status s = filled.failed || whole.failed
                           ? clf__fail(CLF_ENOMEM, "no memory for an architecture")
                           : clf_arch_parse(whole.s, arch);
  free(filled.s);
  free(whole.s);
  if (s != CLF_EINVAL) return s;
  char why[512];
  snprintf(why, sizeof why, "%s", clf_errmsg());
  return clf__fail(s, "preset %s: %s", p->name, why);
}

/* A whole number of at most nine digits. */
static int whole_number(const clf__parameter *v, int32_t *to) {
  int32_t x = 0;
  if (v->value_n > 9) return 0;
  for (size_t i = 0; i < v->value_n; i++) {
    if (v->value[i] < '0' || v->value[i] > '9') return 0;
    x = 10 * x + (v->value[i] - '0');
  }
  *to = x;
  return 1;
}

static clf_status image_arch(const clf_preset *p, const char *values, clf_arch **arch) {
  static const char names[] = "height=0, width=0, channels=0, scales=0, hidden=0, blocks=0";
  clf__parameter all[VALUES], given[VALUES];
  clf_flow_spec s = clf_preset_spec(p, p->height, p->width, p->channels);
  int32_t *const to[] = {&s.height, &s.width, &s.channels, &s.scales, &s.hidden, &s.blocks};
  const int n = clf__parameters_read(names, all, VALUES),
            count = clf__parameters_read(values, given, VALUES);
  if (count < 0) return not_values(p, values);
  for (int i = 0; i < count; i++) {
    const clf__parameter *const v = &given[i];
    const clf__parameter *const at = clf__parameters_find(all, n, v->name, v->name_n);
    if (!at) return no_such_value(p, v, all, n);
    if (!whole_number(v, to[at - all]))
      return clf__fail(CLF_EINVAL, "preset %s: %.*s must be a whole number", p->name,
                       (int)v->name_n, v->name);
  }
  for (int i = 0; i < 3; i++)
    if (!*to[i])
      return clf__fail(CLF_EINVAL, "preset %s needs a value for %s", p->name, from_data[i + 1]);
  const double dim = (double)s.height * s.width * s.channels;
  s.dim = dim <= INT32_MAX ? (int32_t)dim : 0;
  return clf_arch_of_spec(&s, arch);
}

clf_status clf_preset_arch(const clf_preset *preset, const char *values, clf_arch **arch) {
  CLF_GIVEN("preset, values, arch", preset, values, arch);
  return preset->arch ? text_arch(preset, values, arch) : image_arch(preset, values, arch);
}

clf_status clf_preset_options(const clf_preset *preset, clf_train_options *options) {
  clf__parameter all[VALUES];
  CLF_GIVEN("preset, options", preset, options);
  if (!preset->arch) {
    options->batch = preset->batch;
    options->flip = preset->flip;
    return CLF_OK;
  }
  const int n = clf__parameters_read(preset->options, all, VALUES);
  if (n < 0) return not_values(preset, preset->options);
  for (int i = 0; i < n; i++) {
    char name[64], value[64];
    snprintf(name, sizeof name, "%.*s", (int)all[i].name_n, all[i].name);
    snprintf(value, sizeof value, "%.*s", (int)all[i].value_n, all[i].value);
    CLF_TRY(clf_train_options_set(options, name, value));
  }
  return CLF_OK;
}
