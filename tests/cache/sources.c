/* SPDX-License-Identifier: MIT */
/* sources.c: the text of the program: files, headers, macros, and the kernels of one operation. */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend.h"
#include "opencl.h"
#include "sources.h"
#include "cache/folder.h"

/* Where a kernel file, or a header, begins in the program; NULL if it is not part of it. */
static const char *begin_of(const char *whole, const char *name) {
  char line[96];
  snprintf(line, sizeof line, "#line 1 \"%s\"\n", name);
  return strstr(whole, line);
}
static int is_named(const char *name, const char *end) {
  const size_t n = strlen(name), m = strlen(end);
  return n >= m && strcmp(name + n - m, end) == 0;
}
/* The line of its file that #line says for a place of the program. */
static int line_of(const char *program, const char *place) {
  int number = 0;
  for (const char *line = program; line < place; line = strchr(line, '\n') + 1)
    if (strncmp(line, "#line ", 6) != 0 || sscanf(line, "#line %d", &number) != 1) number++;
  return number;
}
/* Whether a kernel file has a kernel in that line; some have two of a name, one for CPUs. */
static int is_in_line(const char *kernel, int number) {
  for (const clf_source *s = clf__sources; s->name; s++)
    for (const char *at = s->text; is_named(s->name, ".cl") && (at = strstr(at, kernel)); at++)
      if (line_of(s->text, at + 1) + 1 == number) return 1;
  return 0;
}

/* The program of one operation has its kernels and no others, and together these programs have all.
 * Files without a kernel of
 * the operation are left out; what is blanked keeps the numbers of lines, which messages name. */
START_TEST(programs_of_operations) {
  char *whole = clf__cl_program(-1);
  ck_assert_ptr_nonnull(whole);
  int all = 0, in_operations = 0;
  for (const char *k = whole; (k = strstr(k, "\nkernel ")); k++) all++;
  for (int op = 0; op < CLF_OP_COUNT; op++) {
    char *own = clf__cl_program(op), name[64], wanted[80];
    int kernels = 0, files = 0;
    ck_assert_ptr_nonnull(own);
    for (const char *k = own; (k = strstr(k, "\nkernel ")); k++, kernels++) {
      ck_assert_int_eq(sscanf(k, "\nkernel %*s void %63[a-z0-9_]", name), 1);
      ck_assert_msg(clf__cl_owner(name, strlen(name)) == op, "%s is none of %s", name,
                    clf_ops[op].name);
      snprintf(wanted, sizeof wanted, "%.*s", (int)strcspn(k + 1, "(") + 1, k);
      ck_assert_msg(is_in_line(wanted, line_of(own, k + 1)), "%s is in line %d", name,
                    line_of(own, k + 1));
    }
    snprintf(wanted, sizeof wanted, " void %s", clf_ops[op].name);
    ck_assert_msg(kernels > 0 && strstr(own, wanted), "%s has no kernel", clf_ops[op].name);
    for (const clf_source *s = clf__sources; s->name; s++)
      files += is_named(s->name, ".cl") && begin_of(own, s->name);
    ck_assert_msg(files <= kernels, "%s has %d kernels in %d files", clf_ops[op].name, kernels,
                  files);
    in_operations += kernels;
    free(own);
  }
  ck_assert_int_gt(all, CLF_OP_COUNT);
  ck_assert_int_eq(in_operations, all);
  ck_assert_int_eq(clf__cl_owner("gemm", 4), CLF_OP_gemm);
  ck_assert_int_eq(clf__cl_owner("gemm_pack", 9), CLF_OP_gemm);
  ck_assert_int_eq(clf__cl_owner("gemms", 5), -1);
  ck_assert_int_eq(clf__cl_owner("conv_bwd_weights_add", 20), CLF_OP_conv_bwd_weights);
  ck_assert_int_eq(clf__cl_owner("conv", 4), -1);
  free(whole);
}
END_TEST

/* Whether a text defines a macro. */
static int defines(const char *text, const char *macro) {
  char line[96];
  snprintf(line, sizeof line, "\n#define %s", macro);
  const size_t n = strlen(line);
  for (; (text = strstr(text, line)); text += n)
    if (!isalnum((unsigned char)text[n]) && text[n] != '_') return 1;
  return 0;
}

/* Every file is part of the program once, headers before what includes them; no line of `#include`
 * is left. */
START_TEST(headers_of_the_program) {
  char *whole = clf__cl_program(-1);
  ck_assert_ptr_nonnull(whole);
  ck_assert_ptr_null(strstr(whole, "\n#include"));
  for (const clf_source *s = clf__sources; s->name; s++) {
    const char *at = begin_of(whole, s->name);
    ck_assert_msg(at != NULL, "no kernel uses %s", s->name);
    ck_assert_msg(!begin_of(at + 1, s->name), "%s is there twice", s->name);
    int number = 1; /* of the line behind an `#include`, where the file goes on */
    for (const char *line = s->text; line; line = strchr(line, '\n')) {
      char name[64], behind[96];
      line += *line == '\n';
      number++;
      if (sscanf(line, "#include \"%63[^\"]", name) != 1) continue;
      snprintf(behind, sizeof behind, "#line %d \"%s\"\n", number, s->name);
      const char *header = begin_of(whole, name), *rest = strstr(at, behind);
      ck_assert_msg(header && rest && header < rest, "%s includes %s, which follows", s->name,
                    name);
    }
  }
  free(whole);
}
END_TEST

/* Macros of a kernel file end with it, and none hides one of a header. */
START_TEST(macros_of_the_program) {
  char *whole = clf__cl_program(-1);
  int macros = 0;
  ck_assert_ptr_nonnull(whole);
  for (const clf_source *s = clf__sources; s->name; s++) {
    if (!is_named(s->name, ".cl")) continue;
    for (const char *line = s->text; (line = strstr(line, "\n#define ")); line++, macros++) {
      char name[64], end[80];
      ck_assert_int_eq(sscanf(line, "\n#define %63[A-Za-z0-9_]", name), 1);
      snprintf(end, sizeof end, "\n#undef %s\n", name);
      ck_assert_msg(strstr(begin_of(whole, s->name), end) != NULL, "%s does not end in %s", name,
                    s->name);
      for (const clf_source *h = clf__sources; h->name; h++) {
        char gone[80];
        snprintf(gone, sizeof gone, "\n#undef %s\n", name);
        ck_assert_msg(is_named(h->name, ".cl") || !defines(h->text, name) || strstr(h->text, gone),
                      "%s of %s hides that of %s", name, s->name, h->name);
      }
    }
  }
  ck_assert_int_gt(macros, 20);
  free(whole);
}
END_TEST

void tests_of_sources(TCase *tc) {
  tcase_add_test(tc, programs_of_operations);
  tcase_add_test(tc, headers_of_the_program);
  tcase_add_test(tc, macros_of_the_program);
}
