# SPDX-License-Identifier: MIT
"""Stage 6: runs `clflow bench`: steps, samples and operations, with percent of the device's peaks."""

import json

from work import tell

STEPS = ("step/nvp-2-2-4-b100", "step/nvp-6-128-10-b1024", "step/nvp-64-512-10-b4096",
         "step/realnvp-tiny8-b64", "step/realnvp-imagenet32-b64",
         "sample/nvp-2-2-4-n10000", "sample/nvp-6-128-10-n1024", "sample/nvp-64-512-10-n4096",
         "sample/realnvp-tiny8-n64", "sample/realnvp-imagenet32-n64")  # fmt: skip
OPS = ("gemm/*", "conv/fwd/*", "conv/data/*", "conv/weights/*", "coupling/*", "norm/*",
       "elementwise/*", "reduce/*", "random/*")  # fmt: skip
SECONDS = 0.15  # of each workload


def devices(work):
    return [work.device["name"]] if work.device else ["cpu"]


def bench(work, option, glob, asked):
    """Runs the bench once; returns (report, None) or (None, why there is none)."""
    to = work.folder / "bench.json"
    to.unlink(missing_ok=True)
    words = ["bench", option, glob, "--device", ",".join(asked), "--time", SECONDS, "--json", to,
             "--full"]  # fmt: skip
    done = work.program("clflow", *words)
    if not to.exists():
        return None, f"{glob}: {done.verdict()}: {done.errors.strip()[-300:]}"
    return json.loads(to.read_text()), None


def add(measured, report):
    """Adds the rows of one more report, and the largest peaks of the devices."""
    measured["rows"] += report["rows"]
    for device in report["devices"]:
        best = measured["devices"].setdefault(device["asked"], device)
        for peak in ("peak_gflops", "peak_gbs"):
            best[peak] = max(best[peak] or 0, device[peak] or 0)


def measure(work, results, key, stage):
    """Measures all workloads; results go to results.all[key] as they come."""
    measured = results.all[key] = {"rows": [], "devices": {}, "missing": []}
    runs = [("--flows", name, devices(work)) for name in STEPS]
    runs += [("--ops", glob, devices(work)) for glob in OPS]
    for option, glob, asked in runs:
        if work.left() < 1:
            measured["missing"].append(f"{glob}: no time was left")
            continue
        report, why = bench(work, option, glob, asked)
        if report:
            add(measured, report)
            bad = [r for r in report["rows"] if "error" in r]
            for row in bad:
                tell(stage, f"{row['name']}: {row['error']}")
            tell(stage, f"{glob}: {len(report['rows']) - len(bad)} rows")
        else:
            measured["missing"].append(why)
            tell(stage, why)
        results.save()
    failed = [r for r in measured["rows"] if "error" in r]
    missing = f", {len(measured['missing'])} not measured" if measured["missing"] else ""
    return "failed" if failed else f"{len(measured['rows'])} rows{missing}"


def run(work, results, options):
    return measure(work, results, "bench", "bench")
