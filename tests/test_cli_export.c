/* SPDX-License-Identifier: MIT */
/* test_cli_export.c: `clflow export`, as a user would use it: the file is compiled with a program
 * of a few lines, which draws the samples of `clflow sample`. */
#define _GNU_SOURCE
#include "program.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clflow/data.h"

static void files(void) {
  release(run("train --device cpu --data moons:n=300 --epochs 5 --hidden 8 --out m.safetensors"));
  release(run("train --device cpu --flow realnvp --data glyphs:n=8,size=8 --preset tiny --batch 8 "
              "--steps 1 --out images.safetensors"));
}

static void compile(const char *command) {
  const int code = system(command);
  ck_assert_msg(code == 0, "%s ends with %d", command, code);
}

/* Rows of x0, x1, log p, as the exported file has them. */
START_TEST(samples_and_densities) {
  clf_table x, p, own;
  write_text("main.c", "#define moons_DECLARATIONS_ONLY\n#include \"m.c\"\n#include <stdio.h>\n"
                       "int main(void) {\n  uint64_t i;\n  for (i = 5; i < 15; i++) {\n"
                       "    double x[moons_dim];\n    moons_sample(4, i, x);\n"
                       "    printf(\"%.17g,%.17g,%.17g\\n\", x[0], x[1], moons_log_prob(x));\n"
                       "  }\n  return 0;\n}\n");
  succeeds("export m.safetensors --c m.c --name moons", "");
  compile(CLF_CC " -std=c99 main.c m.c -o own -lm && ./own >own.csv");
  succeeds("sample m.safetensors --device cpu64 -n 10 --seed 4 --first 5 --out x.csv", "");
  succeeds("log-prob m.safetensors --device cpu64 --data x.csv --out p.csv", "");
  WORKS(clf_table_read("own.csv", &own));
  WORKS(clf_table_read("x.csv", &x));
  WORKS(clf_table_read("p.csv", &p));
  ck_assert_int_eq(own.rows, 10);
  for (int i = 0; i < 10; i++) {
    for (int d = 0; d < 2; d++) ck_assert_double_eq_tol(own.at[3 * i + d], x.at[2 * i + d], 1e-8);
    ck_assert_double_eq_tol(own.at[3 * i + 2], p.at[i], 1e-6); /* of rows with fewer digits */
  }
  clf_table_free(&own);
  clf_table_free(&x);
  clf_table_free(&p);
}
END_TEST

START_TEST(some_functions_in_float) {
  succeeds("export m.safetensors --c f.c --float --only log-prob,sample", "");
  compile("grep -q 'float density_log_prob(const float x\\[2\\]);' f.c && ! grep -q "
          "density_inverse f.c");
  compile("grep -q density_sample f.c && ! grep -q double f.c");
}
END_TEST

START_TEST(refusals) {
  refuses(2, "export m.safetensors", "give --c FILE or --pytorch NAME to write");
  refuses(
      2, "export m.safetensors --c n.c --only log-prob,all",
      "--only: there is no function \"all\"; there are log-prob, transform, inverse and sample");
  refuses(1, "export m.safetensors --c n.c --name 2d", "\"2d\" is not a name for C functions");
  refuses(1, "export images.safetensors --c n.c", "only flows of vectors are exported");
  write_text("own_work.c", "int main(void) { return 0; }\n");
  const result r = run("export m.safetensors --c own_work.c");
  expect_code("export", &r, 2);
  expect_text("export", "stderr", r.err,
              "own_work.c exists and is not a file of `clflow export`; give another name");
  release(r);
  succeeds("export m.safetensors --c m2.c", "");
  succeeds("export m.safetensors --c m2.c", ""); /* its own kind is replaced */
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const tests[] = {samples_and_densities, some_functions_in_float, refusals};
  return program_main(argc, argv, "cli_export", files, tests, sizeof tests / sizeof *tests);
}
