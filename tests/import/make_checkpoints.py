#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes checkpoints of the Python libraries, with rows and what their models make of them.

usage: make_checkpoints.py [--fixtures] FOLDER [NAME...]

For each case: NAME.state.pt (a state_dict), NAME.whole.pt (the module) and NAME.npz (x, context, log p,
latents and the rows that they come from, in double); and list.txt with a line for each checkpoint: name,
form, and hints for clf_import().  --fixtures writes the small ones that the repository holds, compressed.
"""

import argparse
import importlib
import warnings
from pathlib import Path

import torch
from checkpoints import write

MODULES = ["from_nflows", "from_zuko", "from_sbi", "from_normflows", "from_freia"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fixtures", action="store_true")
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    lines = []
    for module in MODULES:
        for case in seeded(importlib.import_module(module).cases()):
            if (args.names and case.name not in args.names) or (args.fixtures and not case.fixture):
                continue
            write(case, args.folder, args.fixtures)
            hints = {"state": case.hints, "whole": case.whole_hints}
            lines += [f"{case.name} {form} {hints[form]}".strip() for form in case.forms]
            print(case.name, flush=True)
    (args.folder / "list.txt").write_text("".join(line + "\n" for line in lines))


def seeded(cases):
    """Each case is made from a seed of its own, whatever is written before it."""
    seed = 0
    while True:
        seed += 1
        torch.manual_seed(seed)
        case = next(cases, None)
        if case is None:
            return
        yield case


if __name__ == "__main__":
    main()
