/* SPDX-License-Identifier: MIT */
/* tails.c: normflows' splines of which some dimensions are circular.
 *
 * A whole module has a list of words.  A file of tensors alone has the angles among the dimensions
 * that a net reads: all of an autoregressive layer, and those of a coupling that stay.  Which of
 * the others are circular is what the hint `circular` says, by default what the other couplings of
 * the flow show. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "import_private.h"

/* ---- Which dimensions are circular ----------------------------------------------------------- */

/* The splines of a mixed coupling have K + 1 slopes, others at most K. */
static const clf__im_module *mixed_coupling(const clf__im_module *flow) {
  const clf__im_module *const m = clf__im_child(flow, "prqct");
  const clf__im_tensor *w = clf__im_find(m, "unconditional_transform.unnormalized_widths");
  const clf__im_tensor *d = clf__im_find(m, "unconditional_transform.unnormalized_derivatives");
  return w && d && w->rank && clf__im_dim(d, d->rank - 1) == clf__im_dim(w, w->rank - 1) + 1 ? m
                                                                                             : NULL;
}

static double *elements(const clf__im_tensor *t) {
  double *v = t ? malloc((size_t)(t->count + 1) * sizeof *v) : NULL;
  if (v && clf__im_get(t, v) == CLF_OK) return v;
  free(v);
  return NULL;
}

/* What is known of each dimension. */
enum { UNKNOWN, STRAIGHT, ROUND, DISAGREE };

/* Of the dimensions that a coupling leaves as they are, which its net reads as angles. */
static void look_at(const clf__im_module *m, char *known, int32_t D) {
  const clf__im_tensor *id = clf__im_find(m, "identity_features");
  const clf__im_tensor *ind = clf__im_find(m, "transform_net.preprocessing.ind");
  if (!id || id->count > D || (ind && ind->count > D)) return;
  double *const at = elements(id), *const angle = elements(ind);
  for (int64_t i = 0; at && i < id->count; i++) {
    int kind = STRAIGHT;
    for (int64_t k = 0; angle && k < ind->count; k++)
      if (angle[k] == (double)i) kind = ROUND;
    if (!(at[i] >= 0 && at[i] < D)) continue;
    char *const of = &known[(int)at[i]];
    *of = (char)(*of == UNKNOWN || *of == kind ? kind : DISAGREE);
  }
  free(at);
  free(angle);
}

/* Whether dimensions behind the flow are the same as before it. */
static int keeps_dimensions(const clf__im_module *flow) {
  return clf__im_child(flow, "prqct") || clf__im_child(flow, "mprqat") ||
         clf__im_child(flow, "autoregressive_net") || clf__im_find(flow, "s") ||
         clf__im_find(flow, "b");
}

static clf_status unknown(int32_t d) {
  if (d < 0)
    return clf__fail(CLF_EINVAL,
                     "the file does not say which dimensions of its splines are circular, since "
                     "others of its flows mix them; give circular, a list for each coupling from "
                     "the data to the latent, as circular=0+3, 1");
  return clf__fail(CLF_EINVAL,
                   "the file does not say whether dimension %d is circular; give circular, as "
                   "circular=0+3, or save the whole module",
                   (int)d);
}

clf_status clf__im_find_circular(clf__im *im, const clf__im_module *list) {
  const clf__im_module *first = NULL;
  int32_t count = 0, last = -1, angles = 0, mixing = 0;
  for (const clf__im_module *c = list->child; c; c = c->next) {
    const clf__im_module *m = mixed_coupling(c);
    if (m && !first) first = m;
    angles |= clf__im_find(m, "transform_net.preprocessing.ind") != NULL;
    mixing |= !keeps_dimensions(c);
    if (atoi(c->name) > last) last = atoi(c->name);
    count++;
  }
  if (*list->cls || !first) return CLF_OK;
  im->circles = clf__im_hint_of(im, CLF_IM_HINT_circular);
  if (im->circles) return CLF_OK;
  if (!angles) return clf__im_assume(im, CLF_IM_HINT_circular, "none", &im->circles);
  if (mixing || count != last + 1) return unknown(-1); /* a number that is missing: Permute */
  const clf__im_tensor *moving = clf__im_find(first, "transform_features");
  const clf__im_tensor *still = clf__im_find(first, "identity_features");
  if (!moving || !still || moving->count > 1 << 20 || still->count > 1 << 20)
    return clf__im_refuse(first, "has no list of its dimensions");
  const int64_t D = moving->count + still->count;
  char *const known = calloc((size_t)D + 1, 1);
  if (!known) return clf__fail(CLF_ENOMEM, "no memory for %lld dimensions", (long long)D);
  for (const clf__im_module *c = list->child; c; c = c->next)
    if (mixed_coupling(c)) look_at(mixed_coupling(c), known, (int32_t)D);
  clf_status s = CLF_OK;
  for (int32_t d = 0; d < D && !s; d++) {
    if (known[d] == UNKNOWN || known[d] == DISAGREE) s = unknown(d);
    if (!s && known[d] == ROUND)
      s = clf__im_print(&im->circular_text, "%s%d", im->circular_text.used ? "+" : "", (int)d);
  }
  free(known);
  return s ? s : clf__im_assume(im, CLF_IM_HINT_circular, im->circular_text.s, &im->circles);
}

/* Takes the next list of "0+3, 1-2"; the last one serves for all that follow. */
static clf_status next_flags(clf__im *im, double **flags) {
  const char *p = im->circles ? im->circles : "none";
  *flags = calloc((size_t)im->dim + 1, sizeof **flags);
  if (!*flags) return clf__fail(CLF_ENOMEM, "no memory for a spline");
  if (!strncmp(p, "none", 4)) p += 4;
  while (*p && *p != ',') {
    char *end;
    const long from = strtol(p, &end, 10), to = *end == '-' ? strtol(end + 1, &end, 10) : from;
    if (end == p || from < 0 || to < from || to >= im->dim || (*end && !strchr("+, ", *end)))
      return clf__fail(
          CLF_EINVAL,
          "the hint circular is \"%s\"; dimensions from 0 to %d are wanted, as 0+3, or "
          "such a list for each coupling, as 0+3, 1",
          im->circles, (int)im->dim - 1);
    for (long d = from; d <= to; d++) (*flags)[d] = 1;
    p = end + strspn(end, "+ ");
  }
  if (*p) im->circles = p + 1 + strspn(p + 1, " ");
  return CLF_OK;
}

int clf__im_has_tails(const clf__im *im, const clf__im_module *m, int64_t n) {
  clf__pk *const *list;
  if (clf__pk_length(clf__im_attribute(m, "tails"), &list) >= 0) return 1;
  if (*m->cls || n % 3 != 1) return 0;
  return (im->circles && strcmp(im->circles, "none") != 0) ||
         clf__im_find(m, "autoregressive_net.preprocessing.ind") != NULL ||
         clf__im_find(m, "transform_net.preprocessing.ind") != NULL;
}

/* ---- Kinds and bounds of the splines --------------------------------------------------------- */

/* The kinds and bounds of the dimensions that a module transforms, in their order. */
typedef struct kinds {
  int *circular;
  double *bound;
  int64_t n, next;
} kinds;

static void free_kinds(kinds *k) {
  free(k->circular);
  free(k->bound);
}

static clf_status read_bounds(clf__im *im, clf__im_module *m, kinds *k) {
  char text[32];
  const char *tail;
  double *v;
  clf__im_tensor *t;
  if (!clf__im_find(m, "tail_bound")) {
    CLF_TRY(clf__im_choose(im, CLF_IM_HINT_tail, clf__im_number(m, "tail_bound", text), "", &tail));
    for (int64_t i = 0; i < k->n; i++) k->bound[i] = strtod(tail, NULL);
    return CLF_OK;
  }
  CLF_TRY(clf__im_read(im, m, "tail_bound", &v, &t));
  const int fits = t->count == k->n || t->count == 1;
  for (int64_t i = 0; i < k->n && fits; i++) k->bound[i] = v[t->count > 1 ? i : 0];
  free(v);
  return fits ? CLF_OK : clf__im_refuse(m, "has bounds for another number of dimensions");
}

/* The words of a whole module. */
static clf_status read_words(const clf__im_module *m, clf__pk *const *list, int64_t n, kinds *k) {
  if (n != k->n) return clf__im_refuse(m, "has tails for another number of dimensions");
  for (int64_t i = 0; i < n; i++) {
    const char *word = clf__pk_text(list[i]);
    if (!word || (strcmp(word, "linear") != 0 && strcmp(word, "circular") != 0))
      return clf__im_refuse(m, "has tails that are neither linear nor circular");
    k->circular[i] = !strcmp(word, "circular");
  }
  return CLF_OK;
}

/* In a file of tensors alone: of the dimensions that a net reads, its angles. */
static clf_status read_angles(clf__im *im, clf__im_module *net, kinds *k) {
  double *at;
  clf__im_tensor *t;
  if (!clf__im_find(net, "preprocessing.ind")) return CLF_OK;
  CLF_TRY(clf__im_read(im, net, "preprocessing.ind", &at, &t));
  for (int64_t i = 0; i < t->count; i++)
    if (at[i] >= 0 && at[i] < (double)k->n) k->circular[(int64_t)at[i]] = 1;
  free(at);
  return CLF_OK;
}

/* Likewise of those that a coupling transforms: what the hint says. */
static clf_status read_flags(const clf__im *im, const double *circular, kinds *k) {
  int64_t i = 0;
  for (int32_t d = 0; d < im->dim; d++)
    if (im->moving[d] != 0 && i < k->n) k->circular[i++] = circular[d] != 0;
  return CLF_OK;
}

/* circular: of a coupling in a file of tensors alone, what the hint says of each dimension; NULL:
 * of the dimensions that a net reads. */
static clf_status read_kinds(clf__im *im, clf__im_module *m, clf__im_module *net,
                             const double *circular, int64_t n, kinds *k) {
  clf__pk *const *list;
  const int64_t words = clf__pk_length(clf__im_attribute(m, "tails"), &list);
  *k = (kinds){.n = n};
  if (!n) return CLF_OK;
  k->circular = calloc((size_t)n, sizeof *k->circular);
  k->bound = calloc((size_t)n, sizeof *k->bound);
  if (!k->circular || !k->bound) return clf__fail(CLF_ENOMEM, "no memory for a spline");
  CLF_TRY(words >= 0 ? read_words(m, list, words, k)
          : circular ? read_flags(im, circular, k)
                     : read_angles(im, net, k));
  return read_bounds(im, m, k);
}

/* "3, circular, ...", and the box of the circular ones, which must have one bound. */
static clf_status print_kinds(const clf__im *im, const clf__im_module *m, kinds k[2],
                              clf__im_text *node) {
  double circle = 0;
  CLF_TRY(clf__im_print(node, ", tail="));
  for (int32_t d = 0; d < im->dim; d++) {
    kinds *const of = &k[im->moving && im->moving[d] == 0];
    const int64_t i = of->next++;
    if (d) CLF_TRY(clf__im_print(node, ", "));
    if (!of->circular[i]) {
      CLF_TRY(clf__im_print(node, "%.17g", of->bound[i]));
      continue;
    }
    CLF_TRY(clf__im_print(node, "circular"));
    if (circle != 0 && circle != of->bound[i])
      return clf__im_refuse(m,
                            "has circular dimensions of different bounds, %.9g and %.9g; clflow's "
                            "splines have one for all",
                            circle, of->bound[i]);
    circle = of->bound[i];
  }
  return circle != 0 ? clf__im_print(node, ", box=-%.17g, %.17g", circle, circle) : CLF_OK;
}

/* Of dimensions that stay, the hint must agree with the angles of the net. */
static clf_status check_hint(const clf__im *im, const clf__im_module *m, const double *circular,
                             const kinds *stay) {
  int64_t i = 0;
  for (int32_t d = 0; circular && d < im->dim; d++) {
    if (im->moving[d] != 0) continue;
    if (i < stay->n && stay->circular[i++] != (circular[d] != 0))
      return clf__fail(CLF_EINVAL,
                       "%s: the hint circular does not agree with its net, for which "
                       "dimension %d is %s angle",
                       clf__im_path(m).s, (int)d, circular[d] != 0 ? "no" : "an");
  }
  return CLF_OK;
}

clf_status clf__im_tails(clf__im *im, const clf__im_module *m, clf__im_text *node) {
  clf__im_module *const own = (clf__im_module *)(uintptr_t)m;
  clf__im_module *const u = clf__im_child(m, "unconditional_transform");
  clf__im_module *const net = clf__im_child(m, im->moving ? "transform_net" : "autoregressive_net");
  kinds k[2] = {{0}};
  double *circular = NULL;
  int64_t moving = 0;
  for (int32_t d = 0; d < im->dim; d++) moving += !im->moving || im->moving[d] != 0;
  clf_status s = im->moving && !*m->cls ? next_flags(im, &circular) : CLF_OK;
  if (!s) s = read_kinds(im, own, net, circular, moving, &k[0]);
  if (!s) s = read_kinds(im, u ? u : own, net, NULL, u ? im->dim - moving : 0, &k[1]);
  if (!s) s = check_hint(im, m, circular, &k[1]);
  if (!s && !u &&
      moving < im->dim) /* dimensions that stay have no spline, so their kind does not matter */
    s = clf__im_refuse(m, "has tails by dimension and no unconditional transform");
  if (!s) s = print_kinds(im, m, k, node);
  free(circular);
  free_kinds(&k[0]);
  free_kinds(&k[1]);
  return s ? s : clf__im_print(node, ", like=normflows");
}
