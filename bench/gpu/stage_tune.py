# SPDX-License-Identifier: MIT
"""Stage 9: runs `clflow tune` on the shapes of the bench's steps, then the bench once more."""

import stage_bench
from work import tell

FLOWS = (
    ("--flow", "nvp", "--dim", 64, "--hidden", 512, "--depth", 10, "--batch", 4096),
    ("--flow", "nvp", "--dim", 6, "--hidden", 128, "--depth", 10, "--batch", 1024),
    ("--flow", "realnvp", "--preset", "tiny", "--size", "8x8", "--batch", 64),
    ("--flow", "realnvp", "--preset", "imagenet32", "--batch", 64),
)


def run(work, results, options):
    rows = results.all["tune"] = []
    for flow in FLOWS:
        done = work.program("clflow", "tune", *flow, "--device", stage_bench.devices(work)[0],
                            limit=work.left() / 2)  # fmt: skip
        last = (done.output.strip() or done.errors.strip()).splitlines()[-1:]
        rows.append({"flow": " ".join(map(str, flow)), "verdict": done.verdict(),
                     "summary": (last or [""])[0], "table": done.output})  # fmt: skip
        results.save()
        tell("tune", f"{rows[-1]['flow']}: {done.verdict()}: {rows[-1]['summary']}")
    if any(r["verdict"] not in ("passed", "too slow") for r in rows):
        return "failed"
    return stage_bench.measure(work, results, "bench_tuned", "tune")
