/* SPDX-License-Identifier: MIT */
/* compiled.h: shared by the tests of exported C: flows, rows, and files that are compiled. */
#ifndef CLF_COMPILED_H
#define CLF_COMPILED_H
#include <stdint.h>
#include "clflow/clflow.h"
#include "clflow/export.h"
#include "compose/draw.h"
#include "export/disturb.h"
#include "flow_private.h"
#include "suite.h"

enum { ROWS = 8, SIZE = 512 };

extern clf_device *dev;
extern char folder[]; /* of the test; removed at its end */
static const char warnings[] = "-pedantic -Wall -Wextra -Wconversion -Werror -ffp-contract=off";

typedef struct rows { /* of one flow */
  int dim, context;
  double *x, *c;
  const char *text;
} rows;

/* Runs a shell command, which must succeed. */
void run(const char *command);
/* Exports the flow, compiles the file as `language` ("c -std=c99"), and compares densities, latents
 * and samples of the rows with cpu64. */
void check_file(clf_flow *f, const rows *r, int single, const char *language);

/* ---- Flows that use every function -------------------------------------------------------------
 */

enum { SCALED = 1, NAMED = 2, ON_GRID = 4, UNFUSED = 8, LIMITED = 16 };
struct flow {
  const char *text, *language;
  int single, also;
};
enum { FLOWS = 17 };
extern const struct flow flows[FLOWS];

/* A flow with random weights. */
clf_flow *flow_of(const char *text, uint64_t seed);
/* Gives it what `also` names: SCALED, NAMED, ... */
void dress(clf_flow *f, int also);
/* Rows and contexts for comparisons; the caller frees both. */
void find_rows(clf_flow *f, rows *q);

#endif
