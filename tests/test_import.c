/* SPDX-License-Identifier: MIT */
/* test_import.c: checkpoints of Python libraries compared with results of the libraries, on one
 * device:
 *   test_import DEVICE [FOLDER]
 * FOLDER (default: tests/import/fixtures) is written by tests/import/make_checkpoints.py. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/clflow.h"
#include "import/hostile.h"
#include "suite.h"

static clf_device *dev;
static int exact;
static const char *folder = CLF_FIXTURES;

/* ---- Cases --------------------------------------------------------------------------------- */

enum { MOST = 256 };
static struct entry { char name[64], form[16], hints[128]; } cases[MOST];
static int count;

/* "NAME FORM HINTS" in each line of list.txt. */
static void read_list(void) {
  char path[512], line[256];
  snprintf(path, sizeof path, "%s/list.txt", folder);
  FILE *f = fopen(path, "r");
  while (f && count < MOST && fgets(line, sizeof line, f)) {
    struct entry *e = &cases[count];
    line[strcspn(line, "\n")] = 0;
    if (sscanf(line, "%63s %15s %127[^\n]", e->name, e->form, e->hints) >= 2) count++;
  }
  if (f) fclose(f);
}

static clf_table array_of(const struct entry *e, const char *array) {
  char source[640];
  clf_table t;
  snprintf(source, sizeof source, "%s/%s.npz:%s", folder, e->name, array);
  ck_assert_msg(!clf_table_read(source, &t), "%s", clf_errmsg());
  return t;
}

/* Rows of the data, which of images are (N, C, H, W). */
static clf_table data_of(const struct entry *e, const char *array, const clf_flow *flow) {
  const clf_flow_spec *const spec = clf_flow_get_spec(flow);
  const clf_table_options o = {.height = spec->height,
                               .width = spec->width,
                               .channels = spec->channels,
                               .order = clf_flow_image_order(flow)};
  char source[640];
  clf_table t;
  ck_assert_int_eq(o.order, spec->height ? CLF_ORDER_NCHW : CLF_ORDER_AUTO);
  snprintf(source, sizeof source, "%s/%s.npz:%s", folder, e->name, array);
  ck_assert_msg(!clf_table_read_with(source, &o, &t), "%s", clf_errmsg());
  return t;
}

static clf_flow *open_case(const struct entry *e) {
  char path[640];
  clf_flow *flow;
  snprintf(path, sizeof path, "%s/%s.%s.pt", folder, e->name, e->form);
  ck_assert_msg(!clf_import(dev, path, e->hints, &flow, NULL), "%s", clf_errmsg());
  return flow;
}

/* ---- Values -------------------------------------------------------------------------------- */

/* Differences beyond the tolerance, relative to numbers beyond 1. */
static void expect(const struct entry *e, const char *what, const double *got,
                   const clf_table *want) {
  double largest = 0;
  int64_t worst = 0;
  for (int64_t i = 0; i < want->rows * want->cols; i++) {
    const double size = fabs(want->at[i]) > 1 ? fabs(want->at[i]) : 1;
    if (want->at[i] == -1e300 && got[i] == -INFINITY) continue; /* tables hold finite numbers */
    const double d = got[i] == want->at[i] ? 0 : fabs(got[i] - want->at[i]) / size;
    if (!(d <= largest)) largest = d, worst = i;
  }
  ck_assert_msg(largest <= (exact ? 1e-9 : 1e-5), "%s %s: %s: %.3g at %lld: %.9g here, %.9g there",
                e->name, e->form, what, largest, (long long)worst, got[worst], want->at[worst]);
}

static double *room(const clf_table *like) {
  double *v = malloc((size_t)(like->rows * like->cols) * sizeof *v);
  ck_assert_ptr_nonnull(v);
  return v;
}

START_TEST(density) {
  const struct entry *e = &cases[_i];
  clf_flow *flow = open_case(e);
  const int given = clf_flow_context(flow) > 0 && !clf_flow_observation(flow);
  clf_table x = data_of(e, "x", flow), logp = array_of(e, "logp"), c = {0};
  if (given) c = array_of(e, "context");
  double *got = room(&logp);
  WORKS(given ? clf_log_prob_given(flow, x.at, c.at, x.rows, got)
              : clf_log_prob(flow, x.at, x.rows, got));
  expect(e, "log p", got, &logp);
  free(got);
  clf_table_free(&x);
  clf_table_free(&c);
  clf_table_free(&logp);
  clf_flow_free(flow);
}
END_TEST

/* z of the first rows; and samples: rows with given latents. */
START_TEST(maps) {
  const struct entry *e = &cases[_i];
  clf_flow *flow = open_case(e);
  const int given = clf_flow_context(flow) > 0 && !clf_flow_observation(flow);
  clf_table x = data_of(e, "inverse", flow), z = array_of(e, "latents"), c = {0};
  if (given) c = array_of(e, "context");
  double *got = room(&x);
  WORKS(given ? clf_invert_given(flow, z.at, c.at, z.rows, got, NULL)
              : clf_invert(flow, z.at, z.rows, got, NULL));
  expect(e, "sample", got, &x);
  WORKS(given ? clf_transform_given(flow, x.at, c.at, z.rows, got, NULL)
              : clf_transform(flow, x.at, z.rows, got, NULL));
  expect(e, "z", got, &z);
  free(got);
  clf_table_free(&x);
  clf_table_free(&z);
  clf_table_free(&c);
  clf_flow_free(flow);
}
END_TEST

/* ---- Hints and reports --------------------------------------------------------------------- */

START_TEST(hints) {
  clf_import_hint_info h;
  clf_flow *flow;
  int n = 0;
  for (; clf_import_hint(n, &h); n++) ck_assert(*h.name && *h.help);
  ck_assert_int_gt(n, 10);
  ck_assert(!clf_import_hint(-1, &h));
  REFUSED(clf_import_memory(dev, "x", 1, "tial=3", &flow, NULL), CLF_EINVAL,
          "there is no hint \"tial\"; docs/import.md lists them");
  REFUSED(clf_import_memory(dev, "x", 1, "act=relu6", &flow, NULL), CLF_EINVAL,
          "the hint act is one of relu|leaky|tanh|elu|silu|gelu|sigmoid|softplus, not \"relu6\"");
  REFUSED(clf_import_memory(dev, "x", 1, "tail", &flow, NULL), CLF_EINVAL,
          "the hint tail has no value");
  REFUSED(clf_import_memory(dev, "no checkpoint", 13, "tail=3, strict", &flow, NULL), CLF_EFORMAT,
          "it is no checkpoint: neither a file of torch.save() nor safetensors");
}
END_TEST

/* A hint that changes nothing is a mistake of its user. */
START_TEST(hints_without_use) {
  static const char *const rows[][3] = {
      {"zuko_maf.state.pt", "act=relu, tail=3", "this flow does not need the hint tail"},
      {"nflows_nsf.state.pt", "tail=3, clamp=2", "this flow does not need the hint clamp"},
      {"nflows_nsf.state.pt", "tail=3, gaps=logit",
       "the hint gaps has words that no layer without tensors needs: logit"},
      {"nflows_nsf.whole.pt", "like=lecture, tail=3", "this flow does not need the hint tail"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char path[640];
    clf_flow *flow;
    snprintf(path, sizeof path, CLF_FIXTURES "/%s", rows[i][0]);
    const clf_status s = clf_import(dev, path, rows[i][1], &flow, NULL);
    ck_assert_msg(s == CLF_EFORMAT && strstr(clf_errmsg(), rows[i][2]), "%s", clf_errmsg());
  }
}
END_TEST

/* Circular dimensions of couplings in a file of tensors alone: dimensions 0 and 3 of the fixture.
 */
START_TEST(circular) {
  char path[640], *report;
  clf_flow *flow;
  snprintf(path, sizeof path, CLF_FIXTURES "/normflows_mixed.state.pt");
#define HINT(text) clf_import(dev, path, "tail=2.5, circular=" text, &flow, NULL)
  static const char *const right[] = {"0+3", "0 + 3", "0+3, 0+3"};
  for (int i = 0; i < 3; i++) {
    char given[64];
    snprintf(given, sizeof given, "tail=2.5, circular=%s", right[i]);
    WORKS(clf_import(dev, path, given, &flow, &report));
    ck_assert_ptr_null(strstr(report, "circular"));
    free(report);
    clf_flow_free(flow);
  }
  WORKS(clf_import(dev, path, "tail=2.5", &flow, &report));
  ck_assert_ptr_nonnull(strstr(report, "circular=0+3 is assumed: the file does not say"));
  free(report);
  clf_flow_free(flow);
#define SAYS(text, sentence)                                                                       \
  ck_assert_int_eq(HINT(text), CLF_EFORMAT);                                                       \
  ck_assert_ptr_nonnull(strstr(clf_errmsg(), sentence))
  SAYS("0", "flows.0.prqct: the hint circular does not agree with its net, for which dimension 3 "
            "is an angle");
  SAYS("0-4", "flows.1.prqct: the hint circular does not agree with its net, for which dimension 2 "
              "is no angle");
  SAYS("none", "does not agree with its net");
  SAYS("0+9", "the hint circular is \"0+9\"; dimensions from 0 to 4 are wanted, as 0+3");
  SAYS("-1", "the hint circular is \"-1\"");
  SAYS("3-0", "the hint circular is \"3-0\"");
  ck_assert_int_eq(clf_import(dev, path, "strict", &flow, NULL), CLF_EFORMAT);
  ck_assert_ptr_nonnull(strstr(clf_errmsg(), "give it, as circular=0+3"));
#undef SAYS
#undef HINT
}
END_TEST

/* Files of clf_export_pytorch(): the reader of checkpoints reads the state_dict; images are
 * refused. */
START_TEST(pytorch) {
  clf_arch *arch;
  clf_flow *flow, *again;
  size_t size;
  WORKS(clf_arch_parse("2: lu, coupling(affine, mlp(3x1)) -> normal", &arch));
  WORKS(clf_flow_create_arch(dev, arch, 1, &flow));
  WORKS(clf_export_pytorch(flow, "test_import_flow"));
  char *module = read_file("test_import_flow.py", &size);
  ck_assert_ptr_nonnull(strstr(module, "from test_import_flow import Flow"));
  ck_assert_ptr_nonnull(strstr(module, "    \"layers.1.mask\",\n"));
  ck_assert_ptr_nonnull(strstr(module, "class Flow(nn.Module):"));
  ck_assert_int_eq(clf_import(dev, "test_import_flow.pt", NULL, &again, NULL), CLF_ENOTSUP);
  ck_assert_ptr_nonnull(strstr(clf_errmsg(), "its first module is layers"));
  free(module);
  suite_remove("test_import_flow.py");
  suite_remove("test_import_flow.pt");
  clf_flow_free(flow);
  clf_arch_free(arch);
  WORKS(clf_arch_parse("2x2x1: conv1x1 -> normal", &arch));
  WORKS(clf_flow_create_arch(dev, arch, 1, &flow));
  REFUSED(clf_export_pytorch(flow, "test_import_flow"), CLF_ENOTSUP,
          "flows of images cannot be exported to PyTorch");
  clf_flow_free(flow);
  clf_arch_free(arch);
}
END_TEST

int main(int argc, char **argv) {
  if (argc < 2 || argc > 3) return fprintf(stderr, "usage: test_import DEVICE [FOLDER]\n"), 2;
  if (argc == 3) folder = argv[2];
  if (clf_open(argv[1], &dev)) return fprintf(stderr, "%s\n", clf_errmsg()), 1;
  exact = strstr(argv[1], "64") != NULL;
  read_list();
  if (!count) return fprintf(stderr, "%s has no list.txt\n", folder), 1;
  Suite *suite = suite_create("import");
  TCase *t = tcase_create("import");
  tcase_set_timeout(t, 600);
  tcase_add_loop_test(t, density, 0, count);
  tcase_add_loop_test(t, maps, 0, count);
  tcase_add_test(t, hints);
  tcase_add_test(t, hints_without_use);
  tcase_add_test(t, circular);
  tcase_add_test(t, pytorch);
  hostile_device = dev;
  hostile_add(t);
  suite_add_tcase(suite, t);
  const int failed = suite_run(suite);
  clf_close(dev);
  return failed;
}
