#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds modules of `clflow export --pytorch` to what cpu64 computes.

usage: compare_pytorch.py FOLDER     (a folder of test_export_pytorch)

Log-densities, latents, log-determinants and inverses must agree to 1e-7 in double, and samples must have
finite log-densities.
"""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import torch

TOLERANCE = 1e-7


def module_of(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def difference(got, want):
    """The largest one, relative to numbers beyond 1; rows of NaN do not count."""
    want = torch.tensor(want)
    there = ~want.isnan()
    got, want = got[there], want[there]
    if not len(want):
        return 0.0
    off = torch.where(got == want, torch.zeros_like(want), (got - want).abs() / want.abs().clamp(min=1))
    return off.nan_to_num(nan=torch.inf).max().item()


def compare(path):
    flow = module_of(path).Flow().double()
    D, C = flow.dim, flow.arch.get("context_dim", 0)
    rows = np.loadtxt(path.with_suffix(".csv"), delimiter=",", ndmin=2)
    x, c, logp, z, logdet, back, _ = np.split(rows, np.cumsum([D, C, 1, D, 1, D]), 1)
    x, c = torch.tensor(x), torch.tensor(c) if C else None
    errors = {}
    with torch.no_grad():
        errors["log p"] = difference(flow.log_prob(x, c), logp[:, 0])
        if flow.arch["base"]["kind"] != "blend":
            at, ld = flow.transform(x, c)
            errors["z"], errors["log-det"] = difference(at, z), difference(ld, logdet[:, 0])
            errors["x"] = difference(flow.inverse(torch.tensor(z), c), back)
        drawn = flow.sample(len(x), c)
        if drawn.shape != x.shape or not drawn.isfinite().any():
            errors["sample"] = np.inf
    return flow, {name: error for name, error in errors.items() if not error < TOLERANCE}


def main():
    torch.set_default_dtype(torch.float64)
    paths = sorted(Path(sys.argv[1]).glob("f*.py"), key=lambda p: int(p.stem[1:]))
    failed = 0
    for path in paths:
        try:
            flow, errors = compare(path)
        except Exception as error:  # noqa: BLE001: the next module may work
            errors = {"failed": repr(error)}
        if errors:
            failed += 1
            print(path.stem, errors)
            print(next(line for line in path.read_text().splitlines() if " -> " in line))
    print(f"{len(paths)} modules, {failed} of them differ")
    sys.exit(failed > 0 or not paths)


if __name__ == "__main__":
    main()
