/* SPDX-License-Identifier: MIT */
/* test_runtime.c: devices by name, refusals, tensors, random numbers, the cache.
 * OpenCL's part is left out where there is no OpenCL device. */
#define _GNU_SOURCE
#include <check.h>
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "backend.h"
#include "cache.h"
#include "opencl.h"
#include "probe.h"

extern char **environ;

#define WORKS(call) ck_assert_msg(!(call), "%s", clf_errmsg())
#define REFUSED(call, status, message)                                                             \
  do {                                                                                             \
    ck_assert_int_eq((call), (status));                                                            \
    ck_assert_str_eq(clf_errmsg(), (message));                                                     \
  } while (0)

static clf_device *opened(const char *name) {
  clf_device *dev = NULL;
  const clf_status s = clf_open(name, &dev);
  ck_assert_msg(!s, "%s: %s", name ? name : "NULL", clf_errmsg());
  return dev;
}

static void opens(const char *name, const char *begins, const char *ends) {
  clf_device *dev = opened(name);
  const char *got = clf_device_name(dev);
  const size_t n = strlen(got), e = strlen(ends);
  ck_assert_msg(strncmp(got, begins, strlen(begins)) == 0 && n >= e &&
                    strcmp(got + n - e, ends) == 0,
                "%s opens \"%s\", not \"%s...%s\"", name ? name : "NULL", got, begins, ends);
  ck_assert_str_eq(clf_device_note(dev), "");
  clf_close(dev);
}

static void does_not_open(const char *name, clf_status status, const char *message) {
  clf_device *dev = NULL;
  const clf_status s = clf_open(name, &dev);
  ck_assert_msg(s == status, "%s: status %d: %s", name, (int)s, clf_errmsg());
  ck_assert_str_eq(clf_errmsg(), message);
  ck_assert_ptr_null(dev);
}

/* ---- Devices of this machine ------------------------------------------------------------ */

static clf_device_info *found; /* OpenCL first, cpu last */
static int found_count;

static int opencl_count(void) { return found_count - 1; }
static int first_of_type(const char *type) {
  int i = 0;
  while (i < opencl_count() && strcmp(found[i].type, type) != 0) i++;
  return i < opencl_count() ? i : -1;
}

static void list_devices(void) { WORKS(clf_devices(0, &found, &found_count)); }
static void free_list(void) { free(found); }

/* On which the tests of tensors and random numbers run. */
static const char *const everywhere[] = {"cpu", "cpu64", "opencl", "cpu/baseline"};
enum { EVERYWHERE = sizeof everywhere / sizeof *everywhere };
static clf_device *open_ith(int i) {
  return strcmp(everywhere[i], "opencl") == 0 && !opencl_count() ? NULL : opened(everywhere[i]);
}

/* ---- Names --------------------------------------------------------------------------------- */

START_TEST(names_of_cpu) {
  opens("cpu", "cpu (", ")");
  opens("cpu/baseline", "cpu (baseline)", "");
  opens("cpu64", "cpu64", "");
  opens("check:cpu", "check:cpu (", ")");
  opens("trace:cpu64", "trace:cpu64", "");
  opens("check:trace:cpu/baseline", "check:trace:cpu (baseline)", "");
}
END_TEST

START_TEST(wrong_names) {
  static const char unknown[] = "no device is called \"%s\"; there are auto, cpu, cpu64, opencl, "
                                "opencl:N, opencl:gpu, opencl:NAME, check:DEVICE and trace:DEVICE";
  static const char *const no_device[] = {"nonsense", "cp",     "cpu6",     "cpu640",
                                          "CPU",      " cpu",   "autox",    "auto:x",
                                          ":",        "/simd4", "opencl64", "opencl0"};
  char text[256];
  for (size_t i = 0; i < sizeof no_device / sizeof *no_device; i++) {
    snprintf(text, sizeof text, unknown, no_device[i]);
    does_not_open(no_device[i], CLF_ENODEV, text);
  }
  snprintf(text, sizeof text, unknown, "nonsense");
  does_not_open("check:nonsense", CLF_ENODEV, text);
  does_not_open("trace:check:nonsense", CLF_ENODEV, text);
  does_not_open("cpu:x", CLF_ENODEV, "cpu takes no device name, got \"x\"");
  does_not_open("cpu64:0", CLF_ENODEV, "cpu64 takes no device name, got \"0\"");
  does_not_open("cpu64/avx2", CLF_ENODEV, "cpu64 takes no device name, got \"/avx2\"");
  does_not_open("check:", CLF_ENODEV, "check needs the device to check, such as check:opencl");
  does_not_open("trace", CLF_ENODEV, "trace needs the device to trace, such as trace:opencl");
  clf_device *dev = NULL;
  ck_assert_int_eq(clf_open("cpu/sse9", &dev), CLF_ENODEV);
  ck_assert_ptr_nonnull(strstr(clf_errmsg(), "cpu has no instruction set \"sse9\"; there are"));
}
END_TEST

START_TEST(wrappers_in_wrappers) {
  char name[512] = "";
  clf_device *dev;
  WORKS(clf_open("check:trace:check:trace:cpu", &dev));
  clf_close(dev);
  for (int i = 0; i < 80; i++) strcat(name, "check:");
  strcat(name, "cpu");
  ck_assert_int_eq(clf_open(name, &dev), CLF_ENODEV);
  ck_assert_str_eq(clf_errmsg(),
                   "the device \"check:check:check:check:check:check:chec...\" has more "
                   "than 4 of check: and trace:");
}
END_TEST

START_TEST(names_of_opencl) {
  if (!opencl_count()) return;
  char own[32], part[64], name[80];
  snprintf(own, sizeof own, "(%s)", found[0].family);
  opens("opencl", "opencl:0 ", own);
  opens("opencl:0", "opencl:0 ", own);
  opens("opencl:", "opencl:0 ", own);
  opens("opencl:/simd8", "opencl:0 ", "(simd8)");
  opens("opencl/simd4", "opencl:0 ", "(simd4)");
  opens("opencl:0/simt", "opencl:0 ", "(simt)");
  opens("check:opencl", "check:opencl:0 ", own);
  opens("trace:opencl:0", "trace:opencl:0 ", own);
  /* the middle of the device's name, and of its platform's, in the other case */
  const char *texts[] = {found[0].device, found[0].platform};
  for (int i = 0; i < 2; i++) {
    snprintf(part, sizeof part, "%.12s", texts[i] + (strlen(texts[i]) > 14 ? 2 : 0));
    part[strcspn(part, "/")] = 0;
    for (char *p = part; *p; p++)
      *p = (char)(isupper((unsigned char)*p) ? tolower((unsigned char)*p)
                                             : toupper((unsigned char)*p));
    snprintf(name, sizeof name, "opencl:%s", part);
    opens(name, "opencl:0 ", own);
  }
}
END_TEST

START_TEST(types_of_opencl) {
  static const char *const types[] = {"gpu", "cpu", "accelerator"};
  for (int i = 0; i < 3 && opencl_count(); i++) {
    char name[32], begins[32], text[128];
    const int at = first_of_type(types[i]);
    snprintf(name, sizeof name, "opencl:%s", types[i]);
    snprintf(begins, sizeof begins, "opencl:%d ", at);
    snprintf(text, sizeof text,
             "no OpenCL device matches \"%s\" among the %d found; `clflow devices` lists them",
             types[i], opencl_count());
    if (at >= 0)
      opens(name, begins, ")");
    else
      does_not_open(name, CLF_ENODEV, text);
  }
}
END_TEST

START_TEST(wrong_names_of_opencl) {
  if (!opencl_count()) return;
  char text[256];
  static const char *const none[] = {"99", "18446744073709551616", "no such name", "-1x"};
  for (int i = 0; i < 4; i++) {
    char name[64];
    snprintf(name, sizeof name, "opencl:%s", none[i]);
    snprintf(text, sizeof text,
             "no OpenCL device matches \"%s\" among the %d found; `clflow devices` lists them",
             none[i], opencl_count());
    does_not_open(name, CLF_ENODEV, text);
  }
  snprintf(text, sizeof text,
           "no family of kernels is called \"simd5\"; there are simd16 simd8 "
           "simd4 simt simt64%s",
           strcmp(CLF_GPU_FAMILY, "simt") == 0 ? "" : " clblast");
  does_not_open("opencl:0/simd5", CLF_ENODEV, text);
}
END_TEST

START_TEST(name_from_environment) {
  setenv("CLFLOW_DEVICE", "cpu64", 1);
  opens(NULL, "cpu64", "");
  opens("", "cpu64", "");
  opens("cpu/baseline", "cpu (baseline)", "");
  setenv("CLFLOW_DEVICE", "check", 1); /* must not open itself for ever */
  does_not_open(NULL, CLF_ENODEV, "check needs the device to check, such as check:opencl");
  setenv("CLFLOW_DEVICE", "nonsense", 1);
  ck_assert_int_eq(clf_open(NULL, &(clf_device *){NULL}), CLF_ENODEV);
  static const char *const automatic[] = {"", NULL};
  for (int i = 0; i < 2; i++) { /* set but empty, and not set: auto */
    if (automatic[i])
      setenv("CLFLOW_DEVICE", automatic[i], 1);
    else
      unsetenv("CLFLOW_DEVICE");
    clf_device *dev = opened(NULL);
    char want[256];
    snprintf(want, sizeof want, "auto takes %s\n", clf_device_name(dev));
    ck_assert_ptr_nonnull(strstr(clf_device_note(dev), want));
    clf_close(dev);
  }
}
END_TEST

START_TEST(automatic) {
  clf_device *dev = opened("auto");
  ck_assert_ptr_nonnull(strstr(clf_device_note(dev), "auto takes "));
  if (!opencl_count()) ck_assert_str_eq(dev->backend->name, "cpu");
  clf_close(dev);
  dev = opened("auto/simd5"); /* no device has this family, so that cpu is left */
  ck_assert_str_eq(dev->backend->name, "cpu");
  if (opencl_count())
    ck_assert_ptr_nonnull(strstr(clf_device_note(dev), "is passed over: no family of kernels is "
                                                       "called \"simd5\""));
  clf_close(dev);
}
END_TEST

START_TEST(the_list) {
  const clf_device_info *cpu = &found[found_count - 1];
  ck_assert_str_eq(cpu->name, "cpu");
  ck_assert_str_eq(cpu->type, "cpu");
  ck_assert_int_ge(cpu->units, 1);
  ck_assert_uint_gt(cpu->memory, 1 << 20);
  for (int i = 0; i < found_count; i++) {
    char name[32];
    snprintf(name, sizeof name, "opencl:%d", i);
    if (i < opencl_count()) ck_assert_str_eq(found[i].name, name);
    ck_assert_int_eq(found[i].passes, -1);
    ck_assert_int_eq(found[i].chosen, 0);
    ck_assert_str_eq(found[i].why, "");
    ck_assert_msg(*found[i].device && *found[i].platform && *found[i].family, "%s", found[i].name);
    ck_assert_msg(found[i].max_alloc > 0 && found[i].memory >= found[i].max_alloc, "%s",
                  found[i].name);
  }
}
END_TEST

START_TEST(the_list_tested) {
  clf_device_info *list;
  int count, chosen = 0;
  WORKS(clf_devices(1, &list, &count));
  ck_assert_int_eq(count, found_count);
  clf_device *dev = opened("auto");
  for (int i = 0; i < count; i++) {
    ck_assert_str_eq(list[i].name, found[i].name);
    ck_assert_msg(list[i].passes == 1 || (list[i].passes == 0 && *list[i].why), "%s", list[i].name);
    if (!list[i].chosen) continue;
    chosen++;
    ck_assert_int_eq(list[i].passes, 1);
    ck_assert_str_ne(list[i].why, "");
    ck_assert_ptr_eq(strstr(clf_device_name(dev), list[i].name), clf_device_name(dev));
    for (int before = 0; before < i; before++) ck_assert_int_eq(list[before].passes, 0);
  }
  ck_assert_int_eq(chosen, 1);
  clf_close(dev);
  free(list);
}
END_TEST

/* ---- Without OpenCL: a process of its own, as the loader reads its folder once ----------- */

static int without_opencl(void) {
  clf_device *dev = NULL;
  clf_device_info *list = NULL;
  int count = 0;
  if (clf_open("auto", &dev) || strncmp(clf_device_name(dev), "cpu (", 5) != 0) return 10;
  const char *note = clf_device_note(dev);
  if (strncmp(note, "no OpenCL: the OpenCL loader finds no platform: install a driver (", 66) != 0)
    return 11;
  if (!strstr(note, ")\nauto takes cpu (")) return 12;
  clf_close(dev);
  if (clf_open("opencl", &dev) != CLF_ENODEV) return 13;
  if (!strstr(clf_errmsg(), "the OpenCL loader finds no platform")) return 14;
  if (clf_devices(1, &list, &count) || count != 1 || strcmp(list->name, "cpu") != 0) return 15;
  if (!list->chosen || list->passes != 1) return 16;
  if (strcmp(list->why, "no OpenCL device passes its self-test") != 0) return 17;
  free(list);
  return 0;
}

static char folder[] = "/tmp/clflow-runtime-XXXXXX"; /* of the run; emptied at its end */

START_TEST(auto_without_opencl) {
  char empty[128];
  snprintf(empty, sizeof empty, "%s/vendors", folder);
  ck_assert_int_eq(mkdir(empty, 0777), 0);
  const char *before = getenv("OCL_ICD_VENDORS");
  char *saved = before ? strdup(before) : NULL;
  setenv("OCL_ICD_VENDORS", empty, 1);
  pid_t pid;
  int status = -1;
  char self[] = "/proc/self/exe", argument[] = "--without-opencl";
  ck_assert_int_eq(posix_spawn(&pid, self, NULL, NULL, (char *[]){self, argument, NULL}, environ),
                   0);
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  if (saved)
    setenv("OCL_ICD_VENDORS", saved, 1);
  else
    unsetenv("OCL_ICD_VENDORS");
  free(saved);
  rmdir(empty);
  ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ends with %d",
                WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}
END_TEST

/* ---- The self-test, and a device that computes wrongly ------------------------------------- */

START_TEST(selftest_passes) {
  clf_device *dev = open_ith(_i);
  if (!dev) return;
  WORKS(clf__selftest(dev));
  clf_close(dev);
}
END_TEST

static clf_op victim; /* whose first result is wrong, by `wrong` plus as much again */
static double wrong;
static int victim_ran, ran[CLF_OP_COUNT];

static clf_status sabotaged_run(clf_device *dev, clf_op op, const void *args) {
  const clf_tensor *t = args;
  CLF_TRY(clf__cpu.run(dev, op, args));
  ran[op] = 1;
  if (op != victim) return CLF_OK;
  victim_ran = 1;
  for (int i = 0; clf_ops[op].modes[i]; i++) {
    if (!t[i].buf || !clf__writes(clf_ops[op].modes[i])) continue;
    float *first = (float *)t[i].buf->handle + t[i].offset;
    *first += (float)wrong * (1 + fabsf(*first));
    return CLF_OK;
  }
  return CLF_OK;
}

static clf_device *sabotaged(clf_op op, double by) {
  static clf_backend backend;
  backend = clf__cpu;
  backend.run = sabotaged_run;
  victim = op;
  wrong = by;
  victim_ran = 0;
  clf_device *dev = opened("cpu/baseline");
  dev->backend = &backend;
  return dev;
}

/* The judge names the operation, its shapes and both numbers. */
START_TEST(selftest_finds_every_wrong_operation) {
  const clf_op op = (clf_op)_i;
  char begins[64];
  snprintf(begins, sizeof begins, "%s(", clf_ops[op].name);
  const double by[] = {1, -0.01, NAN};
  for (int i = 0; i < 3; i++) {
    clf_device *dev = sabotaged(op, by[i]);
    const clf_status s = clf__selftest(dev);
    clf_close(dev);
    ck_assert_msg(victim_ran, "the self-test does not run %s", clf_ops[op].name);
    ck_assert_msg(s == CLF_EMISMATCH, "%s wrong by %g is not found", clf_ops[op].name, by[i]);
    ck_assert_msg(strncmp(clf_errmsg(), begins, strlen(begins)) == 0 &&
                      strstr(clf_errmsg(), "element 0 is ") &&
                      strstr(clf_errmsg(), "the reference has "),
                  "%s", clf_errmsg());
  }
}
END_TEST

START_TEST(checking_device_names_the_call) {
  clf_device *inner = sabotaged(CLF_OP_fill, 1), *dev = NULL;
  clf_arena a;
  clf_tensor t;
  WORKS(clf__check_wrap(inner, &dev));
  ck_assert_str_eq(clf_device_name(dev), "check:cpu (baseline)");
  WORKS(clf_arena_init(&a, dev, 64));
  WORKS(clf_new(&a, (int32_t[4]){3, 2}, &t));
  REFUSED(clf_do(dev, fill, .y = t, .value = 4), CLF_EMISMATCH,
          "fill(w[3,2,1,1]): argument 0, element 0 is 9, the reference has 4");
  clf_arena_free(&a);
  clf_close(dev); /* leaves the inner device open */
  WORKS(clf_sync(inner));
  clf_close(inner);
}
END_TEST

/* Whatever f(dev) prints to stderr. */
static void captured(void (*f)(void), char *out, size_t size) {
  FILE *file = tmpfile();
  ck_assert_ptr_nonnull(file);
  fflush(stderr);
  const int before = dup(2);
  dup2(fileno(file), 2);
  f();
  fflush(stderr);
  dup2(before, 2);
  close(before);
  rewind(file);
  out[fread(out, 1, size - 1, file)] = 0;
  fclose(file);
}
static void traced(void) {
  clf_device *dev = opened("trace:cpu");
  clf_arena a;
  clf_tensor x, y;
  float v[6] = {1, 2, 3, 4, 5, 6};
  WORKS(clf_arena_init(&a, dev, 64));
  WORKS(clf_new(&a, (int32_t[4]){3, 2}, &x));
  WORKS(clf_new(&a, (int32_t[4]){3, 2}, &y));
  WORKS(clf_write(dev, x, v));
  WORKS(clf_do(dev, copy, .x = x, .y = y));
  WORKS(clf_read(dev, y, v));
  ck_assert_float_eq(v[5], 6);
  clf_arena_free(&a);
  clf_close(dev);
}
START_TEST(tracing_device_tells) {
  char text[1024];
  captured(traced, text, sizeof text);
  ck_assert_ptr_eq(strstr(text, "trace: allocates 64 elements\ntrace: writes 6 elements\ntrace: "),
                   text);
  ck_assert_ptr_nonnull(
      strstr(text, " us  copy(r[3,2,1,1] w[3,2,1,1])\ntrace: reads 6 elements\n"));
}
END_TEST

/* ---- Refusals of clf_dispatch() ------------------------------------------------------------- */

static clf_device *dev;
static clf_arena arena;
enum { ARENA = 1024 };

static void open_cpu(void) {
  dev = opened("cpu/baseline");
  WORKS(clf_arena_init(&arena, dev, ARENA));
}
static void close_cpu(void) {
  clf_arena_free(&arena);
  clf_close(dev);
}
static clf_tensor tensor(int32_t n, int32_t c) {
  clf_tensor t;
  WORKS(clf_new(&arena, (int32_t[4]){n, c}, &t));
  return t;
}

START_TEST(shapes_that_do_not_agree) {
  const clf_tensor a = tensor(4, 3), b = tensor(3, 5), c = tensor(5, 5), d = tensor(4, 5);
  REFUSED(clf_do(dev, gemm, .a = a, .b = b, .c = c, .alpha = 1), CLF_ESHAPE,
          "gemm: p->c.dim[0] is 5, but p->a.dim[p->ta != 0] is 4");
  REFUSED(clf_do(dev, gemm, .a = a, .b = a, .c = d, .alpha = 1), CLF_ESHAPE,
          "gemm: p->c.dim[1] is 5, but p->b.dim[p->tb == 0] is 3");
  REFUSED(clf_do(dev, gemm, .a = c, .b = b, .c = tensor(5, 5), .alpha = 1), CLF_ESHAPE,
          "gemm: p->a.dim[p->ta == 0] is 5, but p->b.dim[p->tb != 0] is 3");
  REFUSED(clf_do(dev, gemm, .a = a, .b = b, .c = d, .bias = tensor(4, 1), .alpha = 1), CLF_ESHAPE,
          "gemm: p->bias.buf ? p->bias.dim[0] : p->c.dim[1] is 4, but p->c.dim[1] is 5");
  REFUSED(clf_do(dev, copy, .x = a, .y = d), CLF_ESHAPE, "copy: dimension 1 of x and y is 3 and 5");
  REFUSED(
      clf_do(dev, piecewise_knots, .alpha = tensor(1, 1), .xi = tensor(1, 1), .v = tensor(1, 1)),
      CLF_ESHAPE, "piecewise_knots: p->xi.dim[0] is 1, below 2 = 2");
  REFUSED(clf_do(dev, shuffle_rows, .x = a, .y = tensor(3, 3), .first = 2), CLF_ESHAPE,
          "shuffle_rows: p->x.dim[0] - p->y.dim[0] is 1, below p->first = 2");
  clf_tensor image = tensor(2, 12);
  image.dim[1] = 3, image.dim[2] = 4, image.stride[1] = 4, image.stride[2] = 1;
  REFUSED(clf_do(dev, scaling_fwd, .x = image, .log_s = tensor(3, 1), .y = image,
                 .logdet = tensor(2, 1)),
          CLF_EINVAL, "scaling_fwd: argument 2, which is written, overlaps argument 0");
  clf_tensor other = tensor(2, 12);
  memcpy(other.dim, image.dim, sizeof other.dim);
  memcpy(other.stride, image.stride, sizeof other.stride);
  REFUSED(clf_do(dev, scaling_fwd, .x = image, .log_s = tensor(3, 1), .y = other,
                 .logdet = tensor(2, 1)),
          CLF_ESHAPE, "scaling_fwd: dimension 2 of x is 4; x has 2 dimensions");
  REFUSED(clf_do(dev, adam_step, .g = tensor(2, 3), .w = tensor(2, 3), .m = tensor(2, 3),
                 .v = tensor(2, 3)),
          CLF_ESHAPE, "adam_step: dimension 1 of w is 3; w has 1 dimension");
  REFUSED(clf_do(dev, gemm, .a = a, .b = b, .c = d, .alpha = 1, .act = 3), CLF_ESHAPE,
          "gemm: 2 is 2, below p->act = 3");
  REFUSED(clf_do(dev, mlp_coupling_inv, .y = a, .b = tensor(1, 3), .w = tensor(1, 34),
                 .x = tensor(4, 3), .logdet = tensor(4, 1), .hidden = INT32_MAX),
          CLF_ESHAPE,
          "mlp_coupling_inv: p->w.dim[1] / ((p->add ? 1 : 2) * (2 * p->y.dim[1] + 1)) is 2, below "
          "p->hidden = 2147483647");
  REFUSED(clf_do(dev, random_bits, .y = tensor(2, 3)), CLF_ESHAPE,
          "random_bits: p->y.dim[1] % 2 is 1, but 0 is 0");
}
END_TEST

START_TEST(tensors_that_are_not_there) {
  const clf_tensor x = tensor(4, 3), y = tensor(4, 3);
  clf_device *other = opened("cpu64");
  clf_arena there;
  clf_tensor foreign, measured;
  WORKS(clf_arena_init(&there, other, 64));
  WORKS(clf_new(&there, (int32_t[4]){4, 3}, &foreign));
  WORKS(clf_new(&(clf_arena){.dev = dev}, (int32_t[4]){4, 3}, &measured));
  REFUSED(clf_do(dev, copy, .x = x), CLF_EINVAL, "copy: argument 1 is missing on cpu (baseline)");
  REFUSED(clf_do(dev, copy, .x = measured, .y = y), CLF_EINVAL,
          "copy: argument 0 is missing on cpu (baseline)");
  REFUSED(clf_do(dev, copy, .x = foreign, .y = y), CLF_EINVAL,
          "copy: argument 0 is not on cpu (baseline)");
  REFUSED(clf_do(other, copy, .x = foreign, .y = y), CLF_EINVAL,
          "copy: argument 1 is not on cpu64");
  REFUSED(clf_do(dev, gemm, .a = x, .b = tensor(3, 3), .c = y, .bias = foreign), CLF_EINVAL,
          "gemm: argument 2 is not on cpu (baseline)");
  float v[12];
  REFUSED(clf_read(dev, foreign, v), CLF_EINVAL, "clf_read: the tensor is not on cpu (baseline)");
  REFUSED(clf_write(dev, measured, v), CLF_EINVAL,
          "clf_write: the tensor is not on cpu (baseline)");
  REFUSED(clf_dispatch(dev, (clf_op)9999, NULL), CLF_EINVAL, "there is no operation 9999");
  ck_assert_int_eq(clf_dispatch(dev, CLF_OP_COUNT, NULL), CLF_EINVAL);
  clf_arena_free(&there);
  clf_close(other);
}
END_TEST

START_TEST(views_beyond_their_buffer) {
  const clf_tensor x = tensor(4, 3), y = tensor(4, 3);
  clf_tensor far = x, before = x, empty = clf_slice(x, 0, 2, 2), back = x;
  far.offset = ARENA - 11;
  before.offset = -1;
  back.stride[0] = -3;
  float v[12] = {0};
  double w[12] = {0};
  REFUSED(clf_do(dev, copy, .x = far, .y = y), CLF_ESHAPE,
          "copy: argument 0 reaches to element 1025 of a buffer of 1024");
  ck_assert_int_eq(clf_do(dev, copy, .x = before, .y = y), CLF_ESHAPE);
  REFUSED(clf_do(dev, copy, .x = x, .y = empty), CLF_ESHAPE,
          "copy: dimension 0 of argument 1 is 0, its stride 3");
  REFUSED(clf_do(dev, copy, .x = back, .y = y), CLF_ESHAPE,
          "copy: dimension 0 of argument 0 is 4, its stride -3");
  REFUSED(clf_read(dev, far, v), CLF_ESHAPE,
          "clf_read: argument 0 reaches to element 1025 of a buffer of 1024");
  REFUSED(clf_write64(dev, empty, w), CLF_ESHAPE,
          "clf_write64: dimension 0 of argument 0 is 0, its stride 3");
  ck_assert_int_eq(clf_write(dev, far, v), CLF_ESHAPE);
  ck_assert_int_eq(clf_read64(dev, back, w), CLF_ESHAPE);
}
END_TEST

START_TEST(overlaps) {
  const clf_tensor x = tensor(8, 4), t = tensor(8, 4);
  float v[32], got[32];
  for (int i = 0; i < 32; i++) v[i] = (float)i;
  WORKS(clf_write(dev, x, v));
  REFUSED(clf_do(dev, copy, .x = x, .y = x), CLF_EINVAL,
          "copy: argument 1, which is written, overlaps argument 0");
  REFUSED(clf_do(dev, copy, .x = clf_slice(x, 0, 0, 4), .y = clf_slice(x, 0, 3, 7)), CLF_EINVAL,
          "copy: argument 1, which is written, overlaps argument 0");
  REFUSED(clf_do(dev, copy, .x = clf_slice(x, 1, 0, 2), .y = clf_slice(x, 1, 1, 3)), CLF_EINVAL,
          "copy: argument 1, which is written, overlaps argument 0");
  REFUSED(clf_do(dev, adam_step, .g = clf_flat(x), .w = clf_flat(t), .m = clf_flat(tensor(8, 4)),
                 .v = clf_flat(t)),
          CLF_EINVAL, "adam_step: argument 1, which is written, overlaps argument 3");
  /* what is only read may be read twice */
  WORKS(clf_do(dev, act_bwd, .y = x, .dy = x, .dx = t, .act = 1));
  WORKS(clf_do(dev, copy, .x = clf_slice(x, 0, 0, 4), .y = clf_slice(x, 0, 4, 8)));
  /* columns 0 and 1 into columns 2 and 3 of the same rows, and one column beside another */
  WORKS(clf_do(dev, copy, .x = clf_slice(x, 1, 0, 2), .y = clf_slice(x, 1, 2, 4)));
  WORKS(clf_do(dev, copy, .x = clf_slice(x, 1, 1, 2), .y = clf_slice(x, 1, 0, 1)));
  /* halves of the channels, channels last, may be told apart; parts of them may not */
  clf_tensor image = tensor(2, 36);
  image = (clf_tensor){image.buf, image.offset, {2, 4, 3, 3}, {36, 1, 12, 4}};
  WORKS(clf_do(dev, copy, .x = clf_slice(image, 1, 0, 2), .y = clf_slice(image, 1, 2, 4)));
  WORKS(clf_do(dev, copy, .x = clf_slice(image, 3, 0, 1), .y = clf_slice(image, 3, 1, 2)));
  REFUSED(clf_do(dev, copy, .x = clf_slice(image, 1, 0, 2), .y = clf_slice(image, 1, 1, 3)),
          CLF_EINVAL, "copy: argument 1, which is written, overlaps argument 0");
  WORKS(clf_read(dev, x, got));
  for (int i = 0; i < 32; i++) {
    const int row = i / 4 % 4, col = i % 4;
    ck_assert_float_eq(got[i], (float)(4 * row + (col == 2 ? 0 : 1)));
  }
}
END_TEST

/* ---- Arenas and transfers ------------------------------------------------------------------- */

static clf_status two_tensors(clf_arena *a, clf_tensor *x, clf_tensor *y) {
  CLF_TRY(clf_new(a, (int32_t[4]){5, 7}, x));
  return clf_new(a, (int32_t[4]){2, 3, 4, 5}, y);
}

START_TEST(arenas) {
  clf_arena a;
  clf_tensor x, y;
  WORKS(clf_arena_init(&a, dev, 0));
  WORKS(two_tensors(&a, &x, &y));
  ck_assert_uint_eq(a.used, 48 + 128); /* each begins at a multiple of 16 */
  ck_assert_ptr_null(x.buf);
  const size_t need = a.used;
  WORKS(clf_arena_init(&a, dev, need));
  ck_assert_uint_eq(a.used, 0);
  WORKS(two_tensors(&a, &x, &y));
  ck_assert_ptr_nonnull(x.buf);
  ck_assert_int_eq(x.offset, 0);
  ck_assert_int_eq(y.offset, 48);
  const int32_t dim[] = {2, 3, 4, 5}, stride[] = {60, 20, 5, 1};
  for (int i = 0; i < 4; i++) ck_assert_int_eq(y.dim[i], dim[i]);
  for (int i = 0; i < 4; i++) ck_assert_int_eq(y.stride[i], stride[i]);
  const clf_tensor kept = x;
  REFUSED(clf_new(&a, (int32_t[4]){1}, &x), CLF_ENOMEM, "an arena of 176 elements is full at 192");
  ck_assert_int_eq(x.dim[0], kept.dim[0]); /* results are written on success only */
  ck_assert_uint_eq(a.used, need);
  clf_arena_free(&a);
  ck_assert_ptr_null(a.buf);
  clf_arena_free(&a);
}
END_TEST

START_TEST(arenas_that_are_too_large) {
  clf_arena a;
  clf_tensor t;
  REFUSED(clf_arena_init(&a, dev, (size_t)1 << 31), CLF_ENOTSUP,
          "an arena of 2147483648 elements: one holds at most 2147483647");
  ck_assert_ptr_null(a.buf);
  WORKS(clf_arena_init(&a, dev, 0));
  REFUSED(clf_new(&a, (int32_t[4]){1 << 16, 1 << 15}, &t), CLF_ENOTSUP,
          "a tensor of [65536,32768,0,0]: one holds at most 2147483647 elements");
  REFUSED(clf_new(&a, (int32_t[4]){INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX}, &t), CLF_ENOTSUP,
          "a tensor of [2147483647,2147483647,2147483647,2147483647]: one holds at most 2147483647 "
          "elements");
  REFUSED(clf_new(&a, (int32_t[4]){3, -1}, &t), CLF_ESHAPE, "a tensor's dimension 1 is -1");
  WORKS(clf_new(&a, (int32_t[4]){INT32_MAX}, &t));
  ck_assert_int_ne(clf_new(&a, (int32_t[4]){1}, &t), CLF_OK); /* its offset would not fit */
}
END_TEST

START_TEST(strided_transfers) {
  clf_device *d = open_ith(_i);
  if (!d) return;
  clf_arena a;
  clf_tensor t;
  float all[60], part[12], got[60];
  WORKS(clf_arena_init(&a, d, 256));
  WORKS(clf_new(&a, (int32_t[4]){3, 4, 5}, &t));
  for (int i = 0; i < 60; i++) all[i] = (float)i;
  for (int i = 0; i < 12; i++) part[i] = (float)(100 + i);
  WORKS(clf_write(d, t, all));
  /* columns 1 and 2 of rows 1 .. 3, of the last two planes */
  const clf_tensor v = clf_slice(clf_slice(clf_slice(t, 0, 1, 3), 1, 1, 4), 2, 1, 3);
  ck_assert_int_eq(clf__dense(&v), 0);
  WORKS(clf_read(d, v, got));
  for (int i = 0; i < 12; i++)
    ck_assert_float_eq(got[i], all[(1 + i / 6) * 20 + (1 + i / 2 % 3) * 5 + 1 + i % 2]);
  WORKS(clf_write(d, v, part));
  for (int i = 0; i < 12; i++) all[(1 + i / 6) * 20 + (1 + i / 2 % 3) * 5 + 1 + i % 2] = part[i];
  WORKS(clf_read(d, t, got));
  for (int i = 0; i < 60; i++) ck_assert_float_eq(got[i], all[i]);
  WORKS(clf_read(d, clf_slice(clf_flat(t), 0, 7, 9), got));
  ck_assert_float_eq(got[0], all[7]);
  ck_assert_float_eq(got[1], all[8]);
  clf_arena_free(&a);
  clf_close(d);
}
END_TEST

START_TEST(precisions) {
  clf_device *d = open_ith(_i);
  if (!d) return;
  const double in[6] = {0.1, -1.0 / 3, 1e-300, 16777217, 0, -2};
  const float in32[3] = {0.1f, -3.5f, 1e30f};
  double out[6];
  float out32[3];
  clf_arena a;
  clf_tensor t;
  WORKS(clf_arena_init(&a, d, 64));
  WORKS(clf_new(&a, (int32_t[4]){3, 2}, &t));
  WORKS(clf_write64(d, t, in));
  WORKS(clf_read64(d, t, out));
  for (int i = 0; i < 6; i++)
    ck_assert_double_eq(out[i], d->bits == 64 ? in[i] : (double)(float)in[i]);
  const clf_tensor column = clf_slice(t, 1, 1, 2);
  WORKS(clf_write(d, column, in32));
  WORKS(clf_read(d, column, out32));
  for (int i = 0; i < 3; i++) ck_assert_float_eq(out32[i], in32[i]);
  WORKS(clf_read64(d, column, out));
  for (int i = 0; i < 3; i++) ck_assert_double_eq(out[i], (double)in32[i]);
  clf_arena_free(&a);
  clf_close(d);
}
END_TEST

/* ---- Random numbers ------------------------------------------------------------------------- */

/* Philox4x32-10 of Salmon et al. 2011, written apart from the engine's. */
static void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t c[4], k[2] = {key[0], key[1]};
  memcpy(c, counter, sizeof c);
  for (int round = 0; round < 10; round++, k[0] += 0x9E3779B9u, k[1] += 0xBB67AE85u) {
    const uint64_t a = 0xD2511F53ull * c[0], b = 0xCD9E8D57ull * c[2];
    const uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k[0], (uint32_t)b,
                              (uint32_t)(a >> 32) ^ c[3] ^ k[1], (uint32_t)a};
    memcpy(c, next, sizeof c);
  }
  memcpy(out, c, sizeof c);
}

static const struct {
  uint32_t counter[4], key[2], out[4];
} published[] = {/* kat_vectors of Random123 */
                 {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
                 {{~0u, ~0u, ~0u, ~0u},
                  {~0u, ~0u},
                  {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
                 {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                  {0xa4093822, 0x299f31d0},
                  {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};

START_TEST(philox_of_the_test) {
  uint32_t out[4];
  philox(published[_i].counter, published[_i].key, out);
  for (int i = 0; i < 4; i++) ck_assert_uint_eq(out[i], published[_i].out[i]);
}
END_TEST

enum { ROWS = 5, WORDS = 11 };

/* Rows `lo, hi` and on of the stream, against the Philox above; reads back a word 0. */
static uint32_t check_bits(clf_device *d, clf_tensor y, const clf_random_bits_args *p) {
  float got[ROWS * 2 * WORDS];
  uint32_t first = 0;
  clf_random_bits_args args = *p;
  args.y = y;
  WORKS(clf_dispatch(d, CLF_OP_random_bits, &args));
  WORKS(clf_read(d, y, got));
  for (int n = 0; n < ROWS; n++)
    for (int e = 0; e < WORDS; e++) {
      const uint64_t i =
          ((uint64_t)(uint32_t)p->first_hi << 32 | (uint32_t)p->first_lo) + (uint64_t)n;
      uint32_t want[4];
      philox((uint32_t[4]){(uint32_t)e / 4, (uint32_t)i, (uint32_t)(i >> 32), (uint32_t)p->stream},
             (uint32_t[2]){(uint32_t)p->seed_lo, (uint32_t)p->seed_hi}, want);
      const float *half = &got[n * 2 * WORDS + 2 * e];
      const uint32_t word = (uint32_t)half[0] << 16 | (uint32_t)half[1];
      ck_assert_msg(word == want[e % 4], "sample %d, word %d is %08x, not %08x", n, e, word,
                    want[e % 4]);
      if (n + e == 0) first = word;
    }
  return first;
}

START_TEST(random_bits_are_philox) {
  clf_device *d = open_ith(_i);
  if (!d) return;
  clf_arena a;
  clf_tensor y;
  static const clf_random_bits_args at[] = {
      {.seed_lo = 0}, /* the first published vector */
      {.seed_lo = -1, .seed_hi = -1, .stream = -1, .first_lo = -1, .first_hi = -1},
      {.seed_lo = 1},
      {.seed_hi = 1},
      {.stream = 1},
      {.first_lo = 1},
      {.first_hi = 1},
      {.seed_lo = INT32_MIN, .seed_hi = INT32_MAX, .stream = 7, .first_lo = -3, .first_hi = 0},
      {.seed_lo = -559038737, .seed_hi = -2, .stream = 3, .first_lo = -3, .first_hi = 41},
      {.seed_lo = 42, .first_lo = INT32_MAX - 1}};
  WORKS(clf_arena_init(&a, d, 1024));
  WORKS(clf_new(&a, (int32_t[4]){ROWS, 2 * WORDS}, &y));
  for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
    const uint32_t first = check_bits(d, y, &at[i]);
    if (i == 0) ck_assert_uint_eq(first, published[0].out[0]);
  }
  clf_arena_free(&a);
  clf_close(d);
}
END_TEST

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

enum { SAMPLES = 100000, COLUMNS = 5 }; /* an odd row: its last number is half a pair */

static double *draw(clf_device *d, clf_op op) {
  clf_arena a;
  union {
    clf_random_normal_args normal;
    clf_random_uniform_args uniform;
  } args = {.normal = {.seed_lo = 12345, .seed_hi = -6, .stream = 1}};
  double *x = malloc(SAMPLES * sizeof *x);
  ck_assert_ptr_nonnull(x);
  WORKS(clf_arena_init(&a, d, SAMPLES + 16));
  WORKS(clf_new(&a, (int32_t[4]){SAMPLES / COLUMNS, COLUMNS}, &args.normal.y));
  WORKS(clf_dispatch(d, op, &args));
  WORKS(clf_read64(d, args.normal.y, x));
  clf_arena_free(&a);
  return x;
}

/* The largest distance of the samples' distribution from `cdf`; sorts x. */
static double kolmogorov_smirnov(double *x, double (*cdf)(double)) {
  double most = 0;
  qsort(x, SAMPLES, sizeof *x, by_value);
  for (int i = 0; i < SAMPLES; i++) {
    const double f = cdf(x[i]);
    most = fmax(most, fmax(fabs(f - (double)i / SAMPLES), fabs(f - (i + 1.0) / SAMPLES)));
  }
  return most;
}
static double normal_cdf(double x) { return 0.5 * erfc(-x / sqrt(2)); }
static double uniform_cdf(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

/* Bounds are four standard errors; for Kolmogorov and Smirnov the 1 % point, 1.63 / sqrt N. */
START_TEST(normals_are_normal) {
  clf_device *d = open_ith(_i);
  if (!d) return;
  double *x = draw(d, CLF_OP_random_normal), mean = 0, m2 = 0, m4 = 0, pairs = 0;
  for (int i = 0; i < SAMPLES; i++) mean += x[i] / SAMPLES;
  for (int i = 0; i < SAMPLES; i++) {
    const double u = (x[i] - mean) * (x[i] - mean);
    m2 += u / SAMPLES;
    m4 += u * u / SAMPLES;
    if (i) pairs += x[i] * x[i - 1] / SAMPLES; /* neighbours share words and rows */
  }
  const double error = 4 / sqrt(SAMPLES);
  ck_assert_double_le(fabs(mean), error);
  ck_assert_double_le(fabs(m2 - 1), error * sqrt(2));
  ck_assert_double_le(fabs(m4 / (m2 * m2) - 3), error * sqrt(24));
  ck_assert_double_le(fabs(pairs), error);
  ck_assert_double_le(kolmogorov_smirnov(x, normal_cdf), 1.63 / sqrt(SAMPLES));
  free(x);
  x = draw(d, CLF_OP_random_uniform);
  ck_assert_double_le(kolmogorov_smirnov(x, uniform_cdf), 1.63 / sqrt(SAMPLES));
  ck_assert_double_ge(x[0], 0);
  ck_assert_double_lt(x[SAMPLES - 1], 1);
  free(x);
  clf_close(d);
}
END_TEST

typedef struct shuffling {
  clf_device *d;
  clf_arena a;
  clf_tensor x, y; /* row numbers; shuffled */
} shuffling;

static shuffling start_shuffling(clf_device *d, int n) {
  shuffling s = {.d = d};
  float *v = malloc((size_t)n * sizeof *v);
  for (int i = 0; i < n; i++) v[i] = (float)i;
  WORKS(clf_arena_init(&s.a, d, 2 * (size_t)n + 32));
  WORKS(clf_new(&s.a, (int32_t[4]){n}, &s.x));
  WORKS(clf_new(&s.a, (int32_t[4]){n}, &s.y));
  WORKS(clf_write(d, s.x, v));
  free(v);
  return s;
}

/* The order of all rows, in batches. */
static void order(const shuffling *s, uint64_t seed, int epoch, int batch, float *out) {
  const int n = s->x.dim[0];
  for (int at = 0; at < n; at += batch) {
    const clf_tensor y = clf_slice(s->y, 0, 0, n - at < batch ? n - at : batch);
    WORKS(clf_do(s->d, shuffle_rows, .x = s->x, .y = y, .seed_lo = (int)(uint32_t)seed,
                 .seed_hi = (int)(uint32_t)(seed >> 32), .epoch = epoch, .first = at));
    WORKS(clf_read(s->d, y, out + at));
  }
}

static int equal(const float *a, const float *b, int n) {
  return memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

static void check_shuffling(clf_device *d, int n) {
  shuffling s = start_shuffling(d, n);
  float *a = malloc(2 * (size_t)n * sizeof *a), *b = a + n;
  char *seen = calloc((size_t)n, 1);
  order(&s, 7, 0, n, a);
  for (int i = 0; i < n; i++) {
    const int at = (int)a[i];
    ck_assert_msg(at >= 0 && at < n && !seen[at], "%d rows: row %d is %g", n, i, (double)a[i]);
    seen[at] = 1;
  }
  order(&s, 7, 0, 7, b);
  ck_assert_msg(equal(a, b, n), "%d rows: batches of an epoch are not parts of one order", n);
  order(&s, 7, 1, n, b);
  if (n >= 16) ck_assert_msg(!equal(a, b, n), "%d rows: epochs 0 and 1 have the same order", n);
  order(&s, 8, 0, n, b);
  if (n >= 16) ck_assert_msg(!equal(a, b, n), "%d rows: seeds 7 and 8 give the same order", n);
  order(&s, 7 | 1ull << 40, 0, n, b);
  if (n >= 16) ck_assert_msg(!equal(a, b, n), "%d rows: the upper half of a seed is lost", n);
  free(seen);
  free(a);
  clf_arena_free(&s.a);
}

START_TEST(shuffles_are_permutations) {
  static const int rows[] = {1, 2, 3, 4, 5, 16, 17, 1000, 4097};
  clf_device *d = open_ith(_i);
  if (!d) return;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check_shuffling(d, rows[i]);
  clf_close(d);
}
END_TEST

/* Of 3 rows each of the 6 orders comes up, about equally often. */
START_TEST(shuffles_reach_every_order) {
  shuffling s = start_shuffling(dev, 3);
  int count[27] = {0}, orders = 0;
  float o[3];
  for (int epoch = 0; epoch < 600; epoch++) {
    order(&s, 1, epoch, 3, o);
    count[(int)o[0] + 3 * (int)o[1] + 9 * (int)o[2]]++;
  }
  for (int i = 0; i < 27; i++) {
    orders += count[i] > 0;
    if (count[i]) ck_assert_int_ge(count[i], 60); /* of 100; the deviation is 9 */
  }
  ck_assert_int_eq(orders, 6);
  clf_arena_free(&s.a);
}
END_TEST

/* ---- The cache ------------------------------------------------------------------------------ */

static char cache[128];

/* The only file in the cache; how many there are comes back. */
static int cache_files(char *path, size_t size) {
  int n = 0;
  DIR *dir = opendir(cache);
  for (struct dirent *e; dir && (e = readdir(dir));) {
    if (*e->d_name == '.') continue;
    n++;
    snprintf(path, size, "%s/%s", cache, e->d_name);
  }
  if (dir) closedir(dir);
  return n;
}

static void use_cache(const char *name) {
  snprintf(cache, sizeof cache, "%s/%s", folder, name);
  setenv("CLFLOW_CACHE_DIR", cache, 1);
}
static void clear_cache(void) {
  char path[512];
  while (cache_files(path, sizeof path)) ck_assert_int_eq(remove(path), 0);
  rmdir(cache);
  unsetenv("CLFLOW_CACHE_DIR");
}

static char *slurp(const char *path, size_t *size) {
  FILE *f = fopen(path, "rb");
  ck_assert_msg(f != NULL, "%s", path);
  fseek(f, 0, SEEK_END);
  *size = (size_t)ftell(f);
  rewind(f);
  char *bytes = malloc(*size + 1);
  ck_assert_uint_eq(fread(bytes, 1, *size, f), *size);
  fclose(f);
  return bytes;
}
static void spit(const char *path, const char *bytes, size_t size) {
  FILE *f = fopen(path, "wb");
  ck_assert_uint_eq(fwrite(bytes, 1, size, f), size);
  ck_assert_int_eq(fclose(f), 0);
}

static int hits(const char *key, const char *bytes) {
  size_t size = 0;
  char *got = clf__cache_get(key, &size);
  if (!got) return 0;
  ck_assert_uint_eq(size, strlen(bytes));
  ck_assert_int_eq(memcmp(got, bytes, size), 0);
  free(got);
  return 1;
}

START_TEST(cache_entries) {
  char path[512];
  size_t size;
  use_cache("a/b/entries"); /* folders above are made too */
  ck_assert_int_eq(hits("key", ""), 0);
  clf__cache_put("key", "payload", 7);
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  ck_assert_int_eq(hits("key", "payload"), 1);
  ck_assert_int_eq(hits("other", "payload"), 0);
  clf__cache_put(" \n key", "blank", 5);
  ck_assert_int_eq(hits(" \n key", "blank"), 1); /* what a key begins with is its own */
  use_cache("a/b/more");
  clf__cache_put("key", "new", 3);
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  ck_assert_int_eq(hits("key", "new"), 1);
  char *bytes = slurp(path, &size);
  for (size_t n = 0; n < size; n++) { /* every truncation is a miss */
    spit(path, bytes, n);
    ck_assert_msg(!hits("key", "new"), "%zu of %zu bytes are taken for the whole", n, size);
  }
  for (size_t i = 0; i < size; i++) /* a damaged file is a miss or still tells the truth */
    for (int bit = 0; bit < 8; bit++) {
      bytes[i] = (char)(bytes[i] ^ 1 << bit);
      spit(path, bytes, size);
      const int hit = hits("key", "new");
      if (i >= size - 6) ck_assert_msg(!hit, "byte %zu of %zu may flip unseen", i, size);
      bytes[i] = (char)(bytes[i] ^ 1 << bit);
    }
  bytes[size] = 'x';
  spit(path, bytes, size + 1);
  ck_assert_int_eq(hits("key", "new"), 0);
  free(bytes);
  clear_cache();
  snprintf(cache, sizeof cache, "%s/a/b", folder);
  rmdir(cache);
  snprintf(cache, sizeof cache, "%s/a", folder);
  rmdir(cache);
}
END_TEST

static struct stat status_of(const char *path) {
  struct stat st;
  ck_assert_int_eq(stat(path, &st), 0);
  return st;
}
static int untouched(const struct stat *a, const struct stat *b) {
  return a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_size == b->st_size;
}

static int compilings; /* announced */
static void listen(const char *sentence, void *context) {
  ck_assert_ptr_eq(context, &compilings);
  ck_assert_ptr_eq(strstr(sentence, "compiling the kernels for "), sentence);
  compilings++;
}

/* Opens opencl:0 and has it compute; nothing may be printed. */
static void open_quietly(void) {
  compilings = 0;
  clf_set_listener(listen, &compilings);
  clf_device *d = opened("opencl:0");
  clf_set_listener(NULL, NULL);
  clf_arena a;
  clf_tensor t;
  float v[3];
  WORKS(clf_arena_init(&a, d, 16));
  WORKS(clf_new(&a, (int32_t[4]){3}, &t));
  WORKS(clf_do(d, fill, .y = t, .value = 2.5f));
  WORKS(clf_read(d, t, v));
  ck_assert_float_eq(v[2], 2.5f);
  clf_arena_free(&a);
  clf_close(d);
}

START_TEST(cache_of_programs) {
  if (!opencl_count()) return;
  char path[512], said[1024];
  use_cache("programs");
  captured(open_quietly, said, sizeof said);
  ck_assert_str_eq(said, "");
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  ck_assert_int_eq(compilings, 1);
  const struct stat first = status_of(path);
  open_quietly();
  ck_assert_int_eq(compilings, 0);
  struct stat now = status_of(path);
  ck_assert_msg(untouched(&first, &now), "the file is written anew though it was good");
  size_t size;
  char *bytes = slurp(path, &size);
  for (int damage = 0; damage < 3; damage++) {
    bytes[size - 100] ^= 1;
    if (damage == 0) spit(path, bytes, size);
    bytes[size - 100] ^= 1;
    if (damage == 1) spit(path, bytes, size / 2);
    if (damage == 2) spit(path, "garbage", 7);
    const struct stat damaged = status_of(path);
    captured(open_quietly, said, sizeof said);
    ck_assert_str_eq(said, "");
    ck_assert_int_eq(cache_files(path, sizeof path), 1);
    now = status_of(path);
    ck_assert_msg(!untouched(&damaged, &now), "damaged file %d is not replaced", damage);
    ck_assert_int_eq(compilings, 1);
    open_quietly();
    ck_assert_int_eq(compilings, 0);
    const struct stat again = status_of(path);
    ck_assert_msg(untouched(&now, &again), "the replacement of damaged file %d is no good", damage);
  }
  free(bytes);
  clear_cache();
}
END_TEST

/* Bytes that are whole but no program: built anew too. */
START_TEST(cache_of_no_program) {
  if (!opencl_count()) return;
  char path[512];
  size_t size;
  use_cache("no-program");
  open_quietly();
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  char *bytes = slurp(path, &size);
  size_t key_size = 0, n = 0;
  int begin = 0;
  ck_assert_int_eq(sscanf(bytes, "clflow cache 1 %zu %zu %*x\n%n", &key_size, &n, &begin), 2);
  char *key = strndup(bytes + begin, key_size);
  clf__cache_put(key, "not a program", 13);
  ck_assert_int_eq(hits(key, "not a program"), 1);
  open_quietly();
  size_t now = 0;
  void *got = clf__cache_get(key, &now);
  ck_assert_ptr_nonnull(got);
  ck_assert_uint_gt(now, 13);
  free(got);
  free(key);
  free(bytes);
  clear_cache();
}
END_TEST

START_TEST(cache_that_cannot_be) {
  char path[512], file[128];
  snprintf(file, sizeof file, "%s/file", folder);
  spit(file, "", 0);
  snprintf(path, sizeof path, "%s/below", file);
  const char *const dirs[] = {"", path, "/proc/no/such/folder"};
  for (int i = 0; i < 3; i++) {
    setenv("CLFLOW_CACHE_DIR", dirs[i], 1);
    clf__cache_put("key", "payload", 7);
    ck_assert_int_eq(hits("key", "payload"), 0);
    if (opencl_count()) open_quietly();
  }
  char *long_path = malloc(5001);
  memset(long_path, 'x', 5000);
  long_path[5000] = 0;
  setenv("CLFLOW_CACHE_DIR", long_path, 1);
  clf__cache_put("key", "payload", 7);
  ck_assert_int_eq(hits("key", "payload"), 0);
  free(long_path);
  unsetenv("CLFLOW_CACHE_DIR");
  remove(file);
}
END_TEST

/* A list comes back as it was kept; of one that is not whole nothing does. */
START_TEST(verdicts_are_whole) {
  static const clf__verdicts nothing;
  static const char *const broken[] = {"opencl:0\t\nopencl:1\twhy\n", "\t\nopencl:0\t", "\n"};
  clf__verdicts v = {.count = 2}, got = {0};
  use_cache("verdicts");
  snprintf(v.at[0].name, sizeof v.at[0].name, "opencl:0");
  snprintf(v.at[1].name, sizeof v.at[1].name, "opencl:1/simt");
  snprintf(v.at[1].why, sizeof v.at[1].why, "signal 11\tor so");
  clf__verdicts_remember("devices", &v);
  clf__verdicts_recall("devices", &got);
  ck_assert_int_eq(got.known && got.recalled, 1);
  ck_assert_int_eq(got.count, 2);
  ck_assert_ptr_null(clf__probe_why(&got, "opencl:0"));
  ck_assert_str_eq(clf__probe_why(&got, "opencl:1/simt"), "signal 11\tor so");
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    clf__verdicts from = {0};
    clf__cache_put("devices", broken[i], strlen(broken[i]));
    clf__verdicts_recall("devices", &from);
    ck_assert_msg(!memcmp(&from, &nothing, sizeof from), "%s", broken[i]);
  }
  clear_cache();
}
END_TEST

/* ---- Builds that fail ----------------------------------------------------------------------- */

/* A family whose gemm tile has -1 rows stops the compiler where gemm.cl declares one. */
static const clf_traits odd = {
    .family = "odd", .lanes = 4, .tm = -1, .tn = 8, .group = 1, .wg = 64};

static void build_odd(void) {
  clf__cl_device *list;
  int count;
  WORKS(clf__cl_list(&list, &count));
  clf__cl *cl = calloc(1, sizeof *cl);
  cl->id = list[0].id;
  cl->traits = &odd;
  cl_int e;
  cl->context = clCreateContext(NULL, 1, &cl->id, NULL, NULL, &e);
  ck_assert_int_eq(e, CL_SUCCESS);
  setenv("CLFLOW_CACHE_DIR", "", 1);
  ck_assert_int_eq(clf__cl_build(cl, &list[0].info), CLF_EBUILD);
  unsetenv("CLFLOW_CACHE_DIR");
  clReleaseContext(cl->context);
  free(cl);
  free(list);
}

START_TEST(build_errors_name_file_and_line) {
  static const char begins[] = "the kernels do not build with -cl-std=CL1.2 -DLANES=4 "
                               "-DTM=-1 -DTN=8 -DGROUP=1 -DWG=64:\n";
  char said[1024];
  if (!opencl_count()) return;
  captured(build_odd, said, sizeof said); /* drivers may count the errors on stderr */
  ck_assert_ptr_eq(strstr(clf_errmsg(), begins), clf_errmsg());
  const char *file = strstr(clf_errmsg(), "gemm.cl:");
  ck_assert_msg(file && isdigit((unsigned char)file[8]), "%s", clf_errmsg());
}
END_TEST

/* ---- Status --------------------------------------------------------------------------------- */

START_TEST(status_texts) {
  ck_assert_str_eq(clf_strerror(CLF_OK), "success");
  ck_assert_str_eq(clf_strerror(CLF_ESTOPPED), "stopped on request");
  ck_assert_str_eq(clf_strerror((clf_status)99), "unknown status");
  ck_assert_str_eq(clf_strerror((clf_status)-1), "unknown status");
  REFUSED(clf_fail(CLF_EIO, "100% of it"), CLF_EIO, "100% of it");
  REFUSED(clf__fail(CLF_EIO, "and so: %s", clf_errmsg()), CLF_EIO, "and so: 100% of it");
  clf_close(NULL);
}
END_TEST

static TCase *names(void) {
  TCase *tc = tcase_create("names");
  tcase_add_unchecked_fixture(tc, list_devices, free_list);
  tcase_add_test(tc, names_of_cpu);
  tcase_add_test(tc, wrong_names);
  tcase_add_test(tc, names_of_opencl);
  tcase_add_test(tc, types_of_opencl);
  tcase_add_test(tc, wrong_names_of_opencl);
  tcase_add_test(tc, name_from_environment);
  tcase_add_test(tc, wrappers_in_wrappers);
  tcase_add_test(tc, automatic);
  tcase_add_test(tc, the_list);
  tcase_add_test(tc, the_list_tested);
  tcase_add_test(tc, auto_without_opencl);
  tcase_add_loop_test(tc, selftest_passes, 0, EVERYWHERE);
  tcase_add_loop_test(tc, selftest_finds_every_wrong_operation, 0, CLF_OP_COUNT);
  tcase_add_test(tc, checking_device_names_the_call);
  tcase_add_test(tc, tracing_device_tells);
  tcase_add_test(tc, status_texts);
  return tc;
}

static TCase *tensors(void) {
  TCase *tc = tcase_create("tensors");
  tcase_add_checked_fixture(tc, open_cpu, close_cpu);
  tcase_add_test(tc, shapes_that_do_not_agree);
  tcase_add_test(tc, tensors_that_are_not_there);
  tcase_add_test(tc, views_beyond_their_buffer);
  tcase_add_test(tc, overlaps);
  tcase_add_test(tc, arenas);
  tcase_add_test(tc, arenas_that_are_too_large);
  tcase_add_test(tc, shuffles_reach_every_order);
  return tc;
}

static TCase *numbers(void) {
  TCase *tc = tcase_create("numbers");
  tcase_add_unchecked_fixture(tc, list_devices, free_list);
  tcase_add_loop_test(tc, strided_transfers, 0, EVERYWHERE);
  tcase_add_loop_test(tc, precisions, 0, EVERYWHERE);
  tcase_add_loop_test(tc, philox_of_the_test, 0, 3);
  tcase_add_loop_test(tc, random_bits_are_philox, 0, EVERYWHERE);
  tcase_add_loop_test(tc, normals_are_normal, 0, EVERYWHERE);
  tcase_add_loop_test(tc, shuffles_are_permutations, 0, EVERYWHERE);
  return tc;
}

static TCase *programs(void) {
  TCase *tc = tcase_create("programs");
  tcase_add_unchecked_fixture(tc, list_devices, free_list);
  tcase_add_test(tc, cache_entries);
  tcase_add_test(tc, cache_of_programs);
  tcase_add_test(tc, cache_of_no_program);
  tcase_add_test(tc, cache_that_cannot_be);
  tcase_add_test(tc, verdicts_are_whole);
  tcase_add_test(tc, build_errors_name_file_and_line);
  return tc;
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "--without-opencl") == 0) return without_opencl();
  if (!mkdtemp(folder)) return 1;
  Suite *suite = suite_create("runtime");
  TCase *(*const parts[])(void) = {names, tensors, numbers, programs};
  for (int i = 0; i < 4; i++) {
    TCase *tc = parts[i]();
    tcase_set_timeout(tc, 300); /* a first build on a slow device takes its time */
    suite_add_tcase(suite, tc);
  }
  SRunner *run = srunner_create(suite);
  srunner_set_fork_status(run, CK_NOFORK);
  srunner_run_all(run, CK_NORMAL);
  const int failed = srunner_ntests_failed(run);
  srunner_free(run);
  rmdir(folder);
  return failed != 0;
}
