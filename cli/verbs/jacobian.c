/* SPDX-License-Identifier: MIT */
/* jacobian.c: `clflow jacobian` checks the determinant that a model reports by brute force. */
#include "cli.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct {
  int64_t row, index; /* counted from 1 and from 0 */
  int json;
} o = {.index = -1};

static cli_option options[] = {
    CLI_OPERAND_MODEL,
    CLI_OPTION_DATA("choose from these rows"),
    CLI_OPTION("--row", "I", "take this row, counted from 1", CLI_COUNT, &o.row, "1"),
    CLI_OPTION_OLD("--index", "I", CLI_INDEX, &o.index),
    CLI_OPTION_GIVEN_ROWS,
    CLI_OPTION_JSON(&o.json, "print a JSON object"),
    CLI_OPTIONS_TABLE,
    CLI_OPTIONS_IMAGE_DATA,
    CLI_OPTIONS_MODEL,
    CLI_OPTIONS_END,
};

/* Whether PyTorch would print these in scientific notation. */
static int is_scientific(const double *J, int64_t count) {
  double minimum = INFINITY, maximum = 0;
  for (int64_t i = 0; i < count; i++) {
    const double size = fabs(J[i]);
    if (size == 0) continue;
    if (size < minimum) minimum = size;
    if (size > maximum) maximum = size;
  }
  return maximum > 0 && (maximum / minimum > 1000 || maximum > 1e8 || minimum < 1e-4);
}

/* Prints as PyTorch's print() does: four decimals, aligned columns. */
static void print_matrix(const double *J, int32_t dim) {
  const char *format = is_scientific(J, (int64_t)dim * dim) ? "%*.4e" : "%*.4f";
  int width = 0;
  for (int64_t i = 0; i < (int64_t)dim * dim; i++) {
    const int used = snprintf(NULL, 0, format, 0, J[i]);
    if (used > width) width = used;
  }
  for (int32_t i = 0; i < dim; i++) {
    fputs(i ? "        [" : "tensor([[", stdout);
    for (int32_t k = 0; k < dim; k++) {
      if (k) fputs(", ", stdout);
      printf(format, width, J[(int64_t)i * dim + k]);
    }
    puts(i + 1 < dim ? "]," : "]])");
  }
}

static int print_json(const double *J, int32_t dim, double logabsdet, double logdet) {
  json_t *rows = json_array();
  for (int32_t i = 0; rows && i < dim; i++) {
    if (json_array_append_new(rows, cli_json_numbers(J + (int64_t)i * dim, dim)) == 0) continue;
    json_decref(rows);
    rows = NULL;
  }
  if (!rows) return cli_json_print(NULL);
  return cli_json_print(json_pack("{s:I, s:I, s:o, s:o, s:o, s:o}", "row", (json_int_t)o.index + 1,
                                  "index", (json_int_t)o.index, "jacobian", rows, "log_abs_det",
                                  cli_json_number(logabsdet), "log_det", cli_json_number(logdet),
                                  "difference", cli_json_number(logdet - logabsdet)));
}

static int compute(cli_session *s) {
  if (o.index < 0) o.index = o.row - 1;
  if (o.index >= cli_row_count(s))
    return cli_fail("there is no row %" PRId64 " in %s, which has %" PRId64 " rows", o.index + 1,
                    cli_common.data, cli_row_count(s));
  const int32_t dim = clf_flow_get_spec(s->flow)->dim;
  const double *x, *c;
  int code = cli_rows(s, o.index, 1, &x);
  if (!code) code = cli_given_rows(s, o.index, 1, &c);
  if (code) return code;
  double *J = calloc((size_t)dim * (size_t)dim, sizeof *J), logabsdet, logdet;
  if (!J) return cli_fail("out of memory for a matrix of %d by %d", dim, dim);
  clf_flow_set_first_row(s->flow, o.index);
  const clf_status status = c ? clf_jacobian_given(s->flow, x, c, J, &logabsdet, &logdet)
                              : clf_jacobian(s->flow, x, J, &logabsdet, &logdet);
  if (status != CLF_OK) {
    code = cli_fail_library();
  } else if (o.json) {
    code = print_json(J, dim, logabsdet, logdet);
  } else {
    print_matrix(J, dim);
    printf("\nlog |det J|, by elimination  %.6f\n", logabsdet);
    printf("log-det, of the model        %.6f\n", logdet);
    printf("difference                   %.3g\n", logdet - logabsdet);
  }
  free(J);
  return code;
}

static int run(void) {
  cli_session s;
  int code = cli_session_open(&s);
  if (!code) code = compute(&s);
  cli_session_close(&s);
  return code;
}

const cli_verb cli_jacobian = {
    .name = "jacobian",
    .usage = "MODEL --data DATA [--row I] [options]",
    .purpose = "Print the Jacobian of f at a row, and check the log-determinant with it.",
    .examples = "clflow jacobian moons.safetensors --data moons:n=10 --row 4",
    .options = options,
    .run = run,
};
