/* SPDX-License-Identifier: MIT */
/* load.h: OpenCL's functions.  With CLF_OPENCL=load, the default, they are pointers that
 * clf__cl_load() finds in OpenCL's library at run time: a program starts on a machine without that
 * library.  With CLF_OPENCL=link the program is linked with it.  Private. */
#ifndef CLF_LOAD_H
#define CLF_LOAD_H
#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include "status.h"
#ifdef CLF_NO_OPENCL /* nothing of it is called; its types stand in structs */
typedef int32_t cl_int;
typedef void *cl_platform_id, *cl_device_id;
#else
#include <CL/cl.h>
#endif

/* Finds the library and its functions, once in a process; later calls repeat the result.  No other
 * function may be called before.  The library is that of CLFLOW_OPENCL_LIBRARY where this variable
 * is set, otherwise the first of the system's names that has all functions.
 * Errors: ENODEV, with what was tried and what to install. */
clf_status clf__cl_load(void);

#ifdef CLF_OPENCL_LOAD
/* Every function that clflow calls, without its "cl".  A new one also needs a #define below. */
#define CLF_CL_FUNCTIONS(X)                                                                        \
  X(BuildProgram)                                                                                  \
  X(CompileProgram)                                                                                \
  X(CreateBuffer)                                                                                  \
  X(CreateCommandQueue)                                                                            \
  X(CreateContext)                                                                                 \
  X(CreateKernelsInProgram)                                                                        \
  X(CreateProgramWithBinary)                                                                       \
  X(CreateProgramWithSource)                                                                       \
  X(EnqueueMarkerWithWaitList)                                                                     \
  X(EnqueueNDRangeKernel)                                                                          \
  X(EnqueueReadBuffer)                                                                             \
  X(EnqueueWriteBuffer)                                                                            \
  X(Finish)                                                                                        \
  X(Flush)                                                                                         \
  X(GetDeviceIDs)                                                                                  \
  X(GetDeviceInfo)                                                                                 \
  X(GetKernelInfo)                                                                                 \
  X(GetKernelWorkGroupInfo)                                                                        \
  X(GetPlatformIDs)                                                                                \
  X(GetPlatformInfo)                                                                               \
  X(GetProgramBuildInfo)                                                                           \
  X(GetProgramInfo)                                                                                \
  X(ReleaseCommandQueue)                                                                           \
  X(ReleaseContext)                                                                                \
  X(ReleaseEvent)                                                                                  \
  X(ReleaseKernel)                                                                                 \
  X(ReleaseMemObject)                                                                              \
  X(ReleaseProgram)                                                                                \
  X(GetCommandQueueInfo)                                                                           \
  X(GetMemObjectInfo)                                                                              \
  X(RetainCommandQueue)                                                                            \
  X(RetainContext)                                                                                 \
  X(RetainMemObject)                                                                               \
  X(SetKernelArg)

typedef struct clf__cl_functions {
#define X(name) __typeof__(cl##name) *name;
  CLF_CL_FUNCTIONS(X)
#undef X
} clf__cl_functions;
extern clf__cl_functions clf__cl_function;

#define clBuildProgram clf__cl_function.BuildProgram
#define clCompileProgram clf__cl_function.CompileProgram
#define clCreateBuffer clf__cl_function.CreateBuffer
#define clCreateCommandQueue clf__cl_function.CreateCommandQueue
#define clCreateContext clf__cl_function.CreateContext
#define clCreateKernelsInProgram clf__cl_function.CreateKernelsInProgram
#define clCreateProgramWithBinary clf__cl_function.CreateProgramWithBinary
#define clCreateProgramWithSource clf__cl_function.CreateProgramWithSource
#define clEnqueueMarkerWithWaitList clf__cl_function.EnqueueMarkerWithWaitList
#define clEnqueueNDRangeKernel clf__cl_function.EnqueueNDRangeKernel
#define clEnqueueReadBuffer clf__cl_function.EnqueueReadBuffer
#define clEnqueueWriteBuffer clf__cl_function.EnqueueWriteBuffer
#define clFinish clf__cl_function.Finish
#define clFlush clf__cl_function.Flush
#define clGetDeviceIDs clf__cl_function.GetDeviceIDs
#define clGetDeviceInfo clf__cl_function.GetDeviceInfo
#define clGetKernelInfo clf__cl_function.GetKernelInfo
#define clGetKernelWorkGroupInfo clf__cl_function.GetKernelWorkGroupInfo
#define clGetPlatformIDs clf__cl_function.GetPlatformIDs
#define clGetPlatformInfo clf__cl_function.GetPlatformInfo
#define clGetProgramBuildInfo clf__cl_function.GetProgramBuildInfo
#define clGetProgramInfo clf__cl_function.GetProgramInfo
#define clReleaseCommandQueue clf__cl_function.ReleaseCommandQueue
#define clReleaseContext clf__cl_function.ReleaseContext
#define clReleaseEvent clf__cl_function.ReleaseEvent
#define clReleaseKernel clf__cl_function.ReleaseKernel
#define clReleaseMemObject clf__cl_function.ReleaseMemObject
#define clReleaseProgram clf__cl_function.ReleaseProgram
#define clGetCommandQueueInfo clf__cl_function.GetCommandQueueInfo
#define clGetMemObjectInfo clf__cl_function.GetMemObjectInfo
#define clRetainCommandQueue clf__cl_function.RetainCommandQueue
#define clRetainContext clf__cl_function.RetainContext
#define clRetainMemObject clf__cl_function.RetainMemObject
#define clSetKernelArg clf__cl_function.SetKernelArg
#endif

#endif
