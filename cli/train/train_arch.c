/* SPDX-License-Identifier: MIT */
/* train_arch.c: the architecture requested with `--flow` and `--preset` of `clflow train`. */
#include "train.h"
#include <stdlib.h>
#include <string.h>

/* ---- Requested options ----------------------------------------------------------------------- */

static int set_kind(const char *option, const char *word) {
  const int kind = cli_kind_of(word);
  if (cli_wanted.has_kind && (int)cli_wanted.spec.kind != kind)
    return cli_usage("%s %s does not agree with --flow %s", option, word,
                     clf_kind_name(cli_wanted.spec.kind));
  cli_wanted.has_kind = 1;
  cli_wanted.spec.kind = (clf_kind)kind;
  return CLI_OK;
}

/* Whether the lecture's flow is requested for rows, that is, for a table that is not declared to
 * contain images. */
static int is_for_table(void) {
  return cli_common.data && !clf_is_image_source(cli_common.data) && !cli_wanted.spec.height &&
         !(cli_wanted.has_kind && cli_wanted.spec.kind == CLF_REALNVP);
}

static int set_preset(const char *option, const char *word) {
  static char name[CLI_PRESET_NAME], values[CLI_PRESET_VALUES];
  const int code = cli_preset_split(option, word, name, values);
  const int with_values = strchr(word, '(') != NULL;
  if (code) return code;
  if (cli_kind_of(name) >= 0 && !with_values) return set_kind(option, name);
  if (cli_kind_of(name) >= 0)
    return cli_usage("pass the values of %s as options, such as --hidden and --depth", name);
  if (strcmp(name, "lecture") == 0 && is_for_table()) {
    cli_wanted.lecture = 1;
    return with_values
               ? cli_usage("pass the values of %s as options, such as --hidden and --depth", name)
               : CLI_OK;
  }
  if (clf_preset_find(name, &cli_wanted.preset) != CLF_OK) return cli_usage("%s", clf_errmsg());
  if (!cli_wanted.preset->arch && with_values)
    return cli_usage("pass the values of %s as options, such as --width and --blocks", name);
  cli_wanted.preset_values = values;
  if (!cli_wanted.preset->arch) return set_kind(option, clf_kind_name(CLF_REALNVP));
  if (cli_wanted.has_kind)
    return cli_usage("%s %s does not agree with --flow %s", option, name,
                     clf_kind_name(cli_wanted.spec.kind));
  return CLI_OK;
}

static int set_flow(const char *word) {
  if (cli_kind_of(word) >= 0) return set_kind("--flow", word);
  if (strstr(word, "->") && !strchr(word, ':'))
    return cli_usage("--flow %s: an architecture begins with the number of columns, as \"3: %s\"",
                     cli_clean(word), cli_clean(word));
  if (*word != '@' && !strchr(word, ':')) return set_preset("--flow", word);
  return cli_arch_read(word, &cli_wanted.arch);
}

/* Model options that are part of an architecture's text. */
static const struct {
  const char *option, *value; /* options of presets */
} words[] = {{"--hidden", "hidden"}, {"--depth", "depth"}, {"--blocks", "blocks"},
             {"--bins", "bins"},     {"--s-max", "s_max"}, {"--xmin", "xmin"},
             {"--xmax", "xmax"},     {"--tails", "tails"}, {"--width", "hidden"},
             {"--scales", "scales"}};

static int check_text(void) {
  if (cli_wanted.preset)
    return cli_usage("--flow and --preset are both given: each is a whole flow; leave one out");
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (cli_train_given(words[i].option))
      return cli_usage("%s has no meaning for a flow that is given as text: it is part of the text",
                       words[i].option);
  return CLI_OK;
}

int cli_train_choose(void) {
  int code = CLI_OK;
  if (cli_train_begin() && cli_wanted.preset_name)
    return cli_usage("--preset is for a new flow, %s has its own settings; leave it out",
                     cli_train_begin());
  if (cli_wanted.flow) code = set_flow(cli_wanted.flow);
  if (!code && cli_wanted.preset_name) code = set_preset("--preset", cli_wanted.preset_name);
  if (!code && cli_wanted.arch) code = check_text();
  if (code || !cli_train_begin() || (!cli_wanted.arch && !cli_wanted.preset)) return code;
  return cli_usage("--flow is for a new flow, %s has its own; leave it out", cli_train_begin());
}

int cli_train_check_values(const char *path) {
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (cli_train_given(words[i].option))
      return cli_usage("%s is for a new flow, %s has its own; leave it out", words[i].option, path);
  return CLI_OK;
}

int cli_train_is_composed(void) {
  return cli_wanted.arch || (cli_wanted.preset && cli_wanted.preset->arch);
}

/* ---- The architecture for the data ---------------------------------------------------------- */

static void append(char *to, size_t size, const char *name, const char *value) {
  const size_t used = strlen(to);
  snprintf(to + used, size - used, "%s%s=%s", used ? ", " : "", name, value);
}

static void append_whole(char *to, size_t size, const char *name, int32_t value) {
  char text[16];
  snprintf(text, sizeof text, "%d", (int)value);
  append(to, size, name, text);
}

/* Sets the preset's values from the data and the options. */
static int fill_preset(const cli_session *s) {
  const clf_preset *const p = cli_wanted.preset;
  char values[1024];
  snprintf(values, sizeof values, "%s", cli_wanted.preset_values);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    char text[64];
    const cli_option *const o = cli_train_option(words[i].option);
    if (!o->given) continue;
    cli_format(o, o->to, text, sizeof text);
    append(values, sizeof values, words[i].value, text);
  }
  if (strstr(p->arch, "${height}")) {
    int32_t size[3];
    if (!s->images)
      return cli_usage("preset %s is for images, %s holds rows of numbers", p->name,
                       cli_common.data);
    clf_images_shape(s->images, &size[0], &size[1], &size[2]);
    static const char *const names[] = {"height", "width", "channels"};
    for (int i = 0; i < 3; i++) append_whole(values, sizeof values, names[i], size[i]);
  } else {
    if (s->images)
      return cli_usage("preset %s takes rows of numbers, %s holds images", p->name,
                       cli_common.data);
    append_whole(values, sizeof values, "dim", s->data.cols);
  }
  const clf_status status = clf_preset_arch(p, values, &cli_wanted.arch);
  return status ? cli_arch_refused(status) : CLI_OK;
}

static int check_shape(const cli_session *s) {
  int32_t have[3], want[3];
  const int images = clf_arch_shape(cli_wanted.arch, &want[0], &want[1], &want[2]);
  if (!images && s->images)
    return cli_usage("the flow takes rows of %d numbers, %s holds images; its text begins with the "
                     "shape of images, as 32x32x3:",
                     clf_arch_dim(cli_wanted.arch), cli_common.data);
  if (!s->images) {
    if (clf_arch_dim(cli_wanted.arch) == s->data.cols) return CLI_OK;
    return cli_usage("the flow has %d dimension%s, %s has %d column%s",
                     clf_arch_dim(cli_wanted.arch), clf_arch_dim(cli_wanted.arch) == 1 ? "" : "s",
                     cli_common.data, s->data.cols, s->data.cols == 1 ? "" : "s");
  }
  clf_images_shape(s->images, &have[0], &have[1], &have[2]);
  if (memcmp(have, want, sizeof have) == 0) return CLI_OK;
  return cli_usage("the flow is of images of %d x %d x %d, those of %s are %d x %d x %d", want[0],
                   want[1], want[2], cli_common.data, have[0], have[1], have[2]);
}

/* Turns "8: ..." into "8|3: ...": a flow without a stated context takes the context that is
 * given. */
static int add_context(const cli_session *s) {
  const int32_t C = s->given.cols, has = clf_arch_context(cli_wanted.arch);
  if (has == C) return CLI_OK;
  if (has && C == 0)
    return cli_usage("the flow takes a context of %d number%s; name its columns: --given COLUMNS",
                     has, has == 1 ? "" : "s");
  if (has)
    return cli_usage("the flow takes a context of %d number%s, --given makes %d", has,
                     has == 1 ? "" : "s", C);
  const char *const text = clf_arch_text(cli_wanted.arch), *const colon = strchr(text, ':');
  const size_t room = strlen(text) + 64;
  char *const with = malloc(room);
  clf_arch *arch = NULL;
  if (!with) return cli_fail("out of memory for an architecture");
  snprintf(with, room, "%.*s|%d%s; context: standardize", (int)(colon - text), text, C, colon);
  const clf_status status = clf_arch_parse(with, &arch);
  free(with);
  if (status) return cli_fail_library();
  clf_arch_free(cli_wanted.arch);
  cli_wanted.arch = arch;
  return CLI_OK;
}

int cli_train_compose(cli_session *s) {
  int code = cli_train_check_composed(s->images != NULL);
  if (!code && !cli_wanted.arch) code = fill_preset(s);
  if (!code) code = check_shape(s);
  if (!code) code = add_context(s);
  if (code) return code;
  return clf_flow_create_arch(s->dev, cli_wanted.arch, cli_wanted.train.seed, &s->flow) == CLF_OK
             ? CLI_OK
             : cli_fail_library();
}
