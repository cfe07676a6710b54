/* SPDX-License-Identifier: MIT */
/* tune.c: `clflow tune` measures which algorithms are fastest on a device and saves the choice. */
#define _POSIX_C_SOURCE 200809L
#include "tune.h"
#include "clflow/tune.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- The table -------------------------------------------------------------------------- */

typedef struct results {
  clf_tuned *at;
  char (*calls)[384]; /* descriptions of the calls */
  int count;
} results;

static void show_progress(const clf_tuned *t) {
  char line[128];
  if (!isatty(STDERR_FILENO)) return;
  snprintf(line, sizeof line, "tuning %d of %d: %.70s", t->index, t->total, t->call);
  cli_progress_draw(line);
}

/* If there is no memory for the table, the choice is still saved. */
static void collect(const clf_tuned *t, void *context) {
  results *r = context;
  if (t->count == 0) {
    show_progress(t);
    return;
  }
  if (!r->at) {
    r->at = calloc((size_t)t->total, sizeof *r->at);
    r->calls = calloc((size_t)t->total, sizeof *r->calls);
  }
  if (!r->at || !r->calls) return;
  snprintf(r->calls[r->count], sizeof r->calls[0], "%s", t->call);
  r->at[r->count] = *t;
  r->at[r->count].call = r->calls[r->count];
  r->count++;
}

static double usual_seconds(const clf_tuned *t) {
  for (int i = 0; i < t->count; i++)
    if (t->way[i].verdict == CLF_WAY_USUAL) return t->way[i].seconds;
  return 0;
}

static void print_algorithm(const clf_tuned *t, int i) {
  const double seconds = t->way[i].seconds, usual = usual_seconds(t);
  char rate[32] = "-", ratio[32] = "-", note[300] = "";
  if (seconds > 0 && t->flops > 0) snprintf(rate, sizeof rate, "%.1f", t->flops / seconds * 1e-9);
  if (seconds > 0 && usual > 0) snprintf(ratio, sizeof ratio, "%.2f", usual / seconds);
  if (t->way[i].verdict == CLF_WAY_USUAL) snprintf(note, sizeof note, "  default");
  if (t->way[i].verdict == CLF_WAY_WRONG)
    snprintf(note, sizeof note, "  wrong: %s", cli_clean(t->way[i].why));
  if (t->way[i].verdict == CLF_WAY_FAILED)
    snprintf(note, sizeof note, "  failed: %s", cli_clean(t->way[i].why));
  printf("  %c %-14s %10.3f %10s %8s%s\n", i == t->best ? '*' : ' ', t->way[i].name, 1e3 * seconds,
         rate, ratio, note);
}

static void print_table(const results *r) {
  int chosen = 0;
  double usual = 0, best = 0;
  printf("%-18s %10s %10s %8s\n", "    algorithm", "ms", "GFLOP/s", "speedup");
  for (int k = 0; k < r->count; k++) {
    const clf_tuned *t = &r->at[k];
    printf("%s, %" PRId64 " %s\n", t->call, t->calls, t->calls == 1 ? "call" : "calls");
    for (int i = 0; i < t->count; i++) print_algorithm(t, i);
    chosen += t->way[t->best].verdict == CLF_WAY_FASTER;
    usual += (double)t->calls * usual_seconds(t);
    best += (double)t->calls * t->way[t->best].seconds;
  }
  printf("\n%d of %d shapes run faster with another algorithm than the default", chosen, r->count);
  if (best > 0) printf("; all these calls took %.3f ms, now %.3f", 1e3 * usual, 1e3 * best);
  puts("");
}

static int run(void) {
  const int model = cli_common.model != NULL;
  if (model && cli_tuning.shapes) return cli_usage("--shapes and a model exclude each other");
  results r = {0};
  int kept = 0;
  const int bad = model || !cli_tuning.flow ? CLI_OK : cli_tune_read_flow();
  if (bad) return bad;
  const clf_status s =
      clf_tune(cli_common.device, cli_tuning.shapes ? cli_tune_shapes : cli_tune_flow, NULL,
               collect, &r, &kept);
  cli_progress_clear();
  int code = s ? cli_fail_library() : CLI_OK;
  if (!s && r.count == 0)
    puts("nothing to choose: none of these operations has several algorithms on this device");
  else if (!s)
    print_table(&r);
  if (!s && !kept)
    code = cli_fail("the choices could not be saved: there is no cache folder to write to "
                    "(CLFLOW_CACHE_DIR)");
  free(r.at);
  free(r.calls);
  clf_arch_free(cli_tuning.arch);
  return code;
}

const cli_verb cli_tune = {
    .name = "tune",
    .usage = "[MODEL] [--shapes FILE] [options]",
    .purpose = "Find the fastest algorithms on a device, and remember them.",
    .details =
        "Operations that have several algorithms are timed with each of them, on the shapes of a "
        "training step and of sampling, and compared with cpu64. The fastest ones are stored in "
        "the cache folder (CLFLOW_CACHE_DIR) for this device, driver and version, and are used "
        "from then on. Results then differ from earlier ones in their last digits.",
    .examples = "clflow tune wine.flow --device opencl",
    .options = cli_tune_options,
    .run = run,
};
