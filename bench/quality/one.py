# SPDX-License-Identifier: MIT
"""Runs one method on one table with one seed, in a process of its own; adds log p of the test rows to the results."""

import argparse
import datetime
import platform
import subprocess
import time
from importlib import metadata
from pathlib import Path

import clflow
import numpy as np
import peers
import store
import tables


def measure(table, args):
    """Returns log p of the test rows, and what the method says; (None, {}) if it has no density."""
    if args.method == "truth":
        return tables.true_logp(table), {}
    if args.method in clflow.METHODS:
        return clflow.METHODS[args.method](table, args) or (None, {})
    peers.prepare(args.method)
    return peers.METHODS[args.method](table, args.seed, peers.Budget(args.time)) or (None, {})


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def where(method):
    """Returns on which day and processor this runs, and the version of the method's package."""
    if method in clflow.METHODS:
        words = ["git", "-C", Path(__file__).parent, "rev-parse", "--short=10", "HEAD"]
        version = subprocess.run(words, capture_output=True, text=True).stdout.strip()
    else:
        version = f"{peers.package_of(method)} {metadata.version(peers.package_of(method))}"
    return {"day": str(datetime.date.today()), "processor": processor(), "version": version}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True)
    parser.add_argument("--method", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--time", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True, help="file of the table's results")
    parser.add_argument("--clflow", default="clflow")
    parser.add_argument("--fit-command", default=clflow.FIT)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--preload", help="library to load into clflow first")
    args = parser.parse_args()
    if args.preload:
        clflow.ENVIRONMENT["LD_PRELOAD"] = args.preload
    table, begin = tables.load(args.table), time.process_time()
    logp, facts = measure(table, args)
    facts |= {"rows": int((table.split != tables.TEST).sum()), "columns": len(table.names)}
    facts |= {"truth": table.truth_mean and table.truth_mean[0], **where(args.method)}
    facts["processor_seconds"] = time.process_time() - begin
    store.add(args.out, store.key(args.method, args.seed, args.time), np.zeros(0) if logp is None else logp, facts)


if __name__ == "__main__":
    main()
