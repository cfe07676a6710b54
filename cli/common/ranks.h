/* SPDX-License-Identifier: MIT */
/* ranks.h: a program of which mpirun, mpiexec or srun started several processes: rank 0 prints
 * and writes, the others print only errors. Private to cli/. */
#ifndef CLI_RANKS_H
#define CLI_RANKS_H
#include "clflow/clflow.h"

/* Joins the group if a launcher started several processes, or always if `ask` is set (--mpi).
 * Call this before the command line is parsed and before any device is opened. Returns the exit
 * code. */
int cli_ranks_begin(int ask);
/* The group; NULL: there is only this process. */
clf_group *cli_ranks(void);
int32_t cli_ranks_own(void);  /* 0 if there is only this process */
int32_t cli_ranks_size(void); /* 1 then */
/* The number of ranks on this host. */
int32_t cli_ranks_on_host(void);

/* While the ranks prepare separately, errors are withheld. This call finds out whether all of
 * them succeeded: it returns this rank's code, or CLI_FAILED if another rank failed. Errors are
 * printed by rank 0 if it is among the failed ranks, otherwise by those that failed. After a
 * failure the ranks do no further common work. */
int cli_ranks_agree(int code);
/* The same; then calls `open` on the first rank of each host before the other ranks, which find
 * the programs that it compiled. */
int cli_ranks_open(int code, int (*open)(void *context), void *context);
/* Ends the preparation: from now on errors are printed at once. */
void cli_ranks_run(void);

/* Where the rows of member `rank` of `size` begin, of n: whole chunks of `chunk` rows. Each row is
 * then computed in the same chunk as on one device, with the same bits. */
int64_t cli_rows_begin(int64_t n, int64_t chunk, int64_t rank, int64_t size);
/* The range of rows, first .. end - 1 of n, that this rank computes in a verb that divides its
 * rows. */
void cli_ranks_range(int64_t n, int64_t chunk, int64_t *first, int64_t *end);
/* To be called after these rows were computed or failed: every rank receives all n rows of
 * `bytes` each. */
int cli_ranks_join(int code, void *rows, int64_t n, int64_t chunk, size_t bytes);
/* Declares that verbs divide their rows from now on. The second function ends all common work;
 * only rank 0 continues. */
void cli_ranks_divide(void);
int cli_ranks_divided(void); /* 1: several ranks do so */
void cli_ranks_finish(void);

/* Ends the group, or all of its processes if the others may not know of a failure. Returns the
 * exit code. */
int cli_ranks_end(int code);

#endif
