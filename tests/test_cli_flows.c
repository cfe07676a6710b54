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

START_TEST(flow_without_its_columns) {
  refuses(2, "train --data moons --flow lu,lu->normal --out m",
          "--flow lu,lu->normal: an architecture begins with the number of columns, as \"3: "
          "lu,lu->normal\"");
}
END_TEST

START_TEST(flows_describes_one) {
  succeeds("flows --name coupling", "layer coupling\n");
  succeeds("flows --name coupling", "\n  net          net that reads the identity dimensions and "
                                    "the context (net;\n               required)\n");
  succeeds("flows --name rq", "\n  bins         bins (1 to 64; default 8)\n");
  succeeds("flows --name rq", "\n               zuko         softmax sizes");
  succeeds("flows --name perm", "(random, reverse, list; default random)\n");
  succeeds("flows --name columns", "layer columns\n");
  succeeds("flows --name columns", "base columns\n");
  succeeds("flows --name glowstep", "\n  stands for   (actnorm, perm, conv1x1, coupling("
                                    "$map, conv($width), mask=mid))\n");
  succeeds("flows --name maf", "\n  values       hidden=50, blocks=2, depth=5\n"
                               "  training     batch=200, lr=0.0005, clip=5\n");
  succeeds("flows --name tiny", "\n  values       scales=2, hidden=16, blocks=2\n");
  refuses(2, "flows --name copling",
          "there is no layer, map, net, base or preset \"copling\"; did "
          "you mean \"coupling\"?");
}
END_TEST

/* The page ends with the contents of the table. */
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

/* The examples of the page are valid flows. */
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
  ck_assert_int_eq(found, 11);
  free(page);
}
END_TEST

/* ---- clflow train --flow and --preset
 * ------------------------------------------------------------- */

#define DRY "train --dry-run --device cpu --data "
#define NVP(H, L)                                                                                  \
  "(coupling(affine(scale=tanh, clamp=3), mlp(" #H "x1, tanh, separate=1), mask=random, "          \
  "inputs=masked))*" #L " -> normal\n"

START_TEST(dry_run_prints_the_text) {
  succeeds(DRY "moons", "\narchitecture         2: standardize, " NVP(64, 8));
  succeeds(DRY "moons --preset nvp --hidden 5",
           "\narchitecture         2: standardize, " NVP(5, 8));
  succeeds(DRY "moons --flow nvp --depth 3 --no-standardize",
           "\narchitecture         2: " NVP(64, 3));
  succeeds(DRY "moons --flow nice",
           "\narchitecture         2: standardize, (coupling(add, mlp(64x1, tanh), mask=random, "
           "inputs=masked))*8, scale -> normal\n");
  succeeds(DRY "moons --preset lecture",
           "\narchitecture         2: (coupling(affine(scale=tanh), mlp(2x1, tanh, separate=1), "
           "mask=random, inputs=masked))*4 -> normal\n");
  succeeds(DRY "moons --flow nice --preset lecture",
           "\narchitecture         2: (coupling(add, mlp(2x1, tanh), mask=random, "
           "inputs=masked))*4, scale -> normal\n");
  succeeds(DRY "glyphs:n=9,size=4 --preset tiny --width 2 --scales 1",
           "\narchitecture         4x4x1: pixels, coupling(affine(scale=realnvp, first=1), "
           "convresnet(2x2, bn=1, like=realnvp), mask=checker), ");
}
END_TEST

START_TEST(flows_that_are_refused) {
#define T "clflow: train: "
  refuses(2, DRY "moons --flow 2:(coupling(add,mpl))*2->normal",
          T "flow text, character 17: there is no argument of coupling \"mpl\"; did you mean "
            "\"mlp\"?\n");
  refuses(2, DRY "moons --flow 3:lu->normal", T "the flow has 3 dimensions, moons has 2 columns\n");
  refuses(2, DRY "glyphs:n=9,size=4 --flow 16:lu->normal",
          T "the flow takes rows of 16 numbers, glyphs:n=9,size=4 holds images; its text begins "
            "with the shape of images, as 32x32x3:\n");
  refuses(2, DRY "glyphs:n=9,size=4 --flow 4x4x3:->normal",
          T "the flow is of images of 4 x 4 x 3, those of glyphs:n=9,size=4 are 4 x 4 x 1\n");
  refuses(2, DRY "moons --flow glof", T "there is no preset \"glof\"; there are tiny lecture ");
  refuses(2, DRY "moons --flow 2:lu->normal --hidden 3",
          T "--hidden has no meaning for a flow that is given as text: it is part of the text\n");
  refuses(2, DRY "moons --flow 2:lu->normal --preset maf",
          T "--flow and --preset are both given: each is a whole flow; leave one out\n");
  refuses(2, DRY "moons --flow nvp --preset maf",
          T "--preset maf does not agree with --flow nvp\n");
  refuses(2, DRY "moons --flow nvp --preset nice",
          T "--preset nice does not agree with --flow nvp\n");
  refuses(2, DRY "moons --preset nvp(hidden=3)",
          T "pass the values of nvp as options, such as --hidden and --depth\n");
  refuses(2, DRY "moons --preset maf(hidden=3",
          T "--preset maf(hidden=3: the parenthesis is not "
            "closed\n");
  refuses(2, DRY "moons --preset maf --bins 3",
          T "preset maf has no value \"bins\"; did you mean \"blocks\"?\n");
  refuses(2, DRY "moons --preset glow",
          T "preset glow is for images, moons holds rows of numbers\n");
  refuses(2, DRY "glyphs:n=9,size=4 --preset maf",
          T "preset maf takes rows of numbers, glyphs:n=9,size=4 holds images\n");
  refuses(2, DRY "moons --flow 2:lu->normal --flip",
          T "--flip has no meaning for a flow of rows\n");
  refuses(2, DRY "moons --flow 2:lu->normal --l2 0.1",
          T "--l2 has no meaning for this flow: it applies to the trained factor of "
            "affine(scale=realnvp) and to the magnitudes of convresnet(like=realnvp); "
            "--weight-decay applies to all weights\n");
  succeeds(DRY "moons --flow 2:elementwise(affine(scale=realnvp))->normal --l2 0.1", "dry run ");
  refuses(1, DRY "moons --flow @absent.txt",
          T "absent.txt: cannot be read: No such file or directory\n");
  write_text("bad.txt", "2:\n  lu,\n  perm(revers)\n-> normal\n");
  refuses(1, DRY "moons --flow @bad.txt",
          T "bad.txt: flow text, line 3, character 8: there is no argument of perm \"revers\"; did "
            "you mean \"reverse\"?\n");
  write_text("bad.json", " {\"version\": 3}");
  refuses(1, DRY "moons --flow @bad.json",
          T "bad.json: flow JSON, version: it is 3; this clflow reads version 1\n");
  write_bytes("zero.txt", "2: \0lu", 6);
  refuses(1, DRY "moons --flow @zero.txt", T "zero.txt: this is not text: byte 4 is zero\n");
#undef T
}
END_TEST

START_TEST(info_prints_the_architecture) {
  succeeds("train --data moons:n=50 --epochs 1 --standardize --device cpu --out m.safetensors", "");
  succeeds("info m.safetensors --arch", "2: standardize, " NVP(64, 8));
  succeeds("info m.safetensors", "\nflow      2: standardize, " NVP(64, 8));
  succeeds("info m.safetensors --arch --json", "{\"version\":1,\"dim\":2,\"layers\":[{\"layer\":"
                                               "\"standardize\"},{\"repeat\":8,");
  succeeds("info m.safetensors --json", "\n  \"flow\": \"2: standardize, (coupling(affine(");
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const tests[] = {
      flows_lists_all,        flow_without_its_columns,     flows_describes_one,
      page_has_the_reference, page_has_examples_that_parse, dry_run_prints_the_text,
      flows_that_are_refused, info_prints_the_architecture};
  return program_main(argc, argv, "cli flows", NULL, tests, sizeof tests / sizeof *tests);
}
