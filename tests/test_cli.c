/* SPDX-License-Identifier: MIT */
/* test_cli.c: the program `clflow`: exit codes, output and files.  The tests are in cli/. */
#include "cli/values.h"
#include "program.h"

/* m.safetensors, a small model that most tests read. */
static void set_up(void) {
  succeeds("train --preset lecture --clip 10 --s-max 3 --data moons:n=200 --hidden 4 --depth 2 "
           "--epochs 3 "
           "--batch 50 --lr 0.02 --seed 7 "
           "--out m.safetensors",
           "mean log-likelihood  ");
}

static void add(TCase *tc) {
  tests_of_verbs(tc);
  tests_of_files(tc);
  tests_of_results(tc);
  tests_of_training(tc);
}

int main(int argc, char **argv) { return program_main_with(argc, argv, "cli", set_up, add); }
