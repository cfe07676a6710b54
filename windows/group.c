/* SPDX-License-Identifier: MIT */
/* group.c: in place of runtime/group/mpi.c, since there are no modules for MPI on Windows. */
#include "clflow/group.h"
#include "status.h"

int32_t clf_group_launched(void) { return 1; }

clf_status clf_group_mpi(clf_group **group) {
  CLF_GIVEN("group", group);
  *group = NULL;
  return clf__fail(CLF_ENOTSUP,
                   "clflow has no MPI on Windows; train on the devices of one machine");
}
