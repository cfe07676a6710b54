/* SPDX-License-Identifier: MIT */
/* mpi_module.h: the interface between the library and its modules for MPI.  Private.
 *
 * mpi_module.c is compiled once for each family of MPI, whose handles differ; mpi.c loads the
 * module for the launcher's family, and looks up the symbol clf_mpi_module. */
#ifndef CLF_MPI_MODULE_H
#define CLF_MPI_MODULE_H
#include <stddef.h>
#include <stdint.h>

enum { CLF_MPI_MODULE = 2, CLF_MPI_TEXT = 512 }; /* version of this interface; bytes of a message */

typedef struct clf_mpi_world {
  int32_t rank, size, local_rank;
  int any_thread; /* 0: all calls must come from the thread that made the first one */
  char library[CLF_MPI_TEXT];
} clf_mpi_world;

/* The reason why an exchange failed. */
typedef enum clf_mpi_trouble {
  CLF_MPI_FINE,
  CLF_MPI_SILENT, /* the peer did nothing until the deadline */
  CLF_MPI_SIZE,   /* the peer sent `got` bytes */
  CLF_MPI_ERROR   /* an error of MPI, which `text` describes */
} clf_mpi_trouble;
typedef struct clf_mpi_outcome {
  clf_mpi_trouble trouble;
  int32_t peer;
  size_t got;
  char text[CLF_MPI_TEXT];
} clf_mpi_outcome;

typedef struct clf_mpi_module_table {
  int version;
  /* Starts MPI, once in a process. 0: success; otherwise `why` is the error. */
  int (*begin)(clf_mpi_world *world, char why[CLF_MPI_TEXT]);
  /* Like clf_transport.exchange; 0: success. */
  int (*exchange)(int32_t to, const void *out, size_t n_out, int32_t from, void *in, size_t n_in,
                  double deadline, clf_mpi_outcome *outcome);
  void (*abort)(int code); /* ends the whole job after output to stderr has reached the launcher */
  void (*meet)(void);      /* waits for all ranks, however long they take */
  void (*end)(void);       /* ends MPI, after all ranks have met */
} clf_mpi_module_table;

#endif
