/* SPDX-License-Identifier: MIT */
/* device.h: wraps a device so that its n-th call fails: an operation, a transfer, an allocation or
 * a wait. The message is "call N, WHAT, fails". */
#ifndef CLF_FAULT_DEVICE_H
#define CLF_FAULT_DEVICE_H
#include <stdatomic.h>
#include "backend.h"

/* n counts from 1; 0: none fails. for_good: all later calls fail too. again: so does the call so
 * many after the n-th one; 0: none. */
extern struct faulty {
  long n;
  atomic_long calls;
  int for_good;
  long again;
} faulty;

/* Several threads may call it, as the device inside, if the caller sets `many_callers`: which call
 * is the n-th then differs between runs. */
clf_device *open_faulty(const char *where);
#endif
