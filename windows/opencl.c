/* SPDX-License-Identifier: MIT */
/* opencl.c: OpenCL's functions as clflow calls them: OpenCL.dll is loaded when the platforms are
 * asked for, so that a program starts where there is none, and finds no platform. */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stdint.h>
#include "os.h"

#ifndef __x86_64__
#error "written for x86-64: a jump through a table"
#endif

#define CL_FUNCTIONS(X)                                                                            \
  X(clBuildProgram)                                                                                \
  X(clCompileProgram)                                                                              \
  X(clCreateBuffer)                                                                                \
  X(clCreateCommandQueue)                                                                          \
  X(clCreateContext)                                                                               \
  X(clCreateKernelsInProgram)                                                                      \
  X(clCreateProgramWithBinary)                                                                     \
  X(clCreateProgramWithSource)                                                                     \
  X(clEnqueueMarkerWithWaitList)                                                                   \
  X(clEnqueueNDRangeKernel)                                                                        \
  X(clEnqueueReadBuffer)                                                                           \
  X(clEnqueueWriteBuffer)                                                                          \
  X(clFinish)                                                                                      \
  X(clFlush)                                                                                       \
  X(clGetDeviceIDs)                                                                                \
  X(clGetDeviceInfo)                                                                               \
  X(clGetKernelInfo)                                                                               \
  X(clGetPlatformInfo)                                                                             \
  X(clGetProgramBuildInfo)                                                                         \
  X(clGetProgramInfo)                                                                              \
  X(clReleaseCommandQueue)                                                                         \
  X(clReleaseContext)                                                                              \
  X(clReleaseEvent)                                                                                \
  X(clReleaseKernel)                                                                               \
  X(clReleaseMemObject)                                                                            \
  X(clReleaseProgram)                                                                              \
  X(clSetKernelArg)

/* Each function is a jump to where this points.  The arguments stay as they are. */
#define CL_JUMP(name)                                                                              \
  extern uintptr_t clf__jump_##name;                                                               \
  uintptr_t clf__jump_##name;                                                                      \
  __asm__(".text\n.globl " #name "\n" #name ":\n\tjmp *clf__jump_" #name "(%rip)\n");
CL_FUNCTIONS(CL_JUMP)

static cl_int CL_API_CALL absent(void) { return CL_INVALID_OPERATION; }

/* A function that a driver's loader lacks fails when it is called. */
static uintptr_t find(HMODULE library, const char *name) {
  const uintptr_t at = library ? (uintptr_t)GetProcAddress(library, name) : 0;
  return at ? at : (uintptr_t)absent;
}

typedef cl_int CL_API_CALL platforms_fn(cl_uint, cl_platform_id *, cl_uint *);
static platforms_fn *platforms;

static BOOL CALLBACK load(INIT_ONCE *once, void *argument, void **context) {
  (void)once, (void)argument, (void)context;
  const HMODULE library = LoadLibraryW(L"OpenCL.dll");
  if (library) platforms = (platforms_fn *)(uintptr_t)GetProcAddress(library, "clGetPlatformIDs");
#define CL_FIND(name) clf__jump_##name = find(library, #name);
  CL_FUNCTIONS(CL_FIND)
  return TRUE;
}

cl_int CL_API_CALL clGetPlatformIDs(cl_uint room, cl_platform_id *list, cl_uint *count) {
  static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
  enum { PLATFORM_NOT_FOUND_KHR = -1001 };
  InitOnceExecuteOnce(&once, load, NULL, NULL);
  return platforms ? platforms(room, list, count) : PLATFORM_NOT_FOUND_KHR;
}
