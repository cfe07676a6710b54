/* SPDX-License-Identifier: MIT */
/* device.h: a device around another, whose n-th call fails: an operation, a transfer, memory or a
 * wait, in the sentence "call N, WHAT, fails". */
#ifndef CLF_FAULT_DEVICE_H
#define CLF_FAULT_DEVICE_H
#include "backend.h"

/* n is counted from 1; 0: none fails.  for_good: those behind it fail too. */
extern struct faulty {
  long n, calls;
  int for_good;
} faulty;

clf_device *open_faulty(const char *where);
#endif
