# SPDX-License-Identifier: MIT
"""Stage 8: times each operation in one epoch of a training, with `trace:`."""

import re

import stage_bench
from work import BUNDLE, tell

LINE = re.compile(r"^trace:\s+([\d.]+) us\s+(\w+)\(", re.M)
RUNS = (
    ("nvp-2-64-8-b100", ("--data", "moons:n=2000", "--hidden", 64, "--depth", 8,
                         "--batch", 100)),
    ("nvp-2-512-10-b4096", ("--data", "moons:n=20480", "--hidden", 512, "--depth", 10,
                            "--batch", 4096)),
    ("realnvp-tiny8-b64", ("--data", BUNDLE / "data/digits.idx.gz", "--preset", "tiny",
                           "--levels", 17)),
)  # fmt: skip


def totals(text):
    """Returns [(operation, calls, microseconds)], the slowest first."""
    found = {}
    for micros, name in LINE.findall(text):
        calls, total = found.get(name, (0, 0.0))
        found[name] = (calls + 1, total + float(micros))
    return sorted(((n, c, t) for n, (c, t) in found.items()), key=lambda row: -row[2])


def run(work, results, options):
    rows = results.all["trace"] = []
    device = "trace:" + stage_bench.devices(work)[0]
    for name, flow in RUNS:
        done = work.program("clflow", "train", *flow, "--epochs", 1, "--device", device, "--out",
                            work.folder / f"traced-{name}.safetensors",
                            limit=max(work.left() / 2, 1))  # fmt: skip
        ops = [{"operation": n, "calls": c, "us": round(t, 1)} for n, c, t in totals(done.errors)]
        rows.append({"flow": name, "verdict": done.verdict(), "operations": ops})
        results.save()
        total = sum(o["us"] for o in ops) or 1
        tell("trace", f"{name}: " + ", ".join(f"{o['operation']} {100 * o['us'] / total:.0f} %"
                                              for o in ops[:4]))  # fmt: skip
    return "failed" if any(r["verdict"] == "failed" for r in rows) else f"{len(rows)} flows"
