/* SPDX-License-Identifier: MIT */
/* platform.h: which devices there are.  Private. */
#ifndef CLF_PLATFORM_H
#define CLF_PLATFORM_H
#include "backend.h"
#include "load.h"

typedef struct clf__cl_device {
  cl_platform_id platform;
  cl_device_id id;
  clf_device_info info; /* passes = -1 */
  double rank;
} clf__cl_device;

/* Lists every device of every platform, best first: GPUs before accelerators before
 * CPUs, then by compute units times clock.  free() it.  Everything that looks for platforms or
 * devices goes through here, since only one thread may do so at a time. Errors: ENODEV if there is
 * no platform or no device; ENOMEM. */
clf_status clf__cl_list(clf__cl_device **list, int *count);

/* Whether a platform of this name is pocl. */
int clf__cl_is_pocl(const char *platform);

/* The family of kernels a device uses by default; index into clf__families. */
int clf__cl_family(cl_device_id id);

/* "CL_OUT_OF_RESOURCES (-5)"; valid until the next call on this thread. */
const char *clf__cl_error(cl_int e);

/* Writes why the driver of a device could not compile kernels and what helps, or "" if the reason
 * is not outside of them. */
void clf__cl_why_not_built(cl_device_id id, char *why, size_t size);

/* ENOMEM where memory was short, else EDEVICE. */
clf_status clf__cl_status(cl_int e);

/* The entry of the C backend in clf_devices(). */
void clf__cpu_info(clf_device_info *info);

/* The limits of a device for a work-group: work-items, and bytes of local memory; the family for a
 * GPU with such limits; whether a family stays within them: CLF_ENOTSUP says what is too much. */
void clf__cl_limits(cl_device_id id, size_t *items, uint64_t *memory);
int clf__gpu_family(size_t items, uint64_t memory);
struct clf_traits;
clf_status clf__family_fits(const struct clf_traits *traits, size_t items, uint64_t memory);

#endif
