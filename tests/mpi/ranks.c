/* SPDX-License-Identifier: MIT */
/* ranks.c: a group of processes that mpirun started: ranks MODE
 *   talk     gathers, broadcasts, barriers and a message of many bytes; prints "talked N" on rank 0
 *   differ   rank 1 makes another call than the others
 *   fail     rank 1 fails by itself, and all hear of it
 *   hang     rank 1 is stopped by SIGSTOP
 *   die      rank 1 is killed by SIGKILL
 * Exits with 1 where something is not as it should be. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/clflow.h"
#include "members.h"

#define NEED(what)                                                                                 \
  do {                                                                                             \
    if (what) break;                                                                               \
    fprintf(stderr, "ranks.c:%d: %s: %s\n", __LINE__, #what, clf_errmsg());                        \
    return 1;                                                                                      \
  } while (0)

static unsigned char byte_of(int32_t rank, size_t i) {
  return (unsigned char)((size_t)rank * 31 + i * 7 + (i >> 8));
}

/* Each rank sends `n` bytes to the next one. */
static int pass_on(clf_group *g, size_t n) {
  const int32_t rank = clf_group_rank(g), size = clf_group_size(g);
  const int32_t to = (rank + 1) % size, from = (rank + size - 1) % size;
  unsigned char *const out = malloc(n + 1), *const in = malloc(n + 1);
  NEED(out && in);
  for (size_t i = 0; i < n; i++) out[i] = byte_of(rank, i);
  if (size > 1) NEED(clf__group_exchange(g, to, out, n, from, in, n) == CLF_OK);
  for (size_t i = 0; i < n && size > 1; i++) NEED(in[i] == byte_of(from, i));
  free(out);
  free(in);
  return 0;
}

static int talk(clf_group *g) {
  static const size_t sizes[] = {0, 1, 4096, 5 << 20};
  const int32_t rank = clf_group_rank(g), size = clf_group_size(g);
  int32_t all[64], word = 0;
  NEED(size <= 64 && size == clf_group_launched());
  NEED(clf_group_barrier(g) == CLF_OK);
  NEED(clf_group_gather(g, &rank, sizeof rank, all) == CLF_OK);
  for (int32_t i = 0; i < size; i++) NEED(all[i] == i);
  for (int32_t root = 0; root < size; root++) {
    word = rank == root ? 100 + root : 0;
    NEED(clf_group_broadcast(g, root, &word, sizeof word) == CLF_OK);
    NEED(word == 100 + root);
  }
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    if (pass_on(g, sizes[i])) return 1;
  NEED(clf_group_agree(g, CLF_OK) == CLF_OK);
  if (rank == 0) printf("talked %d\n", (int)size);
  return 0;
}

/* One byte is sent, two are expected. */
static int differ(clf_group *g) {
  char in[64], out[2] = {1, 2};
  NEED(clf_group_barrier(g) == CLF_OK);
  const clf_status s = clf_group_gather(g, out, clf_group_rank(g) == 1 ? 2 : 1, in);
  if (s) fprintf(stderr, "%s\n", clf_errmsg());
  return s != CLF_OK;
}

static int fail(clf_group *g) {
  const int one = clf_group_rank(g) == 1;
  const clf_status s = clf_group_agree(g, one ? clf_fail(CLF_EIO, "no disk") : CLF_OK);
  NEED(s == CLF_EIO && (one || strstr(clf_errmsg(), "rank 1")) && strstr(clf_errmsg(), "no disk"));
  return 0;
}

/* Rank 1 stops in the middle; the others report an error. */
static int hang(clf_group *g) {
  NEED(clf_group_barrier(g) == CLF_OK);
  if (clf_group_rank(g) == 1) raise(SIGSTOP);
  NEED(clf_group_barrier(g) == CLF_EDEVICE);
  g->t->abort(g->t, clf_errmsg());
  return 1;
}

/* Rank 1 ends as by kill -9. */
static int die(clf_group *g) {
  NEED(clf_group_barrier(g) == CLF_OK);
  if (clf_group_rank(g) == 1) raise(SIGKILL);
  NEED(clf_group_barrier(g) == CLF_EDEVICE);
  g->t->abort(g->t, clf_errmsg());
  return 1;
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    int (*run)(clf_group *g);
  } modes[] = {{"talk", talk}, {"differ", differ}, {"fail", fail}, {"hang", hang}, {"die", die}};
  clf_group *g;
  int code = 2;
  if (clf_group_mpi(&g) != CLF_OK) {
    fprintf(stderr, "%s\n", clf_errmsg());
    return 3;
  }
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
    if (argc > 1 && strcmp(argv[1], modes[i].name) == 0) code = modes[i].run(g);
  clf_group_free(g);
  return code;
}
