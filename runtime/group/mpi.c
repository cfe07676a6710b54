/* SPDX-License-Identifier: MIT */
/* mpi.c: the group of the processes that mpirun, mpiexec or srun started.
 *
 * clflow is not linked to MPI: the handles of Open MPI and of the MPICH family differ, and most
 * machines have neither.  The launcher's library is opened with its symbols visible to all, and
 * then the module for its family. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "beside.h"
#include "clock.h"
#include "members.h"
#include "mpi_module.h"
#include "path.h"

/* ---- Families and launchers ------------------------------------------------------------------ */

typedef enum family { OPENMPI, MPICH, FAMILIES } family;
static const struct {
  const char *name, *word, *module, *packages;
  const char *library[3]; /* to NULL */
} families[FAMILIES] = {
    [OPENMPI] =
        {"Open MPI", "openmpi", "clflow-mpi-openmpi.so", "libopenmpi-dev", {"libmpi.so.40"}},
    [MPICH] = {"MPICH",
               "mpich",
               "clflow-mpi-mpich.so",
               "libmpich-dev",
               {"libmpich.so.12", "libmpi.so.12"}},
};

/* The environment variables by which a process recognises its launcher.  For Slurm, only a step
 * with several tasks counts, since a batch script has SLURM_NTASKS too; it starts processes of
 * either family. */
static const struct launcher {
  const char *name, *size;
  int family; /* FAMILIES: either one */
} launchers[] = {
    {"mpirun of Open MPI", "OMPI_COMM_WORLD_SIZE", OPENMPI},
    {"mpiexec of MPICH", "PMI_SIZE", MPICH},
    {"srun", "SLURM_STEP_NUM_TASKS", FAMILIES},
};

static int32_t number_in(const char *variable) {
  const char *text = getenv(variable);
  const long n = text ? strtol(text, NULL, 10) : 0;
  return n > 0 && n <= CLF_GROUP_MOST ? (int32_t)n : 0;
}

/* The launcher of this process, NULL: none; CLFLOW_MPI=none is for programs that a rank starts. */
static const struct launcher *find_launcher(int32_t *size) {
  const char *wanted = getenv("CLFLOW_MPI");
  const int off = wanted && strcmp(wanted, "none") == 0;
  for (size_t i = 0; i < sizeof launchers / sizeof *launchers && !off; i++) {
    *size = number_in(launchers[i].size);
    if (*size > 0) return &launchers[i];
  }
  *size = 1;
  return NULL;
}

int32_t clf_group_launched(void) {
  int32_t size;
  find_launcher(&size);
  return size;
}

/* ---- Libraries and modules ------------------------------------------------------------------- */

typedef struct search {
  char tried[1024]; /* the names that were tried, for a message */
} search;

static void note(search *s, const char *what) {
  const size_t used = strlen(s->tried);
  snprintf(s->tried + used, sizeof s->tried - used, "%s%.200s", used ? ", " : "", what);
}

static long parent_of(long pid) {
  char path[64], line[256];
  long parent = 0;
  snprintf(path, sizeof path, "/proc/%ld/status", pid);
  FILE *f = fopen(path, "re");
  while (f && !parent && fgets(line, sizeof line, f)) sscanf(line, "PPid: %ld", &parent);
  if (f) fclose(f);
  return parent;
}

/* The library that belongs to the program of process `pid`: PREFIX/lib for PREFIX/bin/mpiexec. */
static void *open_of_process(long pid, const char *name) {
  char link[64], at[PATH_MAX], path[2 * PATH_MAX];
  snprintf(link, sizeof link, "/proc/%ld/exe", pid);
  const ssize_t n = readlink(link, at, sizeof at - 1);
  if (n <= 0) return NULL;
  at[n] = '\0';
  snprintf(path, sizeof path, "%.*s/../lib/%s", (int)clf__folder_length(at), at, name);
  return access(path, R_OK) == 0 ? dlopen(path, RTLD_NOW | RTLD_GLOBAL) : NULL;
}

/* Finds the launcher's own library, which need not be in the loader's path. Scripts may run between
 * the launcher and this process. */
static void *open_of_launcher(const char *name) {
  enum { ANCESTORS = 4 };
  long pid = (long)getppid();
  for (int i = 0; i < ANCESTORS && pid > 1; i++, pid = parent_of(pid)) {
    void *library = open_of_process(pid, name);
    if (library) return library;
  }
  return NULL;
}

static int open_library(family f, search *s) {
  const char *given = secure_getenv("CLFLOW_MPI_LIBRARY");
  if (given) {
    note(s, given);
    return dlopen(given, RTLD_NOW | RTLD_GLOBAL) != NULL;
  }
  for (const char *const *name = families[f].library; *name; name++)
    if (open_of_launcher(*name)) return 1;
  for (const char *const *name = families[f].library; *name; name++) {
    if (dlopen(*name, RTLD_NOW | RTLD_GLOBAL)) return 1;
    note(s, *name);
  }
  return 0;
}

static const clf_mpi_module_table *open_module(family f, search *s) {
  char path[CLF_BESIDE_PATH];
  if (!clf__beside(families[f].module, R_OK, path)) {
    note(s, families[f].module);
    return NULL;
  }
  if (!open_library(f, s)) return NULL;
  void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  const clf_mpi_module_table *table = module ? dlsym(module, "clf_mpi_module") : NULL;
  if (table && table->version == CLF_MPI_MODULE) return table;
  note(s, path);
  return NULL;
}

static clf_status fail_missing(const struct launcher *l, int32_t size, family f, const search *s) {
  char by[160] = "";
  if (l) snprintf(by, sizeof by, "%s started %d processes, but ", l->name, (int)size);
  return clf__fail(
      CLF_ENOTSUP,
      "%sclflow has no MPI here: %s not found. Install %s (Debian, Ubuntu: %s) and build clflow "
      "again%s",
      by, s->tried, l && f < FAMILIES ? families[f].name : "Open MPI or MPICH",
      l && f < FAMILIES ? families[f].packages : "libopenmpi-dev or libmpich-dev",
      l ? ", or use another launcher" : "");
}

/* CLFLOW_MPI chooses the family, otherwise the launcher. */
static clf_status load(const struct launcher *l, int32_t size, const clf_mpi_module_table **table) {
  const char *wanted = getenv("CLFLOW_MPI");
  int only = l ? l->family : FAMILIES;
  search s = {""};
  if (wanted) {
    for (only = 0; only < FAMILIES && strcmp(families[only].word, wanted) != 0;) only++;
    if (only == FAMILIES)
      return clf__fail(CLF_EINVAL, "CLFLOW_MPI is \"%s\"; it must be openmpi, mpich or none",
                       wanted);
  }
  for (int f = 0; f < FAMILIES; f++)
    if ((only == FAMILIES || only == f) && (*table = open_module((family)f, &s))) return CLF_OK;
  return fail_missing(l, size, (family)only, &s);
}

/* ---- As a transport -------------------------------------------------------------------------- */

typedef struct mpi {
  clf_transport base;
  const clf_mpi_module_table *table;
  pthread_t first; /* the thread that started MPI */
  int any_thread, broken;
} mpi;

static clf_status fail_exchange(const clf_mpi_outcome *o, size_t n_in, double seconds) {
  switch (o->trouble) {
  case CLF_MPI_SILENT:
    return clf__fail(CLF_EDEVICE, "rank %d was silent for %.3g seconds", (int)o->peer, seconds);
  case CLF_MPI_SIZE:
    if (o->got)
      return clf__fail(CLF_EDEVICE, "rank %d sent %zu bytes, not %zu: it is at another call",
                       (int)o->peer, o->got, n_in);
    return clf__fail(CLF_EDEVICE, "rank %d did not send %zu bytes: it is at another call",
                     (int)o->peer, n_in);
  default: return clf__fail(CLF_EDEVICE, "rank %d cannot be reached: %s", (int)o->peer, o->text);
  }
}

static clf_status exchange(clf_transport *t, int32_t to, const void *out, size_t n_out,
                           int32_t from, void *in, size_t n_in, double deadline) {
  mpi *m = (mpi *)(void *)t;
  const double began = clf__now();
  clf_mpi_outcome o;
  if (!m->any_thread && !pthread_equal(m->first, pthread_self()))
    return clf__fail(CLF_ENOTSUP, "this MPI library takes calls of one thread alone");
  if (m->table->exchange(to, out, n_out, from, in, n_in, deadline, &o) == 0) return CLF_OK;
  return fail_exchange(&o, n_in, clf__now() - began);
}

static void give_up(clf_transport *t, const char *why) {
  (void)why;
  ((mpi *)(void *)t)->broken = 1;
}

static void end_job(clf_transport *t, const char *text) {
  mpi *m = (mpi *)(void *)t;
  if (text) fprintf(stderr, "%s\n", text);
  fflush(NULL);
  m->table->abort(1);
}

/* ---- The end --------------------------------------------------------------------------------- */

enum { ENDS_WITHIN = 10 }; /* seconds that MPI_Finalize may take */

/* The deadline of MPI_Finalize in this process, which ends itself after it. */
static struct {
  char who[96];
  _Atomic double end, seconds;
  int code, watched;
} limit;

static void *watch_end(void *context) {
  (void)context;
  while (clf__now() < limit.end) nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  fprintf(stderr, "%s: MPI did not end within %g seconds; this process ends without it\n",
          limit.who, limit.seconds);
  _exit(limit.code);
}

static void end_within(const mpi *m, double seconds) {
  pthread_t watcher;
  limit.seconds = seconds;
  limit.code = m->base.code;
  limit.end = clf__now() + seconds;
  snprintf(limit.who, sizeof limit.who, "rank %d on %s", (int)m->base.rank, m->base.host);
  if (limit.watched) return;
  limit.watched = pthread_create(&watcher, NULL, watch_end, NULL) == 0;
  if (limit.watched) pthread_detach(watcher);
}

/* Rank 0 comes last, since it works alone at the end. It waits for the others as long as for a
 * message; they wait for rank 0 without limit. */
static void end_mpi(const mpi *m) {
  const double patience = m->base.patience;
  if (patience > 0 && m->base.rank == 0) end_within(m, patience);
  m->table->meet();
  if (patience > 0) end_within(m, fmin(patience, ENDS_WITHIN));
  m->table->end();
  limit.end = INFINITY;
}

/* After an error the others would not call MPI_Finalize. */
static void leave(clf_transport *t) {
  mpi *m = (mpi *)(void *)t;
  if (!m->broken) end_mpi(m);
  free(m);
}

/* Refuses a launcher whose processes do not see each other. */
static clf_status check_size(const clf_mpi_world *w, const struct launcher *l, int32_t size) {
  if (!l || w->size == size || w->size > 1) return CLF_OK;
  return clf__fail(CLF_EINVAL,
                   "%s started %d processes, but to %s each of them is alone: the launcher is of "
                   "another MPI than the library. Use the launcher of that library, or choose the "
                   "other library by CLFLOW_MPI=openmpi or CLFLOW_MPI=mpich%s",
                   l->name, (int)size, w->library,
                   l->family == FAMILIES ? " (with srun also --mpi=pmix or --mpi=pmi2)" : "");
}

static clf_status begin(mpi *m, const struct launcher *l, int32_t size) {
  clf_mpi_world w = {0};
  char why[CLF_MPI_TEXT] = "";
  CLF_TRY(load(l, size, &m->table));
  if (m->table->begin(&w, why)) {
    m->broken = 1;
    return clf__fail(CLF_EDEVICE, "MPI does not begin: %s", why);
  }
  m->first = pthread_self();
  m->any_thread = w.any_thread;
  m->base.rank = w.rank;
  m->base.size = w.size;
  m->base.local_rank = w.local_rank;
  return check_size(&w, l, size);
}

clf_status clf_group_mpi(clf_group **group) {
  CLF_GIVEN("group", group);
  int32_t size;
  const struct launcher *l = find_launcher(&size);
  mpi *m = calloc(1, sizeof *m);
  *group = NULL;
  if (!m) return clf__fail(CLF_ENOMEM, "no memory for a group");
  m->base.exchange = exchange;
  m->base.give_up = give_up;
  m->base.abort = end_job;
  m->base.free = leave;
  if (gethostname(m->base.host, sizeof m->base.host)) m->base.host[0] = '\0';
  m->base.host[sizeof m->base.host - 1] = '\0';
  const clf_status s = begin(m, l, size);
  if (!s) return clf_group_wrap(&m->base, group);
  if (m->table && !m->broken && m->base.size) end_mpi(m);
  free(m);
  return s;
}
