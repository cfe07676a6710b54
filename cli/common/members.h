/* SPDX-License-Identifier: MIT */
/* members.h: rows that several devices (--devices) compute together.  Private to cli/. */
#ifndef CLI_MEMBERS_H
#define CLI_MEMBERS_H
#include "session.h"

/* Refuses --devices together with --device.  The session opens the first of --devices. */
int cli_members_check(void);
/* Computes rows first .. first + n - 1 with `flow`, whose device is the calling thread's: out has
 * `width` numbers for each row, from row `first` on. */
typedef clf_status (*cli_rows_fn)(clf_flow *flow, const void *context, int64_t first, int64_t n,
                                  double *out);
/* All n rows: each member computes some whole chunks (clf_flow_chunk()), so that the result has the
 * bits of one device. */
clf_status cli_members_compute(clf_flow *flow, int64_t n, int32_t width, cli_rows_fn work,
                               const void *context, double *out);
/* Ends the threads of --devices. */
void cli_members_end(void);

#endif
