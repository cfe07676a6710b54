# SPDX-License-Identifier: MIT
"""Runs one method on one table with one seed, in a process of its own; writes log p of the test rows."""

import argparse
import json
import time
from pathlib import Path

import clflow
import numpy as np
import peers
import tables


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True)
    parser.add_argument("--method", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--time", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--clflow", default="clflow")
    parser.add_argument("--fit-command", default=clflow.FIT)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--preload", help="library to load into clflow first")
    args = parser.parse_args()
    if args.preload:
        clflow.ENVIRONMENT["LD_PRELOAD"] = args.preload
    table, begin = tables.load(args.table), (time.time(), time.process_time())
    if args.method == "truth":
        logp = tables.true_logp(table)
        made = None if logp is None else (logp, {})
    elif args.method in clflow.METHODS:
        made = clflow.METHODS[args.method](table, args)
    else:
        peers.prepare(args.method)
        made = peers.METHODS[args.method](table, args.seed, peers.Budget(args.time))
    logp, facts = made or (np.zeros(0), {"none": True})
    facts["rows"], facts["columns"] = int((table.split != tables.TEST).sum()), len(table.names)
    facts["truth"] = table.truth_mean and table.truth_mean[0]
    facts = {**facts, "wall": time.time() - begin[0], "processor": time.process_time() - begin[1], "time": args.time}
    unfinished = args.out.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(file, logp=logp, facts=json.dumps(facts))
    unfinished.replace(args.out)


if __name__ == "__main__":
    main()
