#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes maps.safetensors: the results of nflows, zuko and normflows for maps of single elements.

  make_golden_maps.py [FOLDER]

Everything is in float64, from inputs and constants that are float32 numbers.  A set NAME holds
  NAME.x [N,d], NAME.u [N,d,m]      inputs; the parameters of each element, in the map's order
  NAME.y [N,d], NAME.logdet [N]     values and sums of log-derivatives
  NAME.dy [N,d], NAME.dl [N]        dL/dy and dL/dlogdet
  NAME.dx [N,d], NAME.du [N,d,m]    the gradient through the map, by autograd
  NAME.inv_dy, NAME.inv_du          the gradient through the inverse at y, with dL/dx = NAME.dy
A set is written only if the inverse returns x and the log-derivatives agree with autograd.
"""
import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from nflows.transforms.splines.linear import linear_spline, unconstrained_linear_spline
from nflows.transforms.splines.quadratic import quadratic_spline, unconstrained_quadratic_spline
from nflows.transforms.splines.rational_quadratic import (
    rational_quadratic_spline as nflows_rq,
    unconstrained_rational_quadratic_spline as nflows_rq_tails,
)
from nflows.utils import torchutils
from normflows.utils.splines import unconstrained_rational_quadratic_spline as normflows_rq
from zuko.transforms import MonotonicRQSTransform

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
# nflows' function moves the last knot by 1e-6 in place, which makes inverses inexact.
torchutils.searchsorted = lambda knots, x: (x[..., None] >= knots).sum(-1) - 1


def f32(v):
    return float(np.float32(v))


MIN = f32(1e-3)
MINIMA = dict(min_bin_width=MIN, min_bin_height=MIN, min_derivative=MIN)
PI = f32(math.pi)


def split3(u, K):
    return u[..., :K], u[..., K : 2 * K], u[..., 2 * K :]


def nflows_tails(K, bound, scale=1.0):
    def f(x, u, inverse):
        w, h, d = split3(u, K)
        return nflows_rq_tails(
            x, w * scale, h * scale, d, inverse=inverse, tail_bound=bound, **MINIMA
        )

    return f


def nflows_box(K, left, right, bottom, top):
    def f(x, u, inverse):
        box = dict(left=left, right=right, bottom=bottom, top=top)
        return nflows_rq(x, *split3(u, K), inverse=inverse, **box, **MINIMA)

    return f


def normflows(K, tails, bound):
    def f(x, u, inverse):
        args = dict(inverse=inverse, tails=tails, tail_bound=bound)
        return normflows_rq(x, *split3(u, K), **args, **MINIMA)

    return f


def zuko(K, bound, slope):
    def f(x, u, inverse):
        t = MonotonicRQSTransform(*split3(u, K), bound=bound, slope=slope)
        if not inverse:
            return t.call_and_ladj(x)
        y = t.inv(x)
        return y, -t.call_and_ladj(y)[1]

    return f


def nflows_linear(bound):
    return lambda x, u, inverse: unconstrained_linear_spline(
        x, u, inverse=inverse, tail_bound=bound
    )


def with_slope(f, box):
    """For a map whose log-derivatives ignore that its box is not square."""
    more = math.log((box["top"] - box["bottom"]) / (box["right"] - box["left"]))

    def g(x, u, inverse):
        y, logdet = f(x, u, inverse)
        return y, logdet + (-more if inverse else more)

    return g


def nflows_linear_box(box):
    return with_slope(lambda x, u, inverse: linear_spline(x, u, inverse=inverse, **box), box)


SIZES = dict(min_bin_width=MIN, min_bin_height=MIN)


def nflows_quadratic(K, bound):
    return lambda x, u, inverse: unconstrained_quadratic_spline(
        x, u[..., :K], u[..., K:], inverse=inverse, tail_bound=bound, **SIZES
    )


def nflows_quadratic_box(K, box):
    f = lambda x, u, inverse: quadratic_spline(
        x, u[..., :K], u[..., K:], inverse=inverse, **box, **SIZES
    )
    return with_slope(f, box)


def float32_numbers(t):
    return t.float().double()


def gradients(f, x, u, inverse, dout, dl):
    x, u = x.clone().requires_grad_(), u.clone().requires_grad_()
    y, logdet = f(x, u, inverse)
    loss = (y * dout).sum() + (logdet.sum(-1) * dl).sum()
    dx, du = torch.autograd.grad(loss, (x, u), allow_unused=True)
    return dx, torch.zeros_like(u) if du is None else du


def make(f, x, m, spread):
    """Makes a set from a map f(x, u, inverse), which returns values and log-derivatives."""
    x, (N, d) = float32_numbers(x), x.shape
    u = float32_numbers(spread * torch.randn(N, d, m))
    dy, dl = float32_numbers(torch.randn(N, d)), float32_numbers(torch.randn(N))
    y, logdet = f(x, u, False)

    again, inverse_logdet = f(y, u, True)
    assert (again - x).abs().max() < 1e-9, (again - x).abs().max()
    assert (inverse_logdet + logdet).abs().max() < 1e-9
    probe = x.clone().requires_grad_()
    slope = torch.autograd.grad(f(probe, u, False)[0].sum(), probe)[0]
    assert (slope.log() - logdet).abs().max() < 1e-9

    dx, du = gradients(f, x, u, False, dy, dl)
    inv_dy, inv_du = gradients(f, y, u, True, dy, dl)
    out = dict(x=x, u=u, y=y, logdet=logdet.sum(-1), dy=dy, dl=dl, dx=dx, du=du)
    return dict(out, inv_dy=inv_dy, inv_du=inv_du)


def uniform(N, d, lo, hi):
    return lo + (hi - lo) * torch.rand(N, d)


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(16)
    N, columns = 24, torch.tensor([f32(2), f32(0.7), PI])
    box = dict(left=-1.0, right=2.0, bottom=0.5, top=1.0)
    sets = {
        # Some of the values are in the tails.
        "rqs_nflows": make(nflows_tails(8, 3.0), uniform(N, 2, -4, 4), 23, 1.5),
        "rqs_scaled": make(nflows_tails(5, 1.0, 0.125), uniform(N, 2, -1, 1), 14, 4),
        "rqs_box": make(nflows_box(4, -1.0, 2.0, 0.5, 1.0), uniform(N, 2, -1, 2), 13, 1),
        "rqs_circular": make(normflows(5, "circular", PI), uniform(N, 2, -PI, PI), 15, 1),
        "rqs_columns": make(
            normflows(4, ["linear", "circular", "linear"], columns),
            uniform(N, 3, -1, 1) * columns,
            13,
            1,
        ),
        "rqs_zuko": make(zuko(8, 5.0, MIN), uniform(N, 2, -6, 6), 23, 2),
        "linear": make(nflows_linear(2.5), uniform(N, 2, -3, 3), 5, 1),
        "linear_box": make(nflows_linear_box(box), uniform(N, 2, -1, 2), 4, 1),
        "quadratic": make(nflows_quadratic(5, 2.5), uniform(N, 2, -3, 3), 9, 1),
        "quadratic_box": make(nflows_quadratic_box(4, box), uniform(N, 2, -1, 2), 9, 1),
        "rqs_zuko_steep": make(zuko(3, 1.5, f32(1e-4)), uniform(N, 2, -1.5, 1.5), 8, 2),
    }
    tensors = {f"{name}.{k}": v.contiguous() for name, s in sets.items() for k, v in s.items()}
    save_file(tensors, folder / "maps.safetensors")


if __name__ == "__main__":
    main()
