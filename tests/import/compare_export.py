#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds what `clflow export --pytorch` writes to the models that checkpoints come from.

usage: compare_export.py CLFLOW FOLDER     (a folder of make_checkpoints.py)

Each checkpoint is imported and exported; log p, latents and samples are compared in double, to 1e-5.
"""

import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch


def exported(clflow, folder, name, form, hints, work):
    model = work / f"{name}.{form}.safetensors"
    arguments = [f"--{word}" for word in re.split(r", (?=\w+=)", hints)] if hints else []  # values may have commas
    command = [clflow, "import", folder / f"{name}.{form}.pt", "--out", model, "--device", "cpu64"]
    subprocess.run([*command, *arguments], check=True, capture_output=True)
    if "squeeze" in subprocess.run([clflow, "info", model], check=True, capture_output=True, text=True).stdout:
        return None  # images have no module
    subprocess.run([clflow, "export", model, "--pytorch", work / f"m_{name}"], check=True)
    spec = importlib.util.spec_from_file_location(f"m_{name}", work / f"m_{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Flow().double()


def compare(flow, arrays):
    x, logp, z, inverse = (torch.tensor(arrays[k]) for k in ("x", "logp", "latents", "inverse"))
    c = torch.tensor(arrays["context"]) if "context" in arrays else None  # none: a posterior has its own
    few = None if c is None else c[: len(z)]
    with torch.no_grad():
        found = flow.log_prob(x, c).nan_to_num(neginf=-1e300)  # as the file has it
        pairs = [(found, logp[:, 0]), (flow.inverse(z, few), inverse)]
        pairs.append((flow.transform(inverse, few)[0], z))
    return max(((a - b).abs() / b.abs().clamp(min=1)).max().item() for a, b in pairs)


def main():
    clflow, folder = sys.argv[1], Path(sys.argv[2])
    torch.set_default_dtype(torch.float64)
    failed = False
    with tempfile.TemporaryDirectory() as work:
        for line in (folder / "list.txt").read_text().splitlines():
            name, form, *hints = line.split(" ", 2)
            flow = exported(clflow, folder, name, form, hints[0] if hints else "", Path(work))
            if flow is None:
                continue
            error = compare(flow, np.load(folder / f"{name}.npz"))
            failed |= not error < 1e-5
            print(f"{'ok    ' if error < 1e-5 else 'FAILED'} {name} {form} {error:.2g}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
