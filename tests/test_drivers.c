/* SPDX-License-Identifier: MIT */
/* test_drivers.c: OpenCL drivers of other kinds: the layer in faults/ changes what a driver reports
 * about its device, and each call that opens it fails once. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "faults/control.h"
#include "opencl.h"
#include "suite.h"

/* ---- What a device says of itself -------------------------------------------------------------
 */

typedef enum member { TYPE, FAMILY, DEVICE, DRIVER } member;
static const struct saying {
  unsigned what;
  size_t size;
  const void *value;
  member shows;
  const char *as;
} sayings[] = {
#define SAYS(what, type, ...)                                                                      \
  what, sizeof(type), &(const type) { __VA_ARGS__ }
    {SAYS(CL_DEVICE_TYPE, cl_device_type, CL_DEVICE_TYPE_CPU), TYPE, "cpu"},
    {SAYS(CL_DEVICE_TYPE, cl_device_type, CL_DEVICE_TYPE_GPU), TYPE, "gpu"},
    {SAYS(CL_DEVICE_TYPE, cl_device_type, CL_DEVICE_TYPE_GPU), FAMILY, CLF_GPU_FAMILY},
    {SAYS(CL_DEVICE_TYPE, cl_device_type, CL_DEVICE_TYPE_ACCELERATOR), TYPE, "accelerator"},
    {SAYS(CL_DEVICE_TYPE, cl_device_type, CL_DEVICE_TYPE_CUSTOM), TYPE, "other"},
    {SAYS(CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, cl_uint, 1), FAMILY, "simd4"},
    {SAYS(CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, cl_uint, 8), FAMILY, "simd8"},
    {SAYS(CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, cl_uint, 16), FAMILY, "simd16"},
    {CL_DEVICE_NAME, 13, "  a device  ", DEVICE, "a device"},
    {CL_DEVICE_NAME, 4, "   ", DEVICE, ""},
    {CL_DRIVER_VERSION, 1, "", DRIVER, ""},
    {SAYS(CL_DEVICE_MAX_CLOCK_FREQUENCY, cl_uint, 0), TYPE, "cpu"},
};

START_TEST(says) {
  const struct saying *it = &sayings[_i];
  clf_device_info *list = NULL;
  int count = 0;
  answer(it->what, it->value, it->size);
  WORKS(clf_devices(0, &list, &count));
  answer(0, "", 0);
  ck_assert_int_gt(count, 1);
  const char *const got[] = {list[0].type, list[0].family, list[0].device, list[0].driver};
  ck_assert_str_eq(got[it->shows], it->as);
  free(list);
}
END_TEST

/* Groups that are too small for the best kernels of GPUs. */
START_TEST(small_groups) {
  ck_assert_str_eq(clf__families[clf__gpu_family(64, 1 << 20)].family, "simt64");
  ck_assert_str_eq(clf__families[clf__gpu_family(256, 1024)].family, "simt64");
  ck_assert_str_eq(clf__families[clf__gpu_family(256, 1 << 20)].family, CLF_GPU_FAMILY);
}
END_TEST

/* On processors kernels are built operation by operation, and pocl, which compiles each as it is
 * launched, is not asked for a binary: it would compile all of them for that. */
START_TEST(kinds_of_drivers) {
  const clf_device_info pocl = {.type = "cpu", .platform = "Portable Computing Language"};
  const clf_device_info other = {.type = "cpu", .platform = "Intel(R) OpenCL"};
  const clf_device_info gpu = {.type = "gpu", .platform = "Portable Computing Language"};
  ck_assert(clf__cl_builds_on_demand(&pocl) && clf__cl_no_binaries(&pocl));
  ck_assert(clf__cl_builds_on_demand(&other) && !clf__cl_no_binaries(&other));
  ck_assert(!clf__cl_builds_on_demand(&gpu) && !clf__cl_no_binaries(&gpu));
}
END_TEST

/* ---- Calls that fail --------------------------------------------------------------------------
 */

static const struct failing {
  const char *function;
  long n;
  const char *says;
} failing[] = {
    {"clGetPlatformIDs", 1, "the OpenCL loader finds no platform: install a driver (CL_OUT_OF_"},
    {"clGetDeviceIDs", 1, "no OpenCL driver offers a device ("},
    {"clGetDeviceIDs", 2, ": CL_OUT_OF_HOST_MEMORY (-6))"},
    {"clCreateContext", 1, ": no context: CL_OUT_OF_HOST_MEMORY (-6)"},
    {"clCreateCommandQueue", 1, ": no queue: CL_OUT_OF_HOST_MEMORY (-6)"},
    {"clCreateProgramWithSource", 1, "no program for the kernels: CL_OUT_OF_HOST_MEMORY (-6)"},
    {"clCompileProgram", 1, "the kernels do not build with -cl-std=CL1.2 "},
};

/* When an operation is first used, on a processor. */
static const struct failing late[] = {
    {"clCreateProgramWithSource", 1, "no program for the kernels: CL_OUT_OF_HOST_MEMORY (-6)"},
    {"clBuildProgram", 1, "the kernels do not build with -cl-std=CL1.2 "},
    {"clCreateKernelsInProgram", 1, "clCreateKernelsInProgram"},
    {"clGetKernelInfo", 1, "clGetKernelInfo"},
    {"clGetKernelInfo", 2, "clGetKernelInfo"},
    {"clSetKernelArg", 1, "clSetKernelArg"},
};

/* And all of them when a GPU is opened. */
static const struct failing at_once[] = {
    {"clCreateProgramWithSource", 1, "no program for the kernels: CL_OUT_OF_HOST_MEMORY (-6)"},
    {"clBuildProgram", 1, "the kernels do not build with -cl-std=CL1.2 "},
    {"clCreateKernelsInProgram", 1, "clCreateKernelsInProgram"},
    {"clGetKernelInfo", 150, "clGetKernelInfo"},
};

START_TEST(fails_as_it_opens) {
  clf_device *dev = NULL;
  const int builds = strstr(failing[_i].function, "Program") != NULL;
  char *cache = strdup(getenv("CLFLOW_CACHE_DIR") ? getenv("CLFLOW_CACHE_DIR") : "");
  if (builds) setenv("CLFLOW_CACHE_DIR", "", 1);
  arm(failing[_i].function, failing[_i].n, 0, CL_OUT_OF_HOST_MEMORY);
  const clf_status s = clf_open("opencl", &dev);
  arm("*", 0, 0, 0);
  setenv("CLFLOW_CACHE_DIR", cache, 1);
  free(cache);
  ck_assert_msg(s != CLF_OK, "%s", failing[_i].function);
  ck_assert_msg(strstr(clf_errmsg(), failing[_i].says) != NULL, "%s: %s", failing[_i].function,
                clf_errmsg());
  ck_assert_ptr_null(dev);
  ck_assert_int_eq(alive(), 0);
}
END_TEST

static clf_status refused_buffer(clf_device *dev, int code) {
  clf_arena a = {0};
  arm("clCreateBuffer", 1, 0, code);
  const clf_status s = clf_arena_init(&a, dev, 16);
  arm("*", 0, 0, 0);
  clf_arena_free(&a);
  return s;
}

/* The next call starts from the beginning, without leftovers. */
START_TEST(fails_as_it_is_first_used) {
  clf_device *dev = NULL;
  clf_arena a;
  clf_tensor t;
  float y[4] = {0};
  char *cache = suite_setenv("CLFLOW_CACHE_DIR", "");
  WORKS(clf_open("opencl", &dev));
  WORKS(clf_arena_init(&a, dev, 16));
  WORKS(clf_new(&a, (int32_t[4]){4}, &t));
  arm(late[_i].function, late[_i].n, 0, CL_OUT_OF_HOST_MEMORY);
  const clf_status s = clf_do(dev, fill, .y = t, .value = 3);
  arm("*", 0, 0, 0);
  ck_assert_msg(s == CLF_ENOMEM && strstr(clf_errmsg(), late[_i].says), "%s: %d: %s",
                late[_i].function, (int)s, clf_errmsg());
  WORKS(clf_do(dev, fill, .y = t, .value = 3));
  WORKS(clf_read(dev, t, y));
  ck_assert_float_eq(y[3], 3);
  clf_arena_free(&a);
  clf_close(dev);
  suite_putenv_back("CLFLOW_CACHE_DIR", cache);
  ck_assert_int_eq(alive(), 0);
}
END_TEST

/* This processor, called a GPU: all kernels are there once it is open. */
START_TEST(all_kernels_of_a_gpu) {
  const cl_device_type gpu = CL_DEVICE_TYPE_GPU;
  clf_device *dev = NULL;
  char *cache = suite_setenv("CLFLOW_CACHE_DIR", "");
  answer(CL_DEVICE_TYPE, &gpu, sizeof gpu);
  for (size_t i = 0; i < sizeof at_once / sizeof *at_once; i++) {
    arm(at_once[i].function, at_once[i].n, 0, CL_OUT_OF_HOST_MEMORY);
    const clf_status s = clf_open("opencl:0/simd4", &dev);
    arm("*", 0, 0, 0);
    ck_assert_msg(s == CLF_ENOMEM && strstr(clf_errmsg(), at_once[i].says), "%s: %d: %s",
                  at_once[i].function, (int)s, clf_errmsg());
    ck_assert_int_eq(alive(), 0);
  }
  WORKS(clf_open("opencl:0/simd4", &dev));
  ck_assert_int_eq(clf__late_kernels(dev), 0);
  const clf__cl *cl = dev->impl;
  for (int op = 0; op < CLF_OP_COUNT; op++)
    ck_assert_msg(cl->kernel[op][0].k != NULL, "%s", clf_ops[op].name);
  WORKS(clf__selftest_of(dev, CLF_OP_fill, 0, NULL));
  clf_close(dev);
  answer(0, "", 0);
  suite_putenv_back("CLFLOW_CACHE_DIR", cache);
  ck_assert_int_eq(alive(), 0);
}
END_TEST

START_TEST(fails_in_use) {
  clf_device *dev = NULL;
  clf_arena a;
  clf_tensor t;
  const float x[4] = {1, 2, 3, 4};
  float y[4] = {0};
  WORKS(clf_open("opencl", &dev));
  ck_assert_int_eq(refused_buffer(dev, CL_OUT_OF_RESOURCES), CLF_ENOMEM);
  ck_assert_int_eq(refused_buffer(dev, CL_INVALID_BUFFER_SIZE), CLF_ENOMEM);
  ck_assert_int_eq(refused_buffer(dev, CL_MEM_OBJECT_ALLOCATION_FAILURE), CLF_ENOMEM);
  ck_assert_int_eq(refused_buffer(dev, CL_INVALID_CONTEXT), CLF_EDEVICE);
  WORKS(clf_arena_init(&a, dev, 16));
  WORKS(clf_new(&a, (int32_t[4]){4}, &t));
  static const char *const calls[] = {"clCreateCommandQueue", "clFlush", "clEnqueueWriteBuffer"};
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    arm(calls[i], 1, 0, CL_INVALID_COMMAND_QUEUE);
    const clf_status s = clf_upload(dev, t, x);
    arm("*", 0, 0, 0);
    ck_assert_msg(s == CLF_EDEVICE && strstr(clf_errmsg(), "upload"), "%s: %s", calls[i],
                  clf_errmsg());
    WORKS(clf_write(dev, t, x));
  }
  arm("clFinish", 1, 0, CL_INVALID_COMMAND_QUEUE);
  ck_assert_int_eq(clf_sync(dev), CLF_EDEVICE);
  arm("*", 0, 0, 0);
  WORKS(clf_upload(dev, t, x));
  WORKS(clf_read(dev, t, y));
  ck_assert_mem_eq(x, y, sizeof x);
  clf_arena_free(&a);
  clf_close(dev);
  ck_assert_int_eq(alive(), 0);
}
END_TEST

/* ---- All --------------------------------------------------------------------------------------
 */

int main(void) {
  setenv("OPENCL_LAYERS", CLF_FAULT_LAYER, 1);
  setenv("CLFLOW_PROBE", "", 1); /* this process lists the devices */
  clf_device_info *list = NULL;
  int count = 0;
  if (clf_devices(0, &list, &count) || count < 2) {
    puts("skipped: there is no OpenCL device");
    return 0;
  }
  free(list);
  Suite *suite = suite_create("drivers");
  TCase *c = tcase_create("drivers");
  tcase_set_timeout(c, 300);
  tcase_add_unchecked_fixture(c, find_layer, NULL);
  tcase_add_loop_test(c, says, 0, sizeof sayings / sizeof *sayings);
  tcase_add_test(c, small_groups);
  tcase_add_test(c, kinds_of_drivers);
  tcase_add_loop_test(c, fails_as_it_opens, 0, sizeof failing / sizeof *failing);
  tcase_add_loop_test(c, fails_as_it_is_first_used, 0, sizeof late / sizeof *late);
  tcase_add_test(c, all_kernels_of_a_gpu);
  tcase_add_test(c, fails_in_use);
  suite_add_tcase(suite, c);
  return suite_run(suite);
}
