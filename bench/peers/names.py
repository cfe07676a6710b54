# SPDX-License-Identifier: MIT
"""Reads the names of `clflow bench`'s workloads: shapes and flows."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Gemm:
    m: int
    n: int
    k: int
    ta: bool
    tb: bool
    bias: bool
    tanh: bool

    def shapes(self):
        """Returns the shapes of a and b as they are stored, row by row."""
        return (
            (self.k, self.m) if self.ta else (self.m, self.k),
            (self.n, self.k) if self.tb else (self.k, self.n),
        )


@dataclass(frozen=True)
class Conv:
    direction: str  # "fwd", "data", "weights"
    n: int
    height: int
    width: int
    dim_in: int
    dim_out: int
    size: int


@dataclass(frozen=True)
class Nvp:
    use: str  # "step", "sample"
    dim: int
    hidden: int
    depth: int
    count: int  # rows of a batch, or samples


@dataclass(frozen=True)
class Images:
    use: str
    flow: str  # "imagenet32"
    count: int


IMAGE_FLOWS = {  # the preset's options of clflow; channels, height, width, scales, width, blocks
    "tiny8": ("tiny", (1, 8, 8, 2, 16, 2)),
    "imagenet32": ("imagenet32", (3, 32, 32, 4, 32, 4)),
}
BATCHES, BATCHES_LARGE, LARGE = 100, 8, 1000  # as in bench/steps.c


def batches(what):
    """Returns the number of batches in an epoch, as in `clflow bench`."""
    return BATCHES if isinstance(what, Nvp) and what.count < LARGE else BATCHES_LARGE


def parse(name):
    """Returns the workload of a name; None if the peers cannot run it."""
    if m := re.fullmatch(r"gemm/(\d+)x(\d+)x(\d+)(-ta)?(-tb)?(-bias)?(-tanh)?", name):
        return Gemm(*map(int, m.groups()[:3]), *(g is not None for g in m.groups()[3:]))
    if m := re.fullmatch(r"conv/(fwd|data|weights)/(\d+)x(\d+)x(\d+)x(\d+)-(\d+)(-k1)?", name):
        return Conv(m[1], *(int(m[i]) for i in range(2, 7)), 1 if m[7] else 3)
    if m := re.fullmatch(r"(step|sample)/nvp-(\d+)-(\d+)-(\d+)-[bn](\d+)", name):
        return Nvp(m[1], *(int(m[i]) for i in range(2, 6)))
    if m := re.fullmatch(r"(step|sample)/realnvp-(\w+)-[bn](\d+)", name):
        return Images(m[1], m[2], int(m[3])) if m[2] in IMAGE_FLOWS else None
    return None
