/* SPDX-License-Identifier: MIT */
/* sys/ioctl.h: the size of the console. */
#pragma GCC system_header
#ifndef CLF_WINDOWS_IOCTL_H
#define CLF_WINDOWS_IOCTL_H

enum { TIOCGWINSZ = 1 };
struct winsize {
  unsigned short ws_row, ws_col;
};
int ioctl(int fd, int what, struct winsize *size);
#endif
