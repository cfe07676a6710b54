/* SPDX-License-Identifier: MIT */
/* ranks.h: a program of which mpirun, mpiexec or srun started several: rank 0 speaks and writes,
 * the others print nothing but errors.  Private to cli/. */
#ifndef CLI_RANKS_H
#define CLI_RANKS_H
#include "clflow/clflow.h"

/* Joins the group if a launcher started several processes, or always with `ask` (--mpi).  To be
 * called before the command line is read and any device is opened; the exit code. */
int cli_ranks_begin(int ask);
/* The group; NULL: this process is alone. */
clf_group *cli_ranks(void);
int32_t cli_ranks_own(void);  /* 0 of a process that is alone */
int32_t cli_ranks_size(void); /* 1 then */
/* How many ranks share this host. */
int32_t cli_ranks_on_host(void);

/* What each rank found out by itself, such as whether it could read the data: the code of this
 * rank, or CLI_FAILED where another rank has one.  Until the first call, failures are printed by
 * rank 0 if it has one too, else by those that have. */
int cli_ranks_agree(int code);
/* Local rank 0 does `open` first, for what it compiles is found by the others. */
int cli_ranks_open(int (*open)(void *context), void *context);

/* Ends the group: of a program that succeeded, with the others; after a failure that the others may
 * not know of, all of them.  The exit code. */
int cli_ranks_end(int code);

#endif
