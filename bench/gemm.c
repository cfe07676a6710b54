/* SPDX-License-Identifier: MIT */
/* gemm.c: matrix products of flows and squares, by every way that a device has, against the
 * processor's peak:
 *   bench_gemm [--shapes N] DEVICE... */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "backend.h"
#include "cases.h"

#define GEMM(...)                                                                                  \
  &(const clf_gemm_args) { .alpha = 1, __VA_ARGS__ }
#define MNK(M, N, K) .a = DIM(M, K), .b = DIM(K, N), .c = DIM(M, N)

static const clf_case shapes[] = {
    CASE("256", GEMM(MNK(256, 256, 256))),
    CASE("512", GEMM(MNK(512, 512, 512))),
    CASE("512 a^T", GEMM(MNK(512, 512, 512), .ta = 1)),
    CASE("512 b^T", GEMM(MNK(512, 512, 512), .tb = 1)),
    CASE("1024", GEMM(MNK(1024, 1024, 1024))),
    CASE("4096x512x64", GEMM(.a = DIM(4096, 64), .b = DIM(512, 64), .bias = DIM(512),
                             .c = DIM(4096, 512), .tb = 1, .act = 1)),
    CASE("4096x64x512", GEMM(.a = DIM(4096, 512), .b = DIM(64, 512), .bias = DIM(64),
                             .c = DIM(4096, 64), .tb = 1)),
    CASE("512x64x4096", GEMM(.a = DIM(4096, 512), .b = DIM(4096, 64), .c = DIM(512, 64), .ta = 1)),
    CASE("4096x64x512 b", GEMM(MNK(4096, 64, 512))),
    CASE("1024x128x6", GEMM(.a = DIM(1024, 6), .b = DIM(128, 6), .bias = DIM(128),
                            .c = DIM(1024, 128), .tb = 1, .act = 1)),
    CASE("1024x6x128",
         GEMM(.a = DIM(1024, 128), .b = DIM(6, 128), .bias = DIM(6), .c = DIM(1024, 6), .tb = 1)),
    CASE("128x6x1024", GEMM(.a = DIM(1024, 128), .b = DIM(1024, 6), .c = DIM(128, 6), .ta = 1)),
    CASE("6x128x1024", GEMM(.a = DIM(1024, 6), .b = DIM(1024, 128), .c = DIM(6, 128), .ta = 1)),
};

static double flops(const clf_gemm_args *g) {
  return 2.0 * g->c.dim[0] * g->c.dim[1] * g->a.dim[g->ta ? 0 : 1];
}

/* ---- The peak: chains of multiply-adds in registers, on all threads ---------------------- */

#ifdef __AVX512F__
enum { LANES = 16, CHAINS = 24 };
#else
enum { LANES = 8, CHAINS = 12 };
#endif
enum { ROUNDS = 120000000 / LANES };
typedef float vec __attribute__((vector_size(LANES * 4)));

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float chains(float start) {
  vec sum[CHAINS], x = {0}, y = {0};
  for (int i = 0; i < CHAINS; i++) sum[i] = x + start;
  x += 0.999f + 1e-6f * start;
  y += start;
  for (int round = 0; round < ROUNDS; round++)
#pragma GCC unroll 24
    for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] * x + y;
  float total = 0;
  for (int i = 0; i < CHAINS; i++) total += sum[i][0];
  return total;
}

static double peak(void) {
  double best = 0;
  float total = 0;
  for (int turn = 0; turn < 5; turn++) {
    int threads = 1;
    const double begin = now();
#ifdef _OPENMP
    threads = 0;
#pragma omp parallel reduction(+ : total, threads)
    threads++, total += chains(1e-3f);
#else
    total += chains(1e-3f);
#endif
    const double rate = 2.0 * CHAINS * LANES * (double)ROUNDS * threads / (now() - begin) * 1e-9;
    if (rate > best) best = rate;
  }
  return total == 0 ? 0 : best;
}

/* ---- Ways ------------------------------------------------------------------------------- */

static clf_status time_way(clf_device *dev, const clf_case *c, int way, double most) {
  double seconds[2];
  const struct clf_traits *traits;
  dev->forced = way + 1;
  CLF_TRY(clf__time_case(dev, CLF_OP_gemm, c, 9, seconds));
  const double rate = flops(c->args) / seconds[0] * 1e-9;
  printf("%-14s %-24.24s %-10s %9.3f %9.2f %6.1f %%\n", c->label, clf_device_name(dev),
         dev->backend->ways(dev, CLF_OP_gemm, &traits)[way].name, seconds[0] * 1e3, rate,
         100 * rate / most);
  fflush(stdout);
  return CLF_OK;
}

/* Whether way i takes the shape as clf__time_case() lays it out, dense. */
static int takes(const clf_device *dev, const clf_case *c, int way) {
  clf_gemm_args g = *(const clf_gemm_args *)c->args;
  clf_tensor *t[] = {&g.a, &g.b, &g.c};
  for (int i = 0; i < 3; i++) {
    t[i]->stride[0] = t[i]->dim[1];
    t[i]->stride[1] = 1;
  }
  return clf__way_takes(dev, CLF_OP_gemm, way, &g);
}

static clf_status bench(const char *where, const char *only, double most) {
  clf_device *dev;
  CLF_TRY(clf_open(where, &dev));
  clf_status s = CLF_OK;
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes && !s; i++)
    for (int way = 0; way < clf__way_count(dev, CLF_OP_gemm) && !s; way++)
      if ((!only || strstr(shapes[i].label, only)) && takes(dev, &shapes[i], way))
        s = time_way(dev, &shapes[i], way, most);
  clf_close(dev);
  return s;
}

int main(int argc, char **argv) {
  const int skip = argc > 2 && strcmp(argv[1], "--shapes") == 0 ? 2 : 0;
  if (argc - skip < 2) {
    fprintf(stderr, "usage: bench_gemm [--shapes TEXT] DEVICE...\n");
    return 2;
  }
  const double most = peak();
  printf("peak %.1f GFLOP/s\n%-14s %-24s %-10s %9s %9s\n", most, "M x N x K", "device", "way", "ms",
         "GFLOP/s");
  for (int d = 1 + skip; d < argc; d++)
    if (bench(argv[d], skip ? argv[2] : NULL, most)) {
      fprintf(stderr, "bench_gemm: %s: %s\n", argv[d], clf_errmsg());
      return 1;
    }
  return 0;
}
