/* SPDX-License-Identifier: MIT */
/* hints.c: the user's hints about a checkpoint, and defaults of its library. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "import_private.h"

static const clf_import_hint_info table[] = {
#define CLF_HINT(id, value, help) {#id, value, help},
#include "clflow/import.def"
};

static const struct {
  clf__im_library library;
  clf__im_hint hint;
  const char *of, *text;
} defaults[] = {
#define CLF_DEFAULT(library, id, of, text) {CLF_IM_##library, CLF_IM_HINT_##id, of, text},
#include "clflow/import.def"
};

static const char *const names[] = {"",     "nflows",    "glasflow", "sbi",
                                    "zuko", "normflows", "FrEIA",    "lecture"};

const char *clf__im_library_name(clf__im_library library) { return names[library]; }
clf__im_library clf__im_library_of(const char *name) {
  for (int i = CLF_IM_NFLOWS; i <= CLF_IM_LECTURE; i++)
    if (!strcasecmp(names[i], name)) return (clf__im_library)i;
  return CLF_IM_UNKNOWN;
}

int clf_import_hint(int i, clf_import_hint_info *hint) {
  if (i < 0 || i >= CLF_IM_HINTS || !hint) return 0;
  *hint = table[i];
  return 1;
}

/* ---- Reading ------------------------------------------------------------------------------- */

/* Whether `text` (n letters) is one of the words in "a|b|c". */
static int is_word_of(const char *words, const char *text, size_t n) {
  for (const char *w = words; w; w = strchr(w, '|') ? strchr(w, '|') + 1 : NULL)
    if (!strncasecmp(w, text, n) && (w[n] == '|' || !w[n])) return 1;
  return 0;
}

static clf_status set(clf__im *im, clf__im_hint h, const char *text, size_t n) {
  const char *words = table[h].value;
  while (n && (text[n - 1] == ' ' || text[n - 1] == ',')) n--;
  if (words && !n) return clf__fail(CLF_EINVAL, "the hint %s has no value", table[h].name);
  if (words && strchr(words, '|') && !is_word_of(words, text, n))
    return clf__fail(CLF_EINVAL, "the hint %s is one of %s, not \"%.*s\"", table[h].name, words,
                     (int)n, text);
  free(im->hint[h]);
  im->hint[h] = calloc(1, n + 1);
  if (!im->hint[h]) return clf__fail(CLF_ENOMEM, "no memory for hints");
  memcpy(im->hint[h], text, n);
  return CLF_OK;
}

static int hint_of(const char *name, size_t n) {
  for (int i = 0; i < CLF_IM_HINTS; i++)
    if (strlen(table[i].name) == n && !strncmp(table[i].name, name, n)) return i;
  return -1;
}
/* Finds the next "NAME=" of a hint, or the end of the text; values may contain commas. */
static const char *end_of_value(const char *s) {
  for (const char *p = s; *p; p++) {
    if (*p != ',') continue;
    const char *name = p + 1 + strspn(p + 1, " ");
    const size_t n = strcspn(name, "=, ");
    const int h = hint_of(name, n);
    if (h >= 0 && (name[n] == '=' || (!table[h].value && (!name[n] || name[n] == ',')))) return p;
  }
  return s + strlen(s);
}

clf_status clf__im_read_hints(clf__im *im, const char *text) {
  while (text && *(text += strspn(text, " ,"))) {
    const size_t n = strcspn(text, "=, ");
    const int h = hint_of(text, n);
    if (h < 0)
      return clf__fail(CLF_EINVAL, "there is no hint \"%.*s\"; docs/import.md lists them", (int)n,
                       text);
    if (!table[h].value) {
      if (text[n] == '=') return clf__fail(CLF_EINVAL, "the hint %s takes no value", table[h].name);
      CLF_TRY(set(im, (clf__im_hint)h, "1", 1));
      text += n;
      continue;
    }
    if (text[n] != '=') return clf__fail(CLF_EINVAL, "the hint %s has no value", table[h].name);
    text += n + 1;
    const char *end = h == CLF_IM_HINT_arch ? text + strlen(text) : end_of_value(text);
    CLF_TRY(set(im, (clf__im_hint)h, text, (size_t)(end - text)));
    text = end;
  }
  im->gaps = im->hint[CLF_IM_HINT_gaps];
  im->asked[CLF_IM_HINT_strict] = 1;
  if (clf__im_hint_of(im, CLF_IM_HINT_like))
    im->library = clf__im_library_of(im->hint[CLF_IM_HINT_like]);
  return CLF_OK;
}

/* ---- Choosing ------------------------------------------------------------------------------ */

static const char *default_of(const clf__im *im, clf__im_hint h, const char *of) {
  for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
    if (defaults[i].library == im->library && defaults[i].hint == h &&
        (!*defaults[i].of || !strcmp(defaults[i].of, of)))
      return defaults[i].text;
  return NULL;
}

const char *clf__im_hint_of(clf__im *im, clf__im_hint h) {
  im->asked[h] = 1;
  return im->hint[h];
}

clf_status clf__im_check_hints(const clf__im *im) {
  if (im->gaps && *im->gaps)
    return clf__fail(CLF_EINVAL, "the hint gaps has words that no layer without tensors needs: %s",
                     im->gaps);
  for (int h = 0; h < CLF_IM_HINTS; h++)
    if (im->hint[h] && !im->asked[h] && h != CLF_IM_HINT_gaps)
      return clf__fail(CLF_EINVAL, "this flow does not need the hint %s; leave it out",
                       table[h].name);
  return CLF_OK;
}

clf_status clf__im_assume(clf__im *im, clf__im_hint h, const char *text, const char **value) {
  *value = clf__im_hint_of(im, h) ? im->hint[h] : text;
  if (im->hint[h]) return CLF_OK;
  if (im->hint[CLF_IM_HINT_strict])
    return clf__fail(CLF_EINVAL, "the file does not say %s; give it, as %s=%s", table[h].name,
                     table[h].name, text);
  return clf__im_note(im, "%s=%s is assumed: the file does not say", table[h].name, text);
}

clf_status clf__im_choose(clf__im *im, clf__im_hint h, const char *said, const char *of,
                          const char **value) {
  if (clf__im_hint_of(im, h)) {
    *value = im->hint[h];
    if (said && strcmp(said, *value) != 0)
      return clf__im_note(im, "%s=%s as given; the file says %s", table[h].name, *value, said);
    return CLF_OK;
  }
  *value = said ? said : default_of(im, h, of);
  if (said) return CLF_OK;
  if (!*value)
    return clf__fail(CLF_EINVAL, "the file does not say %s, and %s has no default for it: give it",
                     table[h].name, names[im->library]);
  if (im->hint[CLF_IM_HINT_strict])
    return clf__fail(CLF_EINVAL, "the file does not say %s; give it, as %s=%s, the default of %s",
                     table[h].name, table[h].name, *value, names[im->library]);
  return clf__im_note(im, "%s=%s, the default of %s: the file does not say", table[h].name, *value,
                      names[im->library]);
}
