/* SPDX-License-Identifier: MIT */
/* tune_flow.c: the flow that --flow of `clflow tune` asks for. */
#include <string.h>
#include "tune.h"

/* Values of a preset: those in parentheses, and the shape of the data. */
static int read_preset(const char *word) {
  const clf_flow_spec *o = &cli_tuning.spec;
  const size_t n = strcspn(word, "("), length = strlen(word);
  const int with_values = word[n] == '(';
  char name[64], values[640];
  const clf_preset *p;
  if (with_values && word[length - 1] != ')')
    return cli_usage("--flow %s: the parenthesis is not closed", cli_clean(word));
  snprintf(name, sizeof name, "%.*s", (int)(n < 63 ? n : 63), word);
  if (clf_preset_find(name, &p) != CLF_OK) return cli_usage("%s", clf_errmsg());
  if (!p->arch)
    return cli_usage("%s is one of realnvp's presets: --flow realnvp --preset %s", name, name);
  const int own = with_values ? (int)(length - n - 2) : 0;
  if (own > 512) return cli_usage("--flow takes at most 512 letters of values");
  const int used =
      snprintf(values, sizeof values, "%.*s%s", own, word + n + with_values, own ? ", " : "");
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
  for (int k = CLF_NVP; k <= CLF_REALNVP; k++)
    if (strcmp(word, clf_kind_name((clf_kind)k)) == 0) {
      cli_tuning.spec.kind = (clf_kind)k;
      return CLI_OK;
    }
  return *word == '@' || strchr(word, ':') ? cli_arch_read(word, &cli_tuning.arch)
                                           : read_preset(word);
}
