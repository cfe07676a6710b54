/* SPDX-License-Identifier: MIT */
/* call_special.c: the texts that replace the words in capitals of calls.def. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "writer.h"

static const char *const acts[] = {
#define ROW(name, from, flops, value, through) #name,
    CLF_ACTIVATIONS(ROW)
#undef ROW
};
static const char *const scales[] = {
#define ROW(name, log_scale, slope) #name,
    CLF_SCALES(ROW)
#undef ROW
};
static const char *const columns[] = {
#define ROW(name) #name,
    CLF_COLUMN_KINDS(ROW)
#undef ROW
};
/* The functions of the rows of bounds.def; NULL for those that no layer has. */
static const char *const bounds[] = {NULL,        "logit",     "log_above", NULL,
                                     "log_expm1", "softclip",  "wrapped",   "inverse_sinh",
                                     "softlog",   "softlogit", "within"};

static int param(const clf__step *s, const char *name) { return (int)clf__param_of(s, name); }

static const clf__operand *operand(const clf__step *s, const char *name) {
  return &s->operand[clf__tensor_named(s, name, strlen(name))];
}

/* ---- Short texts ----------------------------------------------------------------------------- */

static clf_status act(clf__writer *w, const clf__step *s, const char *name) {
  const clf__operand *o = operand(s, name);
  const int which = param(s, "act");
  if (which == CLF_ACT_none) return CLF_OK;
  clf__out_format(&w->body, "\n  act_%s(", acts[which]);
  CLF_TRY(clf__write_pointer(w, o));
  clf__out_format(&w->body, ", %d);", (int)(o->t.dim[1] * o->t.dim[2]));
  return CLF_OK;
}

static uint64_t joined(const clf__step *s, const char *lo, const char *hi) {
  return (uint64_t)(uint32_t)param(s, hi) << 32 | (uint32_t)param(s, lo);
}

/* Flows are recorded with seed 0, so the recorded number is an offset from the caller's seed. */
static clf_status seed(clf__writer *w, const clf__step *s) {
  const uint64_t more = joined(s, "seed_lo", "seed_hi");
  if (joined(s, "first_lo", "first_hi") != 0)
    return clf__fail(CLF_ENOTSUP, "%s draws for another sample than the row's",
                     clf_ops[s->op].name);
  clf__out_format(&w->body, "seed");
  if (more) clf__out_format(&w->body, " + UINT64_C(%" PRIu64 ")", more);
  clf__out_format(&w->body, ", i, UINT32_C(%" PRIu32 ")", (uint32_t)param(s, "stream"));
  return CLF_OK;
}

static clf_status scale(clf__writer *w, const clf__step *s) {
  const int i = clf__tensor_named(s, "s", 1);
  const int none = i >= 0 ? s->operand[i].kind == CLF_OPERAND_NONE : param(s, "scale_at") < 0;
  clf__out_format(&w->body, "scale_%s", none ? "exp" : scales[param(s, "scale")]);
  return CLF_OK;
}

/* ---- Structs of splines ---------------------------------------------------------------------- */

static int numbers_of(const clf__step *s) {
  const int u = clf__tensor_named(s, "u", 1);
  return u >= 0 ? s->operand[u].t.dim[2] : param(s, "numbers");
}
static int bins_of(const clf__step *s) { return (numbers_of(s) + 1 - param(s, "ends")) / 3; }
static int poly_bins_of(const clf__step *s) {
  return clf__poly_bins(numbers_of(s), param(s, "order"), param(s, "tails"));
}

static void add_exact(clf__writer *w, const clf__step *s, clf__out *to, const char *const *names) {
  for (; *names; names++) {
    clf__out_text(to, ", ");
    clf__write_number(w, to, clf__param_of(s, *names));
  }
}

static clf_status add_struct(clf__writer *w, const char *type, clf__out *text) {
  int index = 0;
  clf_status status = text->failed ? clf__fail(CLF_ENOMEM, "no memory for a spline") : CLF_OK;
  if (!status) status = clf__write_struct(w, type, text->s, &index);
  free(text->s);
  if (!status) clf__out_format(&w->body, "&p%d", index);
  return status;
}

static clf_status spline(clf__writer *w, const clf__step *s) {
  static const char *const names[] = {"left",       "right",     "bottom",    "top",   "min_width",
                                      "min_height", "min_slope", "end_slope", "scale", "gain",
                                      "beta",       "shift",     NULL};
  clf__out text = {0};
  clf__out_format(&text, "%d, %d, %d, %d, %d", bins_of(s), param(s, "like"), param(s, "ends"),
                  param(s, "outside"), param(s, "turn"));
  add_exact(w, s, &text, names);
  return add_struct(w, "spline", &text);
}

static clf_status poly(clf__writer *w, const clf__step *s) {
  static const char *const names[] = {"left",       "right", "bottom",    "top", "min_width",
                                      "min_height", "scale", "end_share", NULL};
  clf__out text = {0};
  clf__out_format(&text, "%d, %d, %d", poly_bins_of(s), param(s, "order") == 2,
                  param(s, "tails") != 0);
  add_exact(w, s, &text, names);
  return add_struct(w, "poly", &text);
}

/* ---- Bounds, column by column ---------------------------------------------------------------- */

static clf_status bound_columns(clf__writer *w, const clf__step *s) {
  const int inverse = s->op == CLF_OP_bounds_inv;
  const clf__operand *from = operand(s, inverse ? "y" : "x"), *to = operand(s, inverse ? "x" : "y");
  const clf__operand *how = operand(s, "how"), *logdet = operand(s, "logdet");
  if (how->kind != CLF_OPERAND_CONSTANT || from->t.stride[1] != 1 || to->t.stride[1] != 1)
    return clf__fail(CLF_ENOTSUP, "bounds that depend on the row have no C text");
  const int64_t x = clf__recorded_at(w->trace, from->value),
                y = clf__recorded_at(w->trace, to->value);
  for (int32_t d = 0; d < from->t.dim[1]; d++) {
    const double *q = how->constant + 4 * d;
    if (!bounds[(int)q[0]])
      return clf__fail(CLF_ENOTSUP, "bounds of the kind %d have no C text", (int)q[0]);
    clf__out_format(&w->body, "%s  s[%lld] = %s%s(s[%lld], ", d ? "\n" : "", (long long)(y + d),
                    bounds[(int)q[0]], inverse ? "_inverse" : "", (long long)(x + d));
    for (int k = 1; k < 4; k++) {
      clf__write_number(w, &w->body, q[k]);
      clf__out_format(&w->body, ", ");
    }
    clf__out_format(&w->body, "s + %lld);", (long long)clf__recorded_at(w->trace, logdet->value));
  }
  return CLF_OK;
}

/* ---- Nets ------------------------------------------------------------------------------------ */

/* Adds the first `inputs` columns of a matrix [outputs][pitch] as [inputs][outputs], and then its
 * bias, which begins `bias` elements after the matrix, with a stride. */
static double *turned(double *to, const double *w, int outputs, int inputs, int pitch,
                      const double *bias, int apart) {
  for (int k = 0; k < inputs; k++)
    for (int i = 0; i < outputs; i++) *to++ = w[(int64_t)i * pitch + k];
  for (int i = 0; i < outputs; i++) *to++ = bias[(int64_t)i * apart];
  return to;
}

/* The nets of couplings: matrices whose last column is their bias. */
static clf_status nets(clf__writer *w, const clf__step *s) {
  const clf__operand *o = operand(s, "w");
  const int D = operand(s, "x")->t.dim[1], H = param(s, "hidden"), L = o->t.dim[0];
  const int64_t size = (int64_t)clf__count(&o->t);
  int index;
  double *all = malloc((size_t)size * sizeof *all), *to = all;
  if (!all) return clf__fail(CLF_ENOMEM, "no memory for the nets of couplings");
  const double *from = o->constant;
  for (int l = 0; l < L * (param(s, "add") ? 1 : 2); l++) {
    to = turned(to, from, H, D, D + 1, from + D, D + 1);
    from += H * (D + 1);
    to = turned(to, from, D, H, H + 1, from + H, H + 1);
    from += D * (H + 1);
  }
  const clf_status status = clf__write_table(w, all, size, 0, &index);
  free(all);
  if (!status) clf__out_format(&w->body, "t%d", index);
  return status;
}

/* Adds one layer of a masked net from the flat array of all; returns where the next one begins. */
static clf_status layer_of_made(clf__writer *w, const clf__step *s, int l, const double **at,
                                int *index) {
  static const char *const skips[] = {"skip_first", "skip_odd", "skip_even"};
  const int H = param(s, "hidden"), D = operand(s, "y")->t.dim[1], layers = param(s, "layers");
  const int inputs = l ? H : D, pitch = l ? H : param(s, "pitch");
  const int outputs = l < layers ? H : D * param(s, "numbers");
  const int64_t n = ((int64_t)inputs + 1) * outputs;
  double *matrix = malloc((size_t)n * sizeof *matrix);
  if (!matrix) return clf__fail(CLF_ENOMEM, "no memory for a masked net");
  const double *bias = *at + (int64_t)outputs * pitch;
  turned(matrix, *at, outputs, inputs, pitch, bias, 1);
  const clf_status status = clf__write_table(w, matrix, n, 0, index);
  free(matrix);
  *at = bias + outputs + (l < layers ? param(s, skips[l == 0 ? 0 : l % 2 ? 1 : 2]) : 0);
  return status;
}

/* The net's layers and description, as automatic constants in a block around the call. */
static clf_status masked_net(clf__writer *w, const clf__step *s) {
  const int layers = param(s, "layers");
  const clf__operand *o = operand(s, "w");
  if (o->kind != CLF_OPERAND_CONSTANT)
    return clf__fail(CLF_ENOTSUP, "a masked net that depends on the row has no C text");
  const double *at = o->constant;
  clf__out call = w->body, begin = {0}; /* the block goes before the call, whose text has begun */
  size_t from = call.n;
  while (from && call.s[from - 1] != '\n') from--;
  clf__out_format(&begin, "  {\n    const real *const layer[] = {");
  for (int l = 0; l <= layers; l++) {
    int index;
    clf_status status = layer_of_made(w, s, l, &at, &index);
    if (status) {
      free(begin.s);
      return status;
    }
    clf__out_format(&begin, "%st%d", l ? ", " : "", index);
  }
  clf__out_format(&begin, "};\n    const made q = {%d, %d, %d, %d, %d, %d, %d, %d, {%d, %d, %d},\n",
                  operand(s, "y")->t.dim[1], param(s, "hidden"), layers, param(s, "residual") != 0,
                  param(s, "period"), param(s, "from"), param(s, "each"), param(s, "numbers"),
                  param(s, "join_first"), param(s, "join_odd"), param(s, "join_even"));
  clf__out_format(&begin, "                    {act_%s, act_%s, act_%s, act_%s}, layer};\n  ",
                  acts[param(s, "act_first")], acts[param(s, "act_odd")],
                  acts[param(s, "act_even")], acts[param(s, "act_last")]);
  clf__out_bytes(&begin, call.s + from, call.n - from);
  w->body.n = from;
  clf__out_text(&w->body, begin.failed ? "" : begin.s);
  clf__out_text(&w->body, "&q");
  const int failed = begin.failed;
  free(begin.s);
  return failed ? clf__fail(CLF_ENOMEM, "no memory for a masked net") : CLF_OK;
}

/* ---- All ------------------------------------------------------------------------------------- */

int64_t clf__room_of(const clf__step *s) {
  const int64_t H = clf__param_of(s, "hidden") > 0 ? param(s, "hidden") : 0;
  const int y = clf__tensor_named(s, "y", 1);
  const int64_t D = y >= 0 && s->operand[y].kind ? s->operand[y].t.dim[1] : 0;
  switch (s->op) {
  case CLF_OP_mlp_coupling_fwd:
  case CLF_OP_mlp_coupling_inv: return 3 * D + H;
  case CLF_OP_rqs_fwd:
  case CLF_OP_rqs_inv: return 2 * bins_of(s);
  case CLF_OP_poly_spline_fwd:
  case CLF_OP_poly_spline_inv: return 2 * poly_bins_of(s) + 1;
  case CLF_OP_made_affine_inv: return (param(s, "layers") + 1) * H + D * param(s, "numbers");
  case CLF_OP_made_rqs_inv:
    return (param(s, "layers") + 1) * H + D * param(s, "numbers") + 2 * bins_of(s);
  default: return 0;
  }
}

clf_status clf__write_special(clf__writer *w, const clf__step *s, const char *word,
                              const char *argument) {
  if (strcmp(word, "ACT") == 0) return act(w, s, argument);
  if (strcmp(word, "SEED") == 0) return seed(w, s);
  if (strcmp(word, "SCALE") == 0) return scale(w, s);
  if (strcmp(word, "SPLINE") == 0) return spline(w, s);
  if (strcmp(word, "POLY") == 0) return poly(w, s);
  if (strcmp(word, "BOUNDS") == 0) return bound_columns(w, s);
  if (strcmp(word, "NETS") == 0) return nets(w, s);
  if (strcmp(word, "MADE") == 0) return masked_net(w, s);
  if (strcmp(word, "KIND") == 0)
    clf__out_format(&w->body, "%s", columns[param(s, "kind")]);
  else if (strcmp(word, "ROOM") == 0)
    clf__out_format(&w->body, "s + %lld", (long long)w->trace->size);
  else
    return clf__fail(CLF_ENOTSUP, "calls.def: nothing is called %s", word);
  return CLF_OK;
}
