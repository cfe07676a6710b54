/* SPDX-License-Identifier: MIT */
/* group.h: several members that work on one training: threads of this process, or processes.
 *
 * Each member has its own device and its own handle of the group, and makes the same calls as all
 * others in the same order.  A call of this file waits for the other members, at most until the
 * group's deadline: CLFLOW_GROUP_DEADLINE seconds (60 by default) plus ten times the slowest step
 * of the training so far.  After an error the group is of no further use: every later call returns
 * that error. */
#ifndef CLFLOW_GROUP_H
#define CLFLOW_GROUP_H
#include "clflow/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Members that work on one training. */
typedef struct clf_group clf_group;

enum { CLF_GROUP_THREADS = 256, CLF_GROUP_MOST = 4096 }; /* members, of threads and in all */

/* A group of n threads of this process: members[i] is the handle of rank i, used by one thread at a
 * time.  Errors: EINVAL (n is not between 1 and CLF_GROUP_THREADS, or CLFLOW_GROUP_DEADLINE is no
 * number), ENOMEM. */
CLF_API clf_status clf_group_threads(int32_t n, clf_group **members);
/* The group of the processes that `mpirun`, `mpiexec` or `srun` started, of which this is one;
 * without a launcher a group of one.  Call it before any device is opened, and once in a process:
 * freeing the group ends MPI.  The library that is loaded is the launcher's: Open MPI (4.1 or
 * later) or one of the MPICH family; CLFLOW_MPI, "openmpi" or "mpich", chooses one ("none": no
 * MPI), and CLFLOW_MPI_LIBRARY names its file.  Errors: ENOTSUP (no MPI for this launcher; says
 * what is missing), EINVAL (a launcher of one MPI with the library of another), EDEVICE, ENOMEM. */
CLF_API clf_status clf_group_mpi(clf_group **group);
/* How many processes such a launcher started, by the environment; 1: none did. */
CLF_API int32_t clf_group_launched(void);
/* This member leaves.  Whoever waits for it gets an error at once.  NULL is a no-op. */
CLF_API void clf_group_free(clf_group *group);

/* As clf_group_free(), for a program that ends next with this exit code.  If MPI hangs at its end,
 * although no rank needs the others any more, the process says so on stderr and ends with that
 * code: 10 seconds after all ranks have come here, or after CLFLOW_GROUP_DEADLINE seconds if these
 * are fewer. */
CLF_API void clf_group_exit(clf_group *group, int code);

/* Ends all members that are processes, this one included, with exit code 1; of threads a no-op. For
 * a member that fails while others may wait for it. */
CLF_API void clf_group_abort(clf_group *group);

/* The number of this member, from 0; how many there are; and its number among those on its own
 * host, by which it can choose a device. */
CLF_API int32_t clf_group_rank(const clf_group *group);
CLF_API int32_t clf_group_size(const clf_group *group);
CLF_API int32_t clf_group_local_rank(const clf_group *group);
/* "rank 3 on node7": how messages name a member. */
CLF_API const char *clf_group_member(const clf_group *group, int32_t rank);

/* Returns once all members have called it. */
CLF_API clf_status clf_group_barrier(clf_group *group);
/* Every member gets the `bytes` bytes of each: out (size, bytes), in the order of ranks. */
CLF_API clf_status clf_group_gather(clf_group *group, const void *in, size_t bytes, void *out);
/* Of `all`, the same size everywhere, member r has the bytes first[r] up to first[r + 1] (size + 1
 * numbers, from 0, the same on all members); afterwards every member has all. */
CLF_API clf_status clf_group_gather_parts(clf_group *group, void *all, const int64_t *first);
/* Every member gets what `data` (bytes) holds on member `root`. */
CLF_API clf_status clf_group_broadcast(clf_group *group, int32_t root, void *data, size_t bytes);
/* Whether what each member did by itself worked on all: every member passes its status.  Returns OK
 * where all passed OK; else the status and the message of the lowest rank that did not. */
CLF_API clf_status clf_group_agree(clf_group *group, clf_status status);

#ifdef __cplusplus
}
#endif
#endif
