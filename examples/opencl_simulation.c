/* SPDX-License-Identifier: MIT */
/* opencl_simulation.c: a flow inside a simulation that lives on an OpenCL device.
 *
 *   clflow train --target banana --flow "2: (lu, coupling(rq(bins=8, tail=6), mlp(16x2)))*4 ->
 * student(6)" \
 *     --steps 200 --out banana.safetensors
 *   cc opencl_simulation.c $(pkg-config --cflags --libs clflow) -lOpenCL -lm
 *   ./a.out banana.safetensors
 *
 * 4096 Markov chains sample p(x, y), proportional to (2 + cos x) exp(-x^2 / 2 - (y - (x^2 - 1) /
 * 2)^2 / 2).  The flow proposes whole moves and says how likely it proposes them; a kernel of this
 * program accepts or rejects (Metropolis and Hastings).  Positions, proposals and densities are
 * buffers of this program, on its own queue: nothing is copied to the host before the end. */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <clflow/clflow.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHAINS = 4096, STEPS = 100, BURN_IN = 10 };

static const char source[] =
    "float log_p(float2 x) {\n"
    "  const float across = x.y - (x.x * x.x - 1) / 2;\n"
    "  return log(2 + cos(x.x)) - x.x * x.x / 2 - across * across / 2;\n"
    "}\n"
    "uint hashed(uint v) {\n"
    "  v = (v ^ v >> 16) * 0x7feb352du;\n"
    "  v = (v ^ v >> 15) * 0x846ca68bu;\n"
    "  return v ^ v >> 16;\n"
    "}\n"
    "kernel void accept(global float2 *x, global float *log_q, global const float2 *next,\n"
    "                   global const float *log_q_next, uint step, global float4 *sums) {\n"
    "  const size_t i = get_global_id(0);\n"
    "  const float log_ratio = log_p(next[i]) - log_q_next[i] - log_p(x[i]) + log_q[i];\n"
    "  const float u = (hashed(step * 65536u + (uint)i) + 0.5f) / 4294967296.0f;\n"
    "  const int take = step == 0 || log(u) < log_ratio;\n"
    "  if (take) x[i] = next[i], log_q[i] = log_q_next[i];\n"
    "  if (step >= 10) sums[i] += (float4)(take, x[i].x * x[i].x, x[i].y, 1);\n"
    "}\n";

typedef struct simulation {
  cl_context context;
  cl_command_queue queue;
  cl_kernel accept;
  cl_mem x, log_q, next, log_q_next, sums;
} simulation;

static cl_mem buffer(simulation *s, size_t floats) {
  static float zeros[4 * CHAINS];
  return clCreateBuffer(s->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR,
                        floats * sizeof(float), zeros, NULL);
}

static int open_simulation(simulation *s) {
  const char *text = source;
  cl_platform_id platform;
  cl_device_id device;
  if (clGetPlatformIDs(1, &platform, NULL) ||
      clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL))
    return 1;
  s->context = clCreateContext(NULL, 1, &device, NULL, NULL, NULL);
  s->queue = clCreateCommandQueue(s->context, device, 0, NULL);
  const cl_program program = clCreateProgramWithSource(s->context, 1, &text, NULL, NULL);
  if (clBuildProgram(program, 1, &device, "", NULL, NULL)) return 1;
  s->accept = clCreateKernel(program, "accept", NULL);
  s->x = buffer(s, 2 * CHAINS);
  s->log_q = buffer(s, CHAINS);
  s->next = buffer(s, 2 * CHAINS);
  s->log_q_next = buffer(s, CHAINS);
  s->sums = buffer(s, 4 * CHAINS);
  clReleaseProgram(program);
  return !s->accept || !s->sums;
}

static void close_simulation(simulation *s) {
  clReleaseMemObject(s->x);
  clReleaseMemObject(s->log_q);
  clReleaseMemObject(s->next);
  clReleaseMemObject(s->log_q_next);
  clReleaseMemObject(s->sums);
  clReleaseKernel(s->accept);
  clReleaseCommandQueue(s->queue);
  clReleaseContext(s->context);
}

static void enqueue_accept(simulation *s, cl_uint step) {
  const size_t chains = CHAINS;
  clSetKernelArg(s->accept, 0, sizeof s->x, &s->x);
  clSetKernelArg(s->accept, 1, sizeof s->log_q, &s->log_q);
  clSetKernelArg(s->accept, 2, sizeof s->next, &s->next);
  clSetKernelArg(s->accept, 3, sizeof s->log_q_next, &s->log_q_next);
  clSetKernelArg(s->accept, 4, sizeof step, &step);
  clSetKernelArg(s->accept, 5, sizeof s->sums, &s->sums);
  clEnqueueNDRangeKernel(s->queue, s->accept, 1, NULL, &chains, NULL, 0, NULL, NULL);
}

/* Everything is enqueued on one queue, in order: the flow's work, then the kernel that reads it. */
static clf_status simulate(simulation *s, const char *model) {
  clf_device *dev = NULL;
  clf_flow *flow = NULL;
  clf_arena next = {0}, log_q = {0};
  clf_tensor rows, densities;
  clf_status status = clf_open_cl(s->context, s->queue, &dev);
  if (!status) status = clf_flow_load(dev, model, NULL, &flow);
  if (!status) status = clf_wrap_cl(dev, s->next, &next);
  if (!status) status = clf_wrap_cl(dev, s->log_q_next, &log_q);
  if (!status) status = clf_new(&next, (int32_t[4]){CHAINS, 2}, &rows);
  if (!status) status = clf_new(&log_q, (int32_t[4]){CHAINS}, &densities);
  for (int64_t step = 0; step < STEPS && !status; step++) {
    status = clf_sample_device(flow, (clf_tensor){0}, 1, step * CHAINS, rows);
    if (!status) status = clf_log_prob_device(flow, rows, (clf_tensor){0}, densities);
    if (!status) enqueue_accept(s, (cl_uint)step);
  }
  clf_arena_free(&next);
  clf_arena_free(&log_q);
  clf_flow_free(flow);
  clf_close(dev);
  return status;
}

int main(int argc, char **argv) {
  static cl_float4 sums[CHAINS];
  simulation s = {0};
  if (argc != 2) {
    fprintf(stderr, "usage: %s MODEL\n", argv[0]);
    return 2;
  }
  if (open_simulation(&s)) {
    fprintf(stderr, "no OpenCL device that builds the kernel\n");
    return 1;
  }
  if (simulate(&s, argv[1])) {
    fprintf(stderr, "%s\n", clf_errmsg());
    return 1;
  }
  double all[4] = {0};
  clEnqueueReadBuffer(s.queue, s.sums, CL_TRUE, 0, sizeof sums, sums, 0, NULL, NULL);
  for (int i = 0; i < CHAINS; i++)
    for (int k = 0; k < 4; k++) all[k] += (double)sums[i].s[k];
  printf("accepted %.1f%%\n", 100 * all[0] / all[3]);
  printf("mean x^2 %.4f, exact 0.7673\nmean y   %.4f, exact -0.1164\n", all[1] / all[3],
         all[2] / all[3]);
  close_simulation(&s);
  return 0;
}
