/* SPDX-License-Identifier: MIT */
/* start.c: how long the program needs from its start to samples of a small model: first with
 * empty caches, as after an installation, then with the caches that the first run filled. */
#define _XOPEN_SOURCE 700
#include "bench.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

typedef struct start_state {
  char folder[256]; /* folder for caches, the model and the samples */
} start_state;
enum { PATH = 320 };

static void cache_path(const start_state *s, const char *name, char *path, size_t size) {
  snprintf(path, size, "%s/%s", s->folder, name);
}

/* Variables for the caches of clflow, pocl and CUDA, and of programs that follow XDG. */
static const char *const caches[] = {"CLFLOW_CACHE_DIR", "POCL_CACHE_DIR", "CUDA_CACHE_PATH",
                                     "XDG_CACHE_HOME"};
enum { CACHES = sizeof caches / sizeof *caches };

/* The child inherits this process's environment, so the caches are redirected here while it is
 * started. */
static void move_caches(const start_state *s, char *before[CACHES]) {
  char path[PATH];
  for (size_t i = 0; i < CACHES; i++) {
    const char *value = getenv(caches[i]);
    before[i] = value ? strdup(value) : NULL;
    cache_path(s, caches[i], path, sizeof path);
    setenv(caches[i], path, 1);
  }
}
static void move_back(char *before[CACHES]) {
  for (size_t i = 0; i < CACHES; i++) {
    if (before[i])
      setenv(caches[i], before[i], 1);
    else
      unsetenv(caches[i]);
    free(before[i]);
  }
}

static int spawn(const start_state *s, const char *device, pid_t *child) {
  char model[PATH], out[PATH], *before[CACHES];
  cache_path(s, "model.safetensors", model, sizeof model);
  cache_path(s, "samples.npy", out, sizeof out);
  const char *const argv[] = {"clflow",   "sample", model,   "-n", "100",
                              "--device", device,   "--out", out,  NULL};
  posix_spawn_file_actions_t to;
  if (posix_spawn_file_actions_init(&to)) return -1;
  move_caches(s, before);
  int e = posix_spawn_file_actions_addopen(&to, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (!e) e = posix_spawn_file_actions_addopen(&to, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  if (!e)
    e = posix_spawn(child, "/proc/self/exe", &to, NULL, (char *const *)(uintptr_t)argv, environ);
  move_back(before);
  posix_spawn_file_actions_destroy(&to);
  return e;
}

static clf_status start(bench_run *run, double *seconds) {
  int code;
  pid_t child;
  const double begin = bench_clock();
  if (spawn(run->state, run->device, &child) || waitpid(child, &code, 0) != child)
    return bench_fail(CLF_EIO, "a process cannot be started");
  *seconds = bench_clock() - begin;
  if (!WIFEXITED(code) || WEXITSTATUS(code) != 0)
    return bench_fail(CLF_EIO, "`clflow sample --device %s` failed", run->device);
  return CLF_OK;
}

static clf_status save_model(const start_state *s) {
  char path[PATH];
  const clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, 2);
  clf_device *cpu;
  clf_flow *flow = NULL;
  cache_path(s, "model.safetensors", path, sizeof path);
  CLF_TRY(clf_open("cpu", &cpu));
  clf_status status = clf_flow_create(cpu, &spec, &flow);
  if (!status) status = clf_flow_save(flow, path);
  clf_flow_free(flow);
  clf_close(cpu);
  return status;
}

static int drop(const char *path, const struct stat *at, int what, struct FTW *where) {
  (void)at, (void)what, (void)where;
  return remove(path);
}

static int is_own(const struct stat *st) {
#ifdef _WIN32 /* there, permissions decide who may remove it */
  return st->st_size >= 0;
#else
  return st->st_uid == geteuid();
#endif
}

/* Removes a folder that an interrupted run of this user left more than an hour ago. */
static void sweep_one(const char *tmp, const char *name) {
  char path[600];
  struct stat st;
  long pid = 0;
  if (sscanf(name, "clflow-bench-%ld-", &pid) != 1 || pid <= 0) return;
  if (snprintf(path, sizeof path, "%s/%s", tmp, name) >= (int)sizeof path) return;
  if (lstat(path, &st) || !S_ISDIR(st.st_mode) || !is_own(&st)) return;
  if (difftime(time(NULL), st.st_mtime) < 3600 || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
    return;
  nftw(path, drop, 8, FTW_DEPTH | FTW_PHYS);
}

static void sweep(const char *tmp) {
  DIR *d = opendir(tmp);
  if (!d) return;
  for (const struct dirent *e = readdir(d); e; e = readdir(d)) sweep_one(tmp, e->d_name);
  closedir(d);
}

static clf_status prepare(bench_run *run) {
  const char *tmp = getenv("TMPDIR");
  if (!tmp) tmp = getenv("TEMP"); /* the variable's name on Windows */
  start_state *s = run->state = calloc(1, sizeof *s);
  if (!s) return bench_fail(CLF_ENOMEM, "no memory");
  if (!tmp || !*tmp) tmp = "/tmp";
  sweep(tmp);
  snprintf(s->folder, sizeof s->folder, "%.200s/clflow-bench-%ld-XXXXXX", tmp, (long)getpid());
  if (!mkdtemp(s->folder)) {
    s->folder[0] = '\0';
    return bench_fail(CLF_EIO, "no folder for caches can be made in %s", tmp);
  }
  CLF_TRY(save_model(s));
  return start(run, &run->first);
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
