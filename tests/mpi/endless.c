/* SPDX-License-Identifier: MIT */
/* endless.c: an end of MPI that never comes, loaded before the library (LD_PRELOAD). */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

__attribute__((visibility("default"))) int MPI_Finalize(void);
int MPI_Finalize(void) {
  for (;;) pause();
}
