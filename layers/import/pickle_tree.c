/* SPDX-License-Identifier: MIT */
/* pickle_tree.c: finds and checks values in the tree of a pickle. */
#include <string.h>
#include "pickle.h"

static clf__pk *find(const clf__pk *dict, const char *key) {
  if (!dict || dict->kind != CLF_PK_DICT) return NULL;
  for (int64_t i = dict->count - 2; i >= 0; i -= 2) /* the last entry of a key is valid */
    if (dict->at[i]->kind == CLF_PK_TEXT && !strcmp(dict->at[i]->text, key)) return dict->at[i + 1];
  return NULL;
}

/* Objects with slots have the state (dictionary or None, dictionary of slots). */
const clf__pk *clf__pk_attributes(const clf__pk *v) {
  if (!v || v->kind != CLF_PK_OBJECT || !v->state) return NULL;
  const clf__pk *s = v->state;
  if (s->kind == CLF_PK_TUPLE && s->count == 2) s = s->at[s->at[0]->kind == CLF_PK_DICT ? 0 : 1];
  return s->kind == CLF_PK_DICT ? s : NULL;
}

clf__pk *clf__pk_get(const clf__pk *v, const char *key) {
  if (!v) return NULL;
  if (v->kind == CLF_PK_DICT) return find(v, key);
  clf__pk *found = v->kind == CLF_PK_OBJECT ? find(v->items, key) : NULL;
  return found ? found : find(clf__pk_attributes(v), key);
}

const char *clf__pk_class(const clf__pk *v) {
  if (v && v->kind == CLF_PK_GLOBAL) return v->text;
  if (!v || v->kind != CLF_PK_OBJECT) return "";
  /* copyreg._reconstructor(Class, base, state) */
  if (v->cls->kind == CLF_PK_GLOBAL && !strcmp(v->cls->text, "copyreg._reconstructor") &&
      v->args->kind == CLF_PK_TUPLE && v->args->count && v->args->at[0]->kind == CLF_PK_GLOBAL)
    return v->args->at[0]->text;
  return v->cls->kind == CLF_PK_GLOBAL ? v->cls->text : "";
}

int clf__pk_is(const clf__pk *v, const char *name) {
  return v && v->kind == CLF_PK_OBJECT && !strcmp(clf__pk_class(v), name);
}
int clf__pk_int(const clf__pk *v, int64_t *out) {
  if (!v || (v->kind != CLF_PK_INT && v->kind != CLF_PK_BOOL)) return 0;
  *out = v->number;
  return 1;
}
int clf__pk_real(const clf__pk *v, double *out) {
  int64_t i;
  if (v && v->kind == CLF_PK_REAL) {
    *out = v->real;
    return 1;
  }
  if (!clf__pk_int(v, &i)) return 0;
  *out = (double)i;
  return 1;
}
const char *clf__pk_text(const clf__pk *v) { return v && v->kind == CLF_PK_TEXT ? v->text : NULL; }

int64_t clf__pk_length(const clf__pk *v, clf__pk *const **at) {
  if (clf__pk_is(v, "torch.Size") && v->args->kind == CLF_PK_TUPLE && v->args->count == 1)
    v = v->args->at[0];
  if (!v || (v->kind != CLF_PK_LIST && v->kind != CLF_PK_TUPLE)) return -1;
  *at = v->at;
  return v->count;
}
