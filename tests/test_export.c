/* SPDX-License-Identifier: MIT */
/* test_export.c: flows as C files, compiled with the compiler of the build and compared with cpu64:
 *   test_export                      the flows of export/flows.c, and what is refused
 *   test_export random N [M]         M random architectures from number N on
 *   test_export elsewhere CC [RUN]   the listed flows with another compiler, such as one for 32-bit
 *                                    ARM, in a program that RUN (an emulator) runs
 * A file must compile as C99 and as C++11 without a warning, call libm alone and have no writable
 * data. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "c_texts.h"
#include "export/compiled.h"
#include "file.h"
#include "writer.h"

static uint64_t first;

START_TEST(random_flow) {
  const uint64_t number = first + (uint64_t)_i;
  draw_random r = {number * 2 + 999};
  draw_flow drawn;
  clf_arch *arch = NULL;
  clf_flow *f = NULL;
  draw_architecture(number, &drawn);
  if (clf_arch_parse(drawn.text, &arch) || clf_arch_shape(arch, NULL, NULL, NULL) ||
      clf_flow_create_arch(dev, arch, number, &f)) {
    clf_arch_free(arch);
    return;
  }
  disturb(f, &r);
  rows q = {.dim = drawn.dim, .context = drawn.context, .text = drawn.text};
  q.x = calloc((size_t)(ROWS * drawn.dim), sizeof *q.x);
  q.c = drawn.context ? calloc((size_t)(ROWS * drawn.context), sizeof *q.c) : NULL;
  draw_rows(&r, &drawn, ROWS, q.x);
  if (q.c) draw_contexts(&r, &drawn, ROWS, q.c);
  check_file(f, &q, 0, number % 2 ? "c++ -std=c++11" : "c -std=c99");
  free(q.x);
  free(q.c);
  clf_flow_free(f);
  clf_arch_free(arch);
}
END_TEST

START_TEST(every_text) {
  const struct flow *it = &flows[_i];
  if (it->also & UNFUSED) setenv("CLFLOW_FUSE", "never", 1);
  clf_flow *f = flow_of(it->text, 77 + (uint64_t)_i);
  rows q = {.dim = f->spec.dim, .context = f->context, .text = it->text};
  dress(f, it->also);
  find_rows(f, &q);
  check_file(f, &q, it->single, it->language);
  free(q.x);
  free(q.c);
  clf_flow_free(f);
}
END_TEST

/* ---- The same with another compiler, in a program of its own ----------------------------------
 */

static const char *other_compiler, *emulator;

static void put_numbers(FILE *to, const char *name, const double *v, int n) {
  fprintf(to, "static const double %s[] = {", name);
  for (int i = 0; i < n; i++) {
    if (isfinite(v[i]))
      fprintf(to, "%.17g, ", v[i]);
    else
      fprintf(to, "%sINFINITY, ", v[i] < 0 ? "-" : "");
  }
  fputs("0};\n", to);
}

/* The program compares log-densities and samples with those of cpu64, and prints only differences.
 */
static void write_program(const rows *r, const double *logp, const double *samples, int single) {
  char path[SIZE];
  const char *given = r->c ? ", c" : "", *type = single ? "float" : "double";
  snprintf(path, sizeof path, "%s/elsewhere.c", folder);
  FILE *to = fopen(path, "w");
  ck_assert_ptr_nonnull(to);
  fputs("#include \"flow.c\"\n#include <stdio.h>\n", to);
  put_numbers(to, "rows", r->x, ROWS * r->dim);
  if (r->c) put_numbers(to, "contexts", r->c, ROWS * r->context);
  put_numbers(to, "log_p", logp, ROWS);
  put_numbers(to, "samples", samples, ROWS * r->dim);
  fprintf(to,
          "static int wrong(double got, double want) {\n"
          "  const double size = fabs(want) > 1 ? fabs(want) : 1;\n"
          "  if (got == want || fabs(got - want) <= %g * size) return 0;\n"
          "  return printf(\"%%.17g, not %%.17g\\n\", got, want);\n}\n"
          "int main(void) {\n  int bad = 0;\n  for (int i = 0; i < %d; i++) {\n    %s x[%d];\n",
          single ? 1e-3 : 1e-11, ROWS, type, r->dim);
  if (r->c)
    fprintf(to,
            "    %s c[%d];\n    for (int d = 0; d < %d; d++) c[d] = (%s)contexts[i * %d + d];\n",
            type, r->context, r->context, type, r->context);
  fprintf(to,
          "    for (int d = 0; d < %d; d++) x[d] = (%s)rows[i * %d + d];\n"
          "    bad += wrong(flow_log_prob(x%s), log_p[i]);\n"
          "    flow_sample(9, (uint64_t)i%s, x);\n"
          "    for (int d = 0; d < %d; d++) bad += wrong(x[d], samples[i * %d + d]);\n  }\n"
          "  return bad != 0;\n}\n",
          r->dim, type, r->dim, given, given, r->dim, r->dim);
  fclose(to);
}

START_TEST(elsewhere) {
  const struct flow *it = &flows[_i];
  char command[4 * SIZE], path[SIZE];
  double logp[ROWS], samples[ROWS * 8];
  clf_flow *f = flow_of(it->text, 77 + (uint64_t)_i);
  rows q = {.dim = f->spec.dim, .context = f->context, .text = it->text};
  dress(f, it->also);
  find_rows(f, &q);
  WORKS(q.c ? clf_log_prob_given(f, q.x, q.c, ROWS, logp) : clf_log_prob(f, q.x, ROWS, logp));
  WORKS(q.c ? clf_sample_given(f, q.c, ROWS, 9, 1, samples) : clf_sample(f, 9, 0, ROWS, samples));
  snprintf(path, sizeof path, "%s/flow.c", folder);
  WORKS(clf_export_c(f, path, "flow", 0, it->single));
  write_program(&q, logp, samples, it->single);
  snprintf(command, sizeof command, "%s -std=c99 -O2 -static %s/elsewhere.c -o %s/elsewhere -lm",
           other_compiler, folder, folder);
  run(command);
  snprintf(command, sizeof command, "%s %s/elsewhere", emulator, folder);
  run(command);
  free(q.x);
  free(q.c);
  clf_flow_free(f);
}
END_TEST

/* A function that no file above uses was never compiled. */
START_TEST(all_texts_are_used) {
  char path[SIZE];
  clf__out all = {0};
  for (int i = 0; i < FLOWS; i++) {
    char *bytes;
    size_t size;
    setenv("CLFLOW_FUSE", flows[i].also & UNFUSED ? "never" : "", 1);
    clf_flow *f = flow_of(flows[i].text, 1);
    dress(f, flows[i].also);
    snprintf(path, sizeof path, "%s/used.c", folder);
    WORKS(clf_export_c(f, path, "flow", 0, flows[i].single));
    WORKS(clf__file_read(path, &bytes, &size));
    clf__out_text(&all, bytes);
    free(bytes);
    clf_flow_free(f);
  }
  char missing[2048] = "";
  for (const clf__c_text *t = clf__c_texts; t->name; t++)
    for (const char *at = t->text; (at = strstr(at, "/*# "));) {
      char name[64], line[SIZE];
      const size_t n = strlen(missing);
      sscanf(at, "/*# %63s", name);
      const char *code = strchr(at, '\n') + 1;
      while (code[0] == '/' || code[1] == '*') code = strchr(code, '\n') + 1; /* a comment */
      snprintf(line, sizeof line, "%.*s", (int)strcspn(code, "\n"), code);
      if (!strstr(all.s, line)) snprintf(missing + n, sizeof missing - n, " %s", name);
      at = code;
    }
  ck_assert_msg(!*missing, "no flow of this test uses%s", missing);
  free(all.s);
}
END_TEST

/* A new operation needs a row of calls.def. */
START_TEST(every_operation_is_known) {
  for (int op = 0; op < CLF_OP_COUNT; op++)
    ck_assert_msg(clf__export_knows((clf_op)op) != 0,
                  "layers/export/calls.def has no row for %s: how does exported C call it, or why "
                  "does no flow of vectors run it?",
                  clf_ops[op].name);
}
END_TEST

/* ---- What is chosen, and what is refused -------------------------------------------------------
 */

START_TEST(chosen_functions) {
  char path[SIZE], *bytes;
  size_t size;
  clf_flow *f = flow_of("2: lu, coupling(affine, mlp(4x1)) -> normal", 3);
  snprintf(path, sizeof path, "%s/some.c", folder);
  WORKS(clf_export_c(f, path, "some", CLF_EXPORT_LOG_PROB, 0));
  WORKS(clf__file_read(path, &bytes, &size));
  ck_assert_ptr_nonnull(strstr(bytes, "double some_log_prob(const double x[2]);"));
  ck_assert_ptr_null(strstr(bytes, "some_sample"));
  ck_assert_ptr_null(strstr(bytes, "philox"));
  ck_assert_ptr_null(strstr(bytes, "affine_inverse"));
  free(bytes);
  clf_flow_free(f);
}
END_TEST

/* With NAME_DECLARATIONS_ONLY the file is a header, and two files go into one program. */
START_TEST(two_in_one_program) {
  char command[4 * SIZE], path[SIZE];
  for (int i = 0; i < 2; i++) {
    clf_flow *f = flow_of(i ? "1: -> normal" : "2: lu -> normal", 3);
    snprintf(path, sizeof path, "%s/%s.c", folder, i ? "two" : "one");
    WORKS(clf_export_c(f, path, i ? "two" : "one", 0, i));
    clf_flow_free(f);
  }
  snprintf(path, sizeof path, "%s/main.c", folder);
  FILE *main_c = fopen(path, "w");
  ck_assert_ptr_nonnull(main_c);
  fputs("#define one_DECLARATIONS_ONLY\n#include \"one.c\"\n"
        "#define two_DECLARATIONS_ONLY\n#include \"two.c\"\n"
        "int main(void) {\n  const double x[one_dim] = {0, 0};\n  const float y[two_dim] = {0};\n"
        "  return one_log_prob(x) < 0 && two_log_prob(y) < 0 ? 0 : 1;\n}\n",
        main_c);
  fclose(main_c);
  snprintf(command, sizeof command,
           CLF_CC " -std=c99 %s %s/main.c %s/one.c %s/two.c -o %s/two_in_one -lm && %s/two_in_one",
           warnings, folder, folder, folder, folder, folder);
  run(command);
}
END_TEST

static void is_refused(const char *text, const char *name, unsigned what, clf_status status,
                       const char *message) {
  char path[SIZE];
  clf_flow *f = flow_of(text, 3);
  snprintf(path, sizeof path, "%s/refused.c", folder);
  REFUSED(clf_export_c(f, path, name, what, 0), status, message);
  ck_assert_int_ne(access(path, F_OK), 0);
  clf_flow_free(f);
}

START_TEST(refusals) {
  static const char plain[] = "1: -> normal", blend[] = "1: -> blend(1: -> normal; 1: -> normal)";
  is_refused(
      plain, "two words", 0, CLF_EINVAL,
      "\"two words\" is not a name for C functions: use letters, digits and _, at most 63, and "
      "begin with a letter");
  is_refused(plain, "", 0, CLF_EINVAL,
             "\"\" is not a name for C functions: use letters, digits and _, at most 63, and begin "
             "with a letter");
  is_refused(plain, "x", 16, CLF_EINVAL, "what to export is 16; the sum of all is 15");
  is_refused(blend, "x", CLF_EXPORT_INVERSE, CLF_ENOTSUP,
             "the flow ends in a blend of flows, which has no latents; it has densities and "
             "samples");
  is_refused("2x2x1: squeeze -> normal", "x", 0, CLF_ENOTSUP,
             "the flow is one of images; only flows of vectors are exported");
}
END_TEST

int main(int argc, char **argv) {
  Suite *suite = suite_create("export");
  TCase *tc = tcase_create("export");
  int count = argc > 3 ? atoi(argv[3]) : 1;
  if (!mkdtemp(folder) || clf_open("cpu64", &dev)) return 1;
  if (argc > 2 && strcmp(argv[1], "random") == 0) {
    first = strtoull(argv[2], NULL, 10);
    tcase_add_loop_test(tc, random_flow, 0, count);
  } else if (argc > 2 && strcmp(argv[1], "elsewhere") == 0) {
    other_compiler = argv[2];
    emulator = argc > 3 ? argv[3] : "";
    tcase_add_loop_test(tc, elsewhere, 0, FLOWS);
  } else {
    tcase_add_loop_test(tc, every_text, 0, FLOWS);
    tcase_add_test(tc, all_texts_are_used);
    tcase_add_test(tc, every_operation_is_known);
    tcase_add_test(tc, chosen_functions);
    tcase_add_test(tc, two_in_one_program);
    tcase_add_test(tc, refusals);
  }
  tcase_set_timeout(tc, 300);
  suite_add_tcase(suite, tc);
  const int code = suite_run(suite);
  char command[SIZE];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  (void)!system(command);
  clf_close(dev);
  return code;
}
