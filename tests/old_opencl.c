/* SPDX-License-Identifier: MIT */
/* old_opencl.c: in place of OpenCL's library, one that lacks clCompileProgram, which OpenCL 1.2
 * introduced: tests/devices/listed.c sees it refused. */
#define OLD_FUNCTION(name)                                                                         \
  __attribute__((visibility("default"))) void name(void);                                          \
  void name(void) {}

OLD_FUNCTION(clBuildProgram)
OLD_FUNCTION(clGetPlatformIDs)
