# SPDX-License-Identifier: MIT
"""`scripts/gpu run`: tests and measures clflow on one device in a few minutes.

The stages run in the order below. Each gets a fraction of the time, and what it does not use goes to
the next. Results are written as they come: report.html to read, report.json with every number,
log.txt with what each program printed.
"""

import argparse
import datetime
import json
import sys
import tempfile
import time
import traceback
from pathlib import Path

import page
import stage_bench
import stage_builds
import stage_devices
import stage_golden
import stage_ops
import stage_torch
import stage_trace
import stage_training
import stage_tune
from work import BUNDLE, Results, Work, say, tell

# name, fraction of the time, whether it needs an OpenCL device, module
STAGES = (
    ("devices", 0.06, False, stage_devices),
    ("builds", 0.12, True, stage_builds),
    ("ops", 0.24, True, stage_ops),
    ("golden", 0.10, True, stage_golden),
    ("training", 0.10, True, stage_training),
    ("bench", 0.14, False, stage_bench),
    ("torch", 0.12, False, stage_torch),
    ("trace", 0.02, False, stage_trace),
    ("tune", 0.10, False, stage_tune),
)
NAMES = [name for name, *_ in STAGES]


def parse():
    parser = argparse.ArgumentParser(prog="run", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--minutes", type=float, default=5, metavar="M", help="minutes for all stages (default 5)")
    parser.add_argument("--only", action="append", default=[], metavar="STAGE",
                        help=f"run only this stage; can be repeated: {', '.join(NAMES)}")  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("gpu-report"), metavar="DIR",
                        help="write the results to this folder (default gpu-report)")  # fmt: skip
    parser.add_argument("--device", metavar="NAME",
                        help="test this device of `clflow devices` (default the first GPU, else the best)")  # fmt: skip
    parser.add_argument("--drivers", action="append", default=[], metavar="DIR",
                        help="look for drivers in this folder first")  # fmt: skip
    options = parser.parse_args()
    for name in options.only:
        if name not in NAMES:
            parser.error(f"--only {name}: the stages are {', '.join(NAMES)}")
    if options.minutes <= 0:
        parser.error("--minutes must be above 0")
    return options


def run_stage(stage, work, results, options):
    """Runs a stage and returns its verdict; a failure does not end the others."""
    name, _, needs_device, module = stage
    if needs_device and not work.device:
        return "no OpenCL device"
    try:
        return module.run(work, results, options)
    except SystemExit:
        raise
    except Exception:
        results.note(traceback.format_exc())
        return "failed: " + traceback.format_exc().strip().splitlines()[-1]


def run_stages(work, results, options):
    # The others need what the stage "devices" finds.
    chosen = [s for s in STAGES if not options.only or s[0] in options.only or s[0] == "devices"]
    whole, total, so_far = work.end - time.monotonic(), sum(s[1] for s in chosen), 0.0
    begin = work.end - whole
    for stage in chosen:
        so_far += stage[1]
        work.stage_end = begin + whole * so_far / total
        started = time.monotonic()
        verdict = run_stage(stage, work, results, options)
        seconds = round(time.monotonic() - started, 1)
        results.all["stages"][stage[0]] = {"verdict": verdict, "seconds": seconds}
        results.save()
        tell(stage[0], f"== {verdict}, {seconds} s")


def main():
    options = parse()
    options.out.mkdir(parents=True, exist_ok=True)
    results = Results(options.out, page.page)
    manifest = json.loads((BUNDLE / "manifest.json").read_text())
    now = datetime.datetime.now(datetime.timezone.utc)
    results.all |= manifest | {"date": now.strftime("%Y-%m-%d %H:%M UTC"), "minutes": options.minutes}
    work = Work(results, options.minutes, Path(tempfile.mkdtemp(prefix="clflow-gpu-")))
    try:
        run_stages(work, results, options)
    finally:
        results.close()
        work.clean()
    say(f"report     {options.out / 'report.html'}")
    failed = [n for n, s in results.all["stages"].items() if s["verdict"].startswith(("failed", "crashed"))]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
