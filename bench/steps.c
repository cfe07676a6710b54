/* SPDX-License-Identifier: MIT */
/* steps.c: whole training steps, densities and samples of flows of several sizes, through the
 * public calls that programs use. */
#include "bench.h"
#include <stdlib.h>

typedef struct flow_case {
  int32_t dim, hidden, depth; /* a kind nvp; or */
  const char *arch;           /* a composed flow; or */
  const char *preset;         /* a flow of images */
  int32_t size, channels;
  int32_t batch;
} flow_case;

typedef struct flow_state {
  clf_flow *flow;
  clf_trainer *trainer;
  clf_table table;
  clf_images *images;
  double *x; /* samples */
} flow_state;

/* ---- Flows and data ------------------------------------------------------------------- */

static clf_status make_composed(clf_device *dev, const char *text, clf_flow **flow) {
  clf_arch *arch;
  CLF_TRY(clf_arch_parse(text, &arch));
  const clf_status s = clf_flow_create_arch(dev, arch, 1, flow);
  clf_arch_free(arch);
  return s;
}

static clf_status make_flow(clf_device *dev, const flow_case *c, clf_flow **flow) {
  if (c->arch) return make_composed(dev, c->arch, flow);
  clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, c->dim);
  const clf_preset *preset;
  if (c->preset) {
    CLF_TRY(clf_preset_find(c->preset, &preset));
    spec = clf_preset_spec(preset, c->size, c->size, c->channels);
  } else {
    spec.hidden = c->hidden;
    spec.depth = c->depth;
  }
  spec.seed = 1;
  return clf_flow_create(dev, &spec, flow);
}

/* Test points: sums of three uniform numbers, which are nearly normal. */
static clf_status make_table(int64_t rows, int32_t dim, clf_table *t) {
  uint64_t seed = 88172645463325252ull;
  CLF_TRY(clf_table_new(rows, dim, t));
  for (int64_t i = 0; i < rows * dim; i++)
    t->at[i] = (double)(bench_random(&seed) + bench_random(&seed) + bench_random(&seed));
  return CLF_OK;
}

static clf_status make_images(const flow_case *c, int64_t n, clf_images **images) {
  char source[96];
  snprintf(source, sizeof source, "glyphs:n=%d,size=%d,channels=%d", (int)n, (int)c->size,
           (int)c->channels);
  CLF_TRY(clf_images_open(source, NULL, images));
  return clf_images_wait(*images);
}

/* ---- Training steps -------------------------------------------------------------------- */

enum { BATCHES = 100, BATCHES_LARGE = 8, LARGE = 1000 };

static clf_status make_data(flow_state *s, const flow_case *c, int64_t batches) {
  if (c->preset) return make_images(c, batches * c->batch, &s->images);
  return make_table(batches * c->batch, c->dim, &s->table);
}

static clf_status make_trainer(flow_state *s, const flow_case *c, int64_t epochs) {
  clf_train_options options = c->preset ? clf_train_options_images() : clf_train_options_default();
  options.batch = c->batch;
  options.lr = 1e-4;
  options.epochs = epochs;
  if (c->preset) return clf_trainer_create_images(s->flow, s->images, NULL, &options, &s->trainer);
  return clf_trainer_create(s->flow, &s->table, &options, &s->trainer);
}

static void free_trainer(flow_state *s) {
  clf_trainer_free(s->trainer);
  clf_table_free(&s->table);
  clf_images_free(s->images);
  s->trainer = NULL;
  s->images = NULL;
}

/* Runs a training of one step, including what its trainer does before it; then starts one that
 * continues for as long as samples are taken. */
static clf_status prepare_step(bench_run *run) {
  const flow_case *c = run->w->what;
  flow_state *s = run->state = calloc(1, sizeof *s);
  if (!s) return bench_fail(CLF_ENOMEM, "no memory");
  CLF_TRY(make_flow(run->dev, c, &s->flow));
  CLF_TRY(make_data(s, c, 1));
  const double begin = bench_clock();
  CLF_TRY(make_trainer(s, c, 1));
  CLF_TRY(clf_trainer_run(s->trainer, NULL, NULL));
  run->first = bench_clock() - begin;
  free_trainer(s);
  CLF_TRY(make_data(s, c, c->batch < LARGE && !c->preset ? BATCHES : BATCHES_LARGE));
  return make_trainer(s, c, 1 << 20);
}

typedef struct slice {
  double begin, end; /* clock at the call, and at the last report */
  int64_t steps;
} slice;

/* Reports come after losses were read, so the steps they count are complete. */
static int on_report(const clf_progress *p, void *context) {
  slice *s = context;
  s->steps += p->count;
  s->end = bench_clock();
  return s->end - s->begin > 0.1 && s->steps;
}

static clf_status sample_step(bench_run *run, double *seconds) {
  flow_state *s = run->state;
  slice part = {.begin = bench_clock()};
  const clf_status status = clf_trainer_run(s->trainer, on_report, &part);
  if (status != CLF_ESTOPPED) return status ? status : bench_fail(CLF_EINVAL, "training ended");
  *seconds = (bench_clock() - part.begin) / (double)part.steps;
  return CLF_OK;
}

static void finish(bench_run *run) {
  flow_state *s = run->state;
  if (!s) return;
  free_trainer(s);
  clf_flow_free(s->flow);
  free(s->x);
  free(s);
}

static const bench_kind step = {prepare_step, sample_step, finish};

/* ---- Samples --------------------------------------------------------------------------- */

static clf_status draw(bench_run *run, double *seconds) {
  const flow_case *c = run->w->what;
  flow_state *s = run->state;
  const double begin = bench_clock();
  CLF_TRY(clf_sample(s->flow, 1, 0, c->batch, s->x));
  *seconds = bench_clock() - begin;
  return CLF_OK;
}

static clf_status prepare_sample(bench_run *run) {
  const flow_case *c = run->w->what;
  flow_state *s = run->state = calloc(1, sizeof *s);
  if (!s) return bench_fail(CLF_ENOMEM, "no memory");
  CLF_TRY(make_flow(run->dev, c, &s->flow));
  s->x = calloc((size_t)c->batch * (size_t)clf_flow_get_spec(s->flow)->dim, sizeof *s->x);
  if (!s->x) return bench_fail(CLF_ENOMEM, "no memory for %d samples", (int)c->batch);
  return draw(run, &run->first);
}

static const bench_kind sample = {prepare_sample, draw, finish};

/* ---- Densities ------------------------------------------------------------------------- */

static clf_status evaluate(bench_run *run, double *seconds) {
  const flow_case *c = run->w->what;
  flow_state *s = run->state;
  const double begin = bench_clock();
  CLF_TRY(clf_log_prob(s->flow, s->table.at, c->batch, s->x));
  *seconds = bench_clock() - begin;
  return CLF_OK;
}

static clf_status prepare_density(bench_run *run) {
  const flow_case *c = run->w->what;
  flow_state *s = run->state = calloc(1, sizeof *s);
  if (!s) return bench_fail(CLF_ENOMEM, "no memory");
  CLF_TRY(make_flow(run->dev, c, &s->flow));
  CLF_TRY(make_data(s, c, 1));
  s->x = calloc((size_t)c->batch, sizeof *s->x);
  if (!s->x) return bench_fail(CLF_ENOMEM, "no memory for %d densities", (int)c->batch);
  return evaluate(run, &run->first);
}

static const bench_kind density = {prepare_density, evaluate, finish};

/* ---- The table ------------------------------------------------------------------------- */

/* A forward pass is two nets of two products for each coupling. A step takes three times as
 * much: the gradients with respect to inputs and to weights cost the same again each. */
#define NVP_(level_, group_, kind_, name_, flops_, D, H, L, N)                                     \
  {                                                                                                \
    .name = name_, .group = group_, .level = BENCH_##level_, .kind = &kind_,                       \
    .what = &(const flow_case){.dim = D, .hidden = H, .depth = L, .batch = N},                     \
    .flops = flops_ * N * D * H * L, .dense = 1, .unit = "samples", .items = N                     \
  }
#define STEP_NVP(level, D, H, L, N)                                                                \
  NVP_(level, BENCH_STEP, step, "step/nvp-" #D "-" #H "-" #L "-b" #N, 24.0, D, H, L, N)
#define SAMPLE_NVP(level, D, H, L, N)                                                              \
  NVP_(level, BENCH_SAMPLE, sample, "sample/nvp-" #D "-" #H "-" #L "-n" #N, 8.0, D, H, L, N)
#define IMAGES_(level_, group_, kind_, name_, preset_, S, C, N)                                    \
  {                                                                                                \
    .name = name_, .group = group_, .level = BENCH_##level_, .kind = &kind_,                       \
    .what = &(const flow_case){.preset = preset_, .size = S, .channels = C, .batch = N},           \
    .unit = "images", .items = N                                                                   \
  }
#define STEP_IMAGES(level, name, ...)                                                              \
  IMAGES_(level, BENCH_STEP, step, "step/realnvp-" name, __VA_ARGS__)
#define SAMPLE_IMAGES(level, name, ...)                                                            \
  IMAGES_(level, BENCH_SAMPLE, sample, "sample/realnvp-" name, __VA_ARGS__)

/* Composed flows with the sizes used by libraries: neural spline flows with couplings (also in
 * the size of the paper) and autoregressive; small and large masked autoregressive flows. */
#define NSF "8: (coupling(rq(bins=10, tail=3), resnet(50x2, relu)), lu)*5 -> normal"
#define NSF_AR "8: ar(rq(bins=8, tail=5, like=zuko), masked(50x2), order=$alt)*5 -> normal"
#define MAF                                                                                        \
  "8: (ar(affine(scale=softplus), made(50x2, tanh, residual=0)), perm(random))*5 -> normal"
#define MAF_LARGE                                                                                  \
  "43: (ar(affine(scale=softplus), made(512x2, tanh, residual=0)), perm(random))*5 -> normal"
#define NSF_LARGE "6: coupling(rq(bins=8, tail=3), resnet(256x2, relu))*10 -> normal"
#define COMPOSED(level_, group_, kind_, name_, arch_, D, N)                                        \
  {                                                                                                \
    .name = name_, .group = group_, .level = BENCH_##level_, .kind = &kind_,                       \
    .what = &(const flow_case){.arch = arch_, .dim = D, .batch = N}, .unit = "samples",            \
    .items = N, .flow = arch_                                                                      \
  }
#define STEP_OF(level, name, arch, D, N)                                                           \
  COMPOSED(level, BENCH_STEP, step, "step/" name "-b" #N, arch, D, N)
#define DENSITY_OF(level, name, arch, D, N)                                                        \
  COMPOSED(level, BENCH_DENSITY, density, "density/" name "-n" #N, arch, D, N)
#define SAMPLE_OF(level, name, arch, D, N)                                                         \
  COMPOSED(level, BENCH_SAMPLE, sample, "sample/" name "-n" #N, arch, D, N)

const bench_workload bench_steps[] = {
    STEP_NVP(QUICK, 2, 2, 4, 100),
    STEP_NVP(USUAL, 6, 128, 10, 1024),
    STEP_NVP(USUAL, 64, 512, 10, 4096),
    STEP_IMAGES(USUAL, "tiny8-b64", "tiny", 8, 1, 64),
    STEP_IMAGES(FULL, "imagenet32-b64", "imagenet32", 32, 3, 64),
    STEP_OF(QUICK, "nsf-8-50", NSF, 8, 200),
    STEP_OF(QUICK, "maf-8-50", MAF, 8, 200),
    STEP_OF(USUAL, "nsf-ar-8-50", NSF_AR, 8, 200),
    STEP_OF(USUAL, "maf-43-512", MAF_LARGE, 43, 100),
    STEP_OF(USUAL, "nsf-6-256", NSF_LARGE, 6, 512),
    DENSITY_OF(QUICK, "nsf-8-50", NSF, 8, 1),
    DENSITY_OF(USUAL, "maf-8-50", MAF, 8, 1),
    DENSITY_OF(USUAL, "nsf-ar-8-50", NSF_AR, 8, 1),
    DENSITY_OF(USUAL, "maf-43-512", MAF_LARGE, 43, 1),
    DENSITY_OF(USUAL, "nsf-6-256", NSF_LARGE, 6, 1),
    DENSITY_OF(QUICK, "nsf-8-50", NSF, 8, 10000),
    DENSITY_OF(QUICK, "maf-8-50", MAF, 8, 10000),
    DENSITY_OF(USUAL, "nsf-ar-8-50", NSF_AR, 8, 10000),
    DENSITY_OF(USUAL, "maf-43-512", MAF_LARGE, 43, 10000),
    DENSITY_OF(USUAL, "nsf-6-256", NSF_LARGE, 6, 10000),
    SAMPLE_OF(QUICK, "nsf-8-50", NSF, 8, 10000),
    SAMPLE_OF(QUICK, "maf-8-50", MAF, 8, 10000),
    SAMPLE_OF(USUAL, "nsf-ar-8-50", NSF_AR, 8, 10000),
    SAMPLE_OF(USUAL, "maf-43-512", MAF_LARGE, 43, 10000),
    SAMPLE_OF(USUAL, "nsf-6-256", NSF_LARGE, 6, 10000),
    SAMPLE_NVP(QUICK, 2, 2, 4, 100),
    SAMPLE_NVP(QUICK, 2, 2, 4, 10000),
    SAMPLE_NVP(USUAL, 6, 128, 10, 1024),
    SAMPLE_NVP(USUAL, 64, 512, 10, 4096),
    SAMPLE_IMAGES(USUAL, "tiny8-n64", "tiny", 8, 1, 64),
    SAMPLE_IMAGES(FULL, "imagenet32-n64", "imagenet32", 32, 3, 64),
    {0},
};
