# SPDX-License-Identifier: MIT
"""Stage 7: measures the same steps and samples in PyTorch, alternating with clflow."""

import glob
import json
import os
import shutil

import drivers
import stage_bench
from work import BUNDLE, tell

ROWS = stage_bench.STEPS + ("gemm/512x512x512", "gemm/1024x1024x1024",
                           "conv/fwd/64x32x32x64-64", "conv/data/64x32x32x64-64",
                           "conv/weights/64x32x32x64-64")  # fmt: skip
ASK = "import json, numpy, torch; print(json.dumps([torch.__version__, torch.cuda.is_available()]))"


def pythons():
    """Returns Python interpreters that may have PyTorch, the likeliest first."""
    own = os.environ.get("CLFLOW_TORCH_PYTHON")
    named = [own] if own else [shutil.which(name) for name in ("python3", "python")]
    usual = glob.glob("/opt/*/.venv/bin/python3") + glob.glob("/opt/*/bin/python3")
    return [p for p in dict.fromkeys([*named, *(usual if not own else [])]) if p]


def find(work):
    """Returns (interpreter, version of PyTorch, whether it has a GPU), or (None, what was tried, False)."""
    tried = pythons()
    for python in tried:
        done = work.run([python, "-c", ASK], 60, drivers.outside())
        if done.code == 0:
            version, cuda = json.loads(done.output.strip().splitlines()[-1])
            return python, version, cuda
    return None, tried, False


def tell_row(row):
    own = min((s["best"] for s in row["clflow"].values()), default=None)
    text = row["name"] + "".join(f"  {device} {s['best'] * 1e3:.4g} ms"
                                 for device, s in row["clflow"].items())  # fmt: skip
    for side in row["sides"]:
        if "error" in side:
            text += f"  {side['peer']}: {side['error']}"
        else:
            ratio = f" ({side['best'] / own:.2f}x)" if own else ""
            text += f"  {side['peer']} {side['best'] * 1e3:.4g} ms{ratio}"
    tell("torch", text)


def run(work, results, options):
    python, version, cuda = find(work)
    measured = results.all["torch"] = {"python": python, "version": version, "cuda": cuda, "rows": []}
    if not python:
        tell("torch", f"found no Python with PyTorch and numpy among {', '.join(version)}; "
                      "set CLFLOW_TORCH_PYTHON to one")  # fmt: skip
        return "no PyTorch"
    tell("torch", f"PyTorch {version} {'with' if cuda else 'without'} CUDA: {python}")
    words = [python, BUNDLE / "gpu/torch_rows.py", "--clflow", work.folder / "clflow", "--device",
             ",".join(stage_bench.devices(work)), "--folder", work.folder / "peers", *ROWS]  # fmt: skip
    env = drivers.outside() | {k: work.env[k] for k in
          ("CLFLOW_CACHE_DIR", "OCL_ICD_VENDORS", "OPENCL_VENDOR_PATH", "POCL_CACHE_DIR",
           "CUDA_CACHE_PATH", "CLFLOW_PROBE") if k in work.env}  # fmt: skip

    def take(line):
        if line.startswith("{"):
            measured["rows"].append(json.loads(line))
            tell_row(measured["rows"][-1])
            results.save()

    done = work.stream(words, env, take)
    if done.code not in (0, None):
        tell("torch", done.errors.strip()[-500:])
        return done.verdict()
    off = [r["name"] for r in measured["rows"] for s in r["sides"] if "error" in s]
    if off:
        return "not comparable: " + ", ".join(dict.fromkeys(off))
    late = f", {len(ROWS) - len(measured['rows'])} not measured in time" if done.code is None else ""
    return f"{len(measured['rows'])} rows{late}"
