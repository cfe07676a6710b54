# SPDX-License-Identifier: MIT
"""`scripts/gpu run`: everything about clflow on one device, in a few minutes, in one folder.

Parts run in the order below, each with a share of the time; what one leaves goes to the next.
Results are written as they come: report.html to read, report.json with every number, log.txt with
what each program printed.
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
import part_bench
import part_builds
import part_devices
import part_golden
import part_ops
import part_torch
import part_trace
import part_training
import part_tune
from work import BUNDLE, Results, Work, say, tell

# name, share of the time, whether it needs an OpenCL device, what it is
PARTS = (
    ("devices", 0.06, False, part_devices),
    ("builds", 0.12, True, part_builds),
    ("ops", 0.24, True, part_ops),
    ("golden", 0.10, True, part_golden),
    ("training", 0.10, True, part_training),
    ("bench", 0.14, False, part_bench),
    ("torch", 0.12, False, part_torch),
    ("trace", 0.02, False, part_trace),
    ("tune", 0.10, False, part_tune),
)
NAMES = [name for name, *_ in PARTS]


def parse():
    parser = argparse.ArgumentParser(prog="run", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--minutes", type=float, default=5, metavar="M", help="for everything")
    parser.add_argument("--only", action="append", default=[], metavar="PART",
                        help=f"run this part alone; may be given again: {', '.join(NAMES)}")  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("gpu-report"), metavar="DIR",
                        help="where the results go (default gpu-report)")  # fmt: skip
    parser.add_argument("--device", metavar="NAME",
                        help="as `clflow devices` has it (default the first GPU, else the best)")  # fmt: skip
    parser.add_argument("--drivers", action="append", default=[], metavar="DIR",
                        help="look for drivers in this folder first")  # fmt: skip
    options = parser.parse_args()
    for name in options.only:
        if name not in NAMES:
            parser.error(f"--only {name}: the parts are {', '.join(NAMES)}")
    if options.minutes <= 0:
        parser.error("--minutes must be above 0")
    return options


def run_part(part, work, results, options):
    """The verdict of a part; what goes wrong in one does not end the others."""
    name, _, needs_device, module = part
    if needs_device and not work.device:
        return "no OpenCL device"
    try:
        return module.run(work, results, options)
    except SystemExit:
        raise
    except Exception:
        results.note(traceback.format_exc())
        return "failed: " + traceback.format_exc().strip().splitlines()[-1]


def run_parts(work, results, options):
    # What must be known for the others is done in any case.
    chosen = [p for p in PARTS if not options.only or p[0] in options.only or p[0] == "devices"]
    whole, total, share = work.end - time.monotonic(), sum(p[1] for p in chosen), 0.0
    begin = work.end - whole
    for part in chosen:
        share += part[1]
        work.part_end = begin + whole * share / total
        started = time.monotonic()
        verdict = run_part(part, work, results, options)
        seconds = round(time.monotonic() - started, 1)
        results.all["parts"][part[0]] = {"verdict": verdict, "seconds": seconds}
        results.save()
        tell(part[0], f"== {verdict}, {seconds} s")


def main():
    options = parse()
    options.out.mkdir(parents=True, exist_ok=True)
    results = Results(options.out, page.page)
    manifest = json.loads((BUNDLE / "manifest.json").read_text())
    now = datetime.datetime.now(datetime.timezone.utc)
    results.all |= manifest | {"date": now.strftime("%Y-%m-%d %H:%M UTC"), "minutes": options.minutes}
    work = Work(results, options.minutes, Path(tempfile.mkdtemp(prefix="clflow-gpu-")))
    try:
        run_parts(work, results, options)
    finally:
        results.close()
        work.clean()
    say(f"report     {options.out / 'report.html'}")
    failed = [n for n, p in results.all["parts"].items() if p["verdict"].startswith(("failed", "crashed"))]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
