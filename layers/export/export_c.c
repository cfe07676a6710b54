/* SPDX-License-Identifier: MIT */
/* export_c.c: a flow as one C file: declarations, functions that it uses, constants, and a function
 * for each of its programs. */
#include "clflow/export.h"
#include <ctype.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/version.h"
#include "file.h"
#include "grid.h"
#include "record.h"
#include "writer.h"

enum { NAME = 64 };

typedef struct document {
  const clf_flow *flow;
  const char *name, *real;
  unsigned what;
  clf__writer w;
  clf__out functions, all;
  int64_t memory; /* numbers on the stack of the largest function */
} document;

/* ---- Options --------------------------------------------------------------------------------- */

static clf_status check_name(const char *name) {
  const size_t n = strlen(name);
  int good = n > 0 && n < NAME && !isdigit((unsigned char)*name);
  for (size_t i = 0; i < n; i++) good &= isalnum((unsigned char)name[i]) || name[i] == '_';
  if (good) return CLF_OK;
  return clf__fail(
      CLF_EINVAL,
      "\"%.80s\" is not a name for C functions: use letters, digits and _, at most %d, "
      "and begin with a letter",
      name, NAME - 1);
}

static clf_status check(const clf_flow *f, const char *name, unsigned *what) {
  const unsigned all =
      CLF_EXPORT_LOG_PROB | CLF_EXPORT_TRANSFORM | CLF_EXPORT_INVERSE | CLF_EXPORT_SAMPLE;
  const unsigned latents = CLF_EXPORT_TRANSFORM | CLF_EXPORT_INVERSE;
  CLF_TRY(check_name(name));
  if (f->spec.height)
    return clf__fail(CLF_ENOTSUP, "the flow is one of images; only flows of vectors are exported");
  if (*what & ~all)
    return clf__fail(CLF_EINVAL, "what to export is %u; the sum of all is %u", *what, all);
  if (!*what) *what = f->base.ops->no_latents ? all & ~latents : all;
  return *what & latents ? clf__needs_latents(f) : CLF_OK;
}

/* ---- Declarations ---------------------------------------------------------------------------- */

typedef struct signature {
  const char *result, *verb, *in, *out; /* names of the rows that it takes and writes, or NULL */
} signature;
static const signature signatures[CLF_PROGRAMS] = {
    [CLF_PROGRAM_LOG_PROB] = {"real", "log_prob", "x", NULL},
    [CLF_PROGRAM_TRANSFORM] = {"real", "transform", "x", "z"},
    [CLF_PROGRAM_INVERSE] = {"real", "inverse", "z", "x"},
    [CLF_PROGRAM_SAMPLE] = {"void", "sample", NULL, "x"},
};

static void put_signature(const document *d, clf__out *to, clf__program_kind kind) {
  const signature *s = &signatures[kind];
  const int D = (int)d->flow->spec.dim, C = (int)d->flow->context;
  clf__out_format(to, "%s %s_%s(", strcmp(s->result, "void") ? d->real : "void", d->name, s->verb);
  if (s->in) clf__out_format(to, "const %s %s[%d]", d->real, s->in, D);
  if (!s->in) clf__out_format(to, "uint64_t seed, uint64_t i");
  if (C) clf__out_format(to, ", const %s c[%d]", d->real, C);
  if (s->out) clf__out_format(to, ", %s %s[%d]", d->real, s->out, D);
  clf__out_format(to, ")");
}

/* A name as a string literal of C, with octal escapes for all but plain characters. */
static void put_string(clf__out *to, const char *s) {
  clf__out_format(to, "\"");
  for (; *s; s++) {
    const unsigned char c = (unsigned char)*s;
    if (c == '"' || c == '\\' || c == '?' || c < ' ' || c > '~')
      clf__out_format(to, "\\%03o", c);
    else
      clf__out_format(to, "%c", c);
  }
  clf__out_format(to, "\"");
}

/* The names of columns: the initialiser of a declaration, or the whole declaration. */
static void put_columns(const document *d, clf__out *to, const char *of, char *const *names,
                        int32_t n, int declares) {
  size_t longest = 0;
  if (!names) return;
  for (int32_t i = 0; i < n; i++)
    if (strlen(names[i]) > longest) longest = strlen(names[i]);
  clf__out_format(to, "%sconst char %s_%s[%d][%zu]", declares ? "extern " : "", d->name, of, (int)n,
                  longest + 1);
  for (int32_t i = 0; i < n && !declares; i++) {
    clf__out_format(to, i ? ",\n  " : " = {\n  ");
    put_string(to, names[i]);
  }
  clf__out_format(to, declares ? ";\n" : "};\n");
}
static void put_all_columns(const document *d, clf__out *to, int declares) {
  const clf_flow *f = d->flow;
  put_columns(d, to, "columns", f->columns, f->spec.dim, declares);
  put_columns(d, to, "context_columns", f->c_columns, f->context, declares);
}

static const char *const comments[CLF_PROGRAMS] = {
    [CLF_PROGRAM_LOG_PROB] = "The log-density of a row; -INFINITY outside of its support.",
    [CLF_PROGRAM_TRANSFORM] = "The latents of a row; returns log |det dz/dx|.",
    [CLF_PROGRAM_INVERSE] = "The row of latents; returns log |det dx/dz|.",
    [CLF_PROGRAM_SAMPLE] = "Sample i of the stream `seed`: it depends on these two alone.",
};

/* clflow wrote the architecture's text, except names of layers, which are plain words. */
static void put_head(const document *d, clf__out *to) {
  clf__out_format(to, "/* A normalizing flow, exported by clflow %s:\n *\n *   ", clf_version());
  for (const char *s = clf_arch_text(d->flow->arch); *s; s++)
    clf__out_format(to, *s == '\n' ? " " : "%c", *s);
  clf__out_format(
      to, "\n *\n * %d columns, a context of %d numbers.  Needs libm alone; C99 or C++11.\n",
      (int)d->flow->spec.dim, (int)d->flow->context);
  clf__out_format(to, " * With %s_DECLARATIONS_ONLY defined this file is its own header. */\n",
                  d->name);
}

static void put_declarations(const document *d, clf__out *to) {
  const clf_flow *f = d->flow;
  clf__out_format(to, "#ifndef %s_DECLARED\n#define %s_DECLARED\n#include <stdint.h>\n", d->name,
                  d->name);
  clf__out_format(to, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
  clf__out_format(to, "enum { %s_dim = %d, %s_context = %d };\n", d->name, (int)f->spec.dim,
                  d->name, (int)f->context);
  clf__out_format(
      to, "enum { %s_memory = %lld }; /* bytes of the stack that the largest function takes */\n",
      d->name, (long long)d->memory * (d->w.single ? 4 : 8));
  put_all_columns(d, to, 1);
  for (int k = 0; k < CLF_PROGRAMS; k++) {
    if (!(d->what >> k & 1)) continue;
    clf__out_format(to, "/* %s */\n", comments[k]);
    put_signature(d, to, (clf__program_kind)k);
    clf__out_format(to, ";\n");
  }
  clf__out_format(to, "#ifdef __cplusplus\n}\n#endif\n#endif\n");
}

/* ---- Functions ------------------------------------------------------------------------------- */

static void put_row(clf__out *to, const char *row, int32_t n, int64_t at, int writes) {
  if (writes)
    clf__out_format(to, "  for (k = 0; k < %d; k++) %s[k] = s[%lld + k];\n", (int)n, row,
                    (long long)at);
  else
    clf__out_format(to, "  for (k = 0; k < %d; k++) s[%lld + k] = %s[k];\n", (int)n, (long long)at,
                    row);
}

/* "  x[3] = reflected(x[3], 0, 1);" */
static void put_call(const document *d, clf__out *to, int32_t column, const char *function,
                     const double *number, int n) {
  clf__out_format(to, "  x[%d] = %s(x[%d]", (int)column, function, (int)column);
  for (int i = 0; i < n; i++) {
    clf__out_format(to, ", ");
    clf__write_number(&d->w, to, number[i]);
  }
  clf__out_format(to, ");\n");
}

/* Columns of samples with a grid, or with limits. */
static void put_grid(const document *d, clf__out *to) {
  const clf_column_grid *g = d->flow->grid;
  for (int32_t i = 0; g && i < d->flow->spec.dim; i++, g++) {
    const double number[] = {g->first, g->last, g->step};
    const int below = g->first > -DBL_MAX, above = g->last < DBL_MAX;
    if (g->step > 0)
      put_call(d, to, i, "on_grid", number, 3);
    else if (clf__has_limits(g) && below && above)
      put_call(d, to, i, "reflected", number, 2);
    else if (clf__has_limits(g) && (below || above))
      put_call(d, to, i, below ? "at_least" : "at_most", below ? number : number + 1, 1);
  }
}

static void put_end(document *d, clf__out *to, clf__program_kind kind, clf__program *p) {
  const int32_t D = d->flow->spec.dim;
  const int64_t scalar = p->scalar >= 0 ? clf__recorded_at(&p->trace, p->scalar) : 0;
  if (p->out >= 0) put_row(to, signatures[kind].out, D, clf__recorded_at(&p->trace, p->out), 1);
  if (kind >= CLF_PROGRAM_INVERSE) put_grid(d, to);
  if (kind == CLF_PROGRAM_LOG_PROB)
    clf__out_format(to, "  return s[%lld] - s[%lld] == 0 ? s[%lld] : -INFINITY;\n",
                    (long long)scalar, (long long)scalar, (long long)scalar);
  else if (kind != CLF_PROGRAM_SAMPLE)
    clf__out_format(to, "  return s[%lld];\n", (long long)scalar);
}

static clf_status put_function(document *d, clf__program_kind kind, clf__program *p) {
  clf__out *to = &d->functions;
  d->w.trace = &p->trace;
  d->w.body.n = 0;
  d->w.room = 0;
  clf__out_text(&d->w.body, "");
  for (int32_t i = 0; i < p->trace.steps; i++)
    if (p->trace.step[i].needed) CLF_TRY(clf__write_step(&d->w, &p->trace.step[i]));
  const int64_t size = p->trace.size + d->w.room;
  if (size > d->memory) d->memory = size;
  put_signature(d, to, kind);
  clf__out_format(to, " {\n  real s[%lld];\n  int k;\n", (long long)(size ? size : 1));
  if (p->in >= 0)
    put_row(to, signatures[kind].in, d->flow->spec.dim, clf__recorded_at(&p->trace, p->in), 0);
  if (p->context >= 0)
    put_row(to, "c", d->flow->context, clf__recorded_at(&p->trace, p->context), 0);
  clf__out_text(to, d->w.body.s);
  put_end(d, to, kind, p);
  clf__out_format(to, "}\n");
  return CLF_OK;
}

/* ---- The file -------------------------------------------------------------------------------- */

static clf_status put_functions(document *d, clf_flow *flow) {
  clf__recording *r = NULL;
  clf_status s = clf__recording_begin(flow, &r);
  for (int k = 0; k < CLF_PROGRAMS && !s; k++) {
    clf__program p = {0};
    if (!(d->what >> k & 1)) continue;
    s = clf__record(r, (clf__program_kind)k, &p);
    if (!s) s = put_function(d, (clf__program_kind)k, &p);
    clf__recorded_free(&p.trace);
  }
  clf__recording_end(r);
  return s;
}

static clf_status no_memory(void) {
  return clf__fail(CLF_ENOMEM, "no memory for the text of a flow");
}

static clf_status put_all(document *d) {
  if (d->w.constants.failed || d->w.structs.failed || d->functions.failed) return no_memory();
  clf__out *to = &d->all, code = {0};
  put_head(d, to);
  put_declarations(d, to);
  clf__out_format(to, "#ifndef %s_DECLARATIONS_ONLY\n#include <math.h>\n", d->name);
  clf__out_format(&code, "prelude_%s prelude_restrict ", d->w.single ? "float" : "double");
  if (d->w.constants.s) clf__out_text(&code, d->w.constants.s);
  clf__out_text(&code, d->functions.s);
  const clf_status s = code.failed ? no_memory() : clf__write_used(to, code.s);
  free(code.s);
  CLF_TRY(s);
  put_all_columns(d, to, 0);
  if (d->w.constants.s) clf__out_text(to, d->w.constants.s);
  clf__out_text(to, d->functions.s);
  clf__out_format(to, "#endif\n");
  return to->failed ? no_memory() : CLF_OK;
}

static clf_status write_file(const char *path, const clf__out *text) {
  clf__file *file;
  CLF_TRY(clf__file_begin(path, &file));
  const clf_status s = clf__file_put(file, text->s, text->n);
  if (!s) return clf__file_commit(file);
  clf__file_abort(file);
  return s;
}

clf_status clf_export_c(clf_flow *flow, const char *path, const char *name, unsigned what,
                        int use_float) {
  CLF_GIVEN("flow, path, name", flow, path, name);
  CLF_TRY(check(flow, name, &what));
  document d = {.flow = flow, .name = name, .real = use_float ? "float" : "double", .what = what};
  d.w.single = use_float != 0;
  clf_status s = put_functions(&d, flow);
  if (!s) s = put_all(&d);
  if (!s) s = write_file(path, &d.all);
  clf__writer_free(&d.w);
  free(d.functions.s);
  free(d.all.s);
  return s;
}
