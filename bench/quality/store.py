# SPDX-License-Identifier: MIT
"""Results: a file for each table, with log p of the test rows under each method.

FOLDER/TABLE.npz has an array of float32 for each method, time limit and seed, named as by `key`, and
`facts`, a JSON object with an entry for each: what was measured where, and the choices of the method.
An array without rows says that the method has no density for the table.
"""

import contextlib
import fcntl
import json
import os
from pathlib import Path

import numpy as np
import tables


def key(method, seed, seconds):
    return f"{method}-t{seconds:g}-s{seed}"


def file_of(folder, word):
    """Returns the file of a table: a name of `tables.ALL`, or F.npy."""
    name = word if word in tables.ALL else Path(word).stem + "@file"
    return folder / (name.replace("|", "-given-") + ".npz")


def name_of(file):
    """Returns the name of a file's table, for reports."""
    return file.stem.removesuffix("@file").replace("-given-", " given ")


def read(file):
    """Returns {key: (log p, facts)}; none if there is no such file."""
    if not file.exists():
        return {}
    with np.load(file) as made:
        facts = json.loads(str(made["facts"]))
        return {name: (made[name].astype(float), facts[name]) for name in facts}


def write(file, results):
    arrays = {name: logp.astype(np.float32) for name, (logp, _) in results.items()}
    text = json.dumps({name: facts for name, (_, facts) in results.items()}, sort_keys=True)
    unfinished = file.with_suffix(".part")
    with unfinished.open("wb") as out:
        np.savez_compressed(out, facts=text, **arrays)
    unfinished.replace(file)


@contextlib.contextmanager
def locked(folder):
    """Lets one process at a time change the files of a folder."""
    at = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(at, fcntl.LOCK_EX)
        yield
    finally:
        os.close(at)


def add(file, name, logp, facts):
    """Adds a result to a table's file, or replaces it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with locked(file.parent):
        results = read(file)
        results[name] = logp, facts
        write(file, dict(sorted(results.items())))
