/* SPDX-License-Identifier: MIT */
/* test_cli_flows.c: architectures on the command line: `clflow flows`, and its page in docs. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/clflow.h"
#include "program.h"
#include "suite.h"

static const char *const names[] = {
#define CLF_NODE(GROUP, id, name, help) name,
#include "clflow/arch.def"
#define CLF_MACRO(GROUP, name, ...) name,
#include "clflow/arch.def"
};

START_TEST(flows_lists_all) {
  result r = run("flows");
  ck_assert_int_eq(r.code, 0);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char line[64];
    if (strcmp(names[i], "repeat") == 0 || strcmp(names[i], "flow") == 0) continue;
    snprintf(line, sizeof line, "\n  %-12s ", names[i]);
    expect_text("flows", "stdout", r.out, line);
  }
  for (int i = 0; i < clf_preset_count(); i++) {
    char line[64];
    snprintf(line, sizeof line, "\n  %-12s ", clf_preset_at(i)->name);
    expect_text("flows", "stdout", r.out, line);
  }
  release(r);
}
END_TEST

START_TEST(flows_describes_one) {
  succeeds("flows --name coupling", "layer coupling\n");
  succeeds("flows --name coupling", "\n  net          net that reads the identity dimensions and "
                                    "the context (net; required)\n");
  succeeds("flows --name rq", "\n  bins         bins (1 to 64; default 8)\n");
  succeeds("flows --name rq", "\n               zuko         softmax sizes");
  succeeds("flows --name perm", "(random, reverse, list; default random)\n");
  succeeds("flows --name columns", "layer columns\n");
  succeeds("flows --name columns", "base columns\n");
  succeeds("flows --name glowstep", "\n  stands for   (actnorm, conv1x1, coupling($map, "
                                    "conv($width), mask=mid))\n");
  succeeds("flows --name maf", "\n  values       hidden=50, blocks=2, depth=5\n"
                               "  training     batch=200, lr=0.0005, clip=5\n");
  succeeds("flows --name tiny", "\n  values       scales=2, hidden=16, blocks=2\n");
  refuses(2, "flows --name copling",
          "there is no layer, map, net, base or preset \"copling\"; did "
          "you mean \"coupling\"?");
}
END_TEST

/* The page ends with what the table says. */
START_TEST(page_has_the_reference) {
  static const char mark[] = "<!-- clflow flows --markdown -->\n";
  char *const page = read_file(CLF_DOCS "/architecture.md", NULL);
  const char *const at = strstr(page, mark);
  ck_assert_ptr_nonnull(at);
  result r = run("flows --markdown");
  ck_assert_int_eq(r.code, 0);
  ck_assert_msg(strcmp(at + strlen(mark), r.out) == 0,
                "docs/architecture.md is not what `clflow flows --markdown` prints below its mark");
  release(r);
  free(page);
}
END_TEST

/* The examples of the page are flows. */
START_TEST(page_has_examples_that_parse) {
  char *const page = read_file(CLF_DOCS "/architecture.md", NULL);
  char *row = strstr(page, "\n## Examples");
  char *const end = strstr(page, "\n## Reference");
  int found = 0;
  ck_assert(row && end);
  *end = '\0';
  while ((row = strstr(row, " | `")) != NULL) {
    char text[512];
    size_t n = 0;
    for (row += 4; *row != '`'; row++)
      if (*row != '\\') text[n++] = *row;
    text[n] = '\0';
    clf_arch *a = NULL;
    ck_assert_msg(!clf_arch_parse(text, &a), "%s: %s", text, clf_errmsg());
    clf_arch_free(a);
    found++;
  }
  ck_assert_int_eq(found, 10);
  free(page);
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const tests[] = {flows_lists_all, flows_describes_one, page_has_the_reference,
                                page_has_examples_that_parse};
  return program_main(argc, argv, "cli flows", NULL, tests, sizeof tests / sizeof *tests);
}
