#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times workloads of the bench in clflow and in PyTorch, alternately; prints a line of JSON for each.

It runs under a Python that has PyTorch, and uses the peers of bench/peers.  On a GPU, PyTorch is
measured in float32 with and without TF32; without one, with its default settings.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS = next(p for p in (HERE.parent / "peers", HERE.parent.parent / "peers") if p.exists())
sys.path[:0] = [str(PEERS)]
if (PEERS / "site").exists():
    sys.path.append(str(PEERS / "site"))  # packages that this Python may lack

import reference  # noqa: E402
import sides  # noqa: E402
import torch  # noqa: E402

ROUNDS, SECONDS, SLOW = 3, 0.2, 1e-4  # SLOW: permitted difference, relative to the largest number


def torch_sides():
    first = {"mode": "eager", "threads": 0, "layout": "contiguous"}
    if not torch.cuda.is_available():
        return [sides.Side("PyTorch eager", "torch_peer.py", first, True),
                sides.Side("PyTorch eager, 1 thread", "torch_peer.py", first | {"threads": 1})]  # fmt: skip
    cuda = first | {"device": "cuda"}
    return [sides.Side("PyTorch CUDA eager", "torch_peer.py", cuda | {"tf32": False}, True),
            sides.Side("PyTorch CUDA eager, TF32", "torch_peer.py", cuda | {"tf32": True})]  # fmt: skip


def side_row(process, tolerance):
    row = {"peer": process.side.peer, "each": process.each} | process.report
    if "error" not in row and row["difference"] > tolerance:
        row["error"] = f"not comparable: it differs by {row['difference']:.2g}"
    elif "error" not in row:
        row["best"] = statistics.median(row["each"])
    return row


def measure(name, args):
    folder = reference.make(str(args.clflow), name, args.folder)
    own = sides.Clflow(str(args.clflow), name, args.device.split(","))
    peers = [sides.Process(side, name, folder, args.folder) for side in torch_sides()]
    for _ in range(ROUNDS):
        for side in [own, *(p for p in peers if "error" not in p.report)]:
            side.measure(SECONDS)
    for peer in peers:
        peer.end()
    rows = {asked: {"best": statistics.median(r["each"])} | r for asked, r in own.rows.items()}
    # TF32 has 10 bits of mantissa, so its results differ by more than the tolerance of float32.
    return {"name": name, "clflow": rows,
            "sides": [side_row(p, 0.05 if p.side.settings.get("tf32") else SLOW) for p in peers]}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clflow", type=Path, required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("names", nargs="+")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    for name in args.names:
        print(json.dumps(measure(name, args)), flush=True)


if __name__ == "__main__":
    main()
