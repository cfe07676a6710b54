/* SPDX-License-Identifier: MIT */
/* machine.h: the devices of the machine that the tests run on. */
#ifndef CLF_MACHINE_H
#define CLF_MACHINE_H
#include <stddef.h>
#include "clflow/clflow.h"

clf_device *opened(const char *name);

/* From list_devices(): OpenCL first, cpu last. */
extern clf_device_info *found;
void list_devices(void);
void free_list(void);
int opencl_count(void);
/* The first OpenCL device of "cpu", "gpu", ..., or -1. */
int first_of_type(const char *type);

/* The devices for tests of tensors and random numbers; NULL if there is no OpenCL device. */
enum { EVERYWHERE = 4 };
clf_device *open_ith(int i);

/* What f() prints to stderr. */
void captured(void (*f)(void), char *out, size_t size);

#endif
