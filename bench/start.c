/* SPDX-License-Identifier: MIT */
/* start.c: how long the program takes from its start to samples of a small model: first with
 * empty caches, as after an installation, then with what that left in them. */
#define _XOPEN_SOURCE 700
#include "bench.h"
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct start_state {
  char folder[64]; /* caches, the model, the samples */
} start_state;

static void place(const start_state *s, const char *name, char *path, size_t size) {
  snprintf(path, size, "%s/%s", s->folder, name);
}

/* Of the child: caches of clflow, pocl and CUDA, and of whatever keeps to XDG. */
static void become(const start_state *s, const char *device) {
  static const char *const caches[] = {"CLFLOW_CACHE_DIR", "POCL_CACHE_DIR", "CUDA_CACHE_PATH",
                                       "XDG_CACHE_HOME"};
  char path[96], model[96], out[96];
  for (size_t i = 0; i < sizeof caches / sizeof *caches; i++) {
    place(s, caches[i], path, sizeof path);
    setenv(caches[i], path, 1);
  }
  const int null = open("/dev/null", O_WRONLY);
  dup2(null, STDOUT_FILENO);
  dup2(null, STDERR_FILENO);
  place(s, "model.safetensors", model, sizeof model);
  place(s, "samples.npy", out, sizeof out);
  execl("/proc/self/exe", "clflow", "sample", model, "-n", "100", "--device", device, "--out", out,
        (char *)NULL);
  _exit(127);
}

static clf_status start(bench_run *run, double *seconds) {
  const start_state *s = run->state;
  int code;
  const double begin = bench_clock();
  const pid_t child = fork();
  if (child == 0) become(s, run->device);
  if (child < 0 || waitpid(child, &code, 0) != child)
    return bench_fail(CLF_EIO, "a process cannot be started");
  *seconds = bench_clock() - begin;
  if (!WIFEXITED(code) || WEXITSTATUS(code) != 0)
    return bench_fail(CLF_EIO, "`clflow sample --device %s` failed", run->device);
  return CLF_OK;
}

static clf_status save_model(const start_state *s) {
  char path[96];
  const clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, 2);
  clf_device *cpu;
  clf_flow *flow = NULL;
  place(s, "model.safetensors", path, sizeof path);
  CLF_TRY(clf_open("cpu", &cpu));
  clf_status status = clf_flow_create(cpu, &spec, &flow);
  if (!status) status = clf_flow_save(flow, path);
  clf_flow_free(flow);
  clf_close(cpu);
  return status;
}

static clf_status prepare(bench_run *run) {
  const char *tmp = getenv("TMPDIR");
  start_state *s = run->state = calloc(1, sizeof *s);
  if (!s) return bench_fail(CLF_ENOMEM, "no memory");
  snprintf(s->folder, sizeof s->folder, "%.40s/clflow-bench-XXXXXX", tmp && *tmp ? tmp : "/tmp");
  if (!mkdtemp(s->folder)) {
    s->folder[0] = '\0';
    return bench_fail(CLF_EIO, "no folder for caches can be made in %s", tmp ? tmp : "/tmp");
  }
  CLF_TRY(save_model(s));
  return start(run, &run->first);
}

static int drop(const char *path, const struct stat *at, int what, struct FTW *where) {
  (void)at, (void)what, (void)where;
  return remove(path);
}

static void finish(bench_run *run) {
  start_state *s = run->state;
  if (s && s->folder[0]) nftw(s->folder, drop, 8, FTW_DEPTH | FTW_PHYS);
  free(s);
}

static const bench_kind kind = {prepare, start, finish};

const bench_workload bench_starts[] = {
    {.name = "start/sample-nvp-2-2-4", .group = BENCH_START, .level = BENCH_QUICK, .kind = &kind},
    {0},
};
