/* SPDX-License-Identifier: MIT */
/* attributes.c: values of attributes of pickled modules. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "import_private.h"

/* The last word of a name, in lower case without underscores, so that "LeakyReLU" and "leaky_relu"
 * are equal. */
static void plain_word(const char *name, char *out, size_t size) {
  const char *dot = strrchr(name, '.');
  size_t n = 0;
  for (const char *p = dot ? dot + 1 : name; *p && n + 1 < size; p++)
    if (*p != '_') out[n++] = (char)tolower((unsigned char)*p);
  out[n] = 0;
}

/* A function of torch is pickled as its name, or as getattr(class, "tanh"). */
static const char *function_name(const clf__pk *v) {
  const char *cls = clf__pk_class(v);
  const size_t n = strlen(cls);
  if (n >= 8 && !strcmp(cls + n - 8, ".getattr") && v->kind == CLF_PK_OBJECT &&
      v->args->kind == CLF_PK_TUPLE && v->args->count == 2 && clf__pk_text(v->args->at[1]))
    return clf__pk_text(v->args->at[1]);
  return cls;
}

static double attribute_of(const clf__pk *v, const char *name, double otherwise) {
  double found;
  return clf__pk_real(clf__pk_get(v, name), &found) ? found : otherwise;
}

clf_status clf__im_activation(const clf__pk *v, const char **word) {
  static const char *const words[][2] = {
      {"relu", "relu"}, {"tanh", "tanh"},       {"elu", "elu"},           {"silu", "silu"},
      {"gelu", "gelu"}, {"sigmoid", "sigmoid"}, {"softplus", "softplus"}, {"leakyrelu", "leaky"}};
  char name[64];
  *word = NULL;
  if (!v || !*clf__pk_class(v)) return CLF_OK;
  plain_word(function_name(v), name, sizeof name);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (!strcmp(name, words[i][0])) *word = words[i][1];
  const double leak = attribute_of(v, "negative_slope", 0.01);
  if (*word && !strcmp(*word, "leaky") && leak == 0) *word = "relu";
  const char *approximate = clf__pk_text(clf__pk_get(v, "approximate"));
  if (!*word || (!strcmp(*word, "leaky") && leak != 0.01) || attribute_of(v, "alpha", 1) != 1 ||
      attribute_of(v, "beta", 1) != 1 || (approximate && strcmp(approximate, "none") != 0))
    return clf__fail(
        CLF_ENOTSUP,
        "the activation %s is not supported, or not with its settings; relu, leaky_relu "
        "(0.01), tanh, elu, silu, gelu, sigmoid and softplus are",
        function_name(v));
  return CLF_OK;
}

double clf__im_real(const clf__im_module *m, const char *name, double otherwise) {
  double v;
  return clf__pk_real(clf__im_attribute(m, name), &v) ? v : otherwise;
}
int clf__im_is_true(const clf__im_module *m, const char *name) {
  int64_t v;
  return clf__pk_int(clf__im_attribute(m, name), &v) && v;
}

/* The shortest text that reads as the same number, with a decimal point in any locale. */
const char *clf__im_short(double v, char text[32]) {
  for (int digits = 6; digits <= 17; digits++) {
    snprintf(text, 32, "%.*g", digits, v);
    for (char *p = text; *p; p++)
      if (*p == ',') *p = '.';
    double again;
    if (sscanf(text, "%lf", &again) == 1 && again == v) break;
  }
  return text;
}
const char *clf__im_number(const clf__im_module *m, const char *name, char text[32]) {
  double v;
  if (!clf__pk_real(clf__im_attribute(m, name), &v) || !isfinite(v)) return NULL;
  return clf__im_short(v, text);
}
