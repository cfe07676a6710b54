/* SPDX-License-Identifier: MIT */
/* arch.c: architectures that are given on the command line or that a flow has. */
#include "cli.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 20 }; /* bytes that the library accepts */

/* Reads a whole file and appends a zero byte. */
static int read_text(const char *path, char **text) {
  FILE *f = fopen(path, "rb");
  if (!f) return cli_fail("%s: cannot be read: %s", cli_clean(path), strerror(errno));
  char *const bytes = malloc(MOST + 2);
  const size_t n = bytes ? fread(bytes, 1, MOST + 1, f) : 0;
  const int bad = bytes && ferror(f), error = errno;
  fclose(f);
  if (!bytes) return cli_fail("no memory for %s", cli_clean(path));
  bytes[n] = '\0';
  int code = CLI_OK;
  if (bad)
    code = cli_fail("%s: cannot be read: %s", cli_clean(path), strerror(error));
  else if (strlen(bytes) != n)
    code = cli_fail("%s: this is not text: byte %zu is zero", cli_clean(path), strlen(bytes) + 1);
  if (code)
    free(bytes);
  else
    *text = bytes;
  return code;
}

int cli_arch_refused(clf_status s) {
  return s == CLF_EINVAL ? cli_usage("%s", clf_errmsg()) : cli_fail_library();
}

int cli_kind_of(const char *word) {
  for (int k = CLF_NVP; k <= CLF_REALNVP; k++)
    if (strcmp(word, clf_kind_name((clf_kind)k)) == 0) return k;
  return -1;
}

int cli_preset_split(const char *option, const char *word, char name[CLI_PRESET_NAME],
                     char values[CLI_PRESET_VALUES]) {
  const size_t n = strcspn(word, "("), length = strlen(word);
  *values = '\0';
  snprintf(name, CLI_PRESET_NAME, "%.*s", (int)(n < CLI_PRESET_NAME ? n : CLI_PRESET_NAME), word);
  if (!word[n]) return CLI_OK;
  if (word[length - 1] != ')')
    return cli_usage("%s %s: the parenthesis is not closed", option, cli_clean(word));
  if (length - n - 2 >= CLI_PRESET_VALUES)
    return cli_usage("%s takes at most %d letters of values", option, CLI_PRESET_VALUES - 1);
  snprintf(values, CLI_PRESET_VALUES, "%.*s", (int)(length - n - 2), word + n + 1);
  return CLI_OK;
}

int cli_arch_read(const char *given, clf_arch **arch) {
  char *text = NULL;
  if (*given != '@') {
    const clf_status s = clf_arch_parse(given, arch);
    return s ? cli_arch_refused(s) : CLI_OK;
  }
  const char *const path = given + 1;
  int code = read_text(path, &text);
  if (code) return code;
  const int is_json = text[strspn(text, " \t\r\n")] == '{';
  if ((is_json ? clf_arch_from_json(text, arch) : clf_arch_parse(text, arch)) != CLF_OK)
    code = cli_fail("%s: %s", cli_clean(path), clf_errmsg());
  free(text);
  return code;
}

/* Turns "2: lu -> normal" into an architecture with the scaling as its first layer. (The scaling
 * of a flow is not one of its own layers.) */
static clf_status with_standardize(clf_arch **arch) {
  static const char layer[] = "standardize";
  const char *const text = clf_arch_text(*arch), *const rest = strstr(text, ": ") + 2;
  clf_arch *whole = NULL;
  const char *const own = strstr(rest, layer), *const base = strstr(rest, "->");
  if (own && own < base) return CLF_OK; /* bounds may stand before the scaling */
  const size_t room = strlen(text) + sizeof layer + 2;
  char *const joined = malloc(room);
  if (!joined) return clf_fail(CLF_ENOMEM, "no memory for an architecture");
  snprintf(joined, room, "%.*s%s%s%s", (int)(rest - text), text, layer,
           strncmp(rest, "->", 2) == 0 ? " " : ", ", rest);
  const clf_status s = clf_arch_parse(joined, &whole);
  free(joined);
  if (s) return s;
  clf_arch_free(*arch);
  *arch = whole;
  return CLF_OK;
}

int cli_arch_of(const clf_flow *flow, int standardize, clf_arch **arch) {
  const double *mean, *std;
  const clf_arch *const own = clf_flow_arch(flow);
  *arch = NULL;
  clf_status s = own ? clf_arch_parse(clf_arch_text(own), arch)
                     : clf_arch_of_spec(clf_flow_get_spec(flow), arch);
  if (!s && (standardize || clf_flow_scaling(flow, &mean, &std))) s = with_standardize(arch);
  if (!s) return CLI_OK;
  clf_arch_free(*arch);
  *arch = NULL;
  return cli_fail_library();
}
