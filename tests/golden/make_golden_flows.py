#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the files of flows/ with the Python libraries; README.md describes them.

usage: make_golden_flows.py [--folder FOLDER] [NAME...]     (default: the folder flows, every case)

Parameters and inputs are float32 numbers; results are computed in float64.
"""

import argparse
import importlib
import importlib.metadata
import itertools
from pathlib import Path

import torch
from libraries import case

MODULES = {
    "nflows": "of_nflows",
    "glasflow": "of_glasflow",
    "zuko": "of_zuko",
    "normflows": "of_normflows",
    "FrEIA": "of_freia",
    "torch": "of_torch",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent / "flows")
    parser.add_argument("names", nargs="*", metavar="NAME", help="cases to make (default: all)")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    for package, module in MODULES.items():
        library = f"{package} {importlib.metadata.version(package)}, torch {torch.__version__}"
        for one in seeded(importlib.import_module(f"libraries.{module}").cases()):
            if not args.names or one.name in args.names:
                case.write(one, args.folder, library)
                print(f"{one.name}: {one.arch}")


def seeded(cases):
    """Gives each case its own seed, so that it does not depend on the others."""
    for seed in itertools.count(1):
        torch.manual_seed(seed)
        one = next(cases, None)
        if one is None:
            return
        yield one


if __name__ == "__main__":
    main()
