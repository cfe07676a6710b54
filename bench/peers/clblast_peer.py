# SPDX-License-Identifier: MIT
"""CLBlast's sgemm on an OpenCL device: operands stay on the device, calls are queued."""

import ctypes
from ctypes import byref, c_float, c_int, c_size_t, c_void_p

import numpy as np
import pyopencl as cl
from blas_peer import operands
from serve import difference, serve

QUEUED = 4  # calls before waiting for the queue


def prepare(what, settings, folder):
    lib = ctypes.CDLL(settings["path"])
    device = next(d for p in cl.get_platforms() for d in p.get_devices())
    context = cl.Context([device])
    queue = cl.CommandQueue(context)
    a, b, wanted = operands(what)
    c = np.empty((what.m, what.n), np.float32)
    flags = cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR
    buffers = [cl.Buffer(context, flags, hostbuf=x) for x in (a, b, c)]
    handle = c_void_p(queue.int_ptr)

    def call():  # refers to `buffers`, so that these are not released
        at_a, at_b, at_c = (c_void_p(x.int_ptr) for x in buffers)
        code = lib.CLBlastSgemm(
            c_int(101), c_int(112 if what.ta else 111), c_int(112 if what.tb else 111),
            c_size_t(what.m), c_size_t(what.n), c_size_t(what.k), c_float(1), at_a, c_size_t(0),
            c_size_t(a.shape[1]), at_b, c_size_t(0), c_size_t(b.shape[1]), c_float(0), at_c,
            c_size_t(0), c_size_t(what.n), byref(handle), None)  # fmt: skip
        if code:
            raise RuntimeError(f"CLBlastSgemm returned {code}")

    def use():
        for _ in range(QUEUED):
            call()
        queue.finish()

    use()
    cl.enqueue_copy(queue, c, buffers[2])
    version = "CLBlast on " + " ".join(device.platform.version.split()[:4])
    return use, QUEUED, difference(c, wanted), version


if __name__ == "__main__":
    serve(prepare)
