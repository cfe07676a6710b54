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

/* While ranks prepare, each by itself, failures are withheld.  This tells whether all of them came
 * so far: the code of this rank, or CLI_FAILED where another rank has one.  What failed is printed
 * by rank 0 if it is one of them, else by those that are.  After a failure ranks do nothing
 * together any more. */
int cli_ranks_agree(int code);
/* The same, and then `open` on the first rank of each host before the others, which find what it
 * compiled. */
int cli_ranks_open(int code, int (*open)(void *context), void *context);
/* Ends the preparation: failures are printed at once. */
void cli_ranks_run(void);

/* Of n rows those that this rank computes, first .. end - 1, in a verb that divides its rows. */
void cli_ranks_part(int64_t n, int64_t *first, int64_t *end);
/* Once they are computed, or that failed: every rank gets all n rows of `bytes` each. */
int cli_ranks_join(int code, void *rows, int64_t n, size_t bytes);
/* From here on verbs divide their rows.  And: nothing is done together any more; rank 0 goes on. */
void cli_ranks_divide(void);
void cli_ranks_finish(void);

/* Ends the group; where the others may not know of a failure, all of its processes.  The exit code.
 */
int cli_ranks_end(int code);

#endif
