/* SPDX-License-Identifier: MIT */
/* transport.h: how the members of a group send bytes to each other.  Private.
 *
 * A transport moves bytes between two members; everything else (sums, gathers, checks, messages by
 * rank) is written once over it, in the other files of this folder. */
#ifndef CLF_TRANSPORT_H
#define CLF_TRANSPORT_H
#include "clflow/group.h"
#include "status.h"

typedef struct clf_transport clf_transport;
struct clf_transport {
  int32_t rank, size, local_rank;
  char host[64]; /* this member's name in messages: "rank 3 on node b" */
  /* Sends n_out bytes to rank `to` and receives n_in bytes from rank `from`, at the same time; -1:
   * no peer on that side.  Neither side is this rank.  Returns by the deadline (seconds of
   * clock.h's clock, without those in which this process was stopped); EDEVICE with a message that
   * names the peer: it was silent, left, or sent another number of bytes. */
  clf_status (*exchange)(clf_transport *t, int32_t to, const void *out, size_t n_out, int32_t from,
                         void *in, size_t n_in, double deadline);
  /* Sends nothing more, because of an error of this member or of a peer: members that wait for this
   * one in the same process get an error at once, with this text. */
  void (*give_up)(clf_transport *t, const char *why);
  /* (optional) Ends the whole job. */
  void (*abort)(clf_transport *t, const char *text);
  void (*free)(clf_transport *t);
  /* For a process that ends after free().  If free() has not returned after `patience` seconds, it
   * ends the process with the exit code `code`.  0: it waits without limit. */
  double patience;
  int code;
};

/* Takes ownership, also after an error. Nothing is sent yet: the first call of the group sends
 * every member the hosts of all. */
clf_status clf_group_wrap(clf_transport *t, clf_group **group);

#endif
