# SPDX-License-Identifier: MIT
"""sgemm of OpenBLAS and of oneDNN; the arguments after the order are the same."""

import ctypes
from ctypes import c_char, c_float, c_int, c_int64, c_void_p

import numpy as np
from serve import difference, serve


def openblas(path, threads):
    lib = ctypes.CDLL(path)
    if threads:
        lib.openblas_set_num_threads(threads)
    lib.openblas_get_config.restype = lib.openblas_get_corename.restype = ctypes.c_char_p

    def gemm(ta, tb, m, n, k, a, lda, b, ldb, c, ldc):
        lib.cblas_sgemm(c_int(101), c_int(112 if ta else 111), c_int(112 if tb else 111), c_int(m),
                        c_int(n), c_int(k), c_float(1), c_void_p(a), c_int(lda), c_void_p(b),
                        c_int(ldb), c_float(0), c_void_p(c), c_int(ldc))  # fmt: skip

    version = lib.openblas_get_config().decode().split()[1]
    return gemm, f"OpenBLAS {version}, {lib.openblas_get_corename().decode()}"


def onednn(path, threads):
    lib = ctypes.CDLL(path)
    if threads:
        ctypes.CDLL("libgomp.so.1").omp_set_num_threads(threads)

    class Version(ctypes.Structure):
        _fields_ = [(field, c_int) for field in ("major", "minor", "patch")]

    def gemm(ta, tb, m, n, k, a, lda, b, ldb, c, ldc):
        lib.dnnl_sgemm(c_char(b"T" if ta else b"N"), c_char(b"T" if tb else b"N"), c_int64(m),
                       c_int64(n), c_int64(k), c_float(1), c_void_p(a), c_int64(lda), c_void_p(b),
                       c_int64(ldb), c_float(0), c_void_p(c), c_int64(ldc))  # fmt: skip

    lib.dnnl_version.restype = ctypes.POINTER(Version)
    v = lib.dnnl_version().contents
    return gemm, f"oneDNN {v.major}.{v.minor}.{v.patch}"


def operands(what):
    """Returns a and b as they are stored, and their product in double."""
    rng = np.random.default_rng(1)
    a, b = (rng.uniform(-1, 1, shape).astype(np.float32) for shape in what.shapes())
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    return a, b, (wide_a.T if what.ta else wide_a) @ (wide_b.T if what.tb else wide_b)


def prepare(what, settings, folder):
    load = {"openblas": openblas, "onednn": onednn}[settings["library"]]
    gemm, version = load(settings["path"], settings["threads"])
    a, b, wanted = operands(what)
    c = np.empty((what.m, what.n), np.float32)

    def use():
        gemm(what.ta, what.tb, what.m, what.n, what.k, a.ctypes.data, a.shape[1], b.ctypes.data,
             b.shape[1], c.ctypes.data, what.n)  # fmt: skip

    use()
    return use, 1, difference(c, wanted), version


if __name__ == "__main__":
    serve(prepare)
