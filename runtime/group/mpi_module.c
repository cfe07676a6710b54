/* SPDX-License-Identifier: MIT */
/* mpi_module.c: a module that is loaded at run time: sends bytes between ranks by MPI.
 *
 * No call blocks inside MPI: messages are started and then tested, so that every wait ends at its
 * deadline and a waiting rank leaves its core to others. */
#define _POSIX_C_SOURCE 200809L
#include <mpi.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "clock.h"
#include "mpi_module.h"
#include "stopped.h"

enum { TAG = 7, PIECE = 1 << 30 }; /* counts in MPI are int */

static MPI_Comm comm = MPI_COMM_NULL;
static int crowded; /* 1: ranks of this host outnumber its cores */

/* ---- Beginning and end ----------------------------------------------------------------------- */

static int describe(int code, const char *call, char text[CLF_MPI_TEXT]) {
  char own[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, own, &length);
  own[strcspn(own, "\n")] = '\0';
  snprintf(text, CLF_MPI_TEXT, "%s: %.400s", call, own);
  return code;
}

static int find_place(clf_mpi_world *world, char why[CLF_MPI_TEXT]) {
  MPI_Comm local;
  int code, rank = 0, size = 0, local_rank = 0, local_size = 0;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  code = MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &local);
  if (code) return describe(code, "MPI_Comm_split_type", why);
  MPI_Comm_rank(local, &local_rank);
  MPI_Comm_size(local, &local_size);
  crowded = local_size > sysconf(_SC_NPROCESSORS_ONLN);
  MPI_Comm_free(&local);
  world->rank = rank;
  world->size = size;
  world->local_rank = local_rank;
  return 0;
}

/* "Open MPI v4.1.4", "MPICH 4.0.2" */
static void name_library(char *name, size_t size) {
  char all[MPI_MAX_LIBRARY_VERSION_STRING] = "", number[64] = "";
  int length = 0;
  MPI_Get_library_version(all, &length);
  if (sscanf(all, "MPICH Version: %63s", number) == 1)
    snprintf(name, size, "MPICH %s", number);
  else
    snprintf(name, size, "%.*s", (int)strcspn(all, ",\n"), all);
}

/* Makes errors of this communicator return; a program may use MPI for other purposes too. (MPICH
 * applies this to finished requests as well.) */
static int begin(clf_mpi_world *world, char why[CLF_MPI_TEXT]) {
  int there = 0, over = 0, provided = 0, code;
  MPI_Initialized(&there);
  MPI_Finalized(&over);
  if (over) {
    snprintf(why, CLF_MPI_TEXT, "MPI has ended in this process and cannot begin again");
    return -1;
  }
  code = there ? MPI_Query_thread(&provided)
               : MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided);
  if (code) return describe(code, "MPI_Init_thread", why);
  code = MPI_Comm_dup(MPI_COMM_WORLD, &comm);
  if (code) return describe(code, "MPI_Comm_dup", why);
  MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
  if (!there) MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  name_library(world->library, sizeof world->library);
  world->any_thread = provided >= MPI_THREAD_SERIALIZED;
  return find_place(world, why);
}

static void end(void) {
  MPI_Comm_free(&comm);
  MPI_Finalize();
}

/* The launcher reads a process's output from a pipe. MPICH's launcher drops the rest of it when a
 * rank aborts the job. */
static void let_be_read(void) {
  static const struct timespec nap = {0, 10000000}, way = {0, 50000000};
  struct stat st;
  int left = 0;
  if (fstat(STDERR_FILENO, &st) || !S_ISFIFO(st.st_mode)) return;
  for (int i = 0; i < 100 && ioctl(STDERR_FILENO, FIONREAD, &left) == 0 && left > 0; i++)
    nanosleep(&nap, NULL);
  nanosleep(&way, NULL); /* from the launcher's process on this host to its first process */
}

static void end_all(int code) {
  let_be_read();
  MPI_Abort(MPI_COMM_WORLD, code);
}

/* ---- Messages -------------------------------------------------------------------------------- */

/* How long a rank polls before it leaves its core to others: MPI moves bytes only inside its calls,
 * at some GB/s. */
static double patience(size_t bytes) { return crowded ? 0 : 50e-6 + (double)bytes * 2e-9; }

/* Then it yields, and later sleeps between polls, as when the other ranks' devices are slower. */
static void pause_a_little(double waited, double patient) {
  static const struct timespec nap = {0, 50000};
  if (waited > 0.02 + patient)
    nanosleep(&nap, NULL);
  else if (waited > patient)
    sched_yield();
}

/* MPICH 4.0 over UCX's TCP may hang in MPI_Finalize if one rank calls it long before another. Rank
 * 0 may still draw or score for minutes, while MPI_Barrier would keep the other ranks' cores busy.
 */
static void meet(void) {
  static const struct timespec nap = {0, 2000000};
  MPI_Request r;
  int done = 0;
  if (MPI_Ibarrier(comm, &r) != MPI_SUCCESS) return;
  for (const double began = clf__now();
       MPI_Test(&r, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && !done;)
    if (clf__now() - began < 1)
      pause_a_little(clf__now() - began, 0);
    else
      nanosleep(&nap, NULL);
}

static int fail_size(clf_mpi_outcome *o, int32_t peer, size_t got) {
  o->trouble = CLF_MPI_SIZE;
  o->peer = peer;
  o->got = got;
  return -1;
}

/* The error of the request that failed. */
static int fail_mpi(clf_mpi_outcome *o, int code, int32_t from, int32_t to, const MPI_Status s[2]) {
  int kind = 0;
  for (int i = 0; i < 2 && code == MPI_ERR_IN_STATUS; i++)
    if (s[i].MPI_ERROR != MPI_SUCCESS && s[i].MPI_ERROR != MPI_ERR_PENDING) {
      code = s[i].MPI_ERROR;
      o->peer = i ? to : from;
      break;
    }
  MPI_Error_class(code, &kind);
  o->trouble = CLF_MPI_ERROR;
  if (kind == MPI_ERR_TRUNCATE) return fail_size(o, from, 0);
  describe(code, "a message", o->text);
  return -1;
}

/* A late message must not be written into memory that the caller may have freed. */
static void give_up(MPI_Request r[2], int32_t from, int32_t to, clf_mpi_outcome *o) {
  MPI_Status s[2];
  int done = 0;
  o->trouble = CLF_MPI_SILENT;
  o->peer = r[0] != MPI_REQUEST_NULL ? from : to;
  if (r[0] != MPI_REQUEST_NULL) MPI_Cancel(&r[0]);
  for (int i = 0; i < 1000 && !done; i++) MPI_Test(&r[0], &done, &s[0]);
}

static int wait_for(MPI_Request r[2], MPI_Status s[2], int32_t from, int32_t to, size_t bytes,
                    double deadline, clf_mpi_outcome *o) {
  const double began = clf__now(), patient = patience(bytes);
  double last = began;
  for (int done[2] = {0, 0};;) {
    for (int i = 0; i < 2; i++) {
      const int code = done[i] ? MPI_SUCCESS : MPI_Test(&r[i], &done[i], &s[i]);
      if (code != MPI_SUCCESS) {
        o->peer = i ? to : from;
        return fail_mpi(o, code, from, to, s);
      }
    }
    if (done[0] && done[1]) return 0;
    const double now = clf__now();
    clf__move_deadline(last, now, 0, &deadline);
    last = now;
    if (now > deadline) {
      give_up(r, from, to, o);
      return -1;
    }
    pause_a_little(now - began, patient);
  }
}

static int piece_of(size_t n, size_t k) {
  const size_t begin = k * PIECE;
  return begin >= n ? 0 : n - begin < PIECE ? (int)(n - begin) : PIECE;
}

/* Starts piece k of both messages; nothing for a missing peer or beyond a message's end. */
static int exchange_piece(int32_t to, const char *out, size_t n_out, int32_t from, char *in,
                          size_t n_in, size_t k, double deadline, clf_mpi_outcome *o) {
  MPI_Request r[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
  MPI_Status s[2];
  int code = MPI_SUCCESS, got = 0;
  const int receives = from >= 0 && (k == 0 || k * PIECE < n_in);
  const int sends = to >= 0 && (k == 0 || k * PIECE < n_out);
  if (receives)
    code = MPI_Irecv(in + k * PIECE, piece_of(n_in, k), MPI_BYTE, from, TAG, comm, &r[0]);
  if (!code && sends)
    code = MPI_Isend(out + k * PIECE, piece_of(n_out, k), MPI_BYTE, to, TAG, comm, &r[1]);
  if (code) {
    o->trouble = CLF_MPI_ERROR;
    return describe(code, "a message", o->text);
  }
  const size_t bytes =
      (receives ? (size_t)piece_of(n_in, k) : 0) + (sends ? (size_t)piece_of(n_out, k) : 0);
  if (wait_for(r, s, from, to, bytes, deadline, o)) return -1;
  if (receives) MPI_Get_count(&s[0], MPI_BYTE, &got);
  if (receives && got != piece_of(n_in, k)) return fail_size(o, from, k * PIECE + (size_t)got);
  return 0;
}

static int exchange(int32_t to, const void *out, size_t n_out, int32_t from, void *in, size_t n_in,
                    double deadline, clf_mpi_outcome *o) {
  const size_t longest = (to >= 0 ? n_out : 0) > (from >= 0 ? n_in : 0) ? n_out : n_in;
  *o = (clf_mpi_outcome){.trouble = CLF_MPI_FINE, .peer = -1};
  for (size_t k = 0; k == 0 || k * PIECE < longest; k++)
    if (exchange_piece(to, out, n_out, from, in, n_in, k, deadline, o)) return -1;
  return 0;
}

__attribute__((visibility("default"))) extern const clf_mpi_module_table clf_mpi_module;
const clf_mpi_module_table clf_mpi_module = {CLF_MPI_MODULE, begin, exchange, end_all, meet, end};
