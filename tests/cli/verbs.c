/* SPDX-License-Identifier: MIT */
/* verbs.c: help, options and their errors, devices. */
#define _GNU_SOURCE
#include "cli.h" /* the list of verbs */
#include <stdio.h>
#include <string.h>
#include "cli/values.h"
#include "program.h"

static const char *const verbs[] = {
#define CLI_X(name) #name,
    CLI_VERB_MAP(CLI_X)
#undef CLI_X
};

/* `clflow --help` has one line for each verb and no other, and each verb has a help. */
START_TEST(test_help) {
  enum { VERBS = sizeof verbs / sizeof *verbs };
  result r = run("--help");
  ck_assert_int_eq(r.code, 0);
  for (int i = 0; i < VERBS; i++) {
    char name[32], command[64], usage[64];
    snprintf(name, sizeof name, "%s", verbs[i]);
    for (char *c = name; *c; c++)
      if (*c == '_') *c = '-';
    snprintf(command, sizeof command, "\n  %-11s  ", name);
    expect_text("--help", "stdout", r.out, command);
    snprintf(command, sizeof command, "%s --help", name);
    snprintf(usage, sizeof usage, "usage: clflow %s ", name);
    succeeds(command, usage);
    succeeds(command, "\nExamples:\n  clflow ");
  }
  const char *list = strstr(r.out, "\n\n  fit ");
  ck_assert_ptr_nonnull(list);
  const char *end = strstr(list + 2, "\n\n");
  ck_assert_ptr_nonnull(end);
  ck_assert_int_eq(lines(list + 2) - lines(end + 1), VERBS);
  release(r);
  succeeds("--version", "clflow 0.");
  succeeds("-V", "clflow 0.");
  succeeds("train --help",
           "  --batch N               use this many rows in a step (default 256; 64 for");
  succeeds("train -h",
           "\n  -o, --out FILE          write the model to this file, as safetensors\n");
  succeeds("help train", "usage: clflow train ");
  succeeds("help data", "\n  pinwheel              2 columns\n  meters                a household");
  succeeds("help targets", "\n  funnel                x0 ~ N(0, scale^2)");
  succeeds("help environment", "\n  CLFLOW_DEVICE         device to use");
  succeeds("help --man eval", "\n.Dt CLFLOW-EVAL 1\n");
  refuses(2, "help evla", "clflow: help: there is no verb evla; did you mean eval?");
  refuses(2, "help --man data", "--man takes a verb; topics are part of clflow(1)");
  refuses(2, "help eval --completion zsh", "--completion takes no word");
}
END_TEST

/* "-" prints text files, and nothing else is printed there; other files need a name. */
START_TEST(test_stdout) {
  const struct {
    const char *command, *begin;
  } prints[] = {
      {"report m.safetensors --data moons:n=60 -o -", "<!doctype html>\n"},
      {"train --data moons:n=60 --epochs 1 -o log.safetensors --log -", "{\"first_step\":0,"},
      {"bench --device cpu --quick --ops gemm* --time 0.01 --json", "{\n \"clflow_bench\""},
      {"bench --device cpu --quick --ops gemm* --time 0.01 --csv -", "name,group,"},
  };
  for (size_t i = 0; i < sizeof prints / sizeof *prints; i++) {
    result r = run(prints[i].command);
    expect_code(prints[i].command, &r, 0);
    ck_assert_msg(strncmp(r.out, prints[i].begin, strlen(prints[i].begin)) == 0, "%s: %.60s",
                  prints[i].command, r.out);
    release(r);
  }
  const char *why = "--out takes the name of a file; standard output takes only text";
  refuses(2, "train --data moons -o -", why);
  refuses(2, "fit moons -o -", why);
  refuses(2, "plot m.safetensors -o -", why);
}
END_TEST

START_TEST(test_words) {
  result r = run("");
  ck_assert_int_eq(r.code, 2);
  expect_text("", "stderr", r.err, "usage: clflow VERB");
  release(r);
  refuses(2, "trian", "clflow: there is no verb trian; did you mean train?");
  refuses(2, "xyzzy", "clflow: there is no verb xyzzy; `clflow --help` lists the verbs");
  refuses(2, "train --epoch 3",
          "clflow: train: there is no option --epoch; did you mean --epochs?");
  refuses(2, "train --epoch=3", "there is no option --epoch; did you mean --epochs?");
  refuses(2, "train --xyzzyx 3", "there is no option --xyzzyx; `clflow train --help` lists them");
  refuses(2, "train --data moons", "--out is missing; usage: clflow train --data DATA --out FILE");
  refuses(2, "train --out", "--out needs a value: --out FILE");
  refuses(2, "train --out --data moons", "--out needs a value");
  refuses(2, "eval --data moons", "MODEL is missing");
  refuses(2, "eval m.safetensors more --data moons", "unexpected argument \"more\"");
  refuses(2, "eval m.safetensors --json=yes --data moons", "--json takes no value, got \"yes\"");
}
END_TEST

START_TEST(test_numbers) {
#define TRAIN "train --data moons --out never.safetensors "
#define T "clflow: train: "
  refuses(2, TRAIN "--batch 0", T "--batch takes a whole number from 1, got \"0\"\n");
  refuses(2, TRAIN "--batch=-5", T "--batch takes a whole number from 1, got \"-5\"\n");
  refuses(2, TRAIN "--batch 1e3", T "--batch takes a whole number from 1, got \"1e3\"\n");
  refuses(2, TRAIN "--batch 2147483648",
          T "--batch takes a whole number from 1 to 2147483647, got \"2147483648\"\n");
  refuses(2, TRAIN "--epochs 99999999999999999999",
          T "--epochs takes a whole number from 1 to 9223372036854775807, got ");
  refuses(2, TRAIN "--lr nan", T "--lr takes a number above 0, got \"nan\"\n");
  refuses(2, TRAIN "--lr inf", T "--lr takes a number above 0, got \"inf\"\n");
  refuses(2, TRAIN "--lr 0", T "--lr takes a number above 0, got \"0\"\n");
  refuses(2, TRAIN "--lr 0.1x", T "--lr takes a number above 0, got \"0.1x\"\n");
  refuses(2, TRAIN "--lr=", T "--lr takes a number above 0, got \"\"\n");
  refuses(2, TRAIN "--valid-split 1",
          T "--valid-split takes a number from 0 and below 1, got \"1\"");
  refuses(2, TRAIN "--s-max -1", T "--s-max takes a number from 0, got \"-1\"\n");
  refuses(2, TRAIN "--xmin 1e999", T "--xmin takes a number, got \"1e999\"\n");
  refuses(2, TRAIN "--seed 18446744073709551616", T "--seed takes a whole number from 0 to 1844");
  refuses(2, TRAIN "--flow glof", T "there is no preset \"glof\"; there are tiny lecture ");
  refuses(2, TRAIN "--bins 5", T "--bins has no meaning for the preset nvp\n");
  refuses(2, "sample m.safetensors -n 0 --out -", "sample: -n takes a whole number from 1");
#undef T
#undef TRAIN
}
END_TEST

START_TEST(test_devices) {
  succeeds("devices --no-test", "self-test");
  json_t *list = json_of("devices --json --no-test");
  const json_t *cpu = NULL;
  for (size_t i = 0; i < json_array_size(list) && !cpu; i++) {
    const json_t *device = json_array_get(list, i);
    if (strcmp(json_string_value(json_object_get(device, "name")), "cpu") == 0) cpu = device;
  }
  ck_assert_msg(cpu != NULL, "cpu is not among the devices");
  ck_assert(json_is_null(json_object_get(cpu, "self_test")));
  ck_assert_int_ge(integer_at(cpu, "units"), 1);
  ck_assert_int_gt(integer_at(cpu, "memory"), 0);
  json_decref(list);
  refuses(1, "eval m.safetensors --data moons --device nothing", "nothing");
  refuses(1, "train --data moons --out never.safetensors --device opencl:99", "OpenCL");
}
END_TEST

/* check: and trace: report on stderr, check: also when all operations agree. */
START_TEST(wrapping_devices) {
  result r = run("eval m.safetensors --data moons:n=50 --device check:cpu");
  expect_code("eval", &r, 0);
  expect_text("eval", "stderr", r.err, "check: mlp_coupling_fwd ");
  expect_text("eval", "stderr", r.err, " operations agree with cpu64\n");
  release(r);
  r = run("sample m.safetensors -n 5 --out - --device trace:cpu");
  expect_code("sample", &r, 0);
  expect_text("sample", "stderr", r.err, "trace: mlp_coupling_inv                 1 ");
  expect_text("sample", "stderr", r.err, "trace: in all  ");
  release(r);
}
END_TEST

void tests_of_verbs(TCase *tc) {
  tcase_add_test(tc, test_help);
  tcase_add_test(tc, test_stdout);
  tcase_add_test(tc, test_words);
  tcase_add_test(tc, test_numbers);
  tcase_add_test(tc, test_devices);
  tcase_add_test(tc, wrapping_devices);
}
