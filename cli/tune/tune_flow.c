/* SPDX-License-Identifier: MIT */
/* tune_flow.c: the flow requested with `--flow` of `clflow tune`. */
#include <string.h>
#include "tune.h"

/* Reads the values of a preset: those in parentheses, and the shape of the data. */
static int read_preset(const char *word) {
  const clf_flow_spec *o = &cli_tuning.spec;
  char name[CLI_PRESET_NAME], own[CLI_PRESET_VALUES], values[CLI_PRESET_VALUES + 128];
  const clf_preset *p;
  const int code = cli_preset_split("--flow", word, name, own);
  if (code) return code;
  if (clf_preset_find(name, &p) != CLF_OK) return cli_usage("%s", clf_errmsg());
  if (!p->arch)
    return cli_usage("%s is one of realnvp's presets: --flow realnvp --preset %s", name, name);
  const int used = snprintf(values, sizeof values, "%s%s", own, *own ? ", " : "");
  if (strstr(p->arch, "${height}"))
    snprintf(values + used, sizeof values - (size_t)used, "height=%d, width=%d, channels=%d",
             o->height ? (int)o->height : 28, o->width ? (int)o->width : 28,
             o->channels ? (int)o->channels : 1);
  else
    snprintf(values + used, sizeof values - (size_t)used, "dim=%d", (int)o->dim);
  const clf_status s = clf_preset_arch(p, values, &cli_tuning.arch);
  return s ? cli_arch_refused(s) : CLI_OK;
}

int cli_tune_read_flow(void) {
  const char *const word = cli_tuning.flow;
  const int kind = cli_kind_of(word);
  if (kind >= 0) {
    cli_tuning.spec.kind = (clf_kind)kind;
    return CLI_OK;
  }
  return *word == '@' || strchr(word, ':') ? cli_arch_read(word, &cli_tuning.arch)
                                           : read_preset(word);
}

/* ---- The flow ------------------------------------------------------------------ */

static clf_status spec_of_images(clf_flow_spec *spec) {
  const clf_flow_spec *o = &cli_tuning.spec;
  const clf_preset *p;
  CLF_TRY(clf_preset_find(cli_tuning.preset ? cli_tuning.preset : "lecture", &p));
  if (p->arch) {
    char why[128];
    snprintf(why, sizeof why, "preset %s is not one of realnvp's; give a model made of it",
             p->name);
    return clf_fail(CLF_EINVAL, why);
  }
  *spec = clf_preset_spec(p,
                          o->height   ? o->height
                          : p->height ? p->height
                                      : 28,
                          o->width   ? o->width
                          : p->width ? p->width
                                     : 28,
                          o->channels   ? o->channels
                          : p->channels ? p->channels
                                        : 1);
  if (o->scales) spec->scales = o->scales;
  if (o->blocks) spec->blocks = o->blocks;
  if (o->hidden) spec->hidden = o->hidden;
  if (!cli_tuning.batch) cli_tuning.batch = p->batch;
  return CLF_OK;
}

clf_status cli_tune_new_flow(clf_device *dev, clf_flow **flow) {
  const clf_flow_spec *o = &cli_tuning.spec;
  if (cli_tuning.arch) return clf_flow_create_arch(dev, cli_tuning.arch, 0, flow);
  clf_flow_spec spec = clf_flow_spec_default(o->kind, o->dim);
  if (o->kind == CLF_REALNVP) CLF_TRY(spec_of_images(&spec));
  if (o->hidden) spec.hidden = o->hidden;
  if (o->depth) spec.depth = o->depth;
  return clf_flow_create(dev, &spec, flow);
}
