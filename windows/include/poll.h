/* SPDX-License-Identifier: MIT */
/* poll.h: waiting for a pipe. */
#pragma GCC system_header
#ifndef CLF_WINDOWS_POLL_H
#define CLF_WINDOWS_POLL_H

enum { POLLIN = 1, POLLHUP = 16 };
typedef unsigned long nfds_t;
struct pollfd {
  int fd;
  short events, revents;
};
/* Waits for one pipe that is read from. n is 1; timeout in milliseconds, negative: no limit. */
int poll(struct pollfd *p, nfds_t n, int timeout);
#endif
